// Goal: what a process may use is read as the kernel means it, and what it uses follows what it
// takes.

#include "base/memory.h"

#include "base/bytes.h"

#include <catch2/catch.hpp>

#include <cstring>
#include <memory>

using namespace weir;

TEST_CASE("the bound of a control group is read in both versions", "[base]") {
  CHECK(memory_bound_of("67108864\n") == 64 * MiB);
  CHECK(memory_bound_of("67108864") == 64 * MiB);
  CHECK(memory_bound_of("max\n") == 0);
  CHECK(memory_bound_of("9223372036854771712\n") == 0);  // version 1: no bound
  CHECK(memory_bound_of("") == 0);
  CHECK(memory_bound_of("12 MB") == 0);

  const std::string_view hybrid =
      "13:cpu,cpuacct:/a\n4:memory:/user/1\n2:hugetlb,memory2:/x\n0::/user.slice/a.scope\n";
  CHECK(group_path_of(hybrid, "") == "/user.slice/a.scope");
  CHECK(group_path_of(hybrid, "memory") == "/user/1");
  CHECK(group_path_of("3:cpu,memory:/both\n", "memory") == "/both");
  CHECK(group_path_of("0::/\n", "") == "");
  CHECK(group_path_of("0::/\n", "memory") == "");
  CHECK(group_path_of("nonsense\n:\n", "memory") == "");
}

TEST_CASE("the ladder goes up at 95 and 98 percent, and down below 95", "[base][limits]") {
  constexpr std::size_t most = 100 * MiB;
  CHECK(pressure_of(95 * MiB - 1, most, Pressure::none) == Pressure::none);
  CHECK(pressure_of(95 * MiB, most, Pressure::none) == Pressure::shed);
  CHECK(pressure_of(98 * MiB - 1, most, Pressure::none) == Pressure::shed);
  CHECK(pressure_of(98 * MiB, most, Pressure::none) == Pressure::refuse);
  CHECK(pressure_of(96 * MiB, most, Pressure::refuse) == Pressure::refuse);
  CHECK(pressure_of(96 * MiB, most, Pressure::shed) == Pressure::shed);
  CHECK(pressure_of(95 * MiB - 1, most, Pressure::refuse) == Pressure::none);
  CHECK(pressure_of(200 * MiB, 0, Pressure::none) == Pressure::none);  // no bound is known
}

TEST_CASE("some memory is allowed, and what is taken is seen", "[base]") {
  CHECK(memory_allowed() > 16 * MiB);
  const MemoryMeter meter;
  const std::size_t before = meter.used();
  CHECK(before > 0);
  constexpr std::size_t bytes = 64 * MiB;
  const auto taken = std::make_unique<char[]>(bytes);
  std::memset(taken.get(), 1, bytes);
  CHECK(meter.used() >= before + bytes / 2);
}
