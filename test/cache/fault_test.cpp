// Goal: whatever allocation or call to the disk fails in a life of the cache, visitors see bytes
// that were really made, nobody waits for ever, and afterwards all is as before (wire F-2, F-4).
// Method: loads, renders, expiries and a purge, with the n-th call failing, for every n; then a
// visit without faults.

#include "fixture.h"

#include "faulty.h"

#include <memory>
#include <new>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

class Visits {
 public:
  Visits() { bench_.open({bench_.isr("/a/", "built /a/"), bench_.isr("/b/", "built /b/")}); }
  void run() {
    for (int round = 0; round < 2; ++round) {
      for (const char* key : {"/a/", "/b/", "/none/"}) visit(key);
      bench_.clock().advance(61s);  // stale: seen at once, rendered behind it
    }
    within_memory([this] {
      cache::PurgeRequest request;
      request.tags = {"all"};
      bench_.cache->purge(request, [](const Result<cache::PurgeAnswer>&) {});
    });
    for (const char* key : {"/a/", "/b/"}) visit(key);
  }
  // A minute later everything that was begun is over, and the pages are there.
  void look() {
    for (int i = 0; i < 3; ++i) {
      bench_.work();
      bench_.clock().advance(61s);
      bench_.cache->tick();
    }
    CHECK(bench_.cache->counters().flights == 0);
    CHECK(wrong_ == 0);
    for (const std::string key : {"/a/", "/b/"}) {
      bench_.see(key);
      bench_.work();
      CHECK_THAT(bench_.see(key), Catch::StartsWith("render ") && Catch::EndsWith(key));
    }
    CHECK(bench_.see("/none/") == "(absent)");
  }

 private:
  template <class F>
  static void within_memory(F work) {
    try {
      work();
    } catch (const std::bad_alloc&) {
    }
  }
  void judge(const std::string& key, const cache::Lookup& seen) {
    if (seen.page == nullptr || seen.page->gone) return;
    const std::string& body = *seen.page->find(store::Codec::identity)->body;
    if (!body.ends_with(key)) ++wrong_;
  }
  void visit(const std::string& key) {
    within_memory([&] {
      const cache::Lookup seen = bench_.find(key);
      judge(key, seen);
      if (seen.kind == cache::Lookup::Kind::wait)
        (void)bench_.cache
            ->fetch(key, [this, &key](const cache::Fetched& got) { judge(key, got.lookup); })
            .ok();
      bench_.work();
    });
  }

  CacheBench bench_;
  int wrong_ = 0;
};

void fail_visits(faults::Calls calls, int error) {
  std::unique_ptr<Visits> visits;
  fail_each(
      {.calls = calls, .error = error, .threads = faults::Plan::Threads::own},
      [&visits] { visits = std::make_unique<Visits>(); }, [&visits] { visits->run(); },
      [&visits] { visits->look(); }, 300, 11);
}

}  // namespace

TEST_CASE("each allocation of the cache fails once", "[cache][faults]") {
  if (!has_faults()) return;
  fail_visits(faults::only(faults::Call::allocate), ENOMEM);
}

TEST_CASE("each call of the cache to the disk fails once", "[cache][faults]") {
  if (!has_faults()) return;
  for (const int error : {ENOSPC, EIO}) fail_visits(faults::file_calls, error);
}
