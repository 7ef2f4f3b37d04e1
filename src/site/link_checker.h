#pragma once
// External links of content (S-64), for `weir check --external`: asked with HEAD, and with GET
// where that does not do; 8 hosts at a time, one request per host at a time, each URL once and once
// more when nobody answers. `[link_checker]` says what is left out and whether a dead link is an
// error.
//
// Internal links and anchors are checked with the content (Site::render_all_content).

#include "site/diagnostics.h"

#include <cstddef>

namespace weir::site {

class Site;

// Needs all content, rendered in Mode::check. Returns how many URLs were asked.
std::size_t check_external_links(const Site& site, Diagnostics& diagnostics);

}  // namespace weir::site
