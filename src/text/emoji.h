#pragma once
// ":smile:" and its like, by GitHub's names (S-30).

#include <string>
#include <string_view>

namespace weir::text {

// Each known name between colons as its emoji; others stay.
std::string emoji_replaced(std::string_view text);

}  // namespace weir::text
