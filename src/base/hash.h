#pragma once
// Hashes that are fast and not cryptographic: xxh3 (the only file that knows xxHash is hash.cpp).
//
// Everything that a client can choose (map keys, limiter slots, tokens) is hashed with a secret
// seed, so that nobody can aim at collisions (wire.md A-7). What another host sees is SHA-256
// (crypto.h).

#include "base/bytes.h"

#include <array>
#include <cstdint>
#include <string_view>

namespace weir {

struct Hash128 {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  friend auto operator<=>(const Hash128&, const Hash128&) = default;
  std::string hex() const;  // 32 digits, high half first
};
std::optional<Hash128> parse_hash128(std::string_view hex);

// 192 bytes of secret key material for xxh3, made once from 32 random bytes. Copyable, immutable.
class HashKey {
 public:
  static HashKey random();
  static HashKey of(std::string_view seed);  // the same seed gives the same key
  Hash128 hash(std::string_view bytes) const;
  std::uint64_t hash64(std::string_view bytes) const;

 private:
  std::array<unsigned char, 192> secret_{};
};

std::uint64_t xxh3_64(std::string_view bytes);  // unkeyed: only for checksums against accidents

// Unkeyed xxh3 64 over several pieces.
class Checksum {
 public:
  Checksum();
  ~Checksum();
  Checksum(const Checksum&) = delete;
  Checksum& operator=(const Checksum&) = delete;
  void add(std::string_view bytes);
  std::uint64_t value() const;

 private:
  void* state_;
};

}  // namespace weir
