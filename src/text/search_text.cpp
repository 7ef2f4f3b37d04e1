#include "text/search_text.h"

#include "base/bytes.h"
#include "text/utf8.h"

#include <charconv>
#include <utility>

namespace weir::text {

namespace {

constexpr std::string_view dropped[] = {"script", "style", "pre"};
// What is within these is text to a browser that runs scripts.
constexpr std::string_view raw[] = {"noscript", "iframe", "noembed", "noframes", "xmp"};

// The references that people type; others stay as they stand.
constexpr std::pair<std::string_view, char32_t> references[] = {
    {"amp", '&'},      {"lt", '<'},       {"gt", '>'},       {"quot", '"'},      {"apos", '\''},
    {"nbsp", 0xA0},    {"copy", 0xA9},    {"reg", 0xAE},     {"trade", 0x2122},  {"hellip", 0x2026},
    {"mdash", 0x2014}, {"ndash", 0x2013}, {"lsquo", 0x2018}, {"rsquo", 0x2019},  {"ldquo", 0x201C},
    {"rdquo", 0x201D}, {"laquo", 0xAB},   {"raquo", 0xBB},   {"times", 0xD7},    {"middot", 0xB7},
    {"bull", 0x2022},  {"larr", 0x2190},  {"uarr", 0x2191},  {"rarr", 0x2192},   {"darr", 0x2193},
    {"harr", 0x2194},  {"deg", 0xB0},     {"plusmn", 0xB1},  {"frac12", 0xBD},   {"euro", 0x20AC},
    {"pound", 0xA3},   {"yen", 0xA5},     {"cent", 0xA2},    {"sect", 0xA7},     {"para", 0xB6},
    {"shy", 0xAD},     {"zwj", 0x200D},   {"zwnj", 0x200C},  {"thinsp", 0x2009}, {"ensp", 0x2002},
    {"emsp", 0x2003},  {"auml", 0xE4},    {"ouml", 0xF6},    {"uuml", 0xFC},     {"szlig", 0xDF},
    {"eacute", 0xE9},  {"egrave", 0xE8},  {"agrave", 0xE0},  {"ccedil", 0xE7},   {"ntilde", 0xF1},
    {"infin", 0x221E}, {"ne", 0x2260},    {"le", 0x2264},    {"ge", 0x2265},     {"check", 0x2713}};

// The reference that begins at the "&" of `html`; 0 bytes when there is none.
CodePoint reference_of(std::string_view html) {
  const std::size_t end = html.substr(0, 12).find(';');
  if (end == std::string_view::npos || end < 2) return {};
  const std::string_view name = html.substr(1, end - 1);
  const auto bytes = static_cast<std::uint8_t>(end + 1);
  if (name.front() == '#') {
    const bool is_hex = name.size() > 1 && lower(name[1]) == 'x';
    const std::string_view digits = name.substr(is_hex ? 2 : 1);
    std::uint32_t value = 0;
    const auto [at, errc] =
        std::from_chars(digits.data(), digits.data() + digits.size(), value, is_hex ? 16 : 10);
    if (errc != std::errc{} || at != digits.data() + digits.size() || value == 0) return {};
    return {value, bytes};
  }
  for (const auto& [known, value] : references)
    if (known == name) return {value, bytes};
  return {};
}

bool is_white(char32_t c) {
  return c == ' ' || (c >= 9 && c <= 13) || c == 0x85 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x205F || c == 0x3000;
}

class Cleaner {
 public:
  explicit Cleaner(std::string_view html) : html_(html) {}

  std::string clean() {
    while (at_ < html_.size()) {
      const char c = html_[at_];
      if (c == '<' && starts_tag()) {
        skip_tag();
      } else if (c == '&') {
        const CodePoint one = reference_of(html_.substr(at_));
        add(one.bytes != 0 ? one.value : U'&');
        at_ += one.bytes != 0 ? one.bytes : 1;
      } else {
        const CodePoint one = first_code_point(html_.substr(at_));
        add(one.value);
        at_ += one.bytes;
      }
    }
    return std::move(out_);
  }

 private:
  // White space waits until something follows it: a run with a line break in it is one.
  void add(char32_t c) {
    if (is_white(c)) {
      if (waiting_ == 0 || c == '\n') waiting_ = c;
      return;
    }
    if (waiting_ != 0 && !out_.empty()) append_utf8(out_, waiting_);
    waiting_ = 0;
    switch (c) {
      case '&': out_ += "&amp;"; break;
      case '<': out_ += "&lt;"; break;
      case '>': out_ += "&gt;"; break;
      case 0xA0: out_ += "&nbsp;"; break;
      default: append_utf8(out_, c);
    }
  }

  bool starts_tag() const {
    const char next = at_ + 1 < html_.size() ? html_[at_ + 1] : ' ';
    return is_alpha(next) || next == '/' || next == '!' || next == '?';
  }

  void skip_tag() {
    if (html_.substr(at_).starts_with("<!--")) {
      const std::size_t end = html_.find("-->", at_ + 4);
      at_ = end == std::string_view::npos ? html_.size() : end + 3;
      return;
    }
    std::size_t end = at_ + 1;
    while (end < html_.size() && (is_alpha(html_[end]) || is_digit(html_[end]))) ++end;
    const std::string name = lower_of(html_.substr(at_ + 1, end - at_ - 1));
    char quote = '\0';
    for (; end < html_.size(); ++end) {
      const char c = html_[end];
      if (quote != '\0') {
        if (c == quote) quote = '\0';
      } else if ((c == '"' || c == '\'') && html_[end - 1] == '=') {
        quote = c;
      } else if (c == '>') {
        break;
      }
    }
    at_ = std::min(end + 1, html_.size());
    for (const std::string_view one : raw) {
      if (name != one) continue;
      const std::string closing = "</" + name;
      while (at_ < html_.size() &&
             !(html_[at_] == '<' && lower_of(html_.substr(at_, closing.size())) == closing)) {
        const CodePoint c = first_code_point(html_.substr(at_));
        add(c.value);
        at_ += c.bytes;
      }
    }
    for (const std::string_view one : dropped) {
      if (name != one) continue;
      const std::string closing = "</" + name;
      std::size_t depth = 1;
      while (at_ < html_.size() && depth > 0) {  // a pre may hold another
        if (html_[at_] == '<' && lower_of(html_.substr(at_, closing.size())) == closing) --depth;
        else if (name == "pre" && html_.substr(at_, 4) == "<pre") ++depth;
        ++at_;
      }
      at_ = std::min(std::min(html_.find('>', at_), html_.size() - 1) + 1, html_.size());
    }
  }

  std::string_view html_;
  std::size_t at_ = 0;
  char32_t waiting_ = 0;
  std::string out_;
};

}  // namespace

std::string search_text_of(std::string_view html, std::optional<std::size_t> length_max) {
  std::string text = Cleaner(html).clean();
  if (!length_max) return text;
  std::size_t at = 0;
  for (std::size_t count = 0; count < *length_max && at < text.size(); ++count)
    at += first_code_point(std::string_view(text).substr(at)).bytes;
  text.resize(at);
  return text;
}

}  // namespace weir::text
