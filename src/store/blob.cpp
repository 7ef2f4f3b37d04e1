#include "store/blob.h"

#include "base/bytes.h"
#include "store/pieced_body.h"

namespace weir::store {
namespace {

constexpr std::string_view magic = "WBLB";
constexpr char version = 1, version_with_table = 2;
constexpr std::size_t summed_bytes = 56;

}  // namespace

std::string encode_blob_header(const BlobHeader& header) {
  std::string out(magic);
  out.push_back(header.table_sum == 0 ? version : version_with_table);
  out.push_back(static_cast<char>(header.codec));
  append_le(out, std::uint16_t{0});
  append_le(out, header.identity_bytes);
  append_le(out, header.stored_bytes);
  append_le(out, header.id.low);
  append_le(out, header.id.high);
  append_le(out, header.stored_sum);
  append_le(out, header.table_sum);
  append_le(out, xxh3_64(out));
  return out;
}

Result<BlobHeader> parse_blob_header(std::string_view bytes) {
  if (bytes.size() < blob_header_bytes)
    return Error{Errc::corrupt,
                 "blob header: expected 64 bytes, found " + std::to_string(bytes.size())};
  if (!bytes.starts_with(magic))
    return Error{Errc::corrupt, "blob header: expected 'WBLB' at its start"};
  if (load_le<std::uint64_t>(bytes.data() + summed_bytes) != xxh3_64(bytes.substr(0, summed_bytes)))
    return Error{Errc::corrupt, "blob header: its checksum does not match"};
  if (bytes[4] != version && bytes[4] != version_with_table)
    return Error{Errc::corrupt,
                 "blob header: expected version 1 or 2, found " + std::to_string(bytes[4])};
  if (static_cast<unsigned char>(bytes[5]) >= codec_count)
    return Error{Errc::corrupt, "blob header: unknown codec " + std::to_string(bytes[5])};
  BlobHeader header;
  header.codec = static_cast<Codec>(bytes[5]);
  header.identity_bytes = load_le<std::uint64_t>(bytes.data() + 8);
  header.stored_bytes = load_le<std::uint64_t>(bytes.data() + 16);
  header.id = {load_le<std::uint64_t>(bytes.data() + 24),
               load_le<std::uint64_t>(bytes.data() + 32)};
  header.stored_sum = load_le<std::uint64_t>(bytes.data() + 40);
  header.table_sum = load_le<std::uint64_t>(bytes.data() + 48);
  return header;
}

PackedBlob pack_blob(const HashKey& key, std::string_view body, std::string_view content_type) {
  const BlobId id = key.hash(body);
  if (is_worth_compressing(content_type, body.size())) {
    std::string packed = zstd_of(body);
    if (packed.size() < body.size())
      return seal_blob(id, body.size(), Codec::zstd, std::move(packed));
  }
  return seal_blob(id, body.size(), Codec::identity, std::string(body));
}

PackedBlob seal_blob(const BlobId& id, std::uint64_t identity_bytes, Codec codec,
                     std::string stored) {
  PackedBlob blob;
  blob.header = {codec, identity_bytes, stored.size(), id, xxh3_64(stored)};
  blob.table = piece_table_of(codec, identity_bytes, stored);
  if (!blob.table.empty()) blob.header.table_sum = xxh3_64(blob.table);
  blob.stored = std::move(stored);
  return blob;
}

Result<Body> unpack_blob(const HashKey& key, const BlobHeader& header, std::string stored) {
  if (stored.size() != header.stored_bytes)
    return Error{Errc::corrupt, "blob " + header.id.hex() + ": expected " +
                                    std::to_string(header.stored_bytes) + " bytes, found " +
                                    std::to_string(stored.size())};
  if (xxh3_64(stored) != header.stored_sum)
    return Error{Errc::corrupt,
                 "blob " + header.id.hex() + ": its stored bytes do not match their checksum"};
  Body body;
  if (header.codec == Codec::zstd) {
    body.identity = TRY(unpack_zstd(stored, header.identity_bytes));
    body.zstd = std::move(stored);
  } else if (header.codec == Codec::identity) {
    body.identity = std::move(stored);
  } else {
    return Error{Errc::corrupt, "blob " + header.id.hex() + ": not a form that bodies are kept in"};
  }
  if (body.identity.size() != header.identity_bytes || key.hash(body.identity) != header.id)
    return Error{Errc::corrupt, "blob " + header.id.hex() + ": its bytes do not match its name"};
  return body;
}

}  // namespace weir::store
