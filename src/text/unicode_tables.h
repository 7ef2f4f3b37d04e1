#pragma once
// Unicode 14 as sorted arrays; the .cpp is written by scripts/unicode-tables. For utf8.cpp and
// utf8_segments.cpp alone.

#include <array>
#include <cstddef>
#include <cstdint>

namespace weir::text {

// Each element starts a range: code point << 11 | pictographic << 10 | letter or digit << 9 |
// word class << 4 | grapheme class. The numbers of the classes are in utf8_segments.cpp.
extern const std::array<std::uint32_t, 3236> unicode_ranges;
// The same facts for each ASCII character.
extern const std::array<std::uint16_t, 128> unicode_ascii;

// Beyond ASCII, sorted by `from`: letters that map to one letter, and those that map to several.
struct CasePair {
  std::uint32_t from, to;
};
struct CaseText {
  std::uint32_t from;
  char to[8];  // UTF-8
};
extern const std::array<CasePair, 1397> upper_pairs;
extern const std::array<CaseText, 102> upper_texts;
extern const std::array<CasePair, 1406> lower_pairs;
extern const std::array<CaseText, 1> lower_texts;

}  // namespace weir::text
