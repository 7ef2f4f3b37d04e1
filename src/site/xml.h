#pragma once
// XML as values, for load_data (S-55), in the shape that Zola gives it:
//
//   <a b="1"><c>2</c><c/>  </a>   ->   { "a": { "@b": 1, "c": [2, {}] } }
//
// An element with text is that text (a number, true, false or a string), with attributes an object
// whose "#text" it is; children beside text are left out. Prefixes of names are left out.

#include "base/result.h"
#include "text/value.h"

#include <string_view>

namespace weir::site {

// No external entity is read and none is declared: only the five of XML and numbers are known.
Result<text::Value> parse_xml(std::string_view text, std::string_view file);

}  // namespace weir::site
