#pragma once
// One event loop: one thread, its connections, its timers. `post` may be called from any thread,
// all else only from the loop's own.

#include "base/clock.h"
#include "base/result.h"
#include "http/exchange.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

namespace weir::http {

struct LoopCore;

struct Watched;

// Whoever has a descriptor of its own on the loop's epoll: the upstream client. Edge-triggered for
// IN, OUT and RDHUP: `on_ready` is told what happened since, and reads or writes until EAGAIN. One
// descriptor per watcher. May be destroyed behind Loop::unwatch, even within its own on_ready.
class Watcher {
 public:
  Watcher() = default;
  virtual ~Watcher() = default;
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;
  virtual void on_ready(std::uint32_t epoll_events) = 0;

 private:
  friend struct LoopCore;
  Watched* watched_ = nullptr;
};

struct TimerId {
  std::int64_t due_ns = 0;
  std::uint64_t serial = 0;  // 0 = names nothing
};

class Loop {
 public:
  explicit Loop(LoopCore& core) : core_(core) {}
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Any thread. Runs `work` on this loop's thread, in the order of posting, at most once: not at
  // all when the loop has ended. Cheap in bursts: one wake for all that were posted meanwhile. Must
  // not throw.
  void post(std::function<void()> work);

  Exchange* find(ExchangeId id);                          // null = finished
  TimerId after(Nanos span, std::function<void()> call);  // never inside a batch of events
  void cancel(TimerId timer);                             // no effect when it has run
  // The descriptor stays the watcher's; unwatch before closing it. Error: the kernel's reason.
  Status watch(int descriptor, Watcher& watcher);
  void unwatch(Watcher& watcher);  // no effect when it is not watched
  Mono now() const;                // of the current wake; cheap
  Wall wall() const;               // to the second, of the current wake
  std::string_view date() const;   // "Fri, 20 Nov 2026 23:28:45 GMT", of the current second
  int index() const;               // 0 .. loops - 1
  bool stopping() const;           // draining: long polls should end soon

 private:
  friend class Exchange;
  friend class Connection;
  friend class StreamWriter;
  LoopCore& core_;
};

}  // namespace weir::http
