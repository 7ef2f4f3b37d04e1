#pragma once
// Describes the pages of the site: the entry in the cache, the file and the templates it was made
// from, and where a path leads that is no page itself.

#include "edge/entry_describer.h"

#include "cache/page_cache.h"

namespace weir::edge {

class PageDescriber final : public EntryDescriber {
 public:
  explicit PageDescriber(cache::PageCache& cache) : cache_(cache) {}  // must outlive this
  std::optional<text::Value> describe(const EntryAsk& ask) override;

 private:
  std::string leads_to(const std::string& path) const;
  cache::PageCache& cache_;
};

}  // namespace weir::edge
