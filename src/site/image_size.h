#pragma once
// Width, height and format of an image from its first bytes, for get_image_metadata: PNG, JPEG,
// GIF, WebP, AVIF, BMP, SVG. No pixel is decoded. Pure; foreign bytes are read within their bounds
// only.

#include "base/result.h"

#include <cstdint>
#include <string_view>

namespace weir::site {

struct ImageSize {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::string_view format;  // "png", "jpg", "gif", "webp", "avif", "bmp", "svg"
  std::string_view mime;
};

Result<ImageSize> image_size_of(std::string_view bytes, std::string_view file);

}  // namespace weir::site
