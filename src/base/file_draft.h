#pragma once
// A file that is written in parts and has its name only when it is whole, for what is too large to
// be put together in memory first: a reader sees the old bytes or the new ones, nothing between.
//
// Not synced. One thread at a time; a draft that is not published leaves nothing.

#include "base/file.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace weir {

class FileDraft {
 public:
  // Beside `path`, whose directory must be there.
  static Result<std::unique_ptr<FileDraft>> create(const std::string& path);
  ~FileDraft();
  FileDraft(const FileDraft&) = delete;
  FileDraft& operator=(const FileDraft&) = delete;

  Status append(std::string_view bytes);
  // What was appended at `offset` before.
  Status overwrite(std::uint64_t offset, std::string_view bytes);
  // Once, at the end.
  Status publish();

 private:
  FileDraft(std::string path, std::string temporary, Descriptor file)
      : path_(std::move(path)), temporary_(std::move(temporary)), file_(std::move(file)) {}
  std::string path_;
  std::string temporary_;  // empty once it is published
  Descriptor file_;
};

}  // namespace weir
