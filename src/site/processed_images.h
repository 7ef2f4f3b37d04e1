#pragma once
// resize_image (S-56): what pages ask for while they are rendered, made once all have been.
//
// A page needs only the name and the size, which follow from the source's bytes and the order;
// pixels are touched when all pages are done, each image once, on all cores, or taken from the
// ImageStore. Callable from any thread.

#include "base/guarded.h"
#include "base/result.h"
#include "site/image.h"
#include "site/image_store.h"

#include <map>
#include <string>
#include <string_view>

namespace weir::site {

struct ImageOrder {
  std::string op = "fill";  // scale, fit_width, fit_height, fit or fill
  std::uint32_t width = 0;  // 0: not given
  std::uint32_t height = 0;
  std::string format = "auto";  // or jpg, jpeg, png, webp
  std::optional<int> quality = {};
};

// What becomes of an image: a part of it in another size.
struct ImagePlan {
  std::string file;  // the source, below the site's root
  Crop crop;
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  ImageFormat format = ImageFormat::png;
  std::optional<int> quality;
  std::uint32_t source_width = 0;
  std::uint32_t source_height = 0;
  std::string name;  // "photo.0123456789abcdef.jpg"
};

inline constexpr std::string_view processed_root = "processed_images/";

// Of the source's bytes and the order alone; no pixel is decoded.
Result<ImagePlan> image_plan_of(std::string_view file, std::string_view bytes,
                                const ImageOrder& order);

// The bytes that a plan makes of the source's.
Result<std::string> processed_image(std::string_view bytes, const ImagePlan& plan);

// The plans of a build.
class ProcessedImages {
 public:
  struct Wanted {
    ImagePlan plan;
    Place place;  // of the call, for errors
  };
  void want(const ImagePlan& plan, const Place& place);
  std::map<std::string, Wanted> all() const;  // by name

 private:
  Guarded<std::map<std::string, Wanted>> wanted_;
};

}  // namespace weir::site
