#pragma once
// Structured fields (RFC 8941): lists and dictionaries, read strictly: whatever does not parse is
// nothing at all, as section 4.2 says. Parameters are checked and dropped. Several lines of a field
// are joined with a comma first. Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::http {

struct StructuredItem {
  enum class Kind : std::uint8_t { boolean, integer, decimal, string, token, bytes };
  Kind kind = Kind::boolean;
  bool is_true = true;
  std::int64_t integer = 0;  // at most 15 digits
  std::string text = {};     // of a string, unescaped, or a token
};

struct StructuredMember {
  std::string key = {};  // of a dictionary
  bool is_inner_list = false;
  std::vector<StructuredItem> items = {};  // exactly one unless it is an inner list
};

// Of equal keys the last one counts, in the place of the first.
std::optional<std::vector<StructuredMember>> parse_dictionary(std::string_view text);
std::optional<std::vector<StructuredMember>> parse_list(std::string_view text);

}  // namespace weir::http
