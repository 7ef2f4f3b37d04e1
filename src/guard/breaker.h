#pragma once
// A circuit breaker (guard G-48): `failures` within `window` open it for `open_for` (jitter +-20
// %); then at most `half_open_max` probes at a time, and `successes` good ones close it again.
//
// Callable from any thread. Time comes in with every call.

#include "base/clock.h"
#include "base/guarded.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <vector>

namespace weir::guard {

struct BreakerSettings {
  std::size_t failures = 5;  // 1 to 64
  std::size_t successes = 2;
  Nanos window = std::chrono::seconds(30);
  Nanos open_for = std::chrono::seconds(30);
  std::size_t half_open_max = 1;
  bool operator==(const BreakerSettings&) const = default;
};

enum class BreakerState : std::uint8_t { closed, open, half_open };
std::string_view name_of(BreakerState state);

class Breaker {
 public:
  explicit Breaker(BreakerSettings settings, std::uint64_t seed = 1);

  // True: go ahead, and say later how it ended, exactly once. False: do not try.
  bool may_try(Mono now);
  void succeeded(Mono now);
  void failed(Mono now);
  void left_open(Mono now);  // it ended without a word about health: the client had left
  BreakerState state(Mono now) const;

 private:
  struct Inner {
    BreakerState state = BreakerState::closed;
    std::vector<Mono> failed_at;  // ring of the last `failures`
    std::size_t next = 0;
    Mono open_until;
    std::size_t probes = 0;
    std::size_t good_probes = 0;
    std::uint64_t random = 1;
  };
  void open(Inner& inner, Mono now) const;
  BreakerSettings settings_;
  Guarded<Inner> inner_;
};

}  // namespace weir::guard
