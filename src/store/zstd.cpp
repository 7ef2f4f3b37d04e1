#include "base/bytes.h"
#include "base/must.h"
#include "store/codec.h"
#include "store/decoding.h"

#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <memory>

namespace weir::store {
namespace {

constexpr int level = 3;
constexpr int dictionary_level = 12;
constexpr int best_level = 19;
constexpr std::size_t step_bytes = 32 * KiB;

// A context costs 1.3 MB of page faults to make, twenty times what compressing a page costs: one
// per thread.
ZSTD_CCtx& compression() {
  struct Free {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  };
  thread_local const std::unique_ptr<ZSTD_CCtx, Free> context(ZSTD_createCCtx());
  MUST(context != nullptr);
  return *context;
}

void append_frame(std::string& out, std::string_view body) {
  const std::size_t start = out.size();
  out.resize(start + ZSTD_compressBound(body.size()));
  const std::size_t written = ZSTD_compressCCtx(
      &compression(), out.data() + start, out.size() - start, body.data(), body.size(), level);
  MUST(!ZSTD_isError(written));  // the room is the library's own bound
  out.resize(start + written);
}

}  // namespace

std::string zstd_of(std::string_view body) {
  std::string out;
  const std::size_t step = body.size() > whole_bytes_max ? piece_bytes : body.size();
  do {
    append_frame(out, body.substr(0, step));
    body.remove_prefix(std::min(step, body.size()));
  } while (!body.empty());
  out.shrink_to_fit();
  return out;
}

std::size_t first_zstd_frame_bytes(std::string_view frames) {
  const std::size_t bytes = ZSTD_findFrameCompressedSize(frames.data(), frames.size());
  MUST(!ZSTD_isError(bytes));
  return bytes;
}

std::optional<std::string> best_zstd_of(std::string_view body, const GoesOn& goes_on) {
  struct Free {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  };
  // Of its own: at that level it has tables of megabytes, which a thread should not keep.
  const std::unique_ptr<ZSTD_CCtx, Free> context(ZSTD_createCCtx());
  MUST(context != nullptr);
  MUST(!ZSTD_isError(ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, best_level)));
  MUST(!ZSTD_isError(ZSTD_CCtx_setPledgedSrcSize(context.get(), body.size())));
  std::string out(ZSTD_compressBound(body.size()), '\0');
  ZSTD_outBuffer target{out.data(), out.size(), 0};
  std::size_t left = 1;
  while (left != 0) {
    if (!goes_on()) return std::nullopt;
    const std::size_t step = std::min(step_bytes, body.size());
    const bool is_last = step == body.size();
    ZSTD_inBuffer source{body.data(), step, 0};
    do {
      left = ZSTD_compressStream2(context.get(), &target, &source,
                                  is_last ? ZSTD_e_end : ZSTD_e_continue);
      MUST(!ZSTD_isError(left));  // the room is the library's own bound
    } while (source.pos < source.size || (is_last && left != 0));
    body.remove_prefix(step);
    if (!is_last) left = 1;
  }
  out.resize(target.pos);
  out.shrink_to_fit();
  return out;
}

class ZstdDictionary {
 public:
  explicit ZstdDictionary(std::string_view bytes)
      : prepared_(ZSTD_createCDict(bytes.data(), bytes.size(), dictionary_level)) {
    MUST(prepared_ != nullptr);
  }
  ~ZstdDictionary() { ZSTD_freeCDict(prepared_); }
  ZstdDictionary(const ZstdDictionary&) = delete;
  ZstdDictionary& operator=(const ZstdDictionary&) = delete;
  const ZSTD_CDict* prepared() const { return prepared_; }

 private:
  ZSTD_CDict* prepared_;
};

std::shared_ptr<const ZstdDictionary> prepare_dictionary(std::string_view bytes) {
  return std::make_shared<const ZstdDictionary>(bytes);
}

std::string zstd_of(std::string_view body, const ZstdDictionary& dictionary) {
  std::string out(ZSTD_compressBound(body.size()), '\0');
  const std::size_t written = ZSTD_compress_usingCDict(
      &compression(), out.data(), out.size(), body.data(), body.size(), dictionary.prepared());
  MUST(!ZSTD_isError(written));  // the room is the library's own bound
  out.resize(written);
  out.shrink_to_fit();
  return out;
}

Result<std::string> unpack_zstd(std::string_view stored, std::size_t body_bytes) {
  std::string body(body_bytes, '\0');
  const std::size_t read = ZSTD_decompress(body.data(), body.size(), stored.data(), stored.size());
  if (ZSTD_isError(read))
    return Error{Errc::corrupt, "zstd frame: " + std::string(ZSTD_getErrorName(read))};
  if (read != body_bytes)
    return Error{Errc::corrupt, "zstd frame: expected " + std::to_string(body_bytes) +
                                    " bytes, found " + std::to_string(read)};
  return body;
}

Result<std::string> decode_zstd(std::string_view coded, std::size_t bytes_max) {
  // Into the room that there is: without a stream there is no window beside it.
  std::string body(bytes_max + 1, '\0');
  const std::size_t read = ZSTD_decompress(body.data(), body.size(), coded.data(), coded.size());
  if (ZSTD_isError(read) && ZSTD_getErrorCode(read) == ZSTD_error_dstSize_tooSmall)
    return Error{Errc::too_large, "more than " + std::to_string(bytes_max) + " bytes"};
  if (ZSTD_isError(read) || coded.empty())
    return Error{Errc::invalid, "zstd: " + std::string(ZSTD_getErrorName(read))};
  if (read > bytes_max)
    return Error{Errc::too_large, "more than " + std::to_string(bytes_max) + " bytes"};
  body.resize(read);
  return body;
}

}  // namespace weir::store
