// Goal: the style sheets of a site are there, its own before its theme's, and each output knows
// what it was made from.

#include "site/memory_site.h"

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::site;
using weir::test::build_site;
using weir::test::Built;

namespace {

test::MemorySource::Files with_sass(test::MemorySource::Files files, bool compiles = true) {
  files.emplace("config.toml", std::string("base_url = 'https://example.com'\ntheme = 't'\n") +
                                   (compiles ? "compile_sass = true\n" : ""));
  files.emplace("themes/t/theme.toml", "");
  files.emplace("templates/index.html",
                "{{ get_url(path='a.css', cachebust=true) }} {{ get_hash(path='a.css') }}");
  files.emplace("sass/a.scss", "@import 'b'; a { b: c }");
  return files;
}

}  // namespace

TEST_CASE("S-63: sass/ of site and theme becomes style sheets, the site's win", "[site][sass]") {
  const Built built = build_site(with_sass({{"sass/_b.scss", "b { c: d }"},
                                            {"sass/deep/c.sass", "c\n  d: e\n"},
                                            {"themes/t/sass/a.scss", "theme { a: b }"},
                                            {"themes/t/sass/t.scss", "t { a: b }"}}));
  INFO(built.messages());
  CHECK_FALSE(built.report.failed());
  CHECK(built.bytes("a.css") == "b{c:d}a{b:c}");
  CHECK(built.bytes("deep/c.css") == "c{d:e}");
  CHECK(built.bytes("t.css") == "t{a:b}");
  CHECK_FALSE(built.has("_b.css"));
  CHECK(built.outputs.at("a.css").tags ==
        std::vector<std::string>{"data:sass/_b.scss", "data:sass/a.scss"});
  CHECK(built.bytes("index.html").find("a.css?h=") != std::string::npos);
}

TEST_CASE("S-63: without compile_sass only the theme's are made", "[site][sass]") {
  const Built built = build_site(with_sass(
      {{"sass/_b.scss", ""}, {"templates/index.html", "x"}, {"themes/t/sass/t.scss", "t { a: b }"}},
      false));
  INFO(built.messages());
  CHECK_FALSE(built.has("a.css"));
  CHECK(built.has("t.css"));
}

TEST_CASE("S-63: a mistake is told with its place", "[site][sass]") {
  const Built broken = build_site(with_sass({{"sass/_b.scss", "b {\n c: $nope }"}}));
  CHECK(broken.report.failed());
  CHECK(broken.messages().find("sass/_b.scss:2:") != std::string::npos);
  const Built twice = build_site(with_sass({{"sass/_b.scss", ""}, {"sass/a.sass", "a\n  b: c"}}));
  CHECK(twice.messages().find("both sass/a.sass and sass/a.scss make a.css") != std::string::npos);
}
