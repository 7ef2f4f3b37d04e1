// Goal: a path is decoded once, its dot segments resolved, and nothing climbs above the root (H-25,
// H-26).

#include "http/target.h"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace weir::http;

TEST_CASE("paths are decoded once and resolved, or refused", "[http]") {
  struct Row {
    std::string raw;
    std::string path;  // empty = refused
  };
  const std::vector<Row> rows{
      {"/", "/"},
      {"/a", "/a"},
      {"/a/", "/a/"},
      {"//", "//"},
      {"/a//b", "/a//b"},
      {"/%41", "/A"},
      {"/%2541", "/%41"},
      {"/a%20b", "/a b"},
      {"/%7e", "/~"},
      {"/%c3%a9", "/\xc3\xa9"},
      {"/.", "/"},
      {"/./", "/"},
      {"/./a", "/a"},
      {"/a/.", "/a/"},
      {"/a/./b", "/a/b"},
      {"/a/..", "/"},
      {"/a/../", "/"},
      {"/a/../b", "/b"},
      {"/a/b/..", "/a/"},
      {"/a/b/../../c", "/c"},
      {"/a/%2e%2e/b", "/b"},
      {"/a/.%2E/b", "/b"},
      {"/a%2f..%2fb", "/b"},
      {"/a%2fb", "/a/b"},
      {"/a//..", "/a/"},
      {"/.a", "/.a"},
      {"/..a", "/..a"},
      {"/a..", "/a.."},
      {"/...", "/..."},
      {"/a/..b/c", "/a/..b/c"},
      {"/%5c..", "/\\.."},
      {"/..", ""},
      {"/../", ""},
      {"/a/../..", ""},
      {"/%2e%2e", ""},
      {"/..%2f", ""},
      {"/a/../../etc/passwd", ""},
      {"/%", ""},
      {"/%4", ""},
      {"/%g1", ""},
      {"/%1g", ""},
      {"/a%00b", ""},
      {"/%0", ""},
      {"/%%41", ""},
  };
  for (const Row& row : rows) {
    std::string scratch(row.raw.size(), '?');
    const DecodedPath decoded = decode_path(row.raw, scratch.data());
    INFO(row.raw);
    CHECK((decoded.refusal != nullptr) == row.path.empty());
    if (decoded.refusal == nullptr) CHECK(decoded.path == row.path);
  }
}

TEST_CASE("what only some routes refuse is reported, not refused", "[http]") {
  char scratch[64];
  CHECK(decode_path("/a%2Fb", scratch).encoded_slash);
  CHECK_FALSE(decode_path("/a/b", scratch).encoded_slash);
  CHECK_FALSE(decode_path("/%ff", scratch).is_utf8);
  CHECK_FALSE(decode_path("/%c0%af", scratch).is_utf8);
  CHECK(decode_path("/%e2%82%ac", scratch).is_utf8);
}
