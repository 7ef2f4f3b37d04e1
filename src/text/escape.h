#pragma once
// Text into HTML and XML. Pure functions.

#include <string>
#include <string_view>

namespace weir::text {

// & < > " ' / as &amp; &lt; &gt; &quot; &#x27; &#x2F;: what templates print.
void append_html_escaped(std::string& out, std::string_view text);
std::string html_escaped(std::string_view text);

// & < > only: text between tags of rendered markdown.
void append_html_text(std::string& out, std::string_view text);
// & < > " and ': attribute values of rendered markdown.
void append_html_attribute(std::string& out, std::string_view text);

// & < > " ' as &amp; &lt; &gt; &quot; &apos;: the template filter escape_xml.
void append_xml_escaped(std::string& out, std::string_view text);
std::string xml_escaped(std::string_view text);

// Without tags (from < to the next >) and comments of one line: what the template filter striptags
// leaves.
std::string tags_stripped(std::string_view html);

}  // namespace weir::text
