#include "store/blob_store.h"

#include "base/crypto.h"
#include "base/limits.h"

#include <sys/stat.h>

#include <cerrno>

namespace weir::store {
namespace {

std::string_view suffix_of(Rendition rendition) {
  switch (rendition) {
    case Rendition::gzip: return ".gz";
    case Rendition::brotli: return ".br";
    case Rendition::best_brotli: return ".br11";
    case Rendition::best_zstd: return ".zst19";
    default: return "";
  }
}

bool exists(const std::string& path) {
  struct stat facts {};
  return ::stat(path.c_str(), &facts) == 0;
}

}  // namespace

Result<std::shared_ptr<const Segment>> Segment::open(Disk& disk, const std::string& path) {
  Descriptor file = TRY(disk.open(path));
  return std::shared_ptr<const Segment>(new Segment(disk, std::move(file), path));
}

Result<Body> Segment::read(const HashKey& key, const BlobPlace& place) const {
  if (place.header.stored_bytes > limits::file_bytes_max ||
      place.header.identity_bytes > limits::file_bytes_max)
    return Error{Errc::corrupt, path_ + ": a blob says it is larger than any file we read"};
  // The place is from a manifest whose checksum was verified, so its copy of the header stands for
  // the one in the segment.
  std::string stored = TRY(disk_.read(file_.number(), place.offset + blob_header_bytes,
                                      static_cast<std::size_t>(place.header.stored_bytes), path_));
  auto body = unpack_blob(key, place.header, std::move(stored));
  if (!body) return std::move(body).error().in(path_ + " at " + std::to_string(place.offset));
  return body;
}

Result<std::string> Segment::read_bytes(std::uint64_t offset, std::size_t bytes) const {
  return disk_.read(file_.number(), offset, bytes, path_);
}

BlobStore::BlobStore(std::string directory, HashKey key, Disk& disk, Log& log)
    : directory_(std::move(directory)), key_(key), disk_(disk), log_(log) {}

std::string BlobStore::path_of(const BlobId& id) const { return path_of(id, Rendition::identity); }

std::string BlobStore::path_of(const BlobId& id, Rendition rendition) const {
  const std::string hex = id.hex();
  std::string path = directory_ + "/blobs/" + hex.substr(0, 2) + '/' + hex.substr(2);
  path += suffix_of(rendition);
  return path;
}

Status BlobStore::put(const PackedBlob& blob) {
  return put_file(path_of(blob.header.id), blob, Sync::yes);
}

Status BlobStore::put_coding(const BlobId& id, Rendition rendition, std::string_view stored) {
  return put_file(path_of(id, rendition),
                  seal_blob(id, 0, codec_of(rendition), std::string(stored)), Sync::no);
}

Status BlobStore::put_file(const std::string& path, const PackedBlob& blob, Sync sync) {
  if (exists(path)) return done;
  const std::string folder = path.substr(0, path.rfind('/'));
  TRY(make_directories(folder));
  const std::string unfinished = directory_ + "/tmp/blob-" + std::to_string(random_u64());
  const auto write = [&]() -> Status {
    const Descriptor file = TRY(disk_.create(unfinished));
    TRY(disk_.write(file.number(), 0, encode_blob_header(blob.header) + blob.stored + blob.table,
                    unfinished));
    if (sync == Sync::yes) TRY(disk_.sync(file.number(), unfinished));
    TRY(disk_.rename(unfinished, path));
    if (sync == Sync::yes) TRY(disk_.sync_directory(folder));
    return done;
  };
  Status written = write();
  if (!written) {
    const Status removed =
        disk_.remove(unfinished);  // what stays is swept from tmp/ at the next start
    if (!removed)
      log_.warning("store.tmp_left", {{"path", unfinished}, {"reason", removed.error().what}});
  }
  return written;
}

Result<std::pair<BlobHeader, std::string>> BlobStore::read_file_of(const std::string& path) {
  const Descriptor file = TRY(disk_.open(path));
  struct stat facts {};
  if (::fstat(file.number(), &facts) != 0) return Error{Errc::io, path + ": " + reason_of(errno)};
  const auto bytes = static_cast<std::size_t>(facts.st_size);
  if (bytes < blob_header_bytes || bytes > limits::file_bytes_max)
    return Error{Errc::corrupt,
                 path + ": expected a blob, found " + std::to_string(bytes) + " bytes"};
  const std::string head = TRY(disk_.read(file.number(), 0, blob_header_bytes, path));
  const BlobHeader header = TRY(parse_blob_header(head));
  const std::uint64_t expected = header.stored_bytes + piece_table_bytes_of(header);
  if (header.stored_bytes > bytes || expected != bytes - blob_header_bytes)
    return Error{Errc::corrupt, path + ": expected " + std::to_string(expected) +
                                    " bytes behind the header, found " +
                                    std::to_string(bytes - blob_header_bytes)};
  std::string stored = TRY(disk_.read(file.number(), blob_header_bytes,
                                      static_cast<std::size_t>(header.stored_bytes), path));
  return std::pair(header, std::move(stored));
}

Result<Body> BlobStore::read(const BlobId& id) {
  const std::string path = path_of(id);
  const auto read = [&]() -> Result<Body> {
    auto [header, stored] = TRY(read_file_of(path));
    if (header.id != id) return Error{Errc::corrupt, path + ": holds blob " + header.id.hex()};
    if (header.identity_bytes > limits::file_bytes_max)
      return Error{Errc::corrupt, path + ": larger than any file"};
    return unpack_blob(key_, header, std::move(stored));
  };
  Result<Body> body = read();
  if (!body && body.error().code == Errc::corrupt) quarantine(path, body.error());
  return body;
}

Result<std::shared_ptr<const PiecedBody>> BlobStore::open_pieces(const BlobId& id) {
  const auto open = [&]() -> Result<std::shared_ptr<const PiecedBody>> {
    auto file = TRY(Segment::open(disk_, path_of(id)));
    const std::string head = TRY(file->read_bytes(0, blob_header_bytes));
    const BlobHeader header = TRY(parse_blob_header(head));
    if (header.id != id)
      return Error{Errc::corrupt, file->path() + ": holds blob " + header.id.hex()};
    return PiecedBody::open(std::move(file), 0, header);
  };
  auto body = open();
  if (!body && body.error().code == Errc::corrupt) quarantine(path_of(id), body.error());
  return body;
}

Result<std::string> BlobStore::read_coding(const BlobId& id, Rendition rendition) {
  const std::string path = path_of(id, rendition);
  const auto read = [&]() -> Result<std::string> {
    auto [header, stored] = TRY(read_file_of(path));
    if (header.id != id || header.codec != codec_of(rendition) ||
        xxh3_64(stored) != header.stored_sum)
      return Error{Errc::corrupt, path + ": does not hold what its name says"};
    return std::move(stored);
  };
  Result<std::string> stored = read();
  if (!stored && stored.error().code == Errc::corrupt) quarantine(path, stored.error());
  return stored;
}

void BlobStore::quarantine(const std::string& path, const Error& why) {
  corrupt_.fetch_add(1, std::memory_order_relaxed);
  const bool is_shared = path.ends_with(".seg");
  log_.error("store.corrupt", {{"path", path}, {"reason", why.what}, {"quarantined", !is_shared}});
  if (is_shared) return;
  const std::string folder = directory_ + "/quarantine";
  Status moved = make_directories(folder);
  if (moved) moved = disk_.rename(path, folder + path.substr(path.rfind('/')));
  if (!moved)
    log_.warning("store.quarantine_failed", {{"path", path}, {"reason", moved.error().what}});
}

}  // namespace weir::store
