// HTML, XML, what is written into them (Jinja, PHP, Vue), and Markdown.
//
// Tags, attributes, comments and references; the content of <script> and <style> goes to its own
// lexer. Where a table asks for it, template marks and <?php may stand anywhere.
#include "text/highlight_lexing.h"

#include <utility>

namespace weir::text {

namespace {

using enum Scope;

enum class Templates : std::uint8_t { none, jinja, braces };

struct MarkupTable {
  bool is_html = true;
  bool has_php = false;
  Templates templates = Templates::none;
};

constexpr MarkupTable html{};
constexpr MarkupTable xml{.is_html = false};
constexpr MarkupTable vue{.templates = Templates::braces};
constexpr MarkupTable jinja{.templates = Templates::jinja};
constexpr MarkupTable php{.has_php = true};

// ---- the inside of {{ }} and {% %} ----

constexpr auto jinja_words = word_table([] {
  return std::array{
      WordList{keyword,
               "autoescape block break call continue do elif else endautoescape endblock endcall "
               "endfilter endfor endif endmacro endraw endset endtrans endwith extends filter for "
               "from if import include macro raw recursive set set_global super trans with without "
               "ignore missing as context scoped component slot"},
      WordList{operation, "and in is not or"},
      WordList{self, "loop self __tera_context caller varargs kwargs"},
      WordList{literal, "true false none True False None null"}};
});
constexpr std::array jinja_strings{StringRule{"\"", "\"", true, true},
                                   StringRule{"'", "'", true, true},
                                   StringRule{"`", "`", false, true}};
constexpr CodeTable jinja_code{
    .words = jinja_words.words(), .strings = jinja_strings, .traits = calls | equals_keys};
constexpr CodeLanguage jinja_inside{"jinja-code", lex_code, &jinja_code};

class MarkupLexer {
 public:
  MarkupLexer(Lexing& lexing, const MarkupTable& table) : lex_(lexing), table_(table) {}

  void run() {
    while (!lex_.is_done()) step();
  }

 private:
  void step() {
    if (step_template()) return;
    const char c = lex_.peek();
    if (c == '<') return step_mark();
    if (c == '&') return step_reference(plain);
    // "{" and "<?" begin with characters that are looked at anew.
    lex_.put(plain, lex_.while_is(lex_.at() + 1, [](char d) { return !contains("<&{", d); }));
  }

  bool step_template() {
    if (table_.has_php && lex_.looking_at("<?") && !lex_.looking_at("<?xml")) {
      const std::size_t close = lex_.find_end("?>", lex_.at());
      const std::size_t word =
          lex_.while_is(lex_.at() + 2, [](char c) { return is_alpha(c) || c == '='; });
      lex_.put(preprocessor, word);
      lex_.embed("php-code", close);
      lex_.put_bytes(preprocessor, 2);
      return true;
    }
    if (table_.templates == Templates::none || lex_.peek() != '{') return false;
    const char second = lex_.peek(1);
    if (table_.templates == Templates::jinja && second == '#') {
      lex_.put(comment, lex_.behind("#}", lex_.at()));
      return true;
    }
    const bool is_statement = table_.templates == Templates::jinja && second == '%';
    if (second != '{' && !is_statement) return false;
    std::size_t close = lex_.find_end(is_statement ? "%}" : "}}", lex_.at());
    const std::size_t closing = close < lex_.end() ? close + 2 : close;
    if (close > lex_.at() + 2 && contains("-~+", lex_.slice(close - 1, close)[0])) --close;
    lex_.put_bytes(embedded, 2);
    if (contains("-~+", lex_.peek())) lex_.put_bytes(embedded, lex_.at() < close ? 1 : 0);
    if (table_.templates == Templates::jinja) lex_.embed(&jinja_inside, close);
    else lex_.embed("typescript", close);
    lex_.put(embedded, closing);
    return true;
  }

  void step_mark() {
    if (lex_.looking_at("<!--")) return lex_.put(comment, lex_.behind("-->", lex_.at() + 4));
    if (lex_.looking_at("<![CDATA[")) return lex_.put(string, lex_.behind("]]>", lex_.at()));
    if (lex_.looking_at("<!") || lex_.looking_at("<?"))
      return lex_.put(preprocessor, lex_.behind(">", lex_.at()));
    const std::size_t marks = lex_.peek(1) == '/' ? 2 : 1;
    if (!is_word_start(lex_.peek(marks))) return lex_.put_bytes(plain, 1);
    lex_.put_bytes(punctuation, marks);
    const std::size_t end = lex_.while_is(lex_.at(), is_name);
    const std::string name = lower_of(lex_.slice(lex_.at(), end));
    lex_.put(tag, end);
    attributes_language_.clear();
    const bool is_open = put_attributes();
    if (is_open && marks == 1 && table_.is_html) put_raw_content(name);
  }

  static bool is_name(char c) { return is_word_char(c) || c == '-' || c == ':' || c == '.'; }

  // True when the tag ended with `>` and has content.
  bool put_attributes() {
    std::string attribute_name;
    while (!lex_.is_done()) {
      if (step_template()) continue;
      const char c = lex_.peek();
      if (is_space(c)) {
        lex_.put(plain, lex_.spaces_end(lex_.at()));
      } else if (c == '>') {
        lex_.put_bytes(punctuation, 1);
        return true;
      } else if (lex_.looking_at("/>")) {
        lex_.put_bytes(punctuation, 2);
        return false;
      } else if (c == '<') {
        return false;  // the tag was never closed
      } else if (c == '=') {
        lex_.put_bytes(operation, 1);
        lex_.put(plain, lex_.spaces_end(lex_.at()));
        put_value(attribute_name);
      } else if (is_word_start(c) || contains("@:#*", c)) {
        const std::size_t end =
            lex_.while_is(lex_.at() + 1, [](char d) { return is_name(d) || d == '@'; });
        attribute_name = lower_of(lex_.slice(lex_.at(), end));
        lex_.put(attribute, end);
      } else {
        lex_.put_bytes(plain, 1);
      }
    }
    return false;
  }

  void put_value(std::string_view name) {
    const char quote = lex_.peek();
    if (quote != '"' && quote != '\'') {
      const auto is_bare = [](char c) { return !is_space(c) && c != '>' && c != '{'; };
      if (lex_.peek() != '{') lex_.put(string, lex_.while_is(lex_.at(), is_bare));
      return;
    }
    lex_.put_bytes(string, 1);
    const std::size_t begin = lex_.at();
    while (!lex_.is_done() && lex_.peek() != quote) {
      if (step_template()) continue;
      const auto is_text = [quote](char c) {
        return c != quote && c != '&' && c != '{' && c != '<';
      };
      if (lex_.peek() == '&') step_reference(string);
      else lex_.put(string, lex_.while_is(lex_.at() + 1, is_text));
    }
    if (name == "type" || name == "lang")
      attributes_language_ = lower_of(lex_.slice(begin, std::min(lex_.at(), lex_.end())));
    lex_.put_bytes(string, 1);
  }

  // <script> and <style> hold no tags. The text up to their end is another language's.
  void put_raw_content(std::string_view name) {
    if (name != "script" && name != "style") return;
    std::size_t end = lex_.at();
    const std::string close = "</" + std::string(name);
    while (true) {
      end = lex_.find_end("</", end);
      if (end >= lex_.end() ||
          equals_ignoring_case(lex_.slice(end, std::min(end + close.size(), lex_.end())), close))
        break;
      end += 2;
    }
    const std::string& said = attributes_language_;
    std::string_view language = name == "style" ? "css" : "javascript";
    if (said == "scss" || said == "less" || said == "sass" || said == "tsx") language = said;
    else if (said == "ts" || said == "typescript") language = "typescript";
    else if (said.find("json") != std::string::npos || said == "importmap") language = "json";
    if (table_.templates != Templates::jinja) return lex_.embed(language, end);
    // Templates in scripts: the pieces between are lexed one by one.
    while (lex_.at() < end) {
      if (step_template()) continue;
      std::size_t mark = lex_.at();
      do {
        mark = std::min(end, lex_.find_end("{", mark + 1));
      } while (mark < end && !contains("{%#", lex_.slice(mark, std::min(mark + 2, end)).back()));
      lex_.embed(language, mark);
    }
  }

  void step_reference(Scope otherwise) {
    std::size_t bytes = 1;
    while (bytes < 32 && (is_alnum(lex_.peek(bytes)) || lex_.peek(bytes) == '#')) ++bytes;
    if (bytes > 1 && lex_.peek(bytes) == ';') return lex_.put_bytes(escape, bytes + 1);
    lex_.put_bytes(otherwise, 1);
  }

  Lexing& lex_;
  const MarkupTable& table_;
  std::string attributes_language_;  // of the last tag: its type or lang
};

void lex_markup(Lexing& lexing, const void* table) {
  const auto& markup = *static_cast<const MarkupTable*>(table);
  // A piece of PHP alone, as documentation has it.
  if (markup.has_php && lexing.find_end("<?", lexing.at()) == lexing.end() &&
      lexing.find_end("</", lexing.at()) == lexing.end())
    return lexing.embed("php-code", lexing.end());
  MarkupLexer(lexing, markup).run();
}

// Front matter between --- lines, then components: Astro and Svelte are HTML enough.
void lex_astro(Lexing& lexing, const void* table) {
  if (lexing.looking_at("---\n")) {
    lexing.put_bytes(punctuation, 4);
    lexing.embed("typescript", lexing.find_end("\n---", lexing.at()));
    lexing.put_bytes(punctuation, 4);
  }
  lex_markup(lexing, table);
}

// ---- Markdown ----

class MarkdownLexer {
 public:
  explicit MarkdownLexer(Lexing& lexing) : lex_(lexing) {}

  void run() {
    put_front_matter("---\n", "yaml");
    put_front_matter("+++\n", "toml");
    while (!lex_.is_done()) {
      step_line();
      lex_.put_bytes(plain, 1);
    }
  }

 private:
  void put_front_matter(std::string_view mark, std::string_view language) {
    if (lex_.at() != 0 || !lex_.looking_at(mark)) return;
    const std::string close = '\n' + std::string(mark.substr(0, 3));
    const std::size_t end = lex_.find_end(close, 3);
    if (end >= lex_.end()) return;
    lex_.put_bytes(punctuation, 4);
    lex_.embed(language, std::max(end + 1, lex_.at()));
    lex_.put_bytes(punctuation, 3);
  }

  void step_line() {
    const std::size_t line_end = lex_.line_end();
    lex_.put(plain, lex_.blanks_end(lex_.at()));
    const char c = lex_.peek();
    if (lex_.looking_at("```") || lex_.looking_at("~~~")) return put_fence(line_end);
    if (c == '#') {
      const std::size_t marks = lex_.while_is(lex_.at(), [](char d) { return d == '#'; });
      if (marks <= lex_.at() + 6 && (marks == line_end || lex_.slice(marks, marks + 1) == " "))
        return lex_.put(heading, line_end);
    }
    if (c == '>') {
      lex_.put_bytes(quote, 1);
      return put_text(line_end);
    }
    if (is_rule(lex_.slice(lex_.at(), line_end))) return lex_.put(punctuation, line_end);
    const std::size_t digits = lex_.while_is(lex_.at(), is_digit);
    const bool is_number = digits > lex_.at() && digits + 1 < line_end &&
                           contains(".)", lex_.slice(digits, digits + 1)[0]) &&
                           lex_.slice(digits + 1, digits + 2) == " ";
    if (is_number) lex_.put(list, digits + 1);
    else if (contains("-*+", c) && c != '\0' && lex_.peek(1) == ' ') lex_.put_bytes(list, 1);
    put_text(line_end);
  }

  static bool is_rule(std::string_view line) {
    line = trim(line);
    return line.size() >= 3 && contains("-*_=", line[0]) &&
           line.find_first_not_of(line[0]) == std::string_view::npos;
  }

  void put_fence(std::size_t line_end) {
    const char mark = lex_.peek();
    std::size_t marks = 0;
    while (lex_.peek(marks) == mark) ++marks;
    const std::string fence = '\n' + std::string(marks, mark);
    lex_.put_bytes(punctuation, marks);
    const std::size_t word_end = std::min(line_end, lex_.while_is(lex_.at(), [](char c) {
      return is_word_char(c) || contains("+#-", c);
    }));
    const std::string word = lower_of(lex_.slice(lex_.at(), word_end));
    lex_.put(name_space, word_end);
    lex_.put(attribute, line_end);
    const std::size_t close = lex_.find_end(fence, lex_.at());
    lex_.put(plain, std::min(lex_.at() + 1, close + 1));
    const CodeLanguage* language = find_code_language(language_of_word(word));
    lex_.embed(language, std::min(close + 1, lex_.end()), raw);
    const std::size_t end = lex_.line_end();
    lex_.put(punctuation, end);
  }

  // The short forms that are most common in documents; others are plain.
  static std::string_view language_of_word(std::string_view word) {
    constexpr std::pair<std::string_view, std::string_view> known[] = {
        {"rs", "rust"},   {"js", "javascript"},  {"ts", "typescript"},
        {"py", "python"}, {"sh", "shellscript"}, {"bash", "shellscript"},
        {"yml", "yaml"},  {"md", "markdown"},    {"shell", "shellscript"}};
    for (const auto& [alias, name] : known)
      if (alias == word) return name;
    return word;
  }

  void put_text(std::size_t line_end) {
    while (lex_.at() < line_end) {
      const char c = lex_.peek();
      if (c == '`' && put_until("`", raw, line_end)) continue;
      if (lex_.looking_at("**") && put_until("**", bold, line_end)) continue;
      if ((c == '*' || c == '_') && !is_word_char(lex_.before()) && !is_space(lex_.peek(1)) &&
          put_until(c == '*' ? "*" : "_", italic, line_end))
        continue;
      if ((c == '[' || lex_.looking_at("![")) && put_link(line_end)) continue;
      if (c == '<' && put_tag(line_end)) continue;
      if (c == '\\') {
        lex_.put_bytes(escape, lex_.at() + 1 < line_end ? 2 : 1);
        continue;
      }
      const std::size_t end =
          lex_.while_is(lex_.at() + 1, [](char d) { return !contains("`*_[!<\\\n", d); });
      lex_.put(plain, std::min(end, line_end));
    }
  }

  // From a mark to the same mark on this line. A mark that has no end on the line is not looked for
  // again on it.
  bool put_until(std::string_view mark, Scope scope, std::size_t line_end) {
    std::size_t& barren = barren_until_[mark == "`" ? 0 : mark == "**" ? 1 : mark == "*" ? 2 : 3];
    if (lex_.at() < barren) return false;
    const std::string_view line = lex_.slice(lex_.at(), line_end);
    const std::size_t end = line.find(mark, mark.size());
    lex_.count_steps(std::min(end, line.size()));
    if (end == std::string_view::npos) {
      barren = line_end;
      return false;
    }
    lex_.put(scope, lex_.at() + end + mark.size());
    return true;
  }

  // [text](target)
  bool put_link(std::size_t line_end) {
    if (lex_.at() < barren_until_[4]) return false;
    const std::string_view line = lex_.slice(lex_.at(), line_end);
    const std::size_t middle = line.find("](");
    const std::size_t end = middle == std::string_view::npos ? middle : line.find(')', middle);
    lex_.count_steps(std::min(end, line.size()));
    if (end == std::string_view::npos) {
      barren_until_[4] = line_end;
      return false;
    }
    const std::size_t begin = lex_.at();
    lex_.put_bytes(punctuation, line[0] == '!' ? 2 : 1);
    lex_.put(string, begin + middle);
    lex_.put(punctuation, begin + middle + 2);
    lex_.put(link, begin + end);
    lex_.put_bytes(punctuation, 1);
    return true;
  }

  bool put_tag(std::size_t line_end) {
    if (lex_.at() < barren_until_[5]) return false;
    if (!is_alpha(lex_.peek(1)) && !contains("/!", lex_.peek(1))) return false;
    const std::string_view line = lex_.slice(lex_.at(), line_end);
    const std::size_t end = line.find('>');
    lex_.count_steps(std::min(end, line.size()));
    if (end == std::string_view::npos) {
      barren_until_[5] = line_end;
      return false;
    }
    const bool is_link = line.substr(0, end).find("://") != std::string_view::npos &&
                         line[1] == 'h' && line.substr(0, 5) == "<http";
    if (is_link) lex_.put(link, lex_.at() + end + 1);
    else lex_.embed("html", lex_.at() + end + 1);
    return true;
  }

  Lexing& lex_;
  std::array<std::size_t, 6> barren_until_{};  // by mark: none ends before
};

void lex_markdown(Lexing& lexing, const void*) { MarkdownLexer(lexing).run(); }

constexpr std::array languages{
    CodeLanguage{"html", lex_markup, &html},
    CodeLanguage{"xml", lex_markup, &xml},
    CodeLanguage{"xsl", lex_markup, &xml},
    CodeLanguage{"vue", lex_markup, &vue},
    CodeLanguage{"svelte", lex_markup, &html},
    CodeLanguage{"astro", lex_astro, &html},
    CodeLanguage{"handlebars", lex_markup, &jinja},
    CodeLanguage{"jinja", lex_markup, &jinja},
    CodeLanguage{"twig", lex_markup, &jinja},
    CodeLanguage{"liquid", lex_markup, &jinja},
    CodeLanguage{"php", lex_markup, &php},
    CodeLanguage{"markdown", lex_markdown},
    CodeLanguage{"mdx", lex_markdown},
};

}  // namespace

std::span<const CodeLanguage> markup_languages() { return languages; }

}  // namespace weir::text
