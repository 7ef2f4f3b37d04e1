#pragma once
// The search index of a language (S-62), in the four forms that Zola has: for Fuse a list of
// documents, for elasticlunr an inverted index; each as JSON or as a script that sets
// window.searchIndex.

#include "base/result.h"
#include "site/reads.h"

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace weir::site {

class Site;

// Of all sections and listed pages of the language. Reports what it reads.
Result<std::string> search_index_of(const Site& site, std::uint32_t language, ReadSet& reads);

// Those of one build, each made once: pages that print its hash ask for it before it is written.
class SearchIndexes {
 public:
  explicit SearchIndexes(const Site& site) : site_(site) {}
  Result<std::string> of(std::uint32_t language, ReadSet& reads) const;
  void forget() { made_.clear(); }  // the site is another; nobody asks meanwhile

 private:
  struct Made {
    std::string text;
    ReadSet reads;
  };
  const Site& site_;
  mutable std::mutex mutex_;  // held while one is made: whoever comes second wants the same
  mutable std::map<std::uint32_t, Made> made_;
};

// "search_index.en.js"; elasticlunr's client belongs beside it when `needs_elasticlunr`.
std::string search_index_file(std::string_view format, std::string_view code);
bool needs_elasticlunr(std::string_view format);
inline constexpr std::string_view elasticlunr_file = "elasticlunr.min.js";
inline constexpr std::string_view elasticlunr_origin =
    "builtin:templates/search/elasticlunr.min.js";

}  // namespace weir::site
