#include "base/bytes.h"
#include "template/filters.h"
#include "template/lexer.h"
#include "template/library.h"
#include "text/escape.h"
#include "text/slug.h"
#include "text/url.h"
#include "text/utf8.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

// The filters of S-45 whose input is a string.

namespace weir::tmpl {

Result<std::string_view> text_input(const Value& input, const Call& call) {
  if (input.is_string()) return input.string();
  return call.error("expected a string, not " + shown(input));
}

Error too_large_error(const Call& call) {
  Error error = call.error("the result is larger than " +
                           std::to_string(limits::template_output_bytes_max) + " bytes");
  error.code = Errc::too_large;
  return error;
}

std::string unescaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char next = text[i] == '\\' && i + 1 < text.size() ? text[i + 1] : '\0';
    if (next == 'n' || next == 't') {
      out += next == 'n' ? '\n' : '\t';
      ++i;
    } else {
      out += text[i];
    }
  }
  return out;
}

namespace {

// A filter from string to string without arguments.
using TextFilter = std::string (*)(std::string_view);
Filter plain(TextFilter filter) {
  return [filter](const Value& input, const Call& call) -> Result<Value> {
    const std::string_view text = TRY(text_input(input, call));
    return Value::text(filter(text));
  };
}

std::string trimmed(std::string_view text) { return std::string(trim_start(trim_end(text))); }
std::string trimmed_start(std::string_view text) { return std::string(trim_start(text)); }
std::string trimmed_end(std::string_view text) { return std::string(trim_end(text)); }

std::string capitalized(std::string_view text) {
  const std::size_t first = text::first_code_point(text).bytes;
  return text::upper_of_utf8(text.substr(0, first)) + text::lower_of_utf8(text.substr(first));
}

// A letter, digit, underscore or mark. Beyond ASCII everything counts that is no white space and no
// punctuation of the Latin-1, General Punctuation and CJK blocks.
bool is_word(char32_t c) {
  if (c < 0x80) return is_alnum(static_cast<char>(c)) || c == '_';
  if (c < 0xC0) return c == 0xAA || c == 0xB5 || c == 0xBA;
  if (c == 0xD7 || c == 0xF7) return false;
  return !(c >= 0x2000 && c <= 0x206F) && !(c >= 0x3000 && c <= 0x3004) &&
         !(c >= 0x3007 && c <= 0x3020) && c != 0xFFFD;
}

// Words run over apostrophes: "foo's bar" becomes "Foo's Bar".
std::string titled(std::string_view text) {
  std::string out;
  bool within = false;
  while (!text.empty()) {
    const text::CodePoint point = text::first_code_point(text);
    const std::string_view bytes = text.substr(0, point.bytes);
    text.remove_prefix(point.bytes);
    if (is_word(point.value)) {
      out += within ? text::lower_of_utf8(bytes) : text::upper_of_utf8(bytes);
      within = true;
    } else {
      out += bytes;
      if (point.value != '\'') within = false;
    }
  }
  return out;
}

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  for (std::size_t at = 0;;) {
    const std::size_t found = text.find(from, at);
    out += text.substr(at, found - at);
    if (found == std::string_view::npos) return out;
    out += to;
    at = found + from.size();
  }
}

std::string with_line_breaks(std::string_view text) {
  return replaced(replaced(text, "\r\n", "<br>"), "\n", "<br>");
}

// White space between tags goes: "> <" becomes "><".
std::string without_spaces(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t close = text.find('>', at);
    if (close == std::string_view::npos) {
      out += text.substr(at);
      break;
    }
    out += text.substr(at, close + 1 - at);
    const std::string_view rest = trim_start(text.substr(close + 1));
    at = close + 1;
    if (rest.starts_with('<')) at = text.size() - rest.size();
  }
  return out;
}

std::string with_slashes(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"' || c == '\'') out += '\\';
    out += c;
  }
  return out;
}

std::string slug_of(std::string_view text) { return text::slugify(text, text::SlugMode::on); }
std::string url_encoded(std::string_view text) {
  return text::percent_encode(text, text::PercentSet::tera);
}
std::string url_encoded_strictly(std::string_view text) {
  return text::percent_encode(text, text::PercentSet::alphanumeric);
}

Result<Value> trim_matches(const Value& input, const Call& call, bool at_start) {
  std::string_view text = TRY(text_input(input, call));
  const std::string_view given = TRY(call.text("pat"));
  const std::string pattern = unescaped(given);
  if (pattern.empty()) return input;
  while (at_start ? text.starts_with(pattern) : text.ends_with(pattern))
    at_start ? text.remove_prefix(pattern.size()) : text.remove_suffix(pattern.size());
  return Value::text(text);
}
Result<Value> trim_start_matches(const Value& input, const Call& call) {
  return trim_matches(input, call, true);
}
Result<Value> trim_end_matches(const Value& input, const Call& call) {
  return trim_matches(input, call, false);
}

Result<Value> truncate(const Value& input, const Call& call) {
  const std::string_view text = TRY(text_input(input, call));
  const std::int64_t length = TRY(call.integer_or("length", 255));
  const std::string_view end = TRY(call.text_or("end", "…"));
  if (length < 0) return call.error("argument `length` must not be negative");
  const std::string_view kept = text::first_graphemes(text, static_cast<std::size_t>(length));
  if (kept.size() == text.size()) return input;
  return Value::text(std::string(kept) + std::string(end));
}

Result<Value> wordcount(const Value& input, const Call& call) {
  std::string_view text = trim_start(TRY(text_input(input, call)));
  std::int64_t count = 0;
  while (!text.empty()) {
    ++count;
    while (!text.empty() && trim_start(text).size() == text.size())
      text.remove_prefix(text::first_code_point(text).bytes);
    text = trim_start(text);
  }
  return Value(count);
}

Result<Value> replace(const Value& input, const Call& call) {
  const std::string_view text = TRY(text_input(input, call));
  const std::string_view from = TRY(call.text("from"));
  const std::string_view to = TRY(call.text("to"));
  // How often, before anything is made: a short text can ask for a very long one.
  std::size_t count = 0;
  if (from.empty()) count = text::code_points_of(text) + 1;
  else
    for (std::size_t at = text.find(from); at != std::string_view::npos;
         at = text.find(from, at + from.size()))
      ++count;
  if (count == 0) return input;
  if (text.size() + count * to.size() > limits::template_output_bytes_max)
    return too_large_error(call);
  if (!from.empty()) return Value::text(replaced(text, from, to));
  std::string out(to);
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t bytes = text::first_code_point(rest).bytes;
    out += rest.substr(0, bytes);
    out += to;
    rest.remove_prefix(bytes);
  }
  return Value::text(out);
}

Result<Value> indent(const Value& input, const Call& call) {
  const std::string_view text = TRY(text_input(input, call));
  const std::string_view prefix = TRY(call.text_or("prefix", "    "));
  const bool first = TRY(call.boolean_or("first", false));
  const bool blank = TRY(call.boolean_or("blank", false));
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
  if (text.size() + lines * prefix.size() > limits::template_output_bytes_max)
    return too_large_error(call);
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    if (end < text.size() && line.ends_with('\r')) line.remove_suffix(1);
    if (at > 0) out += '\n';
    if (at == 0 ? first : blank || !trim_start(line).empty()) out += prefix;
    out += line;
    at = end + 1;
  }
  return Value::text(out);
}

Result<Value> split(const Value& input, const Call& call) {
  const std::string_view text = TRY(text_input(input, call));
  const std::string_view given = TRY(call.text("pat"));
  const std::string pattern = unescaped(given);
  std::vector<Value> parts;
  if (pattern.empty()) {
    parts.push_back(Value::text(""));
    for (std::string_view rest = text; !rest.empty();) {
      const std::size_t bytes = text::first_code_point(rest).bytes;
      parts.push_back(Value::text(rest.substr(0, bytes)));
      rest.remove_prefix(bytes);
      if (parts.size() > limits::template_items_max) return too_large_error(call);
    }
    parts.push_back(Value::text(""));
    return Value::array(std::move(parts));
  }
  for (std::size_t at = 0;;) {
    const std::size_t found = text.find(pattern, at);
    parts.push_back(Value::text(text.substr(at, found - at)));
    if (found == std::string_view::npos) return Value::array(std::move(parts));
    if (parts.size() > limits::template_items_max) return too_large_error(call);
    at = found + pattern.size();
  }
}

// As a cast in Rust does: NaN is 0, beyond the range are its ends.
std::int64_t saturated(double number) {
  if (std::isnan(number)) return 0;
  if (number >= 9223372036854775807.0) return std::numeric_limits<std::int64_t>::max();
  if (number <= -9223372036854775808.0) return std::numeric_limits<std::int64_t>::min();
  return static_cast<std::int64_t>(number);
}

// The whole text as a number; a + in front is fine.
bool parse_real(std::string_view text, double& number) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto [end, errc] = std::from_chars(text.data(), text.data() + text.size(), number);
  return errc == std::errc{} && end == text.data() + text.size() && !text.empty() && text != "-";
}

Result<Value> int_of(const Value& input, const Call& call) {
  const std::int64_t otherwise = TRY(call.integer_or("default", 0));
  const std::int64_t base = TRY(call.integer_or("base", 10));
  if (base < 2 || base > 36)
    return call.error("argument `base` must be 2 to 36, not " + std::to_string(base));
  if (input.is_integer()) return input;
  if (input.is_number()) return Value(saturated(input.real()));
  if (!input.is_string()) return call.error("expected a string or a number, not " + shown(input));
  std::string_view text = trim_start(trim_end(input.string()));
  const std::string_view mark = base == 2 ? "0b" : base == 8 ? "0o" : base == 16 ? "0x" : "";
  while (!mark.empty() && text.starts_with(mark)) text.remove_prefix(mark.size());
  std::string_view digits = text;
  if (digits.starts_with('+') && !digits.starts_with("+-")) digits.remove_prefix(1);
  std::int64_t number = 0;
  const auto [end, errc] =
      std::from_chars(digits.data(), digits.data() + digits.size(), number, static_cast<int>(base));
  if (errc == std::errc{} && end == digits.data() + digits.size() && !digits.empty())
    return Value(number);
  double real = 0;
  if (text.find('.') != std::string_view::npos && parse_real(text, real))
    return Value(saturated(real));
  return Value(otherwise);
}

Result<Value> float_of(const Value& input, const Call& call) {
  double otherwise = 0;
  if (const Value* given = call.find("default")) {
    if (!given->is_number())
      return call.error("argument `default` must be a number, not " + shown(*given));
    otherwise = given->number();
  }
  if (input.is_number()) return Value(input.number());
  if (!input.is_string()) return call.error("expected a string or a number, not " + shown(input));
  double number = 0;
  return Value(parse_real(trim_start(trim_end(input.string())), number) ? number : otherwise);
}

}  // namespace

void add_text_filters(Library& library) {
  struct PlainRow {
    const char* name;
    TextFilter filter;
  };
  static constexpr PlainRow plain_rows[] = {
      {"upper", text::upper_of_utf8},
      {"lower", text::lower_of_utf8},
      {"trim", trimmed},
      {"trim_start", trimmed_start},
      {"trim_end", trimmed_end},
      {"capitalize", capitalized},
      {"title", titled},
      {"linebreaksbr", with_line_breaks},
      {"striptags", text::tags_stripped},
      {"spaceless", without_spaces},
      {"urlencode", url_encoded},
      {"urlencode_strict", url_encoded_strictly},
      {"escape", text::html_escaped},
      {"escape_xml", text::xml_escaped},
      {"slugify", slug_of},
      {"addslashes", with_slashes},
  };
  for (const PlainRow& row : plain_rows) library.filters.add(row.name, plain(row.filter));
  library.filters.add("trim_start_matches", trim_start_matches);
  library.filters.add("trim_end_matches", trim_end_matches);
  library.filters.add("truncate", truncate);
  library.filters.add("wordcount", wordcount);
  library.filters.add("replace", replace);
  library.filters.add("indent", indent);
  library.filters.add("split", split);
  library.filters.add("int", int_of);
  library.filters.add("float", float_of);
}

}  // namespace weir::tmpl
