#pragma once
// Where the data surfaces are mounted, and what their addresses mean for those who look at a body
// before they do.

#include <string>
#include <string_view>

namespace weir::edge {

// What lies below `mount` in `path`, without a slash in front; false when it is another path
// ("/synced").
bool is_below(std::string_view mount, std::string_view path, std::string_view& below);

struct Mounts {
  std::string sync;  // "/sync"; empty = off
  std::string kv;

  // True where the body is read as JSON whatever Content-Type says: pushes of operations and atomic
  // batches.
  bool reads_json(std::string_view method, std::string_view path) const;
};

}  // namespace weir::edge
