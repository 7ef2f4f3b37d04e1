#pragma once
// [serve]: listeners, limits, time limits, and the variables that say where to listen. For
// edge/config.cpp only.

#include "edge/config_reader.h"

namespace weir::edge {

void read_serve(Table table, ServeSettings& serve);

}  // namespace weir::edge
