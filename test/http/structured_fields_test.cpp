// Goal: structured fields are read as RFC 8941 section 4.2 says, to the letter: what is not well
// formed is nothing at all. Method: tables; what was read is written down again in one plain form.

#include "http/structured_fields.h"

#include <catch2/catch.hpp>

#include <string>

using namespace weir::http;

namespace {

std::string plain(const StructuredItem& item) {
  using enum StructuredItem::Kind;
  switch (item.kind) {
    case boolean: return item.is_true ? "true" : "false";
    case integer: return std::to_string(item.integer);
    case decimal: return "decimal";
    case string: return '"' + item.text + '"';
    case token: return item.text;
    case bytes: return "bytes";
  }
  return "?";
}

std::string plain(const std::optional<std::vector<StructuredMember>>& members) {
  if (!members) return "nothing";
  std::string out;
  for (const StructuredMember& member : *members) {
    if (!out.empty()) out += " | ";
    if (!member.key.empty()) out += member.key + "=";
    if (!member.is_inner_list) {
      REQUIRE(member.items.size() == 1);
      out += plain(member.items[0]);
      continue;
    }
    out += '(';
    for (const StructuredItem& item : member.items) out += plain(item) + ' ';
    out += ')';
  }
  return out;
}

struct Case {
  std::string text, expected;
};

}  // namespace

TEST_CASE("C-23: a dictionary is read as RFC 8941 4.2.2 says, or not at all", "[http]") {
  const Case cases[] = {
      {"", ""},
      {"   ", ""},
      {"max-age=3600", "max-age=3600"},
      {"  max-age=3600  ", "max-age=3600"},
      {"a=1,b=2", "a=1 | b=2"},
      {"a=1 \t, \tb", "a=1 | b=true"},
      {"a", "a=true"},
      {"a=?1, b=?0", "a=true | b=false"},
      {"a;x=1;y, b; z=\"q\"", "a=true | b=true"},
      {"a=1, b=2, a=3", "a=3 | b=2"},  // the last value, at the first place
      {"*key_1.2-3*=token", "*key_1.2-3*=token"},
      {"a=(1 \"b\" c);p=1", "a=(1 \"b\" c )"},
      {"a=()", "a=()"},
      {"a=(  1   2  )", "a=(1 2 )"},
      {"a=(1;x 2;y=?0)", "a=(1 2 )"},
      {"a=:YQ==:", "a=bytes"},
      {"a=1.5", "a=decimal"},
      // Not well formed: nothing.
      {"MaX-aGe=3600", "nothing"},
      {"max-age =3600", "nothing"},
      {"max-age= 3600", "nothing"},
      {"max-age=", "nothing"},
      {"a=1,", "nothing"},
      {",a=1", "nothing"},
      {"a=1,,b=2", "nothing"},
      {"a=1 b=2", "nothing"},
      {"max-age=10000, &&&&&", "nothing"},
      {"a=1; b, 2", "nothing"},
      {"a=(1", "nothing"},
      {"a=(1,2)", "nothing"},
      {"a=(1\"b\")", "nothing"},
      {"a=((1))", "nothing"},
      {"a;=1", "nothing"},
      {"a;b=(1)", "nothing"},
      {"-a=1", "nothing"},
      {"1a=1", "nothing"},
      {"\ta=1", "nothing"},  // only blanks before the first member, no tabs
      {"a=1\tb=2", "nothing"},
      {"a=1\t", "a=1"},  // white space behind a member, then the end
  };
  for (const Case& one : cases) {
    INFO("'" << one.text << "'");
    CHECK(plain(parse_dictionary(one.text)) == one.expected);
  }
}

TEST_CASE("C-23: items have one type each, and bounds", "[http]") {
  const Case cases[] = {
      {"0", "0"},
      {"-0", "0"},
      {"007", "7"},
      {"-42", "-42"},
      {"999999999999999", "999999999999999"},
      {"-999999999999999", "-999999999999999"},
      {"1000000000000000", "nothing"},  // 16 digits
      {"--1", "nothing"},
      {"+1", "nothing"},
      {"-", "nothing"},
      {"-a", "nothing"},
      {"123456789012.123", "decimal"},
      {"1234567890123.1", "nothing"},  // 13 digits before the dot
      {"1.1234", "nothing"},
      {"1.", "nothing"},
      {".5", "nothing"},
      {"1.5.5", "nothing"},
      {R"("")", R"("")"},
      {R"("a b")", R"("a b")"},
      {R"("a\"b\\")", R"("a"b\")"},
      {R"("a\b")", "nothing"},
      {R"("a)", "nothing"},
      {R"("a\)", "nothing"},
      {"\"\t\"", "nothing"},
      {"\"\x7f\"", "nothing"},
      {"\"\xc3\xa4\"", "nothing"},
      {"'a'", "nothing"},
      {"tok/en:*", "tok/en:*"},
      {"*", "*"},
      {"a@b", "nothing"},
      {"?1", "true"},
      {"?0", "false"},
      {"?", "nothing"},
      {"?2", "nothing"},
      {"?true", "nothing"},
      {"::", "bytes"},
      {":YWJj:", "bytes"},
      {":YW Jj:", "nothing"},
      {":YWJj", "nothing"},
      {":YW_j:", "nothing"},
  };
  for (const Case& one : cases) {
    INFO("'" << one.text << "'");
    CHECK(plain(parse_list(one.text)) == one.expected);
  }
}

TEST_CASE("C-53: a list is read as RFC 8941 4.2.1 says, or not at all", "[http]") {
  const Case cases[] = {
      {"", ""},
      {R"("scripts")", R"("scripts")"},
      {R"("a", "b";x="y, z", c)", R"("a" | "b" | c)"},
      {R"("a,b" , ("c" "d"))", R"("a,b" | ("c" "d" ))"},
      {R"("a", "a")", R"("a" | "a")"},
      {R"("a",)", "nothing"},
      {R"("a" "b")", "nothing"},
      {R"("a";)", "nothing"},
  };
  for (const Case& one : cases) {
    INFO("'" << one.text << "'");
    CHECK(plain(parse_list(one.text)) == one.expected);
  }
}
