// Goal: idle work comes in order, after its rest, one at a time, and never while others are busy.

#include "cache/idle_queue.h"
#include "cache/fixture.h"

#include <new>

using namespace weir;
using namespace weir::cache;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

struct Bench {
  ManualClock clock;
  StepTasks tasks;
  bool is_busy = false;
  std::vector<int> done;
  IdleQueue<int> queue{{&tasks, [this] { return is_busy; }, clock, 3, 5s}};
  void tick() {
    queue.begin([this](int&& thing) {
      if (thing == 13) throw std::bad_alloc();
      done.push_back(thing);
    });
  }
};

}  // namespace

TEST_CASE("idle work waits for its time and is done one by one, first come, first served",
          "[cache]") {
  Bench bench;
  CHECK(bench.queue.add(1));
  CHECK(bench.queue.add(2));
  bench.clock.advance(3s);
  CHECK(bench.queue.add(3));
  CHECK_FALSE(bench.queue.add(4));  // no room
  bench.tick();
  CHECK(bench.tasks.size() == 0);
  bench.clock.advance(2s);
  bench.tick();
  bench.tick();
  CHECK(bench.tasks.size() == 1);  // not another one beside it
  bench.tasks.run();               // each begins the next whose time has come
  CHECK(bench.done == std::vector<int>{1, 2});
  CHECK(bench.queue.size() == 1);
  bench.clock.advance(3s);
  bench.is_busy = true;
  bench.tick();
  CHECK(bench.tasks.size() == 0);
  bench.is_busy = false;
  bench.tick();
  bench.tasks.run();
  CHECK(bench.done == std::vector<int>{1, 2, 3});
}

TEST_CASE("idle work that fails, or that no task takes, does not stop the next", "[cache]") {
  Bench bench;
  CHECK(bench.queue.add(13));
  CHECK(bench.queue.add(1));
  bench.clock.advance(5s);
  bench.tasks.queue_max = 0;
  bench.tick();
  CHECK(bench.queue.size() == 2);
  bench.tasks.queue_max = 9;
  bench.tick();
  CHECK_THROWS_AS(bench.tasks.run(), std::bad_alloc);
  bench.tick();
  bench.tasks.run();
  CHECK(bench.done == std::vector<int>{1});
}

TEST_CASE("without tasks for it, nothing idle is kept", "[cache]") {
  ManualClock clock;
  IdleQueue<int> queue({nullptr, {}, clock, 3, 5s});
  CHECK_FALSE(queue.is_open());
  CHECK_FALSE(queue.add(1));
  CHECK(queue.size() == 0);
}
