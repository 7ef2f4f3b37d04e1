#pragma once
// Work that nobody waits for, first come, first served: a thing is taken up some time after it came
// (it may change until then), one at a time, by tasks of its own, while the process has little to
// do.
//
// From any thread. `begin` looks whether the first one's time has come; each one that was worked on
// begins the next. What `work` holds keeps the queue alive, or else the tasks end before it goes.

#include "base/clock.h"
#include "base/guarded.h"
#include "cache/origin.h"

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <utility>

namespace weir::cache {

template <class Thing>
class IdleQueue {
 public:
  struct Parts {                    // what they point to must outlive it
    Tasks* idle = nullptr;          // null: nothing is taken
    std::function<bool()> is_busy;  // empty: never; any thread, often
    const Clock& clock;
    std::size_t things_max = 0;
    Nanos rest{0};  // between the coming of a thing and its turn
  };
  explicit IdleQueue(Parts parts) : parts_(std::move(parts)) {}
  IdleQueue(const IdleQueue&) = delete;
  IdleQueue& operator=(const IdleQueue&) = delete;

  bool is_open() const { return parts_.idle != nullptr; }
  bool is_busy() const { return parts_.is_busy && parts_.is_busy(); }
  std::size_t size() const {
    return state_.with([](const State& state) { return state.waiting.size(); });
  }

  // False: there is no room.
  bool add(Thing thing) {
    const Mono due = parts_.clock.mono() + parts_.rest;
    return state_.with([&](State& state) {
      if (!is_open() || state.waiting.size() >= parts_.things_max) return false;
      state.waiting.push_back({std::move(thing), due});
      return true;
    });
  }

  using Work = std::function<void(Thing&&)>;
  void begin(const Work& work) {
    if (!is_open() || is_busy()) return;
    const Mono now = parts_.clock.mono();
    const bool begins = state_.with([now](State& state) {
      if (state.is_running || state.waiting.empty() || now < state.waiting.front().due)
        return false;
      return state.is_running = true;
    });
    if (begins && !parts_.idle->offer([this, work] { run(work); })) ended();
  }

 private:
  struct Waiting {
    Thing thing;
    Mono due;
  };
  struct State {
    std::deque<Waiting> waiting;  // oldest first
    bool is_running = false;
  };

  void run(const Work& work) {
    {
      Thing first = state_.with([](State& state) {
        Thing taken = std::move(state.waiting.front().thing);
        state.waiting.pop_front();
        return taken;
      });
      // Also when memory does not suffice: the next tick goes on with the next then.
      const auto ends = [this](void*) { ended(); };
      const std::unique_ptr<void, decltype(ends)> at_end(this, ends);
      work(std::move(first));
    }
    begin(work);
  }
  void ended() {
    state_.with([](State& state) { state.is_running = false; });
  }

  const Parts parts_;
  Guarded<State> state_;
};

}  // namespace weir::cache
