#pragma once
// The open tenants: at most limits::tenants_open_max, the least recently used one that is idle is
// closed for a new one. Callable from any thread.

#include "base/guarded.h"
#include "sync/tenant.h"

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace weir::sync {

class Tenants {
 public:
  explicit Tenants(const TenantRoom& room) : room_(room) {}

  std::shared_ptr<Tenant> find(const std::string& name);  // null = not open; never touches the disk
  Result<std::shared_ptr<Tenant>> open(
      const std::string& name);  // waits for the disk; Errc::full = all are in use
  std::vector<std::shared_ptr<Tenant>> all() const;
  std::size_t count() const;

 private:
  struct Entry {
    std::shared_ptr<Tenant> tenant;
    std::uint64_t used = 0;  // of `uses`, the larger the later
  };
  struct Table {
    std::unordered_map<std::string, Entry> entries;
    std::uint64_t uses = 0;
  };
  // Closes one; the caller drops it outside the lock.
  static std::shared_ptr<Tenant> evict(Table& table);

  const TenantRoom room_;
  std::mutex opening_;  // one at a time, so that no file is opened twice; held over the disk, by
                        // reader threads only
  Guarded<Table> table_;
};

}  // namespace weir::sync
