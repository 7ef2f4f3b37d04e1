#include "site/image.h"

#include <cstring>

#include <png.h>

namespace weir::site {

Result<Image> decode_png(std::string_view bytes) {
  png_image decoder;
  std::memset(&decoder, 0, sizeof decoder);
  decoder.version = PNG_IMAGE_VERSION;
  if (png_image_begin_read_from_memory(&decoder, bytes.data(), bytes.size()) == 0)
    return Error{Errc::corrupt, "PNG: " + std::string(decoder.message)};
  decoder.format = PNG_FORMAT_RGBA;
  Result<Image> image = Image::of(decoder.width, decoder.height);
  if (!image.ok()) {
    png_image_free(&decoder);
    return image;
  }
  if (png_image_finish_read(&decoder, nullptr, image->rgba.data(), 0, nullptr) == 0)
    return Error{Errc::corrupt, "PNG: " + std::string(decoder.message)};
  return image;
}

// Without the alpha of an image that is solid all over.
Result<std::string> encode_png(const Image& image) {
  bool is_solid = true;
  for (std::size_t i = 3; i < image.rgba.size() && is_solid; i += 4)
    is_solid = image.rgba[i] == 255;
  std::vector<std::uint8_t> rgb;
  if (is_solid) {
    rgb.reserve(image.rgba.size() / 4 * 3);
    for (std::size_t i = 0; i + 3 < image.rgba.size(); i += 4)
      rgb.insert(rgb.end(), image.rgba.begin() + static_cast<std::ptrdiff_t>(i),
                 image.rgba.begin() + static_cast<std::ptrdiff_t>(i + 3));
  }
  png_image encoder;
  std::memset(&encoder, 0, sizeof encoder);
  encoder.version = PNG_IMAGE_VERSION;
  encoder.width = image.width;
  encoder.height = image.height;
  encoder.format = is_solid ? PNG_FORMAT_RGB : PNG_FORMAT_RGBA;
  const void* pixels = is_solid ? rgb.data() : image.rgba.data();
  png_alloc_size_t count = PNG_IMAGE_PNG_SIZE_MAX(encoder);
  std::string out(count, '\0');
  if (png_image_write_to_memory(&encoder, out.data(), &count, 0, pixels, 0, nullptr) == 0)
    return Error{Errc::io, "PNG: " + std::string(encoder.message)};
  out.resize(count);
  return out;
}

}  // namespace weir::site
