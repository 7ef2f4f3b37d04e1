// What does a hit cost, what does a release cost to publish, and how soon is a store ready?
//
// Budget: a hit below 200 ns on one thread, two threads at least 1.5 times as many hits in all;
// publishing 10,000 pages of 8 KiB adds less than 0.3 s of processor time beside their compression;
// a store with 10,000 entries is open in 50 ms, one with 100,000 in 150 ms (cache specification,
// section 15).
//
//   make build/release/bench-cache && build/release/bench-cache [hit|publish|fills]

#include "base/worker_pool.h"
#include "cache/page_cache.h"
#include "store/store.h"

#include <fcntl.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <thread>

using namespace weir;

namespace {

using Seconds = std::chrono::duration<double>;

double processor_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto of = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return of(used.ru_utime) + of(used.ru_stime);
}

class Stopwatch {
 public:
  void say(const char* what) const {
    std::printf("  %-44s %8.1f ms   (processor %8.1f ms)\n", what,
                Seconds(std::chrono::steady_clock::now() - start_).count() * 1e3,
                (processor_seconds() - processor_) * 1e3);
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  double processor_ = processor_seconds();
};

template <class T>
T need(Result<T> result) {
  if (result) return std::move(result).value();
  std::fprintf(stderr, "%s\n", result.error().text().c_str());
  std::exit(1);
}

std::string html_of(std::size_t number, std::size_t bytes) {
  std::mt19937 random(static_cast<unsigned>(number));
  std::string html =
      "<!doctype html><html><head><title>Page " + std::to_string(number) + "</title></head><body>";
  while (html.size() < bytes)
    html += "<p>word" + std::to_string(random() % 3000) + " and word" +
            std::to_string(random() % 300) + "</p>\n";
  return html;
}

// In the working directory, because /tmp may be memory and a sync of that measures nothing.
class Directory {
 public:
  Directory() { need(make_directories(path_)); }
  ~Directory() { std::filesystem::remove_all(path_); }
  std::string operator/(const char* name) const { return path_ + '/' + name; }

 private:
  const std::string path_ = "build/bench-cache-" + std::to_string(random_u64());
};

struct Quiet {
  SystemClock clock;
  LineWriter lines{::open("/dev/null", O_WRONLY | O_CLOEXEC), 1024};
  Log log{clock, lines, LogLevel::error, LogForm::json};
  store::Disk disk;
};

class PoolTasks final : public cache::Tasks {
 public:
  Status offer(std::function<void()> work) override { return pool_.offer(std::move(work)); }
  void wait() { pool_.wait_until_idle(); }

 private:
  WorkerPool pool_{"bench", 2, 100'000};
};

class NoOrigin final : public cache::Origin {
  Result<cache::Rendered> render(const cache::RenderRequest&) override {
    return Error{Errc::missing, "none"};
  }
};

store::ReleaseId publish(Quiet& quiet, const std::string& directory, std::size_t pages,
                         std::size_t bytes) {
  auto writer = need(store::ReleaseWriter::open({directory}, quiet.clock, quiet.disk));
  for_each_parallel(pages, cores(), [&](std::size_t i) {
    store::NewEntry entry;
    entry.path = "/section-" + std::to_string(i % 100) + "/page-" + std::to_string(i) + "/";
    entry.body = html_of(i, bytes);
    entry.content_type = "text/html; charset=utf-8";
    entry.renderable = store::Renderable::yes;
    entry.tags = {"page:section/" + std::to_string(i) + ".md", "tpl:base.html", "tpl:page.html",
                  "section:" + std::to_string(i % 100)};
    need(writer->add(std::move(entry)));
  });
  return need(writer->finish());
}

void bench_publish(std::size_t pages, std::size_t bytes) {
  std::printf("%zu pages of %zu bytes\n", pages, bytes);
  const Directory directory;
  Quiet quiet;
  const store::StoreSettings settings{.directory = directory / "cache",
                                      .background = store::Background::none};
  store::ReleaseId id = 0;
  {
    const Stopwatch watch;
    for_each_parallel(pages, cores(), [bytes](std::size_t i) { (void)html_of(i, bytes); });
    watch.say("(making the bodies alone)");
  }
  {
    const Stopwatch watch;
    id = publish(quiet, settings.directory, pages, bytes);
    watch.say("build and publish");
  }
  {
    const Stopwatch watch;
    id = publish(quiet, settings.directory, pages, bytes);
    watch.say("the same again, nothing changed");
  }
  {
    auto store = need(store::Store::open(settings, quiet.clock, quiet.log, quiet.disk));
    const Stopwatch watch;
    need(store->adopt_release(id));
    watch.say("activate");
  }
  PoolTasks tasks;
  NoOrigin origin;
  const Stopwatch watch;
  auto store = need(store::Store::open(settings, quiet.clock, quiet.log, quiet.disk));
  watch.say("open the store");
  cache::PageCache cache({}, {*store, origin, tasks, tasks, quiet.clock, quiet.log});
  watch.say("open the store and the cache");
  need(cache.fetch("/section-7/page-7/", [&watch](const cache::Fetched& fetched) {
    if (fetched.lookup.page == nullptr) std::exit(1);
    watch.say("first page answered");
  }));
  tasks.wait();
}

void bench_fills(std::size_t count) {
  std::printf("%zu fills (pages that were refreshed)\n", count);
  const Directory directory;
  Quiet quiet;
  const store::StoreSettings settings{.directory = directory / "cache",
                                      .background = store::Background::none};
  {
    auto store = need(store::Store::open(settings, quiet.clock, quiet.log, quiet.disk));
    const Stopwatch watch;
    for (std::size_t i = 0; i < count; ++i) {
      const std::string body = html_of(i, 700);
      const store::PackedBlob packed = store::pack_blob(store->blobs().key(), body, "text/html");
      store::Fill fill;
      fill.key = "/page-" + std::to_string(i) + "/";
      fill.content_type = "text/html";
      fill.body_id = packed.header.id;
      fill.sha256 = sha256_of(body);
      fill.body_bytes = body.size();
      fill.tags = {"page:" + std::to_string(i), "tpl:base.html"};
      fill.rendered = fill.modified = quiet.clock.wall();
      need(store->put_fill(std::move(fill), &packed));
    }
    need(store->sync());
    watch.say("render, keep and sync");
    std::printf("  log: %.1f MB\n", static_cast<double>(store->counters().log_bytes) / 1e6);
  }
  {
    const Stopwatch watch;
    auto store = need(store::Store::open(settings, quiet.clock, quiet.log, quiet.disk));
    watch.say("open from the log");
    const Stopwatch snapshot;
    need(store->snapshot());
    snapshot.say("snapshot");
  }
  const Stopwatch watch;
  auto store = need(store::Store::open(settings, quiet.clock, quiet.log, quiet.disk));
  watch.say("open from the snapshot");
  const Stopwatch purge;
  need(store->purge({.tags = {"tpl:base.html"}}, store::Store::Durable::now));
  purge.say("purge of all of them, durable");
}

void bench_hit() {
  constexpr std::size_t pages = 1000;
  const Directory directory;
  Quiet quiet;
  const store::StoreSettings settings{.directory = directory / "cache",
                                      .background = store::Background::none};
  auto store = need(store::Store::open(settings, quiet.clock, quiet.log, quiet.disk));
  need(store->adopt_release(publish(quiet, settings.directory, pages, 4096)));
  PoolTasks tasks;
  NoOrigin origin;
  cache::PageCache cache({}, {*store, origin, tasks, tasks, quiet.clock, quiet.log});
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < pages; ++i)
    keys.push_back("/section-" + std::to_string(i % 100) + "/page-" + std::to_string(i) + "/");
  for (const std::string& key : keys) {
    need(cache.fetch(key, [](const cache::Fetched&) {}));
    tasks.wait();
  }
  std::printf("a hit among %zu pages in memory\n", pages);
  enum class Time { asked, given };
  const auto run = [&](std::size_t threads, std::size_t distinct, Time time) {
    constexpr std::size_t hits = 3'000'000;
    std::vector<std::thread> all;
    const auto start = std::chrono::steady_clock::now();
    const double processor = processor_seconds();
    for (std::size_t t = 0; t < threads; ++t)
      all.emplace_back([&, t] {
        const auto reader = cache.make_reader();
        const Mono now = quiet.clock.mono();
        std::size_t found = 0;
        for (std::size_t i = 0; i < hits; ++i) {
          const std::string& key = keys[(i * 7 + t * 13) % distinct];
          const cache::Lookup lookup =
              time == Time::asked ? cache.find(*reader, key) : cache.find(*reader, key, now);
          found += lookup.page != nullptr ? 1 : 0;
        }
        if (found != hits) std::exit(1);
      });
    for (std::thread& thread : all) thread.join();
    const double seconds = Seconds(std::chrono::steady_clock::now() - start).count();
    const double all_hits = static_cast<double>(threads * hits);
    std::printf(
        "  %zu thread%s, %4zu keys, time %s: %6.1f ns of processor per hit, %5.1f M hits/s\n",
        threads, threads == 1 ? " " : "s", distinct, time == Time::asked ? "asked" : "given",
        (processor_seconds() - processor) * 1e9 / all_hits, all_hits / seconds / 1e6);
  };
  for (const std::size_t threads : {1UL, 2UL})
    for (const std::size_t distinct : {1UL, pages})
      for (const Time time : {Time::asked, Time::given}) run(threads, distinct, time);
}

}  // namespace

int main(int count, char** words) {
  const std::string only = count > 1 ? words[1] : "";
  if (only.empty() || only == "hit") bench_hit();
  if (only.empty() || only == "publish") {
    bench_publish(10'000, 8192);
    bench_publish(100'000, 1024);
  }
  if (only.empty() || only == "fills") bench_fills(100'000);
  return 0;
}
