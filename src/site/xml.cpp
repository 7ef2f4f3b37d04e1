#include "site/xml.h"

#include "base/bytes.h"
#include "base/limits_site.h"
#include "text/utf8.h"

#include <charconv>

namespace weir::site {

namespace {

using text::Value;

struct Element {
  std::string_view name;  // as written, with its prefix
  Value::Object attributes;
  std::string text;
  std::vector<std::pair<std::string, Value>> children;
};

std::string local(std::string_view name) {
  return std::string(name.substr(name.rfind(':') + 1));  // npos + 1 is 0
}

Value scalar_of(std::string_view text) {
  text = trim(text);
  const char* const end = text.data() + text.size();
  std::uint64_t whole = 0;
  if (const auto [at, errc] = std::from_chars(text.data(), end, whole);
      errc == std::errc{} && at == end && !text.empty())
    return whole <= INT64_MAX ? Value(static_cast<std::int64_t>(whole)) : Value(whole);
  const bool is_text = text.starts_with('0') && !text.starts_with("0.");
  double number = 0;
  if (const auto [at, errc] = std::from_chars(text.data(), end, number);
      errc == std::errc{} && at == end && !text.empty() && !is_text && number - number == 0)
    return number;
  if (text == "true") return true;
  if (text == "false") return false;
  return text;
}

Value value_of(Element& element) {
  Value::Object members = std::move(element.attributes);
  if (!trim(element.text).empty()) {
    if (members.empty()) return scalar_of(element.text);
    members.push_back({"#text", scalar_of(element.text)});
    return members;
  }
  Value object(std::move(members));
  for (auto& [name, value] : element.children) {
    Value* known = object.find(name);
    if (known == nullptr) {
      object.set(name, std::move(value));
    } else if (known->array() != nullptr) {
      known->array()->push_back(std::move(value));
    } else {
      Value::Array both;
      both.push_back(std::move(*known));
      both.push_back(std::move(value));
      *known = Value(std::move(both));
    }
  }
  return object;
}

class XmlReader {
 public:
  XmlReader(std::string_view text, std::string_view file) : text_(text), file_(file) {}

  Result<Value> read() {
    std::vector<Element> open;
    std::optional<Value> root;
    while (at_ < text_.size()) {
      if (text_[at_] != '<') {
        const std::size_t end = std::min(text_.find('<', at_), text_.size());
        const std::string_view raw = text_.substr(at_, end - at_);
        if (open.empty() && !trim(raw).empty()) return wrong("text outside of the root element");
        if (!open.empty()) open.back().text += TRY(plain(raw));
        at_ = end;
      } else if (skip("<!--", "-->") || skip("<?", "?>")) {
      } else if (text_.substr(at_).starts_with("<![CDATA[")) {
        const std::size_t end = text_.find("]]>", at_);
        if (end == std::string_view::npos || open.empty()) return wrong("a CDATA section here");
        open.back().text += text_.substr(at_ + 9, end - at_ - 9);
        at_ = end + 3;
      } else if (text_.substr(at_).starts_with("<!")) {
        TRY(skip_declaration());
      } else if (text_.substr(at_).starts_with("</")) {
        at_ += 2;
        const std::string_view name = name_here();
        skip_space();
        if (open.empty() || open.back().name != name || !take('>'))
          return wrong("</" + std::string(name) + "> closes no open element");
        close(open, root);
      } else {
        ++at_;
        if (root) return wrong("a second root element");
        if (open.size() >= limits::xml_depth_max) return wrong("elements nested too deeply");
        Element element;
        element.name = name_here();
        if (element.name.empty()) return wrong("expected the name of an element");
        const bool is_empty = TRY(read_attributes(element));
        open.push_back(std::move(element));
        if (is_empty) close(open, root);
      }
    }
    if (!open.empty()) return wrong("<" + std::string(open.back().name) + "> is not closed");
    if (!root) return wrong("there is no element");
    return std::move(*root);
  }

 private:
  Error wrong(std::string what) const {
    const std::size_t at = std::min(at_, text_.size());
    return Error{Errc::invalid, "XML: " + std::move(what)}.at(
        {std::string(file_), text::line_of(text_, at), text::column_of(text_, at), 0});
  }
  bool take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void skip_space() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }
  bool skip(std::string_view begin, std::string_view end) {
    if (!text_.substr(at_).starts_with(begin)) return false;
    const std::size_t close = text_.find(end, at_ + begin.size());
    at_ = close == std::string_view::npos ? text_.size() : close + end.size();
    return true;
  }
  Status skip_declaration() {
    const std::size_t end = text_.find_first_of("[>", at_);
    if (end == std::string_view::npos) return wrong("<! without >");
    if (text_[end] == '[') return wrong("declarations within a DOCTYPE are not read");
    at_ = end + 1;
    return done;
  }
  std::string_view name_here() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && !is_space(text_[at_]) &&
           std::string_view("<>/=\"'&").find(text_[at_]) == std::string_view::npos)
      ++at_;
    return text_.substr(begin, at_ - begin);
  }

  // True when the element ends with its tag.
  Result<bool> read_attributes(Element& element) {
    for (;;) {
      skip_space();
      if (take('>')) return false;
      if (take('/')) {
        if (!take('>')) return wrong("expected > behind /");
        return true;
      }
      const std::string_view name = name_here();
      skip_space();
      if (name.empty() || !take('=')) return wrong("expected name=\"value\"");
      skip_space();
      const char quote = at_ < text_.size() ? text_[at_] : '\0';
      const std::size_t end =
          quote == '"' || quote == '\'' ? text_.find(quote, at_ + 1) : std::string_view::npos;
      if (end == std::string_view::npos) return wrong("expected a quoted value");
      const std::string value = TRY(plain(text_.substr(at_ + 1, end - at_ - 1)));
      at_ = end + 1;
      if (name == "xmlns" || name.starts_with("xmlns:")) continue;
      element.attributes.push_back({"@" + std::string(name), scalar_of(value)});
    }
  }

  Result<std::string> plain(std::string_view raw) const {
    std::string out;
    for (std::size_t i = 0; i < raw.size();) {
      if (raw[i] != '&') {
        out += raw[i++];
        continue;
      }
      const std::size_t end = raw.find(';', i);
      if (end == std::string_view::npos) return wrong("& without its ;");
      const std::string_view name = raw.substr(i + 1, end - i - 1);
      constexpr std::pair<std::string_view, char> known[] = {
          {"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};
      bool is_known = false;
      for (const auto& [word, c] : known)
        if (name == word) {
          out += c;
          is_known = true;
        }
      if (!is_known) {
        const bool is_hex = name.starts_with("#x");
        const std::string_view digits =
            name.substr(std::min<std::size_t>(is_hex ? 2 : 1, name.size()));
        std::uint32_t code = 0;
        const auto [at, errc] =
            std::from_chars(digits.data(), digits.data() + digits.size(), code, is_hex ? 16 : 10);
        if (!name.starts_with('#') || errc != std::errc{} || at != digits.data() + digits.size())
          return wrong("&" + std::string(name) + "; is not known");
        text::append_utf8(out, code);
      }
      i = end + 1;
    }
    return out;
  }

  static void close(std::vector<Element>& open, std::optional<Value>& root) {
    Element element = std::move(open.back());
    open.pop_back();
    std::string name = local(element.name);
    Value value = value_of(element);
    if (open.empty()) {
      root = Value(Value::Object{});
      root->set(name, std::move(value));
    } else {
      open.back().children.emplace_back(std::move(name), std::move(value));
    }
  }

  std::string_view text_;
  std::string_view file_;
  std::size_t at_ = 0;
};

}  // namespace

Result<Value> parse_xml(std::string_view text, std::string_view file) {
  return XmlReader(text, file).read();
}

}  // namespace weir::site
