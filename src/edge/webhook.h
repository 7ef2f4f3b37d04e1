#pragma once
// What a webhook asks for: from the form of POST /_weir/purge, or from a sender's own payload by
// the hook's map. Who may ask is decided before (hook_senders.h). Pure functions.

#include "edge/config.h"

#include "cache/purge.h"

#include <string_view>

namespace weir::edge {

// The body of POST /_weir/purge:
// {"tags":[],"paths":[],"prefix":[],"host":"","all":false,"mode":"soft","wait":"durable","id":""}.
// Unknown members are refused, so that a misspelt "tag" is not a purge of nothing.
Result<cache::PurgeRequest> parse_purge(std::string_view body, cache::Mode standard_mode);

// A sender's own payload, through the hook's map: {"data.slug" -> "path:/blog/{}/"}, and what it
// always asks for. May ask for nothing.
Result<cache::PurgeRequest> map_payload(std::string_view body, const HookSettings& hook);

bool asks_for_something(const cache::PurgeRequest& request);

}  // namespace weir::edge
