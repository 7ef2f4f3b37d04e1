#pragma once
// How often something may happen: a burst at once, then so many a second. One thread.

#include "base/clock.h"

#include <algorithm>
#include <cstdint>

namespace weir::http {

class TokenBucket {
 public:
  TokenBucket(std::size_t burst, std::size_t per_second, Mono now)
      : burst_(static_cast<std::int64_t>(burst) * unit),
        per_second_(static_cast<std::int64_t>(per_second)),
        left_(burst_),
        then_(now) {}

  // False = the bucket was empty.
  bool take(Mono now) {
    const std::int64_t passed = std::min<std::int64_t>((now - then_).count(), full_after_max);
    left_ = std::min(burst_, left_ + passed * per_second_);
    then_ = now;
    if (left_ < unit) return false;
    left_ -= unit;
    return true;
  }

 private:
  static constexpr std::int64_t unit = 1'000'000'000;  // one token, so that a nanosecond counts
  static constexpr std::int64_t full_after_max = 1'000 * unit;  // longer spans say nothing more
  std::int64_t burst_;
  std::int64_t per_second_;
  std::int64_t left_;
  Mono then_;
};

}  // namespace weir::http
