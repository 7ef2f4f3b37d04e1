#include "store/layout.h"

#include "base/crypto.h"
#include "base/sys.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace weir::store {
namespace {

constexpr std::size_t secret_bytes = 32;
constexpr std::string_view lease_prefix = "lease-";

Error failed(std::string_view what, const std::string& path) {
  const int number = errno;
  return Error{errc_of(number), path + ": cannot " + std::string(what) + ": " + reason_of(number)};
}

Status make_secret(const std::string& directory, const std::string& path, Disk& disk) {
  const std::string unfinished = directory + "/tmp/secret-" + std::to_string(random_u64());
  {
    const Descriptor file = TRY(disk.create(unfinished));
    if (::fchmod(file.number(), 0600) != 0) return failed("restrict", unfinished);
    TRY(disk.write(file.number(), 0, random_bytes(secret_bytes), unfinished));
    TRY(disk.sync(file.number(), unfinished));
  }
  const Status linked = disk.link(unfinished, path);
  TRY(disk.remove(unfinished));
  if (!linked && linked.error().code != Errc::exists)
    return linked;  // another process was faster: its secret counts
  return disk.sync_directory(directory);
}

}  // namespace

Result<HashKey> prepare_directory(const std::string& directory, Disk& disk) {
  for (const std::string_view folder : {"/blobs", "/log", "/manifest", "/tmp"})
    TRY(make_directories(directory + std::string(folder)));
  const std::string path = directory + "/secret";
  Result<std::string> secret = read_file(path);
  if (!secret && secret.error().code == Errc::missing) {
    TRY(make_secret(directory, path, disk));
    secret = read_file(path);
  }
  if (!secret) return std::move(secret).error().in("store");
  if (secret->size() != secret_bytes)
    return Error{Errc::corrupt,
                 path + ": expected 32 bytes, found " + std::to_string(secret->size())}
        .with_help(
            "the store cannot be read without its secret; remove the directory to begin a new "
            "store");
  return HashKey::of(*secret);
}

Result<BuildLease> BuildLease::take(const std::string& directory) {
  for (int tries = 0; tries < 100; ++tries) {
    std::string path =
        directory + "/tmp/" + std::string(lease_prefix) + std::to_string(random_u64());
    Descriptor file(sys::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    if (!file.is_open()) return failed("create", path);
    if (::flock(file.number(), LOCK_EX | LOCK_NB) != 0) continue;
    // Somebody who looked between the two calls took it for abandoned and removed it: then it
    // protects nothing.
    struct stat ours {
    }, named{};
    if (::fstat(file.number(), &ours) == 0 && ::stat(path.c_str(), &named) == 0 &&
        ours.st_ino == named.st_ino)
      return BuildLease(std::move(file), std::move(path));
  }
  return Error{Errc::io, directory + "/tmp: a build lease could not be kept in 100 tries"};
}

BuildLease::~BuildLease() {
  if (file_.is_open()) ::unlink(path_.c_str());
}

Result<bool> has_build_lease(const std::string& directory) {
  for (const std::string& name : TRY(names_in(directory + "/tmp"))) {
    if (!name.starts_with(lease_prefix)) continue;
    const std::string path = directory + "/tmp/" + name;
    const Descriptor file(sys::open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (!file.is_open() && errno == ENOENT) continue;  // ended between the two calls
    if (!file.is_open()) return failed("open", path);
    if (::flock(file.number(), LOCK_EX | LOCK_NB) != 0) return true;
    ::unlink(path.c_str());
  }
  return false;
}

}  // namespace weir::store
