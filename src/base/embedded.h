#pragma once
// Files that travel inside the binary: templates/** and src/waf/rules/**, under these very names
// ("templates/theme/base.html", "src/waf/rules/core.toml"). Made by scripts/embed at build time.
// The bytes live as long as the process.

#include <span>
#include <string_view>

namespace weir {

struct EmbeddedFile {
  std::string_view path;
  std::string_view bytes;
};

std::span<const EmbeddedFile> embedded_files();            // sorted by path
const EmbeddedFile* find_embedded(std::string_view path);  // null when there is none

}  // namespace weir
