#include "base/crypto.h"

#include "base/must.h"

#include <openssl/evp.h>

#include <sys/random.h>

namespace weir {
namespace {

const EVP_MD* md_of(Digest digest) {
  switch (digest) {
    case Digest::md5: return EVP_md5();
    case Digest::sha1: return EVP_sha1();
    case Digest::sha256: return EVP_sha256();
    case Digest::sha384: return EVP_sha384();
    case Digest::sha512: return EVP_sha512();
  }
  return nullptr;
}

}  // namespace

Sha256 sha256_of(std::string_view bytes) {
  Sha256 out;
  unsigned count = 0;
  MUST(EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(out.data()), &count,
                  EVP_sha256(), nullptr) == 1);
  MUST(count == out.size());
  return out;
}

std::string digest_of(Digest digest, std::string_view bytes) {
  std::string out(EVP_MAX_MD_SIZE, '\0');
  unsigned count = 0;
  MUST(EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(out.data()), &count,
                  md_of(digest), nullptr) == 1);
  out.resize(count);
  return out;
}

std::string hmac_of(Digest digest, std::string_view key, std::string_view bytes) {
  std::string out(EVP_MAX_MD_SIZE, '\0');
  std::size_t count = 0;
  const char* name = EVP_MD_get0_name(md_of(digest));
  // OpenSSL refuses a null key even when it is empty.
  const auto* key_bytes = reinterpret_cast<const unsigned char*>(key.empty() ? "" : key.data());
  MUST(EVP_Q_mac(nullptr, "HMAC", nullptr, name, nullptr, key_bytes, key.size(),
                 reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                 reinterpret_cast<unsigned char*>(out.data()), out.size(), &count) != nullptr);
  out.resize(count);
  return out;
}

std::string random_bytes(std::size_t count) {
  std::string out(count, '\0');
  std::size_t filled = 0;
  while (filled < count) {
    const ssize_t got = ::getrandom(out.data() + filled, count - filled, 0);
    if (got < 0) continue;  // EINTR; the call cannot fail otherwise once the pool is ready
    filled += static_cast<std::size_t>(got);
  }
  return out;
}

std::uint64_t random_u64() { return load_le<std::uint64_t>(random_bytes(8).data()); }

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned char difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    difference = static_cast<unsigned char>(
        difference | (static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i])));
  return difference == 0;
}

}  // namespace weir
