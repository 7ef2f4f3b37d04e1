// Goal: the promises at the head of store.h. Method: a manual clock, no background thread, reopen
// as often as it takes.

#include "store/fixture.h"
#include "store/log.h"

#include <unistd.h>

using namespace weir;
using namespace weir::store;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

std::string large(std::string_view seed) {
  std::string body;
  // Hard to compress, so that it does not fit into the log.
  std::uint64_t state = std::hash<std::string_view>{}(seed);
  while (body.size() < 12'000)
    body += std::to_string(state = state * 6364136223846793005U + 1442695040888963407U);
  return body;
}

ReleaseId build(StoreBench& bench, const std::vector<std::pair<std::string, std::string>>& pages) {
  const auto writer = bench.writer();
  for (const auto& [path, body] : pages) REQUIRE(writer->add(page(path, body, {"all"})));
  return need(writer->finish());
}

std::string active_body(Store& store, std::string_view path) {
  const auto active = store.active();
  if (active.release == nullptr) return "(no release)";
  const auto entry = active.release->find(path);
  return entry ? need(active.release->read(*entry)).identity : "(absent)";
}

std::uint64_t soft_of(const Store& store, std::string_view tag) {
  for (const auto& [name, epochs] : store.purges().tags)
    if (name == tag) return epochs.soft;
  return 0;
}

}  // namespace

TEST_CASE("a store has one owner, and the second is told in a way of its own", "[store]") {
  StoreBench bench;
  auto first = bench.open();
  CHECK(Store::open(bench.settings(), bench.clock, bench.log, bench.disk).error().code ==
        Errc::exists);
  first.reset();
  CHECK(Store::open(bench.settings(), bench.clock, bench.log, bench.disk).ok());
}

TEST_CASE("a store that lets go keeps reading, writes nothing, and its successor has it all",
          "[store]") {
  StoreBench bench;
  auto old = bench.open();
  need(old->adopt_release(build(bench, {{"/a/", "built a"}, {"/b/", large("b")}})));
  need(keep(*old, "/a/", "refreshed"));
  const auto purge = need(old->purge({.tags = {"x"}}, Store::Durable::soon));
  REQUIRE(old->let_go().ok());
  CHECK(old->purge({.tags = {"y"}}, Store::Durable::now).error().code == Errc::denied);
  CHECK_FALSE(keep(*old, "/b/", "too late").ok());
  CHECK(active_body(*old, "/b/") == large("b"));
  CHECK(body_in(*old, "/a/") == "refreshed");
  old->tick();

  auto next = bench.open();
  CHECK(active_body(*next, "/a/") == "built a");
  CHECK(body_in(*next, "/a/") == "refreshed");
  CHECK(soft_of(*next, "x") == purge.seq);
  CHECK(old->take_back().error().code == Errc::exists);
  need(next->snapshot());
  old.reset();  // the successor's files stay
  need(keep(*next, "/b/", "later"));
  next.reset();
  CHECK(body_in(*bench.open(), "/b/") == "later");
}

TEST_CASE("a store is had back when the successor failed, with nothing lost", "[store]") {
  StoreBench bench;
  auto store = bench.open();
  need(store->adopt_release(build(bench, {{"/a/", "built a"}})));
  const auto before = need(store->purge({.tags = {"x"}}, Store::Durable::now));
  REQUIRE(store->let_go().ok());
  {
    auto failed = bench.open();
    need(failed->snapshot());
  }
  REQUIRE(store->take_back().ok());
  need(keep(*store, "/a/", "after"));
  const auto after = need(store->purge({.tags = {"y"}}, Store::Durable::now));
  CHECK(after.seq > before.seq);
  store.reset();
  const auto again = bench.open();
  CHECK(body_in(*again, "/a/") == "after");
  CHECK(soft_of(*again, "x") == before.seq);
  CHECK(soft_of(*again, "y") == after.seq);
}

TEST_CASE("fills, purges and the active release survive a restart", "[store]") {
  StoreBench bench;
  std::uint64_t generation = 0;
  std::uint64_t purge = 0;
  {
    const auto store = bench.open();
    need(store->adopt_release(build(bench, {{"/a/", "built a"}, {"/b/", large("b")}})));
    need(keep(*store, "/a/", "small"));
    generation = need(keep(*store, "/b/", large("newer")));
    purge =
        need(store->purge({.tags = {"x"}, .prefixes = {"/p/"}, .id = "once"}, Store::Durable::now))
            .seq;
    need(store->purge({.mode = PurgeMode::hard, .all = true}, Store::Durable::soon));
  }
  const auto store = bench.open();
  CHECK(active_body(*store, "/a/") == "built a");
  CHECK(body_in(*store, "/a/") == "small");
  CHECK(body_in(*store, "/b/") == large("newer"));
  CHECK(store->find_fill("/b/")->generation == generation);
  CHECK(soft_of(*store, "x") == purge);
  CHECK(store->purges().prefixes[0].first == "/p/");
  CHECK(store->purges().all.hard > purge);
  CHECK(need(store->purge({.tags = {"x"}, .id = "once"}, Store::Durable::now)).repeated);
  CHECK(need(store->purge({.tags = {"x"}, .id = "once"}, Store::Durable::now)).seq == purge);
  CHECK(need(keep(*store, "/b/", "after")) > generation);
}

TEST_CASE("a snapshot holds everything, and the old logs go", "[store]") {
  StoreBench bench;
  const std::string directory = bench.settings().directory;
  {
    const auto store = bench.open();
    need(store->adopt_release(build(bench, {{"/a/", "built"}})));
    for (int i = 0; i < 50; ++i)
      need(keep(*store, "/" + std::to_string(i), "body " + std::to_string(i)));
    need(store->purge({.tags = {"t"}, .id = "one"}, Store::Durable::now));
    REQUIRE(store->snapshot());
    need(keep(*store, "/7", "body of after"));
    CHECK(need(numbered_files(directory + "/log", ".log")).size() == 1);
    REQUIRE(store->snapshot());
    CHECK(need(numbered_files(directory + "/manifest", ".snap")).size() == 1);
  }
  const auto store = bench.open();
  CHECK(active_body(*store, "/a/") == "built");
  for (int i = 0; i < 50; ++i)
    CHECK(body_in(*store, "/" + std::to_string(i)) ==
          (i == 7 ? "body of after" : "body " + std::to_string(i)));
  CHECK(soft_of(*store, "t") != 0);
  CHECK(need(store->purge({.tags = {"t"}, .id = "one"}, Store::Durable::now)).repeated);
}

TEST_CASE("many restarts do not leave many logs", "[store]") {
  StoreBench bench;
  for (int i = 0; i < 12; ++i) need(keep(*bench.open(), "/" + std::to_string(i), "x"));
  CHECK(need(numbered_files(bench.settings().directory + "/log", ".log")).size() <= 5);
  const auto store = bench.open();
  for (int i = 0; i < 12; ++i) CHECK(body_in(*store, "/" + std::to_string(i)) == "x");
}

TEST_CASE("a release that is active already is not activated again", "[store]") {
  StoreBench bench;
  const auto store = bench.open();
  const ReleaseId release = build(bench, {{"/a/", "built"}});
  const auto number = need(store->adopt_release(release)).seq;
  bench.clock.advance(10s);
  need(keep(*store, "/a/", "refreshed"));
  CHECK(need(store->adopt_release(release)).seq == number);
  CHECK(body_in(*store, "/a/") == "refreshed");
}

TEST_CASE("a deploy takes no page back in time, and a rollback does", "[store]") {
  StoreBench bench;
  const auto store = bench.open();
  const ReleaseId first = build(bench, {{"/a/", "first"}, {"/b/", "first"}});
  need(store->adopt_release(first));
  bench.clock.advance(10s);
  need(keep(*store, "/a/", "rendered before the second build"));
  bench.clock.advance(10s);
  const ReleaseId second = build(bench, {{"/a/", "second"}, {"/b/", "second"}});
  bench.clock.advance(10s);
  need(keep(*store, "/b/", "rendered after the second build"));
  need(store->adopt_release(second));

  CHECK(body_in(*store, "/a/") == "(none)");  // the build knows better
  CHECK(body_in(*store, "/b/") == "rendered after the second build");
  CHECK(store->find_fill("/b/")->release == first);
  need(store->adopt_release(first));
  bench.clock.advance(10s);
  need(store->adopt_release(second));
  need(keep(*store, "/a/", "from the second"));
  need(store->adopt_release(first));
  CHECK(body_in(*store, "/a/") == "(none)");
  CHECK(active_body(*store, "/a/") == "first");
}

TEST_CASE("only the newest ten releases and what they need are kept", "[store]") {
  StoreBench bench;
  const std::string directory = bench.settings().directory;
  const auto store = bench.open();
  for (int i = 0; i < 14; ++i) {
    need(store->adopt_release(build(bench, {{"/a/", large(std::to_string(i))}})));
    CHECK(store->releases().size() <= 10);  // each activation leaves no more than it promises
  }
  need(store->adopt_release(5));
  need(store->adopt_release(build(bench, {{"/a/", large("14")}})));
  CHECK(store->releases().front() == 6);
  need(store->adopt_release(6));
  build(bench, {{"/a/", large("never active")}});
  store->collect();
  CHECK(store->releases().size() == 10);
  CHECK(store->releases().front() == 6);  // the active one is never too old
  CHECK(active_body(*store, "/a/") == large("5"));
  std::size_t segments = 0;
  for (const std::string& name : need(names_in(directory + "/blobs")))
    segments += name.ends_with(".seg") ? 1 : 0;
  CHECK(segments == 10);
  need(store->adopt_release(15));
  CHECK(active_body(*store, "/a/") == large("14"));
}

TEST_CASE("what killed builds leave goes with the next build, unless somebody builds", "[store]") {
  StoreBench bench;
  const std::string directory = bench.settings().directory;
  build(bench, {{"/a/", large("first")}});
  // Killed between the manifest and its activation, between segment and manifest, and before both.
  for (int i = 0; i < 40; ++i) build(bench, {{"/a/", large(std::to_string(i))}});
  const auto plant = [](const std::string& path) {
    REQUIRE(write_file_atomically(path, "left over", Sync::no));
  };
  const auto store = bench.open();
  const auto plant_all = [&] {
    plant(directory + "/blobs/00112233445566778899aabbccddeeff.seg");
    plant(directory + "/tmp/ffeeddccbbaa99887766554433221100.seg");
    plant(directory + "/tmp/manifest-17");
  };
  plant_all();
  {
    const auto somebody = bench.writer();
    CHECK(store->collect() == 0);
  }
  CHECK(need(names_in(directory + "/tmp")).size() == 2);
  need(store->adopt_release(build(bench, {{"/a/", large("last")}})));
  CHECK(store->releases().size() == 10);
  CHECK(need(names_in(directory + "/tmp")).empty());
  CHECK(need(names_in(directory + "/blobs")).size() == 10);
  CHECK(active_body(*store, "/a/") == large("last"));
}

TEST_CASE("bodies that no fill needs go after their grace, and not while somebody builds",
          "[store]") {
  StoreBench bench;
  const auto store = bench.open();
  need(keep(*store, "/a/", large("one")));
  const BlobId old = store->find_fill("/a/")->body_id;
  REQUIRE(store->blobs().put_coding(old, Rendition::gzip, "gz"));
  need(keep(*store, "/a/", large("two")));
  const BlobId now = store->find_fill("/a/")->body_id;
  {
    const auto writer = bench.writer();
    store->collect();
    bench.clock.advance(6min);
    CHECK(store->collect() == 0);
  }
  CHECK(store->collect() == 0);
  CHECK(store->blobs().read(old).ok());
  bench.clock.advance(6min);
  CHECK(store->collect() == 2);
  CHECK(store->blobs().read(old).error().code == Errc::missing);
  CHECK(store->blobs().read(now).ok());
}

TEST_CASE("above bytes_max codings go first, then the oldest fills, and releases stay", "[store]") {
  StoreBench bench;
  StoreSettings settings = bench.settings();
  settings.bytes_max = 100 * KiB;
  const auto store = need(Store::open(settings, bench.clock, bench.log, bench.disk));
  need(store->adopt_release(build(bench, {{"/a/", large("built")}})));
  for (int i = 0; i < 30; ++i)
    need(keep(*store, "/" + std::to_string(i), large(std::to_string(i))));
  for (int i = 0; i < 10; ++i)
    REQUIRE(store->blobs().put_coding(store->find_fill("/" + std::to_string(i))->body_id,
                                      Rendition::gzip, large("gzip")));
  CHECK(store->collect() == 10);
  CHECK(body_in(*store, "/0") == "(none)");
  CHECK(body_in(*store, "/29") == large("29"));
  store->collect();
  bench.clock.advance(6min);
  CHECK(store->collect() > 0);
  CHECK(body_in(*store, "/29") == large("29"));
  CHECK(active_body(*store, "/a/") == large("built"));
}

TEST_CASE("a damaged blob is moved away, counted, and never served", "[store]") {
  StoreBench bench;
  const auto store = bench.open();
  need(keep(*store, "/a/", large("one")));
  const Fill fill = *store->find_fill("/a/");
  const std::string path = store->blobs().path_of(fill.body_id);
  const std::string whole = need(read_file(path));
  for (std::size_t i = 0; i < whole.size(); i += whole.size() / 97) {
    std::string wrong = whole;
    wrong[i] = static_cast<char>(wrong[i] ^ 4);
    REQUIRE(write_file_atomically(path, wrong, Sync::no));
    CHECK(store->read_fill(fill).error().code == Errc::corrupt);
    CHECK(store->read_fill(fill).error().code == Errc::missing);  // it was moved
  }
  CHECK(store->counters().corrupt >= 97);
  need(keep(*store, "/a/", large("one")));
  CHECK(body_in(*store, "/a/") == large("one"));
}

TEST_CASE("a log cut at any byte keeps what came before and opens", "[store]") {
  StoreBench bench;
  const std::string path = log_path_of(bench.settings().directory, 1);
  {
    const auto store = bench.open();
    for (int i = 0; i < 4; ++i) {
      need(keep(*store, "/a/", "generation " + std::to_string(i)));
      need(store->purge({.tags = {"t" + std::to_string(i)}}, Store::Durable::now));
    }
  }
  const std::string whole = need(read_file(path));
  for (std::size_t length = 0; length < whole.size(); length += 3) {
    for (const std::uint64_t number :
         need(numbered_files(bench.settings().directory + "/log", ".log")))
      REQUIRE(bench.disk.remove(log_path_of(bench.settings().directory, number)));
    for (const std::uint64_t number :
         need(numbered_files(bench.settings().directory + "/manifest", ".snap")))
      REQUIRE(bench.disk.remove(snapshot_path_of(bench.settings().directory, number)));
    REQUIRE(write_file_atomically(path, std::string_view(whole).substr(0, length), Sync::no));
    const auto store = bench.open();
    const std::string body = body_in(*store, "/a/");
    const bool is_ours = body == "(none)" || body.starts_with("generation ");
    CHECK(is_ours);
    CHECK(store->purges().all == Epochs{});
  }
}

TEST_CASE("a damaged log makes every page prove itself again", "[store]") {
  StoreBench bench;
  const std::string path = log_path_of(bench.settings().directory, 1);
  {
    const auto store = bench.open();
    need(keep(*store, "/a/", "one"));
    need(store->purge({.tags = {"lost"}}, Store::Durable::now));
  }
  std::string bytes = need(read_file(path));
  bytes[log_head_bytes + 40] = static_cast<char>(bytes[log_head_bytes + 40] ^ 1);
  REQUIRE(write_file_atomically(path, bytes, Sync::no));
  const auto store = bench.open();
  CHECK(store->purges().all.soft != 0);
}

TEST_CASE("a release that cannot be read gives way to the one before", "[store]") {
  StoreBench bench;
  {
    const auto store = bench.open();
    need(store->adopt_release(build(bench, {{"/a/", "first"}})));
    need(store->adopt_release(build(bench, {{"/a/", "second"}})));
  }
  REQUIRE(
      write_file_atomically(release_path_of(bench.settings().directory, 2), "nonsense", Sync::no));
  CHECK(active_body(*bench.open(), "/a/") == "first");
}

TEST_CASE("when the wall clock goes back, time as the store knows it does not", "[store]") {
  StoreBench bench;
  Wall before;
  {
    const auto store = bench.open();
    bench.clock.advance(24h);
    need(keep(*store, "/a/", "x"));
    before = bench.clock.wall();
  }
  bench.clock.turn_wall_to({before.ns - Nanos(48h).count()});
  CHECK(bench.open()->wall() >= before);
}

TEST_CASE("fills share a sync within 20 ms and purges have their own", "[store]") {
  StoreBench bench;
  const auto store = bench.open();
  const auto syncs = [&store] { return store->counters().syncs; };
  const auto first = syncs();
  for (int i = 0; i < 10; ++i) need(keep(*store, "/a/", "x"));
  store->tick();
  CHECK(syncs() == first);
  bench.clock.advance(20ms);
  store->tick();
  CHECK(syncs() == first + 1);
  need(store->purge({.tags = {"a"}}, Store::Durable::now));
  CHECK(syncs() == first + 2);
}

TEST_CASE("too many purged tags are folded into one purge of everything", "[store]") {
  StoreBench bench;
  const auto store = bench.open();
  for (std::size_t i = 0; i <= limits::purged_tags_max; i += 1000) {
    PurgeRecord record;
    for (std::size_t j = 0; j < 1000; ++j) record.tags.push_back("t" + std::to_string(i + j));
    need(store->purge(record, Store::Durable::soon));
  }
  CHECK(store->purges().tags.size() <= limits::purged_tags_max);
  CHECK(store->purges().all.soft != 0);
  REQUIRE(store->snapshot());
}

TEST_CASE("a disk that fails at the n-th operation loses writes, never what was acknowledged",
          "[store]") {
  for (const Errc code : {Errc::full, Errc::io}) {
    bool was_clean = false;
    for (std::uint64_t n = 1; !was_clean; ++n) {
      REQUIRE(n < 500);
      StoreBench bench;
      bench.disk.code = code;
      std::vector<std::string> purged;
      std::string kept = "(none)";
      std::vector<std::string> tried{"(none)"};
      std::uint64_t activated = 0;
      bool hit = false;
      bench.disk.fails = [&](std::uint64_t number) {
        if (number == n) hit = true;
        return number == n;
      };
      if (auto opened = Store::open(bench.settings(), bench.clock, bench.log, bench.disk); opened) {
        Store& store = **opened;
        auto writer = ReleaseWriter::open({bench.settings().directory}, bench.clock, bench.disk);
        if (writer && (*writer)->add(page("/a/", large("built")))) {
          const auto id = (*writer)->finish();
          if (id && store.adopt_release(*id)) activated = *id;
        }
        for (int i = 0; i < 4; ++i) {
          const std::string body =
              i % 2 == 0 ? large(std::to_string(i)) : "small " + std::to_string(i);
          tried.push_back(body);
          if (keep(store, "/a/", body)) kept = body;
          const std::string tag = "t" + std::to_string(i);
          if (store.purge({.tags = {tag}}, Store::Durable::now)) purged.push_back(tag);
          bench.clock.advance(2s);
          store.tick();
          if (i == 2) (void)store.snapshot().ok();
        }
      }
      bench.disk.fails = [](std::uint64_t) { return false; };
      was_clean = !hit;
      const auto store = bench.open();
      INFO("operation " << n);
      for (const std::string& tag : purged)
        CHECK((soft_of(*store, tag) != 0 || store->purges().all.soft != 0));
      if (activated != 0) {
        CHECK(store->active().release != nullptr);
        if (store->active().release) CHECK(active_body(*store, "/a/") == large("built"));
      }
      const std::string body = body_in(*store, "/a/");
      CHECK(std::ranges::find(tried, body) != tried.end());
      need(keep(*store, "/a/", "it goes on"));
      need(store->purge({.tags = {"later"}}, Store::Durable::now));
    }
  }
}

TEST_CASE("after a failed sync the log begins anew and purges are acknowledged again", "[store]") {
  StoreBench bench;
  const auto store = bench.open();
  need(keep(*store, "/a/", "before"));
  bench.disk.code = Errc::io;
  bench.disk.fails = [](std::uint64_t) { return true; };
  CHECK_FALSE(store->purge({.tags = {"refused"}}, Store::Durable::now).ok());
  CHECK_FALSE(store->sync().ok());
  bench.disk.fails = [](std::uint64_t) { return false; };
  CHECK_FALSE(store->purge({.tags = {"still refused"}}, Store::Durable::now).ok());
  bench.clock.advance(2s);
  store->tick();
  need(store->purge({.tags = {"taken"}}, Store::Durable::now));
  CHECK(body_in(*store, "/a/") == "before");
}

TEST_CASE("C-58: what was asked for here is told apart from what was learnt, also after a restart",
          "[store]") {
  StoreBench bench;
  auto store = bench.open();
  const std::string node = store->node();
  CHECK(node.size() == 32);
  const auto own = need(store->purge({.tags = {"a"}}, Store::Durable::now)).seq;
  PurgeRecord learnt{.mode = PurgeMode::hard, .tags = {"b"}};
  learnt.is_learnt = true;
  const auto later = need(store->purge(learnt, Store::Durable::now)).seq;
  for (const char* how : {"as it ran", "from the log", "from a snapshot"}) {
    INFO(how);
    const PurgeState told = store->own_purges();
    CHECK(told.seq == own);
    REQUIRE(told.tags.size() == 1);
    CHECK(told.tags[0].first == "a");
    CHECK(store->own_purge_seq() == own);
    CHECK(store->purges().seq == later);
    CHECK(store->purges().tags.size() == 2);
    CHECK(store->node() == node);
    if (std::string_view(how) == "from the log") CHECK(store->snapshot().ok());
    store.reset();
    store = bench.open();
  }
}
