#include "waf/json_values.h"

#include "base/limits.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace weir::waf {
namespace {

constexpr std::size_t path_bytes_max = 256;  // longer paths are cut: they only name a hit

class Scanner {
 public:
  Scanner(std::string_view text, Arena& arena) : text_(text), arena_(arena) {}

  char next_sign() {  // without taking it; 0 at the end
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r'))
      ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  void skip() { ++at_; }
  bool at_end() { return next_sign() == '\0' && at_ >= text_.size(); }

  // At a quote. False when it never closes or an escape is broken.
  bool string(std::string_view& out) {
    const std::size_t first = ++at_;
    while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\') ++at_;
    if (at_ < text_.size() && text_[at_] == '"') {
      out = text_.substr(first, at_++ - first);
      return true;
    }
    // Escapes never make a string longer: \uXXXX is six bytes for at most three, a pair twelve for
    // four.
    const std::size_t close = close_quote();
    if (close == std::string_view::npos) return false;
    char* start = arena_.take(close - first);
    char* to = start;
    std::memcpy(to, text_.data() + first, at_ - first);
    to += at_ - first;
    while (at_ < close) {
      if (text_[at_] != '\\') *to++ = text_[at_++];
      else if (!escape(to)) return false;
    }
    arena_.give_back((close - first) - static_cast<std::size_t>(to - start));
    out = {start, static_cast<std::size_t>(to - start)};
    ++at_;
    return true;
  }

  // A number or a word: everything up to the next sign of structure.
  std::string_view word() {
    const std::size_t first = at_;
    while (at_ < text_.size() &&
           (is_alnum(text_[at_]) || text_[at_] == '-' || text_[at_] == '+' || text_[at_] == '.'))
      ++at_;
    return text_.substr(first, at_ - first);
  }

 private:
  std::size_t close_quote() const {
    for (std::size_t i = at_; i < text_.size(); ++i) {
      if (text_[i] == '"') return i;
      if (text_[i] == '\\') ++i;
    }
    return std::string_view::npos;
  }
  int code_unit(std::size_t at) const {
    if (at + 6 > text_.size() || text_[at] != '\\' || text_[at + 1] != 'u') return -1;
    int value = 0;
    for (std::size_t i = at + 2; i < at + 6; ++i) {
      const int digit = hex_digit_of(text_[i]);
      if (digit < 0) return -1;
      value = value * 16 + digit;
    }
    return value;
  }
  bool escape(char*& to) {
    constexpr std::string_view names = "\"\\/bfnrt", bytes = "\"\\/\b\f\n\r\t";
    const char name = text_[at_ + 1];
    if (name != 'u') {
      const std::size_t known = names.find(name);
      if (known == std::string_view::npos) return false;
      *to++ = bytes[known];
      at_ += 2;
      return true;
    }
    int code = code_unit(at_);
    if (code < 0) return false;
    at_ += 6;
    if (code >= 0xd800 && code < 0xdc00) {
      const int low = code_unit(at_);
      if (low >= 0xdc00 && low < 0xe000) {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        at_ += 6;
      }
    }
    append_utf8(to, static_cast<unsigned>(code));
    return true;
  }
  static void append_utf8(char*& to, unsigned code) {
    if (code < 0x80) {
      *to++ = static_cast<char>(code);
      return;
    }
    if (code >= 0x10000) {
      *to++ = static_cast<char>(0xf0 | code >> 18);
      *to++ = static_cast<char>(0x80 | (code >> 12 & 0x3f));
      *to++ = static_cast<char>(0x80 | (code >> 6 & 0x3f));
    } else if (code >= 0x800) {
      *to++ = static_cast<char>(0xe0 | code >> 12);
      *to++ = static_cast<char>(0x80 | (code >> 6 & 0x3f));
    } else {
      *to++ = static_cast<char>(0xc0 | code >> 6);
    }
    *to++ = static_cast<char>(0x80 | (code & 0x3f));
  }

  std::string_view text_;
  Arena& arena_;
  std::size_t at_ = 0;
};

void append_step(std::string& path, std::string_view name) {
  if (!path.empty()) path += '.';
  path.append(name.substr(0, path_bytes_max - std::min(path_bytes_max, path.size())));
}

}  // namespace

JsonValues::End JsonValues::read(std::string_view text, Arena& arena, Visitor& visitor) {
  Scanner scan(text, arena);
  std::size_t values = 0;
  path_.clear();
  levels_.clear();
  bool wants_value = true;
  while (true) {
    if (wants_value) {
      const char sign = scan.next_sign();
      if (sign == '{' || sign == '[') {
        if (levels_.size() == limits::waf_json_depth_max) return End::too_deep;
        scan.skip();
        levels_.push_back({sign == '{', path_.size(), 0});
        if (scan.next_sign() == (sign == '{' ? '}' : ']')) {
          scan.skip();
          levels_.pop_back();
          wants_value = false;
          continue;
        }
      } else {
        if (++values > limits::waf_json_values_max) return End::too_many;
        std::string_view leaf;
        if (sign == '"') {
          if (!scan.string(leaf)) return End::broken;
        } else {
          leaf = scan.word();
          if (leaf.empty()) return End::broken;
        }
        visitor.leaf(path_, leaf);
        wants_value = false;
        continue;
      }
    } else {
      if (levels_.empty()) return scan.at_end() ? End::whole : End::broken;
      Level& level = levels_.back();
      path_.resize(level.path_bytes);
      const char sign = scan.next_sign();
      scan.skip();
      if (sign == (level.is_object ? '}' : ']')) {
        levels_.pop_back();
        continue;
      }
      if (sign != ',') return End::broken;
      ++level.index;
    }
    // In front of a member or an element.
    Level& level = levels_.back();
    if (level.is_object) {
      std::string_view name;
      if (scan.next_sign() != '"' || !scan.string(name)) return End::broken;
      if (++values > limits::waf_json_values_max) return End::too_many;
      append_step(path_, name);
      visitor.name(path_, name);
      if (scan.next_sign() != ':') return End::broken;
      scan.skip();
    } else {
      std::array<char, 20> digits{};
      append_step(path_, {digits.data(),
                          static_cast<std::size_t>(
                              std::to_chars(digits.data(), digits.data() + 20, level.index).ptr -
                              digits.data())});
    }
    wants_value = true;
  }
}

}  // namespace weir::waf
