#pragma once
// Hybrid logical clock (data, D-32 to D-35; Kulkarni et al., "Logical Physical Clocks", 2014).
//
// A stamp is 64 bits: 48 of Unix milliseconds, 16 of a counter. As text it is 16 lower-case hex
// digits, so that the order of texts is the order of stamps. Who wrote it is not part of it: the
// replica id breaks ties in the merge.

#include "base/clock.h"

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weir::sync {

struct Hlc {
  std::uint64_t stamp = 0;

  std::int64_t millis() const { return static_cast<std::int64_t>(stamp >> 16); }
  std::uint32_t counter() const { return static_cast<std::uint32_t>(stamp & 0xffff); }
  std::string text() const;
  friend auto operator<=>(Hlc, Hlc) = default;
};

constexpr std::int64_t hlc_millis_max = (std::int64_t{1} << 48) - 1;
Hlc hlc_of(std::int64_t millis, std::uint32_t counter);
std::optional<Hlc> parse_hlc(std::string_view text);  // exactly 16 lower-case hex digits

// The server's own clock. Its stamps only rise: over clock steps by themselves, over a restart
// because the owner stores `last` with each commit and hands it back. Belongs to one thread.
class HlcClock {
 public:
  HlcClock(const Clock& clock, Hlc last) : clock_(clock), last_(last) {}
  Hlc last() const { return last_; }
  Hlc send();             // a stamp above every one given or received
  Hlc receive(Hlc seen);  // the same, and above `seen`; check `seen` against the drift bound first

 private:
  const Clock& clock_;
  Hlc last_;
};

}  // namespace weir::sync
