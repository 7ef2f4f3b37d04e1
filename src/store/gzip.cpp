#include "base/must.h"
#include "store/codec.h"

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

}  // namespace weir::store
