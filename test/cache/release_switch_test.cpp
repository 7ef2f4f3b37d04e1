// Goal: a new release is one step for everybody; a restart keeps the newest generation; damage on
// disk is never served.

#include "cache/fixture.h"

using namespace weir;
using namespace weir::cache;
using namespace weir::test;
using namespace std::chrono_literals;
using Kind = Lookup::Kind;

TEST_CASE("after the switch nobody sees a page of the release before", "[cache]") {
  CacheBench bench;
  bench.open({page("/a/", "first"), page("/b/", "first"), page("/gone", "first")});
  for (const char* key : {"/a/", "/b/", "/gone"}) bench.see(key);
  const std::uint64_t before = bench.find("/a/").page->generation;
  const auto held = bench.find("/a/").page;  // an answer that is still being written
  need(bench.store->adopt_release(
      bench.build({page("/a/", "second"), page("/b/", "second"), page("/new", "second")})));
  CHECK(CacheBench::body(bench.find("/a/")) == "first");
  bench.cache->use_active_release();
  for (const char* key : {"/a/", "/b/"}) CHECK(bench.find(key).kind == Kind::wait);
  CHECK(bench.find("/gone").kind == Kind::absent);
  bench.work();  // what was looked at before is there again without anybody asking
  for (const char* key : {"/a/", "/b/"}) CHECK(CacheBench::body(bench.find(key)) == "second");
  CHECK(bench.see("/new") == "second");
  CHECK(bench.find("/a/").page->generation > before);
  CHECK(*held->find(store::Codec::identity)->body == "first");
  CHECK(bench.cache->counters().pages == 3);
}

TEST_CASE("a render that began under the release before is not published under the new one",
          "[cache]") {
  CacheBench bench;
  bench.open({bench.isr("/a/", "first")});
  bench.see("/a/");
  bench.clock().advance(61s);
  bench.find("/a/");
  bench.origin.answer = [&](const RenderRequest&, int) {
    bench.clock().advance(1s);
    need(bench.store->adopt_release(bench.build({bench.isr("/a/", "second")})));
    bench.cache->use_active_release();
    bench.origin.answer = nullptr;
    return bench.origin.ok("rendered from the first");
  };
  bench.renders.step();
  CHECK(bench.find("/a/").kind == Kind::wait);
  CHECK(bench.see("/a/") == "second");
}

TEST_CASE("who comes after the switch is not given what was being made for the release before",
          "[cache]") {
  CacheBench bench;
  std::string before, after;
  const auto visit = [&](std::string& seen) {
    need(bench.cache->fetch("/a/",
                            [&](const Fetched& got) { seen = CacheBench::body(got.lookup); }));
  };
  bench.origin.answer = [&](const RenderRequest&, int number) {
    if (number > 1) return bench.origin.ok("second");
    bench.clock().advance(1s);
    need(bench.store->adopt_release(bench.build({bench.isr("/a/", "second")})));
    bench.cache->use_active_release();
    visit(after);
    return bench.origin.ok("rendered from the first");
  };
  bench.open({bench.isr("/a/", "first")});
  bench.see("/a/");
  bench.clock().advance(2h);  // beyond what may be served stale
  visit(before);
  bench.renders.step();
  CHECK(before == "rendered from the first");
  CHECK(after.empty());
  bench.work();
  CHECK(after == "second");
}

TEST_CASE("a deploy does not replace a page that was rendered after the build, but refreshes it",
          "[cache]") {
  CacheBench bench;
  bench.open({bench.isr("/a/", "first")});
  const store::ReleaseId second = bench.build({bench.isr("/a/", "second")});
  bench.see("/a/");
  bench.clock().advance(61s);
  bench.find("/a/");
  bench.work();
  need(bench.store->adopt_release(second));
  bench.cache->use_active_release();
  bench.work();
  CHECK(bench.see("/a/") == "render 1 of /a/");
  CHECK(bench.find("/a/").freshness == Freshness::stale);
  bench.work();
  CHECK(bench.see("/a/") == "render 2 of /a/");
  CHECK(bench.find("/a/").freshness == Freshness::fresh);
}

TEST_CASE("a restart serves the newest generation with its age", "[cache]") {
  CacheBench bench;
  bench.open({bench.isr("/a/", "built")});
  bench.see("/a/");
  bench.clock().advance(61s);
  bench.find("/a/");
  bench.work();
  const auto before = bench.find("/a/").page;
  bench.clock().advance(20s);
  bench.restart();
  const Fetched after = bench.get("/a/");
  CHECK(CacheBench::body(after.lookup) == "render 1 of /a/");
  CHECK(after.lookup.age_s == 20);
  CHECK(after.lookup.freshness == Freshness::fresh);
  CHECK(after.lookup.page->generation == before->generation);
  CHECK(after.lookup.page->find(store::Codec::identity)->etag ==
        before->find(store::Codec::identity)->etag);
  bench.clock().turn_wall_to({bench.clock().wall().ns - Nanos(1h).count()});
  bench.restart();
  CHECK(bench.get("/a/").lookup.age_s >= 0);
}

TEST_CASE(
    "C-63: a page whose blob is damaged is rendered again; one that nobody can render is an error",
    "[cache]") {
  CacheBench bench;
  std::string body;
  for (int i = 0; i < 2000; ++i) body += "built " + std::to_string(i * 7919 % 1000) + ' ';
  store::NewEntry file = page("/file.txt", body + "file");
  file.renderable = store::Renderable::no;
  bench.open({bench.isr("/a/", body), file});
  bench.close();
  const std::string blobs = bench.disk.settings().directory + "/blobs";
  for (const std::string& name : need(store::names_in(blobs))) {
    if (!name.ends_with(".seg")) continue;
    std::string bytes = need(read_file(blobs + '/' + name));
    for (std::size_t i = 100; i < bytes.size(); i += 200)
      bytes[i] = static_cast<char>(bytes[i] ^ 1);
    need(write_file_atomically(blobs + '/' + name, bytes, Sync::no));
  }
  bench.start();
  CHECK(bench.see("/a/") == "render 1 of /a/");
  const Fetched fetched = bench.get("/file.txt");
  REQUIRE(fetched.error);
  CHECK(fetched.error->code == Errc::corrupt);
  CHECK(bench.cache->counters().corrupt == 2);
}

TEST_CASE("C-63: a damaged fill with an origin that is down falls back to the release's copy",
          "[cache]") {
  CacheBench bench;
  std::string body;
  for (std::uint64_t i = 0, state = 1; i < 1000; ++i)
    body += std::to_string(state = state * 6364136223846793005U + 1442695040888963407U);
  bench.origin.answer = [&](const RenderRequest&, int) { return bench.origin.ok(body); };
  bench.open({bench.isr("/a/", "built")});
  bench.see("/a/");
  bench.clock().advance(61s);
  bench.find("/a/");
  bench.work();
  const std::string path = bench.store->blobs().path_of(bench.find("/a/").page->body_id);
  const std::uint64_t generation = bench.find("/a/").page->generation;
  bench.close();
  need(write_file_atomically(path, "nonsense", Sync::no));
  bench.origin.answer = [](const RenderRequest&, int) {
    return Result<Rendered>(Error{Errc::io, "down"});
  };
  bench.start();
  CHECK(bench.see("/a/") == "built");
  CHECK(bench.find("/a/").page->generation > generation);
  bench.origin.answer = nullptr;
  bench.clock().advance(5s);
  bench.find("/a/");
  bench.work();
  CHECK(bench.see("/a/").starts_with("render "));
}

TEST_CASE(
    "C-64: when the disk is full refreshed pages are served from memory, and kept again when there "
    "is room",
    "[cache]") {
  CacheBench bench;
  bench.open({bench.isr("/a/", "built")});
  bench.see("/a/");
  bench.disk.disk.fails = [](std::uint64_t) { return true; };
  for (int i = 1; i <= 3; ++i) {
    bench.clock().advance(61s);
    bench.find("/a/");
    bench.work();
    CHECK(bench.see("/a/") == "render " + std::to_string(i) + " of /a/");
    bench.store->tick();
  }
  CHECK(bench.cache->counters().not_stored == 3);
  bench.disk.disk.fails = [](std::uint64_t) { return false; };
  bench.clock().advance(61s);
  bench.store->tick();
  bench.find("/a/");
  bench.work();
  bench.restart();
  CHECK(bench.see("/a/") == "render 4 of /a/");
}
