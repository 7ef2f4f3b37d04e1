#pragma once
// A content file is front matter and a body:
//
//   +++            or   ---
//   title = "A"         title: A
//   +++                 ---
//   body                body
//
// `+++` holds TOML, `---` YAML. The delimiter must be the first bytes of the file (a byte order
// mark and white space before it are skipped) and stand alone on its line; lines may end in CRLF.
// Nothing after the closing delimiter is an empty body. Places are lines of the file. Pure
// function; `body` is a view of `text`.

#include "base/result.h"
#include "text/value.h"

#include <string_view>

namespace weir::text {

struct FrontMatter {
  Value data;  // an object; empty when there is nothing between the delimiters
  std::string_view body;
  std::uint32_t body_line = 1;  // the line of the file on which `body` starts
};

Result<FrontMatter> parse_front_matter(std::string_view text, std::string_view file);

}  // namespace weir::text
