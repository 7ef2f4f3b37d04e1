#include "store/pieced_body.h"

#include "base/bytes.h"
#include "base/limits.h"
#include "base/must.h"
#include "store/blob_store.h"

#include <algorithm>

namespace weir::store {
namespace {

constexpr std::size_t row_bytes = 12;

std::uint64_t pieces_of(std::uint64_t identity_bytes) {
  return (identity_bytes + piece_bytes - 1) / piece_bytes;
}

void append_row(std::string& table, std::string_view stored) {
  append_le(table, static_cast<std::uint32_t>(stored.size()));
  append_le(table, xxh3_64(stored));
}

}  // namespace

std::string piece_table_of(Codec codec, std::uint64_t identity_bytes, std::string_view stored) {
  std::string table;
  if (identity_bytes <= whole_bytes_max) return table;
  while (!stored.empty()) {
    const std::size_t bytes = codec == Codec::zstd ? first_zstd_frame_bytes(stored)
                                                   : std::min(piece_bytes, stored.size());
    append_row(table, stored.substr(0, bytes));
    stored.remove_prefix(bytes);
  }
  MUST(table.size() == pieces_of(identity_bytes) * row_bytes);
  return table;
}

std::uint64_t piece_table_bytes_of(const BlobHeader& header) {
  return header.table_sum == 0 ? 0 : pieces_of(header.identity_bytes) * row_bytes;
}

Result<std::shared_ptr<const PiecedBody>> PiecedBody::open(std::shared_ptr<const Segment> file,
                                                           std::uint64_t offset,
                                                           const BlobHeader& expected) {
  const std::string head = TRY(file->read_bytes(offset, blob_header_bytes));
  BlobHeader header = TRY(parse_blob_header(head));
  const std::uint64_t table_sum = std::exchange(header.table_sum, 0);
  BlobHeader known = expected;
  known.table_sum = 0;
  if (header != known)
    return Error{Errc::corrupt, file->path() + " at " + std::to_string(offset) +
                                    ": expected the header of blob " + expected.id.hex()};
  if (table_sum == 0)
    return Error{Errc::missing, "blob " + header.id.hex() + " has no table of pieces"};
  if (header.identity_bytes > limits::file_bytes_max || header.stored_bytes > header.identity_bytes)
    return Error{Errc::corrupt, file->path() + ": a blob says it is larger than any file we read"};
  header.table_sum = table_sum;
  auto body = std::shared_ptr<PiecedBody>(
      new PiecedBody(std::move(file), offset + blob_header_bytes, header));
  TRY(body->read_table());
  return std::shared_ptr<const PiecedBody>(std::move(body));
}

const std::string& PiecedBody::path() const { return file_->path(); }

Status PiecedBody::read_table() {
  const auto table_bytes = static_cast<std::size_t>(piece_table_bytes_of(header_));
  const std::string table = TRY(file_->read_bytes(payload_at_ + header_.stored_bytes, table_bytes));
  if (table.size() != table_bytes || xxh3_64(table) != header_.table_sum)
    return Error{Errc::corrupt, "blob " + header_.id.hex() + ": its table of pieces is damaged"};
  std::uint64_t end = 0;
  for (std::size_t at = 0; at < table.size(); at += row_bytes) {
    end += load_le<std::uint32_t>(table.data() + at);
    ends_.push_back(end);
    sums_.push_back(load_le<std::uint64_t>(table.data() + at + 4));
  }
  if (end != header_.stored_bytes)
    return Error{Errc::corrupt, "blob " + header_.id.hex() + ": its pieces are not the whole"};
  return done;
}

std::size_t PiecedBody::identity_bytes_of(std::size_t piece) const {
  const std::uint64_t begin = std::uint64_t{piece} * piece_bytes;
  return static_cast<std::size_t>(
      std::min<std::uint64_t>(piece_bytes, header_.identity_bytes - begin));
}

Result<std::string> PiecedBody::read_stored(std::size_t piece) const {
  const std::uint64_t begin = piece == 0 ? 0 : ends_[piece - 1];
  const auto bytes = static_cast<std::size_t>(ends_[piece] - begin);
  std::string stored = TRY(file_->read_bytes(payload_at_ + begin, bytes));
  if (stored.size() != bytes || xxh3_64(stored) != sums_[piece])
    return Error{Errc::corrupt, "blob " + header_.id.hex() + ": piece " + std::to_string(piece) +
                                    " does not match its checksum"};
  return stored;
}

Result<std::string> PiecedBody::read_piece(std::size_t piece, Codec codec) const {
  std::string stored = TRY(read_stored(piece));
  if (codec == header_.codec) return stored;
  return unpack_zstd(stored, identity_bytes_of(piece));
}

Result<std::string> PiecedBody::read(Codec codec, std::uint64_t first, std::size_t bytes) const {
  MUST(codec == Codec::identity || codec == header_.codec);
  const std::uint64_t total = this->bytes(codec);
  MUST(first <= total && bytes <= total - first);
  const bool is_stored = codec == header_.codec;
  std::string out;
  out.reserve(bytes);
  auto piece = static_cast<std::size_t>(
      is_stored ? static_cast<std::uint64_t>(std::ranges::upper_bound(ends_, first) - ends_.begin())
                : first / piece_bytes);
  while (out.size() < bytes) {
    const std::uint64_t begin =
        !is_stored ? std::uint64_t{piece} * piece_bytes : (piece == 0 ? 0 : ends_[piece - 1]);
    const std::string held = TRY(read_piece(piece, codec));
    const auto skipped = static_cast<std::size_t>(first + out.size() - begin);
    out.append(held, skipped, bytes - out.size());
    ++piece;
  }
  return out;
}

}  // namespace weir::store
