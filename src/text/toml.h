#pragma once
// TOML 1.0 (through toml++, which only toml.cpp knows).
//
// Members keep the order of the file; every name and value has its line and column. Date-times
// become DateText, written as in the file (a blank between date and time becomes T). Errors:
// file:line:column, what was expected. Nesting is bounded by toml++ (256 levels). Pure function.

#include "base/result.h"
#include "text/value.h"

#include <string_view>

namespace weir::text {

// `line_first` is the line of the file on which `text` starts (front matter starts on line 2).
Result<Value> parse_toml(std::string_view text, std::string_view file,
                         std::uint32_t line_first = 1);

}  // namespace weir::text
