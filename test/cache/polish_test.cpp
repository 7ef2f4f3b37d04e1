// Goal: pages that stay as they are get their best codings in idle time, under entity tags of their
// own, once; and nobody waits for that (C-43, C-44, C-45).

#include "base/limits_cache.h"
#include "cache/fixture.h"

#include <filesystem>

using namespace weir;
using namespace weir::cache;
using namespace weir::test;
using namespace std::chrono_literals;
using store::Rendition;

namespace {

std::string text_of(std::string_view title, std::size_t bytes = 20'000) {
  std::string text(title);
  while (text.size() < bytes)
    text += "<p>Sentence " + std::to_string(text.size() * 7 % 1'013) + " of the page.</p>\n";
  return text;
}

struct Polished : CacheBench {
  // Time passes, and the idle worker does what it has.
  void rest(Nanos span = limits::polish_after) {
    clock().advance(span);
    cache->tick();
    idle.run();
  }
  const Representation* seen(std::string_view key, Rendition rendition) {
    kept = find(key).page;
    return kept == nullptr ? nullptr : kept->find(rendition);
  }
  std::shared_ptr<const Page> kept;
};

}  // namespace

TEST_CASE("C-43: a page that stays gets its best codings, in place of the quick ones", "[cache]") {
  Polished bench;
  bench.open({page("/a/", text_of("a"))});
  bench.see("/a/");
  bench.work();
  REQUIRE(bench.seen("/a/", Rendition::brotli) != nullptr);
  const std::string quick_etag = bench.seen("/a/", Rendition::brotli)->etag;
  const std::size_t quick_bytes = bench.seen("/a/", Rendition::brotli)->body->size();
  CHECK(bench.cache->counters().to_polish == 1);

  bench.rest(limits::polish_after - 1ns);
  CHECK(bench.seen("/a/", Rendition::best_brotli) == nullptr);
  bench.rest(1ns);
  const Representation* const best = bench.seen("/a/", Rendition::best_brotli);
  REQUIRE(best != nullptr);
  CHECK(best->body->size() < quick_bytes);
  CHECK(best->etag.ends_with("-B\""));
  CHECK(best->etag.substr(0, 23) == quick_etag.substr(0, 23));
  CHECK(best->ok->head.find("Content-Encoding: br\r\n") != std::string::npos);
  CHECK(bench.seen("/a/", Rendition::brotli) == nullptr);
  CHECK(bench.seen("/a/", Rendition::best_zstd)->etag.ends_with("-Z\""));
  CHECK(bench.seen("/a/", Rendition::zstd) == nullptr);
  CHECK(bench.seen("/a/", Rendition::gzip) != nullptr);
  const CacheCounters counters = bench.cache->counters();
  CHECK(counters.polished == 2);
  CHECK(counters.polished_saved_bytes >= quick_bytes - best->body->size());
  CHECK(counters.to_polish == 0);
  bench.rest();
  CHECK(bench.cache->counters().polished == 2);
}

TEST_CASE("C-43: while there is load nothing is polished, and what was begun is left", "[cache]") {
  Polished bench;
  bench.open({page("/a/", text_of("a"))});
  bench.see("/a/");
  bench.work();
  bench.is_busy = true;
  bench.rest();
  bench.rest();
  CHECK(bench.idle.size() == 0);
  CHECK(bench.seen("/a/", Rendition::best_brotli) == nullptr);
  // It becomes busy when the work has been handed out already.
  bench.is_busy = false;
  bench.cache->tick();
  REQUIRE(bench.idle.size() == 1);
  bench.is_busy = true;
  bench.idle.run();
  CHECK(bench.cache->counters().polished == 0);
  CHECK(bench.cache->counters().to_polish == 1);
  bench.is_busy = false;
  bench.rest();
  CHECK(bench.seen("/a/", Rendition::best_brotli) != nullptr);
}

TEST_CASE("C-43: the best codings outlive the process", "[cache]") {
  Polished bench;
  bench.open({page("/a/", text_of("a"))});
  bench.see("/a/");
  bench.work();
  bench.rest();
  const std::string before = *bench.seen("/a/", Rendition::best_brotli)->body;
  bench.restart();
  bench.see("/a/");
  REQUIRE(bench.seen("/a/", Rendition::best_brotli) != nullptr);
  CHECK(*bench.seen("/a/", Rendition::best_brotli)->body == before);
  CHECK(bench.seen("/a/", Rendition::best_zstd) != nullptr);
  bench.rest();
  CHECK(bench.cache->counters().polished == 0);
}

TEST_CASE("C-43: a refreshed page is polished when it is wanted and stays the same", "[cache]") {
  Polished bench;
  std::string text = text_of("one");
  bench.open({bench.isr("/a/", "small")});
  bench.origin.answer = [&](const RenderRequest&, int) { return bench.origin.ok(text); };
  PurgeRequest purge;
  purge.paths = {"/a/"};
  purge.mode = Mode::refresh;
  bench.purge(purge);
  bench.work();
  bench.rest();
  CHECK(bench.cache->counters().polished == 0);  // nobody has asked for it
  bench.clock().advance(61s);
  CHECK(bench.see("/a/") == text);
  CHECK(bench.see("/a/") == text);
  bench.work();
  bench.rest();
  REQUIRE(bench.seen("/a/", Rendition::best_zstd) != nullptr);

  // An equal render keeps them. What lies at rest is the quick coding still, as its tag says.
  bench.clock().advance(61s);
  bench.see("/a/");
  bench.work();
  CHECK(bench.cache->counters().refreshes_equal > 0);
  REQUIRE(bench.seen("/a/", Rendition::best_zstd) != nullptr);
  const auto fill = bench.store->find_fill("/a/");
  REQUIRE(fill);
  CHECK(need(bench.store->read_fill(*fill)).zstd == store::zstd_of(text));

  // Another text has none, until it has stayed as well.
  text = text_of("two");
  bench.clock().advance(61s);
  bench.see("/a/");
  bench.work();
  CHECK(bench.see("/a/") == text);
  CHECK(bench.seen("/a/", Rendition::best_zstd) == nullptr);
  CHECK(bench.seen("/a/", Rendition::zstd) != nullptr);
}

TEST_CASE("C-43: what changed while it waited waits anew", "[cache]") {
  Polished bench;
  int renders = 0;
  bench.open({bench.isr("/a/", text_of("zero"))});
  bench.origin.answer = [&](const RenderRequest&, int) {
    return bench.origin.ok(text_of("text " + std::to_string(++renders)));
  };
  bench.see("/a/");
  bench.work();
  PurgeRequest purge;
  purge.paths = {"/a/"};
  bench.purge(purge);
  bench.see("/a/");
  bench.work();
  CHECK(bench.see("/a/").starts_with("text 1"));
  bench.rest();
  CHECK(bench.cache->counters().polished == 0);
  CHECK(bench.cache->counters().to_polish == 1);
  bench.rest();
  CHECK(bench.cache->counters().polished == 2);
  CHECK(bench.see("/a/").starts_with("text 1"));
}

TEST_CASE("C-43: small, large and packed bodies are left as they are", "[cache]") {
  Polished bench;
  store::NewEntry picture = page("/a.png", text_of("png"));
  picture.content_type = "image/png";
  bench.open({page("/small", std::string(511, 'x')), picture,
              page("/large", text_of("large", limits::polish_bytes_max + 1))});
  for (const char* const key : {"/small", "/a.png", "/large"}) bench.see(key);
  bench.work();
  CHECK(bench.cache->counters().to_polish == 0);
}

TEST_CASE("C-43: a coding that rots is quarantined and made again", "[cache]") {
  Polished bench;
  bench.open({page("/a/", text_of("a"))});
  bench.see("/a/");
  bench.work();
  bench.rest();
  const store::BlobId id = bench.find("/a/").page->body_id;
  const std::string path = bench.store->blobs().path_of(id, Rendition::best_brotli);
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1);
  bench.restart();
  bench.see("/a/");
  bench.work();
  CHECK(bench.seen("/a/", Rendition::best_brotli) == nullptr);
  CHECK(bench.seen("/a/", Rendition::brotli) != nullptr);
  CHECK(bench.store->counters().corrupt == 1);
  bench.rest();
  CHECK(bench.seen("/a/", Rendition::best_brotli) != nullptr);
}

TEST_CASE("C-70: visitors' waits, pages that back off and bytes by tier are counted", "[cache]") {
  CacheBench bench;
  bench.open({bench.isr("/a/", text_of("a"))});
  bench.origin.answer = [](const RenderRequest&, int) {
    return Result<Rendered>(Error{Errc::io, "no"});
  };
  bench.see("/a/");
  CacheCounters counters = bench.cache->counters();
  CHECK(counters.waits[0] == 1);
  CHECK(counters.backing_off == 0);
  need(bench.cache->fetch("/a/", [](const Fetched&) {}));
  bench.clock().advance(61s);
  bench.see("/a/");
  bench.work();
  CHECK(bench.cache->counters().backing_off == 1);
  CHECK(bench.store->counters().segment_bytes > 0);
  CHECK(bench.store->counters().loose_bytes == 0);
  bench.store->collect();
  CHECK(bench.store->counters().loose_bytes > 0);  // its gzip and brotli
}
