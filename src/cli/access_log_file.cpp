#include "cli/access_log_file.h"

#include <fcntl.h>
#include <unistd.h>

namespace weir::cli {
namespace {

Result<Descriptor> open_access_log(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash != std::string::npos && slash != 0) TRY(make_directories(path.substr(0, slash)));
  const int number = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
  if (number < 0) return Error{errc_of(errno), path + ": " + reason_of(errno)};
  return Descriptor(number);
}

}  // namespace

Status AccessLogFile::open(const std::string& path, std::size_t queue_lines_max) {
  if (!path.empty()) file_ = TRY(open_access_log(path));
  lines_ = std::make_unique<LineWriter>(file_.is_open() ? file_.number() : STDOUT_FILENO,
                                        queue_lines_max);
  return done;
}

Status AccessLogFile::move_to(const std::string& path) {
  Descriptor file;
  if (!path.empty()) file = TRY(open_access_log(path));
  lines_->redirect(file.is_open() ? file.number() : STDOUT_FILENO);
  // A batch may still be under way to the old file, so that one closes at the next turn.
  file_before_ = std::move(file_);
  file_ = std::move(file);
  return done;
}

}  // namespace weir::cli
