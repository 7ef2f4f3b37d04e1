// Goal: what a route says of its pages holds for them and for no others; a record that is not there
// is believed for a while and no longer than its data say; pages that nobody asked for are made
// without anybody waiting.

#include "cache/fixture.h"

using namespace weir;
using namespace weir::cache;
using namespace weir::test;
using namespace std::chrono_literals;
using Kind = Lookup::Kind;

namespace {

template <class Say>
void make_rules(CacheBench& bench, Say say) {
  KeyRules rules;
  say(rules);
  bench.origin.rules = std::make_shared<const KeyRules>(std::move(rules));
}
void make_rules(CacheBench& bench) {
  make_rules(bench, [](KeyRules&) {});
}

// 404 for every path below /no/.
void lack_some(CacheBench& bench) {
  bench.origin.answer = [&bench](const RenderRequest& request, int) {
    Rendered rendered = bench.origin.ok("page");
    if (request.path.starts_with("/no/")) rendered.status = 404;
    return rendered;
  };
}

}  // namespace

TEST_CASE("C-35: a record that is not there is believed for the route's neg_ttl", "[cache]") {
  CacheBench bench;
  make_rules(bench, [](KeyRules& rules) { rules.neg_ttl = 3s; });
  lack_some(bench);
  bench.open({});
  CHECK(bench.see("/no/a") == "(gone)");
  bench.clock().advance(2999ms);
  CHECK(bench.see("/no/a") == "(gone)");
  CHECK(bench.origin.renders == 1);
  bench.clock().advance(1ms);
  CHECK(bench.see("/no/a") == "(gone)");
  CHECK(bench.origin.renders == 2);
}

TEST_CASE("a 404 goes with the data that it was read from", "[cache]") {
  CacheBench bench;
  make_rules(bench, [](KeyRules& rules) { rules.neg_ttl = 1h; });
  lack_some(bench);
  bench.origin.tags = {"data:data/products.json"};
  bench.open({});
  CHECK(bench.see("/no/a") == "(gone)");
  bench.purge({.tags = {"data:data/products.json"}});
  bench.origin.answer = nullptr;
  bench.find("/no/a");  // the next one starts the refresh
  bench.work();
  CHECK(bench.see("/no/a") == "render 2 of /no/a");
}

TEST_CASE("C-10: a page that was on disk and is no more does not come back with a restart",
          "[cache]") {
  CacheBench bench;
  make_rules(bench, [](KeyRules& rules) { rules.neg_ttl = 1h; });
  bench.open({});
  CHECK(bench.see("/x") == "render 1 of /x");
  bench.purge({.paths = {"/x"}, .mode = Mode::refresh});
  bench.work();
  CHECK(bench.store->counters().fills == 1);
  bench.origin.answer = [&](const RenderRequest&, int) {
    Rendered rendered = bench.origin.ok("");
    rendered.status = 410;
    return rendered;
  };
  bench.purge({.paths = {"/x"}, .mode = Mode::refresh});
  bench.work();
  CHECK(bench.see("/x") == "(gone)");
  bench.restart();
  CHECK(bench.see("/x") == "(gone)");
}

TEST_CASE("C-4: a route's fill_wait is its visitors' patience", "[cache]") {
  CacheBench bench;
  make_rules(bench, [](KeyRules& rules) { rules.fill_wait = 1s; });
  bench.open({});
  bool is_late = false;
  need(bench.cache->fetch("/slow", [&](const Fetched& fetched) { is_late = fetched.late; }));
  bench.clock().advance(999ms);
  bench.cache->tick();
  CHECK_FALSE(is_late);
  bench.clock().advance(1ms);
  bench.cache->tick();
  CHECK(is_late);
}

TEST_CASE("C-52: a route says what a hard purge leaves when its page cannot be made", "[cache]") {
  for (const HardOnError said : {HardOnError::error, HardOnError::stale}) {
    CacheBench bench;
    make_rules(bench, [said](KeyRules& rules) { rules.hard_on_error = said; });
    bench.open({});
    CHECK(bench.see("/x") == "render 1 of /x");
    bench.origin.answer = [](const RenderRequest&, int) { return Error{Errc::io, "down"}; };
    bench.purge({.paths = {"/x"}, .mode = Mode::hard});
    CHECK(bench.see("/x") == (said == HardOnError::stale ? "render 1 of /x" : "(down)"));
  }
}

TEST_CASE("C-16: a page that nobody waits for is made once, and then is there", "[cache]") {
  CacheBench bench;
  make_rules(bench);
  bench.open({});
  CHECK_FALSE(bench.cache->has_copy("/x"));
  bench.cache->make("/x");
  bench.cache->make("/x");
  CHECK(bench.cache->has_copy("/x"));  // on its way
  CHECK(bench.find("/x").kind == Kind::wait);
  bench.work();
  CHECK(bench.origin.renders == 1);
  CHECK(bench.find("/x").kind == Kind::page);
}

TEST_CASE("what the release holds is no made page, whatever a route says", "[cache]") {
  CacheBench bench;
  make_rules(bench, [](KeyRules& rules) { rules.hard_on_error = HardOnError::stale; });
  bench.open({bench.isr("/a/", "built")});
  CHECK(bench.see("/a/") == "built");
  CHECK(bench.find("/a/").page->rules == nullptr);
  bench.purge({.paths = {"/a/"}, .mode = Mode::refresh});
  bench.work();
  CHECK(bench.find("/a/").page->rules == nullptr);
  CHECK(bench.store->counters().fills == 1);  // at once: the address was not invented
  CHECK(bench.see("/x") == "render 2 of /x");
  CHECK(bench.find("/x").page->rules != nullptr);
}

TEST_CASE("C-52: a purge that refreshes finds pages that are in memory alone", "[cache]") {
  CacheBench bench;
  make_rules(bench);
  bench.origin.tags = {"shop"};
  bench.open({});
  for (const char* key : {"/p/a", "/p/b", "/p/a?page=2"}) bench.see(key);
  CHECK(bench.origin.renders == 3);
  const auto answer = bench.purge({.tags = {"shop"}, .mode = Mode::refresh, .wait = Wait::fresh});
  CHECK(answer.refreshed == 3);
  CHECK(bench.origin.renders == 6);
  bench.purge({.prefixes = {"/p/a"}, .mode = Mode::refresh});
  bench.work();
  CHECK(bench.origin.renders == 8);
}
