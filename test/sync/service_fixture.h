#pragma once
// A service in an empty directory, asked one thing after the other.

#include "base/file.h"
#include "base/must.h"
#include "support.h"
#include "sync/service.h"
#include "text/json.h"

#include <fcntl.h>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace weir::sync::test {

// Waits for one reply.
class Inbox {
 public:
  Answer answer() {
    return [shared = shared_](Reply reply) {
      const std::lock_guard lock(shared->mutex);
      MUST(!shared->reply.has_value());  // exactly once
      shared->reply = std::move(reply);
      shared->came.notify_all();
    };
  }
  Reply wait() {
    std::unique_lock lock(shared_->mutex);
    shared_->came.wait(lock, [this] { return shared_->reply.has_value(); });
    return std::move(*shared_->reply);  // leaves an empty one: a feed in it is the caller's alone
  }
  bool has_reply() {
    const std::lock_guard lock(shared_->mutex);
    return shared_->reply.has_value();
  }

 private:
  struct Shared {
    std::mutex mutex;
    std::condition_variable came;
    std::optional<Reply> reply;
  };
  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
};

inline std::shared_ptr<const text::Value> claims_of(std::string_view json) {
  return std::make_shared<const text::Value>(text::parse_json(json).value());
}

class ServiceFixture {
 public:
  ServiceFixture() {
    settings.directory = directory / "data";
    settings.sync_rules = {{"**", "true", "true", {}}};
    settings.kv_rules = {{"**", "true", "true", {}}};
  }
  SyncService& service() {
    if (service_ == nullptr) service_ = SyncService::open(settings, clock, log_).value();
    return *service_;
  }
  void close() { service_.reset(); }

  Reply ask(Ask what) {
    Inbox inbox;
    service().answer(std::move(what), inbox.answer());
    return inbox.wait();
  }
  Reply sync(std::string method, std::string path, std::string body = {}, std::string query = {}) {
    Ask what;
    what.method = std::move(method);
    what.path = std::move(path);
    what.body = std::move(body);
    what.query = std::move(query);
    what.claims = claims;
    return ask(std::move(what));
  }
  using Fields = std::vector<std::pair<std::string, std::string>>;
  Reply kv(std::string method, std::string path, std::string body = {}, Fields fields = {},
           std::string query = {}) {
    Ask what;
    what.surface = Surface::kv;
    what.method = std::move(method);
    what.path = std::move(path);
    what.body = std::move(body);
    what.query = std::move(query);
    what.fields = std::move(fields);
    what.claims = claims;
    return ask(std::move(what));
  }

  weir::test::TemporaryDirectory directory;
  ManualClock clock;
  SyncSettings settings;
  std::shared_ptr<const text::Value> claims;

 private:
  Descriptor null_{::open("/dev/null", O_WRONLY | O_CLOEXEC)};
  LineWriter lines_{null_.number(), 64};
  Log log_{clock, lines_, LogLevel::error, LogForm::json};
  std::unique_ptr<SyncService> service_;
};

inline std::string body_of(const Reply& reply) { return reply.body == nullptr ? "" : *reply.body; }
inline text::Value json_in(const Reply& reply) { return text::parse_json(body_of(reply)).value(); }
inline std::int64_t number_in(const Reply& reply, std::string_view name) {
  const text::Value value = json_in(reply);
  return *value.find(name)->integer();
}
inline std::string field_in(const Reply& reply, std::string_view name) {
  for (const auto& [key, value] : reply.fields)
    if (key == name) return value;
  return {};
}

inline constexpr std::string_view replica_a = "r_aaaaaaaaaaaaaaaa";
inline constexpr std::string_view replica_b = "r_bbbbbbbbbbbbbbbb";

// A stamp at the clock's now.
inline std::string stamp_at(const Clock& clock, std::uint32_t counter = 0) {
  char text[17];
  std::snprintf(text, sizeof text, "%012llx%04x",
                static_cast<unsigned long long>(clock.wall().millis()), counter);
  return text;
}
// One lww operation.
inline std::string title(const Clock& clock, std::string_view value,
                         std::string_view entity = "t1") {
  return R"({"e":")" + std::string(entity) + R"(","f":"title","t":"lww","h":")" + stamp_at(clock) +
         R"(","v":")" + std::string(value) + R"("})";
}
inline std::string batch(std::string_view replica, std::int64_t first, std::string_view ops) {
  return R"({"rep":")" + std::string(replica) + R"(","n":)" + std::to_string(first) +
         R"(,"ops":[)" + std::string(ops) + "]}";
}

}  // namespace weir::sync::test
