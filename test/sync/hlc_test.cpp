// Goal: the clock of hlc.h rises whatever the wall clock does, and its text sorts as it counts.

#include "sync/hlc.h"

#include <catch2/catch.hpp>

namespace weir::sync {

using namespace std::chrono_literals;

TEST_CASE("stamps are sixteen lower-case hex digits and back", "[sync]") {
  CHECK(hlc_of(1, 2).text() == "0000000000010002");
  CHECK(hlc_of(hlc_millis_max, 0xffff).text() == "ffffffffffffffff");
  CHECK(parse_hlc("0193a5c2f1e80000")->millis() == 0x0193a5c2f1e8);
  CHECK(parse_hlc("0193a5c2f1e8ffff")->counter() == 0xffff);
  for (const char* text : {"", "0193a5c2f1e8000", "0193a5c2f1e800000", "0193A5C2F1E80000",
                           "0193a5c2f1e8000g", " 193a5c2f1e80000"}) {
    INFO(text);
    CHECK_FALSE(parse_hlc(text));
  }
}

TEST_CASE("the clock rises within a millisecond, over a full counter and over steps back",
          "[sync]") {
  ManualClock wall;
  HlcClock clock(wall, {});

  const Hlc first = clock.send();
  const Hlc second = clock.send();
  CHECK(first == hlc_of(wall.wall().millis(), 0));
  CHECK(second == hlc_of(wall.wall().millis(), 1));

  wall.turn_wall_to({wall.wall().ns - 86'400'000'000'000});
  const Hlc after_step = clock.send();
  CHECK(after_step > second);

  const Hlc full = clock.receive(hlc_of(after_step.millis(), 0xffff));
  CHECK(full == hlc_of(after_step.millis() + 1, 0));

  wall.advance(48h);
  CHECK(clock.send() == hlc_of(wall.wall().millis(), 0));
}

TEST_CASE("receiving puts the clock above what was seen", "[sync]") {
  ManualClock wall;
  HlcClock clock(wall, {});
  const Hlc ahead = hlc_of(wall.wall().millis() + 30'000, 7);

  CHECK(clock.receive(ahead) == hlc_of(ahead.millis(), 8));
  CHECK(clock.receive(hlc_of(1, 1)) == hlc_of(ahead.millis(), 9));
  CHECK(HlcClock(wall, clock.last()).send() > clock.last());
}

}  // namespace weir::sync
