#pragma once
// What every match of a regular expression must contain (waf W-30), read from PCRE's syntax:
//
//   `all`    bits of byte_mask.h that must all be there           \$\{jndi  ->  $ { j n d i
//   `any`    sets of which at least one bit each must be there    [;|&]\s*cat  ->  {; | &}, c, a, t
//   `atoms`  lower-case texts of which at least one must occur    (?:cat|wget)\s  ->  "cat", "wget"
//
// Case is ignored throughout, which only makes the demands weaker. Where the reader does not
// understand a construct it says `understood = false`, and the rule is always a candidate: nothing
// is ever guessed. test/waf/no_lost_hit_test.cpp holds the reader to that.

#include "waf/byte_mask.h"

#include <string>
#include <string_view>
#include <vector>

namespace weir::waf {

struct Needs {
  bool understood = true;
  ByteMask all = 0;
  std::vector<ByteMask> any;
  std::vector<std::string> atoms;  // empty: none could be proven
};

Needs needs_of_pattern(std::string_view pattern);
// Of an operator that looks for one of some texts.
Needs needs_of_texts(const std::vector<std::string>& texts);

}  // namespace weir::waf
