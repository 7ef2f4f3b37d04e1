#pragma once
// Purges in O(1): a tag has an epoch, the number of its last purge; a page remembers the number of
// the last purge it has seen (`fill_seq`). It is stale when a soft epoch of its tags is greater,
// expired when a hard one is.
//
// Each tag is one pair of numbers, shared by all pages that carry it. A page with more than
// limits::tags_per_entry_max tags refers to one interned set instead, whose epoch is raised with
// any of its tags. Paths are the tag "url:<path>". Prefixes are few; they are one immutable sorted
// list, searched from the longest match outwards along parent links. `all` is one pair.
//
// `check` takes no lock and allocates nothing; the rest is serialised by one mutex. Epochs only
// grow, and a purge raises them before it publishes its number, so a page that was checked at
// number n has seen every purge up to n.

#include "cache/epoch.h"
#include "store/store.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace weir::cache {

// One tag, or one interned set of tags.
struct TagEpoch {
  std::atomic<std::uint64_t> soft{0};
  std::atomic<std::uint64_t> hard{0};
};

enum class Purged : std::uint8_t { no = 0, soft = 1, hard = 2 };

// The tags of one page, as `check` needs them. Immutable but for the numbers behind the pointers.
struct PageTags {
  std::string path;  // for prefixes
  std::vector<std::shared_ptr<const TagEpoch>>
      epochs;  // at most tags_per_entry_max + 3 (path, pages, set)
};

class TagEpochs {
 public:
  explicit TagEpochs(EpochDomain& domain);
  ~TagEpochs();

  void restore(const store::PurgeState& state);  // at start

  // The number of the last purge that every later `check` sees.
  std::uint64_t seq() const { return seq_.load(std::memory_order_seq_cst); }

  // The caller stands in an EpochGuard.
  Purged check(const PageTags& tags, std::uint64_t fill_seq) const;

  PageTags intern(std::string_view path, const std::vector<std::string>& names);

  // Raises everything the record names, then publishes `seq`.
  void raise(const store::PurgeRecord& record, std::uint64_t seq);

  // Why a page is stale, for `explain`: "tag x at 12", "path at 9", "host at 4", "prefix /a at 3",
  // "all at 2"; empty = it is not.
  std::string reason(std::string_view path, const std::vector<std::string>& names,
                     std::uint64_t fill_seq) const;

  std::size_t tag_count() const;

 private:
  struct Prefixes;
  struct TagNode;
  std::shared_ptr<TagNode> node_of(std::string_view tag);
  void sweep();

  EpochDomain& domain_;
  std::atomic<std::uint64_t> seq_{0};
  TagEpoch all_;
  std::atomic<const Prefixes*> prefixes_{nullptr};
  std::shared_ptr<const Prefixes> prefixes_owner_;
  mutable std::mutex mutex_;
  struct Tables;
  std::unique_ptr<Tables> tables_;
};

}  // namespace weir::cache
