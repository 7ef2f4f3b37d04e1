#include "waf/injection.h"

// The archive that holds libinjection has no header for it; these are its two entry points.
extern "C" {
int libinjection_sqli(const char* text, std::size_t bytes, char* fingerprint);
int libinjection_xss(const char* text, std::size_t bytes);
}

namespace weir::waf {

namespace {
constexpr ByteMask token_bits = letter_bits | upper_bit | digit_bit | mask_of('_') | mask_of('.');
}

ByteMask sql_injection_needs() { return ~token_bits; }
ByteMask script_injection_needs() { return mask_of('<') | mask_of('='); }

bool is_sql_injection_unfiltered(std::string_view value) {
  char fingerprint[16] = {};
  return libinjection_sqli(value.data(), value.size(), fingerprint) == 1;
}
bool is_script_injection_unfiltered(std::string_view value) {
  return libinjection_xss(value.data(), value.size()) == 1;
}

bool is_sql_injection(std::string_view value) {
  const ByteMask others = mask_of(value) & ~token_bits;
  if (others == 0) return false;
  // Dates, UUIDs and slugs: a single hyphen is harmless, two begin a comment.
  if (others == mask_of('-') && value.find("--") == std::string_view::npos) return false;
  return is_sql_injection_unfiltered(value);
}
bool is_script_injection(std::string_view value) {
  return (mask_of(value) & script_injection_needs()) != 0 && is_script_injection_unfiltered(value);
}

}  // namespace weir::waf
