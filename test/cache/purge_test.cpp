// Goal: C-51 .. C-56: what is purged is stale or gone at once, whatever names it; nothing takes
// that back.

#include "cache/fixture.h"

#include <thread>

using namespace weir;
using namespace weir::cache;
using namespace weir::test;
using namespace std::chrono_literals;
using Kind = Lookup::Kind;

TEST_CASE("each way to name a page makes exactly that page stale", "[cache]") {
  std::vector<std::string> many;
  for (int i = 0; i < 100; ++i) many.push_back("item:" + std::to_string(i));
  struct Row {
    const char* name;
    PurgeRequest request;
    std::vector<std::string> stale;
    std::size_t estimate;
  };
  const std::vector<Row> rows{
      {"tag", {.tags = {"blog"}}, {"/blog/", "/blog/a/"}, 2},
      {"two tags", {.tags = {"blog", "docs"}}, {"/blog/", "/blog/a/", "/docs/"}, 3},
      {"path", {.paths = {"/docs/?page=2"}}, {"/docs/"}, 1},
      {"prefix", {.prefixes = {"/blog/"}}, {"/blog/", "/blog/a/"}, 2},
      {"prefix within a word", {.prefixes = {"/bl"}}, {"/blog/", "/blog/a/"}, 2},
      {"all", {.all = true}, {"/blog/", "/blog/a/", "/docs/", "/list/"}, 4},
      {"a host", {.hosts = {"Example.com:8080"}}, {"/blog/", "/blog/a/", "/docs/", "/list/"}, 4},
      {"another site's host", {.hosts = {"else.example"}}, {}, 0},
      {"a tag among many", {.tags = {"item:77"}}, {"/list/"}, 1},
      {"an unknown tag", {.tags = {"nobody"}}, {}, 0},
  };
  for (const Row& row : rows) {
    INFO(row.name);
    CacheBench bench;
    bench.settings.hosts = {"example.com"};
    bench.open({bench.isr("/blog/", "x", {"blog"}), bench.isr("/blog/a/", "x", {"blog", "b"}),
                bench.isr("/docs/", "x", {"docs"}), bench.isr("/list/", "x", many)});
    const std::vector<std::string> all{"/blog/", "/blog/a/", "/docs/", "/list/"};
    for (const std::string& key : all) bench.see(key);
    const PurgeAnswer answer = bench.purge(row.request);
    CHECK(answer.durable);
    CHECK(answer.seq > 0);
    CHECK(answer.matched_estimate == row.estimate);
    for (const std::string& key : all) {
      INFO(key);
      const bool must_be_stale = std::ranges::find(row.stale, key) != row.stale.end();
      const Lookup found = bench.find(key);
      CHECK(found.kind == Kind::page);
      CHECK((found.freshness == Freshness::stale) == must_be_stale);
    }
    bench.work();
    CHECK(bench.origin.renders == static_cast<int>(row.stale.size()));
    for (const std::string& key : all) CHECK(bench.find(key).freshness == Freshness::fresh);
  }
}

TEST_CASE("pages that come into memory after a purge are as stale as those that were there",
          "[cache]") {
  CacheBench bench;
  std::vector<std::string> many{"rare"};
  for (int i = 0; i < 50; ++i) many.push_back("t" + std::to_string(i));
  bench.open({bench.isr("/a/", "x", {"tag"}), bench.isr("/b/", "x", many), bench.isr("/c/", "x")});
  bench.purge({.tags = {"tag", "rare"}, .prefixes = {"/c"}});
  for (const char* key : {"/a/", "/b/", "/c/"}) {
    bench.see(key);
    bench.work();
  }
  CHECK(bench.origin.renders + static_cast<int>(bench.renders.size()) ==
        0);  // spread at start: the next hit begins it
  bench.clock().advance(1s);
  for (const char* key : {"/a/", "/b/", "/c/"})
    CHECK(bench.find(key).freshness == Freshness::stale);
}

TEST_CASE("C-52: refresh renders at once, hottest first, and no visitor's hit begins it",
          "[cache]") {
  CacheBench bench;
  bench.open({bench.isr("/a/", "x"), bench.isr("/b/", "x"), page("/file", "x")});
  bench.see("/b/");
  std::vector<std::string> order;
  bench.origin.answer = [&](const RenderRequest& request, int) {
    order.emplace_back(request.path);
    return bench.origin.ok("new");
  };
  bench.purge({.all = true, .mode = Mode::refresh});
  CHECK(bench.find("/b/").freshness == Freshness::stale);
  bench.work();
  REQUIRE(order.size() == 3);
  CHECK(order.front() == "/b/");
  CHECK(bench.see("/a/") == "new");
}

TEST_CASE("C-52: wait = fresh answers when the refreshed pages are live", "[cache]") {
  CacheBench bench;
  bench.origin.answer = [&](const RenderRequest& request, int) {
    if (request.path == "/bad/") return Result<Rendered>(Error{Errc::io, "no"});
    return Result<Rendered>(bench.origin.ok("new"));
  };
  bench.open({bench.isr("/a/", "old"), bench.isr("/bad/", "old")});
  bench.see("/a/");
  std::optional<PurgeAnswer> answer;
  bench.cache->purge({.tags = {"all"}, .mode = Mode::refresh, .wait = Wait::fresh},
                     [&](const Result<PurgeAnswer>& given) { answer = need(given); });
  CHECK_FALSE(answer.has_value());
  bench.work();
  REQUIRE(answer);
  CHECK(answer->refreshed == 1);
  CHECK(answer->failed == 1);
  CHECK(answer->durable);
  CHECK(bench.find("/a/").freshness == Freshness::fresh);
  CHECK(CacheBench::body(bench.find("/a/")) == "new");
}

TEST_CASE("C-52: a render that began after the purge is the purge's own", "[cache]") {
  for (const bool has_landed : {false, true}) {
    CacheBench bench;
    bench.open({bench.isr("/a/", "old")});
    bench.see("/a/");
    // A visitor, or another node, sees the purge before the purge begins its own render.
    std::uint64_t recorded = 0;
    bench.cache->on_purge(
        [&](const PurgeRequest& request, std::uint64_t seq) {
          CHECK(request.mode == Mode::refresh);
          recorded = seq;
        },
        [&] {
          CHECK(bench.cache->own_purges().seq == recorded);
          CHECK(bench.find("/a/").freshness == Freshness::stale);
          if (has_landed) bench.work();
        });
    std::optional<PurgeAnswer> answer;
    bench.cache->purge({.paths = {"/a/"}, .mode = Mode::refresh, .wait = Wait::fresh},
                       [&](const Result<PurgeAnswer>& given) { answer = need(given); });
    bench.work();
    REQUIRE(answer);
    CHECK(answer->refreshed == 1);
    CHECK(bench.origin.renders == 1);
    CHECK(bench.find("/a/").freshness == Freshness::fresh);
  }
}

TEST_CASE("C-52: a render that began before the purge is not what it waits for", "[cache]") {
  CacheBench bench;
  bench.open({bench.isr("/a/", "built")});
  bench.see("/a/");
  std::string truth = "old", seen;
  bench.origin.answer = [&](const RenderRequest&, int) {
    Rendered rendered = bench.origin.ok(truth);
    if (truth == "old") {
      truth = "new";
      bench.cache->purge({.paths = {"/a/"}, .mode = Mode::refresh, .wait = Wait::fresh},
                         [&](const Result<PurgeAnswer>& given) {
                           CHECK(need(given).refreshed == 1);
                           seen = CacheBench::body(bench.find("/a/"));
                         });
    }
    return rendered;
  };
  bench.clock().advance(61s);
  bench.find("/a/");
  bench.work();
  CHECK(seen == "new");
  CHECK(bench.origin.renders == 2);
}

TEST_CASE("C-58: a page that another node had made here is not made again for its purge",
          "[cache]") {
  CacheBench bench;
  bench.open({bench.isr("/a/", "old")});
  bench.see("/a/");
  const PurgeRequest request{.paths = {"/a/"}, .mode = Mode::refresh};
  REQUIRE(bench.cache->absorb(record_of(request, {})));
  bool is_made = false;
  REQUIRE(bench.cache->make_fresh(
      "/a/", [&](const Fetched& made) { is_made = made.lookup.freshness == Freshness::fresh; }));
  bench.work();
  CHECK(is_made);
  bench.cache->refresh(request);
  bench.work();
  CHECK(bench.origin.renders == 1);
  CHECK(bench.find("/a/").freshness == Freshness::fresh);
}

TEST_CASE(
    "C-52: a hard purge is never served again; what a failed refill does is the operator's choice",
    "[cache]") {
  for (const bool keeps : {false, true}) {
    CacheBench bench;
    bench.settings.hard_on_error = keeps ? HardOnError::stale : HardOnError::error;
    bench.open({bench.isr("/a/", "secret")});
    bench.see("/a/");
    bench.origin.answer = [](const RenderRequest&, int) {
      return Result<Rendered>(Error{Errc::io, "down"});
    };
    bench.purge({.paths = {"/a/"}, .mode = Mode::hard});
    CHECK(bench.find("/a/").kind == Kind::wait);
    CHECK(bench.see("/a/") == (keeps ? "secret" : "(down)"));
    bench.restart();
    CHECK(bench.see("/a/") == (keeps ? "secret" : "(down)"));
    bench.origin.answer = nullptr;
    bench.clock().advance(2s);
    if (keeps) {
      bench.find("/a/");
      bench.work();
    }
    CHECK(bench.see("/a/").starts_with("render "));
  }
}

TEST_CASE("C-55: a purge that comes while a page is rendered leaves the result stale", "[cache]") {
  for (const Mode mode : {Mode::soft, Mode::refresh, Mode::hard}) {
    CacheBench bench;
    std::string truth = "one";
    bool purges = true;
    bench.origin.answer = [&](const RenderRequest&, int) {
      Rendered rendered = bench.origin.ok(truth);  // read before the purge
      if (purges) {
        purges = false;
        truth = "two";
        bench.cache->purge({.tags = {"all"}, .mode = mode},
                           [](const Result<PurgeAnswer>& answer) { REQUIRE(answer); });
      }
      return rendered;
    };
    bench.open({bench.isr("/a/", "built")});
    bench.see("/a/");
    bench.clock().advance(61s);
    bench.find("/a/");
    bench.renders.step();
    CHECK(bench.find("/a/").freshness != Freshness::fresh);
    bench.see("/a/");
    bench.work();
    CHECK(bench.see("/a/") == "two");
    CHECK(bench.find("/a/").freshness == Freshness::fresh);
    CHECK(bench.origin.renders == 2);
  }
}

TEST_CASE("C-52: who comes after a hard purge is not given what was asked for before it",
          "[cache]") {
  CacheBench bench;
  std::vector<std::string> seen;
  const auto visit = [&] {
    const std::size_t at = seen.size();
    seen.emplace_back("(waits)");
    need(bench.cache->fetch(
        "/a/", [&, at](const Fetched& got) { seen[at] = CacheBench::body(got.lookup); }));
  };
  bench.origin.answer = [&](const RenderRequest&, int number) {
    if (number == 1) {
      visit();  // before the purge: what is being made is good enough
      bench.cache->purge({.paths = {"/a/"}, .mode = Mode::hard},
                         [](const Result<PurgeAnswer>& answer) { REQUIRE(answer); });
      visit();
    }
    return bench.origin.ok("render " + std::to_string(number));
  };
  bench.open({bench.isr("/a/", "built")});
  bench.see("/a/");
  bench.cache->purge({.paths = {"/a/"}, .mode = Mode::hard},
                     [](const Result<PurgeAnswer>& answer) { REQUIRE(answer); });
  visit();
  bench.renders.step();
  CHECK(seen == std::vector<std::string>{"render 1", "render 1", "(waits)"});
  bench.work();
  CHECK(seen.back() == "render 2");
  CHECK(bench.origin.renders == 2);
  CHECK(bench.see("/a/") == "render 2");
}

TEST_CASE("C-58: a refresh that was learnt makes again what was being made before it", "[cache]") {
  CacheBench bench;
  const PurgeRequest request{.paths = {"/a/"}, .mode = Mode::refresh};
  bench.origin.answer = [&](const RenderRequest&, int number) {
    if (number == 1) {
      REQUIRE(bench.cache->absorb(record_of(request, {})));
      bench.cache->refresh(request);
    }
    return bench.origin.ok("render " + std::to_string(number));
  };
  bench.open({bench.isr("/a/", "built")});
  bench.see("/a/");
  bench.clock().advance(61s);
  bench.find("/a/");
  bench.work();
  CHECK(bench.origin.renders == 2);
  CHECK(CacheBench::body(bench.find("/a/")) == "render 2");
  CHECK(bench.find("/a/").freshness == Freshness::fresh);
}

TEST_CASE("C-55: a purge between the end of a render and a restart is not forgotten", "[cache]") {
  CacheBench bench;
  bench.open({bench.isr("/a/", "built"), page("/b/", "built", {"b"})});
  bench.see("/a/");
  bench.clock().advance(61s);
  bench.find("/a/");
  bench.work();
  bench.purge({.tags = {"all", "b"}});
  bench.restart();
  for (const char* key : {"/a/", "/b/"}) {
    bench.see(key);
    CHECK(bench.find(key).freshness == Freshness::stale);
  }
}

TEST_CASE("C-55: a purge during a build leaves its pages stale when they go live", "[cache]") {
  CacheBench bench;
  bench.open({page("/a/", "first", {"tag"})});
  const auto writer = bench.disk.writer();
  need(writer->add(page("/a/", "read before the purge", {"tag"})));
  bench.purge({.tags = {"tag"}});
  need(bench.store->adopt_release(need(writer->finish())));
  bench.cache->use_active_release();
  bench.see("/a/");
  CHECK(bench.find("/a/").freshness == Freshness::stale);
}

TEST_CASE("C-56: a purge that could not be made durable is an error, and memory treats it as done",
          "[cache]") {
  CacheBench bench;
  bench.open({page("/a/", "built", {"tag"})});
  bench.see("/a/");
  bench.disk.disk.fails = [](std::uint64_t) { return true; };
  std::optional<Result<PurgeAnswer>> answer;
  bench.cache->purge({.tags = {"tag"}}, [&](const Result<PurgeAnswer>& given) { answer = given; });
  REQUIRE(answer);
  CHECK(answer->error().code == Errc::full);
  CHECK(bench.find("/a/").freshness == Freshness::stale);
  bench.work();
  CHECK(bench.see("/a/") == "render 1 of /a/");  // from memory
  CHECK(bench.cache->counters().not_stored == 1);
}

TEST_CASE("a purge with an id that was seen does nothing and answers the first number", "[cache]") {
  CacheBench bench;
  bench.open({page("/a/", "built", {"tag"})});
  const PurgeAnswer first = bench.purge({.tags = {"tag"}, .id = "x1"});
  bench.see("/a/");
  bench.clock().advance(1s);
  bench.find("/a/");
  bench.work();
  CHECK(bench.find("/a/").freshness == Freshness::fresh);
  const PurgeAnswer again = bench.purge({.tags = {"tag"}, .mode = Mode::refresh, .id = "x1"});
  CHECK(again.repeated);
  CHECK(again.seq == first.seq);
  CHECK(bench.find("/a/").freshness == Freshness::fresh);
  CHECK(bench.renders.size() == 0);
}

TEST_CASE("a purge that asks for too much, too long or nothing is refused with the reason",
          "[cache]") {
  const std::vector<std::pair<PurgeRequest, Errc>> rows{
      {{}, Errc::invalid},
      {{.tags = std::vector<std::string>(limits::purge_items_max + 1, "t")}, Errc::too_large},
      {{.tags = {std::string(limits::tag_bytes_max + 1, 't')}}, Errc::too_large},
      {{.tags = {""}}, Errc::invalid},
      {{.tags = {"a\nb"}}, Errc::invalid},
      {{.paths = {"blog/"}}, Errc::invalid},
      {{.prefixes = {"blog/"}}, Errc::invalid},
      {{.tags = {"t"}, .id = std::string(200, 'i')}, Errc::too_large},
  };
  for (const auto& [request, code] : rows) CHECK(check_purge(request).error().code == code);
  CHECK(check_purge({.tags = std::vector<std::string>(limits::purge_items_max, "t")}).ok());
  CHECK(parse_mode("hard").value_or(Mode::soft) == Mode::hard);
  CHECK_FALSE(parse_mode("harder").ok());
  CHECK(parse_wait("fresh").value_or(Wait::none) == Wait::fresh);
}

TEST_CASE("a file that no render makes is fresh again after a purge, from the release", "[cache]") {
  CacheBench bench;
  store::NewEntry file = page("/logo.svg", "<svg/>", {"img"});
  file.renderable = store::Renderable::no;
  bench.open({file});
  bench.see("/logo.svg");
  bench.purge({.tags = {"img"}});
  CHECK(bench.find("/logo.svg").freshness == Freshness::stale);
  bench.work();
  CHECK(bench.find("/logo.svg").freshness == Freshness::fresh);
  bench.purge({.tags = {"img"}, .mode = Mode::hard});
  CHECK(bench.see("/logo.svg") == "<svg/>");
  CHECK(bench.origin.renders == 0);
}

TEST_CASE("C-71: an entry says why it is stale", "[cache]") {
  CacheBench bench;
  bench.open({bench.isr("/a/", "built", {"x"}), bench.isr("/p/b/", "built")});
  CHECK(bench.cache->describe("/a/").state == "fresh");
  CHECK_FALSE(bench.cache->describe("/a/").in_memory);
  CHECK(bench.cache->describe("/no").state == "absent");
  bench.see("/a/");
  bench.see("/p/b/");
  CHECK(bench.cache->describe("/a/").state == "fresh");
  CHECK(bench.cache->describe("/a/").tags == std::vector<std::string>{"x"});
  const auto seq = bench.purge({.tags = {"x"}}).seq;
  CHECK(bench.cache->describe("/a/").state == "stale");
  CHECK(bench.cache->describe("/a/").why == "tag x at " + std::to_string(seq));
  const auto prefix = bench.purge({.prefixes = {"/p/"}}).seq;
  CHECK(bench.cache->describe("/p/b/").why == "prefix /p/ at " + std::to_string(prefix));
  const auto path = bench.purge({.paths = {"/p/b/"}}).seq;
  CHECK(bench.cache->describe("/p/b/").why == "path at " + std::to_string(path));
}
