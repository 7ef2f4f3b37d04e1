#pragma once
// How a command talks: stdout is data, stderr is talk (E-1); colour only on a terminal and never
// against NO_COLOR; errors with the line and a caret, or as JSON lines with --json. Also what a
// command may ask of its surroundings: the environment and the working directory. Tests pass sinks
// and an environment of their own.

#include "base/log.h"
#include "base/result.h"
#include "edge/config.h"
#include "text/diagnostic.h"

#include <functional>
#include <string>
#include <string_view>

namespace weir::cli {

class Arguments;

// Exit codes (experience, section 3).
namespace exit_code {
inline constexpr int done = 0;
inline constexpr int failed = 1;  // content or build errors, failed check, unhealthy
inline constexpr int usage = 2;
inline constexpr int configuration = 3;
inline constexpr int unavailable =
    4;                            // cannot bind, no permission, store locked by another process
inline constexpr int remote = 5;  // remote side refused or unreachable
}  // namespace exit_code

struct SessionParts {
  edge::Environment environment;
  std::function<void(std::string_view)> out;  // stdout
  std::function<void(std::string_view)> err;  // stderr
  bool err_is_terminal = false;
  std::size_t err_columns = 0;  // the terminal's width; 0 = not known
  // Ends the process at once. Empty where it must go on (tests).
  std::function<void(int)> end = {};
};

class Session {
 public:
  explicit Session(SessionParts parts) : parts_(std::move(parts)) {}

  // From --color, --quiet, --verbose, --json, NO_COLOR and TERM.
  void obey(const Arguments& arguments);
  void talk_json() { json_ = true; }

  void out(std::string_view text) const { parts_.out(text); }
  void talk(std::string_view text) const;  // not with --quiet
  // `weir: error: what (help)`, or the line with a caret when the error has a place and `source` is
  // its file.
  void show(const Error& error, std::string_view source = {},
            text::Severity severity = text::Severity::error) const;
  int fail(int code, const Error& error) const;
  // The command is over and all is written: the process ends here, where it may, without freeing
  // what the kernel frees at once. Else the code comes back.
  int end(int code) const;

  const edge::Environment& environment() const { return parts_.environment; }
  std::string variable(std::string_view name) const;  // empty when it is not set
  bool is_json() const { return json_; }
  bool is_quiet() const { return quiet_; }
  bool is_verbose() const { return verbose_; }
  // A line may be rewritten in place: stderr is a terminal that can, and a person looks at it.
  bool shows_progress() const {
    return parts_.err_is_terminal && variable("TERM") != "dumb" && !quiet_ && !json_;
  }
  std::size_t columns() const { return parts_.err_columns; }
  LogForm log_form() const { return parts_.err_is_terminal ? LogForm::text : LogForm::json; }

 private:
  SessionParts parts_;
  bool colour_ = false;
  bool quiet_ = false;
  bool verbose_ = false;
  bool json_ = false;
};

}  // namespace weir::cli
