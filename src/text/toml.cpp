#define TOML_IMPLEMENTATION
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#define TOML_ENABLE_WINDOWS_COMPAT 0

#include "text/toml.h"

#include "base/bytes.h"
#include "base/limits.h"
#include "text/utf8.h"

// The implementation part of toml++ is compiled here and nowhere else; its warnings are its own.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#include <toml++/toml.h>
#pragma GCC diagnostic pop

#include <algorithm>
#include <sstream>

namespace weir::text {
namespace {

class Converter {
 public:
  Converter(std::string_view file, std::uint32_t line_first)
      : file_(file), line_first_(line_first) {}

  Place place_of(const toml::source_region& region) const {
    Place place{std::string(file_), region.begin.line + line_first_ - 1, region.begin.column};
    if (region.end.line == region.begin.line && region.end.column > region.begin.column)
      place.end_column = region.end.column;
    return place;
  }

  Result<Value> value_of(const toml::node& node, std::size_t depth) const {
    if (depth > limits::toml_depth_max)
      return Error{Errc::too_large,
                   "nested deeper than " + std::to_string(limits::toml_depth_max) + " levels",
                   place_of(node.source())};
    Result<Value> value = [&]() -> Result<Value> {
      if (const auto* table = node.as_table()) return object_of(*table, depth);
      if (const auto* array = node.as_array()) return array_of(*array, depth);
      return scalar_of(node);
    }();
    if (value.ok()) {
      value->line = node.source().begin.line + line_first_ - 1;
      value->column = node.source().begin.column;
    }
    return value;
  }

 private:
  Result<Value> object_of(const toml::table& table, std::size_t depth) const {
    Value::Object members;
    members.reserve(table.size());
    for (const auto& [key, node] : table) {
      Value value = TRY(value_of(node, depth + 1));
      const toml::source_position at = key.source().begin;
      members.push_back(
          {std::string(key.str()), std::move(value), at.line + line_first_ - 1, at.column});
    }
    // toml++ sorts by name; authors expect the order of their file.
    std::stable_sort(members.begin(), members.end(), [](const Member& a, const Member& b) {
      return a.line != b.line ? a.line < b.line : a.column < b.column;
    });
    return Value(std::move(members));
  }

  Result<Value> array_of(const toml::array& array, std::size_t depth) const {
    Value::Array items;
    items.reserve(array.size());
    for (const toml::node& node : array) items.push_back(TRY(value_of(node, depth + 1)));
    return Value(std::move(items));
  }

  template <class T>
  static Value date_of(const T& date) {
    std::ostringstream text;
    text << date;
    return DateText{text.str()};
  }

  static Result<Value> scalar_of(const toml::node& node) {
    if (const auto* text = node.as_string()) return Value(text->get());
    if (const auto* integer = node.as_integer()) return Value(integer->get());
    if (const auto* real = node.as_floating_point()) return Value(real->get());
    if (const auto* flag = node.as_boolean()) return Value(flag->get());
    if (const auto* date = node.as_date()) return date_of(date->get());
    if (const auto* time = node.as_time()) return date_of(time->get());
    return date_of(node.as_date_time()->get());
  }

  std::string_view file_;
  std::uint32_t line_first_;
};

// toml++ bounds nested brackets but not `a.a.a.a = 1`, whose tables it later frees by recursion.
// Returns the offset of the first run of more than `toml_key_parts_max` names joined by dots.
std::size_t find_long_key(std::string_view text) {
  enum class At : std::uint8_t { start, in_name, behind_name } at = At::start;
  std::size_t parts = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '.') {
      parts = at == At::start ? 0 : parts + 1;
      at = At::start;
      if (parts >= limits::toml_key_parts_max) return i;
    } else if (c == ' ' || c == '\t') {
      if (at == At::in_name) at = At::behind_name;
    } else if (c == '"' || c == '\'') {
      if (at == At::behind_name) parts = 0;
      const std::size_t end = text.find_first_of(c == '"' ? "\"\n" : "'\n", i + 1);
      i = end == std::string_view::npos ? text.size() : end;
      at = At::in_name;
    } else if (is_alnum(c) || c == '_' || c == '-') {
      if (at == At::behind_name) parts = 0;
      at = At::in_name;
    } else {
      parts = 0;
      at = At::start;
    }
  }
  return std::string_view::npos;
}

// "Error while parsing key-value pair: expected value, saw 'x'" without the part that the place
// tells.
std::string reason_of(std::string_view description) {
  const std::size_t colon = description.find(": ");
  if (description.starts_with("Error while parsing ") && colon != std::string_view::npos)
    description.remove_prefix(colon + 2);
  return std::string(description);
}

}  // namespace

Result<Value> parse_toml(std::string_view text, std::string_view file, std::uint32_t line_first) {
  const auto at = [&](std::size_t offset) {
    return Place{std::string(file), line_of(text, offset) + line_first - 1,
                 column_of(text, offset)};
  };
  if (text.size() > limits::toml_bytes_max)
    return Error{Errc::too_large,
                 "TOML of more than " + std::to_string(limits::toml_bytes_max) + " bytes", at(0)};
  if (const std::size_t bad = find_utf8_error(text); bad != std::string_view::npos)
    return Error{Errc::invalid,
                 "expected UTF-8, found the byte 0x" + hex_of(bytes_of(text.substr(bad, 1))),
                 at(bad)};
  if (const std::size_t dots = find_long_key(text); dots != std::string_view::npos)
    return Error{Errc::too_large,
                 "a key of more than " + std::to_string(limits::toml_key_parts_max) + " parts",
                 at(dots)};
  const Converter converter(file, line_first);
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed)
    return Error{Errc::invalid, reason_of(parsed.error().description()),
                 converter.place_of(parsed.error().source())};
  return converter.value_of(parsed.table(), 1);
}

}  // namespace weir::text
