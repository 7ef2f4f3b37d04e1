// Goal: URLs are split, joined and coded as RFC 3986 says.
#include "text/url.h"

#include <catch2/catch.hpp>

using namespace weir::text;

TEST_CASE("percent coding keeps what the set says", "[text]") {
  const std::string_view text = "aZ9-._~!$&'()*+,;=:@/?#[]% \"<é";
  struct Row {
    PercentSet set;
    std::string_view coded;
  };
  const std::vector<Row> rows{
      {PercentSet::unreserved,
       "aZ9-._~%21%24%26%27%28%29%2A%2B%2C%3B%3D%3A%40%2F%3F%23%5B%5D%25%20%22%3C%C3%A9"},
      {PercentSet::path, "aZ9-._~!$&'()*+,;=:@/%3F%23%5B%5D%25%20%22%3C%C3%A9"},
      {PercentSet::path_segment, "aZ9-._~!$&'()*+,;=:@%2F%3F%23%5B%5D%25%20%22%3C%C3%A9"},
      {PercentSet::query, "aZ9-._~!$&'()*+,;=:@/?%23%5B%5D%25%20%22%3C%C3%A9"},
      {PercentSet::tera,
       "aZ9-._~%21%24%26%27%28%29%2A%2B%2C%3B%3D%3A%40/%3F%23%5B%5D%%20%22%3C%C3%A9"},
      {PercentSet::alphanumeric,
       "aZ9%2D%2E%5F%7E%21%24%26%27%28%29%2A%2B%2C%3B%3D%3A%40%2F%3F%23%5B%5D%25%20%22%3C%C3%A9"},
      {PercentSet::url, "aZ9-._~!$&'()*+,;=:@/?#[]%%20%22%3C%C3%A9"},
  };
  for (const Row& row : rows) CHECK(percent_encode(text, row.set) == row.coded);
  CHECK(percent_decode(percent_encode(text, PercentSet::unreserved)) == text);
}

TEST_CASE("percent decoding is strict, or leaves what is no code", "[text]") {
  CHECK(percent_decode("a%2Fb%c3%A9") == "a/bé");
  CHECK(percent_decode("%00") == std::string(1, '\0'));
  for (const std::string_view bad : {"%", "a%2", "%zz", "%2z", "100%"})
    CHECK_FALSE(percent_decode(bad));
  CHECK(percent_decode_lossy("100%25%%zz%4") == "100%%%zz%4");
}

TEST_CASE("a URL is split into its parts", "[text]") {
  const auto full = parse_url("https://me:pw@example.org:8443/a/b?x=1&y#top");
  REQUIRE(full.ok());
  CHECK(full->scheme == "https");
  CHECK(full->userinfo == "me:pw");
  CHECK(full->host == "example.org");
  CHECK(full->port == 8443);
  CHECK(full->path == "/a/b");
  CHECK(full->query == "x=1&y");
  CHECK(full->fragment == "top");
  const auto v6 = parse_url("http://[::1]:80");
  REQUIRE(v6.ok());
  CHECK(v6->host == "::1");
  CHECK(v6->port == 80);
  CHECK(v6->path.empty());
  const auto mail = parse_url("mailto:a@b.c");
  REQUIRE(mail.ok());
  CHECK(mail->path == "a@b.c");
  CHECK_FALSE(mail->has_authority);
  const auto relative = parse_url("../x?q");
  REQUIRE(relative.ok());
  CHECK(relative->scheme.empty());
  CHECK(relative->query == "q");
  CHECK(parse_http_url("HTTP://example.org").ok());
}

TEST_CASE("what is no URL is refused with the reason", "[text]") {
  struct Row {
    std::string_view url, why;
  };
  const std::vector<Row> rows{
      {"http://a b/", "the byte 0x20 in its host"},
      {"http://a/ b", "in its path"},
      {"http://a/%zz", "'%' without two hex digits"},
      {"http://a:99999/", "port must be 1..65535"},
      {"http://a:0/", "port must be"},
      {"http://[::1/", "'[' without ']'"},
      {"http://[x]/", "no IPv6 address"},
      {"http://a/#a#b", "'#' in its fragment"},
      {"1a:b", "':' in the first part"},
      {"http://é/", "the byte 0xc3 in its host"},
      {"http://a/\n", "the byte 0x0a in its path"},
  };
  for (const Row& row : rows) {
    const auto url = parse_url(row.url);
    INFO(row.url);
    REQUIRE_FALSE(url.ok());
    CHECK_THAT(url.error().what, Catch::Contains(std::string(row.why)));
  }
  for (const std::string_view bad : {"ftp://a/", "http:///a", "/a", "http:a"})
    CHECK_FALSE(parse_http_url(bad).ok());
}

TEST_CASE("references are resolved as the examples of RFC 3986 5.4", "[text]") {
  struct Row {
    std::string_view reference, target;
  };
  const std::vector<Row> rows{
      {"g:h", "g:h"},
      {"g", "http://a/b/c/g"},
      {"./g", "http://a/b/c/g"},
      {"g/", "http://a/b/c/g/"},
      {"/g", "http://a/g"},
      {"//g", "http://g"},
      {"?y", "http://a/b/c/d;p?y"},
      {"g?y", "http://a/b/c/g?y"},
      {"#s", "http://a/b/c/d;p?q#s"},
      {"g#s", "http://a/b/c/g#s"},
      {"g?y#s", "http://a/b/c/g?y#s"},
      {";x", "http://a/b/c/;x"},
      {"g;x", "http://a/b/c/g;x"},
      {"", "http://a/b/c/d;p?q"},
      {".", "http://a/b/c/"},
      {"./", "http://a/b/c/"},
      {"..", "http://a/b/"},
      {"../", "http://a/b/"},
      {"../g", "http://a/b/g"},
      {"../..", "http://a/"},
      {"../../g", "http://a/g"},
      {"../../../g", "http://a/g"},
      {"/./g", "http://a/g"},
      {"/../g", "http://a/g"},
      {"g.", "http://a/b/c/g."},
      {"..g", "http://a/b/c/..g"},
      {"./../g", "http://a/b/g"},
      {"./g/.", "http://a/b/c/g/"},
      {"g/./h", "http://a/b/c/g/h"},
      {"g/../h", "http://a/b/c/h"},
      {"g;x=1/../y", "http://a/b/c/y"},
      {"g?y/../x", "http://a/b/c/g?y/../x"},
      {"g#s/../x", "http://a/b/c/g#s/../x"},
  };
  for (const Row& row : rows) {
    const auto joined = join_url("http://a/b/c/d;p?q", row.reference);
    INFO(row.reference);
    REQUIRE(joined.ok());
    CHECK(*joined == row.target);
  }
  CHECK(*join_url("http://u@[::1]:8080", "x") == "http://u@[::1]:8080/x");
  CHECK_FALSE(join_url("/a", "b").ok());
}

TEST_CASE("a path of files is folded, and does not climb", "[text]") {
  CHECK(folded_path("sass/parts/../x") == "sass/x");
  CHECK(folded_path("/a//./b/") == "a/b");
  CHECK(folded_path("a/..") == "");
  CHECK_FALSE(folded_path("a/../../b").has_value());
  CHECK_FALSE(folded_path("..").has_value());
}

TEST_CASE("queries are read as forms write them", "[text]") {
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  CHECK(parse_query("a=1&b=x+y%26&c&&=d&e=f=g") ==
        Pairs{{"a", "1"}, {"b", "x y&"}, {"c", ""}, {"", "d"}, {"e", "f=g"}});
  CHECK(parse_query("").empty());
  CHECK(parse_query("a&b&c", 2).size() == 2);
}
