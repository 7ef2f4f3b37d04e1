#pragma once
// A value that cannot be touched without its lock.
//
//   Guarded<int> count{0};
//   count.with([](int& n) { ++n; });
//
// Under the lock: no I/O, no callback into other rooms, no second lock. Callable from any thread.

#include <mutex>
#include <utility>

namespace weir {

template <class T>
class Guarded {
 public:
  Guarded() = default;
  explicit Guarded(T value) : value_(std::move(value)) {}
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;

  template <class F>
  decltype(auto) with(F&& use) {
    const std::lock_guard lock(mutex_);
    return std::forward<F>(use)(value_);
  }
  template <class F>
  decltype(auto) with(F&& use) const {
    const std::lock_guard lock(mutex_);
    return std::forward<F>(use)(std::as_const(value_));
  }

 private:
  mutable std::mutex mutex_;
  T value_{};
};

}  // namespace weir
