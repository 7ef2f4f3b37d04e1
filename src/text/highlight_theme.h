#pragma once
// Themes for code: what a scope looks like. Built-in ones by the names that Zola knows, and others
// from the JSON files of VS Code.
//
// A built-in theme is a palette of twenty colours (highlight_palettes.cpp), spread over the scopes
// here. A file's theme is asked for each of our scopes as an editor would: the rule with the
// longest selector counts, of equal ones the last; selectors with a parent are left out.
//
// Values and pure functions.

#include "base/result.h"
#include "text/highlight.h"
#include "text/value.h"

#include <optional>
#include <string>

namespace weir::text {

struct CodeColour {
  std::uint32_t rgba = 0xFF;  // alpha in the lowest byte
  friend bool operator==(CodeColour, CodeColour) = default;
};
// "#RRGGBB", with "AA" behind when it is not opaque.
void append_colour(std::string& out, CodeColour colour);
// "#RGB", "#RGBA", "#RRGGBB", "#RRGGBBAA".
std::optional<CodeColour> parse_colour(std::string_view text);

struct ScopeStyle {
  std::optional<CodeColour> foreground;  // the theme's own when absent
  std::optional<CodeColour> background;
  bool bold = false;
  bool italic = false;
  bool underline = false;
  bool strike = false;
  bool is_plain() const {
    return !foreground && !background && !bold && !italic && !underline && !strike;
  }
  friend bool operator==(const ScopeStyle&, const ScopeStyle&) = default;
};

struct CodeTheme {
  std::string name;
  CodeColour foreground, background;
  std::optional<CodeColour> marked_line;  // the background of hl_lines
  std::optional<CodeColour> line_number;
  std::array<ScopeStyle, scope_count> styles{};
  const ScopeStyle& style_of(Scope scope) const { return styles[static_cast<std::size_t>(scope)]; }
};

// In any case. A name of Zola before 0.22 gives the theme that is nearest to it; its `name` says
// which.
std::optional<CodeTheme> find_code_theme(std::string_view name);
std::vector<std::string_view> code_theme_names();

// A theme file of VS Code, parsed.
Result<CodeTheme> parse_code_theme(const Value& json);

}  // namespace weir::text
