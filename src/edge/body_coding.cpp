#include "edge/body_coding.h"

#include "base/bytes.h"
#include "base/limits_site.h"
#include "edge/answers.h"
#include "store/codec.h"
#include "store/decoding.h"

#include <algorithm>
#include <optional>

namespace weir::edge {
namespace {

using store::Codec;

// Nothing: a coding that is not known, or one on top of another.
std::optional<Codec> coding_of(const http::Request& request) {
  if (!request.has(http::Known::content_encoding)) return Codec::identity;
  if (request.repeats(http::Known::content_encoding)) return std::nullopt;
  const std::string_view name = trim(request.known(http::Known::content_encoding));
  if (equals_ignoring_case(name, "identity")) return Codec::identity;
  if (equals_ignoring_case(name, "gzip") || equals_ignoring_case(name, "x-gzip"))
    return Codec::gzip;
  if (equals_ignoring_case(name, "zstd")) return Codec::zstd;
  return std::nullopt;
}

}  // namespace

bool takes_coding(Visit& visit) {
  if (coding_of(visit.exchange->request())) return true;
  refuse(visit, {415,
                 "coded-body",
                 "Content-Encoding: a body may be compressed once, with gzip or zstd.",
                 {},
                 {{"Accept-Encoding", "gzip, zstd, identity"}}});  // RFC 9110 15.5.16
  return false;
}

bool decode_body(Visit& visit, std::size_t bytes_max) {
  const Codec codec = coding_of(visit.exchange->request()).value_or(Codec::identity);
  if (codec == Codec::identity || visit.body != nullptr) return true;
  const std::string_view received = visit.exchange->body();
  const std::size_t most = std::min(bytes_max, received.size() * limits::decoded_ratio_max);
  Result<std::string> body = codec == Codec::gzip ? store::decode_gzip(received, most)
                                                  : store::decode_zstd(received, most);
  if (body.ok()) {
    visit.body = std::make_shared<const std::string>(std::move(*body));
    return true;
  }
  if (body.error().code == Errc::too_large)
    refuse(visit, {413, "too-large", "The body is too large once it is decoded."});
  else refuse(visit, {400, "bad-request", "The body is not in the coding that it names."});
  return false;
}

}  // namespace weir::edge
