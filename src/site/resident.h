#pragma once
// A builder that stays: the outputs of a site in memory, and what they were made from, so that an
// edit costs what reads it (S-76).
//
// Two ways. An edit of a template, of data or of the configuration, and whatever adds or removes an
// output, goes the way of every build: the site is loaded, front matter comes from memory, outputs
// whose facts still hold are taken over (increment.h). When it is known which files were written,
// and they are content, the site that was built is edited where it stands (edit_in_place.h). What
// comes of either is the same, byte for byte.
//
// All outputs are replaced at once when a build is good; after one that failed the last good ones
// stay. `find` may be called from any thread meanwhile, `build` from one at a time. `source`, clock
// and fetcher must outlive it.

#include "base/guarded.h"
#include "site/build.h"

#include <memory>
#include <span>
#include <unordered_map>

namespace weir::site {

class ResidentBuilder {
 public:
  ResidentBuilder(const SiteSource& source, BuildOptions options);
  ~ResidentBuilder();
  ResidentBuilder(const ResidentBuilder&) = delete;
  ResidentBuilder& operator=(const ResidentBuilder&) = delete;

  struct Result {
    BuildReport report;                     // without its memory
    bool is_same = false;                   // nothing had changed: no build
    std::vector<std::string> changed = {};  // URL paths whose bytes are new or gone, sorted
  };
  // Whatever has changed.
  Result build();
  // No other files than these, below the site's root, have changed since the last build.
  Result build(std::span<const std::string> written);

  // Null when the last good build has no such URL path.
  std::shared_ptr<const Output> find(std::string_view path) const;

 private:
  using Outputs = std::unordered_map<std::string, std::shared_ptr<const Output>>;  // by URL path
  class Sink;

  std::optional<Result> edit(std::span<const std::string> written);

  const SiteSource& source_;
  BuildOptions options_;
  std::unique_ptr<BuildMemory> memory_;
  std::unique_ptr<FactNumbers> fact_numbers_;  // of `memory_`, from the first edit on
  std::unique_ptr<ListedSource> listed_;       // that the site of `work_` reads through
  Workpiece work_;  // of the last good build; without a site when it cannot be edited
  std::uint64_t edits_ = 0;
  // Another whole build replaces them, an edit what it made: both under one lock.
  Guarded<std::shared_ptr<Outputs>> outputs_;
};

}  // namespace weir::site
