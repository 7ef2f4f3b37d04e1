#pragma once
// Rows of limits.h that few files need: the rules that a site brings along, and coded bodies. Kept
// apart because every file of the house includes the large table.

#include "base/limits.h"

namespace weir::limits {

// `_redirects` and `_headers`: a hundred thousand rules are the promise, a line may hold two URLs.
inline constexpr std::size_t site_rules_max = 100'000;             // left out, with a warning
inline constexpr std::size_t site_rule_line_bytes_max = 16 * KiB;  // left out, with a warning
inline constexpr std::size_t site_rule_prefix_segments_max = 32;   // deeper ones share a table row

inline constexpr std::size_t search_word_bytes_max = 1'024;  // longer ones are not indexed
// Four bytes each while one is resized: a photograph of today has 12 to 60 million.
inline constexpr std::size_t image_pixels_max = 64'000'000;  // error
inline constexpr std::size_t xml_depth_max = 256;            // error with its place
inline constexpr std::size_t link_check_hosts_max = 8;       // asked at once
inline constexpr std::size_t sass_imports_max = 2'000;       // of one style sheet; error

inline constexpr std::size_t decoded_ratio_max = 100;  // 413: times the bytes received (wire)

}  // namespace weir::limits
