#pragma once
// Routes to pages that no file is: `to = { page = "x.html", load = { ... } }` and their `cache`.
// For edge/config*.cpp only. Whether the template and the data file are there is the site's
// business (site/dynamic_page.h).

#include "edge/config_reader.h"

namespace weir::edge {

// The keys of `to`. The patterns of the route are read by now.
void read_page(Table& target, const Config& config, RouteSettings& route);
// The keys of `cache` that such a route has beside ttl, swr and sie.
void read_page_cache(Table& cache, PageSettings& page);

}  // namespace weir::edge
