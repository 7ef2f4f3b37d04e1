#include "base/must.h"
#include "store/codec.h"
#include "store/decoding.h"

#include <libdeflate.h>

#include <memory>

namespace weir::store {

std::string gzip_of(std::string_view body) {
  struct Free {
    void operator()(libdeflate_compressor* compressor) const {
      libdeflate_free_compressor(compressor);
    }
  };
  constexpr int level = 6;
  thread_local const std::unique_ptr<libdeflate_compressor, Free> compressor(
      libdeflate_alloc_compressor(level));
  MUST(compressor != nullptr);

  std::string out(libdeflate_gzip_compress_bound(compressor.get(), body.size()), '\0');
  const std::size_t written =
      libdeflate_gzip_compress(compressor.get(), body.data(), body.size(), out.data(), out.size());
  MUST(written != 0);  // the room is the library's own bound
  out.resize(written);
  out.shrink_to_fit();
  return out;
}

Result<std::string> decode_gzip(std::string_view coded, std::size_t bytes_max) {
  struct Free {
    void operator()(libdeflate_decompressor* decompressor) const {
      libdeflate_free_decompressor(decompressor);
    }
  };
  thread_local const std::unique_ptr<libdeflate_decompressor, Free> decompressor(
      libdeflate_alloc_decompressor());
  MUST(decompressor != nullptr);

  std::string body(bytes_max + 1, '\0');
  std::size_t filled = 0;
  do {
    std::size_t taken = 0, made = 0;
    const libdeflate_result result =
        libdeflate_gzip_decompress_ex(decompressor.get(), coded.data(), coded.size(),
                                      body.data() + filled, body.size() - filled, &taken, &made);
    if (result == LIBDEFLATE_SUCCESS) filled += made;
    if (result == LIBDEFLATE_INSUFFICIENT_SPACE || filled > bytes_max)
      return Error{Errc::too_large, "more than " + std::to_string(bytes_max) + " bytes"};
    if (result != LIBDEFLATE_SUCCESS) return Error{Errc::invalid, "not a gzip body"};
    coded.remove_prefix(taken);
  } while (!coded.empty());
  body.resize(filled);
  return body;
}

}  // namespace weir::store
