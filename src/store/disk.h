#pragma once
// Everything the store does to the disk, behind one seam, so that a test can fail the n-th
// operation (ENOSPC, EIO, short write) and look at what is left (C-77).
//
// `Disk` itself is the real one. Callable from any thread. Errors name the path and the kernel's
// reason; Errc::full is ENOSPC or EDQUOT.

#include "base/file.h"
#include "base/result.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace weir::store {

class Disk {
 public:
  virtual ~Disk() = default;
  virtual Result<Descriptor> create(const std::string& path);  // exclusive; Errc::exists
  virtual Status write(int descriptor, std::uint64_t offset, std::string_view bytes,
                       const std::string& path);
  virtual Status sync(int descriptor, const std::string& path);  // fdatasync
  virtual Status truncate(int descriptor, std::uint64_t bytes, const std::string& path);
  virtual Status rename(const std::string& from, const std::string& to);
  virtual Status link(const std::string& from,
                      const std::string& to);  // Errc::exists when `to` is there
  virtual Status sync_directory(const std::string& path);
  virtual Status remove(const std::string& path);            // a missing file is fine
  virtual Result<Descriptor> open(const std::string& path);  // to read
  virtual Result<std::string> read(int descriptor, std::uint64_t offset, std::size_t bytes,
                                   const std::string& path);
};

// A whole file, copied. Errc::invalid when it is not a regular file, Errc::too_large.
Result<std::string> read_whole(Disk& disk, const std::string& path);

// A whole file, mapped to read. The mapping outlives the name: a file that is unlinked stays
// readable. The files are written once and only by us; another program that shortens one while it
// is mapped can end the process.
class MappedFile {
 public:
  static Result<std::shared_ptr<const MappedFile>> open(Disk& disk, const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  std::string_view bytes() const { return {data_, bytes_}; }

 private:
  MappedFile(const char* data, std::size_t bytes) : data_(data), bytes_(bytes) {}
  const char* data_;
  std::size_t bytes_;
};

// Names in a directory, sorted. A missing directory has none.
Result<std::vector<std::string>> names_in(const std::string& directory);

}  // namespace weir::store
