// How a verification spends its time, with OpenSSL 3.0: a context from EVP costs three to five
// allocations and a look-up per digest, which is as much as hashing a whole token. So an HMAC is
// two copies of a plain SHA-2 state here, digests under RSA and ECDSA are such states too, and
// contexts that hold a key are lent out and come back, as they are stateless between two calls.
#include "base/signature.h"

#include "base/bytes.h"
#include "base/crypto.h"
#include "base/guarded.h"
#include "base/must.h"

// The plain SHA-2 states are called deprecated in OpenSSL 3, in favour of what is measured above.
#define OPENSSL_SUPPRESS_DEPRECATED

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>

namespace weir {
namespace {

struct Free {
  void operator()(EVP_PKEY* it) const { EVP_PKEY_free(it); }
  void operator()(EVP_PKEY_CTX* it) const { EVP_PKEY_CTX_free(it); }
  void operator()(EVP_MD_CTX* it) const { EVP_MD_CTX_free(it); }
  void operator()(OSSL_PARAM_BLD* it) const { OSSL_PARAM_BLD_free(it); }
  void operator()(OSSL_PARAM* it) const { OSSL_PARAM_free(it); }
  void operator()(BIGNUM* it) const { BN_clear_free(it); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

// What OpenSSL notes about a refused key or signature must not stay in the thread's error queue:
// the TLS layer reads that queue to tell its own errors apart.
class QuietErrors {
 public:
  QuietErrors() { ERR_set_mark(); }
  ~QuietErrors() { ERR_pop_to_mark(); }
  QuietErrors(const QuietErrors&) = delete;
  QuietErrors& operator=(const QuietErrors&) = delete;
};

enum class Family : std::uint8_t { hmac, rsa, pss, ecdsa, eddsa };

struct AlgorithmRow {
  std::string_view name;
  Family family;
  KeyKind kind;
  Digest digest;
  const char* digest_name;
  std::size_t secret_bytes_min;  // HMAC: as many as the digest has (RFC 7518 section 3.2)
};
constexpr std::array<AlgorithmRow, signature_algorithms_count> rows{{
    {"HS256", Family::hmac, KeyKind::secret, Digest::sha256, "SHA256", 32},
    {"HS384", Family::hmac, KeyKind::secret, Digest::sha384, "SHA384", 48},
    {"HS512", Family::hmac, KeyKind::secret, Digest::sha512, "SHA512", 64},
    {"RS256", Family::rsa, KeyKind::rsa, Digest::sha256, "SHA256", 0},
    {"RS384", Family::rsa, KeyKind::rsa, Digest::sha384, "SHA384", 0},
    {"RS512", Family::rsa, KeyKind::rsa, Digest::sha512, "SHA512", 0},
    {"PS256", Family::pss, KeyKind::rsa, Digest::sha256, "SHA256", 0},
    {"PS384", Family::pss, KeyKind::rsa, Digest::sha384, "SHA384", 0},
    {"PS512", Family::pss, KeyKind::rsa, Digest::sha512, "SHA512", 0},
    {"ES256", Family::ecdsa, KeyKind::p256, Digest::sha256, "SHA256", 0},
    {"ES384", Family::ecdsa, KeyKind::p384, Digest::sha384, "SHA384", 0},
    {"ES512", Family::ecdsa, KeyKind::p521, Digest::sha512, "SHA512", 0},
    {"EdDSA", Family::eddsa, KeyKind::ed25519, Digest::sha512, nullptr, 0},
}};
const AlgorithmRow& row_of(SignatureAlgorithm algorithm) {
  return rows[static_cast<std::size_t>(algorithm)];
}

struct CurveRow {
  KeyKind kind;
  const char* group;
  std::size_t field_bytes;
};
constexpr std::array<CurveRow, 3> curves{{
    {KeyKind::p256, "P-256", 32},
    {KeyKind::p384, "P-384", 48},
    {KeyKind::p521, "P-521", 66},
}};
const CurveRow* find_curve(KeyKind kind) {
  const auto at = std::ranges::find(curves, kind, &CurveRow::kind);
  return at == curves.end() ? nullptr : &*at;
}

const unsigned char* raw(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* raw(std::string& bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

// A digest without the heap: one of SHA-256, SHA-384, SHA-512 (the only ones that JWS knows).
struct DigestBytes {
  std::array<unsigned char, SHA512_DIGEST_LENGTH> bytes{};
  std::size_t count = 0;
  std::string_view text() const { return {reinterpret_cast<const char*>(bytes.data()), count}; }
};
class Sha2 {
 public:
  explicit Sha2(Digest digest) : digest_(digest) {
    if (digest == Digest::sha256) SHA256_Init(&small_);
    else if (digest == Digest::sha384) SHA384_Init(&large_);
    else SHA512_Init(&large_);
  }
  std::size_t block_bytes() const {
    return digest_ == Digest::sha256 ? SHA256_CBLOCK : SHA512_CBLOCK;
  }
  void add(std::string_view text) {
    if (digest_ == Digest::sha256) SHA256_Update(&small_, text.data(), text.size());
    else SHA512_Update(&large_, text.data(), text.size());  // SHA-384 shares it
  }
  DigestBytes finish() {
    DigestBytes out;
    if (digest_ == Digest::sha256) {
      SHA256_Final(out.bytes.data(), &small_);
      out.count = SHA256_DIGEST_LENGTH;
    } else if (digest_ == Digest::sha384) {
      SHA384_Final(out.bytes.data(), &large_);
      out.count = SHA384_DIGEST_LENGTH;
    } else {
      SHA512_Final(out.bytes.data(), &large_);
      out.count = SHA512_DIGEST_LENGTH;
    }
    return out;
  }

 private:
  Digest digest_;
  union {
    SHA256_CTX small_;
    SHA512_CTX large_;
  };
};

DigestBytes digest_bytes_of(Digest digest, std::string_view message) {
  Sha2 state(digest);
  state.add(message);
  return state.finish();
}

// RFC 2104 with both key blocks already taken in. Cleansed when it goes: the states are as good as
// the key.
class KeyedHash {
 public:
  KeyedHash(Digest digest, std::string_view key) : inner_(digest), outer_(digest) {
    std::array<char, SHA512_CBLOCK> block{};
    const std::string_view pad(block.data(), inner_.block_bytes());
    const DigestBytes short_key = digest_bytes_of(digest, key);
    std::ranges::copy(key.size() > pad.size() ? short_key.text() : key, block.begin());
    for (char& c : block) c = static_cast<char>(c ^ 0x36);
    inner_.add(pad);
    for (char& c : block) c = static_cast<char>(c ^ 0x36 ^ 0x5c);
    outer_.add(pad);
    OPENSSL_cleanse(block.data(), block.size());
  }
  ~KeyedHash() {
    OPENSSL_cleanse(&inner_, sizeof inner_);
    OPENSSL_cleanse(&outer_, sizeof outer_);
  }
  KeyedHash(const KeyedHash&) = delete;
  KeyedHash& operator=(const KeyedHash&) = delete;

  DigestBytes of(std::string_view message) const {
    Sha2 inner = inner_;
    inner.add(message);
    Sha2 outer = outer_;
    outer.add(inner.finish().text());
    return outer.finish();
  }

 private:
  Sha2 inner_, outer_;
};

// Contexts of one key that are at rest. A thread takes one, or has a prepared one copied, and gives
// it back; so there are never more than threads that verified at once.
template <class Context>
class Spares {
 public:
  template <class Copy>
  Owned<Context> take(Copy copy) {
    Owned<Context> last = spares_.with([](auto& spares) -> Owned<Context> {
      if (spares.empty()) return nullptr;
      Owned<Context> taken = std::move(spares.back());
      spares.pop_back();
      return taken;
    });
    return last != nullptr ? std::move(last) : copy();
  }
  void give_back(Owned<Context> context) {
    spares_.with([&context](auto& spares) { spares.push_back(std::move(context)); });
  }

 private:
  Guarded<std::vector<Owned<Context>>> spares_;
};

std::string_view without_zeros(std::string_view number) {
  while (!number.empty() && number.front() == '\0') number.remove_prefix(1);
  return number;
}

std::size_t bits_of(std::string_view number) {
  number = without_zeros(number);
  if (number.empty()) return 0;
  std::size_t bits = number.size() * 8;
  for (unsigned first = static_cast<unsigned char>(number.front()); first < 0x80; first <<= 1)
    --bits;
  return bits;
}

// The fingerprint of CVE-2017-15361 (Nemec et al., 2017): such moduli are, for every small prime p,
// powers of 65537 modulo p. A random modulus passes all 38 tests with a probability below 2^-27.
bool has_roca_fingerprint(std::string_view modulus) {
  for (unsigned prime = 3; prime <= 167; prime += 2) {
    bool is_prime = true;
    for (unsigned d = 3; d * d <= prime; d += 2) is_prime = is_prime && prime % d != 0;
    if (!is_prime) continue;
    unsigned remainder = 0;
    for (const char c : modulus)
      remainder = (remainder * 256 + static_cast<unsigned char>(c)) % prime;
    bool in_group = false;
    unsigned power = 1;
    do {
      in_group = in_group || power == remainder;
      power = power * (65537 % prime) % prime;
    } while (power != 1);
    if (!in_group) return false;
  }
  return true;
}

// Numbers and texts on their way to EVP_PKEY_fromdata. Texts and bytes are the caller's until `key`
// returns.
class Params {
 public:
  void add_number(const char* name, std::string_view bytes) {
    numbers_.emplace_back(BN_bin2bn(raw(bytes), static_cast<int>(bytes.size()), nullptr));
    MUST(numbers_.back() != nullptr);
    MUST(OSSL_PARAM_BLD_push_BN(builder_.get(), name, numbers_.back().get()) == 1);
  }
  void add_text(const char* name, const char* text) {
    MUST(OSSL_PARAM_BLD_push_utf8_string(builder_.get(), name, text, 0) == 1);
  }
  void add_bytes(const char* name, std::string_view bytes) {
    MUST(OSSL_PARAM_BLD_push_octet_string(builder_.get(), name, bytes.data(), bytes.size()) == 1);
  }
  Owned<EVP_PKEY> key(const char* type, bool with_private) {
    const Owned<OSSL_PARAM> params(OSSL_PARAM_BLD_to_param(builder_.get()));
    const Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
    MUST(params != nullptr);
    MUST(context != nullptr);
    EVP_PKEY* key = nullptr;
    if (EVP_PKEY_fromdata_init(context.get()) != 1) return nullptr;
    EVP_PKEY_fromdata(context.get(), &key, with_private ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY,
                      params.get());
    return Owned<EVP_PKEY>(key);
  }

 private:
  Owned<OSSL_PARAM_BLD> builder_{OSSL_PARAM_BLD_new()};
  std::vector<Owned<BIGNUM>> numbers_;
};

bool passes(EVP_PKEY* key, int (*check)(EVP_PKEY_CTX*)) {
  const Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  return context != nullptr && check(context.get()) == 1;
}

// JWS writes an ECDSA signature as r and s of fixed length, OpenSSL reads the DER form:
// SEQUENCE { INTEGER r, INTEGER s }. At most 2 * (2 + 1 + 66) + 3 bytes.
struct DerSignature {
  std::array<unsigned char, 144> bytes{};
  std::size_t count = 0;
  void put(std::size_t value) { bytes[count++] = static_cast<unsigned char>(value); }
  void put_integer(std::string_view number) {
    number = without_zeros(number);
    const bool pad = number.empty() || static_cast<unsigned char>(number.front()) >= 0x80;
    put(0x02);
    put(number.size() + (pad ? 1 : 0));
    if (pad) put(0);
    for (const char c : number) put(static_cast<unsigned char>(c));
  }
};
DerSignature der_of(std::string_view r_and_s) {
  const std::string_view r = r_and_s.substr(0, r_and_s.size() / 2);
  const std::string_view s = r_and_s.substr(r_and_s.size() / 2);
  DerSignature body;
  body.put_integer(r);
  body.put_integer(s);
  DerSignature der;
  der.put(0x30);
  if (body.count >= 0x80) der.put(0x81);
  der.put(body.count);
  for (std::size_t i = 0; i < body.count; ++i) der.put(body.bytes[i]);
  return der;
}

// The other way, for what OpenSSL itself has just written.
std::string raw_of_der(std::string_view der, std::size_t field_bytes) {
  std::string out;
  std::size_t at = static_cast<unsigned char>(der[1]) >= 0x80 ? 3 : 2;
  for (int i = 0; i < 2; ++i) {
    const std::size_t count = static_cast<unsigned char>(der[at + 1]);
    const std::string_view number = without_zeros(der.substr(at + 2, count));
    MUST(number.size() <= field_bytes);
    out.append(field_bytes - number.size(), '\0');
    out.append(number);
    at += 2 + count;
  }
  return out;
}

std::string number_of(EVP_PKEY* key, const char* name, std::size_t bytes_least) {
  BIGNUM* number = nullptr;
  MUST(EVP_PKEY_get_bn_param(key, name, &number) == 1);
  const Owned<BIGNUM> owner(number);
  std::string out(std::max(bytes_least, static_cast<std::size_t>(BN_num_bytes(number))), '\0');
  MUST(BN_bn2binpad(number, raw(out), static_cast<int>(out.size())) >= 0);
  return out;
}

}  // namespace

std::optional<SignatureAlgorithm> parse_signature_algorithm(std::string_view name) {
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (rows[i].name == name) return static_cast<SignatureAlgorithm>(i);
  return std::nullopt;
}

std::string_view name_of(SignatureAlgorithm algorithm) { return row_of(algorithm).name; }

std::string_view name_of(KeyKind kind) {
  constexpr std::array<std::string_view, 6> names{"RSA",   "P-256",   "P-384",
                                                  "P-521", "Ed25519", "oct"};
  return names[static_cast<std::size_t>(kind)];
}

struct SignatureKey::Prepared {
  KeyKind kind = KeyKind::secret;
  bool with_private = false;
  Owned<EVP_PKEY> key;
  std::string secret;
  std::vector<Number> public_numbers, private_numbers;
  // One of these per algorithm that the key fits.
  std::array<std::unique_ptr<const KeyedHash>, signature_algorithms_count> macs;
  std::array<Owned<EVP_PKEY_CTX>, signature_algorithms_count> verifiers;  // RSA, ECDSA
  Owned<EVP_MD_CTX> whole_verifier;                                       // EdDSA
  mutable std::array<Spares<EVP_PKEY_CTX>, signature_algorithms_count> spare_verifiers;
  mutable Spares<EVP_MD_CTX> spare_whole_verifiers;

  ~Prepared() {
    for (Number& number : private_numbers)
      OPENSSL_cleanse(number.bytes.data(), number.bytes.size());
    OPENSSL_cleanse(secret.data(), secret.size());
  }
  bool fits(SignatureAlgorithm algorithm) const {
    const AlgorithmRow& row = row_of(algorithm);
    return row.kind == kind && secret.size() >= row.secret_bytes_min;
  }
  void prepare() {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (!fits(static_cast<SignatureAlgorithm>(i))) continue;
      if (kind == KeyKind::secret) macs[i] = std::make_unique<KeyedHash>(rows[i].digest, secret);
      else if (kind == KeyKind::ed25519) prepare_whole_verifier();
      else prepare_verifier(i);
    }
  }
  void prepare_verifier(std::size_t index) {
    Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
    MUST(context != nullptr);
    MUST(EVP_PKEY_verify_init(context.get()) == 1);
    if (rows[index].family == Family::rsa)
      MUST(EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) == 1);
    set_padding(context.get(), rows[index].family);
    const EVP_MD* md = EVP_get_digestbyname(rows[index].digest_name);
    MUST(EVP_PKEY_CTX_set_signature_md(context.get(), md) == 1);
    verifiers[index] = std::move(context);
  }
  void prepare_whole_verifier() {
    whole_verifier.reset(EVP_MD_CTX_new());
    MUST(EVP_DigestVerifyInit_ex(whole_verifier.get(), nullptr, nullptr, nullptr, nullptr,
                                 key.get(), nullptr) == 1);
  }

  // `signature` in the form that OpenSSL reads.
  bool verify_digest(std::size_t index, std::string_view message,
                     std::string_view signature) const {
    const DigestBytes digest = digest_bytes_of(rows[index].digest, message);
    Owned<EVP_PKEY_CTX> context = spare_verifiers[index].take(
        [&] { return Owned<EVP_PKEY_CTX>(EVP_PKEY_CTX_dup(verifiers[index].get())); });
    MUST(context != nullptr);
    const bool good = EVP_PKEY_verify(context.get(), raw(signature), signature.size(),
                                      digest.bytes.data(), digest.count) == 1;
    spare_verifiers[index].give_back(std::move(context));
    return good;
  }
  bool verify_whole(std::string_view message, std::string_view signature) const {
    Owned<EVP_MD_CTX> context = spare_whole_verifiers.take([&] {
      Owned<EVP_MD_CTX> copy(EVP_MD_CTX_new());
      MUST(EVP_MD_CTX_copy_ex(copy.get(), whole_verifier.get()) == 1);
      return copy;
    });
    const bool good = EVP_DigestVerify(context.get(), raw(signature), signature.size(),
                                       raw(message), message.size()) == 1;
    spare_whole_verifiers.give_back(std::move(context));
    return good;
  }

  static void set_padding(EVP_PKEY_CTX* context, Family family) {
    if (family != Family::pss) return;
    MUST(EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1);
    MUST(EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1);
  }
};

SignatureKey::SignatureKey(std::unique_ptr<Prepared> prepared) : prepared_(std::move(prepared)) {
  prepared_->prepare();
}
SignatureKey::SignatureKey(SignatureKey&&) noexcept = default;
SignatureKey& SignatureKey::operator=(SignatureKey&&) noexcept = default;
SignatureKey::~SignatureKey() = default;

Result<SignatureKey> SignatureKey::rsa(const RsaNumbers& numbers) {
  const QuietErrors quiet;
  const std::size_t bits = bits_of(numbers.n);
  if (bits < 2048 || bits > 8192)
    return Error{Errc::invalid,
                 "an RSA modulus must have 2048 to 8192 bits, not " + std::to_string(bits)};
  const std::string_view exponent = without_zeros(numbers.e);
  // A public exponent above 64 bits has no use but to make every verification slow.
  if (exponent.empty() || exponent.size() > 8 || exponent == "\1" || exponent.back() % 2 == 0)
    return Error{Errc::invalid,
                 "the public exponent of an RSA key must be odd, above 1 and at most 64 bits long"};
  if (has_roca_fingerprint(without_zeros(numbers.n)))
    return Error{Errc::invalid,
                 "the RSA modulus was made by a generator with the ROCA flaw (CVE-2017-15361)"};

  auto prepared = std::make_unique<Prepared>();
  prepared->kind = KeyKind::rsa;
  prepared->with_private = !numbers.d.empty();
  Params params;
  const auto add = [&](const char* name, std::string_view jwk_name, std::string_view bytes,
                       bool is_private) {
    if (bytes.empty()) return;
    params.add_number(name, bytes);
    auto& list = is_private ? prepared->private_numbers : prepared->public_numbers;
    list.push_back({jwk_name, std::string(without_zeros(bytes))});
  };
  add(OSSL_PKEY_PARAM_RSA_N, "n", numbers.n, false);
  add(OSSL_PKEY_PARAM_RSA_E, "e", numbers.e, false);
  add(OSSL_PKEY_PARAM_RSA_D, "d", numbers.d, true);
  const bool has_factors = !numbers.p.empty() && !numbers.q.empty() && !numbers.dp.empty() &&
                           !numbers.dq.empty() && !numbers.qi.empty();
  if (prepared->with_private && has_factors) {
    add(OSSL_PKEY_PARAM_RSA_FACTOR1, "p", numbers.p, true);
    add(OSSL_PKEY_PARAM_RSA_FACTOR2, "q", numbers.q, true);
    add(OSSL_PKEY_PARAM_RSA_EXPONENT1, "dp", numbers.dp, true);
    add(OSSL_PKEY_PARAM_RSA_EXPONENT2, "dq", numbers.dq, true);
    add(OSSL_PKEY_PARAM_RSA_COEFFICIENT1, "qi", numbers.qi, true);
  }
  prepared->key = params.key("RSA", prepared->with_private);
  if (prepared->key == nullptr) return Error{Errc::invalid, "the numbers do not make an RSA key"};
  if (prepared->with_private && has_factors &&
      !passes(prepared->key.get(), EVP_PKEY_pairwise_check))
    return Error{Errc::invalid,
                 "the private and public numbers of the RSA key do not belong together"};
  return SignatureKey(std::move(prepared));
}

Result<SignatureKey> SignatureKey::ec(KeyKind kind, const EcNumbers& numbers) {
  const QuietErrors quiet;
  const CurveRow* curve = find_curve(kind);
  MUST(curve != nullptr);
  if (numbers.x.size() != curve->field_bytes || numbers.y.size() != curve->field_bytes)
    return Error{Errc::invalid, "x and y on " + std::string(curve->group) + " must have " +
                                    std::to_string(curve->field_bytes) + " bytes each"};
  if (!numbers.d.empty() && numbers.d.size() != curve->field_bytes)
    return Error{Errc::invalid, "d on " + std::string(curve->group) + " must have " +
                                    std::to_string(curve->field_bytes) + " bytes"};
  auto prepared = std::make_unique<Prepared>();
  prepared->kind = kind;
  prepared->with_private = !numbers.d.empty();
  prepared->public_numbers = {{"x", std::string(numbers.x)}, {"y", std::string(numbers.y)}};
  const std::string point = "\4" + std::string(numbers.x) + std::string(numbers.y);
  Params params;
  params.add_text(OSSL_PKEY_PARAM_GROUP_NAME, curve->group);
  params.add_bytes(OSSL_PKEY_PARAM_PUB_KEY, point);
  if (prepared->with_private) {
    params.add_number(OSSL_PKEY_PARAM_PRIV_KEY, numbers.d);
    prepared->private_numbers = {{"d", std::string(numbers.d)}};
  }
  prepared->key = params.key("EC", prepared->with_private);
  if (prepared->key == nullptr || !passes(prepared->key.get(), EVP_PKEY_public_check))
    return Error{Errc::invalid, "the point is not on " + std::string(curve->group)};
  if (prepared->with_private && !passes(prepared->key.get(), EVP_PKEY_pairwise_check))
    return Error{Errc::invalid, "d does not belong to the point"};
  return SignatureKey(std::move(prepared));
}

Result<SignatureKey> SignatureKey::ed25519(std::string_view x, std::string_view d) {
  const QuietErrors quiet;
  if (x.size() != 32) return Error{Errc::invalid, "x of an Ed25519 key must have 32 bytes"};
  if (!d.empty() && d.size() != 32)
    return Error{Errc::invalid, "d of an Ed25519 key must have 32 bytes"};
  auto prepared = std::make_unique<Prepared>();
  prepared->kind = KeyKind::ed25519;
  prepared->with_private = !d.empty();
  prepared->public_numbers = {{"x", std::string(x)}};
  if (d.empty()) {
    prepared->key.reset(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, raw(x), x.size()));
  } else {
    prepared->private_numbers = {{"d", std::string(d)}};
    prepared->key.reset(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, raw(d), d.size()));
    std::string made(32, '\0');
    std::size_t count = made.size();
    if (prepared->key == nullptr ||
        EVP_PKEY_get_raw_public_key(prepared->key.get(), raw(made), &count) != 1 || made != x)
      return Error{Errc::invalid, "d does not belong to x"};
  }
  if (prepared->key == nullptr)
    return Error{Errc::invalid, "the numbers do not make an Ed25519 key"};
  return SignatureKey(std::move(prepared));
}

Result<SignatureKey> SignatureKey::secret(std::string_view bytes) {
  if (bytes.size() < 32)
    return Error{Errc::invalid,
                 "a secret must have at least 32 bytes, not " + std::to_string(bytes.size())};
  auto prepared = std::make_unique<Prepared>();
  prepared->kind = KeyKind::secret;
  prepared->with_private = true;
  prepared->secret = std::string(bytes);
  prepared->private_numbers = {{"k", std::string(bytes)}};
  return SignatureKey(std::move(prepared));
}

Result<SignatureKey> SignatureKey::generate(KeyKind kind) {
  if (kind == KeyKind::secret) return secret(random_bytes(64));
  if (kind == KeyKind::ed25519) {
    const std::string d = random_bytes(32);
    const Owned<EVP_PKEY> key(
        EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, raw(d), d.size()));
    std::string x(32, '\0');
    std::size_t count = x.size();
    MUST(EVP_PKEY_get_raw_public_key(key.get(), raw(x), &count) == 1);
    return ed25519(x, d);
  }
  if (const CurveRow* curve = find_curve(kind)) {
    const Owned<EVP_PKEY> key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", curve->group));
    MUST(key != nullptr);
    const std::string x = number_of(key.get(), OSSL_PKEY_PARAM_EC_PUB_X, curve->field_bytes);
    const std::string y = number_of(key.get(), OSSL_PKEY_PARAM_EC_PUB_Y, curve->field_bytes);
    const std::string d = number_of(key.get(), OSSL_PKEY_PARAM_PRIV_KEY, curve->field_bytes);
    return ec(kind, {x, y, d});
  }
  const Owned<EVP_PKEY> key(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{2048}));
  MUST(key != nullptr);
  const std::string n = number_of(key.get(), OSSL_PKEY_PARAM_RSA_N, 0);
  const std::string e = number_of(key.get(), OSSL_PKEY_PARAM_RSA_E, 0);
  const std::string d = number_of(key.get(), OSSL_PKEY_PARAM_RSA_D, 0);
  const std::string p = number_of(key.get(), OSSL_PKEY_PARAM_RSA_FACTOR1, 0);
  const std::string q = number_of(key.get(), OSSL_PKEY_PARAM_RSA_FACTOR2, 0);
  const std::string dp = number_of(key.get(), OSSL_PKEY_PARAM_RSA_EXPONENT1, 0);
  const std::string dq = number_of(key.get(), OSSL_PKEY_PARAM_RSA_EXPONENT2, 0);
  const std::string qi = number_of(key.get(), OSSL_PKEY_PARAM_RSA_COEFFICIENT1, 0);
  return rsa({n, e, d, p, q, dp, dq, qi});
}

KeyKind SignatureKey::kind() const { return prepared_->kind; }
bool SignatureKey::can_sign() const { return prepared_->with_private; }
bool SignatureKey::fits(SignatureAlgorithm algorithm) const { return prepared_->fits(algorithm); }

bool SignatureKey::verify(SignatureAlgorithm algorithm, std::string_view message,
                          std::string_view signature) const {
  if (!fits(algorithm)) return false;
  const std::size_t index = static_cast<std::size_t>(algorithm);
  const AlgorithmRow& row = rows[index];
  if (row.family == Family::hmac)
    return equal_in_constant_time(prepared_->macs[index]->of(message).text(), signature);
  const QuietErrors quiet;
  if (row.family == Family::eddsa)
    return signature.size() == 64 && prepared_->verify_whole(message, signature);
  if (row.family == Family::ecdsa) {
    if (signature.size() != 2 * find_curve(row.kind)->field_bytes) return false;
    const DerSignature der = der_of(signature);
    return prepared_->verify_digest(index, message,
                                    {reinterpret_cast<const char*>(der.bytes.data()), der.count});
  }
  return signature.size() == static_cast<std::size_t>(EVP_PKEY_get_size(prepared_->key.get())) &&
         prepared_->verify_digest(index, message, signature);
}

Result<std::string> SignatureKey::sign(SignatureAlgorithm algorithm,
                                       std::string_view message) const {
  const AlgorithmRow& row = row_of(algorithm);
  if (!fits(algorithm))
    return Error{Errc::invalid, "a key of kind " + std::string(name_of(kind())) +
                                    " cannot sign with " + std::string(row.name)};
  if (!can_sign())
    return Error{Errc::invalid, "this is a public key; signing needs the private one"};
  if (row.family == Family::hmac) return hmac_of(row.digest, prepared_->secret, message);
  const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* key_context = nullptr;
  MUST(EVP_DigestSignInit_ex(context.get(), &key_context, row.digest_name, nullptr, nullptr,
                             prepared_->key.get(), nullptr) == 1);
  Prepared::set_padding(key_context, row.family);
  std::size_t count = 0;
  MUST(EVP_DigestSign(context.get(), nullptr, &count, raw(message), message.size()) == 1);
  std::string out(count, '\0');
  MUST(EVP_DigestSign(context.get(), raw(out), &count, raw(message), message.size()) == 1);
  out.resize(count);
  return row.family == Family::ecdsa ? raw_of_der(out, find_curve(row.kind)->field_bytes) : out;
}

std::vector<SignatureKey::Number> SignatureKey::numbers(Part part) const {
  std::vector<Number> all = prepared_->public_numbers;
  if (part == Part::with_private)
    all.insert(all.end(), prepared_->private_numbers.begin(), prepared_->private_numbers.end());
  return all;
}

}  // namespace weir
