#pragma once
// YAML for front matter and data files (through yaml-cpp, which only yaml.cpp knows).
//
// Scalars follow the core schema of YAML 1.2: null ~, true false, decimal, 0x and 0o integers,
// floats, .inf and .nan; plain scalars in the form of an RFC 3339 date or date-time become
// DateText; all others are strings. Quoted scalars are always strings. Names must be scalars and
// unique. Bounded: depth, and the number of values after aliases are followed (limits.h), so that a
// small text cannot become a large tree. Tags other than !!str, !!int, !!float, !!bool, !!null,
// !!map, !!seq are errors. Errors: file:line:column. Pure function.

#include "base/result.h"
#include "text/value.h"

#include <string_view>

namespace weir::text {

// `line_first` is the line of the file on which `text` starts. An empty text is null. One document
// only.
Result<Value> parse_yaml(std::string_view text, std::string_view file,
                         std::uint32_t line_first = 1);

}  // namespace weir::text
