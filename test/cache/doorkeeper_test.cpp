// Goal: what is made once is told from what is made again, within 64 KiB whatever comes (C-67).

#include "cache/doorkeeper.h"

#include "cache/fixture.h"

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::cache;
using namespace weir::test;

TEST_CASE("C-67: the second knock is known, and nearly nobody's first is taken for one",
          "[cache]") {
  Doorkeeper doorkeeper(HashKey::of("test"));
  CHECK_FALSE(doorkeeper.knocks_again("/a"));
  CHECK(doorkeeper.knocks_again("/a"));
  CHECK(doorkeeper.knocks_again("/a"));
  int mistakes = 0;
  for (std::size_t i = 0; i < 100'000; ++i)
    mistakes += doorkeeper.knocks_again("/once/" + std::to_string(i)) ? 1 : 0;
  CHECK(mistakes < 5'000);
}

TEST_CASE("C-67: what is not asked for again is forgotten", "[cache]") {
  Doorkeeper doorkeeper(HashKey::of("test"));
  doorkeeper.knocks_again("/a");
  for (std::size_t i = 0; i < limits::doorkeeper_fills; ++i)
    doorkeeper.knocks_again("/others/" + std::to_string(i % 8));
  CHECK_FALSE(doorkeeper.knocks_again("/a"));
}

TEST_CASE("C-67: a page that no file is goes to disk when it is made again", "[cache]") {
  CacheBench bench;
  bench.origin.rules = std::make_shared<KeyRules>();
  bench.open({});
  for (int i = 0; i < 100; ++i) bench.see("/once/" + std::to_string(i));
  CHECK(bench.store->counters().fills == 0);
  CHECK(bench.cache->counters().not_admitted == 100);
  CHECK(bench.see("/twice") == "render 101 of /twice");
  bench.clock().advance(std::chrono::seconds(61));
  bench.find("/twice");  // stale: it is made again
  bench.work();
  CHECK(bench.store->counters().fills == 1);
  bench.restart();
  CHECK(bench.see("/twice") == "render 102 of /twice");
  CHECK(bench.see("/once/1") == "render 103 of /once/1");  // its memory ended with the process
}
