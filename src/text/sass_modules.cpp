// One pass over the text: comments, strings and url() are copied (interpolation within them is
// looked at), the rules @use and @forward are rewritten, and names behind a known name space lose
// it.

#include "text/sass_modules.h"

#include "base/bytes.h"
#include "text/utf8.h"

#include <algorithm>
#include <map>
#include <optional>
#include <span>
#include <vector>

namespace weir::text {

namespace {

struct Member {
  std::string_view module;
  std::string_view name;
  std::string_view instead;
};
// The functions of the built-in modules under their old names.
constexpr Member members[] = {
    {"math", "div", "math-div"},
    {"math", "ceil", "ceil"},
    {"math", "floor", "floor"},
    {"math", "round", "round"},
    {"math", "abs", "abs"},
    {"math", "max", "max"},
    {"math", "min", "min"},
    {"math", "percentage", "percentage"},
    {"math", "random", "random"},
    {"math", "unit", "unit"},
    {"math", "is-unitless", "unitless"},
    {"math", "compatible", "comparable"},
    {"math", "$pi", "3.1415926536"},
    {"math", "$e", "2.7182818285"},
    {"color", "adjust", "adjust-color"},
    {"color", "scale", "scale-color"},
    {"color", "change", "change-color"},
    {"color", "mix", "mix"},
    {"color", "invert", "invert"},
    {"color", "grayscale", "grayscale"},
    {"color", "complement", "complement"},
    {"color", "red", "red"},
    {"color", "green", "green"},
    {"color", "blue", "blue"},
    {"color", "hue", "hue"},
    {"color", "saturation", "saturation"},
    {"color", "lightness", "lightness"},
    {"color", "alpha", "alpha"},
    {"color", "opacity", "opacity"},
    {"color", "ie-hex-str", "ie-hex-str"},
    {"map", "get", "map-get"},
    {"map", "merge", "map-merge"},
    {"map", "remove", "map-remove"},
    {"map", "keys", "map-keys"},
    {"map", "values", "map-values"},
    {"map", "has-key", "map-has-key"},
    {"list", "append", "append"},
    {"list", "join", "join"},
    {"list", "length", "length"},
    {"list", "nth", "nth"},
    {"list", "set-nth", "set-nth"},
    {"list", "index", "index"},
    {"list", "zip", "zip"},
    {"list", "separator", "list-separator"},
    {"list", "is-bracketed", "is-bracketed"},
    {"string", "quote", "quote"},
    {"string", "unquote", "unquote"},
    {"string", "index", "str-index"},
    {"string", "insert", "str-insert"},
    {"string", "length", "str-length"},
    {"string", "slice", "str-slice"},
    {"string", "to-upper-case", "to-upper-case"},
    {"string", "to-lower-case", "to-lower-case"},
    {"string", "unique-id", "unique-id"},
    {"selector", "append", "selector-append"},
    {"selector", "extend", "selector-extend"},
    {"selector", "nest", "selector-nest"},
    {"selector", "parse", "selector-parse"},
    {"selector", "replace", "selector-replace"},
    {"selector", "unify", "selector-unify"},
    {"selector", "is-superselector", "is-superselector"},
    {"selector", "simple-selectors", "simple-selectors"},
    {"meta", "type-of", "type-of"},
    {"meta", "inspect", "inspect"},
    {"meta", "call", "call"},
    {"meta", "get-function", "get-function"},
    {"meta", "function-exists", "function-exists"},
    {"meta", "mixin-exists", "mixin-exists"},
    {"meta", "variable-exists", "variable-exists"},
    {"meta", "global-variable-exists", "global-variable-exists"},
    {"meta", "content-exists", "content-exists"},
    {"meta", "feature-exists", "feature-exists"},
    {"meta", "keywords", "keywords"},
};
constexpr std::string_view division = "@function math-div($a,$b){@return $a/$b;}";

bool is_name_byte(char c) {
  return is_alpha(c) || is_digit(c) || c == '-' || c == '_' || static_cast<unsigned char>(c) >= 128;
}

// What calc() and its like may hold; any other function there is one of Sass and is called.
constexpr std::string_view css_functions[] = {
    "calc", "min",   "max", "clamp", "var",  "env",  "attr",    "round", "mod",
    "rem",  "sin",   "cos", "tan",   "asin", "acos", "atan",    "atan2", "pow",
    "sqrt", "hypot", "log", "exp",   "abs",  "sign", "constant"};

bool is_one_of(std::string_view word, std::span<const std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

class Rewriter {
 public:
  using Spaces = std::map<std::string, std::string, std::less<>>;
  Rewriter(std::string_view source, std::string_view file, Spaces spaces = {}, int depth = 0)
      : source_(source), file_(file), spaces_(std::move(spaces)), depth_(depth) {}

  Result<std::string> rewrite() {
    while (at_ < source_.size() && !error_) step();
    if (error_) return std::move(*error_);
    return std::move(out_);
  }

 private:
  char peek(std::size_t ahead) const {
    return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0';
  }
  void copy(std::size_t bytes) {
    out_ += source_.substr(at_, bytes);
    at_ = std::min(source_.size(), at_ + bytes);
  }
  void fail(std::string what, std::string help = {}) {
    if (error_) return;
    const std::size_t at = std::min(at_, source_.size());
    error_ = Error{Errc::invalid, std::move(what)}
                 .at({std::string(file_), line_of(source_, at), column_of(source_, at), 0})
                 .with_help(std::move(help));
  }

  void step() {
    const char c = source_[at_];
    if (c == '/' && peek(1) == '*') {
      const std::size_t end = source_.find("*/", at_ + 2);
      return copy(end == std::string_view::npos ? source_.size() - at_ : end + 2 - at_);
    }
    if (c == '/' && peek(1) == '/')
      return copy(std::min(source_.find('\n', at_), source_.size()) - at_);
    if (c == '"' || c == '\'') return copy_text(c);
    if (c == '@') return rule();
    if (is_name_byte(c)) return name();
    copy(1);
  }

  // A string, or the inside of url(): to the closing byte, looking into #{...}.
  void copy_text(char closing) {
    copy(1);
    while (at_ < source_.size() && !error_) {
      if (source_[at_] == '\\') {
        copy(2);
      } else if (source_[at_] == '#' && peek(1) == '{') {
        interpolation();
      } else if (source_[at_] == closing) {
        return copy(1);
      } else {
        copy(1);
      }
    }
  }
  void interpolation() {
    if (++depth_ > depth_max) return fail("nested too deeply");
    copy(2);
    while (at_ < source_.size() && source_[at_] != '}' && !error_) {
      if (source_[at_] == '#' && peek(1) == '{') interpolation();
      else step();
    }
    copy(1);
    --depth_;
  }

  void name() {
    std::size_t end = at_;
    while (end < source_.size() && is_name_byte(source_[end])) ++end;
    const std::string_view word = source_.substr(at_, end - at_);
    const char before = at_ == 0 ? ' ' : source_[at_ - 1];
    const char after = end < source_.size() ? source_[end] : '\0';
    if (lower_of(word) == "url" && after == '(') {
      std::size_t inner = end + 1;
      while (inner < source_.size() && is_space(source_[inner])) ++inner;
      const char first = inner < source_.size() ? source_[inner] : '\0';
      copy(end - at_);
      // A quoted address, a variable or an expression is ordinary text.
      return first == '"' || first == '\'' || first == '$' ? copy(1) : copy_text(')');
    }
    const bool is_alone = before != '.' && before != '$' && before != '%' && before != '@' &&
                          before != '#' && before != '-' && !defines_ && !defines_always_;
    defines_ = false;
    if (after == '(' && is_alone && !after_include_ && css_call(word, end)) return;
    const auto known = spaces_.find(word);
    const bool starts_name = before != '.' && before != '$' && before != '%' && before != '@';
    if (after != '.' || known == spaces_.end() || !starts_name) {
      after_include_ = false;
      return copy(end - at_);
    }
    std::size_t last = end + 1;
    const bool is_variable = last < source_.size() && source_[last] == '$';
    if (is_variable) ++last;
    while (last < source_.size() && is_name_byte(source_[last])) ++last;
    const std::string_view member = source_.substr(end + 1, last - end - 1);
    const bool is_call = last < source_.size() && source_[last] == '(';
    if (member.empty() || (!is_variable && !is_call && !after_include_)) {
      after_include_ = false;
      return copy(end - at_);  // an element and its class
    }
    after_include_ = false;
    if (known->second.empty()) {
      out_ += member;
    } else if (const std::optional<std::string_view> instead = old_name(known->second, member)) {
      out_ += *instead;
    } else {
      return fail("sass:" + known->second + " has no `" + std::string(member) +
                      "` here: the Sass compiler is libsass 3.6",
                  "functions that came with modules are not known; write it another way");
    }
    at_ = last;
  }

  // calc(), clamp() and the colours of today, which libsass does not know: they are written so
  // that it does. False leaves the call as it is.
  bool css_call(std::string_view word, std::size_t open) {
    const std::string name = lower_of(word);
    const bool is_colour = name == "rgb" || name == "rgba" || name == "hsl" || name == "hsla";
    const bool is_raw = name == "calc" || name == "clamp" || name == "min" || name == "max";
    if ((!is_colour && !is_raw) || depth_ >= depth_max) return false;
    const std::optional<std::size_t> close = closing_of(open);
    if (!close) return false;
    const std::string_view inner = source_.substr(open + 1, *close - open - 1);
    std::string text;
    if (is_colour) {
      text = colour_call(name, inner);
    } else if (name == "calc") {
      text = "calc(" + with_interpolation(inner) + ')';
    } else if (name == "clamp" || mixes_units(inner)) {
      text = as_string(name, inner);
    }
    if (text.empty() || error_) return error_.has_value();
    out_ += text;
    for (const char c : inner)  // lines stay where they are
      if (c == '\n') out_ += '\n';
    at_ = *close + 1;
    return true;
  }

  std::optional<std::size_t> closing_of(std::size_t open) const {
    // No call is so long; without a bound, calls that are never closed would cost their square.
    constexpr std::size_t call_bytes_max = 4'096;
    int depth = 0;
    const std::size_t end = std::min(source_.size(), open + call_bytes_max);
    for (std::size_t i = open; i < end; ++i) {
      const char c = source_[i];
      if (c == '(') ++depth;
      if (c == ')' && --depth == 0) return i;
      if (c == ';' || (c == '{' && source_[i - 1] != '#')) return std::nullopt;
    }
    return std::nullopt;
  }

  // Sums of what only a browser can add.
  static bool mixes_units(std::string_view text) {
    const bool has_sum =
        text.find(" + ") != std::string_view::npos || text.find(" - ") != std::string_view::npos;
    if (!has_sum) return false;
    for (const std::string_view unit : {"%", "vw", "vh", "vmin", "vmax", "var(", "calc("})
      if (text.find(unit) != std::string_view::npos) return true;
    return false;
  }

  std::string as_string(std::string_view name, std::string_view inner) {
    return "#{\"" + std::string(name) + '(' + with_interpolation(inner) + ")\"}";
  }

  // "rgb(0 0 0 / 50%)" is "rgba(0, 0, 0, 0.5)"; empty when the call is of the old form.
  std::string colour_call(const std::string& name, std::string_view inner) {
    if (inner.find("var(") != std::string_view::npos || trim(inner).starts_with("from "))
      return as_string(name, inner);
    if (inner.find(',') != std::string_view::npos) return {};
    std::vector<std::string> parts;
    std::string alpha;
    bool is_alpha_part = false;
    int depth = 0;
    std::string part;
    const auto flush = [&] {
      if (part.empty()) return;
      if (is_alpha_part) alpha += part;
      else parts.push_back(part);
      part.clear();
    };
    for (const char c : inner) {
      if (c == '(' || c == '{') ++depth;
      if (c == ')' || c == '}') --depth;
      if (depth == 0 && (is_space(c) || c == '/')) {
        flush();
        is_alpha_part = is_alpha_part || c == '/';
      } else {
        part += c;
      }
    }
    flush();
    if (parts.size() != 3) return {};
    if (alpha.ends_with('%') && alpha.find('$') == std::string::npos)
      alpha = '(' + alpha.substr(0, alpha.size() - 1) + "/100)";
    const std::string arguments =
        parts[0] + ',' + parts[1] + ',' + parts[2] + (alpha.empty() ? "" : ',' + alpha);
    Rewriter inside(arguments, file_, spaces_, depth_ + 1);
    const Result<std::string> plain = inside.rewrite();
    return plain.ok() ? name.substr(0, 3) + (alpha.empty() ? "(" : "a(") + *plain + ')'
                      : std::string();
  }

  // Variables and calls of Sass within CSS arithmetic, each in #{}.
  std::string with_interpolation(std::string_view text) {
    Rewriter inside(text, file_, spaces_, depth_ + 1);
    const Result<std::string> plain = inside.copied_plainly();
    if (!plain.ok()) {
      fail(plain.error().what, plain.error().help);
      return {};
    }
    std::string out;
    for (std::size_t i = 0; i < plain->size();) {
      const char c = (*plain)[i];
      std::size_t end = i + 1;
      if (c == '#' && end < plain->size() && (*plain)[end] == '{') {
        int depth = 0;
        for (end = i + 1; end < plain->size(); ++end) {
          if ((*plain)[end] == '{') ++depth;
          if ((*plain)[end] == '}' && --depth == 0) break;
        }
        end = std::min(end + 1, plain->size());
        out += plain->substr(i, end - i);
      } else if (c == '$' || is_alpha(c) || c == '-' || c == '_') {
        while (end < plain->size() && is_name_byte((*plain)[end])) ++end;
        const std::string word = plain->substr(i, end - i);
        const bool is_call = end < plain->size() && (*plain)[end] == '(';
        const bool follows_number = i > 0 && (is_digit((*plain)[i - 1]) || (*plain)[i - 1] == '%');
        if (is_call && c != '$' && !follows_number && word != "-" &&
            !is_one_of(word, css_functions)) {
          int depth = 0;
          for (; end < plain->size(); ++end) {
            if ((*plain)[end] == '(') ++depth;
            if ((*plain)[end] == ')' && --depth == 0) break;
          }
          end = std::min(end + 1, plain->size());
          out += "#{" + plain->substr(i, end - i) + '}';
        } else {
          out += c == '$' ? "#{" + word + '}' : word;
        }
      } else {
        out += c == '\n' ? ' ' : c;
      }
      i = end;
    }
    return out;
  }
  // Name spaces are taken away, CSS arithmetic is left as it is.
  Result<std::string> copied_plainly() {
    defines_always_ = true;
    return rewrite();
  }

  // "@media (width >= $x)" as one interpolation: libsass does not know ranges.
  void media_rule() {
    const std::size_t end = source_.find_first_of("{;", at_);
    while (at_ < source_.size() && at_ != end && !error_) {
      const std::size_t close = source_[at_] == '('
                                    ? closing_of(at_).value_or(std::string_view::npos)
                                    : std::string_view::npos;
      const std::string_view inner = close == std::string_view::npos
                                         ? std::string_view()
                                         : source_.substr(at_ + 1, close - at_ - 1);
      if (inner.find_first_of("<>") != std::string_view::npos) {
        out_ += "#{\"(" + with_interpolation(inner) + ")\"}";
        at_ = close + 1;
      } else if (source_[at_] == '#' && peek(1) == '{') {
        return;
      } else {
        step();
      }
    }
  }

  static bool is_css_import(std::string_view url) {
    return url.ends_with(".css") || url.starts_with("http://") || url.starts_with("https://") ||
           url.starts_with("//");
  }

  static std::optional<std::string_view> old_name(std::string_view module,
                                                  std::string_view member) {
    for (const Member& one : members)
      if (one.module == module && one.name == member) return one.instead;
    return std::nullopt;
  }

  void rule() {
    std::size_t end = at_ + 1;
    while (end < source_.size() && is_name_byte(source_[end])) ++end;
    const std::string_view word = source_.substr(at_, end - at_);
    if (word == "@use" || word == "@forward") return use_rule(word, end);
    copy(end - at_);
    if (word == "@function" || word == "@mixin") defines_ = true;
    if (word == "@media") return media_rule();
    if (word == "@import") {
      while (at_ < source_.size() && is_space(source_[at_])) copy(1);
      const char quote = peek(0);
      const std::size_t closing =
          quote == '"' || quote == '\'' ? source_.find(quote, at_ + 1) : std::string_view::npos;
      if (closing != std::string_view::npos &&
          is_css_import(source_.substr(at_ + 1, closing - at_ - 1))) {
        out_ += "url(" + std::string(source_.substr(at_, closing + 1 - at_)) + ')';
        at_ = closing + 1;
      }
      return;
    }
    if (word == "@include") {
      while (at_ < source_.size() && is_space(source_[at_])) copy(1);
      after_include_ = true;
    }
  }

  // From behind the word to the semicolon or the end of the line of the last token.
  void use_rule(std::string_view word, std::size_t at) {
    std::size_t end = at;
    char quote = '\0';
    int depth = 0;
    for (; end < source_.size(); ++end) {
      const char c = source_[end];
      if (quote != '\0') {
        if (c == quote) quote = '\0';
      } else if (c == '"' || c == '\'') {
        quote = c;
      } else if (c == '(') {
        ++depth;
      } else if (c == ')') {
        --depth;
      } else if (c == ';' && depth <= 0) {
        break;
      }
    }
    const std::string_view text = trim(source_.substr(at, end - at));
    const char opening = text.empty() ? '\0' : text.front();
    const std::size_t closing =
        opening == '"' || opening == '\'' ? text.find(opening, 1) : std::string_view::npos;
    if (closing == std::string_view::npos)
      return fail("expected " + std::string(word) + " \"name\"");
    const std::string url(text.substr(1, closing - 1));
    std::string_view rest = trim(text.substr(closing + 1));
    const std::size_t slash = url.rfind('/');
    std::string space = url.substr(slash == std::string::npos ? 0 : slash + 1);
    const bool is_builtin = url.starts_with("sass:");
    if (is_builtin) space = url.substr(5);
    if (space.starts_with('_')) space.erase(0, 1);
    if (const std::size_t dot = space.find('.'); dot != std::string::npos) space.resize(dot);
    bool is_spread = false;
    if (rest.starts_with("as ")) {
      rest = trim(rest.substr(3));
      std::size_t word_end = 0;
      while (word_end < rest.size() && !is_space(rest[word_end])) ++word_end;
      space = rest.substr(0, word_end);
      rest = trim(rest.substr(word_end));
      is_spread = space == "*";
      if (word == "@forward") return fail("@forward with a prefix cannot be done by libsass");
    }
    std::string settings;
    if (rest.starts_with("with")) {
      const std::string_view list = trim(rest.substr(4));
      if (!list.starts_with('(') || !list.ends_with(')'))
        return fail("expected with ($name: value)");
      settings = settings_of(list.substr(1, list.size() - 2), word == "@forward");
      rest = {};
    }
    if (!rest.empty())
      return fail(std::string(word) + " \"" + url + "\" " + std::string(rest) +
                  ": libsass cannot choose members");
    if (is_builtin && is_spread)
      return fail("@use \"" + url + "\" as * cannot be done by libsass", "name the module instead");
    if (word == "@use" && !is_spread) spaces_[space] = is_builtin ? url.substr(5) : "";
    if (is_builtin) {
      if (url == "sass:math") out_ += division;
    } else {
      out_ += settings + "@import \"" + std::string(sass_use_prefix) + url + "\";";
    }
    // Lines stay where they are.
    for (const char c : source_.substr(at_, end - at_))
      if (c == '\n') out_ += '\n';
    at_ = end < source_.size() ? end + 1 : end;
  }

  // "$a: 1, $b: (2, 3)" as statements.
  static std::string settings_of(std::string_view list, bool is_default) {
    std::string out;
    int depth = 0;
    std::size_t begin = 0;
    for (std::size_t i = 0; i <= list.size(); ++i) {
      const char c = i < list.size() ? list[i] : ',';
      if (c == '(') ++depth;
      if (c == ')') --depth;
      if (c != ',' || (depth > 0 && i < list.size())) continue;
      std::string one(trim(list.substr(begin, i - begin)));
      for (char& byte : one)
        if (byte == '\n') byte = ' ';
      const bool has_default = one.find("!default") != std::string::npos;
      if (!one.empty()) out += one + (is_default && !has_default ? " !default;" : ";");
      begin = i + 1;
    }
    return out;
  }

  std::string_view source_;
  std::string_view file_;
  std::size_t at_ = 0;
  std::string out_;
  Spaces spaces_;  // the built-in module, or nothing
  bool after_include_ = false;
  bool defines_ = false;  // behind @function and @mixin a name is no call
  bool defines_always_ = false;
  static constexpr int depth_max = 64;
  int depth_ = 0;  // of interpolations and calls within each other
  std::optional<Error> error_;
};

}  // namespace

Result<std::string> sass_without_modules(std::string_view source, std::string_view file) {
  return Rewriter(source, file).rewrite();
}

}  // namespace weir::text
