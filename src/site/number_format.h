#pragma once
// Whole numbers with the digit groups of a locale (CLDR 41, numbers/symbols group and the decimal
// pattern).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weir::site {

// "1,000,000" for "en"; nothing for a locale that is not in the table. "en-US" and "en_US" fall
// back to "en".
std::optional<std::string> formatted_number(std::int64_t number, std::string_view locale);

}  // namespace weir::site
