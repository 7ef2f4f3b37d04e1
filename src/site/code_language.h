#pragma once
// The name that a code block's language is published under: "ts" and "typescript" are one language
// and pages say `data-lang="typescript"`, as Zola 0.22 does. Pure.

#include <optional>
#include <string_view>
#include <vector>

namespace weir::site {

// Nothing for a language that is not in the table.
std::optional<std::string_view> language_name_of(std::string_view word);
// Every word of the table, for did-you-mean.
std::vector<std::string_view> language_words();

}  // namespace weir::site
