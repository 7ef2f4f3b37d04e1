#pragma once
// The inside of PageCache, for its files alone:
//   page_cache.cpp   the hit path and the reports
//   flights.cpp      loading, rendering, waking those who wait
//   large_pages.cpp  pages that stay on disk and are read in pieces
//   enrich.cpp       further codings           polish.cpp  the best ones, in idle time
//   purger.cpp       purges
//   cache_status.cpp
//
// Locks, none held during I/O or a callback: `flights` (who waits for what, who backs off),
// `dressing` (a page gets more codings; above the shelf's own),
// `purge_order` (a purge is numbered and raised in one step; the append to the log is below it, the
// fsync is not), and those inside Shelf, TagEpochs, EpochDomain and Store, which call nothing back.
// Loops take `flights` once per expiry and otherwise none.

#include "base/guarded.h"
#include "cache/doorkeeper.h"
#include "cache/idle_queue.h"
#include "cache/page_cache.h"
#include "cache/page_maker.h"
#include "cache/render_queue.h"
#include "cache/shelf.h"

#include <deque>
#include <list>
#include <map>
#include <random>
#include <unordered_map>
#include <unordered_set>

namespace weir::cache {

// What will do for whoever joins a flight.
struct Needs {
  // For a purge: a render that began at this number of the purges' order or later. 0 = what is
  // under way will do.
  std::uint64_t since = 0;
  // A page that has just landed and is fresh; always so for a visitor without `since`.
  bool or_fresh = false;
};

struct PageCache::Shared : std::enable_shared_from_this<PageCache::Shared> {
  Shared(CacheSettings wanted, Parts given);

  using Ready = std::function<void(const Fetched&)>;
  struct Waiter {
    Ready ready;
    Mono joined;
    Mono deadline;
    bool is_visitor = true;  // a purge that waits is none
    bool collapsed = false;
    // What had been acknowledged when it came: the last purge, and the last release.
    std::uint64_t seq = 0, activation = 0;
  };
  // One load or render in progress.
  struct Flight {
    std::uint64_t number =
        0;  // a flight that was given up is recognised by a number that is not in the table
    Mono began;
    std::uint64_t activation = 0;  // when it began
    bool renders = false;
    // Of the render that runs (TagEpochs::seq), taken under the lock; none = it has not begun.
    std::optional<std::uint64_t> fill_seq;
    bool again = false;  // its result is too old for who joined: it flies once more
    std::vector<Waiter> waiters;
  };
  struct Failure {
    unsigned count = 0;
    Mono next_try;
    std::string reason;
    Errc code = Errc::io;
  };
  struct Flights {
    std::unordered_map<std::string, Flight, StringHash, std::equal_to<>> table;
    std::unordered_map<std::string, Failure, StringHash, std::equal_to<>> failures;
    std::size_t waiters = 0;
    std::uint64_t numbers = 0;
    std::mt19937_64 chance;
  };
  struct Active {
    std::shared_ptr<const store::Release> release;
    std::uint64_t seq = 0;
  };

  const CacheSettings settings;
  store::Store& store;
  Origin& origin;
  Tasks& loads;
  Tasks& renders;
  const Clock& clock;
  Log& log;
  const Mono started;

  EpochDomain domain;
  TagEpochs tags;
  Shelf shelf;
  std::atomic<const Active*> active{nullptr};
  std::atomic<std::uint64_t> activation{1};
  std::shared_ptr<const Active> active_owner;  // under switch_mutex
  std::mutex switch_mutex;
  std::mutex purge_order;
  // Nanoseconds beyond which a copy must be validated, because the node is cut off; 0 = it is not.
  std::atomic<std::int64_t> lag_age_max{0};
  std::atomic<bool> lag_is_strict{false};
  std::function<void(const PurgeRequest&, std::uint64_t)> on_record;  // set before the first purge
  std::function<void()> on_purge;                                     // likewise
  Guarded<Flights> flights;
  RenderQueue render_queue;
  Doorkeeper doorkeeper;
  Guarded<Others> others;
  std::atomic<std::uint64_t> stale_at_start{0};
  // Pages whose further codings are not made yet. One task at a time works on them, so that
  // refreshes are not kept waiting.
  struct ToEnrich {
    std::deque<std::shared_ptr<const Page>> pages;
    bool is_running = false;
  };
  Guarded<ToEnrich> to_enrich;
  // Pages whose best codings are not made yet, each key once (polish.cpp).
  struct ToPolish {
    std::string key;
    store::BlobId body_id;
  };
  IdleQueue<ToPolish> to_polish;
  Guarded<std::unordered_set<std::string>> keys_to_polish;
  std::mutex dressing;  // a page in memory gets more codings: one at a time
  Guarded<std::shared_ptr<const Dictionary>> dictionary;  // of the active release

  Guarded<std::vector<Reader*>> readers;
  struct Counts {
    std::atomic<std::uint64_t> hits{0}, stale{0}, misses{0}, absent{0},
        negative{0};  // of readers that are gone
    std::atomic<std::uint64_t> collapsed{0}, loads{0}, fills{0}, refreshes_ok{0},
        refreshes_equal{0}, refreshes_gone{0}, refreshes_failed{0}, refresh_overflow{0},
        late_waiters{0}, purges{0}, corrupt{0}, not_stored{0}, not_admitted{0},
        flight_wait_us_total{0}, flight_waits{0}, parts_read{0}, polished{0},
        polished_saved_bytes{0};
    std::array<std::atomic<std::uint64_t>, wait_bounds_ms.size() + 1> waits{};
    std::atomic<std::int64_t> oldest_stale_s{0};
  } counts;

  // --- page_cache.cpp
  // What may be done with a page now.
  struct Verdict {
    Freshness freshness = Freshness::fresh;
    Detail detail = Detail::none;
    bool may_serve = true;
  };
  Verdict judge(const Page& page, unsigned failures, Mono now);
  Verdict judge_guarded(const Page& page, unsigned failures,
                        Mono now) const;  // the caller stands in an EpochGuard
  Purged purged(const Page& page) const;  // likewise
  bool is_hard_purged(const Page& page);
  Lookup lookup_of(const Page& page, const Verdict& verdict, Mono now) const;
  bool is_time_ahead(ShelfEntry& entry, const Page& page, Mono now);
  Lookup find(std::string_view key, Mono now, Reader* reader, Unheld unheld);
  bool knows(std::string_view key) const;
  // Set iff a dynamic route makes the key: the release has no such page.
  std::shared_ptr<const KeyRules> rules_of(const std::string& key, const Active& from) const;
  std::shared_ptr<const Active> hold_active();

  // --- flights.cpp
  enum class Purpose : std::uint8_t { load, render };
  Status join(std::string_view key, std::optional<Waiter> waiter, Purpose purpose,
              Needs needs = {});
  void refresh(std::string_view key, Needs needs = {});  // nobody waits; overflow only counts
  Status make_fresh(std::string_view key, Ready ready);
  Status launch(const std::string& key, std::uint64_t number, Purpose purpose);
  std::uint32_t priority_of(const std::string& key, std::uint64_t number);
  void run_load(const std::string& key, std::uint64_t number);
  void land(const std::string& key, std::uint64_t number, std::shared_ptr<const Page> page,
            std::optional<Error> error, unsigned failures = 0);
  Shelf::Put publish(const std::shared_ptr<const Page>& page);
  // --- renders.cpp
  void run_render(const std::string& key, std::uint64_t number);
  void land_rendered(const std::string& key, std::uint64_t number,
                     const std::shared_ptr<const Active>& from, std::uint64_t fill_seq,
                     Rendered rendered);
  void land_gone(const std::string& key, std::uint64_t number,
                 const std::shared_ptr<const Active>& from, std::uint64_t fill_seq,
                 Rendered rendered);
  void land_failed(const std::string& key, std::uint64_t number, const Error& why);
  void land_old(const std::string& key, std::uint64_t number, const Error& why);
  Result<std::shared_ptr<const Page>> release_copy_as_newest(const std::string& key,
                                                             const Active& from);
  Wall modified_of(const std::string& key, const store::BlobId& id, const Active& from,
                   Wall now) const;
  // --- enrich.cpp
  void enrich_later(const std::shared_ptr<const Page>& page);
  void enrich_next();
  void enrich(const Page& page);
  bool keeps_codings(const Page& page) const;
  std::shared_ptr<const std::string> quick_coding(const Page& page, store::Rendition rendition);
  std::shared_ptr<const std::string> kept_coding(const Page& page, store::Rendition rendition);
  void add_codings(const std::string& key, const store::BlobId& body_id, const Bodies& more,
                   const std::optional<DictionaryCoding>& dcz);
  DictionaryCoding dictionary_coding_of(const Page& page, std::size_t best_bytes);
  void make_dictionary(const std::shared_ptr<const Active>& from);
  void make_dictionary_later(const std::shared_ptr<const Active>& from);
  // --- polish.cpp
  void polish_later(const Page& page);
  void begin_polishing();
  void polish_next(ToPolish&& one);
  bool polish(const Page& page);

  void note_success(const std::string& key);
  void note_failure(const std::string& key, const Error& why);
  Result<std::shared_ptr<const Page>> load(const std::string& key,
                                           const std::shared_ptr<const Active>& from);
  PageFacts facts_of(const std::string& key, const store::ReleaseEntry& entry,
                     const Active& from) const;
  PageFacts facts_of(const store::Fill& fill, const Active& from) const;
  Result<std::shared_ptr<const Page>> page_of_release(const std::string& key,
                                                      const store::ReleaseEntry& entry,
                                                      const Active& from);
  Result<std::shared_ptr<const Page>> page_of_fill(const store::Fill& fill, const Active& from);
  std::shared_ptr<const Page> in_memory(std::string_view key);
  void warm(const std::shared_ptr<const Active>& now);
  void tick();

  // --- large_pages.cpp
  Result<LargePage> open_large(const std::string& key);
  Result<std::string> read_part(const LargePage& page, const PartOfBody& part);
  void note_damage(const store::PiecedBody* body, const Error& why);

  // --- purger.cpp
  // `request` is told to `on_record`; null = it was learnt from another node.
  Result<store::PurgeReceipt> record_and_raise(const store::PurgeRecord& record,
                                               const PurgeRequest* request,
                                               std::uint64_t& raised_at);
  void purge(const PurgeRequest& request,
             const std::function<void(const Result<PurgeAnswer>&)>& ready);
  void refresh_what_is_named(const PurgeRequest& request);
  std::vector<std::string> matching(const PurgeRequest& request) const;
  std::vector<Refresher> refreshers_of(const PurgeRequest& request) const;
  std::size_t estimate(const PurgeRequest& request) const;
};

}  // namespace weir::cache
