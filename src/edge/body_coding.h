#pragma once
// Bodies that come compressed (data D-36): decoded before anybody looks at them, so that the
// firewall inspects and the data side stores what the sender means.
//
// One coding, gzip or zstd; what is decoded is at most `limits::decoded_ratio_max` times what was
// received and never above the route's own bound for bodies, and no more than that is allocated.
// Used on the loop's thread of the visit.

#include "edge/visit.h"

#include <cstddef>

namespace weir::edge {

// Before the body is read: true when its coding is one that can be decoded (or none). Else the
// request has been refused with 415.
bool takes_coding(Visit& visit);

// When the body is there: into visit.body, once. False when the request has been refused: 400 for
// bytes that are not in that coding, 413 beyond the bounds.
bool decode_body(Visit& visit, std::size_t bytes_max);

}  // namespace weir::edge
