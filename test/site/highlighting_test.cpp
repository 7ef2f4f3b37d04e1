// Goal: [markdown.highlighting] does what Zola's does: which blocks are coloured, with which
// wrapper, which style sheets are written, and what is said about languages and themes that are not
// known.
#include "site/memory_site.h"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace weir;
using namespace weir::site;
using weir::test::build_site;
using weir::test::Built;
using weir::test::MemorySource;

namespace {

// A site of one page whose Markdown is `body`.
Built built_with(std::string_view keys, std::string_view body, MemorySource::Files files = {}) {
  files["config.toml"] = "base_url = \"https://example.com\"\n" + std::string(keys);
  files["content/_index.md"] = "+++\n+++\n";
  files["content/a.md"] = "+++\n+++\n" + std::string(body);
  files["templates/index.html"] = "home";
  files.try_emplace("templates/page.html", "{{ page.content | safe }}");
  return build_site(std::move(files));
}

const std::string table = "[markdown.highlighting]\n";
const std::string rust = "```rust\nlet x\n```\n";

}  // namespace

TEST_CASE("without a theme code stays as it is", "[site][highlight]") {
  const Built built = built_with("", rust);
  CHECK(built.bytes("a/index.html") == "<pre><code data-lang=\"rust\">let x\n</code></pre>");
  CHECK(built.report.warnings == 0);
  CHECK_FALSE(built.has("giallo.css"));
}

TEST_CASE("one theme colours inline, and writes no style sheet", "[site][highlight]") {
  const Built built = built_with(table + "theme = \"nord\"\n", rust);
  CHECK(built.bytes("a/index.html") ==
        "<pre class=\"giallo\" style=\"color: #D8DEE9; background-color: #2E3440;\"><code "
        "data-lang=\"rust\"><span class=\"giallo-l\"><span style=\"color: #81A1C1;\">let</span> "
        "x</span></code></pre>");
  CHECK_FALSE(built.has("giallo.css"));
}

TEST_CASE("classes come with a style sheet for each theme", "[site][highlight]") {
  const std::string classes = table + "style = \"class\"\n";
  const Built one = built_with(classes + "theme = \"nord\"\n", rust);
  CHECK(one.bytes("a/index.html") ==
        "<pre class=\"giallo z-code\"><code data-lang=\"rust\"><span class=\"giallo-l\"><span "
        "class=\"z-storage z-type\">let</span> x</span></code></pre>");
  CHECK(one.bytes("giallo.css").find(".z-comment { color: #616E88; }") != std::string::npos);

  const Built two =
      built_with(classes + "light_theme = \"github-light\"\ndark_theme = \"nord\"\n", rust);
  CHECK_FALSE(two.has("giallo.css"));
  CHECK(two.bytes("giallo-light.css").find("background-color: #FFFFFF;") != std::string::npos);
  CHECK(two.bytes("giallo-dark.css").find("background-color: #2E3440;") != std::string::npos);

  const Built own =
      built_with(classes + "theme = \"nord\"\n", rust, {{"static/giallo.css", "mine"}});
  CHECK(own.bytes("giallo.css") == "mine");
}

TEST_CASE("a style sheet of highlighted code can be cache-busted", "[site][highlight]") {
  const Built built =
      built_with(table + "style = \"class\"\ntheme = \"nord\"\n", rust,
                 {{"templates/page.html", "{{ get_url(path='giallo.css', cachebust=true) }}"}});
  INFO(built.messages());
  CHECK(built.bytes("a/index.html").starts_with("https://example.com/giallo.css?h="));
}

TEST_CASE("keys of older Zolas still colour code", "[site][highlight]") {
  const Built plain = built_with("[markdown]\nhighlight_code = true\n", rust);
  CHECK(plain.bytes("a/index.html").find("background-color: #2B303B") != std::string::npos);
  const Built css = built_with(
      "[markdown]\nhighlight_code = true\nhighlight_theme = \"css\"\nhighlight_themes_css = "
      "[{ theme = \"nord\", filename = \"code.css\" }]\n",
      rust);
  CHECK(css.bytes("a/index.html").find("class=\"z-storage z-type\"") != std::string::npos);
  CHECK(css.has("code.css"));
  const Built off = built_with("[markdown]\nhighlight_code = false\n", rust);
  CHECK(off.bytes("a/index.html").find("giallo") == std::string::npos);
}

TEST_CASE("an unknown theme is an error that names its place and a neighbour",
          "[site][highlight]") {
  const Built built = built_with(table + "theme = \"gihub-dark\"\n", rust);
  CHECK(built.report.failed());
  INFO(built.messages());
  CHECK(built.messages().find("there is no highlighting theme \"gihub-dark\"") !=
        std::string::npos);
  CHECK(built.messages().find("config.toml:3:9") != std::string::npos);
  CHECK(built.messages().find("did you mean \"github-dark\"?") != std::string::npos);
}

TEST_CASE("a table that names no theme colours nothing, and says so", "[site][highlight]") {
  const Built built = built_with(table + "style = \"class\"\n", rust);
  CHECK(built.bytes("a/index.html").find("giallo") == std::string::npos);
  CHECK(built.report.warnings == 1);
}

TEST_CASE("an unknown language is told once, with its first place", "[site][highlight]") {
  const std::string body = "text\n\n```nolang\n<x>\n```\n\n```nolang\ny\n```\n";
  const Built built = built_with(table + "theme = \"nord\"\n", body);
  CHECK(built.bytes("a/index.html")
            .find("<code data-lang=\"plain\"><span class=\"giallo-l\">&lt;x&gt;"
                  "</span></code>") != std::string::npos);
  CHECK(built.report.warnings == 1);
  CHECK(built.messages().find("warning content/a.md:5:") != std::string::npos);
  CHECK(built.messages().find("nolang") != std::string::npos);

  const Built strict =
      built_with(table + "theme = \"nord\"\nerror_on_missing_language = true\n", body);
  CHECK(strict.report.failed());
  const Built known = built_with(table + "theme = \"nord\"\nerror_on_missing_language = true\n",
                                 "```\nx\n```\n\n    indented\n\n```RS\ny\n```\n");
  CHECK_FALSE(known.report.failed());
  CHECK(known.report.warnings == 0);
}

TEST_CASE("themes and grammars of the site are read from its files", "[site][highlight]") {
  const Built built = built_with(
      table +
          "theme = \"mine\"\nextra_themes = [\"themes-json/mine.json\"]\nextra_grammars = "
          "[\"my.json\"]\nerror_on_missing_language = true\n",
      rust + "\n```ml2\nx\n```\n",
      {{"themes-json/mine.json",
        R"({"name": "Mine", "colors": {"editor.background": "#123456"},
            "tokenColors": [{"scope": "storage", "settings": {"foreground": "#abc"}}]})"},
       {"my.json", R"({"name": "mylang", "scopeName": "source.mylang", "fileTypes": ["ml2"]})"}});
  INFO(built.messages());
  REQUIRE_FALSE(built.report.failed());
  CHECK(built.bytes("a/index.html").find("background-color: #123456") != std::string::npos);
  CHECK(built.bytes("a/index.html").find("<span style=\"color: #AABBCC;\">let</span>") !=
        std::string::npos);
  CHECK(built.bytes("a/index.html").find("data-lang=\"mylang\"") != std::string::npos);
  CHECK(built.report.warnings == 1);  // that grammars are not run
  // A release keeps them, or it could not be rendered again.
  for (const char* file : {"themes-json/mine.json", "my.json"})
    CHECK(std::ranges::count(built.report.inputs, file, &BuildInput::name) == 1);

  const Built absent = built_with(table + "theme = \"nord\"\nextra_themes = [\"no.json\"]\n", rust);
  CHECK(absent.report.failed());
}
