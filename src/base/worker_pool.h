#pragma once
// A fixed number of threads that work off one bounded queue, in order of arrival.
//
// `offer` never waits: a full queue is Errc::full, and the caller says so (503, or the stale copy
// stays). Work runs exactly once or, when the pool is destroyed first, not at all. Work must not
// throw, except for want of memory: it then ends where it stood, and is counted. Callable from any
// thread. The destructor lets running work end and drops what is queued.

#include "base/result.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace weir {

class WorkerPool {
 public:
  WorkerPool(std::string name, std::size_t threads, std::size_t queue_max);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  Status offer(std::function<void()> work);
  std::size_t queued() const;
  std::uint64_t lost() const;  // works that memory did not suffice for
  void wait_until_idle();      // nothing queued, nothing running; for build phases and tests

 private:
  struct Shared;
  std::unique_ptr<Shared> shared_;
};

// Runs `work(i)` for every i in [0, count) on `threads` threads (the caller's is one of them) and
// returns when all are done. Items are taken one by one, so uneven work balances itself. Work must
// not throw.
void for_each_parallel(std::size_t count, std::size_t threads,
                       const std::function<void(std::size_t)>& work);

// The same for work that may fail: the first error that came. What has not begun by then is left.
Status try_each_parallel(std::size_t count, std::size_t threads,
                         const std::function<Status(std::size_t)>& work);

std::size_t cores();  // that this process may run on, at least 1

}  // namespace weir
