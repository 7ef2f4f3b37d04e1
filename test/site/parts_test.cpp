// Goal: the small parts of the site room keep their promises on valid and invalid input.

#include "site/csv.h"
#include "site/glob.h"
#include "site/image_size.h"
#include "site/minify.h"
#include "site/number_format.h"

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::site;
using namespace std::string_literals;

TEST_CASE("a glob matches as ignored_content has it", "[site]") {
  struct Row {
    const char* pattern;
    const char* path;
    bool matches;
  };
  const Row rows[] = {{"*.{graphml,xlsx}", "a/b.xlsx", true},
                      {"*.{graphml,xlsx}", "a/b.md", false},
                      {"*/ignored.md", "content/posts/ignored.md", true},
                      {"temp.*", "temp.txt", true},
                      {"**/build", "build", true},
                      {"**/build", "a/b/build", true},
                      {"a?c", "abc", true},
                      {"a?c", "ac", false},
                      {"[a-c]x", "bx", true},
                      {"[!a-c]x", "bx", false},
                      {"\\*", "*", true},
                      {"\\*", "a", false},
                      {"", "", true},
                      {"*", "", true}};
  for (const Row& row : rows) {
    const Result<Glob> glob = Glob::parse(row.pattern);
    REQUIRE(glob.ok());
    INFO(row.pattern << " " << row.path);
    CHECK(glob->matches(row.path) == row.matches);
  }
}

TEST_CASE("a glob with too many alternatives is an error, and many stars take linear time",
          "[site]") {
  CHECK_FALSE(Glob::parse("{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}").ok());
  const Result<Glob> stars = Glob::parse("*a*a*a*a*a*a*a*a*a*a*b");
  REQUIRE(stars.ok());
  CHECK_FALSE(stars->matches(std::string(20'000, 'a')));
}

TEST_CASE("CSV has quotes, empty fields and CRLF", "[site]") {
  const auto records = parse_csv("a,b\r\n\"x, \"\"y\"\"\nz\",\n\n1,2", "d.csv");
  REQUIRE(records.ok());
  CHECK(*records == std::vector<CsvRecord>{{"a", "b"}, {"x, \"y\"\nz", ""}, {"1", "2"}});
}

TEST_CASE("a CSV record of another length, or a quote that stays open, names its line", "[site]") {
  const auto uneven = parse_csv("a,b\n1,2\n3\n", "d.csv");
  REQUIRE_FALSE(uneven.ok());
  CHECK(uneven.error().place.line == 3);
  const auto open = parse_csv("a\n\"b\n\n", "d.csv");
  REQUIRE_FALSE(open.ok());
  CHECK(open.error().place.line == 2);
  CHECK_FALSE(parse_csv("\"a\"b\n", "d.csv").ok());
}

TEST_CASE("the size of an image is read from its head", "[site]") {
  const std::string png = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1\0\0\0\0\x80"s;
  const std::string gif = "GIF89a\x10\0\x20\0"s;
  const std::string jpeg = "\xFF\xD8\xFF\xE0\0\4ab\xFF\xC0\0\x11\x08\0\x30\0\x40\3\1\1\1\1\1"s;
  const std::string webp = "RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0\x0F\0\0\x07\0\0"s;
  struct Row {
    std::string bytes;
    std::uint32_t width, height;
    std::string_view format;
  };
  const Row rows[] = {{png, 256, 128, "png"},
                      {gif, 16, 32, "gif"},
                      {jpeg, 64, 48, "jpg"},
                      {webp, 16, 8, "webp"},
                      {"<svg xmlns='x' width=\"24px\" height='12'>", 24, 12, "svg"},
                      {"<?xml?>\n<svg viewBox=\"0 0 640 480\">", 640, 480, "svg"}};
  for (const Row& row : rows) {
    const auto size = image_size_of(row.bytes, "x");
    INFO(row.format);
    REQUIRE(size.ok());
    CHECK(size->width == row.width);
    CHECK(size->height == row.height);
    CHECK(size->format == row.format);
    for (std::size_t bytes = 0; bytes < row.bytes.size(); ++bytes)
      (void)image_size_of(std::string_view(row.bytes).substr(0, bytes), "x");
  }
  CHECK_FALSE(image_size_of("plain text", "x").ok());
}

TEST_CASE("numbers are grouped as the locale has it", "[site]") {
  CHECK(formatted_number(1'000'000, "en") == "1,000,000");
  CHECK(formatted_number(-1234, "en-US") == "-1,234");
  CHECK(formatted_number(1'000'000, "en-IN") == "10,00,000");
  CHECK(formatted_number(999, "de") == "999");
  CHECK(formatted_number(1'234'567, "de") == "1.234.567");
  CHECK_FALSE(formatted_number(1, "xx").has_value());
}

TEST_CASE("minified HTML loses what is not seen and nothing else", "[site]") {
  struct Row {
    const char* html;
    const char* expected;
  };
  const Row rows[] = {
      {"<div>\n  <p>a   b</p>\n</div>\n", "<div><p>a b</p></div>"},
      {"<p>a <b>b</b> <i>c</i></p>", "<p>a <b>b</b> <i>c</i></p>"},
      {"a<!-- gone -->b", "ab"},
      {"<!--[if IE]>x<![endif]-->", "<!--[if IE]>x<![endif]-->"},
      {"<pre> a\n  b </pre>", "<pre> a\n  b </pre>"},
      {"<script>if (a  <  b) { }</script>", "<script>if (a  <  b) { }</script>"},
      {"<a title=\"a > b\">x</a>", "<a title=\"a > b\">x</a>"},
      {"a < b", "a < b"},
      {"<p style=\"margin: 0.5em 10.5px; color : red; \">",
       "<p style=\"margin:.5em 10.5px;color:red\">"},
      {"<p style='background: url(a  b.png)'>", "<p style='background:url(a  b.png)'>"},
      {"<textarea> \n", "<textarea> \n"},
      {"a <button> <img src=x> </button> b", "a <button><img src=x></button> b"},
      {"<svg> <g> <path d=x /> </g> </svg> b", "<svg><g><path d=x /></g></svg> b"},
      {"<p>a <span>b</p>\n</span> c</p>", "<p>a <span>b </span> c</p>"},
      {"<div><a>x</a> <a>y</a> z <a>w</a></div>", "<div><a>x</a><a>y</a> z <a>w</a></div>"},
      {"<p>a<div>b</div></p>", "<p>a<div>b</div>"},
      {"<style>a { font-size: 3rem; color: red; margin: 0; }\nb{}</style>",
       "<style>a {color: red;margin: 0;font-size: 3rem}\nb{}</style>"},
      {"<style>@media x { a { font-size: 1px; margin: 0 } }</style>",
       "<style>@media x { a { font-size: 1px; margin: 0 } }</style>"},
      {"<style>a { margin: 0; all: unset }</style>", "<style>a { margin: 0; all: unset }</style>"},
      {"<style>a { margin: 0", "<style>a { margin: 0"},
      {"<ul><li><p>a</p></ul>", "<ul><li><p>a</p></ul>"},
      {"<i style=\"filter: invert(1)\">", "<i style=\"filter:invert()\">"},
  };
  for (const Row& row : rows) CHECK(minified_html(row.html) == row.expected);
}
