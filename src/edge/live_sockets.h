#pragma once
// The WebSockets of the data mount: weir.sync.v1 (sync/session.h) on a socket of http/websocket.h.
//
// A socket is opened by a request that has passed its route's steps like any other, below the sync
// mount at any path. What its steps have decided holds for what it says later: a document is
// reached only when its own address leads to the same route; a batch that the route's WAF would
// refuse as a body is refused as a message; a new token must pass the route's auth steps. A page of
// another origin gets no socket unless `data.origins` names it.
//
// Each socket belongs to its loop, keeps the route it came by, and ends itself.

#include "edge/pipeline.h"
#include "edge/visit.h"

#include "sync/service.h"

#include <string>
#include <string_view>

namespace weir::edge {

struct LiveSettings {
  std::string mount;                 // "/sync"
  std::vector<std::string> origins;  // besides the host's own; "*" = any
};

// Answers the visit: with a socket, or with why there is none (400, 401, 403, 405, 426, 429, 503).
void open_live_socket(Visit& visit, sync::SyncService& service, const LiveSettings& settings);

}  // namespace weir::edge
