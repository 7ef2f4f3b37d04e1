// A flight is the one load or render in progress for a key. Whoever needs it joins; its end wakes
// all of them; what it brings is in memory before the first of them is told.
//
//   load     disk -> page. Served when it may be; a stale one starts a refresh; an expired or
//            damaged one goes on as a render in the same flight, so that those who wait keep
//            their place.
//   render   fill_seq is taken, then the origin is asked (C-55); the answer is compared, kept in
//            the store, and swapped in (renders.cpp).
//
// A worker that hangs does not hold its key for ever: after flight_time_max the flight is given up,
// and what it brings later is put nowhere, because its number is not in the table any more.

#include "cache/page_cache_shared.h"

#include <algorithm>
#include <new>

namespace weir::cache {
namespace {

using namespace std::chrono_literals;

constexpr Nanos start_gap =
    50ms;  // between the refreshes of pages that are stale already at start (C-20)

}  // namespace

// --- joining -------------------------------------------------------------------------------------

Status PageCache::Shared::join(std::string_view key, std::optional<Waiter> waiter, Purpose purpose,
                               Needs needs) {
  const Mono now = clock.mono();
  needs.or_fresh = needs.or_fresh || (waiter && waiter->is_visitor && needs.since == 0);
  std::optional<Error> refusal;
  std::optional<Error> backing_off;
  std::uint64_t number = 0;
  flights.with([&](Flights& all) {
    const std::uint64_t release = activation.load(std::memory_order_acquire);
    if (waiter) {
      waiter->seq = tags.seq();
      waiter->activation = release;
    }
    if (waiter && all.waiters >= limits::flight_waiters_max) {
      refusal = Error{Errc::full, "too many requests wait for pages"};
      return;
    }
    const auto found = all.table.find(key);
    if (found != all.table.end()) {
      Flight& flight = found->second;
      // A render that is only queued will see all that was purged by now.
      const bool is_too_old =
          !flight.renders || (flight.fill_seq && *flight.fill_seq < needs.since);
      if (needs.since != 0 && is_too_old) flight.again = true;
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
        purpose == Purpose::render && needs.since == 0) {
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
    flight.activation = release;
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
  // A flight puts what it brings into memory before it leaves the table: one may have landed
  // between the look of whoever joins, or his purge, and now.
  if (needs.or_fresh || needs.since != 0) {
    const std::shared_ptr<const Page> page = in_memory(key);
    const bool is_current = page != nullptr && page->activation == hold_active()->seq;
    const bool is_new_enough = is_current && needs.since != 0 && page->fill_seq >= needs.since;
    const bool is_fresh =
        is_current && needs.or_fresh && judge(*page, 0, now).freshness == Freshness::fresh;
    if (is_new_enough || is_fresh) {
      land(owned, number, page, std::nullopt);
      return done;
    }
  }
  Status launched = launch(owned, number, purpose);
  if (!launched) land(owned, number, nullptr, launched.error());
  return done;
}

// Visitors wait behind it, on another node: it goes first, as theirs do.
Status PageCache::Shared::make_fresh(std::string_view key, Ready ready) {
  const Mono now = clock.mono();
  const auto fetched_of = [this, now](const Page& page, const Verdict& verdict) {
    Fetched fetched;
    fetched.lookup = lookup_of(page, verdict, now);
    return fetched;
  };
  const std::shared_ptr<const Page> page = in_memory(key);
  const bool is_here = page != nullptr && page->activation == hold_active()->seq;
  if (is_here) {
    const Verdict verdict = judge(*page, 0, now);
    if (verdict.freshness == Freshness::fresh) {
      ready(fetched_of(*page, verdict));
      return done;
    }
    return join(key, Waiter{std::move(ready), now, now + limits::fresh_wait_max, true},
                Purpose::render);
  }
  // From disk, or made where there is none: whoever joins a load that finds nothing waits for the
  // render.
  const auto loaded = [self = shared_from_this(), key = std::string(key),
                       ready = std::move(ready)](const Fetched& fetched) {
    const bool is_stale = fetched.lookup.kind == Lookup::Kind::page &&
                          fetched.lookup.freshness != Freshness::fresh && !fetched.filled;
    if (!is_stale) return ready(fetched);
    const Status joined = self->join(
        key, Waiter{ready, self->clock.mono(), self->clock.mono() + limits::fresh_wait_max, true},
        Purpose::render);
    if (!joined.ok()) ready(fetched);
  };
  return join(key, Waiter{loaded, now, now + limits::fresh_wait_max, true}, Purpose::load);
}

void PageCache::Shared::refresh(std::string_view key, Needs needs) {
  bool flies = false;
  try {
    const Status joined = join(key, std::nullopt, Purpose::render, needs);
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

PageFacts PageCache::Shared::facts_of(const std::string& key, const store::ReleaseEntry& entry,
                                      const Active& from) const {
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
  return facts;
}

PageFacts PageCache::Shared::facts_of(const store::Fill& fill, const Active& from) const {
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
  return facts;
}

Result<std::shared_ptr<const Page>> PageCache::Shared::page_of_release(
    const std::string& key, const store::ReleaseEntry& entry, const Active& from) {
  store::Body body = TRY(from.release->read(entry));
  return make_page(facts_of(key, entry, from), bodies_of(std::move(body)), tags);
}

Result<std::shared_ptr<const Page>> PageCache::Shared::page_of_fill(const store::Fill& fill,
                                                                    const Active& from) {
  PageFacts facts = facts_of(fill, from);
  if (fill.kind == store::FillKind::gone) return make_gone_page(std::move(facts), tags);
  store::Body body = TRY(store.read_fill(fill));
  return make_page(std::move(facts), bodies_of(std::move(body)), tags);
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
  std::optional<Purpose> next;  // it flies once more
  bool rendered = false;
  const bool is_wrong = page != nullptr && failures == 0 && is_hard_purged(*page);
  const bool is_current = flights.with([&](Flights& all) {
    const auto found = all.table.find(key);
    if (found == all.table.end() || found->second.number != number) return false;
    Flight& flight = found->second;
    rendered = flight.renders;
    // What it brought may be older than what was acknowledged before somebody came: a purge waits
    // for what was made behind it; a visitor does so when the old copy is not to be served any more
    // (C-52), or when another release is live. Others take it.
    const auto wants_release = [&flight](const Waiter& one) {
      return one.activation > flight.activation;
    };
    const auto wants_render = [&](const Waiter& one) {
      return one.is_visitor ? is_wrong && page->fill_seq < one.seq : flight.again;
    };
    const bool is_old = !error && std::ranges::any_of(flight.waiters, wants_release);
    if (flight.again || std::ranges::any_of(flight.waiters, wants_render)) next = Purpose::render;
    else if (is_old) next = Purpose::load;
    if (next) {
      const auto stays = std::partition(
          flight.waiters.begin(), flight.waiters.end(),
          [&](const Waiter& one) { return wants_render(one) || (is_old && wants_release(one)); });
      std::move(stays, flight.waiters.end(), std::back_inserter(waiters));
      flight.waiters.erase(stays, flight.waiters.end());
      flight.again = false;
      flight.fill_seq.reset();
      flight.renders = next == Purpose::render;
      flight.began = clock.mono();
      flight.activation = activation.load(std::memory_order_acquire);
    } else {
      waiters = std::move(flight.waiters);
      all.table.erase(found);
    }
    all.waiters -= waiters.size();
    return true;
  });
  if (!is_current) return;
  if (next) {
    if (const Status launched = launch(key, number, *next); !launched)
      land(key, number, nullptr, launched.error());
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
      const auto waited_us = static_cast<std::uint64_t>((now - waiter.joined).count() / 1000);
      counts.flight_wait_us_total.fetch_add(waited_us, std::memory_order_relaxed);
      const auto bound = std::ranges::lower_bound(wait_bounds_ms, (waited_us + 999) / 1000);
      counts.waits[static_cast<std::size_t>(bound - wait_bounds_ms.begin())].fetch_add(
          1, std::memory_order_relaxed);
      if (waiter.collapsed) counts.collapsed.fetch_add(1, std::memory_order_relaxed);
    }
    waiter.ready(fetched);
  }
}

bool PageCache::Shared::is_hard_purged(const Page& page) {
  BorrowedSlot slot(domain);
  const EpochGuard guard(domain, slot.slot());
  return purged(page) == Purged::hard;
}

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
    if (const Status joined = join(page->key, std::nullopt, Purpose::load); !joined)
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
  begin_polishing();
  domain.collect();
}

}  // namespace weir::cache
