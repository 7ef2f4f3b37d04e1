// Goal: C-76: after `kill -9` at any moment every body is one that was really made, every
// acknowledged purge is there, and the active release is the last one that was reported, or the one
// after it. Method: a child works and says on a pipe what was acknowledged; it is killed; the
// parent opens the store and compares.

#include "store/fixture.h"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <map>
#include <random>

using namespace weir;
using namespace weir::store;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

std::string body_of(std::string_view what, std::uint64_t number) {
  std::string body = std::string(what) + ' ' + std::to_string(number) + ' ';
  std::uint64_t state = number + 1;
  while (body.size() < (number % 3 == 0 ? 200U : 9000U))
    body += std::to_string(state = state * 6364136223846793005U + 1);
  return body;
}

bool is_ours(std::string_view what, std::string_view body) {
  const std::size_t first = body.find(' ');
  const std::size_t second = body.find(' ', first + 1);
  if (second == std::string_view::npos) return false;
  const auto number = parse_u64(body.substr(first + 1, second - first - 1));
  return number && body == body_of(what, *number);
}

void say(int pipe, char what, std::uint64_t number) {
  std::string message(1, what);
  append_le(message, number);
  if (::write(pipe, message.data(), message.size()) < 0) ::_exit(3);
}

// Works until it is killed.
[[noreturn]] void work(const StoreSettings& given, std::uint64_t start, int pipe) {
  SystemClock clock;
  LineWriter lines(2, 16);
  Log log(clock, lines, LogLevel::error, LogForm::json);
  Disk disk;
  StoreSettings settings = given;
  settings.background = Background::thread;
  settings.log_bytes_max = 100 * KiB;  // so that snapshots are among the moments
  settings.garbage_grace = 10ms;
  auto opened = Store::open(settings, clock, log, disk);
  if (!opened) ::_exit(2);
  Store& store = **opened;
  for (std::uint64_t i = start;; ++i) {
    (void)keep(store, "/" + std::to_string(i % 20), body_of("fill", i)).ok();
    if (i % 3 == 0) {
      if (store.purge({.tags = {"t" + std::to_string(i)}}, Store::Durable::now)) say(pipe, 'p', i);
    }
    if (i % 17 == 0) (void)store.snapshot().ok();
    if (i % 19 == 0) (void)store.collect();
    if (i % 11 != 0) continue;
    auto writer = ReleaseWriter::open({settings.directory}, clock, disk);
    if (!writer) ::_exit(4);
    for (std::uint64_t j = 0; j < 5; ++j)
      if (!(*writer)->add(page("/" + std::to_string(j), body_of("built", i + j)))) ::_exit(5);
    const auto id = (*writer)->finish();
    if (id && store.adopt_release(*id)) say(pipe, 'r', *id);
  }
}

}  // namespace

TEST_CASE(
    "kill -9 at any moment of fills, purges and releases undoes nothing that was acknowledged",
    "[store]") {
#if defined(__SANITIZE_THREAD__)
  skip("ThreadSanitizer cannot follow a fork of a process with threads");
  return;
#endif
  StoreBench bench;
  std::mt19937_64 chance(11);
  std::vector<std::uint64_t> purged;
  std::uint64_t reported = 0;
  std::uint64_t number = 1;
  const std::size_t kills = rounds(20, 1'000);
  for (std::size_t round = 0; round < kills; ++round) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      ::close(ends[0]);
      work(bench.settings(), number, ends[1]);
    }
    ::close(ends[1]);
    std::string told;
    const auto hear = [&] {
      char message[9];
      const ssize_t count = ::read(ends[0], message, sizeof message);
      if (count > 0) told.append(message, static_cast<std::size_t>(count));
      return count > 0;
    };
    const auto has_heard = [&told](char what) {
      for (std::size_t at = 0; at < told.size(); at += 9)
        if (told[at] == what) return true;
      return false;
    };
    // A busy machine may not get to the first purge, or the first release, by itself.
    while (round % 2 == 1 && !(has_heard('p') && (round % 4 == 1 || has_heard('r')))) {
      pollfd next{ends[0], POLLIN, 0};
      REQUIRE(::poll(&next, 1, 60'000) == 1);
      REQUIRE(hear());
    }
    ::usleep(static_cast<useconds_t>(1'000 + chance() % 120'000));
    ::kill(child, SIGKILL);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    while (hear()) {
    }
    ::close(ends[0]);
    for (std::size_t at = 0; at + 9 <= told.size(); at += 9) {
      const auto what = load_le<std::uint64_t>(told.data() + at + 1);
      number = std::max(number, what + 1);
      if (told[at] == 'p') purged.push_back(what);
      else reported = what;
    }
    number += 1000;

    INFO("round " << round);
    const auto store = bench.open();
    std::map<std::string, Epochs> epochs;
    for (const auto& [name, pair] : store->purges().tags) epochs[name] = pair;
    CHECK(store->purges().all == Epochs{});  // nothing was damaged, only torn
    std::size_t missing = 0;
    for (const std::uint64_t tag : purged)
      missing += epochs["t" + std::to_string(tag)].soft == 0 ? 1 : 0;
    CHECK(missing == 0);
    const auto active = store->active();
    if (reported != 0) {
      REQUIRE(active.release != nullptr);
      CHECK(active.release->id() >= reported);
      for (std::size_t i = 0; i < active.release->count(); ++i)
        CHECK(is_ours("built", need(active.release->read(active.release->at(i))).identity));
    }
    store->for_each_fill(
        [&](const Fill& fill) { CHECK(is_ours("fill", need(store->read_fill(fill)).identity)); });
    CHECK(store->counters().corrupt == 0);
  }
  CHECK(purged.size() >= kills / 2);
  CHECK(reported > 0);
}

TEST_CASE(
    "a builder that is killed beside a running owner leaves the site and the disk as they were",
    "[store]") {
#if defined(__SANITIZE_THREAD__)
  skip("ThreadSanitizer cannot follow a fork of a process with threads");
  return;
#endif
  StoreBench bench;
  auto store = bench.open();
  {
    const auto writer = bench.writer();
    need(writer->add(page("/", "first")));
    need(store->adopt_release(need(writer->finish())));
  }
  std::mt19937_64 chance(3);
  for (std::size_t round = 0; round < rounds(10, 100); ++round) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      SystemClock clock;
      Disk disk;
      for (std::uint64_t i = 0;; ++i) {
        auto writer = ReleaseWriter::open({bench.settings().directory}, clock, disk);
        for (std::uint64_t j = 0; writer && j < 50; ++j)
          (void)(*writer)->add(page("/" + std::to_string(j), body_of("built", i + j))).ok();
        if (writer) (void)(*writer)->finish().ok();
      }
    }
    ::usleep(static_cast<useconds_t>(1'000 + chance() % 30'000));
    ::kill(child, SIGKILL);
    REQUIRE(::waitpid(child, nullptr, 0) == child);
    CHECK(store->active().release->id() == 1);
    for (const ReleaseId id : store->releases()) {  // each that has a name is whole
      const auto opened =
          Release::open(bench.settings().directory, id, store->blobs().key(), bench.disk);
      REQUIRE(opened);
      for (std::size_t i = 0; i < (*opened)->count(); ++i)
        CHECK((*opened)->read((*opened)->at(i)).ok());
    }
    store->collect();
    bench.clock.advance(6min);
    store->collect();
  }
  CHECK(store->releases().size() <= 10);
  store.reset();
  store = bench.open();
  CHECK(need(names_in(bench.settings().directory + "/tmp")).empty());
}
