#pragma once
// Bodies that a stranger has compressed. At most `bytes_max` bytes come out, and no more than one
// byte above that is allocated, whatever the text promises. Several frames or members one after the
// other are one body. Pure; in zstd.cpp and gzip.cpp beside the compression.

#include "base/result.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace weir::store {

// Errc::too_large, or Errc::invalid for bytes that are not in the coding.
Result<std::string> decode_zstd(std::string_view coded, std::size_t bytes_max);
Result<std::string> decode_gzip(std::string_view coded, std::size_t bytes_max);

}  // namespace weir::store
