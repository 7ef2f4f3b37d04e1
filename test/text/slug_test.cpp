// Goal: a title in any script becomes a path that can be typed.
#include "text/slug.h"

#include <catch2/catch.hpp>

#include <vector>

using namespace weir::text;

TEST_CASE("a slug is lower-case ASCII, words joined by one dash", "[text]") {
  struct Row {
    std::string_view text, slug;
  };
  const std::vector<Row> rows{
      {"Hello world", "hello-world"},
      {"Hello 世界", "hello-shi-jie"},
      {"日本", "ri-ben"},
      {"  --Trim__me!! ", "trim-me"},
      {"Rust’s mission", "rust-s-mission"},
      {"Característiques clau", "caracteristiques-clau"},
      {"Gestió intel·ligent", "gestio-intel-ligent"},
      {"Straße Æon Øl", "strasse-aeon-ol"},
      {"Щи и борщ", "shchi-i-borshch"},
      {"Ελληνικά", "ellenika"},
      {"한국어 값", "hangugeo-gabs"},
      {"🦄 rides", "unicorn-rides"},
      {"a\xFF"
       "b",
       "a-b"},
      {"\U0010FFFF", ""},
      {"", ""},
  };
  for (const Row& row : rows) CHECK(slugify(row.text, SlugMode::on) == row.slug);
}

TEST_CASE("the modes safe and off keep letters as they are", "[text]") {
  CHECK(slugify("A: b/c? é. . ", SlugMode::safe) == "A bc é");
  CHECK(slugify("tab\there\x01", SlugMode::safe) == "tabhere");
  CHECK(slugify("A: b/c? é. . ", SlugMode::off) == "A: b/c? é. . ");
  CHECK(slugify_anchor("A b\tc\né", SlugMode::safe) == "A_b_c_é");
  CHECK(slugify_anchor("A b", SlugMode::on) == "a-b");
}

TEST_CASE("characters are spelled in ASCII, those without a spelling left out", "[text]") {
  CHECK(transliterated("Жé日 “x”\U0010FFFF") == "ZheRi  \"x\"");
}
