#pragma once
// One tenant: one SQLite file, one writer, readers beside it, and the memory of its documents.
//
// Writing (data, D-3): jobs queue; whoever finds the writer idle starts it on the writer pool; it
// takes everything that is queued (at most limits::commit_ops_max operations or commit_bytes_max
// bytes), runs the jobs in one transaction, commits with a sync, and only then answers, and only
// then tells the followers. There is no timer: a batch grows while the sync before it runs. When
// the disk is full the batch is answered 507 and the next one is tried as usual. When a write or a
// sync fails the tenant takes no more writes until the process starts again: after a failed sync
// nobody knows what the disk holds, and asking again would say "done" (data, D-7). Reading goes on.
//
// Reading: a lease on a connection, for threads that may wait for a disk.
//
// Callable from any thread, except where it says otherwise.

#include "base/guarded.h"
#include "base/log.h"
#include "base/worker_pool.h"
#include "data/sqlite.h"
#include "sync/commit.h"
#include "sync/documents.h"
#include "sync/hlc.h"
#include "sync/hub.h"
#include "sync/service.h"

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace weir::sync {

// Added up over all tenants; see SyncService::Counters.
struct Tally {
  std::atomic<std::uint64_t> ops_stored{0};
  std::atomic<std::uint64_t> ops_duplicate{0};
  std::atomic<std::uint64_t> commits{0};
  std::atomic<std::uint64_t> kv_writes{0};
  std::atomic<std::uint64_t> tenants_failed{0};
};

// What all tenants share; must outlive them.
struct TenantRoom {
  const SyncSettings& settings;
  const Clock& clock;
  Log& log;
  Hub& hub;
  Tally& tally;
  WorkerPool& writers;
  WorkerPool& readers;
  WorkerPool& keepers;                   // checkpoints
  const std::atomic<bool>& is_stopping;  // then no background work begins
};

// A piece of work for the writer. `apply` checks everything before it changes anything: a Reply
// with a problem has written nothing. An Error fails the whole batch.
struct Job {
  std::size_t ops = 1;
  std::size_t bytes = 0;
  bool grows = true;  // refused with 507 when the tenant is over its quota
  std::function<Result<Reply>(Commit&)> apply;
  Answer answer;
};

// A connection for reading with its statements; used by one thread at a time.
struct Reader {
  data::Database database;
  data::Statement operation;   // one row of the log by position
  data::Statement operations;  // rows of a document between two positions
  data::Statement snapshot;
  data::Statement versions;
  data::Statement value;  // of a key

  static Result<std::unique_ptr<Reader>> open(const std::string& path);
};

class Tenant : public std::enable_shared_from_this<Tenant> {
 public:
  // Makes the file when it is missing; then file and directory are synced before this returns.
  // Touches the disk.
  static Result<std::shared_ptr<Tenant>> open(const std::string& name, const TenantRoom& room);
  ~Tenant();

  const std::string& name() const { return name_; }
  const std::string& epoch() const { return epoch_; }
  const TenantRoom& room() const { return room_; }
  const Documents& documents() const { return documents_; }
  std::int64_t last_position() const { return last_position_; }
  bool is_durable() const { return room_.settings.durability == Durability::full; }
  std::string sync_token(std::int64_t position) const;

  void offer(Job job);  // a full queue answers 503 at once

  // Gives the connection back at its end.
  class Lease {
   public:
    Lease(Tenant& tenant, std::unique_ptr<Reader> reader)
        : tenant_(&tenant), reader_(std::move(reader)) {}
    Lease(Lease&&) = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease();
    Reader& operator*() { return *reader_; }
    Reader* operator->() { return reader_.get(); }

   private:
    Tenant* tenant_;
    std::unique_ptr<Reader> reader_;
  };
  Result<Lease> read();  // waits for the disk

  // A key with this expiry was stored.
  void note_expiry(std::int64_t expiry_ms);
  // Offers a sweep when a key has expired. Called by the housekeeper.
  void sweep_when_due();

 private:
  Tenant(std::string name, const TenantRoom& room);
  std::string path() const;
  Status load();
  Status load_documents();

  void work();  // on a writer thread: batches until the queue is empty
  std::vector<Job> take_batch();
  void commit(std::vector<Job>& jobs);
  Result<std::vector<Reply>> apply(std::vector<Job>& jobs, Commit& commit);
  std::optional<Result<std::vector<Reply>>> apply_within_memory(std::vector<Job>& jobs,
                                                                Commit& commit);
  void refuse(std::vector<Job>& jobs, const Error& error);
  void checkpoint_when_large();
  void checkpoint(data::Database::CheckpointMode mode);
  void fold_when_long(const std::string& document);

  const std::string name_;
  const TenantRoom room_;
  std::string epoch_;
  Documents documents_;
  std::atomic<std::int64_t> last_position_{0};
  std::atomic<std::int64_t> next_expiry_ms_{INT64_MAX};
  std::atomic<bool> has_failed_{false};

  struct Queue {
    std::deque<Job> jobs;
    bool is_running = false;
  };
  Guarded<Queue> queue_;

  // Only the writer's thread of the moment.
  data::Database database_;
  WriteStatements sql_;
  std::optional<HlcClock> hlc_;
  std::size_t checkpoint_bytes_ = 0;

  std::atomic<bool> is_checkpointing_{false};
  Guarded<std::vector<std::unique_ptr<Reader>>> readers_;
  Guarded<std::set<std::string>> folding_;
};

}  // namespace weir::sync
