// Goal: C-46: a page is sent as its difference to the layout, in a form that every decoder of
// RFC 9842 reads; C-33: what a head asks for first is known before the page is there again.

#include "cache/dictionary.h"
#include "cache/fixture.h"
#include "cache/preloads.h"

#include "base/file.h"
#include "base/limits_cache.h"
#include "base/limits_invalidation.h"

#include <cstdio>
#include <cstdlib>

using namespace weir;
using namespace weir::cache;
using namespace weir::test;

namespace {

std::string page_html(int number) {
  std::string html = "<!doctype html><head><title>Page " + std::to_string(number) +
                     "</title><link rel=stylesheet href=/site.css></head><body><nav>";
  for (int item = 0; item < 60; ++item)
    html += "<a href=\"/section-" + std::to_string(item) + "/\">Section " + std::to_string(item) +
            "</a>\n";
  return html + "</nav><main>What page " + std::to_string(number) + " says.</main></body>";
}

}  // namespace

TEST_CASE("C-46: a sibling page costs its difference, and zstd reads it with the dictionary",
          "[cache][dictionary]") {
  const std::string sibling = page_html(2);
  const auto dictionary = Dictionary::of_bytes(page_html(1));
  const std::string dcz = dictionary->dcz_of(sibling);
  REQUIRE(dcz.size() > 40);
  CHECK(hex_of(bytes_of(dcz.substr(0, 8))) == "5e2a4d1820000000");
  CHECK(dcz.substr(8, 32) == digest_of(Digest::sha256, page_html(1)));
  CHECK(dictionary->available() ==
        ":" + base64_of(bytes_of(digest_of(Digest::sha256, page_html(1)))) + ":");
  CHECK(dcz.size() < store::zstd_of(sibling).size() / 2);

  if (std::system("zstd --version >/dev/null 2>&1") != 0) return skip("zstd is not installed");
  const TemporaryDirectory directory;
  directory.write("dictionary", page_html(1));
  directory.write("page.zst", dcz);
  const std::string command = "zstd -q -d -D '" + (directory / "dictionary") + "' '" +
                              (directory / "page.zst") + "' -o '" + (directory / "page") + "'";
  REQUIRE(std::system(command.c_str()) == 0);
  CHECK(need(read_file(directory / "page")) == sibling);
}

TEST_CASE("C-46: the dictionary of a release holds a page of each kind and is the same each time",
          "[cache][dictionary]") {
  CacheBench bench;
  std::vector<store::NewEntry> entries;
  for (int number = 0; number < 12; ++number)
    entries.push_back(bench.isr("/p" + std::to_string(number) + "/", page_html(number),
                                {number % 3 == 0 ? "tpl:list.html" : "tpl:page.html"}));
  bench.open(std::move(entries));
  const auto release = bench.cache->release();
  const auto dictionary = Dictionary::of(*release);
  REQUIRE(dictionary != nullptr);
  // The first of each kind by path, the more frequent one last.
  CHECK(dictionary->bytes() == page_html(0) + page_html(1));
  CHECK(Dictionary::of(*release)->name() == dictionary->name());
}

TEST_CASE("C-46: a site of a few pages has no dictionary", "[cache][dictionary]") {
  CacheBench bench;
  bench.open({bench.isr("/a/", page_html(1)), bench.isr("/b/", page_html(2))});
  CHECK(Dictionary::of(*bench.cache->release()) == nullptr);
}

TEST_CASE("C-46: a page that got other codings meanwhile gets its difference all the same",
          "[cache][dictionary]") {
  CacheBench bench;
  bench.settings.dictionaries = true;
  std::vector<store::NewEntry> entries;
  for (int number = 0; number < 12; ++number)
    entries.push_back(page("/p" + std::to_string(number) + "/", page_html(number)));
  bench.open(entries);
  // The page is in memory, and has its quick codings, before the layout is known.
  need(bench.cache->fetch("/p1/", [](const Fetched&) {}));
  REQUIRE(bench.loads.size() == 2);
  bench.loads.postpone();
  bench.loads.step();
  bench.renders.run();
  REQUIRE(bench.find("/p1/").page->find(store::Rendition::brotli) != nullptr);
  REQUIRE(bench.find("/p1/").page->dictionary == nullptr);
  // Its turn for the difference comes when the best codings have taken its place.
  bench.clock().advance(limits::polish_after);
  bench.cache->tick();
  bench.loads.run();
  bench.idle.run();
  REQUIRE(bench.find("/p1/").page->find(store::Rendition::best_brotli) != nullptr);
  bench.renders.run();
  const auto dressed = bench.find("/p1/").page;
  CHECK(dressed->dictionary != nullptr);
  CHECK(dressed->find(store::Rendition::best_brotli) != nullptr);
}

TEST_CASE("C-33: the hints of a page are those of its head and its Link field",
          "[cache][dictionary]") {
  const auto of = [](std::string_view html) { return preloads_of(html, ""); };
  CHECK(of("<head><link rel=\"stylesheet\" href=\"/a.css?x=1&amp;y=2\"></head>") ==
        "</a.css?x=1&y=2>; rel=preload; as=style");
  CHECK(of("<LINK REL='preload' AS=font TYPE=\"font/woff2\" CROSSORIGIN HREF=/f.woff2>") ==
        "</f.woff2>; rel=preload; as=font; crossorigin; type=\"font/woff2\"");
  CHECK(of("<link rel=modulepreload href=/m.js /><link rel=preconnect href=https://cdn.example>") ==
        "</m.js>; rel=modulepreload, <https://cdn.example>; rel=preconnect");
  for (const std::string_view none :
       {"<link rel=stylesheet href=/print.css media=print>", "<link rel=icon href=/i.png>",
        "<!-- <link rel=stylesheet href=/a.css> -->", "<link rel=preload href=/a>",
        "<script>'<link rel=stylesheet href=/a.css>'</script>",
        "<body><link rel=stylesheet href=/late.css>", "</head><link rel=stylesheet href=/late.css>",
        "<link rel=stylesheet href=\"/a\r\nSet-Cookie: x\">", "<link rel=stylesheet href=\"/a>b\">",
        "<link rel=stylesheet href='/unended", "<link rel=stylesheet disabled href=/a.css>",
        "<link rel=stylesheet href=data:text/css,x>"}) {
    INFO(none);
    CHECK(of(none).empty());
  }
  CHECK(preloads_of("", "</a,b.css>; rel=preload; as=style, </next>; rel=next") ==
        "</a,b.css>; rel=preload; as=style");
  std::string many;
  for (int i = 0; i < 100; ++i) many += "<link rel=stylesheet href=/" + std::to_string(i) + ".css>";
  const std::string hints = of(many);
  CHECK(std::count(hints.begin(), hints.end(), '<') ==
        static_cast<std::ptrdiff_t>(limits::preloads_max));
}
