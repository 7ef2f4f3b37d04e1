#include "guard/jwks.h"

#include "base/bytes.h"
#include "base/limits.h"
#include "text/json.h"

#include <algorithm>
#include <array>

namespace weir::guard {
namespace {

// Reads one JWK's members; the first wrong one is the error.
class JwkReader {
 public:
  explicit JwkReader(const text::Value& jwk) : jwk_(jwk) {}

  Result<std::string> text(std::string_view name) const {
    const text::Value* member = jwk_.find(name);
    if (member == nullptr) return std::string();
    if (member->string() == nullptr)
      return Error{Errc::invalid, "\"" + std::string(name) + "\" must be a string"};
    return *member->string();
  }
  // Raw bytes of a base64url member; empty when absent.
  Result<std::string> bytes(std::string_view name) const {
    const std::string encoded = TRY(text(name));
    auto decoded = parse_base64url(encoded);
    if (!decoded)
      return Error{Errc::invalid,
                   "\"" + std::string(name) + "\" must be base64url without padding"};
    return std::move(*decoded);
  }
  // True when the array is absent or names the operation.
  Result<bool> allows(std::string_view operation) const {
    const text::Value* member = jwk_.find("key_ops");
    if (member == nullptr) return true;
    if (!member->is_array()) return Error{Errc::invalid, "\"key_ops\" must be an array"};
    return std::ranges::any_of(*member->array(), [&](const text::Value& item) {
      return item.string() != nullptr && *item.string() == operation;
    });
  }

 private:
  const text::Value& jwk_;
};

Result<SignatureKey> parse_rsa(const JwkReader& jwk) {
  const std::string n = TRY(jwk.bytes("n"));
  const std::string e = TRY(jwk.bytes("e"));
  const std::string d = TRY(jwk.bytes("d"));
  const std::string p = TRY(jwk.bytes("p"));
  const std::string q = TRY(jwk.bytes("q"));
  const std::string dp = TRY(jwk.bytes("dp"));
  const std::string dq = TRY(jwk.bytes("dq"));
  const std::string qi = TRY(jwk.bytes("qi"));
  return SignatureKey::rsa({n, e, d, p, q, dp, dq, qi});
}

Result<SignatureKey> parse_ec(const JwkReader& jwk) {
  const std::string curve = TRY(jwk.text("crv"));
  const std::string x = TRY(jwk.bytes("x"));
  const std::string y = TRY(jwk.bytes("y"));
  const std::string d = TRY(jwk.bytes("d"));
  for (const KeyKind kind : {KeyKind::p256, KeyKind::p384, KeyKind::p521})
    if (curve == name_of(kind)) return SignatureKey::ec(kind, {x, y, d});
  return Error{Errc::invalid, "curve \"" + curve + "\" is not P-256, P-384 or P-521"};
}

Result<SignatureKey> parse_okp(const JwkReader& jwk) {
  const std::string curve = TRY(jwk.text("crv"));
  if (curve != "Ed25519") return Error{Errc::invalid, "curve \"" + curve + "\" is not Ed25519"};
  const std::string x = TRY(jwk.bytes("x"));
  const std::string d = TRY(jwk.bytes("d"));
  return SignatureKey::ed25519(x, d);
}

Result<SignatureKey> parse_secret(const JwkReader& jwk) {
  return SignatureKey::secret(TRY(jwk.bytes("k")));
}

struct KtyRow {
  std::string_view kty;
  Result<SignatureKey> (*parse)(const JwkReader&);
};
constexpr std::array<KtyRow, 4> key_types{
    {{"RSA", parse_rsa}, {"EC", parse_ec}, {"OKP", parse_okp}, {"oct", parse_secret}}};

Result<Jwk> parse_jwk(const text::Value& document, std::string_view operation) {
  if (!document.is_object()) return Error{Errc::invalid, "a key must be a JSON object"};
  const JwkReader jwk(document);
  const std::string kty = TRY(jwk.text("kty"));
  std::string kid = TRY(jwk.text("kid"));
  const std::string use = TRY(jwk.text("use"));
  const std::string alg = TRY(jwk.text("alg"));
  const bool allowed = TRY(jwk.allows(operation));
  if (kid.size() > limits::token_kid_bytes_max)
    return Error{Errc::too_large, "its kid is above 256 bytes"};
  if (!use.empty() && use != "sig")
    return Error{Errc::invalid, "its use is \"" + use + "\", not \"sig\""};
  if (!allowed)
    return Error{Errc::invalid, "its key_ops do not have \"" + std::string(operation) + "\""};

  std::optional<SignatureAlgorithm> algorithm;
  if (document.find("alg") != nullptr) {
    algorithm = parse_signature_algorithm(alg);
    if (!algorithm)
      return Error{Errc::invalid, "\"" + alg + "\" is not a signature algorithm we know"};
  }
  const auto row = std::ranges::find(key_types, std::string_view(kty), &KtyRow::kty);
  if (row == key_types.end())
    return Error{Errc::invalid, "kty \"" + kty + "\" is not RSA, EC, OKP or oct"};
  SignatureKey key = TRY(row->parse(jwk));
  if (algorithm && !key.fits(*algorithm))
    return Error{Errc::invalid, "a key of kind " + std::string(name_of(key.kind())) +
                                    " does not fit its alg " + alg};
  return Jwk{std::move(kid), algorithm, std::move(key)};
}

std::string label_of(const text::Value& jwk, std::size_t index) {
  const text::Value* kid = jwk.find("kid");
  std::string label = "key " + std::to_string(index + 1);
  if (kid != nullptr && kid->string() != nullptr)
    label += " (kid " + text::json_of(*kid).substr(0, 80) + ")";
  return label;
}

std::string_view text_member(const text::Value& jwk, std::string_view name) {
  const text::Value* member = jwk.find(name);
  return member != nullptr && member->string() != nullptr ? std::string_view(*member->string())
                                                          : std::string_view();
}

// What makes the whole set untrustworthy, not just one key (G-20).
Status check_set(const text::Value::Array& keys, KeyOrigin origin) {
  if (keys.empty()) return Error{Errc::invalid, "the set holds no key"};
  if (keys.size() > limits::jwks_keys_max)
    return Error{Errc::too_large, "the set holds " + std::to_string(keys.size()) +
                                      " keys, more than " + std::to_string(limits::jwks_keys_max)};
  std::size_t secrets = 0;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (text_member(keys[i], "kty") == "oct") ++secrets;
    const std::string_view kid = text_member(keys[i], "kid");
    for (std::size_t k = 0; k < i; ++k)
      if (!kid.empty() && kid == text_member(keys[k], "kid") &&
          text_member(keys[i], "kty") == text_member(keys[k], "kty"))
        return Error{Errc::invalid, label_of(keys[i], i) + " and key " + std::to_string(k + 1) +
                                        " share kid and kty"};
  }
  if (secrets != 0 && origin == KeyOrigin::network)
    return Error{Errc::denied, "a set from the network must not hold secrets (kty oct)"};
  if (secrets != 0 && secrets != keys.size())
    return Error{Errc::invalid, "the set mixes secrets (kty oct) with public keys"};
  return done;
}

constexpr text::JsonOptions jwks_json{.depth_max = limits::token_depth_max,
                                      .duplicates = text::Duplicates::refuse,
                                      .bytes_max = limits::jwks_bytes_max};

}  // namespace

Result<Jwks::Parsed> Jwks::parse(std::string_view json, KeyOrigin origin) {
  return parse(TRY(text::parse_json(json, jwks_json)), origin);
}

Result<Jwks::Parsed> Jwks::parse(const text::Value& document, KeyOrigin origin) {
  text::Value::Array single;
  const text::Value::Array* keys = nullptr;
  if (const text::Value* member = document.find("keys")) {
    keys = member->array();
    if (keys == nullptr) return Error{Errc::invalid, "\"keys\" must be an array"};
  } else {
    if (document.find("kty") == nullptr)
      return Error{Errc::invalid, "expected a JWK Set ({\"keys\": [...]}) or a JWK"};
    single.push_back(document);
    keys = &single;
  }
  TRY(check_set(*keys, origin));

  auto set = std::make_shared<Jwks>();
  std::vector<std::string> warnings;
  for (std::size_t i = 0; i < keys->size(); ++i) {
    auto jwk = parse_jwk((*keys)[i], "verify");
    if (jwk.ok()) set->keys_.push_back(std::move(*jwk));
    else warnings.push_back(label_of((*keys)[i], i) + " is left out: " + jwk.error().what);
  }
  return Parsed{std::move(set), std::move(warnings)};
}

Result<std::shared_ptr<const Jwks>> Jwks::of_secret(std::string_view bytes,
                                                    SignatureAlgorithm algorithm) {
  SignatureKey key = TRY(SignatureKey::secret(bytes));
  if (!key.fits(algorithm))
    return Error{Errc::invalid, "a secret of " + std::to_string(bytes.size()) +
                                    " bytes is too short for " + std::string(name_of(algorithm))};
  auto set = std::make_shared<Jwks>();
  set->keys_.push_back({"", algorithm, std::move(key)});
  return std::shared_ptr<const Jwks>(std::move(set));
}

Jwks::Choice Jwks::choose(std::optional<std::string_view> kid, SignatureAlgorithm algorithm) const {
  const Jwk* chosen = nullptr;
  bool kid_seen = false;
  for (const Jwk& jwk : keys_) {
    if (kid && jwk.kid != *kid) continue;
    kid_seen = true;
    if (!jwk.key.fits(algorithm) || (jwk.algorithm && *jwk.algorithm != algorithm)) continue;
    if (chosen != nullptr) return {Found::ambiguous, nullptr};
    chosen = &jwk;
  }
  if (chosen != nullptr) return {Found::one, chosen};
  return {kid && !kid_seen ? Found::unknown_kid : Found::mismatch, nullptr};
}

Result<Jwk> parse_private_jwk(std::string_view json) {
  const text::Value document = TRY(text::parse_json(json, jwks_json));
  const text::Value* jwk = &document;
  if (const text::Value* keys = document.find("keys")) {
    if (keys->array() == nullptr || keys->array()->empty())
      return Error{Errc::invalid, "\"keys\" must be an array that holds a key"};
    jwk = &keys->array()->front();
  }
  Jwk key = TRY(parse_jwk(*jwk, "sign"));
  if (!key.key.can_sign()) return Error{Errc::invalid, "the key has no private part"};
  return key;
}

std::string jwk_json_of(const Jwk& jwk, SignatureKey::Part part) {
  const KeyKind kind = jwk.key.kind();
  const bool on_curve = kind == KeyKind::p256 || kind == KeyKind::p384 || kind == KeyKind::p521;
  text::Value out;
  out.set("kty", kind == KeyKind::rsa       ? "RSA"
                 : on_curve                 ? "EC"
                 : kind == KeyKind::ed25519 ? "OKP"
                                            : "oct");
  if (on_curve || kind == KeyKind::ed25519) out.set("crv", name_of(kind));
  if (!jwk.kid.empty()) out.set("kid", jwk.kid);
  if (jwk.algorithm) out.set("alg", name_of(*jwk.algorithm));
  out.set("use", "sig");
  for (const SignatureKey::Number& number : jwk.key.numbers(part))
    out.set(number.name, base64url_of(bytes_of(number.bytes)));
  return text::json_of(out);
}

}  // namespace weir::guard
