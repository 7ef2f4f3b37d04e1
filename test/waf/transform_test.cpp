// Goal: each transformation undoes what it names, once, and never makes a value longer.

#include "support.h"

#include "waf/transform.h"

#include <catch2/catch.hpp>

#include <random>

using namespace weir::waf;
using namespace std::string_literals;

namespace {
std::string with(Transform transform, std::string_view text) {
  Arena arena;
  return std::string(apply(transform, text, arena));
}
}  // namespace

TEST_CASE("transformations give what the table says", "[waf]") {
  using enum Transform;
  struct Row {
    Transform transform;
    std::string text, gives;
  };
  const std::vector<Row> rows{
      {url_decode, "%3Cscript%3e", "<script>"},
      {url_decode, "%253C", "%3C"},
      {url_decode, "%u003c%uff1e%", "<>%"},
      {url_decode, "100%+%2", "100%+%2"},
      {html_entity, "&lt;a&gt;&#60;&#x3C;&#x3c", "<a><<<"},
      {html_entity, "a&b&unknown;&#;&#x;", "a&b&unknown;&#;&#x;"},
      {html_entity, "java&Tab;script&colon;", "java\tscript:"},
      {js_decode, "\\x3cscript\\u003e\\74\\'", "<script><'"},
      {js_decode, "a\\", "a\\"},
      {js_decode, "\\n\\q", "\nq"},
      {remove_nulls, "a\0b"s, "ab"},
      {compress_whitespace, "a \t\r\n b", "a b"},
      {remove_comments, "un/**/ion/* x */a/*open", "un ion a "},
      {remove_backslashes, "c\\at", "cat"},
      {normalize_path, "/a/./b//c/../d", "/a/b/d"},
      {normalize_path, "\\a\\..\\..\\b", "/../b"},
      {normalize_path, "../../x", "../../x"},
      {base64, "PHNjcmlwdD4=", "<script>"},
      {base64, "short", "short"},
      {base64, "not base64 at all", "not base64 at all"},
  };
  for (const Row& row : rows) {
    INFO(name_of(row.transform) << ' ' << row.text);
    CHECK(with(row.transform, row.text) == row.gives);
    CHECK(parse_transform(name_of(row.transform)) == row.transform);
  }
}

TEST_CASE(
    "without its trigger bytes a transformation changes nothing, and it never makes a value longer",
    "[waf]") {
  std::mt19937 random(2);
  constexpr std::string_view spice = "%&\\/*.;#xu0123abcdef<> \t\r\n=";
  for (std::size_t i = 0; i < weir::test::rounds(20'000, 1'000'000); ++i) {
    std::string text(random() % 24, '\0');
    for (char& c : text)
      c = random() % 4 == 0 ? static_cast<char>(random()) : spice[random() % spice.size()];
    for (int t = 0; t <= static_cast<int>(Transform::base64); ++t) {
      const auto transform = static_cast<Transform>(t);
      const std::string gives = with(transform, text);
      REQUIRE(gives.size() <= text.size());
      if ((mask_of(text) & trigger_of(transform)) == 0) REQUIRE(gives == text);
    }
  }
}
