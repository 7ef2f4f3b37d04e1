#pragma once
// The memory tier: one index for all loops, pages of at most so many bytes.
//
// Reading: `find` takes no lock and allocates nothing; the caller stands in an EpochGuard and what
// it finds stays alive until the guard ends. The index is a table of (hash, entry) with linear
// probing; a removed entry leaves a tombstone, and a full table is replaced by a clean one and
// retired. Writing: under one mutex, never on a loop. Eviction: SIEVE (Zhang et al., NSDI 2024): a
// queue by age; a hit only sets a bit; the hand walks from the oldest to the newest, clears bits,
// and takes the first entry without one. Negative entries have a queue and a budget of their own,
// so that nobody who invents paths can push a page out (C-35).

#include "base/hash.h"
#include "cache/epoch.h"
#include "cache/page.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace weir::cache {

// One key that is in memory. Readers see the atomics and the page; the rest belongs to the shelf's
// mutex.
struct ShelfEntry {
  ShelfEntry(std::string_view name, std::uint64_t hash_of_name) : key(name), hash(hash_of_name) {}
  const std::string key;
  const std::uint64_t hash;
  std::atomic<const Page*> page{nullptr};
  std::atomic<bool> visited{false};
  std::atomic<bool> refreshing{false};       // set by the one who starts a refresh
  std::atomic<std::int64_t> next_try_ns{0};  // no refresh before (backing off, or spread at start)
  std::atomic<std::uint32_t> failures{0};    // of refreshes, since the last good one
  std::atomic<std::uint32_t> late_hits{
      0};  // in the last part of its freshness, for refreshing ahead

  std::shared_ptr<const Page> owner;
  std::shared_ptr<ShelfEntry> self;  // while it is on the shelf
  ShelfEntry* newer = nullptr;
  ShelfEntry* older = nullptr;
  std::size_t arena = 0;
};

struct ShelfBudget {
  std::size_t pages_bytes_max = 0;
  std::size_t negative_bytes_max = 0;
};

class Shelf {
 public:
  Shelf(EpochDomain& domain, HashKey key, ShelfBudget budget);
  ~Shelf();
  Shelf(const Shelf&) = delete;
  Shelf& operator=(const Shelf&) = delete;

  // The caller stands in an EpochGuard. Null = not in memory. The entry has a page.
  ShelfEntry* find(std::string_view key) const;

  // Puts the page in the place of an older one, in one step. A page of an older generation than the
  // one that is there is refused, and so is one larger than a quarter of the budget. `touch` sees
  // the entry before readers can.
  enum class Put : std::uint8_t { kept, refused };
  Put put(std::shared_ptr<const Page> page, const std::function<void(ShelfEntry&)>& touch);
  // Another form of the same page in place of `old`. Refused, and whatever is there stays, when that
  // is not `old` any more or when there is no room for the new one.
  Put replace(const Page& old, std::shared_ptr<const Page> page);
  void remove(std::string_view key);

  // Gives memory back when the process is short of it: evicts, the least wanted first, until at
  // most half of what is there is left. The budget stays as it is.
  void shed();

  // For reports and warming; a copy of what was there at some moment.
  std::vector<std::shared_ptr<const Page>> pages() const;

  std::size_t bytes() const { return arenas_[0].bytes.load(std::memory_order_relaxed); }
  std::size_t negative_bytes() const { return arenas_[1].bytes.load(std::memory_order_relaxed); }
  std::size_t count() const { return count_.load(std::memory_order_relaxed); }
  std::uint64_t evictions() const { return evictions_.load(std::memory_order_relaxed); }

 private:
  struct Slot {
    std::atomic<std::uint64_t> hash{0};
    std::atomic<ShelfEntry*> entry{nullptr};
  };
  struct Table {
    explicit Table(std::size_t slots) : mask(slots - 1), slot(std::make_unique<Slot[]>(slots)) {}
    const std::size_t mask;
    std::size_t used = 0;  // with tombstones
    std::unique_ptr<Slot[]> slot;
  };
  struct Arena {
    std::size_t bytes_max = 0;
    std::atomic<std::size_t> bytes{0};
    ShelfEntry* newest = nullptr;
    ShelfEntry* oldest = nullptr;
    ShelfEntry* hand = nullptr;
  };

  Slot* slot_of(ShelfEntry& entry);
  void insert(ShelfEntry& entry);
  void grow();
  void swap_in(ShelfEntry& entry, std::shared_ptr<const Page> page, std::size_t arena);
  void link(ShelfEntry& entry, std::size_t arena);
  void unlink(ShelfEntry& entry);
  void drop(ShelfEntry& entry);
  void evict(Arena& arena, std::size_t bytes_max, const ShelfEntry* spared);

  EpochDomain& domain_;
  const HashKey key_;
  std::atomic<Table*> table_{nullptr};
  std::shared_ptr<Table> table_owner_;
  std::array<Arena, 2> arenas_;
  std::atomic<std::size_t> count_{0};
  std::atomic<std::uint64_t> evictions_{0};
  mutable std::mutex mutex_;
};

}  // namespace weir::cache
