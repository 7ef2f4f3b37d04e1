#include "cache/page_cache.h"

#include "base/crypto.h"
#include "cache/page_cache_shared.h"

#include <algorithm>

namespace weir::cache {
namespace {

constexpr std::size_t negative_share =
    20;  // a twentieth of the memory for pages that do not exist (C-35)
constexpr std::uint32_t hot_hits_min = 5;  // C-5
// Page::checked: purge number << 3 | known_bit | Purged.
constexpr unsigned checked_shift = 3;
constexpr std::uint64_t known_bit = 4;

std::int64_t seconds_of(Nanos span) {
  return std::chrono::floor<std::chrono::seconds>(span).count();
}

}  // namespace

PageCache::Shared::Shared(CacheSettings wanted, Parts given)
    : settings(wanted),
      store(given.store),
      origin(given.origin),
      loads(given.loads),
      renders(given.renders),
      clock(given.clock),
      log(given.log),
      started(given.clock.mono()),
      tags(domain),
      shelf(domain, HashKey::random(),
            {wanted.memory_bytes_max - wanted.memory_bytes_max / negative_share,
             wanted.memory_bytes_max / negative_share}),
      render_queue(given.renders),
      to_polish({given.idle, std::move(given.is_busy), given.clock, limits::polish_queue_max,
                 limits::polish_after}) {
  flights.with(
      [&](Flights& now) { now.chance.seed(settings.seed == 0 ? random_u64() : settings.seed); });
  tags.restore(store.purges());
  const store::ActiveRelease found = store.active();
  active_owner = std::make_shared<const Active>(Active{found.release, found.seq});
  active.store(active_owner.get());
}

PageCache::PageCache(CacheSettings settings, Parts parts)
    : shared_(std::make_shared<Shared>(settings, parts)) {
  shared_->make_dictionary_later(shared_->hold_active());
}
PageCache::~PageCache() { shared_->render_queue.clear(); }  // what waits there holds `shared_`

Mono PageCache::now() const { return shared_->clock.mono(); }

// --- readers -------------------------------------------------------------------------------------

void PageCache::shed() { shared_->shelf.shed(); }

std::unique_ptr<PageCache::Reader> PageCache::make_reader() {
  auto reader = std::unique_ptr<Reader>(new Reader(shared_, shared_->domain.take_slot()));
  shared_->readers.with([&](std::vector<Reader*>& all) { all.push_back(reader.get()); });
  return reader;
}

PageCache::Reader::Reader(std::shared_ptr<Shared> shared, EpochDomain::Slot& slot)
    : shared_(std::move(shared)), slot_(slot) {}

PageCache::Reader::~Reader() {
  shared_->readers.with([this](std::vector<Reader*>& all) { std::erase(all, this); });
  Shared::Counts& kept = shared_->counts;
  kept.hits += counts_.hits;
  kept.stale += counts_.stale;
  kept.misses += counts_.misses;
  kept.absent += counts_.absent;
  kept.negative += counts_.negative;
  kept.oldest_stale_s = std::max(kept.oldest_stale_s.load(), counts_.oldest_stale_s.load());
  shared_->domain.give_back(slot_);
}

// --- the hit path --------------------------------------------------------------------------------

Lookup PageCache::find(Reader& reader, std::string_view key, Mono now, Unheld unheld) {
  return shared_->find(key, now, &reader, unheld);
}

Lookup PageCache::Shared::find(std::string_view key, Mono now, Reader* reader, Unheld unheld) {
  // One writer per counter, so a load and a store do; a locked add would cost more than the
  // look-up.
  const auto count = [](std::atomic<std::uint64_t>& number) {
    number.store(number.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  };
  std::optional<BorrowedSlot> borrowed;
  if (reader == nullptr) borrowed.emplace(domain);
  Lookup found;
  bool starts_refresh = false;
  {
    const EpochGuard guard(domain, reader == nullptr ? borrowed->slot() : reader->slot_);
    ShelfEntry* const entry = shelf.find(key);
    const Page* const page =
        entry == nullptr ? nullptr : entry->page.load(std::memory_order_seq_cst);
    const Active& release = *active.load(std::memory_order_seq_cst);
    if (page == nullptr || page->activation != release.seq) {
      const bool is_known =
          unheld == Unheld::made ||
          (release.release != nullptr && release.release->find(key.substr(0, key.find('?'))));
      found.kind = is_known ? Lookup::Kind::wait : Lookup::Kind::absent;
    } else {
      const unsigned failures = entry->failures.load(std::memory_order_relaxed);
      const Verdict verdict = judge_guarded(*page, failures, now);
      found = lookup_of(*page, verdict, now);
      if (verdict.may_serve) {
        if (!entry->visited.load(std::memory_order_relaxed))
          entry->visited.store(true, std::memory_order_relaxed);
        const bool wants =
            verdict.freshness != Freshness::fresh || is_time_ahead(*entry, *page, now);
        starts_refresh = wants && now.ns >= entry->next_try_ns.load(std::memory_order_relaxed) &&
                         !entry->refreshing.load(std::memory_order_relaxed) &&
                         !entry->refreshing.exchange(true);
        // One that has landed since the page was looked at has swapped it before it lowered the
        // flag: what there is to refresh is another page by now. (The same one with more codings
        // is as stale as before.)
        if (starts_refresh) {
          const Page* const there = entry->page.load(std::memory_order_seq_cst);
          starts_refresh = there != nullptr && there->generation == page->generation;
          if (!starts_refresh) entry->refreshing.store(false);
        }
      }
    }
  }
  if (starts_refresh) refresh(key);
  if (reader == nullptr) return found;
  Reader::Counts& counted = reader->counts_;
  if (found.kind == Lookup::Kind::absent) count(counted.absent);
  if (found.kind == Lookup::Kind::wait) count(counted.misses);
  if (found.kind != Lookup::Kind::page) return found;
  if (found.page->gone) {
    count(counted.negative);
  } else if (found.freshness == Freshness::fresh) {
    count(counted.hits);
  } else {
    count(counted.stale);
    if (found.age_s > counted.oldest_stale_s.load(std::memory_order_relaxed))
      counted.oldest_stale_s.store(found.age_s, std::memory_order_relaxed);
  }
  return found;
}

// The usual hit compares one number: nothing was purged since this page was last checked.
Purged PageCache::Shared::purged(const Page& page) const {
  const std::uint64_t seq = tags.seq();
  const std::uint64_t known = page.checked.load(std::memory_order_relaxed);
  if (known >> checked_shift == seq && (known & known_bit) != 0)
    return static_cast<Purged>(known & 3);
  const Purged verdict = tags.check(page.epochs, page.fill_seq);
  page.checked.store(seq << checked_shift | known_bit | static_cast<std::uint64_t>(verdict),
                     std::memory_order_relaxed);
  return verdict;
}

PageCache::Shared::Verdict PageCache::Shared::judge(const Page& page, unsigned failures, Mono now) {
  BorrowedSlot slot(domain);
  const EpochGuard guard(domain, slot.slot());
  return judge_guarded(page, failures, now);
}

PageCache::Shared::Verdict PageCache::Shared::judge_guarded(const Page& page, unsigned failures,
                                                            Mono now) const {
  const Purged verdict = purged(page);
  if (verdict == Purged::hard) {
    const HardOnError on_error = page.rules != nullptr && page.rules->hard_on_error
                                     ? *page.rules->hard_on_error
                                     : settings.hard_on_error;
    return {Freshness::expired, Detail::sie, on_error == HardOnError::stale && failures > 0};
  }
  const Nanos age = now - page.rendered;
  const bool is_over = page.policy.ttl && age >= *page.policy.ttl;
  const std::int64_t lag = lag_age_max.load(std::memory_order_relaxed);
  // A file of the release is what the release says, whatever other nodes say.
  if (lag != 0 && age.count() > lag && page.renderable == store::Renderable::yes) {
    if (lag_is_strict.load(std::memory_order_relaxed))
      return {Freshness::expired, Detail::lag, false};
    if (!is_over) return {Freshness::stale, failures > 0 ? Detail::sie : Detail::lag, true};
  }
  if (!is_over) {
    if (verdict == Purged::no && !page.outdated) return {};
    // Somebody said that it is not right any more; it is still what a visitor gets while it is made
    // again.
    return {Freshness::stale, failures > 0 ? Detail::sie : Detail::purged, true};
  }
  const Nanos over = age - *page.policy.ttl;
  if (over < page.policy.swr) return {Freshness::stale, Detail::swr, true};
  // Beyond that an error must have been seen before the copy may be served (RFC 5861 4).
  if (failures > 0 && over < std::max(page.policy.swr, page.policy.sie))
    return {Freshness::stale, Detail::sie, true};
  return {Freshness::expired, Detail::none, false};
}

Lookup PageCache::Shared::lookup_of(const Page& page, const Verdict& verdict, Mono now) const {
  Lookup found;
  found.freshness = verdict.freshness;
  found.detail = verdict.detail;
  found.kind = verdict.may_serve ? Lookup::Kind::page : Lookup::Kind::wait;
  if (!verdict.may_serve) return found;
  found.page = page.shared_from_this();
  const Nanos age = std::max(now - page.rendered, Nanos(0));
  // A page without ttl is true now, however long ago it was made.
  if (page.policy.ttl) {
    found.age_s = seconds_of(age);
    found.ttl_s = seconds_of(*page.policy.ttl - age);
  }
  return found;
}

// Refresh ahead (C-5): a page with hits enough in the last part of its life is made again before it
// expires, the likelier the nearer its end, so that neither a visitor nor the origin sees an edge.
// Hits are only counted in that part.
bool PageCache::Shared::is_time_ahead(ShelfEntry& entry, const Page& page, Mono now) {
  if (settings.refresh_ahead_percent == 0 || !page.policy.ttl ||
      page.renderable == store::Renderable::no)
    return false;
  const Nanos left = *page.policy.ttl - (now - page.rendered);
  const Nanos window = *page.policy.ttl / 100 * settings.refresh_ahead_percent;
  if (left >= window || window.count() <= 0) return false;
  if (entry.late_hits.fetch_add(1, std::memory_order_relaxed) + 1 < hot_hits_min) return false;
  // A number per page and hit that nobody can predict and that costs nothing: the low bits of the
  // clock, stirred.
  const std::uint64_t stirred =
      (static_cast<std::uint64_t>(now.ns) ^ settings.seed) * 0x9E3779B97F4A7C15U;
  const double chance =
      1.0 - static_cast<double>(left.count()) / static_cast<double>(window.count());
  return static_cast<double>(stirred >> 40) / static_cast<double>(1U << 24) < chance * chance;
}

// --- releases ------------------------------------------------------------------------------------

std::shared_ptr<const PageCache::Shared::Active> PageCache::Shared::hold_active() {
  const std::lock_guard lock(switch_mutex);
  return active_owner;
}

bool PageCache::Shared::knows(std::string_view key) const {
  const store::ActiveRelease now = store.active();
  return (now.release != nullptr && now.release->find(key.substr(0, key.find('?')))) ||
         origin.rules_of(key) != nullptr;
}

std::shared_ptr<const KeyRules> PageCache::Shared::rules_of(const std::string& key,
                                                            const Active& from) const {
  if (from.release != nullptr && from.release->find(key.substr(0, key.find('?')))) return nullptr;
  return origin.rules_of(key);
}

void PageCache::use_active_release() {
  const store::ActiveRelease found = shared_->store.active();
  auto next = std::make_shared<const Shared::Active>(Shared::Active{found.release, found.seq});
  {
    const std::lock_guard lock(shared_->switch_mutex);
    if (shared_->active_owner->seq >= next->seq) return;
    shared_->active.store(next.get(), std::memory_order_seq_cst);
    shared_->domain.retire(std::exchange(shared_->active_owner, next));
    shared_->activation.fetch_add(1, std::memory_order_release);
  }
  // What visitors looked at before is loaded again before they ask; who is faster waits for his own
  // load.
  Status offered = shared_->loads.offer([shared = shared_, next] { shared->warm(next); });
  if (!offered) shared_->log.info("cache.not_warmed", {{"reason", offered.error().what}});
  shared_->make_dictionary_later(next);
}

std::uint64_t PageCache::activation() const {
  return shared_->activation.load(std::memory_order_acquire);
}

std::shared_ptr<const store::Release> PageCache::release() const {
  return shared_->hold_active()->release;
}

// --- the rest of the surface ---------------------------------------------------------------------

Status PageCache::fetch(std::string_view key, std::function<void(const Fetched&)> ready) {
  const Mono now = shared_->clock.mono();
  const std::shared_ptr<const KeyRules> rules = shared_->origin.rules_of(key);
  Lookup found = shared_->find(key, now, nullptr, rules != nullptr ? Unheld::made : Unheld::absent);
  if (found.kind != Lookup::Kind::wait) {  // it came in the meantime
    Fetched fetched;
    fetched.lookup = std::move(found);
    ready(fetched);
    return done;
  }
  const Shared::Purpose purpose =
      found.freshness == Freshness::expired ? Shared::Purpose::render : Shared::Purpose::load;
  const Nanos fill_wait =
      rules != nullptr && rules->fill_wait ? *rules->fill_wait : shared_->settings.fill_wait;
  return shared_->join(key, Shared::Waiter{std::move(ready), now, now + fill_wait}, purpose);
}

bool PageCache::has_copy(std::string_view key) const {
  return shared_->store.has_fill(key) || shared_->flights.with([key](const Shared::Flights& all) {
    return all.table.contains(key);
  });
}

void PageCache::make(std::string_view key) { shared_->refresh(key); }

Status PageCache::make_fresh(std::string_view key, std::function<void(const Fetched&)> ready) {
  return shared_->make_fresh(key, std::move(ready));
}

void PageCache::purge(const PurgeRequest& request,
                      std::function<void(const Result<PurgeAnswer>&)> ready) {
  shared_->purge(request, ready);
}

Status PageCache::absorb(store::PurgeRecord record) {
  record.is_learnt = true;
  std::uint64_t raised_at = 0;
  const auto receipt = shared_->record_and_raise(record, nullptr, raised_at);
  shared_->counts.purges.fetch_add(1, std::memory_order_relaxed);
  if (!receipt) return receipt.error();
  return shared_->store.sync();
}

void PageCache::set_lag(std::optional<Nanos> age_max, Lag lag) {
  shared_->lag_is_strict.store(lag == Lag::strict, std::memory_order_relaxed);
  shared_->lag_age_max.store(age_max ? std::max<std::int64_t>(age_max->count(), 1) : 0,
                             std::memory_order_relaxed);
}

void PageCache::refresh(const PurgeRequest& request) { shared_->refresh_what_is_named(request); }

void PageCache::on_purge(std::function<void(const PurgeRequest& request, std::uint64_t seq)> record,
                         std::function<void()> tell) {
  shared_->on_record = std::move(record);
  shared_->on_purge = std::move(tell);
}

store::PurgeState PageCache::own_purges() const {
  const std::lock_guard order(shared_->purge_order);
  return shared_->store.own_purges();
}

std::shared_ptr<const Dictionary> PageCache::dictionary() const {
  return shared_->dictionary.with([](const auto& held) { return held; });
}

std::string PageCache::preloads(std::string_view key) {
  const auto page = shared_->in_memory(key);
  return page == nullptr ? std::string() : page->preloads;
}

void PageCache::tick() { shared_->tick(); }

EntryInfo PageCache::describe(std::string_view key) {
  EntryInfo info;
  info.key = key;
  const Mono now = shared_->clock.mono();
  std::shared_ptr<const Page> page = shared_->in_memory(key);
  bool is_flying = false;
  shared_->flights.with([&](const Shared::Flights& flights) {
    is_flying = flights.table.contains(key);
    const auto failed = flights.failures.find(key);
    if (failed == flights.failures.end()) return;
    info.failures = failed->second.count;
    info.last_error = failed->second.reason;
    info.next_try_s = std::max<std::int64_t>(0, seconds_of(failed->second.next_try - now));
  });
  info.in_memory = page != nullptr;
  if (page == nullptr && shared_->knows(key)) {  // as a request would find it on disk
    auto loaded = shared_->load(info.key, shared_->hold_active());
    if (loaded) page = std::move(loaded).value();
    else info.last_error = loaded.error().what;
  }
  if (page == nullptr) {
    info.state = is_flying ? "filling" : info.last_error.empty() ? "absent" : "error";
    info.next = next_of(info);
    return info;
  }
  const Shared::Verdict verdict = shared_->judge(*page, info.failures, now);
  const bool is_fresh = verdict.freshness == Freshness::fresh;
  if (page->gone) info.state = "gone";
  else if (is_flying) info.state = "refreshing";
  else if (info.failures > 0) info.state = "error";
  else if (is_fresh) info.state = "fresh";
  else info.state = verdict.freshness == Freshness::stale ? "stale" : "expired";
  if (!is_fresh) info.why = shared_->tags.reason(page->key, page->tags, page->fill_seq);
  if (!is_fresh && info.why.empty())
    info.why = page->outdated                  ? "older release"
               : verdict.detail == Detail::lag ? "cut off from other nodes"
                                               : "ttl";
  const Lookup shown = shared_->lookup_of(*page, {verdict.freshness, verdict.detail, true}, now);
  info.age_s = shown.age_s;
  info.ttl_s = shown.ttl_s;
  info.generation = page->generation;
  info.fill_seq = page->fill_seq;
  info.release = page->release;
  info.tags = page->tags;
  info.renderable = page->renderable == store::Renderable::yes;
  if (page->policy.ttl) {
    info.swr_s = seconds_of(page->policy.swr);
    info.sie_s = seconds_of(page->policy.sie);
  }
  for (std::size_t i = 0; i < store::rendition_count; ++i)
    if (page->representations[i].ok != nullptr)
      info.codings.emplace_back(store::name_of(static_cast<store::Rendition>(i)));
  if (!page->gone) info.body_bytes = page->find(store::Codec::identity)->body->size();
  info.next = next_of(info);
  return info;
}

CacheCounters PageCache::counters() const {
  const Shared& shared = *shared_;
  const Shared::Counts& counts = shared.counts;
  CacheCounters out;
  out.hits = counts.hits;
  out.stale = counts.stale;
  out.misses = counts.misses;
  out.absent = counts.absent;
  out.negative = counts.negative;
  out.oldest_stale_served_s = counts.oldest_stale_s;
  shared.readers.with([&out](const std::vector<Reader*>& all) {
    for (const Reader* reader : all) {
      out.hits += reader->counts_.hits;
      out.stale += reader->counts_.stale;
      out.misses += reader->counts_.misses;
      out.absent += reader->counts_.absent;
      out.negative += reader->counts_.negative;
      out.oldest_stale_served_s =
          std::max(out.oldest_stale_served_s, reader->counts_.oldest_stale_s.load());
    }
  });
  out.collapsed = counts.collapsed;
  out.loads = counts.loads;
  out.fills = counts.fills;
  out.refreshes_ok = counts.refreshes_ok;
  out.refreshes_equal = counts.refreshes_equal;
  out.refreshes_gone = counts.refreshes_gone;
  out.refreshes_failed = counts.refreshes_failed;
  out.refresh_overflow = counts.refresh_overflow;
  out.late_waiters = counts.late_waiters;
  out.purges = counts.purges;
  out.corrupt = counts.corrupt;
  out.not_stored = counts.not_stored;
  out.polished = counts.polished.load(std::memory_order_relaxed);
  out.polished_saved_bytes = counts.polished_saved_bytes.load(std::memory_order_relaxed);
  out.to_polish = shared.to_polish.size();
  out.parts_read = shared_->counts.parts_read.load(std::memory_order_relaxed);
  out.not_admitted = counts.not_admitted;
  out.flight_wait_us_total = counts.flight_wait_us_total;
  out.flight_waits = counts.flight_waits;
  out.evictions = shared.shelf.evictions();
  out.purge_seq = shared.tags.seq();
  out.memory_bytes = shared.shelf.bytes();
  out.negative_bytes = shared.shelf.negative_bytes();
  out.pages = shared.shelf.count();
  for (std::size_t at = 0; at < out.waits.size(); ++at)
    out.waits[at] = counts.waits[at].load(std::memory_order_relaxed);
  shared.flights.with([&out](const Shared::Flights& flights) {
    out.flights = flights.table.size();
    out.backing_off = flights.failures.size();
  });
  return out;
}

void PageCache::set_others(Others others) {
  shared_->others.with([&](Others& held) { held = std::move(others); });
}
TagEpochs& PageCache::tags() { return shared_->tags; }
EpochDomain& PageCache::domain() { return shared_->domain; }

}  // namespace weir::cache
