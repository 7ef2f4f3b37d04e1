#include "site/fields.h"

#include <algorithm>

namespace weir::site {

const text::Value* Fields::find(std::string_view name) {
  known_.push_back(name);
  return table_.find(name);
}

Place Fields::place_of_name(std::string_view name) const {
  if (const text::Value::Object* members = table_.object()) {
    for (const text::Member& member : *members) {
      if (member.name == name)
        return {std::string(file_), member.line, member.column,
                member.column == 0 ? 0 : member.column + static_cast<std::uint32_t>(name.size())};
    }
  }
  return {std::string(file_), table_.line, table_.column, 0};
}

void Fields::wrong(std::string_view name, std::string_view expected) {
  const text::Value* value = table_.find(name);
  std::string what = "\"" + std::string(name) + "\" in " + std::string(what_) + " must be " +
                     std::string(expected);
  if (value == nullptr) {
    diagnostics_.error(Error{Errc::invalid, std::move(what)}.at(place_of_name(name)));
    return;
  }
  if (const std::string* text = value->string()) {
    what += ", not \"" + *text + "\"";
  } else if (const std::int64_t* number = value->integer()) {
    what += ", not " + std::to_string(*number);
  } else {
    what += ", not " + std::string(value->kind());
  }
  diagnostics_.error(Error{Errc::invalid, std::move(what)}.at(
      value->line != 0 ? place_of(*value) : place_of_name(name)));
}

std::optional<std::string> Fields::string(std::string_view name) {
  const text::Value* value = find(name);
  if (value == nullptr || value->is_null()) return std::nullopt;
  if (const std::string* text = value->string()) return *text;
  wrong(name, "a string");
  return std::nullopt;
}

std::optional<bool> Fields::boolean(std::string_view name) {
  const text::Value* value = find(name);
  if (value == nullptr || value->is_null()) return std::nullopt;
  if (const bool* flag = value->boolean()) return *flag;
  wrong(name, "true or false");
  return std::nullopt;
}

std::optional<std::int64_t> Fields::integer(std::string_view name, std::int64_t least,
                                            std::int64_t most) {
  const text::Value* value = find(name);
  if (value == nullptr || value->is_null()) return std::nullopt;
  const std::int64_t* number = value->integer();
  if (number != nullptr && *number >= least && *number <= most) return *number;
  wrong(name, least == 0 ? "a whole number, 0 or more" : "a whole number");
  return std::nullopt;
}

std::optional<std::vector<std::string>> Fields::strings(std::string_view name) {
  const text::Value* value = find(name);
  if (value == nullptr || value->is_null()) return std::nullopt;
  std::vector<std::string> out;
  const text::Value::Array* items = value->array();
  if (items == nullptr) {
    wrong(name, "a list of strings");
    return std::nullopt;
  }
  for (const text::Value& item : *items) {
    const std::string* text = item.string();
    if (text == nullptr) {
      wrong(name, "a list of strings");
      return std::nullopt;
    }
    out.push_back(*text);
  }
  return out;
}

const text::Value* Fields::table(std::string_view name) {
  const text::Value* value = find(name);
  if (value == nullptr || value->is_null()) return nullptr;
  if (value->is_object()) return value;
  wrong(name, "a table");
  return nullptr;
}

const text::Value* Fields::list(std::string_view name) {
  const text::Value* value = find(name);
  if (value == nullptr || value->is_null()) return nullptr;
  if (value->is_array()) return value;
  wrong(name, "a list");
  return nullptr;
}

std::optional<std::size_t> Fields::word(std::string_view name,
                                        std::span<const std::string_view> words) {
  const text::Value* value = find(name);
  if (value == nullptr || value->is_null()) return std::nullopt;
  if (const std::string* text = value->string()) {
    const auto at = std::find(words.begin(), words.end(), *text);
    if (at != words.end()) return static_cast<std::size_t>(at - words.begin());
  }
  std::string expected = "one of";
  for (std::size_t i = 0; i < words.size(); ++i)
    expected += (i == 0 ? " " : ", ") + std::string(words[i]);
  wrong(name, expected);
  return std::nullopt;
}

void Fields::report_unknown(Unknown severity) {
  const text::Value::Object* members = table_.object();
  if (members == nullptr) return;
  for (const text::Member& member : *members) {
    if (std::find(known_.begin(), known_.end(), member.name) != known_.end()) continue;
    Error error =
        Error{Errc::invalid, "unknown key \"" + member.name + "\" in " + std::string(what_)}
            .at(place_of_name(member.name))
            .with_help(did_you_mean(member.name, known_));
    severity == Unknown::error ? diagnostics_.error(std::move(error))
                               : diagnostics_.warning(std::move(error));
  }
}

}  // namespace weir::site
