// Goal: deadlines fire after their time and within a tick, however often they were moved.
// Method: a wheel beside a plain list of deadlines, driven by made-up times.

#include "http/timer_wheel.h"

#include <catch2/catch.hpp>

#include <random>
#include <vector>

using namespace weir;
using namespace weir::http;
using namespace std::chrono_literals;

namespace {
constexpr Nanos tick{std::int64_t{1} << TimerWheel::tick_bits};
}

TEST_CASE("a deadline never fires early and at most two ticks late", "[http]") {
  std::mt19937_64 random(7);
  Mono now{123'456'789'012};
  TimerWheel wheel(now);
  std::vector<Timed> timers(200);
  std::size_t fired = 0;
  for (int round = 0; round < 20'000; ++round) {
    Timed& timed = timers[random() % timers.size()];
    switch (random() % 8) {
      case 0:
        wheel.remove(timed);
        timed.due_ns = Timed::never;
        break;
      case 1: wheel.set_never(timed); break;
      default:
        wheel.set(timed, now + Nanos(static_cast<std::int64_t>(random() % 200'000'000'000)));
        break;
    }
    now = now + Nanos(static_cast<std::int64_t>(random() % 60'000'000));
    wheel.advance(now, [&](Timed& expired) {
      ++fired;
      REQUIRE(expired.due_ns <= now.ns);
      REQUIRE(now.ns - expired.due_ns <= 2 * tick.count() + 60'000'000);
      expired.due_ns = Timed::never;
    });
    for (const Timed& each : timers)
      if (each.due_ns != Timed::never && each.is_linked())
        REQUIRE(each.due_ns + 2 * tick.count() >= now.ns);
  }
  CHECK(fired > 100);
  for (Timed& timed : timers) wheel.remove(timed);
}

TEST_CASE("moving a deadline back touches no list, moving it forward does", "[http]") {
  const Mono start{0};
  TimerWheel wheel(start);
  Timed timed;
  wheel.set(timed, start + 10s);
  const std::int64_t slot = timed.tick;
  wheel.set(timed, start + 75s);
  CHECK(timed.tick == slot);
  wheel.set(timed, start + 1s);
  CHECK(timed.tick < slot);
  int fired = 0;
  wheel.advance(start + 2s, [&fired](Timed&) { ++fired; });
  CHECK(fired == 1);
  CHECK_FALSE(timed.is_linked());
  CHECK(wheel.next().ns == Timed::never);
}

TEST_CASE("a clock that jumps far ahead fires everything once", "[http]") {
  const Mono start{0};
  TimerWheel wheel(start);
  std::vector<Timed> timers(50);
  for (std::size_t i = 0; i < timers.size(); ++i)
    wheel.set(timers[i], start + std::chrono::seconds(i * 10));
  std::size_t fired = 0;
  wheel.advance(start + 24h, [&fired](Timed&) { ++fired; });
  CHECK(fired == timers.size());
}

TEST_CASE("who is set again while it expires waits for its new time", "[http]") {
  const Mono start{0};
  TimerWheel wheel(start);
  Timed timed;
  wheel.set(timed, start + 1s);
  int fired = 0;
  wheel.advance(start + 5s, [&](Timed& expired) {
    ++fired;
    wheel.set(expired, start + 6s);
  });
  CHECK(fired == 1);
  wheel.advance(start + 7s, [&fired](Timed&) { ++fired; });
  CHECK(fired == 2);
}
