#pragma once
// What is undone before a rule looks at a value (waf W-10, W-28): each transformation once, as
// often as the rule names it and no more. None makes a value longer.
//
// `lower` is no transformation of bytes here: a rule that names it is compiled without regard to
// case. Pure functions; the result is in the arena, or the input itself when nothing changed.

#include "waf/arena.h"
#include "waf/byte_mask.h"

#include <optional>
#include <string_view>

namespace weir::waf {

enum class Transform : std::uint8_t {
  url_decode,  // %XX and %uXXXX (full-width forms to ASCII); + stays: form fields were split before
  html_entity,  // &#60; &#x3c; &lt; and their like, semicolon or not
  js_decode,    // \x3c \u003c \74 \n and \c = c
  remove_nulls,
  compress_whitespace,  // runs of white space to one blank
  remove_comments,      // /* ... */ to one blank
  remove_backslashes,   // a shell reads c\at as cat
  normalize_path,       // backslashes to slashes, // to /, /./ gone, /x/../ resolved
  base64,               // a value that is base64 or base64url as a whole, padded or not
};
std::optional<Transform> parse_transform(std::string_view name);
std::string_view name_of(Transform transform);

// Without any of these bytes the transformation cannot change a value.
ByteMask trigger_of(Transform transform);
std::string_view apply(Transform transform, std::string_view text, Arena& arena);

// One decoding of a path or of a form field, as the splitter does it.
enum class Plus : std::uint8_t { stays, is_blank };
std::string_view url_decoded(std::string_view text, Plus plus, Arena& arena);

}  // namespace weir::waf
