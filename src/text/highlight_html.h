#pragma once
// Highlighted code as HTML, in the form of Zola 0.22:
//
//   <pre class="giallo z-code"><code data-lang="rust"><span class="giallo-l">
//   <span class="z-storage z-type">fn</span> main()</span>        (one giallo-l for each line)
//   </code></pre>
//
// and the style sheet for its classes; or the colours in style attributes, with light-dark() when
// there are two themes. Also what stands behind a code fence.
//
// Pure functions.

#include "text/highlight_theme.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::text {

struct LineRange {
  std::uint64_t first = 0, last = 0;  // from 1, both included
};

// "rust,linenos,linenostart=20,hl_lines=3-4 8,hide_lines=1-2,name=mod.rs"
struct CodeFence {
  std::string_view language;  // a view of the info; empty when none is named
  bool has_line_numbers = false;
  std::int64_t first_number = 1;
  std::vector<LineRange> marked, hidden;
  std::vector<std::pair<std::string, std::string>> others;  // name=value, by name: data-name
};
CodeFence code_fence_of(std::string_view info);

enum class CodeStyle : std::uint8_t { inline_styles, classes };

struct CodeLook {
  CodeStyle style = CodeStyle::inline_styles;
  CodeTheme theme;  // the light one of two
  std::optional<CodeTheme> dark_theme;
};

struct CodeToShow {
  std::string_view text;
  std::string_view published_language;     // data-lang
  const CodeLanguage* language = nullptr;  // null: plain
};
std::string highlighted_html_of(const CodeToShow& code, const CodeFence& fence,
                                const CodeLook& look);

// For class="z-...": what giallo.css, giallo-light.css and giallo-dark.css hold.
std::string style_sheet_of(const CodeTheme& theme);

}  // namespace weir::text
