// CSS, SCSS, Sass, Less. Before a brace stands a selector or an at-rule, within one a declaration;
// which of them a line begins is seen from what ends it: `{` or `;`.
#include "text/highlight_lexing.h"

namespace weir::text {

namespace {

struct StyleTable {
  bool has_line_comments = false;
  bool has_indentation = false;  // Sass: lines end declarations
  char variable_mark = '$';
};

constexpr StyleTable css{};
constexpr StyleTable scss{.has_line_comments = true};
constexpr StyleTable sass{.has_line_comments = true, .has_indentation = true};
constexpr StyleTable less{.has_line_comments = true, .variable_mark = '@'};

constexpr std::size_t lookahead_max = 2048;  // a longer head of a rule is taken for a declaration

bool is_name(char c) { return is_word_char(c) || c == '-'; }

class StyleLexer {
 public:
  StyleLexer(Lexing& lexing, const StyleTable& table) : lex_(lexing), table_(table) {}

  void run() {
    while (!lex_.is_done()) step();
  }

 private:
  void step() {
    const char c = lex_.peek();
    if (is_space(c)) {
      const std::size_t end = lex_.spaces_end(lex_.at());
      const bool has_newline = lex_.slice(lex_.at(), end).find('\n') != std::string_view::npos;
      lex_.put(Scope::plain, end);
      if (has_newline && table_.has_indentation) begin_statement();
      return;
    }
    if (lex_.looking_at("/*")) return lex_.put(Scope::comment, lex_.behind("*/", lex_.at() + 2));
    if (table_.has_line_comments && lex_.looking_at("//") && lex_.before() != ':')
      return lex_.put(Scope::comment, lex_.line_end());
    if (is_start_) {
      is_start_ = false;
      is_selector_ = starts_selector();
      in_value_ = false;
    }
    if (c == '"' || c == '\'') return put_string(c);
    if (lex_.looking_at("#{")) {
      ++interpolations_;
      return lex_.put_bytes(Scope::embedded, 2);
    }
    if (c == '}' && interpolations_ > 0) {
      --interpolations_;
      return lex_.put_bytes(Scope::embedded, 1);
    }
    if (contains("{};", c)) {
      lex_.put_bytes(Scope::punctuation, 1);
      return begin_statement();
    }
    if (c == '@') return step_at();
    if (c == '$' && is_name(lex_.peek(1)))
      return lex_.put(Scope::variable, lex_.while_is(lex_.at() + 1, is_name));
    is_selector_ ? step_selector(c) : step_declaration(c);
  }

  void begin_statement() {
    is_start_ = true;
    is_selector_ = false;
    in_value_ = false;
    in_rule_ = false;
  }

  // Whether `{` comes before `;` and `}`.
  bool starts_selector() const {
    std::size_t at = lex_.at();
    const std::size_t most = std::min(lex_.end(), at + lookahead_max);
    bool is_selector = false;
    for (; at < most; ++at) {
      const std::string_view here = lex_.slice(at, lex_.end());
      const char c = here[0];
      if (here.starts_with("#{")) {
        while (at < most && lex_.slice(at, at + 1) != "}") ++at;
        continue;
      }
      is_selector = c == '{';
      if (contains("{};", c) || (c == '\n' && table_.has_indentation)) break;
    }
    lex_.count_steps(at - lex_.at());
    if (!table_.has_indentation) return is_selector;
    const std::string_view line = lex_.slice(lex_.at(), std::min(at, lex_.end()));
    return line.find(": ") == std::string_view::npos;
  }

  void put_string(char quote_mark) {
    lex_.put_bytes(Scope::string, 1);
    while (!lex_.is_done()) {
      lex_.put(Scope::string, lex_.while_is(lex_.at(), [quote_mark](char c) {
        return c != quote_mark && c != '\\' && c != '\n';
      }));
      if (lex_.peek() != '\\') break;
      lex_.put_bytes(Scope::escape, 2);
    }
    if (lex_.peek() == quote_mark) lex_.put_bytes(Scope::string, 1);
  }

  void step_at() {
    const std::size_t end = lex_.while_is(lex_.at() + 1, is_name);
    const std::string_view word = lex_.slice(lex_.at() + 1, end);
    constexpr std::string_view rules[] = {"charset",   "container",
                                          "content",   "counter-style",
                                          "debug",     "each",
                                          "else",      "error",
                                          "extend",    "font-face",
                                          "for",       "forward",
                                          "function",  "if",
                                          "import",    "include",
                                          "keyframes", "layer",
                                          "media",     "mixin",
                                          "namespace", "page",
                                          "property",  "return",
                                          "scope",     "starting-style",
                                          "supports",  "use",
                                          "warn",      "while",
                                          "apply",     "tailwind"};
    const bool is_rule = std::find(std::begin(rules), std::end(rules), word) != std::end(rules);
    const bool is_variable = table_.variable_mark == '@' && !is_rule;
    lex_.put(is_variable ? Scope::variable : Scope::keyword, end);
    if (is_variable) return;
    in_rule_ = true;
    is_selector_ = false;
    in_value_ = true;
    if (word == "include" || word == "mixin" || word == "function" || word == "keyframes") {
      lex_.put(Scope::plain, lex_.blanks_end(lex_.at()));
      lex_.put(Scope::function, lex_.while_is(lex_.at(), is_name));
    }
    if (word == "extend") is_selector_ = true;
  }

  void step_selector(char c) {
    if (c == '.' || c == '%') {
      const std::size_t end = lex_.while_is(lex_.at() + 1, is_name);
      return lex_.put(Scope::attribute, end);
    }
    if (c == '#') return lex_.put(Scope::constant, lex_.while_is(lex_.at() + 1, is_name));
    if (c == ':') {
      const std::size_t marks = lex_.peek(1) == ':' ? 2 : 1;
      return lex_.put(Scope::decorator, lex_.while_is(lex_.at() + marks, is_name));
    }
    if (c == '[') {
      lex_.put_bytes(Scope::punctuation, 1);
      return lex_.put(Scope::attribute, lex_.while_is(lex_.at(), is_name));
    }
    if (c == '&') return lex_.put(Scope::self, lex_.while_is(lex_.at() + 1, is_name));
    if (is_digit(c)) return put_number();
    if (is_name(c)) return lex_.put(Scope::tag, lex_.while_is(lex_.at(), is_name));
    lex_.put_bytes(contains("()],", c) ? Scope::punctuation : Scope::operation, 1);
  }

  void step_declaration(char c) {
    if (c == ':') {
      in_value_ = true;
      return lex_.put_bytes(Scope::punctuation, 1);
    }
    const bool is_signed =
        (c == '-' || c == '+' || c == '.') &&
        (is_digit(lex_.peek(1)) || (lex_.peek(1) == '.' && is_digit(lex_.peek(2))));
    if (is_digit(c) || is_signed) return put_number();
    if (c == '#' && hex_digit_of(lex_.peek(1)) >= 0)
      return lex_.put(Scope::constant, lex_.while_is(lex_.at() + 1, is_name));
    if (c == '!') return lex_.put(Scope::keyword, lex_.while_is(lex_.at() + 1, is_name));
    if (is_name(c)) return step_word();
    lex_.put_bytes(contains("(),", c) ? Scope::punctuation : Scope::operation, 1);
  }

  void step_word() {
    const std::size_t end = lex_.while_is(lex_.at(), is_name);
    const std::string_view word = lex_.slice(lex_.at(), end);
    const char after = end < lex_.end() ? lex_.slice(end, end + 1)[0] : '\0';
    if (word.starts_with("--")) return lex_.put(in_value_ ? Scope::variable : Scope::key, end);
    if (!in_value_) return lex_.put(Scope::key, end);
    if (in_rule_ && (word == "and" || word == "or" || word == "not" || word == "only" ||
                     word == "from" || word == "through" || word == "in" || word == "as"))
      return lex_.put(Scope::operation, end);
    if (in_rule_ && after == ':') return lex_.put(Scope::key, end);
    if (after != '(')
      return lex_.put(
          word == "true" || word == "false" || word == "null" ? Scope::literal : Scope::plain, end);
    lex_.put(Scope::builtin, end);
    if (word != "url") return;
    lex_.put_bytes(Scope::punctuation, 1);
    if (contains("\"'", lex_.peek())) return;
    lex_.put(Scope::string, lex_.while_is(lex_.at(), [](char c) { return c != ')' && c != '\n'; }));
  }

  void put_number() {
    const std::size_t digits =
        lex_.while_is(lex_.at() + 1, [](char c) { return is_digit(c) || c == '.'; });
    lex_.put(Scope::number, digits);
    if (lex_.peek() == '%') return lex_.put_bytes(Scope::number, 1);
    lex_.put(Scope::storage, lex_.while_is(lex_.at(), is_alpha));
  }

  Lexing& lex_;
  const StyleTable& table_;
  bool is_start_ = true;  // of a statement
  bool is_selector_ = false;
  bool in_value_ = false;  // behind the colon
  bool in_rule_ = false;   // behind @media and the like
  std::size_t interpolations_ = 0;
};

void lex_style(Lexing& lexing, const void* table) {
  StyleLexer(lexing, *static_cast<const StyleTable*>(table)).run();
}

constexpr std::array languages{
    CodeLanguage{"css", lex_style, &css},      CodeLanguage{"scss", lex_style, &scss},
    CodeLanguage{"sass", lex_style, &sass},    CodeLanguage{"less", lex_style, &less},
    CodeLanguage{"postcss", lex_style, &scss},
};

}  // namespace

std::span<const CodeLanguage> style_languages() { return languages; }

}  // namespace weir::text
