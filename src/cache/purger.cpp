// How a purge is applied: numbered and raised in one step (so that no page is checked at a number
// whose epochs are not raised yet), made durable, and for mode refresh followed by the renders.

#include "cache/page_cache_shared.h"

#include <algorithm>
#include <set>
#include <unordered_set>

namespace weir::cache {
namespace {

// All pages of one `wait = fresh`; the last one answers.
struct FreshWait {
  std::mutex mutex;
  std::size_t left = 0;
  PurgeAnswer answer;
  std::function<void(const Result<PurgeAnswer>&)> ready;

  void arrived(const Fetched& fetched) {
    arrived(!fetched.error && fetched.lookup.kind == Lookup::Kind::page &&
            fetched.lookup.detail != Detail::sie);
  }
  void arrived(bool is_live) {
    {
      const std::lock_guard lock(mutex);
      ++(is_live ? answer.refreshed : answer.failed);
      if (--left != 0) return;
    }
    ready(answer);
  }
};

// The entries of a release whose paths begin with a prefix lie side by side.
std::pair<std::size_t, std::size_t> range_of(const store::Release& release,
                                             std::string_view prefix) {
  const auto first_where = [&release](auto is_behind) {
    std::size_t low = 0;
    std::size_t high = release.count();
    while (low < high) {
      const std::size_t middle = low + (high - low) / 2;
      if (is_behind(release.at(middle).path())) high = middle;
      else low = middle + 1;
    }
    return low;
  };
  return {first_where([prefix](std::string_view path) { return path >= prefix; }),
          first_where([prefix](std::string_view path) {
            return path > prefix && !path.starts_with(prefix);
          })};
}

}  // namespace

// In one step of the order of purges. Memory treats one that the disk refused as done: more is
// refreshed, nothing stays wrong.
Result<store::PurgeReceipt> PageCache::Shared::record_and_raise(const store::PurgeRecord& record,
                                                                const PurgeRequest* request,
                                                                std::uint64_t& raised_at) {
  const std::lock_guard order(purge_order);
  Result<store::PurgeReceipt> receipt = store.purge(record, store::Store::Durable::soon);
  raised_at = receipt ? receipt->seq : store.next_generation();
  if (!receipt || !receipt->repeated) tags.raise(record, raised_at);
  const bool is_told = request != nullptr && receipt && !receipt->repeated && on_record;
  if (is_told) on_record(*request, raised_at);
  return receipt;
}

void PageCache::Shared::purge(const PurgeRequest& request,
                              const std::function<void(const Result<PurgeAnswer>&)>& ready) {
  if (Status checked = check_purge(request); !checked) return ready(std::move(checked).error());
  const store::PurgeRecord record = record_of(request, settings.hosts);
  PurgeAnswer answer;
  std::optional<Error> failed;
  const Result<store::PurgeReceipt> receipt = record_and_raise(record, &request, answer.seq);
  if (receipt) answer.repeated = receipt->repeated;
  else failed = receipt.error();
  counts.purges.fetch_add(1, std::memory_order_relaxed);
  // The pages are stale from here on; what remains is that nobody may take that back.
  if (!failed && request.wait != Wait::none) {
    if (Status synced = store.sync(); !synced) failed = std::move(synced).error();
    else answer.durable = true;
  }
  if (on_purge && !failed && !answer.repeated) on_purge();
  answer.matched_estimate = estimate(request);
  const bool refreshes = request.mode == Mode::refresh && !answer.repeated;
  if (failed || request.wait != Wait::fresh || !refreshes) {
    // Answered first: finding what to render looks at every entry, and nobody waits for that.
    if (failed) ready(std::move(*failed));
    else ready(answer);
    if (!refreshes) return;
    for (const std::string& key : matching(request))
      if (const Status joined = join(key, std::nullopt, Purpose::render, {answer.seq}); !joined)
        counts.refresh_overflow.fetch_add(1, std::memory_order_relaxed);
    for (const Refresher& refresh_it : refreshers_of(request)) refresh_it([](bool) {});
    return;
  }
  const std::vector<std::string> keys = matching(request);
  const std::vector<Refresher> elsewhere = refreshers_of(request);
  if (keys.empty() && elsewhere.empty()) return ready(answer);
  auto wait = std::make_shared<FreshWait>();
  wait->left = keys.size() + elsewhere.size();
  wait->answer = answer;
  wait->ready = ready;
  const Mono now = clock.mono();
  for (const std::string& key : keys) {
    Waiter waiter{[wait](const Fetched& fetched) { wait->arrived(fetched); }, now,
                  now + limits::fresh_wait_max, false};
    if (Status joined = join(key, std::move(waiter), Purpose::render, {answer.seq}); !joined) {
      counts.refresh_overflow.fetch_add(1, std::memory_order_relaxed);
      Fetched refused;
      refused.error = std::move(joined).error();
      wait->arrived(refused);
    }
  }
  for (const Refresher& refresh_it : elsewhere)
    refresh_it([wait](bool is_live) { wait->arrived(is_live); });
}

// What was made for a node that heard of the purge first will do, and so will a render that began
// behind it.
void PageCache::Shared::refresh_what_is_named(const PurgeRequest& request) {
  const Needs needs{.since = tags.seq(), .or_fresh = true};
  for (const std::string& key : matching(request)) refresh(key, needs);
  for (const Refresher& refresh_it : refreshers_of(request)) refresh_it([](bool) {});
}

std::vector<PageCache::Refresher> PageCache::Shared::refreshers_of(
    const PurgeRequest& request) const {
  const auto find = others.with([](const Others& held) { return held; });
  return find == nullptr ? std::vector<Refresher>() : find(request);
}

// Keys that a render can make again, those in memory that visitors looked at first, at most
// refresh_queue_max.
std::vector<std::string> PageCache::Shared::matching(const PurgeRequest& request) const {
  const store::ActiveRelease now = store.active();
  if (now.release == nullptr) return {};
  const store::Release& release = *now.release;
  std::set<std::size_t> found;
  std::vector<std::uint32_t> tag_numbers;
  for (const std::string& tag : request.tags)
    if (const auto number = release.find_tag(tag)) tag_numbers.push_back(*number);
  const bool is_all = request.all || names_site(request, settings.hosts);
  if (is_all || !tag_numbers.empty()) {
    for (std::size_t i = 0; i < release.count(); ++i) {
      const store::ReleaseEntry entry = release.at(i);
      if (is_all || std::ranges::any_of(tag_numbers, [&entry](std::uint32_t number) {
            return entry.has_tag(number);
          }))
        found.insert(i);
    }
  }
  for (const std::string& prefix : request.prefixes) {
    const auto [first, end] = range_of(release, prefix);
    for (std::size_t i = first; i < end; ++i) found.insert(i);
  }
  std::unordered_set<std::string> keys;
  for (const std::size_t i : found)
    if (release.at(i).renderable() == store::Renderable::yes) keys.emplace(release.at(i).path());
  for (const std::string& path : request.paths) {
    const auto entry = release.find(std::string_view(path).substr(0, path.find('?')));
    if (entry && entry->renderable() == store::Renderable::yes) keys.emplace(entry->path());
    if (!entry && origin.rules_of(path) != nullptr) keys.insert(path);
  }
  // A page rendered since may carry tags that the build did not know.
  const std::set<std::string, std::less<>> tags_asked(request.tags.begin(), request.tags.end());
  if (!tags_asked.empty())
    store.for_each_fill([&](const store::Fill& fill) {
      if (std::ranges::any_of(fill.tags, [&tags_asked](const std::string& tag) {
            return tags_asked.contains(tag);
          }))
        if (knows(fill.key)) keys.insert(fill.key);
    });

  // So does one that no file is, and that may be in memory alone.
  const auto is_asked = [&](const Page& page) {
    const std::string_view path = std::string_view(page.key).substr(0, page.key.find('?'));
    return is_all || std::ranges::find(request.paths, path) != request.paths.end() ||
           std::ranges::any_of(
               request.prefixes,
               [path](const std::string& prefix) { return path.starts_with(prefix); }) ||
           std::ranges::any_of(page.tags, [&tags_asked](const std::string& tag) {
             return tags_asked.contains(tag);
           });
  };
  const std::vector<std::shared_ptr<const Page>> in_memory = shelf.pages();
  for (const auto& page : in_memory)
    if (page->rules != nullptr && !page->gone && is_asked(*page)) keys.insert(page->key);

  std::vector<std::string> hot;
  for (const auto& page : in_memory)
    if (keys.erase(page->key) > 0) hot.push_back(page->key);
  hot.insert(hot.end(), keys.begin(), keys.end());
  if (hot.size() > limits::refresh_queue_max) hot.resize(limits::refresh_queue_max);
  return hot;
}

// From what the build knew: no page is looked at.
std::size_t PageCache::Shared::estimate(const PurgeRequest& request) const {
  const store::ActiveRelease now = store.active();
  if (now.release == nullptr) return 0;
  const store::Release& release = *now.release;
  if (request.all || names_site(request, settings.hosts)) return release.count();
  std::size_t count = 0;
  for (const std::string& tag : request.tags)
    if (const auto number = release.find_tag(tag)) count += release.entries_of_tag(*number);
  for (const std::string& path : request.paths)
    count += release.find(std::string_view(path).substr(0, path.find('?'))) ? 1 : 0;
  for (const std::string& prefix : request.prefixes) {
    const auto [first, end] = range_of(release, prefix);
    count += end - first;
  }
  return std::min(count, release.count());
}

}  // namespace weir::cache
