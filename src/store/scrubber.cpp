#include "store/scrubber.h"

#include "store/pieced_body.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

namespace weir::store {
namespace {

using namespace std::chrono_literals;

constexpr Nanos round_time_min = 1h;
constexpr std::size_t hashed_bytes = 256 * KiB;  // of a segment, at a time
constexpr std::uint64_t blob_alignment = 8;

}  // namespace

std::size_t Scrubber::step(Mono now) {
  constexpr auto a_second = static_cast<std::int64_t>(limits::scrub_bytes_per_second);
  const Nanos since = last_ ? std::clamp(now - *last_, Nanos(0), Nanos(1s)) : Nanos(0);
  last_ = now;
  allowed_bytes_ = std::min(allowed_bytes_ + a_second * since.count() / 1'000'000'000, a_second);
  if (!is_in_round_ && (!round_began_ || now - *round_began_ >= round_time_min)) {
    round_began_ = now;
    begin_round();
  }
  std::size_t read = 0;
  while (is_in_round_ && allowed_bytes_ > 0) {
    std::size_t bytes = 0;
    if (segment_) {
      bytes = check_next_of_segment();
    } else if (next_file()) {
      const std::string path = std::move(files_.front());
      files_.pop_front();
      bytes = check_file(path);
    } else {
      is_in_round_ = false;
      ++rounds_;
    }
    read += bytes;
    // A file costs a look even when it is empty or gone.
    allowed_bytes_ -= static_cast<std::int64_t>(std::max<std::size_t>(bytes, 512));
  }
  return read;
}

void Scrubber::begin_round() {
  const std::string blobs = directory_ + "/blobs";
  for (const std::string& name : names_in(blobs).value_or({}))
    (name.ends_with(".seg") ? files_ : folders_).push_back(blobs + '/' + name);
  is_in_round_ = true;
}

bool Scrubber::next_file() {
  while (files_.empty() && !folders_.empty()) {
    for (const std::string& name : names_in(folders_.front()).value_or({}))
      files_.push_back(folders_.front() + '/' + name);
    folders_.pop_front();
  }
  return !files_.empty();
}

void Scrubber::damaged(const std::string& path, const Error& why) {
  if (why.code == Errc::corrupt) blobs_.quarantine(path, why);
}

// The bytes that were read. A file that is gone, or that cannot be read now, is nobody's fault.
std::size_t Scrubber::check_file(const std::string& path) {
  auto file = disk_.open(path);
  struct stat facts {};
  if (!file || ::fstat(file->number(), &facts) != 0) return 0;
  const auto bytes = static_cast<std::uint64_t>(facts.st_size);
  if (path.ends_with(".seg")) {
    segment_ = OpenSegment{path, std::move(file).value(), 0, bytes};
    return 0;
  }
  const auto look = [&]() -> Status {
    if (bytes < blob_header_bytes || bytes > limits::file_bytes_max)
      return Error{Errc::corrupt,
                   path + ": expected a blob, found " + std::to_string(bytes) + " bytes"};
    const std::string all =
        TRY(disk_.read(file->number(), 0, static_cast<std::size_t>(bytes), path));
    const BlobHeader header = TRY(parse_blob_header(all.substr(0, blob_header_bytes)));
    const std::string_view behind = std::string_view(all).substr(blob_header_bytes);
    const std::string_view stored = behind.substr(0, header.stored_bytes);
    const std::string_view table = behind.substr(stored.size());
    const bool is_whole =
        header.stored_bytes == stored.size() && piece_table_bytes_of(header) == table.size();
    if (!is_whole || header.stored_sum != xxh3_64(stored) ||
        (header.table_sum != 0 && header.table_sum != xxh3_64(table)))
      return Error{Errc::corrupt, path + ": its bytes are not those that were written"};
    return done;
  };
  if (const Status good = look(); !good) damaged(path, good.error());
  return static_cast<std::size_t>(bytes);
}

std::size_t Scrubber::check_next_of_segment() {
  OpenSegment& at = *segment_;
  if (at.bytes < blob_header_bytes || at.offset > at.bytes - blob_header_bytes) {
    segment_.reset();
    return 0;
  }
  std::size_t read = blob_header_bytes;
  const auto look = [&]() -> Status {
    const std::string head =
        TRY(disk_.read(at.file.number(), at.offset, blob_header_bytes, at.path));
    const BlobHeader header = TRY(parse_blob_header(head));
    std::uint64_t from = at.offset + blob_header_bytes;
    const std::uint64_t table_bytes = piece_table_bytes_of(header);
    if (header.stored_bytes > at.bytes - from ||
        table_bytes > at.bytes - from - header.stored_bytes)
      return Error{Errc::corrupt, at.path + " at " + std::to_string(at.offset) +
                                      ": a blob is larger than what is left"};
    const auto sum_of = [&](std::uint64_t left) -> Result<std::uint64_t> {
      Checksum sum;
      while (left > 0) {
        const auto piece = static_cast<std::size_t>(std::min<std::uint64_t>(left, hashed_bytes));
        sum.add(TRY(disk_.read(at.file.number(), from, piece, at.path)));
        from += piece;
        left -= piece;
        read += piece;
      }
      return sum.value();
    };
    const std::uint64_t stored_sum = TRY(sum_of(header.stored_bytes));
    const std::uint64_t table_sum = TRY(sum_of(table_bytes));
    const std::uint64_t began = at.offset;
    at.offset = (from + blob_alignment - 1) / blob_alignment * blob_alignment;
    if (stored_sum != header.stored_sum || (header.table_sum != 0 && table_sum != header.table_sum))
      return Error{Errc::corrupt, at.path + " at " + std::to_string(began) +
                                      ": its bytes are not those that were written"};
    return done;
  };
  const std::uint64_t before = at.offset;
  if (const Status good = look(); !good) {
    damaged(at.path, good.error());
    if (at.offset == before) segment_.reset();  // where the next one begins is not known
  }
  return read;
}

}  // namespace weir::store
