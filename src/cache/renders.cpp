// What becomes of a render: a page that is compared with the one before it, kept and published; one
// that is gone; or a failure, that leaves the old copy where it is and backs off. The flight that
// it belongs to lands at the end of each (flights.cpp).

#include "cache/backoff.h"
#include "cache/page_cache_shared.h"

namespace weir::cache {

void PageCache::Shared::run_render(const std::string& key, std::uint64_t number) {
  // Before anything is read: a purge that comes from here on leaves the result stale, and those
  // before it are all seen.
  const std::uint64_t fill_seq = flights.with([&](Flights& all) {
    const std::uint64_t now = tags.seq();
    const auto found = all.table.find(key);
    if (found != all.table.end() && found->second.number == number) {
      found->second.fill_seq = now;
      found->second.again = false;
    }
    return now;
  });
  const std::shared_ptr<const Active> from = hold_active();
  const std::shared_ptr<const Page> old = in_memory(key);
  const bool is_ours = old != nullptr && old->activation == from->seq;
  const auto entry =
      from->release == nullptr ? std::nullopt : from->release->find(key.substr(0, key.find('?')));
  if (entry && entry->renderable() == store::Renderable::no) {
    // A file that no render makes: what the release holds is the truth, also after a purge.
    auto same = page_of_release(key, *entry, *from);
    if (!same) return land_failed(key, number, same.error());
    auto again = std::make_shared<Page>();
    static_cast<PageFacts&>(*again) = **same;
    again->fill_seq = fill_seq;
    auto page = is_ours && old->body_id == again->body_id
                    ? make_page(*again, bodies_of(*old), tags)
                    : make_page(*again, bodies_of(**same), tags);
    if (!page) return land_failed(key, number, page.error());
    note_success(key);
    publish(*page);
    land(key, number, *page, std::nullopt);
    return enrich_later(*page);
  }
  if (!entry && origin.rules_of(key) == nullptr) return land(key, number, nullptr, std::nullopt);

  Result<Rendered> rendered = origin.render({key, from->release});
  if (!rendered) return land_failed(key, number, rendered.error());
  if (rendered->status >= 500)
    return land_failed(key, number,
                       Error{Errc::io, "the render answered " + std::to_string(rendered->status)});
  // The page that visitors see for a 404 has that status itself and is not gone.
  const bool is_gone = (rendered->status == 404 || rendered->status == 410) &&
                       (!entry || entry->status() != rendered->status);
  if (is_gone) return land_gone(key, number, from, fill_seq, std::move(rendered).value());
  land_rendered(key, number, from, fill_seq, std::move(rendered).value());
}

void PageCache::Shared::land_rendered(const std::string& key, std::uint64_t number,
                                      const std::shared_ptr<const Active>& from,
                                      std::uint64_t fill_seq, Rendered rendered) {
  const std::shared_ptr<const Page> old = in_memory(key);
  const store::BlobId id = store.blobs().key().hash(rendered.body);
  // Equal bytes: nothing changes for anybody but the time (C-8).
  const bool is_equal = old != nullptr && !old->gone && old->body_id == id &&
                        old->content_type == rendered.content_type &&
                        old->status == rendered.status;
  PageFacts facts;
  facts.key = key;
  facts.status = rendered.status;
  facts.renderable = store::Renderable::yes;
  facts.content_type = std::move(rendered.content_type);
  facts.fields = std::move(rendered.fields);
  facts.body_id = id;
  facts.sha256 = is_equal ? old->sha256 : sha256_of(rendered.body);
  facts.policy = rendered.policy;
  facts.tags = std::move(rendered.tags);
  if (facts.tags.size() > limits::entry_tags_max)
    return land_failed(
        key, number,
        Error{Errc::too_large, std::to_string(facts.tags.size()) + " tags on one page"});
  facts.release = from->release == nullptr ? 0 : from->release->id();
  facts.activation = from->seq;
  facts.fill_seq = fill_seq;
  facts.rendered_wall = Wall{store.wall().ns - rendered.age.count()};
  facts.rendered = Mono{clock.mono().ns - rendered.age.count()};
  facts.modified = is_equal ? old->modified : modified_of(key, id, *from, facts.rendered_wall);
  facts.rules = rules_of(key, *from);

  store::Fill fill;
  fill.key = key;
  fill.status = facts.status;
  fill.content_type = facts.content_type;
  fill.fields = facts.fields;
  fill.body_id = id;
  fill.sha256 = facts.sha256;
  fill.body_bytes = rendered.body.size();
  fill.tags = facts.tags;
  fill.policy = facts.policy;
  fill.release = facts.release;
  fill.fill_seq = fill_seq;
  fill.rendered = facts.rendered_wall;
  fill.modified = facts.modified;
  store::PackedBlob packed;
  Bodies bodies;
  // What lies on disk is always the quick coding, so that its entity tag stays true.
  const bool is_packed = is_equal && old->find(store::Rendition::best_zstd) == nullptr;
  if (is_equal) bodies = bodies_of(*old);
  if (is_packed) {
    const auto& zstd = bodies[static_cast<std::size_t>(store::Rendition::zstd)];
    const auto& identity = bodies[static_cast<std::size_t>(store::Rendition::identity)];
    packed = store::seal_blob(id, rendered.body.size(),
                              zstd != nullptr ? store::Codec::zstd : store::Codec::identity,
                              zstd != nullptr ? *zstd : *identity);
  } else {
    packed = store::pack_blob(store.blobs().key(), rendered.body, facts.content_type);
    if (!is_equal)
      bodies = bodies_of(
          store::Body{std::move(rendered.body),
                      packed.header.codec == store::Codec::zstd ? packed.stored : std::string()});
  }
  // A copy on disk that is older than the one that is served must not come back after a restart.
  const bool is_admitted =
      facts.rules == nullptr || store.has_fill(key) || doorkeeper.knocks_again(key);
  if (!is_admitted) counts.not_admitted.fetch_add(1, std::memory_order_relaxed);
  const Result<std::uint64_t> generation = is_admitted
                                               ? store.put_fill(std::move(fill), &packed)
                                               : Result<std::uint64_t>(store.next_generation());
  if (!generation) counts.not_stored.fetch_add(1, std::memory_order_relaxed);
  facts.generation = generation.ok() ? *generation : store.next_generation();

  const auto page = make_page(std::move(facts), bodies, tags);
  if (!page) return land_failed(key, number, page.error());
  (is_equal         ? counts.refreshes_equal
   : old == nullptr ? counts.fills
                    : counts.refreshes_ok)
      .fetch_add(1, std::memory_order_relaxed);
  note_success(key);
  publish(*page);
  land(key, number, *page, std::nullopt);
  enrich_later(*page);
}

// The origin says that the page is gone: authoritative (C-10).
void PageCache::Shared::land_gone(const std::string& key, std::uint64_t number,
                                  const std::shared_ptr<const Active>& from, std::uint64_t fill_seq,
                                  Rendered rendered) {
  PageFacts facts;
  facts.key = key;
  facts.status = rendered.status;
  facts.renderable = store::Renderable::yes;
  facts.rules = rules_of(key, *from);
  const Nanos neg_ttl =
      facts.rules != nullptr && facts.rules->neg_ttl ? *facts.rules->neg_ttl : settings.neg_ttl;
  facts.policy.ttl = rendered.policy.ttl ? std::min(*rendered.policy.ttl, neg_ttl) : neg_ttl;
  if (rendered.tags.size() <= limits::entry_tags_max) facts.tags = std::move(rendered.tags);
  facts.release = from->release == nullptr ? 0 : from->release->id();
  facts.activation = from->seq;
  facts.fill_seq = fill_seq;
  facts.modified = facts.rendered_wall = Wall{store.wall().ns - rendered.age.count()};
  facts.rendered = Mono{clock.mono().ns - rendered.age.count()};

  store::Fill fill;
  fill.key = key;
  fill.kind = store::FillKind::gone;
  fill.status = facts.status;
  fill.tags = facts.tags;
  fill.policy = facts.policy;
  fill.release = facts.release;
  fill.fill_seq = fill_seq;
  fill.rendered = fill.modified = facts.rendered_wall;
  // Invented paths leave nothing on disk: only a page that we had is remembered as gone.
  const bool was_ours = store.has_fill(key) || (from->release != nullptr &&
                                                from->release->find(key.substr(0, key.find('?'))));
  const Result<std::uint64_t> generation = was_ours
                                               ? store.put_fill(std::move(fill), nullptr)
                                               : Result<std::uint64_t>(store.next_generation());
  if (!generation) counts.not_stored.fetch_add(1, std::memory_order_relaxed);
  facts.generation = generation.ok() ? *generation : store.next_generation();
  counts.refreshes_gone.fetch_add(1, std::memory_order_relaxed);
  note_success(key);
  const std::shared_ptr<const Page> page = make_gone_page(std::move(facts), tags);
  publish(page);
  land(key, number, page, std::nullopt);
}

// The old copy stays and the next try backs off (C-11). Those who wait get it if it may be served
// now that an error is known (C-13), else the error.
void PageCache::Shared::land_failed(const std::string& key, std::uint64_t number,
                                    const Error& why) {
  counts.refreshes_failed.fetch_add(1, std::memory_order_relaxed);
  log.warning("cache.render_failed", {{"key", key}, {"reason", why.what}});
  note_failure(key, why);
  land_old(key, number, why);
}

void PageCache::Shared::land_old(const std::string& key, std::uint64_t number, const Error& why) {
  const std::shared_ptr<const Active> from = hold_active();
  std::shared_ptr<const Page> page = in_memory(key);
  if (page == nullptr || page->activation != from->seq) {
    auto loaded = load(key, from);
    // A damaged fill and an origin that fails: the release's copy is old, but it is whole. It is
    // served as a generation of its own, because numbers never go back.
    if (!loaded) loaded = release_copy_as_newest(key, *from);
    if (loaded && *loaded != nullptr) publish(page = std::move(loaded).value());
  }
  const bool may_serve =
      page != nullptr && page->activation == from->seq && judge(*page, 1, clock.mono()).may_serve;
  if (may_serve) return land(key, number, page, std::nullopt, 1);
  land(key, number, nullptr, why);
}

Result<std::shared_ptr<const Page>> PageCache::Shared::release_copy_as_newest(
    const std::string& key, const Active& from) {
  const auto entry =
      from.release == nullptr ? std::nullopt : from.release->find(key.substr(0, key.find('?')));
  if (!entry) return std::shared_ptr<const Page>();
  const std::shared_ptr<const Page> copy = TRY(page_of_release(key, *entry, from));
  PageFacts facts = *copy;
  facts.outdated = true;
  facts.generation = store.next_generation();
  return make_page(std::move(facts), bodies_of(*copy), tags);
}

// When the bytes are those that are on disk already, they were not modified now.
Wall PageCache::Shared::modified_of(const std::string& key, const store::BlobId& id,
                                    const Active& from, Wall now) const {
  if (const auto fill = store.find_fill(key)) return fill->body_id == id ? fill->modified : now;
  const auto entry =
      from.release == nullptr ? std::nullopt : from.release->find(key.substr(0, key.find('?')));
  return entry && entry->body_id() == id ? from.release->created() : now;
}

void PageCache::Shared::note_success(const std::string& key) {
  flights.with([&key](Flights& all) { all.failures.erase(key); });
}

void PageCache::Shared::note_failure(const std::string& key, const Error& why) {
  const Mono now = clock.mono();
  Failure noted;
  flights.with([&](Flights& all) {
    // Over the bound an arbitrary one is forgotten: its page is tried again sooner than it need be.
    if (all.failures.size() >= limits::flights_max && !all.failures.contains(key))
      all.failures.erase(all.failures.begin());
    Failure& failure = all.failures[key];
    ++failure.count;
    failure.next_try =
        now + backoff_of(failure.count, std::uniform_real_distribution<double>(0, 1)(all.chance));
    failure.reason = why.what;
    failure.code = why.code;
    noted = failure;
  });
  BorrowedSlot slot(domain);
  const EpochGuard guard(domain, slot.slot());
  ShelfEntry* const entry = shelf.find(key);
  if (entry == nullptr) return;
  entry->failures.store(noted.count);
  entry->next_try_ns.store(noted.next_try.ns);
}

}  // namespace weir::cache
