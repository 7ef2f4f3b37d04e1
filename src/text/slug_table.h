#pragma once
// ASCII spellings of characters; the .cpp is written by scripts/slug-table. For slug.cpp alone.

#include <array>
#include <cstdint>

namespace weir::text {

// slug_pages[code / 64] * 64 + code % 64 is the index of an entry; an entry is the offset of a
// text. Offset 0: no spelling. Each text ends in NUL.
extern const std::array<std::uint16_t, 2028> slug_pages;
extern const std::array<std::uint16_t, 67456> slug_entries;
extern const char slug_texts[50313];

}  // namespace weir::text
