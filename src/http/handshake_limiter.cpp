#include "http/handshake_limiter.h"

#include <algorithm>

namespace weir::http {

ClientPrefix prefix_of(const Peer& peer) {
  ClientPrefix prefix;
  const std::size_t from =
      peer.is_v4() ? 8 : 0;  // the v4-mapped half holds the address; else the /64
  std::copy_n(peer.address.begin() + static_cast<std::ptrdiff_t>(from), prefix.size(),
              prefix.begin());
  return prefix;
}

HandshakeLimiter::HandshakeLimiter(Rate rate, std::size_t clients)
    : rate_(rate), sets_(std::max<std::size_t>(1, clients / ways)) {}

bool HandshakeLimiter::take(const Peer& peer, Mono now) {
  if (rate_.per_second == 0) return true;
  const ClientPrefix prefix = prefix_of(peer);
  const std::uint64_t hash =
      key_.hash64({reinterpret_cast<const char*>(prefix.data()), prefix.size()});
  const auto step_ns = static_cast<std::int64_t>(1'000'000'000 / rate_.per_second);
  const auto depth_ns = step_ns * static_cast<std::int64_t>(std::max<std::size_t>(1, rate_.burst));
  return slots_.with([&](std::vector<Slot>& slots) {
    if (slots.empty()) slots.resize(sets_ * ways);
    Slot* const first = &slots[hash % sets_ * ways];
    Slot* const last = first + ways;
    Slot* slot = std::find_if(first, last, [&](const Slot& one) { return one.prefix == prefix; });
    if (slot == last) {
      slot = std::min_element(first, last,
                              [](const Slot& a, const Slot& b) { return a.until_ns < b.until_ns; });
      *slot = {prefix, 0};
    }
    const std::int64_t from = std::max(slot->until_ns, now.ns);
    if (from + step_ns - now.ns > depth_ns) return false;
    slot->until_ns = from + step_ns;
    return true;
  });
}

}  // namespace weir::http
