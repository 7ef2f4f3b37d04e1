// Goal: JSON as RFC 8259 has it, and nothing else; what is written reads back the same.
// Method: the JSONTestSuite, then tables of our own for what it does not ask.
#include "text/json.h"

#include "base/file.h"
#include "support.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <filesystem>
#include <limits>

using namespace weir;
using namespace weir::text;

TEST_CASE("the JSON test suite: no n_ file is accepted, no y_ file refused but two", "[text]") {
  if (!test::has_vectors("json-parsing")) return;
  std::size_t accepted = 0;
  std::size_t refused = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(test::shared_directory() + "/vectors/json-parsing")) {
    const std::string name = entry.path().filename().string();
    if (!name.ends_with(".json")) continue;
    INFO(name);
    const auto text = read_file(entry.path().string());
    REQUIRE(text.ok());
    const bool is_accepted = parse_json(*text).ok();
    if (name.starts_with("n_")) {
      CHECK_FALSE(is_accepted);
      ++refused;
    } else if (name.starts_with("y_")) {
      const bool is_duplicate = name.find("duplicated_key") != std::string::npos;
      CHECK(is_accepted == !is_duplicate);
      CHECK(parse_json(*text, {.duplicates = Duplicates::keep_last}).ok());
      ++accepted;
    }
  }
  CHECK(accepted == 95);
  CHECK(refused == 188);
}

TEST_CASE("JSON values arrive with their kind", "[text]") {
  struct Row {
    std::string_view text;
    Value value;
  };
  const std::vector<Row> rows{
      {"null", Null{}},
      {" true ", true},
      {"false", false},
      {"0", 0},
      {"-0", 0},
      {"9223372036854775807", std::numeric_limits<std::int64_t>::max()},
      {"-9223372036854775808", std::numeric_limits<std::int64_t>::min()},
      {"9223372036854775808", std::uint64_t{9223372036854775808U}},
      {"18446744073709551615", std::numeric_limits<std::uint64_t>::max()},
      {"18446744073709551616", 18446744073709551616.0},
      {"1.0", 1.0},
      {"1e2", 100.0},
      {"1e-400", 0.0},
      {R"("a\"\\\/\b\f\n\r\tz")", "a\"\\/\b\f\n\r\tz"},
      {R"("\u00e9\u20AC\ud83d\ude00")", "é€😀"},
      {R"("\u0000")", std::string(1, '\0')},
      {"\"a long string that has no escape at all\"", "a long string that has no escape at all"},
      {"\"\x7F\"", "\x7F"},
      {"[]", Value::Array{}},
      {"{}", Value::Object{}},
      {"[1,[2,{\"a\":[3]}],4]",
       Value::Array{1, Value::Array{2, Value::Object{{"a", Value::Array{3}}}}, 4}},
      {"{\"b\":{\"c\":1,\"d\":[]},\"a\":2}",
       Value::Object{{"b", Value::Object{{"c", 1}, {"d", Value::Array{}}}}, {"a", 2}}},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    const auto value = parse_json(row.text);
    REQUIRE(value.ok());
    CHECK(*value == row.value);
  }
}

TEST_CASE("a JSON error names what was expected, what was found, and where", "[text]") {
  struct Row {
    std::string_view text;
    std::string_view what;
    std::uint32_t line, column;
  };
  const std::vector<Row> rows{
      {"", "expected a value, found the end of the text", 1, 1},
      {"[1,]", "expected a value, found ']'", 1, 4},
      {"[1 2]", "expected ',' or ']', found '2'", 1, 4},
      {"{\"é\": 1,\n \"b\" 2}", "expected ':' after the name, found '2'", 2, 6},
      {"{a:1}", "expected a name in quotes, found 'a'", 1, 2},
      {"{\"a\":1,\n\"b\":2,\"a\":3}", "the name \"a\" appears twice in one object", 2, 7},
      {"\"é\\x\"", "expected an escape", 1, 3},
      {"\"\\ud800\"", "half of a surrogate pair", 1, 2},
      {"\"\\ud800\\u0041\"", "half of a surrogate pair", 1, 2},
      {"\"\\udc00\"", "half of a surrogate pair", 1, 2},
      {"\"abc", "expected '\"' at the end of the string that starts here", 1, 1},
      {"\"a\tb\"", "a control character in a string", 1, 3},
      {"\"\xC0\x80\"", "expected UTF-8, found the byte 0xc0", 1, 2},
      {"\"\xED\xA0\x80\"", "expected UTF-8, found the byte 0xed", 1, 2},
      {"\xEF\xBB\xBF{}", "found a byte order mark", 1, 1},
      {"01", "a number must not start with 0", 1, 1},
      {"1e400", "beyond the range", 1, 1},
      {"-x", "expected a digit, found 'x'", 1, 2},
      {"1 2", "expected the end of the text, found '2'", 1, 3},
      {std::string_view("1\0", 2), "expected the end of the text, found \"\\u0000\"", 1, 2},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    const auto value = parse_json(row.text);
    REQUIRE_FALSE(value.ok());
    CHECK_THAT(value.error().what, Catch::Contains(std::string(row.what)));
    CHECK(value.error().place.line == row.line);
    CHECK(value.error().place.column == row.column);
  }
}

TEST_CASE("JSON depth and size are bounded", "[text]") {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  CHECK(parse_json(nested(limits::json_depth_max)).ok());
  CHECK_FALSE(parse_json(nested(limits::json_depth_max + 1)).ok());
  CHECK_FALSE(parse_json(nested(100'000)).ok());
  CHECK_FALSE(parse_json(std::string(100'000, '[')).ok());
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  CHECK_FALSE(parse_json(objects, {.depth_max = limits::json_depth_ceiling}).ok());
  CHECK(parse_json(nested(limits::json_depth_ceiling), {.depth_max = limits::json_depth_ceiling})
            .ok());

  CHECK(parse_json("[1]", {.bytes_max = 3}).ok());
  const auto large = parse_json("[1] ", {.bytes_max = 3});
  REQUIRE_FALSE(large.ok());
  CHECK(large.error().code == Errc::too_large);
}

TEST_CASE("duplicate names are refused, or the last value stays at the first place", "[text]") {
  std::string many = "{\"first\":0";
  for (int i = 0; i < 100; ++i) many += ",\"n" + std::to_string(i) + "\":" + std::to_string(i);
  CHECK(parse_json(many + "}").ok());
  many += ",\"n7\":\"again\"}";
  CHECK_FALSE(parse_json(many).ok());
  const auto kept = parse_json(many, {.duplicates = Duplicates::keep_last});
  REQUIRE(kept.ok());
  CHECK(kept->object()->size() == 101);
  CHECK((*kept->object())[8].name == "n7");
  CHECK(*kept->find("n7") == Value("again"));

  const auto three =
      parse_json(R"({"a":1,"b":2,"a":3,"a":4})", {.duplicates = Duplicates::keep_last});
  REQUIRE(three.ok());
  CHECK(json_of(*three) == R"({"a":4,"b":2})");
}

TEST_CASE("JSON is written compact, pretty and canonical", "[text]") {
  const auto value = parse_json(R"({"b":[1,2.5,{}],"a":"x\u0001\"","":[]})");
  REQUIRE(value.ok());
  CHECK(json_of(*value) == R"({"b":[1,2.5,{}],"a":"x\u0001\"","":[]})");
  CHECK(pretty_json_of(*value) ==
        "{\n  \"b\": [\n    1,\n    2.5,\n    {}\n  ],\n  \"a\": \"x\\u0001\\\"\",\n  \"\": []\n}");
  CHECK(canonical_json_of(*value) == R"({"":[],"a":"x\u0001\"","b":[1,2.5,{}]})");
  CHECK(json_of(Value("\xFF")) == "\"\xEF\xBF\xBD\"");
  CHECK(json_of(Value(std::nan(""))) == "null");
}

TEST_CASE("numbers are written so that kind and value survive", "[text]") {
  struct Row {
    double number;
    std::string_view json;
    std::string_view ecmascript;
  };
  const std::vector<Row> rows{
      {0.0, "0.0", "0"},
      {-0.0, "-0.0", "0"},
      {1.0, "1.0", "1"},
      {-1.5, "-1.5", "-1.5"},
      {0.1, "0.1", "0.1"},
      {1e-5, "0.00001", "0.00001"},
      {1e-6, "1e-6", "0.000001"},
      {1e-7, "1e-7", "1e-7"},
      {123456789.0, "123456789.0", "123456789"},
      {1e15, "1000000000000000.0", "1000000000000000"},
      {1e16, "1e16", "10000000000000000"},
      {1e20, "1e20", "100000000000000000000"},
      {1e21, "1e21", "1e+21"},
      {333333333.33333329, "333333333.3333333", "333333333.3333333"},
      {5e-324, "5e-324", "5e-324"},
      {1.7976931348623157e308, "1.7976931348623157e308", "1.7976931348623157e+308"},
  };
  for (const Row& row : rows) {
    std::string ecmascript;
    append_ecmascript_number(ecmascript, row.number);
    CHECK(json_of(Value(row.number)) == row.json);
    CHECK(ecmascript == row.ecmascript);
    const auto again = parse_json(row.json);
    REQUIRE(again.ok());
    CHECK(*again == Value(row.number));
  }
}

TEST_CASE("canonical JSON sorts names by UTF-16 code units, as the example of RFC 8785", "[text]") {
  const auto sorted = parse_json(
      R"({"\u20ac":"Euro","\r":"CR","\ufb33":"Dalet","1":"One","\ud83d\ude00":"Emoji","\u0080":"Control","\u00f6":"o"})");
  REQUIRE(sorted.ok());
  std::string order;
  const auto again = parse_json(canonical_json_of(*sorted));
  REQUIRE(again.ok());
  for (const Member& member : *again->object()) order += *member.value.string() + ' ';
  CHECK(order == "CR One Control o Euro Emoji Dalet ");
  const auto numbers = parse_json(
      R"({"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001]})");
  REQUIRE(numbers.ok());
  CHECK(canonical_json_of(*numbers) == R"({"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27]})");
}
