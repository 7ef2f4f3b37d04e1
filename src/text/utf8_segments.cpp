// Where text may be cut: grapheme clusters and words, by the rules of UAX #29 (Unicode 14) over the
// ranges of unicode_tables.h. One look-up (binary search in 3,236 ranges; none for ASCII) per
// character.
#include "text/utf8.h"

#include "base/bytes.h"
#include "text/unicode_tables.h"

#include <algorithm>

namespace weir::text {
namespace {

// The numbers that scripts/unicode-tables gives the classes.
enum class Grapheme : std::uint8_t {
  other,
  cr,
  lf,
  control,
  extend,
  zwj,
  regional,
  prepend,
  spacing_mark,
  l,
  v,
  t,
  lv,
  lvt
};
enum class Word : std::uint8_t {
  other,
  cr,
  lf,
  newline,
  extend,
  zwj,
  format,
  regional,
  katakana,
  hebrew,
  letter,
  single_quote,
  double_quote,
  mid_num_let,
  mid_letter,
  mid_num,
  numeric,
  extend_num_let
};

struct Facts {
  Grapheme grapheme;
  Word word;
  bool is_letter_or_digit;
  bool is_pictographic;
};

Facts facts_from(std::uint32_t row) {
  return {static_cast<Grapheme>(row & 15), static_cast<Word>(row >> 4 & 31), (row >> 9 & 1) != 0,
          (row >> 10 & 1) != 0};
}

Facts facts_of(char32_t code) {
  if (code < 0x80) return facts_from(unicode_ascii[code]);
  const std::uint32_t key = (static_cast<std::uint32_t>(code) << 11) | 0x7FF;
  return facts_from(*(std::upper_bound(unicode_ranges.begin(), unicode_ranges.end(), key) - 1));
}

// GB3 to GB13, between two neighbours. `pictographic` = a pictographic character and Extend* stand
// before (GB11); `regionals` = how many regional indicators end here (GB12, GB13).
bool breaks_between(Facts before, Facts after, bool pictographic, std::size_t regionals) {
  using enum Grapheme;
  const Grapheme a = before.grapheme;
  const Grapheme b = after.grapheme;
  if (a == cr && b == lf) return false;
  if (a == control || a == cr || a == lf || b == control || b == cr || b == lf) return true;
  if (a == l && (b == l || b == v || b == lv || b == lvt)) return false;
  if ((a == lv || a == v) && (b == v || b == t)) return false;
  if ((a == lvt || a == t) && b == t) return false;
  if (b == extend || b == zwj || b == spacing_mark || a == prepend) return false;
  if (a == zwj && pictographic && after.is_pictographic) return false;
  if (a == regional && b == regional) return regionals % 2 == 0;
  return true;
}

bool is_ignored(Word word) {
  return word == Word::extend || word == Word::zwj || word == Word::format;
}
bool is_ahletter(Word word) { return word == Word::letter || word == Word::hebrew; }
bool is_mid_letter(Word w) {
  return w == Word::mid_letter || w == Word::mid_num_let || w == Word::single_quote;
}
bool is_mid_number(Word w) {
  return w == Word::mid_num || w == Word::mid_num_let || w == Word::single_quote;
}

// The class of the next character that is not ignored (WB4).
Word next_word_class(std::string_view text) {
  while (!text.empty()) {
    const CodePoint code = first_code_point(text);
    const Word word = facts_of(code.value).word;
    if (!is_ignored(word)) return word;
    text.remove_prefix(code.bytes);
  }
  return Word::other;
}

// WB5 to WB13b for the pair (before, after); `earlier` stands before `before`, `rest` begins behind
// `after`.
bool joins(Word earlier, Word before, Word after, std::string_view rest) {
  using enum Word;
  if (is_ahletter(before) && is_ahletter(after)) return true;
  if (is_ahletter(before) && is_mid_letter(after) && is_ahletter(next_word_class(rest)))
    return true;
  if (is_ahletter(earlier) && is_mid_letter(before) && is_ahletter(after)) return true;
  if (before == hebrew && after == single_quote) return true;
  if (before == hebrew && after == double_quote && next_word_class(rest) == hebrew) return true;
  if (earlier == hebrew && before == double_quote && after == hebrew) return true;
  if (before == numeric && (after == numeric || is_ahletter(after))) return true;
  if (is_ahletter(before) && after == numeric) return true;
  if (earlier == numeric && is_mid_number(before) && after == numeric) return true;
  if (before == numeric && is_mid_number(after) && next_word_class(rest) == numeric) return true;
  if (before == katakana && after == katakana) return true;
  const auto extends = [](Word w) {
    return is_ahletter(w) || w == numeric || w == katakana || w == extend_num_let;
  };
  if (extends(before) && after == extend_num_let) return true;
  return before == extend_num_let && extends(after);
}

struct Segment {
  std::size_t bytes = 0;
  bool is_word = false;
};

// The bytes up to the next word boundary.
Segment first_segment(std::string_view text) {
  CodePoint code = first_code_point(text);
  Facts facts = facts_of(code.value);
  Segment segment{code.bytes, facts.is_letter_or_digit};
  Word earlier = Word::other;
  Word before = facts.word;
  const auto is_break = [](Word w) { return w == Word::cr || w == Word::lf || w == Word::newline; };
  std::size_t regionals = before == Word::regional ? 1 : 0;
  while (segment.bytes < text.size()) {
    const char32_t previous = code.value;
    code = first_code_point(text.substr(segment.bytes));
    facts = facts_of(code.value);
    const Word after = facts.word;
    if (before == Word::cr && after == Word::lf) return {segment.bytes + code.bytes, false};
    if (is_break(before) || is_break(after)) return segment;
    const bool emoji = facts_of(previous).word == Word::zwj && facts.is_pictographic;  // WB3c
    if (is_ignored(after) || emoji) {
      segment.bytes += code.bytes;
      continue;
    }
    const bool flag = before == Word::regional && after == Word::regional && regionals % 2 == 1;
    if (!flag && !joins(earlier, before, after, text.substr(segment.bytes + code.bytes)))
      return segment;
    segment.bytes += code.bytes;
    segment.is_word = segment.is_word || facts.is_letter_or_digit;
    regionals = after == Word::regional ? regionals + 1 : 0;
    earlier = before;
    before = after;
  }
  return segment;
}

}  // namespace

std::size_t first_grapheme_bytes(std::string_view text) {
  CodePoint code = first_code_point(text);
  if (code.bytes == 0) return 0;
  Facts before = facts_of(code.value);
  bool pictographic = before.is_pictographic;
  std::size_t regionals = before.grapheme == Grapheme::regional ? 1 : 0;
  std::size_t bytes = code.bytes;
  while (bytes < text.size()) {
    code = first_code_point(text.substr(bytes));
    const Facts after = facts_of(code.value);
    if (breaks_between(before, after, pictographic, regionals)) break;
    if (after.grapheme == Grapheme::regional) ++regionals;
    if (after.grapheme != Grapheme::extend && after.grapheme != Grapheme::zwj)
      pictographic = after.is_pictographic;
    before = after;
    bytes += code.bytes;
  }
  return bytes;
}

std::size_t graphemes_of(std::string_view text) {
  std::size_t count = 0;
  for (; !text.empty(); ++count) text.remove_prefix(first_grapheme_bytes(text));
  return count;
}

std::string_view first_graphemes(std::string_view text, std::size_t count) {
  std::size_t bytes = 0;
  for (; count > 0 && bytes < text.size(); --count)
    bytes += first_grapheme_bytes(text.substr(bytes));
  return text.substr(0, bytes);
}

std::size_t words_of(std::string_view text) {
  // Most of a page is ASCII words between blanks; those need no rule. Behind these characters a
  // word may go on.
  const auto may_join = [](char c) {
    return static_cast<unsigned char>(c) >= 0x80 ||
           std::string_view("'.:,;_\"").find(c) != std::string_view::npos;
  };
  std::size_t count = 0;
  while (!text.empty()) {
    std::size_t plain = 0;
    while (plain < text.size() && is_alnum(text[plain])) ++plain;
    if (plain == 0 && !may_join(text[0])) {
      text.remove_prefix(1);
    } else if (plain > 0 && (plain == text.size() || !may_join(text[plain]))) {
      ++count;
      text.remove_prefix(plain);
    } else {
      const Segment segment = first_segment(text);
      if (segment.is_word) ++count;
      text.remove_prefix(segment.bytes);
    }
  }
  return count;
}

}  // namespace weir::text
