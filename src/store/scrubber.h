#pragma once
// Reads every body on disk again and again, slowly, so that bytes that have rotted are found before
// a visitor asks for them (C-63): at most limits::scrub_bytes_per_second, and no round sooner than
// an hour after the last one began.
//
// A loose file that does not hold what its header says is moved to quarantine/ and counted; the
// page that it was is made again when somebody asks. A damaged blob in a build's segment is counted
// and logged; the others in it are good and stay.
//
// Only sums of what is stored are compared (xxh3-64, some GB/s): nothing is decompressed. One
// thread: the store's keeper.

#include "base/clock.h"
#include "base/limits_cache.h"
#include "store/blob_store.h"

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

namespace weir::store {

class Scrubber {
 public:
  // All must outlive it.
  Scrubber(std::string directory, BlobStore& blobs, Disk& disk)
      : directory_(std::move(directory)), blobs_(blobs), disk_(disk) {}

  // What may be read by now. How many bytes were read.
  std::size_t step(Mono now);
  std::uint64_t rounds() const { return rounds_; }

 private:
  void begin_round();
  bool next_file();
  std::size_t check_file(const std::string& path);
  std::size_t check_next_of_segment();
  void damaged(const std::string& path, const Error& why);

  struct OpenSegment {
    std::string path;
    Descriptor file;
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
  };

  const std::string directory_;
  BlobStore& blobs_;
  Disk& disk_;
  std::deque<std::string> folders_, files_;  // still to be read; names of one folder at a time
  std::optional<OpenSegment> segment_;
  std::optional<Mono> last_, round_began_;
  std::int64_t allowed_bytes_ = 0;  // below zero: what the last file took beyond it
  std::uint64_t rounds_ = 0;        // that were finished
  bool is_in_round_ = false;
};

}  // namespace weir::store
