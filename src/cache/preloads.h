#pragma once
// What a page's head asks a browser to fetch first, as the value of a Link field for 103 Early
// Hints (RFC 8297): style sheets, rel=preload and modulepreload, rel=preconnect.
//
// Reads no further than the head, and than limits::preload_scan_bytes_max; at most
// limits::preloads_max links. What is unusual (a media query, a data: URL, a link that is disabled)
// is left out: a hint too few costs nothing. Pure.

#include <string>
#include <string_view>

namespace weir::cache {

// `link_field`: the page's own Link field, whose members of these kinds come first. Empty = none.
std::string preloads_of(std::string_view html, std::string_view link_field);

}  // namespace weir::cache
