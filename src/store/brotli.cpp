#include "base/must.h"
#include "store/codec.h"

#include <brotli/encode.h>

#include <cstdint>

namespace weir::store {

std::string brotli_of(std::string_view body) {
  constexpr int quality = 5;
  std::size_t written = BrotliEncoderMaxCompressedSize(body.size());
  std::string out(written, '\0');
  const int done =
      BrotliEncoderCompress(quality, BROTLI_DEFAULT_WINDOW, BROTLI_MODE_TEXT, body.size(),
                            reinterpret_cast<const std::uint8_t*>(body.data()), &written,
                            reinterpret_cast<std::uint8_t*>(out.data()));
  MUST(done == BROTLI_TRUE);  // the room is the library's own bound
  out.resize(written);
  out.shrink_to_fit();
  return out;
}

}  // namespace weir::store
