#pragma once
// Accept-Encoding (RFC 9110 12.5.3) and Accept. Pure.

#include <cstdint>
#include <span>
#include <string_view>

namespace weir::http {

enum class Encoding : std::uint8_t { identity, gzip, brotli, zstd, dcz };

std::string_view token_of(Encoding encoding);  // "identity", "gzip", "br", "zstd", "dcz"

// The weight, in thousandths, that the field gives each encoding; 0 = not acceptable.
struct EncodingWeights {
  std::uint16_t identity = 1;  // not named: acceptable, but any coding with a weight goes before it
  std::uint16_t gzip = 0;
  std::uint16_t brotli = 0;
  std::uint16_t zstd = 0;
  std::uint16_t dcz = 0;
  std::uint16_t of(Encoding encoding) const;
  friend bool operator==(const EncodingWeights&, const EncodingWeights&) = default;
};
// No field: identity only is safe to assume here, so the weights of an absent and of an empty field
// agree. `x-gzip` is gzip; `*` counts for what is not named, identity too. A malformed member is
// skipped.
EncodingWeights parse_accept_encoding(std::string_view field);

// The index into `offered` of the highest weight; of equal weights the earliest, so offer in the
// server's order of preference. -1: none is acceptable (send identity anyway, or 406 when the
// operator is strict).
int choose_encoding(const EncodingWeights& weights, std::span<const Encoding> offered);

// The weight, in thousandths, that an Accept field gives a media type such as "text/html"; the most
// specific range counts. An empty field accepts everything.
int accept_weight(std::string_view accept_field, std::string_view media_type);

}  // namespace weir::http
