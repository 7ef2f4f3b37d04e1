#pragma once
// Exact rate limits: GCRA, a token bucket written as one time stamp per key (guard G-27 to G-31).
//
//   T = period / limit, tau = T * (burst - 1), in whole nanoseconds (T is rounded up, so a limit is
//   never exceeded by rounding). A request of cost c is allowed if max(TAT, now) - now <= tau - T *
//   (c - 1); then TAT = max(TAT, now) + c * T.
//
// The table has a fixed number of slots of 16 bytes in 4-way sets of one cache line, found by a
// 128-bit seeded hash of (limit, kind of key, value). Two threads on one key never allow more than
// the bound: the time stamp moves by compare-and-swap. A full set gives up the slot with the least
// debt, so a heavy client cannot wash itself clean by inventing keys. Nothing is allocated per key.
//
// Callable from any thread.

#include "base/clock.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/result.h"
#include "guard/client_address.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::http {
struct Request;
}

namespace weir::guard {

struct TokenClaims;

enum class LimitKeyKind : std::uint8_t { ip, claim, header, cookie, path, constant };
struct LimitKey {
  LimitKeyKind kind = LimitKeyKind::constant;
  unsigned prefix = 64;   // ip
  std::string name = {};  // claim, header (lower case), cookie
  friend bool operator==(const LimitKey&, const LimitKey&) = default;
};
// "ip/64", "ip", "jwt:sub", "header:x-api-key", "cookie:sid", "path", "const".
Result<LimitKey> parse_limit_key(std::string_view text);

struct Rate {
  std::uint64_t limit = 1;
  Nanos period = std::chrono::seconds(1);
  friend bool operator==(const Rate&, const Rate&) = default;
};
Result<Rate> parse_rate(std::string_view text);  // "50/s", "600/m", "1000/h", "5/d", "10/30s"

enum class LimitMode : std::uint8_t { enforce, shadow };
struct LimitPolicy {
  std::string name = {};  // of the [limit.*] table; a token of RFC 9651 strings: printable ASCII
  Rate rate = {};
  std::uint64_t burst = 1;
  std::vector<LimitKey> keys = {};  // the first that exists
  LimitMode mode = LimitMode::enforce;
  bool spares_loopback = false;  // the default limit only: counted, never refused
  friend bool operator==(const LimitPolicy&, const LimitPolicy&) = default;
};

// A policy, ready to be asked.
class Limit {
 public:
  // Fails when T would not fit (limit above one per nanosecond, or tau above 292 years).
  static Result<Limit> open(LimitPolicy policy, const HashKey& key, std::uint32_t index);

  const LimitPolicy& policy() const { return policy_; }
  std::int64_t interval_ns() const { return interval_ns_; }    // T
  std::int64_t tolerance_ns() const { return tolerance_ns_; }  // tau

 private:
  friend class Limiter;
  explicit Limit(LimitPolicy policy) : policy_(std::move(policy)) {}
  LimitPolicy policy_;
  std::int64_t interval_ns_ = 0;
  std::int64_t tolerance_ns_ = 0;
  std::vector<Hash128> salts_;  // one per key: keeps limits and kinds of key apart in one table
};

struct LimitDecision {
  bool allowed = true;
  std::uint64_t remaining = 0;  // r: whole requests that would be allowed now
  std::int64_t reset_s = 0;     // t: seconds until the bucket is full again
  std::int64_t retry_s =
      0;  // when a request will be allowed again, not before reset_s; 0 when allowed
};

// What keys are made of. Views live as long as the call.
struct LimitSubject {
  const http::Request& request;
  IpAddress client;
  const TokenClaims* token = nullptr;  // null = no token was verified
};

class Limiter {
 public:
  explicit Limiter(std::size_t slots = limits::limiter_slots);
  ~Limiter();
  Limiter(const Limiter&) = delete;
  Limiter& operator=(const Limiter&) = delete;

  const HashKey& hash_key() const { return key_; }  // for Limit::open

  // The slot of the first key that the subject has; none = the limit does not apply.
  std::optional<Hash128> slot_of(const Limit& limit, const LimitSubject& subject) const;
  // For callers that hold the value already.
  Hash128 slot_of(const Limit& limit, std::size_t key_index, std::string_view value) const;

  LimitDecision take(const Limit& limit, Hash128 slot, Mono now, std::uint64_t cost = 1);

  std::size_t slots() const { return sets_count_ * 4; }

 private:
  struct Set;
  HashKey key_ = HashKey::random();
  std::size_t sets_count_;
  std::unique_ptr<void, void (*)(void*)> memory_;  // pages come to life as they are touched
  Set* sets_;
};

// The fields of IETF httpapi draft-ietf-httpapi-ratelimit-headers-11 and RFC 9110 10.2.3, appended
// as "RateLimit-Policy: ...\r\nRateLimit: ...\r\n", with "Retry-After" behind them when refused.
void append_limit_fields(std::string& out, const Limit& limit, const LimitDecision& decision);
// The refusal's problem type; its body also names the policies in "violated-policies".
inline constexpr std::string_view quota_problem_type =
    "https://iana.org/assignments/http-problem-types#quota-exceeded";

}  // namespace weir::guard
