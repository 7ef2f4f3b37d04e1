#pragma once
// Bodies on disk by the hash of their content.
//
//   blobs/ab/<30 hex digits>        one blob at rest (fills of 4 KiB and more)
//   blobs/ab/<30 hex digits>.SUFFIX further codings of it, .br .gz .br11 .zst19; may vanish at any
//                                   time
//   blobs/<32 hex digits>.seg       the blobs of one build, one after the other, each at a multiple
//                                   of 8
//   quarantine/                     files whose bytes did not match
//
// A blob is durable when `put` returns (C-61): written to tmp/, fdatasync, renamed, directory
// synced. Further codings are not synced: they can be made again, and are checked when read.
// Nothing is hashed at start; every read is verified, and what does not match is moved to
// quarantine/ and Errc::corrupt (C-63). Callable from any thread.

#include "base/hash.h"
#include "base/log.h"
#include "store/blob.h"
#include "store/disk.h"
#include "store/pieced_body.h"

#include <atomic>
#include <memory>
#include <string>

namespace weir::store {

// Where a blob of a build lies.
struct BlobPlace {
  std::uint64_t offset = 0;  // of its header
  BlobHeader header;
};

// One build's blobs, open for reading; or a file of one blob.
class Segment {
 public:
  static Result<std::shared_ptr<const Segment>> open(Disk& disk, const std::string& path);
  Result<Body> read(const HashKey& key, const BlobPlace& place) const;
  Result<std::string> read_bytes(std::uint64_t offset, std::size_t bytes) const;
  const std::string& path() const { return path_; }

 private:
  Segment(Disk& disk, Descriptor file, std::string path)
      : disk_(disk), file_(std::move(file)), path_(std::move(path)) {}
  Disk& disk_;
  Descriptor file_;
  std::string path_;
};

class BlobStore {
 public:
  // `directory` is the store's. `disk` and `log` must outlive it.
  BlobStore(std::string directory, HashKey key, Disk& disk, Log& log);

  const HashKey& key() const { return key_; }
  Status put(const PackedBlob& blob);  // a blob that is there is left alone
  Result<Body> read(const BlobId& id);
  // To be read in pieces. Errc::missing: it has no table of them.
  Result<std::shared_ptr<const PiecedBody>> open_pieces(const BlobId& id);

  Status put_coding(const BlobId& id, Rendition rendition, std::string_view stored);
  // Errc::missing = not made yet.
  Result<std::string> read_coding(const BlobId& id, Rendition rendition);

  // Counts, logs, and moves a damaged file out of the way. Segments stay (other blobs in them are
  // good).
  void quarantine(const std::string& path, const Error& why);
  std::uint64_t corrupt_count() const { return corrupt_.load(std::memory_order_relaxed); }

  std::string path_of(const BlobId& id) const;
  std::string path_of(const BlobId& id, Rendition rendition) const;

 private:
  Status put_file(const std::string& path, const PackedBlob& blob, Sync sync);
  Result<std::pair<BlobHeader, std::string>> read_file_of(const std::string& path);

  const std::string directory_;
  const HashKey key_;
  Disk& disk_;
  Log& log_;
  std::atomic<std::uint64_t> corrupt_{0};
};

}  // namespace weir::store
