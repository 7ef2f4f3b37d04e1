#pragma once
// Content files that were written again, in a site that was built and is held: what they make new
// is rendered where the site stands.
//
// In this order: the files are read, and each page moved to where it belongs (relink.h); facts
// about front matter, lists, links and terms that are not what they were; the bodies that were
// written or read one of those facts; facts about bodies; the outputs that read any of them. Only
// what may have changed is looked at, by its name. Then the memory is brought up to date: what a
// build of the site as it is now would remember, but that it may have lost the hash of the
// structure.
//
// `made` may refuse: other outputs, another file than content, something to tell the author, a body
// that nobody can tell whether it is new. Then the memory is as it was, the site is good for
// nothing, and a whole build has to follow. One edit; one thread, which nobody reads beside.

#include "site/facts.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace weir::site {

class EditInPlace {
 public:
  // `memory` is of `site`, has nothing unsettled and no warnings; `numbers` are of `memory`.
  EditInPlace(Site& site, BuildMemory& memory, FactNumbers& numbers);

  // The outputs that were rendered, in the order of the plan. `written` are paths below the root.
  std::optional<std::vector<Output>> made(std::span<const std::string> written);

 private:
  struct Body {
    ContentId id;
    std::uint32_t row = BuildMemory::none;  // of the memory's contents
    bool is_written = false;
    bool has_new_front = false;
    Site::NewBody news;
  };
  struct Made {
    std::uint32_t row = 0;  // of the memory's outputs
    Hash128 plan;
    Output output;
    ReadSet reads;
    bool is_good = false;
  };

  bool find_bodies(std::span<const std::string> written);
  bool has_second_path(std::uint32_t file) const;
  bool is_looked_up(std::string_view relative_path) const;
  bool read_files();
  bool shows_other_time() const;
  void value_linked();
  void add_readers();
  bool render_bodies();
  void value_bodies();
  bool render_outputs();
  void bring_memory_up_to_date();

  void value(tmpl::ReadKind kind, tmpl::ReadGroup group, std::string_view name);
  void value_content(ContentId id, std::span<const tmpl::ReadGroup> groups);
  void value_backlinks(const std::vector<std::string>& links);
  bool reads_new(Span32 facts) const;
  bool shows_image(Span32 facts) const;
  Span32 numbers_of(const ReadSet& reads);
  void note(const Body& body);
  template <class Work>
  void for_each(std::size_t count, Work work) const;

  Site& site_;
  BuildMemory& memory_;
  FactNumbers& numbers_;
  const Facts facts_;
  std::vector<Body> bodies_;
  Relinked relinked_;
  std::unordered_map<std::uint32_t, Hash128> new_values_;  // of facts that are not what they were
  std::vector<std::uint8_t> is_new_;                       // of all facts
  std::vector<Made> made_;
};

}  // namespace weir::site
