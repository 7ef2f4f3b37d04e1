#include "text/css_compress.h"

#include "base/bytes.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <vector>

namespace weir::text {

namespace {

struct NamedColour {
  std::string_view name;
  std::uint32_t rgb;
};
// CSS Color 4, section 6.1; sorted by name.
constexpr NamedColour colours[] = {{"aliceblue", 0xf0f8ff},
                                   {"antiquewhite", 0xfaebd7},
                                   {"aqua", 0x00ffff},
                                   {"aquamarine", 0x7fffd4},
                                   {"azure", 0xf0ffff},
                                   {"beige", 0xf5f5dc},
                                   {"bisque", 0xffe4c4},
                                   {"black", 0x000000},
                                   {"blanchedalmond", 0xffebcd},
                                   {"blue", 0x0000ff},
                                   {"blueviolet", 0x8a2be2},
                                   {"brown", 0xa52a2a},
                                   {"burlywood", 0xdeb887},
                                   {"cadetblue", 0x5f9ea0},
                                   {"chartreuse", 0x7fff00},
                                   {"chocolate", 0xd2691e},
                                   {"coral", 0xff7f50},
                                   {"cornflowerblue", 0x6495ed},
                                   {"cornsilk", 0xfff8dc},
                                   {"crimson", 0xdc143c},
                                   {"cyan", 0x00ffff},
                                   {"darkblue", 0x00008b},
                                   {"darkcyan", 0x008b8b},
                                   {"darkgoldenrod", 0xb8860b},
                                   {"darkgray", 0xa9a9a9},
                                   {"darkgreen", 0x006400},
                                   {"darkgrey", 0xa9a9a9},
                                   {"darkkhaki", 0xbdb76b},
                                   {"darkmagenta", 0x8b008b},
                                   {"darkolivegreen", 0x556b2f},
                                   {"darkorange", 0xff8c00},
                                   {"darkorchid", 0x9932cc},
                                   {"darkred", 0x8b0000},
                                   {"darksalmon", 0xe9967a},
                                   {"darkseagreen", 0x8fbc8f},
                                   {"darkslateblue", 0x483d8b},
                                   {"darkslategray", 0x2f4f4f},
                                   {"darkslategrey", 0x2f4f4f},
                                   {"darkturquoise", 0x00ced1},
                                   {"darkviolet", 0x9400d3},
                                   {"deeppink", 0xff1493},
                                   {"deepskyblue", 0x00bfff},
                                   {"dimgray", 0x696969},
                                   {"dimgrey", 0x696969},
                                   {"dodgerblue", 0x1e90ff},
                                   {"firebrick", 0xb22222},
                                   {"floralwhite", 0xfffaf0},
                                   {"forestgreen", 0x228b22},
                                   {"fuchsia", 0xff00ff},
                                   {"gainsboro", 0xdcdcdc},
                                   {"ghostwhite", 0xf8f8ff},
                                   {"gold", 0xffd700},
                                   {"goldenrod", 0xdaa520},
                                   {"gray", 0x808080},
                                   {"green", 0x008000},
                                   {"greenyellow", 0xadff2f},
                                   {"grey", 0x808080},
                                   {"honeydew", 0xf0fff0},
                                   {"hotpink", 0xff69b4},
                                   {"indianred", 0xcd5c5c},
                                   {"indigo", 0x4b0082},
                                   {"ivory", 0xfffff0},
                                   {"khaki", 0xf0e68c},
                                   {"lavender", 0xe6e6fa},
                                   {"lavenderblush", 0xfff0f5},
                                   {"lawngreen", 0x7cfc00},
                                   {"lemonchiffon", 0xfffacd},
                                   {"lightblue", 0xadd8e6},
                                   {"lightcoral", 0xf08080},
                                   {"lightcyan", 0xe0ffff},
                                   {"lightgoldenrodyellow", 0xfafad2},
                                   {"lightgray", 0xd3d3d3},
                                   {"lightgreen", 0x90ee90},
                                   {"lightgrey", 0xd3d3d3},
                                   {"lightpink", 0xffb6c1},
                                   {"lightsalmon", 0xffa07a},
                                   {"lightseagreen", 0x20b2aa},
                                   {"lightskyblue", 0x87cefa},
                                   {"lightslategray", 0x778899},
                                   {"lightslategrey", 0x778899},
                                   {"lightsteelblue", 0xb0c4de},
                                   {"lightyellow", 0xffffe0},
                                   {"lime", 0x00ff00},
                                   {"limegreen", 0x32cd32},
                                   {"linen", 0xfaf0e6},
                                   {"magenta", 0xff00ff},
                                   {"maroon", 0x800000},
                                   {"mediumaquamarine", 0x66cdaa},
                                   {"mediumblue", 0x0000cd},
                                   {"mediumorchid", 0xba55d3},
                                   {"mediumpurple", 0x9370db},
                                   {"mediumseagreen", 0x3cb371},
                                   {"mediumslateblue", 0x7b68ee},
                                   {"mediumspringgreen", 0x00fa9a},
                                   {"mediumturquoise", 0x48d1cc},
                                   {"mediumvioletred", 0xc71585},
                                   {"midnightblue", 0x191970},
                                   {"mintcream", 0xf5fffa},
                                   {"mistyrose", 0xffe4e1},
                                   {"moccasin", 0xffe4b5},
                                   {"navajowhite", 0xffdead},
                                   {"navy", 0x000080},
                                   {"oldlace", 0xfdf5e6},
                                   {"olive", 0x808000},
                                   {"olivedrab", 0x6b8e23},
                                   {"orange", 0xffa500},
                                   {"orangered", 0xff4500},
                                   {"orchid", 0xda70d6},
                                   {"palegoldenrod", 0xeee8aa},
                                   {"palegreen", 0x98fb98},
                                   {"paleturquoise", 0xafeeee},
                                   {"palevioletred", 0xdb7093},
                                   {"papayawhip", 0xffefd5},
                                   {"peachpuff", 0xffdab9},
                                   {"peru", 0xcd853f},
                                   {"pink", 0xffc0cb},
                                   {"plum", 0xdda0dd},
                                   {"powderblue", 0xb0e0e6},
                                   {"purple", 0x800080},
                                   {"rebeccapurple", 0x663399},
                                   {"red", 0xff0000},
                                   {"rosybrown", 0xbc8f8f},
                                   {"royalblue", 0x4169e1},
                                   {"saddlebrown", 0x8b4513},
                                   {"salmon", 0xfa8072},
                                   {"sandybrown", 0xf4a460},
                                   {"seagreen", 0x2e8b57},
                                   {"seashell", 0xfff5ee},
                                   {"sienna", 0xa0522d},
                                   {"silver", 0xc0c0c0},
                                   {"skyblue", 0x87ceeb},
                                   {"slateblue", 0x6a5acd},
                                   {"slategray", 0x708090},
                                   {"slategrey", 0x708090},
                                   {"snow", 0xfffafa},
                                   {"springgreen", 0x00ff7f},
                                   {"steelblue", 0x4682b4},
                                   {"tan", 0xd2b48c},
                                   {"teal", 0x008080},
                                   {"thistle", 0xd8bfd8},
                                   {"tomato", 0xff6347},
                                   {"turquoise", 0x40e0d0},
                                   {"violet", 0xee82ee},
                                   {"wheat", 0xf5deb3},
                                   {"white", 0xffffff},
                                   {"whitesmoke", 0xf5f5f5},
                                   {"yellow", 0xffff00},
                                   {"yellowgreen", 0x9acd32}};

std::optional<std::uint32_t> rgb_of_name(std::string_view name) {
  const std::string word = lower_of(name);
  const auto* at = std::lower_bound(
      std::begin(colours), std::end(colours), word,
      [](const NamedColour& one, const std::string& wanted) { return one.name < wanted; });
  if (at == std::end(colours) || at->name != word) return std::nullopt;
  return at->rgb;
}

// The name when it is not longer than the digits, else #rgb or #rrggbb.
std::string shortest(std::uint32_t rgb) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string full;
  for (int shift = 20; shift >= 0; shift -= 4) full += digits[rgb >> shift & 15];
  const bool halves = full[0] == full[1] && full[2] == full[3] && full[4] == full[5];
  const std::string hex = halves ? std::string{'#', full[0], full[2], full[4]} : '#' + full;
  for (const NamedColour& one : colours)
    if (one.rgb == rgb && one.name.size() <= hex.size()) return std::string(one.name);
  return hex;
}

bool is_name_byte(char c) {
  return is_alpha(c) || is_digit(c) || c == '-' || c == '_' || c == '\\' ||
         static_cast<unsigned char>(c) >= 128;
}

// "#abc" and "#aabbcc"; other lengths carry an alpha, or are no colour.
std::optional<std::uint32_t> rgb_of_hex(std::string_view digits) {
  if (digits.size() != 3 && digits.size() != 6) return std::nullopt;
  std::uint32_t rgb = 0;
  for (const char c : digits) {
    const char low = lower(c);
    std::uint32_t value = 0;
    if (is_digit(c)) value = static_cast<std::uint32_t>(c - '0');
    else if (low >= 'a' && low <= 'f') value = static_cast<std::uint32_t>(low - 'a' + 10);
    else return std::nullopt;
    rgb = rgb << 4 | value;
    if (digits.size() == 3) rgb = rgb << 4 | value;
  }
  return rgb;
}

std::size_t end_of_string(std::string_view css, std::size_t at) {
  const char quote = css[at];
  for (++at; at < css.size(); ++at) {
    if (css[at] == '\\') ++at;
    else if (css[at] == quote) return at + 1;
  }
  return css.size();
}

// 'a' is "a", unless that needs more escapes.
std::string double_quoted(std::string_view text) {
  if (text.size() < 2 || text.front() != '\'' ||
      text.find_first_of("\"\\") != std::string_view::npos)
    return std::string(text);
  return '"' + std::string(text.substr(1, text.size() - 2)) + '"';
}

std::string with_double_quotes(std::string_view value) {
  std::string out;
  for (std::size_t at = 0; at < value.size();) {
    const bool is_string = value[at] == '"' || value[at] == '\'';
    const std::size_t end = is_string ? end_of_string(value, at) : at + 1;
    out += double_quoted(value.substr(at, end - at));
    at = end;
  }
  return out;
}

// --- calc() --------------------------------------------------------------------------------------

// `depth`: how many functions it is within; deeper ones than the bound stay as they are.
std::string short_value(std::string_view value, int depth = 0);
constexpr int depth_max = 64;

// A number with its unit; "0.50em" is 0.5 and "em".
struct Measure {
  double number = 0;
  std::string unit;
};

std::string text_of(const Measure& measure) {
  std::array<char, 64> digits{};
  const auto [end, errc] = std::to_chars(digits.data(), digits.data() + digits.size(),
                                         measure.number, std::chars_format::fixed, 10);
  std::string text(digits.data(), errc == std::errc{} ? end : digits.data());
  if (text.find('.') != std::string::npos) {
    while (text.back() == '0') text.pop_back();
    if (text.back() == '.') text.pop_back();
  }
  if (text == "-0") text = "0";
  if (text.starts_with("0.")) text.erase(0, 1);
  if (text.starts_with("-0.")) text.erase(1, 1);
  return text + measure.unit;
}

std::size_t end_of_number(std::string_view text, std::size_t at) {
  if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
  while (at < text.size() && is_digit(text[at])) ++at;
  if (at + 1 < text.size() && text[at] == '.' && is_digit(text[at + 1])) {
    ++at;
    while (at < text.size() && is_digit(text[at])) ++at;
  }
  std::size_t power = at;
  if (power < text.size() && lower(text[power]) == 'e') {
    ++power;
    if (power < text.size() && (text[power] == '-' || text[power] == '+')) ++power;
    if (power < text.size() && is_digit(text[power])) {
      while (power < text.size() && is_digit(text[power])) ++power;
      return power;
    }
  }
  return at;
}

bool starts_number(std::string_view text, std::size_t at) {
  if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
  if (at < text.size() && text[at] == '.') ++at;
  return at < text.size() && is_digit(text[at]);
}

// Reads "1.50em" at `at`, which moves behind it.
Measure read_measure(std::string_view text, std::size_t& at) {
  Measure measure;
  const std::size_t end = end_of_number(text, at);
  const std::size_t begin = text[at] == '+' ? at + 1 : at;
  std::from_chars(text.data() + begin, text.data() + end, measure.number);
  at = end;
  while (at < text.size() && (is_name_byte(text[at]) || text[at] == '%'))
    measure.unit += text[at++];
  return measure;
}

// Sums and products of what is known; the rest is kept, with the parentheses that it needs.
class Calculation {
 public:
  Calculation(std::string_view text, int depth) : text_(text), depth_(depth) {}

  // Nothing when the text is not understood.
  std::optional<std::string> simplified() {
    const std::optional<Term> term = sum();
    skip_space();
    if (!term || at_ != text_.size()) return std::nullopt;
    if (term->measure) return text_of(*term->measure);
    return "calc(" + term->text + ')';
  }

 private:
  enum class Binding : std::uint8_t { sum, product, atom };
  struct Term {
    std::optional<Measure> measure;
    std::string text;
    Binding binding = Binding::atom;
  };

  void skip_space() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }
  static std::string written(const Term& term) {
    return term.measure ? text_of(*term.measure) : term.text;
  }
  static std::string within(const Term& term, Binding least) {
    return term.binding < least ? '(' + written(term) + ')' : written(term);
  }

  std::optional<Term> sum() {
    std::optional<Term> left = product();
    while (left) {
      skip_space();
      const char sign = at_ < text_.size() ? text_[at_] : ' ';
      if (sign != '+' && sign != '-') return left;
      if (at_ + 1 >= text_.size() || !is_space(text_[at_ + 1])) return std::nullopt;
      ++at_;
      std::optional<Term> right = product();
      if (!right) return std::nullopt;
      if (left->measure && right->measure && left->measure->unit == right->measure->unit) {
        left->measure->number += sign == '+' ? right->measure->number : -right->measure->number;
        continue;
      }
      char shown = sign;
      if (right->measure && right->measure->number < 0) {
        right->measure->number = -right->measure->number;
        shown = sign == '+' ? '-' : '+';
      }
      Term both;
      both.text = written(*left) + ' ' + shown + ' ' +
                  within(*right, shown == '-' ? Binding::product : Binding::sum);
      both.binding = Binding::sum;
      left = std::move(both);
    }
    return left;
  }

  std::optional<Term> product() {
    std::optional<Term> left = atom();
    while (left) {
      skip_space();
      const char sign = at_ < text_.size() ? text_[at_] : ' ';
      if (sign != '*' && sign != '/') return left;
      ++at_;
      const std::optional<Term> right = atom();
      if (!right) return std::nullopt;
      const bool are_known = left->measure && right->measure;
      if (are_known && sign == '*' &&
          (left->measure->unit.empty() || right->measure->unit.empty())) {
        left->measure->number *= right->measure->number;
        if (left->measure->unit.empty()) left->measure->unit = right->measure->unit;
        continue;
      }
      if (are_known && sign == '/' && right->measure->unit.empty() && right->measure->number != 0) {
        left->measure->number /= right->measure->number;
        continue;
      }
      Term both;
      both.text = within(*left, Binding::product) + sign +
                  within(*right, sign == '/' ? Binding::atom : Binding::product);
      both.binding = Binding::product;
      left = std::move(both);
    }
    return left;
  }

  std::optional<Term> atom() {
    skip_space();
    if (at_ >= text_.size()) return std::nullopt;
    Term term;
    if (starts_number(text_, at_)) {
      term.measure = read_measure(text_, at_);
      return term;
    }
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_name_byte(text_[at_])) ++at_;
    const std::string name = lower_of(text_.substr(begin, at_ - begin));
    if (at_ >= text_.size() || text_[at_] != '(') {
      if (name.empty()) return std::nullopt;
      term.text = text_.substr(begin, at_ - begin);
      return term;
    }
    if (++depth_ > depth_max) return std::nullopt;
    if (name.empty() || name == "calc") {
      ++at_;
      std::optional<Term> inner = sum();
      skip_space();
      if (!inner || at_ >= text_.size() || text_[at_] != ')') return std::nullopt;
      ++at_;
      --depth_;
      return inner;
    }
    int depth = 0;
    for (; at_ < text_.size(); ++at_) {
      if (text_[at_] == '(') ++depth;
      if (text_[at_] == ')' && --depth == 0) break;
    }
    if (at_ >= text_.size()) return std::nullopt;
    ++at_;
    --depth_;
    term.text = short_value(text_.substr(begin, at_ - begin), depth_ + 1);
    return term;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_;
};

// --- values --------------------------------------------------------------------------------------

std::size_t closing_of(std::string_view text, std::size_t open) {
  int depth = 0;
  for (std::size_t i = open; i < text.size(); ++i) {
    if (text[i] == '(') ++depth;
    if (text[i] == ')' && --depth == 0) return i;
  }
  return text.size();
}

// A word at `at`, which moves behind it: a colour, a function or any other name.
std::string short_word(std::string_view value, std::size_t& at, int depth) {
  const std::size_t begin = at++;
  while (at < value.size() && is_name_byte(value[at])) ++at;
  const std::string_view word = value.substr(begin, at - begin);
  const std::string low = lower_of(word);
  const char after = at < value.size() ? value[at] : ' ';
  if (after == '(' && (low == "url" || low == "calc")) {
    const std::size_t close = closing_of(value, at);
    if (close == value.size()) return std::string(word);
    const std::string_view inner = value.substr(at + 1, close - at - 1);
    const std::string_view whole = value.substr(begin, close + 1 - begin);
    if (low == "calc") {
      const std::optional<std::string> simple = Calculation(inner, depth).simplified();
      if (!simple) return std::string(word);
      at = close + 1;
      return *simple;
    }
    at = close + 1;
    if (inner.starts_with('\'') && inner.ends_with('\''))
      return "url(" + double_quoted(inner) + ')';
    return std::string(whole);
  }
  if (after == '(' || after == '=' || after == ':') return std::string(word);
  if (low == "transparent") return "rgba(0,0,0,0)";
  const std::optional<std::uint32_t> rgb =
      word.front() == '#' ? rgb_of_hex(word.substr(1)) : rgb_of_name(word);
  return rgb ? shortest(*rgb) : std::string(word);
}

// Whether the arguments of the function before the "(" at `open` are written without spaces.
bool is_compact(std::string_view value, std::size_t open) {
  std::size_t begin = open;
  while (begin > 0 && is_name_byte(value[begin - 1])) --begin;
  const std::string name = lower_of(value.substr(begin, open - begin));
  for (const std::string_view one :
       {"", "rgb", "rgba", "hsl", "hsla", "calc", "clamp", "min", "max"})
    if (name == one) return true;
  return false;
}

std::string short_value(std::string_view value, int depth) {
  if (depth > depth_max) return std::string(value);
  std::string out;
  std::vector<bool> compact;  // of the functions that are open
  for (std::size_t at = 0; at < value.size();) {
    const char c = value[at];
    const char before = at == 0 ? ' ' : value[at - 1];
    const char after = at + 1 < value.size() ? value[at + 1] : ' ';
    if (c == '"' || c == '\'') {
      const std::size_t end = end_of_string(value, at);
      out += double_quoted(value.substr(at, end - at));
      at = end;
    } else if ((c == ' ' && (after == '/' || after == '*')) || c == ',') {
      out += c == ',' ? c : after;  // "16 / 9", "a, b"
      at += c == ',' ? 1 : 2;
      while (at < value.size() && value[at] == ' ') ++at;
      if (c == ',' && !compact.empty() && !compact.back()) out += ' ';
    } else if (c == '(' || c == ')') {
      if (c == '(') compact.push_back(is_compact(value, at));
      else if (!compact.empty()) compact.pop_back();
      out += c;
      ++at;
    } else if (starts_number(value, at) && !is_name_byte(before) &&
               (is_digit(c) || c == '.' || before == ' ' || before == ',' || before == '(' ||
                before == ':')) {
      out += text_of(read_measure(value, at));
    } else if (lower(c) == 'u' && after == '+') {  // a range of characters
      while (at < value.size() && value[at] != ',') out += value[at++];
    } else if (c == '#' || (is_name_byte(c) && !is_digit(c))) {
      out += short_word(value, at, depth);
    } else {
      out += c;
      ++at;
    }
  }
  return out;
}

bool is_identifier(std::string_view text) {
  if (text.empty() || is_digit(text.front()) || text.starts_with("--") || text == "-") return false;
  if (text.front() == '-' && is_digit(text[1])) return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return is_name_byte(c) && c != '\\'; });
}

// [a='b'] is [a=b], or [a="b c"].
std::string short_selector(std::string_view selector) {
  std::string out;
  bool inside = false;
  for (std::size_t at = 0; at < selector.size();) {
    const char c = selector[at];
    if (c == '[') inside = true;
    if (c == ']') inside = false;
    if (c != '"' && c != '\'') {
      out += c;
      ++at;
      continue;
    }
    const std::size_t end = end_of_string(selector, at);
    const std::string_view text = selector.substr(at + 1, end - at >= 2 ? end - at - 2 : 0);
    if (inside && is_identifier(text)) {
      out += text;
      // A flag behind the value needs its space: [a=b i].
    } else if (inside && text.find_first_of("\"\\") == std::string_view::npos) {
      out.append("\"").append(text).append("\"");
    } else {
      out += selector.substr(at, end - at);
    }
    at = end;
  }
  return out;
}

}  // namespace

// Pieces end at "{", ";" or "}"; what ends at "{" is a selector or the head of an at-rule, the
// others are declarations.
std::string compressed_css(std::string_view css) {
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  std::string out;
  out.reserve(css.size());
  if (css.starts_with(byte_order_mark)) {
    out = byte_order_mark;
    css.remove_prefix(byte_order_mark.size());
  }
  std::size_t begin = 0;
  int depth = 0;
  for (std::size_t at = 0; at <= css.size();) {
    const char c = at < css.size() ? css[at] : ';';
    if (at < css.size() && c == '/' && css.substr(at).starts_with("/*")) {
      const std::size_t close = css.find("*/", at + 2);
      at = close == std::string_view::npos ? css.size() : close + 2;
      if (trim(css.substr(begin, at - begin)).starts_with("/*")) {
        out += css.substr(begin, at - begin);
        begin = at;
      }
      continue;
    }
    if (c == '"' || c == '\'') {
      at = end_of_string(css, at);
      continue;
    }
    if (c == '\\') {
      at += 2;
      continue;
    }
    if (c == '(' || c == '[') ++depth;
    if (c == ')' || c == ']') --depth;
    const bool ends = at == css.size() || (depth <= 0 && (c == '{' || c == ';' || c == '}'));
    if (!ends) {
      ++at;
      continue;
    }
    const std::string_view piece = css.substr(begin, std::min(at, css.size()) - begin);
    const std::string_view text = trim(piece);
    const std::size_t colon = piece.find(':');
    if (text.starts_with("--") && colon != std::string_view::npos) {
      out += piece.substr(0, colon + 1);
      out += with_double_quotes(piece.substr(colon + 1));
    } else if (text.starts_with('@')) {
      out += piece;
    } else if (c == '{') {
      out += short_selector(piece);
    } else if (colon != std::string_view::npos) {
      out += piece.substr(0, colon + 1);
      out += short_value(piece.substr(colon + 1));
    } else {
      out += piece;
    }
    if (at < css.size()) out += c;
    depth = 0;
    begin = ++at;
  }
  return out;
}

}  // namespace weir::text
