// Goal: each row of the state machine (cache specification, section 2) for pages with and without a
// ttl. Method: a manual clock and workers that run when told; no threads, no sleeping.

#include "cache/fixture.h"

#include <malloc.h>

using namespace weir;
using namespace weir::cache;
using namespace weir::test;
using namespace std::chrono_literals;
using Kind = Lookup::Kind;

TEST_CASE("C-3: all who ask for an absent page wait for one load and are woken by it", "[cache]") {
  CacheBench bench;
  bench.open({bench.isr("/a/", "built")});
  int woken = 0;
  int collapsed = 0;
  for (int i = 0; i < 64; ++i) {
    CHECK(bench.find("/a/").kind == Kind::wait);
    need(bench.cache->fetch("/a/", [&](const Fetched& fetched) {
      woken += CacheBench::body(fetched.lookup) == "built" ? 1 : 0;
      collapsed += fetched.collapsed ? 1 : 0;
    }));
  }
  CHECK(bench.loads.size() == 1);
  bench.work();
  CHECK(woken == 64);
  CHECK(collapsed == 63);
  CHECK(bench.origin.renders == 0);
  CHECK(bench.find("/a/").freshness == Freshness::fresh);
}

TEST_CASE("C-3: an unknown key of a dynamic route is rendered once for all who ask", "[cache]") {
  CacheBench bench;
  bench.origin.rules = std::make_shared<KeyRules>();
  bench.open({});
  int woken = 0;
  for (int i = 0; i < 16; ++i)
    need(bench.cache->fetch("/new",
                            [&](const Fetched& fetched) { woken += fetched.filled ? 1 : 0; }));
  bench.work();
  CHECK(woken == 16);
  CHECK(bench.origin.renders == 1);
  CHECK(bench.find("/new").freshness == Freshness::fresh);
}

TEST_CASE("C-4: who waits longer than fill_wait is told, and no second render begins", "[cache]") {
  CacheBench bench;
  bench.origin.rules = std::make_shared<KeyRules>();
  bench.open({});
  std::optional<Fetched> told;
  need(bench.cache->fetch("/slow", [&](const Fetched& fetched) { told = fetched; }));
  bench.loads.run();
  bench.clock().advance(4999ms);
  bench.cache->tick();
  CHECK_FALSE(told.has_value());
  bench.clock().advance(1ms);
  bench.cache->tick();
  REQUIRE(told);
  CHECK(told->late);
  CHECK(told->error);
  need(bench.cache->fetch("/slow", [](const Fetched&) {}));
  CHECK(bench.renders.size() == 1);
  bench.work();
  CHECK(bench.origin.renders == 1);
  CHECK(bench.see("/slow") == "render 1 of /slow");
}

TEST_CASE("C-5: a hot page is refreshed before it expires, once, and a cold one is not",
          "[cache]") {
  CacheBench bench;
  bench.settings.refresh_ahead_percent = 10;
  bench.open({bench.isr("/hot", "built"), bench.isr("/cold", "built")});
  bench.see("/hot");
  bench.see("/cold");
  bench.clock().advance(53s);
  for (int i = 0; i < 100; ++i) CHECK(bench.find("/hot").freshness == Freshness::fresh);
  CHECK(bench.renders.size() == 0);
  for (int i = 0; i < 4; ++i) {
    bench.clock().advance(1500ms);
    bench.find("/cold");
    for (int j = 0; j < 50; ++j) {
      bench.clock().advance(1ms);
      CHECK(bench.find("/hot").freshness == Freshness::fresh);
    }
  }
  CHECK(bench.renders.size() == 1);
  bench.work();
  CHECK(bench.see("/hot") == "render 1 of /hot");
}

TEST_CASE("C-6, C-7: a stale page is answered at once and refreshed by exactly one worker",
          "[cache]") {
  CacheBench bench;
  bench.open({bench.isr("/a/", "built")});
  bench.see("/a/");
  bench.clock().advance(60s);
  for (int i = 0; i < 100; ++i) {
    const Lookup found = bench.find("/a/");
    CHECK(found.kind == Kind::page);
    CHECK(found.freshness == Freshness::stale);
    CHECK(found.detail == Detail::swr);
    CHECK(found.age_s == 60);
    CHECK(CacheBench::body(found) == "built");
  }
  CHECK(bench.renders.size() == 1);
  bench.work();
  CHECK(bench.origin.renders == 1);
  const Lookup fresh = bench.find("/a/");
  CHECK(fresh.freshness == Freshness::fresh);
  CHECK(CacheBench::body(fresh) == "render 1 of /a/");
  CHECK(fresh.age_s == 0);
  CHECK(*fresh.ttl_s == 60);
}

TEST_CASE(
    "C-8: new bytes are a new generation; equal bytes keep ETag, Last-Modified and the body itself",
    "[cache]") {
  CacheBench bench;
  bench.origin.answer = [&](const RenderRequest&, int number) {
    return bench.origin.ok(number < 3 ? "same" : "other");
  };
  bench.open({bench.isr("/a/", "built")});
  bench.see("/a/");
  std::vector<std::shared_ptr<const Page>> seen{bench.find("/a/").page};
  for (int i = 0; i < 3; ++i) {
    bench.clock().advance(61s);
    bench.find("/a/");
    bench.work();
    seen.push_back(bench.find("/a/").page);
  }
  for (std::size_t i = 1; i < seen.size(); ++i)
    CHECK(seen[i]->generation > seen[i - 1]->generation);
  const auto etag = [&](std::size_t i) { return seen[i]->find(store::Codec::identity)->etag; };
  CHECK(etag(0) != etag(1));
  CHECK(etag(1) == etag(2));
  CHECK(seen[1]->modified == seen[2]->modified);
  CHECK(seen[1]->find(store::Codec::identity)->body == seen[2]->find(store::Codec::identity)->body);
  CHECK(etag(2) != etag(3));
  CHECK(seen[3]->modified > seen[2]->modified);
  CHECK(bench.cache->counters().refreshes_equal == 1);
}

TEST_CASE(
    "C-10: a page that the origin says is gone is replaced, and asked for again after neg_ttl",
    "[cache]") {
  CacheBench bench;
  bool is_gone = true;
  bench.origin.answer = [&](const RenderRequest&, int) {
    Rendered rendered = bench.origin.ok("back");
    if (is_gone) rendered.status = 410;
    return rendered;
  };
  bench.open({bench.isr("/a/", "built")});
  bench.see("/a/");
  bench.clock().advance(61s);
  CHECK(bench.see("/a/") == "built");
  bench.work();
  CHECK(bench.see("/a/") == "(gone)");
  CHECK(bench.find("/a/").page->status == 410);
  bench.restart();
  CHECK(bench.see("/a/") == "(gone)");
  bench.clock().advance(10s);
  is_gone = false;
  CHECK(bench.see("/a/") == "back");
}

TEST_CASE("C-11: a failing refresh keeps the old copy and backs off 1, 2, 4 .. 60 s with jitter",
          "[cache]") {
  CacheBench bench;
  bench.origin.answer = [](const RenderRequest&, int) {
    return Result<Rendered>(Error{Errc::io, "no database"});
  };
  bench.open({bench.isr("/a/", "built")});
  bench.see("/a/");
  bench.clock().advance(61s);
  std::vector<double> gaps;
  double last = 0;
  double now = 0;
  bench.find("/a/");
  bench.work();
  while (gaps.size() < 9) {
    bench.clock().advance(50ms);
    now += 0.05;
    const Lookup found = bench.find("/a/");
    REQUIRE(found.kind == Kind::page);
    CHECK(CacheBench::body(found) == "built");
    const int before = bench.origin.renders;
    bench.work();
    if (bench.origin.renders == before) continue;
    CHECK(bench.origin.renders == before + 1);
    gaps.push_back(now - last);
    last = now;
  }
  double expected = 1;
  for (const double gap : gaps) {
    CHECK(gap >= expected * 0.79);
    CHECK(gap <= expected * 1.21 + 0.06);
    expected = std::min(expected * 2, 60.0);
  }
  CHECK(bench.cache->describe("/a/").state == "error");
  CHECK(bench.cache->describe("/a/").last_error == "no database");
  bench.origin.answer = nullptr;
  bench.clock().advance(73s);
  bench.find("/a/");
  bench.work();
  CHECK(bench.find("/a/").freshness == Freshness::fresh);
  CHECK(bench.cache->describe("/a/").failures == 0);
}

TEST_CASE("C-11: a status of 500 and above is a failure too", "[cache]") {
  CacheBench bench;
  bench.origin.answer = [&](const RenderRequest&, int) {
    Rendered rendered = bench.origin.ok("oops");
    rendered.status = 503;
    return rendered;
  };
  bench.open({bench.isr("/a/", "built")});
  bench.see("/a/");
  bench.clock().advance(61s);
  bench.find("/a/");
  bench.work();
  CHECK(bench.see("/a/") == "built");
  CHECK(bench.cache->counters().refreshes_failed == 1);
}

TEST_CASE("C-12: an expired page is rendered once while all who ask wait", "[cache]") {
  CacheBench bench;
  bench.open({bench.isr("/a/", "built")});
  bench.see("/a/");
  bench.clock().advance(60s + 10min);
  int woken = 0;
  for (int i = 0; i < 10; ++i) {
    CHECK(bench.find("/a/").kind == Kind::wait);
    need(bench.cache->fetch("/a/", [&](const Fetched& fetched) {
      woken += CacheBench::body(fetched.lookup) == "render 1 of /a/";
    }));
  }
  bench.work();
  CHECK(woken == 10);
  CHECK(bench.origin.renders == 1);
}

TEST_CASE("C-13: an expired page whose render fails is served within sie, and is an error after it",
          "[cache]") {
  CacheBench bench;
  bench.origin.answer = [](const RenderRequest&, int) {
    return Result<Rendered>(Error{Errc::io, "no database"});
  };
  bench.open({bench.isr("/a/", "built")});
  bench.see("/a/");
  bench.clock().advance(60s + 10min);
  const Fetched within = bench.get("/a/");
  CHECK(CacheBench::body(within.lookup) == "built");
  CHECK(within.lookup.detail == Detail::sie);
  CHECK_FALSE(within.error);
  for (int i = 0; i < 20; ++i) {  // known to fail: nobody waits for another try
    CHECK(bench.find("/a/").kind == Kind::page);
    CHECK(bench.find("/a/").detail == Detail::sie);
  }
  CHECK(bench.origin.renders == 1);
  bench.clock().advance(1h);
  CHECK(bench.see("/a/") == "(no database)");
  CHECK(bench.origin.renders == 2);
  CHECK(bench.see("/a/") == "(no database)");
  CHECK(bench.origin.renders == 2);  // the burst behind it is answered from the marker
}

TEST_CASE("a page without ttl stays fresh for ever and says age 0", "[cache]") {
  CacheBench bench;
  bench.open({page("/a/", "built")});
  bench.see("/a/");
  bench.clock().advance(24h * 365);
  const Lookup found = bench.find("/a/");
  CHECK(found.freshness == Freshness::fresh);
  CHECK(found.age_s == 0);
  CHECK_FALSE(found.ttl_s.has_value());
}

TEST_CASE("C-16: a path that no release has is absent and leaves nothing behind", "[cache]") {
  CacheBench bench;
  bench.open({page("/a/", "built")});
  bench.see("/a/");
  const auto before = bench.cache->counters();
  for (int i = 0; i < 10'000; ++i)
    CHECK(bench.find("/no/" + std::to_string(i)).kind == Kind::absent);
  const auto after = bench.cache->counters();
  CHECK(after.memory_bytes == before.memory_bytes);
  CHECK(after.negative_bytes == before.negative_bytes);
  CHECK(after.pages == before.pages);
  CHECK(after.absent == 10'000);
}

TEST_CASE(
    "C-35: invented paths of a dynamic route stay in their own small arena and push no page out",
    "[cache]") {
  CacheBench bench;
  bench.origin.rules = std::make_shared<KeyRules>();
  bench.settings.memory_bytes_max = 2 * MiB;
  bench.origin.answer = [&](const RenderRequest& request, int) {
    Rendered rendered = bench.origin.ok("page");
    if (request.path.starts_with("/no/")) rendered.status = 404;
    return rendered;
  };
  bench.open({});
  CHECK(bench.see("/yes") == "page");
  const std::size_t log_bytes = bench.store->counters().log_bytes;
  for (int i = 0; i < 3000; ++i) CHECK(bench.see("/no/" + std::to_string(i)) == "(gone)");
  const auto counters = bench.cache->counters();
  CHECK(counters.negative_bytes <= 2 * MiB / 20);
  CHECK(counters.evictions > 0);
  CHECK(bench.find("/yes").kind == Kind::page);
  CHECK(bench.store->counters().log_bytes == log_bytes);
}

TEST_CASE(
    "C-18: a render that hangs gives its key back after a minute, and what it brings then is not "
    "used",
    "[cache]") {
  CacheBench bench;
  bench.open({bench.isr("/a/", "built")});
  bench.see("/a/");
  bench.clock().advance(61s);
  bench.find("/a/");
  CHECK(bench.renders.size() == 1);  // and nobody works
  bench.clock().advance(60s);
  bench.cache->tick();
  CHECK(bench.cache->counters().flights == 0);
  bench.clock().advance(2s);
  CHECK(bench.find("/a/").freshness == Freshness::stale);
  CHECK(bench.renders.size() == 2);
  bench.work();
  CHECK(bench.find("/a/").freshness == Freshness::fresh);
}

TEST_CASE("C-19: when the queue is full the stale copy stays and the next hit tries again",
          "[cache]") {
  CacheBench bench;
  bench.open({bench.isr("/a/", "built")});
  bench.see("/a/");
  bench.clock().advance(61s);
  bench.renders.queue_max = 0;
  for (int i = 0; i < 5; ++i) CHECK(bench.see("/a/") == "built");
  bench.renders.queue_max = 10;
  bench.clock().advance(2s);
  CHECK(bench.see("/a/") == "built");
  bench.work();
  CHECK(bench.see("/a/") == "render 1 of /a/");
}

TEST_CASE("C-20: pages that are stale at start are not all refreshed at once", "[cache]") {
  CacheBench bench;
  std::vector<store::NewEntry> entries;
  for (int i = 0; i < 100; ++i) entries.push_back(bench.isr("/" + std::to_string(i), "built"));
  bench.open(entries);
  bench.clock().advance(5min);
  bench.restart();
  for (int i = 0; i < 100; ++i) {
    bench.see("/" + std::to_string(i));
    bench.find("/" + std::to_string(i));
  }
  bench.work();
  const int first = bench.origin.renders;
  CHECK(first >= 1);
  CHECK(first <= 3);
  for (int step = 0; step < 30; ++step) {
    bench.clock().advance(1s);
    for (int i = 0; i < 100; ++i) bench.find("/" + std::to_string(i));
    const int before = bench.origin.renders;
    bench.work();
    CHECK(bench.origin.renders - before <= 25);
  }
  CHECK(bench.origin.renders == 100);
}

TEST_CASE("C-43: a page is served without the codings that are not made yet, and with them after",
          "[cache]") {
  CacheBench bench;
  std::string body;
  for (int i = 0; i < 100; ++i) body += "<p>a line of text " + std::to_string(i) + "</p>";
  bench.open({page("/a/", body), page("/small", "tiny")});
  std::optional<Fetched> first;
  need(bench.cache->fetch("/a/", [&](const Fetched& fetched) { first = fetched; }));
  bench.work();
  CHECK(first->lookup.page->find(store::Codec::zstd) != nullptr);
  CHECK(first->lookup.page->find(store::Codec::gzip) == nullptr);
  const auto page = bench.find("/a/").page;
  for (const store::Codec codec :
       {store::Codec::identity, store::Codec::zstd, store::Codec::gzip, store::Codec::brotli}) {
    REQUIRE(page->find(codec) != nullptr);
    CHECK(page->find(codec)->ok->head.find("Vary: Accept-Encoding") != std::string::npos);
  }
  CHECK(page->find(store::Codec::brotli)->ok->head.find("Content-Encoding: br\r\n") !=
        std::string::npos);
  CHECK(page->find(store::Codec::brotli)->etag.ends_with("-b\""));
  CHECK(page->find(store::Codec::brotli)->not_modified->head.find("Content-Encoding") ==
        std::string::npos);
  CHECK(page->generation == first->lookup.page->generation);
  bench.see("/small");
  CHECK(bench.find("/small").page->find(store::Codec::zstd) == nullptr);
  bench.restart();  // they were kept
  bench.see("/a/");
  CHECK(bench.find("/a/").page->find(store::Codec::gzip) != nullptr);
}

TEST_CASE("C-66: a hit allocates nothing", "[cache]") {
  CacheBench bench;
  bench.open({bench.isr("/a/", "built")});
  bench.see("/a/");
  bench.find("/a/");
  const auto before = ::mallinfo2().uordblks;
  std::size_t pages = 0;
  std::array<char, 96> room{};
  for (int i = 0; i < 10'000; ++i) {
    const Lookup found = bench.find("/a/");
    pages += found.page != nullptr && !cache_status_of(found, nullptr, room).empty() ? 1 : 0;
    (void)bench.find("/not/there");
  }
  CHECK(::mallinfo2().uordblks == before);
  CHECK(pages == 10'000);
}

TEST_CASE("memory stays within its bound, and pages that are looked at survive a scan", "[cache]") {
  CacheBench bench;
  bench.settings.memory_bytes_max = 4 * MiB;
  std::vector<store::NewEntry> entries;
  for (int i = 0; i < 500; ++i)
    entries.push_back(
        page("/" + std::to_string(i),
             std::string(20'000, static_cast<char>('a' + i % 26)) + std::to_string(i)));
  bench.open(entries);
  for (int round = 0; round < 3; ++round)
    for (int i = 0; i < 20; ++i) bench.see("/" + std::to_string(i));
  int kept = 0;
  for (int i = 20; i < 500; ++i) {
    bench.see("/" + std::to_string(i));
    bench.find("/" + std::to_string(i % 20));
    CHECK(bench.cache->counters().memory_bytes <= 4 * MiB);
  }
  for (int i = 0; i < 20; ++i)
    kept += bench.find("/" + std::to_string(i)).kind == Kind::page ? 1 : 0;
  CHECK(kept == 20);
  CHECK(bench.cache->counters().evictions > 200);
}

TEST_CASE("a page too large for memory is served from disk, and refreshed all the same",
          "[cache]") {
  CacheBench bench;
  bench.settings.memory_bytes_max = 64 * KiB;
  bench.origin.answer = [&](const RenderRequest&, int) { return bench.origin.ok("small now"); };
  bench.open({bench.isr("/large", std::string(100'000, 'x'))});
  CHECK(bench.see("/large") == std::string(100'000, 'x'));
  CHECK(bench.find("/large").kind == Kind::wait);
  CHECK(bench.cache->counters().memory_bytes == 0);
  bench.clock().advance(61s);
  bench.see("/large");
  bench.work();
  CHECK(bench.see("/large") == "small now");
}

TEST_CASE("fields: what a client is told about keeping a page", "[cache]") {
  CacheBench bench;
  store::NewEntry asset = page("/app.3f2a9c1b.css", "body{}");
  asset.kind = store::EntryKind::static_file;
  store::NewEntry plain = page("/deadbeef", "x");
  plain.kind = store::EntryKind::static_file;
  store::NewEntry own = page("/own", "x");
  own.fields = {{"Cache-Control", "no-store"}, {"Link", "</a>; rel=preload"}};
  bench.open({asset, plain, own, bench.isr("/isr", "x")});
  for (const char* key : {"/app.3f2a9c1b.css", "/deadbeef", "/own", "/isr"}) bench.see(key);
  const auto head = [&](const char* key) {
    return bench.find(key).page->find(store::Codec::identity)->ok->head;
  };
  CHECK(head("/app.3f2a9c1b.css").find("max-age=31536000, immutable") != std::string::npos);
  CHECK(head("/deadbeef").find("max-age=0, must-revalidate") != std::string::npos);
  CHECK(head("/own").find("Cache-Control: no-store\r\n") != std::string::npos);
  CHECK(head("/own").find("must-revalidate") == std::string::npos);
  CHECK(head("/own").find("Link: </a>; rel=preload") != std::string::npos);
  CHECK(bench.find("/isr").page->find(store::Codec::identity)->ok->date_at == 0);  // its own Date
  CHECK(bench.find("/own").page->find(store::Codec::identity)->ok->date_at != 0);
  CHECK(bench.find("/isr")
            .page->find(store::Codec::identity)
            ->not_modified->head.starts_with("HTTP/1.1 304"));
}

TEST_CASE("Cache-Status says what happened", "[cache]") {
  CacheBench bench;
  bench.open({bench.isr("/a/", "built"), page("/b/", "built")});
  std::array<char, 96> room{};
  const auto status = [&](const Fetched& fetched) {
    return std::string(cache_status_of(fetched.lookup, &fetched, room));
  };
  const auto found = [&](const char* key) {
    return std::string(cache_status_of(bench.find(key), nullptr, room));
  };
  bench.get("/a/");
  bench.get("/b/");
  CHECK(found("/a/") == "hit; ttl=60");
  CHECK(found("/b/") == "hit");
  bench.clock().advance(63s);
  CHECK(found("/a/") == "fwd=stale; ttl=-3; detail=swr");
  bench.work();
  bench.clock().advance(60s + 10min);
  CHECK(status(bench.get("/a/")) == "fwd=miss; fwd-status=200; stored");
  CHECK(found("/no") == "fwd=uri-miss");
}
