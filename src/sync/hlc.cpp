#include "sync/hlc.h"

#include "base/bytes.h"
#include "base/must.h"

#include <algorithm>

namespace weir::sync {

Hlc hlc_of(std::int64_t millis, std::uint32_t counter) {
  MUST(millis >= 0);
  MUST(millis <= hlc_millis_max);
  MUST(counter <= 0xffff);
  return {static_cast<std::uint64_t>(millis) << 16 | counter};
}

std::string Hlc::text() const {
  constexpr char digits[] = "0123456789abcdef";
  std::string text(16, '0');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = digits[stamp >> (60 - 4 * i) & 0xf];
  return text;
}

std::optional<Hlc> parse_hlc(std::string_view text) {
  if (text.size() != 16) return std::nullopt;
  std::uint64_t stamp = 0;
  for (const char c : text) {
    const int digit = hex_digit_of(c);
    if (digit < 0 || (c >= 'A' && c <= 'F')) return std::nullopt;
    stamp = stamp << 4 | static_cast<std::uint64_t>(digit);
  }
  return Hlc{stamp};
}

Hlc HlcClock::send() { return receive({}); }

Hlc HlcClock::receive(Hlc seen) {
  // One addition is the rule of the paper: same millisecond, counter + 1; a full counter carries
  // into the millisecond.
  const Hlc now = hlc_of(std::clamp<std::int64_t>(clock_.wall().millis(), 0, hlc_millis_max), 0);
  const Hlc latest = std::max(last_, seen);
  last_ = now > latest ? now : Hlc{latest.stamp + 1};
  return last_;
}

}  // namespace weir::sync
