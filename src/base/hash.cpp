#include "base/hash.h"

#include "base/crypto.h"
#include "base/must.h"

#define XXH_STATIC_LINKING_ONLY  // XXH3_generateSecret
#include <xxhash.h>

namespace weir {

std::string Hash128::hex() const {
  std::array<unsigned char, 16> bytes{};
  for (std::size_t i = 0; i < 8; ++i) {
    bytes[i] = static_cast<unsigned char>(high >> (56 - 8 * i));
    bytes[8 + i] = static_cast<unsigned char>(low >> (56 - 8 * i));
  }
  return hex_of(std::as_bytes(std::span(bytes)));
}

std::optional<Hash128> parse_hash128(std::string_view hex) {
  if (hex.size() != 32) return std::nullopt;
  Hash128 hash;
  for (std::size_t i = 0; i < 32; ++i) {
    const int digit = hex_digit_of(hex[i]);
    if (digit < 0) return std::nullopt;
    std::uint64_t& half = i < 16 ? hash.high : hash.low;
    half = half << 4 | static_cast<std::uint64_t>(digit);
  }
  return hash;
}

HashKey HashKey::random() { return of(random_bytes(32)); }

HashKey HashKey::of(std::string_view seed) {
  HashKey key;
  static_assert(sizeof key.secret_ >= XXH3_SECRET_SIZE_MIN);
  XXH3_generateSecret(key.secret_.data(), key.secret_.size(), seed.data(), seed.size());
  return key;
}

Hash128 HashKey::hash(std::string_view bytes) const {
  const XXH128_hash_t h =
      XXH3_128bits_withSecret(bytes.data(), bytes.size(), secret_.data(), secret_.size());
  return {h.low64, h.high64};
}

std::uint64_t HashKey::hash64(std::string_view bytes) const {
  return XXH3_64bits_withSecret(bytes.data(), bytes.size(), secret_.data(), secret_.size());
}

std::uint64_t xxh3_64(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

Checksum::Checksum() : state_(XXH3_createState()) {
  MUST(state_ != nullptr);
  XXH3_64bits_reset(static_cast<XXH3_state_t*>(state_));
}
Checksum::~Checksum() { XXH3_freeState(static_cast<XXH3_state_t*>(state_)); }
void Checksum::add(std::string_view bytes) {
  XXH3_64bits_update(static_cast<XXH3_state_t*>(state_), bytes.data(), bytes.size());
}
std::uint64_t Checksum::value() const {
  return XXH3_64bits_digest(static_cast<XXH3_state_t*>(state_));
}

}  // namespace weir
