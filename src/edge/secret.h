#pragma once
// Bytes that are never shown: webhook secrets, admin tokens, signing keys.
//
// There is no operator<<, no conversion to a string, and no log field takes one. `reveal()` is
// called by the code that computes with the bytes, and by nothing that writes.

#include "base/result.h"

#include <string>
#include <string_view>

namespace weir::edge {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string bytes) : bytes_(std::move(bytes)) {}
  std::string_view reveal() const { return bytes_; }
  bool is_empty() const { return bytes_.empty(); }

 private:
  std::string bytes_;
};

// The bytes of a secret file, without one newline at the end. Empty files are refused.
Result<Secret> read_secret_file(const std::string& path);

}  // namespace weir::edge
