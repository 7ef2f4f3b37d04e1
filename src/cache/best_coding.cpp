#include "cache/best_coding.h"

#include "base/limits_cache.h"

namespace weir::cache {

bool is_worth_polishing(std::string_view content_type, std::size_t body_bytes) {
  return body_bytes <= limits::polish_bytes_max &&
         store::is_worth_compressing(content_type, body_bytes);
}

std::optional<std::string> best_coding_of(std::string_view body, store::Rendition best,
                                          const store::GoesOn& goes_on) {
  return best == store::Rendition::best_brotli ? store::best_brotli_of(body, goes_on)
                                               : store::best_zstd_of(body, goes_on);
}

}  // namespace weir::cache
