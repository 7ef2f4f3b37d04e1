#pragma once
// Shortcode calls in Markdown (S-34): found, not yet rendered.
//
//   {{ name(a="x", b=1, c=[1, 2], d=true) }}
//   {% name(a="x") %} body {% end %}          nested freely
//   {{/* name() */}}   {%/* name() */%} ... {%/* end */%}   printed without the comment marks
//
// What looks like one but does not parse is text, as in Zola, except a body that is never closed.
// Linear in the text; nesting is bounded. Pure; the pieces are views of the text.

#include "base/result.h"
#include "template/value.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::site {

struct ShortcodeCall {
  std::string_view name;
  std::vector<std::pair<std::string_view, tmpl::Value>> arguments;
  bool has_body = false;
  std::vector<struct ShortcodePiece> body;
  std::size_t offset = 0;  // of the call in the text
  std::size_t end = 0;     // behind it
};

// Text, or a call.
struct ShortcodePiece {
  std::string_view text;
  std::vector<ShortcodeCall> call;  // one or none
};

Result<std::vector<ShortcodePiece>> parse_shortcodes(std::string_view text, const Place& start);

}  // namespace weir::site
