#include "site/highlighting.h"

#include "base/bytes.h"
#include "site/code_language.h"
#include "text/json.h"

#include <algorithm>

namespace weir::site {

namespace {

using text::Value;

constexpr std::string_view default_old_theme = "base16-ocean-dark";  // Zola's, before 0.22
constexpr std::string_view theme_of_classes = "css";                 // its way to ask for classes

class HighlightingReader {
 public:
  HighlightingReader(const SiteSource& source, std::string_view config_file,
                     const HighlightingTables& tables, Diagnostics& diagnostics)
      : source_(source), file_(config_file), tables_(tables), diagnostics_(diagnostics) {}

  std::optional<Highlighting> read() {
    const Value* table = tables_.markdown.table("highlighting");
    return table != nullptr ? read_table(*table) : read_old();
  }

 private:
  std::optional<Highlighting> read_table(const Value& table) {
    Fields fields(table, file_, "[markdown.highlighting]", diagnostics_);
    constexpr std::string_view styles[] = {"inline", "class"};
    Highlighting highlighting;
    if (fields.word("style", styles).value_or(0) == 1)
      highlighting.look.style = text::CodeStyle::classes;
    highlighting.is_missing_language_an_error =
        fields.boolean("error_on_missing_language").value_or(false);
    read_themes(fields);
    read_grammars(fields, highlighting);
    const bool has_one = read_theme(fields, "theme", highlighting.look.theme);
    const bool has_light = read_theme(fields, "light_theme", highlighting.look.theme);
    text::CodeTheme dark;
    const bool has_dark = read_theme(fields, "dark_theme", dark);
    if (has_light && has_dark) highlighting.look.dark_theme = std::move(dark);
    else if (has_dark && !has_one) highlighting.look.theme = std::move(dark);
    fields.report_unknown(Fields::Unknown::warning);
    if (!has_one && !has_light && !has_dark) {
      diagnostics_.warning(
          Error{Errc::missing, "[markdown.highlighting] names no theme; code is shown plain"}
              .at(fields.place_of(table))
              .with_help("theme = \"github-dark\", or light_theme and dark_theme"));
      return std::nullopt;
    }
    highlighting.files = std::move(files_);
    if (highlighting.look.style == text::CodeStyle::classes) add_style_sheets(highlighting);
    return highlighting;
  }

  static void add_style_sheets(Highlighting& highlighting) {
    const text::CodeLook& look = highlighting.look;
    if (!look.dark_theme) {
      highlighting.style_sheets.push_back({"giallo.css", look.theme});
      return;
    }
    highlighting.style_sheets.push_back({"giallo-light.css", look.theme});
    highlighting.style_sheets.push_back({"giallo-dark.css", *look.dark_theme});
  }

  // highlight_code and its companions, in [markdown] or at the root.
  std::optional<Highlighting> read_old() {
    const Value* is_on = find_old("highlight_code");
    if (is_on == nullptr || is_on->boolean() == nullptr || !*is_on->boolean()) return std::nullopt;
    Highlighting highlighting;
    const Value* theme = find_old("highlight_theme");
    const std::string name = theme != nullptr && theme->string() != nullptr
                                 ? *theme->string()
                                 : std::string(default_old_theme);
    if (name == theme_of_classes) {
      highlighting.look.style = text::CodeStyle::classes;
      read_old_style_sheets(highlighting);
    } else if (!find_theme(name, theme == nullptr ? Place{file_, 0, 0, 0} : place_of(*theme),
                           highlighting.look.theme)) {
      return std::nullopt;
    }
    return highlighting;
  }

  // highlight_themes_css = [{ theme = "x", filename = "x.css" }]
  void read_old_style_sheets(Highlighting& highlighting) {
    const Value* list = find_old("highlight_themes_css");
    if (list == nullptr || !list->is_array()) return;
    for (const Value& one : *list->array()) {
      const Value* theme = one.find("theme");
      const Value* file = one.find("filename");
      if (theme == nullptr || theme->string() == nullptr || file == nullptr ||
          file->string() == nullptr) {
        diagnostics_.error(
            Error{Errc::invalid, "expected { theme = \"...\", filename = \"...\" }"}.at(
                place_of(one)));
        continue;
      }
      CodeStyleSheet sheet{*file->string(), {}};
      if (find_theme(*theme->string(), place_of(*theme), sheet.theme))
        highlighting.style_sheets.push_back(std::move(sheet));
    }
  }

  const Value* find_old(std::string_view name) {
    const Value* value = tables_.markdown.find(name);
    return value != nullptr ? value : tables_.root.find(name);
  }

  Place place_of(const Value& value) const { return {file_, value.line, value.column, 0}; }

  // True when the key is there, also when its theme is not.
  bool read_theme(Fields& fields, std::string_view key, text::CodeTheme& theme) {
    const std::optional<std::string> name = fields.string(key);
    if (!name) return false;
    find_theme(*name, fields.place_of(*fields.find(key)), theme);
    return true;
  }

  bool find_theme(std::string_view name, Place place, text::CodeTheme& theme) {
    for (const text::CodeTheme& extra : extra_themes_)
      if (equals_ignoring_case(extra.name, name)) {
        theme = extra;
        return true;
      }
    std::optional<text::CodeTheme> found = text::find_code_theme(name);
    if (!found) {
      std::vector<std::string_view> known = text::code_theme_names();
      for (const text::CodeTheme& extra : extra_themes_) known.push_back(extra.name);
      diagnostics_.error(
          Error{Errc::missing, "there is no highlighting theme \"" + std::string(name) + "\""}
              .at(std::move(place))
              .with_help(did_you_mean(name, known)));
      return false;
    }
    if (!equals_ignoring_case(found->name, name))
      diagnostics_.remark(Error{Errc::missing, "the theme \"" + std::string(name) +
                                                   "\" of older Zolas is drawn as \"" +
                                                   found->name + '"'}
                              .at(std::move(place)));
    theme = std::move(*found);
    return true;
  }

  // The JSON of a file that the site names; nothing after an error.
  std::optional<Value> read_json(const std::string& path, const Place& place) {
    files_.push_back(path);
    Result<std::string> bytes = source_.read(path);
    if (!bytes.ok()) {
      diagnostics_.error(std::move(bytes).error().at(place));
      return std::nullopt;
    }
    Result<Value> json = text::parse_json(*bytes, {.duplicates = text::Duplicates::keep_last});
    if (!json.ok()) {
      Error error = std::move(json).error();
      error.place.file = path;
      diagnostics_.error(std::move(error));
      return std::nullopt;
    }
    return std::move(json).value();
  }

  void read_themes(Fields& fields) {
    const std::optional<std::vector<std::string>> paths = fields.strings("extra_themes");
    if (!paths) return;
    for (const std::string& path : *paths) {
      const std::optional<Value> json = read_json(path, fields.place_of_name("extra_themes"));
      if (!json) continue;
      Result<text::CodeTheme> theme = text::parse_code_theme(*json);
      if (theme.ok()) extra_themes_.push_back(std::move(theme).value());
      else diagnostics_.error(std::move(theme).error().at({path, 0, 0, 0}));
    }
  }

  void read_grammars(Fields& fields, Highlighting& highlighting) {
    const std::optional<std::vector<std::string>> paths = fields.strings("extra_grammars");
    if (!paths || paths->empty()) return;
    std::string names;
    for (const std::string& path : *paths) {
      const std::optional<Value> json = read_json(path, fields.place_of_name("extra_grammars"));
      if (!json) continue;
      const Value* name = json->find("name");
      if (name == nullptr || name->string() == nullptr) {
        diagnostics_.error(
            Error{Errc::invalid, "expected a TextMate grammar with \"name\""}.at({path, 0, 0, 0}));
        continue;
      }
      ExtraLanguage language{*name->string(), {lower_of(*name->string())}};
      for (const std::string_view list : {"fileTypes", "aliases"})
        if (const Value* words = json->find(list); words != nullptr && words->is_array())
          for (const Value& word : *words->array())
            if (word.string() != nullptr) language.words.push_back(lower_of(*word.string()));
      if (const Value* scope = json->find("scopeName");
          scope != nullptr && scope->string() != nullptr)
        language.words.push_back(lower_of(*scope->string()));
      names += (names.empty() ? "" : ", ") + language.name;
      highlighting.extra_languages.push_back(std::move(language));
    }
    if (!names.empty())
      diagnostics_.remark(Error{
          Errc::missing, "grammars are not run: code in " + names + " is shown without colours"}
                              .at(fields.place_of_name("extra_grammars")));
  }

  const SiteSource& source_;
  std::string file_;
  const HighlightingTables& tables_;
  Diagnostics& diagnostics_;
  std::vector<text::CodeTheme> extra_themes_;
  std::vector<std::string> files_;
};

}  // namespace

const CodeStyleSheet* Highlighting::find_style_sheet(std::string_view file) const {
  for (const CodeStyleSheet& sheet : style_sheets)
    if (sheet.file == file) return &sheet;
  return nullptr;
}

std::optional<Highlighting> read_highlighting(const SiteSource& source,
                                              std::string_view config_file,
                                              const HighlightingTables& tables,
                                              Diagnostics& diagnostics) {
  return HighlightingReader(source, config_file, tables, diagnostics).read();
}

ShownCode highlighted(const Highlighting& highlighting, const text::CodeFence& fence,
                      std::string_view code) {
  ShownCode shown;
  text::CodeToShow block{code, "plain", nullptr};
  const std::string word = lower_of(fence.language);
  const ExtraLanguage* extra = nullptr;
  for (const ExtraLanguage& one : highlighting.extra_languages)
    if (std::find(one.words.begin(), one.words.end(), word) != one.words.end()) extra = &one;
  if (extra != nullptr) {
    block.published_language = extra->name;
  } else if (const std::optional<std::string_view> name = language_name_of(word)) {
    block.published_language = *name;
    block.language = text::find_code_language(*name);
    if (block.language == nullptr) shown.plain_language = *name;
  } else if (!word.empty()) {
    shown.unknown_language = fence.language;
  }
  shown.html = text::highlighted_html_of(block, fence, highlighting.look);
  return shown;
}

}  // namespace weir::site
