#include "edge/mounts.h"

namespace weir::edge {

bool is_below(std::string_view mount, std::string_view path, std::string_view& below) {
  if (mount.empty() || path.substr(0, mount.size()) != mount) return false;
  const std::string_view rest = path.substr(mount.size());
  if (!rest.empty() && rest.front() != '/') return false;
  below = rest.empty() ? rest : rest.substr(1);
  return true;
}

bool Mounts::reads_json(std::string_view method, std::string_view path) const {
  std::string_view below;
  if (method != "POST") return false;
  return is_below(sync, path, below) || (is_below(kv, path, below) && below == "atomic");
}

}  // namespace weir::edge
