// Goal: when the disk fails, nobody is told that it did not (D-6, D-7, D-76).
// Method: SQLite on a file system that fails at each write and each sync in turn. Whatever was
// acknowledged must be there after a restart, whatever was refused must be refused with the right
// problem, and reading goes on.

#include "service_fixture.h"

#include <sqlite3.h>
#include <atomic>
#include <catch2/catch.hpp>

namespace weir::sync::test {

namespace {

enum class Fault { none, no_room, write_fails, sync_fails };

// A SQLite file system that fails when it is told to: every file of SQLite goes through it while it
// is there.
class FaultyFiles {
 public:
  FaultyFiles();
  ~FaultyFiles();
  FaultyFiles(const FaultyFiles&) = delete;
  FaultyFiles& operator=(const FaultyFiles&) = delete;

  // From the operation after the next `passes` on (writes for no_room and write_fails, syncs for
  // sync_fails).
  void arm(Fault fault, int passes = 0);
  void heal() { arm(Fault::none); }
  int syncs() const;  // since it was installed

 private:
  sqlite3_vfs vfs_{};
};

// SQLite's callbacks know nothing of objects: one installed file system at a time.
struct State {
  sqlite3_vfs* real = nullptr;
  std::atomic<Fault> fault{Fault::none};
  std::atomic<int> passes{0};
  std::atomic<int> syncs{0};
};
State state;

struct File {
  sqlite3_file base;
  sqlite3_file* real;  // behind this struct, in the memory that SQLite gave us
};
sqlite3_file* real_of(sqlite3_file* file) { return reinterpret_cast<File*>(file)->real; }

bool is_due() { return state.passes.fetch_sub(1) <= 0; }

int close_file(sqlite3_file* file) { return real_of(file)->pMethods->xClose(real_of(file)); }
int read_file_at(sqlite3_file* file, void* to, int count, sqlite3_int64 at) {
  return real_of(file)->pMethods->xRead(real_of(file), to, count, at);
}
int write_file_at(sqlite3_file* file, const void* from, int count, sqlite3_int64 at) {
  const Fault fault = state.fault;
  if ((fault == Fault::no_room || fault == Fault::write_fails) && is_due())
    return fault == Fault::no_room ? SQLITE_FULL : SQLITE_IOERR_WRITE;
  return real_of(file)->pMethods->xWrite(real_of(file), from, count, at);
}
int truncate_file(sqlite3_file* file, sqlite3_int64 size) {
  return real_of(file)->pMethods->xTruncate(real_of(file), size);
}
int sync_file(sqlite3_file* file, int flags) {
  ++state.syncs;
  if (state.fault == Fault::sync_fails && is_due()) return SQLITE_IOERR_FSYNC;
  return real_of(file)->pMethods->xSync(real_of(file), flags);
}
int file_size(sqlite3_file* file, sqlite3_int64* size) {
  return real_of(file)->pMethods->xFileSize(real_of(file), size);
}
int lock_file(sqlite3_file* file, int level) {
  return real_of(file)->pMethods->xLock(real_of(file), level);
}
int unlock_file(sqlite3_file* file, int level) {
  return real_of(file)->pMethods->xUnlock(real_of(file), level);
}
int check_lock(sqlite3_file* file, int* is_locked) {
  return real_of(file)->pMethods->xCheckReservedLock(real_of(file), is_locked);
}
int control(sqlite3_file* file, int operation, void* argument) {
  return real_of(file)->pMethods->xFileControl(real_of(file), operation, argument);
}
int sector_size(sqlite3_file* file) { return real_of(file)->pMethods->xSectorSize(real_of(file)); }
int characteristics(sqlite3_file* file) {
  return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}
int shm_map(sqlite3_file* file, int page, int bytes, int extend, void volatile** out) {
  return real_of(file)->pMethods->xShmMap(real_of(file), page, bytes, extend, out);
}
int shm_lock(sqlite3_file* file, int offset, int count, int flags) {
  return real_of(file)->pMethods->xShmLock(real_of(file), offset, count, flags);
}
void shm_barrier(sqlite3_file* file) { real_of(file)->pMethods->xShmBarrier(real_of(file)); }
int shm_unmap(sqlite3_file* file, int is_delete) {
  return real_of(file)->pMethods->xShmUnmap(real_of(file), is_delete);
}

const sqlite3_io_methods methods{
    2,         close_file,  read_file_at, write_file_at, truncate_file, sync_file,       file_size,
    lock_file, unlock_file, check_lock,   control,       sector_size,   characteristics, shm_map,
    shm_lock,  shm_barrier, shm_unmap,    nullptr,       nullptr};

int open_file(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  File* ours = reinterpret_cast<File*>(file);
  ours->real = reinterpret_cast<sqlite3_file*>(ours + 1);
  ours->base.pMethods = nullptr;
  const int code = state.real->xOpen(state.real, name, ours->real, flags, out_flags);
  if (ours->real->pMethods != nullptr) ours->base.pMethods = &methods;
  return code;
}

FaultyFiles::FaultyFiles() {
  state.real = sqlite3_vfs_find(nullptr);
  MUST(state.real != nullptr);
  MUST(std::string_view(state.real->zName) != "faulty");
  state.syncs = 0;
  heal();
  vfs_ = *state.real;  // all but opening is the real one's business; its callbacks do not look at
                       // themselves
  vfs_.zName = "faulty";
  vfs_.pNext = nullptr;
  vfs_.szOsFile = static_cast<int>(sizeof(File)) + state.real->szOsFile;
  vfs_.xOpen = open_file;
  MUST(sqlite3_vfs_register(&vfs_, 1) == SQLITE_OK);
}

FaultyFiles::~FaultyFiles() {
  MUST(sqlite3_vfs_unregister(&vfs_) == SQLITE_OK);
  MUST(sqlite3_vfs_register(state.real, 1) == SQLITE_OK);
}

void FaultyFiles::arm(Fault fault, int passes) {
  state.passes = passes;
  state.fault = fault;
}
int FaultyFiles::syncs() const { return state.syncs; }

std::size_t count_in_log(ServiceFixture& fixture) {
  return json_in(fixture.sync("GET", "a")).find("ops")->array()->size();
}

}  // namespace

TEST_CASE("a full disk is 507, reading goes on, and writing resumes by itself", "[sync][fault]") {
  FaultyFiles files;
  ServiceFixture fixture;
  REQUIRE(fixture.sync("POST", "a/ops", batch(replica_a, 1, title(fixture.clock, "one"))).status ==
          200);

  files.arm(Fault::no_room);
  const Reply refused =
      fixture.sync("POST", "a/ops", batch(replica_a, 2, title(fixture.clock, "two")));
  const Reply key = fixture.kv("PUT", "k", "v");
  CHECK(refused.status == 507);
  CHECK(refused.problem == "quota");
  CHECK(key.status == 507);
  CHECK(count_in_log(fixture) == 1);

  files.heal();
  const Reply resumed =
      fixture.sync("POST", "a/ops", batch(replica_a, 2, title(fixture.clock, "two")));
  CHECK(resumed.status == 200);
  CHECK(number_in(resumed, "dup") == 0);
  CHECK(count_in_log(fixture) == 2);
  fixture.close();
  CHECK(count_in_log(fixture) == 2);
  fixture.close();
}

TEST_CASE("a failed sync stops the tenant's writes until a restart and is never asked again",
          "[sync][fault]") {
  FaultyFiles files;
  ServiceFixture fixture;
  REQUIRE(fixture.sync("POST", "a/ops", batch(replica_a, 1, title(fixture.clock, "one"))).status ==
          200);

  files.arm(Fault::sync_fails);
  const Reply refused =
      fixture.sync("POST", "a/ops", batch(replica_a, 2, title(fixture.clock, "two")));
  CHECK(refused.status == 503);
  CHECK(refused.problem == "storage-failed");
  files.heal();
  const int syncs = files.syncs();
  const Reply later =
      fixture.sync("POST", "a/ops", batch(replica_a, 2, title(fixture.clock, "two")));

  CHECK(later.problem == "storage-failed");
  CHECK(files.syncs() == syncs);
  CHECK(count_in_log(fixture) == 1);
  CHECK(fixture.service().counters().tenants_failed == 1);
  fixture.close();
  // Nobody knows whether the refused one reached the disk; the client's repetition makes it
  // certain.
  CHECK(fixture.sync("POST", "a/ops", batch(replica_a, 2, title(fixture.clock, "two"))).status ==
        200);
  CHECK(count_in_log(fixture) == 2);
  fixture.close();
}

TEST_CASE("a fault at each write and sync in turn loses nothing that was acknowledged",
          "[sync][fault]") {
  for (const Fault fault : {Fault::no_room, Fault::write_fails, Fault::sync_fails}) {
    for (int passes = 0; passes < 14; ++passes) {
      INFO("fault " << static_cast<int>(fault) << " after " << passes);
      FaultyFiles files;
      ServiceFixture fixture;
      REQUIRE(
          fixture.sync("POST", "a/ops", batch(replica_a, 1, title(fixture.clock, "0"))).status ==
          200);
      files.arm(fault, passes);
      std::int64_t acknowledged = 1;
      for (int i = 0; i < 6; ++i) {
        const Reply reply = fixture.sync(
            "POST", "a/ops", batch(replica_a, acknowledged + 1, title(fixture.clock, "x")));
        if (reply.status == 200) ++acknowledged;
        else CHECK((reply.status == 507 || reply.status == 503));
        REQUIRE(count_in_log(fixture) == static_cast<std::size_t>(acknowledged));
      }
      files.heal();
      fixture.close();
      // At most the one whose sync failed may be there without an acknowledgement.
      const std::size_t found = count_in_log(fixture);
      CHECK(found >= static_cast<std::size_t>(acknowledged));
      CHECK(found <= static_cast<std::size_t>(acknowledged) + 1);
      fixture.close();
    }
  }
}

TEST_CASE("each acknowledgement has its own sync or shares one with others", "[sync][fault]") {
  FaultyFiles files;
  ServiceFixture fixture;
  REQUIRE(fixture.kv("PUT", "k", "0").status == 201);
  for (int i = 0; i < 5; ++i) {
    const int before = files.syncs();
    REQUIRE(fixture.kv("PUT", "k", std::to_string(i)).status == 200);
    CHECK(files.syncs() > before);
  }
  fixture.close();
}

}  // namespace weir::sync::test
