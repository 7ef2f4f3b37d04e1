#include "edge/config_reader.h"

#include "base/bytes.h"

#include <algorithm>

namespace weir::edge {

std::string quoted(std::string_view text) { return '"' + std::string(text) + '"'; }

Place Findings::place_of(const text::Member& member) const {
  return {file, member.line, member.column,
          member.column + static_cast<std::uint32_t>(member.name.size())};
}

const std::string* Findings::variable(std::string_view name) const {
  if (environment == nullptr) return nullptr;
  const auto found = environment->find(name);
  return found == environment->end() ? nullptr : &found->second;
}

std::string Findings::resolved(std::string_view path) const {
  const bool stays = path.empty() || path.front() == '/' || directory.empty() || directory == ".";
  std::string found = stays ? std::string(path) : directory + '/' + std::string(path);
  if (!found.empty()) paths.push_back(found);
  return found;
}

Table::Table(Findings& findings, std::string name, const text::Value* value, std::string prefix)
    : findings_(findings), name_(std::move(name)), value_(value), prefix_(std::move(prefix)) {
  if (value_ != nullptr && !value_->is_object()) {
    error(value_, "[" + name_ + "] must be a table, not " + std::string(value_->kind()));
    value_ = nullptr;
  }
}

void Table::error(const text::Value* at, std::string what, std::string help) {
  error_at(at == nullptr ? place() : findings_.place_of(*at), std::move(what), std::move(help));
}

void Table::error_at(Place where, std::string what, std::string help) {
  findings_.errors.push_back(
      Error{Errc::invalid, std::move(what), std::move(where), std::move(help), {}});
}

const text::Value* Table::find(std::string_view key) {
  known_.emplace_back(key);
  return value_ == nullptr ? nullptr : value_->find(key);
}

bool Table::has(std::string_view key) { return find(key) != nullptr; }

Table::Scalar Table::scalar(std::string_view key) {
  Scalar found;
  found.value = find(key);
  if (prefix_.empty()) return found;
  found.variable_name = prefix_;
  for (const char c : key) found.variable_name += upper(c);
  found.variable = findings_.variable(found.variable_name);
  return found;
}

void Table::wrong_kind(std::string_view key, const text::Value& found, std::string_view expected) {
  std::string shown(found.kind());
  if (const std::string* text = found.string()) shown = "\"" + *text + "\"";
  if (const std::int64_t* number = found.integer()) shown = std::to_string(*number);
  error(&found, label(key) + " must be " + std::string(expected) + ", not " + shown);
}

void Table::wrong_variable(const Scalar& found, std::string_view expected) {
  error_at({"environment variable " + found.variable_name, 0, 0, 0},
           "must be " + std::string(expected) + ", not \"" + *found.variable + "\"");
}

void Table::read(std::string_view key, std::string& into) {
  const Scalar found = scalar(key);
  if (found.variable != nullptr) {
    into = *found.variable;
  } else if (found.value != nullptr) {
    if (const std::string* text = found.value->string()) {
      into = *text;
    } else {
      wrong_kind(key, *found.value, "a string");
    }
  }
}

void Table::read(std::string_view key, bool& into) {
  const Scalar found = scalar(key);
  if (found.variable != nullptr) {
    if (*found.variable == "true" || *found.variable == "1") {
      into = true;
    } else if (*found.variable == "false" || *found.variable == "0") {
      into = false;
    } else {
      wrong_variable(found, "true or false");
    }
  } else if (found.value != nullptr) {
    if (const bool* flag = found.value->boolean()) {
      into = *flag;
    } else {
      wrong_kind(key, *found.value, "true or false");
    }
  }
}

void Table::read(std::string_view key, double& into) {
  const Scalar found = scalar(key);
  if (found.value == nullptr) return;
  if (const double* number = found.value->real()) {
    into = *number;
  } else if (const std::int64_t* whole = found.value->integer()) {
    into = static_cast<double>(*whole);
  } else {
    wrong_kind(key, *found.value, "a number");
    return;
  }
  if (!(into >= 0.0 && into <= 1.0)) error(found.value, label(key) + " must be between 0 and 1");
}

void Table::read(std::string_view key, Nanos& into) {
  std::optional<Nanos> read_value;
  read(key, read_value);
  if (read_value) into = *read_value;
}

void Table::read(std::string_view key, std::optional<Nanos>& into) {
  constexpr std::string_view expected =
      "a duration such as \"250ms\", \"10s\", \"5m\", \"1h\" or \"7d\"";
  const Scalar found = scalar(key);
  if (found.variable != nullptr) {
    const auto span = parse_duration(*found.variable);
    if (!span) return wrong_variable(found, expected);
    into = *span;
    return;
  }
  if (found.value == nullptr) return;
  const std::string* text = found.value->string();
  const auto span = text == nullptr ? std::nullopt : parse_duration(*text);
  if (!span) return wrong_kind(key, *found.value, expected);
  into = *span;
}

void Table::read_size(std::string_view key, std::size_t& into) {
  constexpr std::string_view expected = "a size such as \"16KiB\", \"1MiB\" or a number of bytes";
  const Scalar found = scalar(key);
  if (found.variable != nullptr) {
    const auto size = parse_size(*found.variable);
    if (!size) return wrong_variable(found, expected);
    into = *size;
    return;
  }
  if (found.value == nullptr) return;
  if (const std::int64_t* number = found.value->integer(); number != nullptr && *number >= 0) {
    into = static_cast<std::size_t>(*number);
    return;
  }
  const std::string* text = found.value->string();
  const auto size = text == nullptr ? std::nullopt : parse_size(*text);
  if (!size) return wrong_kind(key, *found.value, expected);
  into = *size;
}

void Table::read_count(std::string_view key, std::size_t& into, std::size_t least,
                       std::size_t most) {
  const std::string expected =
      "a whole number from " + std::to_string(least) + " to " + std::to_string(most);
  const Scalar found = scalar(key);
  std::optional<std::uint64_t> number;
  if (found.variable != nullptr) {
    number = parse_u64(*found.variable);
    if (!number || *number < least || *number > most) return wrong_variable(found, expected);
  } else if (found.value != nullptr) {
    const std::int64_t* whole = found.value->integer();
    if (whole != nullptr && *whole >= 0) number = static_cast<std::uint64_t>(*whole);
    if (!number || *number < least || *number > most)
      return wrong_kind(key, *found.value, expected);
  }
  if (number) into = *number;
}

void Table::read(std::string_view key, std::vector<std::string>& into) {
  const text::Value* found = find(key);
  if (found == nullptr) return;
  if (const std::string* one = found->string()) {
    into = {*one};
    return;
  }
  const text::Value::Array* items = found->array();
  if (items == nullptr) return wrong_kind(key, *found, "a list of strings");
  into.clear();
  for (const text::Value& item : *items) {
    if (const std::string* text = item.string()) {
      into.push_back(*text);
    } else {
      wrong_kind(key, item, "a list of strings");
    }
  }
}

void Table::read_path(std::string_view key, std::string& into) {
  const Scalar found = scalar(key);
  if (found.variable != nullptr) {
    into = *found.variable;
  } else if (found.value != nullptr) {
    if (const std::string* text = found.value->string(); text != nullptr && !text->empty()) {
      into = findings_.resolved(*text);
    } else {
      wrong_kind(key, *found.value, "a path");
    }
  }
}

void Table::read_choice(std::string_view key, std::string& into,
                        std::initializer_list<std::string_view> choices) {
  const Scalar found = scalar(key);
  std::string expected;
  for (const std::string_view choice : choices)
    expected += (expected.empty() ? "" : " | ") + std::string(choice);
  std::string said;
  if (found.variable != nullptr) {
    said = *found.variable;
  } else if (found.value != nullptr) {
    const std::string* text = found.value->string();
    if (text == nullptr) return wrong_kind(key, *found.value, expected);
    said = *text;
  } else {
    return;
  }
  if (std::find(choices.begin(), choices.end(), said) != choices.end()) {
    into = said;
  } else if (found.variable != nullptr) {
    wrong_variable(found, expected);
  } else {
    const std::vector<std::string_view> names(choices);
    const std::string near = nearest_of(said, names);
    error(found.value, label(key) + " must be " + expected + ", not \"" + said + "\"",
          near.empty() ? "" : "did you mean \"" + near + "\"?");
  }
}

namespace {

// A systemd credential is named like the last part of the path (CREDENTIALS_DIRECTORY/webhook for
// secrets/webhook).
std::string credential_path(const Findings& findings, std::string_view path) {
  const std::string* directory = findings.variable("CREDENTIALS_DIRECTORY");
  if (directory == nullptr) return {};
  const std::size_t slash = path.rfind('/');
  return *directory + '/' +
         std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

}  // namespace

Secret Table::secret_of(std::string_view key, const text::Value& value) {
  if (const std::string* literal = value.string()) {
    findings_.notices.push_back(Error{Errc::invalid,
                                      label(key) + " is written in the configuration file",
                                      findings_.place_of(value),
                                      "use { file = \"...\" } or { env = \"...\" }",
                                      {}});
    return Secret(*literal);
  }
  if (!value.is_object()) {
    wrong_kind(key, value, "{ file = \"...\" } or { env = \"...\" }");
    return {};
  }
  Table inner(findings_, label(key), &value, {});
  std::string file, env;
  inner.read("file", file);
  inner.read("env", env);
  inner.finish();
  if (file.empty() == env.empty()) {
    error(&value, label(key) + " must be { file = \"...\" } or { env = \"...\" }");
    return {};
  }
  if (!env.empty()) {
    if (const std::string* found = findings_.variable(env)) return Secret(*found);
    if (const std::string* found = findings_.variable(env + "_FILE")) {
      auto read_bytes = read_secret_file(*found);
      if (read_bytes.ok()) return std::move(read_bytes).value();
      error(&value, label(key) + ": " + read_bytes.error().what);
      return {};
    }
    error(&value, label(key) + ": the environment variable " + env + " is not set");
    return {};
  }
  const std::string credential = credential_path(findings_, file);
  if (!credential.empty()) {
    auto from_systemd = read_secret_file(credential);
    if (from_systemd.ok()) return std::move(from_systemd).value();
  }
  auto read_bytes = read_secret_file(findings_.resolved(file));
  if (read_bytes.ok()) return std::move(read_bytes).value();
  error(&value, label(key) + ": " + read_bytes.error().what);
  return {};
}

void Table::read_secret(std::string_view key, Secret& into) {
  std::vector<Secret> found;
  read_secrets(key, found);
  if (!found.empty()) into = std::move(found.front());
}

void Table::read_secrets(std::string_view key, std::vector<Secret>& into) {
  const Scalar found = scalar(key);
  if (found.variable != nullptr) {
    into = {Secret(*found.variable)};
    return;
  }
  if (const std::string* path =
          prefix_.empty() ? nullptr : findings_.variable(found.variable_name + "_FILE")) {
    auto bytes = read_secret_file(*path);
    if (bytes.ok()) {
      into = {std::move(bytes).value()};
    } else {
      error_at({"environment variable " + found.variable_name + "_FILE", 0, 0, 0},
               bytes.error().what);
    }
    return;
  }
  if (found.value == nullptr) return;
  into.clear();
  if (const text::Value::Array* items = found.value->array()) {
    for (const text::Value& item : *items) into.push_back(secret_of(key, item));
  } else {
    into.push_back(secret_of(key, *found.value));
  }
}

Table Table::table(std::string_view key) {
  std::string prefix = prefix_;
  if (!prefix.empty()) {
    for (const char c : key) prefix += upper(c);
    prefix += '_';
  }
  return Table(findings_, label(key), find(key), prefix);
}

std::vector<Table> Table::tables(std::string_view key) {
  std::vector<Table> all;
  const text::Value* found = find(key);
  if (found == nullptr) return all;
  const text::Value::Array* items = found->array();
  if (items == nullptr) {
    wrong_kind(key, *found, "a list of tables");
    return all;
  }
  for (const text::Value& item : *items) all.push_back(Table(findings_, label(key), &item, {}));
  return all;
}

void Table::not_available(std::string_view key) {
  const text::Value* found = find(key);
  if (found == nullptr) return;
  findings_.notices.push_back(Error{
      Errc::missing, label(key) + " is not available yet", findings_.place_of(*found), {}, {}});
}

void Table::finish() {
  if (value_ == nullptr) return;
  std::vector<std::string_view> names(known_.begin(), known_.end());
  for (const text::Member& member : *value_->object()) {
    if (std::find(names.begin(), names.end(), member.name) != names.end()) continue;
    const std::string near = nearest_of(member.name, names);
    error_at(findings_.place_of(member), "unknown key \"" + member.name + "\" in [" + name_ + "]",
             near.empty() ? "" : "did you mean \"" + near + "\"?");
  }
}

}  // namespace weir::edge
