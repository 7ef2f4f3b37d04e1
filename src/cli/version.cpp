// `weir version`: what this binary is, for people and for bug reports.

#include "cli/commands.h"

#include "base/version.h"
#include "text/json.h"

namespace weir::cli {

int run_version(const Arguments& arguments, Session& session) {
  if (!arguments.has("json")) {
    session.out("weir " + std::string(version) + " (" + std::string(commit) + ")\n");
    return exit_code::done;
  }
  text::Value out = text::Value::Object{};
  out.set("version", version);
  out.set("commit", commit);
  out.set("zola", zola_version);
  out.set("compiler", std::string("g++ ") + __VERSION__);
  session.out(text::json_of(out) + "\n");
  return exit_code::done;
}

}  // namespace weir::cli
