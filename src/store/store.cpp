// The calls of a store: what is written and what is read. Its parts and their locks:
// store_shared.h.

#include "store/store.h"

#include "base/must.h"
#include "store/store_shared.h"

#include <algorithm>

namespace weir::store {
namespace {

constexpr Nanos complain_every = std::chrono::seconds(60);  // about a disk that does not take what
                                                            // we write

}  // namespace

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

// --- writing -------------------------------------------------------------------------------------

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
  if (shared.is_guest) return Error{Errc::denied, "the store belongs to the successor by now"};
  MUST(fill.kind == FillKind::gone ||
       fill.body_id == (body == nullptr ? fill.body_id : body->header.id));
  const bool is_small = body != nullptr && body->table.empty() &&
                        body->stored.size() + blob_header_bytes <= limits::blob_inline_bytes_max;
  if (is_small) {
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
  const std::optional<ActiveRelease> same = shared.state.with([&](State& now) {
    const bool is_active = now.release != nullptr && now.release->id() == id;
    return is_active ? std::optional<ActiveRelease>({now.release, now.active_seq}) : std::nullopt;
  });
  if (same) return *same;  // what was refreshed since stays fresh
  shared.note_segments_of(*release);
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
  // Here, and not only in the keeper's rounds: a build without a server has no keeper.
  shared.collected.fetch_add(shared.collect_builds(), std::memory_order_relaxed);
  shared.weigh_segments();
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

bool Store::has_fill(std::string_view key) const {
  return shared_->state.with([key](const State& now) { return now.fills.contains(key); });
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

Result<std::shared_ptr<const PiecedBody>> Store::open_fill_pieces(const Fill& fill) const {
  if (!fill.inline_blob.empty()) return Error{Errc::missing, fill.key + ": it is not large"};
  return shared_->blobs.open_pieces(fill.body_id);
}

PurgeState Store::purges() const {
  return shared_->state.with([](const State& now) { return now.purges(); });
}

PurgeState Store::own_purges() const {
  return shared_->state.with([](const State& now) { return now.own_purges(); });
}

std::uint64_t Store::own_purge_seq() const {
  return shared_->state.with([](const State& now) { return now.own_seq; });
}

std::string Store::node() const { return shared_->node; }

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
  out.scrubbed_bytes = shared.scrubbed_bytes.load(std::memory_order_relaxed);
  out.scrub_rounds = shared.scrub_rounds.load(std::memory_order_relaxed);
  out.loose_bytes = shared.loose_bytes.load(std::memory_order_relaxed);
  out.segment_bytes = shared.segment_bytes.load(std::memory_order_relaxed);
  out.fills = shared.state.with([](const State& now) { return now.fills.size(); });
  const auto log_file = shared.current();
  out.syncs = log_file->syncs();
  out.log_bytes = log_file->bytes();
  return out;
}

Status Store::sync() { return shared_->sync(); }
Status Store::snapshot() { return shared_->snapshot(); }
std::size_t Store::collect() { return shared_->collect(); }
void Store::tick() { shared_->tick(); }

}  // namespace weir::store
