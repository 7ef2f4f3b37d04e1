#pragma once
// SQL injection and cross-site scripting by grammar rather than by pattern: libinjection, which
// only injection.cpp knows (waf section 9). Pure functions.

#include "waf/byte_mask.h"

#include <string_view>

namespace weir::waf {

// False at once for a single token of letters, digits, '_', '.' and single '-': there is nothing to
// inject with.
bool is_sql_injection(std::string_view value);
// False at once without '<' and '='.
bool is_script_injection(std::string_view value);

// The sets behind those two shortcuts, for the prefilter: at least one bit must be there.
ByteMask sql_injection_needs();
ByteMask script_injection_needs();

// The same without the shortcuts; test/waf/injection_test.cpp proves that nothing is lost.
bool is_sql_injection_unfiltered(std::string_view value);
bool is_script_injection_unfiltered(std::string_view value);

}  // namespace weir::waf
