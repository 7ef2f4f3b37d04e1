#include "site/processed_images.h"

#include "base/bytes.h"
#include "base/crypto.h"
#include "base/limits_site.h"
#include "site/image_size.h"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace weir::site {

namespace {

struct Box {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
};

// The other side of a box of the same shape; rounded down, as Zola does it.
std::uint32_t in_proportion(std::uint32_t side, std::uint32_t of, std::uint32_t to) {
  return std::max(1U, static_cast<std::uint32_t>(
                          std::min<std::uint64_t>(std::uint64_t{side} * to / of, 0xffff'ffff)));
}

// The middle part of the source that has the shape of the target. Shapes that are nearly alike are
// not worth a cut.
Crop middle_of(Box from, Box to) {
  constexpr float alike = 0.1F;
  const float across = static_cast<float>(from.width) / static_cast<float>(to.width);
  const float down = static_cast<float>(from.height) / static_cast<float>(to.height);
  Crop crop{0, 0, from.width, from.height};
  if (std::abs(across - down) <= alike) return crop;
  if (across < down) {
    crop.height =
        std::clamp(static_cast<std::uint32_t>(std::round(across * static_cast<float>(to.height))),
                   1U, from.height);
    crop.y = (from.height - crop.height) / 2;
  } else {
    crop.width =
        std::clamp(static_cast<std::uint32_t>(std::round(down * static_cast<float>(to.width))), 1U,
                   from.width);
    crop.x = (from.width - crop.width) / 2;
  }
  return crop;
}

Error needs(const ImageOrder& order, std::string_view sides) {
  return {Errc::invalid, "op=\"" + order.op + "\" needs " + std::string(sides)};
}

Status place(const ImageOrder& order, ImagePlan& plan) {
  const Box from{plan.source_width, plan.source_height};
  plan.crop = {0, 0, from.width, from.height};
  const auto fit_width = [&] {
    plan.width = order.width;
    plan.height = in_proportion(from.height, from.width, order.width);
  };
  const auto fit_height = [&] {
    plan.width = in_proportion(from.width, from.height, order.height);
    plan.height = order.height;
  };
  if (order.op == "fit_width") {
    if (order.width == 0) return needs(order, "`width`");
    fit_width();
    return done;
  }
  if (order.op == "fit_height") {
    if (order.height == 0) return needs(order, "`height`");
    fit_height();
    return done;
  }
  if (order.op != "scale" && order.op != "fit" && order.op != "fill")
    return Error{Errc::invalid, "op is one of scale, fit_width, fit_height, fit and fill, not \"" +
                                    order.op + "\""};
  if (order.width == 0 || order.height == 0) return needs(order, "`width` and `height`");
  plan.width = order.width;
  plan.height = order.height;
  if (order.op == "fill") {
    plan.crop = middle_of(from, {order.width, order.height});
  } else if (order.op == "fit") {
    if (from.width <= order.width && from.height <= order.height) {
      plan.width = from.width;
      plan.height = from.height;
    } else if (std::uint64_t{from.width} * order.height >
               std::uint64_t{from.height} * order.width) {
      fit_width();
    } else {
      fit_height();
    }
  }
  return done;
}

// A photograph stays a JPEG; what may have sharp edges or holes becomes a PNG.
Result<ImageFormat> format_of(const ImageOrder& order, std::string_view source_format,
                              std::string_view bytes) {
  if (order.format == "jpg" || order.format == "jpeg") return ImageFormat::jpg;
  if (order.format == "png") return ImageFormat::png;
  if (order.format == "webp") return ImageFormat::webp;
  if (order.format == "avif")
    return Error{Errc::invalid, "images cannot be written as AVIF"}.with_help(
        "webp is nearly as small: format=\"webp\"");
  if (order.format != "auto")
    return Error{Errc::invalid,
                 "format is one of auto, jpg, png and webp, not \"" + order.format + "\""};
  const bool is_lossy_webp = source_format == "webp" && bytes.substr(12).starts_with("VP8 ");
  return source_format == "jpg" || is_lossy_webp ? ImageFormat::jpg : ImageFormat::png;
}

}  // namespace

Result<ImagePlan> image_plan_of(std::string_view file, std::string_view bytes,
                                const ImageOrder& order) {
  const ImageSize size = TRY(image_size_of(bytes, file));
  if (size.format != "jpg" && size.format != "png" && size.format != "webp" && size.format != "gif")
    return Error{Errc::invalid, std::string(file) + " is " + std::string(size.format) +
                                    ": only JPEG, PNG, WebP and GIF can be resized"};
  if (size.width == 0 || size.height == 0)
    return Error{Errc::invalid, std::string(file) + " has no size"};
  const auto is_too_large = [](std::uint32_t width, std::uint32_t height) {
    return std::uint64_t{width} * height > limits::image_pixels_max;
  };
  if (is_too_large(size.width, size.height))
    return Error{Errc::too_large, std::string(file) + " has " + std::to_string(size.width) + " x " +
                                      std::to_string(size.height) + " pixels; at most " +
                                      std::to_string(limits::image_pixels_max) + " are taken"};
  if (order.quality && (*order.quality < 1 || *order.quality > 100))
    return Error{Errc::invalid, "quality is 1 to 100"};
  ImagePlan plan;
  plan.file = file;
  plan.source_width = size.width;
  plan.source_height = size.height;
  if (size.format == "jpg" && orientation_of_jpeg(bytes) >= 5)
    std::swap(plan.source_width, plan.source_height);
  TRY(place(order, plan));
  if (is_too_large(plan.width, plan.height))
    return Error{Errc::too_large, "the image would have " + std::to_string(plan.width) + " x " +
                                      std::to_string(plan.height) + " pixels"};
  plan.format = TRY(format_of(order, size.format, bytes));
  plan.quality = order.quality;

  std::string key = hex_of(ByteView(sha256_of(bytes)));
  for (const std::uint32_t number :
       {plan.crop.x, plan.crop.y, plan.crop.width, plan.crop.height, plan.width, plan.height})
    key += ' ' + std::to_string(number);
  key += " " + std::to_string(plan.quality.value_or(0)) + " 1";  // the last: of this way to do it
  std::string_view stem = file.substr(file.rfind('/') + 1);
  stem = stem.substr(0, stem.rfind('.'));
  plan.name = std::string(stem) + '.' + hex_of(ByteView(sha256_of(key))).substr(0, 16) + '.' +
              std::string(name_of(plan.format));
  return plan;
}

Result<std::string> processed_image(std::string_view bytes, const ImagePlan& plan) {
  const Image source = TRY(decode_image(bytes));
  const bool is_whole = plan.crop == Crop{0, 0, source.width, source.height};
  if (is_whole && plan.width == source.width && plan.height == source.height)
    return encode_image(source, plan.format, plan.quality);
  const Image image = TRY(resampled(source, plan.crop, plan.width, plan.height));
  return encode_image(image, plan.format, plan.quality);
}

void ProcessedImages::want(const ImagePlan& plan, const Place& place) {
  wanted_.with([&](std::map<std::string, Wanted>& all) {
    const auto known = all.find(plan.name);
    if (known == all.end()) {
      all.emplace(plan.name, Wanted{plan, place});
      return;
    }
    // The same place whatever thread came first.
    const Place& other = known->second.place;
    if (std::tie(place.file, place.line, place.column) <
        std::tie(other.file, other.line, other.column))
      known->second = Wanted{plan, place};
  });
}

std::map<std::string, ProcessedImages::Wanted> ProcessedImages::all() const {
  return wanted_.with([](const std::map<std::string, Wanted>& all) { return all; });
}

}  // namespace weir::site
