#include "guard/breaker.h"

#include <algorithm>

namespace weir::guard {

std::string_view name_of(BreakerState state) {
  constexpr std::array<std::string_view, 3> names{"closed", "open", "half-open"};
  return names[static_cast<std::size_t>(state)];
}

Breaker::Breaker(BreakerSettings settings, std::uint64_t seed) : settings_(settings) {
  settings_.failures = std::clamp<std::size_t>(settings_.failures, 1, 64);
  settings_.half_open_max = std::max<std::size_t>(settings_.half_open_max, 1);
  settings_.successes = std::max<std::size_t>(settings_.successes, 1);
  inner_.with([&](Inner& inner) {
    inner.failed_at.assign(settings_.failures, Mono{INT64_MIN / 2});
    inner.random = seed | 1;
  });
}

// xorshift64 is enough here: the jitter only keeps many nodes from probing in one instant.
void Breaker::open(Inner& inner, Mono now) const {
  inner.random ^= inner.random << 13;
  inner.random ^= inner.random >> 7;
  inner.random ^= inner.random << 17;
  const std::int64_t fifth = settings_.open_for.count() / 5;
  const std::int64_t jitter =
      fifth == 0
          ? 0
          : static_cast<std::int64_t>(inner.random % (2 * static_cast<std::uint64_t>(fifth) + 1)) -
                fifth;
  inner.state = BreakerState::open;
  inner.open_until = now + settings_.open_for + Nanos(jitter);
  inner.probes = inner.good_probes = 0;
  std::ranges::fill(inner.failed_at, Mono{INT64_MIN / 2});
}

bool Breaker::may_try(Mono now) {
  return inner_.with([&](Inner& inner) {
    if (inner.state == BreakerState::closed) return true;
    if (inner.state == BreakerState::open) {
      if (now < inner.open_until) return false;
      inner.state = BreakerState::half_open;
    }
    if (inner.probes == settings_.half_open_max) return false;
    ++inner.probes;
    return true;
  });
}

void Breaker::succeeded(Mono) {
  inner_.with([&](Inner& inner) {
    if (inner.state != BreakerState::half_open) return;
    if (inner.probes > 0) --inner.probes;
    if (++inner.good_probes >= settings_.successes) {
      inner.state = BreakerState::closed;
      inner.probes = inner.good_probes = 0;
    }
  });
}

void Breaker::failed(Mono now) {
  inner_.with([&](Inner& inner) {
    if (inner.state == BreakerState::open) return;  // begun before it opened
    if (inner.state == BreakerState::half_open) return open(inner, now);
    // The ring holds the last `failures` of them: the one about to be overwritten is the oldest.
    inner.failed_at[inner.next] = now;
    inner.next = (inner.next + 1) % inner.failed_at.size();
    if (now - inner.failed_at[inner.next] <= settings_.window) open(inner, now);
  });
}

void Breaker::left_open(Mono) {
  inner_.with([&](Inner& inner) {
    if (inner.state == BreakerState::half_open && inner.probes > 0) --inner.probes;
  });
}

BreakerState Breaker::state(Mono now) const {
  return inner_.with([&](const Inner& inner) {
    return inner.state == BreakerState::open && now >= inner.open_until ? BreakerState::half_open
                                                                        : inner.state;
  });
}

}  // namespace weir::guard
