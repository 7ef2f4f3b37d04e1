// Goal: the four forms of a search index, complete and the same every time (S-62).

#include "site/memory_site.h"

#include "text/json.h"

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::site;
using weir::test::build_site;
using weir::test::Built;

namespace {

test::MemorySource::Files site_with(std::string_view search) {
  return {{"config.toml",
           "base_url = 'https://e.org'\nbuild_search_index = true\n" + std::string(search)},
          {"templates/index.html", "{{ get_url(path='search_index.en.js', cachebust=true) }}"},
          {"templates/section.html", "x"},
          {"templates/page.html", "x"},
          {"content/b/_index.md", "+++\ntitle = 'Blog'\n+++\n"},
          {"content/b/one.md",
           "+++\ntitle = 'One fish'\ndescription = 'D \"q\"'\n+++\nTwo **fish** & <i>x</i>\n\n"
           "```\ncode\n```\n"},
          {"content/b/hidden.md", "+++\ntitle = 'H'\nin_search_index = false\n+++\nx"},
          {"content/b/unlisted.md", "+++\ntitle = 'U'\nrender = false\n+++\nx"}};
}

}  // namespace

TEST_CASE("S-62: Fuse gets a list of documents", "[site][search]") {
  const Built built =
      build_site(site_with("[search]\nindex_format = 'fuse_json'\ninclude_description = true\n"
                           "include_path = true\n"));
  INFO(built.messages());
  CHECK(built.bytes("search_index.en.json") ==
        "[{\"url\":\"https://e.org/\",\"title\":\"\",\"description\":\"\",\"body\":\"\","
        "\"path\":\"/\"},"
        "{\"url\":\"https://e.org/b/\",\"title\":\"Blog\",\"description\":\"\",\"body\":\"\","
        "\"path\":\"/b/\"},"
        "{\"url\":\"https://e.org/b/one/\",\"title\":\"One fish\",\"description\":\"D "
        "\\\"q\\\"\",\"body\":\"Two fish &amp; x\",\"path\":\"/b/one/\"}]");
  CHECK_FALSE(built.has("elasticlunr.min.js"));
  const Built script = build_site(
      site_with("[search]\nindex_format = 'fuse_javascript'\ntruncate_content_length = 3\n"));
  CHECK(script.bytes("search_index.en.js").starts_with("window.searchIndex = [{\"url\""));
  CHECK(script.bytes("search_index.en.js").ends_with("\"body\":\"Two\"}]"));
}

TEST_CASE("S-62: elasticlunr gets its inverted index and its client", "[site][search]") {
  const Built built = build_site(site_with(""));
  const std::string& index = built.bytes("search_index.en.js");
  REQUIRE(index.starts_with("window.searchIndex = {"));
  const auto tree = text::parse_json(std::string_view(index).substr(21));
  REQUIRE(tree.ok());
  CHECK(*tree->find("lang")->string() == "English");
  const auto node = [&](std::string_view field, std::string_view word) {
    const text::Value* at = tree->find("index")->find(field)->find("root");
    for (const char c : word) at = at == nullptr ? nullptr : at->find(std::string_view(&c, 1));
    return at;
  };
  REQUIRE(node("title", "fish") != nullptr);
  CHECK(*node("title", "fish")->find("df")->integer() == 1);
  // Twice: in the title and in the body.
  CHECK(*node("body", "fish")->find("docs")->find("https://e.org/b/one/")->find("tf")->real() ==
        Approx(1.4142135623730951));
  CHECK(node("body", "code") == nullptr);
  CHECK(*tree->find("documentStore")->find("length")->integer() == 3);
  CHECK(built.bytes("elasticlunr.min.js").find("MIT Licensed") != std::string::npos);
  CHECK(built.bytes("index.html").find("?h=") != std::string::npos);
}

TEST_CASE("S-62: a language has its own index and what goes into it", "[site][search]") {
  auto files = site_with(
      "[search]\nindex_format = 'elasticlunr_json'\ninclude_path = true\n"
      "[languages.it]\nbuild_search_index = true\n[languages.fr]\n");
  files["templates/index.html"] = "x";
  files["content/b/one.it.md"] = "+++\ntitle = 'Uno'\n+++\n";
  files["content/b/_index.it.md"] = "+++\n+++\n";
  const Built built = build_site(files);
  INFO(built.messages());
  CHECK(
      built.bytes("search_index.en.json").starts_with("{\"fields\":[\"title\",\"path\",\"body\"]"));
  CHECK(built.bytes("search_index.it.json")
            .starts_with("{\"fields\":[\"title\",\"body\"],\"pipeline\":[\"trimmer-it\""));
  CHECK_FALSE(built.has("search_index.fr.json"));
}
