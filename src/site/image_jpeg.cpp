// libjpeg leaves a function with longjmp when it meets an error: between setjmp and the end of each
// function here stands nothing that has a destructor to run.

#include "site/image.h"

#include "base/bytes.h"

#include <csetjmp>
#include <cstdio>
#include <cstdlib>

#include <jpeglib.h>

namespace weir::site {

namespace {

struct Escape {
  jpeg_error_mgr manager;
  std::jmp_buf way_out;
  char what[JMSG_LENGTH_MAX];
};

[[noreturn]] void leave(j_common_ptr codec) {
  auto* escape = reinterpret_cast<Escape*>(codec->err);
  codec->err->format_message(codec, escape->what);
  std::longjmp(escape->way_out, 1);
}
void say_nothing(j_common_ptr) {}
// Scans without end are a way to burn time: a real progressive image has about ten.
void watch_scans(j_common_ptr codec) {
  constexpr int scans_max = 100;
  auto* decoder = reinterpret_cast<j_decompress_ptr>(codec);
  if (codec->is_decompressor != 0 && decoder->input_scan_number > scans_max) {
    auto* escape = reinterpret_cast<Escape*>(codec->err);
    std::snprintf(escape->what, sizeof escape->what, "too many scans");
    std::longjmp(escape->way_out, 1);
  }
}

jpeg_error_mgr* prepare(Escape& escape) {
  jpeg_std_error(&escape.manager);
  escape.manager.error_exit = leave;
  escape.manager.output_message = say_nothing;
  escape.what[0] = '\0';
  return &escape.manager;
}

struct Size {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
};

// The header only.
bool read_size(std::string_view bytes, Escape& escape, Size& size) {
  jpeg_decompress_struct decoder;
  decoder.err = prepare(escape);
  jpeg_create_decompress(&decoder);
  if (setjmp(escape.way_out) != 0) {
    jpeg_destroy_decompress(&decoder);
    return false;
  }
  jpeg_mem_src(&decoder, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  jpeg_read_header(&decoder, TRUE);
  size = {decoder.image_width, decoder.image_height};
  jpeg_destroy_decompress(&decoder);
  return true;
}

bool read_pixels(std::string_view bytes, Escape& escape, const Size& size, std::uint8_t* rgba) {
  jpeg_decompress_struct decoder;
  jpeg_progress_mgr progress;
  decoder.err = prepare(escape);
  jpeg_create_decompress(&decoder);
  progress.progress_monitor = watch_scans;
  decoder.progress = &progress;
  if (setjmp(escape.way_out) != 0) {
    jpeg_destroy_decompress(&decoder);
    return false;
  }
  jpeg_mem_src(&decoder, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  jpeg_read_header(&decoder, TRUE);
  const bool is_cmyk = decoder.jpeg_color_space == JCS_CMYK || decoder.jpeg_color_space == JCS_YCCK;
  decoder.out_color_space = is_cmyk ? JCS_CMYK : JCS_EXT_RGBA;
  jpeg_start_decompress(&decoder);
  if (decoder.output_width != size.width || decoder.output_height != size.height ||
      decoder.output_components != 4) {
    jpeg_destroy_decompress(&decoder);
    return false;
  }
  while (decoder.output_scanline < decoder.output_height) {
    JSAMPROW row = rgba + std::size_t{4} * size.width * decoder.output_scanline;
    jpeg_read_scanlines(&decoder, &row, 1);
    // Adobe writes CMYK inverted.
    if (is_cmyk)
      for (std::uint8_t* pixel = row; pixel < row + std::size_t{4} * size.width; pixel += 4) {
        for (int k = 0; k < 3; ++k) pixel[k] = static_cast<std::uint8_t>(pixel[k] * pixel[3] / 255);
        pixel[3] = 255;
      }
  }
  jpeg_finish_decompress(&decoder);
  jpeg_destroy_decompress(&decoder);
  return true;
}

bool write_pixels(const Image& image, int quality, Escape& escape, unsigned char** bytes,
                  unsigned long* count) {
  jpeg_compress_struct encoder;
  encoder.err = prepare(escape);
  jpeg_create_compress(&encoder);
  if (setjmp(escape.way_out) != 0) {
    jpeg_destroy_compress(&encoder);
    return false;
  }
  jpeg_mem_dest(&encoder, bytes, count);
  encoder.image_width = image.width;
  encoder.image_height = image.height;
  encoder.input_components = 4;
  encoder.in_color_space = JCS_EXT_RGBX;
  jpeg_set_defaults(&encoder);
  encoder.optimize_coding = TRUE;
  jpeg_set_quality(&encoder, quality, TRUE);
  jpeg_start_compress(&encoder, TRUE);
  while (encoder.next_scanline < encoder.image_height) {
    auto* row = const_cast<JSAMPROW>(image.rgba.data() +
                                     std::size_t{4} * image.width * encoder.next_scanline);
    jpeg_write_scanlines(&encoder, &row, 1);
  }
  jpeg_finish_compress(&encoder);
  jpeg_destroy_compress(&encoder);
  return true;
}

Error error_of(const Escape& escape) {
  return {Errc::corrupt, "JPEG: " + std::string(escape.what)};
}

}  // namespace

Result<Image> decode_jpeg(std::string_view bytes) {
  Escape escape;
  Size size;
  if (!read_size(bytes, escape, size)) return error_of(escape);
  Image image = TRY(Image::of(size.width, size.height));
  if (!read_pixels(bytes, escape, size, image.rgba.data())) return error_of(escape);
  return image;
}

// Transparent pixels are laid on white.
Result<std::string> encode_jpeg(const Image& image, int quality) {
  if (image.width > JPEG_MAX_DIMENSION || image.height > JPEG_MAX_DIMENSION)
    return Error{Errc::too_large, "a JPEG has at most 65500 pixels on a side"};
  Image solid = image;
  for (std::size_t i = 0; i + 3 < solid.rgba.size(); i += 4) {
    const int alpha = solid.rgba[i + 3];
    if (alpha == 255) continue;
    for (std::size_t k = 0; k < 3; ++k)
      solid.rgba[i + k] =
          static_cast<std::uint8_t>((solid.rgba[i + k] * alpha + 255 * (255 - alpha) + 127) / 255);
  }
  Escape escape;
  unsigned char* bytes = nullptr;
  unsigned long count = 0;
  const bool is_good = write_pixels(solid, quality, escape, &bytes, &count);
  std::string out;
  if (is_good) out.assign(reinterpret_cast<const char*>(bytes), count);
  std::free(bytes);
  if (!is_good) return error_of(escape);
  return out;
}

// APP1 "Exif", a TIFF: byte order, first directory, entry 0x112 (EXIF 2.32, 4.6.4).
int orientation_of_jpeg(std::string_view b) {
  const auto byte_at = [&](std::size_t at) {
    return at < b.size() ? static_cast<unsigned>(static_cast<unsigned char>(b[at])) : 0U;
  };
  std::size_t at = 2;
  while (at + 4 < b.size() && byte_at(at) == 0xFF) {
    const unsigned marker = byte_at(at + 1);
    if (marker == 0xDA || marker == 0xD9) return 1;
    const std::size_t length = byte_at(at + 2) << 8 | byte_at(at + 3);
    const std::size_t tiff = at + 10;
    if (marker == 0xE1 && b.substr(at + 4).starts_with(std::string_view("Exif\0\0", 6))) {
      const bool is_little = byte_at(tiff) == 'I';
      const auto number = [&](std::size_t from, std::size_t count) {
        std::size_t value = 0;
        for (std::size_t i = 0; i < count; ++i)
          value = value << 8 | byte_at(from + (is_little ? count - 1 - i : i));
        return value;
      };
      const std::size_t directory = tiff + number(tiff + 4, 4);
      const std::size_t entries = number(directory, 2);
      for (std::size_t i = 0; i < entries; ++i) {
        const std::size_t entry = directory + 2 + 12 * i;
        if (entry + 12 > b.size()) return 1;
        if (number(entry, 2) != 0x112) continue;
        const std::size_t value = number(entry + 8, 2);
        return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
      }
      return 1;
    }
    at += 2 + length;
  }
  return 1;
}

}  // namespace weir::site
