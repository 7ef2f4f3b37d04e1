// Sources: PNG (ISO 15948, 11.2.2 IHDR), JPEG (ITU T.81, B.2.2 frame header), GIF89a (18, logical
// screen), WebP container (RFC 9649, sections 2.5 to 2.7), BMP (BITMAPINFOHEADER), SVG (width,
// height and viewBox of the root).

#include "site/image_size.h"

#include "base/bytes.h"

#include <charconv>
#include <optional>

namespace weir::site {

namespace {

std::uint32_t byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<unsigned char>(bytes[at]);
}
std::uint32_t big16(std::string_view b, std::size_t at) {
  return byte_at(b, at) << 8 | byte_at(b, at + 1);
}
std::uint32_t big32(std::string_view b, std::size_t at) {
  return big16(b, at) << 16 | big16(b, at + 2);
}
std::uint32_t little16(std::string_view b, std::size_t at) {
  return byte_at(b, at) | byte_at(b, at + 1) << 8;
}
std::uint32_t little24(std::string_view b, std::size_t at) {
  return little16(b, at) | byte_at(b, at + 2) << 16;
}

std::optional<ImageSize> png(std::string_view b) {
  if (b.size() < 24 || !b.starts_with("\x89PNG\r\n\x1a\n") || b.substr(12, 4) != "IHDR")
    return std::nullopt;
  return ImageSize{big32(b, 16), big32(b, 20), "png", "image/png"};
}

std::optional<ImageSize> gif(std::string_view b) {
  if (b.size() < 10 || (!b.starts_with("GIF87a") && !b.starts_with("GIF89a"))) return std::nullopt;
  return ImageSize{little16(b, 6), little16(b, 8), "gif", "image/gif"};
}

std::optional<ImageSize> bmp(std::string_view b) {
  if (b.size() < 26 || !b.starts_with("BM")) return std::nullopt;
  const auto width = static_cast<std::int32_t>(load_le<std::uint32_t>(b.data() + 18));
  const auto height =
      static_cast<std::int64_t>(static_cast<std::int32_t>(load_le<std::uint32_t>(b.data() + 22)));
  if (width < 0) return std::nullopt;  // a negative height means rows from the top
  return ImageSize{static_cast<std::uint32_t>(width),
                   static_cast<std::uint32_t>(height < 0 ? -height : height), "bmp", "image/bmp"};
}

// Markers until the frame header; the others are skipped by their length.
std::optional<ImageSize> jpeg(std::string_view b) {
  if (b.size() < 4 || !b.starts_with("\xFF\xD8")) return std::nullopt;
  std::size_t at = 2;
  while (at + 9 < b.size()) {
    if (byte_at(b, at) != 0xFF) return std::nullopt;
    const std::uint32_t marker = byte_at(b, at + 1);
    if (marker == 0xFF) {  // padding
      ++at;
      continue;
    }
    if (marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8)) {  // no length
      at += 2;
      continue;
    }
    const bool is_frame =
        marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
    if (is_frame) return ImageSize{big16(b, at + 7), big16(b, at + 5), "jpg", "image/jpeg"};
    at += 2 + big16(b, at + 2);
  }
  return std::nullopt;
}

std::optional<ImageSize> webp(std::string_view b) {
  if (b.size() < 30 || !b.starts_with("RIFF") || b.substr(8, 4) != "WEBP") return std::nullopt;
  const std::string_view chunk = b.substr(12, 4);
  if (chunk == "VP8 ")
    return ImageSize{little16(b, 26) & 0x3FFF, little16(b, 28) & 0x3FFF, "webp", "image/webp"};
  if (chunk == "VP8X")
    return ImageSize{little24(b, 24) + 1, little24(b, 27) + 1, "webp", "image/webp"};
  if (chunk == "VP8L" && byte_at(b, 20) == 0x2F) {
    const std::uint32_t bits = load_le<std::uint32_t>(b.data() + 21);
    return ImageSize{(bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, "webp", "image/webp"};
  }
  return std::nullopt;
}

// ISO 14496-12 boxes; of the sizes that the items of an AVIF have (HEIF, 6.5.3 `ispe`), the largest
// is the picture's.
std::optional<ImageSize> avif(std::string_view b) {
  if (b.size() < 16 || b.substr(4, 4) != "ftyp") return std::nullopt;
  const std::string_view brands = b.substr(8, std::min<std::size_t>(big32(b, 0), 256));
  if (brands.find("avif") == std::string_view::npos &&
      brands.find("avis") == std::string_view::npos)
    return std::nullopt;
  ImageSize size{0, 0, "avif", "image/avif"};
  constexpr std::size_t meta_bytes_max = 64 * KiB;
  const std::string_view head = b.substr(0, meta_bytes_max);
  for (std::size_t at = head.find("ispe"); at != std::string_view::npos;
       at = head.find("ispe", at + 4)) {
    if (at + 16 > head.size()) break;
    const std::uint32_t width = big32(head, at + 8);
    const std::uint32_t height = big32(head, at + 12);
    if (std::uint64_t{width} * height > std::uint64_t{size.width} * size.height) {
      size.width = width;
      size.height = height;
    }
  }
  if (size.width == 0) return std::nullopt;
  return size;
}

// The value of `name="..."` within a tag.
std::optional<std::string_view> attribute_of(std::string_view tag, std::string_view name) {
  for (std::size_t at = tag.find(name); at != std::string_view::npos; at = tag.find(name, at + 1)) {
    if (at == 0 || !is_space(tag[at - 1])) continue;
    std::size_t i = at + name.size();
    while (i < tag.size() && is_space(tag[i])) ++i;
    if (i >= tag.size() || tag[i] != '=') continue;
    ++i;
    while (i < tag.size() && is_space(tag[i])) ++i;
    if (i >= tag.size() || (tag[i] != '"' && tag[i] != '\'')) return std::nullopt;
    const std::size_t end = tag.find(tag[i], i + 1);
    if (end == std::string_view::npos) return std::nullopt;
    return tag.substr(i + 1, end - i - 1);
  }
  return std::nullopt;
}

// Pixels: a number alone or with "px"; other units have no size in pixels.
std::optional<double> pixels_of(std::string_view text) {
  text = trim(text);
  double number = 0;
  const auto [end, errc] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit = trim(text.substr(static_cast<std::size_t>(end - text.data())));
  if (errc != std::errc{} || (!unit.empty() && unit != "px") || !(number >= 0) || number > 1e9)
    return std::nullopt;
  return number;
}

std::optional<ImageSize> svg(std::string_view b) {
  const std::size_t open = b.find("<svg");
  const std::size_t close = open == std::string_view::npos ? open : b.find('>', open);
  if (close == std::string_view::npos) return std::nullopt;
  const std::string_view tag = b.substr(open, close - open);
  const auto number_of = [&](std::string_view name) {
    const std::optional<std::string_view> text = attribute_of(tag, name);
    return text ? pixels_of(*text) : std::nullopt;
  };
  std::optional<double> width = number_of("width");
  std::optional<double> height = number_of("height");
  if (!width || !height) {
    const std::optional<std::string_view> box = attribute_of(tag, "viewBox");
    if (!box) return std::nullopt;
    double numbers[4] = {};
    std::size_t count = 0;
    const char* at = box->data();
    const char* const end = box->data() + box->size();
    while (count < 4 && at < end) {
      if (is_space(*at) || *at == ',') {
        ++at;
        continue;
      }
      const auto [next, errc] = std::from_chars(at, end, numbers[count]);
      if (errc != std::errc{}) return std::nullopt;
      at = next;
      ++count;
    }
    if (count != 4 || !(numbers[2] >= 0) || !(numbers[3] >= 0) || numbers[2] > 1e9 ||
        numbers[3] > 1e9)
      return std::nullopt;
    width = numbers[2];
    height = numbers[3];
  }
  return ImageSize{static_cast<std::uint32_t>(*width), static_cast<std::uint32_t>(*height), "svg",
                   "image/svg+xml"};
}

}  // namespace

Result<ImageSize> image_size_of(std::string_view bytes, std::string_view file) {
  using Reader = std::optional<ImageSize> (*)(std::string_view);
  for (const Reader reader : {Reader{png}, Reader{jpeg}, Reader{gif}, Reader{webp}, Reader{avif},
                              Reader{bmp}, Reader{svg}})
    if (const std::optional<ImageSize> size = reader(bytes)) return *size;
  return Error{Errc::invalid, "the size of " + std::string(file) +
                                  " is not known: no PNG, JPEG, GIF, WebP, AVIF, BMP or SVG"};
}

}  // namespace weir::site
