// The engine for languages that look like programs: comments, strings with holes, numbers, words.
//
// A stack of frames says where the cursor is: in code, in a string, or in a JSX tag or its content.
// A hole in a string ("${", "#{", "{", "\(") puts a frame of code on the string's; the bracket that
// closes it takes the frame off again. `Previous` is what stood before, so that `/` is a division
// behind a value and begins a regular expression elsewhere. No grammar, one pass, no way back
// further than one literal.
//
// The file is long because it is one class: every mark that some language has is a short function
// beside the others, and all of them share the cursor, the stack and what stood before.
#include "text/highlight_lexing.h"

#include <utility>

namespace weir::text {

namespace {

constexpr std::size_t frames_max = 64;           // deeper holes are text of their string
constexpr std::size_t here_documents_max = 8;    // on one line
constexpr std::size_t character_bytes_max = 12;  // '\u{10FFFF}'

constexpr std::string_view operators = "+-*/%=<>!&|^~?:@\\$#";
constexpr std::string_view brackets = "()[]{},;.";

enum class Mode : std::uint8_t { code, string, tag, content };

struct Frame {
  Mode mode = Mode::code;
  bool closes = false;     // a tag: it is </x>
  std::size_t braces = 0;  // code: how many are open within the hole
  char hole_end = '}';
  StringRule rule = {};    // string
  std::string close = {};  // string: what ends it, when the rule does not say
};

enum class Previous : std::uint8_t { nothing, value, keyword, operation, dot };

struct HereDocument {
  std::string_view word;
  bool indented = false;
  Hole hole = Hole::none;
};

class CodeLexer {
 public:
  CodeLexer(Lexing& lexing, const CodeTable& table) : lex_(lexing), table_(table) {
    frames_.emplace_back();
  }

  void run() {
    while (!lex_.is_done()) {
      switch (frames_.back().mode) {
        case Mode::code: step_code(); break;
        case Mode::string: step_string(); break;
        case Mode::tag: step_tag(); break;
        case Mode::content: step_content(); break;
      }
    }
  }

 private:
  bool has(Trait trait) const { return (table_.traits & trait) != 0; }
  bool may_push() const { return frames_.size() < frames_max; }
  bool is_word_start_here(char c) const {
    return is_word_start(c) || contains(table_.word_starts, c);
  }
  bool is_word_char_here(char c) const { return is_word_char(c) || contains(table_.word_chars, c); }

  void value(Scope scope, std::size_t end) {
    lex_.put(scope, end);
    previous_ = Previous::value;
    next_ = Scope::plain;
  }

  void push_string(const StringRule& rule, std::size_t opening_bytes, std::string close = {}) {
    lex_.put_bytes(rule.scope, opening_bytes);
    next_ = Scope::plain;
    if (!may_push()) return;
    Frame frame;
    frame.mode = Mode::string;
    frame.rule = rule;
    frame.close = close.empty() ? std::string(rule.close) : std::move(close);
    frames_.push_back(std::move(frame));
  }

  void push_code(char hole_end) {
    Frame frame;
    frame.hole_end = hole_end;
    frames_.push_back(std::move(frame));
    previous_ = Previous::nothing;
    next_ = Scope::plain;
  }

  void pop() {
    if (frames_.size() > 1) frames_.pop_back();
    previous_ = Previous::value;
  }

  // ---- code ----

  void step_code() {
    const char c = lex_.peek();
    if (is_space(c)) return step_space();
    if (is_word_start_here(c) && step_prefixed_string()) return;
    if (is_word_start_here(c)) return step_word();
    if (is_digit(c) || (c == '.' && is_digit(lex_.peek(1)) && previous_ != Previous::value &&
                        previous_ != Previous::dot))
      return value(Scope::number, number_end());
    if (step_comment() || step_mark(c) || step_string_start()) return;
    step_operator(c);
  }

  void step_space() {
    const std::size_t end =
        lex_.while_is(lex_.at(), [](char c) { return is_space(c) && c != '\n'; });
    if (end > lex_.at()) return lex_.put(Scope::plain, end);
    lex_.put_bytes(Scope::plain, 1);
    starts_statement_ = true;
    if (has(line_tags)) previous_ = Previous::nothing;
    for (const HereDocument& document : std::exchange(here_documents_, {})) put_here(document);
  }

  bool step_comment() {
    for (const std::string_view mark : table_.line_comments)
      if (lex_.looking_at(mark)) {
        if (mark == "#" && lex_.peek(1) == '[' && (has(rust_marks) || has(brackets_attributes)))
          return false;
        lex_.put(comment_scope(), lex_.line_end());
        return true;
      }
    for (const BlockComment& comment : table_.block_comments)
      if (lex_.looking_at(comment.open)) {
        const Scope scope = comment_scope();
        lex_.put(scope, comment_end(comment));
        return true;
      }
    return false;
  }

  Scope comment_scope() const {
    for (const std::string_view mark : table_.documentation)
      if (lex_.looking_at(mark) && !lex_.looking_at("////") && !lex_.looking_at("/**/"))
        return Scope::documentation;
    return Scope::comment;
  }

  std::size_t comment_end(const BlockComment& comment) const {
    std::size_t at = lex_.at() + comment.open.size();
    if (!comment.nests) return lex_.behind(comment.close, at);
    std::size_t depth = 1;
    const std::size_t begin = at;
    while (at < lex_.end() && depth > 0) {
      const std::string_view here = lex_.slice(at, lex_.end());
      if (here.starts_with(comment.open)) {
        ++depth;
        at += comment.open.size();
      } else if (here.starts_with(comment.close)) {
        --depth;
        at += comment.close.size();
      } else {
        ++at;
      }
    }
    lex_.count_steps(at - begin);
    return at;
  }

  std::size_t number_end() const {
    std::size_t at = lex_.at();
    const bool is_hex = lex_.peek() == '0' && lower(lex_.peek(1)) == 'x';
    for (; at < lex_.end(); ++at) {
      const std::string_view here = lex_.slice(at, lex_.end());
      const char c = here[0];
      const char after = here.size() > 1 ? here[1] : '\0';
      const char ahead = at > lex_.at() ? lower(lex_.slice(at - 1, at)[0]) : '\0';
      if (is_alnum(c) || c == '_') continue;
      if (c == '.' && is_digit(after)) continue;
      if (c == '\'' && has(cpp_marks) && is_alnum(after)) continue;
      if ((c == '-' || c == '+') && ahead == (is_hex ? 'p' : 'e') && is_digit(after)) continue;
      if (c == '%' && contains(table_.word_chars, '%')) continue;
      break;
    }
    lex_.count_steps(at - lex_.at());
    return at;
  }

  // ---- words ----

  void step_word() {
    const std::size_t begin = lex_.at();
    std::size_t end = lex_.while_is(begin + 1, [this](char c) { return is_word_char_here(c); });
    const char after = end < lex_.end() ? lex_.slice(end, end + 1)[0] : '\0';
    const char behind_it = end + 1 < lex_.end() ? lex_.slice(end + 1, end + 2)[0] : '\0';
    if (contains(table_.word_ends, after) && behind_it != '=' && after != '\0') ++end;
    const std::string_view word = lex_.slice(begin, end);
    const bool at_line_start = begin == 0 || lex_.before() == '\n';
    const bool starts_statement = std::exchange(starts_statement_, false);
    const Word* known = known_word(word);
    if (known != nullptr && known->scope == Scope::keyword && previous_ != Previous::dot &&
        has(colon_keys) && after == ':' && behind_it != ':' && !is_block_label(word))
      known = nullptr;  // a key that is called like a keyword
    if (known != nullptr) {
      const bool is_keyword = known->scope == Scope::keyword || known->scope == Scope::operation;
      const Scope pending = next_;
      lex_.put(known->scope == Scope::operation ? Scope::word_operation : known->scope, end);
      previous_ = is_keyword ? Previous::keyword : Previous::value;
      next_ = known->next != Scope::plain       ? known->next
              : known->scope == Scope::modifier ? pending
                                                : Scope::plain;
      return;
    }
    const Scope scope = scope_of_word(word, end, {at_line_start, starts_statement});
    const bool goes_on = scope == Scope::name_space && next_ == Scope::name_space;
    const Scope pending = next_;
    lex_.put(scope, end);
    previous_ = Previous::value;
    next_ = goes_on ? pending : Scope::plain;
  }

  static bool is_block_label(std::string_view word) {
    return word == "default" || word == "case" || word == "else" || word == "do" || word == "try" ||
           word == "public" || word == "private" || word == "protected" || word == "lambda";
  }

  const Word* known_word(std::string_view word) const {
    if (previous_ == Previous::dot && !has(words_after_dot) && word != "await") return nullptr;
    if (!has(any_case)) return table_.words.find(word);
    if (word.size() > word_bytes_max) return nullptr;
    std::array<char, word_bytes_max> buffer{};
    std::transform(word.begin(), word.end(), buffer.begin(), lower);
    return table_.words.find({buffer.data(), word.size()});
  }

  struct Standing {
    bool at_line_start = false;
    bool starts_statement = false;
  };

  Scope scope_of_word(std::string_view word, std::size_t end, Standing standing) const {
    const std::string_view rest = lex_.slice(end, lex_.end());
    const char after = rest.empty() ? '\0' : rest[0];
    const char second = rest.size() > 1 ? rest[1] : '\0';
    if (has(rust_marks) && after == '!' && second != '=') return Scope::macro;
    if (next_ != Scope::plain) return next_;
    if (has(line_tags) && standing.starts_statement) return Scope::tag;
    if (has(lisp_lists) && lex_.before() == '(') return Scope::function;
    if (has(colon_paths) && after == ':' && second == ':' && !is_upper(word[0]))
      return Scope::name_space;
    const bool is_call = after == '(' && has(calls);
    if (is_call && !(has(upper_call_is_type) && is_upper(word[0]) && previous_ != Previous::dot))
      return Scope::function;
    if (has(line_functions) && standing.at_line_start && !is_upper(word[0])) return Scope::function;
    if (has(cmdlets) && word.find('-') != std::string_view::npos) return Scope::function;
    if (has(upper_is_type) && is_upper(word[0]))
      return is_caps(word) && !has(caps_are_types) ? Scope::constant : Scope::type;
    if (has(cpp_marks) && word.size() > 2 && word.ends_with("_t")) return Scope::known_type;
    if (previous_ == Previous::dot) return Scope::property;
    if (has(colon_keys) && after == ':' && second != ':' && previous_ != Previous::operation)
      return Scope::key;
    if (has(equals_keys)) {
      const std::size_t mark = lex_.blanks_end(end);
      const std::string_view behind = lex_.slice(mark, std::min(mark + 2, lex_.end()));
      if (behind.starts_with('=') && behind != "==" && behind != "=>" && behind != "=~")
        return Scope::key;
    }
    return Scope::plain;
  }

  static bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
  static bool is_caps(std::string_view word) {
    return word.size() > 1 &&
           std::none_of(word.begin(), word.end(), [](char c) { return c >= 'a' && c <= 'z'; });
  }

  // ---- strings ----

  bool step_string_start() {
    for (const StringRule& rule : table_.strings)
      if (lex_.looking_at(rule.open)) {
        push_string(rule, rule.open.size());
        return true;
      }
    return false;
  }

  // r"", b'', f"""""", br#""#, R"x()x", @"", $"": a string with letters before it.
  bool step_prefixed_string() {
    if (has(python_prefixes)) return step_python_string();
    if (has(rust_marks)) return step_rust_string();
    if (has(cpp_marks)) return step_cpp_string();
    return false;
  }

  bool step_python_string() {
    bool is_raw = false;
    bool is_format = false;
    std::size_t letters = 0;
    for (; letters < 3 && contains("rRbBuUfFtT", lex_.peek(letters)); ++letters) {
      const char c = lower(lex_.peek(letters));
      is_raw |= c == 'r';
      is_format |= c == 'f' || c == 't';
    }
    const char quote = lex_.peek(letters);
    if (letters == 0 || letters > 2 || (quote != '"' && quote != '\'')) return false;
    if (previous_ == Previous::dot) return false;
    lex_.put_bytes(Scope::storage, letters);
    const bool is_long = lex_.peek(1) == quote && lex_.peek(2) == quote;
    StringRule rule;
    rule.escapes = !is_raw;
    rule.lines = is_long;
    rule.hole = is_format ? Hole::brace : Hole::none;
    push_string(rule, is_long ? 3 : 1, std::string(is_long ? 3 : 1, quote));
    return true;
  }

  bool step_rust_string() {
    std::size_t letters = 0;
    while (letters < 2 && contains("bcr", lex_.peek(letters))) ++letters;
    if (letters == 0) return false;
    const bool is_raw = lex_.peek(letters - 1) == 'r';
    std::size_t hashes = 0;
    while (is_raw && hashes < 255 && lex_.peek(letters + hashes) == '#') ++hashes;
    const char quote = lex_.peek(letters + hashes);
    if (quote == '\'' && letters == 1 && lex_.peek() == 'b') {
      lex_.put_bytes(Scope::string, 1);
      return true;
    }
    if (quote != '"') return false;
    StringRule rule;
    rule.escapes = !is_raw;
    rule.lines = true;
    rule.hole = Hole::brace_placeholder;
    push_string(rule, letters + hashes + 1, '"' + std::string(hashes, '#'));
    return true;
  }

  bool step_cpp_string() {
    std::size_t letters = 0;
    while (letters < 3 && contains("uUL8R", lex_.peek(letters))) ++letters;
    if (letters == 0 || lex_.peek(letters) != '"') return false;
    StringRule rule;
    rule.hole = Hole::percent;
    if (lex_.peek(letters - 1) != 'R') {
      push_string(rule, letters + 1, "\"");
      return true;
    }
    std::size_t name = letters + 1;
    constexpr std::size_t delimiter_bytes_max = 16;  // of the standard
    while (name < letters + 1 + delimiter_bytes_max && !contains("( )\\\n", lex_.peek(name)) &&
           lex_.peek(name) != '\0')
      ++name;
    if (lex_.peek(name) != '(') return false;
    rule.escapes = false;
    rule.lines = true;
    rule.hole = Hole::none;
    const std::string close =
        ')' + std::string(lex_.rest().substr(letters + 1, name - letters - 1)) + '"';
    push_string(rule, name + 1, close);
    return true;
  }

  void step_string() {
    const StringRule rule = frames_.back().rule;
    const std::string& close = frames_.back().close;
    const std::size_t begin = lex_.at();
    std::size_t at = begin;
    while (at < lex_.end()) {
      const std::string_view here = lex_.slice(at, lex_.end());
      const char c = here[0];
      if (c == '\n' && !rule.lines) {
        lex_.put(rule.scope, at);
        return pop();
      }
      if (c == close[0] && here.starts_with(close)) {
        if (rule.doubled && here.size() >= 2 * close.size() &&
            here.substr(close.size()).starts_with(close)) {
          lex_.put(rule.scope, at);
          return lex_.put_bytes(Scope::escape, 2 * close.size());
        }
        at += close.size();
        if (rule.scope == Scope::regexp) at = lex_.while_is(at, is_alpha);  // its flags
        lex_.put(rule.scope, at);
        return pop();
      }
      if (c == '\\' && rule.hole == Hole::backslash_paren && here.size() > 1 && here[1] == '(' &&
          may_push())
        return open_hole(at, rule.scope, 2, ')');
      if (c == '\\' && rule.escapes) return put_escape(at, rule);
      if (rule.hole != Hole::none && step_hole(here, at, rule)) return;
      ++at;
    }
    lex_.put(rule.scope, at);
  }

  void put_escape(std::size_t at, const StringRule& rule) {
    lex_.put(rule.scope, at);
    lex_.put(rule.scope == Scope::regexp ? Scope::regexp : Scope::escape, at + escape_bytes(rule));
  }

  // Of the escape at the cursor.
  std::size_t escape_bytes(const StringRule& rule) const {
    const char kind = lex_.peek(1);
    if (kind == '\n' && !rule.lines) return 1;
    const auto hex_digits = [this](std::size_t from, std::size_t most) {
      std::size_t digits = 0;
      while (digits < most && hex_digit_of(lex_.peek(from + digits)) >= 0) ++digits;
      return from + digits;
    };
    if (kind == 'x') return hex_digits(2, 2);
    if (kind == 'u' && lex_.peek(2) == '{') {
      const std::size_t digits = hex_digits(3, 8);
      return lex_.peek(digits) == '}' ? digits + 1 : 2;
    }
    if (kind == 'u') return hex_digits(2, 4);
    if (kind == 'U') return hex_digits(2, 8);
    if (kind >= '0' && kind <= '7') {
      std::size_t digits = 2;
      while (digits < 4 && lex_.peek(digits) >= '0' && lex_.peek(digits) <= '7') ++digits;
      return digits;
    }
    std::size_t bytes = 2;  // a character of several bytes stays whole
    while (bytes < 5 && (static_cast<unsigned char>(lex_.peek(bytes)) & 0xC0) == 0x80) ++bytes;
    return bytes;
  }

  void open_hole(std::size_t at, Scope scope, std::size_t bytes, char hole_end) {
    lex_.put(scope, at);
    lex_.put_bytes(Scope::embedded, bytes);
    push_code(hole_end);
  }

  // True when something was emitted. `here` begins at `at`.
  bool step_hole(std::string_view here, std::size_t at, const StringRule& rule) {
    const char c = here[0];
    const char second = here.size() > 1 ? here[1] : '\0';
    const auto placeholder = [&](std::size_t bytes) {
      lex_.put(rule.scope, at);
      lex_.put_bytes(Scope::placeholder, bytes);
      return true;
    };
    switch (rule.hole) {
      case Hole::dollar_word:
      case Hole::dollar_brace:
        if (c != '$') return false;
        if (second == '{' && may_push()) return open_hole(at, rule.scope, 2, '}'), true;
        if (rule.hole == Hole::dollar_brace || !is_word_start(second)) return false;
        lex_.put(rule.scope, at);
        lex_.put(Scope::variable, lex_.while_is(at + 1, is_word_char));
        return true;
      case Hole::hash_brace:
        if (c != '#' || second != '{' || !may_push()) return false;
        return open_hole(at, rule.scope, 2, '}'), true;
      case Hole::brace:
        if ((c == '{' || c == '}') && second == c) {
          lex_.put(rule.scope, at);
          lex_.put_bytes(Scope::escape, 2);
          return true;
        }
        if (c != '{' || !may_push()) return false;
        return open_hole(at, rule.scope, 1, '}'), true;
      case Hole::brace_placeholder: {
        if (c != '{' || second == '{') return false;
        std::size_t bytes = 1;
        while (bytes < here.size() && bytes < 64 &&
               (is_word_char(here[bytes]) || contains(":?#.$<>^+*-", here[bytes])))
          ++bytes;
        lex_.count_steps(bytes);
        if (bytes >= here.size() || here[bytes] != '}') return false;
        return placeholder(bytes + 1);
      }
      case Hole::percent: {
        if (c != '%') return false;
        if (second == '%') return placeholder(2);
        std::size_t bytes = 1;
        while (bytes < here.size() && bytes < 16 && contains("0123456789.+-#*", here[bytes]))
          ++bytes;
        while (bytes < here.size() && bytes < 20 && contains("hljztL", here[bytes])) ++bytes;
        if (bytes >= here.size() || !contains("diouxXeEfFgGaAcspnvTqUb", here[bytes])) return false;
        return placeholder(bytes + 1);
      }
      case Hole::none:
      case Hole::backslash_paren: break;
    }
    return false;
  }

  // ---- marks that a trait allows ----

  bool step_mark(char c) {
    switch (c) {
      case '\'': return (has(rust_marks) || has(quote_chars)) && step_character();
      case '#': return step_hash();
      case '@': return step_at();
      case '$': return step_dollar();
      case ':': return has(colon_symbols) && step_symbol();
      case '/': return has(slash_regexps) && step_regexp();
      case '<':
        return (has(heredocs) && step_here_document()) || (has(jsx_tags) && step_tag_start());
      case '%': return has(percent_literals) && step_percent_literal();
      case '~': return has(sigils) && step_sigil();
      case '[':
        return (has(long_brackets) && step_long_bracket()) ||
               (has(csharp_marks) && step_bracket_attribute());
      case '\\':
        if (!has(backslash_lines) || lex_.peek(1) != '\\') return false;
        return value(Scope::string, lex_.line_end()), true;
      case '-':
        if (!has(cmdlets) || !is_alpha(lex_.peek(1)) || !is_space(lex_.before())) return false;
        return step_dash_word();
      default: return false;
    }
  }

  // -Name of a command, -eq of an expression.
  bool step_dash_word() {
    const std::size_t end = lex_.while_is(lex_.at() + 1, is_word_char);
    const std::string word = lower_of(lex_.slice(lex_.at() + 1, end));
    constexpr std::string_view known[] = {
        "eq",   "ne",      "gt",      "lt",    "ge", "le",      "and",      "or",
        "not",  "like",    "notlike", "match", "in", "notin",   "contains", "split",
        "join", "replace", "is",      "as",    "f",  "notmatch"};
    const bool is_operator = std::find(std::begin(known), std::end(known), word) != std::end(known);
    lex_.put(is_operator ? Scope::operation : Scope::option, end);
    previous_ = Previous::operation;
    return true;
  }

  // 'a', '\n'; in Rust 'a without an end is a lifetime, elsewhere a lone quote is punctuation.
  bool step_character() {
    std::size_t at = lex_.at() + 1;
    if (lex_.peek(1) == '\\') {
      at += std::max<std::size_t>(2, escape_of_character());
    } else {
      ++at;
      while (at < lex_.end() && at < lex_.at() + 5 &&
             (static_cast<unsigned char>(lex_.slice(at, at + 1)[0]) & 0xC0) == 0x80)
        ++at;
    }
    const bool is_character = at < lex_.end() && lex_.slice(at, at + 1)[0] == '\'' &&
                              at - lex_.at() <= character_bytes_max && lex_.peek(1) != '\'' &&
                              lex_.peek(1) != '\n';
    if (is_character) {
      if (lex_.peek(1) == '\\') {
        lex_.put_bytes(Scope::string, 1);
        lex_.put(Scope::escape, at);
        value(Scope::string, at + 1);
      } else {
        value(Scope::string, at + 1);
      }
      return true;
    }
    if (has(rust_marks) && is_word_start(lex_.peek(1))) {
      lex_.put(Scope::lifetime, lex_.while_is(lex_.at() + 1, is_word_char));
      return true;
    }
    value(Scope::punctuation, lex_.at() + 1);
    return true;
  }

  std::size_t escape_of_character() const {
    const char kind = lex_.peek(2);
    if (kind != 'x' && kind != 'u' && kind != 'U' && !is_digit(kind)) return 2;
    std::size_t bytes = 2;
    while (bytes < character_bytes_max &&
           (is_alnum(lex_.peek(bytes + 1)) || contains("{}", lex_.peek(bytes + 1))))
      ++bytes;
    return bytes;
  }

  bool step_hash() {
    if ((has(rust_marks) || has(brackets_attributes)) &&
        (lex_.peek(1) == '[' || (lex_.peek(1) == '!' && lex_.peek(2) == '[')))
      return step_attribute();
    if (has(preprocessor_lines) && starts_line()) return step_preprocessor();
    if (has(hash_quotes) && (lex_.peek(1) == '"' || lex_.peek(1) == '#')) {
      std::size_t hashes = 0;
      while (hashes < 16 && lex_.peek(hashes) == '#') ++hashes;
      if (lex_.peek(hashes) != '"') return false;
      StringRule rule;
      rule.escapes = false;
      rule.lines = true;
      push_string(rule, hashes + 1, '"' + std::string(hashes, '#'));
      return true;
    }
    return false;
  }

  // #[derive(Debug)], up to its bracket; strings in it are strings.
  bool step_attribute() {
    std::size_t at = lex_.at();
    std::size_t depth = 0;
    const auto is_mark = [](char c) { return c != '[' && c != ']' && c != '"'; };
    while (true) {
      at = lex_.while_is(at, is_mark);
      if (at >= lex_.end()) break;
      const char c = lex_.slice(at, at + 1)[0];
      if (c == '"') {
        lex_.put(Scope::decorator, at);
        at = quoted_end(at);
        lex_.put(Scope::string, at);
        continue;
      }
      ++at;
      depth = c == '[' ? depth + 1 : depth - (depth > 0);
      if (depth == 0) break;
    }
    lex_.put(Scope::decorator, at);
    previous_ = Previous::nothing;
    return true;
  }

  // Of the quoted text at `at`: behind its closing mark, or the end of the line.
  std::size_t quoted_end(std::size_t at) const {
    const char quote = lex_.slice(at, at + 1)[0];
    const std::size_t begin = at++;
    while (at < lex_.end()) {
      const char c = lex_.slice(at, at + 1)[0];
      if (c == '\n') break;
      ++at;
      if (c == quote) break;
      if (c == '\\' && at < lex_.end()) ++at;
    }
    lex_.count_steps(at - begin);
    return at;
  }

  bool starts_line() const {
    std::size_t at = lex_.at();
    while (at > 0 && at + 64 > lex_.at() && contains(" \t", lex_.slice(at - 1, at)[0])) --at;
    return at == 0 || lex_.slice(at - 1, at)[0] == '\n';
  }

  bool step_preprocessor() {
    std::size_t end = lex_.blanks_end(lex_.at() + 1);
    end = lex_.while_is(end, is_word_char);
    const std::string_view word = trim(lex_.slice(lex_.at() + 1, end));
    lex_.put(Scope::preprocessor, end);
    if (word == "define" || word == "ifdef" || word == "ifndef" || word == "undef") {
      next_ = Scope::constant;
    } else if (word == "include" || word == "import") {
      lex_.put(Scope::plain, lex_.blanks_end(lex_.at()));
      if (lex_.peek() == '<') {
        const std::size_t close =
            lex_.while_is(lex_.at(), [](char c) { return c != '>' && c != '\n'; });
        lex_.put(Scope::string,
                 close + (close < lex_.end() && lex_.slice(close, close + 1)[0] == '>'));
      }
    }
    previous_ = Previous::keyword;
    return true;
  }

  bool step_at() {
    if (has(csharp_marks) &&
        (lex_.peek(1) == '"' || (lex_.peek(1) == '$' && lex_.peek(2) == '"'))) {
      StringRule rule;
      rule.escapes = false;
      rule.lines = true;
      rule.doubled = true;
      if (lex_.peek(1) == '$') rule.hole = Hole::brace;
      push_string(rule, lex_.peek(1) == '$' ? 3 : 2, "\"");
      return true;
    }
    const std::size_t marks = lex_.peek(1) == '@' ? 2 : 1;
    if (!is_word_start(lex_.peek(marks))) return false;
    if (!has(decorators) && !has(at_variables)) return false;
    const bool is_path = has(decorators);
    const std::size_t end = lex_.while_is(
        lex_.at() + marks, [is_path](char c) { return is_word_char(c) || (is_path && c == '.'); });
    value(has(decorators) ? Scope::decorator : Scope::variable, end);
    return true;
  }

  bool step_dollar() {
    if (has(csharp_marks) &&
        (lex_.peek(1) == '"' || (lex_.peek(1) == '@' && lex_.peek(2) == '"'))) {
      StringRule rule;
      rule.hole = Hole::brace;
      rule.escapes = lex_.peek(1) == '"';
      rule.lines = !rule.escapes;
      push_string(rule, rule.escapes ? 2 : 3, "\"");
      return true;
    }
    if (!has(dollar_variables)) return false;
    if (is_word_start(lex_.peek(1)) || is_digit(lex_.peek(1))) {
      const std::size_t end = lex_.while_is(
          lex_.at() + 1, [this](char c) { return is_word_char(c) || (c == ':' && has(cmdlets)); });
      const std::string_view word = lex_.slice(lex_.at() + 1, end);
      const bool is_self = word == "this" || word == "_" || word == "self";
      const bool is_literal = has(cmdlets) && (word == "true" || word == "false" || word == "null");
      return value(is_literal ? Scope::literal
                   : is_self  ? Scope::self
                              : Scope::variable,
                   end),
             true;
    }
    if (contains("?$!&~0@", lex_.peek(1)) && lex_.peek(1) != '\0')
      return value(Scope::variable, lex_.at() + 2), true;
    return false;
  }

  bool step_symbol() {
    if (lex_.peek(1) == ':' || lex_.before() == ':') return false;
    if (lex_.peek(1) == '"') {
      value(Scope::constant, lex_.at() + 1);
      return true;
    }
    if (!is_word_start(lex_.peek(1)) || is_word_char(lex_.before())) return false;
    std::size_t end = lex_.while_is(lex_.at() + 1, is_word_char);
    if (end < lex_.end() && contains("?!", lex_.slice(end, end + 1)[0])) ++end;
    return value(Scope::constant, end), true;
  }

  // Only where a value may begin, and only when it ends on its line.
  bool step_regexp() {
    if (previous_ == Previous::value || lex_.at() < barren_until_) return false;
    std::size_t at = lex_.at() + 1;
    bool in_class = false;
    bool is_closed = false;
    for (; at < lex_.end(); ++at) {
      const char c = lex_.slice(at, at + 1)[0];
      if (c == '\n') break;
      if (c == '\\') ++at;
      else if (c == '[') in_class = true;
      else if (c == ']') in_class = false;
      else if (c == '/' && !in_class) {
        is_closed = true;
        break;
      }
    }
    lex_.count_steps(at - lex_.at());
    if (!is_closed || at == lex_.at() + 1) {
      barren_until_ = at;
      return false;
    }
    value(Scope::regexp, lex_.while_is(at + 1, is_alpha));
    return true;
  }

  // <<NAME, <<~NAME, <<-NAME, <<'NAME', <<<NAME: the text comes on the next lines.
  bool step_here_document() {
    std::size_t at = 2;
    if (!lex_.looking_at("<<") || previous_ == Previous::value) {
      if (!lex_.looking_at("<<~") && !lex_.looking_at("<<-") && !lex_.looking_at("<<<"))
        return false;
    }
    HereDocument document;
    if (contains("~-<", lex_.peek(at)) && lex_.peek(at) != '\0') {
      document.indented = true;
      ++at;
    }
    while (lex_.peek(at) == ' ' && at < 8 && lex_.peek(2) == '<') ++at;
    const char quote = lex_.peek(at);
    const bool is_quoted = quote == '\'' || quote == '"';
    if (is_quoted) ++at;
    if (!is_word_start(lex_.peek(at))) return false;
    const std::size_t end = lex_.while_is(lex_.at() + at, is_word_char);
    document.word = lex_.slice(lex_.at() + at, end);
    if (!is_quoted || quote == '"')
      document.hole =
          has(dollar_variables) && !has(at_variables) ? Hole::dollar_word : Hole::hash_brace;
    if (here_documents_.size() < here_documents_max) here_documents_.push_back(document);
    value(Scope::string, end + (is_quoted && end < lex_.end()));
    return true;
  }

  void put_here(const HereDocument& document) {
    while (!lex_.is_done()) {
      const std::size_t line_end = lex_.line_end();
      std::string_view line = lex_.slice(lex_.at(), line_end);
      const std::size_t indent = line.size() - trim_start(line).size();
      if (document.indented) line = trim_start(line);
      if (line.starts_with(document.word) &&
          (line.size() == document.word.size() || !is_word_char(line[document.word.size()]))) {
        lex_.put(Scope::string,
                 lex_.at() + (document.indented ? indent : 0) + document.word.size());
        return;
      }
      put_line_of_text(line_end, document.hole);
      lex_.put(Scope::string, line_end + 1);
    }
  }

  static std::string_view trim_start(std::string_view text) {
    while (!text.empty() && (text[0] == ' ' || text[0] == '\t')) text.remove_prefix(1);
    return text;
  }

  // Text of a here-document; what stands in its holes is a variable.
  void put_line_of_text(std::size_t line_end, Hole hole) {
    while (lex_.at() < line_end && hole != Hole::none) {
      const char mark = hole == Hole::hash_brace ? '#' : '$';
      const std::size_t at =
          lex_.while_is(lex_.at(), [mark](char c) { return c != mark && c != '\n'; });
      lex_.put(Scope::string, std::min(at, line_end));
      if (at >= line_end) return;
      if (lex_.peek(1) == '{') {
        const std::size_t close =
            lex_.while_is(lex_.at(), [](char c) { return c != '}' && c != '\n'; });
        lex_.put(Scope::variable, std::min(close + 1, line_end));
      } else if (mark == '$' && is_word_start(lex_.peek(1))) {
        lex_.put(Scope::variable, lex_.while_is(lex_.at() + 1, is_word_char));
      } else {
        lex_.put_bytes(Scope::string, 1);
      }
    }
    lex_.put(Scope::string, line_end);
  }

  static char closing_of(char open) {
    switch (open) {
      case '(': return ')';
      case '[': return ']';
      case '{': return '}';
      case '<': return '>';
      default: return open;
    }
  }

  // %w[a b], %(text), %r{x}
  bool step_percent_literal() {
    if (previous_ == Previous::value) return false;
    const std::size_t letter = contains("wWiIqQrxs", lex_.peek(1)) && lex_.peek(1) != '\0' ? 1 : 0;
    const char open = lex_.peek(1 + letter);
    if (!contains("([{<|!/", open) || open == '\0') return false;
    StringRule rule;
    rule.lines = true;
    rule.hole = contains("wiq", lex_.peek(1)) ? Hole::none : Hole::hash_brace;
    rule.scope = lex_.peek(1) == 'r' ? Scope::regexp : Scope::string;
    push_string(rule, 2 + letter, std::string(1, closing_of(open)));
    return true;
  }

  // ~r/x/i, ~s(text), ~D[2026-01-01]
  bool step_sigil() {
    if (!is_alpha(lex_.peek(1))) return false;
    const char open = lex_.peek(2);
    if (!contains("/|\"'([{<", open) || open == '\0') return false;
    const bool is_long = open == '"' && lex_.peek(3) == '"' && lex_.peek(4) == '"';
    StringRule rule;
    rule.lines = true;
    rule.hole = lex_.peek(1) >= 'a' ? Hole::hash_brace : Hole::none;
    rule.scope = lower(lex_.peek(1)) == 'r' ? Scope::regexp : Scope::string;
    push_string(rule, is_long ? 5 : 3, is_long ? "\"\"\"" : std::string(1, closing_of(open)));
    return true;
  }

  // [[text]], [==[text]==]
  bool step_long_bracket() {
    std::size_t equals = 0;
    while (equals < 32 && lex_.peek(1 + equals) == '=') ++equals;
    if (lex_.peek(1 + equals) != '[') return false;
    const std::string close = ']' + std::string(equals, '=') + ']';
    return value(Scope::string, lex_.behind(close, lex_.at())), true;
  }

  // [Attribute] where a statement may begin.
  bool step_bracket_attribute() {
    if (!starts_line() || !is_upper(lex_.peek(1))) return false;
    const std::size_t end =
        lex_.while_is(lex_.at() + 1, [](char c) { return is_word_char(c) || c == '.'; });
    lex_.put_bytes(Scope::punctuation, 1);
    value(Scope::decorator, end);
    return true;
  }

  // ---- JSX ----

  bool step_tag_start() {
    if (previous_ == Previous::value || !may_push()) return false;
    const char second = lex_.peek(1);
    if (!is_word_start(second) && second != '>') return false;
    open_tag(1);
    return true;
  }

  void open_tag(std::size_t bytes) {
    lex_.put_bytes(Scope::punctuation, bytes);
    Frame frame;
    frame.mode = Mode::tag;
    frame.closes = bytes == 2;
    const std::size_t end = lex_.while_is(
        lex_.at(), [](char c) { return is_word_char(c) || c == '.' || c == '-' || c == ':'; });
    const bool is_component = end > lex_.at() && is_upper(lex_.peek());
    lex_.put(is_component ? Scope::type : Scope::tag, end);
    frames_.push_back(std::move(frame));
  }

  void step_tag() {
    const char c = lex_.peek();
    if (is_space(c)) return lex_.put(Scope::plain, lex_.spaces_end(lex_.at()));
    if (lex_.looking_at("/>")) {
      lex_.put_bytes(Scope::punctuation, 2);
      return pop();
    }
    if (c == '>') {
      lex_.put_bytes(Scope::punctuation, 1);
      const bool closes = frames_.back().closes;
      if (!closes) {
        frames_.back().mode = Mode::content;
        return;
      }
      pop();
      if (frames_.back().mode == Mode::content) pop();
      return;
    }
    if (c == '"' || c == '\'') {
      StringRule rule;
      rule.escapes = false;
      rule.lines = true;
      return push_string(rule, 1, std::string(1, c));
    }
    if (c == '{' && may_push()) return open_hole(lex_.at(), Scope::plain, 1, '}');
    if (is_word_start(c))
      return lex_.put(Scope::attribute, lex_.while_is(lex_.at(), [](char d) {
        return is_word_char(d) || d == '-' || d == ':';
      }));
    lex_.put_bytes(c == '=' ? Scope::operation : Scope::plain, 1);
  }

  void step_content() {
    const std::size_t end = lex_.while_is(lex_.at(), [](char c) { return c != '<' && c != '{'; });
    if (end > lex_.at()) return lex_.put(Scope::plain, end);
    if (lex_.peek() == '{' && may_push()) return open_hole(end, Scope::plain, 1, '}');
    if (lex_.looking_at("</") && may_push()) return open_tag(2);
    if (lex_.peek() == '<' && may_push() && (is_word_start(lex_.peek(1)) || lex_.peek(1) == '>'))
      return open_tag(1);
    lex_.put_bytes(Scope::plain, 1);
  }

  // ---- the rest ----

  void step_operator(char c) {
    Frame& frame = frames_.back();
    if (frames_.size() > 1) {
      if (c == frame.hole_end && frame.braces == 0) {
        lex_.put_bytes(Scope::embedded, 1);
        frames_.pop_back();
        return;
      }
      if (c == frame.hole_end) --frame.braces;
      else if (frame.hole_end == '}' ? c == '{' : c == '(') ++frame.braces;
    }
    if (contains(brackets, c)) {
      lex_.put_bytes(Scope::punctuation, 1);
      const bool closes = c == ')' || c == ']' || c == '}';
      previous_ = c == '.' ? Previous::dot : closes ? Previous::value : Previous::nothing;
      starts_statement_ = c == ';' || c == '{' || c == '}';
      if (c != '.' || next_ != Scope::name_space) next_ = keeps_pending(c) ? next_ : Scope::plain;
      return;
    }
    if (contains(operators, c)) {
      const bool is_arrow = c == '-' && lex_.peek(1) == '>';
      const bool is_path = c == ':' && lex_.peek(1) == ':';
      const bool is_optional_dot = c == '?' && lex_.peek(1) == '.';
      lex_.put_bytes(is_path || is_optional_dot ? Scope::punctuation : Scope::operation,
                     is_arrow || is_path || is_optional_dot ? 2 : 1);
      const bool is_member =
          is_optional_dot || (is_arrow && (has(dollar_variables) || has(cpp_marks)));
      previous_ = is_member ? Previous::dot : Previous::operation;
      if (!keeps_pending(c) && !is_path) next_ = Scope::plain;
      return;
    }
    lex_.put(Scope::plain, lex_.at() + 1);
    previous_ = Previous::nothing;
  }

  // `func (r *Type) Name`, `function* name`, `fn &name`: the name is still to come. Brackets are
  // passed by Go's rule only: its receiver has no name that could be taken for the function's.
  static bool keeps_pending(char c) { return c == '*' || c == '&'; }

  Lexing& lex_;
  const CodeTable& table_;
  std::vector<Frame> frames_;
  std::vector<HereDocument> here_documents_;
  Previous previous_ = Previous::nothing;
  Scope next_ = Scope::plain;  // of the next word, after one like `fn`
  bool starts_statement_ = true;
  std::size_t barren_until_ = 0;  // no regular expression ends before
};

}  // namespace

void lex_code(Lexing& lexing, const void* table) {
  CodeLexer(lexing, *static_cast<const CodeTable*>(table)).run();
}

}  // namespace weir::text
