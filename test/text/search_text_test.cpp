// Goal: what a search index keeps of a page, and how words are brought down to their stems.

#include "text/search_text.h"
#include "text/porter.h"
#include "text/stemmer.h"

#include <catch2/catch.hpp>

using namespace weir::text;

TEST_CASE("S-62: the text of a page is without tags, code blocks and runs of blanks", "[search]") {
  struct Row {
    std::string_view html, text;
  };
  const std::vector<Row> rows{
      {"", ""},
      {"<p>a <b>b</b></p>\n\n<ul>\n<li>c</li>\n</ul>\n", "a b\nc"},
      {"a<pre><code>x <pre>y</pre></code></pre>b<script>if (a<b) c</script>d", "abd"},
      {"<style>p{}</style><!-- <p> -->x<br/>y", "xy"},
      {"a &lt;b&gt; &amp; &quot;c&quot; &#x27;d&#39; &nbsp; &unknown;",
       "a &lt;b&gt; &amp; \"c\" 'd' &nbsp; &amp;unknown;"},
      {"a < b <a title='>'>c</a>", "a &lt; b c"},
      {"<noscript><strong>x</strong></noscript>", "&lt;strong&gt;x&lt;/strong&gt;"},
      {"<pre>never closed", ""},
      {"<", "&lt;"},
      {"<a", ""},
      {"<!--", ""}};
  for (const Row& row : rows) {
    INFO(row.html);
    CHECK(search_text_of(row.html) == row.text);
  }
  CHECK(search_text_of("<p>äöü</p>", 2) == "äö");
  CHECK(search_text_of("<p>äöü</p>", 9) == "äöü");
}

TEST_CASE("S-62: English words are stemmed as elasticlunr does it", "[search]") {
  struct Row {
    std::string_view word, stem;
  };
  const std::vector<Row> rows{{"", ""},
                              {"a", "a"},
                              {"is", "is"},
                              {"fly", "fli"},
                              {"always", "alway"},
                              {"array", "array"},
                              {"incredibly", "incred"},
                              {"webassembly", "webassembl"},
                              {"running", "run"},
                              {"hoping", "hope"},
                              {"hopping", "hop"},
                              {"falling", "fall"},
                              {"agreed", "agre"},
                              {"caresses", "caress"},
                              {"ponies", "poni"},
                              {"relational", "relat"},
                              {"generalization", "gener"},
                              {"controll", "control"},
                              {"technology", "technolog"},
                              {"adoption", "adopt"},
                              {"sss", "sss"},
                              {"naïve", "naïv"},
                              {"日本語", "日本語"}};
  for (const Row& row : rows) {
    INFO(row.word);
    CHECK(porter_stem_of(row.word) == row.stem);
  }
}

TEST_CASE("S-62: each language has its trimmer, stop words and stemmer", "[search]") {
  WordPipeline english = WordPipeline::of("en-GB");
  CHECK(english.language_name() == "English");
  CHECK(english.step_names() == std::vector<std::string>{"trimmer", "stopWordFilter", "stemmer"});
  CHECK(english.reduced("(pages),") == "page");
  CHECK(english.reduced("the").empty());
  CHECK(english.reduced("...").empty());

  WordPipeline german = WordPipeline::of("de");
  CHECK(german.step_names().front() == "trimmer-de");
  CHECK(german.reduced("„häuser“") == "haus");
  CHECK(german.reduced("und").empty());
  CHECK(german.reduced("2024").empty());  // digits are no Latin letters
  CHECK(WordPipeline::of("ru").reduced("книги") == "книг");
  CHECK(WordPipeline::of("nl").language_name() == "Dutch");
  CHECK(WordPipeline::of("ar").reduced("أَب") == "اب");
  CHECK(WordPipeline::of("ko").reduced("사람") == "사람");

  WordPipeline other = WordPipeline::of("eo");
  CHECK_FALSE(other.is_known());
  CHECK(other.reduced("vorto") == "vorto");
}

TEST_CASE("S-62: words are parted at white space and dashes", "[search]") {
  CHECK(search_words_of("New York-San  Francisco\nÄ") ==
        std::vector<std::string>{"new", "york", "san", "francisco", "ä"});
  CHECK(search_words_of("/blog/a-b/", "/") == std::vector<std::string>{"blog", "a", "b"});
  CHECK(search_words_of("").empty());
}
