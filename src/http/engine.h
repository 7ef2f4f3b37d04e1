#pragma once
// What the loops of one server share. Immutable after open, or atomic, or behind a lock that no
// request takes.

#include "base/clock.h"
#include "base/guarded.h"
#include "base/hash.h"
#include "base/log.h"
#include "http/handshake_limiter.h"
#include "http/server.h"

#include <atomic>
#include <cstdint>
#include <unordered_map>

namespace weir::http {

// Open connections per client: an IPv4 address, or the /64 of an IPv6 address. Touched at accept
// and close only.
class ClientTable {
 public:
  // False when the client has `most` already.
  bool enter(const Peer& peer, std::size_t most);
  void leave(const Peer& peer);

 private:
  using Key = ClientPrefix;
  struct KeyHash {
    KeyHash() : key(HashKey::random()) {}
    HashKey key;
    std::size_t operator()(const Key& bytes) const {
      return key.hash64({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    }
  };
  using Counts = std::unordered_map<Key, std::uint32_t, KeyHash>;
  Guarded<Counts> counts_{Counts(0, KeyHash{})};
};

struct Engine {
  Engine(ServerSettings s, HandlerFactory f, const Clock& c, Log& l)
      : settings(std::move(s)),
        factory(std::move(f)),
        clock(c),
        log(l),
        handshakes({settings.limits.handshakes_per_second,
                    settings.limits.handshakes_per_second *
                        (limits::handshakes_burst_max / limits::handshakes_per_second_max)}) {}

  const ServerSettings settings;
  const HandlerFactory factory;
  const Clock& clock;
  Log& log;
  std::size_t connections_max =
      0;  // settings.limits.connections, lowered to what the descriptors allow

  ClientTable clients;
  HandshakeLimiter handshakes;
  std::atomic<std::size_t> connections{0};
  std::atomic<std::size_t> bodies_buffered{0};
  std::atomic<std::size_t> loops_deaf{0};  // have closed their listeners for good
  std::atomic<Pressure> pressure{Pressure::none};
  // How long an idle connection is kept while we drain; set before stop_ns.
  std::atomic<std::int64_t> quiet_ns{Nanos(limits::drain_quiet_time).count()};
  Nanos drain_quiet() const { return Nanos(quiet_ns.load(std::memory_order_relaxed)); }
  std::atomic<std::int64_t> stop_ns{
      -1};  // the drain's length; -1 = not stopping. The least asked for counts.
};

// Written by one loop, read by any thread: no locked instruction on the way of a request.
class Counter {
 public:
  void add(std::uint64_t count) {
    value_.store(value_.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
  }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

struct LoopCounters {
  Counter accepted, requests, refused, closed_idle, overload, bytes_in, bytes_out, tls_handshakes,
      tls_resumed, tls_failures, tls_limited, http2_connections, http2_requests, http2_cut;
};

}  // namespace weir::http
