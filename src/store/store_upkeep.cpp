// What the keeper does in its rounds: snapshots that fold the logs, garbage, and beginning anew
// after the disk has failed.

#include "store/layout.h"
#include "store/store_shared.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

namespace weir::store {
namespace {

using namespace std::chrono_literals;

constexpr Nanos collect_every = 60s;
constexpr Nanos retry_every = 1s;  // to begin a log that failed anew

}  // namespace

// --- snapshots -----------------------------------------------------------------------------------

// First a new log, so that nothing is appended to the old ones; then, without holding anybody up,
// what they said in short; then the old ones go. A crash in between finds the old snapshot and all
// logs since.
Status Store::Shared::snapshot(std::uint64_t beyond) {
  const std::lock_guard one(snapshot_);
  std::vector<FillSlot> fills;
  StateRecord head;
  PurgeState own;
  PurgeIds ids;
  std::uint64_t number = 0;
  {
    const std::lock_guard order(writer_);
    TRY(begin_log(std::max(current()->number(), beyond) + 1));
    number = current()->number();
    unsynced_since.store(0);
    state.with([&](const State& now) {
      head = now.record();
      own = now.own_purges();
      ids.assign(now.ids.begin(), now.ids.end());
      fills.reserve(now.fills.size());
      for (const auto& [key, slot] : now.fills) fills.push_back(slot);
    });
  }
  TRY(write_snapshot(number, fills, head, own, ids));
  snapshots.fetch_add(1, std::memory_order_relaxed);
  for (const std::uint64_t old : TRY(numbered_files(settings.directory + "/log", ".log")))
    if (old < number) TRY(disk.remove(log_path_of(settings.directory, old)));
  for (const std::uint64_t old : TRY(numbered_files(settings.directory + "/manifest", ".snap")))
    if (old < number) TRY(disk.remove(snapshot_path_of(settings.directory, old)));
  return done;
}

Status Store::Shared::write_snapshot(std::uint64_t number, const std::vector<FillSlot>& fills,
                                     const StateRecord& head, const PurgeState& own,
                                     const PurgeIds& ids) {
  constexpr std::size_t flushed_bytes = 1 * MiB;
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
    if (bytes.size() >= flushed_bytes) TRY(flush());
  }
  const std::uint64_t last = std::max(head.purges.seq, head.active_seq);
  const std::uint64_t seq = std::max(last, sorted.empty() ? 0 : sorted.back()->generation);
  append_record(bytes, Op::state, seq, encode_state(head));
  append_record(bytes, Op::own, seq, encode_epochs(own));
  append_record(bytes, Op::ids, seq, encode_ids(ids));
  append_record(bytes, Op::end, seq, {});
  TRY(flush());
  TRY(disk.sync(target.number(), unfinished));
  TRY(disk.rename(unfinished, snapshot_path_of(settings.directory, number)));
  return disk.sync_directory(settings.directory + "/manifest");
}

// --- garbage -------------------------------------------------------------------------------------

// Two kinds. What builds leave (old releases, segments, unfinished files) can be judged on the
// spot, whoever made it and whenever: see collect_builds. Loose bodies are put before the record
// that needs them, so they wait for a grace in which nothing refers to them.
std::size_t Store::Shared::collect() {
  std::size_t removed = collect_builds();
  removed += collect_loose();
  removed += make_room();
  weigh_segments();
  collected.fetch_add(removed, std::memory_order_relaxed);
  return removed;
}

// The order makes it safe without a grace: first what lies there is listed, then nobody must hold a
// build lease, then the manifests are read. A builder holds its lease from before its first file
// until its manifest stands, so whatever was listed and is not named by then is named by nobody.
// A release that is read keeps its segments open, and their bytes outlive their names.
std::size_t Store::Shared::collect_builds() {
  const std::string& directory = settings.directory;
  const std::lock_guard lock(garbage_);
  const auto unfinished = names_in(directory + "/tmp").value_or({});
  const auto bodies = names_in(directory + "/blobs").value_or({});
  const auto leased = has_build_lease(directory);
  if (!leased || *leased) return 0;

  std::vector<std::string> garbage;
  for (const std::string& name : unfinished)
    if (name.ends_with(".seg") || name.starts_with("manifest-"))
      garbage.push_back(directory + "/tmp/" + name);
  const ReleaseId active = state.with([](const State& now) { return now.active; });
  std::vector<ReleaseId> ids = numbered_files(directory + "/manifest", ".release").value_or({});
  while (ids.size() > limits::releases_kept) {
    const auto oldest = std::ranges::find_if(ids, [active](ReleaseId id) { return id != active; });
    garbage.push_back(release_path_of(directory, *oldest));
    ids.erase(oldest);
  }
  if (const auto needed = segments_needed_by(ids))
    for (const std::string& name : bodies)
      if (name.ends_with(".seg") && !needed->contains(name))
        garbage.push_back(directory + "/blobs/" + name);

  std::size_t removed = 0;
  for (const std::string& path : garbage) {
    const Status gone = disk.remove(path);
    if (!gone) complain(gone.error());
    removed += gone ? 1 : 0;
  }
  return removed;
}

// So that the garbage collection behind an activation does not read megabytes for a few names.
void Store::Shared::note_segments_of(const Release& next) {
  const auto active = state.with([](const State& now) { return now.release; });
  const std::lock_guard lock(garbage_);
  segments_of[next.id()] = next.segment_names();
  if (active != nullptr) segments_of[active->id()] = active->segment_names();
}

// Nothing when one of them cannot be read: what it needs is then not known.
std::optional<std::set<std::string>> Store::Shared::segments_needed_by(
    const std::vector<ReleaseId>& ids) {
  std::set<std::string> needed;
  for (const ReleaseId id : ids) {
    if (!segments_of.contains(id)) {
      auto names = Release::segment_names_of(settings.directory, id, disk);
      if (!names) return std::nullopt;
      segments_of[id] = std::move(names).value();
    }
    needed.insert(segments_of[id].begin(), segments_of[id].end());
  }
  std::erase_if(segments_of, [&ids](const auto& item) {
    return std::ranges::find(ids, item.first) == ids.end();
  });
  return needed;
}

std::size_t Store::Shared::collect_loose() {
  const std::string& directory = settings.directory;
  const auto leased = has_build_lease(directory);
  if (!leased || *leased) return 0;
  const auto release = state.with([](const State& now) { return now.release; });
  std::set<std::string> needed_blobs, needed_codings;
  std::vector<FillSlot> slots;
  state.with([&](const State& now) {
    for (const auto& [key, slot] : now.fills) slots.push_back(slot);
  });
  for (const FillSlot& slot : slots)
    if (const auto head = decode_fill_head(slot.payload))
      (head->is_inline ? needed_codings : needed_blobs).insert(head->body_id.hex());

  const std::lock_guard lock(garbage_);
  std::set<std::string> garbage;
  for (const std::string& name : names_in(directory + "/blobs").value_or({})) {
    if (name.ends_with(".seg")) continue;
    for (const std::string& rest : names_in(directory + "/blobs/" + name).value_or({})) {
      const std::size_t dot = rest.find('.');
      const std::string hex = name + rest.substr(0, dot);
      const auto id = parse_hash128(hex);
      const bool is_coding = dot != std::string::npos;
      const bool is_needed =
          needed_blobs.contains(hex) ||
          (is_coding && (needed_codings.contains(hex) ||
                         (id && release != nullptr && release->find_blob(*id).has_value())));
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
  loose_bytes.store(bytes, std::memory_order_relaxed);
  if (bytes <= high) return 0;
  std::size_t removed = 0;
  std::ranges::sort(codings, {}, &Loose::modified_ns);
  for (const Loose& coding : codings) {
    if (bytes <= low) break;
    if (!disk.remove(coding.path)) continue;
    bytes -= coding.bytes;
    ++removed;
  }
  loose_bytes.store(bytes, std::memory_order_relaxed);
  if (bytes > low) forget_oldest_fills(bytes - low);
  return removed;
}

void Store::Shared::weigh_segments() {
  std::size_t bytes = 0;
  for (const std::string& name : names_in(settings.directory + "/blobs").value_or({})) {
    struct stat facts {};
    if (name.ends_with(".seg") &&
        ::stat((settings.directory + "/blobs/" + name).c_str(), &facts) == 0)
      bytes += static_cast<std::size_t>(facts.st_size);
  }
  segment_bytes.store(bytes, std::memory_order_relaxed);
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

void Store::Shared::tick() {
  const std::lock_guard one(tick_);
  if (is_guest) return;
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
  scrubbed_bytes.fetch_add(scrubber.step(now), std::memory_order_relaxed);
  scrub_rounds.store(scrubber.rounds(), std::memory_order_relaxed);
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
