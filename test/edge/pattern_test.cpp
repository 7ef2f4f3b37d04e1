#include "edge/pattern.h"

#include <catch2/catch.hpp>

using namespace weir;

TEST_CASE("a pattern matches whole segments, and ** the rest, also empty", "[edge]") {
  struct Row {
    std::string_view pattern, path;
    bool matches;
  };
  constexpr Row rows[] = {
      {"/**", "/", true},
      {"/**", "/a/b", true},
      {"/sync/**", "/sync", true},
      {"/sync/**", "/sync/", true},
      {"/sync/**", "/sync/a/b", true},
      {"/sync/**", "/synced", false},
      {"/a/*", "/a/b", true},
      {"/a/*", "/a/", false},
      {"/a/*", "/a", false},
      {"/a/*", "/a/b/c", false},
      {"/p/{slug}", "/p/x", true},
      {"/p/{slug}/", "/p/x/", true},
      {"/p/{slug}/", "/p/x", false},
      {"/", "/", true},
      {"/", "/a", false},
      {"/a", "/a/", false},
      {"/a/*/c", "/a/b/c", true},
      {"/a/*/c", "/a/b/d", false},
      {"/a", "a", false},
      {"/a", "", false},
  };
  for (const Row& row : rows) {
    INFO(row.pattern << " against " << row.path);
    const auto pattern = edge::parse_pattern(row.pattern);
    REQUIRE(pattern.ok());
    CHECK(pattern->matches(row.path) == row.matches);
  }
}

TEST_CASE("a pattern that cannot mean anything is refused", "[edge]") {
  for (const std::string_view bad : {"", "a", "/a**", "/**/b", "/a*", "/{", "/x{y}"}) {
    INFO(bad);
    CHECK_FALSE(edge::parse_pattern(bad).ok());
  }
}

TEST_CASE("a host is compared without case, port and final dot", "[edge]") {
  CHECK(edge::bare_host_of("Example.COM.:8080") == "example.com");
  CHECK(edge::bare_host_of("[::1]:80") == "[::1]");
  CHECK(edge::bare_host_of("[::1]") == "[::1]");
  CHECK(edge::host_matches("*.example.com", "a.example.com"));
  CHECK_FALSE(edge::host_matches("*.example.com", "example.com"));
  CHECK_FALSE(edge::host_matches("*.example.com", "badexample.com"));
  CHECK(edge::host_matches("*", "anything"));
}
