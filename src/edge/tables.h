#pragma once
// Everything of a configuration that a reload replaces, in one immutable piece.
//
// A reload makes a new Tables beside the one in use and hands it to each loop. Requests that began
// under the old one end under it: each loop holds the old one until its last visit has ended
// (LoopTables, visit.h). What cannot be replaced while the process runs is named by `fixed_parts`,
// so that an operator hears what still waits for an upgrade.

#include "edge/config.h"
#include "edge/pipeline.h"

#include <memory>
#include <string>
#include <vector>

namespace weir::edge {

struct Tables {
  Config config;
  std::shared_ptr<Pipeline> pipeline;
  std::vector<Secret> admin_tokens;
  std::vector<std::string> notes;  // for readyz: allow_insecure, features that are not there yet
};

// `config` with its guards, compiled. What is defined as in `before` (null = nothing) goes on with
// the state it has: fetched keys, counted requests, compiled rules.
Result<std::shared_ptr<const Tables>> open_tables(Config config, const std::vector<Error>& notices,
                                                  const PipelineParts& parts, const Tables* before);

// The settings in which the two differ and that a running process does not take: "serve.listen",
// "cache.dir", ... Pure.
std::vector<std::string> fixed_parts(const Config& before, const Config& after);

}  // namespace weir::edge
