#pragma once
// One template's source to its tree: the front end of a dialect. This one reads Tera v1, a little
// more generously where that is harmless: whatever Tera accepts means the same here. Another
// dialect (Tera v2) would be another function of this kind beside it; engine.cpp calls it at one
// place, and what stands behind the tree (compiler, machine, library) is the same for both.
//
//   either    = both ("or" both)*
//   both      = value ("and" value)*
//   value     = ["not"] comparison
//   comparison= operand [("==" | "!=" | "<" | "<=" | ">" | ">=") operand | ["not"] "in" operand]
//   operand   = concat filters | sum
//   concat    = (string | primary) ("~" primary)*          a string alone counts
//   sum       = filtered (("+" | "-" | "*" | "/" | "%") filtered)*
//   filtered  = math filters                    a filter takes all of the sum at its left
//   math      = primary (("+" | "-" | "*" | "/" | "%") primary)*
//   filters   = ("|" name ["(" arguments ")"])*
//   primary   = number | true | false | path ["is" ["not"] test] | name "(" arguments ")"
//             | name "::" name "(" arguments ")" | "(" either ")" | "[" items "]"
//
// so `1 + 2 | f` is f(3) and `x | length + 1` is (x | length) + 1; `sum` and `math` both climb
// precedence.
//
// Pure. Nesting is bounded (limits.h), so hostile templates end in an error. `file` is for places.

#include "base/result.h"
#include "template/syntax.h"

#include <string_view>

namespace weir::tmpl {

Result<Syntax> parse_template(std::string_view source, std::string_view file);

}  // namespace weir::tmpl
