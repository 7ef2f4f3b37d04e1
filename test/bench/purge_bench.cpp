// What does a purge cost that 100,000 pages carry, from the call to its durable answer?
//
// Budget: 1 ms and the fsync (cache specification, section 15), in each mode, however many entries
// carry the tag; Varnish 7.1.1 needed 10.5 ms for 10,000.
//
//   make build/release/bench-purge && build/release/bench-purge

#include "base/worker_pool.h"
#include "cache/page_cache.h"
#include "store/store.h"

#include <fcntl.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

using namespace weir;

namespace {

template <class T>
T need(Result<T> result) {
  if (result) return std::move(result).value();
  std::fprintf(stderr, "%s\n", result.error().text().c_str());
  std::exit(1);
}

class PoolTasks final : public cache::Tasks {
 public:
  Status offer(std::function<void()> work) override { return pool_.offer(std::move(work)); }
  void wait() { pool_.wait_until_idle(); }

 private:
  WorkerPool pool_{"bench", 2, 200'000};
};

class NoOrigin final : public cache::Origin {
  Result<cache::Rendered> render(const cache::RenderRequest&) override {
    return Error{Errc::missing, "none"};
  }
};

struct Quiet {
  SystemClock clock;
  LineWriter lines{::open("/dev/null", O_WRONLY | O_CLOEXEC), 1024};
  Log log{clock, lines, LogLevel::error, LogForm::json};
  store::Disk disk;
};

std::string path_of(std::size_t page) { return "/page-" + std::to_string(page) + "/"; }

// Few tags on each page, or more of its own than a page lists by itself (an interned set each).
void bench(Quiet& quiet, const std::string& directory, std::size_t pages, std::size_t own_tags) {
  std::filesystem::remove_all(directory);
  need(make_directories(directory));
  const store::StoreSettings settings{.directory = directory,
                                      .background = store::Background::none};
  auto store = need(store::Store::open(settings, quiet.clock, quiet.log, quiet.disk));
  auto writer = need(store::ReleaseWriter::open({directory}, quiet.clock, quiet.disk));
  for (std::size_t i = 0; i < pages; ++i) {
    store::NewEntry entry;
    entry.path = path_of(i);
    entry.body = "<p>" + std::to_string(i);
    entry.content_type = "text/html; charset=utf-8";
    entry.renderable = store::Renderable::yes;
    entry.tags = {"tpl:base.html"};
    for (std::size_t tag = 0; tag < own_tags; ++tag)
      entry.tags.push_back("item:" + std::to_string((i + tag) % pages));
    need(writer->add(std::move(entry)));
  }
  need(store->adopt_release(need(writer->finish())));
  PoolTasks tasks;
  NoOrigin origin;
  cache::CacheSettings cache_settings;
  cache_settings.memory_bytes_max = 2 * GiB;
  cache_settings.warm_window = std::chrono::hours(1);
  cache::PageCache cache(cache_settings, {*store, origin, tasks, tasks, quiet.clock, quiet.log});
  for (std::size_t i = 0; i < pages; ++i) {
    need(cache.fetch(path_of(i), [](const cache::Fetched&) {}));
    if (i % 1'000 == 0) tasks.wait();
  }
  tasks.wait();
  std::printf("%zu pages in memory, %zu tags of their own each\n", cache.counters().pages,
              own_tags);
  struct Way {
    const char* name;
    cache::PurgeRequest request;
  };
  const Way ways[] = {
      {"soft, tag of all, recorded", {.tags = {"tpl:base.html"}, .wait = cache::Wait::none}},
      {"soft, tag of all, durable", {.tags = {"tpl:base.html"}}},
      {"hard, tag of all, durable", {.tags = {"tpl:base.html"}, .mode = cache::Mode::hard}},
      {"soft, everything, durable", {.all = true}},
      {"soft, prefix of all, durable", {.prefixes = {"/page-"}}},
      {"refresh, one page's tag, durable", {.tags = {"item:7"}, .mode = cache::Mode::refresh}},
      {"refresh, tag of all, durable", {.tags = {"tpl:base.html"}, .mode = cache::Mode::refresh}},
  };
  for (const Way& way : ways) {
    constexpr std::size_t rounds = 51;
    std::vector<double> times;
    for (std::size_t round = 0; round < rounds; ++round) {
      const auto start = std::chrono::steady_clock::now();
      cache.purge(way.request, [&](const Result<cache::PurgeAnswer>& answer) {
        need(answer);
        const std::chrono::duration<double, std::micro> took =
            std::chrono::steady_clock::now() - start;
        times.push_back(took.count());
      });
      tasks.wait();
    }
    std::sort(times.begin(), times.end());
    std::printf("  %-34s median %8.1f us, worst %8.1f us\n", way.name, times[rounds / 2],
                times.back());
  }
}

}  // namespace

int main(int count, char** words) {
  const std::string directory = count > 1 ? words[1] : "build/bench-purge";
  Quiet quiet;
  bench(quiet, directory, 100'000, 0);
  bench(quiet, directory, 100'000, 40);
  std::filesystem::remove_all(directory);
  return 0;
}
