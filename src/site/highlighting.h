#pragma once
// [markdown.highlighting]: how code blocks are coloured, and with which languages and themes beside
// our own. Nothing is highlighted unless the site names a theme, or says `highlight_code = true` as
// Zola before 0.22 had it.
//
// A value, immutable once read. Errors and warnings carry file, line and column.

#include "site/fields.h"
#include "site/source.h"
#include "text/highlight_html.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::site {

// From a grammar file: the language is known by its names and shown plain.
struct ExtraLanguage {
  std::string name;
  std::vector<std::string> words;  // in lower case, the name too
};

// A file of the output that the classes of highlighted code need.
struct CodeStyleSheet {
  std::string file;  // "giallo.css"
  text::CodeTheme theme;
};

struct Highlighting {
  text::CodeLook look;
  bool is_missing_language_an_error = false;
  std::vector<ExtraLanguage> extra_languages;
  std::vector<CodeStyleSheet> style_sheets;  // none for inline styles
  std::vector<std::string> files;            // themes and grammars that were read

  // Null when no output has that name.
  const CodeStyleSheet* find_style_sheet(std::string_view file) const;
};

struct HighlightingTables {
  Fields& root;
  Fields& markdown;  // [markdown]; its `highlighting` is read here
};
std::optional<Highlighting> read_highlighting(const SiteSource& source,
                                              std::string_view config_file,
                                              const HighlightingTables& tables,
                                              Diagnostics& diagnostics);

struct ShownCode {
  std::string html;
  std::string unknown_language;  // as written, when nobody knows it
  std::string plain_language;    // by name, when it is known but has no lexer
};
ShownCode highlighted(const Highlighting& highlighting, const text::CodeFence& fence,
                      std::string_view code);

}  // namespace weir::site
