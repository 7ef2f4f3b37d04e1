#include "site/minify.h"

#include "base/bytes.h"

#include <algorithm>
#include <iterator>
#include <vector>

namespace weir::site {

namespace {

// White space beside the tags of these is never seen.
constexpr std::string_view blocks[] = {
    "address", "article", "aside", "base", "blockquote", "body", "center", "col", "colgroup", "dd",
    "details", "dialog", "dir", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer",
    "form", "frame", "h1", "h2", "h3", "h4", "h5", "h6", "head", "header", "hgroup", "hr", "html",
    "legend", "li", "link", "main", "menu", "meta", "nav", "ol", "optgroup", "option", "p",
    "search", "section", "summary", "table", "tbody", "td", "tfoot", "th", "thead", "title", "tr",
    "ul", "!doctype",
    // drawing: only <text> has white space that is seen
    "circle", "clippath", "defs", "ellipse", "g", "line", "lineargradient", "mask", "path",
    "polygon", "polyline", "rect", "stop", "symbol", "use"};
constexpr std::string_view verbatim[] = {"pre", "textarea", "script", "style"};
// Meant to hold elements, not text: a run of white space alone between their children goes, as
// Zola's minifier lets it go, also between two links.
constexpr std::string_view layouts[] = {
    "article", "aside",    "blockquote", "body",   "colgroup", "datalist", "dialog",   "div",
    "dl",      "fieldset", "figure",     "footer", "form",     "head",     "header",   "hgroup",
    "html",    "main",     "map",        "menu",   "nav",      "ol",       "optgroup", "picture",
    "section", "select",   "table",      "tbody",  "tfoot",    "thead",    "tr",       "ul"};
// Inline, but white space at the edges of their content is never seen.
constexpr std::string_view boxes[] = {"audio", "button", "canvas", "object", "svg", "video"};
constexpr std::string_view voids[] = {"area",  "base",  "br",    "col",     "embed", "hr",
                                      "img",   "input", "link",  "meta",    "param", "source",
                                      "track", "wbr",   "frame", "!doctype"};

std::string_view tag_name(std::string_view tag) {  // of "<x ...>" or "</x>"
  std::size_t begin = 1;
  if (begin < tag.size() && tag[begin] == '/') ++begin;
  std::size_t end = begin;
  while (end < tag.size() && !is_space(tag[end]) && tag[end] != '>' && tag[end] != '/') ++end;
  return tag.substr(begin, end - begin);
}

bool is_one_of(std::string_view name, const std::string_view* first, const std::string_view* last) {
  return std::any_of(first, last,
                     [&](std::string_view one) { return equals_ignoring_case(one, name); });
}

// Behind the '>' that ends the tag at `at`; quotes may hold one.
std::size_t tag_end(std::string_view html, std::size_t at) {
  char quote = 0;
  for (std::size_t i = at + 1; i < html.size(); ++i) {
    if (quote != 0) {
      if (html[i] == quote) quote = 0;
    } else if (html[i] == '"' || html[i] == '\'') {
      quote = html[i];
    } else if (html[i] == '>') {
      return i + 1;
    }
  }
  return html.size();
}

// Behind "</name" and its '>', searched from `at`.
std::size_t element_end(std::string_view html, std::size_t at, std::string_view name) {
  for (std::size_t i = html.find("</", at); i != std::string_view::npos; i = html.find("</", i + 2))
    if (equals_ignoring_case(html.substr(i + 2, name.size()), name)) return tag_end(html, i);
  return html.size();
}

// "margin: 0.5em; color: red;" as "margin:.5em;color:red"; strings and url() stay as they are.
std::string minified_declarations(std::string_view css) {
  std::string out;
  char quote = 0;
  std::size_t depth = 0;
  for (std::size_t i = 0; i < css.size(); ++i) {
    const char c = css[i];
    if (quote != 0 || depth != 0) {
      out += c;
      if (c == quote) quote = 0;
      if (quote == 0 && c == '(') ++depth;
      if (quote == 0 && c == ')') --depth;
      continue;
    }
    const bool is_edge = out.empty() || out.back() == ':' || out.back() == ';' || out.back() == ',';
    if (is_space(c)) {
      if (!is_edge && out.back() != ' ') out += ' ';
      continue;
    }
    if ((c == ';' || c == ':' || c == ',') && !out.empty() && out.back() == ' ') out.pop_back();
    const bool starts_number =
        out.empty() || (!is_alnum(out.back()) && out.back() != '.' && out.back() != '#');
    if (c == '0' && starts_number && i + 2 < css.size() && css[i + 1] == '.' &&
        is_digit(css[i + 2]))
      continue;
    if (c == '"' || c == '\'') quote = c;
    if (c == '(') ++depth;
    out += c;
  }
  while (!out.empty() && (out.back() == ' ' || out.back() == ';')) out.pop_back();
  // What these functions of `filter` take when nothing is said (Filter Effects 1, section 5.1).
  for (const std::string_view filter :
       {"brightness", "contrast", "grayscale", "invert", "opacity", "saturate", "sepia"}) {
    for (const std::string_view usual : {"(1)", "(100%)"}) {
      const std::string call = std::string(filter) + std::string(usual);
      for (std::size_t at = out.find(call); at != std::string::npos; at = out.find(call, at))
        out.replace(at, call.size(), std::string(filter) + "()");
    }
  }
  return out;
}

// The order in which Zola's minifier writes the declarations of a rule: those that it does not know
// as a family stay in front, each family behind them, in this order, each in the author's.
// Declarations of different families never decide about each other, so the page looks the same.
// (One family is what one shorthand may set: font and line-height, place, align and justify.)
int family_of(std::string_view declaration) {
  struct Family {
    std::string_view prefix;
    int order;
  };
  constexpr Family families[] = {
      {"background", 1},       {"border", 2},      {"outline", 3},     {"flex", 4},
      {"align-", 6},           {"justify", 6},     {"place-", 6},      {"gap", 6},
      {"margin", 7},           {"padding", 8},     {"font", 9},        {"line-height", 9},
      {"text-decoration", 10}, {"list-style", 11}, {"transition", 12}, {"animation", 13}};
  for (const Family& family : families)
    if (declaration.starts_with(family.prefix)) return family.order;
  return 0;
}

// A plain style sheet, each rule's declarations in that order; one with blocks in blocks, strings
// or comments stays as it is.
std::string ordered_style(std::string_view css) {
  std::string out;
  std::size_t at = 0;
  if (css.find_first_of("\"'@") != std::string_view::npos ||
      css.find("/*") != std::string_view::npos ||
      css.find("!important") != std::string_view::npos ||
      css.find("all:") != std::string_view::npos || css.find("-gap") != std::string_view::npos)
    return std::string(css);
  while (at < css.size()) {
    const std::size_t open = css.find('{', at);
    const std::size_t close =
        open == std::string_view::npos ? open : css.find_first_of("{}", open + 1);
    if (close == std::string_view::npos || css[close] == '{') break;
    std::vector<std::string_view> declarations;
    for (std::size_t begin = open + 1; begin < close;) {
      const std::size_t end = std::min(css.find(';', begin), close);
      const std::string_view one = trim(css.substr(begin, end - begin));
      if (!one.empty()) declarations.push_back(one);
      begin = end + 1;
    }
    std::stable_sort(
        declarations.begin(), declarations.end(),
        [](std::string_view a, std::string_view b) { return family_of(a) < family_of(b); });
    out += css.substr(at, open + 1 - at);
    for (const std::string_view& one : declarations) {
      out += one;
      if (&one != &declarations.back()) out += ';';
    }
    out += '}';
    at = close + 1;
  }
  out += css.substr(at);
  return out;
}

class Minifier {
 public:
  explicit Minifier(std::string_view html) : html_(html) { out_.reserve(html.size()); }

  std::string minified() {
    while (at_ < html_.size()) {
      if (html_.substr(at_).starts_with("<!--")) {
        add_comment();
      } else if (html_[at_] == '<' && at_ + 1 < html_.size() &&
                 (is_alpha(html_[at_ + 1]) || html_[at_ + 1] == '/' || html_[at_ + 1] == '!')) {
        add_tag();
      } else if (is_space(html_[at_])) {
        space_ = true;
        ++at_;
      } else {
        flush_space();
        out_ += html_[at_++];
        after_block_ = false;
        is_text_ = true;
      }
    }
    return std::move(out_);
  }

 private:
  void flush_space() {
    if (space_ && !after_block_) out_ += ' ';
    space_ = false;
  }
  // Conditional comments of old browsers stay.
  void add_comment() {
    const std::size_t close = html_.find("-->", at_ + 4);
    const std::size_t end = close == std::string_view::npos ? html_.size() : close + 3;
    if (html_.substr(at_).starts_with("<!--[if")) {
      flush_space();
      out_ += html_.substr(at_, end - at_);
    }
    at_ = end;
  }
  void add_tag() {
    std::size_t end = tag_end(html_, at_);
    const std::string_view tag = html_.substr(at_, end - at_);
    const std::string_view name = tag_name(tag);
    const bool is_block = is_one_of(name, std::begin(blocks), std::end(blocks));
    const bool is_box = is_one_of(name, std::begin(boxes), std::end(boxes));
    const bool is_open = tag.size() > 1 && tag[1] != '/';
    const bool is_alone =
        !is_text_ &&
        (open_.empty() || is_one_of(open_.back(), std::begin(layouts), std::end(layouts)));
    if (is_block || is_alone || (is_box && !is_open)) space_ = false;
    is_text_ = false;
    if (!is_open && !close(name)) {
      at_ = end;
      return;
    }
    flush_space();
    const bool is_verbatim = is_open && is_one_of(name, std::begin(verbatim), std::end(verbatim));
    if (is_verbatim) end = element_end(html_, end, name);
    if (is_verbatim && equals_ignoring_case(name, "style")) {
      out_ += tag;
      out_ += ordered_style(html_.substr(at_ + tag.size(), end - at_ - tag.size()));
    } else {
      add_with_short_style(html_.substr(at_, end - at_), tag.size());
    }
    // A pre is a block too, but its own white space was kept.
    after_block_ =
        is_block || (is_box && is_open) || (is_verbatim && equals_ignoring_case(name, "pre"));
    if (is_open && !is_verbatim && !tag.ends_with("/>") &&
        !is_one_of(name, std::begin(voids), std::end(voids)))
      open(name, is_block);
    at_ = end;
  }

  // What is open, for two questions: what does white space stand in, and does a </p> close
  // anything? A template that cuts the <p> off a paragraph often forgets the other half, and a
  // browser makes an empty paragraph of that, or ends the one around it.
  void open(std::string_view name, bool is_block) {
    if (is_block && !open_.empty() && equals_ignoring_case(open_.back(), "p")) open_.pop_back();
    if (open_.size() < depth_max) open_.push_back(name);
  }
  bool close(std::string_view name) {
    if (equals_ignoring_case(name, "p")) {
      if (open_.empty() || !equals_ignoring_case(open_.back(), "p"))
        return open_.size() == depth_max;
      open_.pop_back();
      return true;
    }
    for (std::size_t i = open_.size(); i-- > 0;) {
      if (!equals_ignoring_case(open_[i], name)) continue;
      open_.resize(i);
      break;
    }
    return true;
  }

  // The element's text with the declarations of its tag's style attribute made short.
  void add_with_short_style(std::string_view element, std::size_t tag_bytes) {
    constexpr std::string_view attribute = " style=";
    const std::size_t at = element.substr(0, tag_bytes).find(attribute);
    const std::size_t open = at == std::string_view::npos ? at : at + attribute.size();
    if (open == std::string_view::npos || open >= tag_bytes ||
        (element[open] != '"' && element[open] != '\'')) {
      out_ += element;
      return;
    }
    const std::size_t close = std::min(element.find(element[open], open + 1), tag_bytes);
    out_ += element.substr(0, open + 1);
    out_ += minified_declarations(element.substr(open + 1, close - open - 1));
    out_ += element.substr(close);
  }

  static constexpr std::size_t depth_max = 256;

  std::string_view html_;
  std::string out_;
  std::vector<std::string_view> open_;
  std::size_t at_ = 0;
  bool space_ = false;
  bool is_text_ = false;  // since the last tag
  bool after_block_ = true;
};

}  // namespace

std::string minified_html(std::string_view html) { return Minifier(html).minified(); }

}  // namespace weir::site
