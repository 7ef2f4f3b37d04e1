#pragma once
// Reads one table of an author's file (configuration, front matter) member by member: each kind of
// value has a function that answers "absent" or the value, and reports a wrong kind with its place.
// What was never asked for is reported at the end with a did-you-mean.
//
// Borrows the table and the diagnostics. One thread.

#include "site/diagnostics.h"
#include "text/value.h"

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::site {

class Fields {
 public:
  // `what` names the table in messages: "page front matter", "[markdown]". All must outlive it.
  Fields(const text::Value& table, std::string_view file, std::string_view what,
         Diagnostics& diagnostics)
      : table_(table), file_(file), what_(what), diagnostics_(diagnostics) {
    known_.reserve(16);
  }

  const text::Value* find(std::string_view name);  // marks the name as known
  std::optional<std::string> string(std::string_view name);
  std::optional<bool> boolean(std::string_view name);
  std::optional<std::int64_t> integer(std::string_view name,
                                      std::int64_t least = std::numeric_limits<std::int64_t>::min(),
                                      std::int64_t most = std::numeric_limits<std::int64_t>::max());
  std::optional<std::vector<std::string>> strings(std::string_view name);
  const text::Value* table(std::string_view name);
  const text::Value* list(std::string_view name);
  // The index of the word in `words`; any other is an error that lists them.
  std::optional<std::size_t> word(std::string_view name, std::span<const std::string_view> words);

  Place place_of(const text::Value& value) const {
    return {std::string(file_), value.line, value.column, 0};
  }
  Place place_of_name(std::string_view name) const;
  void wrong(std::string_view name, std::string_view expected);
  enum class Unknown { warning, error };
  void report_unknown(Unknown severity);

 private:
  const text::Value& table_;
  std::string_view file_;
  std::string_view what_;
  Diagnostics& diagnostics_;
  std::vector<std::string_view> known_;
};

}  // namespace weir::site
