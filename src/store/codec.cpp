#include "store/codec.h"

#include "base/bytes.h"

#include <algorithm>
#include <array>

namespace weir::store {
namespace {

constexpr std::size_t compressed_bytes_min = 512;  // C-43

// Types that compress although they are not text/*. Everything else that is not text is packed
// already.
constexpr std::array<std::string_view, 14> compressible_types{
    "application/json",
    "application/ld+json",
    "application/manifest+json",
    "application/xml",
    "application/rss+xml",
    "application/atom+xml",
    "application/xhtml+xml",
    "application/javascript",
    "application/wasm",
    "application/toml",
    "image/svg+xml",
    "image/bmp",
    "font/ttf",
    "font/otf",
};

}  // namespace

std::string_view coding_of(Codec codec) {
  constexpr std::array<std::string_view, codec_count> names{"", "zstd", "gzip", "br"};
  return names[static_cast<std::size_t>(codec)];
}

Codec codec_of(Rendition rendition) {
  switch (rendition) {
    case Rendition::best_zstd: return Codec::zstd;
    case Rendition::best_brotli: return Codec::brotli;
    default: return static_cast<Codec>(rendition);
  }
}

Rendition rendition_of(Codec codec) { return static_cast<Rendition>(codec); }

Rendition best_of(Rendition rendition) {
  switch (rendition) {
    case Rendition::zstd: return Rendition::best_zstd;
    case Rendition::brotli: return Rendition::best_brotli;
    default: return rendition;
  }
}

std::string_view name_of(Rendition rendition) {
  constexpr std::array<std::string_view, rendition_count> names{"identity", "zstd",    "gzip",
                                                                "br",       "zstd-19", "br-11"};
  return names[static_cast<std::size_t>(rendition)];
}

char etag_letter_of(Rendition rendition) {
  return etag_letters[static_cast<std::size_t>(rendition)];
}

bool is_worth_compressing(std::string_view content_type, std::size_t body_bytes) {
  if (body_bytes < compressed_bytes_min) return false;
  const std::string type = lower_of(trim(content_type.substr(0, content_type.find(';'))));
  if (type.starts_with("text/")) return true;
  if (type.ends_with("+json") || type.ends_with("+xml")) return true;
  return std::ranges::find(compressible_types, type) != compressible_types.end();
}

}  // namespace weir::store
