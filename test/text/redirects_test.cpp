// Goal: `_redirects` files of both hosts mean here what they mean there, every line that is left
// out is told with its place, and no request can make a redirect lead to another host.
#include "text/redirects.h"

#include "base/limits_site.h"
#include "support.h"

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::text;

namespace {

constexpr auto cloudflare = Hosting::cloudflare;
constexpr auto netlify = Hosting::netlify;

// "302 /there", "200 /page" (shown), or "" when no rule holds.
std::string told(const Redirects& rules, RedirectRequest request, bool exists = false) {
  const auto found = rules.find(request, [exists] { return exists; });
  return found ? std::to_string(found->status) + " " + found->target : "";
}
std::string told(std::string_view file, Hosting hosting, std::string_view path,
                 std::string_view query = {}) {
  const auto parsed = Redirects::parse(file, "_redirects", hosting);
  return told(parsed.rules, {.path = path, .query = query});
}

}  // namespace

TEST_CASE("redirect rules of Cloudflare Pages mean what they mean there", "[text][redirects]") {
  struct Row {
    std::string_view rule, path, answer;
  };
  const std::vector<Row> rows{
      {"/home /", "/home", "302 /"},
      {"/home /", "/home/", ""},
      {"/home / 301", "/home", "301 /"},
      {"/a /b 308 # moved", "/a", "308 /b"},
      {"a /b", "/a", "302 /b"},
      {"/blog/* /news/:splat", "/blog/2004/01", "302 /news/2004/01"},
      {"/blog/* /news/:splat", "/blog/", "302 /news/"},
      {"/blog/* /news/:splat", "/blog", ""},
      {"/a/*/z /:splat", "/a/b/c/z", "302 /b/c"},
      {"/a/*/z /:splat", "/a/z", ""},
      {"/img/*.jpg /pictures/:splat.jpg", "/img/x/cat.jpg", "302 /pictures/x/cat.jpg"},
      {"/movies/:title /film/:title 301", "/movies/up", "301 /film/up"},
      {"/movies/:title /film/:title", "/movies/", ""},
      {"/movies/:title /film/:title", "/movies/up/cast", ""},
      {"/b-:y-:m /blog/:y/:m", "/b-2024-10-05", "302 /blog/2024-10/05"},
      {"/x https://example.com", "/x", "302 https://example.com/"},
      {"/x/* https://:splat.example.com/", "/x/a", ""},  // a splat cannot choose the host
      {"/x/:sub https://:sub.example.com/y", "/x/shop", "302 https://shop.example.com/y"},
      {"/x/:sub https://:sub.example.com/y", "/x/evil.com@", ""},
      {"/page /other#part", "/page", "302 /other#part"},
      {"/p%20q /b", "/p q", "302 /b"},
      {"/p /b%20c", "/p", "302 /b%20c"},
      {"/t/:x /s?q=:x&l=1", "/t/a&b=c", "302 /s?q=a%26b%3Dc&l=1"},
      {"/show/* /page/:splat 200", "/show/a b", "200 /page/a b"},
      {"/loop/* /loop/:splat", "/loop/x", ""},  // to where the client is already
  };
  for (const Row& row : rows) {
    INFO(row.rule << "   " << row.path);
    CHECK(told(row.rule, cloudflare, row.path) == row.answer);
  }
}

TEST_CASE("redirect rules of Netlify mean what they mean there", "[text][redirects]") {
  struct Row {
    std::string_view rule, path, query, answer;
  };
  const std::vector<Row> rows{
      {"/home /", "/home", "", "301 /"},
      {"/home /", "/home/", "", "301 /"},
      {"/home/ /x", "/home", "", "301 /x"},
      {"/news/* /blog/:splat", "/news", "", "301 /blog/"},
      {"/news/* /blog/:splat", "/news/a/b", "", "301 /blog/a/b"},
      {"/news/* /blog/:splat", "/news/a/b/", "", "301 /blog/a/b/"},
      {"/news/:month/:date/:year/:slug /blog/:year/:month/:date/:slug", "/news/02/12/2004/my-story",
       "", "301 /blog/2004/02/12/my-story"},
      {"/store id=:id /blog/:id 301", "/store", "id=my-post", "301 /blog/my-post"},
      {"/store id=:id /blog/:id 301", "/store", "id=a&x=1", ""},
      {"/store id=:id /blog/:id 301", "/store", "", ""},
      {"/articles id=:id tag=:tag /posts/:tag/:id", "/articles", "tag=t&id=1", "301 /posts/t/1"},
      {"/search q=fish /fish", "/search", "q=fish", "301 /fish"},
      {"/search q=fish /fish", "/search", "q=meat", ""},
      {"/old /new", "/old", "a=1&b=2", "301 /new?a=1&b=2"},
      {"/old /new?c=3", "/old", "a=1", "301 /new?c=3"},
      {"/en/* /en/404.html 404", "/en/x", "", "404 /en/404.html"},
      {"/* /index.html 200", "/any/where", "", "200 /index.html"},
      {"/app/* 200", "/app/x", "", "200 /app/x"},
      {"/a /b 302! # inline", "/a", "", "302 /b"},
  };
  for (const Row& row : rows) {
    INFO(row.rule << "   " << row.path << "?" << row.query);
    CHECK(told(row.rule, netlify, row.path, row.query) == row.answer);
  }
}

TEST_CASE("the first rule that holds is the answer, and a page wins unless forced",
          "[text][redirects]") {
  const auto rules =
      Redirects::parse("/a/* /one/:splat\n/a/b /two 301!\n/* /index.html 200\n", "", netlify).rules;
  CHECK(told(rules, {.path = "/a/b"}) == "301 /one/b");
  CHECK(told(rules, {.path = "/a/b"}, true) == "301 /two");
  CHECK(told(rules, {.path = "/x"}, true).empty());
  CHECK(told(rules, {.path = "/x"}) == "200 /index.html");
  const auto first = Redirects::parse("/a /static\n/:x /dynamic\n/* /all", "", cloudflare).rules;
  CHECK(told(first, {.path = "/a"}, true) == "302 /static");
  CHECK(told(first, {.path = "/b"}, true) == "302 /dynamic");
  CHECK(told(first, {.path = "/b/c"}, true) == "302 /all");
}

TEST_CASE("conditions hold by language, country, cookie and role", "[text][redirects]") {
  const auto rules = Redirects::parse(
                         "/ /de 302 Language=de,at\n/ /nz 302 Country=nz\n/ /new 302 Cookie=beta\n"
                         "/admin/* 200! Role=admin\n/admin/* /login 302!\n",
                         "", netlify)
                         .rules;
  REQUIRE(rules.count() == 5);
  const auto at_root = [&](std::string_view language, std::string_view cookie) {
    const std::string_view cookies[] = {cookie};
    return told(rules, {.path = "/", .accept_language = language, .cookies = cookies});
  };
  CHECK(at_root("de-CH,en;q=0.5", "") == "302 /de");
  CHECK(at_root("en, de;q=0.9", "") == "");
  CHECK(at_root("en;q=0.1, de;q=0.9", "") == "302 /de");
  CHECK(at_root("en", "a=b; nf_lang=de") == "302 /de");
  CHECK(at_root("de", "nf_lang=en") == "");
  CHECK(at_root("en", "nf_country=NZ") == "302 /nz");
  CHECK(at_root("en", "x=1;beta=yes") == "302 /new");
  CHECK(at_root("en", "betamax=yes") == "");
  const std::vector<std::string> roles{"editor", "admin"};
  CHECK(told(rules, {.path = "/admin/x", .roles = roles}) == "200 /admin/x");
  CHECK(told(rules, {.path = "/admin/x"}) == "302 /login");
  const auto found = rules.find({.path = "/", .accept_language = "de"}, [] { return false; });
  REQUIRE(found);
  CHECK(found->vary == "Accept-Language, Cookie");
}

TEST_CASE("no path and no parameter makes a redirect leave for another host", "[text][redirects]") {
  struct Row {
    std::string_view rule, path, query, answer;
  };
  const std::vector<Row> rows{
      {"/go/* /:splat", "/go//evil.example", "", "302 /evil.example"},
      {"/go/* /:splat", "/go////evil.example", "", "302 /evil.example"},
      {"/go/* /:splat", "/go/\\evil.example", "", "302 /%5Cevil.example"},
      {"/go/:x/* /:splat", "/go/a//evil.example", "", "302 /evil.example"},
      {"/go/* https://example.com/:splat", "/go//evil.example", "",
       "302 https://example.com/evil.example"},
      {"/go/* /:splat", "/go/a\r\nX: y", "", "302 /a%0D%0AX:%20y"},
      {"/go/* /x", "/go/a", "b\"<>", "302 /x?b%22%3C%3E"},
      {"/go/* //evil.example", "/go/a", "", ""},
      {"/go/* https://example.com:splat", "/go/@evil.example", "", ""},
  };
  for (const Row& row : rows) {
    INFO(row.rule << "   " << row.path);
    CHECK(told(row.rule, cloudflare, row.path, row.query) == row.answer);
  }
}

TEST_CASE("a line that is left out is told with its place", "[text][redirects]") {
  struct Row {
    Hosting hosting;
    std::string_view file, what;
    std::uint32_t line, column;
  };
  const std::vector<Row> rows{
      {cloudflare, "# c\n\n  /only\n", "expected \"from to\"", 3, 3},
      {cloudflare, "/a /b 302 x", "found 4 words", 1, 11},
      {cloudflare, "/a /b 418", "expected a status", 1, 7},
      {cloudflare, "/a /b 301!", "expected a status", 1, 7},
      {cloudflare, "/a /b 404", "expected a status", 1, 7},
      {cloudflare, "https://x.example/ /b", "expected a path", 1, 1},
      {cloudflare, "/ä b", "begins with '/'", 1, 4},
      {cloudflare, "/a https://:\x84/", "expected a host name", 1, 4},
      {cloudflare, "/a https://\xc3\xbc.example/", "expected a host name", 1, 4},
      {cloudflare, "/a https://x.example:port7/", "expected a host name", 1, 4},
      {cloudflare, "/a https://[::1/", "expected a host name", 1, 4},
      {cloudflare, "/a https://x.example/ 200", "another host", 1, 4},
      {cloudflare, "/*/* /b", "only one '*'", 1, 1},
      {cloudflare, "/:a/:a /b", "stands twice", 1, 1},
      {cloudflare, "/%zz /b", "percent-encoded", 1, 1},
      {cloudflare, "/* /index.html 200", "lead to itself", 1, 1},
      {cloudflare, "/a /b\n/a /c", "line 1 has the same path", 2, 1},
      {cloudflare, "/a //x.example", "another host", 1, 4},
      {netlify, "/a", "expected a destination", 1, 1},
      {netlify, "/a/*/b /c", "only at the end", 1, 1},
      {netlify, "/a /b 301 Planet=mars", "not known", 1, 11},
      {netlify, "/a /.netlify/functions/f 200", "not run here", 1, 4},
      {netlify, "a /b", "begins with '/'", 1, 1},
      {netlify, "/a 200", "expected a destination", 1, 1},
  };
  for (const Row& row : rows) {
    INFO(row.file);
    const auto parsed = Redirects::parse(row.file, "static/_redirects", row.hosting);
    REQUIRE(parsed.left_out.size() == 1);
    const Error& error = parsed.left_out.front();
    CHECK_THAT(error.what, Catch::Contains(std::string(row.what)));
    CHECK(error.place.file == "static/_redirects");
    CHECK(error.place.line == row.line);
    CHECK(error.place.column == row.column);
  }
}

TEST_CASE("whose file it is follows from what the lines say", "[text][redirects]") {
  const auto whose = [](std::string_view file) {
    return Redirects::parse(file, "", std::nullopt).rules.hosting();
  };
  CHECK(whose("/a /b") == cloudflare);
  CHECK(whose("/a /b\n/a /c") == cloudflare);
  CHECK(whose("/a /b 301!") == netlify);
  CHECK(whose("/* /index.html 200") == netlify);
  CHECK(whose("/a id=:id /b") == netlify);
  CHECK(whose("/a /b 404") == netlify);
  CHECK(whose("/a/*/b /c") == cloudflare);
}

TEST_CASE("limits of the vendor are notes, limits of ours leave lines out", "[text][redirects]") {
  std::string file;
  for (int i = 0; i <= 2'000; ++i) file += "/s" + std::to_string(i) + " /\n";
  for (int i = 0; i <= 100; ++i) file += "/d" + std::to_string(i) + "/* /\n";
  const auto many = Redirects::parse(file, "", cloudflare);
  CHECK(many.left_out.empty());
  CHECK(many.notes.size() == 2);
  CHECK(told(many.rules, {.path = "/s2000"}) == "302 /");
  CHECK(told(many.rules, {.path = "/d100/x"}) == "302 /");

  std::string line = "/long /";
  line.append(limits::site_rule_line_bytes_max, 'x');
  const auto longer = Redirects::parse(line + "\n/a /b\n", "", cloudflare);
  CHECK(longer.left_out.size() == 1);
  CHECK(longer.rules.count() == 1);

  std::string most;
  for (std::size_t i = 0; i <= limits::site_rules_max; ++i)
    most += "/" + std::to_string(i) + " /\n";
  const auto full = Redirects::parse(most, "", netlify);
  CHECK(full.rules.count() == limits::site_rules_max);
  CHECK(full.left_out.size() == 1);
  CHECK(told(full.rules, {.path = "/99999"}) == "301 /");
}

TEST_CASE("rules below more literal segments than a table row has are found", "[text][redirects]") {
  std::string deep;
  for (std::size_t i = 0; i < limits::site_rule_prefix_segments_max + 5; ++i) deep += "/a";
  const auto rules = Redirects::parse(deep + "/* /found/:splat", "", cloudflare).rules;
  CHECK(told(rules, {.path = deep + "/x"}) == "302 /found/x");
  CHECK(told(rules, {.path = std::string(8'000, '/')}).empty());
}
