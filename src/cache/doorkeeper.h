#pragma once
// Who may go to disk: a page that a route makes is kept there from the second time that it is made,
// so that whoever invents addresses fills memory for a while (SIEVE sees to that) and the disk
// never (C-67).
//
// A count-min sketch (Cormode and Muthukrishnan 2005) of 4 rows of 4-bit counters in 64 KiB; a key
// was made as often as the least of its four counters says, or less often. After
// limits::doorkeeper_fills additions all counters are halved (Einziger et al., TinyLFU, 2017): that
// is the window. Nothing is allocated per key. Callable from any thread; takes a lock for a few
// nanoseconds, per render.

#include "base/bytes.h"
#include "base/guarded.h"
#include "base/hash.h"
#include "base/limits_cache.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace weir::cache {

class Doorkeeper {
 public:
  explicit Doorkeeper(HashKey key = HashKey::random()) : key_(key) {}

  // Counts the key; true when it was counted before, within the window.
  bool knocks_again(std::string_view key);

 private:
  static constexpr std::size_t rows = 4;
  static constexpr std::size_t counters_per_row = limits::doorkeeper_bytes * 2 / rows;
  struct Sketch {
    std::vector<std::uint8_t> pairs = std::vector<std::uint8_t>(limits::doorkeeper_bytes);
    std::size_t additions = 0;
  };
  const HashKey key_;
  Guarded<Sketch> sketch_;
};

}  // namespace weir::cache
