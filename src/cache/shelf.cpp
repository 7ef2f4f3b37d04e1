#include "cache/shelf.h"

namespace weir::cache {
namespace {

constexpr std::size_t slots_least = 1'024;
constexpr std::size_t share_max =
    4;  // one page may take a quarter of its arena; a larger one is not kept

// Where an entry was. Never dereferenced.
ShelfEntry* tombstone() {
  alignas(ShelfEntry) static char place[sizeof(ShelfEntry)];
  return reinterpret_cast<ShelfEntry*>(place);
}

std::size_t cost_of(const Page& page) { return page.bytes + sizeof(ShelfEntry) + page.key.size(); }

}  // namespace

Shelf::Shelf(EpochDomain& domain, HashKey key, ShelfBudget budget)
    : domain_(domain), key_(key), table_owner_(std::make_shared<Table>(slots_least)) {
  table_.store(table_owner_.get());
  arenas_[0].bytes_max = budget.pages_bytes_max;
  arenas_[1].bytes_max = budget.negative_bytes_max;
}

Shelf::~Shelf() {
  for (Arena& arena : arenas_)
    while (arena.oldest != nullptr) drop(*arena.oldest);
}

ShelfEntry* Shelf::find(std::string_view key) const {
  const std::uint64_t hash = key_.hash64(key);
  const Table& table = *table_.load(std::memory_order_seq_cst);
  for (std::size_t at = hash & table.mask;; at = (at + 1) & table.mask) {
    ShelfEntry* const entry = table.slot[at].entry.load(std::memory_order_seq_cst);
    if (entry == nullptr) return nullptr;  // there always is such a slot: the table is never full
    if (entry == tombstone() || table.slot[at].hash.load(std::memory_order_relaxed) != hash)
      continue;
    if (entry->key == key) return entry;
  }
}

Shelf::Put Shelf::put(std::shared_ptr<const Page> page,
                      const std::function<void(ShelfEntry&)>& touch) {
  const std::size_t arena = page->gone ? 1 : 0;
  const std::lock_guard lock(mutex_);
  ShelfEntry* entry =
      find(page->key);  // no guard: entries are only removed under the mutex that we hold
  if (cost_of(*page) > arenas_[arena].bytes_max / share_max) {
    if (entry != nullptr) drop(*entry);  // an old copy must not outlive the new one
    return Put::refused;
  }
  if (entry == nullptr) {
    auto made = std::make_shared<ShelfEntry>(page->key, key_.hash64(page->key));
    entry = made.get();
    entry->self = std::move(made);
    touch(*entry);
    entry->owner = std::move(page);
    entry->page.store(entry->owner.get(), std::memory_order_seq_cst);
    link(*entry, arena);
    insert(*entry);
    count_.fetch_add(1, std::memory_order_relaxed);
  } else {
    const Page& old = *entry->owner;
    if (old.activation == page->activation && old.generation > page->generation)
      return Put::refused;
    if (old.activation > page->activation) return Put::refused;
    unlink(*entry);
    touch(*entry);
    swap_in(*entry, std::move(page), arena);
  }
  evict(arenas_[arena], arenas_[arena].bytes_max, entry);
  return Put::kept;
}

Shelf::Put Shelf::replace(const Page& old, std::shared_ptr<const Page> page) {
  const std::size_t arena = page->gone ? 1 : 0;
  const std::lock_guard lock(mutex_);
  ShelfEntry* const entry = find(page->key);
  const bool fits = cost_of(*page) <= arenas_[arena].bytes_max / share_max;
  if (entry == nullptr || entry->owner.get() != &old || !fits) return Put::refused;
  unlink(*entry);
  swap_in(*entry, std::move(page), arena);
  evict(arenas_[arena], arenas_[arena].bytes_max, entry);
  return Put::kept;
}

// Of an entry that is unlinked.
void Shelf::swap_in(ShelfEntry& entry, std::shared_ptr<const Page> page, std::size_t arena) {
  std::shared_ptr<const Page> replaced = std::exchange(entry.owner, std::move(page));
  entry.page.store(entry.owner.get(), std::memory_order_seq_cst);
  domain_.retire(std::move(replaced));
  link(entry, arena);
}

void Shelf::remove(std::string_view key) {
  const std::lock_guard lock(mutex_);
  if (ShelfEntry* const entry = find(key)) drop(*entry);
}

void Shelf::shed() {
  const std::lock_guard lock(mutex_);
  for (Arena& arena : arenas_)
    evict(arena, arena.bytes.load(std::memory_order_relaxed) / 2, nullptr);
}

std::vector<std::shared_ptr<const Page>> Shelf::pages() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<const Page>> out;
  for (const Arena& arena : arenas_)
    for (const ShelfEntry* entry = arena.newest; entry != nullptr; entry = entry->older)
      out.push_back(entry->owner);
  return out;
}

Shelf::Slot* Shelf::slot_of(ShelfEntry& entry) {
  Table& table = *table_owner_;
  for (std::size_t at = entry.hash & table.mask;; at = (at + 1) & table.mask) {
    ShelfEntry* const held = table.slot[at].entry.load(std::memory_order_relaxed);
    MUST(held != nullptr);
    if (held == &entry) return &table.slot[at];
  }
}

void Shelf::insert(ShelfEntry& entry) {
  if ((table_owner_->used + 1) * 10 > (table_owner_->mask + 1) * 6) grow();
  Table& table = *table_owner_;
  std::size_t at = entry.hash & table.mask;
  // A tombstone is not used again: a reader may be between its hash and its entry.
  while (table.slot[at].entry.load(std::memory_order_relaxed) != nullptr)
    at = (at + 1) & table.mask;
  table.slot[at].hash.store(entry.hash, std::memory_order_relaxed);
  table.slot[at].entry.store(&entry, std::memory_order_seq_cst);
  ++table.used;
}

// A clean table of twice what lives; readers of the old one go on with it until their guard ends.
void Shelf::grow() {
  std::size_t slots = slots_least;
  while (slots < (count_.load(std::memory_order_relaxed) + 1) * 4) slots *= 2;
  auto table = std::make_shared<Table>(slots);
  for (std::size_t i = 0; i <= table_owner_->mask; ++i) {
    ShelfEntry* const entry = table_owner_->slot[i].entry.load(std::memory_order_relaxed);
    if (entry == nullptr || entry == tombstone()) continue;
    std::size_t at = entry->hash & table->mask;
    while (table->slot[at].entry.load(std::memory_order_relaxed) != nullptr)
      at = (at + 1) & table->mask;
    table->slot[at].hash.store(entry->hash, std::memory_order_relaxed);
    table->slot[at].entry.store(entry, std::memory_order_relaxed);
    ++table->used;
  }
  table_.store(table.get(), std::memory_order_seq_cst);
  domain_.retire(std::exchange(table_owner_, std::move(table)));
}

void Shelf::link(ShelfEntry& entry, std::size_t number) {
  Arena& arena = arenas_[number];
  entry.arena = number;
  entry.newer = nullptr;
  entry.older = arena.newest;
  if (arena.newest != nullptr) arena.newest->newer = &entry;
  arena.newest = &entry;
  if (arena.oldest == nullptr) arena.oldest = &entry;
  arena.bytes.fetch_add(cost_of(*entry.owner), std::memory_order_relaxed);
}

void Shelf::unlink(ShelfEntry& entry) {
  Arena& arena = arenas_[entry.arena];
  if (arena.hand == &entry) arena.hand = entry.newer;
  (entry.newer != nullptr ? entry.newer->older : arena.newest) = entry.older;
  (entry.older != nullptr ? entry.older->newer : arena.oldest) = entry.newer;
  arena.bytes.fetch_sub(cost_of(*entry.owner), std::memory_order_relaxed);
}

void Shelf::drop(ShelfEntry& entry) {
  unlink(entry);
  slot_of(entry)->entry.store(tombstone(), std::memory_order_seq_cst);
  count_.fetch_sub(1, std::memory_order_relaxed);
  domain_.retire(std::move(entry.self));  // and the page with it
}

void Shelf::evict(Arena& arena, std::size_t bytes_max, const ShelfEntry* spared) {
  while (arena.bytes.load(std::memory_order_relaxed) > bytes_max) {
    ShelfEntry* at = arena.hand != nullptr ? arena.hand : arena.oldest;
    while (at->visited.load(std::memory_order_relaxed) || at == spared) {
      at->visited.store(false, std::memory_order_relaxed);
      at = at->newer != nullptr ? at->newer : arena.oldest;
    }
    arena.hand = at->newer;
    drop(*at);
    evictions_.fetch_add(1, std::memory_order_relaxed);
  }
}

}  // namespace weir::cache
