#pragma once
// What was found out about a token, and for how long (guard G-22): a bounded table, keyed by a
// seeded hash with full comparison of the token's bytes and the generation of the keys that judged
// it.
//
// 4-way sets; the way that ends first is replaced. Bounded by entries and by bytes: when the bytes
// run out, a hand goes round and drops entries until the new one fits. Callable from any thread: 16
// shards, each behind its own lock, so that a hit costs about 0.15 us.

#include "base/clock.h"
#include "base/guarded.h"
#include "base/hash.h"
#include "text/value.h"

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::guard {

// Both clocks, read once per request: tokens end by the wall clock, everything else by the other.
struct Moment {
  Wall wall;
  Mono mono;
};

enum class TokenReason : std::uint8_t {
  good,
  absent,      // no credential at all
  several,     // more than one (400)
  not_bearer,  // another scheme
  too_large,   // over 8 KiB
  form,        // not three parts of canonical base64url
  encrypted,   // five parts (JWE) or a nested token
  header,      // not a strict JSON object, or a member of the wrong kind
  algorithm,   // not in the operator's list
  critical,    // crit, b64 or zip
  type,        // typ not in the list
  kid_unknown,
  key_ambiguous,  // no kid, and several keys fit
  key_mismatch,   // the key is not for this algorithm
  signature,
  claims,  // not a strict JSON object, or a member of the wrong kind
  expired,
  not_yet,       // nbf ahead
  issued_ahead,  // iat ahead
  lifetime,      // exp - iat above max_lifetime
  issuer,
  audience,
  subject,  // required and missing
  authorized_party,
  forwarded_value,   // a forwarded claim with CR, LF or NUL
  keys_unavailable,  // our failure, not the token's: the stage's failure_mode decides
};
std::string_view name_of(TokenReason reason);

// What a good token says. Immutable and shared with requests that hold it.
struct TokenClaims {
  text::Value claims;  // an object
  std::string subject;
  std::vector<std::pair<std::string, std::string>> headers;  // to set for upstreams (G-13)
  // A string claim, or a number as written in decimal; empty = none.
  std::string text_of(std::string_view claim) const;
  // Scopes: `scope` split at blanks, or `scp`, or an array of strings.
  bool has_scope(std::string_view scope) const;
};

struct TokenVerdict {
  TokenReason reason = TokenReason::absent;
  std::shared_ptr<const TokenClaims> token = nullptr;  // only with `good`
  bool ok() const { return reason == TokenReason::good; }
};

// When a verdict holds: from <= wall < until (a token), and mono < kept_until (the cache's own
// patience).
struct TokenSpan {
  Wall from = {INT64_MIN};
  Wall until = {INT64_MAX};
};

class TokenCache {
 public:
  TokenCache(std::size_t entries, std::size_t bytes_max);

  std::optional<TokenVerdict> find(std::string_view token, std::uint64_t generation, Moment now);
  void keep(std::string_view token, std::uint64_t generation, TokenSpan valid, Mono kept_until,
            TokenVerdict verdict);
  std::size_t bytes() const;  // of tokens held

 private:
  struct Slot {
    std::uint64_t hash = 0;
    std::uint64_t generation = 0;
    TokenSpan valid;
    Mono kept_until;
    std::string token;  // empty = free
    TokenVerdict verdict;
  };
  struct Shard {
    std::vector<Slot> slots;  // made with the first entry
    std::size_t bytes = 0;
    std::size_t hand = 0;
  };
  static constexpr std::size_t shards_count = 16;
  static constexpr std::size_t ways = 4;

  HashKey key_ = HashKey::random();
  std::size_t slots_per_shard_;
  std::size_t bytes_per_shard_;
  std::array<Guarded<Shard>, shards_count> shards_;
};

}  // namespace weir::guard
