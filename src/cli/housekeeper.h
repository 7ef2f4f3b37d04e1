#pragma once
// Calls `tick` again and again on a thread of its own until it is destroyed. The destructor waits
// for a call that is under way.

#include "base/clock.h"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace weir::cli {

class Housekeeper {
 public:
  Housekeeper(Nanos each, std::function<void()> tick)
      : thread_([this, each, tick = std::move(tick)] { run(each, tick); }) {}
  ~Housekeeper() {
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }
  Housekeeper(const Housekeeper&) = delete;
  Housekeeper& operator=(const Housekeeper&) = delete;

 private:
  void run(Nanos each, const std::function<void()>& tick) {
    std::unique_lock lock(mutex_);
    while (!ended_) {
      lock.unlock();
      tick();
      lock.lock();
      wake_.wait_for(lock, each, [this] { return ended_; });
    }
  }
  std::mutex mutex_;
  std::condition_variable wake_;
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace weir::cli
