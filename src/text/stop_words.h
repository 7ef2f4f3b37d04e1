#pragma once
// The words that say too little to be found by, per language.

#include <string_view>

namespace weir::text {

// Parted by one blank, sorted; empty for a language that has none. Codes are those of
// text/stemmer.cpp.
std::string_view stop_words_of(std::string_view code);

}  // namespace weir::text
