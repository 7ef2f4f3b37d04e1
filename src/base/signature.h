#pragma once
// Signature keys for JWS (RFC 7518, RFC 8037): made once from their numbers, checked as they are
// made, then used as often as one likes. Every verification context is prepared at load, because
// building one per token costs more than the arithmetic (guard, section 14).
//
// A SignatureKey never changes after it was made: `verify` and `sign` are callable from any thread.
// Only signature.cpp and crypto.cpp know OpenSSL's EVP.

#include "base/result.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

enum class SignatureAlgorithm : std::uint8_t {
  hs256,
  hs384,
  hs512,
  rs256,
  rs384,
  rs512,
  ps256,
  ps384,
  ps512,
  es256,
  es384,
  es512,
  eddsa,
};
inline constexpr std::size_t signature_algorithms_count = 13;

// The names of RFC 7518 section 3.1 and RFC 8037, compared exactly; "none" is not one.
std::optional<SignatureAlgorithm> parse_signature_algorithm(std::string_view name);
std::string_view name_of(SignatureAlgorithm algorithm);  // "RS256"

enum class KeyKind : std::uint8_t { rsa, p256, p384, p521, ed25519, secret };
std::string_view name_of(KeyKind kind);

// Big-endian unsigned numbers as raw bytes. Private parts are empty in a public key.
struct RsaNumbers {
  std::string_view n, e;
  std::string_view d = {}, p = {}, q = {}, dp = {}, dq = {}, qi = {};
};
struct EcNumbers {
  std::string_view x, y;  // exactly the field's length
  std::string_view d = {};
};

class SignatureKey {
 public:
  // 2048 to 8192 bits, e odd and above 1, no ROCA fingerprint (CVE-2017-15361).
  static Result<SignatureKey> rsa(const RsaNumbers& numbers);
  // `curve` is one of p256, p384, p521. The point must be on the curve, and d must belong to it.
  static Result<SignatureKey> ec(KeyKind curve, const EcNumbers& numbers);
  static Result<SignatureKey> ed25519(std::string_view x, std::string_view d);
  // At least 32 bytes; each HMAC also wants as many bytes as its digest has (see `fits`).
  static Result<SignatureKey> secret(std::string_view bytes);
  // A new key pair (p256, p384, p521, ed25519, rsa with 2048 bits, secret with 64 bytes).
  static Result<SignatureKey> generate(KeyKind kind);

  SignatureKey(SignatureKey&&) noexcept;
  SignatureKey& operator=(SignatureKey&&) noexcept;
  ~SignatureKey();

  KeyKind kind() const;
  bool can_sign() const;
  bool fits(SignatureAlgorithm algorithm) const;

  // False for anything but a good signature over `message`, also when the key does not fit.
  // ECDSA signatures are r and s side by side, as JWS has them.
  bool verify(SignatureAlgorithm algorithm, std::string_view message,
              std::string_view signature) const;
  Result<std::string> sign(SignatureAlgorithm algorithm, std::string_view message) const;

  // The numbers by their JWK names ("n", "e", "x", "y", "d", "k", ...), raw; for `weir token` to
  // write a JWK.
  struct Number {
    std::string_view name;
    std::string bytes;
  };
  enum class Part : std::uint8_t { public_only, with_private };
  std::vector<Number> numbers(Part part) const;

 private:
  struct Prepared;
  explicit SignatureKey(std::unique_ptr<Prepared> prepared);
  std::unique_ptr<Prepared> prepared_;
};

}  // namespace weir
