#pragma once
// Cuts a template into text, tags and the tokens within tags. One token of look-ahead; nothing is
// copied.
//
// The lexer knows two states. Outside of tags `next_piece` gives the text up to the next tag and
// what opens it. Inside, `peek` and `take` give tokens until the closing mark of the tag.
//
// A `-` beside a mark takes away the white space (Unicode) of the text on that side; the lexer does
// it, so that the parser never sees the text that is not printed.

#include <cstdint>
#include <string_view>

namespace weir::tmpl {

enum class TokenIs : std::uint8_t {
  name,
  integer,
  real,
  string,
  open,
  close,
  open_square,
  close_square,
  comma,
  dot,
  colons,
  assign,
  pipe,
  tilde,
  plus,
  minus,
  times,
  slash,
  percent,
  equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
  end_tag,  // the mark that closes the tag we are in
  end,      // of the template
  unknown,
};

struct Token {
  TokenIs is = TokenIs::end;
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  std::string_view text;  // of a string without its quotes
};

// What follows a text.
enum class Opens : std::uint8_t { nothing, print, tag, comment_without_end };

struct Piece {
  std::string_view text;
  Opens opens = Opens::nothing;
  std::uint32_t at = 0;  // of the opening mark
};

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  // The text from here to the next tag, trimmed as the tags on its sides ask. Comments are skipped:
  // the texts around one come as separate pieces (with `opens` nothing), and are trimmed by the
  // comment's marks.
  Piece next_piece();
  // The white space that follows does not count (after extends and import).
  void trim_following() { trim_next_ = true; }

  const Token& peek();
  Token take();
  // The letters, digits and underscores that stand directly here (after a dot of a path); empty
  // when none do. MUST be called when no token has been peeked.
  std::string_view take_segment();
  // True when the next byte, before any white space, is this one; nothing peeked.
  bool touches(char c) const { return at_ < source_.size() && source_[at_] == c; }
  std::uint32_t offset() const { return static_cast<std::uint32_t>(at_); }

  // Everything up to `{% endraw %}`, after the closing mark of `{% raw %}`; false when there is
  // none.
  bool take_raw(std::string_view& text);

  std::string_view source() const { return source_; }

 private:
  bool starts(std::string_view mark) const { return source_.substr(at_).starts_with(mark); }
  Token scan();
  Token of(TokenIs is, std::size_t bytes);

  std::string_view source_;
  std::size_t at_ = 0;
  char closing_ = '}';  // "}}" for prints, "%}" for tags: the first byte of the mark we wait for
  bool trim_next_ = false;  // the last tag ended with -%}
  bool peeked_ = false;
  Token token_;
};

// Unicode white space, as the language trims it.
std::string_view trim_start(std::string_view text);
std::string_view trim_end(std::string_view text);

}  // namespace weir::tmpl
