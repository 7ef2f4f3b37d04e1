#pragma once
// What a loop counts. Written by its own thread alone, read by any (the metrics endpoint adds the
// loops up), so every count is a relaxed atomic that is loaded and stored, never locked.

#include <array>
#include <atomic>
#include <cstdint>

namespace weir::edge {

class Count {
 public:
  void add(std::uint64_t more = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
  }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// The largest of what was seen; written by one thread.
class Peak {
 public:
  void see(std::uint64_t value) {
    if (value > value_.load(std::memory_order_relaxed))
      value_.store(value, std::memory_order_relaxed);
  }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// Upper bounds in microseconds of the latency histograms; one more bucket holds the rest.
inline constexpr std::array<std::uint32_t, 12> latency_bounds_us{
    5, 10, 25, 50, 100, 250, 500, 1'000, 5'000, 25'000, 100'000, 1'000'000};

class Histogram {
 public:
  void add(std::uint64_t microseconds) {
    std::size_t at = 0;
    while (at < latency_bounds_us.size() && microseconds > latency_bounds_us[at]) ++at;
    buckets_[at].add();
    sum_us_.add(microseconds);
  }
  std::uint64_t bucket(std::size_t index) const { return buckets_[index].value(); }
  std::uint64_t sum_us() const { return sum_us_.value(); }

 private:
  std::array<Count, latency_bounds_us.size() + 1> buckets_;
  Count sum_us_;
};

inline constexpr std::size_t step_kinds = 4;      // the rows of the step table (steps.cpp)
inline constexpr std::size_t step_outcomes = 6;   // guard::StageOutcome
inline constexpr std::size_t cache_outcomes = 4;  // hit, stale, miss, bypass

struct Counters {
  std::array<Count, 6> statuses;  // by the first digit; [0] = gone before an answer
  Count bytes_sent;
  Histogram latency;
  std::array<std::array<Count, step_outcomes>, step_kinds> steps;
  std::array<Histogram, step_kinds> step_latency;
  std::array<Count, cache_outcomes> cache;
  Count engine_refusals;  // bytes that were no request
  Count late_verdicts;    // a step took longer than its timeout
  Count log_lines_dropped;
  Peak oldest_stale_answer_s;  // that was served of another server
};

}  // namespace weir::edge
