// Goal: the promises of shelf.h, epoch.h and C-75 with real threads. Run under ThreadSanitizer too
// (make tsan). Method: readers look without pause and judge what they see against numbers that were
// published before they looked.

#include "base/worker_pool.h"
#include "cache/fixture.h"
#include "cache/page_maker.h"
#include "cache/shelf.h"

#include <random>
#include <thread>

using namespace weir;
using namespace weir::cache;
using namespace weir::test;
using namespace std::chrono_literals;
using Kind = Lookup::Kind;

namespace {

class PoolTasks final : public Tasks {
 public:
  explicit PoolTasks(std::size_t threads) : pool_("test", threads, 4096) {}
  Status offer(std::function<void()> work) override { return pool_.offer(std::move(work)); }
  void wait() { pool_.wait_until_idle(); }

 private:
  WorkerPool pool_;
};

std::shared_ptr<const Page> small_page(TagEpochs& tags, std::size_t key, std::uint64_t generation) {
  PageFacts facts;
  facts.key = "/" + std::to_string(key);
  facts.generation = generation;
  store::Body body;
  body.identity = std::to_string(key) + ':' + std::to_string(generation) + std::string(500, 'x');
  return need(make_page(std::move(facts), bodies_of(std::move(body)), tags));
}

// About so long, without asking the kernel for it.
void spin(std::uint64_t microseconds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(microseconds);
  while (std::chrono::steady_clock::now() < end) std::this_thread::yield();
}

}  // namespace

TEST_CASE("C-4: visitors on several threads who want one page make one render of it", "[cache]") {
  CacheBench bench;
  KeyRules rules;
  bench.origin.rules = std::make_shared<const KeyRules>(rules);
  bench.origin.answer = [&bench](const RenderRequest&, int) { return bench.origin.ok("page"); };
  bench.store = bench.disk.open();
  PoolTasks loads(1), renders(1);
  PageCache cache(bench.settings, {*bench.store, bench.origin, loads, renders, bench.disk.clock,
                                   bench.disk.log, nullptr, nullptr});
  const std::size_t keys = rounds(5'000, 100'000);
  std::atomic<std::size_t> wrong{0};
  const auto visit = [&] {
    const auto reader = cache.make_reader();
    for (std::size_t i = 0; i < keys; ++i) {
      const std::string key = "/" + std::to_string(i);
      const Mono now = bench.disk.clock.mono();
      if (cache.find(*reader, key, now, PageCache::Unheld::made).kind == Kind::page) continue;
      std::atomic<bool> is_told{false};
      const Status begun = cache.fetch(key, [&](const Fetched& fetched) {
        if (fetched.lookup.kind != Kind::page) ++wrong;
        is_told = true;
      });
      if (!begun) ++wrong;
      else
        while (!is_told) std::this_thread::yield();
    }
  };
  std::vector<std::thread> visitors;
  for (int i = 0; i < 4; ++i) visitors.emplace_back(visit);
  for (std::thread& visitor : visitors) visitor.join();
  loads.wait();
  renders.wait();
  CHECK(wrong == 0);
  CHECK(static_cast<std::size_t>(bench.origin.renders) == keys);
}

TEST_CASE(
    "readers of the shelf see whole pages that only get newer, while others put, evict and remove",
    "[cache]") {
  EpochDomain domain;
  TagEpochs tags(domain);
  Shelf shelf(domain, HashKey::random(), {200 * KiB, 20 * KiB});
  constexpr std::size_t keys = 300;
  const std::size_t puts = rounds(20'000, 1'000'000);
  std::atomic<bool> is_over{false};
  std::atomic<int> wrong{0};
  std::atomic<std::uint64_t> found{0};
  std::vector<std::thread> readers;
  for (unsigned t = 0; t < 3; ++t)
    readers.emplace_back([&, t] {
      BorrowedSlot slot(domain);
      std::mt19937 chance(t);
      while (!is_over.load()) {
        const std::size_t key = chance() % keys;
        const std::string name = "/" + std::to_string(key);
        std::shared_ptr<const Page> page;
        {
          const EpochGuard guard(domain, slot.slot());
          ShelfEntry* const entry = shelf.find(name);
          if (entry == nullptr) continue;
          entry->visited.store(true, std::memory_order_relaxed);
          page = entry->page.load(std::memory_order_seq_cst)->shared_from_this();
        }
        ++found;
        const std::string start =
            std::to_string(key) + ':' + std::to_string(page->generation) + 'x';
        if (page->key != name || !page->find(store::Codec::identity)->body->starts_with(start))
          ++wrong;
      }
    });
  std::vector<std::thread> writers;
  std::atomic<std::uint64_t> generation{0};
  for (unsigned t = 0; t < 2; ++t)
    writers.emplace_back([&, t] {
      std::mt19937 chance(100 + t);
      for (std::size_t i = 0; i < puts / 2; ++i) {
        const std::size_t key = chance() % keys;
        if (chance() % 20 == 0) shelf.remove("/" + std::to_string(key));
        else shelf.put(small_page(tags, key, ++generation), [](ShelfEntry&) {});
      }
    });
  for (std::thread& thread : writers) thread.join();
  is_over = true;
  for (std::thread& thread : readers) thread.join();
  CHECK(wrong == 0);
  CHECK(found > 0);
  CHECK(shelf.bytes() <= 200 * KiB);
  domain.collect();
  CHECK(domain.retired_count() == 0);
}

TEST_CASE("what a reader holds on to is not destroyed, and everything else is", "[cache]") {
  EpochDomain domain;
  auto slot = std::make_unique<BorrowedSlot>(domain);
  auto object = std::make_shared<int>(7);
  const std::weak_ptr<int> watch = object;
  {
    const EpochGuard guard(domain, slot->slot());
    domain.retire(std::move(object));
    domain.collect();
    CHECK_FALSE(watch.expired());
  }
  domain.collect();
  CHECK(watch.expired());
  auto later = std::make_shared<int>(8);
  const std::weak_ptr<int> watch_later = later;
  domain.retire(std::move(later));
  {
    const EpochGuard guard(domain, slot->slot());  // came after it was retired
    domain.collect();
    CHECK(watch_later.expired());
  }
}

TEST_CASE("C-75: a purge at any moment of a render is not lost", "[cache]") {
  StoreBench disk;
  SystemClock clock;
  constexpr std::size_t keys = 4;
  std::array<std::atomic<std::uint64_t>, keys> truth{}, purged{}, hidden{};
  FakeOrigin origin;
  origin.policy = {};
  std::atomic<std::uint64_t> render_us{0};
  origin.answer = [&](const RenderRequest& request, int) {
    const std::size_t key = static_cast<std::size_t>(request.path[1] - '0');
    const std::uint64_t seen = truth[key].load();
    spin(render_us.load());
    Rendered rendered = origin.ok(std::to_string(seen));
    rendered.tags = {"t" + std::to_string(key)};
    return rendered;
  };
  PoolTasks loads(1);
  PoolTasks renders(3);
  const auto store = disk.open();
  {
    const auto writer = disk.writer();
    for (std::size_t i = 0; i < keys; ++i)
      need(writer->add(page("/" + std::to_string(i), "0", {"t" + std::to_string(i)})));
    need(store->adopt_release(need(writer->finish())));
  }
  PageCache cache({.refresh_ahead_percent = 0}, {*store, origin, loads, renders, clock, disk.log});
  std::atomic<bool> is_over{false};
  std::atomic<int> lost{0}, waits_without_need{0};
  const auto truth_in = [](const Lookup& found) {
    return *parse_u64(*found.page->find(store::Codec::identity)->body);
  };
  std::vector<std::thread> readers;
  for (unsigned t = 0; t < 2; ++t)
    readers.emplace_back([&, t] {
      const auto reader = cache.make_reader();
      std::mt19937 chance(t);
      while (!is_over.load()) {
        const std::size_t key = chance() % keys;
        const std::uint64_t least_fresh = purged[key].load();
        const std::uint64_t least_seen = hidden[key].load();
        const std::string name = "/" + std::to_string(key);
        const Lookup found = cache.find(*reader, name);
        if (found.kind == Kind::page) {
          if (found.freshness == Freshness::fresh && truth_in(found) < least_fresh) ++lost;
          if (truth_in(found) < least_seen) ++lost;
        } else {
          (void)cache.fetch(name, [](const Fetched&) {}).ok();
        }
        std::this_thread::yield();
      }
    });

  std::mt19937_64 chance(5);
  render_us = rounds(2'000, 200'000);
  const std::size_t purges = rounds(50, 1000);
  for (std::size_t i = 0; i < purges; ++i) {
    const std::size_t key = i % keys;
    const auto mode = static_cast<Mode>(chance() % 3);
    spin(chance() % (render_us.load() / 2 * 3));
    const std::uint64_t now = truth[key].fetch_add(1) + 1;
    bool is_acknowledged = false;
    cache.purge({.tags = {"t" + std::to_string(key)},
                 .mode = mode,
                 .wait = i % 4 == 0 ? Wait::durable : Wait::none},
                [&](const Result<PurgeAnswer>& answer) { is_acknowledged = answer.ok(); });
    REQUIRE(is_acknowledged);
    purged[key] = now;
    if (mode == Mode::hard) hidden[key] = now;
  }
  // In the end every page tells the truth.
  const auto reader = cache.make_reader();
  std::size_t agreed = 0;
  for (int tries = 0; tries < 20'000 && agreed < keys; ++tries) {
    agreed = 0;
    for (std::size_t key = 0; key < keys; ++key) {
      const std::string name = "/" + std::to_string(key);
      const Lookup found = cache.find(*reader, name);
      if (found.kind == Kind::wait) (void)cache.fetch(name, [](const Fetched&) {}).ok();
      agreed += found.kind == Kind::page && found.freshness == Freshness::fresh &&
                        truth_in(found) == truth[key].load()
                    ? 1
                    : 0;
    }
    spin(500);
  }
  is_over = true;
  for (std::thread& thread : readers) thread.join();
  loads.wait();
  renders.wait();
  loads.wait();
  CHECK(agreed == keys);
  CHECK(lost == 0);
  CHECK(origin.collisions == 0);
}

TEST_CASE("C-80: a thousand who wait for one render all get the same generation", "[cache]") {
  StoreBench disk;
  SystemClock clock;
  FakeOrigin origin;
  origin.answer = [&](const RenderRequest&, int number) {
    spin(20'000);
    return origin.ok("render " + std::to_string(number));
  };
  PoolTasks loads(2), renders(2);
  const auto store = disk.open();
  origin.rules = std::make_shared<KeyRules>();
  PageCache cache({}, {*store, origin, loads, renders, clock, disk.log});
  std::atomic<int> same{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 250; ++i)
        (void)cache
            .fetch("/x",
                   [&](const Fetched& fetched) {
                     same += CacheBench::body(fetched.lookup) == "render 1" ? 1 : 0;
                   })
            .ok();
    });
  for (std::thread& thread : threads) thread.join();
  loads.wait();
  renders.wait();
  CHECK(same == 1000);
  CHECK(origin.renders == 1);
}

TEST_CASE(
    "C-43: refreshes, purges and polishing at once: every form seen is the page that it names",
    "[cache]") {
  StoreBench disk;
  ManualClock& clock = disk.clock;
  constexpr std::size_t keys = 3;
  std::array<std::atomic<std::uint64_t>, keys> truth{};
  const auto text_of = [](std::size_t key, std::uint64_t number) {
    std::mt19937 random(static_cast<unsigned>(number * keys + key));
    std::string text = std::to_string(key) + ':' + std::to_string(number) + '\n';
    while (text.size() < 3'000) text += "word" + std::to_string(random() % 300) + ' ';
    return text;
  };
  FakeOrigin origin;
  origin.policy = {};
  origin.answer = [&](const RenderRequest& request, int) {
    const auto key = static_cast<std::size_t>(request.path[1] - '0');
    Rendered rendered = origin.ok(text_of(key, truth[key].load()));
    rendered.tags = {"t" + std::to_string(key)};
    return rendered;
  };
  PoolTasks loads(1), renders(2), idle(1);
  const auto store = disk.open();
  {
    const auto writer = disk.writer();
    for (std::size_t key = 0; key < keys; ++key)
      need(writer->add(
          page("/" + std::to_string(key), text_of(key, 0), {"t" + std::to_string(key)})));
    need(store->adopt_release(need(writer->finish())));
  }
  std::atomic<bool> is_busy{false};
  PageCache cache({.refresh_ahead_percent = 0}, {*store, origin, loads, renders, clock, disk.log,
                                                 &idle, [&is_busy] { return is_busy.load(); }});
  std::atomic<bool> is_over{false};
  std::atomic<int> wrong{0};
  std::atomic<std::uint64_t> best_seen{0};
  std::vector<std::thread> readers;
  for (unsigned t = 0; t < 2; ++t)
    readers.emplace_back([&, t] {
      const auto reader = cache.make_reader();
      std::mt19937 chance(t);
      while (!is_over.load()) {
        const std::string name = "/" + std::to_string(chance() % keys);
        const Lookup found = cache.find(*reader, name);
        if (found.kind != Kind::page) {
          (void)cache.fetch(name, [](const Fetched&) {}).ok();
          std::this_thread::yield();
          continue;
        }
        using store::Rendition;
        const Page& page = *found.page;
        const std::string& identity = *page.find(Rendition::identity)->body;
        if (page.find(Rendition::zstd) != nullptr && page.find(Rendition::best_zstd) != nullptr)
          ++wrong;
        for (const Rendition one : {Rendition::zstd, Rendition::best_zstd}) {
          const Representation* const form = page.find(one);
          if (form == nullptr) continue;
          const auto back = store::unpack_zstd(*form->body, identity.size());
          if (!back || *back != identity || form->etag != etag_of(page.sha256, one)) ++wrong;
          best_seen += one == Rendition::best_zstd ? 1 : 0;
        }
      }
    });
  std::mt19937_64 chance(9);
  const std::size_t turns = rounds(120, 4'000);
  const auto until = std::chrono::steady_clock::now() + 1min;
  const auto has_seen_all = [&] { return best_seen > 0 && cache.counters().polished > 0; };
  for (std::size_t turn = 0; turn < turns || !has_seen_all(); ++turn) {
    if (turn >= turns && std::chrono::steady_clock::now() > until) break;
    clock.advance(2s);
    is_busy = chance() % 5 == 0;
    cache.tick();
    if (turn % 8 == 0) {
      const std::size_t key = chance() % keys;
      if (chance() % 2 == 0) ++truth[key];  // else an equal render
      cache.purge({.tags = {"t" + std::to_string(key)}, .mode = static_cast<Mode>(chance() % 3)},
                  [](const Result<PurgeAnswer>&) {});
    }
    spin(3'000);
  }
  is_over = true;
  is_busy = true;
  for (std::thread& thread : readers) thread.join();
  loads.wait();
  renders.wait();
  idle.wait();
  loads.wait();
  renders.wait();
  CHECK(wrong == 0);
  CHECK(best_seen > 0);
  CHECK(cache.counters().polished > 0);
}
