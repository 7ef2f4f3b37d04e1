// Goal: resize_image gives what was asked for, in every format, and survives every file (S-56).
// Method: images painted in memory; what is encoded is decoded again and looked at.

#include "site/memory_site.h"

#include "site/image.h"
#include "site/image_size.h"
#include "site/processed_images.h"

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::site;
using weir::test::build_site;
using weir::test::Built;

namespace {

// Red above, blue below; the left half transparent when `holes`.
Image painted(std::uint32_t width, std::uint32_t height, bool holes = false) {
  Image image = std::move(Image::of(width, height)).value();
  for (std::uint32_t y = 0; y < height; ++y)
    for (std::uint32_t x = 0; x < width; ++x) {
      std::uint8_t* pixel = image.rgba.data() + 4 * (std::size_t{y} * width + x);
      pixel[y < height / 2 ? 0 : 2] = 255;
      pixel[3] = holes && x < width / 2 ? 0 : 255;
    }
  return image;
}

const std::uint8_t* pixel_at(const Image& image, std::uint32_t x, std::uint32_t y) {
  return image.rgba.data() + 4 * (std::size_t{y} * image.width + x);
}

bool is_red(const std::uint8_t* pixel) { return pixel[0] > 200 && pixel[1] < 60 && pixel[2] < 60; }

std::string png(std::uint32_t width, std::uint32_t height) {
  return encode_png(painted(width, height)).value();
}

class MemoryImages final : public ImageStore {
 public:
  std::map<std::string, std::string, std::less<>> held;
  int found = 0;
  std::optional<std::string> find(std::string_view name) override {
    const auto at = held.find(name);
    if (at == held.end()) return std::nullopt;
    ++found;
    return at->second;
  }
  Status keep(std::string_view name, std::string_view bytes) override {
    held.emplace(name, bytes);
    return done;
  }
  void prune(const std::set<std::string>& names) override {
    std::erase_if(held, [&](const auto& one) { return !names.contains(one.first); });
  }
};

}  // namespace

TEST_CASE("S-56: what is encoded is decoded again", "[site][images]") {
  for (const ImageFormat format : {ImageFormat::jpg, ImageFormat::png, ImageFormat::webp})
    for (const bool holes : {false, true}) {
      const auto bytes = encode_image(painted(40, 30, holes), format, 90);
      REQUIRE(bytes.ok());
      CHECK(image_size_of(*bytes, "x")->format == name_of(format));
      const auto image = decode_image(*bytes);
      REQUIRE(image.ok());
      CHECK(image->width == 40);
      CHECK(image->height == 30);
      CHECK(is_red(pixel_at(*image, 35, 2)));
      if (holes && format == ImageFormat::jpg) CHECK(pixel_at(*image, 5, 25)[0] > 200);  // white
      if (holes && format != ImageFormat::jpg) CHECK(pixel_at(*image, 5, 25)[3] < 20);
    }
  const auto exact = decode_image(encode_webp(painted(9, 9), std::nullopt).value());
  CHECK(exact->rgba == painted(9, 9).rgba);
}

TEST_CASE("S-56: sizes and cuts follow from the operation", "[site][images]") {
  struct Row {
    std::string op;
    std::uint32_t width, height, out_width, out_height;
    Crop crop;
  };
  const std::vector<Row> rows{{"scale", 10, 20, 10, 20, {0, 0, 300, 200}},
                              {"fit_width", 100, 0, 100, 66, {0, 0, 300, 200}},
                              {"fit_height", 0, 50, 75, 50, {0, 0, 300, 200}},
                              {"fit", 150, 150, 150, 100, {0, 0, 300, 200}},
                              {"fit", 5000, 5000, 300, 200, {0, 0, 300, 200}},
                              {"fill", 100, 100, 100, 100, {50, 0, 200, 200}},
                              {"fill", 150, 100, 150, 100, {0, 0, 300, 200}},
                              {"fill", 300, 50, 300, 50, {0, 75, 300, 50}},
                              {"fit_width", 1, 0, 1, 1, {0, 0, 300, 200}}};
  const std::string bytes = png(300, 200);
  for (const Row& row : rows) {
    INFO(row.op << row.width << 'x' << row.height);
    const auto plan = image_plan_of("static/a.png", bytes, {row.op, row.width, row.height});
    REQUIRE(plan.ok());
    CHECK(plan->width == row.out_width);
    CHECK(plan->height == row.out_height);
    CHECK(plan->crop == row.crop);
    const auto made = processed_image(bytes, *plan);
    REQUIRE(made.ok());
    CHECK(image_size_of(*made, "x")->width == row.out_width);
    CHECK(plan->name.starts_with("a."));
    CHECK(plan->name.size() == std::string("a.0123456789abcdef.png").size());
  }
}

TEST_CASE("S-56: orders that cannot be met are errors that say why", "[site][images]") {
  const std::string bytes = png(30, 20);
  struct Row {
    ImageOrder order;
    std::string_view what;
  };
  const std::vector<Row> rows{{{"fill", 10, 0}, "needs `width` and `height`"},
                              {{"fit_width", 0, 10}, "needs `width`"},
                              {{"stretch", 1, 1}, "op is one of"},
                              {{"scale", 60'000, 60'000}, "would have"},
                              {{"scale", 1, 1, "avif"}, "AVIF"},
                              {{"scale", 1, 1, "bmp"}, "format is one of"},
                              {{"scale", 1, 1, "jpg", 0}, "quality is 1 to 100"}};
  for (const Row& row : rows) {
    const auto plan = image_plan_of("a.png", bytes, row.order);
    REQUIRE_FALSE(plan.ok());
    INFO(plan.error().what);
    CHECK(plan.error().what.find(row.what) != std::string::npos);
  }
  CHECK_FALSE(image_plan_of("a.svg", "<svg width='1' height='1'>", {"scale", 1, 1}).ok());
}

TEST_CASE("S-56: an image over the limit is refused before its pixels are read", "[site][images]") {
  std::string bytes = png(3, 3);
  bytes.replace(16, 8, std::string("\x00\x00\xff\xff\x00\x00\xff\xff", 8));
  const auto plan = image_plan_of("a.png", bytes, {"scale", 1, 1});
  REQUIRE_FALSE(plan.ok());
  CHECK(plan.error().code == Errc::too_large);
  CHECK_FALSE(decode_image(bytes).ok());
  CHECK(Image::of(8'000, 8'000).ok());
  CHECK_FALSE(Image::of(8'000, 8'001).ok());
}

TEST_CASE("S-56: broken images are errors, whatever is broken", "[site][images]") {
  constexpr char gif_bytes[] =
      "GIF89a\x02\x00\x02\x00\x80\x00\x00\xff\x00\x00\x00\x00\xff\x2c\x00\x00\x00\x00\x02\x00\x02"
      "\x00\x00\x02\x03\x44\x02\x05\x00\x3b";
  const std::string gif(gif_bytes, sizeof gif_bytes - 1);
  const std::vector<std::string> whole{encode_jpeg(painted(20, 20), 80).value(), png(20, 20),
                                       encode_webp(painted(20, 20), 50).value(),
                                       encode_webp(painted(20, 20), std::nullopt).value(), gif};
  std::uint32_t seed = 1;
  for (const std::string& bytes : whole) {
    for (std::size_t count = 0; count < bytes.size(); count += 1 + bytes.size() / 64)
      (void)decode_image(std::string_view(bytes).substr(0, count));
    for (int round = 0; round < 300; ++round) {
      std::string broken = bytes;
      for (int k = 0; k < 3; ++k) {
        seed = seed * 1'664'525 + 1'013'904'223;
        broken[seed / 65'536 % broken.size()] = static_cast<char>(seed >> 8);
      }
      const auto image = decode_image(broken);
      if (image.ok()) CHECK(image->rgba.size() == std::size_t{4} * image->width * image->height);
    }
  }
  CHECK_FALSE(decode_image("").ok());
  CHECK_FALSE(decode_image("\xFF\xD8").ok());
  CHECK_FALSE(decode_image("\x89PNG\r\n\x1a\n").ok());
  const auto picture = decode_image(gif);
  REQUIRE(picture.ok());
  CHECK(picture->width == 2);
  CHECK(picture->rgba[3] == 255);
}

TEST_CASE("S-56: a photograph is turned as its EXIF says", "[site][images]") {
  std::string bytes = encode_jpeg(painted(40, 20), 90).value();
  const std::string exif(
      "\xFF\xE1\x00\x22"
      "Exif\0\0MM\0\x2A\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0",
      36);
  bytes.insert(2, exif);
  CHECK(orientation_of_jpeg(bytes) == 6);
  const auto image = decode_image(bytes);
  REQUIRE(image.ok());
  CHECK(image->width == 20);
  CHECK(image->height == 40);
  CHECK(is_red(pixel_at(*image, 17, 20)));  // what was above is at the right
  const auto plan = image_plan_of("a.jpg", bytes, {"fit_width", 10, 0});
  CHECK(plan->source_width == 20);
  CHECK(plan->height == 20);
}

TEST_CASE("S-56: resampling keeps flat colours and does not smear through holes",
          "[site][images]") {
  const Image image = painted(64, 64, true);
  const auto half = resampled(image, {0, 0, 64, 64}, 16, 16);
  REQUIRE(half.ok());
  CHECK(is_red(pixel_at(*half, 14, 2)));
  CHECK(pixel_at(*half, 2, 2)[3] == 0);
  const auto larger = resampled(image, {32, 0, 32, 32}, 100, 50);
  REQUIRE(larger.ok());
  for (std::uint32_t x = 0; x < 100; ++x) CHECK(is_red(pixel_at(*larger, x, 25)));
  CHECK_FALSE(resampled(image, {60, 0, 10, 10}, 5, 5).ok());
}

TEST_CASE("S-56: a site's images are made once, named in its pages, and kept", "[site][images]") {
  const std::string page =
      "{% set i = resize_image(path='a.png', width=8, height=8, format='webp', quality=50) %}"
      "{{ i.url | safe }} {{ i.static_path | safe }} {{ i.width }} {{ i.height }} {{ i.orig_width "
      "}} {{ i.orig_height }}";
  const test::MemorySource::Files files{{"templates/index.html", page},
                                        {"static/a.png", png(30, 20)}};
  MemoryImages images;
  images.held["old.0123456789abcdef.png"] = "x";
  BuildOptions options;
  options.images = &images;
  const Built first = build_site(files, options);
  INFO(first.messages());
  CHECK_FALSE(first.report.failed());
  CHECK(images.held.size() == 1);
  CHECK(images.found == 0);
  const std::string name = images.held.begin()->first;
  const std::string file = "processed_images/" + name;
  CHECK(first.bytes("index.html") ==
        "https://example.com/" + file + " static/" + file + " 8 8 30 20");
  CHECK(first.outputs.at(file).content_type == "image/webp");
  const Built second = build_site(files, options);
  CHECK(images.found == 1);
  CHECK(second.bytes(file) == first.bytes(file));
}

TEST_CASE("S-56: a broken image fails the build at the call", "[site][images]") {
  std::string broken = png(30, 20);
  broken.resize(60);
  const Built built = build_site(
      {{"templates/index.html", "x\n{{ resize_image(path='a.png', width=8, height=8) }}"},
       {"static/a.png", broken}});
  CHECK(built.report.failed());
  CHECK(built.messages().find("templates/index.html:2:") != std::string::npos);
  CHECK(built.messages().find("a.png") != std::string::npos);
}

TEST_CASE("S-56: the size of an AVIF is that of its largest item", "[site][images]") {
  const auto ispe = [](char width, char height) {
    return std::string("\0\0\0\x14ispe\0\0\0\0\0\0\0", 15) + width + std::string(3, '\0') + height;
  };
  const std::string avif = std::string(
                               "\0\0\0\x14"
                               "ftypavif\0\0\0\0mif1",
                               20) +
                           std::string("\0\0\0\x40meta", 8) + ispe(9, 8) + ispe(90, 80);
  const auto size = image_size_of(avif, "a.avif");
  REQUIRE(size.ok());
  CHECK(size->width == 90);
  CHECK(size->height == 80);
  CHECK(size->mime == "image/avif");
}
