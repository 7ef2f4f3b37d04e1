#include "http/structured_fields.h"

#include "base/bytes.h"

#include <algorithm>
#include <utility>

namespace weir::http {
namespace {

using Kind = StructuredItem::Kind;

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }

// Section 4.2, each production by its name.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {
    while (!text_.empty() && text_.back() == ' ') text_.remove_suffix(1);
  }

  template <class ReadMember>
  bool members(ReadMember read_member) {
    skip(" ");
    while (!text_.empty()) {
      if (!read_member()) return false;
      skip(" \t");
      if (text_.empty()) return true;
      if (!take(',')) return false;
      skip(" \t");
      if (text_.empty()) return false;  // a comma at the end
    }
    return true;
  }

  bool key(std::string& out) {
    out.clear();
    if (!is_lower(peek()) && peek() != '*') return false;
    constexpr std::string_view marks = "_-.*";
    while (is_lower(peek()) || is_digit(peek()) ||
           (!text_.empty() && marks.find(peek()) != std::string_view::npos))
      out += next();
    return true;
  }

  bool value_of_key(StructuredMember& member) {
    if (take('=')) return item_or_inner_list(member);
    member.items.emplace_back();  // a bare key is true
    return parameters();
  }

  bool item_or_inner_list(StructuredMember& member) {
    member.is_inner_list = peek() == '(';
    if (member.is_inner_list) return inner_list(member.items) && parameters();
    member.items.emplace_back();
    return item(member.items.back()) && parameters();
  }

 private:
  char peek() const { return text_.empty() ? '\0' : text_.front(); }
  char next() {
    const char c = text_.front();
    text_.remove_prefix(1);
    return c;
  }
  bool take(char c) {
    if (text_.empty() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  void skip(std::string_view blanks) {
    while (!text_.empty() && blanks.find(text_.front()) != std::string_view::npos)
      text_.remove_prefix(1);
  }

  bool parameters() {
    std::string name;
    StructuredItem value;
    while (take(';')) {
      skip(" ");
      if (!key(name) || (take('=') && !item(value))) return false;
    }
    return true;
  }

  bool inner_list(std::vector<StructuredItem>& items) {
    take('(');
    while (!text_.empty()) {
      skip(" ");
      if (take(')')) return true;
      items.emplace_back();
      if (!item(items.back()) || !parameters()) return false;
      if (peek() != ' ' && peek() != ')') return false;
    }
    return false;
  }

  bool item(StructuredItem& out) {
    const char c = peek();
    if (c == '-' || is_digit(c)) return number(out);
    if (take('"')) return string(out);
    if (take(':')) return bytes(out);
    if (take('?')) {
      out.kind = Kind::boolean;
      out.is_true = peek() == '1';
      return take('1') || take('0');
    }
    return token(out);
  }

  bool number(StructuredItem& out) {
    const bool is_negative = take('-');
    std::size_t digits = 0;
    std::int64_t value = 0;
    for (; is_digit(peek()) && digits < 16; ++digits) value = value * 10 + (next() - '0');
    if (digits == 0 || digits > 15) return false;
    out.kind = Kind::integer;
    out.integer = is_negative ? -value : value;
    if (!take('.')) return true;
    out.kind = Kind::decimal;
    std::size_t fraction = 0;
    for (; is_digit(peek()) && fraction < 4; ++fraction) next();
    return digits <= 12 && fraction >= 1 && fraction <= 3;
  }

  bool string(StructuredItem& out) {
    out.kind = Kind::string;
    while (!text_.empty()) {
      const char c = next();
      if (c == '"') return true;
      if (c < 0x20 || c > 0x7e) return false;
      if (c != '\\') {
        out.text += c;
        continue;
      }
      if (peek() != '"' && peek() != '\\') return false;
      out.text += next();
    }
    return false;
  }

  bool bytes(StructuredItem& out) {
    out.kind = Kind::bytes;
    while (!text_.empty()) {
      const char c = next();
      if (c == ':') return true;
      if (!is_alnum(c) && c != '+' && c != '/' && c != '=') return false;
    }
    return false;
  }

  bool token(StructuredItem& out) {
    out.kind = Kind::token;
    if (!is_alpha(peek()) && peek() != '*') return false;
    constexpr std::string_view marks = "!#$%&'*+-.^_`|~:/";
    while (is_alnum(peek()) || (!text_.empty() && marks.find(peek()) != std::string_view::npos))
      out.text += next();
    return true;
  }

  std::string_view text_;
};

}  // namespace

std::optional<std::vector<StructuredMember>> parse_dictionary(std::string_view text) {
  std::vector<StructuredMember> members;
  Parser parser(text);
  const bool ok = parser.members([&] {
    StructuredMember member;
    if (!parser.key(member.key) || !parser.value_of_key(member)) return false;
    const auto same = std::ranges::find(members, member.key, &StructuredMember::key);
    if (same == members.end()) members.push_back(std::move(member));
    else *same = std::move(member);
    return true;
  });
  if (!ok) return std::nullopt;
  return members;
}

std::optional<std::vector<StructuredMember>> parse_list(std::string_view text) {
  std::vector<StructuredMember> members;
  Parser parser(text);
  const bool ok = parser.members([&] {
    members.emplace_back();
    return parser.item_or_inner_list(members.back());
  });
  if (!ok) return std::nullopt;
  return members;
}

}  // namespace weir::http
