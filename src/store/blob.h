#pragma once
// One stored body and the header in front of it.
//
//   blob    = header payload table
//   header  = magic "WBLB" | version u8 | codec u8 | 0 u16 | identity_bytes u64 | stored_bytes u64
//           | id.low u64 | id.high u64 | stored_sum u64 | table_sum u64 | header_sum u64
//             (64 bytes, little-endian)
//
// Version 1 has no table and a table_sum of 0; it is what every body up to 1 MiB has. Version 2 has
// a table of the pieces of a larger body (pieced_body.h), and its xxh3-64. Older ones of those are
// of version 1, and are read as a whole.
//
// `id` is xxh3-128 of the identity bytes under the store's secret, so that nobody who writes
// content can aim at a collision; `stored_sum` is xxh3-64 of the payload, `header_sum` of the 56
// bytes before it. What leaves this host (ETag, manifests of a deploy) is SHA-256, never `id`.

#include "base/hash.h"
#include "base/result.h"
#include "store/codec.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace weir::store {

using BlobId = Hash128;

inline constexpr std::size_t blob_header_bytes = 64;

struct BlobHeader {
  Codec codec = Codec::identity;
  std::uint64_t identity_bytes = 0;
  std::uint64_t stored_bytes = 0;
  BlobId id;
  std::uint64_t stored_sum = 0;
  std::uint64_t table_sum = 0;  // 0 = no table
  friend bool operator==(const BlobHeader&, const BlobHeader&) = default;
};

std::string encode_blob_header(const BlobHeader& header);
Result<BlobHeader> parse_blob_header(
    std::string_view bytes);  // of the first 64 bytes; Errc::corrupt

// A body as it is at rest. `stored` is the zstd frame, or the identity bytes where zstd gains
// nothing.
struct PackedBlob {
  BlobHeader header;
  std::string stored;
  std::string table;  // of its pieces; empty where the body is not large
};
PackedBlob pack_blob(const HashKey& key, std::string_view body, std::string_view content_type);
// Of a body that was packed before: `stored` is its payload.
PackedBlob seal_blob(const BlobId& id, std::uint64_t identity_bytes, Codec codec,
                     std::string stored);

// Both forms of a body, verified: the stored sum, the length, and the keyed hash of the identity
// bytes.
struct Body {
  std::string identity;
  std::string zstd;  // empty = kept as identity
};
Result<Body> unpack_blob(const HashKey& key, const BlobHeader& header, std::string stored);

}  // namespace weir::store
