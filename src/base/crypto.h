#pragma once
// Cryptography, all of it through OpenSSL's EVP and only in crypto.cpp: digests, HMAC, random
// bytes, comparison in constant time. Signature keys (JWT) are in signature.h. Functions are pure
// and callable from any thread.

#include "base/bytes.h"

#include <array>
#include <string>
#include <string_view>

namespace weir {

using Sha256 = std::array<std::byte, 32>;

enum class Digest { md5, sha1, sha256, sha384, sha512 };

Sha256 sha256_of(std::string_view bytes);
std::string digest_of(Digest digest, std::string_view bytes);                      // raw bytes
std::string hmac_of(Digest digest, std::string_view key, std::string_view bytes);  // raw bytes

std::string random_bytes(std::size_t count);  // from the kernel's generator; never fails (MUST)
std::uint64_t random_u64();

// Time depends on the lengths only.
bool equal_in_constant_time(std::string_view a, std::string_view b);

}  // namespace weir
