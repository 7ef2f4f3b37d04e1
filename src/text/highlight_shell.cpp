// Shells: where a command may stand decides what a word is. One pass with a small stack of what is
// open: quotes, $( ), ( ) and { }.
#include "text/highlight_lexing.h"

#include <utility>

namespace weir::text {

namespace {

using enum Scope;

constexpr std::size_t nesting_max = 64;
constexpr std::size_t here_documents_max = 8;

struct ShellTable {
  Words words;  // keyword: a command may follow; storage: a name follows
  bool has_here_documents = true;
  bool has_dollar_parentheses = true;
  bool has_bare_parentheses = false;  // fish: (command)
};

constexpr auto shell_words = word_table([] {
  return std::array{
      WordList{
          keyword,
          "if then else elif fi for while until do done case esac select time coproc ! [[ { }"},
      WordList{storage, "function", function}, WordList{operation, "in ]]"},
      WordList{modifier, "export local readonly declare typeset unset"},
      WordList{builtin,
               "alias bg bind break builtin caller cd command compgen complete continue dirs "
               "disown echo enable eval exec exit false fc fg getopts hash help history jobs kill "
               "let logout mapfile popd printf pushd pwd read return set shift shopt source "
               "suspend test times trap true type ulimit umask unalias wait ."}};
});
constexpr ShellTable shell{.words = shell_words.words()};

constexpr auto fish_words = word_table([] {
  return std::array{
      WordList{keyword,
               "and or not if else for while begin end switch case return break continue time"},
      WordList{storage, "function", function}, WordList{operation, "in"}, WordList{modifier, "set"},
      WordList{builtin,
               "abbr alias argparse bg bind block builtin cd command commandline complete contains "
               "count dirh dirs disown echo emit eval exec exit false fg fish_add_path functions "
               "funced funcsave help history isatty jobs math nextd popd prevd printf pushd pwd "
               "random read realpath set_color source status string suspend test trap true type "
               "ulimit umask vared wait"}};
});
constexpr ShellTable fish{
    .words = fish_words.words(), .has_here_documents = false, .has_bare_parentheses = true};

struct HereDocument {
  std::string_view word;
  bool indented = false;
  bool quoted = false;
};

class ShellLexer {
 public:
  ShellLexer(Lexing& lexing, const ShellTable& table) : lex_(lexing), table_(table) {}

  void run() {
    while (!lex_.is_done()) {
      if (!open_.empty() && open_.back() == '"') step_quoted();
      else step();
    }
  }

 private:
  static bool ends_word(char c) { return is_space(c) || contains(";|&()<>\"'`$#", c); }

  void step() {
    const char c = lex_.peek();
    if (c == '\n') return step_newline();
    if (is_space(c)) return lex_.put(plain, lex_.blanks_end(lex_.at() + 1));
    if (c == '#' && (is_space(lex_.before()) || contains(";()", lex_.before())))
      return lex_.put(comment, lex_.line_end());
    if (c == '\\') return lex_.put_bytes(lex_.peek(1) == '\n' ? punctuation : escape, 2);
    if (c == '\'') return put_single_quoted(1);
    if (c == '$' && lex_.peek(1) == '\'') return put_escaped_quoted();
    if (c == '"') {
      lex_.put_bytes(string, 1);
      is_command_ = false;
      return push('"');
    }
    if (c == '$') return step_dollar(plain);
    if (c == '`') {
      lex_.put_bytes(embedded, 1);
      is_command_ = true;
      return;
    }
    if (table_.has_here_documents && lex_.looking_at("<<") && step_here_mark()) return;
    if (contains(";|&()<>", c)) return step_operator(c);
    step_word();
  }

  void push(char kind) {
    if (open_.size() < nesting_max) open_.push_back(kind);
  }

  void step_newline() {
    lex_.put_bytes(plain, 1);
    is_command_ = true;
    expects_name_ = false;
    for (const HereDocument& document : std::exchange(here_documents_, {})) put_here(document);
  }

  void step_operator(char c) {
    if (c == ')' && !open_.empty() && open_.back() != '"') {
      const bool is_hole = open_.back() == '$';
      open_.pop_back();
      lex_.put_bytes(is_hole ? embedded : punctuation, 1);
      is_command_ = false;
      return;
    }
    if (c == '(') {
      push(table_.has_bare_parentheses ? '$' : '(');
      lex_.put_bytes(table_.has_bare_parentheses ? embedded : punctuation, 1);
      is_command_ = true;
      return;
    }
    const bool redirects = c == '<' || c == '>';
    lex_.put_bytes(c == ';' || c == ')' ? punctuation : operation, 1);
    if (redirects && lex_.peek() == '&') lex_.put_bytes(operation, 1);
    is_command_ = !redirects && (lex_.before() != '&' || !redirects);
    if (redirects) is_command_ = false;
  }

  // '...' which knows no escapes (in fish it does, but only of itself).
  void put_single_quoted(std::size_t opening) {
    lex_.put(string, lex_.behind("'", lex_.at() + opening));
    is_command_ = false;
  }

  // $'a\n'
  void put_escaped_quoted() {
    lex_.put_bytes(string, 2);
    while (!lex_.is_done()) {
      lex_.put(string, lex_.while_is(lex_.at(), [](char c) { return c != '\'' && c != '\\'; }));
      if (lex_.peek() == '\'') break;
      lex_.put_bytes(escape, 2);
    }
    lex_.put_bytes(string, 1);
    is_command_ = false;
  }

  void step_quoted() {
    const std::size_t end = lex_.while_is(
        lex_.at(), [](char c) { return c != '"' && c != '\\' && c != '$' && c != '`'; });
    lex_.put(string, end);
    if (lex_.is_done()) return;
    const char c = lex_.peek();
    if (c == '"') {
      lex_.put_bytes(string, 1);
      open_.pop_back();
      is_command_ = false;
    } else if (c == '\\') {
      lex_.put_bytes(contains("\"\\$`\n", lex_.peek(1)) ? escape : string, 2);
    } else if (c == '$') {
      step_dollar(string);
    } else {
      lex_.put_bytes(embedded, 1);
    }
  }

  // $x, ${x:-y}, $(command), $((sum)), $?
  void step_dollar(Scope otherwise) {
    const char second = lex_.peek(1);
    if (second == '(' && table_.has_dollar_parentheses && open_.size() < nesting_max) {
      lex_.put_bytes(embedded, 2);
      push('$');
      is_command_ = true;
      return;
    }
    if (second == '{') {
      std::size_t at = lex_.at() + 2;
      std::size_t depth = 1;
      at = lex_.while_is(at, [&depth](char c) {
        if (c == '{') ++depth;
        if (c == '}') --depth;
        return depth > 0 && c != '\n';
      });
      lex_.put(variable, at + (at < lex_.end() && lex_.slice(at, at + 1)[0] == '}'));
    } else if (is_word_start(second)) {
      lex_.put(variable, lex_.while_is(lex_.at() + 1, is_word_char));
    } else if (second != '\0' && (is_digit(second) || contains("?!$#@*-", second))) {
      lex_.put_bytes(variable, 2);
    } else {
      lex_.put_bytes(otherwise, 1);
    }
    if (otherwise == plain) is_command_ = false;
  }

  void step_word() {
    const std::size_t begin = lex_.at();
    std::size_t end = begin;
    bool is_escaped = false;
    end = lex_.while_is(begin, [&is_escaped](char c) {
      if (is_escaped || c == '\\') return is_escaped = c == '\\' && !is_escaped, true;
      return !ends_word(c) || c == '#';
    });
    if (end == begin) ++end;
    const std::string_view word = lex_.slice(begin, end);
    if (expects_name_) {
      expects_name_ = false;
      lex_.put(function, end);
      is_command_ = true;
      return;
    }
    if (!is_command_) return step_argument(word, end);
    const std::size_t equals = assignment_of(word);
    if (equals > 0) {
      lex_.put(variable, begin + equals);
      lex_.put_bytes(operation, lex_.peek() == '+' ? 2 : 1);
      if (end > lex_.at()) lex_.put(value_scope(lex_.slice(lex_.at(), end)), end);
      return;
    }
    const Word* known = table_.words.find(word);
    if (known == nullptr && word.starts_with('-')) return step_argument(word, end);
    const bool defines = known == nullptr && lex_.slice(end, lex_.end()).starts_with("()");
    lex_.put(known == nullptr ? function : known->scope, end);
    if (defines) lex_.put_bytes(punctuation, 2);
    is_command_ = defines || (known != nullptr && known->scope == keyword);
    expects_name_ = known != nullptr && known->next == function;
    takes_names_ = known != nullptr && known->scope == modifier;
    if (word == "for" || word == "select" || word == "case") {
      is_command_ = false;
      takes_names_ = word != "case";
    }
  }

  void step_argument(std::string_view word, std::size_t end) {
    const std::size_t equals = takes_names_ ? assignment_of(word) : 0;
    if (word.starts_with('-') && word.size() > 1 && !is_digit(word[1])) {
      const std::size_t mark = std::min(word.find('='), word.size());
      lex_.put(option, lex_.at() + mark);
      lex_.put(plain, end);
    } else if (equals > 0) {
      lex_.put(variable, lex_.at() + equals);
      lex_.put_bytes(operation, 1);
      lex_.put(plain, end);
    } else if (takes_names_ && is_word_start(word[0])) {
      lex_.put(variable, end);
      takes_names_ = false;
    } else if (const Word* known = table_.words.find(word);
               known != nullptr && (known->scope == operation || word == "do" || word == "then")) {
      lex_.put(known->scope, end);
      is_command_ = word != "in" && word != "]]";
    } else {
      lex_.put(value_scope(word), end);
    }
  }

  static Scope value_scope(std::string_view word) {
    const bool is_number =
        std::all_of(word.begin(), word.end(), [](char c) { return is_digit(c); });
    return is_number ? number : plain;
  }

  // The bytes before `=` in NAME=, NAME+= and NAME[1]=.
  static std::size_t assignment_of(std::string_view word) {
    if (!is_word_start(word[0])) return 0;
    std::size_t at = 1;
    while (at < word.size() && (is_word_char(word[at]) || contains("[]", word[at]))) ++at;
    if (at < word.size() && word[at] == '=') return at;
    return word.substr(at).starts_with("+=") ? at : 0;
  }

  bool step_here_mark() {
    if (lex_.peek(2) == '<') {
      lex_.put_bytes(operation, 3);
      return true;
    }
    HereDocument document;
    std::size_t at = 2;
    if (lex_.peek(at) == '-') {
      document.indented = true;
      ++at;
    }
    while (at < 8 && lex_.peek(at) == ' ') ++at;
    const char quote = lex_.peek(at);
    document.quoted = quote == '\'' || quote == '"' || quote == '\\';
    const std::size_t begin = lex_.at() + at + (document.quoted ? 1 : 0);
    const std::size_t end = lex_.while_is(begin, is_word_char);
    if (end == begin) return false;
    document.word = lex_.slice(begin, end);
    lex_.put_bytes(operation, document.indented ? 3 : 2);
    lex_.put(string, end + (document.quoted && quote != '\\' ? 1 : 0));
    if (here_documents_.size() < here_documents_max) here_documents_.push_back(document);
    return true;
  }

  void put_here(const HereDocument& document) {
    while (!lex_.is_done()) {
      const std::size_t line_end = lex_.line_end();
      std::string_view line = lex_.slice(lex_.at(), line_end);
      while (document.indented && line.starts_with('\t')) line.remove_prefix(1);
      if (line == document.word) return lex_.put(string, line_end);
      while (!document.quoted && lex_.at() < line_end) {
        const std::size_t dollar =
            lex_.while_is(lex_.at(), [](char c) { return c != '$' && c != '\n'; });
        lex_.put(string, std::min(dollar, line_end));
        if (lex_.peek() != '$') break;
        if (lex_.peek(1) == '(') lex_.put_bytes(string, 1);
        else step_dollar(string);
      }
      lex_.put(string, line_end + 1);
    }
  }

  Lexing& lex_;
  const ShellTable& table_;
  std::string open_;  // '"', '(' or '$' for what is open
  std::vector<HereDocument> here_documents_;
  bool is_command_ = true;
  bool expects_name_ = false;
  bool takes_names_ = false;
};

void lex_shell(Lexing& lexing, const void* table) {
  ShellLexer(lexing, *static_cast<const ShellTable*>(table)).run();
}

// `$ command`, and what it answered.
void lex_session(Lexing& lex, const void*) {
  constexpr std::string_view prompts[] = {"$ ", "# ", "> ", "% ", ">>> ", "PS> "};
  bool continues = false;
  while (!lex.is_done()) {
    std::size_t end = lex.line_end();
    bool is_command = continues;
    for (const std::string_view mark : prompts)
      if (!is_command && lex.looking_at(mark)) {
        lex.put_bytes(prompt, mark.size() - 1);
        is_command = true;
      }
    continues = is_command && end > 0 && end > lex.at() && lex.slice(end - 1, end) == "\\";
    if (is_command) lex.embed("shellscript", end);
    else lex.put(plain, end);
    lex.put(plain, end + 1);
  }
}

constexpr std::array languages{
    CodeLanguage{"shellscript", lex_shell, &shell},
    CodeLanguage{"fish", lex_shell, &fish},
    CodeLanguage{"shellsession", lex_session},
};

}  // namespace

std::span<const CodeLanguage> shell_languages() { return languages; }

}  // namespace weir::text
