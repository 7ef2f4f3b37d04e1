#include "text/highlight_theme.h"

#include "base/bytes.h"
#include "text/highlight_palettes.h"

#include <algorithm>

namespace weir::text {

namespace {

CodeColour opaque(std::uint32_t rgb) { return {rgb << 8 | 0xFF}; }

// Which column of a palette a scope is drawn with.
std::uint32_t column_of(const Palette& p, Scope scope) {
  switch (scope) {
    case Scope::comment:
    case Scope::documentation:
    case Scope::prompt: return p.comment;
    case Scope::string:
    case Scope::raw: return p.string;
    case Scope::escape:
    case Scope::placeholder:
    case Scope::regexp: return p.escape;
    case Scope::number: return p.number;
    case Scope::literal:
    case Scope::constant:
    case Scope::option: return p.literal;
    case Scope::keyword:
    case Scope::word_operation:
    case Scope::preprocessor: return p.keyword;
    case Scope::storage:
    case Scope::modifier: return p.storage;
    case Scope::operation: return p.operation;
    case Scope::function:
    case Scope::builtin:
    case Scope::macro:
    case Scope::decorator:
    case Scope::heading: return p.function;
    case Scope::type:
    case Scope::known_type:
    case Scope::lifetime:
    case Scope::name_space: return p.type;
    case Scope::variable:
    case Scope::parameter: return p.variable;
    case Scope::self: return p.red;
    case Scope::property: return p.property;
    case Scope::key: return p.key;
    case Scope::tag: return p.tag;
    case Scope::attribute: return p.attribute;
    case Scope::punctuation: return p.punctuation;
    case Scope::embedded:
    case Scope::list: return p.operation;
    case Scope::link: return p.string;
    case Scope::quote: return p.comment;
    case Scope::inserted: return p.green;
    case Scope::deleted:
    case Scope::invalid: return p.red;
    case Scope::changed: return p.type;
    case Scope::header: return p.function;
    case Scope::plain:
    case Scope::bold:
    case Scope::italic: return 0;
  }
  return 0;
}

CodeTheme theme_of(const Palette& palette) {
  CodeTheme theme;
  theme.name = palette.name;
  theme.foreground = opaque(palette.foreground);
  theme.background = opaque(palette.background);
  theme.marked_line = CodeColour{palette.foreground << 8 | 0x12};
  theme.line_number = opaque(palette.line_number);
  for (std::size_t i = 0; i < scope_count; ++i) {
    const auto scope = static_cast<Scope>(i);
    ScopeStyle& style = theme.styles[i];
    const std::uint32_t rgb = column_of(palette, scope);
    if (rgb != 0 && rgb != palette.foreground) style.foreground = opaque(rgb);
    style.bold = scope == Scope::bold || scope == Scope::heading;
    style.italic = scope == Scope::italic;
    style.underline = scope == Scope::link;
  }
  return theme;
}

// ---- theme files ----

// The parts of `scope` that `selector` names from the front: 0 when it does not fit.
std::size_t parts_matched(std::string_view selector, std::string_view scope) {
  if (!scope.starts_with(selector)) return 0;
  if (scope.size() > selector.size() && scope[selector.size()] != '.') return 0;
  return static_cast<std::size_t>(std::count(selector.begin(), selector.end(), '.')) + 1;
}

struct Rule {
  std::string_view selector;
  const Value* settings = nullptr;
};

// Selectors may be a list, or one text with commas.
void append_rules(std::vector<Rule>& rules, const Value& scopes, const Value& settings) {
  if (const Value::Array* list = scopes.array()) {
    for (const Value& one : *list)
      if (one.string() != nullptr) append_rules(rules, one, settings);
    return;
  }
  if (scopes.string() == nullptr) return;
  std::string_view text = *scopes.string();
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    const std::string_view selector = trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    const bool has_parent = selector.find_first_of(" >") != std::string_view::npos;
    if (!selector.empty() && !has_parent) rules.push_back({selector, &settings});
  }
}

std::optional<CodeColour> colour_in(const Value* object, std::string_view name) {
  const Value* value = object == nullptr ? nullptr : object->find(name);
  if (value == nullptr || value->string() == nullptr) return std::nullopt;
  return parse_colour(*value->string());
}

ScopeStyle style_in(const std::vector<Rule>& rules, Scope scope) {
  ScopeStyle style;
  std::size_t foreground_parts = 0;
  std::size_t background_parts = 0;
  std::size_t font_parts = 0;
  for (const Rule& rule : rules) {
    const std::size_t parts = parts_matched(rule.selector, scope_name_of(scope));
    if (parts == 0) continue;
    if (const auto colour = colour_in(rule.settings, "foreground");
        colour && parts >= foreground_parts) {
      style.foreground = colour;
      foreground_parts = parts;
    }
    if (const auto colour = colour_in(rule.settings, "background");
        colour && parts >= background_parts) {
      style.background = colour;
      background_parts = parts;
    }
    const Value* font = rule.settings->find("fontStyle");
    if (font != nullptr && font->string() != nullptr && parts >= font_parts) {
      const std::string& words = *font->string();
      style.bold = words.find("bold") != std::string::npos;
      style.italic = words.find("italic") != std::string::npos;
      style.underline = words.find("underline") != std::string::npos;
      style.strike = words.find("strikethrough") != std::string::npos;
      font_parts = parts;
    }
  }
  return style;
}

}  // namespace

void append_colour(std::string& out, CodeColour colour) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  const int last = (colour.rgba & 0xFF) == 0xFF ? 8 : 0;
  out += '#';
  for (int shift = 28; shift >= last; shift -= 4) out += digits[colour.rgba >> shift & 0xF];
}

std::optional<CodeColour> parse_colour(std::string_view text) {
  if (text.starts_with('#')) text.remove_prefix(1);
  std::uint32_t value = 0;
  for (const char c : text) {
    const int digit = hex_digit_of(c);
    if (digit < 0 || text.size() > 8) return std::nullopt;
    value = value << 4 | static_cast<std::uint32_t>(digit);
    if (text.size() <= 4) value = value << 4 | static_cast<std::uint32_t>(digit);
  }
  if (text.size() == 3 || text.size() == 6) return opaque(value);
  if (text.size() == 4 || text.size() == 8) return CodeColour{value};
  return std::nullopt;
}

std::optional<CodeTheme> find_code_theme(std::string_view name) {
  std::string wanted = lower_of(name);
  for (const PaletteAlias& alias : palette_aliases())
    if (alias.name == wanted) wanted = alias.palette;
  for (const Palette& palette : palettes())
    if (palette.name == wanted) return theme_of(palette);
  return std::nullopt;
}

std::vector<std::string_view> code_theme_names() {
  std::vector<std::string_view> names;
  for (const Palette& palette : palettes()) names.push_back(palette.name);
  for (const PaletteAlias& alias : palette_aliases()) names.push_back(alias.name);
  return names;
}

Result<CodeTheme> parse_code_theme(const Value& json) {
  const Value* name = json.find("name");
  const Value* tokens = json.find("tokenColors");
  if (tokens == nullptr) tokens = json.find("settings");
  if (name == nullptr || name->string() == nullptr || tokens == nullptr || !tokens->is_array())
    return Error{Errc::invalid, "expected a theme with \"name\" and \"tokenColors\""};
  CodeTheme theme;
  theme.name = *name->string();
  const Value* colours = json.find("colors");
  std::vector<Rule> rules;
  std::optional<CodeColour> text;
  std::optional<CodeColour> paper;
  for (const Value& rule : *tokens->array()) {
    const Value* settings = rule.find("settings");
    if (settings == nullptr) continue;
    if (const Value* scopes = rule.find("scope")) {
      append_rules(rules, *scopes, *settings);
    } else {  // of everything
      text = colour_in(settings, "foreground");
      paper = colour_in(settings, "background");
    }
  }
  const auto first_of = [colours](std::string_view colour, std::optional<CodeColour> otherwise) {
    const std::optional<CodeColour> found = colour_in(colours, colour);
    return found ? found : otherwise;
  };
  const Value* kind = json.find("type");
  const bool is_light = kind != nullptr && kind->string() != nullptr && *kind->string() == "light";
  theme.foreground = first_of("editor.foreground", first_of("foreground", text))
                         .value_or(opaque(is_light ? 0x333333 : 0xD4D4D4));
  theme.background =
      first_of("editor.background", paper).value_or(opaque(is_light ? 0xFFFFFF : 0x1E1E1E));
  theme.marked_line = colour_in(colours, "editor.lineHighlightBackground");
  theme.line_number = colour_in(colours, "editorLineNumber.foreground");
  for (std::size_t i = 1; i < scope_count; ++i) {
    theme.styles[i] = style_in(rules, static_cast<Scope>(i));
    if (theme.styles[i].foreground == theme.foreground) theme.styles[i].foreground.reset();
    if (theme.styles[i].background == theme.background) theme.styles[i].background.reset();
  }
  return theme;
}

}  // namespace weir::text
