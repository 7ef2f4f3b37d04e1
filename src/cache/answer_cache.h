#pragma once
// Answers of upstreams: what is kept of them, and who is asking for what (RFC 9111, C-2 to C-18).
//
// A key is a URL; below it lie the variants that Vary tells apart, the newest first. `find` chooses
// the one that a request selects. Memory is bounded by bytes: SIEVE (Zhang et al., NSDI 2024) over
// keys; one that no budget holds is not kept.
//
// A flight is the one request that is under way for a key and selection. Whoever needs its answer
// joins; all are told of the same outcome, on whatever thread lands it. A flight belongs to
// nobody's connection. One that is given up for dead (its leader never lands it) is replaced by the
// next who comes.
//
// Callable from any thread; one short lock per shard of keys, none held during I/O or a callback.

#include "base/bytes.h"
#include "base/guarded.h"
#include "cache/answer.h"
#include "cache/epoch.h"
#include "cache/filling.h"
#include "cache/purge.h"
#include "http/upstream.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace weir::cache {

// What became of a flight, or what has begun to.
struct Landing {
  enum class Kind : std::uint8_t {
    answer,   // it may be served to whom it fits; others ask for themselves
    streams,  // its body is on the way: read `filling`; nothing else will be told
    reissue,  // it was for the leader alone, or for nobody: ask for yourself
    relook,   // more is known of what selects, or what was known is wrong: look again
    failed,   // there is none; `answer` is the old copy where that may be served
  };
  Kind kind = Kind::failed;
  std::shared_ptr<const Answer> answer = {};
  std::shared_ptr<Filling> filling = {};
  http::UpstreamFailure failure = http::UpstreamFailure::none;
  int status = 0;              // of the upstream's answer; with `failed` 5xx, or 0
  bool was_validated = false;  // by a 304
  bool is_stored = false;
};

class Flight;

struct AnswerCacheSettings {
  std::size_t bytes_max = 0;
  std::size_t answer_bytes_max = 0;  // one with a larger body is passed on and not kept
  std::uint64_t seed = 0;            // of the jitter; 0 = random
};

struct AnswerCounters {
  std::uint64_t stored = 0, evicted = 0, validated = 0, collapsed = 0, refreshes = 0, failures = 0,
                invalidated = 0, not_stored = 0;
  std::size_t bytes = 0, keys = 0, answers = 0, flights = 0;
};

class AnswerCache {
 public:
  AnswerCache(AnswerCacheSettings settings, TagEpochs& tags, EpochDomain& domain,
              const Clock& clock);
  ~AnswerCache();
  AnswerCache(const AnswerCache&) = delete;
  AnswerCache& operator=(const AnswerCache&) = delete;

  const AnswerCacheSettings& settings() const { return settings_; }
  const std::shared_ptr<FillingBudget>& filling_budget() const { return filling_budget_; }
  TagEpochs& tags() { return tags_; }

  // What is known for a request.
  struct Found {
    std::shared_ptr<const Answer> answer;  // the variant that it selects; null = none
    Purged purged = Purged::no;
    // This node does not hear what others purge (C-58): a copy of that age counts as stale, or must
    // be validated first.
    enum class Lag : std::uint8_t { none, stale, strict } lag = Lag::none;
    bool has_variants = false;    // others are there
    bool is_uncacheable = false;  // the last answer was not for keeping: nobody waits for another's
    unsigned failures = 0;        // of questions since the last answer
    Mono next_try;                // no question before, when there is an old copy to serve
    Mono marked_until;            // C-2: until then a failure answers the burst where there is none
    http::UpstreamFailure failure = http::UpstreamFailure::none;  // the last one
    int failure_status = 0;
    std::string selection;   // the request's values of the fields that select
    std::uint64_t seen = 0;  // the news of its keys that this takes in: for `join`
  };
  Found find(std::string_view key, const http::Request& request, Mono now);
  // The fields that select at this key, as far as any answer has told.
  VaryNames names_at(std::string_view key) const;

  void learn_names(std::string_view key, const VaryNames& names);

  // Takes the place of the variant with the same selection. False: too large, or an invalidation
  // came since it was asked for (`asked`), or what is there was asked for behind a later purge.
  bool put(std::shared_ptr<const Answer> answer, std::uint64_t asked);
  // The same answer in more codings, where `old` is still the one that is kept.
  void replace(const std::shared_ptr<const Answer>& old, std::shared_ptr<const Answer> more);
  // Drops about half of what is there, the least wanted first: the process is short of memory.
  void shed();
  // Stamp to give to `put`: before the question goes out.
  std::uint64_t stamp() const { return invalidations_.load(std::memory_order_seq_cst); }
  // The key and all its variants are not right any more (RFC 9111 4.4). True: there were some.
  bool invalidate(std::string_view key);
  // Within limits::invalidation_spread_time: other nodes may not have heard of it.
  bool was_invalidated_lately(std::string_view key) const;
  bool was_invalidated_since(std::string_view key, Mono received) const;
  void mark_uncacheable(std::string_view key, Mono until);
  void note_failure(std::string_view key, std::string_view selection, Mono now,
                    http::UpstreamFailure failure, int status);

  // Joins the flight of that name, or begins it: then the caller is the leader, must ask, and must
  // land it. `ready` is called exactly once, on any thread, unless the caller leaves before. None is
  // begun where the key has had news since the caller looked (`seen`, of Found): another flight has
  // landed in between, and the caller is told to look again.
  struct Joined {
    std::shared_ptr<Flight> flight;
    std::uint64_t ticket = 0;
    bool is_leader = false;
  };
  using Ready = std::function<void(const Landing&)>;
  static constexpr std::uint64_t whatever_came = UINT64_MAX;  // `seen` of who did not look
  Joined join(std::string_view key, std::string_view selection, std::uint64_t seen, Ready ready,
              Mono now);
  // A flight that nobody waits for: null when one is under way, or has landed since the caller
  // looked.
  std::shared_ptr<Flight> begin_refresh(std::string_view key, std::string_view selection,
                                        std::uint64_t seen, Mono now);
  // For a purge that has its answers made anew: a flight that began when purge `since` was known
  // (TagEpochs::seq). One from before is forsaken, since what it brings was asked for too early.
  // `ready` hears of the landing, not of a body on its way, and cannot leave. Without a flight: an
  // answer since then is there, and `ready` has it.
  Joined join_since(std::string_view key, std::string_view selection, std::uint64_t since,
                    const Ready& ready, Mono now);
  static void leave(const Flight& flight, std::uint64_t ticket);
  // Everybody hears of it, and who comes from now on does not join.
  void land(const std::shared_ptr<Flight>& flight, const Landing& landing);
  // Who comes from now on does not join it: what it brings is not for them.
  void forsake(const Flight& flight);
  // The body is on its way: who waits and who comes until `land` reads it.
  void announce(const std::shared_ptr<Flight>& flight, const std::shared_ptr<Filling>& filling,
                int status);

  // No-Vary-Search: what the last answer below `base` (a key without its query) said of queries.
  void learn_query_rule(std::string_view base, std::optional<NoVarySearch> rule);
  // The key of a query, by that rule.
  std::string key_of(std::string_view base, std::string_view query) const;

  // Answers older than `age_max` may have been purged elsewhere; nullopt = all purges are heard.
  void set_lag(std::optional<Nanos> age_max, bool is_strict);
  Purged purged(const Answer& answer);
  Purged purged(const AnswerFacts& facts);  // of one that is on its way
  // Answers that a purge names, for mode refresh; at most `most`, those used lately first.
  std::vector<std::shared_ptr<const Answer>> matching(const PurgeRequest& request,
                                                      std::size_t most) const;
  // All variants at a key, newest first: for reports.
  std::vector<std::shared_ptr<const Answer>> variants(std::string_view key) const;
  AnswerCounters counters() const;
  void count_validated() { validated_.fetch_add(1, std::memory_order_relaxed); }

 private:
  struct Failure {
    unsigned count = 0;
    Mono next_try, marked_until;
    http::UpstreamFailure failure = http::UpstreamFailure::none;
    int status = 0;
  };
  struct Variant {
    std::shared_ptr<const Answer> answer;
    Failure failure;
  };
  // All that is known of a key.
  struct Resource {
    std::string key;
    std::vector<Variant> variants;  // newest first
    Failure failure;                // where there is no variant
    VaryNames names;                // the union of what answers said
    Mono uncacheable_until;
    std::uint64_t invalidated = 0;
    std::optional<Mono> invalidated_at;
    std::uint64_t news = 0;  // of the shard, when the last answer, failure or mark came
    std::size_t bytes = 0;
    bool is_visited = false;
    std::list<Resource*>::iterator place;
  };
  struct Shard {
    mutable std::mutex mutex;
    std::unordered_map<std::string, std::unique_ptr<Resource>, StringHash, std::equal_to<>> table;
    std::list<Resource*> order;  // newest in front
    std::list<Resource*>::iterator hand = order.end();
    std::unordered_map<std::string, std::shared_ptr<Flight>, StringHash, std::equal_to<>> flights;
    std::uint64_t news = 0;  // counts what has come to any of its keys
  };
  static constexpr std::size_t shard_count = 16;
  Shard& shard_of(std::string_view key);
  const Shard& shard_of(std::string_view key) const;
  Resource& resource_at(Shard& shard, std::string_view key);
  static void add_names(Resource& resource, const VaryNames& names);
  void account(Resource& resource);
  void drop(Shard& shard, Resource& resource);
  bool evict_one(Shard& shard, const Resource* spared);
  void make_room(Shard& shard, const Resource* spared);
  // Null: there is none, and what it would bring has come since `seen`.
  std::shared_ptr<Flight> flight_in(Shard& shard, std::string_view key, std::string_view selection,
                                    std::uint64_t seen, Mono now, bool& is_new);

  const AnswerCacheSettings settings_;
  const std::shared_ptr<FillingBudget> filling_budget_ = std::make_shared<FillingBudget>();
  TagEpochs& tags_;
  EpochDomain& domain_;
  const Clock& clock_;
  std::array<Shard, shard_count> shards_;
  std::atomic<bool> has_query_rules_{false};
  std::atomic<std::int64_t> lag_age_max_{0};  // nanoseconds; 0 = no lag
  std::atomic<bool> lag_is_strict_{false};
  Guarded<std::unordered_map<std::string, NoVarySearch, StringHash, std::equal_to<>>> query_rules_;
  std::atomic<std::size_t> bytes_{0};
  std::atomic<std::uint64_t> invalidations_{1};
  std::atomic<std::uint64_t> stored_{0}, evicted_{0}, validated_{0}, collapsed_{0}, refreshes_{0},
      failures_{0}, invalidated_{0}, not_stored_{0}, random_;
};

}  // namespace weir::cache
