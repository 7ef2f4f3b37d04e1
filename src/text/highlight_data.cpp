// Data and configuration: formats that are read line by line. Each lexer is a function.
#include "text/highlight_lexing.h"

namespace weir::text {

namespace {

// A quoted text on one line; the cursor stands on its quote.
void put_quoted(Lexing& lex, Scope scope, bool escapes = true) {
  const char quote = lex.peek();
  lex.put_bytes(scope, 1);
  while (!lex.is_done()) {
    lex.put(scope, lex.while_is(lex.at(), [quote, escapes](char c) {
      return c != quote && c != '\n' && !(escapes && c == '\\');
    }));
    if (!escapes || lex.peek() != '\\') break;
    std::size_t bytes = 2;
    if (lex.peek(1) == 'u')
      while (bytes < 6 && hex_digit_of(lex.peek(bytes)) >= 0) ++bytes;
    lex.put_bytes(Scope::escape, lex.peek(1) == '\n' ? 1 : bytes);
  }
  if (lex.peek() == quote) lex.put_bytes(scope, 1);
}

bool is_number_char(char c) { return is_alnum(c) || contains("+-._:", c); }

// A word of data: a number, a date, a literal, or nothing known.
Scope scope_of_value(std::string_view word) {
  constexpr std::string_view literals[] = {
      "true", "false", "null", "yes",  "no",  "on",   "off",   "True", "False",   "Null",
      "~",    "nan",   "inf",  "none", "NaN", "TRUE", "FALSE", "NULL", "Infinity"};
  if (std::find(std::begin(literals), std::end(literals), word) != std::end(literals))
    return Scope::literal;
  if (word.empty()) return Scope::plain;
  std::string_view digits = word;
  if (contains("+-", digits[0])) digits.remove_prefix(1);
  if (digits.empty() || !(is_digit(digits[0]) || (digits[0] == '.' && digits.size() > 1)))
    return Scope::plain;
  const bool is_number = std::all_of(digits.begin(), digits.end(), [](char c) {
    return hex_digit_of(c) >= 0 || contains("xo_.+-eEtTzZ:", c);
  });
  return is_number ? Scope::number : Scope::plain;
}

// ---- JSON ----

void lex_json(Lexing& lex, const void*) {
  while (!lex.is_done()) {
    const char c = lex.peek();
    if (is_space(c)) {
      lex.put(Scope::plain, lex.spaces_end(lex.at()));
    } else if (lex.looking_at("//")) {
      lex.put(Scope::comment, lex.line_end());
    } else if (lex.looking_at("/*")) {
      lex.put(Scope::comment, lex.behind("*/", lex.at() + 2));
    } else if (c == '"' || c == '\'') {
      // A key is what a colon follows.
      std::size_t end = lex.at() + 1;
      bool is_escaped = false;
      end = lex.while_is(end, [&is_escaped, c](char d) {
        if (is_escaped) return is_escaped = false, d != '\n';
        is_escaped = d == '\\';
        return d != c && d != '\n';
      });
      const std::size_t colon = lex.blanks_end(std::min(end + 1, lex.end()));
      const bool is_key = colon < lex.end() && lex.slice(colon, colon + 1) == ":";
      put_quoted(lex, is_key ? Scope::key : Scope::string);
    } else if (contains("{}[],:", c)) {
      lex.put_bytes(Scope::punctuation, 1);
    } else if (is_number_char(c)) {
      const std::size_t end =
          lex.while_is(lex.at() + 1, [](char d) { return is_alnum(d) || contains("+-._$", d); });
      const std::size_t colon = lex.blanks_end(end);
      const bool is_key = colon < lex.end() && lex.slice(colon, colon + 1) == ":";
      lex.put(is_key ? Scope::key : scope_of_value(lex.slice(lex.at(), end)), end);
    } else {
      lex.put_bytes(Scope::plain, 1);
    }
  }
}

// ---- TOML ----

bool put_long_string(Lexing& lex, std::string_view mark) {
  if (!lex.looking_at(mark)) return false;
  lex.put(Scope::string, lex.behind(mark, lex.at() + mark.size()));
  return true;
}

void lex_toml(Lexing& lex, const void*) {
  bool is_key = true;   // before the equals sign
  std::string nesting;  // of brackets
  constexpr std::size_t nesting_max = 64;
  while (!lex.is_done()) {
    const char c = lex.peek();
    const bool at_line_start = lex.before() == '\n';
    if (c == '\n') {
      lex.put_bytes(Scope::plain, 1);
      is_key = nesting.empty();
    } else if (is_space(c)) {
      const std::size_t end = lex.blanks_end(lex.at());
      lex.put(Scope::plain, std::max(end, lex.at() + 1));
    } else if (c == '#') {
      lex.put(Scope::comment, lex.line_end());
    } else if (put_long_string(lex, "\"\"\"") || put_long_string(lex, "'''")) {
      is_key = false;
    } else if (c == '"' || c == '\'') {
      put_quoted(lex, is_key ? Scope::key : Scope::string, c == '"');
    } else if (c == '[' && is_key && nesting.empty() &&
               (at_line_start || lex.before() == ' ' || lex.before() == '[')) {
      lex.put(Scope::punctuation, lex.while_is(lex.at(), [](char d) { return d == '['; }));
      const std::size_t end = lex.while_is(lex.at(), [](char d) { return d != ']' && d != '\n'; });
      lex.put(Scope::type, end);
      lex.put(Scope::punctuation, lex.while_is(lex.at(), [](char d) { return d == ']'; }));
    } else if (c == '=') {
      lex.put_bytes(Scope::operation, 1);
      is_key = false;
    } else if (contains("[]{},", c)) {
      lex.put_bytes(Scope::punctuation, 1);
      if ((c == '[' || c == '{') && nesting.size() < nesting_max) nesting += c;
      if ((c == ']' || c == '}') && !nesting.empty()) nesting.pop_back();
      is_key = !nesting.empty() && nesting.back() == '{' && c != ']' && c != '}';
    } else if (is_number_char(c)) {
      const std::size_t end = lex.while_is(lex.at() + 1, is_number_char);
      lex.put(is_key ? Scope::key : scope_of_value(lex.slice(lex.at(), end)), end);
    } else {
      lex.put_bytes(Scope::plain, 1);
    }
  }
}

// ---- YAML ----

class YamlLexer {
 public:
  explicit YamlLexer(Lexing& lexing) : lex_(lexing) {}

  void run() {
    while (!lex_.is_done()) {
      step_line();
      lex_.put_bytes(Scope::plain, 1);
    }
  }

 private:
  void step_line() {
    const std::size_t line_begin = lex_.at();
    const std::size_t line_end = lex_.line_end();
    lex_.put(Scope::plain, std::min(line_end, lex_.blanks_end(lex_.at())));
    const std::size_t indent = lex_.at() - line_begin;
    if (block_indent_ != no_block) {
      if (lex_.at() == line_end || indent > block_indent_) return lex_.put(Scope::string, line_end);
      block_indent_ = no_block;
    }
    const std::string_view line = lex_.slice(lex_.at(), line_end);
    if (indent == 0 && (line == "---" || line == "..."))
      return lex_.put(Scope::punctuation, line_end);
    if (indent == 0 && line.starts_with('%')) return lex_.put(Scope::preprocessor, line_end);
    indent_ = indent;
    while (lex_.looking_at("- ") || lex_.slice(lex_.at(), line_end) == "-") {
      lex_.put_bytes(Scope::punctuation, 1);
      lex_.put(Scope::plain, std::min(line_end, lex_.blanks_end(lex_.at())));
      indent_ = lex_.at() - line_begin;
    }
    put_key(line_end);
    while (lex_.at() < line_end) step_value(line_end);
  }

  // name: at the start of what is left of the line.
  void put_key(std::size_t line_end) {
    const char first = lex_.peek();
    if (contains("{[#&*!|>%@`", first) || lex_.at() >= line_end) return;
    std::size_t at = lex_.at();
    if (first == '"' || first == '\'') {
      at = lex_.while_is(at + 1, [first](char c) { return c != first && c != '\n'; }) + 1;
      if (lex_.slice(std::min(at, lex_.end()), std::min(at + 1, lex_.end())) != ":") return;
    } else {
      while (true) {
        at = lex_.while_is(at, [](char c) { return c != ':' && c != '\n' && c != '#'; });
        if (at >= line_end) return;
        const std::string_view here = lex_.slice(at, lex_.end());
        if (here[0] == '#' && is_space(lex_.slice(at - (at > 0), at + (at == 0))[0])) return;
        if (here[0] == ':' && (here.size() == 1 || is_space(here[1]))) break;
        ++at;
      }
    }
    lex_.put(Scope::key, at);
    lex_.put_bytes(Scope::punctuation, 1);
  }

  void step_value(std::size_t line_end) {
    const char c = lex_.peek();
    if (is_space(c)) return lex_.put(Scope::plain, lex_.blanks_end(lex_.at() + 1));
    if (c == '#' && is_space(lex_.before())) return lex_.put(Scope::comment, line_end);
    if (c == '"' || c == '\'') return put_quoted(lex_, Scope::string, c == '"');
    if (contains("{}[],", c)) return lex_.put_bytes(Scope::punctuation, 1);
    if ((c == '&' || c == '*') && is_word_start(lex_.peek(1)))
      return lex_.put(Scope::variable, lex_.while_is(lex_.at() + 1, is_name));
    if (c == '!') return lex_.put(Scope::type, lex_.while_is(lex_.at() + 1, is_name));
    if ((c == '|' || c == '>') && is_block_mark(line_end)) {
      lex_.put(Scope::operation, line_end);
      block_indent_ = indent_;
      return;
    }
    std::size_t end = lex_.at() + 1;
    for (; end < line_end; ++end) {
      const std::string_view here = lex_.slice(end, lex_.end());
      if (contains("{}[],#", here[0])) break;
      if (!here.starts_with(": ")) continue;
      lex_.put(Scope::key, end);  // in a flow map
      return lex_.put_bytes(Scope::punctuation, 1);
    }
    const std::string_view text = lex_.slice(lex_.at(), end);
    const Scope scope = scope_of_value(trim(text));
    lex_.put(scope == Scope::plain ? Scope::string : scope, end);
  }

  // "|", ">-", "|2 # why": what may follow is short, so that nothing is looked at twice.
  bool is_block_mark(std::size_t line_end) const {
    const auto is_indicator = [](char c) { return is_digit(c) || contains("+-", c); };
    const std::size_t end = lex_.blanks_end(lex_.while_is(lex_.at() + 1, is_indicator));
    return end >= line_end || lex_.slice(end, end + 1) == "#" || lex_.slice(end, end + 1) == "\r";
  }

  static bool is_name(char c) { return is_word_char(c) || contains("-/!.:", c); }

  static constexpr std::size_t no_block = static_cast<std::size_t>(-1);
  Lexing& lex_;
  std::size_t indent_ = 0;
  std::size_t block_indent_ = no_block;  // of the key whose text of several lines goes on
};

void lex_yaml(Lexing& lexing, const void*) { YamlLexer(lexing).run(); }

// ---- INI, .env, properties, systemd, desktop files ----

void lex_ini(Lexing& lex, const void*) {
  while (!lex.is_done()) {
    const std::size_t line_end = lex.line_end();
    lex.put(Scope::plain, lex.blanks_end(lex.at()));
    const char c = lex.peek();
    if (c == '#' || c == ';' || c == '!') {
      lex.put(Scope::comment, line_end);
    } else if (c == '[') {
      lex.put_bytes(Scope::punctuation, 1);
      lex.put(
          Scope::type,
          std::min(line_end, lex.while_is(lex.at(), [](char d) { return d != ']' && d != '\n'; })));
      lex.put(Scope::punctuation, line_end);
    } else {
      if (lex.looking_at("export ")) lex.put_bytes(Scope::keyword, 6);
      const std::size_t mark =
          std::min(line_end, lex.while_is(lex.at(), [](char d) { return !contains("=:\n", d); }));
      if (mark < line_end) {
        lex.put(Scope::key, mark);
        lex.put_bytes(Scope::operation, 1);
        lex.put(Scope::plain, std::min(line_end, lex.blanks_end(lex.at())));
        if (contains("\"'", lex.peek())) put_quoted(lex, Scope::string);
        else {
          const Scope scope = scope_of_value(trim(lex.slice(lex.at(), line_end)));
          lex.put(scope == Scope::plain ? Scope::string : scope, line_end);
        }
      }
      lex.put(Scope::plain, line_end);
    }
    lex.put_bytes(Scope::plain, 1);
  }
}

// ---- diff ----

void lex_diff(Lexing& lex, const void*) {
  struct Start {
    std::string_view text;
    Scope scope;
  };
  constexpr Start starts[] = {
      {"diff ", Scope::header},   {"index ", Scope::header},      {"--- ", Scope::header},
      {"+++ ", Scope::header},    {"new file", Scope::header},    {"deleted file", Scope::header},
      {"rename ", Scope::header}, {"similarity ", Scope::header}, {"@@", Scope::changed},
      {"***", Scope::header},     {"+", Scope::inserted},         {">", Scope::inserted},
      {"-", Scope::deleted},      {"<", Scope::deleted},          {"!", Scope::changed},
      {"#", Scope::comment},
  };
  while (!lex.is_done()) {
    const std::size_t line_end = lex.line_end();
    Scope scope = Scope::plain;
    for (const Start& start : starts)
      if (lex.looking_at(start.text)) {
        scope = start.scope;
        break;
      }
    lex.put(scope, line_end);
    lex.put_bytes(Scope::plain, 1);
  }
}

// ---- Dockerfile ----

void lex_docker(Lexing& lex, const void*) {
  constexpr std::string_view words[] = {
      "FROM",    "RUN", "CMD",     "LABEL",      "MAINTAINER",  "EXPOSE",
      "ENV",     "ADD", "COPY",    "ENTRYPOINT", "VOLUME",      "USER",
      "WORKDIR", "ARG", "ONBUILD", "STOPSIGNAL", "HEALTHCHECK", "SHELL"};
  while (!lex.is_done()) {
    lex.put(Scope::plain, lex.spaces_end(lex.at()));
    if (lex.is_done()) break;
    if (lex.peek() == '#') {
      lex.put(Scope::comment, lex.line_end());
      continue;
    }
    // An instruction goes on over lines that end with a backslash.
    std::size_t end = lex.line_end();
    while (end < lex.end() && end > lex.at() &&
           (lex.slice(end - 1, end) == "\\" || lex.slice(end - (end > 1 ? 2 : 1), end) == "\\\r"))
      end = lex.find_end("\n", end + 1);
    const std::size_t word_end = std::min(end, lex.while_is(lex.at(), is_alpha));
    std::string word(lex.slice(lex.at(), word_end));
    std::transform(word.begin(), word.end(), word.begin(), upper);
    const bool is_known = std::find(std::begin(words), std::end(words), word) != std::end(words);
    if (is_known) lex.put(Scope::keyword, word_end);
    if (word == "RUN" || word == "CMD" || word == "ENTRYPOINT" || word == "HEALTHCHECK") {
      lex.put(Scope::plain, lex.blanks_end(lex.at()));
      lex.embed(lex.peek() == '[' ? "json" : "shellscript", end);
      continue;
    }
    while (lex.at() < end) {
      const char c = lex.peek();
      if (contains("\"'", c)) {
        put_quoted(lex, Scope::string);
      } else if (c == '$') {
        const auto is_part = [](char d) { return is_word_char(d) || contains("{}:-", d); };
        lex.put(Scope::variable, std::max(lex.at() + 1, lex.while_is(lex.at() + 1, is_part)));
      } else if (lex.looking_at("--")) {
        lex.put(Scope::option,
                lex.while_is(lex.at(), [](char d) { return is_alnum(d) || d == '-'; }));
      } else if (is_word_start(c)) {
        const std::size_t part_end =
            lex.while_is(lex.at(), [](char d) { return is_word_char(d) || contains("-./", d); });
        const std::string_view part = lex.slice(lex.at(), part_end);
        const bool is_as = equals_ignoring_case(part, "as") && word == "FROM";
        const bool is_name = part_end < end && lex.slice(part_end, part_end + 1) == "=";
        lex.put(is_as ? Scope::keyword : is_name ? Scope::key : Scope::plain, part_end);
      } else if (is_digit(c)) {
        lex.put(Scope::number,
                lex.while_is(lex.at(), [](char d) { return is_digit(d) || d == '.'; }));
      } else {
        lex.put_bytes(contains("=:\\", c) ? Scope::operation : Scope::plain, 1);
      }
    }
  }
}

// ---- Makefile, justfile ----

void put_make_text(Lexing& lex, std::size_t end, Scope otherwise) {
  while (lex.at() < end) {
    if (lex.peek() == '$') {
      const char second = lex.peek(1);
      if (second == '(' || second == '{') {
        const char close = second == '(' ? ')' : '}';
        std::size_t depth = 0;
        std::size_t at = lex.while_is(lex.at() + 1, [&depth, second, close](char c) {
          depth += c == second;
          if (c == close) --depth;
          return depth > 0 && c != '\n';
        });
        lex.put(Scope::variable, std::min(end, at + 1));
      } else {
        lex.put_bytes(Scope::variable, 2);
      }
    } else if (lex.peek() == '#' && otherwise == Scope::plain) {
      lex.put(Scope::comment, end);
    } else {
      const std::size_t stop =
          lex.while_is(lex.at() + 1, [](char c) { return c != '$' && c != '\n' && c != '#'; });
      lex.put(otherwise, std::min(end, stop));
    }
  }
}

void lex_make(Lexing& lex, const void*) {
  constexpr std::string_view words[] = {"ifeq",   "ifneq",    "ifdef",    "ifndef", "else",
                                        "endif",  "include",  "-include", "define", "endef",
                                        "export", "unexport", "override", "vpath",  "private",
                                        "set",    "import",   "mod"};
  while (!lex.is_done()) {
    const std::size_t line_end = lex.line_end();
    if (lex.peek() == '\t' || lex.looking_at("    ")) {
      lex.put(Scope::plain, lex.blanks_end(lex.at()));
      lex.put(Scope::operation, lex.while_is(lex.at(), [](char c) { return contains("@-+", c); }));
      while (lex.at() < line_end) {  // make's own variables, and between them the shell
        const std::size_t dollar =
            lex.while_is(lex.at(), [](char c) { return c != '$' && c != '\n'; });
        lex.embed("shellscript", std::min(dollar, line_end));
        if (lex.at() >= line_end) break;
        const std::size_t bytes = lex.peek(1) == '$' ? 2 : 1;
        if (bytes == 2) lex.put(Scope::variable, lex.while_is(lex.at() + 2, is_word_char));
        else {
          const std::size_t stop =
              lex.peek(1) == '(' || lex.peek(1) == '{'
                  ? lex.while_is(lex.at(), [](char c) { return !contains(")}\n", c); }) + 1
                  : lex.at() + 2;
          lex.put(Scope::variable, std::min(stop, line_end));
        }
      }
    } else if (lex.peek() == '#') {
      lex.put(Scope::comment, line_end);
    } else {
      const std::size_t word_end =
          lex.while_is(lex.at(), [](char c) { return !is_space(c) && !contains(":=?+#$", c); });
      const std::string_view word = lex.slice(lex.at(), std::min(word_end, line_end));
      const std::string_view line = lex.slice(lex.at(), line_end);
      const std::size_t mark = line.find_first_of(":=");
      const bool is_word = std::find(std::begin(words), std::end(words), word) != std::end(words);
      const bool assigns =
          mark != std::string_view::npos &&
          (line[mark] == '=' || (mark + 1 < line.size() && line[mark + 1] == '=') ||
           line.substr(mark).starts_with("::="));
      if (is_word) {
        lex.put(Scope::keyword, word_end);
      } else if (assigns) {
        std::size_t name_end = lex.at() + mark;
        while (name_end > lex.at() && contains("?+ ", lex.slice(name_end - 1, name_end)[0]))
          --name_end;
        put_make_text(lex, name_end, Scope::variable);
        lex.put(Scope::operation, std::min(line_end, lex.while_is(lex.at(), [](char c) {
                  return contains(" :=?+", c);
                })));
      } else if (mark != std::string_view::npos) {
        put_make_text(lex, lex.at() + mark, Scope::function);
        lex.put_bytes(Scope::punctuation, 1);
      }
      put_make_text(lex, line_end, Scope::plain);
    }
    lex.put_bytes(Scope::plain, 1);
  }
}

// ---- nginx, Caddy, Apache: statements that begin with a word ----

void lex_nginx(Lexing& lex, const void*) {
  bool is_start = true;
  while (!lex.is_done()) {
    const char c = lex.peek();
    if (is_space(c)) {
      lex.put(Scope::plain, lex.spaces_end(lex.at()));
    } else if (c == '#') {
      lex.put(Scope::comment, lex.line_end());
    } else if (contains("{};", c)) {
      lex.put_bytes(Scope::punctuation, 1);
      is_start = true;
    } else if (c == '"' || c == '\'') {
      put_quoted(lex, Scope::string);
      is_start = false;
    } else if (c == '$') {
      const std::size_t end = lex.while_is(lex.at() + 1, is_word_char);
      lex.put(end == lex.at() + 1 ? Scope::plain : Scope::variable, end);
      is_start = false;
    } else {
      const std::size_t end = lex.while_is(
          lex.at() + 1, [](char d) { return !is_space(d) && !contains("{};\"'$", d); });
      const std::string_view word = lex.slice(lex.at(), end);
      Scope scope = scope_of_value(word);
      if (scope == Scope::plain && is_digit(word[0])) scope = Scope::number;
      if (word == "~" || word == "~*" || word == "=" || word == "^~" || word == "!=")
        scope = Scope::operation;
      else if (word[0] == '/' || word[0] == '^') scope = Scope::string;
      lex.put(is_start ? Scope::keyword : scope, end);
      is_start = false;
    }
  }
}

// ---- CSV: columns alternate ----

void lex_csv(Lexing& lex, const void* table) {
  const char separator = *static_cast<const char*>(table);
  bool is_first_line = true;
  while (!lex.is_done()) {
    const char c = lex.peek();
    if (c == '\n') {
      lex.put_bytes(Scope::plain, 1);
      is_first_line = false;
    } else if (c == separator) {
      lex.put_bytes(Scope::punctuation, 1);
    } else if (c == '"') {
      lex.put(Scope::string, lex.behind("\"", lex.at() + 1));
    } else {
      const std::size_t end =
          lex.while_is(lex.at() + 1, [separator](char d) { return d != separator && d != '\n'; });
      lex.put(is_first_line ? Scope::key : scope_of_value(trim(lex.slice(lex.at(), end))), end);
    }
  }
}

// ---- HTTP: a request or an answer, its fields, its body ----

void lex_http(Lexing& lex, const void*) {
  bool is_first = true;
  while (!lex.is_done()) {
    const std::size_t line_end = lex.line_end();
    if (is_first) {
      const std::size_t word =
          std::min(line_end, lex.while_is(lex.at(), [](char c) { return !is_space(c); }));
      lex.put(Scope::keyword, word);
      lex.put(Scope::string, line_end);
    } else if (trim(lex.slice(lex.at(), line_end)).empty()) {
      lex.put(Scope::plain, line_end + 1);
      const char c = lex.peek();
      lex.embed(c == '{' || c == '[' ? "json" : c == '<' ? "html" : "", lex.end());
      return;
    } else {
      lex.put(
          Scope::key,
          std::min(line_end, lex.while_is(lex.at(), [](char c) { return c != ':' && c != '\n'; })));
      lex.put(Scope::punctuation, std::min(line_end, lex.at() + 1));
      lex.put(Scope::string, line_end);
    }
    is_first = false;
    lex.put_bytes(Scope::plain, 1);
  }
}

// ---- LaTeX ----

void lex_latex(Lexing& lex, const void*) {
  while (!lex.is_done()) {
    const char c = lex.peek();
    if (c == '%') {
      lex.put(Scope::comment, lex.line_end());
    } else if (c == '\\') {
      const std::size_t end = lex.while_is(lex.at() + 1, is_alpha);
      const std::string_view word = lex.slice(lex.at(), end);
      const bool is_block = word == "\\begin" || word == "\\end";
      lex.put(is_block ? Scope::keyword : Scope::function, std::max(end, lex.at() + 2));
    } else if (c == '$') {
      lex.put_bytes(Scope::operation, 1);
    } else if (contains("{}[]&", c)) {
      lex.put_bytes(Scope::punctuation, 1);
    } else {
      lex.put(Scope::plain,
              lex.while_is(lex.at() + 1, [](char d) { return !contains("%\\${}[]&", d); }));
    }
  }
}

void lex_plain(Lexing& lex, const void*) { lex.put(Scope::plain, lex.end()); }

constexpr char comma = ',';
constexpr char tabulator = '\t';

constexpr std::array languages{
    CodeLanguage{"plain", lex_plain},     CodeLanguage{"json", lex_json},
    CodeLanguage{"jsonc", lex_json},      CodeLanguage{"json5", lex_json},
    CodeLanguage{"jsonl", lex_json},      CodeLanguage{"toml", lex_toml},
    CodeLanguage{"yaml", lex_yaml},       CodeLanguage{"ini", lex_ini},
    CodeLanguage{"dotenv", lex_ini},      CodeLanguage{"desktop", lex_ini},
    CodeLanguage{"systemd", lex_ini},     CodeLanguage{"diff", lex_diff},
    CodeLanguage{"docker", lex_docker},   CodeLanguage{"make", lex_make},
    CodeLanguage{"just", lex_make},       CodeLanguage{"nginx", lex_nginx},
    CodeLanguage{"csv", lex_csv, &comma}, CodeLanguage{"tsv", lex_csv, &tabulator},
    CodeLanguage{"http", lex_http},       CodeLanguage{"latex", lex_latex},
    CodeLanguage{"tex", lex_latex},
};

}  // namespace

std::span<const CodeLanguage> data_languages() { return languages; }

}  // namespace weir::text
