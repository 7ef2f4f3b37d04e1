#pragma once
// A large body on disk, read in pieces: a range of it costs the pieces that it touches, not the
// whole (C-48).
//
// A body above 1 MiB is kept as pieces of 256 KiB of its identity bytes: zstd frames one after the
// other (a client that takes zstd gets the payload as it stands), or the bytes themselves where
// zstd gains nothing. Its blob has a table behind the payload (blob.h says that there is one):
//
//   table = row*, one per piece        row = stored_bytes u32 | sum u64
//
// `sum` is xxh3-64 of the piece as stored. Nothing is served unverified, although the keyed hash of
// the whole cannot be computed from a part: the manifest (verified when it was opened) or the
// caller names the header, the header's own sum covers the table's, the table's covers those of the
// pieces, and a piece is compared with its own each time it is read. What a range sees is as sure
// as what the scrubber sees. The table is not part of the payload, as the seekable format of zstd
// has it, so that bodies that are not compressed have one, too, the sums have 64 bits, and the
// bytes (and the ETag) of the zstd form are those that they have always been.
//
// Cost of 64 KiB at the end of 256 MiB: bench/range_bench. Immutable; callable from any thread;
// blocks for the disk.

#include "base/result.h"
#include "store/blob.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace weir::store {

class Segment;

class PiecedBody {
 public:
  // The blob at `offset` of an open file. `expected` is what the caller knows of it by verified
  // means; its table_sum is not looked at. Errc::missing: it has no table (not large, or written by
  // an older Weir), Errc::corrupt.
  static Result<std::shared_ptr<const PiecedBody>> open(std::shared_ptr<const Segment> file,
                                                        std::uint64_t offset,
                                                        const BlobHeader& expected);

  const BlobHeader& header() const { return header_; }
  const std::string& path() const;
  // Bytes of the form that it is stored in (`codec` of the header), or of the identity. The bytes
  // must lie within it (MUST). Errc::corrupt: a piece is not what was written.
  std::uint64_t bytes(Codec codec) const {
    return codec == Codec::identity ? header_.identity_bytes : header_.stored_bytes;
  }
  Result<std::string> read(Codec codec, std::uint64_t first, std::size_t bytes) const;

 private:
  PiecedBody(std::shared_ptr<const Segment> file, std::uint64_t payload_at, BlobHeader header)
      : file_(std::move(file)), payload_at_(payload_at), header_(header) {}
  Status read_table();
  std::size_t piece_count() const { return sums_.size(); }
  std::size_t identity_bytes_of(std::size_t piece) const;
  Result<std::string> read_stored(std::size_t piece) const;
  Result<std::string> read_piece(std::size_t piece, Codec codec) const;

  std::shared_ptr<const Segment> file_;
  std::uint64_t payload_at_;
  BlobHeader header_;
  std::vector<std::uint64_t> ends_;  // of each piece, within the payload
  std::vector<std::uint64_t> sums_;
};

// The table of a payload; empty where there is none: the body is not large.
std::string piece_table_of(Codec codec, std::uint64_t identity_bytes, std::string_view stored);
std::uint64_t piece_table_bytes_of(const BlobHeader& header);

}  // namespace weir::store
