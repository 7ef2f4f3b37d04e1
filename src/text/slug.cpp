#include "text/slug.h"

#include "base/bytes.h"
#include "text/slug_table.h"
#include "text/utf8.h"

#include <optional>

namespace weir::text {
namespace {

constexpr char32_t hangul_first = 0xAC00;
constexpr char32_t hangul_last = 0xD7A3;
constexpr std::array<std::string_view, 19> hangul_leads{"g", "gg", "n", "d",  "dd", "r", "m",
                                                        "b", "bb", "s", "ss", "",   "j", "jj",
                                                        "c", "k",  "t", "p",  "h"};
constexpr std::array<std::string_view, 21> hangul_vowels{
    "a",  "ae", "ya", "yae", "eo", "e",  "yeo", "ye", "o",  "wa", "wae",
    "oe", "yo", "u",  "weo", "we", "wi", "yu",  "eu", "yi", "i"};
constexpr std::array<std::string_view, 28> hangul_tails{
    "",   "g",  "gg", "gs", "n",  "nj", "nh", "d",  "l", "lg", "lm", "lb", "ls", "lt",
    "lp", "lh", "m",  "b",  "bs", "s",  "ss", "ng", "j", "c",  "k",  "t",  "p",  "h"};

constexpr char32_t replacement = 0xFFFD;  // what bytes that are no UTF-8 are read as

// Appends the spelling of a character beyond ASCII; false when it has none.
bool append_spelling(std::string& out, char32_t code) {
  if (code == replacement) return false;
  if (code >= hangul_first && code <= hangul_last) {
    const char32_t index = code - hangul_first;
    out += hangul_leads[index / 588];
    out += hangul_vowels[index / 28 % 21];
    out += hangul_tails[index % 28];
    return true;
  }
  if (code / 64 >= slug_pages.size()) return false;
  const std::uint16_t offset = slug_entries[slug_pages[code / 64] * std::size_t{64} + code % 64];
  if (offset == 0) return false;
  out += slug_texts + offset;
  return true;
}

template <class Keep>
std::string kept(std::string_view text, Keep keep) {
  std::string out;
  for (const char c : text)
    if (keep(c)) out += c;
  return out;
}

bool may_be_in_path(char c) {
  return static_cast<unsigned char>(c) >= 0x20 &&
         std::string_view("<>:\"/\\|?*").find(c) == std::string_view::npos;
}

std::string ascii_slug_of(std::string_view text) {
  std::string out;
  bool ends_in_dash = true;  // so that none comes first
  const auto push = [&](char c) {
    if (is_alnum(c)) {
      out += lower(c);
      ends_in_dash = false;
    } else if (!ends_in_dash) {
      out += '-';
      ends_in_dash = true;
    }
  };
  std::string spelling;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint code = first_code_point(text.substr(at));
    at += code.bytes;
    if (code.value < 0x80) {
      push(static_cast<char>(code.value));
      continue;
    }
    spelling.clear();
    if (!append_spelling(spelling, code.value)) spelling += '-';
    for (const char c : spelling) push(c);
  }
  if (out.ends_with('-')) out.pop_back();
  return out;
}

}  // namespace

std::string transliterated(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint code = first_code_point(text.substr(at));
    if (code.value < 0x80) out += static_cast<char>(code.value);
    else append_spelling(out, code.value);
    at += code.bytes;
  }
  return out;
}

std::string slugify(std::string_view text, SlugMode mode) {
  if (mode == SlugMode::on) return ascii_slug_of(text);
  if (mode == SlugMode::off) return std::string(text);
  std::string out = kept(text, may_be_in_path);
  while (out.ends_with(' ') || out.ends_with('.')) out.pop_back();
  return out;
}

std::string slugify_anchor(std::string_view text, SlugMode mode) {
  if (mode == SlugMode::on) return ascii_slug_of(text);
  std::string out(text);
  for (char& c : out)
    if (is_space(c)) c = '_';
  return out;
}

}  // namespace weir::text
