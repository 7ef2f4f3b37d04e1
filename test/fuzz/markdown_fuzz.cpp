// Property: any text renders in both forms or fails with a line; the same text gives the same HTML;
// a summary is given exactly when the page has the place to go on reading from, and every heading
// of the contents has an id that is in the page.
#include "base/must.h"
#include "text/markdown.h"

#include <algorithm>

using namespace weir;
using namespace weir::text;

namespace {

class Hooks final : public MarkdownHooks {
 public:
  Result<std::string> resolve_internal_link(std::string_view target, const Place&) override {
    return std::string(target);
  }
  Result<std::string> anchor_link_html(std::string_view, int) override {
    return std::string("<a>");
  }
};

void check(const std::vector<Heading>& toc, const std::vector<std::string>& ids) {
  for (const Heading& heading : toc) {
    MUST(std::find(ids.begin(), ids.end(), heading.id) != ids.end());
    check(heading.children, ids);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  const std::string_view text(reinterpret_cast<const char*>(data), bytes);
  MUST(gfm_html_of(text, {.table = true, .strikethrough = true, .footnotes = true}).ok());
  Hooks hooks;
  for (const bool is_rich : {false, true}) {
    const MarkdownOptions options{
        .permalink = "/p/",
        .insert_anchor_links = is_rich ? AnchorLinks::heading : AnchorLinks::none,
        .smart_punctuation = is_rich,
        .bottom_footnotes = is_rich,
        .github_alerts = is_rich};
    const auto page = render_markdown(text, options, hooks, {"f", 1});
    if (!page.ok()) {
      MUST(page.error().place.line > 0);
      continue;
    }
    const auto again = render_markdown(text, options, hooks, {"f", 1});
    MUST(again.ok() && again->html == page->html);
    MUST(!page->summary || page->html.find("continue-reading") != std::string::npos);
    check(page->toc, page->ids);
  }
  return 0;
}
