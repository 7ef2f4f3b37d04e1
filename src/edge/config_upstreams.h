#pragma once
// The tables [upstream.NAME] and [breaker.NAME], and `to = { proxy = ... }` of a route. For
// edge/config*.cpp only.

#include "edge/config_reader.h"

#include <string_view>

namespace weir::edge {

void read_breaker(std::string_view name, Table& table, Config& config);
void read_upstream(std::string_view name, Table& table, Config& config);

// Reads the keys of `to` that belong to a proxy route. A URL in `proxy` becomes an upstream of its
// own, named by the URL.
void read_proxy(Table& target, Config& config, ProxySettings& proxy);
// The keys of `cache` that only a proxy route has, behind those that all have.
void read_proxy_cache(Table& cache, RouteSettings& route);

}  // namespace weir::edge
