#pragma once
// Where resized images outlive a build, so that none is made twice. The name holds a hash of all
// that it was made from: what is there under a name is right.

#include "base/result.h"

#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace weir::site {

// Called from many threads at once.
class ImageStore {
 public:
  virtual ~ImageStore() = default;
  virtual std::optional<std::string> find(std::string_view name) = 0;
  virtual Status keep(std::string_view name, std::string_view bytes) = 0;
  // Forgets all others.
  virtual void prune(const std::set<std::string>& names) = 0;
};

}  // namespace weir::site
