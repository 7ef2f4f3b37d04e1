#pragma once
// BibTeX as values, for load_data (S-55):
//
//   { "preambles": [text], "comments": [text], "variables": { name: text },
//     "bibliographies": [{ "entry_type", "citation_key", "tags": { name: text } }] }
//
// Text outside of entries is a comment too. Variables and the months (jan to dec) are put in where
// they are named; "#" joins. Types and the names of tags come in lower case.

#include "base/result.h"
#include "text/value.h"

#include <string_view>

namespace weir::site {

Result<text::Value> parse_bibtex(std::string_view text, std::string_view file);

}  // namespace weir::site
