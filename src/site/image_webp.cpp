#include "site/image.h"

#include <webp/decode.h>
#include <webp/encode.h>

namespace weir::site {

Result<Image> decode_webp(std::string_view bytes) {
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  WebPBitstreamFeatures features;
  if (WebPGetFeatures(data, bytes.size(), &features) != VP8_STATUS_OK || features.width <= 0 ||
      features.height <= 0)
    return Error{Errc::corrupt, "WebP: the header is broken"};
  if (features.has_animation != 0) return Error{Errc::invalid, "WebP: it is animated"};
  Image image = TRY(Image::of(static_cast<std::uint64_t>(features.width),
                              static_cast<std::uint64_t>(features.height)));
  if (WebPDecodeRGBAInto(data, bytes.size(), image.rgba.data(), image.rgba.size(),
                         features.width * 4) == nullptr)
    return Error{Errc::corrupt, "WebP: the pixels are broken"};
  return image;
}

Result<std::string> encode_webp(const Image& image, std::optional<int> quality) {
  if (image.width > WEBP_MAX_DIMENSION || image.height > WEBP_MAX_DIMENSION)
    return Error{Errc::too_large, "a WebP has at most 16383 pixels on a side"};
  const int width = static_cast<int>(image.width);
  const int height = static_cast<int>(image.height);
  std::uint8_t* bytes = nullptr;
  const std::size_t count =
      quality ? WebPEncodeRGBA(image.rgba.data(), width, height, width * 4,
                               static_cast<float>(*quality), &bytes)
              : WebPEncodeLosslessRGBA(image.rgba.data(), width, height, width * 4, &bytes);
  if (count == 0) return Error{Errc::io, "WebP: it could not be encoded"};
  std::string out(reinterpret_cast<const char*>(bytes), count);
  WebPFree(bytes);
  return out;
}

}  // namespace weir::site
