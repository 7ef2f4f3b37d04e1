// A flight is the one load or render in progress for a key. Whoever needs it joins; its end wakes
// all of them; what it brings is in memory before the first of them is told.
//
//   load     disk -> page. Served when it may be; a stale one starts a refresh; an expired or
//   damaged one goes on as a
//            render in the same flight, so that those who wait keep their place.
//   render   fill_seq is taken, then the origin is asked (C-55); the answer is compared, kept in
//   the store, and swapped in.
//
// A worker that hangs does not hold its key for ever: after flight_time_max the flight is given up,
// and what it brings later is put nowhere, because its number is not in the table any more.

#include "cache/page_cache_shared.h"

#include <algorithm>
#include <new>

namespace weir::cache {
namespace {

using namespace std::chrono_literals;

constexpr Nanos backoff_first = 1s;
constexpr Nanos backoff_max = 60s;
constexpr double jitter = 0.2;
constexpr Nanos start_gap =
    50ms;  // between the refreshes of pages that are stale already at start (C-20)

const std::shared_ptr<const std::string>& body_of(const Bodies& bodies, store::Codec codec) {
  return bodies[static_cast<std::size_t>(codec)];
}

Nanos backoff_of(unsigned failures, double random_unit) {
  Nanos wait = backoff_first;
  for (unsigned i = 1; i < failures && wait < backoff_max; ++i) wait *= 2;
  wait = std::min(wait, backoff_max);
  const double factor = 1.0 - jitter + 2 * jitter * random_unit;
  return Nanos(static_cast<std::int64_t>(static_cast<double>(wait.count()) * factor));
}

}  // namespace

// --- joining -------------------------------------------------------------------------------------

Status PageCache::Shared::join(std::string_view key, std::optional<Waiter> waiter, Purpose purpose,
                               bool again) {
  const Mono now = clock.mono();
  std::optional<Error> refusal;
  std::optional<Error> backing_off;
  std::uint64_t number = 0;
  flights.with([&](Flights& all) {
    if (waiter && all.waiters >= limits::flight_waiters_max) {
      refusal = Error{Errc::full, "too many requests wait for pages"};
      return;
    }
    const auto found = all.table.find(key);
    if (found != all.table.end()) {
      Flight& flight = found->second;
      if (again) flight.again = true;
      if (!waiter) return;
      waiter->collapsed = true;
      flight.waiters.push_back(std::move(*waiter));
      ++all.waiters;
      return;
    }
    // While the origin is known to fail, those who come are told at once: one try per backoff, not
    // one per visitor.
    const auto failed = all.failures.find(key);
    if (failed != all.failures.end() && now < failed->second.next_try &&
        purpose == Purpose::render && !again) {
      backing_off = Error{failed->second.code, failed->second.reason};
      return;
    }
    if (all.table.size() >= limits::flights_max) {
      refusal = Error{Errc::full, "too many pages are being made"};
      return;
    }
    Flight flight;
    number = flight.number = ++all.numbers;
    flight.began = now;
    flight.renders = purpose == Purpose::render;
    if (waiter) {
      flight.waiters.push_back(std::move(*waiter));
      ++all.waiters;
    }
    all.table.emplace(std::string(key), std::move(flight));
  });
  if (refusal) return std::move(*refusal);
  if (backing_off) {
    Fetched fetched;
    fetched.error = std::move(backing_off);
    if (waiter) waiter->ready(fetched);
    return done;
  }
  if (number == 0) return done;
  const std::string owned(key);
  Status launched = launch(owned, number, purpose);
  if (!launched) land(owned, number, nullptr, launched.error());
  return done;
}

void PageCache::Shared::refresh(std::string_view key) {
  bool flies = false;
  try {
    const Status joined = join(key, std::nullopt, Purpose::render, false);
    flies =
        joined.ok() && flights.with([key](const Flights& all) { return all.table.contains(key); });
    if (!joined) counts.refresh_overflow.fetch_add(1, std::memory_order_relaxed);
  } catch (const std::bad_alloc&) {  // the stale copy stays, and the next hit tries again
    counts.refresh_overflow.fetch_add(1, std::memory_order_relaxed);
  }
  if (flies) return;  // whoever lands it lowers the flag
  BorrowedSlot slot(domain);
  const EpochGuard guard(domain, slot.slot());
  if (ShelfEntry* const entry = shelf.find(key)) entry->refreshing.store(false);
}

// Memory that does not suffice ends a flight like any other failure: who waits is told, and the
// next request tries again.
Status PageCache::Shared::launch(const std::string& key, std::uint64_t number, Purpose purpose) {
  const auto fly = [self = shared_from_this(), key, number, purpose] {
    try {
      if (purpose == Purpose::load) self->run_load(key, number);
      else self->run_render(key, number);
    } catch (const std::bad_alloc&) {
      self->land(key, number, nullptr, Error{Errc::full, "out of memory"});
    }
  };
  try {
    if (purpose == Purpose::load) return loads.offer(fly);
    const std::shared_ptr<const KeyRules> rules = origin.rules_of(key);
    return render_queue.offer(
        {rules == nullptr ? std::string() : rules->source, priority_of(key, number), fly});
  } catch (const std::bad_alloc&) {
    return Error{Errc::full, "out of memory"};
  }
}

// Visitors who wait go before refreshes, and of those the pages with most hits of late.
std::uint32_t PageCache::Shared::priority_of(const std::string& key, std::uint64_t number) {
  const bool has_waiters = flights.with([&](const Flights& all) {
    const auto found = all.table.find(key);
    return found != all.table.end() && found->second.number == number &&
           std::ranges::any_of(found->second.waiters, &Waiter::is_visitor);
  });
  if (has_waiters) return RenderQueue::somebody_waits;
  BorrowedSlot slot(domain);
  const EpochGuard guard(domain, slot.slot());
  const ShelfEntry* const entry = shelf.find(key);
  return entry == nullptr ? 0 : entry->late_hits.load(std::memory_order_relaxed);
}

// --- loading -------------------------------------------------------------------------------------

void PageCache::Shared::run_load(const std::string& key, std::uint64_t number) {
  counts.loads.fetch_add(1, std::memory_order_relaxed);
  const std::shared_ptr<const Active> from = hold_active();
  Result<std::shared_ptr<const Page>> loaded = load(key, from);
  const auto go_on_rendering = [&] {
    std::optional<Error> backing_off;
    flights.with([&](Flights& all) {
      const auto failed = all.failures.find(key);
      if (failed != all.failures.end() && clock.mono() < failed->second.next_try)
        backing_off = Error{failed->second.code, failed->second.reason};
      const auto found = all.table.find(key);
      if (found != all.table.end() && found->second.number == number) found->second.renders = true;
    });
    if (backing_off) return land_old(key, number, *backing_off);
    if (const Status launched = launch(key, number, Purpose::render); !launched)
      land(key, number, nullptr, launched.error());
  };
  if (!loaded) {
    if (loaded.error().code == Errc::corrupt)
      counts.corrupt.fetch_add(1, std::memory_order_relaxed);
    log.warning("cache.not_loaded", {{"key", key}, {"reason", loaded.error().what}});
    const auto entry =
        from->release == nullptr ? std::nullopt : from->release->find(key.substr(0, key.find('?')));
    const bool may_render =
        entry ? entry->renderable() == store::Renderable::yes : origin.rules_of(key) != nullptr;
    if (may_render) return go_on_rendering();
    return land(key, number, nullptr, std::move(loaded).error());
  }
  const std::shared_ptr<const Page> page = std::move(loaded).value();
  if (page == nullptr) {  // nobody ever made it
    if (origin.rules_of(key) != nullptr) return go_on_rendering();
    return land(key, number, nullptr, std::nullopt);
  }
  const Shelf::Put put = publish(page);
  const Verdict verdict = judge(*page, 0, clock.mono());
  if (!verdict.may_serve) return go_on_rendering();
  land(key, number, page, std::nullopt);
  // A hit starts the refresh of a stale page; one that is too large for the memory tier has no
  // hits.
  if (put == Shelf::Put::refused && verdict.freshness == Freshness::stale) refresh(key);
  enrich_later(page);
}

// The newest fill when there is one that may be served, else the release's copy; null when there is
// neither.
Result<std::shared_ptr<const Page>> PageCache::Shared::load(
    const std::string& key, const std::shared_ptr<const Active>& from) {
  const auto entry =
      from->release == nullptr ? std::nullopt : from->release->find(key.substr(0, key.find('?')));
  if (!entry && origin.rules_of(key) == nullptr) return std::shared_ptr<const Page>();
  if (const std::optional<store::Fill> fill = store.find_fill(key))
    return page_of_fill(*fill, *from);
  if (entry) return page_of_release(key, *entry, *from);
  return std::shared_ptr<const Page>();
}

Result<std::shared_ptr<const Page>> PageCache::Shared::page_of_release(
    const std::string& key, const store::ReleaseEntry& entry, const Active& from) {
  store::Body body = TRY(from.release->read(entry));
  PageFacts facts;
  facts.key = key;
  facts.status = entry.status();
  facts.kind = entry.kind();
  facts.renderable = entry.renderable();
  facts.content_type = entry.content_type();
  facts.fields = entry.fields();
  facts.sha256 = entry.sha256();
  facts.body_id = entry.body_id();
  facts.policy = entry.policy();
  for (std::size_t i = 0; i < entry.tag_count(); ++i) facts.tags.emplace_back(entry.tag(i));
  facts.release = from.release->id();
  facts.activation = from.seq;
  facts.fill_seq = from.release->fill_seq();
  facts.generation = from.seq;
  facts.modified = facts.rendered_wall = from.release->created();
  facts.rendered = {clock.mono().ns -
                    std::max(store.wall() - facts.rendered_wall, Nanos(0)).count()};
  return make_page(std::move(facts), bodies_of(std::move(body)), tags);
}

Result<std::shared_ptr<const Page>> PageCache::Shared::page_of_fill(const store::Fill& fill,
                                                                    const Active& from) {
  PageFacts facts;
  facts.key = fill.key;
  facts.status = fill.status;
  facts.renderable = store::Renderable::yes;
  facts.content_type = fill.content_type;
  facts.fields = fill.fields;
  facts.sha256 = fill.sha256;
  facts.body_id = fill.body_id;
  facts.policy = fill.policy;
  facts.tags = fill.tags;
  facts.release = fill.release;
  facts.activation = from.seq;
  facts.outdated = from.release != nullptr && fill.release != from.release->id();
  facts.fill_seq = fill.fill_seq;
  facts.generation = fill.generation;
  facts.rendered_wall = fill.rendered;
  facts.modified = fill.modified;
  facts.rendered = {clock.mono().ns - std::max(store.wall() - fill.rendered, Nanos(0)).count()};
  facts.rules = rules_of(fill.key, from);
  if (fill.kind == store::FillKind::gone) return make_gone_page(std::move(facts), tags);
  return make_page(std::move(facts), bodies_of(TRY(store.read_fill(fill))), tags);
}

// --- rendering -----------------------------------------------------------------------------------

void PageCache::Shared::run_render(const std::string& key, std::uint64_t number) {
  // Before anything is read: a purge that comes from here on leaves the result stale.
  const std::uint64_t fill_seq = tags.seq();
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
  facts.rendered_wall = store.wall();
  facts.rendered = clock.mono();
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
  if (is_equal) {
    bodies = bodies_of(*old);
    packed.header.id = id;
    const auto& zstd = body_of(bodies, store::Codec::zstd);
    packed.stored = zstd != nullptr ? *zstd : *body_of(bodies, store::Codec::identity);
    packed.header.codec = zstd != nullptr ? store::Codec::zstd : store::Codec::identity;
    packed.header.identity_bytes = rendered.body.size();
    packed.header.stored_bytes = packed.stored.size();
    packed.header.stored_sum = xxh3_64(packed.stored);
  } else {
    packed = store::pack_blob(store.blobs().key(), rendered.body, facts.content_type);
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
  facts.modified = facts.rendered_wall = store.wall();
  facts.rendered = clock.mono();

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

// --- landing -------------------------------------------------------------------------------------

Shelf::Put PageCache::Shared::publish(const std::shared_ptr<const Page>& page) {
  const Mono now = clock.mono();
  const bool is_from_before = page->rendered < started && now - started < settings.warm_window;
  const bool is_stale = judge(*page, 0, now).freshness == Freshness::stale;
  std::optional<Failure> failed;
  flights.with([&](const Flights& all) {
    const auto found = all.failures.find(page->key);
    if (found != all.failures.end()) failed = found->second;
  });
  return shelf.put(page, [&](ShelfEntry& entry) {
    entry.failures.store(failed ? failed->count : 0);
    entry.late_hits.store(0);
    std::int64_t next_try = failed ? failed->next_try.ns : 0;
    if (is_from_before && is_stale) {
      const auto before =
          static_cast<std::int64_t>(stale_at_start.fetch_add(1, std::memory_order_relaxed));
      const Mono spread = now + start_gap * before;
      next_try = std::max(next_try, std::min(spread, started + settings.warm_window).ns);
    }
    entry.next_try_ns.store(next_try);
  });
}

void PageCache::Shared::land(const std::string& key, std::uint64_t number,
                             std::shared_ptr<const Page> page, std::optional<Error> error,
                             unsigned failures) {
  std::vector<Waiter> waiters;
  bool again = false;
  bool rendered = false;
  const bool is_current = flights.with([&](Flights& all) {
    const auto found = all.table.find(key);
    if (found == all.table.end() || found->second.number != number) return false;
    rendered = found->second.renders;
    again = found->second.again;
    if (again) {
      // What it brought may be older than what was asked for: visitors take it, purges wait for the
      // next one.
      const auto stays = std::partition(found->second.waiters.begin(), found->second.waiters.end(),
                                        [](const Waiter& waiter) { return !waiter.is_visitor; });
      std::move(stays, found->second.waiters.end(), std::back_inserter(waiters));
      found->second.waiters.erase(stays, found->second.waiters.end());
      found->second.again = false;
      found->second.renders = true;
      found->second.began = clock.mono();
    } else {
      waiters = std::move(found->second.waiters);
      all.table.erase(found);
    }
    all.waiters -= waiters.size();
    return true;
  });
  if (!is_current) return;
  if (again) {
    if (const Status launched = launch(key, number, Purpose::render); !launched)
      return land(key, number, nullptr, launched.error());
  } else {
    BorrowedSlot slot(domain);
    const EpochGuard guard(domain, slot.slot());
    if (ShelfEntry* const entry = shelf.find(key)) entry->refreshing.store(false);
  }
  const Mono now = clock.mono();
  for (Waiter& waiter : waiters) {
    Fetched fetched;
    fetched.collapsed = waiter.collapsed;
    fetched.filled = rendered;
    fetched.error = error;
    if (page != nullptr) {
      // It was made for those who wait: they get it although a purge may have come in while it was
      // being made.
      Verdict verdict = judge(*page, failures, now);
      if (rendered && failures == 0 && !verdict.may_serve)
        verdict = {Freshness::stale, Detail::purged, true};
      fetched.lookup = lookup_of(*page, verdict, now);
    }
    if (waiter.is_visitor) {
      counts.flight_waits.fetch_add(1, std::memory_order_relaxed);
      counts.flight_wait_us_total.fetch_add(
          static_cast<std::uint64_t>((now - waiter.joined).count() / 1000),
          std::memory_order_relaxed);
      if (waiter.collapsed) counts.collapsed.fetch_add(1, std::memory_order_relaxed);
    }
    waiter.ready(fetched);
  }
}

// Further codings are made behind the back of everybody: the page is served without them until then
// (C-43). Those of a release's pages are kept on disk; those of fills, which may change every
// second, only in memory.
std::shared_ptr<const Page> PageCache::Shared::in_memory(std::string_view key) {
  BorrowedSlot slot(domain);
  const EpochGuard guard(domain, slot.slot());
  const ShelfEntry* const entry = shelf.find(key);
  const Page* const page = entry == nullptr ? nullptr : entry->page.load(std::memory_order_seq_cst);
  return page == nullptr ? nullptr : page->shared_from_this();
}

void PageCache::Shared::warm(const std::shared_ptr<const Active>& now) {
  for (const std::shared_ptr<const Page>& page : shelf.pages()) {
    if (hold_active() != now) return;  // another release came
    if (page->activation == now->seq) continue;
    const std::string path = page->key.substr(0, page->key.find('?'));
    const bool is_known = now->release != nullptr && now->release->find(path);
    if (!is_known && origin.rules_of(page->key) == nullptr) {
      shelf.remove(page->key);
      continue;
    }
    if (const Status joined = join(page->key, std::nullopt, Purpose::load, false); !joined)
      return;  // the rest on demand
  }
}

void PageCache::Shared::tick() {
  const Mono now = clock.mono();
  std::vector<std::pair<std::string, Waiter>> late;
  std::vector<std::string> given_up;
  flights.with([&](Flights& all) {
    for (auto at = all.table.begin(); at != all.table.end();) {
      Flight& flight = at->second;
      const bool hangs = now - flight.began >= limits::flight_time_max;
      const auto in_time = std::partition(
          flight.waiters.begin(), flight.waiters.end(),
          [now, hangs](const Waiter& waiter) { return !hangs && now < waiter.deadline; });
      all.waiters -= static_cast<std::size_t>(flight.waiters.end() - in_time);
      for (auto waiter = in_time; waiter != flight.waiters.end(); ++waiter)
        late.emplace_back(at->first, std::move(*waiter));
      flight.waiters.erase(in_time, flight.waiters.end());
      if (hangs) given_up.push_back(at->first);
      at = hangs ? all.table.erase(at) : std::next(at);
    }
  });
  for (const std::string& key : given_up) {
    log.error("cache.render_hangs", {{"key", key}});
    note_failure(key, Error{Errc::io, "the render did not end in time"});
    BorrowedSlot slot(domain);
    const EpochGuard guard(domain, slot.slot());
    if (ShelfEntry* const entry = shelf.find(key)) entry->refreshing.store(false);
  }
  for (const auto& [key, waiter] : late) {
    counts.late_waiters.fetch_add(1, std::memory_order_relaxed);
    Fetched fetched;
    fetched.late = true;
    fetched.collapsed = waiter.collapsed;
    const std::shared_ptr<const Page> page = waiter.is_visitor ? in_memory(key) : nullptr;
    const bool has_copy =
        page != nullptr && page->activation == hold_active()->seq && judge(*page, 1, now).may_serve;
    if (has_copy) fetched.lookup = lookup_of(*page, judge(*page, 1, now), now);
    else fetched.error = Error{Errc::io, "the page was not ready in time"};
    waiter.ready(fetched);
  }
  domain.collect();
}

}  // namespace weir::cache
