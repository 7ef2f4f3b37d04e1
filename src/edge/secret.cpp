#include "edge/secret.h"

#include "base/file.h"

namespace weir::edge {

Result<Secret> read_secret_file(const std::string& path) {
  std::string bytes = TRY(read_file(path));
  if (!bytes.empty() && bytes.back() == '\n') bytes.pop_back();
  if (!bytes.empty() && bytes.back() == '\r') bytes.pop_back();
  if (bytes.empty()) return Error{Errc::invalid, "the secret file " + path + " is empty"};
  return Secret(std::move(bytes));
}

}  // namespace weir::edge
