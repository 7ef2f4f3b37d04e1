#pragma once
// A set of keys (JWK Set, RFC 7517), parsed and checked once at load; what a token may be verified
// with.
//
// Rules (guard G-8, G-9, G-16, G-20): the set is refused when two of its keys share kid and kty,
// when it mixes secrets with public keys, when it holds more than 64 keys, or, coming from the
// network, any secret. A single key that cannot be used (unknown kty, short modulus, point off the
// curve, ROCA, use "enc") is left out with a warning; the others stay.
//
// Immutable. Callable from any thread.

#include "base/result.h"
#include "base/signature.h"
#include "text/value.h"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::guard {

enum class KeyOrigin : std::uint8_t { local, network };

struct Jwk {
  std::string kid;                              // empty = none
  std::optional<SignatureAlgorithm> algorithm;  // when the key is bound to one
  SignatureKey key;
};

class Jwks {
 public:
  // A JWK Set, or a single JWK. Warnings name the key and what is wrong with it.
  struct Parsed;
  static Result<Parsed> parse(std::string_view json, KeyOrigin origin);
  static Result<Parsed> parse(const text::Value& document, KeyOrigin origin);
  // One secret, as read from a file or the environment.
  static Result<std::shared_ptr<const Jwks>> of_secret(std::string_view bytes,
                                                       SignatureAlgorithm algorithm);

  // The key to verify with. With a kid: that key, when it fits. Without: the only key that fits.
  enum class Found : std::uint8_t { one, unknown_kid, ambiguous, mismatch };
  struct Choice {
    Found found;
    const Jwk* key;  // only with Found::one; lives as long as the set
  };
  Choice choose(std::optional<std::string_view> kid, SignatureAlgorithm algorithm) const;

  std::span<const Jwk> keys() const { return keys_; }

 private:
  std::vector<Jwk> keys_;
};

struct Jwks::Parsed {
  std::shared_ptr<const Jwks> set;
  std::vector<std::string> warnings;
};

// A private JWK (or the first key of a set) that can sign.
Result<Jwk> parse_private_jwk(std::string_view json);
// The key as a JWK: {"kty":...,"kid":...,"alg":...}.
std::string jwk_json_of(const Jwk& key, SignatureKey::Part part);

}  // namespace weir::guard
