#include "site/bibtex.h"

#include "base/bytes.h"
#include "text/utf8.h"

namespace weir::site {

namespace {

using text::Value;

class BibtexReader {
 public:
  BibtexReader(std::string_view text, std::string_view file) : text_(text), file_(file) {
    constexpr std::pair<std::string_view, std::string_view> months[] = {
        {"jan", "January"},   {"feb", "February"}, {"mar", "March"},    {"apr", "April"},
        {"may", "May"},       {"jun", "June"},     {"jul", "July"},     {"aug", "August"},
        {"sep", "September"}, {"oct", "October"},  {"nov", "November"}, {"dec", "December"}};
    for (const auto& [name, month] : months) months_.set(std::string(name), month);
  }

  Result<Value> read() {
    while (at_ < text_.size()) {
      const std::size_t end = std::min(text_.find('@', at_), text_.size());
      // A stray brace behind an entry is no comment.
      std::string_view comment = trim(text_.substr(at_, end - at_));
      while (comment.starts_with('}')) comment = trim(comment.substr(1));
      if (!comment.empty()) comments_.push_back(Value(comment));
      at_ = end;
      if (at_ < text_.size()) TRY(entry());
    }
    Value out = Value::Object{};
    out.set("preambles", std::move(preambles_));
    out.set("comments", std::move(comments_));
    out.set("variables", std::move(variables_));
    out.set("bibliographies", std::move(entries_));
    return out;
  }

 private:
  Error wrong(std::string what) const {
    const std::size_t at = std::min(at_, text_.size());
    return Error{Errc::invalid, "BibTeX: " + std::move(what)}.at(
        {std::string(file_), text::line_of(text_, at), text::column_of(text_, at), 0});
  }
  void skip_space() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }
  char peek() {
    skip_space();
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  std::string_view word() {
    skip_space();
    const std::size_t begin = at_;
    while (at_ < text_.size() && !is_space(text_[at_]) &&
           std::string_view("@{}()\",=#%").find(text_[at_]) == std::string_view::npos)
      ++at_;
    return text_.substr(begin, at_ - begin);
  }

  Status entry() {
    ++at_;
    const std::string type = lower_of(word());
    const char opening = peek();
    if (type.empty() || (opening != '{' && opening != '('))
      return wrong("expected @type{ or @type(");
    const char closing = opening == '{' ? '}' : ')';
    if (type == "comment") {
      const std::string_view body = TRY(balanced());
      comments_.push_back(Value(trim(body)));
      return done;
    }
    ++at_;
    if (type == "preamble") {
      preambles_.push_back(Value(TRY(value())));
    } else if (type == "string") {
      const std::string name(word());
      if (peek() != '=') return wrong("expected name = value");
      ++at_;
      variables_.set(name, TRY(value()));
    } else {
      TRY(bibliography(type, closing));
    }
    if (peek() == ',') ++at_;
    if (peek() != closing) return wrong(std::string("expected ") + closing);
    ++at_;
    return done;
  }

  Status bibliography(const std::string& type, char closing) {
    Value tags = Value::Object{};
    skip_space();
    const std::size_t begin = at_;
    while (at_ < text_.size() && text_[at_] != ',' && text_[at_] != closing) ++at_;
    const std::string_view key = trim(text_.substr(begin, at_ - begin));
    while (peek() == ',') {
      ++at_;
      if (peek() == closing || peek() == ',') continue;
      const std::string name = lower_of(word());
      if (name.empty() || peek() != '=') return wrong("expected name = value");
      ++at_;
      tags.set(name, TRY(value()));
    }
    Value out = Value::Object{};
    out.set("entry_type", type);
    out.set("citation_key", key);
    out.set("tags", std::move(tags));
    entries_.push_back(std::move(out));
    return done;
  }

  // Parts joined by "#": a quoted or braced text, a number, the name of a variable.
  Result<std::string> value() {
    std::string out;
    for (;;) {
      const char c = peek();
      if (c == '"') {
        out += TRY(quoted());
      } else if (c == '{') {
        out += squeezed(TRY(balanced()));
      } else {
        const std::string name(word());
        if (name.empty()) return wrong("expected a value");
        if (name.find_first_not_of("0123456789") == std::string::npos) {
          out += name;
        } else {
          const Value* known = variables_.find(name);
          if (known == nullptr) known = months_.find(lower_of(name));
          if (known == nullptr) return wrong("there is no variable " + name);
          out += *known->string();
        }
      }
      if (peek() != '#') return out;
      ++at_;
    }
  }

  // From the opening bracket to its closing one; returns what is between.
  Result<std::string_view> balanced() {
    const char opening = text_[at_];
    const char closing = opening == '{' ? '}' : ')';
    const std::size_t begin = at_ + 1;
    std::size_t depth = 0;
    for (std::size_t i = at_; i < text_.size(); ++i) {
      if (text_[i] == '\\') {
        ++i;
      } else if (text_[i] == opening) {
        ++depth;
      } else if (text_[i] == closing && --depth == 0) {
        at_ = i + 1;
        return text_.substr(begin, i - begin);
      }
    }
    return wrong("this is not closed");
  }
  Result<std::string> quoted() {
    std::size_t depth = 0;
    for (std::size_t i = at_ + 1; i < text_.size(); ++i) {
      if (text_[i] == '\\') ++i;
      else if (text_[i] == '{') ++depth;
      else if (text_[i] == '}' && depth > 0) --depth;
      else if (text_[i] == '"' && depth == 0) {
        const std::string out = squeezed(text_.substr(at_ + 1, i - at_ - 1), Ends::kept);
        at_ = i + 1;
        return out;
      }
    }
    return wrong("this is not closed");
  }

  // Runs of white space are one blank; those at the ends of a quoted text matter when it is joined.
  enum class Ends : std::uint8_t { trimmed, kept };
  static std::string squeezed(std::string_view text, Ends ends = Ends::trimmed) {
    if (ends == Ends::trimmed) text = trim(text);
    std::string out;
    for (const char c : text) {
      if (!is_space(c)) out += c;
      else if (out.empty() || out.back() != ' ') out += ' ';
    }
    return out;
  }

  std::string_view text_;
  std::string_view file_;
  std::size_t at_ = 0;
  Value months_ = Value::Object{};
  Value variables_ = Value::Object{};
  Value::Array preambles_, comments_, entries_;
};

}  // namespace

Result<Value> parse_bibtex(std::string_view text, std::string_view file) {
  return BibtexReader(text, file).read();
}

}  // namespace weir::site
