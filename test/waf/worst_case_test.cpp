// Goal: no value, however built, costs much more than 1 ms per 8 KB (W-37, W-73).
// Method: for every rule, pieces of its own attacks repeated to 8 KB, through all rules. CPU time of this thread, so
// that a busy machine does not matter; the bound here is ten times the promise, which is what a slip to quadratic
// work passes by far. bench/guard_bench prints the real figure.

#include "support.h"

#include "waf/inspect.h"

#include <catch2/catch.hpp>

#include <time.h>

using namespace weir;
using namespace weir::waf;

namespace {
double cpu_ms() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}
}  // namespace

TEST_CASE("repeated pieces of attacks stay within ten times 1 ms per 8 KB", "[waf]") {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  test::skip("time bounds mean nothing under a sanitizer");
#else
  const auto rules = RuleSet::own({.paranoia = 4});
  REQUIRE(rules.ok());
  Inspector inspector(*rules, {.clean_memory = CleanMemory::off});
  const std::size_t step = test::rounds(5, 1);
  std::size_t number = 0;
  for (const Rule& rule : (*rules)->rules())
    for (const std::string& text : rule.test_block)
      for (std::size_t first = 0; first < std::min<std::size_t>(text.size(), 24); ++first)
        for (const std::size_t count : {1, 2, 3, 5, 8, 13, 24, 60}) {
          if (first + count > text.size() || ++number % step != 0) continue;
          std::string value;
          while (value.size() < 8192) value += text.substr(first, count);
          for (const Target target : {Target::args, Target::body}) {
            const double start = cpu_ms();
            inspector.inspect_value(target, "x", value);
            const double spent = cpu_ms() - start;
            INFO(rule.name << ": " << text.substr(first, count) << " in " << name_of(target));
            if (spent > 10) FAIL_CHECK(spent << " ms");
          }
        }
#endif
}
