// Goal: whatever call fails, the store says so, serves no wrong byte, and what it acknowledged is
// there afterwards (wire F-2, F-3, F-4; cache C-77).
// Method: one life of a store (build, activate, fill, purge, snapshot, collect) in which the n-th
// call to the kernel fails, for every n; then a second life without faults looks at what is left.

#include "store/fixture.h"

#include "faulty.h"

#include <map>
#include <new>
#include <set>

using namespace weir;
using namespace weir::store;
using namespace weir::test;

namespace {

std::string hard(std::string_view seed) {  // to compress, so that it is a file of its own
  std::string body;
  std::uint64_t state = std::hash<std::string_view>{}(seed);
  while (body.size() < 12'000)
    body += std::to_string(state = state * 6364136223846793005U + 1442695040888963407U);
  return body;
}

// What the store was asked for, and what it said to that.
struct Life {
  Disk disk;
  TemporaryDirectory directory;
  ManualClock clock;
  int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  LineWriter lines{nowhere, 1024};
  Log log{clock, lines, LogLevel::debug, LogForm::json};
  std::set<std::string> purged;                        // acknowledged
  std::map<std::string, std::set<std::string>> given;  // key -> bodies that may be served
  bool is_active = false;
  int wrong = 0;

  ~Life() { ::close(nowhere); }

  StoreSettings settings() const {
    StoreSettings settings;
    settings.directory = directory.path() + "/cache";
    settings.background = Background::none;
    return settings;
  }
  void keep(Store& store, const std::string& key, const std::string& body) {
    given[key].insert(body);
    (void)test::keep(store, key, body).ok();
    if (const auto fill = store.find_fill(key))
      if (const auto read = store.read_fill(*fill))
        if (!given[key].contains(read->identity)) ++wrong;
  }
  void purge(Store& store, const std::string& tag) {
    PurgeRecord record;
    record.tags = {tag};
    if (store.purge(record, Store::Durable::now)) purged.insert(tag);
  }
  void live() {
    auto opened = Store::open(settings(), clock, log, disk);
    if (!opened) return;
    Store& store = **opened;
    if (auto writer = ReleaseWriter::open({settings().directory}, clock, disk)) {
      given["/built/"].insert(hard("built"));
      const bool added = (*writer)->add(page("/built/", hard("built"), {"t"})).ok() &&
                         (*writer)->add(page("/small/", "small", {"t"})).ok();
      if (added)
        if (const auto release = (*writer)->finish())
          is_active |= store.adopt_release(*release).ok();
    }
    keep(store, "/a/", "a small body");
    keep(store, "/b/", hard("b"));
    purge(store, "first");
    (void)store.snapshot().ok();
    keep(store, "/a/", hard("a again"));
    purge(store, "second");
    clock.advance(std::chrono::minutes(6));
    store.tick();
    store.collect();
    purge(store, "third");
  }
  void live_through() {
    try {
      live();
    } catch (const std::bad_alloc&) {
    }
  }
  // Everything good is there, and the store is as able as ever.
  void look() {
    CHECK(wrong == 0);
    const auto store = need(Store::open(settings(), clock, log, disk));
    std::set<std::string> found;
    for (const auto& [tag, epochs] : store->purges().tags) found.insert(tag);
    const bool has_all = store->purges().all.soft != 0;  // a damaged log: everything is purged
    for (const std::string& tag : purged) CHECK((has_all || found.contains(tag)));
    const auto active = store->active();
    if (is_active) REQUIRE(active.release != nullptr);
    if (active.release != nullptr)
      CHECK(need(active.release->read(*active.release->find("/built/"))).identity == hard("built"));
    for (const auto& [key, bodies] : given) {
      const auto fill = store->find_fill(key);
      if (!fill) continue;
      const auto body = store->read_fill(*fill);
      if (body) CHECK(bodies.contains(body->identity));
      else CHECK(body.error().code == Errc::missing);
    }
    need(test::keep(*store, "/after/", "as able as ever"));
    CHECK(body_in(*store, "/after/") == "as able as ever");
    CHECK(need(store->purge({.tags = {"after"}}, Store::Durable::now)).seq > 0);
  }
};

void fail_in_life(faults::Calls calls, int error, std::uint64_t count = 1) {
  std::unique_ptr<Life> life;
  fail_each(
      {.calls = calls, .error = error, .count = count, .threads = faults::Plan::Threads::own},
      [&life] { life = std::make_unique<Life>(); }, [&life] { life->live_through(); },
      [&life] { life->look(); }, 150, 17);
}

}  // namespace

TEST_CASE("each call of a store's life fails once, with every error", "[store][faults]") {
  if (!has_faults()) return;
  for (const int error : {ENOSPC, EIO, EMFILE, EINTR}) {
    INFO("errno " << error);
    fail_in_life(faults::file_calls, error);
  }
}

TEST_CASE("reads and writes of a store may be short", "[store][faults]") {
  if (!has_faults()) return;
  fail_in_life(faults::only(faults::Call::read) | faults::only(faults::Call::write), 0);
}

TEST_CASE("a disk that is full for a while loses nothing acknowledged", "[store][faults]") {
  if (!has_faults()) return;
  fail_in_life(faults::only(faults::Call::write) | faults::only(faults::Call::sync), ENOSPC, 5);
}

TEST_CASE("each allocation of a store's life fails once", "[store][faults]") {
  if (!has_faults()) return;
  fail_in_life(faults::only(faults::Call::allocate), ENOMEM);
}
