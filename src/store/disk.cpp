#include "store/disk.h"

#include "base/limits.h"
#include "base/sys.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

namespace weir::store {
namespace {

Error failed(std::string_view what, const std::string& path) {
  const int number = errno;
  const bool full = number == ENOSPC || number == EDQUOT;
  return Error{full ? Errc::full : errc_of(number),
               path + ": cannot " + std::string(what) + ": " + reason_of(number)};
}

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

}  // namespace

Result<Descriptor> Disk::create(const std::string& path) {
  const int number = sys::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (number < 0) return failed("create", path);
  return Descriptor(number);
}

Status Disk::write(int descriptor, std::uint64_t offset, std::string_view bytes,
                   const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t count =
        sys::pwrite(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed("write", path);
    bytes.remove_prefix(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
  return done;
}

Status Disk::sync(int descriptor, const std::string& path) {
  while (sys::fdatasync(descriptor) != 0)
    if (errno != EINTR) return failed("sync", path);
  return done;
}

Status Disk::truncate(int descriptor, std::uint64_t bytes, const std::string& path) {
  while (sys::ftruncate(descriptor, static_cast<off_t>(bytes)) != 0)
    if (errno != EINTR) return failed("truncate", path);
  return done;
}

Status Disk::rename(const std::string& from, const std::string& to) {
  if (sys::rename(from.c_str(), to.c_str()) != 0) return failed("rename to '" + to + "'", from);
  return done;
}

Status Disk::link(const std::string& from, const std::string& to) {
  if (sys::link(from.c_str(), to.c_str()) != 0) return failed("link to '" + to + "'", from);
  return done;
}

Status Disk::sync_directory(const std::string& path) { return weir::sync_directory(path); }

Status Disk::remove(const std::string& path) {
  if (sys::unlink(path.c_str()) != 0 && errno != ENOENT) return failed("remove", path);
  return done;
}

Result<Descriptor> Disk::open(const std::string& path) {
  int number = -1;
  do number = sys::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  while (number < 0 && errno == EINTR);
  if (number < 0) return failed("open", path);
  return Descriptor(number);
}

Result<std::string> Disk::read(int descriptor, std::uint64_t offset, std::size_t bytes,
                               const std::string& path) {
  std::string out(bytes, '\0');
  std::size_t have = 0;
  while (have < bytes) {
    const ssize_t count =
        sys::pread(descriptor, out.data() + have, bytes - have, static_cast<off_t>(offset + have));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed("read", path);
    if (count == 0) break;
    have += static_cast<std::size_t>(count);
  }
  if (have != bytes)
    return Error{Errc::corrupt, path + ": expected " + std::to_string(bytes) + " bytes at " +
                                    std::to_string(offset) + ", found " + std::to_string(have)};
  return out;
}

Result<std::string> read_whole(Disk& disk, const std::string& path) {
  const Descriptor file = TRY(disk.open(path));
  struct stat facts {};
  if (::fstat(file.number(), &facts) != 0) return failed("look at", path);
  if (!S_ISREG(facts.st_mode)) return Error{Errc::invalid, path + ": expected a regular file"};
  const auto bytes = static_cast<std::size_t>(facts.st_size);
  if (bytes > limits::file_bytes_max)
    return Error{Errc::too_large, path + ": " + std::to_string(bytes) + " bytes"};
  return disk.read(file.number(), 0, bytes, path);
}

Result<std::shared_ptr<const MappedFile>> MappedFile::open(Disk& disk, const std::string& path) {
  const Descriptor file = TRY(disk.open(path));
  struct stat facts {};
  if (::fstat(file.number(), &facts) != 0) return failed("look at", path);
  if (!S_ISREG(facts.st_mode)) return Error{Errc::invalid, path + ": expected a regular file"};
  const auto bytes = static_cast<std::size_t>(facts.st_size);
  const char* data = nullptr;
  if (bytes != 0) {
    void* const at = sys::map(bytes, file.number());
    if (at == MAP_FAILED) return failed("map", path);
    data = static_cast<const char*>(at);
  }
  return std::shared_ptr<const MappedFile>(new MappedFile(data, bytes));
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<char*>(data_), bytes_);
}

Result<std::vector<std::string>> names_in(const std::string& directory) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, CloseDirectory> stream(::opendir(directory.c_str()));
  if (stream == nullptr) {
    if (errno == ENOENT) return names;
    return failed("list", directory);
  }
  while (const dirent* const entry = ::readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace weir::store
