#pragma once
// The tables [hook.NAME], [cache] webhook and the other nodes of [cache] peers. For
// edge/config*.cpp only.

#include "edge/config_reader.h"

#include <string_view>

namespace weir::edge {

void read_hook(std::string_view name, Table& table, Config& config);
void read_own_hook(Table table, HookSettings& hook);
void read_peers(Table& cache_table, CacheSettings& cache);

}  // namespace weir::edge
