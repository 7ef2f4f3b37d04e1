#pragma once
// Who waits for what: long polls and feeds by key, told of each commit once it is on disk, and of
// their deadlines.
//
// The Hub calls its followers without holding its lock, from the thread that publishes or keeps
// time; a follower may be told something once more after it left, and must not mind. Callable from
// any thread.

#include "base/clock.h"
#include "base/guarded.h"
#include "sync/frame.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace weir::sync {

class Follower {
 public:
  virtual ~Follower() = default;
  virtual void on_frame(const SharedFrame& frame) = 0;
  // The deadline has come. Returns the next one; none = the follower has left.
  virtual std::optional<Mono> on_time(Mono now) = 0;
  virtual void on_end() = 0;  // the service stops
};

class Hub {
 public:
  // `sooner` is called when a deadline comes before all others; the timekeeper wakes up for it.
  Hub(std::size_t followers_max, std::function<void()> sooner)
      : followers_max_(followers_max), sooner_(std::move(sooner)) {}

  // 0 = there are too many followers.
  std::uint64_t follow(std::string key, std::shared_ptr<Follower> follower, Mono deadline);
  void leave(std::uint64_t id);
  bool is_followed(std::string_view key) const;
  std::size_t followers() const;

  void publish(std::string_view key, const SharedFrame& frame);
  // Tells those whose deadline has come; returns the next deadline.
  std::optional<Mono> expire(Mono now);
  void end_all();
  void begin_again();  // followers are taken again

 private:
  struct Entry {
    std::string key;
    std::shared_ptr<Follower> follower;
    Mono deadline;
  };
  struct Table {
    std::unordered_map<std::uint64_t, Entry> entries;
    std::map<std::string, std::set<std::uint64_t>, std::less<>> by_key;
    std::set<std::pair<Mono, std::uint64_t>> by_deadline;
    std::uint64_t last_id = 0;
    bool ended = false;

    std::shared_ptr<Follower> remove(std::uint64_t id);
  };
  const std::size_t followers_max_;
  const std::function<void()> sooner_;
  Guarded<Table> table_;
};

std::string document_key(std::string_view tenant, std::string_view document);
std::string kv_key(std::string_view tenant, std::string_view key);

}  // namespace weir::sync
