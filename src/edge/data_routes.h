#pragma once
// The answer of a data route: /sync/** and /kv/** handed to the data side, and its replies put on
// the wire. WebSockets are opened by live_sockets.h.
//
// The data side answers on its own threads; a reply comes back to the loop by message and finds the
// exchange gone or waiting. Server-sent events are pulled from a feed as the socket takes them, so
// a slow reader costs one cursor. One per loop.

#include "edge/config.h"
#include "edge/mounts.h"
#include "edge/visit.h"

#include "sync/service.h"

#include <functional>
#include <string>
#include <vector>

namespace weir::edge {

class DataRoutes {
 public:
  // Hears of key-value keys that were written, on a thread of the service, before the writer is
  // answered.
  using Changed = std::function<void(const std::vector<std::string>& keys)>;
  // `origins`: of pages that may open sockets (live_sockets.h). `changed` may be empty and must
  // outlive this.
  DataRoutes(sync::SyncService& service, Mounts mounts, std::vector<std::string> origins,
             const Changed& changed)
      : service_(service),
        mounts_(std::move(mounts)),
        origins_(std::move(origins)),
        changed_(changed) {}

  void answer(Visit& visit);
  void gone(Visit& visit);  // the client left: a waiting long poll is forgotten

 private:
  void ask(Visit& visit, sync::Surface surface, std::string_view below);
  void replied(Visit& visit, sync::Reply& reply);
  void stream(Visit& visit, sync::Reply& reply);

  sync::SyncService& service_;
  Mounts mounts_;
  std::vector<std::string> origins_;
  const Changed& changed_;
};

}  // namespace weir::edge
