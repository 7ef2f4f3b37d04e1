#pragma once
// What the lexers of highlight.h share: the cursor that emits tokens, tables of words, and the
// engine for languages that look like programs (highlight_code.cpp).

#include "base/bytes.h"
#include "text/highlight.h"

#include <algorithm>
#include <span>
#include <string>

namespace weir::text {

// A cursor over the code. Whoever moves it says what it went over; `put` joins equal neighbours.
class Lexing {
 public:
  Lexing(std::string_view code, Tokens& tokens, std::size_t depth = 0)
      : code_(code), tokens_(tokens), depth_(depth) {}

  std::size_t at() const { return at_; }
  std::size_t end() const { return code_.size(); }
  bool is_done() const { return at_ >= code_.size(); }
  std::string_view rest() const { return code_.substr(at_); }
  std::string_view slice(std::size_t begin, std::size_t end) const {
    return code_.substr(begin, end - begin);
  }
  // '\0' beyond the end.
  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < code_.size() ? code_[at_ + ahead] : '\0';
  }
  char before() const { return at_ == 0 ? '\n' : code_[at_ - 1]; }
  bool looking_at(std::string_view text) const {
    return !text.empty() && code_.substr(at_, text.size()) == text;
  }

  // Up to `end`; nothing when that is not ahead. A character of several bytes is never cut.
  void put(Scope scope, std::size_t end) {
    end = std::min(end, code_.size());
    if (end <= at_) return;
    while (end < code_.size() && (static_cast<unsigned char>(code_[end]) & 0xC0) == 0x80) ++end;
    tokens_.steps += end - at_;
    if (!tokens_.list.empty() && tokens_.list.back().scope == scope) tokens_.list.back().end = end;
    else tokens_.list.push_back({end, scope});
    at_ = end;
  }
  void put_bytes(Scope scope, std::size_t bytes) { put(scope, at_ + bytes); }

  // Where things end; the end of the code when nowhere. Each counts its steps.
  std::size_t line_end() const { return find_end("\n", at_); }
  std::size_t find_end(std::string_view what, std::size_t from) const;
  std::size_t behind(std::string_view what, std::size_t from) const;  // the end of the first one
  template <class Is>
  std::size_t while_is(std::size_t from, Is is) const {
    std::size_t i = from;
    while (i < code_.size() && is(code_[i])) ++i;
    tokens_.steps += i - from;
    return i;
  }
  std::size_t blanks_end(std::size_t from) const {
    return while_is(from, [](char c) { return c == ' ' || c == '\t'; });
  }
  std::size_t spaces_end(std::size_t from) const {
    return while_is(from, [](char c) { return is_space(c); });
  }
  void count_steps(std::size_t steps) const { tokens_.steps += steps; }

  // Another language up to `end`; plain text when languages are nested too deeply.
  void embed(std::string_view language, std::size_t end);
  void embed(const CodeLanguage* language, std::size_t end, Scope otherwise = Scope::plain);

 private:
  std::string_view code_;
  Tokens& tokens_;
  std::size_t depth_;
  std::size_t at_ = 0;
};

constexpr bool is_word_start(char c) {
  return is_alpha(c) || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}
constexpr bool is_word_char(char c) { return is_word_start(c) || is_digit(c); }
constexpr bool contains(std::string_view set, char c) {
  return set.find(c) != std::string_view::npos;
}

// ---- words ----

struct WordList {
  Scope scope = Scope::keyword;
  std::string_view words;     // with a blank between
  Scope next = Scope::plain;  // what the word behind one of these is: `fn` makes it a function
};

struct Word {
  std::string_view text;
  Scope scope = Scope::plain;
  Scope next = Scope::plain;
};

inline constexpr std::size_t word_bytes_max = 31;

struct Words {
  const Word* items = nullptr;            // shorter ones first, then by text
  const std::uint16_t* starts = nullptr;  // of each length in `items`
  const Word* find(std::string_view text) const;
};

template <std::size_t count>
struct WordTable {
  std::array<Word, count> items{};
  std::array<std::uint16_t, word_bytes_max + 2> starts{};
  constexpr Words words() const { return {items.data(), starts.data()}; }
};

// Sorts the lists that `Lists` returns at compile time; of a word named twice the first counts.
template <class Lists>
consteval auto word_table(Lists) {
  constexpr auto lists = Lists{}();
  constexpr std::size_t count = [] {
    std::size_t words = 0;
    for (const WordList& list : Lists{}()) {
      bool inside = false;
      for (const char c : list.words) {
        words += c != ' ' && !inside;
        inside = c != ' ';
      }
    }
    return words;
  }();
  WordTable<count> table;
  std::size_t filled = 0;
  for (const WordList& list : lists)
    for (std::size_t at = 0; at < list.words.size();) {
      const std::size_t end = std::min(list.words.find(' ', at), list.words.size());
      if (end > at) {
        const Word word{list.words.substr(at, end - at), list.scope, list.next};
        std::size_t place = filled++;
        const auto is_less = [](std::string_view a, std::string_view b) {
          return a.size() != b.size() ? a.size() < b.size() : a < b;
        };
        for (; place > 0 && is_less(word.text, table.items[place - 1].text); --place)
          table.items[place] = table.items[place - 1];
        table.items[place] = word;
      }
      at = end + 1;
    }
  for (std::size_t bytes = 0; bytes < table.starts.size(); ++bytes) {
    std::size_t start = 0;
    while (start < count && table.items[start].text.size() < bytes) ++start;
    table.starts[bytes] = static_cast<std::uint16_t>(start);
  }
  return table;
}

// ---- languages that look like programs ----

enum class Hole : std::uint8_t {
  none,
  dollar_brace,       // ${x}
  dollar_word,        // ${x} and $x
  hash_brace,         // #{x}
  brace,              // {x}, and {{ for a brace
  backslash_paren,    // \(x)
  brace_placeholder,  // {} and {name:?}, not looked into
  percent,            // %d
};

struct StringRule {
  std::string_view open, close;
  bool escapes = true;   // a backslash takes the next character with it
  bool lines = false;    // may go over line ends
  bool doubled = false;  // the closing mark twice stands for itself
  Hole hole = Hole::none;
  Scope scope = Scope::string;
};

struct BlockComment {
  std::string_view open, close;
  bool nests = false;
};

// What a table cannot say; highlight_code.cpp knows them by name.
enum Trait : std::uint32_t {
  upper_is_type = 1U << 0,       // Name is a type, NAME a constant
  upper_call_is_type = 1U << 1,  // Some(x)
  calls = 1U << 2,               // name( is a function
  any_case = 1U << 3,            // words in any case
  rust_marks = 1U << 4,          // lifetimes, raw strings, macros!, #[attributes]
  cpp_marks = 1U << 5,           // R"x(...)x", 1'000, name_t
  preprocessor_lines = 1U << 6,  // # at the start of a line
  decorators = 1U << 7,          // @name
  slash_regexps = 1U << 8,       // /x/ where a value may begin
  jsx_tags = 1U << 9,
  dollar_variables = 1U << 10,     // $name
  at_variables = 1U << 11,         // @name, @@name
  colon_symbols = 1U << 12,        // :name
  colon_keys = 1U << 13,           // name: in a literal
  python_prefixes = 1U << 14,      // rb"", f""
  percent_literals = 1U << 15,     // %w[a b]
  heredocs = 1U << 16,             // <<~NAME
  sigils = 1U << 17,               // ~r/x/
  long_brackets = 1U << 18,        // [==[ ]==]
  hash_quotes = 1U << 19,          // #"raw"#
  csharp_marks = 1U << 20,         // @"", $"", [Attribute]
  quote_chars = 1U << 21,          // 'a' is a character, ' may be something else
  line_functions = 1U << 22,       // name at the start of a line is defined there
  equals_keys = 1U << 23,          // name = in a literal
  backslash_lines = 1U << 24,      // \\ text to the end of the line
  cmdlets = 1U << 25,              // Get-Item, -Name
  colon_paths = 1U << 26,          // name::
  brackets_attributes = 1U << 27,  // #[Name]
  words_after_dot = 1U << 28,      // keywords count there too
  lisp_lists = 1U << 29,           // what follows ( is a function
  line_tags = 1U << 30,            // the first word of a statement is a name
  caps_are_types = 1U << 31,       // NAME is no constant
};

struct CodeTable {
  Words words;
  std::array<std::string_view, 3> line_comments{};
  std::array<std::string_view, 3> documentation{};  // comments that begin so
  std::array<BlockComment, 2> block_comments{};
  std::span<const StringRule> strings{};
  std::string_view word_starts{};  // beside letters, _ and what is not ASCII
  std::string_view word_chars{};   // beside those and digits
  std::string_view word_ends{};    // at most one at the end: ? and !
  std::uint32_t traits = 0;
};

void lex_code(Lexing& lexing, const void* table);

// ---- what the other files offer to find_code_language ----

std::span<const CodeLanguage> program_languages();
std::span<const CodeLanguage> script_languages();
std::span<const CodeLanguage> shell_languages();
std::span<const CodeLanguage> markup_languages();
std::span<const CodeLanguage> style_languages();
std::span<const CodeLanguage> data_languages();

}  // namespace weir::text
