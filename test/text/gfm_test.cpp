// Goal: what cmark-gfm passes of the GFM specification, we pass.
// Method: every example of the four files; the ones that the library itself fails are named here.
#include "text/markdown.h"

#include "base/file.h"
#include "support.h"

#include <catch2/catch.hpp>

#include <set>

using namespace weir;
using namespace weir::text;

namespace {

struct Example {
  std::string names, markdown, html;
};

std::string with_tabs(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const bool is_arrow = text.substr(at).starts_with("→");
    out += is_arrow ? '\t' : text[at];
    at += is_arrow ? std::string_view("→").size() : 1;
  }
  return out;
}

std::vector<Example> examples_of(const std::string& file) {
  const auto text = read_file(test::shared_directory() + "/vectors/gfm/" + file);
  REQUIRE(text.ok());
  const std::string fence(32, '`');
  std::vector<Example> examples;
  std::string* part = nullptr;
  std::size_t start = 0;
  while (start < text->size()) {
    const std::size_t end = std::min(text->find('\n', start), text->size());
    const std::string line = text->substr(start, end - start);
    start = end + 1;
    if (line.starts_with(fence + " example")) {
      examples.push_back({line.substr(fence.size() + 8), "", ""});
      part = &examples.back().markdown;
    } else if (line == fence) {
      part = nullptr;
    } else if (part != nullptr && line == "." && part == &examples.back().markdown) {
      part = &examples.back().html;
    } else if (part != nullptr) {
      *part += with_tabs(line) + '\n';
    }
  }
  return examples;
}

void check(const std::string& file, std::size_t count, const GfmOptions& all,
           const std::set<std::size_t>& excused = {}) {
  const std::vector<Example> examples = examples_of(file);
  CHECK(examples.size() == count);
  for (std::size_t i = 0; i < examples.size(); ++i) {
    const Example& example = examples[i];
    if (example.names.find("disabled") != std::string::npos || example.html == "<IGNORE>\n" ||
        excused.count(i + 1) > 0)
      continue;
    GfmOptions options = all;
    const auto names = [&example](std::string_view name) {
      return example.names.find(name) != std::string::npos;
    };
    options.table |= names("table");
    options.autolink |= names("autolink");
    options.strikethrough |= names("strikethrough");
    options.tagfilter |= names("tagfilter");
    options.tasklist |= names("tasklist");
    options.footnotes |= names("footnotes");
    const auto html = gfm_html_of(example.markdown, options);
    INFO(file << " example " << i + 1 << ":\n" << example.markdown);
    REQUIRE(html.ok());
    CHECK(*html == example.html);
  }
}

}  // namespace

TEST_CASE("the examples of the GFM specification", "[text]") {
  if (!test::has_vectors("gfm")) return;
  check("spec.txt", 673, {});
}

TEST_CASE("the examples of cmark-gfm's extensions", "[text]") {
  if (!test::has_vectors("gfm")) return;
  // 23 shows the footnotes of an earlier version of the library (other ids).
  check("extensions.txt", 28,
        {.table = true,
         .autolink = true,
         .strikethrough = true,
         .tagfilter = true,
         .tasklist = true,
         .footnotes = true},
        {23});
}

TEST_CASE("the regressions of cmark-gfm", "[text]") {
  if (!test::has_vectors("gfm")) return;
  check("regression.txt", 19, {}, {13});  // as above
}

TEST_CASE("the examples of smart punctuation", "[text]") {
  if (!test::has_vectors("gfm")) return;
  check("smart_punct.txt", 16, {.smart = true});
}
