#pragma once
// Files: read whole, write atomically, and never leave a root directory.
//
// Errors name the path and the kernel's reason. Every call retries EINTR and finishes short writes.
// Callable from any thread.

#include "base/result.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

// Owns one descriptor.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor() { close(); }
  int number() const { return number_; }
  bool is_open() const { return number_ >= 0; }
  int release();
  void close();

 private:
  int number_ = -1;
};

// "No such file or directory"
std::string reason_of(int error_number);
Errc errc_of(int error_number);

// Regular files only (a FIFO or a device is refused without being opened for reading).
Result<std::string> read_file(const std::string& path);
Status write_all(int descriptor, std::string_view bytes, std::string_view path_for_errors);

enum class Sync { no, yes };
enum class Readers { all, owner };  // mode 0644 or 0600
// Writes beside the target and renames over it: a reader sees the old bytes or the new ones,
// nothing between. With Sync::yes the bytes and the name are on disk when this returns.
Status write_file_atomically(const std::string& path, std::string_view bytes, Sync sync,
                             Readers readers = Readers::all);
Status make_directories(const std::string& path);
Status sync_directory(const std::string& path);

struct FoundFile {
  std::string path;  // relative to the root, '/' between parts
  std::size_t bytes = 0;
  std::int64_t modified_ns = 0;
  std::int64_t changed_ns = 0;  // of the inode: a copy that keeps its time shows here
};

// A directory that nothing below can be tricked out of: every open goes through
// openat2(RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS), regular files only. A symbolic link that stays
// inside is followed, one that leaves is Errc::denied with the link's name.
class RootDirectory {
 public:
  static Result<RootDirectory> open(const std::string& path);
  const std::string& path() const { return path_; }
  Result<std::string> read(std::string_view relative) const;
  Result<bool> exists(
      std::string_view relative) const;  // a regular file beneath; escapes are Errc::denied

  // Nothing when there is no such regular file; escapes are Errc::denied.
  Result<std::optional<FoundFile>> look(std::string_view relative) const;

  // All regular files below `relative`, sorted bytewise by path. Links that leave the root (or
  // dangle) are reported in `left_out`, not read. At most limits::site_files_max files.
  struct Listing {
    std::vector<FoundFile> files;
    std::vector<std::string> left_out;
  };
  Result<Listing> list(std::string_view relative) const;

 private:
  Descriptor directory_;
  std::string path_;
};

}  // namespace weir
