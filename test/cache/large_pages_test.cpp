// Goal: a large page is read in pieces while it may be served as it lies on disk, and is fetched as
// a whole when it may not (C-48).

#include "cache/fixture.h"
#include "store/pieced_body.h"

#include <filesystem>
#include <fstream>

using namespace weir;
using namespace weir::cache;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

std::string large_text() {
  std::string text;
  while (text.size() < 2 * MiB) text += "line " + std::to_string(text.size()) + '\n';
  return text;
}

store::NewEntry file(std::string path, std::string body) {
  store::NewEntry entry = page(std::move(path), std::move(body));
  entry.content_type = "text/plain";
  entry.kind = store::EntryKind::static_file;
  entry.renderable = store::Renderable::no;
  return entry;
}

Result<LargePage> open(CacheBench& bench, std::string_view key) {
  std::optional<Result<LargePage>> out;
  need(bench.cache->open_large(key, [&](const Result<LargePage>& opened) { out = opened; }));
  bench.work();
  REQUIRE(out);
  return *out;
}

Result<std::string> read(CacheBench& bench, const LargePage& large, PartOfBody part) {
  std::optional<Result<std::string>> out;
  need(bench.cache->read_part(std::make_shared<const LargePage>(large), part,
                              [&](Result<std::string> bytes) { out = std::move(bytes); }));
  bench.work();
  REQUIRE(out);
  return *out;
}

// "/page/" was small when it was built; what it has become lies on disk, in a file of its own.
void refresh_to(CacheBench& bench, const std::string& text) {
  bench.open({bench.isr("/page/", "small")});
  bench.origin.answer = [&](const RenderRequest&, int) { return bench.origin.ok(text); };
  bench.clock().advance(61s);
  bench.get("/page/");  // loads it
  bench.get("/page/");  // finds it stale
  bench.work();
  bench.restart();
}

}  // namespace

TEST_CASE("C-48: a large file is read in pieces and takes no memory", "[cache]") {
  CacheBench bench;
  const std::string text = large_text();
  bench.open({file("/a.txt", text), file("/small.txt", "small")});
  CHECK(bench.find("/a.txt").kind == Lookup::Kind::wait);
  CHECK(bench.cache->bulk_of("/a.txt") == Bulk::large);
  CHECK(bench.cache->bulk_of("/small.txt") == Bulk::small);
  CHECK(bench.cache->bulk_of("/none.txt") == Bulk::small);
  const LargePage large = need(open(bench, "/a.txt"));
  CHECK(large.lookup.freshness == Freshness::fresh);
  CHECK(need(read(bench, large, {store::Codec::identity, text.size() - 9, 9})) ==
        text.substr(text.size() - 9));
  CHECK(bench.cache->counters().parts_read == 1);
  CHECK(bench.cache->counters().pages == 0);
  CHECK(open(bench, "/small.txt").error().code == Errc::missing);
  // Who asks for the whole has it in memory.
  CHECK(bench.see("/a.txt") == text);
  CHECK(bench.cache->counters().pages == 1);
}

TEST_CASE("C-48: what memory would not keep is read in pieces by everybody", "[cache]") {
  CacheBench bench;
  bench.settings.memory_bytes_max = 8 * MiB;
  bench.open({file("/a.txt", large_text())});
  CHECK(bench.cache->bulk_of("/a.txt") == Bulk::beyond_memory);
}

TEST_CASE("C-48: a purge makes a large page whole again, a purged file stays what it is",
          "[cache]") {
  CacheBench bench;
  bench.open({file("/a.txt", large_text()), bench.isr("/page/", large_text())});
  CHECK(open(bench, "/page/").ok());
  PurgeRequest everything;
  everything.all = true;
  everything.mode = Mode::hard;
  bench.purge(everything);
  CHECK(open(bench, "/a.txt").ok());
  CHECK(open(bench, "/page/").error().code == Errc::missing);
  CHECK(bench.see("/page/") == "render 1 of /page/");
}

TEST_CASE("C-48: a large refreshed page is read from its own file, until it is too old",
          "[cache]") {
  CacheBench bench;
  const std::string text = large_text();
  refresh_to(bench, text);
  CHECK(bench.cache->bulk_of("/page/") == Bulk::large);
  const LargePage large = need(open(bench, "/page/"));
  CHECK(need(read(bench, large, {store::Codec::identity, 1'000'000, 50})) ==
        text.substr(1'000'000, 50));
  bench.clock().advance(61s);
  CHECK(open(bench, "/page/").error().code == Errc::missing);
}

TEST_CASE("C-48: a rotten piece of a refreshed page is quarantined, and the page made again",
          "[cache]") {
  CacheBench bench;
  const std::string text = large_text();
  refresh_to(bench, text);
  const LargePage large = need(open(bench, "/page/"));
  {
    std::fstream blob(large.body->path(), std::ios::in | std::ios::out | std::ios::binary);
    blob.seekp(2'000);
    blob.put('?');
  }
  const auto rotten = read(bench, large, {store::Codec::identity, 0, 100});
  CHECK(rotten.error().code == Errc::corrupt);
  CHECK(bench.store->counters().corrupt == 1);
  CHECK_FALSE(std::filesystem::exists(large.body->path()));
  CHECK(open(bench, "/page/").error().code == Errc::missing);
  CHECK(bench.see("/page/") == text);
}
