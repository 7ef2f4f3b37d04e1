#include "base/must.h"
#include "store/codec.h"

#include <brotli/encode.h>

#include <algorithm>
#include <cstdint>
#include <memory>

namespace weir::store {
namespace {

constexpr std::size_t step_bytes = 32 * KiB;

}  // namespace

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

std::optional<std::string> best_brotli_of(std::string_view body, const GoesOn& goes_on) {
  struct Free {
    void operator()(BrotliEncoderState* state) const { BrotliEncoderDestroyInstance(state); }
  };
  const std::unique_ptr<BrotliEncoderState, Free> encoder(
      BrotliEncoderCreateInstance(nullptr, nullptr, nullptr));
  MUST(encoder != nullptr);
  const auto set = [&encoder](BrotliEncoderParameter name, std::size_t value) {
    MUST(BrotliEncoderSetParameter(encoder.get(), name, static_cast<std::uint32_t>(value)) ==
         BROTLI_TRUE);
  };
  set(BROTLI_PARAM_QUALITY, BROTLI_MAX_QUALITY);
  set(BROTLI_PARAM_LGWIN, BROTLI_DEFAULT_WINDOW);
  set(BROTLI_PARAM_MODE, BROTLI_MODE_TEXT);
  set(BROTLI_PARAM_SIZE_HINT, std::min<std::size_t>(body.size(), UINT32_MAX));
  std::string out;
  while (BrotliEncoderIsFinished(encoder.get()) == BROTLI_FALSE) {
    if (!goes_on()) return std::nullopt;
    std::size_t left = std::min(step_bytes, body.size());
    const bool is_last = left == body.size();
    const auto* next = reinterpret_cast<const std::uint8_t*>(body.data());
    body.remove_prefix(left);
    do {
      std::size_t room = 0;
      MUST(BrotliEncoderCompressStream(encoder.get(),
                                       is_last ? BROTLI_OPERATION_FINISH : BROTLI_OPERATION_PROCESS,
                                       &left, &next, &room, nullptr, nullptr) == BROTLI_TRUE);
      std::size_t made = 0;
      const std::uint8_t* const bytes = BrotliEncoderTakeOutput(encoder.get(), &made);
      out.append(reinterpret_cast<const char*>(bytes), made);
    } while (left > 0 || BrotliEncoderHasMoreOutput(encoder.get()) == BROTLI_TRUE);
  }
  out.shrink_to_fit();
  return out;
}

}  // namespace weir::store
