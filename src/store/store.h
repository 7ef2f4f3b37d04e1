#pragma once
// The disk behind the cache: one directory, one owner.
//
//   LOCK       flock of the process that writes log and manifests
//   secret     the key of all blob ids
//   blobs/     bodies (blob_store.h)
//   manifest/  NNN.release, NNN.snap
//   log/       NNN.log (log.h)
//   tmp/       unfinished files, build leases
//
// The promise:
//   - a purge and an activation that were reported are there after any crash; a fill is there after
//     a kill, and after a power cut unless that came within 20 ms;
//   - what is read was written by us, whole, or it is an Error;
//   - `open` hashes no body: it maps, replays and is ready;
//   - after each activation at most `releases_kept` releases are on disk, the newest and the active
//     one, unless somebody builds meanwhile; what killed builds left goes with them;
//   - a full or failing disk loses writes, says so, and loses nothing that was acknowledged; when
//     there is room again the log starts anew from a snapshot of what memory knows.
//
// Callable from any thread. `purge`, `adopt_release` and `put_fill` block on the disk: for workers
// only.

#include "base/clock.h"
#include "base/crypto.h"
#include "base/limits.h"
#include "base/log.h"
#include "store/release.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::store {

enum class Background { none, thread };  // none: the owner calls `tick` (tests)

struct StoreSettings {
  std::string directory = {};
  std::size_t bytes_max =
      limits::store_bytes_max;  // of loose bodies; releases are pinned and not counted
  Nanos fill_sync_max = std::chrono::milliseconds(20);
  Nanos snapshot_time_max = std::chrono::minutes(10);
  std::size_t log_bytes_max = 64 * MiB;
  Nanos garbage_grace = std::chrono::minutes(5);
  Background background = Background::thread;
};

// What one render made, beside its body. The newest fill of a key is what a restart serves.
enum class FillKind : std::uint8_t { page = 0, gone = 1 };  // gone: the origin said 404 or 410
// The release of a fill that was made from none: it stays whichever is active.
inline constexpr ReleaseId outside_releases = ~ReleaseId{0};
struct Fill {
  std::string key = {};
  FillKind kind = FillKind::page;
  int status = 200;
  std::string content_type = {};
  Fields fields = {};
  BlobId body_id = {};
  Sha256 sha256{};
  std::uint64_t body_bytes = 0;
  std::string inline_blob = {};  // header and payload, for bodies under 4 KiB; empty = in blobs/
  std::vector<std::string> tags = {};
  Policy policy = {};
  ReleaseId release = 0;         // whose inputs it was rendered from
  std::uint64_t fill_seq = 0;    // the last purge it has seen
  std::uint64_t generation = 0;  // grows per key for ever: the number of its record
  Wall rendered = {};
  Wall modified = {};  // Last-Modified: older than `rendered` when the bytes did not change
};

enum class PurgeMode : std::uint8_t { soft = 0, hard = 1 };
struct PurgeRecord {
  PurgeMode mode = PurgeMode::soft;
  std::vector<std::string> tags = {};  // with "url:<path>" for paths
  std::vector<std::string> prefixes = {};
  bool all = false;
  std::string id = {};     // idempotency; empty = none
  bool is_learnt = false;  // from another node, which tells the others itself
};
// The greatest purge of each kind that an entry must have seen. 0 = never purged.
struct Epochs {
  std::uint64_t soft = 0;
  std::uint64_t hard = 0;
  void raise(PurgeMode mode, std::uint64_t seq) {
    std::uint64_t& epoch = mode == PurgeMode::soft ? soft : hard;
    if (seq > epoch) epoch = seq;
  }
  friend bool operator==(Epochs, Epochs) = default;
};
// All purges that still matter, folded.
struct PurgeState {
  std::uint64_t seq = 0;  // of the last purge
  Epochs all;
  std::vector<std::pair<std::string, Epochs>> tags = {};
  std::vector<std::pair<std::string, Epochs>> prefixes = {};
};

struct PurgeReceipt {
  std::uint64_t seq = 0;
  bool repeated = false;  // the id was seen before; this is the seq it got then
};

// The release that is served, and since which record.
struct ActiveRelease {
  std::shared_ptr<const Release> release = {};  // null = nothing was ever published
  std::uint64_t seq = 0;                        // of the activation; the generation of its pages
};

struct StoreCounters {
  std::uint64_t corrupt = 0;
  std::uint64_t write_errors = 0;
  std::uint64_t records = 0;
  std::uint64_t syncs = 0;
  std::uint64_t snapshots = 0;
  std::uint64_t collected = 0;                         // files that garbage collection removed
  std::uint64_t scrubbed_bytes = 0, scrub_rounds = 0;  // bodies read again, and all of them
  std::size_t fills = 0;
  std::size_t log_bytes = 0;
  // On disk: bodies and codings, each in a file, as of the last round of garbage collection; and
  // what builds wrote.
  std::size_t loose_bytes = 0, segment_bytes = 0;
};

class Store {
 public:
  // Errc::exists = another process holds LOCK (the command line says exit 4, or talks to that
  // process); nothing else gives that code. `clock`, `log` and `disk` must outlive the store.
  static Result<std::unique_ptr<Store>> open(StoreSettings settings, const Clock& clock, Log& log,
                                             Disk& disk);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // --- releases
  ActiveRelease active() const;
  // Opens release `id` and makes it the active one: durable when this returns. Also the way back
  // (rollback).
  Result<ActiveRelease> adopt_release(ReleaseId id);
  std::vector<ReleaseId> releases() const;  // kept on disk, oldest first

  // --- fills
  // Newest fill of a key that may be served under the active release: rendered from it, or from an
  // older one after the active one was built (a deploy never takes a page back in time).
  std::optional<Fill> find_fill(std::string_view key) const;
  bool has_fill(std::string_view key) const;
  void for_each_fill(const std::function<void(const Fill&)>& look) const;
  // Keeps body (when given) and record; returns the generation. With an error the page may still be
  // served from memory under the generation `next_generation()`. `fill.generation` is set by the
  // store.
  Result<std::uint64_t> put_fill(Fill fill, const PackedBlob* body);
  Result<Body> read_fill(const Fill& fill) const;
  // To be read in pieces. Errc::missing: it has no table of them.
  Result<std::shared_ptr<const PiecedBody>> open_fill_pieces(const Fill& fill) const;
  std::uint64_t next_generation();

  // --- purges
  enum class Durable { now, soon };
  // Durable::now: on disk before this returns. Concurrent calls share one sync.
  Result<PurgeReceipt> purge(const PurgeRecord& record, Durable durable);
  PurgeState purges() const;
  // Those that were asked for here: what other nodes have to learn from this one. `seq` is the last
  // of them. After a record was lost (a damaged log) everything counts as purged, and the store is
  // another node, so that nobody goes on from a number that was given twice.
  PurgeState own_purges() const;
  std::uint64_t own_purge_seq() const;
  std::string node() const;  // 32 hex digits, for as long as the numbers of this store only grow

  BlobStore& blobs();
  // Wall time that never runs behind what the store has seen (C-1).
  Wall wall() const;

  // For a successor on the same directory (a binary upgrade, cache C-59). After `let_go` everything
  // that was acknowledged is on disk and LOCK is free; reading goes on, what is rendered lives in
  // memory only, and `purge` and `adopt_release` are refused (Errc::denied). `take_back` is for
  // when the successor has failed; Errc::exists = somebody has the lock.
  Status let_go();
  Status take_back();

  // Work that is due: sync, snapshot, garbage. Called by the background thread, or by a test.
  void tick();
  Status snapshot();      // now
  std::size_t collect();  // garbage, now; how many files went
  Status sync();          // everything appended so far
  StoreCounters counters() const;

 private:
  struct Shared;
  explicit Store(std::unique_ptr<Shared> shared);
  std::unique_ptr<Shared> shared_;
};

}  // namespace weir::store
