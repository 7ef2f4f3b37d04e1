// Goal: front matter and body are told apart as authors expect, and every error names a line of the
// file.
#include "text/front_matter.h"

#include "text/json.h"

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::text;

TEST_CASE("front matter is TOML between +++ and YAML between ---", "[text]") {
  struct Row {
    std::string_view file, json, body;
    std::uint32_t body_line;
  };
  const std::vector<Row> rows{
      {"+++\ntitle = \"A\"\n+++\nbody\n", R"({"title":"A"})", "body\n", 4},
      {"---\ntitle: A\n---\nbody\n", R"({"title":"A"})", "body\n", 4},
      {"+++\r\ntitle = \"A\"\r\n+++\r\nbody\r\n", R"({"title":"A"})", "body\r\n", 4},
      {"---\r\ntitle: A\r\n---\r\n\r\nbody", R"({"title":"A"})", "\r\nbody", 4},
      {"+++\n+++", "{}", "", 3},
      {"---\n---\n", "{}", "", 3},
      {"\xEF\xBB\xBF\n \n+++ \na = 1\n+++\t\nb", R"({"a":1})", "b", 6},
      {"+++\na = '+++'\n+++\n+++\n", R"({"a":"+++"})", "+++\n", 4},
      {"---\na: |\n  ---\n---\nb", R"({"a":"---\n"})", "b", 5},
  };
  for (const Row& row : rows) {
    INFO(row.file);
    const auto page = parse_front_matter(row.file, "a.md");
    REQUIRE(page.ok());
    CHECK(json_of(page->data) == row.json);
    CHECK(page->body == row.body);
    CHECK(page->body_line == row.body_line);
  }
}

TEST_CASE("a front matter error names the line of the file", "[text]") {
  struct Row {
    std::string_view file, what;
    std::uint32_t line, column;
  };
  const std::vector<Row> rows{
      {"", "expected front matter", 1, 1},
      {"# Title\n", "expected front matter", 1, 1},
      {"++++\n+++", "expected front matter", 1, 1},
      {"\n+++\ntitle = 1\n", "has no end", 2, 1},
      {"+++\ntitle = 1\n---\nbody", "has no end", 1, 1},
      {"+++\ntitle = \n+++\n", "expected value", 2, 9},
      {"---\ntitle: [\n---\n", "", 3, 1},
      {"---\njust text\n---\n", "found a single string", 2, 1},
      {"---\ntitle: \"A\ndraft: true\n---\n", "never closed", 2, 8},
      {"---\na: 1\ntitle: &x 'it''s\n---\n", "never closed", 3, 11},
      {"---\na: \"b\\\"\n---\n", "never closed", 2, 4},
      {"---\n\"key: 1\n---\n", "never closed", 2, 1},
  };
  for (const Row& row : rows) {
    INFO(row.file);
    const auto page = parse_front_matter(row.file, "a.md");
    REQUIRE_FALSE(page.ok());
    CHECK_THAT(page.error().what, Catch::Contains(std::string(row.what)));
    CHECK(page.error().place.file == "a.md");
    CHECK(page.error().place.line == row.line);
    CHECK(page.error().place.column == row.column);
  }
}
