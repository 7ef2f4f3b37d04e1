// Pages that stay on disk and are read in pieces (C-48): ranges of those above 1 MiB that nobody
// has brought into memory, and everything of those that memory would not keep.

#include "cache/page_cache_shared.h"
#include "store/pieced_body.h"

namespace weir::cache {
namespace {

// A page costs its identity and its codings; the shelf refuses more than a quarter of its bound.
constexpr std::size_t share_of_memory = 8;

}  // namespace

Bulk PageCache::bulk_of(std::string_view key) const {
  const Shared& shared = *shared_;
  std::uint64_t bytes = 0;
  if (shared.store.has_fill(key)) {
    if (const auto fill = shared.store.find_fill(key)) bytes = fill->body_bytes;
  } else if (const auto release = shared.store.active().release) {
    if (const auto entry = release->find(key.substr(0, key.find('?')))) bytes = entry->body_bytes();
  }
  if (bytes <= store::whole_bytes_max) return Bulk::small;
  return bytes > shared.settings.memory_bytes_max / share_of_memory ? Bulk::beyond_memory
                                                                    : Bulk::large;
}

Status PageCache::open_large(std::string_view key,
                             std::function<void(const Result<LargePage>&)> ready) {
  return shared_->loads.offer([self = shared_, key = std::string(key), ready = std::move(ready)] {
    ready(self->open_large(key));
  });
}

Status PageCache::read_part(std::shared_ptr<const LargePage> page, PartOfBody part,
                            std::function<void(Result<std::string>)> ready) {
  return shared_->loads.offer([self = shared_, page = std::move(page), part,
                               ready = std::move(ready)] { ready(self->read_part(*page, part)); });
}

Result<LargePage> PageCache::Shared::open_large(const std::string& key) {
  const std::shared_ptr<const Active> from = hold_active();
  const auto entry =
      from->release == nullptr ? std::nullopt : from->release->find(key.substr(0, key.find('?')));
  const std::optional<store::Fill> fill = store.find_fill(key);
  if (!fill && !entry) return Error{Errc::missing, key + " is not on disk"};
  PageFacts facts = fill ? facts_of(*fill, *from) : facts_of(key, *entry, *from);
  // A file that no render makes: what the release holds is the truth, also after a purge.
  if (facts.renderable == store::Renderable::no) facts.fill_seq = tags.seq();
  LargePage found;
  found.lookup.page = make_outline(std::move(facts), tags);
  const Page& page = *found.lookup.page;
  const Mono now = clock.mono();
  const Verdict verdict = judge(page, 0, now);
  if (page.status != 200 || verdict.freshness != Freshness::fresh)
    return Error{Errc::missing, key + " has to be fetched as a whole"};
  found.lookup = lookup_of(page, verdict, now);
  auto body = fill ? store.open_fill_pieces(*fill) : from->release->open_pieces(*entry);
  if (!body) {
    note_damage(nullptr, body.error());
    return std::move(body).error();
  }
  found.body = std::move(body).value();
  return found;
}

Result<std::string> PageCache::Shared::read_part(const LargePage& page, const PartOfBody& part) {
  auto bytes = page.body->read(part.codec, part.first, part.bytes);
  if (bytes) counts.parts_read.fetch_add(1, std::memory_order_relaxed);
  else note_damage(page.body.get(), bytes.error());
  return bytes;
}

void PageCache::Shared::note_damage(const store::PiecedBody* body, const Error& why) {
  if (why.code != Errc::corrupt) return;
  log.warning("cache.part_not_read", {{"reason", why.what}});
  if (body != nullptr) return store.blobs().quarantine(body->path(), why);
  counts.corrupt.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace weir::cache
