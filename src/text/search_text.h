#pragma once
// What a search index keeps of a rendered page (S-62).

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace weir::text {

// HTML without its tags; script, style and pre with all that is in them, and comments, are left
// out. References are decoded; & < > and the hard space stand as references again, so that the text
// may be put into HTML. Runs of white space become one, at the ends none; cut after `length_max`
// characters.
std::string search_text_of(std::string_view html, std::optional<std::size_t> length_max = {});

}  // namespace weir::text
