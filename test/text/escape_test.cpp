// Goal: text cannot become markup.
#include "text/escape.h"

#include <catch2/catch.hpp>

using namespace weir::text;

TEST_CASE("each escape has its own set", "[text]") {
  const std::string_view text = "a & <b> \"c\" 'd' / é";
  std::string plain;
  std::string attribute;
  append_html_text(plain, text);
  append_html_attribute(attribute, text);
  CHECK(html_escaped(text) == "a &amp; &lt;b&gt; &quot;c&quot; &#x27;d&#x27; &#x2F; é");
  CHECK(xml_escaped(text) == "a &amp; &lt;b&gt; &quot;c&quot; &apos;d&apos; / é");
  CHECK(plain == "a &amp; &lt;b&gt; \"c\" 'd' / é");
  CHECK(attribute == "a &amp; &lt;b&gt; &quot;c&quot; &#39;d&#39; / é");
}

TEST_CASE("tags and comments are stripped, what only looks like one stays", "[text]") {
  struct Row {
    std::string_view html, text;
  };
  const std::vector<Row> rows{
      {"<b>Joel</b> <button>is</button> a <span>slug</span>", "Joel is a slug"},
      {"a<!-- <p>b</p> -->c", "ac"},
      {"a<!-- <p>b\n</p> -->c", "ab\n -->c"},
      {"hi, <f x", "hi, <f x"},
      {"234<235, right?", "234<235, right?"},
      {"b7>b2!", "b7>b2!"},
      {"d<a:b c:d>e</p>f", "def"},
      {"", ""},
  };
  for (const Row& row : rows) CHECK(tags_stripped(row.html) == row.text);
}
