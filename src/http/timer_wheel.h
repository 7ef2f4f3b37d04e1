#pragma once
// Deadlines of connections: cheap to move back, which is what every request does.
//
// A connection stands in at most one slot of a wheel: that of the tick at which it is looked at
// next. Setting a later deadline only stores it (no list is touched); when its tick comes the
// deadline is read again and the connection moves on. Setting an earlier one moves it. Slots are
// about 134 ms wide, so a deadline fires up to that late, never early. Deadlines beyond the horizon
// (137 s) wait in the last slot and are looked at again. One thread.

#include "base/clock.h"

#include <array>
#include <cstdint>
#include <limits>

namespace weir::http {

// Base of what has a deadline. The owner unlinks (destructor of the owner, or `remove`) before it
// dies.
struct Timed {
  static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();
  Timed* before = nullptr;
  Timed* behind = nullptr;
  std::int64_t due_ns = never;
  std::int64_t tick = 0;  // of the slot it stands in; only while linked
  bool is_linked() const { return before != nullptr; }
};

class TimerWheel {
 public:
  static constexpr int tick_bits = 27;  // 2^27 ns
  static constexpr std::size_t slots = 1024;

  explicit TimerWheel(Mono now);
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  void set(Timed& timed, Mono due) {
    timed.due_ns = due.ns;
    if (!timed.is_linked() || (due.ns >> tick_bits) + 1 < timed.tick) place(timed);
  }
  void set_never(Timed& timed) {
    timed.due_ns = Timed::never;
  }  // leaves its slot when that is looked at
  void remove(Timed& timed);

  // Calls `expire(Timed&)` for each whose deadline has passed. It is unlinked first, and may be set
  // again. Call only between batches of events (wire H-3).
  template <class Expire>
  void advance(Mono now, Expire&& expire) {
    const std::int64_t target = now.ns >> tick_bits;
    if (target < earliest_) {
      if (target > current_) current_ = target;
      return;
    }
    if (target - current_ > static_cast<std::int64_t>(slots))
      current_ = target - static_cast<std::int64_t>(slots);
    while (current_ < target) {
      ++current_;
      Timed& head = slots_[static_cast<std::size_t>(current_) % slots];
      if (head.behind == &head) continue;
      Timed list;  // whoever is set again meanwhile goes to a later slot or to the emptied one
      take(head, list);
      while (list.behind != &list) {
        Timed& timed = *list.behind;
        remove(timed);
        if (timed.due_ns == Timed::never) continue;
        if (timed.due_ns > now.ns) place(timed);
        else expire(timed);
      }
    }
    find_earliest();
  }

  // Nothing can expire before; Timed::never when the wheel is empty. May be early after `remove`.
  Mono next() const { return {earliest_ == Timed::never ? Timed::never : earliest_ << tick_bits}; }

 private:
  void place(Timed& timed);
  void find_earliest();
  static void take(Timed& head, Timed& list);

  std::array<Timed, slots> slots_;  // heads of circular lists
  std::int64_t current_;
  std::int64_t earliest_ = Timed::never;  // a lower bound of the occupied ticks
};

}  // namespace weir::http
