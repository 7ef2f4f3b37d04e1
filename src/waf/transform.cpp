#include "waf/transform.h"

#include <algorithm>
#include <array>

namespace weir::waf {
namespace {

constexpr ByteMask every_bit = ~ByteMask{0};

// Writes into room for as many bytes as the input has.
class Output {
 public:
  Output(std::string_view text, Arena& arena)
      : arena_(arena), room_(text.size()), start_(arena.take(text.size())), at_(start_) {}
  void put(char c) { *at_++ = c; }
  void put(unsigned c) { *at_++ = static_cast<char>(c); }
  std::size_t count() const { return static_cast<std::size_t>(at_ - start_); }
  char last() const { return at_ == start_ ? '\0' : at_[-1]; }
  void cut_to(std::size_t count) { at_ = start_ + count; }
  std::string_view text() const { return {start_, count()}; }
  std::string_view finish() {
    arena_.give_back(room_ - count());
    return text();
  }

 private:
  Arena& arena_;
  std::size_t room_;
  char* start_;
  char* at_;
};

// `digits` hex digits at `at`; -1 when they are not all there.
int hex_at(std::string_view text, std::size_t at, std::size_t digits) {
  if (at + digits > text.size()) return -1;
  int value = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    const int digit = hex_digit_of(text[at + i]);
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

// Full-width forms U+FF01..U+FF5E are read as ASCII by some back ends; other code points keep their
// low byte.
unsigned byte_of_code_point(int code_point) {
  if (code_point >= 0xff01 && code_point <= 0xff5e)
    return static_cast<unsigned>(code_point - 0xff01 + 0x21);
  return static_cast<unsigned>(code_point & 0xff);
}

std::string_view url_decode(std::string_view text, Arena& arena) {
  return url_decoded(text, Plus::stays, arena);
}

struct Entity {
  std::string_view name;
  char byte;
};
constexpr std::array<Entity, 17> entities{{
    {"amp", '&'},
    {"lt", '<'},
    {"gt", '>'},
    {"quot", '"'},
    {"apos", '\''},
    {"nbsp", ' '},
    {"tab", '\t'},
    {"newline", '\n'},
    {"colon", ':'},
    {"semi", ';'},
    {"lpar", '('},
    {"rpar", ')'},
    {"sol", '/'},
    {"bsol", '\\'},
    {"equals", '='},
    {"dollar", '$'},
    {"period", '.'},
}};

// Bytes that the entity at `at` (an '&') takes, and what it stands for; 0 bytes = none.
struct Read {
  std::size_t bytes = 0;
  unsigned byte = 0;
};
Read read_entity(std::string_view text, std::size_t at) {
  std::size_t i = at + 1;
  if (i < text.size() && text[i] == '#') {
    ++i;
    const bool hex = i < text.size() && lower(text[i]) == 'x';
    if (hex) ++i;
    const std::size_t first = i;
    unsigned long value = 0;
    for (; i < text.size() && i - first < 10; ++i) {
      const int digit = hex_digit_of(text[i]);
      if (digit < 0 || (!hex && digit > 9)) break;
      value = value * (hex ? 16 : 10) + static_cast<unsigned long>(digit);
    }
    if (i == first) return {};
    if (i < text.size() && text[i] == ';') ++i;
    return {i - at, byte_of_code_point(static_cast<int>(value & 0xffff))};
  }
  if (i == text.size() || !is_alpha(text[i])) return {};
  for (const Entity& entity : entities) {
    if (entity.name.front() != lower(text[i]) ||
        !equals_ignoring_case(text.substr(i, entity.name.size()), entity.name))
      continue;
    i += entity.name.size();
    if (i < text.size() && text[i] == ';') ++i;
    return {i - at, static_cast<unsigned char>(entity.byte)};
  }
  return {};
}

std::string_view html_entity(std::string_view text, Arena& arena) {
  Output out(text, arena);
  for (std::size_t i = 0; i < text.size();) {
    const Read read = text[i] == '&' ? read_entity(text, i) : Read{};
    if (read.bytes != 0) out.put(read.byte);
    else out.put(text[i]);
    i += std::max(read.bytes, std::size_t{1});
  }
  return out.finish();
}

Read read_js_escape(std::string_view text, std::size_t at) {
  if (at + 1 >= text.size()) return {};
  const char c = text[at + 1];
  if (c == 'x' && hex_at(text, at + 2, 2) >= 0)
    return {4, static_cast<unsigned>(hex_at(text, at + 2, 2))};
  if (c == 'u' && hex_at(text, at + 2, 4) >= 0)
    return {6, byte_of_code_point(hex_at(text, at + 2, 4))};
  if (c >= '0' && c <= '7') {
    unsigned value = 0;
    std::size_t i = at + 1;
    for (; i < text.size() && i < at + 4 && text[i] >= '0' && text[i] <= '7'; ++i)
      value = value * 8 + static_cast<unsigned>(text[i] - '0');
    return {i - at, value & 0xff};
  }
  constexpr std::string_view letters = "abfnrtv", bytes = "\a\b\f\n\r\t\v";
  const std::size_t known = letters.find(c);
  return {2, static_cast<unsigned char>(known == std::string_view::npos ? c : bytes[known])};
}

std::string_view js_decode(std::string_view text, Arena& arena) {
  Output out(text, arena);
  for (std::size_t i = 0; i < text.size();) {
    const Read read = text[i] == '\\' ? read_js_escape(text, i) : Read{};
    if (read.bytes != 0) out.put(read.byte);
    else out.put(text[i]);
    i += std::max(read.bytes, std::size_t{1});
  }
  return out.finish();
}

std::string_view without(std::string_view text, char gone, Arena& arena) {
  Output out(text, arena);
  for (const char c : text)
    if (c != gone) out.put(c);
  return out.finish();
}
std::string_view remove_nulls(std::string_view text, Arena& arena) {
  return without(text, '\0', arena);
}
std::string_view remove_backslashes(std::string_view text, Arena& arena) {
  return without(text, '\\', arena);
}

std::string_view compress_whitespace(std::string_view text, Arena& arena) {
  Output out(text, arena);
  bool blank = false;
  for (const char c : text) {
    const bool now = is_space(c);
    if (!now) out.put(c);
    else if (!blank) out.put(' ');
    blank = now;
  }
  return out.finish();
}

std::string_view remove_comments(std::string_view text, Arena& arena) {
  Output out(text, arena);
  for (std::size_t i = 0; i < text.size();) {
    if (text.substr(i, 2) != "/*") {
      out.put(text[i++]);
      continue;
    }
    const std::size_t end = text.find("*/", i + 2);
    out.put(' ');
    i = end == std::string_view::npos ? text.size() : end + 2;
  }
  return out.finish();
}

std::string_view normalize_path(std::string_view text, Arena& arena) {
  Output out(text, arena);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i] == '\\' ? '/' : text[i];
    if (c != '/') {
      out.put(c);
      continue;
    }
    // The segment that has just ended is in front of us in the output.
    const std::string_view done = out.text();
    const std::size_t slash = done.rfind('/');
    const std::string_view segment =
        slash == std::string_view::npos ? done : done.substr(slash + 1);
    if (segment.empty() && !done.empty()) continue;  // //
    if (segment == ".") {
      out.cut_to(done.size() - 1);
      if (out.count() == 0) continue;  // "./a" is "a"
      continue;
    }
    if (segment == ".." && slash != std::string_view::npos) {
      const std::size_t before = done.substr(0, slash).rfind('/');
      const std::string_view parent = done.substr(before + 1, slash - before - 1);
      if (before != std::string_view::npos && parent != "..") {
        out.cut_to(before + 1);
        continue;
      }
    }
    out.put('/');
  }
  return out.finish();
}

int base64_digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (is_digit(c)) return c - '0' + 52;
  if (c == '+' || c == '-') return 62;
  if (c == '/' || c == '_') return 63;
  return -1;
}

std::string_view base64(std::string_view text, Arena& arena) {
  std::string_view digits = text;
  while (!digits.empty() && digits.back() == '=') digits.remove_suffix(1);
  if (digits.size() < 8 || digits.size() % 4 == 1) return text;
  if (!std::ranges::all_of(digits, [](char c) { return base64_digit(c) >= 0; })) return text;
  Output out(text, arena);
  unsigned bits = 0, count = 0;
  for (const char c : digits) {
    bits = bits << 6 | static_cast<unsigned>(base64_digit(c));
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out.put(bits >> count & 0xff);
  }
  return out.finish();
}

struct Row {
  std::string_view name;
  ByteMask trigger;
  std::string_view (*apply)(std::string_view, Arena&);
};
constexpr std::array<Row, 9> rows{{
    {"url_decode", mask_of('%'), url_decode},
    {"html_entity", mask_of('&'), html_entity},
    {"js_decode", mask_of('\\'), js_decode},
    {"remove_nulls", mask_of('\0'), remove_nulls},
    {"compress_whitespace", mask_of(' ') | control_bit, compress_whitespace},
    {"remove_comments", mask_of('*'), remove_comments},
    {"remove_backslashes", mask_of('\\'), remove_backslashes},
    {"normalize_path", mask_of('/') | mask_of('\\'), normalize_path},
    {"base64", every_bit, base64},
}};

}  // namespace

std::optional<Transform> parse_transform(std::string_view name) {
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (rows[i].name == name) return static_cast<Transform>(i);
  return std::nullopt;
}
std::string_view name_of(Transform transform) {
  return rows[static_cast<std::size_t>(transform)].name;
}
ByteMask trigger_of(Transform transform) {
  return rows[static_cast<std::size_t>(transform)].trigger;
}
std::string_view apply(Transform transform, std::string_view text, Arena& arena) {
  return rows[static_cast<std::size_t>(transform)].apply(text, arena);
}

std::string_view url_decoded(std::string_view text, Plus plus, Arena& arena) {
  const bool plus_is_blank = plus == Plus::is_blank;
  if (text.find('%') == std::string_view::npos &&
      !(plus_is_blank && text.find('+') != std::string_view::npos))
    return text;
  Output out(text, arena);
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c == '%' && hex_at(text, i + 1, 2) >= 0) {
      out.put(static_cast<unsigned>(hex_at(text, i + 1, 2)));
      i += 3;
    } else if (c == '%' && i + 1 < text.size() && lower(text[i + 1]) == 'u' &&
               hex_at(text, i + 2, 4) >= 0) {
      out.put(byte_of_code_point(hex_at(text, i + 2, 4)));
      i += 6;
    } else {
      out.put(c == '+' && plus_is_blank ? ' ' : c);
      ++i;
    }
  }
  return out.finish();
}

}  // namespace weir::waf
