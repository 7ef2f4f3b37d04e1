#include "cache/epoch.h"

#include <algorithm>

namespace weir::cache {
namespace {

constexpr std::size_t collect_at =
    64;  // retired objects that wait before a writer looks which may go

}  // namespace

EpochDomain::Slot& EpochDomain::take_slot() {
  for (std::size_t i = 0; i < slots_max; ++i) {
    bool free = false;
    if (slots_[i].taken_.compare_exchange_strong(free, true)) return slots_[i];
  }
  MUST(false && "more readers than EpochDomain::slots_max");
  return slots_[0];
}

void EpochDomain::give_back(Slot& slot) {
  MUST(slot.announced_.load() == idle);
  slot.taken_.store(false, std::memory_order_release);
}

void EpochDomain::retire(std::shared_ptr<const void> object) {
  bool is_time = false;
  {
    const std::lock_guard lock(mutex_);
    // Readers that announce a later epoch loaded it after this increment, so after the unlinking
    // before it.
    retired_.push_back({epoch_.fetch_add(1, std::memory_order_seq_cst), std::move(object)});
    is_time = retired_.size() >= collect_at;
  }
  if (is_time) collect();
}

void EpochDomain::collect() {
  std::vector<Retired> free;  // destroyed after the lock is given back: it may be a whole page
  const std::lock_guard lock(mutex_);
  const std::uint64_t oldest = oldest_announced();
  const auto kept = std::partition(retired_.begin(), retired_.end(),
                                   [oldest](const Retired& item) { return item.epoch >= oldest; });
  std::move(kept, retired_.end(), std::back_inserter(free));
  retired_.erase(kept, retired_.end());
}

std::uint64_t EpochDomain::oldest_announced() const {
  std::uint64_t oldest = idle;
  for (std::size_t i = 0; i < slots_max; ++i)
    oldest = std::min(oldest, slots_[i].announced_.load(std::memory_order_seq_cst));
  return oldest;
}

std::size_t EpochDomain::retired_count() const {
  const std::lock_guard lock(mutex_);
  return retired_.size();
}

}  // namespace weir::cache
