#include "base/guarded.h"
#include "base/limits.h"
#include "template/library.h"
#include "text/regex.h"

#include <cmath>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

// The tests of S-46.

namespace weir::tmpl {
namespace {

Status takes_at_most(const Call& call, std::size_t most) {
  const std::size_t given = call.positional().size();
  if (given <= most) return done;
  return call.error(most == 0 ? "takes no arguments, " + std::to_string(given) + " given"
                              : "takes one argument, " + std::to_string(given) + " given");
}

Status must_exist(const Value& input, const Call& call) {
  return input.is_undefined() ? Status(call.error("the variable is not defined")) : Status(done);
}

Result<std::string_view> string_argument(const Call& call) {
  TRY(takes_at_most(call, 1));
  if (call.positional().empty()) return call.error("needs an argument, a string");
  const Value& argument = call.positional().front();
  if (!argument.is_string())
    return call.error("the argument must be a string, not " + shown(argument));
  return argument.string();
}

Result<std::string_view> string_input(const Value& input, const Call& call) {
  TRY(must_exist(input, call));
  if (!input.is_string()) return call.error("the variable must be a string, not " + shown(input));
  return input.string();
}

Result<double> number_of(const Value& input, const Call& call) {
  TRY(must_exist(input, call));
  if (!input.is_number()) return call.error("the variable must be a number, not " + shown(input));
  return input.number();
}

// A test of the kind of a value that must exist.
using KindTest = bool (*)(const Value&);
Test of_kind(KindTest test) {
  return [test](const Value& input, const Call& call) -> Result<bool> {
    TRY(takes_at_most(call, 0));
    TRY(must_exist(input, call));
    return test(input);
  };
}

Result<bool> defined(const Value& input, const Call& call) {
  TRY(takes_at_most(call, 0));
  return !input.is_undefined();
}
Result<bool> undefined(const Value& input, const Call& call) {
  TRY(takes_at_most(call, 0));
  return input.is_undefined();
}
Result<bool> odd(const Value& input, const Call& call) {
  TRY(takes_at_most(call, 0));
  const double number = TRY(number_of(input, call));
  return std::fmod(number, 2.0) != 0;
}
Result<bool> even(const Value& input, const Call& call) {
  const bool is_odd = TRY(odd(input, call));
  return !is_odd;
}
Result<bool> divisible_by(const Value& input, const Call& call) {
  TRY(takes_at_most(call, 1));
  const double number = TRY(number_of(input, call));
  if (call.positional().empty() || !call.positional().front().is_number())
    return call.error("needs an argument, a number");
  return std::fmod(number, call.positional().front().number()) == 0;
}
Result<bool> starting_with(const Value& input, const Call& call) {
  const std::string_view text = TRY(string_input(input, call));
  const std::string_view start = TRY(string_argument(call));
  return text.starts_with(start);
}
Result<bool> ending_with(const Value& input, const Call& call) {
  const std::string_view text = TRY(string_input(input, call));
  const std::string_view end = TRY(string_argument(call));
  return text.ends_with(end);
}
Result<bool> containing(const Value& input, const Call& call) {
  TRY(takes_at_most(call, 1));
  TRY(must_exist(input, call));
  if (input.is_array()) {
    if (call.positional().empty()) return call.error("needs an argument");
    for (std::size_t i = 0; i < input.array().count(); ++i)
      if (equal(input.array().at(i, call.recorder()), call.positional().front(), call.recorder()))
        return true;
    return false;
  }
  if (!input.is_string() && !input.is_object())
    return call.error("the variable must be a string, an array or an object, not " + shown(input));
  const std::string_view wanted = TRY(string_argument(call));
  return input.is_string() ? input.string().find(wanted) != std::string_view::npos
                           : !input.object().find(wanted, call.recorder()).is_undefined();
}

// Compiled expressions by pattern, because a test in a loop compiles the same one again and again.
// Shared by all threads; when full it starts anew.
class Patterns {
 public:
  Result<text::Regex> compiled(std::string_view pattern) const {
    std::optional<text::Regex> known =
        patterns_.with([&](const Map& map) -> std::optional<text::Regex> {
          const auto found = map.find(pattern);
          return found == map.end() ? std::nullopt : std::optional(found->second);
        });
    if (known) return std::move(*known);
    text::Regex regex = TRY(text::Regex::compile(pattern));
    patterns_.with([&](Map& map) {
      if (map.size() >= limits::template_patterns_max) map.clear();
      map.emplace(pattern, regex);
    });
    return regex;
  }

 private:
  using Map = std::map<std::string, text::Regex, std::less<>>;
  mutable Guarded<Map> patterns_;
};

}  // namespace

void add_tests(Library& library) {
  struct Row {
    const char* name;
    Result<bool> (*test)(const Value&, const Call&);
  };
  static constexpr Row rows[] = {
      {"defined", defined},
      {"undefined", undefined},
      {"odd", odd},
      {"even", even},
      {"divisibleby", divisible_by},
      {"starting_with", starting_with},
      {"ending_with", ending_with},
      {"containing", containing},
  };
  for (const Row& row : rows) library.tests.add(row.name, row.test);
  library.tests.add("string", of_kind([](const Value& value) { return value.is_string(); }));
  library.tests.add("number", of_kind([](const Value& value) { return value.is_number(); }));
  library.tests.add("object", of_kind([](const Value& value) { return value.is_object(); }));
  library.tests.add("iterable", of_kind([](const Value& value) {
                      return value.is_array() || value.is_object();
                    }));
  library.tests.add(
      "matching",
      [patterns = std::make_shared<Patterns>()](const Value& input,
                                                const Call& call) -> Result<bool> {
        const std::string_view text = TRY(string_input(input, call));
        const std::string_view pattern = TRY(string_argument(call));
        Result<text::Regex> regex = patterns->compiled(pattern);
        if (!regex)
          return call.error("`" + std::string(pattern) +
                            "` is no regular expression: " + regex.error().what);
        const text::Match match = regex->test(text);
        if (match == text::Match::gave_up)
          return call.error("`" + std::string(pattern) + "` takes too long on this text");
        return match == text::Match::yes;
      });
}

}  // namespace weir::tmpl
