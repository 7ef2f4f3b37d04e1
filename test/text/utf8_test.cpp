// Goal: text is cut where Unicode says, and bytes that are no text never lead past the end.
#include "text/utf8.h"

#include <catch2/catch.hpp>

#include <vector>

using namespace weir::text;

TEST_CASE("bytes that are not UTF-8 are found and repaired", "[text]") {
  struct Row {
    std::string_view text;
    std::size_t bad;
    std::string_view repaired;
  };
  const std::vector<Row> rows{
      {"", std::string_view::npos, ""},
      {"plain text, longer than eight", std::string_view::npos, "plain text, longer than eight"},
      {"é€😀", std::string_view::npos, "é€😀"},
      {"12345678\xFF"
       "a",
       8,
       "12345678\xEF\xBF\xBD"
       "a"},
      {"a\xC0\x80", 1, "a\xEF\xBF\xBD\xEF\xBF\xBD"},
      {"\xE2\x82", 0, "\xEF\xBF\xBD\xEF\xBF\xBD"},
      {"\xF4\x90\x80\x80", 0, "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
  };
  for (const Row& row : rows) {
    CHECK(find_utf8_error(row.text) == row.bad);
    CHECK(utf8_repaired(row.text) == row.repaired);
    CHECK(is_utf8(utf8_repaired(row.text)));
  }
}

TEST_CASE("code points are read and written", "[text]") {
  for (const char32_t value : {U'a', U'\u00E9', U'\u20AC', U'\U0001F600', U'\U0010FFFF'}) {
    std::string text;
    append_utf8(text, value);
    CHECK(first_code_point(text).value == value);
    CHECK(first_code_point(text).bytes == text.size());
  }
  std::string surrogate;
  append_utf8(surrogate, 0xD800);
  CHECK(surrogate == "\xEF\xBF\xBD");
  CHECK(first_code_point("").bytes == 0);
  CHECK(code_points_of("aé€😀\xFF") == 5);
}

TEST_CASE("grapheme clusters stay whole", "[text]") {
  struct Row {
    std::string_view text;
    std::size_t count;
  };
  const std::vector<Row> rows{
      {"", 0},
      {"abc", 3},
      {"\r\n", 1},
      {"e\u0301x", 2},
      {"👩‍👩‍👧‍👦!", 2},
      {"🇩🇪🇫🇷", 2},
      {"🇩🇪🇫", 2},
      {"각", 1},
      {"\u1100\u1161\u11A8", 1},
      {"👍🏽👍", 2},
      {"नमस्ते", 4},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    CHECK(graphemes_of(row.text) == row.count);
  }
  CHECK(first_graphemes("e\u0301xyz", 2) == "e\u0301x");
  CHECK(first_graphemes("ab", 5) == "ab");
}

TEST_CASE("words are counted as Unicode says", "[text]") {
  struct Row {
    std::string_view text;
    std::size_t count;
  };
  const std::vector<Row> rows{
      {"", 0},
      {"one two  three.", 3},
      {"can't stop", 2},
      {"3.14 and 1,000.5", 3},
      {"a.b c:d", 2},
      {"snake_case_name", 1},
      {"The quick (\"brown\") fox can't jump 32.3 feet, right?", 9},
      {"-- ... !!", 0},
      {"日本語", 3},
      {"カタカナ", 1},
      {"été à Noël", 3},
      {"e\u0301te", 1},
      {"x - y", 2},
      {"foo.\nbar", 2},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    CHECK(words_of(row.text) == row.count);
  }
}

TEST_CASE("case is mapped beyond ASCII", "[text]") {
  CHECK(upper_of_utf8("straße éÿ ﬁ") == "STRASSE ÉŸ FI");
  CHECK(lower_of_utf8("ÀÉ ΟΔΟΣ ΣΑ") == "àé οδος σα");
  CHECK(lower_of_utf8("\xFFZ") == "\xFFz");
}

TEST_CASE("columns count characters, lines count newlines", "[text]") {
  const std::string_view text = "aé\n€x";
  CHECK(column_of(text, 0) == 1);
  CHECK(column_of(text, 3) == 3);
  CHECK(line_of(text, 3) == 1);
  CHECK(column_of(text, 4) == 1);
  CHECK(column_of(text, 7) == 2);
  CHECK(line_of(text, 7) == 2);
  CHECK(column_of(text, 100) == 3);
}
