#pragma once
// The command line: what can be said, and what was said.
//
// One table (commands.cpp) describes every command and flag; --help is written from it, so that a
// flag can neither be missing there nor mean something else. Parsing is pure. Words that are not
// understood are an Error with a did-you-mean (edit distance at most 2) and the usage line; the
// caller exits with 2.
//
// `--name VALUE`, `--name=VALUE`, `-n VALUE`, `-nVALUE`, switches together (`-qv`), `--` ends the
// flags. Global flags stand before or after the command. `help COMMAND` is `COMMAND --help`.

#include "base/result.h"

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::cli {

struct Option {
  std::string_view name;          // "output-dir"
  char letter = 0;                // 'o'; 0 = none
  std::string_view value = {};    // "DIR"; empty = a switch
  std::string_view choices = {};  // "auto|always|never"; empty = anything
  std::string_view help = {};
};

class Arguments;
class Session;

struct Command {
  std::string_view name;      // "token mint" for a command of two words
  std::string_view operands;  // "[PATH...]", for the usage line
  std::size_t operands_min = 0;
  std::size_t operands_max = 0;
  std::string_view summary;  // one line, for the overview
  std::string_view about;    // a few lines, for --help
  std::span<const std::string_view> examples;
  std::span<const Option> options;
  int (*run)(const Arguments&, Session&) = nullptr;
};

// What was said. `find` gives the last value of a flag (the empty string for a switch).
class Arguments {
 public:
  const Command* command = nullptr;  // null: `weir` alone, or only global flags
  std::string_view group = {};       // "token" when only its help was asked for; `command` is null
  std::vector<std::string> operands;

  bool has(std::string_view name) const { return values_.find(name) != values_.end(); }
  std::optional<std::string> find(std::string_view name) const;
  std::vector<std::string> all(
      std::string_view name) const;  // of a flag that may be repeated, in order
  void add(std::string_view name, std::string value);

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

// `words` without the program's name.
Result<Arguments> parse_arguments(std::span<const std::string> words,
                                  std::span<const Command> commands,
                                  std::span<const Option> globals);

std::string overview_text(std::span<const Command> commands);
// The commands that begin with `group`: what `weir token --help` says.
std::string group_text(std::span<const Command> commands, std::string_view group);
std::string help_text(const Command& command, std::span<const Option> globals);
std::string usage_line(const Command& command);

}  // namespace weir::cli
