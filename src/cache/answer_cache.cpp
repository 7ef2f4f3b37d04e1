#include "cache/answer_cache.h"

#include "base/bytes.h"
#include "base/crypto.h"
#include "base/limits.h"
#include "base/limits_invalidation.h"
#include "cache/backoff.h"

#include <algorithm>

namespace weir::cache {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t variants_max = 64;  // C-39
constexpr Nanos failure_mark = 1s;        // C-2
constexpr std::size_t query_rules_max = 4'096;
constexpr std::size_t resource_bytes = 512;  // of a key without answers: the marks

}  // namespace

// --- keys ----------------------------------------------------------------------------------------

AnswerCache::AnswerCache(AnswerCacheSettings settings, TagEpochs& tags, EpochDomain& domain,
                         const Clock& clock)
    : settings_(settings), tags_(tags), domain_(domain), clock_(clock) {
  filling_budget_->bytes_max = settings.bytes_max / 2;
  std::uint64_t seed = settings.seed;
  if (seed == 0) {
    const std::string bytes = random_bytes(8);
    for (const char c : bytes) seed = seed << 8U | static_cast<unsigned char>(c);
  }
  random_.store(seed | 1);
}
AnswerCache::~AnswerCache() = default;

AnswerCache::Shard& AnswerCache::shard_of(std::string_view key) {
  return shards_[std::hash<std::string_view>{}(key) % shard_count];
}
const AnswerCache::Shard& AnswerCache::shard_of(std::string_view key) const {
  return shards_[std::hash<std::string_view>{}(key) % shard_count];
}

namespace {

// What Accept-Language asks for most: only an answer in such a language is as good as the server's
// own choice (C-40).
bool is_best_language(const Answer& answer, const http::Request& request) {
  const http::Field* const said = request.find("accept-language");
  if (said == nullptr || answer.content_language.empty() ||
      answer.content_language.find(',') != std::string::npos)
    return false;
  int best = 0;
  std::string_view list = said->value;
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(','), list.size());
    const std::string_view member = trim(list.substr(0, end));
    const std::string_view language = trim(member.substr(0, member.find(';')));
    if (!language.empty()) best = std::max(best, language_weight(said->value, language));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return best > 0 && language_weight(said->value, answer.content_language) == best;
}

bool selects(const Answer& answer, const http::Request& request, VaryNames& names,
             std::string& selection) {
  if (names != answer.vary || selection.empty()) {
    names = answer.vary;
    selection = selection_of(names, request.fields);
  }
  if (selection == answer.selection) return true;
  if (!std::ranges::binary_search(names, std::string_view("accept-language")) ||
      !is_best_language(answer, request))
    return false;
  const auto without_language = [](const std::string& text) {
    const std::size_t at =
        text.starts_with("accept-language=") ? 0 : text.find("\naccept-language=");
    if (at == std::string::npos) return text;
    std::string rest = text.substr(0, at);
    return rest.append(text.substr(std::min(text.find('\n', at + 1), text.size())));
  };
  return without_language(selection) == without_language(answer.selection);
}

}  // namespace

AnswerCache::Found AnswerCache::find(std::string_view key, const http::Request& request, Mono now) {
  Found found;
  Shard& shard = shard_of(key);
  {
    const std::lock_guard lock(shard.mutex);
    found.seen = shard.news;
    const auto at = shard.table.find(key);
    if (at == shard.table.end()) return found;
    Resource& resource = *at->second;
    resource.is_visited = true;
    found.has_variants = !resource.variants.empty();
    found.is_uncacheable = now < resource.uncacheable_until;
    const Failure* failure = &resource.failure;
    VaryNames names;
    std::string selection;
    for (const Variant& variant : resource.variants) {
      if (!selects(*variant.answer, request, names, selection)) continue;
      found.answer = variant.answer;
      failure = &variant.failure;
      break;
    }
    found.failures = failure->count;
    found.next_try = failure->next_try;
    found.marked_until = failure->marked_until;
    found.failure = failure->failure;
    found.failure_status = failure->status;
    found.selection = found.answer != nullptr ? found.answer->selection
                                              : selection_of(resource.names, request.fields);
  }
  if (found.answer == nullptr) return found;
  found.purged = purged(*found.answer);
  const std::int64_t lag = lag_age_max_.load(std::memory_order_relaxed);
  if (lag != 0 && (now - found.answer->received).count() > lag)
    found.lag =
        lag_is_strict_.load(std::memory_order_relaxed) ? Found::Lag::strict : Found::Lag::stale;
  return found;
}

VaryNames AnswerCache::names_at(std::string_view key) const {
  const Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  const auto at = shard.table.find(key);
  return at == shard.table.end() ? VaryNames() : at->second->names;
}

void AnswerCache::set_lag(std::optional<Nanos> age_max, bool is_strict) {
  lag_is_strict_.store(is_strict, std::memory_order_relaxed);
  lag_age_max_.store(age_max ? std::max<std::int64_t>(age_max->count(), 1) : 0,
                     std::memory_order_relaxed);
}

void AnswerCache::learn_names(std::string_view key, const VaryNames& names) {
  Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  Resource& resource = resource_at(shard, key);
  add_names(resource, names);
  resource.news = ++shard.news;
  make_room(shard, &resource);
}

void AnswerCache::add_names(Resource& resource, const VaryNames& names) {
  for (const std::string& name : names)
    if (!std::ranges::binary_search(resource.names, name))
      resource.names.insert(std::ranges::upper_bound(resource.names, name), name);
}

void AnswerCache::learn_query_rule(std::string_view base, std::optional<NoVarySearch> rule) {
  if (!rule && !has_query_rules_.load(std::memory_order_acquire)) return;
  query_rules_.with([&](auto& rules) {
    if (!rule) {
      if (const auto found = rules.find(base); found != rules.end()) rules.erase(found);
      return;
    }
    if (rules.size() >= query_rules_max && !rules.contains(base)) return;  // then queries select
    rules.insert_or_assign(std::string(base), std::move(*rule));
    has_query_rules_.store(true, std::memory_order_release);
  });
}

std::string AnswerCache::key_of(std::string_view base, std::string_view query) const {
  std::string key(base);
  if (query.empty()) return key;
  std::string selecting(query);
  if (has_query_rules_.load(std::memory_order_acquire))
    query_rules_.with([&](const auto& rules) {
      if (const auto found = rules.find(base); found != rules.end())
        selecting = selecting_query(query, found->second);
    });
  return selecting.empty() ? key : key.append("?").append(selecting);
}

std::vector<std::shared_ptr<const Answer>> AnswerCache::variants(std::string_view key) const {
  std::vector<std::shared_ptr<const Answer>> all;
  const Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  const auto at = shard.table.find(key);
  if (at == shard.table.end()) return all;
  for (const Variant& variant : at->second->variants) all.push_back(variant.answer);
  return all;
}

Purged AnswerCache::purged(const Answer& answer) {
  const std::uint64_t seq = tags_.seq();
  if (answer.checked.load(std::memory_order_acquire) == seq) return Purged::no;
  BorrowedSlot slot(domain_);
  const EpochGuard guard(domain_, slot.slot());
  const Purged verdict = tags_.check(answer.epochs, answer.fill_seq);
  if (verdict == Purged::no) answer.checked.store(seq, std::memory_order_release);
  return verdict;
}

Purged AnswerCache::purged(const AnswerFacts& facts) {
  if (tags_.seq() == facts.fill_seq) return Purged::no;
  const PageTags epochs = tags_.intern(facts.path, facts.tags);
  BorrowedSlot slot(domain_);
  const EpochGuard guard(domain_, slot.slot());
  return tags_.check(epochs, facts.fill_seq);
}

AnswerCache::Resource& AnswerCache::resource_at(Shard& shard, std::string_view key) {
  const auto found = shard.table.find(key);
  if (found != shard.table.end()) return *found->second;
  auto made = std::make_unique<Resource>();
  Resource& resource = *made;
  resource.key = key;
  shard.order.push_front(&resource);
  resource.place = shard.order.begin();
  shard.table.emplace(std::string(key), std::move(made));
  account(resource);
  return resource;
}

void AnswerCache::account(Resource& resource) {
  std::size_t bytes = resource_bytes + 2 * resource.key.size();
  for (const Variant& variant : resource.variants) bytes += variant.answer->bytes;
  bytes_.fetch_add(bytes - resource.bytes, std::memory_order_relaxed);
  resource.bytes = bytes;
}

void AnswerCache::drop(Shard& shard, Resource& resource) {
  bytes_.fetch_sub(resource.bytes, std::memory_order_relaxed);
  if (shard.hand == resource.place) ++shard.hand;
  shard.order.erase(resource.place);
  shard.table.erase(shard.table.find(resource.key));
}

// SIEVE: the hand walks from the oldest to the newest.
bool AnswerCache::evict_one(Shard& shard, const Resource* spared) {
  if (shard.order.empty() || (shard.order.size() == 1 && shard.order.front() == spared))
    return false;
  for (std::size_t steps = 0; steps <= 2 * shard.order.size(); ++steps) {
    if (shard.hand == shard.order.end()) shard.hand = std::prev(shard.order.end());
    Resource& at = **shard.hand;
    const bool is_first = shard.hand == shard.order.begin();
    const auto newer = is_first ? shard.order.end() : std::prev(shard.hand);
    if (!at.is_visited && &at != spared) {
      shard.hand = newer;
      drop(shard, at);
      evicted_.fetch_add(1, std::memory_order_relaxed);
      return true;
    }
    at.is_visited = false;
    shard.hand = newer;
  }
  return false;
}

// The caller holds the shard's lock. Other shards give when this one has nothing left, as far as
// nobody is in them.
void AnswerCache::make_room(Shard& shard, const Resource* spared) {
  const auto is_over = [this] {
    return bytes_.load(std::memory_order_relaxed) > settings_.bytes_max;
  };
  while (is_over() && evict_one(shard, spared)) {
  }
  for (Shard& other : shards_) {
    if (!is_over()) return;
    if (&other == &shard || !other.mutex.try_lock()) continue;
    while (is_over() && evict_one(other, nullptr)) {
    }
    other.mutex.unlock();
  }
}

bool AnswerCache::put(std::shared_ptr<const Answer> answer, std::uint64_t asked) {
  if (answer->bytes > settings_.answer_bytes_max * 2 || answer->bytes > settings_.bytes_max / 2) {
    not_stored_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  Shard& shard = shard_of(answer->key);
  const std::lock_guard lock(shard.mutex);
  Resource& resource = resource_at(shard, answer->key);
  if (resource.invalidated >= asked) return false;
  const auto is_same = [&](const Variant& variant) {
    return variant.answer->vary == answer->vary && variant.answer->selection == answer->selection;
  };
  // A flight that was forsaken lands behind the one that took its place.
  const bool is_behind = std::ranges::any_of(resource.variants, [&](const Variant& variant) {
    return is_same(variant) && variant.answer->fill_seq > answer->fill_seq;
  });
  if (is_behind) return false;
  std::erase_if(resource.variants, is_same);
  add_names(resource, answer->vary);
  resource.news = ++shard.news;
  resource.uncacheable_until = {};
  resource.failure = {};
  resource.variants.insert(resource.variants.begin(), Variant{std::move(answer), {}});
  if (resource.variants.size() > variants_max) resource.variants.pop_back();
  account(resource);
  stored_.fetch_add(1, std::memory_order_relaxed);
  make_room(shard, &resource);
  return true;
}

void AnswerCache::replace(const std::shared_ptr<const Answer>& old,
                          std::shared_ptr<const Answer> more) {
  Shard& shard = shard_of(old->key);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.table.find(old->key);
  if (found == shard.table.end()) return;
  Resource& resource = *found->second;
  for (Variant& variant : resource.variants)
    if (variant.answer == old) variant.answer = std::move(more);
  account(resource);
  make_room(shard, &resource);
}

void AnswerCache::shed() {
  const std::size_t wanted = bytes_.load(std::memory_order_relaxed) / 2;
  for (bool gives = true; gives;) {  // one from each shard in turn, so that none is emptied first
    gives = false;
    for (Shard& shard : shards_) {
      if (bytes_.load(std::memory_order_relaxed) <= wanted) return;
      const std::lock_guard lock(shard.mutex);
      gives |= evict_one(shard, nullptr);
    }
  }
}

bool AnswerCache::invalidate(std::string_view key) {
  const std::uint64_t number = invalidations_.fetch_add(1, std::memory_order_seq_cst);
  Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  // What is under way for it was asked before; it may go out to those who wait, but is not kept.
  const auto begins = [key](const std::string& name) {
    return name.size() > key.size() && name[key.size()] == '\n' && name.starts_with(key);
  };
  bool is_under_way = false;
  for (auto at = shard.flights.begin(); at != shard.flights.end();) {
    const bool is_ours = begins(at->first);
    is_under_way |= is_ours;
    if (is_ours) at = shard.flights.erase(at);  // who comes now does not join it
    else ++at;
  }
  // Also of a key of which nothing is known: somebody may be asking for it without a flight, and
  // other nodes may have it.
  Resource& resource = resource_at(shard, key);
  const bool was_known = is_under_way || !resource.variants.empty();
  resource.variants.clear();
  resource.invalidated = std::max(resource.invalidated, number);
  resource.invalidated_at = clock_.mono();
  account(resource);
  if (was_known) invalidated_.fetch_add(1, std::memory_order_relaxed);
  make_room(shard, &resource);
  return was_known;
}

bool AnswerCache::was_invalidated_lately(std::string_view key) const {
  const Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.table.find(key);
  if (found == shard.table.end() || !found->second->invalidated_at) return false;
  return clock_.mono() - *found->second->invalidated_at < limits::invalidation_spread_time;
}

bool AnswerCache::was_invalidated_since(std::string_view key, Mono received) const {
  const Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.table.find(key);
  return found != shard.table.end() && found->second->invalidated_at &&
         *found->second->invalidated_at >= received;
}

void AnswerCache::mark_uncacheable(std::string_view key, Mono until) {
  Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  Resource& resource = resource_at(shard, key);
  resource.uncacheable_until = until;
  resource.news = ++shard.news;
  make_room(shard, &resource);
}

void AnswerCache::note_failure(std::string_view key, std::string_view selection, Mono now,
                               http::UpstreamFailure failure, int status) {
  failures_.fetch_add(1, std::memory_order_relaxed);
  // splitmix64: any number will do for a jitter.
  std::uint64_t bits = random_.fetch_add(0x9e3779b97f4a7c15U, std::memory_order_relaxed);
  bits = (bits ^ bits >> 30U) * 0xbf58476d1ce4e5b9U;
  bits ^= bits >> 27U;
  const double unit = static_cast<double>(bits >> 11U) / static_cast<double>(1ULL << 53U);
  Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  Resource& resource = resource_at(shard, key);
  Failure* mark = &resource.failure;
  for (Variant& variant : resource.variants)
    if (variant.answer->selection == selection) mark = &variant.failure;
  resource.news = ++shard.news;
  ++mark->count;
  mark->next_try = now + backoff_of(mark->count, unit);
  mark->marked_until = now + failure_mark;
  mark->failure = failure;
  mark->status = status;
  make_room(shard, &resource);
}

std::vector<std::shared_ptr<const Answer>> AnswerCache::matching(const PurgeRequest& request,
                                                                 std::size_t most) const {
  std::vector<std::shared_ptr<const Answer>> found;
  const auto is_meant = [&request](const Answer& answer) {
    if (request.all) return true;
    const auto has = [](const std::vector<std::string>& list, const std::string& one) {
      return std::ranges::find(list, one) != list.end();
    };
    const bool is_of_host = std::ranges::any_of(request.hosts, [&](const std::string& host) {
      return has(answer.tags, tag_of_host(host));
    });
    return is_of_host || has(request.paths, answer.path) ||
           std::ranges::any_of(request.prefixes,
                               [&](const std::string& p) { return answer.path.starts_with(p); }) ||
           std::ranges::any_of(answer.tags,
                               [&](const std::string& tag) { return has(request.tags, tag); });
  };
  for (const bool visited : {true, false})
    for (const Shard& shard : shards_) {
      const std::lock_guard lock(shard.mutex);
      for (const Resource* resource : shard.order) {
        if (resource->is_visited != visited) continue;
        for (const Variant& variant : resource->variants) {
          if (found.size() >= most) return found;
          if (is_meant(*variant.answer)) found.push_back(variant.answer);
        }
      }
    }
  return found;
}

AnswerCounters AnswerCache::counters() const {
  AnswerCounters out;
  out.stored = stored_.load();
  out.evicted = evicted_.load();
  out.validated = validated_.load();
  out.collapsed = collapsed_.load();
  out.refreshes = refreshes_.load();
  out.failures = failures_.load();
  out.invalidated = invalidated_.load();
  out.not_stored = not_stored_.load();
  out.bytes = bytes_.load();
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    out.keys += shard.table.size();
    out.flights += shard.flights.size();
    for (const Resource* resource : shard.order) out.answers += resource->variants.size();
  }
  return out;
}

}  // namespace weir::cache
