// From yaml-cpp's events straight to our values: no second tree, and aliases are copies that are
// counted, so that a text of ten lines cannot become a billion values.
#include "text/yaml.h"

#include "base/bytes.h"
#include "base/limits.h"
#include "text/date.h"
#include "text/utf8.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>
#pragma GCC diagnostic pop

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <sstream>

namespace weir::text {
namespace {

bool is_any_of(std::string_view text, std::initializer_list<std::string_view> words) {
  for (const std::string_view word : words)
    if (text == word) return true;
  return false;
}

std::size_t digits_at(std::string_view text, std::size_t at) {
  std::size_t end = at;
  while (end < text.size() && is_digit(text[end])) ++end;
  return end - at;
}

// [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?     (YAML 1.2, 10.3.2)
bool is_float(std::string_view text) {
  std::size_t at = text.starts_with('-') || text.starts_with('+') ? 1 : 0;
  const std::size_t whole = digits_at(text, at);
  at += whole;
  if (at < text.size() && text[at] == '.') {
    const std::size_t fraction = digits_at(text, ++at);
    if (whole == 0 && fraction == 0) return false;
    at += fraction;
  } else if (whole == 0) {
    return false;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
    const std::size_t exponent = digits_at(text, at);
    if (exponent == 0) return false;
    at += exponent;
  }
  return at == text.size();
}

std::optional<Value> number_of(std::string_view text) {
  const std::string_view unsigned_text = text.starts_with('+') ? text.substr(1) : text;
  if (const auto integer = parse_i64(unsigned_text)) return Value(*integer);
  if (const auto large = parse_u64(unsigned_text)) return Value(*large);
  const auto based = [&text](int base) -> std::optional<Value> {
    std::int64_t value = 0;
    const auto [end, errc] =
        std::from_chars(text.data() + 2, text.data() + text.size(), value, base);
    if (errc != std::errc{} || end != text.data() + text.size() || text[2] == '-')
      return std::nullopt;
    return Value(value);
  };
  if (text.starts_with("0x") && text.size() > 2) return based(16);
  if (text.starts_with("0o") && text.size() > 2) return based(8);
  if (is_any_of(unsigned_text, {".inf", ".Inf", ".INF"}))
    return Value(std::numeric_limits<double>::infinity());
  if (is_any_of(text, {"-.inf", "-.Inf", "-.INF"}))
    return Value(-std::numeric_limits<double>::infinity());
  if (is_any_of(text, {".nan", ".NaN", ".NAN"}))
    return Value(std::numeric_limits<double>::quiet_NaN());
  if (!is_float(text)) return std::nullopt;
  double real = 0;
  const char* const start = unsigned_text.data();
  if (std::from_chars(start, start + unsigned_text.size(), real).ec != std::errc{})
    real = std::strtod(std::string(unsigned_text).c_str(),
                       nullptr);  // beyond the range: infinity or 0
  return Value(real);
}

Value plain_scalar_of(const std::string& text) {
  if (is_any_of(text, {"", "~", "null", "Null", "NULL"})) return Null{};
  if (is_any_of(text, {"true", "True", "TRUE"})) return true;
  if (is_any_of(text, {"false", "False", "FALSE"})) return false;
  if (const std::optional<Value> number = number_of(text)) return *number;
  if (text.size() >= 10 && text[4] == '-' && parse_date(text).ok()) return DateText{text};
  return text;
}

// The one way out of yaml-cpp's parser from within an event; caught below.
struct Refusal {
  Error error;
};

class Builder final : public YAML::EventHandler {
 public:
  Builder(std::string_view text, std::string_view file, std::uint32_t line_first)
      : text_(text), file_(file), line_first_(line_first) {}

  Place place_of(const YAML::Mark& mark) {
    if (mark.is_null()) return {std::string(file_), line_first_, 1};
    return {std::string(file_), static_cast<std::uint32_t>(mark.line) + line_first_,
            column_at(mark)};
  }
  Value& root() { return root_; }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { add(mark, Null{}, anchor); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto known = anchors_.find(anchor);
    if (known == anchors_.end()) refuse(mark, "an alias to a value that is not complete");
    count(place_of(mark), known->second.values);
    add(mark, known->second.value, 0);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    add(mark, scalar_of(mark, tag, text), anchor, &text);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    if (!is_any_of(tag, {"", "?", "!", "tag:yaml.org,2002:seq"}))
      refuse(mark, "the tag " + tag + " is not supported");
    open(mark, Value::Array{}, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    if (!is_any_of(tag, {"", "?", "!", "tag:yaml.org,2002:map"}))
      refuse(mark, "the tag " + tag + " is not supported");
    open(mark, Value::Object{}, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Frame {
    Value value;
    YAML::anchor_t anchor;
    std::size_t values_before;
    std::optional<Member> member;  // a name that waits for its value
  };
  struct Anchored {
    Value value;
    std::size_t values;
  };

  [[noreturn]] void refuse(const YAML::Mark& mark, std::string what) {
    throw Refusal{Error{Errc::invalid, std::move(what), place_of(mark)}};
  }
  void count(const Place& place, std::size_t values) {
    values_ += values;
    if (values_ <= limits::yaml_values_max) return;
    throw Refusal{
        Error{Errc::too_large,
              "more than " + std::to_string(limits::yaml_values_max) + " values, aliases followed",
              place}};
  }

  // yaml-cpp counts bytes. Marks of one line mostly come from left to right, so that counting on
  // from the last one keeps a long line linear.
  std::uint32_t column_at(const YAML::Mark& mark) {
    const auto line = static_cast<std::size_t>(mark.line);
    while (line_ < line) {
      const std::size_t newline = text_.find('\n', line_start_);
      if (newline == std::string_view::npos) break;
      line_start_ = newline + 1;
      ++line_;
      mark_bytes_ = 0;
      mark_column_ = 1;
    }
    const auto bytes = static_cast<std::size_t>(mark.column);
    if (line != line_) return static_cast<std::uint32_t>(bytes + 1);
    if (bytes < mark_bytes_) {
      mark_bytes_ = 0;
      mark_column_ = 1;
    }
    const std::size_t from = std::min(line_start_ + mark_bytes_, text_.size());
    mark_column_ +=
        static_cast<std::uint32_t>(code_points_of(text_.substr(from, bytes - mark_bytes_)));
    mark_bytes_ = bytes;
    return mark_column_;
  }

  // yaml-cpp takes the end of the text for the closing quote of a scalar that has none. `mark` is
  // where the scalar begins, its anchor and tag included.
  void refuse_open_quote(const YAML::Mark& mark) {
    column_at(mark);
    if (static_cast<std::size_t>(mark.line) != line_) return;
    std::size_t at = line_start_ + static_cast<std::size_t>(mark.column);
    while (at < text_.size() && (text_[at] == '&' || text_[at] == '!')) {
      while (at < text_.size() && !is_space(text_[at])) ++at;
      while (at < text_.size() && is_space(text_[at])) ++at;
    }
    if (at >= text_.size() || (text_[at] != '"' && text_[at] != '\'')) return;
    const char quote = text_[at];
    const std::size_t opened = at++;
    for (; at < text_.size(); ++at) {
      if (quote == '"' && text_[at] == '\\') ++at;
      else if (text_[at] == quote && quote == '\'' && text_.substr(at + 1).starts_with('\'')) ++at;
      else if (text_[at] == quote) return;
    }
    const std::uint32_t column = column_of(text_, opened);
    const std::uint32_t line = line_of(text_, opened) + line_first_ - 1;
    throw Refusal{Error{Errc::invalid,
                        "the quote that opens here is never closed",
                        Place{std::string(file_), line, column, column + 1},
                        std::string("end the text with ") + quote,
                        {}}};
  }

  Value scalar_of(const YAML::Mark& mark, const std::string& tag, const std::string& text) {
    if (tag == "?" || tag.empty()) return plain_scalar_of(text);
    if (tag == "!" || tag == "tag:yaml.org,2002:str") {
      refuse_open_quote(mark);
      return text;
    }
    Value value = plain_scalar_of(text);
    const bool fits = (tag == "tag:yaml.org,2002:int" && value.kind() == "integer") ||
                      (tag == "tag:yaml.org,2002:float" && value.kind() == "number") ||
                      (tag == "tag:yaml.org,2002:bool" && value.kind() == "boolean") ||
                      (tag == "tag:yaml.org,2002:null" && value.is_null());
    if (tag == "tag:yaml.org,2002:float" && value.integer() != nullptr)
      return static_cast<double>(*value.integer());
    if (!fits) refuse(mark, "'" + text + "' with the tag " + tag + " is not supported");
    return value;
  }

  void open(const YAML::Mark& mark, Value empty, YAML::anchor_t anchor) {
    if (frames_.size() == limits::yaml_depth_max)
      throw Refusal{
          Error{Errc::too_large,
                "nested deeper than " + std::to_string(limits::yaml_depth_max) + " levels",
                place_of(mark)}};
    if (!frames_.empty() && frames_.back().value.is_object() && !frames_.back().member)
      refuse(mark, "expected a name, found a list or a map");
    count(place_of(mark), 1);
    set_place(empty, mark);
    frames_.push_back({std::move(empty), anchor, values_ - 1, std::nullopt});
  }

  void close() {
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    if (const Value::Object* members = frame.value.object()) refuse_duplicates(*members);
    if (frame.anchor != 0) {
      const std::size_t values = values_ - frame.values_before;
      count({std::string(file_), frame.value.line, frame.value.column}, values);  // of the copy
      anchors_[frame.anchor] = {frame.value, values};
    }
    put(std::move(frame.value));
  }

  // A complete scalar or alias: the name of a member, or a value. `text` = the scalar as it was
  // written.
  void add(const YAML::Mark& mark, Value value, YAML::anchor_t anchor,
           const std::string* text = nullptr) {
    set_place(value, mark);
    if (anchor != 0) anchors_[anchor] = {value, 1};
    if (!frames_.empty() && frames_.back().value.is_object() && !frames_.back().member) {
      begin_member(mark, value, text);
      return;
    }
    count(place_of(mark), 1);
    put(std::move(value));
  }

  void begin_member(const YAML::Mark& mark, const Value& value, const std::string* text) {
    std::string name;
    if (text != nullptr) name = *text;
    else if (value.string() != nullptr) name = *value.string();
    else refuse(mark, "expected a name");
    frames_.back().member = Member{std::move(name), Null{}, value.line, value.column};
  }

  void refuse_duplicates(const Value::Object& members) const {
    std::vector<const Member*> sorted;
    sorted.reserve(members.size());
    for (const Member& member : members) sorted.push_back(&member);
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const Member* a, const Member* b) { return a->name < b->name; });
    const auto twice =
        std::adjacent_find(sorted.begin(), sorted.end(),
                           [](const Member* a, const Member* b) { return a->name == b->name; });
    if (twice == sorted.end()) return;
    const Member& again = **(twice + 1);
    throw Refusal{Error{Errc::invalid, "the name \"" + again.name + "\" appears twice in one map",
                        Place{std::string(file_), again.line, again.column}}};
  }

  void put(Value value) {
    if (frames_.empty()) {
      root_ = std::move(value);
      return;
    }
    Frame& frame = frames_.back();
    if (Value::Array* items = frame.value.array()) {
      items->push_back(std::move(value));
    } else {
      frame.member->value = std::move(value);
      frame.value.object()->push_back(*std::move(frame.member));
      frame.member.reset();
    }
  }

  void set_place(Value& value, const YAML::Mark& mark) {
    const Place place = place_of(mark);
    value.line = place.line;
    value.column = place.column;
  }

  std::string_view text_;
  std::string_view file_;
  std::uint32_t line_first_;
  std::size_t line_ = 0;        // of column_at, from 0
  std::size_t line_start_ = 0;  // its offset
  std::size_t mark_bytes_ = 0;  // the last mark on it
  std::uint32_t mark_column_ = 1;
  std::vector<Frame> frames_;
  std::map<YAML::anchor_t, Anchored> anchors_;
  std::size_t values_ = 0;
  Value root_;
};

}  // namespace

Result<Value> parse_yaml(std::string_view text, std::string_view file, std::uint32_t line_first) {
  const auto at = [&](std::size_t offset) {
    return Place{std::string(file), line_of(text, offset) + line_first - 1,
                 column_of(text, offset)};
  };
  if (text.size() > limits::yaml_bytes_max)
    return Error{Errc::too_large,
                 "YAML of more than " + std::to_string(limits::yaml_bytes_max) + " bytes", at(0)};
  if (const std::size_t bad = find_utf8_error(text); bad != std::string_view::npos)
    return Error{Errc::invalid,
                 "expected UTF-8, found the byte 0x" + hex_of(bytes_of(text.substr(bad, 1))),
                 at(bad)};
  Builder builder(text, file, line_first);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) return Value(Null{});
    Value value = std::move(builder.root());
    if (parser.HandleNextDocument(builder))
      return Error{Errc::invalid, "expected one YAML document, found a second one",
                   Place{std::string(file), builder.root().line, builder.root().column}};
    return value;
  } catch (Refusal& refusal) {
    return std::move(refusal.error);
  } catch (const YAML::Exception& exception) {
    return Error{Errc::invalid, exception.msg, builder.place_of(exception.mark)};
  }
}

}  // namespace weir::text
