#pragma once
// A builder that stays: the outputs of a site in memory, and what they were made from, so that an
// edit costs what reads it (S-76).
//
// `build` takes over every output whose facts still hold (increment.h) and replaces all at once
// when the build is good; after a build that failed the last good outputs stay. `find` may be
// called from any thread meanwhile; `build` from one thread at a time. `source`, clock and fetcher
// must outlive it.

#include "base/guarded.h"
#include "site/build.h"

#include <memory>
#include <unordered_map>

namespace weir::site {

class ResidentBuilder {
 public:
  ResidentBuilder(const SiteSource& source, BuildOptions options);

  struct Result {
    BuildReport report;                     // without its memory
    bool is_same = false;                   // nothing had changed: no build
    std::vector<std::string> changed = {};  // URL paths whose bytes are new or gone, sorted
  };
  Result build();

  // Null when the last good build has no such URL path.
  std::shared_ptr<const Output> find(std::string_view path) const;

 private:
  using Outputs = std::unordered_map<std::string, std::shared_ptr<const Output>>;  // by URL path
  class Sink;

  const SiteSource& source_;
  BuildOptions options_;
  std::unique_ptr<BuildMemory> memory_;
  Guarded<std::shared_ptr<const Outputs>> outputs_;
};

}  // namespace weir::site
