#pragma once
// What need not be made again: the last build's memory (memory.h) held against the site as it is
// now, and what this build leaves for the next.
//
// In the order of a build: `keep_contents` before any body is rendered, `compare_facts` once all
// are, `is_unchanged` for each output, `note` for each that was rendered (from any thread, each
// output once), `take_memory` at the end. The memory of before is used only if its settings are
// this build's: binary, options, configuration, names of templates.

#include "site/facts.h"

#include <string_view>
#include <unordered_set>
#include <vector>

namespace weir::site {

class MemoryWriter;

inline FileLook look_of(const FoundFile& file) {
  return {file.bytes, file.modified_ns, file.changed_ns};
}

class Increment {
 public:
  // `options.before` may be null. `sink` says what it still holds.
  Increment(Site& site, const BuildOptions& options, const OutputSink& sink);

  void keep_contents();
  void compare_facts();
  bool is_unchanged(std::size_t output) const;
  void note(std::size_t output, const ReadSet& reads);
  // Files of resized images that are shown by outputs that were not rendered. After all have been.
  std::vector<std::string> images_of_kept() const;
  // `report` has everything but its memory. Once.
  BuildMemory take_memory(const BuildReport& report);

 private:
  friend class MemoryWriter;
  void value_fact(std::uint32_t number);
  void value_facts(bool (*is_wanted)(const FactName& fact));
  bool holds(Span32 facts) const;
  bool is_as_recorded(const FactName& fact) const;
  void note_fresh(const Content& content, bool is_known);

  struct Fresh {
    bool is_rendered = false;
    bool is_volatile = false;
    std::vector<std::uint64_t> keys;
    std::vector<ReadSet::Name> names;
  };

  Site& site_;
  const OutputSink& sink_;
  const BuildMemory* const read_from_;   // that the site was loaded with
  const BuildMemory* before_ = nullptr;  // the same, when its settings are this build's
  Hash128 options_;
  Hash128 settings_;
  Hash128 structure_;
  bool has_same_structure_ = false;  // as `before_`
  // Paths of pages and sections whose bodies are not known to be what they were.
  std::unordered_set<std::string_view> fresh_contents_;
  Facts facts_;
  std::vector<Hash128> plans_;
  std::vector<std::uint32_t> rows_;  // of each output of the plan, in before_
  // Of before_->facts: what they are worth now, and whether that is what they were.
  std::vector<Hash128> values_;
  std::vector<std::uint8_t> holds_;
  std::vector<Fresh> fresh_;  // of each output of the plan
};

// Whether nothing that `before` has read looks different, nothing was added, and nothing has to be
// rendered anyway: then a build would make what is there. Looks at every file and reads none.
bool is_nothing_changed(const SiteSource& source, const BuildOptions& options,
                        const BuildMemory& before);

}  // namespace weir::site
