#pragma once
// What need not be made again: the last build's memory (memory.h) held against the site as it is
// now, and what this build leaves for the next.
//
// In the order of a build: `keep_contents` before any body is rendered, `compare_facts` once all
// are, `is_unchanged` for each output, `note` for each that was rendered (from any thread, each
// output once), `take_memory` at the end. The memory of before is used only if its settings are
// this build's: binary, options, configuration, names of templates.

#include "site/facts.h"

#include <map>
#include <vector>

namespace weir::site {

class Increment {
 public:
  // `options.before` may be null.
  Increment(Site& site, const BuildOptions& options);

  void keep_contents();
  void compare_facts();
  bool is_unchanged(std::size_t output) const;
  void note(std::size_t output, const ReadSet& reads);
  // `report` has everything but its memory. Once.
  BuildMemory take_memory(const BuildReport& report);

 private:
  void note_files(BuildMemory& memory) const;
  void note_contents(BuildMemory& memory, FactNumbers& all);
  void note_outputs(BuildMemory& memory, FactNumbers& all);
  Hash128 around(ContentId id) const;
  bool holds(const std::vector<std::uint32_t>& facts) const;
  std::uint32_t number_of(FactNumbers& all, FactName fact);
  std::vector<std::uint32_t> numbers_of(FactNumbers& all, const std::vector<std::uint32_t>& old);
  std::vector<std::uint32_t> numbers_of(FactNumbers& all, const std::vector<std::uint64_t>& keys,
                                        const std::vector<ReadSet::Name>& names);

  struct Fresh {
    bool is_rendered = false;
    bool is_volatile = false;
    std::vector<std::uint64_t> keys;
    std::vector<ReadSet::Name> names;
  };

  Site& site_;
  const BuildMemory* before_ = nullptr;
  Hash128 options_;
  Hash128 settings_;
  Facts facts_;
  std::vector<Hash128> plans_;
  std::vector<std::uint8_t> holds_;  // of before_->facts
  std::vector<Fresh> fresh_;         // of each output of the plan
  // By kind and group of a key, then by its id: what is asked for half a million times.
  std::map<std::uint64_t, std::vector<std::uint32_t>> numbers_of_kind_;
  std::vector<std::uint32_t> number_of_old_;
};

// A resized image is made because a render asks for it, so that render must not be left out.
bool asks_for_images(const ReadSet& reads);

// Whether nothing that `before` has read looks different, nothing was added, and nothing has to be
// rendered anyway: then a build would make what is there. Looks at every file and reads none.
bool is_nothing_changed(const SiteSource& source, const BuildOptions& options,
                        const BuildMemory& before);

}  // namespace weir::site
