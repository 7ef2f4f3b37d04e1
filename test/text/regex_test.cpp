// Goal: expressions mean what their flavour says, match from any thread, and give up instead of
// hanging.
#include "text/regex.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <thread>

using namespace weir;
using namespace weir::text;

namespace {

Regex regex(std::string_view pattern, const RegexOptions& options = {}) {
  auto compiled = Regex::compile(pattern, options);
  INFO(pattern);
  REQUIRE(compiled.ok());
  return *std::move(compiled);
}

}  // namespace

TEST_CASE("Rust's syntax means what it means in Rust", "[text]") {
  struct Row {
    std::string_view pattern, text;
    Match match;
  };
  const std::vector<Row> rows{
      {"^b$", "abc", Match::no},
      {"^abc$", "abc\n", Match::no},
      {"(?m)^b$", "a\nb\nc", Match::yes},
      {"^j.*", "john", Match::yes},
      {R"((?i)(hello\W\sworld\W))", "Hello, World!", Match::yes},
      {R"(\d{4}-\d{2}-\d{2}$)", "The date was 2018-06-28", Match::yes},
      {R"(^\w+$)", "é", Match::yes},
      {R"(^\d$)", "٣", Match::yes},
      {R"(^\u{e9}\u00e9\U000000e9$)", "ééé", Match::yes},
      {R"(^[\u{e9}[:digit:]-]+$)", "é-1", Match::yes},
      {R"(\p{Greek})", "λ", Match::yes},
      {R"(^.$)", "日", Match::yes},
      {R"(^.$)", "\n", Match::no},
      {R"((?s)^.$)", "\n", Match::yes},
      {R"([]a])", "]", Match::yes},
      {R"(a\z)", "ba", Match::yes},
      {"", "", Match::yes},
      {"a", "\xFF", Match::no},
  };
  for (const Row& row : rows) {
    INFO(row.pattern);
    CHECK(regex(row.pattern).test(row.text) == row.match);
  }
}

TEST_CASE("what Rust's syntax has not is an error at its place", "[text]") {
  struct Row {
    std::string_view pattern, what;
    std::uint32_t column;
  };
  const std::vector<Row> rows{
      {"(Invalid regex", "missing closing parenthesis", 15},
      {"é(?=a)", "look-ahead", 2},
      {"(?<!a)", "look-behind", 1},
      {R"((a)\1)", "back references", 4},
      {"[a[b]]", "classes within classes", 3},
      {"[a&&b]", "set operations", 3},
      {"[a", "'[' without ']'", 1},
      {"(*UTF)a", "before '*'", 1},
      {R"(\Q)", "unknown escape", 1},
      {R"(\u{zz})", "hex digits", 1},
      {"a**?+", "quantifier", 3},
  };
  for (const Row& row : rows) {
    const auto compiled = Regex::compile(row.pattern);
    INFO(row.pattern);
    REQUIRE_FALSE(compiled.ok());
    CHECK_THAT(compiled.error().what, Catch::Contains(std::string(row.what)));
    CHECK(compiled.error().place.column == row.column);
  }
}

TEST_CASE("the other flavours", "[text]") {
  const RegexOptions bytes{.flavour = RegexFlavour::pcre, .utf = false, .ignore_case = true};
  CHECK(regex("(?<=A)b\\xFF", bytes).test("ab\xFF") == Match::yes);
  CHECK_FALSE(Regex::compile("(*UTF)a", bytes).ok());
  const RegexOptions ecma{.flavour = RegexFlavour::ecma};
  CHECK(regex(R"(^\u{1F600}\u00e9$)", ecma).test("😀é") == Match::yes);
  CHECK(regex(R"(^\d$)", ecma).test("٣") == Match::no);
  CHECK(regex("^a$", ecma).test("a\n") == Match::no);
  CHECK(regex("a.b", {.flavour = RegexFlavour::pcre, .dot_all = true}).test("a\nb") == Match::yes);
}

TEST_CASE("matches and groups are found by byte offsets", "[text]") {
  const Regex date = regex(R"((?P<year>\d+)-(\d+)(x)?)");
  CHECK(date.groups() == 3);
  const auto span = date.find("é 10-2 30-4", 4);
  REQUIRE(span.ok());
  CHECK(**span == Span{4, 7});
  const auto groups = date.captures("é 10-2 30-4");
  REQUIRE(groups.ok());
  REQUIRE(groups->has_value());
  CHECK((**groups)[0] == Span{3, 7});
  CHECK((**groups)[1] == Span{3, 5});
  CHECK((**groups)[2] == Span{6, 7});
  CHECK_FALSE((**groups)[3].has_value());
  CHECK_FALSE(date.captures("none")->has_value());
  CHECK(date.search("a", 2).match == Match::no);
}

TEST_CASE("all matches are replaced, with groups by number and name", "[text]") {
  struct Row {
    std::string_view pattern, text, replacement, result;
  };
  const std::vector<Row> rows{
      {"b+", "abbcb", "x", "axcx"},
      {R"((?P<first>\w+) (?P<last>\w+))", "Ada Lovelace", "$last, ${first}", "Lovelace, Ada"},
      {"(a)(b)", "abab", "$2$1", "baba"},
      {"(a)", "a", "$1x", ""},
      {"(a)", "a", "${1}x$$1 $", "ax$1 $"},
      {"(a)|(b)", "ab", "[$1]", "[a][]"},
      {"a*", "baac", "x", "xbxcx"},
      {"", "é日", "-", "-é-日-"},
      {"x", "", "y", ""},
      {"$", "a", "$0!", "a!"},
      {"a", "aaa", "", ""},
  };
  for (const Row& row : rows) {
    const auto result = regex(row.pattern).replaced_all(row.text, row.replacement);
    INFO(row.pattern);
    REQUIRE(result.ok());
    CHECK(*result == row.result);
  }
}

TEST_CASE("an expression that would hang gives up, and says so", "[text]") {
  const std::string text(64, 'a');
  const Regex slow = regex("^(a+)+$", {.flavour = RegexFlavour::pcre, .match_limit = 10'000});
  CHECK(slow.test(text) == Match::yes);
  CHECK(slow.test(text + "!") == Match::gave_up);
  const auto found = slow.find(text + "!");
  REQUIRE_FALSE(found.ok());
  CHECK(found.error().code == Errc::too_large);
  CHECK_FALSE(slow.replaced_all(text + "!", "x").ok());
  CHECK_FALSE(Regex::compile(std::string(100'000, 'a')).ok());
}

TEST_CASE("one expression is matched from many threads at once", "[text]") {
  const Regex shared = regex(R"((\w+)@(\w+)\.org)");
  std::atomic<int> wrong = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&shared, &wrong, i] {
        const std::string text = std::string(static_cast<std::size_t>(i), ' ') + "me@example.org";
        for (int round = 0; round < 500; ++round) {
          const auto groups = shared.captures(text);
          if (!groups.ok() || !*groups || (**groups)[1]->begin != static_cast<std::size_t>(i))
            ++wrong;
        }
      });
  }
  CHECK(wrong == 0);
}
