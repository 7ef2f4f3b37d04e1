#include "base/clock.h"

#include <ctime>

namespace weir {
namespace {
std::int64_t nanos_of(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}
}  // namespace

Mono SystemClock::mono() const { return {nanos_of(CLOCK_MONOTONIC)}; }
Wall SystemClock::wall() const { return {nanos_of(CLOCK_REALTIME)}; }

}  // namespace weir
