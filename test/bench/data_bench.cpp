// Question: how many operations a second are acknowledged after their sync, how long does one wait
// for its acknowledgement, and what does an operation cost in CPU? (data, section 18) Budget:
// acknowledgement p50 <= 1 ms at 16 producers; CPU per stored operation <= 5 us at 64 per commit,
// storage alone.
//
// Beside them the device itself: append + fdatasync, because a disk that syncs slowly caps
// everything else.

#include "base/bytes.h"
#include "base/file.h"
#include "base/must.h"
#include "sync/crdt.h"
#include "sync/push.h"
#include "sync/service.h"

#include <fcntl.h>
#include <unistd.h>
#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <mutex>
#include <thread>
#include <vector>

using namespace weir;

namespace {

double cpu_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

std::string batch_of(int producer, std::int64_t first, int count, const Clock& clock) {
  std::string replica(16, 'a');
  std::snprintf(replica.data(), replica.size() + 1, "%016d", producer);
  char stamp[17];
  std::snprintf(stamp, sizeof stamp, "%012llx0000",
                static_cast<unsigned long long>(clock.wall().millis()));
  std::string body =
      R"({"rep":"r_)" + replica + R"(","n":)" + std::to_string(first) + R"(,"ops":[)";
  for (int i = 0; i < count; ++i) {
    if (i > 0) body += ',';
    body += R"({"e":"task-)" + std::to_string(first % 100) + R"(","f":"title","t":"lww","h":")" +
            stamp + R"(","v":"Buy milk"})";
  }
  return body + "]}";
}

struct Sample {
  std::vector<double> waits_ms;
};

// Pushes one batch after the other until `end`.
Sample produce(sync::SyncService& service, const Clock& clock, int producer, int ops_per_push,
               Mono end) {
  Sample sample;
  std::mutex mutex;
  std::condition_variable came;
  for (std::int64_t next = 1; clock.mono() < end; next += ops_per_push) {
    bool is_there = false;
    sync::Ask ask;
    ask.method = "POST";
    ask.path = "doc" + std::to_string(producer % 8) + "/ops";
    ask.body = batch_of(producer, next, ops_per_push, clock);
    const Mono start = clock.mono();
    service.answer(std::move(ask), [&mutex, &came, &is_there](const sync::Reply& reply) {
      MUST(reply.status == 200);
      const std::lock_guard lock(mutex);
      is_there = true;
      came.notify_one();
    });
    std::unique_lock lock(mutex);
    came.wait(lock, [&is_there] { return is_there; });
    sample.waits_ms.push_back(static_cast<double>((clock.mono() - start).count()) / 1e6);
  }
  return sample;
}

void measure(const std::string& directory, int producers, int ops_per_push, Log& log,
             const Clock& clock) {
  sync::SyncSettings settings;
  settings.directory =
      directory + '/' + std::to_string(producers) + '-' + std::to_string(ops_per_push);
  settings.sync_rules = {{"**", "true", "true", {}}};
  auto service = sync::SyncService::open(settings, clock, log).value();
  const double cpu_before = cpu_seconds();
  const Mono start = clock.mono();
  const Mono end = start + std::chrono::seconds(2);
  std::vector<Sample> samples(static_cast<std::size_t>(producers));
  std::vector<std::thread> threads;
  for (int i = 0; i < producers; ++i)
    threads.emplace_back([&samples, &service, &clock, i, ops_per_push, end] {
      samples[static_cast<std::size_t>(i)] = produce(*service, clock, i, ops_per_push, end);
    });
  for (std::thread& thread : threads) thread.join();
  const double seconds = static_cast<double>((clock.mono() - start).count()) / 1e9;
  const double cpu = cpu_seconds() - cpu_before;
  std::vector<double> waits;
  for (const Sample& sample : samples)
    waits.insert(waits.end(), sample.waits_ms.begin(), sample.waits_ms.end());
  std::sort(waits.begin(), waits.end());
  const auto counters = service->counters();
  const auto ops = static_cast<double>(counters.ops_stored);
  std::printf(
      "%4d producers x %3d ops: %9.0f acked op/s  ack p50 %6.2f ms  p99 %6.2f ms  %6.1f op/commit  "
      "%5.1f us CPU/op\n",
      producers, ops_per_push, ops / seconds, waits[waits.size() / 2],
      waits[waits.size() * 99 / 100], ops / static_cast<double>(counters.commits), cpu / ops * 1e6);
}

// The writer's part alone: rows, counters and commit, without decoding and threads.
void measure_storage(const std::string& directory, int per_commit) {
  data::Database::Options options;
  options.access = data::Access::create;
  data::Database database = data::Database::open(directory + "/storage.db", options).value();
  MUST(database
           .run("CREATE TABLE log (seq INTEGER PRIMARY KEY, doc INT NOT NULL, rep INT NOT NULL, "
                "ctr INT NOT NULL, "
                "hlc INT NOT NULL, recv INT NOT NULL, body BLOB NOT NULL) STRICT;"
                "CREATE TABLE high (doc INT NOT NULL, rep INT NOT NULL, ctr INT NOT NULL, seen INT "
                "NOT NULL, "
                "PRIMARY KEY (doc, rep)) STRICT, WITHOUT ROWID",
                "make tables")
           .ok());
  data::Statement insert =
      database.prepare("INSERT INTO log VALUES (?,?,?,?,?,?,?)", "append").value();
  data::Statement high =
      database
          .prepare(
              "INSERT INTO high VALUES (?,?,?,?) ON CONFLICT (doc, rep) DO UPDATE SET "
              "ctr=excluded.ctr, seen=excluded.seen",
              "raise")
          .value();
  const std::string body =
      R"("e":"task-17","f":"title","t":"lww","h":"0193a5c2f1e80000","v":"Buy milk"})";
  const SystemClock clock;
  const double cpu_before = cpu_seconds();
  const Mono start = clock.mono();
  constexpr int ops = 200'000;
  for (int i = 0; i < ops; i += per_commit) {
    data::Transaction transaction =
        data::Transaction::begin(database, data::Transaction::Kind::write).value();
    for (int k = 0; k < per_commit; ++k)
      MUST(insert.bind(1, i + k + 1)
               .bind(2, k % 2'000)
               .bind(3, i % 5'000)
               .bind(4, i + k)
               .bind(5, i)
               .bind(6, i)
               .bind_blob(7, body)
               .run()
               .ok());
    MUST(high.bind(1, i % 2'000).bind(2, i % 5'000).bind(3, i).bind(4, i).run().ok());
    MUST(transaction.commit().ok());
  }
  const double seconds = static_cast<double>((clock.mono() - start).count()) / 1e9;
  std::printf("storage alone, %4d per commit: %9.0f op/s  %5.2f us CPU/op\n", per_commit,
              ops / seconds, (cpu_seconds() - cpu_before) / ops * 1e6);
}

void measure_device(const std::string& directory) {
  const SystemClock clock;
  const Descriptor file(
      ::open((directory + "/device").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  const std::string page(4096, 'x');
  const Mono start = clock.mono();
  int count = 0;
  for (; clock.mono() - start < std::chrono::seconds(1); ++count) {
    MUST(write_all(file.number(), page, "device").ok());
    MUST(::fdatasync(file.number()) == 0);
  }
  std::printf("device: append 4 KiB + fdatasync: %d/s\n", count);
}

void measure_fold() {
  constexpr int ops = 100'000;
  sync::BatchBounds bounds;
  bounds.stamp_max = {UINT64_MAX};
  bounds.ops_max = 500;
  const SystemClock clock;
  const auto decoded = sync::decode_batch(batch_of(1, 1, 500, clock), bounds);
  const sync::Batch& batch = std::get<sync::Batch>(decoded);
  double before = cpu_seconds();
  for (int i = 0; i < ops / 500; ++i)
    MUST(std::holds_alternative<sync::Batch>(
        sync::decode_batch(batch_of(1, 1, 500, clock), bounds)));
  std::printf("decode and check (making the batch included): %5.2f us CPU/op\n",
              (cpu_seconds() - before) / ops * 1e6);
  before = cpu_seconds();
  sync::DocumentState state;
  for (int i = 0; i < ops; ++i)
    state.merge(batch.replica, i + 1,
                sync::parse_body(batch.ops[static_cast<std::size_t>(i % 500)].body).value());
  std::printf("fold: %5.2f us CPU/op\n", (cpu_seconds() - before) / ops * 1e6);
}

}  // namespace

int main(int, char** arguments) {
  // Beside the program: on the disk that is built on, not in a temporary file system.
  const std::string directory = std::string(arguments[0]) + ".data";
  std::filesystem::remove_all(directory);
  MUST(make_directories(directory).ok());
  const SystemClock clock;
  LineWriter lines(2, 64);
  Log log(clock, lines, LogLevel::error, LogForm::text);
  measure_device(directory);
  for (const int per_commit : {64, 2'000}) {
    measure_storage(directory, per_commit);
    std::filesystem::remove(directory + "/storage.db");
  }
  for (const int producers : {1, 16, 256}) measure(directory, producers, 1, log, clock);
  measure(directory, 16, 64, log, clock);
  measure_fold();
  std::filesystem::remove_all(directory);
  return 0;
}
