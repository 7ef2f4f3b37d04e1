// Property: the first line as a pattern and the rest as a rule are refused with a reason or
// compiled; what is compiled gives the same answer twice, matches only paths, and `not (rule)` says
// the opposite.

#include "base/must.h"
#include "text/json.h"
#include "text/rule.h"

#include <cstddef>
#include <cstdint>

using namespace weir;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const text::Value claims =
      text::parse_json(
          R"({"sub":"ann","scope":"a b","roles":["x",1,true],"n":3,"o":{"p":"q"},"none":null})")
          .value();
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t line = std::min(input.find('\n'), input.size());
  const Result<text::PathPattern> pattern = text::PathPattern::compile(input.substr(0, line));
  if (!pattern) MUST(!pattern.error().what.empty());
  const std::vector<std::string> names =
      pattern ? pattern->variables() : std::vector<std::string>{"owner"};
  const std::string_view expression = input.substr(std::min(line + 1, input.size()));
  const Result<text::Rule> rule = text::compile_rule(expression, names);
  if (!rule) {
    MUST(rule.error().place.column > 0);
    return 0;
  }
  std::vector<text::PathVariable> bound;
  if (pattern) {
    const auto matched = pattern->match(input.substr(0, line));
    if (matched) bound = *matched;
  }
  const bool holds = rule->holds(bound, &claims);
  MUST(rule->holds(bound, &claims) == holds);
  const Result<text::Rule> opposite =
      text::compile_rule("not (" + std::string(expression) + ")", names);
  if (opposite) MUST(opposite->holds(bound, &claims) != holds);
  return 0;
}
