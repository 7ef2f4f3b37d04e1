#pragma once
// Colours for code: a text in a language becomes tokens, each with a scope.
//
// A scope is one of the short list below, named after the scope that TextMate grammars give the
// same thing, so that themes, and style sheets written for Zola, fit: `function` is
// "entity.name.function" and is written as class="z-entity z-name z-function".
//
// Lexers are tables read by a few small engines, one for each family of languages; none knows a
// grammar. They promise for any bytes: the tokens cover the text exactly once and in order; the
// steps are linear in its length; nesting (interpolation, embedded languages) is bounded, never by
// the stack. What is beyond a bound is text of its surroundings.
//
// Pure functions over the caller's bytes. Callable from any thread.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace weir::text {

enum class Scope : std::uint8_t {
  plain,
  comment,
  documentation,
  string,
  escape,
  placeholder,
  regexp,
  number,
  literal,  // true, null
  constant,
  option,  // --flag
  keyword,
  storage,   // what declares: fn, let, class; and the types that are keywords
  modifier,  // pub, static
  operation,
  word_operation,  // and, new, sizeof
  function,
  builtin,
  macro,
  type,
  known_type,  // of the language itself
  lifetime,
  variable,
  self,
  parameter,
  property,
  key,
  name_space,
  tag,
  attribute,
  decorator,
  preprocessor,
  punctuation,
  embedded,  // the brackets of an interpolation
  heading,
  bold,
  italic,
  raw,
  link,
  quote,
  list,
  inserted,
  deleted,
  changed,
  header,  // of a diff
  prompt,
  invalid,
};
inline constexpr std::size_t scope_count = static_cast<std::size_t>(Scope::invalid) + 1;

// "entity.name.function"; nothing for plain. No scope's parts are all parts of another one, unless
// the other starts with it: so a style sheet's rules never meet by accident.
std::string_view scope_name_of(Scope scope);

struct Token {
  std::size_t end = 0;  // it begins where the one before ends
  Scope scope = Scope::plain;
};

struct Tokens {
  std::vector<Token> list;
  std::size_t steps = 0;  // bytes looked at, for tests of linearity
};

class Lexing;

struct CodeLanguage {
  std::string_view name;  // as published in data-lang: "rust", "shellscript"
  void (*lex)(Lexing& lexing, const void* table);
  const void* table = nullptr;
};

// By the published name (site/code_language.h has the aliases). Null when there is no lexer.
const CodeLanguage* find_code_language(std::string_view name);
std::vector<std::string_view> code_language_names();

Tokens tokens_of(std::string_view code, const CodeLanguage& language);

}  // namespace weir::text
