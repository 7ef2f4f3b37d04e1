#pragma once
// Where the lines of the access log go: stdout, or a file that can be opened anew while lines are
// written (log rotation) and changed for another (a reload).
//
// `lines` may be written to from any thread; the other calls come from one at a time.

#include "base/file.h"
#include "base/log.h"

#include <memory>
#include <string>

namespace weir::cli {

class AccessLogFile {
 public:
  // Empty `path`: stdout.
  Status open(const std::string& path, std::size_t queue_lines_max);
  LineWriter* lines() const { return lines_.get(); }  // null: not open, there is no access log
  // To `path` from here on, also when it is the same: then it is opened anew. On an Error it stays
  // as it was.
  Status move_to(const std::string& path);

 private:
  Descriptor file_, file_before_;
  std::unique_ptr<LineWriter> lines_;
};

}  // namespace weir::cli
