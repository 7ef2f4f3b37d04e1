#pragma once
// How long to leave a source alone that has failed `failures` times in a row (C-11): 1 s, doubled
// each time up to 60 s, each +-20 % so that what failed together is not tried again together.
// `random_unit` is in [0, 1). Pure.

#include "base/clock.h"

#include <algorithm>
#include <chrono>

namespace weir::cache {

inline Nanos backoff_of(unsigned failures, double random_unit) {
  constexpr Nanos first = std::chrono::seconds(1);
  constexpr Nanos longest = std::chrono::seconds(60);
  constexpr double jitter = 0.2;
  Nanos wait = first;
  for (unsigned i = 1; i < failures && wait < longest; ++i) wait *= 2;
  wait = std::min(wait, longest);
  const double factor = 1.0 - jitter + 2 * jitter * random_unit;
  return Nanos(static_cast<std::int64_t>(static_cast<double>(wait.count()) * factor));
}

}  // namespace weir::cache
