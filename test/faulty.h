#pragma once
// Loops that fail the first call, the second, ... until a run was clean. Only where faults are
// compiled in; elsewhere the test says that it was skipped, and is counted.

#include "base/faults.h"
#include "support.h"

#include <catch2/catch.hpp>

#include <cstdint>
#include <functional>

namespace weir::test {

inline bool has_faults() {
  if (!faults::are_compiled_in) skip("faults are in the debug and asan builds");
  return faults::are_compiled_in;
}

// Runs `prepare`, `work` and `look` again and again, the n-th time with the n-th call of
// `plan.calls` within `work` failing, until no call failed. Every call up to `all`, then
// each `stride`-th: what comes later is mostly what came before with other data.
inline void fail_each(faults::Plan plan, const std::function<void()>& prepare,
                      const std::function<void()>& work, const std::function<void()>& look,
                      std::uint64_t all = 200, std::uint64_t stride = 13) {
  constexpr std::uint64_t runs_max = 100'000;
  for (plan.first = 1; plan.first < runs_max; plan.first += plan.first < all ? 1 : stride) {
    std::uint64_t failed = 0;
    prepare();
    {
      const faults::Armed armed(plan);
      work();
      failed = armed.failed();
    }
    INFO("call " << plan.first << " of kinds " << plan.calls << " failed with " << plan.error);
    look();
    if (failed == 0) return;
  }
  FAIL("no run was clean");
}

}  // namespace weir::test
