#pragma once
// Pixels for resize_image: decoded, resampled, encoded.
//
// Foreign bytes: a corrupt image is an error, one of more than limits::image_pixels_max pixels is
// refused before its pixels are read. Pure functions, callable from any thread.

#include "base/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::site {

struct Image {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::vector<std::uint8_t> rgba;  // rows from the top, four bytes each, alpha not multiplied in

  static Result<Image> of(std::uint64_t width, std::uint64_t height);  // transparent black
};

struct Crop {
  std::uint32_t x = 0, y = 0, width = 0, height = 0;
  friend bool operator==(const Crop&, const Crop&) = default;
};

enum class ImageFormat : std::uint8_t { jpg, png, webp };
std::string_view name_of(ImageFormat format);

// JPEG (turned as its EXIF says), PNG, WebP and the first picture of a GIF.
Result<Image> decode_image(std::string_view bytes);
// Quality 1 to 100: of a JPEG 75 when not given; a WebP without one is lossless.
Result<std::string> encode_image(const Image& image, ImageFormat format,
                                 std::optional<int> quality);

// The part of the image in another size, by Lanczos-3 over premultiplied pixels.
Result<Image> resampled(const Image& image, const Crop& crop, std::uint32_t width,
                        std::uint32_t height);

// One format each; image_jpeg.cpp, image_png.cpp, image_webp.cpp, image_gif.cpp.
Result<Image> decode_jpeg(std::string_view bytes);
Result<Image> decode_png(std::string_view bytes);
Result<Image> decode_webp(std::string_view bytes);
Result<Image> decode_gif(std::string_view bytes);
Result<std::string> encode_jpeg(const Image& image, int quality);
Result<std::string> encode_png(const Image& image);
Result<std::string> encode_webp(const Image& image, std::optional<int> quality);
// 1 to 8, from the EXIF of a JPEG; 1: as it stands.
int orientation_of_jpeg(std::string_view bytes);

}  // namespace weir::site
