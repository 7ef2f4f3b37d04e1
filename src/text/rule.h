#pragma once
// The rule language of access tables: who may, as an expression over path variables, claims and
// literals.
//
//   rule       = or
//   or         = and *( "or" and )
//   and        = unary *( "and" unary )
//   unary      = "not" unary / "(" or ")" / "true" / "false" / comparison
//   comparison = operand ( "==" / "!=" / "in" ) operand
//   operand    = 'text' / "text" / integer / "true" / "false" / name *( "." name )
//
// A name that the pattern binds is a path variable, every other one a claim (dots go into objects).
// A missing claim makes its comparison false, also with "!=". `==` compares values of the same
// kind; `x in y` is membership in an array, or a word of a text that is split at blanks (so
// `'notes:read' in scope` works with OAuth's scope claim).
//
//   compile_rule("sub == owner or 'notes:read' in scope", {"owner"})
//
// Patterns: segments between '/'; `{name}` is one segment, `*` one without a name, `**` at the end
// the rest, also empty. All functions are pure; Rule and PathPattern are immutable and safe from
// many threads.

#include "base/result.h"
#include "text/value.h"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::text {

// A name that a pattern bound to a part of a path; views of the path and the pattern.
struct PathVariable {
  std::string_view name;
  std::string_view value;
};

class PathPattern {
 public:
  // Refuses empty segments, `**` before the end, names twice, and names of registered claims (a
  // path must never stand in for `sub`).
  static Result<PathPattern> compile(std::string_view pattern);

  std::optional<std::vector<PathVariable>> match(std::string_view path) const;
  const std::vector<std::string>& variables() const { return variables_; }

 private:
  enum class Kind : std::uint8_t { literal, variable, any, rest };
  struct Segment {
    Kind kind = Kind::literal;
    std::string text;
  };
  std::vector<Segment> segments_;
  std::vector<std::string> variables_;
};

class Rule {
 public:
  struct Node;

  // Never holds: what an absent rule means.
  Rule() = default;
  bool holds(std::span<const PathVariable> variables, const Value* claims) const;

 private:
  friend Result<Rule> compile_rule(std::string_view, std::span<const std::string>);
  std::shared_ptr<const Node> root_;
};

// Errors give the column within the expression and what was expected. At most
// limits::rule_bytes_max bytes and limits::rule_depth_max levels.
Result<Rule> compile_rule(std::string_view expression, std::span<const std::string> variables);

}  // namespace weir::text
