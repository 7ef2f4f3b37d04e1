#include "base/embedded.h"

#include <algorithm>

namespace weir {

const EmbeddedFile* find_embedded(std::string_view path) {
  const auto files = embedded_files();
  const auto found = std::lower_bound(
      files.begin(), files.end(), path,
      [](const EmbeddedFile& file, std::string_view wanted) { return file.path < wanted; });
  return found != files.end() && found->path == path ? &*found : nullptr;
}

}  // namespace weir
