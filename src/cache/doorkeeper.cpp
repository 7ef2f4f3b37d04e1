#include "cache/doorkeeper.h"

#include <algorithm>

namespace weir::cache {

bool Doorkeeper::knocks_again(std::string_view key) {
  const std::uint64_t hash = key_.hash64(key);
  return sketch_.with([hash](Sketch& sketch) {
    unsigned least = 15;
    std::size_t at[rows];
    for (std::size_t row = 0; row < rows; ++row) {
      // 16 bits of the hash for each row: 32,768 counters need 15 of them.
      static_assert(counters_per_row == 32'768);
      at[row] = row * counters_per_row + (hash >> (row * 16) & (counters_per_row - 1));
      least = std::min(least, unsigned{sketch.pairs[at[row] / 2]} >> (at[row] % 2 * 4) & 15U);
    }
    for (const std::size_t counter : at) {
      const unsigned shift = counter % 2 * 4;
      std::uint8_t& pair = sketch.pairs[counter / 2];
      if ((pair >> shift & 15) < 15) pair = static_cast<std::uint8_t>(pair + (1U << shift));
    }
    if (++sketch.additions >= limits::doorkeeper_fills) {
      sketch.additions = 0;
      for (std::uint8_t& pair : sketch.pairs) pair = static_cast<std::uint8_t>(pair >> 1 & 0x77);
    }
    return least > 0;
  });
}

}  // namespace weir::cache
