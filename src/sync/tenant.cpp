#include "sync/tenant.h"

#include "base/file.h"
#include "base/must.h"
#include "sync/fold.h"
#include "sync/kv.h"
#include "sync/schema.h"

#include <algorithm>
#include <new>
#include <optional>

#include <fcntl.h>
#include <unistd.h>

namespace weir::sync {

namespace {

// After so many batches in a row the writer lets other tenants have the thread.
constexpr int batches_in_a_row = 64;

Status sync_file(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open() || ::fsync(file.number()) != 0)
    return Error{errc_of(errno), "cannot sync " + path + ": " + reason_of(errno)};
  return done;
}

}  // namespace

// --- opening -------------------------------------------------------------------------------------

Tenant::Tenant(std::string name, const TenantRoom& room)
    : name_(std::move(name)), room_(room), checkpoint_bytes_(limits::wal_passive_bytes) {}

std::string Tenant::path() const { return room_.settings.directory + '/' + name_ + ".db"; }

Result<std::shared_ptr<Tenant>> Tenant::open(const std::string& name, const TenantRoom& room) {
  struct Made : Tenant {  // the constructor is private
    Made(const std::string& tenant_name, const TenantRoom& tenant_room)
        : Tenant(tenant_name, tenant_room) {}
  };
  auto tenant = std::make_shared<Made>(name, room);
  if (Status loaded = tenant->load(); !loaded)
    return std::move(loaded).error().in("tenant '" + name + "'");
  return std::shared_ptr<Tenant>(std::move(tenant));
}

Status Tenant::load() {
  const bool is_new = ::access(path().c_str(), F_OK) != 0;
  data::Database::Options options;
  options.access = data::Access::create;
  using Synchronous = data::Database::Synchronous;
  options.synchronous = is_durable() ? Synchronous::full : Synchronous::normal;
  database_ = TRY(data::Database::open(path(), options));
  TRY(migrate(database_));
  if (is_new) {
    TRY(sync_file(path()));
    TRY(sync_directory(room_.settings.directory));
  }
  sql_ = TRY(WriteStatements::prepare(database_));

  data::Statement meta = TRY(database_.prepare("SELECT k, v FROM meta", "read position and clock"));
  Hlc stamp;
  while (TRY(meta.step())) {
    const std::string_view key = meta.bytes(0);
    if (key == "epoch") epoch_ = meta.bytes(1);
    if (key == "seq") last_position_ = meta.integer(1);
    if (key == "hlc") stamp = {static_cast<std::uint64_t>(meta.integer(1))};
  }
  hlc_.emplace(room_.clock, stamp);
  const std::int64_t next_expiry = TRY(database_.read_integer(
      "SELECT coalesce(min(exp), 9223372036854775807) FROM kv WHERE exp IS NOT NULL",
      "find the next expiry"));
  next_expiry_ms_ = next_expiry;
  return load_documents();
}

Status Tenant::load_documents() {
  std::unordered_map<std::int64_t, std::string> names;
  data::Statement list = TRY(database_.prepare(
      "SELECT id, name, seq, gone, snap_seq, is_full FROM doc", "list the documents"));
  while (TRY(list.step())) {
    Document document;
    document.id = list.integer(0);
    document.head = list.integer(2);
    document.gone = list.integer(3);
    document.folded = list.integer(4);
    document.is_full = list.integer(5) != 0;
    names.emplace(document.id, list.bytes(1));
    documents_.add(names.at(document.id), document);
  }

  std::unordered_map<std::int64_t, std::vector<std::int64_t>> positions;
  data::Statement log =
      TRY(database_.prepare("SELECT seq, doc FROM log ORDER BY seq", "index the log"));
  while (TRY(log.step())) positions[log.integer(1)].push_back(log.integer(0));
  for (const auto& [id, of_document] : positions) {
    const auto name = names.find(id);
    if (name == names.end())
      return Error{Errc::corrupt, "the log has operations of document " + std::to_string(id) +
                                      ", which does not exist"};
    documents_.append(name->second, of_document);
    const Document document = *documents_.find(name->second);
    documents_.note_fold(name->second, {.folded = document.folded, .is_full = document.is_full});
  }
  return done;
}

Tenant::~Tenant() = default;

std::string Tenant::sync_token(std::int64_t position) const {
  return "t1." + epoch_ + '.' + std::to_string(position);
}

// --- writing -------------------------------------------------------------------------------------

void Tenant::offer(Job job) {
  if (has_failed_) {
    job.answer(problem_reply(
        Problem::storage_failed,
        "the tenant's storage failed earlier; it is read-only until weir is restarted"));
    return;
  }
  bool must_start = false;
  const bool has_room = queue_.with([&job, &must_start](Queue& queue) {
    if (queue.jobs.size() >= limits::commit_queue_max) return false;
    queue.jobs.push_back(std::move(job));
    must_start = !std::exchange(queue.is_running, true);
    return true;
  });
  if (!has_room) {
    job.answer(
        problem_reply(Problem::overloaded, "too many writes are waiting; try again in a second"));
    return;
  }
  // Each tenant is in the pool's queue at most once, and the queue has a place for every open
  // tenant.
  if (must_start) MUST(room_.writers.offer([self = shared_from_this()] { self->work(); }).ok());
}

void Tenant::work() {
  for (int i = 0; i < batches_in_a_row; ++i) {
    std::vector<Job> jobs = take_batch();
    if (jobs.empty()) return;
    commit(jobs);
  }
  MUST(room_.writers.offer([self = shared_from_this()] { self->work(); }).ok());
}

std::vector<Job> Tenant::take_batch() {
  return queue_.with([](Queue& queue) {
    std::vector<Job> taken;
    std::size_t ops = 0;
    std::size_t bytes = 0;
    while (!queue.jobs.empty()) {
      const Job& next = queue.jobs.front();
      const bool fits = ops + next.ops <= limits::commit_ops_max &&
                        bytes + next.bytes <= limits::commit_bytes_max;
      if (!taken.empty() && !fits) break;
      ops += next.ops;
      bytes += next.bytes;
      taken.push_back(std::move(queue.jobs.front()));
      queue.jobs.pop_front();
    }
    if (taken.empty()) queue.is_running = false;
    return taken;
  });
}

Result<std::vector<Reply>> Tenant::apply(std::vector<Job>& jobs, Commit& commit) {
  data::Transaction transaction =
      TRY(data::Transaction::begin(database_, data::Transaction::Kind::write));
  TRY(sql_.count_pages.step());
  constexpr std::size_t page_bytes = 4096;
  const bool is_over_quota = static_cast<std::size_t>(sql_.count_pages.integer(0)) * page_bytes >
                             room_.settings.tenant_bytes_max;
  sql_.count_pages.reset();

  std::vector<Reply> replies;
  replies.reserve(jobs.size());
  for (Job& job : jobs) {
    if (is_over_quota && job.grows) {
      replies.push_back(problem_reply(
          Problem::quota,
          "the tenant has used its " + std::to_string(room_.settings.tenant_bytes_max) + " bytes"));
      continue;
    }
    replies.push_back(TRY(job.apply(commit)));
  }
  if (!commit.has_changes()) return replies;
  sql_.put_meta.bind(1, commit.last_position())
      .bind(2, static_cast<std::int64_t>(commit.clock().last().stamp));
  TRY(sql_.put_meta.run());
  TRY(transaction.commit());
  return replies;
}

// Nothing when memory did not suffice; the transaction is undone then, and nothing is broken.
std::optional<Result<std::vector<Reply>>> Tenant::apply_within_memory(std::vector<Job>& jobs,
                                                                      Commit& commit) {
  try {
    return apply(jobs, commit);
  } catch (const std::bad_alloc&) {
    return std::nullopt;
  }
}

void Tenant::commit(std::vector<Job>& jobs) {
  if (has_failed_) return refuse(jobs, Error{Errc::io, "the storage failed earlier"});
  const CommitContext context{database_, sql_, documents_, room_.hub, name_, epoch_};
  Commit commit(context, room_.clock.wall(), last_position_, *hlc_);
  std::optional<Result<std::vector<Reply>>> applied = apply_within_memory(jobs, commit);
  if (!applied) {
    for (Job& job : jobs)
      job.answer(problem_reply(Problem::overloaded, "the server is out of memory; try again"));
    return;
  }
  Result<std::vector<Reply>> replies = *std::move(applied);
  if (!replies) return refuse(jobs, replies.error());

  if (commit.has_changes()) {
    commit.reveal(documents_);
    last_position_ = commit.last_position();
    hlc_.emplace(commit.clock());
    ++room_.tally.commits;
  }
  room_.tally.ops_stored += commit.counts.ops_stored;
  room_.tally.ops_duplicate += commit.counts.ops_duplicate;
  room_.tally.kv_writes += commit.counts.kv_writes;
  for (std::size_t i = 0; i < jobs.size(); ++i) jobs[i].answer(std::move((*replies)[i]));
  commit.publish(room_.hub);
  database_.reserve_log();
  checkpoint_when_large();
  for (const std::string& document : commit.touched_documents()) fold_when_long(document);
}

void Tenant::refuse(std::vector<Job>& jobs, const Error& error) {
  const bool is_full = error.code == Errc::full;
  if (!is_full && !has_failed_.exchange(true)) {
    ++room_.tally.tenants_failed;
    room_.log.error(
        "storage failed",
        {{"tenant", name_}, {"reason", error.what}, {"writes", "refused until restart"}});
  } else if (is_full) {
    room_.log.warning("disk full", {{"tenant", name_}, {"reason", error.what}});
  }
  for (Job& job : jobs) {
    job.answer(is_full
                   ? problem_reply(Problem::quota, "the server's disk is full; nothing was stored")
                   : problem_reply(
                         Problem::storage_failed,
                         "the tenant's storage failed; it is read-only until weir is restarted"));
  }
}

// --- beside the writer ---------------------------------------------------------------------------

void Tenant::checkpoint_when_large() {
  const std::size_t wal_bytes = database_.wal_bytes();
  if (wal_bytes < limits::wal_passive_bytes) checkpoint_bytes_ = limits::wal_passive_bytes;
  if (room_.is_stopping || wal_bytes < checkpoint_bytes_ || is_checkpointing_.exchange(true))
    return;
  // A reader may have kept the log from starting over: do not ask again at each commit.
  checkpoint_bytes_ = wal_bytes + limits::wal_passive_bytes / 4;
  const bool is_restart = wal_bytes >= limits::wal_restart_bytes;
  const Status offered = room_.keepers.offer([self = shared_from_this(), is_restart] {
    using Mode = data::Database::CheckpointMode;
    self->checkpoint(is_restart ? Mode::restart : Mode::passive);
  });
  if (!offered) is_checkpointing_ = false;
}

void Tenant::checkpoint(data::Database::CheckpointMode mode) {
  data::Database::Options options;
  options.access = data::Access::write;
  Result<data::Database> own = data::Database::open(path(), options);
  const Result<data::Checkpoint> moved =
      own ? own->checkpoint(mode) : Result<data::Checkpoint>(own.error());
  if (!moved)
    room_.log.error("checkpoint failed", {{"tenant", name_}, {"reason", moved.error().what}});
  is_checkpointing_ = false;
}

void Tenant::fold_when_long(const std::string& name) {
  const auto document = documents_.find(name);
  if (room_.is_stopping || !document || document->unfolded < document->fold_after) return;
  if (!folding_.with(
          [&name](std::set<std::string>& folding) { return folding.insert(name).second; }))
    return;
  const Status offered = room_.readers.offer([self = shared_from_this(), name] {
    fold_in_background(self, name, [self, name] {
      self->folding_.with([&name](std::set<std::string>& folding) { folding.erase(name); });
    });
  });
  if (!offered) folding_.with([&name](std::set<std::string>& folding) { folding.erase(name); });
}

void Tenant::note_expiry(std::int64_t expiry_ms) {
  std::int64_t known = next_expiry_ms_;
  while (expiry_ms < known && !next_expiry_ms_.compare_exchange_weak(known, expiry_ms)) {
  }
}

void Tenant::sweep_when_due() {
  if (has_failed_ || room_.clock.wall().millis() < next_expiry_ms_) return;
  next_expiry_ms_ = INT64_MAX;  // the sweep finds the next one
  offer(sweep_job(shared_from_this()));
}

// --- reading -------------------------------------------------------------------------------------

Result<std::unique_ptr<Reader>> Reader::open(const std::string& path) {
  auto reader = std::make_unique<Reader>();
  reader->database = TRY(data::Database::open(path, {}));
  data::Database& database = reader->database;
  reader->operation =
      TRY(database.prepare("SELECT log.seq, rep.name, log.ctr, log.body FROM log JOIN rep ON "
                           "rep.id=log.rep WHERE log.seq=?",
                           "read an operation"));
  reader->operations = TRY(database.prepare(
      "SELECT log.seq, rep.name, log.ctr, log.body FROM log JOIN rep ON rep.id=log.rep "
      "WHERE log.seq BETWEEN ? AND ? AND log.doc=? ORDER BY log.seq",
      "read operations"));
  reader->snapshot =
      TRY(database.prepare("SELECT snap_seq, vv, snap FROM doc WHERE id=?", "read a snapshot"));
  reader->versions = TRY(database.prepare(
      "SELECT rep.name, high.ctr FROM high JOIN rep ON rep.id=high.rep WHERE high.doc=?",
      "read the version vector"));
  reader->value = TRY(database.prepare(
      "SELECT ver, exp, type, v FROM kv WHERE k=? AND (exp IS NULL OR exp>?)", "read a key"));
  return reader;
}

Result<Tenant::Lease> Tenant::read() {
  std::unique_ptr<Reader> idle = readers_.with([](auto& readers) {
    std::unique_ptr<Reader> taken;
    if (!readers.empty()) {
      taken = std::move(readers.back());
      readers.pop_back();
    }
    return taken;
  });
  if (idle == nullptr) idle = TRY(Reader::open(path()));
  return Lease(*this, std::move(idle));
}

Tenant::Lease::~Lease() {
  if (reader_ == nullptr) return;
  // As many as there are reader threads: never more leases at once.
  tenant_->readers_.with([this](auto& readers) { readers.push_back(std::move(reader_)); });
}

}  // namespace weir::sync
