#pragma once
// The store's log: records in the order they happened, each with its number and a checksum.
// Snapshots are written in the same form.
//
//   file    = head record*
//   head    = magic "WEIRLOG1" | number u64 | sum u64 (xxh3-64 of the 16 bytes before) 24 bytes
//   record  = sum u64 | payload_bytes u32 | op u8 | check u24 | seq u64 | payload
//
//   sum     xxh3-64 of what follows it
//   check   the upper 24 bits of the xxh3-64 of payload_bytes u32, op u32, seq u64, and 1 instead
//           of 0. It tells a record whose length has rotten from one that was cut off. 0 is
//           accepted: logs were written without it.
//
// Little-endian. `seq` only grows. A reader stops at the first record that is short or whose sum is
// wrong; what was acknowledged lies before it, because a sync covers everything written earlier.

#include "base/result.h"
#include "store/disk.h"

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace weir::store {

// The numbers are on disk: never change them.
enum class Op : std::uint8_t {
  fill = 1,
  purge = 2,
  activate = 3,
  state = 4,
  ids = 5,
  end = 6,
  own = 7
};

struct Record {
  Op op = Op::fill;
  std::uint64_t seq = 0;
  std::string_view payload;  // the reader's bytes
};

inline constexpr std::size_t log_head_bytes = 24;
inline constexpr std::size_t record_head_bytes = 24;

std::string encode_log_head(std::uint64_t number);
void append_record(std::string& out, Op op, std::uint64_t seq, std::string_view payload);

// How reading ended. torn: the last record is incomplete, as a kill or a power cut leaves it.
// damaged: a complete record is wrong, so something after it may have been acknowledged.
enum class LogEnd : std::uint8_t { clean, torn, damaged };
struct LogScan {
  std::uint64_t number = 0;
  std::uint64_t last_seq = 0;  // 0 = no record
  std::size_t good_bytes = 0;  // up to the first record that is not whole
  LogEnd end = LogEnd::clean;
};
// Errc::corrupt when the head is not ours (a shorter file is an empty torn log).
Result<LogScan> scan_log(std::string_view bytes, const std::function<void(const Record&)>& look);

// One log file that is appended to. `append` is serialised by its owner; `sync` may be called by
// many at once, who then share one fdatasync.
class LogFile {
 public:
  static Result<std::unique_ptr<LogFile>> create(Disk& disk, const std::string& directory,
                                                 std::uint64_t number);

  // Not on disk before a `sync`. After an error nothing of `records` counts: the next append
  // overwrites it.
  Status append(std::string_view records);
  // All that was appended before the call. An error is final: the kernel may have dropped what it
  // could not write, so the owner must begin a new file from a snapshot.
  Status sync();

  std::uint64_t number() const { return number_; }
  std::size_t bytes() const;
  std::size_t unsynced_bytes() const;
  std::uint64_t syncs() const;
  bool has_failed() const;

 private:
  LogFile(Disk& disk, Descriptor file, std::string path, std::uint64_t number)
      : disk_(disk), file_(std::move(file)), path_(std::move(path)), number_(number) {}

  Disk& disk_;
  Descriptor file_;
  const std::string path_;
  const std::uint64_t number_;

  mutable std::mutex mutex_;
  std::condition_variable synced_changed_;
  std::size_t written_ = log_head_bytes;
  std::size_t synced_ = log_head_bytes;
  std::uint64_t syncs_ = 0;
  bool is_syncing_ = false;
  bool has_failed_ = false;
  std::string failure_;
};

std::string log_path_of(const std::string& directory, std::uint64_t number);
std::string snapshot_path_of(const std::string& directory, std::uint64_t number);
// Numbers of the files in log/ or manifest/ with that ending, ascending.
Result<std::vector<std::uint64_t>> numbered_files(const std::string& folder,
                                                  std::string_view ending);

// The number of the last purge on disk, read without the lock, for a builder beside a running
// server.
Result<std::uint64_t> last_purge_seq_of(const std::string& directory, Disk& disk);

}  // namespace weir::store
