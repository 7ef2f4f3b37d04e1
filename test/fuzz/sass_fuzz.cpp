// Property: any few files that import, use and forward each other give CSS or an error with a
// place, nothing outside the root is asked for, and the same files give the same again.
//
// The input is cut at lines "--- NAME" into files; the first is the one that is compiled.
#include "base/must.h"
#include "known_leaks.h"
#include "text/sass.h"

#include <map>

using namespace weir;

namespace {

class Files final : public text::SassFiles {
 public:
  explicit Files(std::string_view input) {
    std::string name = "main.scss";
    for (std::string_view rest = input; !rest.empty();) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(rest.size(), line.size() + 1));
      if (line.starts_with("--- ") && files_.size() < 8) {
        name = line.substr(4, 64);
        continue;
      }
      files_[name] += std::string(line) + '\n';
    }
  }
  bool exists(std::string_view path) override {
    check(path);
    return files_.find(path) != files_.end();
  }
  Result<std::string> read(std::string_view path) override {
    check(path);
    const auto at = files_.find(path);
    if (at == files_.end()) return Error{Errc::missing, "none"};
    return at->second;
  }

 private:
  static void check(std::string_view path) {
    MUST(!path.starts_with('/'));
    MUST(!path.starts_with("../"));
    MUST(path.find("/../") == std::string_view::npos);
  }
  std::map<std::string, std::string, std::less<>> files_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  if (bytes > 4096) return 0;
  Files files({reinterpret_cast<const char*>(data), bytes});
  const Result<std::string> css = text::compile_sass("main.scss", files);
  if (!css.ok()) {
    MUST(!css.error().what.empty());
    return 0;
  }
  const Result<std::string> again = text::compile_sass("main.scss", files);
  MUST(again.ok());
  MUST(*again == *css);
  return 0;
}
