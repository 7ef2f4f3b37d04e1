#pragma once
// Which bytes a value holds, as one 64-bit mask (waf W-27): every printable sign and every letter
// has a bit of its own; digits share one, so do control characters (NUL apart) and bytes from 0x80.
// Letters have the bit of their lower-case form, upper-case ones also `upper_bit`.
//
// One pass over the bytes answers two questions: which transformations could change the value at
// all, and which rules could match it at all.

#include <array>
#include <cstdint>
#include <string_view>

namespace weir::waf {

using ByteMask = std::uint64_t;

inline constexpr std::array<ByteMask, 256> byte_masks = [] {
  std::array<ByteMask, 256> table{};
  unsigned next = 26;
  for (unsigned c = 0; c < 256; ++c) {
    if (c >= 'a' && c <= 'z') table[c] = ByteMask{1} << (c - 'a');
    else if (c >= 0x20 && c < 0x7f && !(c >= '0' && c <= '9') && !(c >= 'A' && c <= 'Z'))
      table[c] = ByteMask{1} << next++;
  }
  // 26 letters and 33 signs so far; five bits are left.
  for (unsigned c = 'A'; c <= 'Z'; ++c) table[c] = table[c + 32] | ByteMask{1} << 63;
  for (unsigned c = '0'; c <= '9'; ++c) table[c] = ByteMask{1} << 62;
  for (unsigned c = 1; c < 0x20; ++c) table[c] = ByteMask{1} << 61;
  table[0x7f] = ByteMask{1} << 61;
  table[0] = ByteMask{1} << 60;
  for (unsigned c = 0x80; c < 0x100; ++c) table[c] = ByteMask{1} << 59;
  return table;
}();
inline constexpr ByteMask upper_bit = ByteMask{1} << 63;
inline constexpr ByteMask digit_bit = ByteMask{1} << 62;
inline constexpr ByteMask control_bit = ByteMask{1} << 61;
inline constexpr ByteMask letter_bits = (ByteMask{1} << 26) - 1;

constexpr ByteMask mask_of(char c) { return byte_masks[static_cast<unsigned char>(c)]; }

// Four sums side by side: one table look-up per byte, none waiting for another.
inline ByteMask mask_of(std::string_view text) {
  ByteMask a = 0, b = 0, c = 0, d = 0;
  const auto* at = reinterpret_cast<const unsigned char*>(text.data());
  const auto* end = at + text.size();
  for (; end - at >= 4; at += 4) {
    a |= byte_masks[at[0]];
    b |= byte_masks[at[1]];
    c |= byte_masks[at[2]];
    d |= byte_masks[at[3]];
  }
  for (; at != end; ++at) a |= byte_masks[*at];
  return a | b | c | d;
}

// The mask that `c` needs to be there, whatever its case.
constexpr ByteMask folded_mask_of(char c) { return mask_of(c) & ~upper_bit; }

}  // namespace weir::waf
