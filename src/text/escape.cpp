#include "text/escape.h"

#include "base/bytes.h"

#include <array>

namespace weir::text {
namespace {

// What a character becomes; empty = itself.
using EscapeTable = std::array<std::string_view, 128>;

constexpr EscapeTable table_of(std::string_view slash, std::string_view quote,
                               std::string_view apostrophe) {
  EscapeTable table{};
  table['&'] = "&amp;";
  table['<'] = "&lt;";
  table['>'] = "&gt;";
  table['"'] = quote;
  table['\''] = apostrophe;
  table['/'] = slash;
  return table;
}
constexpr EscapeTable html_table = table_of("&#x2F;", "&quot;", "&#x27;");
constexpr EscapeTable text_table = table_of("", "", "");
constexpr EscapeTable attribute_table = table_of("", "&quot;", "&#39;");
constexpr EscapeTable xml_table = table_of("", "&quot;", "&apos;");

void append_by(std::string& out, std::string_view text, const EscapeTable& table) {
  std::size_t start = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte >= table.size() || table[byte].empty()) continue;
    out += text.substr(start, at - start);
    out += table[byte];
    start = at + 1;
  }
  out += text.substr(start);
}

}  // namespace

void append_html_escaped(std::string& out, std::string_view text) {
  append_by(out, text, html_table);
}
void append_html_text(std::string& out, std::string_view text) { append_by(out, text, text_table); }
void append_html_attribute(std::string& out, std::string_view text) {
  append_by(out, text, attribute_table);
}
void append_xml_escaped(std::string& out, std::string_view text) {
  append_by(out, text, xml_table);
}

std::string html_escaped(std::string_view text) {
  std::string out;
  append_html_escaped(out, text);
  return out;
}

std::string xml_escaped(std::string_view text) {
  std::string out;
  append_xml_escaped(out, text);
  return out;
}

std::string tags_stripped(std::string_view html) {
  constexpr std::size_t none = std::string_view::npos;
  std::string out;
  std::size_t comment_end = 0;  // of the first --> at or after the last place it was looked for
  std::size_t at = 0;
  while (true) {
    const std::size_t open = html.find('<', at);
    out += html.substr(at, open == none ? none : open - at);
    if (open == none) return out;
    std::size_t end = none;
    if (html.substr(open).starts_with("<!--")) {
      if (comment_end != none && comment_end < open + 4) comment_end = html.find("-->", open + 4);
      const bool is_one_line =
          comment_end != none && html.substr(open, comment_end - open).find('\n') == none;
      if (is_one_line) end = comment_end + 3;
    }
    if (end == none) {
      const std::size_t close = html.find('>', open);
      if (close == none) return out += html.substr(open);
      end = close + 1;
    }
    at = end;
  }
}

}  // namespace weir::text
