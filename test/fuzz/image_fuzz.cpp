// Property: any bytes give an image whose pixels are all there, or an error; what was decoded can
// be resized, and written as PNG and read again without a loss.
#include "base/must.h"
#include "site/image.h"
#include "site/image_size.h"

using namespace weir;
using namespace weir::site;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  const std::string_view text(reinterpret_cast<const char*>(data), bytes);
  (void)orientation_of_jpeg(text);
  // What says that it is large is not unpacked: the fuzzer would do nothing else.
  const auto size = image_size_of(text, "image");
  if (!size || static_cast<std::uint64_t>(size->width) * size->height > 256 * 256) return 0;
  const Result<Image> image = decode_image(text);
  if (!image.ok()) {
    MUST(!image.error().what.empty());
    return 0;
  }
  MUST(image->width > 0);
  MUST(image->height > 0);
  MUST(image->rgba.size() == std::size_t{4} * image->width * image->height);
  const Result<Image> smaller = resampled(*image, {0, 0, image->width, image->height},
                                          (image->width + 1) / 2, (image->height + 1) / 2);
  MUST(smaller.ok());
  const Result<std::string> png = encode_png(*smaller);
  MUST(png.ok());
  const Result<Image> again = decode_png(*png);
  MUST(again.ok());
  MUST(again->width == smaller->width);
  MUST(again->rgba == smaller->rgba);
  return 0;
}
