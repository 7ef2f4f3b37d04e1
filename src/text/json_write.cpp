#include "text/json.h"

#include "base/text_escape.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace weir::text {
namespace {

// 1.25e+30 taken apart: digits "125", point after the first digit times ten to `exponent`.
struct Decimal {
  std::array<char, 17> digits{};
  std::size_t count = 0;
  int exponent = 0;
};

// `number` is finite and positive. The shortest digits that read back the same.
Decimal decimal_of(double number) {
  std::array<char, 32> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number,
                                 std::chars_format::scientific)
                       .ptr;
  Decimal decimal;
  const char* at = buffer.data();
  for (; *at != 'e'; ++at)
    if (*at != '.') decimal.digits[decimal.count++] = *at;
  ++at;
  if (*at == '+') ++at;
  std::from_chars(at, end, decimal.exponent);
  return decimal;
}

// How one notation lays digits out.
struct NumberForm {
  int exponent_min;            // below: scientific
  int exponent_max;            // from here: scientific
  std::string_view plus;       // before a positive exponent
  std::string_view whole_end;  // behind a number without fraction
};
constexpr NumberForm ecmascript{-6, 21, "+", ""};  // ECMA-262, Number::toString
constexpr NumberForm json_form{-5, 16, "", ".0"};  // tells 1.0 from 1, so that kinds survive

void append_number(std::string& out, double number, const NumberForm& form) {
  if (!std::isfinite(number)) {
    out += "null";
    return;
  }
  if (std::signbit(number) && (number != 0 || !form.whole_end.empty())) out += '-';
  if (number == 0) {
    out += '0';
    out += form.whole_end;
    return;
  }
  const Decimal decimal = decimal_of(std::fabs(number));
  const std::string_view digits(decimal.digits.data(), decimal.count);
  const int exponent = decimal.exponent;
  if (exponent < form.exponent_min || exponent >= form.exponent_max) {
    out += digits[0];
    if (digits.size() > 1) (out += '.') += digits.substr(1);
    out += 'e';
    if (exponent > 0) out += form.plus;
    out += std::to_string(exponent);
  } else if (exponent < 0) {
    out += "0.";
    out.append(static_cast<std::size_t>(-exponent - 1), '0');
    out += digits;
  } else {
    const auto whole = static_cast<std::size_t>(exponent) + 1;
    if (digits.size() <= whole) {
      out += digits;
      out.append(whole - digits.size(), '0');
      out += form.whole_end;
    } else {
      ((out += digits.substr(0, whole)) += '.') += digits.substr(whole);
    }
  }
}

template <class Integer>
void append_integer(std::string& out, Integer number) {
  std::array<char, 24> buffer{};
  out.append(buffer.data(),
             std::to_chars(buffer.data(), buffer.data() + buffer.size(), number).ptr);
}

// Like append_json_string of base, but copies runs, and leaves U+007F as it is (RFC 8785 3.2.2.2).
void append_string(std::string& out, std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  out += '"';
  std::size_t start = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte >= 0x80) {
      const std::size_t bytes = utf8_sequence_bytes(text.substr(at));
      if (bytes != 0) {
        at += bytes;
        continue;
      }
    } else if (byte >= 0x20 && byte != '"' && byte != '\\') {
      ++at;
      continue;
    }
    out += text.substr(start, at - start);
    start = ++at;
    switch (byte) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\b': out += "\\b"; break;
      case '\f': out += "\\f"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (byte >= 0x80) out += "\xEF\xBF\xBD";
        else (((out += "\\u00") += digits[byte >> 4]) += digits[byte & 15]);
    }
  }
  out += text.substr(start);
  out += '"';
}

void append_scalar(std::string& out, const Value& value, const NumberForm& form) {
  if (const bool* flag = value.boolean()) out += *flag ? "true" : "false";
  else if (const std::string* text = value.string()) append_string(out, *text);
  else if (const DateText* date = value.date()) append_string(out, date->text);
  else if (const std::int64_t* integer = value.integer()) append_integer(out, *integer);
  else if (const std::uint64_t* large = value.large_integer()) append_integer(out, *large);
  else if (const double* real = value.real()) append_number(out, *real, form);
  else out += "null";
}

// Line breaks and indent, or nothing.
class Layout {
 public:
  enum class Kind : std::uint8_t { compact, pretty };
  explicit Layout(Kind kind) : kind_(kind) {}
  void append(std::string& out, const Value& value, std::size_t depth = 0) const {
    if (const Value::Array* items = value.array()) {
      out += '[';
      for (std::size_t i = 0; i < items->size(); ++i) {
        begin_item(out, i, depth);
        append(out, (*items)[i], depth + 1);
      }
      if (!items->empty()) break_line(out, depth);
      out += ']';
    } else if (const Value::Object* members = value.object()) {
      out += '{';
      for (std::size_t i = 0; i < members->size(); ++i) {
        begin_item(out, i, depth);
        append_string(out, (*members)[i].name);
        out += kind_ == Kind::pretty ? ": " : ":";
        append(out, (*members)[i].value, depth + 1);
      }
      if (!members->empty()) break_line(out, depth);
      out += '}';
    } else {
      append_scalar(out, value, json_form);
    }
  }

 private:
  void begin_item(std::string& out, std::size_t index, std::size_t depth) const {
    if (index > 0) out += ',';
    break_line(out, depth + 1);
  }
  void break_line(std::string& out, std::size_t depth) const {
    if (kind_ == Kind::compact) return;
    out += '\n';
    out.append(2 * depth, ' ');
  }
  Kind kind_;
};

// RFC 8785 3.2.3: by UTF-16 code units. In UTF-8 the order is the same but for the characters above
// U+FFFF (lead bytes F0..F4), which as surrogates come before U+E000..U+FFFF (lead bytes EE and
// EF).
bool is_before_in_utf16(std::string_view a, std::string_view b) {
  const std::size_t common = std::min(a.size(), b.size());
  for (std::size_t i = 0; i < common; ++i) {
    if (a[i] == b[i]) continue;
    const auto x = static_cast<unsigned char>(a[i]);
    const auto y = static_cast<unsigned char>(b[i]);
    const bool x_is_pair = x >= 0xF0;
    const bool y_is_pair = y >= 0xF0;
    if (x >= 0xEE && y >= 0xEE && x_is_pair != y_is_pair) return x_is_pair;
    return x < y;
  }
  return a.size() < b.size();
}

void append_canonical(std::string& out, const Value& value) {
  if (const Value::Array* items = value.array()) {
    out += '[';
    for (std::size_t i = 0; i < items->size(); ++i) {
      if (i > 0) out += ',';
      append_canonical(out, (*items)[i]);
    }
    out += ']';
  } else if (const Value::Object* members = value.object()) {
    std::vector<const Member*> sorted;
    for (const Member& member : *members) sorted.push_back(&member);
    std::sort(sorted.begin(), sorted.end(), [](const Member* a, const Member* b) {
      return is_before_in_utf16(a->name, b->name);
    });
    out += '{';
    for (std::size_t i = 0; i < sorted.size(); ++i) {
      if (i > 0) out += ',';
      append_string(out, sorted[i]->name);
      out += ':';
      append_canonical(out, sorted[i]->value);
    }
    out += '}';
  } else if (const std::int64_t* integer = value.integer()) {
    append_ecmascript_number(out, static_cast<double>(*integer));
  } else if (const std::uint64_t* large = value.large_integer()) {
    append_ecmascript_number(out, static_cast<double>(*large));
  } else {
    append_scalar(out, value, ecmascript);
  }
}

}  // namespace

void append_json(std::string& out, const Value& value) {
  Layout(Layout::Kind::compact).append(out, value);
}

std::string json_of(const Value& value) {
  std::string out;
  append_json(out, value);
  return out;
}

std::string pretty_json_of(const Value& value) {
  std::string out;
  Layout(Layout::Kind::pretty).append(out, value);
  return out;
}

std::string canonical_json_of(const Value& value) {
  std::string out;
  append_canonical(out, value);
  return out;
}

void append_ecmascript_number(std::string& out, double number) {
  append_number(out, number, ecmascript);
}

}  // namespace weir::text
