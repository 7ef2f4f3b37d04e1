#include "cli/image_store.h"

#include "base/file.h"

#include <filesystem>

namespace weir::cli {

std::optional<std::string> DirectoryImages::find(std::string_view name) {
  Result<std::string> bytes = read_file(directory_ + '/' + std::string(name));
  if (!bytes.ok() || bytes->empty()) return std::nullopt;
  return std::move(bytes).value();
}

// An image that a power cut loses is made again: nothing is synced.
Status DirectoryImages::keep(std::string_view name, std::string_view bytes) {
  TRY(make_directories(directory_));
  return write_file_atomically(directory_ + '/' + std::string(name), bytes, Sync::no);
}

void DirectoryImages::prune(const std::set<std::string>& names) {
  std::error_code error;
  std::filesystem::directory_iterator at(directory_, error);
  if (error) return;  // there were never any
  for (const auto end = std::filesystem::directory_iterator(); !error && at != end;
       at.increment(error)) {
    std::error_code left;  // what cannot be removed stays; the next build tries again
    if (!names.contains(at->path().filename().string())) std::filesystem::remove(at->path(), left);
  }
}

}  // namespace weir::cli
