// Goal: Sass becomes the CSS that authors know from Zola, also where libsass alone would not do:
// modules, CSS arithmetic, colours of today.
// Method: small files in memory, one row per rule of the language.

#include "text/sass.h"
#include "text/css_compress.h"
#include "text/sass_modules.h"

#include <catch2/catch.hpp>

#include <map>
#include <vector>

using namespace weir;
using namespace weir::text;

namespace {

class MemoryFiles final : public SassFiles {
 public:
  std::map<std::string, std::string, std::less<>> files;
  bool exists(std::string_view path) override { return files.find(path) != files.end(); }
  Result<std::string> read(std::string_view path) override {
    const auto at = files.find(path);
    if (at == files.end()) return Error{Errc::missing, "no file " + std::string(path)};
    return at->second;
  }
};

std::string css_of(std::string scss, std::map<std::string, std::string, std::less<>> more = {}) {
  MemoryFiles files;
  files.files = std::move(more);
  files.files["sass/a.scss"] = std::move(scss);
  const Result<std::string> css = compile_sass("sass/a.scss", files);
  return css.ok() ? *css : "error " + css.error().text();
}

}  // namespace

TEST_CASE("Sass is compiled in the compressed form", "[text][sass]") {
  struct Row {
    std::string scss, css;
  };
  const std::vector<Row> rows{
      {"", ""},
      {"// nothing\n", ""},
      {"a { b { color: white } }", "a b{color:#fff}"},
      {"a { color: #FF0000; c: transparent; d: #4E1F8C }",
       "a{color:red;c:rgba(0,0,0,0);d:#4e1f8c}"},
      {"[data-theme='dark'] a, [x=\"y z\"] { b: 'c' }", "[data-theme=dark] a,[x=\"y z\"]{b:\"c\"}"},
      {"a { aspect-ratio: 16 / 9; margin: 0.50em -0.5em 1.0px }",
       "a{aspect-ratio:16/9;margin:.5em -.5em 1px}"},
      {"$x: 3px; a { b: calc(100% - $x); c: clamp(1rem, 2vw + 1rem, $x) }",
       "a{b:calc(100% - 3px);c:clamp(1rem,2vw + 1rem,3px)}"},
      {"a { b: calc((100% - 20px) / 2); c: calc(205px * 16 / 9); d: calc(1px - -2%) }",
       "a{b:calc((100% - 20px)/2);c:364.4444444444px;d:calc(1px + 2%)}"},
      {"a { b: min(10em, 50%); c: max(1px, 2px, 1px) }", "a{b:min(10em,50%);c:2px}"},
      {"a { b: min(100% - 2rem, 60rem) }", "a{b:min(100% - 2rem,60rem)}"},
      {"a { b: rgb(0 0 0 / 50%); c: hsl(10deg 20% 30%); d: rgba(var(--x), .5) }",
       "a{b:rgba(0,0,0,.5);c:#5c423d;d:rgba(var(--x),.5)}"},
      {"$w: 40em; @media (width >= $w) { a { b: c } }", "@media (width >= 40em){a{b:c}}"},
      {"@import \"https://x.example/y.css\"; a { b: c }",
       "@import url(\"https://x.example/y.css\");a{b:c}"},
      {"a { background: url(data:image/png;base64,iV//BOR=); b: url('x y') }",
       "a{background:url(data:image/png;base64,iV//BOR=);b:url(\"x y\")}"},
      {"a { --x: #FF0000 , 'y'; }", "a{--x: #FF0000 , \"y\"}"},
      {"@warn \"x\"; @debug \"y\"; a { b: c }", "a{b:c}"},
  };
  for (const Row& row : rows) {
    INFO(row.scss);
    CHECK(css_of(row.scss) == row.css);
  }
}

TEST_CASE("imports are looked up beside the file that asks, below the root", "[text][sass]") {
  const std::map<std::string, std::string, std::less<>> files{
      {"sass/_b.scss", "b { c: d }"},      {"sass/parts/_x.scss", "@import 'y';"},
      {"sass/parts/y.scss", "y { z: 1 }"}, {"sass/dir/_index.scss", "i { j: k }"},
      {"sass/s.sass", "s\n  t: u\n"},      {"themes/t/sass/t.scss", "t { t: t }"}};
  CHECK(css_of("@import 'b';", files) == "b{c:d}");
  CHECK(css_of("@import 'parts/x', 'dir', 's';", files) == "y{z:1}i{j:k}s{t:u}");
  CHECK(css_of("@import '../themes/t/sass/t';", files) == "t{t:t}");
  CHECK(css_of("a{}\n@import '../../../etc/passwd';", files).starts_with("error sass/a.scss:2:"));
  CHECK(css_of("@import '/etc/passwd';", files).find("no file to import") != std::string::npos);
  CHECK(css_of("@import 'a';", files).find("error") == 0);  // itself, without end
}

TEST_CASE("modules are read, their members shared", "[text][sass]") {
  const std::map<std::string, std::string, std::less<>> files{
      {"sass/_vars.scss",
       "$gap: 2px !default; @mixin card($x) { m: $x } @function f($x) { @return $x * 2 }"},
      {"sass/_once.scss", "o { p: q }"},
      {"sass/_all.scss", "@forward 'vars'; @forward 'once';"}};
  CHECK(css_of("@use 'vars'; a { b: vars.$gap; @include vars.card(vars.f(2px)); c: #{vars.$gap} }",
               files) == "a{b:2px;m:4px;c:2px}");
  CHECK(css_of("@use 'vars' as v with ($gap: 5px); a { b: v.$gap }", files) == "a{b:5px}");
  CHECK(css_of("@use 'vars' as *; a { b: $gap }", files) == "a{b:2px}");
  CHECK(css_of("@use 'once'; @use 'all'; a { b: all.$gap }", files) == "o{p:q}a{b:2px}");
  CHECK(css_of("@use 'sass:math'; a { b: math.div(9px, 2); c: math.round(1.6) }") ==
        "a{b:4.5px;c:2}");
  CHECK(css_of("@use 'sass:map'; $m: (k: 1); a { b: map.get($m, k) } map.div { c: d }") ==
        "a{b:1}map.div{c:d}");
  CHECK(css_of("@use 'sass:math';\na { b: math.pow(2, 3) }").starts_with("error sass/a.scss:2:8"));
  CHECK(css_of("@forward 'vars' hide $gap;", files).find("choose members") != std::string::npos);
}

TEST_CASE("an error has its file, line and column", "[text][sass]") {
  CHECK(css_of("a { b:").starts_with("error sass/a.scss:1:"));
  CHECK(css_of("a { b: c }\n\na { b: $nope }").starts_with("error sass/a.scss:3:8"));
  CHECK(css_of("@import 'b';", {{"sass/b.scss", "a {\n  b: $nope }"}})
            .starts_with("error sass/b.scss:2:"));
  CHECK(css_of("@error \"mine\";").find("mine") != std::string::npos);
}

TEST_CASE("any text is compressed without leaving its bounds", "[text][sass]") {
  for (const char* css :
       {"",          "}",          "{",        "a{",     "a{b:",    "a{b:'",
        "a{b:calc(", "a{b:calc(1", "a{b:url(", "a{b:#",  "a{b:1e",  "/*",
        "/*!",       "[x='",       "a{b:\\",   "a{b:-}", "a{b:+.}", "a{b:calc(((((}",
        "a{b:)))}",  "U+",         "a{b:u+"})
    compressed_css(css);
  const std::string deep = "a{b:calc(" + std::string(100'000, '(') + ")}";
  CHECK(compressed_css(deep).size() >= 100'000);
  std::string nested = "a{b:";
  for (int i = 0; i < 2'000; ++i) nested += "calc(f(";
  CHECK(compressed_css(nested + "1" + std::string(4'000, ')') + "}").size() > 10'000);
  for (const std::string_view part : {"#{", "rgb(", "calc(", "\"#{", "clamp(", "@media ("}) {
    std::string text = "a{b:";
    for (int i = 0; i < 5'000; ++i) text += part;
    (void)sass_without_modules(text, "a.scss");
    (void)sass_without_modules(text + std::string(5'000, ')') + "}", "a.scss");
  }
  for (const char* scss : {"@", "@use", "@use '", "@use 'x' as", "a.$", "@media (", "calc(", "rgb(",
                           "#{", "'#{", "url(", "@use 'a' with (", "@forward"})
    (void)sass_without_modules(scss, "a.scss");
}
