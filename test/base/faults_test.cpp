// Goal: the plan of faults strikes what it names and nothing else; and what stands on the floor
// (files, lines of the log, workers) lives with each of them.

#include "base/faults.h"

#include "base/file.h"
#include "base/log.h"
#include "base/worker_pool.h"
#include "faulty.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <string>

using namespace weir;
using namespace weir::test;

TEST_CASE("work that memory does not suffice for is lost and counted, and the next one runs",
          "[base]") {
  WorkerPool pool("test", 1, 10);
  bool has_run = false;
  REQUIRE(pool.offer([] { throw std::bad_alloc(); }).ok());
  REQUIRE(pool.offer([&has_run] { has_run = true; }).ok());
  pool.wait_until_idle();
  CHECK(has_run);
  CHECK(pool.lost() == 1);
}

TEST_CASE("a plan strikes the calls it names, as often as it says", "[base][faults]") {
  if (!has_faults()) return;
  const faults::Armed armed({.calls = faults::only(faults::Call::open),
                             .error = EMFILE,
                             .first = 2,
                             .count = 2,
                             .threads = faults::Plan::Threads::own});
  CHECK(read_file("/dev/null").error().code == Errc::denied);  // opened, and not a regular file
  CHECK(read_file("/dev/null").error().code == Errc::full);
  CHECK(read_file("/dev/null").error().code == Errc::full);
  CHECK(read_file("/dev/null").error().code == Errc::denied);
  CHECK(armed.seen() == 4);
  CHECK(armed.failed() == 2);
}

TEST_CASE("a file is written whole or not at all, whatever call fails", "[base][faults]") {
  if (!has_faults()) return;
  const TemporaryDirectory directory;
  const std::string path = directory / "file";
  const std::string before(9'000, 'b'), after(7'000, 'a');
  for (const int error : {EINTR, ENOSPC, EIO, 0}) {
    bool was_written = false;
    fail_each(
        {.calls = faults::file_calls, .error = error, .threads = faults::Plan::Threads::own},
        [&] { REQUIRE(write_file_atomically(path, before, Sync::yes).ok()); },
        [&] { was_written = write_file_atomically(path, after, Sync::yes).ok(); },
        [&] {
          const auto found = read_file(path);
          REQUIRE(found.ok());
          CHECK((*found == after || (!was_written && *found == before)));
        });
  }
}

TEST_CASE("lines of the log survive short and interrupted writes", "[base][faults]") {
  if (!has_faults()) return;
  const TemporaryDirectory directory;
  const std::string path = directory / "log";
  for (const int error : {EINTR, 0}) {
    fail_each(
        {.calls = faults::only(faults::Call::write),
         .error = error,
         .threads = faults::Plan::Threads::others},
        [] {},
        [&] {
          const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600));
          LineWriter lines(file.number(), 64);
          for (int i = 0; i < 10; ++i) lines.write("line " + std::to_string(i));
        },
        [&] {
          std::string whole;
          for (int i = 0; i < 10; ++i) whole += "line " + std::to_string(i) + '\n';
          CHECK(*read_file(path) == whole);
        });
  }
}
