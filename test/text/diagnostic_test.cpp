// Goal: an author sees the line, the caret below the right character, and what to do.
#include "text/diagnostic.h"

#include "text/json.h"

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::text;

TEST_CASE("a diagnostic shows place, line, caret and help", "[text]") {
  const Diagnostic unknown{Severity::error,
                           {Errc::invalid,
                            "unknown key \"tittle\" in page front matter",
                            {"content/blog/hello.md", 3, 1, 7},
                            "did you mean \"title\"?",
                            {}}};
  CHECK(diagnostic_text(unknown, "+++\n\ntittle = \"Hello\"\n+++\n") ==
        "content/blog/hello.md:3:1: error: unknown key \"tittle\" in page front matter\n"
        "  3 | tittle = \"Hello\"\n"
        "    | ^^^^^^\n"
        "  help: did you mean \"title\"?\n");
}

TEST_CASE("the caret stands below its character, after tabs and wide characters too", "[text]") {
  struct Row {
    std::string_view source;
    std::uint32_t line, column, end_column;
    std::string_view frame;
  };
  const std::vector<Row> rows{
      {"abc", 1, 2, 0, "  1 | abc\n    |  ^\n"},
      {"abc", 1, 4, 0, "  1 | abc\n    |    ^\n"},
      {"\tx", 1, 2, 0, "  1 |     x\n    |     ^\n"},
      {"a\tx", 1, 3, 4, "  1 | a   x\n    |     ^\n"},
      {"日本 x", 1, 4, 5, "  1 | 日本 x\n    |      ^\n"},
      {"日本", 1, 1, 3, "  1 | 日本\n    | ^^^^\n"},
      {"é\r\nb\r\n", 2, 1, 0, "  2 | b\n    | ^\n"},
      {"a\x1b[31mb", 1, 3, 0, "  1 | a?[31mb\n    |   ^\n"},
      {"abc", 1, 0, 0, "  1 | abc\n"},
      {"abc", 7, 2, 0, ""},
      {"", 1, 1, 0, ""},
  };
  for (const Row& row : rows) {
    const Diagnostic diagnostic{
        Severity::warning,
        {Errc::invalid, "x", {"f", row.line, row.column, row.end_column}, "", {}}};
    const std::string text = diagnostic_text(diagnostic, row.source);
    CHECK(text.substr(text.find('\n') + 1) == row.frame);
  }
}

TEST_CASE("places are shown as far as they are known, chains below the frame", "[text]") {
  CHECK(diagnostic_text({Severity::error, {Errc::io, "disk full"}}, "") == "error: disk full\n");
  CHECK(diagnostic_text({Severity::error, {Errc::io, "x", {"f"}}}, "") == "f: error: x\n");
  CHECK(diagnostic_text(
            {Severity::warning, {Errc::io, "x", {"f", 2}, "", {"in page a.md", "from b.html:3"}}},
            "") == "f:2: warning: x\n  in page a.md\n  from b.html:3\n");
}

TEST_CASE("a long line is cut round the caret", "[text]") {
  const std::string source = std::string(200, 'a') + "X" + std::string(200, 'b');
  const Diagnostic diagnostic{Severity::error, {Errc::invalid, "x", {"f", 1, 201, 202}, "", {}}};
  const std::string text = diagnostic_text(diagnostic, source, {.columns_max = 60});
  const std::size_t frame = text.find("  1 | ");
  const std::size_t caret = text.find("    | ");
  REQUIRE(caret != std::string::npos);
  CHECK(text.substr(frame, caret - frame).size() <=
        60 + 5);  // two ellipses of three bytes, a newline
  const std::size_t offset = text.find('^') - caret;
  CHECK(text[frame + offset + 2] == 'X');  // the first ellipsis has two bytes more than columns
}

TEST_CASE("colour is added only when asked for", "[text]") {
  const Diagnostic diagnostic{Severity::error, {Errc::invalid, "x", {"f", 1, 1}, "do y", {}}};
  CHECK(diagnostic_text(diagnostic, "a").find('\x1b') == std::string::npos);
  CHECK(diagnostic_text(diagnostic, "a", {.colour = Colour::on}) ==
        "\x1b[1mf:1:1\x1b[0m: \x1b[1;31merror\x1b[0m: x\n  1 | a\n    | "
        "\x1b[1;31m^\x1b[0m\n\x1b[1;36m  help\x1b[0m: do y\n");
}

TEST_CASE("a diagnostic is one JSON object", "[text]") {
  const Diagnostic diagnostic{Severity::error,
                              {Errc::invalid, "a \"b\"", {"f", 1, 2, 3}, "h", {"c"}}};
  const auto json = parse_json(diagnostic_json(diagnostic));
  REQUIRE(json.ok());
  CHECK(
      json_of(*json) ==
      R"({"severity":"error","code":"invalid","file":"f","line":1,"column":2,"end_column":3,"message":"a \"b\"","help":"h","chain":["c"]})");
}

TEST_CASE("did you mean is asked within two edits", "[text]") {
  const std::vector<std::string_view> keys{"title", "template", "date"};
  CHECK(did_you_mean("tittle", keys) == "did you mean \"title\"?");
  CHECK(did_you_mean("author", keys).empty());
}
