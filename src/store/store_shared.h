#pragma once
// What a store is made of, for the files that keep its promise: store.cpp (the calls),
// store_recovery.cpp (the start) and store_upkeep.cpp (snapshots, garbage, the keeper's round).
// Nobody else includes this.
//
// Who writes what, and under which lock:
//   writer_   serialises everything that goes into the log, in the order of its numbers; held
//             during the write, never during an fsync (those are shared, LogFile::sync)
//   state     what memory knows: read and changed in short steps, no I/O
//   garbage_  a blob that is being put is not collected at the same time
// Order: tick_, snapshot_ or named_, then writer_, then state. garbage_ is taken below tick_ or
// alone.

#include "base/guarded.h"
#include "store/log.h"
#include "store/record.h"
#include "store/scrubber.h"
#include "store/store.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <unordered_map>

namespace weir::store {

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
  // The same of purges that were asked for here.
  std::uint64_t own_seq = 0;
  Epochs own_all;
  EpochMap own_tags, own_prefixes;
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
    if (!record.is_learnt) apply_own(record, number);
    if (!record.id.empty()) remember(record.id, number);
  }
  void apply_own(const PurgeRecord& record, std::uint64_t number) {
    own_seq = std::max(own_seq, number);
    if (record.all) own_all.raise(record.mode, number);
    for (const std::string& tag : record.tags) own_tags.at(tag).raise(record.mode, number);
    for (const std::string& prefix : record.prefixes)
      own_prefixes.at(prefix).raise(record.mode, number);
    own_tags.fold(limits::purged_tags_max, own_all);
    own_prefixes.fold(limits::purged_prefixes_max, own_all);
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
    if (from == outside_releases) return true;
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
    const auto [held, is_new] = fills.try_emplace(key, std::move(slot));  // moves it if it is new
    if (is_new || held->second.generation > slot.generation) return;
    auto node = fills.extract(held);
    node.key() = key;  // the old one lies in the payload that goes
    node.mapped() = std::move(slot);
    fills.insert(std::move(node));
  }
  PurgeState purges() const {
    PurgeState out;
    out.seq = purge_seq;
    out.all = all;
    out.tags.assign(tags.map.begin(), tags.map.end());
    out.prefixes.assign(prefixes.map.begin(), prefixes.map.end());
    return out;
  }
  PurgeState own_purges() const {
    PurgeState out;
    out.seq = own_seq;
    out.all = own_all;
    out.tags.assign(own_tags.map.begin(), own_tags.map.end());
    out.prefixes.assign(own_prefixes.map.begin(), own_prefixes.map.end());
    return out;
  }
  void set_own(const PurgeState& own) {
    own_seq = own.seq;
    own_all = own.all;
    own_tags = {};
    own_prefixes = {};
    for (const auto& [name, epochs] : own.tags) own_tags.at(name) = epochs;
    for (const auto& [name, epochs] : own.prefixes) own_prefixes.at(name) = epochs;
  }
  StateRecord record() const { return {seen, active, active_seq, active_created, purges()}; }
};

struct Store::Shared {
  Shared(StoreSettings wanted, HashKey key, const Clock& time, Log& lines, Disk& files)
      : settings(std::move(wanted)),
        clock(time),
        log(lines),
        disk(files),
        blobs(settings.directory, key, files, lines),
        scrubber(settings.directory, blobs, files) {}

  const StoreSettings settings;
  const Clock& clock;
  Log& log;
  Disk& disk;
  Descriptor owner_lock;
  std::string node;                   // set by recover
  std::atomic<bool> is_guest{false};  // LOCK is somebody else's; set under writer_
  BlobStore blobs;
  Scrubber scrubber;  // under tick_

  std::mutex writer_;
  Guarded<std::shared_ptr<LogFile>> file;  // replaced under writer_
  Guarded<State> state;
  std::mutex snapshot_;  // one at a time

  std::mutex named_;  // purges with an idempotency key, before writer_

  std::mutex garbage_;
  std::map<std::string, Mono> doomed;  // path -> since when nothing refers to it
  std::map<ReleaseId, std::vector<std::string>> segments_of;  // under garbage_

  std::atomic<std::uint64_t> write_errors{0}, records{0}, snapshots{0}, collected{0};
  std::atomic<std::uint64_t> scrubbed_bytes{0}, scrub_rounds{0};
  std::atomic<std::size_t> loose_bytes{0}, segment_bytes{0};
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
  Status name_node(bool anew);
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
                        const StateRecord& head, const PurgeState& own, const PurgeIds& ids);
  Status snapshot(std::uint64_t beyond = 0);  // its log gets a number beyond that one
  std::size_t collect();
  std::size_t collect_builds();
  std::size_t collect_loose();
  void note_segments_of(const Release& next);
  std::optional<std::set<std::string>> segments_needed_by(const std::vector<ReleaseId>& ids);
  void weigh_segments();
  std::size_t make_room();
  void forget_oldest_fills(std::size_t bytes);
  void complain(const Error& error);
  void tick();
  void run();
};

template <class Apply>
Status Store::Shared::append(Op op, const std::string& payload, Apply apply) {
  if (payload.size() > limits::log_record_bytes_max)
    return Error{Errc::too_large, "a record of " + std::to_string(payload.size()) +
                                      " bytes is more than the log takes"};
  const std::lock_guard order(writer_);
  if (is_guest) return Error{Errc::denied, "the store belongs to the successor by now"};
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

}  // namespace weir::store
