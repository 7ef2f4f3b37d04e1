#pragma once
// Definition lists for a parser that has none, in the syntax of pulldown-cmark (S-26):
//
//   Term
//   : what it means, also
//     over several lines, with lists and code
//
// cmark reads them as a paragraph and a list: the ":" at the start of a definition's line becomes
// "+", a list whose items nest by the same rules, and the tree is put right afterwards. Lines and
// columns stay. For markdown.cpp alone.

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

namespace weir::text {

struct MarkedDefinitions {
  std::string text;
  std::map<std::uint32_t, std::uint32_t> columns;  // of the marks, by line; counted from 1
};

// Lines of `not_those` are left as they are: they follow no term.
MarkedDefinitions definitions_marked(std::string_view text,
                                     const std::set<std::uint32_t>& not_those);

}  // namespace weir::text
