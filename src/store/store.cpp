// Who writes what, and under which lock:
//   writer_   serialises everything that goes into the log, in the order of its numbers; held
//   during the write, never
//             during an fsync (those are shared, LogFile::sync)
//   state     what memory knows: read and changed in short steps, no I/O
//   garbage_  a blob that is being put is not collected at the same time
// Order: tick_, snapshot_ or named_, then writer_, then state. garbage_ is taken below tick_ only.

#include "store/store.h"

#include "base/guarded.h"
#include "base/must.h"
#include "store/layout.h"
#include "store/log.h"
#include "store/record.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <unordered_map>

namespace weir::store {
namespace {

using namespace std::chrono_literals;

constexpr Nanos collect_every = 60s;
constexpr Nanos retry_every = 1s;      // to begin a log that failed anew
constexpr Nanos complain_every = 60s;  // about a disk that does not take what we write
constexpr std::size_t logs_max = 4;  // restarts leave one log each; more are folded into a snapshot

// One fill as it lies in a log or snapshot that is mapped, or in a string of its own.
struct FillSlot {
  std::string_view payload;
  std::shared_ptr<const void> owner;
  std::uint64_t generation = 0;
  ReleaseId release = 0;
  Wall rendered;
};

// Names with their epochs. Over its bounds every name is forgotten and everything counts as purged
// at the greatest number among them: more is refreshed than needed, nothing less.
struct EpochMap {
  static constexpr std::size_t bytes_max = 4 * MiB;  // so that a snapshot's record holds it
  std::unordered_map<std::string, Epochs, StringHash, std::equal_to<>> map;
  std::size_t bytes = 0;

  Epochs& at(std::string_view name) {
    const auto found = map.find(name);
    if (found != map.end()) return found->second;
    bytes += name.size() + sizeof(Epochs);
    return map[std::string(name)];
  }
  void fold(std::size_t count_max, Epochs& into) {
    if (map.size() <= count_max && bytes <= bytes_max) return;
    for (const auto& [name, epochs] : map) {
      into.raise(PurgeMode::soft, epochs.soft);
      into.raise(PurgeMode::hard, epochs.hard);
    }
    map.clear();
    bytes = 0;
  }
};

struct State {
  std::uint64_t seq = 0;  // of the last record
  std::uint64_t purge_seq = 0;
  Epochs all;
  EpochMap tags, prefixes;
  std::deque<std::pair<std::string, std::uint64_t>> ids;  // oldest first
  std::unordered_map<std::string, std::uint64_t, StringHash, std::equal_to<>> seq_of_id;
  ReleaseId active = 0;
  std::uint64_t active_seq = 0;
  Wall active_created;
  std::shared_ptr<const Release> release;
  std::unordered_map<std::string_view, FillSlot> fills;  // the key lies in the payload
  Wall seen;                                             // the latest wall time in any record

  void see(Wall wall) { seen = std::max(seen, wall); }

  void apply(const PurgeRecord& record, std::uint64_t number) {
    purge_seq = std::max(purge_seq, number);
    if (record.all) all.raise(record.mode, number);
    for (const std::string& tag : record.tags) tags.at(tag).raise(record.mode, number);
    for (const std::string& prefix : record.prefixes)
      prefixes.at(prefix).raise(record.mode, number);
    tags.fold(limits::purged_tags_max, all);
    prefixes.fold(limits::purged_prefixes_max, all);
    if (!record.id.empty()) remember(record.id, number);
  }
  void remember(const std::string& id, std::uint64_t number) {
    if (!seq_of_id.try_emplace(id, number).second) return;
    ids.emplace_back(id, number);
    if (ids.size() <= limits::purge_ids_max) return;
    seq_of_id.erase(ids.front().first);
    ids.pop_front();
  }

  // A release takes no page back in time, and a way back (a smaller id) drops what was rendered
  // after it.
  bool may_serve(ReleaseId from, Wall rendered) const {
    return from == active || (from < active && rendered > active_created);
  }
  void activate(ReleaseId id, Wall created, std::uint64_t number) {
    active = id;
    active_created = created;
    active_seq = number;
    std::erase_if(fills, [this](const auto& item) {
      return !may_serve(item.second.release, item.second.rendered);
    });
  }
  void put(std::string_view key, FillSlot slot) {
    const auto old = fills.find(key);
    if (old != fills.end() && old->second.generation > slot.generation) return;
    if (old != fills.end()) fills.erase(old);  // its key lies in the payload that goes
    fills.emplace(key, std::move(slot));
  }
  PurgeState purges() const {
    PurgeState out;
    out.seq = purge_seq;
    out.all = all;
    out.tags.assign(tags.map.begin(), tags.map.end());
    out.prefixes.assign(prefixes.map.begin(), prefixes.map.end());
    return out;
  }
  StateRecord record() const { return {seen, active, active_seq, active_created, purges()}; }
};

Result<Descriptor> take_lock(const std::string& directory) {
  const std::string path = directory + "/LOCK";
  Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!file.is_open()) return Error{errc_of(errno), path + ": cannot open: " + reason_of(errno)};
  if (::flock(file.number(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK)
      return Error{Errc::exists, directory + ": another process owns this store"}.with_help(
          "a server that runs on it takes builds and purges over its admin socket");
    return Error{errc_of(errno) == Errc::exists ? Errc::io : errc_of(errno),
                 path + ": cannot lock: " + reason_of(errno)};
  }
  return file;
}

}  // namespace

struct Store::Shared {
  Shared(StoreSettings wanted, HashKey key, const Clock& time, Log& lines, Disk& files)
      : settings(std::move(wanted)),
        clock(time),
        log(lines),
        disk(files),
        blobs(settings.directory, key, files, lines) {}

  const StoreSettings settings;
  const Clock& clock;
  Log& log;
  Disk& disk;
  Descriptor owner_lock;
  BlobStore blobs;

  std::mutex writer_;
  Guarded<std::shared_ptr<LogFile>> file;  // replaced under writer_
  Guarded<State> state;
  std::mutex snapshot_;  // one at a time

  std::mutex named_;  // purges with an idempotency key, before writer_

  std::mutex garbage_;
  std::map<std::string, Mono> doomed;  // path -> since when nothing refers to it
  std::map<ReleaseId, std::vector<std::string>> segments_of;  // under garbage_

  std::atomic<std::uint64_t> write_errors{0}, records{0}, snapshots{0}, collected{0};
  std::atomic<std::int64_t> unsynced_since{
      0};  // Mono of the oldest append that no sync covers; 0 = none
  std::atomic<std::int64_t> complained_at{0};
  Mono last_snapshot, last_collect, last_retry;  // of `tick`, under tick_
  std::mutex tick_;

  std::mutex wake_;
  std::condition_variable woken_;
  bool is_ending = false;
  std::thread keeper;

  std::shared_ptr<LogFile> current() const {
    return file.with([](const std::shared_ptr<LogFile>& held) { return held; });
  }

  Status recover();
  void replay(const Record& record, const std::shared_ptr<const void>& owner, bool& is_complete);
  Status open_active();
  Result<std::shared_ptr<const Release>> open_release(ReleaseId id);
  Status begin_log(std::uint64_t number);

  // Numbers a record, writes it, and lets `apply` change the state; all in one step of the order.
  // `payload_of` gets the number.
  template <class Apply>
  Status append(Op op, const std::string& payload, Apply apply);
  Status sync();
  Status write_snapshot(std::uint64_t number, const std::vector<FillSlot>& fills,
                        const StateRecord& head, const PurgeIds& ids);
  Status snapshot();
  std::size_t collect();
  std::size_t make_room();
  void forget_oldest_fills(std::size_t bytes);
  void complain(const Error& error);
  void tick();
  void run();
};

// --- opening -------------------------------------------------------------------------------------

Result<std::unique_ptr<Store>> Store::open(StoreSettings settings, const Clock& clock, Log& log,
                                           Disk& disk) {
  TRY(make_directories(settings.directory));
  Descriptor lock = TRY(take_lock(settings.directory));
  auto prepared = prepare_directory(settings.directory, disk);
  // Errc::exists is reserved for the lock.
  if (!prepared && prepared.error().code == Errc::exists) prepared.error().code = Errc::io;
  const HashKey key = TRY(std::move(prepared));
  auto shared = std::make_unique<Shared>(std::move(settings), key, clock, log, disk);
  shared->owner_lock = std::move(lock);
  TRY(shared->recover());
  shared->last_snapshot = shared->last_collect = clock.mono();
  auto store = std::unique_ptr<Store>(new Store(std::move(shared)));
  if (store->shared_->settings.background == Background::thread)
    store->shared_->keeper = std::thread([shared = store->shared_.get()] { shared->run(); });
  return store;
}

Store::Store(std::unique_ptr<Shared> shared) : shared_(std::move(shared)) {}

Store::~Store() {
  {
    const std::lock_guard lock(shared_->wake_);
    shared_->is_ending = true;
  }
  shared_->woken_.notify_all();
  if (shared_->keeper.joinable()) shared_->keeper.join();
  if (const Status synced = shared_->sync(); !synced)
    shared_->log.error("store.sync_failed", {{"reason", synced.error().what}});
}

Status Store::Shared::recover() {
  const std::string& directory = settings.directory;
  if (!TRY(has_build_lease(directory))) {
    for (const std::string& name : TRY(names_in(directory + "/tmp")))
      TRY(disk.remove(directory + "/tmp/" + name));
  }
  bool has_lost = false;
  std::uint64_t first_log = 0;
  const auto snaps = TRY(numbered_files(directory + "/manifest", ".snap"));
  const auto logs = TRY(numbered_files(directory + "/log", ".log"));
  const auto look_at = [&](const std::string& path) -> Status {
    const auto mapped = TRY(MappedFile::open(disk, path));
    bool is_complete = false;
    const auto scanned = scan_log(
        mapped->bytes(), [&](const Record& record) { replay(record, mapped, is_complete); });
    const bool is_snapshot = path.ends_with(".snap");
    if (!scanned) return Error(scanned.error()).in(path);
    if (scanned->end == LogEnd::damaged || (is_snapshot && !is_complete)) {
      has_lost = true;
      log.error(
          "store.log_damaged",
          {{"path", path}, {"good_bytes", scanned->good_bytes}, {"bytes", mapped->bytes().size()}});
    } else if (scanned->end == LogEnd::torn) {
      log.info(
          "store.log_torn",
          {{"path", path}, {"good_bytes", scanned->good_bytes}, {"bytes", mapped->bytes().size()}});
    }
    return done;
  };
  const auto read = [&](const std::string& path) {
    const Status looked = look_at(path);
    if (looked) return;
    has_lost = true;
    log.error("store.log_unreadable", {{"path", path}, {"reason", looked.error().what}});
  };
  if (!snaps.empty()) {
    first_log = snaps.back();
    read(snapshot_path_of(directory, first_log));
  }
  std::size_t replayed = 0;
  for (const std::uint64_t number : logs) {
    if (number < first_log) continue;
    read(log_path_of(directory, number));
    ++replayed;
  }
  TRY(open_active());
  const std::uint64_t number = std::max(logs.empty() ? 0 : logs.back(), first_log) + 1;
  TRY(begin_log(number));
  // What was acknowledged may be among what is lost, so every page has to prove itself again: stale
  // once, not wrong.
  if (has_lost) {
    PurgeRecord everything;
    everything.all = true;
    const Status noted = append(Op::purge, encode_purge(everything, clock.wall()),
                                [&](State& now, std::uint64_t seq) { now.apply(everything, seq); });
    if (!noted) complain(noted.error());
  }
  if (has_lost || replayed >= logs_max)
    if (const Status folded = snapshot(); !folded) complain(folded.error());
  return done;
}

void Store::Shared::replay(const Record& record, const std::shared_ptr<const void>& owner,
                           bool& is_complete) {
  state.with([&](State& now) {
    now.seq = std::max(now.seq, record.seq);
    switch (record.op) {
      case Op::fill: {
        const auto head = decode_fill_head(record.payload);
        if (!head) return;
        now.see(head->rendered);
        now.put(head->key, {record.payload, owner, record.seq, head->release, head->rendered});
        return;
      }
      case Op::purge: {
        const auto decoded = decode_purge(record.payload);
        if (!decoded) return;
        now.see(decoded->second);
        now.apply(decoded->first, record.seq);
        return;
      }
      case Op::activate: {
        const auto decoded = decode_activation(record.payload);
        if (!decoded) return;
        now.see(decoded->wall);
        now.activate(decoded->release, decoded->created, record.seq);
        return;
      }
      case Op::state: {
        auto decoded = decode_state(record.payload);
        if (!decoded) return;
        now.see(decoded->wall);
        now.active = decoded->active;
        now.active_seq = decoded->active_seq;
        now.active_created = decoded->active_created;
        now.purge_seq = decoded->purges.seq;
        now.all = decoded->purges.all;
        for (const auto& [name, epochs] : decoded->purges.tags) now.tags.at(name) = epochs;
        for (const auto& [name, epochs] : decoded->purges.prefixes) now.prefixes.at(name) = epochs;
        return;
      }
      case Op::ids: {
        const auto decoded = decode_ids(record.payload);
        if (!decoded) return;
        for (const auto& [id, seq] : *decoded) now.remember(id, seq);
        return;
      }
      case Op::end: is_complete = true; return;
    }
  });
}

Result<std::shared_ptr<const Release>> Store::Shared::open_release(ReleaseId id) {
  return Release::open(settings.directory, id, blobs.key(), disk);
}

// The release that the log names; when that cannot be read, the newest older one that can.
Status Store::Shared::open_active() {
  const ReleaseId wanted = state.with([](const State& now) { return now.active; });
  auto ids = TRY(numbered_files(settings.directory + "/manifest", ".release"));
  if (wanted == 0) return done;
  std::erase_if(ids, [wanted](ReleaseId id) { return id >= wanted; });
  ids.push_back(wanted);
  for (auto id = ids.rbegin(); id != ids.rend(); ++id) {
    auto opened = open_release(*id);
    if (!opened) {
      log.error("store.release_unreadable", {{"release", *id}, {"reason", opened.error().what}});
      continue;
    }
    if (*id != wanted)
      log.warning("store.release_fell_back", {{"wanted", wanted}, {"release", *id}});
    state.with([&](State& now) {
      if (*id != wanted) now.activate(*id, (*opened)->created(), now.active_seq);
      now.release = *opened;
    });
    return done;
  }
  log.error("store.no_release", {{"wanted", wanted}});
  return done;
}

Status Store::Shared::begin_log(std::uint64_t number) {
  auto created = LogFile::create(disk, settings.directory, number);
  // A number that is taken was left by an attempt that failed half way; it holds no record of ours.
  for (int tries = 0; !created && created.error().code == Errc::exists && tries < 1000; ++tries)
    created = LogFile::create(disk, settings.directory, ++number);
  if (!created) {
    if (created.error().code == Errc::exists) created.error().code = Errc::io;
    return std::move(created).error();
  }
  file.with([&](std::shared_ptr<LogFile>& held) { held = std::move(created).value(); });
  return done;
}

// --- writing -------------------------------------------------------------------------------------

template <class Apply>
Status Store::Shared::append(Op op, const std::string& payload, Apply apply) {
  if (payload.size() > limits::log_record_bytes_max)
    return Error{Errc::too_large, "a record of " + std::to_string(payload.size()) +
                                      " bytes is more than the log takes"};
  const std::lock_guard order(writer_);
  // The number is used even when the disk refuses the record: what is served from memory then has
  // it.
  const std::uint64_t seq = state.with([](State& now) { return ++now.seq; });
  std::string bytes;
  append_record(bytes, op, seq, payload);
  const std::shared_ptr<LogFile> log_file = current();
  Status appended = log_file->append(bytes);
  if (appended) {
    records.fetch_add(1, std::memory_order_relaxed);
    std::int64_t none = 0;
    if (unsynced_since.compare_exchange_strong(none, clock.mono().ns)) woken_.notify_one();
  } else {
    complain(appended.error());
  }
  state.with([&](State& now) { apply(now, seq); });
  return appended;
}

Status Store::Shared::sync() {
  const std::shared_ptr<LogFile> log_file = current();
  unsynced_since.store(0);
  Status synced = log_file->sync();
  if (!synced) complain(synced.error());
  return synced;
}

void Store::Shared::complain(const Error& error) {
  write_errors.fetch_add(1, std::memory_order_relaxed);
  const std::int64_t now = clock.mono().ns;
  std::int64_t before = complained_at.load();
  if (before != 0 && now - before < complain_every.count()) return;
  if (!complained_at.compare_exchange_strong(before, now)) return;
  log.error("store.write_failed",
            {{"reason", error.what}, {"effect", "serving goes on from memory"}});
}

Result<PurgeReceipt> Store::purge(const PurgeRecord& record, Durable durable) {
  Shared& shared = *shared_;
  for (const std::string& tag : record.tags)
    if (tag.size() > limits::target_bytes_max + 4)
      return Error{Errc::too_large, "a tag of " + std::to_string(tag.size()) + " bytes"};
  PurgeReceipt receipt;
  // A repetition that arrives while the first is being written waits for it and finds its number.
  std::unique_lock named(shared.named_, std::defer_lock);
  if (!record.id.empty()) {
    named.lock();
    const auto before = shared.state.with([&](const State& now) -> std::optional<std::uint64_t> {
      const auto found = now.seq_of_id.find(record.id);
      if (found == now.seq_of_id.end()) return std::nullopt;
      return found->second;
    });
    if (before) {
      if (durable == Durable::now) TRY(shared.sync());
      return PurgeReceipt{*before, true};
    }
  }
  TRY(shared.append(Op::purge, encode_purge(record, shared.clock.wall()),
                    [&](State& now, std::uint64_t seq) {
                      now.apply(record, seq);
                      now.see(shared.clock.wall());
                      receipt.seq = seq;
                    }));
  if (named.owns_lock()) named.unlock();
  if (durable == Durable::now) TRY(shared.sync());
  return receipt;
}

Result<std::uint64_t> Store::put_fill(Fill fill, const PackedBlob* body) {
  Shared& shared = *shared_;
  MUST(fill.kind == FillKind::gone ||
       fill.body_id == (body == nullptr ? fill.body_id : body->header.id));
  if (body != nullptr && body->stored.size() + blob_header_bytes <= limits::blob_inline_bytes_max) {
    fill.inline_blob = encode_blob_header(body->header) + body->stored;
  } else if (body != nullptr) {
    {
      const std::lock_guard lock(shared.garbage_);
      shared.doomed.erase(shared.blobs.path_of(fill.body_id));
    }
    if (Status put = shared.blobs.put(*body); !put) {
      shared.complain(put.error());
      return std::move(put).error();
    }
  }
  const bool has_room = shared.state.with([&](const State& now) {
    return now.fills.size() < limits::fills_max || now.fills.contains(fill.key);
  });
  if (!has_room)
    return Error{Errc::full,
                 "more than " + std::to_string(limits::fills_max) + " refreshed pages are kept"};
  const auto payload = std::make_shared<const std::string>(encode_fill(fill));
  std::uint64_t generation = 0;
  TRY(shared.append(Op::fill, *payload, [&](State& now, std::uint64_t seq) {
    generation = seq;
    now.see(fill.rendered);
    if (!now.may_serve(fill.release, fill.rendered)) return;
    now.put(std::string_view(*payload).substr(4, fill.key.size()),
            {*payload, payload, seq, fill.release, fill.rendered});
  }));
  return generation;
}

std::uint64_t Store::next_generation() {
  return shared_->state.with([](State& now) { return ++now.seq; });
}

Result<ActiveRelease> Store::adopt_release(ReleaseId id) {
  Shared& shared = *shared_;
  const std::shared_ptr<const Release> release = TRY(shared.open_release(id));
  // Written and synced first, known to readers after: what was not made durable was never active.
  std::uint64_t number = 0;
  TRY(shared.append(Op::activate, encode_activation({id, release->created(), shared.clock.wall()}),
                    [&](State&, std::uint64_t seq) { number = seq; }));
  TRY(shared.sync());
  shared.state.with([&](State& now) {
    now.activate(id, release->created(), number);
    now.release = release;
    now.see(shared.clock.wall());
  });
  return ActiveRelease{release, number};
}

// --- reading -------------------------------------------------------------------------------------

ActiveRelease Store::active() const {
  return shared_->state.with([](const State& now) {
    return ActiveRelease{now.release, now.active_seq};
  });
}

std::vector<ReleaseId> Store::releases() const {
  return numbered_files(shared_->settings.directory + "/manifest", ".release").value_or({});
}

std::optional<Fill> Store::find_fill(std::string_view key) const {
  const auto slot = shared_->state.with([&](const State& now) -> std::optional<FillSlot> {
    const auto found = now.fills.find(key);
    if (found == now.fills.end()) return std::nullopt;
    return found->second;
  });
  if (!slot) return std::nullopt;
  auto fill = decode_fill(slot->payload);
  if (!fill)
    return std::nullopt;  // its checksum was right and its head was read: only our own writer could
                          // do that
  fill->generation = slot->generation;
  return std::move(fill).value();
}

void Store::for_each_fill(const std::function<void(const Fill&)>& look) const {
  std::vector<FillSlot> slots;
  shared_->state.with([&](const State& now) {
    slots.reserve(now.fills.size());
    for (const auto& [key, slot] : now.fills) slots.push_back(slot);
  });
  for (const FillSlot& slot : slots) {
    auto fill = decode_fill(slot.payload);
    if (!fill) continue;
    fill->generation = slot.generation;
    look(*fill);
  }
}

Result<Body> Store::read_fill(const Fill& fill) const {
  if (fill.inline_blob.empty()) return shared_->blobs.read(fill.body_id);
  const BlobHeader header = TRY(parse_blob_header(fill.inline_blob));
  if (header.id != fill.body_id)
    return Error{Errc::corrupt, fill.key + ": its record holds another body"};
  return unpack_blob(shared_->blobs.key(), header, fill.inline_blob.substr(blob_header_bytes));
}

PurgeState Store::purges() const {
  return shared_->state.with([](const State& now) { return now.purges(); });
}

BlobStore& Store::blobs() { return shared_->blobs; }

Wall Store::wall() const {
  return std::max(shared_->clock.wall(),
                  shared_->state.with([](const State& now) { return now.seen; }));
}

StoreCounters Store::counters() const {
  const Shared& shared = *shared_;
  StoreCounters out;
  out.corrupt = shared.blobs.corrupt_count();
  out.write_errors = shared.write_errors.load(std::memory_order_relaxed);
  out.records = shared.records.load(std::memory_order_relaxed);
  out.snapshots = shared.snapshots.load(std::memory_order_relaxed);
  out.collected = shared.collected.load(std::memory_order_relaxed);
  out.fills = shared.state.with([](const State& now) { return now.fills.size(); });
  const auto log_file = shared.current();
  out.syncs = log_file->syncs();
  out.log_bytes = log_file->bytes();
  return out;
}

Status Store::sync() { return shared_->sync(); }
Status Store::snapshot() { return shared_->snapshot(); }
std::size_t Store::collect() { return shared_->collect(); }

// --- snapshots -----------------------------------------------------------------------------------

// First a new log, so that nothing is appended to the old ones; then, without holding anybody up,
// what they said in short; then the old ones go. A crash in between finds the old snapshot and all
// logs since.
Status Store::Shared::snapshot() {
  const std::lock_guard one(snapshot_);
  std::vector<FillSlot> fills;
  StateRecord head;
  PurgeIds ids;
  std::uint64_t number = 0;
  {
    const std::lock_guard order(writer_);
    TRY(begin_log(current()->number() + 1));
    number = current()->number();
    unsynced_since.store(0);
    state.with([&](const State& now) {
      head = now.record();
      ids.assign(now.ids.begin(), now.ids.end());
      fills.reserve(now.fills.size());
      for (const auto& [key, slot] : now.fills) fills.push_back(slot);
    });
  }
  TRY(write_snapshot(number, fills, head, ids));
  snapshots.fetch_add(1, std::memory_order_relaxed);
  for (const std::uint64_t old : TRY(numbered_files(settings.directory + "/log", ".log")))
    if (old < number) TRY(disk.remove(log_path_of(settings.directory, old)));
  for (const std::uint64_t old : TRY(numbered_files(settings.directory + "/manifest", ".snap")))
    if (old < number) TRY(disk.remove(snapshot_path_of(settings.directory, old)));
  return done;
}

Status Store::Shared::write_snapshot(std::uint64_t number, const std::vector<FillSlot>& fills,
                                     const StateRecord& head, const PurgeIds& ids) {
  constexpr std::size_t piece_bytes = 1 * MiB;
  const std::string unfinished = settings.directory + "/tmp/snapshot-" + std::to_string(number);
  TRY(disk.remove(unfinished));
  const Descriptor target = TRY(disk.create(unfinished));
  std::string bytes = encode_log_head(number);
  std::uint64_t written = 0;
  const auto flush = [&]() -> Status {
    TRY(disk.write(target.number(), written, bytes, unfinished));
    written += bytes.size();
    bytes.clear();
    return done;
  };
  // Sorted by number, because a reader insists that numbers grow.
  std::vector<const FillSlot*> sorted;
  for (const FillSlot& slot : fills) sorted.push_back(&slot);
  std::ranges::sort(sorted, {}, &FillSlot::generation);
  for (const FillSlot* slot : sorted) {
    append_record(bytes, Op::fill, slot->generation, slot->payload);
    if (bytes.size() >= piece_bytes) TRY(flush());
  }
  const std::uint64_t last = std::max(head.purges.seq, head.active_seq);
  const std::uint64_t seq = std::max(last, sorted.empty() ? 0 : sorted.back()->generation);
  append_record(bytes, Op::state, seq, encode_state(head));
  append_record(bytes, Op::ids, seq, encode_ids(ids));
  append_record(bytes, Op::end, seq, {});
  TRY(flush());
  TRY(disk.sync(target.number(), unfinished));
  TRY(disk.rename(unfinished, snapshot_path_of(settings.directory, number)));
  return disk.sync_directory(settings.directory + "/manifest");
}

// --- garbage -------------------------------------------------------------------------------------

std::size_t Store::Shared::collect() {
  const std::string& directory = settings.directory;
  const auto leased = has_build_lease(directory);
  if (!leased || *leased) return 0;

  // What is needed: the newest releases and the active one, their segments, the bodies of all
  // fills.
  const auto [active, release] =
      state.with([](const State& now) { return std::pair(now.active, now.release); });
  std::vector<ReleaseId> ids = numbered_files(directory + "/manifest", ".release").value_or({});
  std::set<std::string> garbage;
  while (ids.size() > limits::releases_kept) {
    const auto oldest =
        std::ranges::find_if(ids, [active = active](ReleaseId id) { return id != active; });
    garbage.insert(release_path_of(directory, *oldest));
    ids.erase(oldest);
  }
  std::set<std::string> needed_blobs;
  std::vector<FillSlot> slots;
  state.with([&](const State& now) {
    for (const auto& [key, slot] : now.fills) slots.push_back(slot);
  });
  for (const FillSlot& slot : slots)
    if (const auto head = decode_fill_head(slot.payload); head && !head->is_inline)
      needed_blobs.insert(head->body_id.hex());

  const std::lock_guard lock(garbage_);
  std::set<std::string> needed_segments;
  for (const ReleaseId id : ids) {
    if (!segments_of.contains(id)) {
      const auto opened = open_release(id);
      if (!opened) return 0;  // what it needs is not known, so nothing is removed
      segments_of[id] = (*opened)->segment_names();
    }
    needed_segments.insert(segments_of[id].begin(), segments_of[id].end());
  }
  std::erase_if(segments_of, [&ids](const auto& item) {
    return std::ranges::find(ids, item.first) == ids.end();
  });

  for (const std::string& name : names_in(directory + "/blobs").value_or({})) {
    if (name.ends_with(".seg")) {
      if (!needed_segments.contains(name)) garbage.insert(directory + "/blobs/" + name);
      continue;
    }
    for (const std::string& rest : names_in(directory + "/blobs/" + name).value_or({})) {
      const std::size_t dot = rest.find('.');
      const std::string hex = name + rest.substr(0, dot);
      const auto id = parse_hash128(hex);
      const bool is_coding = dot != std::string::npos;
      const bool is_needed = needed_blobs.contains(hex) || (is_coding && id && release != nullptr &&
                                                            release->find_blob(*id).has_value());
      if (!is_needed) garbage.insert(directory + "/blobs/" + name + '/' + rest);
    }
  }
  std::erase_if(doomed, [&garbage](const auto& item) { return !garbage.contains(item.first); });
  std::size_t removed = 0;
  const Mono now = clock.mono();
  for (const std::string& path : garbage) {
    const Mono since = doomed.try_emplace(path, now).first->second;
    if (now - since < settings.garbage_grace) continue;
    if (const Status gone = disk.remove(path); !gone) {
      complain(gone.error());
      continue;
    }
    doomed.erase(path);
    ++removed;
  }
  removed += make_room();
  collected.fetch_add(removed, std::memory_order_relaxed);
  return removed;
}

// Above the high water mark: first the codings that can be made again, those of the longest
// untouched first; then the oldest fills are forgotten, and their bodies go with the next rounds.
// Releases are pinned: they are not counted.
std::size_t Store::Shared::make_room() {
  const std::size_t high = settings.bytes_max / 100 * 95;
  const std::size_t low = settings.bytes_max / 100 * 85;
  struct Loose {
    std::int64_t modified_ns;
    std::string path;
    std::size_t bytes;
  };
  std::vector<Loose> codings;
  std::size_t bytes = 0;
  const std::string blobs_directory = settings.directory + "/blobs";
  for (const std::string& name : names_in(blobs_directory).value_or({})) {
    if (name.ends_with(".seg")) continue;
    for (const std::string& rest : names_in(blobs_directory + '/' + name).value_or({})) {
      Loose found{0, blobs_directory + '/' + name + '/' + rest, 0};
      struct stat facts {};
      if (::stat(found.path.c_str(), &facts) != 0) continue;
      found.bytes = static_cast<std::size_t>(facts.st_size);
      found.modified_ns =
          static_cast<std::int64_t>(facts.st_mtim.tv_sec) * 1'000'000'000 + facts.st_mtim.tv_nsec;
      bytes += found.bytes;
      if (rest.find('.') != std::string::npos) codings.push_back(std::move(found));
    }
  }
  if (bytes <= high) return 0;
  std::size_t removed = 0;
  std::ranges::sort(codings, {}, &Loose::modified_ns);
  for (const Loose& coding : codings) {
    if (bytes <= low) break;
    if (!disk.remove(coding.path)) continue;
    bytes -= coding.bytes;
    ++removed;
  }
  if (bytes > low) forget_oldest_fills(bytes - low);
  return removed;
}

// Only memory forgets; the next snapshot leaves them out. After a restart before that they are
// there again, which does no harm.
void Store::Shared::forget_oldest_fills(std::size_t bytes) {
  state.with([bytes](State& now) {
    std::vector<std::pair<std::uint64_t, std::string_view>> oldest;
    for (const auto& [key, slot] : now.fills) oldest.emplace_back(slot.generation, key);
    std::ranges::sort(oldest);
    std::size_t freed = 0;
    for (const auto& [generation, key] : oldest) {
      if (freed >= bytes) return;
      const auto fill = now.fills.find(key);
      const auto decoded = decode_fill(fill->second.payload);
      if (!decoded || !decoded->inline_blob.empty() || decoded->kind == FillKind::gone) continue;
      freed += decoded->body_bytes;
      now.fills.erase(fill);
    }
  });
}

// --- the keeper ----------------------------------------------------------------------------------

void Store::tick() { shared_->tick(); }

void Store::Shared::tick() {
  const std::lock_guard one(tick_);
  const Mono now = clock.mono();
  const std::int64_t since = unsynced_since.load();
  if (since != 0 && now.ns - since >= settings.fill_sync_max.count())
    (void)sync().ok();  // `sync` says why

  const auto log_file = current();
  const bool is_due =
      log_file->bytes() >= settings.log_bytes_max ||
      (now - last_snapshot >= settings.snapshot_time_max && log_file->bytes() > log_head_bytes);
  const bool must_begin_anew = log_file->has_failed() && now - last_retry >= retry_every;
  if (is_due || must_begin_anew) {
    last_snapshot = last_retry = now;
    if (const Status kept = snapshot(); !kept) complain(kept.error());
  }
  if (now - last_collect >= collect_every) {
    last_collect = now;
    collect();
  }
}

// Wakes often enough for the promise of 20 ms while something is unsynced, and twice a second
// otherwise.
void Store::Shared::run() {
  std::unique_lock lock(wake_);
  while (!is_ending) {
    const bool is_waiting = unsynced_since.load() != 0;
    woken_.wait_for(lock, is_waiting ? settings.fill_sync_max : Nanos(500ms), [this, is_waiting] {
      return is_ending || (!is_waiting && unsynced_since.load() != 0);
    });
    lock.unlock();
    tick();
    lock.lock();
  }
}

}  // namespace weir::store
