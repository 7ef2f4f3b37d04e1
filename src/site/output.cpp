#include "site/output.h"

namespace weir::site {

std::string_view name_of(OutputKind kind) {
  constexpr std::string_view names[] = {
      "page",   "section",   "taxonomy-list", "taxonomy-term", "redirect", "feed",       "sitemap",
      "robots", "not-found", "style-sheet",   "search-index",  "asset",    "static-file"};
  return names[static_cast<std::size_t>(kind)];
}

}  // namespace weir::site
