#pragma once
// What the tests of the cache share: workers that run when told, an origin that says what it is
// told to, and a cache over a real store with one release.

#include "cache/page_cache.h"
#include "http/prepared.h"
#include "store/fixture.h"

#include <algorithm>
#include <deque>
#include <map>
#include <mutex>

namespace weir::test {

// Runs nothing by itself.
class StepTasks final : public cache::Tasks {
 public:
  std::size_t queue_max = 1'000'000;
  Status offer(std::function<void()> work) override {
    if (queue_.size() >= queue_max) return Error{Errc::full, "the test's queue is full"};
    queue_.push_back(std::move(work));
    return done;
  }
  bool step() {
    if (queue_.empty()) return false;
    const auto work = std::move(queue_.front());
    queue_.pop_front();
    work();
    return true;
  }
  void run() {
    while (step()) {
    }
  }
  void postpone() {  // the next one: behind all others
    std::rotate(queue_.begin(), queue_.begin() + 1, queue_.end());
  }
  std::size_t size() const { return queue_.size(); }

 private:
  std::deque<std::function<void()>> queue_;
};

// Answers what `next` of the path says; by default "render N of PATH". Notices two renders of one
// key at once.
class FakeOrigin final : public cache::Origin {
 public:
  std::function<Result<cache::Rendered>(const cache::RenderRequest&, int number)> answer;
  store::Policy policy{.ttl = std::chrono::seconds(60),
                       .swr = std::chrono::minutes(10),
                       .sie = std::chrono::hours(1)};
  std::vector<std::string> tags{"all"};
  std::shared_ptr<const cache::KeyRules> rules;  // set: every key may be made
  std::atomic<int> renders{0};
  std::atomic<int> collisions{0};

  std::shared_ptr<const cache::KeyRules> rules_of(std::string_view) const override { return rules; }
  Result<cache::Rendered> render(const cache::RenderRequest& request) override {
    const int number = ++renders;
    {
      const std::lock_guard lock(mutex_);
      if (flying_[std::string(request.path)]++ > 0) ++collisions;
    }
    Result<cache::Rendered> result =
        answer ? answer(request, number)
               : ok("render " + std::to_string(number) + " of " + std::string(request.path));
    const std::lock_guard lock(mutex_);
    --flying_[std::string(request.path)];
    return result;
  }
  cache::Rendered ok(std::string body) const {
    cache::Rendered rendered;
    rendered.content_type = "text/html";
    rendered.body = std::move(body);
    rendered.policy = policy;
    rendered.tags = tags;
    return rendered;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, int> flying_;
};

struct CacheBench {
  StoreBench disk;
  FakeOrigin origin;
  StepTasks loads, renders, idle;
  std::atomic<bool> is_busy{false};
  cache::CacheSettings settings{.refresh_ahead_percent = 0, .seed = 1};
  std::unique_ptr<store::Store> store;
  std::unique_ptr<cache::PageCache> cache;
  std::unique_ptr<cache::PageCache::Reader> reader;

  ~CacheBench() { close(); }
  ManualClock& clock() { return disk.clock; }

  // A page that is refreshed: ttl 60 s, swr 10 min, sie 1 h.
  store::NewEntry isr(std::string path, std::string body,
                      std::vector<std::string> tags = {"all"}) const {
    store::NewEntry entry = page(std::move(path), std::move(body), std::move(tags));
    entry.policy = origin.policy;
    return entry;
  }
  store::ReleaseId build(const std::vector<store::NewEntry>& entries) {
    const auto writer = disk.writer();
    for (const store::NewEntry& entry : entries) need(writer->add(entry));
    return need(writer->finish());
  }
  void open(const std::vector<store::NewEntry>& entries) {
    store = disk.open();
    need(store->adopt_release(build(entries)));
    start();
  }
  void start() {
    if (store == nullptr) store = disk.open();
    cache = std::make_unique<cache::PageCache>(
        settings, cache::PageCache::Parts{*store, origin, loads, renders, disk.clock, disk.log,
                                          &idle, [this] { return is_busy.load(); }});
    reader = cache->make_reader();
  }
  void close() {
    reader.reset();
    cache.reset();
    loads.run();
    renders.run();
    idle.run();
    store.reset();
  }
  void restart() {
    close();
    start();
  }
  void work() {
    while (loads.step() || renders.step()) {
    }
  }
  cache::Lookup find(std::string_view key) {
    using Unheld = cache::PageCache::Unheld;
    return cache->find(*reader, key, disk.clock.mono(),
                       origin.rules != nullptr ? Unheld::made : Unheld::absent);
  }

  // As a visitor sees it: what there is, or what comes when the workers have worked.
  cache::Fetched get(std::string_view key) {
    cache::Fetched out;
    out.lookup = find(key);
    if (out.lookup.kind != cache::Lookup::Kind::wait) return out;
    bool is_called = false;
    need(cache->fetch(key, [&](const cache::Fetched& fetched) {
      out = fetched;
      is_called = true;
    }));
    work();
    REQUIRE(is_called);
    return out;
  }
  static std::string body(const cache::Lookup& lookup) {
    if (lookup.page == nullptr)
      return lookup.kind == cache::Lookup::Kind::absent ? "(absent)" : "(wait)";
    if (lookup.page->gone) return "(gone)";
    return *lookup.page->find(store::Codec::identity)->body;
  }
  std::string see(std::string_view key) {
    const cache::Fetched fetched = get(key);
    return fetched.error ? "(" + fetched.error->what + ")" : body(fetched.lookup);
  }
  cache::PurgeAnswer purge(cache::PurgeRequest request) {
    std::optional<cache::PurgeAnswer> out;
    cache->purge(request, [&out](const Result<cache::PurgeAnswer>& answer) { out = need(answer); });
    if (!out) work();
    REQUIRE(out);
    return *out;
  }
};

}  // namespace weir::test
