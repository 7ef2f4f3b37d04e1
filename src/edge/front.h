#pragma once
// What `serve` tells: the story of one request, from its head to its line in the log. One per loop.
//
//   head -> client address -> route -> steps in the route's order (steps.cpp) -> one of
//     Control    /_weir/**                    (control.cpp)
//     Proxy      routes to another server     (proxy.cpp)
//     DataRoutes /sync/**, /kv/**             (data_routes.cpp)
//     Pages      everything else              (pages.cpp)
//   -> counters, access log.

#include "edge/access_log.h"
#include "edge/control.h"
#include "edge/data_routes.h"
#include "edge/pages.h"
#include "edge/pipeline.h"
#include "edge/proxy.h"
#include "edge/succession.h"
#include "edge/tables.h"
#include "guard/acme_tokens.h"

#include <memory>
#include <optional>

namespace weir::edge {

// Shared by all loops; everything in it outlives them. What a reload replaces is in Tables instead.
struct FrontParts {
  cache::PageCache& cache;
  sync::SyncService* sync = nullptr;    // null = no [data]
  http::NameResolver* names = nullptr;  // null = no proxy routes
  const ControlParts& control;
  LineWriter* access_log = nullptr;  // null = off
  const Clock& clock;
  Log& log;
  const SuccessionParts& succession;
  const guard::AcmeTokens* acme = nullptr;  // null = no automatic certificates
  DataRoutes::Changed kv_changed = {};      // pages that are made from them are stale then
  std::shared_ptr<SiteRules> rules = std::make_shared<SiteRules>();
  ProxyStore proxy_store = {};
};

class Front final : public http::Handler, private Story {
 public:
  // `counters` are the loop's own; they outlive it.
  Front(const FrontParts& parts, std::shared_ptr<const Tables> tables, http::Loop& loop,
        Counters& counters);

  // A reload: requests that begin from now on see `tables`. On the loop's thread.

  void adopt(std::shared_ptr<const Tables> tables);
  // Asks the upstream anew for a stored answer, by the route that it would take now. `ready` as in
  // Proxy::refresh. On the loop's thread.
  void refresh(const std::shared_ptr<const cache::Answer>& old, std::function<void(bool)> ready);
  // What another node asks for, by the route that it names.
  void fill(const FillQuestion::AnswerAsked& asked, ProxyCache::CopyReady ready);
  void dropped_elsewhere(const std::string& key) {
    if (proxy_) proxy_->dropped_elsewhere(key);
  }
  // After a change of FrontParts::succession. On the loop's thread.
  void succession_changed();

  void on_request(http::Exchange& exchange) override;
  void on_finished(const http::Finished& finished) override;
  ErrorForm error_form(const http::Request& request) const override;
  void on_refused(const http::Peer& peer, int status, std::string_view reason) override;

 private:
  Visit& begin(http::Exchange& exchange);
  void walk(Visit& visit) override;
  void answer(Visit& visit);
  bool refused_by_listener(Visit& visit);
  bool answered_authority(Visit& visit);

  const FrontParts& parts_;
  LoopState state_;
  AccessLog access_log_;
  Pages pages_;
  Control control_;
  std::optional<DataRoutes> data_;
  std::optional<Proxy> proxy_;
  Succession succession_;
};

}  // namespace weir::edge
