#pragma once
// One table of the configuration, read key by key: each read names the type it wants, remembers the
// key, and reports what is wrong with its place. `finish` reports the keys that nobody asked for.
// For edge/config*.cpp only.

#include "edge/config.h"

#include <initializer_list>

namespace weir::edge {

std::string quoted(std::string_view text);  // for messages

// Collects what was found wrong; shared by all tables of one reading.
struct Findings {
  std::string file;
  std::string directory;
  const Environment* environment = nullptr;
  std::vector<Error> errors;
  std::vector<Error> notices;
  mutable std::vector<std::string> paths;  // that `resolved` has answered

  Place place_of(const text::Value& value) const { return {file, value.line, value.column, 0}; }
  Place place_of(const text::Member& member) const;
  const std::string* variable(std::string_view name) const;
  std::string resolved(std::string_view path) const;  // against the file's directory
};

class Table {
 public:
  // `value` null = the table is absent: every key is at its default (or in the environment).
  // `prefix` = "WEIR_CACHE_" or empty when no variable overrides this table.
  Table(Findings& findings, std::string name, const text::Value* value, std::string prefix);

  bool has(std::string_view key);
  const text::Value* find(std::string_view key);  // of any kind

  void read(std::string_view key, std::string& into);
  void read(std::string_view key, bool& into);
  void read(std::string_view key, double& into);
  void read(std::string_view key, Nanos& into);
  void read(std::string_view key, std::optional<Nanos>& into);
  void read_size(std::string_view key, std::size_t& into);  // "16KiB", or a plain number of bytes
  void read_count(std::string_view key, std::size_t& into, std::size_t least, std::size_t most);
  void read(std::string_view key,
            std::vector<std::string>& into);  // a list of strings, or one string
  void read_path(std::string_view key, std::string& into);
  void read_choice(std::string_view key, std::string& into,
                   std::initializer_list<std::string_view> choices);
  void read_secret(std::string_view key, Secret& into);
  void read_secrets(std::string_view key, std::vector<Secret>& into);  // one or a list
  Table table(std::string_view key);
  std::vector<Table> tables(std::string_view key);  // an array of tables

  void not_available(std::string_view key);  // accepted with a notice when it is there
  void finish();                             // reports unknown keys

  void error(const text::Value* at, std::string what, std::string help = {});
  void error_at(Place place, std::string what, std::string help = {});
  Findings& findings() { return findings_; }
  const text::Value* value() const { return value_; }
  const std::string& name() const { return name_; }
  Place place() const {
    return value_ == nullptr ? Place{findings_.file} : findings_.place_of(*value_);
  }
  std::string label(std::string_view key) const {
    return name_.empty() ? std::string(key) : name_ + "." + std::string(key);
  }

 private:
  struct Scalar {
    const text::Value* value = nullptr;
    const std::string* variable = nullptr;  // wins over the file
    std::string variable_name;
  };
  Scalar scalar(std::string_view key);
  void wrong_kind(std::string_view key, const text::Value& found, std::string_view expected);
  void wrong_variable(const Scalar& scalar, std::string_view expected);
  Secret secret_of(std::string_view key, const text::Value& value);

  Findings& findings_;
  std::string name_;
  const text::Value* value_;
  std::string prefix_;
  std::vector<std::string> known_;
};

}  // namespace weir::edge
