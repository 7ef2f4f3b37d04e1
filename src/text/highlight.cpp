#include "text/highlight.h"

#include "text/highlight_lexing.h"

namespace weir::text {

namespace {

constexpr std::array<std::string_view, scope_count> scope_names = {
    "",
    "comment",
    "comment.documentation",
    "string",
    "constant.character.escape",
    "constant.other.placeholder",
    "string.regexp",
    "constant.numeric",
    "constant.language",
    "constant.other.caps",
    "constant.other.option",
    "keyword.control",
    "storage.type",
    "storage.modifier",
    "keyword.operator",
    "keyword.operator.wordlike",
    "entity.name.function",
    "support.function",
    "entity.name.function.macro",
    "entity.name.type",
    "support.type",
    "entity.name.type.lifetime",
    "variable.other",
    "variable.language",
    "variable.parameter",
    "variable.other.property",
    "support.type.property-name",
    "entity.name.namespace",
    "entity.name.tag",
    "entity.other.attribute-name",
    "entity.name.function.decorator",
    "keyword.control.directive",
    "punctuation",
    "punctuation.section.embedded",
    "markup.heading",
    "markup.bold",
    "markup.italic",
    "markup.raw",
    "markup.underline.link",
    "markup.quote",
    "markup.list",
    "markup.inserted",
    "markup.deleted",
    "markup.changed",
    "meta.diff.header",
    "punctuation.prompt",
    "invalid",
};

constexpr std::size_t languages_deep_max = 4;  // a page, its script; Markdown, its code block

std::array<std::span<const CodeLanguage>, 6> all_languages() {
  return {program_languages(), script_languages(), shell_languages(),
          markup_languages(),  style_languages(),  data_languages()};
}

}  // namespace

std::string_view scope_name_of(Scope scope) { return scope_names[static_cast<std::size_t>(scope)]; }

const CodeLanguage* find_code_language(std::string_view name) {
  for (const std::span<const CodeLanguage> family : all_languages())
    for (const CodeLanguage& language : family)
      if (language.name == name) return &language;
  return nullptr;
}

std::vector<std::string_view> code_language_names() {
  std::vector<std::string_view> names;
  for (const std::span<const CodeLanguage> family : all_languages())
    for (const CodeLanguage& language : family) names.push_back(language.name);
  return names;
}

Tokens tokens_of(std::string_view code, const CodeLanguage& language) {
  Tokens tokens;
  tokens.list.reserve(code.size() / 8 + 1);
  Lexing lexing(code, tokens);
  language.lex(lexing, language.table);
  lexing.put(Scope::plain, lexing.end());  // whatever a lexer left
  return tokens;
}

std::size_t Lexing::find_end(std::string_view what, std::size_t from) const {
  const std::size_t found = code_.find(what, from);
  const std::size_t end = found == std::string_view::npos ? code_.size() : found;
  tokens_.steps += end > from ? end - from : 0;
  return end;
}

std::size_t Lexing::behind(std::string_view what, std::size_t from) const {
  return std::min(code_.size(), find_end(what, from) + what.size());
}

void Lexing::embed(std::string_view language, std::size_t end) {
  embed(find_code_language(language), end);
}

void Lexing::embed(const CodeLanguage* language, std::size_t end, Scope otherwise) {
  end = std::min(end, code_.size());
  if (end <= at_) return;
  if (language == nullptr || depth_ + 1 >= languages_deep_max) return put(otherwise, end);
  Lexing inner(code_.substr(0, end), tokens_, depth_ + 1);
  inner.at_ = at_;
  language->lex(inner, language->table);
  inner.put(Scope::plain, end);
  at_ = end;
}

const Word* Words::find(std::string_view text) const {
  if (text.size() > word_bytes_max || items == nullptr) return nullptr;
  const Word* const first = items + starts[text.size()];
  const Word* const last = items + starts[text.size() + 1];
  const Word* const found = std::lower_bound(
      first, last, text, [](const Word& word, std::string_view key) { return word.text < key; });
  return found != last && found->text == text ? found : nullptr;
}

}  // namespace weir::text
