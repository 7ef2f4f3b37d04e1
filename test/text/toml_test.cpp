// Goal: TOML becomes values with places, in the order of the file, and errors point at the author's
// line.
#include "text/toml.h"

#include "text/json.h"

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::text;

TEST_CASE("TOML values arrive in the order of the file", "[text]") {
  struct Row {
    std::string_view toml, json;
  };
  const std::vector<Row> rows{
      {"", "{}"},
      {"z = 1\na = 'x'\nm = [1, 2.5, true]\n", R"({"z":1,"a":"x","m":[1,2.5,true]})"},
      {"a.b.c = 1\r\na.b.d = 2\r\n", R"({"a":{"b":{"c":1,"d":2}}})"},
      {"[x]\nq=1\n[[y]]\nn=1\n[[y]]\nn=2\n[x.w]\nr={b=1,a=2}",
       R"({"x":{"q":1,"w":{"r":{"b":1,"a":2}}},"y":[{"n":1},{"n":2}]})"},
      {"d = 2024-02-29\nt = 07:32:00\nl = 1979-05-27 07:32:00.5\no = 1979-05-27T00:32:00-07:00",
       R"({"d":"2024-02-29","t":"07:32:00","l":"1979-05-27T07:32:00.5","o":"1979-05-27T00:32:00-07:00"})"},
      {"a = \"\\u00e9\"\nb = '''\nline'''\n\"quoted key\" = 1",
       R"({"a":"é","b":"line","quoted key":1})"},
  };
  for (const Row& row : rows) {
    INFO(row.toml);
    const auto value = parse_toml(row.toml, "a.toml");
    REQUIRE(value.ok());
    CHECK(json_of(*value) == row.json);
  }
  CHECK(parse_toml("d = 2024-02-29", "a.toml")->find("d")->date() != nullptr);
}

TEST_CASE("every TOML name and value has its place in the file", "[text]") {
  const auto value = parse_toml("é = 1\nbig = 1", "a.md", 2);
  CHECK_FALSE(value.ok());
  const auto good = parse_toml("title = \"A\"\n[extra]\n  x = [1,\n 2]", "a.md", 2);
  REQUIRE(good.ok());
  const Member& title = (*good->object())[0];
  CHECK(title.line == 2);
  CHECK(title.column == 1);
  CHECK(title.value.column == 9);
  const Member& x = (*good->find("extra")->object())[0];
  CHECK(x.line == 4);
  CHECK(x.column == 3);
  CHECK((*x.value.array())[1].line == 5);
}

TEST_CASE("a TOML error tells file, line, column and what was expected", "[text]") {
  struct Row {
    std::string_view toml, what;
    std::uint32_t line, column;
  };
  const std::vector<Row> rows{
      {"a = \n", "expected value, saw '\\n'", 1, 5},
      {"x = 1\nx = 2", "cannot redefine existing integer 'x'", 2, 5},
      {"a = [1, 2\nb = 3", "expected comma or closing ']', saw 'b'", 2, 1},
      {"x = 1\n\xFF = 2", "expected UTF-8, found the byte 0xff", 2, 1},
  };
  for (const Row& row : rows) {
    const auto value = parse_toml(row.toml, "config.toml");
    REQUIRE_FALSE(value.ok());
    CHECK(value.error().what == row.what);
    CHECK(value.error().place.file == "config.toml");
    CHECK(value.error().place.line == row.line);
    CHECK(value.error().place.column == row.column);
  }
}

TEST_CASE("TOML depth is bounded, however it is written", "[text]") {
  const auto repeated = [](std::string_view part, std::size_t count) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) text += part;
    return text;
  };
  CHECK(parse_toml(repeated("a.", limits::toml_key_parts_max - 1) + "a = 1", "f").ok());
  CHECK_FALSE(parse_toml(repeated("a.", limits::toml_key_parts_max) + "a = 1", "f").ok());
  CHECK_FALSE(parse_toml("[" + repeated("\"a\" . ", 100'000) + "a]", "f").ok());
  CHECK_FALSE(parse_toml("a = " + repeated("[", 100'000), "f").ok());
  CHECK_FALSE(parse_toml("a = " + repeated("{ b.c = ", 200) + "1" + repeated("}", 200), "f").ok());
  CHECK(parse_toml("a = \"\"\"" + repeated("Prose. And more. ", 100) + "\"\"\"", "f").ok());
}

// Found by the fuzzer: the library ran into code it believed to be out of reach.
TEST_CASE("letters outside of strings are errors, whatever their block", "[text]") {
  for (const std::string_view letter : {"\u00A1", "é", "ˋ", "Ж", "\u0499", "\u1681", "日", "😀"}) {
    INFO(letter);
    CHECK_FALSE(parse_toml(letter, "f").ok());
    CHECK_FALSE(parse_toml("a = 1 " + std::string(letter), "f").ok());
    CHECK_FALSE(parse_toml("a = [1, " + std::string(letter) + "]", "f").ok());
    CHECK(parse_toml("a = '" + std::string(letter) + "' # " + std::string(letter), "f").ok());
  }
}

// Found by the fuzzer: an assertion of the library ended the process.
TEST_CASE("a table header that starts with no name is an error", "[text]") {
  for (const std::string_view text : {"[~x]", "[", "[[", "[ ~ ]", "[[~]]", "[.a]", "[a.~]", "[a.]",
                                      "~ = 1", ". = 1", "{~=1}", "a = {~ = 1}"}) {
    INFO(text);
    const auto value = parse_toml(text, "f");
    REQUIRE_FALSE(value.ok());
    CHECK(value.error().place.line == 1);
  }
  CHECK_FALSE(parse_toml(std::string_view("[\0]", 3), "f").ok());
}

TEST_CASE("what an author left open is told in the author's words, on a line that is there",
          "[text]") {
  for (const std::string_view text :
       {"a = 1\nb = \"x\nc = 2\n", "a = 1\nb = \"x\r\nc = 2\r\n", "a = 1\nb = 'x\n"}) {
    INFO(text);
    const auto value = parse_toml(text, "f", 5);
    REQUIRE_FALSE(value.ok());
    CHECK(value.error().what == "this string has no end on its line");
    CHECK(value.error().place.line == 6);
    CHECK(value.error().place.column == 7);
  }
  const auto open = parse_toml("a = 1\nb = [1,\n\n", "f");
  REQUIRE_FALSE(open.ok());
  CHECK(open.error().what == "the text ends in the middle of a value");
  CHECK(open.error().place.line == 2);
  CHECK(open.error().place.column == 7);
}
