#pragma once
// The directory of a store, as its owner and a builder beside it both need it: the folders, the
// secret, build leases.

#include "base/hash.h"
#include "store/disk.h"

#include <string>

namespace weir::store {

// Makes what is missing. The secret is 32 random bytes in `secret` (mode 0600), made once; whoever
// comes second reads it.
Result<HashKey> prepare_directory(const std::string& directory, Disk& disk);

// Held while files exist that no manifest names yet. Garbage collection removes nothing meanwhile,
// and a start leaves tmp/ alone. Ends with the process, however that ends (it is an flock).
class BuildLease {
 public:
  static Result<BuildLease> take(const std::string& directory);
  BuildLease(BuildLease&&) = default;
  BuildLease& operator=(BuildLease&&) = default;
  ~BuildLease();

 private:
  BuildLease(Descriptor file, std::string path) : file_(std::move(file)), path_(std::move(path)) {}
  Descriptor file_;
  std::string path_;
};

// Removes leases whose holder is gone.
Result<bool> has_build_lease(const std::string& directory);

}  // namespace weir::store
