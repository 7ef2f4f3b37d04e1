#pragma once
// Epoch-based reclamation: readers look at shared objects without a lock and without a reference
// count; a writer that has unlinked an object hands it over, and it is destroyed once no reader can
// still see it.
//
// The scheme (Fraser 2004, "Practical lock-freedom", 5.2.3): a reader announces the global epoch in
// its own slot before it loads a pointer, and withdraws it afterwards. An object retired in epoch e
// is destroyed when the global epoch has moved past e and no slot announces e or less. All
// announcements, pointer loads and unlinking stores are sequentially consistent: either the
// writer's scan sees the announcement, or the reader's load comes after the unlinking. On x86 that
// costs one locked store per look-up, about 5 ns.
//
// One Slot per reading thread (a loop). Retiring and collecting may happen on any thread.

#include "base/must.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace weir::cache {

class EpochDomain {
 public:
  class alignas(64) Slot {
   private:
    friend class EpochDomain;
    friend class EpochGuard;
    std::atomic<std::uint64_t> announced_{idle};
    std::atomic<bool> taken_{false};
  };
  static constexpr std::uint64_t idle = ~std::uint64_t{0};
  static constexpr std::size_t slots_max =
      256;  // loops, workers and tests; one more is a broken promise

  EpochDomain() = default;
  EpochDomain(const EpochDomain&) = delete;
  EpochDomain& operator=(const EpochDomain&) = delete;

  Slot& take_slot();
  void give_back(Slot& slot);

  // `object` must be unreachable for readers that enter from now on. Destroyed by a later
  // `collect`.
  void retire(std::shared_ptr<const void> object);
  void collect();  // also called by `retire` now and then
  std::size_t retired_count() const;

 private:
  friend class EpochGuard;
  struct Retired {
    std::uint64_t epoch;
    std::shared_ptr<const void> object;
  };
  std::uint64_t oldest_announced() const;

  alignas(64) std::atomic<std::uint64_t> epoch_{1};
  std::unique_ptr<Slot[]> slots_ = std::make_unique<Slot[]>(slots_max);
  mutable std::mutex mutex_;
  std::vector<Retired> retired_;
};

// A slot for the length of a call, for threads that read now and then.
class BorrowedSlot {
 public:
  explicit BorrowedSlot(EpochDomain& domain) : domain_(domain), slot_(domain.take_slot()) {}
  ~BorrowedSlot() { domain_.give_back(slot_); }
  BorrowedSlot(const BorrowedSlot&) = delete;
  BorrowedSlot& operator=(const BorrowedSlot&) = delete;
  EpochDomain::Slot& slot() { return slot_; }

 private:
  EpochDomain& domain_;
  EpochDomain::Slot& slot_;
};

// While it lives, nothing that this thread can reach is destroyed. Not nested on one slot. Keep it
// short: no I/O.
class EpochGuard {
 public:
  EpochGuard(EpochDomain& domain, EpochDomain::Slot& slot) : slot_(slot) {
    slot_.announced_.store(domain.epoch_.load(std::memory_order_seq_cst),
                           std::memory_order_seq_cst);
  }
  ~EpochGuard() { slot_.announced_.store(EpochDomain::idle, std::memory_order_release); }
  EpochGuard(const EpochGuard&) = delete;
  EpochGuard& operator=(const EpochGuard&) = delete;

 private:
  EpochDomain::Slot& slot_;
};

}  // namespace weir::cache
