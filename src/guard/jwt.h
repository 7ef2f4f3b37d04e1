#pragma once
// JSON Web Tokens in compact form (RFC 7515, 7519), judged as RFC 8725 asks: guard G-6 to G-15.
//
// A token is good only if its form, header, key, signature and claims are all good, in that order;
// claims are not read before the signature is. The reason of a refusal is for the decision record,
// never for the client. A good token is remembered (G-22) until it ends, its keys change, or five
// minutes are over; a refused one for five seconds.
//
// JwtVerifier is callable from any thread.

#include "base/clock.h"
#include "base/guarded.h"
#include "base/limits.h"
#include "base/signature.h"
#include "guard/jwks_source.h"
#include "guard/token_cache.h"
#include "text/value.h"

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::guard {

// A claim that becomes a request header (G-13). Arrays of strings are joined by spaces, as scopes
// are.
struct ClaimHeader {
  std::string header;  // lower case
  std::string claim;
  friend bool operator==(const ClaimHeader&, const ClaimHeader&) = default;
};

struct JwtPolicy {
  std::string name = {};                            // of the [auth.*] table
  std::string issuer = {};                          // empty = any; `weir check` warns
  std::vector<std::string> audiences = {};          // empty = any
  std::vector<SignatureAlgorithm> algorithms = {};  // never empty in a valid configuration
  std::vector<std::string> types = {};              // without "application/"; empty = any
  Nanos leeway = std::chrono::seconds(30);          // at most 300 s
  std::optional<Nanos> max_lifetime = {};
  std::vector<std::string> authorized_parties = {};  // azp; empty = any
  bool subject_required = false;
  std::vector<ClaimHeader> forward = {};
  std::size_t cache_tokens = limits::token_cache_max;
  Nanos negative_ttl = limits::token_refusal_kept;
  friend bool operator==(const JwtPolicy&, const JwtPolicy&) = default;
};
// What is wrong with the policy itself.
Status check_policy(const JwtPolicy& policy);

// Form and header only (G-6, G-7), and the signature against `keys`: the layer that JOSE test
// suites judge. `known` is a header that was good before with the same list; a token that begins
// with its text is spared the reading of it.
struct JoseHeader {
  std::string text;  // as it stands in the token
  SignatureAlgorithm algorithm = SignatureAlgorithm::hs256;
  std::optional<std::string> kid;
  std::optional<std::string> type;
};
struct Jws {
  std::string payload;  // decoded
  std::shared_ptr<const JoseHeader> header;
};
struct JwsOutcome {
  TokenReason reason = TokenReason::good;
  std::optional<Jws> jws;  // when the form and header were good
};
JwsOutcome verify_jws(std::string_view token, const Jwks& keys,
                      std::span<const SignatureAlgorithm> allowed,
                      std::shared_ptr<const JoseHeader> known = nullptr);

class JwtVerifier {
 public:
  // `keys` must outlive it.
  JwtVerifier(JwtPolicy policy, KeySource& keys);
  const JwtPolicy& policy() const { return policy_; }

  TokenVerdict verify(std::string_view token, Moment now);

  // The same without the cache; for tests and the bench.
  TokenVerdict verify_afresh(std::string_view token, Moment now);

 private:
  struct Judged {
    TokenVerdict verdict;
    TokenSpan valid;
  };
  Judged judge(std::string_view token, Moment now);
  Judged judge_claims(const std::string& payload, Wall now) const;
  bool is_good_type(const std::optional<std::string>& type) const;
  std::shared_ptr<const JoseHeader> last_header() const;

  JwtPolicy policy_;
  KeySource& keys_;
  // Of the last token whose signature was good: the tokens of an issuer nearly all begin alike.
  Guarded<std::shared_ptr<const JoseHeader>> last_header_;
  TokenCache good_;
  TokenCache refused_;
};

// Where the credential stands in a request (G-12).
struct Credential {
  enum class Found : std::uint8_t { none, one, several, not_bearer } found = Found::none;
  std::string_view token = {};
};
// `authorization` holds the value of every Authorization field.
Credential bearer_of(std::span<const std::string_view> authorization);

// The headers that claims may set on any route, with their underscore/hyphen twins: is `name` one
// of them?
class ForwardedHeaders {
 public:
  void add(const JwtPolicy& policy);
  bool owns(std::string_view name) const;  // any case; '_' and '-' are the same

 private:
  std::vector<std::string> names_;  // lower case, '-' only
};

// `weir token mint`: a signed token over `claims`; `iat`, `nbf` and `exp` are added when missing.
struct MintOrder {
  text::Value claims;
  Nanos lifetime = std::chrono::hours(1);
  std::string type = "JWT";
};
Result<std::string> mint_token(const Jwk& key, const MintOrder& order, Wall now);

}  // namespace weir::guard
