#include "base/file.h"

#include "base/bytes.h"
#include "base/limits.h"
#include "base/sys.h"
#include "base/walk.h"

#include <algorithm>
#include <atomic>
#include <memory>

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>

namespace weir {

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    close();
    number_ = other.release();
  }
  return *this;
}
int Descriptor::release() { return std::exchange(number_, -1); }
void Descriptor::close() {
  if (number_ >= 0) ::close(std::exchange(number_, -1));
}

std::string reason_of(int error_number) {
  char text[128];
  return ::strerror_r(error_number, text, sizeof text);
}

Errc errc_of(int error_number) {
  switch (error_number) {
    case ENOENT:
    case ENOTDIR: return Errc::missing;
    case EEXIST: return Errc::exists;
    case EACCES:
    case EPERM:
    case EROFS:
    case EXDEV:
    case ELOOP: return Errc::denied;
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE: return Errc::full;
    default: return Errc::io;
  }
}

namespace {

Error error_of(std::string_view doing, std::string_view path) {
  const int number = errno;
  // Only lookups beneath a root (openat2) and renames between file systems give this.
  if (number == EXDEV && doing != "rename to")
    return Error{Errc::denied,
                 std::string(path) +
                     " is a link that leaves its root directory; files outside are not read"};
  return Error{errc_of(number),
               "cannot " + std::string(doing) + " " + std::string(path) + ": " + reason_of(number)};
}

Result<std::string> read_open_file(int descriptor, std::string_view path) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) return error_of("look at", path);
  if (!S_ISREG(status.st_mode))
    return Error{Errc::denied, std::string(path) + " is not a regular file"};
  if (static_cast<std::size_t>(status.st_size) > limits::file_bytes_max)
    return Error{Errc::too_large, std::string(path) + " is larger than " +
                                      std::to_string(limits::file_bytes_max) + " bytes"};
  std::string bytes(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t count = sys::read(descriptor, bytes.data() + filled, bytes.size() - filled);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return error_of("read", path);
    if (count == 0) break;  // it shrank while we read
    filled += static_cast<std::size_t>(count);
  }
  bytes.resize(filled);
  return bytes;
}

}  // namespace

Result<std::string> read_file(const std::string& path) {
  // O_NONBLOCK: opening a FIFO must not wait for a writer.
  const Descriptor file(sys::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.is_open()) return error_of("open", path);
  return read_open_file(file.number(), path);
}

Status write_all(int descriptor, std::string_view bytes, std::string_view path_for_errors) {
  while (!bytes.empty()) {
    const ssize_t count = sys::write(descriptor, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return error_of("write", path_for_errors);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return done;
}

Status sync_directory(const std::string& path) {
  const Descriptor directory(sys::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.is_open()) return error_of("open", path);
  if (sys::fsync(directory.number()) != 0) return error_of("sync", path);
  return done;
}

Status write_file_atomically(const std::string& path, std::string_view bytes, Sync sync,
                             Readers readers) {
  static std::atomic<unsigned> count{0};  // only makes temporary names unique within the process
  const std::string temporary =
      path + ".tmp" + std::to_string(::getpid()) + '.' + std::to_string(count++);
  Descriptor file(sys::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                            readers == Readers::all ? 0644 : 0600));
  if (!file.is_open()) return error_of("create", temporary);
  const auto give_up = [&temporary](Error error) {
    ::unlink(temporary.c_str());
    return error;
  };
  if (Status written = write_all(file.number(), bytes, path); !written)
    return give_up(std::move(written).error());
  if (sync == Sync::yes && sys::fdatasync(file.number()) != 0)
    return give_up(error_of("sync", path));
  if (sys::rename(temporary.c_str(), path.c_str()) != 0)
    return give_up(error_of("rename to", path));
  if (sync == Sync::yes) {
    const std::size_t slash = path.rfind('/');
    return sync_directory(
        slash == std::string::npos ? "." : path.substr(0, std::max<std::size_t>(slash, 1)));
  }
  return done;
}

Status make_directories(const std::string& path) {
  if (path.empty()) return done;
  int refusal =
      0;  // a directory above that we may not write in is no harm if the path is there already
  for (std::size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    const std::string part = path.substr(0, slash);
    if (::mkdir(part.c_str(), 0755) != 0 && errno != EEXIST) {
      if (errno != EROFS && errno != EACCES && !(errno == ENOENT && refusal != 0))
        return error_of("create directory", part);
      if (errno != ENOENT) refusal = errno;
    }
    if (slash == std::string::npos) break;
  }
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    if (errno == ENOENT && refusal != 0) errno = refusal;
    return error_of("create directory", path);
  }
  if (!S_ISDIR(status.st_mode)) return Error{Errc::exists, path + " exists and is not a directory"};
  return done;
}

namespace {

int open_by_kernel(int root, const std::string& relative, int flags) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  while (true) {
    const long number = ::syscall(SYS_openat2, root, relative.c_str(), &how, sizeof how);
    if (number >= 0 || errno != EAGAIN) return static_cast<int>(number);
  }
}

// No such call (Linux before 5.6), or a filter that knows none (EPERM by convention): then the same
// walk in steps of our own. A file that may not be read gives EACCES.
int open_beneath(int root, const std::string& relative, int flags) {
  const int number = open_by_kernel(root, relative, flags);
  if (number >= 0 || (errno != ENOSYS && errno != EPERM)) return number;
  return open_beneath_in_steps(root, relative, flags);
}

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

}  // namespace

Result<RootDirectory> RootDirectory::open(const std::string& path) {
  RootDirectory root;
  root.path_ = path;
  root.directory_ =
      Descriptor(sys::open(path.empty() ? "." : path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root.directory_.is_open()) return error_of("open directory", path);
  return root;
}

namespace {
FoundFile found_file(std::string path, const struct stat& status) {
  const auto nanoseconds = [](const struct timespec& time) {
    return time.tv_sec * 1'000'000'000LL + time.tv_nsec;
  };
  return {std::move(path), static_cast<std::size_t>(status.st_size), nanoseconds(status.st_mtim),
          nanoseconds(status.st_ctim)};
}
}  // namespace

Result<std::string> RootDirectory::read(std::string_view relative) const {
  const std::string name(relative);
  // Looked at before it is opened: to open a device may already do something.
  const Descriptor found(open_beneath(directory_.number(), name, O_PATH));
  struct stat status {};
  if (found.is_open() && ::fstat(found.number(), &status) == 0 && !S_ISREG(status.st_mode))
    return Error{Errc::denied, path_ + "/" + name + " is not a regular file"};
  const Descriptor file(open_beneath(directory_.number(), name, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  if (!file.is_open()) {
    if (errno == EXDEV || errno == ELOOP)
      return Error{Errc::denied,
                   path_ + "/" + name + " leads out of " + path_ + "; files outside are not read"};
    return error_of("open", path_ + "/" + name);
  }
  return read_open_file(file.number(), name);
}

Result<bool> RootDirectory::exists(std::string_view relative) const {
  return TRY(look(relative)).has_value();
}

Result<std::optional<FoundFile>> RootDirectory::look(std::string_view relative) const {
  const std::string name(relative);
  const Descriptor file(open_beneath(directory_.number(), name, O_PATH));
  if (!file.is_open()) {
    if (errno == ENOENT || errno == ENOTDIR) return std::optional<FoundFile>();
    return error_of("look at", path_ + "/" + name);
  }
  struct stat status {};
  if (::fstat(file.number(), &status) != 0 || !S_ISREG(status.st_mode))
    return std::optional<FoundFile>();
  return std::optional<FoundFile>(found_file(name, status));
}

Result<RootDirectory::Listing> RootDirectory::list(std::string_view relative) const {
  using Identity = std::pair<dev_t, ino_t>;
  struct Pending {
    std::string path;
    std::vector<Identity> ancestors;  // a link back to one of them must not loop
  };
  Listing listing;
  std::vector<Pending> pending{{std::string(relative), {}}};
  while (!pending.empty()) {
    Pending current = std::move(pending.back());
    pending.pop_back();
    const int number = open_beneath(directory_.number(), current.path.empty() ? "." : current.path,
                                    O_RDONLY | O_DIRECTORY);
    if (number < 0) {
      if (errno == ENOENT && current.path == relative) return listing;
      return error_of("open directory", path_ + "/" + current.path);
    }
    const std::unique_ptr<DIR, CloseDirectory> directory(::fdopendir(number));
    if (!directory) return error_of("read directory", path_ + "/" + current.path);
    struct stat status {};
    if (::fstat(number, &status) != 0) return error_of("look at", path_ + "/" + current.path);
    const Identity self{status.st_dev, status.st_ino};
    if (std::find(current.ancestors.begin(), current.ancestors.end(), self) !=
        current.ancestors.end())
      continue;
    current.ancestors.push_back(self);

    while (const dirent* entry = ::readdir(directory.get())) {
      const std::string_view name = entry->d_name;
      if (name == "." || name == "..") continue;
      std::string path =
          current.path.empty() ? std::string(name) : current.path + '/' + std::string(name);
      bool found = false;
      if (entry->d_type == DT_REG || entry->d_type == DT_DIR) {
        found = ::fstatat(number, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0;
      } else {  // a link (or a file system that does not say): resolved beneath the root
        const Descriptor target(open_beneath(directory_.number(), path, O_PATH));
        found = target.is_open() && ::fstat(target.number(), &status) == 0;
      }
      if (found && S_ISDIR(status.st_mode)) {
        pending.push_back({std::move(path), current.ancestors});
      } else if (found && S_ISREG(status.st_mode)) {
        listing.files.push_back(found_file(std::move(path), status));
        if (listing.files.size() > limits::site_files_max)
          return Error{Errc::too_large, path_ + " holds more than " +
                                            std::to_string(limits::site_files_max) + " files"};
      } else {
        listing.left_out.push_back(std::move(path));
      }
    }
  }
  std::sort(listing.files.begin(), listing.files.end(),
            [](const FoundFile& a, const FoundFile& b) { return a.path < b.path; });
  std::sort(listing.left_out.begin(), listing.left_out.end());
  return listing;
}

}  // namespace weir
