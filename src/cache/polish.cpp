// The best codings of pages that stay as they are (C-43): brotli 11 and zstd 19 are made one page
// at a time, by a worker of their own, while the server has little to do. They take the place of
// the quick ones under entity tags of their own, and lie on disk beside the body, so that they are
// made once.
//
//   a page gets its quick codings -> it waits `polish_after`, unchanged -> its turn, when idle
//
// What becomes busy meanwhile is left within 0.3 s and gets another turn. A refreshed page must be
// wanted (the bit that SIEVE looks at); a page of the release need not: it will be there for long.

#include "base/limits_cache.h"
#include "cache/best_coding.h"
#include "cache/page_cache_shared.h"

namespace weir::cache {

using store::Rendition;

void PageCache::Shared::polish_later(const Page& page) {
  const std::size_t body_bytes = page.find(Rendition::identity)->body->size();
  if (!to_polish.is_open() || page.status != 200 ||
      !is_worth_polishing(page.content_type, body_bytes))
    return;
  const auto begins = [&page](auto& keys) { return keys.insert(page.key).second; };
  if (keys_to_polish.with(begins) && !to_polish.add({page.key, page.body_id}))
    keys_to_polish.with([&page](auto& keys) { keys.erase(page.key); });
}

void PageCache::Shared::begin_polishing() {
  to_polish.begin(
      [self = shared_from_this()](ToPolish&& one) { self->polish_next(std::move(one)); });
}

void PageCache::Shared::polish_next(ToPolish&& one) {
  keys_to_polish.with([&one](auto& keys) { keys.erase(one.key); });
  const std::shared_ptr<const Page> page = in_memory(one.key);
  const bool is_there = page != nullptr && !page->gone;
  // One that has changed meanwhile waits anew; so does one that was left.
  if (is_there && (page->body_id != one.body_id || !polish(*page))) polish_later(*page);
}

// False: left before its end.
bool PageCache::Shared::polish(const Page& page) {
  const bool is_of_release = page.generation == page.activation;
  bool is_wanted = is_of_release;
  if (!is_wanted) {
    BorrowedSlot slot(domain);
    const EpochGuard guard(domain, slot.slot());
    const ShelfEntry* const entry = shelf.find(page.key);
    is_wanted = entry != nullptr && entry->visited.load(std::memory_order_relaxed);
  }
  if (!is_wanted) return true;
  const std::string& identity = *page.find(Rendition::identity)->body;
  for (const Rendition best : best_renditions) {
    if (page.find(best) != nullptr) continue;
    const Representation* const quick = page.find(store::rendition_of(store::codec_of(best)));
    auto packed = best_coding_of(identity, best, [this] { return !to_polish.is_busy(); });
    if (!packed) return false;
    const std::size_t bytes_before = quick == nullptr ? identity.size() : quick->body->size();
    if (packed->size() >= bytes_before) continue;
    if (keeps_codings(page))
      if (const Status put = store.blobs().put_coding(page.body_id, best, *packed); !put)
        counts.not_stored.fetch_add(1, std::memory_order_relaxed);
    counts.polished.fetch_add(1, std::memory_order_relaxed);
    counts.polished_saved_bytes.fetch_add(bytes_before - packed->size(), std::memory_order_relaxed);
    Bodies more;
    more[static_cast<std::size_t>(best)] = std::make_shared<const std::string>(std::move(*packed));
    add_codings(page.key, page.body_id, more, std::nullopt);
  }
  return true;
}

}  // namespace weir::cache
