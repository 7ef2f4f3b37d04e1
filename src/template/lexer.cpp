#include "template/lexer.h"

#include "base/bytes.h"
#include "base/must.h"

#include <array>

namespace weir::tmpl {
namespace {

bool is_name_start(char c) { return is_alpha(c) || c == '_'; }
bool is_name_byte(char c) { return is_alnum(c) || c == '_'; }

// White space beyond ASCII, in UTF-8: U+0085, U+00A0, U+1680, U+2000..200A, U+2028, U+2029, U+202F,
// U+205F, U+3000. Gives the bytes of the one at the front or at the end, 0 when there is none.
constexpr std::array<std::string_view, 19> wide_spaces = {
    "\xC2\x85",     "\xC2\xA0",     "\xE1\x9A\x80", "\xE2\x80\x80", "\xE2\x80\x81",
    "\xE2\x80\x82", "\xE2\x80\x83", "\xE2\x80\x84", "\xE2\x80\x85", "\xE2\x80\x86",
    "\xE2\x80\x87", "\xE2\x80\x88", "\xE2\x80\x89", "\xE2\x80\x8A", "\xE2\x80\xA8",
    "\xE2\x80\xA9", "\xE2\x80\xAF", "\xE2\x81\x9F", "\xE3\x80\x80"};

std::size_t space_in_front(std::string_view text) {
  if (is_space(text.front())) return 1;
  if (static_cast<unsigned char>(text.front()) < 0xC2) return 0;
  for (const std::string_view space : wide_spaces)
    if (text.starts_with(space)) return space.size();
  return 0;
}

std::size_t space_at_end(std::string_view text) {
  if (is_space(text.back())) return 1;
  if (static_cast<unsigned char>(text.back()) < 0x80) return 0;
  for (const std::string_view space : wide_spaces)
    if (text.ends_with(space)) return space.size();
  return 0;
}

}  // namespace

std::string_view trim_start(std::string_view text) {
  while (!text.empty()) {
    const std::size_t bytes = space_in_front(text);
    if (bytes == 0) break;
    text.remove_prefix(bytes);
  }
  return text;
}

std::string_view trim_end(std::string_view text) {
  while (!text.empty()) {
    const std::size_t bytes = space_at_end(text);
    if (bytes == 0) break;
    text.remove_suffix(bytes);
  }
  return text;
}

Piece Lexer::next_piece() {
  MUST(!peeked_);
  const std::size_t begin = at_;
  std::size_t mark = at_;
  for (;; ++mark) {
    mark = source_.find('{', mark);
    if (mark == std::string_view::npos || mark + 1 >= source_.size()) {
      mark = source_.size();
      break;
    }
    const char next = source_[mark + 1];
    if (next == '{' || next == '%' || next == '#') break;
  }
  Piece piece;
  piece.text = source_.substr(begin, mark - begin);
  if (trim_next_ && !piece.text.empty()) {
    piece.text = trim_start(piece.text);
    trim_next_ = false;
  }
  piece.at = static_cast<std::uint32_t>(mark);
  at_ = mark;
  if (mark == source_.size()) return piece;

  const char kind = source_[mark + 1];
  at_ = mark + 2;
  trim_next_ = false;
  if (starts("-")) {
    piece.text = trim_end(piece.text);
    ++at_;
  }
  if (kind == '#') {
    const std::size_t end = source_.find("#}", at_);
    if (end == std::string_view::npos) {
      piece.opens = Opens::comment_without_end;
      at_ = source_.size();
      return piece;
    }
    trim_next_ = end > at_ && source_[end - 1] == '-';
    at_ = end + 2;
    return piece;
  }
  piece.opens = kind == '{' ? Opens::print : Opens::tag;
  closing_ = kind == '{' ? '}' : '%';
  return piece;
}

const Token& Lexer::peek() {
  if (!peeked_) {
    token_ = scan();
    peeked_ = true;
  }
  return token_;
}

Token Lexer::take() {
  const Token token = peek();
  peeked_ = false;
  if (token.is == TokenIs::end_tag) trim_next_ = token.end - token.begin == 3;
  return token;
}

std::string_view Lexer::take_segment() {
  MUST(!peeked_);
  const std::size_t begin = at_;
  while (at_ < source_.size() && is_name_byte(source_[at_])) ++at_;
  return source_.substr(begin, at_ - begin);
}

bool Lexer::take_raw(std::string_view& text) {
  MUST(!peeked_);
  const std::size_t begin = at_;
  for (std::size_t mark = source_.find("{%", begin); mark != std::string_view::npos;
       mark = source_.find("{%", mark + 2)) {
    std::size_t at = mark + 2;
    const bool trims_before = at < source_.size() && source_[at] == '-';
    if (trims_before) ++at;
    while (at < source_.size() && is_space(source_[at])) ++at;
    if (!source_.substr(at).starts_with("endraw")) continue;
    at += 6;
    while (at < source_.size() && is_space(source_[at])) ++at;
    const bool trims_behind = at < source_.size() && source_[at] == '-';
    if (trims_behind) ++at;
    if (!source_.substr(at).starts_with("%}")) continue;
    text = source_.substr(begin, mark - begin);
    if (trim_next_) text = trim_start(text);
    if (trims_before) text = trim_end(text);
    trim_next_ = trims_behind;
    at_ = at + 2;
    return true;
  }
  return false;
}

Token Lexer::of(TokenIs is, std::size_t bytes) {
  Token token{is, static_cast<std::uint32_t>(at_), static_cast<std::uint32_t>(at_ + bytes),
              source_.substr(at_, bytes)};
  at_ += bytes;
  return token;
}

Token Lexer::scan() {
  while (at_ < source_.size() && is_space(source_[at_])) ++at_;
  if (at_ >= source_.size()) return of(TokenIs::end, 0);
  const char c = source_[at_];
  if (starts(closing_ == '}' ? "}}" : "%}")) return of(TokenIs::end_tag, 2);
  if (starts(closing_ == '}' ? "-}}" : "-%}")) return of(TokenIs::end_tag, 3);
  if (is_name_start(c)) {
    std::size_t end = at_ + 1;
    while (end < source_.size() && is_name_byte(source_[end])) ++end;
    return of(TokenIs::name, end - at_);
  }
  if (is_digit(c)) {
    std::size_t end = at_ + 1;
    while (c != '0' && end < source_.size() && is_digit(source_[end])) ++end;
    if (end + 1 < source_.size() && source_[end] == '.' && is_digit(source_[end + 1])) {
      ++end;
      while (end < source_.size() && is_digit(source_[end])) ++end;
      return of(TokenIs::real, end - at_);
    }
    return of(TokenIs::integer, end - at_);
  }
  if (c == '"' || c == '\'' || c == '`') {
    const std::size_t end = source_.find(c, at_ + 1);
    if (end == std::string_view::npos) return of(TokenIs::unknown, 1);
    Token token = of(TokenIs::string, end + 1 - at_);
    token.text = token.text.substr(1, token.text.size() - 2);
    return token;
  }
  struct Sign {
    std::string_view text;
    TokenIs is;
  };
  // The longer ones first.
  static constexpr Sign signs[] = {
      {"::", TokenIs::colons},     {"==", TokenIs::equal},         {"!=", TokenIs::not_equal},
      {"<=", TokenIs::less_equal}, {">=", TokenIs::greater_equal}, {"<", TokenIs::less},
      {">", TokenIs::greater},     {"(", TokenIs::open},           {")", TokenIs::close},
      {"[", TokenIs::open_square}, {"]", TokenIs::close_square},   {",", TokenIs::comma},
      {".", TokenIs::dot},         {"=", TokenIs::assign},         {"|", TokenIs::pipe},
      {"~", TokenIs::tilde},       {"+", TokenIs::plus},           {"-", TokenIs::minus},
      {"*", TokenIs::times},       {"/", TokenIs::slash},          {"%", TokenIs::percent},
  };
  for (const Sign& sign : signs)
    if (starts(sign.text)) return of(sign.is, sign.text.size());
  return of(TokenIs::unknown, 1);
}

}  // namespace weir::tmpl
