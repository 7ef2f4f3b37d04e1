#pragma once
// Regular expressions through PCRE2 (which only regex.cpp knows): compiled once with its JIT,
// matched from any thread, always under a match limit, a depth limit and a heap limit.
//
// A Regex is immutable and shared; every thread keeps its own match data. No allocation in `test`
// once a thread has matched its first expression.

#include "base/result.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::text {

enum class RegexFlavour : std::uint8_t {
  rust,  // as Rust's regex crate: Unicode classes, $ only at the very end; look-around, back
         // references, nested [] classes and && are errors that say so
  pcre,  // PCRE2 as it is
  ecma,  // ECMA-262 with the u flag, as JSON Schema asks: ASCII classes, $ only at the very end
};

struct RegexOptions {
  RegexFlavour flavour = RegexFlavour::rust;
  bool utf = true;  // text and pattern are UTF-8; an invalid text does not match. false: bytes
  bool ignore_case = false;
  bool dot_all = false;
  bool multi_line = false;
  std::uint32_t match_limit = 100'000;
  std::uint32_t depth_limit = 1'000;
};

// Byte offsets; a group that took no part has none.
struct Span {
  std::size_t begin = 0;
  std::size_t end = 0;
  friend bool operator==(Span, Span) = default;
};
using Captures = std::vector<std::optional<Span>>;  // [0] is the whole match

enum class Match : std::uint8_t {
  no,
  yes,
  gave_up,  // over a limit: the caller decides, nothing is guessed
};

struct Found {
  Match match = Match::no;
  Span span = {};  // only when match is yes
};

class Regex {
 public:
  // Errors: place.column is the character of the pattern, `what` PCRE2's reason.
  static Result<Regex> compile(std::string_view pattern, const RegexOptions& options = {});

  Match test(std::string_view text) const noexcept;
  // The same with the place of the first match at or after byte `from`.
  Found search(std::string_view text, std::size_t from = 0) const noexcept;
  // The first match at or after byte `from`. gave_up is Errc::too_large.
  Result<std::optional<Span>> find(std::string_view text, std::size_t from = 0) const;
  Result<std::optional<Captures>> captures(std::string_view text, std::size_t from = 0) const;
  // $1 and ${1}, $name and ${name} ($name is the longest [0-9A-Za-z_]+), $$ is a dollar; unknown
  // groups are empty.
  Result<std::string> replaced_all(std::string_view text, std::string_view replacement) const;

  std::size_t groups() const;  // without group 0
  const std::string& pattern() const;

 private:
  struct Compiled;
  explicit Regex(std::shared_ptr<const Compiled> compiled) : compiled_(std::move(compiled)) {}
  std::shared_ptr<const Compiled> compiled_;
};

}  // namespace weir::text
