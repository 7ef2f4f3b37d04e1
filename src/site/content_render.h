#pragma once
// The body of a page or section: shortcodes, then Markdown, with links resolved against the library
// (S-25 to S-36).
//
// `.md` shortcodes are expanded before Markdown is parsed, `.html` ones stand as markers until it
// is rendered, so their output is never read as Markdown. Lines of the expanded text are mapped
// back, so every error names the line of the author's file. Callable from any thread.

#include "site/site.h"

#include <memory>
#include <string>
#include <string_view>

namespace weir::site {

Result<std::shared_ptr<const Rendered>> render_content(const Site& site, ContentId id);

// Markdown that is not a content file: the filter `markdown`. Shortcodes see `config` and `lang`
// only.
Result<std::string> render_markdown_text(const Site& site, std::string_view text, ReadSet* reads,
                                         const Place& place);

// The permalink of "@/blog/a.md#x"; an error with a hint when there is no such content.
struct InternalLink {
  ContentId target;
  std::string fragment;
  std::string permalink;  // with the fragment
};
Result<InternalLink> resolve_internal_link(const Site& site, std::string_view link);

}  // namespace weir::site
