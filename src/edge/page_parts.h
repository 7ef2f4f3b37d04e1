#pragma once
// What answers made of a page share, be its body in memory (pages.cpp) or on disk
// (pages_on_disk.cpp): preconditions, and the words of partial answers. Loop thread.

#include "edge/visit.h"

#include "cache/page.h"
#include "http/conditions.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace weir::edge {

http::Condition condition_of(const cache::Page& page, std::string_view chosen_etag,
                             const http::Request& request, std::int64_t now_seconds);

// What a 206 shares with the whole answer; the head is made for it alone, as ranges are rare.
http::Response partial_head(const cache::Page& page, store::Rendition rendition);

// 80 random bits: that they occur in a body is not to be expected before the sun goes out.
std::string new_boundary();

void refuse_range(Visit& visit, std::uint64_t total_bytes);  // 416

}  // namespace weir::edge
