#include "store/log.h"

#include "base/bytes.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/must.h"
#include "store/record.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace weir::store {
namespace {

constexpr std::string_view magic = "WEIRLOG1";

std::string numbered(const std::string& folder, std::uint64_t number, std::string_view ending) {
  std::array<char, 32> name{};
  std::snprintf(name.data(), name.size(), "/%010llu", static_cast<unsigned long long>(number));
  return folder + name.data() + std::string(ending);
}

// Of a record's head: below 2^24, never 0.
std::uint32_t check_of(std::uint32_t payload_bytes, std::uint32_t op, std::uint64_t seq) {
  std::array<char, 16> head{};
  store_le(head.data(), payload_bytes);
  store_le(head.data() + 4, op);
  store_le(head.data() + 8, seq);
  const auto check = static_cast<std::uint32_t>(xxh3_64({head.data(), head.size()}) >> 40);
  return check == 0 ? 1 : check;
}

}  // namespace

std::string log_path_of(const std::string& directory, std::uint64_t number) {
  return numbered(directory + "/log", number, ".log");
}
std::string snapshot_path_of(const std::string& directory, std::uint64_t number) {
  return numbered(directory + "/manifest", number, ".snap");
}

Result<std::vector<std::uint64_t>> numbered_files(const std::string& folder,
                                                  std::string_view ending) {
  std::vector<std::uint64_t> numbers;
  for (const std::string& name : TRY(names_in(folder))) {
    if (!name.ends_with(ending)) continue;
    const auto number = parse_u64(std::string_view(name).substr(0, name.size() - ending.size()));
    if (number) numbers.push_back(*number);
  }
  std::ranges::sort(numbers);
  return numbers;
}

std::string encode_log_head(std::uint64_t number) {
  std::string head(magic);
  append_le(head, number);
  append_le(head, xxh3_64(head));
  return head;
}

void append_record(std::string& out, Op op, std::uint64_t seq, std::string_view payload) {
  MUST(payload.size() <= limits::log_record_bytes_max);
  const std::size_t start = out.size();
  append_le(out, std::uint64_t{0});
  const auto payload_bytes = static_cast<std::uint32_t>(payload.size());
  const auto op_number = static_cast<std::uint32_t>(op);
  append_le(out, payload_bytes);
  append_le(out, op_number | check_of(payload_bytes, op_number, seq) << 8);
  append_le(out, seq);
  out += payload;
  store_le(out.data() + start, xxh3_64(std::string_view(out).substr(start + 8)));
}

Result<LogScan> scan_log(std::string_view bytes, const std::function<void(const Record&)>& look) {
  LogScan scan;
  if (bytes.size() < log_head_bytes) {  // killed while it was made
    scan.end = LogEnd::torn;
    return scan;
  }
  if (!bytes.starts_with(magic) ||
      load_le<std::uint64_t>(bytes.data() + 16) != xxh3_64(bytes.substr(0, 16)))
    return Error{Errc::corrupt, "expected the head of a log"};
  scan.number = load_le<std::uint64_t>(bytes.data() + 8);
  std::size_t at = log_head_bytes;
  while (at < bytes.size()) {
    const std::size_t left = bytes.size() - at;
    scan.end = LogEnd::torn;
    if (left < record_head_bytes) break;
    const char* const head = bytes.data() + at;
    const std::size_t payload_bytes = load_le<std::uint32_t>(head + 8);
    const std::uint32_t op = static_cast<unsigned char>(head[12]);
    const std::uint32_t check = load_le<std::uint32_t>(head + 12) >> 8;
    const std::uint64_t seq = load_le<std::uint64_t>(head + 16);
    const bool is_sane =
        payload_bytes <= limits::log_record_bytes_max && op >= 1 && op <= 7 &&
        seq >= scan.last_seq &&
        (check == 0 || check == check_of(static_cast<std::uint32_t>(payload_bytes), op, seq));
    if (is_sane && left - record_head_bytes < payload_bytes) break;
    if (!is_sane || load_le<std::uint64_t>(head) !=
                        xxh3_64(bytes.substr(at + 8, record_head_bytes - 8 + payload_bytes))) {
      scan.end = LogEnd::damaged;
      break;
    }
    look({static_cast<Op>(op), seq, bytes.substr(at + record_head_bytes, payload_bytes)});
    scan.last_seq = seq;
    at += record_head_bytes + payload_bytes;
    scan.end = LogEnd::clean;
  }
  scan.good_bytes = at;
  return scan;
}

Result<std::unique_ptr<LogFile>> LogFile::create(Disk& disk, const std::string& directory,
                                                 std::uint64_t number) {
  std::string path = log_path_of(directory, number);
  Descriptor file = TRY(disk.create(path));
  const auto begin = [&]() -> Status {
    TRY(disk.write(file.number(), 0, encode_log_head(number), path));
    TRY(disk.sync(file.number(), path));
    return disk.sync_directory(directory + "/log");
  };
  if (Status begun = begin(); !begun) {
    // Without its name the next attempt can use the number again; if that fails too, a file without
    // records is harmless.
    const Status removed = disk.remove(path);
    return std::move(begun).error().in(removed.ok() ? "log" : "log (and its file stays)");
  }
  return std::unique_ptr<LogFile>(new LogFile(disk, std::move(file), std::move(path), number));
}

Status LogFile::append(std::string_view records) {
  std::size_t at = 0;
  {
    const std::lock_guard lock(mutex_);
    if (has_failed_) return Error{Errc::io, failure_};
    at = written_;
  }
  // Only the owner changes written_, one call at a time, so the lock need not be held while the
  // disk works.
  Status written = disk_.write(file_.number(), at, records, path_);
  if (!written) {
    const Status cut = disk_.truncate(file_.number(), at, path_);
    if (!cut) return std::move(written).error().in("log tail left torn");
    return written;
  }
  const std::lock_guard lock(mutex_);
  written_ = at + records.size();
  return done;
}

Status LogFile::sync() {
  std::unique_lock lock(mutex_);
  const std::size_t target = written_;
  while (synced_ < target) {
    if (has_failed_) return Error{Errc::io, failure_};
    if (is_syncing_) {
      synced_changed_.wait(lock);
      continue;
    }
    is_syncing_ = true;
    const std::size_t covered = written_;
    lock.unlock();
    Status status = disk_.sync(file_.number(), path_);
    lock.lock();
    is_syncing_ = false;
    ++syncs_;
    if (status) {
      synced_ = std::max(synced_, covered);
    } else {
      has_failed_ = true;
      failure_ = status.error().what;
    }
    synced_changed_.notify_all();
    if (!status) return status;
  }
  if (has_failed_) return Error{Errc::io, failure_};
  return done;
}

std::size_t LogFile::bytes() const {
  const std::lock_guard lock(mutex_);
  return written_;
}
std::size_t LogFile::unsynced_bytes() const {
  const std::lock_guard lock(mutex_);
  return written_ - synced_;
}
std::uint64_t LogFile::syncs() const {
  const std::lock_guard lock(mutex_);
  return syncs_;
}
bool LogFile::has_failed() const {
  const std::lock_guard lock(mutex_);
  return has_failed_;
}

Result<std::uint64_t> last_purge_seq_of(const std::string& directory, Disk& disk) {
  // The owner may replace files while we look; its newest snapshot and logs are looked for again
  // then.
  for (int tries = 0; tries < 10; ++tries) {
    std::uint64_t seq = 0;
    bool has_vanished = false;
    const auto look = [&](const std::string& path) -> Status {
      auto file = MappedFile::open(disk, path);
      if (!file && file.error().code == Errc::missing) has_vanished = true;
      if (!file) return file.error();
      const auto scanned = scan_log((*file)->bytes(), [&seq](const Record& record) {
        if (record.op == Op::purge) seq = std::max(seq, record.seq);
        if (record.op != Op::state) return;
        if (const auto state = decode_state(record.payload)) seq = std::max(seq, state->purges.seq);
      });
      if (!scanned) return Error(scanned.error()).in(path);
      return done;
    };
    for (const std::uint64_t number : TRY(numbered_files(directory + "/manifest", ".snap")))
      if (const Status looked = look(snapshot_path_of(directory, number)); !looked && !has_vanished)
        return looked.error();
    for (const std::uint64_t number : TRY(numbered_files(directory + "/log", ".log")))
      if (const Status looked = look(log_path_of(directory, number)); !looked && !has_vanished)
        return looked.error();
    if (!has_vanished) return seq;
  }
  return Error{Errc::io, directory + ": its log changed ten times while it was read"};
}

}  // namespace weir::store
