#include "sync/hub.h"

namespace weir::sync {

std::shared_ptr<Follower> Hub::Table::remove(std::uint64_t id) {
  const auto entry = entries.find(id);
  if (entry == entries.end()) return nullptr;
  const auto ids = by_key.find(entry->second.key);
  ids->second.erase(id);
  if (ids->second.empty()) by_key.erase(ids);
  by_deadline.erase({entry->second.deadline, id});
  std::shared_ptr<Follower> follower = std::move(entry->second.follower);
  entries.erase(entry);
  return follower;
}

std::uint64_t Hub::follow(std::string key, std::shared_ptr<Follower> follower, Mono deadline) {
  bool is_soonest = false;
  const std::uint64_t id =
      table_.with([this, &key, &follower, deadline, &is_soonest](Table& table) -> std::uint64_t {
        if (table.ended || table.entries.size() >= followers_max_) return 0;
        const std::uint64_t given = ++table.last_id;
        is_soonest = table.by_deadline.empty() || deadline < table.by_deadline.begin()->first;
        table.by_key[key].insert(given);
        table.by_deadline.insert({deadline, given});
        table.entries.emplace(given, Entry{std::move(key), std::move(follower), deadline});
        return given;
      });
  if (is_soonest) sooner_();
  return id;
}

void Hub::leave(std::uint64_t id) {
  // The follower dies here, after the lock.
  const std::shared_ptr<Follower> left =
      table_.with([id](Table& table) { return table.remove(id); });
}

bool Hub::is_followed(std::string_view key) const {
  return table_.with(
      [key](const Table& table) { return table.by_key.find(key) != table.by_key.end(); });
}

std::size_t Hub::followers() const {
  return table_.with([](const Table& table) { return table.entries.size(); });
}

void Hub::publish(std::string_view key, const SharedFrame& frame) {
  const auto followers = table_.with([key](const Table& table) {
    std::vector<std::shared_ptr<Follower>> found;
    const auto ids = table.by_key.find(key);
    if (ids == table.by_key.end()) return found;
    found.reserve(ids->second.size());
    for (const std::uint64_t id : ids->second) found.push_back(table.entries.at(id).follower);
    return found;
  });
  for (const std::shared_ptr<Follower>& follower : followers) follower->on_frame(frame);
}

std::optional<Mono> Hub::expire(Mono now) {
  using Due = std::pair<std::uint64_t, std::shared_ptr<Follower>>;
  const auto due = table_.with([now](const Table& table) {
    std::vector<Due> found;
    for (const auto& [deadline, id] : table.by_deadline) {
      if (deadline > now) break;
      found.emplace_back(id, table.entries.at(id).follower);
    }
    return found;
  });
  for (const auto& [id, follower] : due) {
    const std::optional<Mono> next = follower->on_time(now);
    table_.with([id = id, next](Table& table) {
      const auto entry = table.entries.find(id);
      if (entry == table.entries.end() || !next) return;
      table.by_deadline.erase({entry->second.deadline, id});
      entry->second.deadline = *next;
      table.by_deadline.insert({*next, id});
    });
    if (!next) leave(id);
  }
  return table_.with([](const Table& table) -> std::optional<Mono> {
    if (table.by_deadline.empty()) return std::nullopt;
    return table.by_deadline.begin()->first;
  });
}

void Hub::end_all() {
  const Table ended = table_.with([](Table& table) {
    Table taken = std::move(table);
    table = {};
    table.last_id = taken.last_id;
    table.ended = true;
    return taken;
  });
  for (const auto& [id, entry] : ended.entries) entry.follower->on_end();
}

void Hub::begin_again() {
  table_.with([](Table& table) { table.ended = false; });
}

std::string document_key(std::string_view tenant, std::string_view document) {
  return std::string(tenant) + "\nd" + std::string(document);  // no tenant's name has a line feed
}
std::string kv_key(std::string_view tenant, std::string_view key) {
  return std::string(tenant) + "\nk" + std::string(key);
}

}  // namespace weir::sync
