#pragma once
// Time, from one place. Nobody else asks the kernel; tests hold a ManualClock and never sleep.
//
// Two times that are never mixed: `Mono` orders and measures (it never goes back); `Wall` only
// makes and reads dates (it may jump). Both in nanoseconds.

#include <atomic>
#include <chrono>
#include <cstdint>

namespace weir {

using Nanos = std::chrono::nanoseconds;

struct Mono {
  std::int64_t ns = 0;
  friend auto operator<=>(Mono, Mono) = default;
  friend Mono operator+(Mono at, Nanos span) { return {at.ns + span.count()}; }
  friend Nanos operator-(Mono later, Mono earlier) { return Nanos(later.ns - earlier.ns); }
};

struct Wall {
  std::int64_t ns = 0;  // since 1970-01-01T00:00:00Z
  friend auto operator<=>(Wall, Wall) = default;
  friend Wall operator+(Wall at, Nanos span) { return {at.ns + span.count()}; }
  friend Nanos operator-(Wall later, Wall earlier) { return Nanos(later.ns - earlier.ns); }
  std::int64_t seconds() const { return ns / 1'000'000'000; }
  std::int64_t millis() const { return ns / 1'000'000; }
};

// Safe to call from any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Mono mono() const = 0;
  virtual Wall wall() const = 0;
};

class SystemClock final : public Clock {
 public:
  Mono mono() const override;
  Wall wall() const override;
};

// Stands still until told. Both times advance together; the wall clock can also be set apart.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Wall wall = {1'700'000'000'000'000'000})
      : mono_(1'000'000'000), wall_(wall.ns) {}
  Mono mono() const override { return {mono_.load()}; }
  Wall wall() const override { return {wall_.load()}; }
  void advance(Nanos span) {
    mono_ += span.count();
    wall_ += span.count();
  }
  void turn_wall_to(Wall wall) { wall_ = wall.ns; }

 private:
  std::atomic<std::int64_t> mono_;
  std::atomic<std::int64_t> wall_;
};

}  // namespace weir
