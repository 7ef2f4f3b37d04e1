#pragma once
// UTF-8 and the Unicode facts that templates and pages need. Tables: Unicode 14, made by
// scripts/unicode-tables. Pure functions; strings that are not valid UTF-8 are read as if each bad
// byte were U+FFFD, and are never read past their end.

#include <cstdint>
#include <string>
#include <string_view>

namespace weir::text {

bool is_utf8(std::string_view text);
// The offset of the first byte that is not part of valid UTF-8, or npos.
std::size_t find_utf8_error(std::string_view text);
std::string utf8_repaired(std::string_view text);  // bad bytes become U+FFFD

struct CodePoint {
  char32_t value = 0;      // U+FFFD for a bad byte
  std::uint8_t bytes = 0;  // how many were read; 0 at the end of the text
};
CodePoint first_code_point(std::string_view text);
void append_utf8(std::string& out,
                 char32_t value);  // a surrogate or a value above 10FFFF becomes U+FFFD
std::size_t code_points_of(std::string_view text);  // how many

// Extended grapheme clusters (UAX #29).
std::size_t first_grapheme_bytes(std::string_view text);  // 0 at the end
std::size_t graphemes_of(std::string_view text);          // how many
// The first `count` clusters.
std::string_view first_graphemes(std::string_view text, std::size_t count);

// Words (UAX #29): the segments that hold a letter or a digit.
std::size_t words_of(std::string_view text);  // how many

// Simple case mapping plus the usual special cases (ß to SS, final sigma).
std::string upper_of_utf8(std::string_view text);
std::string lower_of_utf8(std::string_view text);

// Columns count characters: how many code points lie before byte `offset` on its line, plus 1.
std::uint32_t column_of(std::string_view text, std::size_t offset);
std::uint32_t line_of(std::string_view text, std::size_t offset);

}  // namespace weir::text
