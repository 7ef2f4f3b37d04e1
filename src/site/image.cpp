#include "site/image.h"

#include "base/limits_site.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace weir::site {

namespace {

// What one output pixel takes from one line of input pixels.
struct Window {
  std::uint32_t first = 0;
  std::vector<float> weights;
};

double lanczos(double x) {
  if (x == 0) return 1;
  if (std::abs(x) >= 3) return 0;
  const double a = std::numbers::pi * x;
  return 3 * std::sin(a) * std::sin(a / 3) / (a * a);
}

// `length` pixels from `begin` on become `count`.
std::vector<Window> windows_of(std::uint32_t begin, std::uint32_t length, std::uint32_t count) {
  const double scale = static_cast<double>(length) / count;
  const double spread = std::max(scale, 1.0);
  std::vector<Window> windows(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    const double centre = (i + 0.5) * scale;
    const auto first = static_cast<std::uint32_t>(std::max(0.0, std::floor(centre - 3 * spread)));
    const auto last =
        std::min(length, static_cast<std::uint32_t>(std::max(0.0, std::ceil(centre + 3 * spread))));
    Window& window = windows[i];
    window.first = begin + first;
    double sum = 0;
    for (std::uint32_t at = first; at < last; ++at) {
      const double weight = lanczos((at + 0.5 - centre) / spread);
      window.weights.push_back(static_cast<float>(weight));
      sum += weight;
    }
    for (float& weight : window.weights) weight = static_cast<float>(weight / sum);
  }
  return windows;
}

std::uint8_t byte_of(float value) {
  return static_cast<std::uint8_t>(std::clamp(value + 0.5F, 0.0F, 255.0F));
}

using Row = std::vector<float>;  // four premultiplied numbers for each pixel

void fill_row(const Image& image, std::uint32_t y, const std::vector<Window>& columns, Row& row) {
  const std::uint8_t* line = image.rgba.data() + std::size_t{4} * image.width * y;
  for (std::size_t x = 0; x < columns.size(); ++x) {
    float sum[4] = {};
    const std::uint8_t* pixel = line + std::size_t{4} * columns[x].first;
    for (const float weight : columns[x].weights) {
      const float alpha = weight * pixel[3];
      sum[0] += alpha * pixel[0];
      sum[1] += alpha * pixel[1];
      sum[2] += alpha * pixel[2];
      sum[3] += alpha;
      pixel += 4;
    }
    std::copy(sum, sum + 4, row.begin() + static_cast<std::ptrdiff_t>(4 * x));
  }
}

Image turned(const Image& image, int orientation) {
  const bool swaps = orientation >= 5;
  Image out;
  out.width = swaps ? image.height : image.width;
  out.height = swaps ? image.width : image.height;
  out.rgba.resize(image.rgba.size());
  for (std::uint32_t y = 0; y < out.height; ++y)
    for (std::uint32_t x = 0; x < out.width; ++x) {
      std::uint32_t from_x = swaps ? y : x;
      std::uint32_t from_y = swaps ? x : y;
      if (orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8)
        from_x = image.width - 1 - from_x;
      if (orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7)
        from_y = image.height - 1 - from_y;
      const std::uint8_t* pixel =
          image.rgba.data() + 4 * (std::size_t{from_y} * image.width + from_x);
      std::copy(pixel, pixel + 4, out.rgba.data() + 4 * (std::size_t{y} * out.width + x));
    }
  return out;
}

}  // namespace

std::string_view name_of(ImageFormat format) {
  constexpr std::string_view names[] = {"jpg", "png", "webp"};
  return names[static_cast<std::size_t>(format)];
}

Result<Image> Image::of(std::uint64_t width, std::uint64_t height) {
  if (width == 0 || height == 0) return Error{Errc::invalid, "an image without pixels"};
  if (width > limits::image_pixels_max || height > limits::image_pixels_max ||
      width * height > limits::image_pixels_max)
    return Error{Errc::too_large, "an image of " + std::to_string(width) + " x " +
                                      std::to_string(height) + " pixels; at most " +
                                      std::to_string(limits::image_pixels_max) + " are taken"};
  Image image;
  image.width = static_cast<std::uint32_t>(width);
  image.height = static_cast<std::uint32_t>(height);
  image.rgba.resize(width * height * 4);
  return image;
}

Result<Image> decode_image(std::string_view bytes) {
  if (bytes.starts_with("\xFF\xD8")) {
    Image image = TRY(decode_jpeg(bytes));
    const int orientation = orientation_of_jpeg(bytes);
    return orientation > 1 ? turned(image, orientation) : std::move(image);
  }
  if (bytes.starts_with("\x89PNG")) return decode_png(bytes);
  if (bytes.starts_with("GIF8")) return decode_gif(bytes);
  if (bytes.size() >= 12 && bytes.starts_with("RIFF") && bytes.substr(8, 4) == "WEBP")
    return decode_webp(bytes);
  return Error{Errc::invalid, "not a JPEG, PNG, WebP or GIF"};
}

Result<std::string> encode_image(const Image& image, ImageFormat format,
                                 std::optional<int> quality) {
  switch (format) {
    case ImageFormat::jpg: return encode_jpeg(image, quality.value_or(75));
    case ImageFormat::png: return encode_png(image);
    case ImageFormat::webp: break;
  }
  return encode_webp(image, quality);
}

// Line by line: a line of output needs a few neighbouring lines of input, which are brought to
// their new width when first needed and forgotten when no later line needs them. Each input pixel
// is read once for each output line that it has a part in: six when the image shrinks.
Result<Image> resampled(const Image& image, const Crop& crop, std::uint32_t width,
                        std::uint32_t height) {
  const std::uint64_t right = std::uint64_t{crop.x} + crop.width;
  const std::uint64_t bottom = std::uint64_t{crop.y} + crop.height;
  if (crop.width == 0 || crop.height == 0 || right > image.width || bottom > image.height)
    return Error{Errc::invalid, "a part outside of the image"};
  Image out = TRY(Image::of(width, height));
  const std::vector<Window> columns = windows_of(crop.x, crop.width, width);
  const std::vector<Window> lines = windows_of(crop.y, crop.height, height);
  std::size_t held_max = 1;
  for (const Window& line : lines) held_max = std::max(held_max, line.weights.size());
  // Line y of the input is kept at y modulo the number of lines that one output line needs.
  std::vector<Row> held(held_max, Row(std::size_t{4} * width));
  std::uint32_t next = crop.y;
  Row sum(std::size_t{4} * width);
  for (std::uint32_t y = 0; y < height; ++y) {
    const Window& line = lines[y];
    const auto end = line.first + static_cast<std::uint32_t>(line.weights.size());
    for (next = std::max(next, line.first); next < end; ++next)
      fill_row(image, next, columns, held[next % held_max]);
    std::fill(sum.begin(), sum.end(), 0.0F);
    for (std::size_t i = 0; i < line.weights.size(); ++i) {
      const Row& row = held[(line.first + i) % held_max];
      const float weight = line.weights[i];
      for (std::size_t k = 0; k < sum.size(); ++k) sum[k] += weight * row[k];
    }
    std::uint8_t* pixel = out.rgba.data() + std::size_t{4} * width * y;
    for (std::size_t x = 0; x < width; ++x, pixel += 4) {
      const float alpha = sum[4 * x + 3];
      pixel[3] = byte_of(alpha);
      if (pixel[3] == 0) continue;
      for (std::size_t k = 0; k < 3; ++k) pixel[k] = byte_of(sum[4 * x + k] / alpha);
    }
  }
  return out;
}

}  // namespace weir::site
