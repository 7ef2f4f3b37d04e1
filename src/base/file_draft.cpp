#include "base/file_draft.h"

#include "base/sys.h"

#include <atomic>
#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

namespace weir {

namespace {

Error error_of(std::string_view what, const std::string& path) {
  return Error{errc_of(errno),
               "cannot " + std::string(what) + " " + path + ": " + reason_of(errno)};
}

}  // namespace

Result<std::unique_ptr<FileDraft>> FileDraft::create(const std::string& path) {
  static std::atomic<unsigned> count{0};  // only makes temporary names unique within the process
  std::string temporary =
      path + ".draft" + std::to_string(::getpid()) + '.' + std::to_string(count++);
  Descriptor file(sys::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!file.is_open()) return error_of("create", temporary);
  return std::unique_ptr<FileDraft>(new FileDraft(path, std::move(temporary), std::move(file)));
}

FileDraft::~FileDraft() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Status FileDraft::append(std::string_view bytes) { return write_all(file_.number(), bytes, path_); }

Status FileDraft::overwrite(std::uint64_t offset, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count =
        sys::pwrite(file_.number(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return error_of("write", path_);
    bytes.remove_prefix(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
  return done;
}

Status FileDraft::publish() {
  if (sys::rename(temporary_.c_str(), path_.c_str()) != 0) return error_of("rename to", path_);
  temporary_.clear();
  return done;
}

}  // namespace weir
