// The parser. One loop over the bytes with its own stack: `values_` holds the items of all open
// arrays and `members_` those of all open objects; a container that closes takes its tail of the
// stack.
//
//   [1, {"a": [2]}]      values_: 1        members_: a=?     values_ above the mark: 2
//                                 ^ mark of [       ^ mark of {
//
// So nesting costs heap in proportion to what was read, and depth is a number, not a stack of
// calls.
#include "text/json.h"

#include "base/must.h"
#include "base/text_escape.h"
#include "text/utf8.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <optional>

namespace weir::text {
namespace {

// Objects up to this many members are searched for duplicates by looking at each pair.
constexpr std::size_t pairwise_members_max = 12;

// True when one of the 8 bytes at `at` is a control character, '"', '\\' or not ASCII.
bool needs_care(const char* at) {
  constexpr std::uint64_t ones = 0x0101010101010101, highs = 0x8080808080808080;
  std::uint64_t word;
  std::memcpy(&word, at, sizeof word);
  const auto has_zero = [](std::uint64_t x) { return (x - ones) & ~x & highs; };
  const std::uint64_t control = (word - ones * 0x20) & ~word & highs;
  return ((word & highs) | control | has_zero(word ^ (ones * '"')) |
          has_zero(word ^ (ones * '\\'))) != 0;
}

class Parser {
 public:
  Parser(std::string_view text, const JsonOptions& options) : text_(text), options_(options) {}

  Result<Value> parse();

 private:
  struct Frame {
    bool is_object;
    std::size_t first;  // of its items in values_ or members_
  };
  // What comes next in the grammar.
  enum class Expect : std::uint8_t {
    value,
    value_or_end,
    name,
    name_or_end,
    comma_or_end,
    nothing
  };

  // A step returns false when error_ is set.
  bool step(Expect& expect);
  bool open(bool is_object, Expect& expect);
  bool close(char bracket, Expect& expect);
  bool parse_name();
  bool parse_scalar(Value& value);
  bool parse_string(std::string& out);
  bool parse_escape(std::string& out);
  bool parse_unit(std::uint32_t& unit);
  bool parse_number(Value& value);
  bool parse_word(std::string_view word);
  bool take_members(std::size_t first, Value::Object& members);
  std::optional<std::size_t> find_duplicate(std::size_t first) const;
  void drop_earlier(Value::Object& members) const;
  void finish_value(Value&& value, Expect& expect);

  bool fail(std::string what, std::size_t at);
  bool fail_expecting(std::string_view what);
  std::string found() const;
  void skip_space() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c != ' ' && c != '\n' && c != '\r' && c != '\t') return;
      ++at_;
    }
  }

  std::string_view text_;
  const JsonOptions& options_;
  std::size_t at_ = 0;
  std::vector<Frame> frames_;
  std::vector<Value> values_;
  std::vector<Member> members_;
  std::vector<std::size_t> name_offsets_;  // parallel to members_
  std::optional<Value> root_;
  std::optional<Error> error_;
};

Result<Value> Parser::parse() {
  if (text_.size() > options_.bytes_max)
    return Error{Errc::too_large, "JSON of " + std::to_string(text_.size()) + " bytes, at most " +
                                      std::to_string(options_.bytes_max) + " are allowed"};
  if (text_.starts_with("\xEF\xBB\xBF")) {
    fail("expected JSON, found a byte order mark", 0);
    return std::move(*error_);
  }
  Expect expect = Expect::value;
  skip_space();
  while (expect != Expect::nothing) {
    if (!step(expect)) return std::move(*error_);
    skip_space();
  }
  if (at_ != text_.size()) {
    fail_expecting("the end of the text");
    return std::move(*error_);
  }
  return std::move(*root_);
}

bool Parser::step(Expect& expect) {
  const char c = at_ < text_.size() ? text_[at_] : '\0';
  switch (expect) {
    case Expect::value_or_end:
      if (c == ']') return close(c, expect);
      [[fallthrough]];
    case Expect::value: {
      if (c == '{' || c == '[') return open(c == '{', expect);
      Value value;
      if (!parse_scalar(value)) return false;
      finish_value(std::move(value), expect);
      return true;
    }
    case Expect::name_or_end:
      if (c == '}') return close(c, expect);
      [[fallthrough]];
    case Expect::name:
      if (c != '"') return fail_expecting("a name in quotes");
      expect = Expect::value;
      return parse_name();
    case Expect::comma_or_end: {
      const bool is_object = frames_.back().is_object;
      if (c == (is_object ? '}' : ']')) return close(c, expect);
      if (c != ',') return fail_expecting(is_object ? "',' or '}'" : "',' or ']'");
      ++at_;
      expect = is_object ? Expect::name : Expect::value;
      return true;
    }
    case Expect::nothing: break;
  }
  return true;
}

bool Parser::open(bool is_object, Expect& expect) {
  if (frames_.size() == options_.depth_max)
    return fail("nested deeper than " + std::to_string(options_.depth_max) + " levels", at_);
  frames_.push_back({is_object, is_object ? members_.size() : values_.size()});
  ++at_;
  expect = is_object ? Expect::name_or_end : Expect::value_or_end;
  return true;
}

bool Parser::close(char bracket, Expect& expect) {
  const Frame frame = frames_.back();
  frames_.pop_back();
  ++at_;
  if (bracket == ']') {
    const auto first = values_.begin() + static_cast<std::ptrdiff_t>(frame.first);
    Value::Array items(std::make_move_iterator(first), std::make_move_iterator(values_.end()));
    values_.erase(first, values_.end());
    finish_value(std::move(items), expect);
    return true;
  }
  Value::Object members;
  if (!take_members(frame.first, members)) return false;
  finish_value(std::move(members), expect);
  return true;
}

bool Parser::take_members(std::size_t first, Value::Object& members) {
  const auto begin = members_.begin() + static_cast<std::ptrdiff_t>(first);
  const std::optional<std::size_t> twice = find_duplicate(first);
  if (twice && options_.duplicates == Duplicates::refuse)
    return fail(
        "the name " + json_string_of(members_[*twice].name) + " appears twice in one object",
        name_offsets_[*twice]);
  if (first == 0) {
    members = std::move(members_);
    members_.clear();
  } else {
    members.assign(std::make_move_iterator(begin), std::make_move_iterator(members_.end()));
    members_.erase(begin, members_.end());
  }
  name_offsets_.resize(first);
  if (twice) drop_earlier(members);
  return true;
}

// The member of the innermost open object whose name was there before. Sorting instead of a hash
// table: no choice of names makes it slow.
std::optional<std::size_t> Parser::find_duplicate(std::size_t first) const {
  const std::size_t count = members_.size() - first;
  if (count <= pairwise_members_max) {
    for (std::size_t i = first; i < members_.size(); ++i)
      for (std::size_t j = first; j < i; ++j)
        if (members_[i].name == members_[j].name) return i;
    return std::nullopt;
  }
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), first);
  const auto earlier = [this](std::size_t a, std::size_t b) {
    const int difference = members_[a].name.compare(members_[b].name);
    return difference != 0 ? difference < 0 : a < b;
  };
  std::sort(order.begin(), order.end(), earlier);
  for (std::size_t i = 1; i < count; ++i)
    if (members_[order[i]].name == members_[order[i - 1]].name) return order[i];
  return std::nullopt;
}

// The last value of each name stays, at the place of the first.
void Parser::drop_earlier(Value::Object& members) const {
  std::vector<std::size_t> order(members.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&members](std::size_t a, std::size_t b) {
    return members[a].name < members[b].name;
  });
  std::vector<bool> dropped(members.size());
  for (std::size_t i = 0; i < order.size();) {
    std::size_t end = i + 1;
    while (end < order.size() && members[order[end]].name == members[order[i]].name) {
      dropped[order[end]] = true;
      ++end;
    }
    if (end - i > 1) members[order[i]].value = std::move(members[order[end - 1]].value);
    i = end;
  }
  Value::Object kept;
  for (std::size_t i = 0; i < members.size(); ++i)
    if (!dropped[i]) kept.push_back(std::move(members[i]));
  members = std::move(kept);
}

void Parser::finish_value(Value&& value, Expect& expect) {
  if (frames_.empty()) {
    root_ = std::move(value);
    expect = Expect::nothing;
    return;
  }
  if (frames_.back().is_object) members_.back().value = std::move(value);
  else values_.push_back(std::move(value));
  expect = Expect::comma_or_end;
}

bool Parser::parse_name() {
  name_offsets_.push_back(at_);
  members_.emplace_back();
  if (!parse_string(members_.back().name)) return false;
  skip_space();
  if (at_ == text_.size() || text_[at_] != ':') return fail_expecting("':' after the name");
  ++at_;
  return true;
}

bool Parser::parse_scalar(Value& value) {
  const char c = at_ < text_.size() ? text_[at_] : '\0';
  switch (c) {
    case '"': {
      std::string text;
      if (!parse_string(text)) return false;
      value = std::move(text);
      return true;
    }
    case 't': value = true; return parse_word("true");
    case 'f': value = false; return parse_word("false");
    case 'n': value = Null{}; return parse_word("null");
    default:
      if (c == '-' || is_digit(c)) return parse_number(value);
      return fail_expecting("a value");
  }
}

bool Parser::parse_word(std::string_view word) {
  if (!text_.substr(at_).starts_with(word)) return fail_expecting("a value");
  at_ += word.size();
  return true;
}

bool Parser::parse_string(std::string& out) {
  const std::size_t quote = at_++;
  std::size_t start = at_;  // of what is not yet in `out`
  while (true) {
    while (text_.size() - at_ >= 8 && !needs_care(text_.data() + at_)) at_ += 8;
    if (at_ == text_.size())
      return fail("expected '\"' at the end of the string that starts here", quote);
    const auto byte = static_cast<unsigned char>(text_[at_]);
    if (byte == '"') {
      out.append(text_.substr(start, at_ - start));
      ++at_;
      return true;
    }
    if (byte == '\\') {
      out.append(text_.substr(start, at_ - start));
      if (!parse_escape(out)) return false;
      start = at_;
    } else if (byte < 0x20) {
      return fail("a control character in a string must be written as an escape", at_);
    } else if (byte >= 0x80) {
      const std::size_t bytes = utf8_sequence_bytes(text_.substr(at_));
      if (bytes == 0)
        return fail("expected UTF-8, found the byte 0x" + hex_of(bytes_of(text_.substr(at_, 1))),
                    at_);
      at_ += bytes;
    } else {
      ++at_;
    }
  }
}

bool Parser::parse_escape(std::string& out) {
  constexpr std::string_view letters = "\"\\/bfnrt";
  constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
  const std::size_t start = at_++;  // of the backslash
  const char c = at_ < text_.size() ? text_[at_] : '\0';
  if (const std::size_t index = letters.find(c); c != '\0' && index != std::string_view::npos) {
    out += meanings[index];
    ++at_;
    return true;
  }
  if (c != 'u')
    return fail("expected an escape: one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX", start);
  ++at_;
  std::uint32_t unit = 0;
  if (!parse_unit(unit)) return false;
  if (unit >= 0xD800 && unit < 0xDC00 && text_.substr(at_).starts_with("\\u")) {
    at_ += 2;
    std::uint32_t low = 0;
    if (!parse_unit(low)) return false;
    if (low >= 0xDC00 && low < 0xE000) unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
  }
  if (unit >= 0xD800 && unit < 0xE000) return fail("half of a surrogate pair", start);
  append_utf8(out, unit);
  return true;
}

bool Parser::parse_unit(std::uint32_t& unit) {
  unit = 0;
  for (int i = 0; i < 4; ++i, ++at_) {
    const int digit = at_ < text_.size() ? hex_digit_of(text_[at_]) : -1;
    if (digit < 0) return fail("expected four hex digits after \\u", at_);
    unit = unit * 16 + static_cast<std::uint32_t>(digit);
  }
  return true;
}

bool Parser::parse_number(Value& value) {
  const std::size_t start = at_;
  const auto digits = [this] {
    const std::size_t before = at_;
    while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
    return at_ - before;
  };
  if (text_[at_] == '-') ++at_;
  const std::size_t whole = at_;
  if (digits() == 0) return fail_expecting("a digit");
  if (text_[whole] == '0' && at_ - whole > 1) return fail("a number must not start with 0", start);
  bool is_integer = true;
  if (at_ < text_.size() && text_[at_] == '.') {
    is_integer = false;
    ++at_;
    if (digits() == 0) return fail_expecting("a digit after the point");
  }
  if (at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
    is_integer = false;
    ++at_;
    if (at_ < text_.size() && (text_[at_] == '+' || text_[at_] == '-')) ++at_;
    if (digits() == 0) return fail_expecting("a digit of the exponent");
  }
  const char* first = text_.data() + start;
  const char* last = text_.data() + at_;
  if (is_integer) {
    std::int64_t integer = 0;
    if (std::from_chars(first, last, integer).ec == std::errc{}) return value = integer, true;
    std::uint64_t large = 0;
    if (*first != '-' && std::from_chars(first, last, large).ec == std::errc{})
      return value = large, true;
  }
  double real = 0;
  // from_chars calls both 1e400 and 1e-400 out of range; only the first is an error.
  if (std::from_chars(first, last, real).ec != std::errc{})
    real = std::strtod(std::string(first, last).c_str(), nullptr);
  if (!std::isfinite(real)) return fail("a number beyond the range of a 64-bit float", start);
  value = real;
  return true;
}

bool Parser::fail(std::string what, std::size_t at) {
  error_ =
      Error{Errc::invalid, std::move(what), Place{"", line_of(text_, at), column_of(text_, at)}};
  return false;
}

bool Parser::fail_expecting(std::string_view what) {
  return fail("expected " + std::string(what) + ", found " + found(), at_);
}

std::string Parser::found() const {
  if (at_ >= text_.size()) return "the end of the text";
  const std::size_t bytes = utf8_sequence_bytes(text_.substr(at_));
  if (bytes == 0) return "the byte 0x" + hex_of(bytes_of(text_.substr(at_, 1)));
  const auto byte = static_cast<unsigned char>(text_[at_]);
  if (byte < 0x20 || byte == 0x7F) return json_string_of(text_.substr(at_, 1));
  return "'" + std::string(text_.substr(at_, bytes)) + "'";
}

}  // namespace

Result<Value> parse_json(std::string_view text, const JsonOptions& options) {
  // The tree is copied and freed by recursion, so that depth has a ceiling of our own.
  MUST(options.depth_max <= limits::json_depth_ceiling);
  return Parser(text, options).parse();
}

}  // namespace weir::text
