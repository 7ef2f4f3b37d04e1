// The start of a store: the lock, the snapshot, the logs since, the release that was active.

#include "base/bytes.h"
#include "base/crypto.h"
#include "base/file.h"
#include "store/layout.h"
#include "store/store_shared.h"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>

namespace weir::store {
namespace {

constexpr std::size_t logs_max = 4;  // restarts leave one log each; more are folded into a snapshot

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
  shared->weigh_segments();
  auto store = std::unique_ptr<Store>(new Store(std::move(shared)));
  if (store->shared_->settings.background == Background::thread)
    store->shared_->keeper = std::thread([shared = store->shared_.get()] { shared->run(); });
  return store;
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
    // A record of a fill has seldom less: the table grows once and not seventeen times.
    constexpr std::size_t fill_bytes_usual = 512;
    state.with([&](State& now) {
      now.fills.reserve(now.fills.size() +
                        std::min(mapped->bytes().size() / fill_bytes_usual, limits::fills_max));
    });
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
  TRY(name_node(has_lost));
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

Status Store::Shared::name_node(bool anew) {
  const std::string path = settings.directory + "/node";
  const auto known = read_file(path);
  if (!known && known.error().code != Errc::missing) return Error(known.error()).in("store");
  if (known && known->size() == 32 && !anew) {
    node = *known;
    return done;
  }
  node = hex_of(bytes_of(random_bytes(16)));
  return write_file_atomically(path, node, Sync::yes);
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
        now.set_own(decoded->purges);  // until a record says which of them were
        return;
      }
      case Op::own: {
        if (const auto decoded = decode_epochs(record.payload)) now.set_own(*decoded);
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

// --- a successor --------------------------------------------------------------------------------

Status Store::let_go() {
  Shared& shared = *shared_;
  const std::lock_guard no_background_work(shared.tick_);
  {
    const std::lock_guard order(shared.writer_);
    shared.is_guest = true;
  }
  TRY(shared.sync());
  shared.owner_lock.close();
  return done;
}

// What the successor may have written to its own log holds no request's wish (it never served), and
// is superseded by a snapshot of what we know, under a number beyond all of its files.
Status Store::take_back() {
  Shared& shared = *shared_;
  shared.owner_lock = TRY(take_lock(shared.settings.directory));
  {
    const std::lock_guard order(shared.writer_);
    shared.is_guest = false;
  }
  std::uint64_t last = 0;
  const std::string& directory = shared.settings.directory;
  for (const auto& found : {TRY(numbered_files(directory + "/log", ".log")),
                            TRY(numbered_files(directory + "/manifest", ".snap"))})
    if (!found.empty()) last = std::max(last, found.back());
  return shared.snapshot(last);
}

}  // namespace weir::store
