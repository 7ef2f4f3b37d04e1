#pragma once
// Key-value: small values with versions, compare-and-set, expiry and watching (data, section 13).
//
// A version is a position in the tenant's one order; the ETag is "v<version>". An expired key is
// not there for anybody from its moment on, and its row goes with a later sweep. Values keep the
// content type that they came with; JSON is checked, so that it can be embedded in lists.

#include "sync/log_feed.h"
#include "sync/tenant.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace weir::sync {

struct KvValue {
  std::string type = "application/octet-stream";
  std::string bytes;
  std::optional<std::int64_t> expiry_ms;  // Unix
};

// What must hold before a write. Nothing set: anything goes.
struct KvCondition {
  bool must_be_absent = false;         // If-None-Match: *
  bool must_exist = false;             // If-Match: *
  std::vector<std::int64_t> versions;  // If-Match: one of these
  bool is_given() const { return must_be_absent || must_exist || !versions.empty(); }
};

struct KvCheck {
  std::string key;
  std::optional<std::int64_t> version;  // none = must not exist
};
struct KvSet {
  std::string key;
  KvValue value;
};
struct KvBatch {
  std::vector<KvCheck> checks;
  std::vector<KvSet> sets;
  std::vector<std::string> deletes;
};

// The value, type and expiry fit the bounds; otherwise the refusal.
std::optional<Reply> refuse_value(const KvValue& value);
std::optional<Reply> refuse_key(std::string_view key);
// `{"checks":[{"k","ver"}],"sets":[{"k","v"|"b64","type","expires_in"|"expires_at"}],"deletes":["k"]}`
std::variant<KvBatch, Reply> decode_kv_batch(std::string_view body, Wall now);
// Expires-In (seconds) or Expires-At (RFC 3339), at most one of them; both may be empty.
std::variant<std::optional<std::int64_t>, Reply> parse_expiry(std::string_view in,
                                                              std::string_view at, Wall now);
// If-Match and If-None-Match as conditions; both may be empty.
std::variant<KvCondition, Reply> parse_condition(std::string_view if_match,
                                                 std::string_view if_none_match);
std::string etag_of_version(std::int64_t version);

Job kv_put_job(const std::shared_ptr<Tenant>& tenant, KvSet set, KvCondition condition);
Job kv_delete_job(const std::shared_ptr<Tenant>& tenant, std::string key, KvCondition condition);
Job kv_atomic_job(const std::shared_ptr<Tenant>& tenant, KvBatch batch);
Job sweep_job(const std::shared_ptr<Tenant>& tenant);

// The rest waits for the disk.
Result<Reply> kv_get(const Tenant& tenant, Reader& reader, std::string_view key,
                     std::string_view if_none_match);
struct KvListing {
  std::string prefix;
  std::string cursor;  // as a page before gave it
  std::size_t count_max = limits::kv_list_max;
  std::function<bool(std::string_view key)> may_read;  // others are left out
};
Result<Reply> kv_list(const Tenant& tenant, Reader& reader, const KvListing& listing);
LogFeed::Read kv_events(std::shared_ptr<Tenant> tenant, std::string key);

}  // namespace weir::sync
