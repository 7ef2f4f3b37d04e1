#include "http/timer_wheel.h"

#include <algorithm>

namespace weir::http {

TimerWheel::TimerWheel(Mono now) : current_(now.ns >> tick_bits) {
  for (Timed& head : slots_) head.before = head.behind = &head;
}

void TimerWheel::place(Timed& timed) {
  if (timed.is_linked()) remove(timed);
  const std::int64_t wanted =
      (timed.due_ns >> tick_bits) + 1;  // the first tick at which it has passed for sure
  timed.tick = std::clamp(wanted, current_ + 1, current_ + static_cast<std::int64_t>(slots) - 1);
  Timed& head = slots_[static_cast<std::size_t>(timed.tick) % slots];
  earliest_ = std::min(earliest_, timed.tick);
  timed.before = head.before;
  timed.behind = &head;
  head.before->behind = &timed;
  head.before = &timed;
}

void TimerWheel::remove(Timed& timed) {
  if (!timed.is_linked()) return;
  timed.before->behind = timed.behind;
  timed.behind->before = timed.before;
  timed.before = timed.behind = nullptr;
}

void TimerWheel::take(Timed& head, Timed& list) {
  list.behind = head.behind;
  list.before = head.before;
  list.behind->before = &list;
  list.before->behind = &list;
  head.before = head.behind = &head;
}

void TimerWheel::find_earliest() {
  earliest_ = Timed::never;
  for (std::int64_t tick = current_ + 1; tick < current_ + static_cast<std::int64_t>(slots);
       ++tick) {
    const Timed& head = slots_[static_cast<std::size_t>(tick) % slots];
    if (head.behind == &head) continue;
    earliest_ = tick;
    return;
  }
}

}  // namespace weir::http
