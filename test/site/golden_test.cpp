// Goal: the HTML that a site becomes changes only when somebody means it. Method: one site with a
// bit of everything, dressed in the built-in templates, against the files of test/site/golden;
// `make golden` writes them anew.

#include "site/memory_site.h"
#include "support.h"

#include "base/file.h"

#include <catch2/catch.hpp>

#include <cstdlib>

using namespace weir;
using weir::test::build_site;
using weir::test::Built;

namespace {

const char* const post = R"(+++
title = "Levels & gates"
description = "How a weir holds water back."
date = 2024-05-06
updated = 2024-06-07T08:09:10Z
authors = ["A. Keeper"]
[taxonomies]
tags = ["Water Works", "gates"]
+++
The *first* paragraph, with a [link to the index](@/_index.md) and one [outside](https://example.org/?a=1&b=2).

<!-- more -->

## A heading with `code` {#own}

{{ note(kind="tip") }}

{% note(kind="warning") %}
Body with "quotes" & <b>tags</b>.
{% end %}

- [x] done
- [ ] open[^1]

| left | right |
|------|------:|
| a    |     1 |

```rust,linenos
fn main() { println!("<&>"); }
```

> quoted
> twice

[^1]: A note.
)";

test::MemorySource::Files golden_site() {
  return {
      {"config.toml",
       "base_url = \"https://example.com/base\"\ntitle = \"Golden <site>\"\ndescription = \"A bit "
       "of everything\"\n"
       "author = \"Editor\"\ngenerate_feeds = true\nfeed_filenames = [\"atom.xml\", \"rss.xml\", "
       "\"feed.json\"]\n"
       "taxonomies = [{ name = \"tags\", feed = true }]\n[markdown]\nsmart_punctuation = "
       "true\ninsert_anchor_links = \"left\"\n"},
      {"content/_index.md", "+++\ntitle = \"Home\"\nsort_by = \"date\"\n+++\nWelcome.\n"},
      {"content/blog/_index.md",
       "+++\ntitle = \"Blog\"\nsort_by = \"date\"\npaginate_by = 1\ngenerate_feeds = true\n+++\n"},
      {"content/blog/levels.md", post},
      {"content/blog/2023-01-02-older.md",
       "---\ntitle: \"Older\"\naliases: [\"/was/here/\"]\n---\nShort.\n"},
      {"templates/index.html",
       "<h1>{{ config.title }}</h1>{{ section.content | safe }}{% set blog = "
       "get_section(path=\"blog/_index.md\") %}"
       "{% for page in blog.pages %}\n<a href=\"{{ page.permalink }}\">{{ page.title }}</a>{% "
       "endfor %}\n"},
      {"templates/section.html",
       "<h1>{{ section.title }}</h1>{% for page in paginator.pages %}\n<h2>{{ page.title }}</h2>{{ "
       "page.summary | "
       "default(value=\"\") | safe }}{% endfor %}\n{{ paginator.current_index }} of {{ "
       "paginator.number_pagers }}\n"},
      {"templates/page.html",
       "<h1>{{ page.title }}</h1><time>{{ page.date | date(format=\"%e %B %Y\") }}</time> {{ "
       "page.word_count }} "
       "words\n{% for heading in page.toc %}<a href=\"{{ heading.permalink | safe }}\">{{ "
       "heading.title }}</a>{% endfor %}\n"
       "{{ page.content | safe }}{% if page.lower %}newer: {{ page.lower.title }}{% endif %}{% if "
       "page.higher %}older: {{ "
       "page.higher.title }}{% endif %}\n"},
      {"templates/taxonomy_list.html",
       "{% for term in terms %}<a href=\"{{ term.permalink }}\">{{ term.name }}</a> {{ "
       "term.page_count }}\n{% endfor %}"},
      {"templates/taxonomy_single.html",
       "{{ term.name }}{% for page in term.pages %} {{ page.title }}{% endfor %}\n"},
      {"templates/shortcodes/note.html",
       "<aside class=\"{{ kind }}\">{{ nth }}{% if body %}: {{ body | safe }}{% endif %}</aside>"}};
}

}  // namespace

TEST_CASE("the golden site keeps its bytes", "[site][golden]") {
  const Built built = build_site(golden_site());
  INFO(built.messages());
  REQUIRE_FALSE(built.report.failed());
  const std::string root = "test/site/golden/";
  const char* mode = std::getenv("WEIR_GOLDEN");
  if (mode != nullptr && std::string_view(mode) == "write") {
    for (const auto& [file, output] : built.outputs) {
      const std::string path = root + file;
      REQUIRE(make_directories(path.substr(0, path.rfind('/'))).ok());
      REQUIRE(write_file_atomically(path, output.bytes, Sync::no).ok());
    }
    return;
  }
  for (const auto& [file, output] : built.outputs) {
    INFO(file);
    const Result<std::string> golden = read_file(root + file);
    REQUIRE(golden.ok());
    CHECK(output.bytes == *golden);
  }
  const auto directory = RootDirectory::open(root);
  REQUIRE(directory.ok());
  const auto files = directory->list("");
  REQUIRE(files.ok());
  CHECK(files->files.size() == built.outputs.size());
}
