#pragma once
// Markdown (GFM through cmark-gfm, which only markdown.cpp knows) in two forms:
//
//   gfm_html_of       cmark-gfm's own HTML, the form of the GFM specification;
//   render_markdown   the form of Zola 0.22, written by us from the tree: links resolved, headings
//                     with ids and a table of contents, a summary, footnotes, alerts, task lists.
//
// Linear in the size of the text; deeper nesting than limits::markdown_depth_max is an error with
// its line. Callable from any thread; a MarkdownHooks object is only called from the thread that
// renders.

#include "base/result.h"
#include "text/slug.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::text {

struct GfmOptions {
  bool table = false, autolink = false, strikethrough = false, tagfilter = false, tasklist = false;
  bool footnotes = false, smart = false;
};
Result<std::string> gfm_html_of(std::string_view markdown, const GfmOptions& options);

enum class AnchorLinks : std::uint8_t { none, left, right, heading };

struct MarkdownOptions {
  std::string permalink =
      {};  // of the page: "https://a.b/c/"; co-located links and "#x" start with it
  AnchorLinks insert_anchor_links = AnchorLinks::none;
  SlugMode anchors = SlugMode::on;
  bool smart_punctuation = false;
  bool render_emoji = false;
  bool definition_list = false;
  bool bottom_footnotes = false;
  bool lazy_async_image = false;
  bool github_alerts = false;
  std::string external_links_class = {};
  bool external_links_target_blank = false;
  bool external_links_no_follow = false;
  bool external_links_no_referrer = false;
  bool external_links_external = true;
};

struct CodeBlock {
  std::string_view info;  // all behind the fence: "rust,linenos"; empty for an indented block
  std::string_view text;  // unescaped, with its last newline
  Place place;            // of the fence
};

// Shortcode calls are markers while markdown is rendered: marker_of(i) in the text, replaced in the
// result by what `marker_html(i)` says. A paragraph that is one marker alone loses its <p>. In code
// (blocks and spans) the replacement is code: it is escaped like the rest. A source that holds
// marker characters itself (two private-use characters) must have them taken out first:
// `without_markers`.
std::string marker_of(std::size_t index);
std::string without_markers(std::string_view text);

class MarkdownHooks {
 public:
  virtual ~MarkdownHooks() = default;
  // What is wrong with the text but lets the rest of it be read, so that more can be told at once.
  // The default ends the rendering with it.
  virtual Status mistake(Error error) { return error; }
  // `target` is "@/blog/a.md#x". The permalink with the fragment; an error is reported with its
  // place.
  virtual Result<std::string> resolve_internal_link(std::string_view target,
                                                    const Place& place) = 0;
  // The HTML of anchor-link.html; only asked when insert_anchor_links is not none.
  virtual Result<std::string> anchor_link_html(std::string_view id, int level) = 0;
  // The whole <pre>; nothing = the plain form <pre><code data-lang="rust">.
  virtual Result<std::optional<std::string>> code_block_html(const CodeBlock& block);
  virtual Result<std::string> marker_html(std::size_t index);
  // The HTML of summary-cutoff.html; asked when <!-- more --> stands within an open tag.
  virtual Result<std::string> summary_cutoff_html();
};

struct Heading {
  int level = 1;
  std::string id, permalink, title;  // title: text without tags
  std::vector<Heading> children;
};

struct FoundLink {
  std::string target;  // internal: as written, "@/a.md#x" or "#x"; external: the URL
  Place place;
};

struct Markdown {
  std::string html;
  std::optional<std::string> summary;  // when there is a <!-- more -->
  std::vector<Heading> toc;
  std::vector<std::string> ids;  // what an anchor may point at: headings, notes, id= in raw HTML
  std::vector<FoundLink> internal_links;
  std::vector<FoundLink> external_links;
};

// `start` is the file and the line on which `text` starts.
Result<Markdown> render_markdown(std::string_view text, const MarkdownOptions& options,
                                 MarkdownHooks& hooks, const Place& start);

// Words outside code fences: every second part between triple backticks is left out (S-23).
std::size_t markdown_words_of(std::string_view text);

}  // namespace weir::text
