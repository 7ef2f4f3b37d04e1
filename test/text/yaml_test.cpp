// Goal: YAML becomes values by the core schema, with places, and never more of them than the text
// is worth.
#include "text/yaml.h"

#include "text/json.h"

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::text;

TEST_CASE("YAML values follow the core schema", "[text]") {
  struct Row {
    std::string_view yaml, json;
  };
  const std::vector<Row> rows{
      {"", "null"},
      {"# only a comment\n", "null"},
      {"a: 1\nb: -2\nc: 0x1F\nd: 0o17\ne: +3", R"({"a":1,"b":-2,"c":31,"d":15,"e":3})"},
      {"a: 1.5\nb: .5\nc: 1e3\nd: 1.\ne: 18446744073709551615",
       R"({"a":1.5,"b":0.5,"c":1000.0,"d":1.0,"e":18446744073709551615})"},
      {"[~, null, , true, False, yes, no, on]", R"([null,null,null,true,false,"yes","no","on"])"},
      {"a: '1'\nb: \"x\\ty\"\nc: plain text\nd: 1.2.3\ne: 12:30",
       R"({"a":"1","b":"x\ty","c":"plain text","d":"1.2.3","e":"12:30"})"},
      {"a: |\n  one\n  two\nb: >\n  one\n  two\n", R"({"a":"one\ntwo\n","b":"one two\n"})"},
      {"tags: [a, \"b\"]\nlist:\n  - x\n  - {k: v}\n",
       R"({"tags":["a","b"],"list":["x",{"k":"v"}]})"},
      {"1: a\ntrue: b\n", R"({"1":"a","true":"b"})"},
      {"base: &b {x: 1}\ncopy: *b\n&n name: *n",
       R"({"base":{"x":1},"copy":{"x":1},"name":"name"})"},
      {"a: !!str 1\nb: !!float 2\nc: !!int 3", R"({"a":"1","b":2.0,"c":3})"},
  };
  for (const Row& row : rows) {
    INFO(row.yaml);
    const auto value = parse_yaml(row.yaml, "a.yaml");
    REQUIRE(value.ok());
    CHECK(json_of(*value) == row.json);
  }
  const auto dates = parse_yaml(
      "a: 2024-02-29\nb: 2024-02-29T10:00:00Z\nc: '2024-02-29'\nd: 2024-02-31", "a.yaml");
  REQUIRE(dates.ok());
  CHECK(dates->find("a")->date() != nullptr);
  CHECK(dates->find("b")->date() != nullptr);
  CHECK(dates->find("c")->string() != nullptr);
  CHECK(dates->find("d")->string() != nullptr);
}

TEST_CASE("a YAML error tells file, line and column in characters", "[text]") {
  struct Row {
    std::string_view yaml, what;
    std::uint32_t line, column;
  };
  const std::vector<Row> rows{
      {"a: 1\nb: [1, 2\n", "", 4, 1},
      {"a: 1\na: 2", "the name \"a\" appears twice in one map", 3, 1},
      {"{é: 1, é: 2}", "the name \"é\" appears twice", 2, 8},
      {"a: 1\n---\nb: 2", "expected one YAML document", 4, 1},
      {"a: !point 1", "'1' with the tag !point is not supported", 2, 4},
      {"a: !point {}", "the tag !point is not supported", 2, 4},
      {"[a, b]: 1", "expected a name", 2, 1},
      {"é: \xFF", "expected UTF-8, found the byte 0xff", 2, 4},
      {"a: *b", "anchor", 2, 4},
  };
  for (const Row& row : rows) {
    INFO(row.yaml);
    const auto value = parse_yaml(row.yaml, "a.md", 2);
    REQUIRE_FALSE(value.ok());
    CHECK_THAT(value.error().what, Catch::Contains(std::string(row.what)));
    CHECK(value.error().place.file == "a.md");
    CHECK(value.error().place.line == row.line);
    CHECK(value.error().place.column == row.column);
  }
}

TEST_CASE("YAML names and values have places", "[text]") {
  const auto value = parse_yaml("title: é\nextra:\n  é: [1, é, 2]\n", "a.md", 5);
  REQUIRE(value.ok());
  const Member& inner = (*value->find("extra")->object())[0];
  CHECK(inner.line == 7);
  CHECK(inner.column == 3);
  CHECK((*inner.value.array())[2].column == 13);
}

TEST_CASE("YAML depth and aliases are bounded", "[text]") {
  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    const std::string alias = "*a" + std::to_string(i - 1);
    laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + alias;
    for (int j = 0; j < 9; ++j) laughs += ", " + alias;
    laughs += "]\n";
  }
  const auto value = parse_yaml(laughs, "f");
  REQUIRE_FALSE(value.ok());
  CHECK(value.error().code == Errc::too_large);

  CHECK(
      parse_yaml(
          std::string(limits::yaml_depth_max, '[') + std::string(limits::yaml_depth_max, ']'), "f")
          .ok());
  CHECK_FALSE(parse_yaml(std::string(limits::yaml_depth_max + 1, '[') +
                             std::string(limits::yaml_depth_max + 1, ']'),
                         "f")
                  .ok());
  CHECK_FALSE(parse_yaml(std::string(100'000, '['), "f").ok());
  CHECK_FALSE(parse_yaml(std::string(100'000, '-'), "f").value_or(Value(1)).is_array());
  CHECK_FALSE(parse_yaml("&a [*a]", "f").ok());
}
