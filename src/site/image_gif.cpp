// GIF89a: the first picture. Blocks of LZW codes, least bit first; the dictionary is a table of
// (prefix, last byte), and a code is spelled from its end.

#include "site/image.h"

#include <array>

namespace weir::site {

namespace {

class GifReader {
 public:
  explicit GifReader(std::string_view bytes) : bytes_(bytes) {}

  Result<Image> read() {
    at_ = 6;
    const std::uint32_t width = number();
    const std::uint32_t height = number();
    const unsigned flags = byte();
    at_ += 2;
    Palette palette{};
    if ((flags & 0x80) != 0) palette = read_palette(flags);
    int transparent = -1;
    while (at_ < bytes_.size()) {
      const unsigned kind = byte();
      if (kind == 0x21) {
        const unsigned label = byte();
        if (label == 0xF9 && at_ + 5 < bytes_.size() && (peek(1) & 1) != 0)
          transparent = static_cast<int>(peek(4));
        skip_blocks();
      } else if (kind == 0x2C) {
        Image image = TRY(Image::of(width, height));
        return picture(std::move(image), palette, transparent);
      } else {
        break;
      }
    }
    return broken();
  }

 private:
  using Palette = std::array<std::uint8_t, 768>;
  static Error broken() { return {Errc::corrupt, "GIF: it has no whole picture"}; }
  unsigned peek(std::size_t ahead) const {
    return at_ + ahead < bytes_.size() ? static_cast<unsigned char>(bytes_[at_ + ahead]) : 0;
  }
  unsigned byte() {
    const unsigned value = peek(0);
    ++at_;
    return value;
  }
  std::uint32_t number() {
    const unsigned low = byte();
    return low | byte() << 8;
  }
  Palette read_palette(unsigned flags) {
    Palette palette{};
    const std::size_t count = std::size_t{3} << ((flags & 7) + 1);
    for (std::size_t i = 0; i < count; ++i) palette[i] = static_cast<std::uint8_t>(byte());
    return palette;
  }
  void skip_blocks() {
    while (at_ < bytes_.size()) {
      const unsigned count = byte();
      if (count == 0) return;
      at_ += count;
    }
  }

  Result<Image> picture(Image image, Palette palette, int transparent) {
    const std::uint32_t left = number();
    const std::uint32_t top = number();
    const std::uint32_t width = number();
    const std::uint32_t height = number();
    const unsigned flags = byte();
    if ((flags & 0x80) != 0) palette = read_palette(flags);
    const unsigned first_bits = byte();
    if (first_bits < 1 || first_bits > 8 || width == 0 || height == 0 ||
        left + width > image.width || top + height > image.height)
      return broken();
    std::string data;
    while (at_ < bytes_.size()) {
      const unsigned count = byte();
      if (count == 0) break;
      data += bytes_.substr(std::min(at_, bytes_.size()), count);
      at_ += count;
    }
    const std::vector<std::uint8_t> pixels =
        unpacked(data, first_bits, std::size_t{width} * height);
    if (pixels.size() < std::size_t{width} * height) return broken();
    const bool is_interlaced = (flags & 0x40) != 0;
    std::size_t from = 0;
    const auto line = [&](std::uint32_t y) {
      std::uint8_t* out = image.rgba.data() + 4 * (std::size_t{top + y} * image.width + left);
      for (std::uint32_t x = 0; x < width; ++x, out += 4) {
        const std::uint8_t index = pixels[from++];
        if (index == transparent) continue;
        for (std::size_t k = 0; k < 3; ++k) out[k] = palette[std::size_t{3} * index + k];
        out[3] = 255;
      }
    };
    if (!is_interlaced)
      for (std::uint32_t y = 0; y < height; ++y) line(y);
    constexpr std::uint32_t starts[] = {0, 4, 2, 1};
    constexpr std::uint32_t steps[] = {8, 8, 4, 2};
    for (std::size_t pass = 0; is_interlaced && pass < 4; ++pass)
      for (std::uint32_t y = starts[pass]; y < height; y += steps[pass]) line(y);
    return image;
  }

  static std::vector<std::uint8_t> unpacked(std::string_view data, unsigned first_bits,
                                            std::size_t count_max) {
    struct Entry {
      std::uint16_t prefix = 0;
      std::uint8_t last = 0;
      std::uint16_t length = 0;
    };
    std::vector<Entry> table(4096);
    const unsigned clear = 1U << first_bits;
    const unsigned end = clear + 1;
    for (unsigned i = 0; i < clear; ++i) table[i] = {0, static_cast<std::uint8_t>(i), 1};
    std::vector<std::uint8_t> out;
    out.reserve(count_max);
    unsigned bits = first_bits + 1;
    unsigned next = end + 1;
    int previous = -1;
    std::uint32_t held = 0;
    unsigned held_bits = 0;
    const auto spell = [&](unsigned code) {
      const std::size_t length = table[code].length;
      const std::size_t begin = out.size();
      out.resize(begin + length);
      for (std::size_t i = length; i-- > 0; code = table[code].prefix)
        out[begin + i] = table[code].last;
      return out[begin];
    };
    for (const char c : data) {
      held |= static_cast<std::uint32_t>(static_cast<unsigned char>(c)) << held_bits;
      held_bits += 8;
      while (held_bits >= bits) {
        const unsigned code = held & ((1U << bits) - 1);
        held >>= bits;
        held_bits -= bits;
        if (code == clear) {
          bits = first_bits + 1;
          next = end + 1;
          previous = -1;
          continue;
        }
        if (code == end || code > next || (code == next && previous < 0)) return out;
        if (previous < 0) {
          if (code >= clear) return out;
          spell(code);
        } else {
          std::uint8_t first = 0;
          if (code < next) {
            first = spell(code);
          } else {
            first = spell(static_cast<unsigned>(previous));
            out.push_back(first);
          }
          if (next < 4096) {
            const Entry& before = table[static_cast<std::size_t>(previous)];
            table[next++] = {static_cast<std::uint16_t>(previous), first,
                             static_cast<std::uint16_t>(before.length + 1)};
            if (next == 1U << bits && bits < 12) ++bits;
          }
        }
        previous = static_cast<int>(code);
        if (out.size() >= count_max) return out;
      }
    }
    return out;
  }

  std::string_view bytes_;
  std::size_t at_ = 0;
};

}  // namespace

Result<Image> decode_gif(std::string_view bytes) { return GifReader(bytes).read(); }

}  // namespace weir::site
