#pragma once
// How many TLS handshakes a client may begin (wire H-37): a token bucket for each IPv4 address or
// IPv6 /64, asked once at accept.
//
// The table is bounded. Of four places a client may have, the one with the least debt is forgotten,
// so that a heavy client cannot make itself forgotten by coming from many addresses. Callable from
// any thread; one short lock for each TLS connection.

#include "base/clock.h"
#include "base/guarded.h"
#include "base/hash.h"
#include "base/limits.h"
#include "http/message.h"

#include <array>
#include <vector>

namespace weir::http {

// What stands for a client where connections or handshakes are counted: the IPv4 address (in its
// v4-mapped form), or the /64 of an IPv6 address.
using ClientPrefix = std::array<std::uint8_t, 8>;
ClientPrefix prefix_of(const Peer& peer);

class HandshakeLimiter {
 public:
  struct Rate {
    std::size_t per_second = limits::handshakes_per_second_max;  // 0 = no bound
    std::size_t burst = limits::handshakes_burst_max;
  };
  explicit HandshakeLimiter(Rate rate, std::size_t clients = limits::handshake_clients_max);
  bool take(const Peer& peer, Mono now);  // false = over the rate

 private:
  static constexpr std::size_t ways = 4;
  struct Slot {
    ClientPrefix prefix{};
    std::int64_t until_ns = 0;  // the bucket is full again then (GCRA's theoretical arrival time)
  };
  const Rate rate_;
  const std::size_t sets_;
  const HashKey key_ = HashKey::random();
  Guarded<std::vector<Slot>> slots_;  // made with the first handshake
};

}  // namespace weir::http
