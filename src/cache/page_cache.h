#pragma once
// The memory of the server: pages by key, in front of the store.
//
// The promise:
//   - a visitor never waits while a copy exists that may be served: a stale page is answered at
//     once and completely, and one refresh for all is made by a worker that belongs to no
//     connection;
//   - at most one render per key is in flight; those who must wait (nothing may be served) are
//     woken by its end;
//   - a refresh that fails keeps the old page, and the next try backs off (backoff.h);
//   - a purge that was acknowledged is never undone, neither by a crash nor by a render that had
//     begun before it;
//   - memory stays within `memory_bytes_max` (SIEVE); paths that do not exist make no entries at
//     all.
//
// `find` is the hit path: any loop thread with its own Reader; no lock, no allocation, no disk.
// Everything else is callable from any thread; what blocks says so.
//
//   const Lookup found = cache.find(reader, path);
//   switch (found.kind) {
//     case Lookup::Kind::page:    respond(found.page->find(codec)->ok, ...)
//     case Lookup::Kind::wait:    cache.fetch(path, [](const Fetched&) { post to the loop, look at
//                                 fetched.lookup })
//     case Lookup::Kind::absent:  the release has no such path: 404 (its page is the key
//                                 "/404.html")
//   }

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "cache/origin.h"
#include "cache/page.h"
#include "cache/purge.h"
#include "store/store.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::cache {

enum class Freshness : std::uint8_t { fresh, stale, expired, absent };

// Why a stale copy is served, or why the caller waits: the `detail` and `fwd` of Cache-Status (RFC
// 9211).
enum class Detail : std::uint8_t {
  none,
  swr,     // age > ttl, within stale-while-revalidate
  purged,  // a soft purge; the refresh is on its way
  sie,     // the refresh failed; within stale-if-error, or a purge whose refill failed
  lag,     // it may have been purged elsewhere: this node does not hear the others
};

struct Lookup {
  enum class Kind : std::uint8_t { page, wait, absent };
  Kind kind = Kind::absent;
  Freshness freshness = Freshness::absent;
  Detail detail = Detail::none;
  std::shared_ptr<const Page> page = {};  // set iff kind == page
  std::int64_t age_s = 0;                 // whole seconds since it was rendered, never negative
  std::optional<std::int64_t> ttl_s =
      {};  // seconds of freshness left, negative when stale; none = until purged
};

// What a waiter gets, on a worker thread.
struct Fetched {
  Lookup lookup = {};               // kind page (also a `gone` one) or absent
  std::optional<Error> error = {};  // why there is no page: the render failed (502), Errc::full
                                    // (503), or it was `late` (504)
  bool late = false;                // the deadline passed; with an old copy where one may be served
  bool collapsed = false;           // joined a flight that another request had begun
  bool filled = false;              // a render was made for it (else it was loaded from disk)
};

// Text for the Cache-Status field after "weir; ": "hit; ttl=12", "fwd=stale; ttl=-3; detail=swr",
// "fwd=uri-miss; fwd-status=200; stored; collapsed". Written into `room`; no allocation.
std::string_view cache_status_of(const Lookup& lookup, const Fetched* fetched,
                                 std::array<char, 96>& room);

// A page that stays on disk and is read in pieces (C-48).
struct LargePage {
  Lookup lookup = {};  // kind page, fresh; a Page of facts alone, without representations
  std::shared_ptr<const store::PiecedBody> body = {};
};
struct PartOfBody {
  store::Codec codec = store::Codec::identity;  // or the one that the body is stored in
  std::uint64_t first = 0;
  std::size_t bytes = 0;
};
// How a page that is not in memory is best read, by what lies on disk.
enum class Bulk : std::uint8_t {
  small,          // as a whole
  large,          // a part of it in pieces, the whole as a whole
  beyond_memory,  // in pieces: memory would not keep it
};

struct CacheSettings {
  std::size_t memory_bytes_max = limits::memory_cache_bytes_max;
  Nanos neg_ttl = std::chrono::seconds(10);
  Nanos fill_wait = std::chrono::seconds(5);
  unsigned refresh_ahead_percent = 10;  // 0 = never early
  Nanos warm_window = std::chrono::seconds(30);
  HardOnError hard_on_error = HardOnError::error;
  std::uint64_t seed = 0;               // of the jitter; 0 = random
  bool dictionaries = false;            // pages as their difference to the layout (dcz, C-46)
  std::vector<std::string> hosts = {};  // names that the pages are served under; empty = any
};

// Upper bounds of the buckets of visitors' waits; one more holds the rest.
inline constexpr std::array<std::uint32_t, 9> wait_bounds_ms{1,   5,   10,    50,   100,
                                                             250, 500, 1'000, 5'000};

// Counts since start (C-70). Gauges at the end.
struct CacheCounters {
  std::uint64_t hits = 0, stale = 0, misses = 0, absent = 0, negative = 0, collapsed = 0;
  std::uint64_t loads = 0, fills = 0, refreshes_ok = 0, refreshes_equal = 0, refreshes_gone = 0,
                refreshes_failed = 0;
  std::uint64_t refresh_overflow = 0, evictions = 0, late_waiters = 0, purges = 0, corrupt = 0,
                not_stored = 0;
  std::uint64_t not_admitted = 0;  // made pages that were not kept on disk: made for the first time
  std::uint64_t flight_wait_us_total = 0, flight_waits = 0;
  std::uint64_t parts_read = 0;                          // of pages that stay on disk
  std::uint64_t polished = 0, polished_saved_bytes = 0;  // codings made in idle time
  std::size_t to_polish = 0;                             // pages that wait for that
  std::int64_t oldest_stale_served_s = 0;
  std::uint64_t purge_seq = 0;
  std::array<std::uint64_t, wait_bounds_ms.size() + 1> waits{};  // by bucket
  std::size_t memory_bytes = 0, negative_bytes = 0, pages = 0, flights = 0;
  std::size_t backing_off = 0;  // pages whose last render failed
};

// For /_weir/entry and `weir explain` (C-71).
struct EntryInfo {
  std::string key = {};
  std::string state = {};  // absent filling fresh stale refreshing expired error gone
  std::string why = {};    // "ttl", "tag blog at 12", "path at 9" ...; empty when fresh
  std::uint64_t generation = 0, fill_seq = 0, release = 0;
  std::int64_t age_s = 0;
  std::optional<std::int64_t> ttl_s = {};
  std::optional<std::int64_t> next_try_s = {};  // while backing off
  unsigned failures = 0;
  std::string last_error = {};
  std::vector<std::string> tags = {};
  std::vector<std::string> codings = {};
  std::size_t body_bytes = 0;
  bool in_memory = false;
  std::optional<std::int64_t> swr_s = {}, sie_s = {};  // with a ttl
  bool renderable = false;  // a render can make it again; false = a file of the release
  std::string next = {};    // what the next request gets, and what it starts: a sentence
};
// `next` of an entry whose other members are set. Pure.
std::string next_of(const EntryInfo& info);

class PageCache {
 public:
  // One per reading thread; not shared. Must not outlive the cache.
  class Reader;

  // All must outlive it. `loads` gets short disk reads, `renders` the renders (they may block).
  struct Parts {
    store::Store& store;
    Origin& origin;
    Tasks& loads;
    Tasks& renders;
    const Clock& clock;
    Log& log;
    // Gets one piece of work at a time that nobody waits for: the best codings of pages that stay
    // as they are. Null = they are not made. `is_busy` may be asked from any thread, some times a
    // second while such work runs: true = leave it.
    Tasks* idle = nullptr;
    std::function<bool()> is_busy = {};
  };
  PageCache(CacheSettings settings, Parts parts);
  ~PageCache();  // the tasks must have ended
  PageCache(const PageCache&) = delete;
  PageCache& operator=(const PageCache&) = delete;

  std::unique_ptr<Reader> make_reader();

  // What a key means that is not in memory and that the release does not hold: nothing, or (on a
  // dynamic route) a page that may be made. The loop knows its route, so that nobody is asked.
  enum class Unheld : std::uint8_t { absent, made };
  Lookup find(Reader& reader, std::string_view key) { return find(reader, key, now()); }
  Lookup find(Reader& reader, std::string_view key,
              Mono now,  // for a loop that knows the time already
              Unheld unheld = Unheld::absent);

  // For Kind::wait: begins a load or a render, or joins the one in flight. `ready` is called
  // exactly once, on a worker (or before this returns, when the page is there by now); at the
  // latest after `fill_wait`, by `tick`. Errc::full = too many waiters; `ready` is not called.
  Status fetch(std::string_view key, std::function<void(const Fetched&)> ready);

  // For Kind::wait, in place of `fetch`: the page without its body. `ready` is called once, on a
  // worker; with an Error for every page that must be fetched after all (it has no pieces, is
  // stale, or damaged). Errc::full: not called. `bulk_of` takes a short lock, and no disk.
  Bulk bulk_of(std::string_view key) const;
  Status open_large(std::string_view key, std::function<void(const Result<LargePage>&)> ready);
  // Verified bytes, on a worker. Errc::corrupt: it is counted, and out of the way.
  Status read_part(std::shared_ptr<const LargePage> page, PartOfBody part,
                   std::function<void(Result<std::string>)> ready);

  // Somewhere there is a copy of the page, or it is being made: asking for it adds no key to what
  // the cache holds. Takes two short locks; any thread.
  bool has_copy(std::string_view key) const;
  // Makes a page that nobody waits for: begins a render unless one is in flight or backs off. What
  // does not fit into the queue is tried again by the next who asks.
  void make(std::string_view key);

  // For another node that asks: `ready` is told once, on any thread, of a page that is fresh, after
  // a load or a render where that is needed. What it is told may still be stale or an error, when
  // none can be made. Errc::full: it is not called.
  Status make_fresh(std::string_view key, std::function<void(const Fetched&)> ready);

  // Records and applies a purge. Blocks for the disk (worker threads). `ready` is called once: at
  // once, or with wait = fresh when the refreshed pages are live. An Error means: not acknowledged
  // (though memory treats it as done).
  void purge(const PurgeRequest& request, std::function<void(const Result<PurgeAnswer>&)> ready);

  // What another node has purged: recorded, synced and applied, soft or hard as `record` says; the
  // refreshes are begun by hits, or by `refresh`. Blocks for the disk (worker threads). An Error:
  // not recorded (though memory treats it as done), so it must be told again.
  Status absorb(store::PurgeRecord record);
  // Begins to make again what the request names, as far as it is here. Nobody waits.
  void refresh(const PurgeRequest& request);

  // How old a copy may be before it needs validation because this node does not hear what others
  // purge: copies that a render can make again count as stale beyond `age_max`, with
  // `Lag::strict` as expired. nullopt = it hears them all. Any thread.
  enum class Lag : std::uint8_t { serve_stale, strict };
  void set_lag(std::optional<Nanos> age_max, Lag lag);

  // Called for each purge that was asked for here, on its thread: `record` in one step with its
  // number, `tell` when it is as durable as was asked. Set once, before the first purge.
  void on_purge(std::function<void(const PurgeRequest& request, std::uint64_t seq)> record,
                std::function<void()> tell);
  // Those that were asked for here (Store::own_purges): `record` has heard of all of them.
  store::PurgeState own_purges() const;

  // After Store::adopt_release: from now on pages come from the store's active release. One pointer
  // swap; pages that were in memory are loaded again in the background.
  void use_active_release();
  std::shared_ptr<const store::Release> release() const;
  // Grows with each use_active_release, after the release has become the one that is served.
  std::uint64_t activation() const;

  // Drops the half of the pages in memory that is wanted least: the process is short of memory.
  // What was dropped comes back from disk, or is rendered again. For workers: it may free much.
  void shed();

  // What is kept elsewhere and may be named by a purge: for mode refresh, one call for each thing
  // that begins its refresh and tells once, on any thread, whether it is live. Null = nothing.
  using Refresher = std::function<void(std::function<void(bool is_live)>)>;
  using Others = std::function<std::vector<Refresher>(const PurgeRequest& request)>;
  void set_others(Others others);

  // Purges name tags and paths, whatever carries them: what else is kept looks at the same epochs.
  TagEpochs& tags();
  EpochDomain& domain();

  // The layout of the active release; null = none is made (yet).
  std::shared_ptr<const Dictionary> dictionary() const;
  // What the copy that is too old to be served asked browsers to fetch first; empty = nothing.
  std::string preloads(std::string_view key);

  EntryInfo describe(std::string_view key);  // reads the disk when it is not in memory
  CacheCounters counters() const;

  // Waiters whose deadline passed, refreshes that are due at start. Every 100 ms or so, any one
  // thread.
  void tick();

 private:
  struct Shared;
  Mono now() const;
  std::shared_ptr<Shared> shared_;
};

class PageCache::Reader {
 public:
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

 private:
  friend class PageCache;
  friend struct PageCache::Shared;
  Reader(std::shared_ptr<Shared> shared, EpochDomain::Slot& slot);
  std::shared_ptr<Shared> shared_;
  EpochDomain::Slot& slot_;
  // Written by the owner alone, read by `counters`.
  struct alignas(64) Counts {
    std::atomic<std::uint64_t> hits{0}, stale{0}, misses{0}, absent{0}, negative{0};
    std::atomic<std::int64_t> oldest_stale_s{0};
  } counts_;
};

}  // namespace weir::cache
