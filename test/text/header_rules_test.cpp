// Goal: `_headers` files mean here what they mean at Netlify and Cloudflare Pages, and what is left
// out is told with its place.
#include "text/header_rules.h"

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::text;

namespace {

std::string applied(std::string_view file, std::string_view path, Hosting hosting,
                    HeaderRules::Fields fields = {}) {
  HeaderRules::parse(file, "_headers", hosting, "example.com").rules.apply(path, fields);
  std::string out;
  for (const auto& [name, value] : fields) out += name + ": " + value + "\n";
  return out;
}

constexpr auto cloudflare = Hosting::cloudflare;
constexpr auto netlify = Hosting::netlify;

}  // namespace

TEST_CASE("header blocks apply to the paths that they fit, in their order", "[text][headers]") {
  constexpr std::string_view file =
      "# all\n/*\n  X-Frame-Options: DENY\n  Cache-Control: public\n"
      "/assets/*\n  Cache-Control: max-age=60\n  Link: </:splat>; rel=preload\n"
      "/blog/:slug\n\tX-Slug: is :slug\n";
  CHECK(applied(file, "/", cloudflare) == "x-frame-options: DENY\ncache-control: public\n");
  CHECK(applied(file, "/assets/a/b.css", cloudflare) ==
        "x-frame-options: DENY\ncache-control: public, max-age=60\n"
        "link: </a/b.css>; rel=preload\n");
  CHECK(applied(file, "/blog/one", cloudflare) ==
        "x-frame-options: DENY\ncache-control: public\nx-slug: is one\n");
  CHECK(applied("/blog\n  A: b\n", "/blog/", cloudflare).empty());
  CHECK(applied("/blog\n  A: b\n", "/blog/", netlify) == "a: b\n");
  CHECK(applied("/*.js\n  A: b\n", "/x/y.js", netlify) == "a: b\n");
}

TEST_CASE("a field replaces the server's, joins the file's, and may be taken away",
          "[text][headers]") {
  const HeaderRules::Fields own{{"Referrer-Policy", "origin"}, {"X-Kept", "1"}};
  CHECK(applied("/*\n Referrer-Policy: no-referrer\n", "/", cloudflare, own) ==
        "X-Kept: 1\nreferrer-policy: no-referrer\n");
  CHECK(applied("/*\n A: 1\n a: 2\n", "/", cloudflare) == "a: 1, 2\n");
  CHECK(applied("/*\n Set-Cookie: a=1\n Set-Cookie: b=2\n", "/", cloudflare) ==
        "set-cookie: a=1\nset-cookie: b=2\n");
  CHECK(applied("/*\n A: 1\n/x\n ! A\n ! Referrer-Policy\n", "/x", cloudflare, own) ==
        "X-Kept: 1\na: \nreferrer-policy: \n");
  CHECK(applied("/*\n A: 1\n/x\n ! A\n A: 2\n", "/x", cloudflare) == "a: 2\n");
}

TEST_CASE("a header line that is left out is told with its place", "[text][headers]") {
  struct Row {
    std::string_view file, what;
    std::uint32_t line, column;
  };
  const std::vector<Row> rows{
      {"A: b\n/x\n C: d\n", "before the first header", 1, 1},
      {"/x\n C: d\n oops\n", "Name: value", 3, 2},
      {"/x\n C: d\n : v\n", "name of a header", 3, 2},
      {"/x\n C: d\n A b: v\n", "name of a header", 3, 2},
      {"/x\n C: d\n A:\n", "a value behind", 3, 2},
      {"/x\n C: d\n Content-Length: 5\n", "only the server", 3, 2},
      {"/x\n C: d\n ETag: 5\n", "only the server", 3, 2},
      {"/x\n/y\n C: d\n", "no header follows", 1, 1},
      {"/*/*\n C: d\n/y\n C: d\n", "only one '*'", 1, 1},
      {"http://example.com/\n C: d\n/y\n C: d\n", "https://", 1, 1},
      {"/x\n C: d\x01\n D: e\n", "control character", 2, 5},
  };
  for (const Row& row : rows) {
    INFO(row.file);
    const auto parsed = HeaderRules::parse(row.file, "static/_headers", cloudflare, "example.com");
    REQUIRE(parsed.left_out.size() == 1);
    CHECK_THAT(parsed.left_out.front().what, Catch::Contains(std::string(row.what)));
    CHECK(parsed.left_out.front().place.file == "static/_headers");
    CHECK(parsed.left_out.front().place.line == row.line);
    CHECK(parsed.left_out.front().place.column == row.column);
    CHECK(parsed.rules.count() == 1);
  }
}

TEST_CASE("blocks of the site's own host count, those of others are noted", "[text][headers]") {
  CHECK(applied("https://example.com/*\n A: b\n", "/x", cloudflare) == "a: b\n");
  const auto other =
      HeaderRules::parse("https://x.pages.dev/*\n A: b\n", "_headers", cloudflare, "example.com");
  CHECK(other.rules.count() == 0);
  CHECK(other.left_out.empty());
  CHECK(other.notes.size() == 1);
}
