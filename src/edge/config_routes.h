#pragma once
// The [[route]] tables: match, target, stages. Cross references are checked here (G-54): every
// limit and auth that a stage names must exist, `failure_mode` must be said, and what is not built
// yet is refused. For config.cpp only.

#include "edge/config_reader.h"

namespace weir::edge {

void read_routes(Findings& findings, const text::Value* root, Config& config);

}  // namespace weir::edge
