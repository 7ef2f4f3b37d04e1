// Goal: XML and BibTeX come as the values that Zola makes of them (S-55); broken ones are told
// with their place.

#include "site/bibtex.h"
#include "site/memory_site.h"
#include "site/xml.h"

#include "text/json.h"

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::site;

namespace {

std::string xml(std::string_view text) {
  const auto value = parse_xml(text, "a.xml");
  return value.ok() ? text::json_of(*value) : value.error().text();
}
std::string bibtex(std::string_view text) {
  const auto value = parse_bibtex(text, "a.bib");
  return value.ok() ? text::json_of(*value) : value.error().text();
}

}  // namespace

TEST_CASE("S-55: XML is what its elements hold", "[site][data]") {
  struct Row {
    std::string_view xml, json;
  };
  const std::vector<Row> rows{
      {"<a/>", R"({"a":{}})"},
      {"<?xml version='1.0'?><!DOCTYPE a><!-- c --><a> x </a>", R"({"a":"x"})"},
      {"<a b='1' c='x'>2.5</a>", R"({"a":{"@b":1,"@c":"x","#text":2.5}})"},
      {"<a><b>12</b><b>true</b><b>007</b><c/></a>", R"({"a":{"b":[12,true,7],"c":{}}})"},
      {"<a>&lt;&#65;&#x42;&amp;<![CDATA[<b>]]></a>", R"({"a":"<AB&<b>"})"},
      {"<x:a xmlns:x='y'><x:b>1</x:b></x:a>", R"({"a":{"b":1}})"},
      {"<a>\n  <b x='y'>\n    <c>z</c>\n  </b>\n</a>\n", R"({"a":{"b":{"@x":"y","c":"z"}}})"},
      {"<a>t<b>u</b></a>", R"({"a":"t"})"},
      {"<a>-1.5</a>", R"({"a":-1.5})"}};
  for (const Row& row : rows) {
    INFO(row.xml);
    CHECK(xml(row.xml) == row.json);
  }
  for (const std::string_view broken :
       {"", "x", "<", "<a", "<a>", "<a></b>", "<a b>", "<a b=c>", "<a>&x;</a>", "<a>&", "<a/><b/>",
        "<a><![CDATA[", "<!DOCTYPE a [<!ENTITY x 'y'>]><a/>", "</a>", "<a/", "<!--"}) {
    INFO(broken);
    CHECK(xml(broken).starts_with("a.xml:1:"));
  }
  std::string deep;
  for (int i = 0; i < 257; ++i) deep += "<a>";
  CHECK(xml(deep).find("too deeply") != std::string::npos);
}

TEST_CASE("S-55: BibTeX is preambles, comments, variables and entries", "[site][data]") {
  CHECK(bibtex(R"(@preamble{"A bibtex preamble" # " this is."}

@Comment{
    Here is a comment.
}

Another comment!

@string(name = "Vincent Prouillet")
@string(github = "https://github.com/getzola/zola")

@misc {my_citation_key,
    author= name,
    title = "Zola",
    note = "github: " # github
}                                                    }
)") == R"({"preambles":["A bibtex preamble this is."],"comments":["Here is a comment.","Another )"
       R"(comment!"],"variables":{"name":"Vincent Prouillet","github":"https://github.com/getzo)"
       R"(la/zola"},"bibliographies":[{"entry_type":"misc","citation_key":"my_citation_key",)"
       R"("tags":{"author":"Vincent Prouillet","title":"Zola","note":"github: https://github.co)"
       R"(m/getzola/zola"}}]})");
  CHECK(bibtex("@Article{k, Year = 2020, month = jan, title = {The {TeX}\n  book},}")
            .find(R"("tags":{"year":"2020","month":"January","title":"The {TeX} book"})") !=
        std::string::npos);
  for (const std::string_view broken : {"@", "@a", "@a{", "@a{k, x", "@a{k, x = }", "@a{k, x = y}",
                                        "@a{k, x = \"y}", "@string{x}", "@comment{"}) {
    INFO(broken);
    CHECK(bibtex(broken).starts_with("a.bib:1:"));
  }
}

TEST_CASE("S-55: load_data reads them by ending or format", "[site][data]") {
  const auto built = test::build_site(
      {{"templates/index.html",
        "{% set x = load_data(path='a.xml') %}{{ x.a.b }} "
        "{% set y = load_data(literal='@misc{k, t = {z}}', format='bibtex') %}"
        "{{ y.bibliographies[0].tags.t }} {{ load_data(path='no.xml', required=false) }}"},
       {"a.xml", "<a><b>1</b></a>"}});
  INFO(built.messages());
  CHECK(built.bytes("index.html") == "1 z ");
}
