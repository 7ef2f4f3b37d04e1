#pragma once
// A release while it is written: what is taken over from the previous one, by its rows there, and
// what is new. `assemble` makes the manifest of both (its grammar: manifest.h).
//
// What is kept is copied row by row, since the previous manifest is sorted already: no name of it
// is hashed, compared or sorted again. The cost is that of copying the tables.
//
// A value; `previous` must outlive it. `keep_*` are callable from any thread, the rest from one.

#include "base/clock.h"
#include "store/release_manifest.h"

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir::store {

// A blob or a tag is named by its number in the previous manifest with this bit, or by its number
// among the new ones.
inline constexpr std::uint32_t of_previous = 0x8000'0000;

struct ReleaseDraft {
  struct Page {
    std::string path, content_type, fields;
    std::vector<std::uint32_t> tags;
    manifest::Entry fixed;  // without its texts and tags
  };
  struct Input {
    std::string name;
    std::uint32_t blob = 0;
    std::int64_t modified_ns = 0;
  };
  // Of each row of the previous manifest: 0 = it is not kept, 1 = once, more = more often.
  using Kept = std::vector<std::atomic<std::uint8_t>>;

  explicit ReleaseDraft(const Release* release);

  // False: the previous release has none of that name whose body it can tell.
  bool keep_page(std::string_view path);
  bool keep_input(std::string_view name);
  // Before `assemble`: sorts what is new. Errc::exists for a path or name given twice.
  Status settle();

  const Release* const previous;  // null = none
  Kept kept_pages, kept_inputs;
  std::vector<Page> pages;
  std::vector<Input> inputs;
  std::vector<manifest::Blob> blobs;
  std::vector<std::string> tags;
  std::string segment_name;  // where new blobs are; empty: there are none
};

struct ManifestHead {
  ReleaseId id = 0;
  Wall created = {};
  std::uint64_t fill_seq = 0;
};
// The bytes of the manifest. After `settle`.
std::string assemble(const ReleaseDraft& draft, const HashKey& key, const ManifestHead& head);

}  // namespace weir::store
