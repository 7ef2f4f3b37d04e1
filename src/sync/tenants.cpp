#include "sync/tenants.h"

namespace weir::sync {

std::shared_ptr<Tenant> Tenants::find(const std::string& name) {
  return table_.with([&name](Table& table) -> std::shared_ptr<Tenant> {
    const auto entry = table.entries.find(name);
    if (entry == table.entries.end()) return nullptr;
    entry->second.used = ++table.uses;
    return entry->second.tenant;
  });
}

std::shared_ptr<Tenant> Tenants::evict(Table& table) {
  auto oldest = table.entries.end();
  for (auto entry = table.entries.begin(); entry != table.entries.end(); ++entry) {
    // Whoever writes, reads, waits or follows holds a reference; new ones are only given out under
    // this lock.
    if (entry->second.tenant.use_count() > 1) continue;
    if (oldest == table.entries.end() || entry->second.used < oldest->second.used) oldest = entry;
  }
  if (oldest == table.entries.end()) return nullptr;
  std::shared_ptr<Tenant> closed = std::move(oldest->second.tenant);
  table.entries.erase(oldest);
  return closed;
}

Result<std::shared_ptr<Tenant>> Tenants::open(const std::string& name) {
  const std::lock_guard lock(opening_);
  if (std::shared_ptr<Tenant> known = find(name)) return known;
  if (count() >= limits::tenants_open_max) {
    const std::shared_ptr<Tenant> closed = table_.with([](Table& table) { return evict(table); });
    if (closed == nullptr)
      return Error{Errc::full,
                   "all " + std::to_string(limits::tenants_open_max) + " open tenants are in use"};
  }
  std::shared_ptr<Tenant> tenant = TRY(Tenant::open(name, room_));
  table_.with([&name, &tenant](Table& table) { table.entries[name] = {tenant, ++table.uses}; });
  return tenant;
}

std::vector<std::shared_ptr<Tenant>> Tenants::all() const {
  return table_.with([](const Table& table) {
    std::vector<std::shared_ptr<Tenant>> tenants;
    tenants.reserve(table.entries.size());
    for (const auto& [name, entry] : table.entries) tenants.push_back(entry.tenant);
    return tenants;
  });
}

std::size_t Tenants::count() const {
  return table_.with([](const Table& table) { return table.entries.size(); });
}

}  // namespace weir::sync
