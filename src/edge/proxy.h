#pragma once
// Proxy routes: a request that passed the steps is asked of another server, and its answer is
// passed on as it comes, both bodies with back-pressure (wire, section 7; guard G-13; cache C-38).
//
// What the server sees is written from what the guards saw: the decoded path encoded again, the
// query as sent, the request's fields without those of this hop. Nobody but us says who the client
// is (X-Forwarded-*, Forwarded, X-Real-IP; what trusted proxies said is kept in front), which
// claims it has, or which trace it belongs to. What the client sees is the server's answer without
// the fields of that hop.
//
// A body is streamed unless a step has read it; then it is sent from there. When there is no answer
// the client gets 502, 503 or 504 in the usual form; when an answer breaks off its connection is
// cut. On a route that keeps answers (`cache`), ProxyCache stands in between.
//
// A Proxy belongs to one loop's thread, a ProxyRoute is immutable.

#include "edge/proxy_ask.h"
#include "edge/proxy_cache.h"
#include "edge/proxy_request.h"
#include "edge/visit.h"

#include "base/worker_pool.h"
#include "cache/answer_cache.h"
#include "http/upstream.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace weir::edge {

// Where answers are kept; null = nowhere.
struct ProxyStore {
  cache::AnswerCache* answers = nullptr;
  // What carries one of these tags is not served again; any thread.
  std::function<void(std::vector<std::string> tags)> purge = {};
  WorkerPool* workers = nullptr;      // for codings and the disk
  cache::AnswerDisk* disk = nullptr;  // null = memory only
  FillLease* lease = nullptr;         // null = every node asks for itself
  cache::AnswerPolisher* polisher = nullptr;
};

class Proxy {
 public:
  Proxy(LoopState& state, http::NameResolver& resolver, const ProxyStore& store);
  ~Proxy();
  void answer(Visit& visit);
  void finished(Visit& visit);  // its exchange has ended: what is under way is cancelled
  // Asks anew for a stored answer. `ready` is called once, with whether it is the newest now; on
  // any thread.
  void refresh(const std::shared_ptr<const cache::Answer>& old,
               std::shared_ptr<const ProxyRoute> route, std::function<void(bool)> ready);
  // ProxyCache::fill; nothing is kept here: no copy.
  void fill(const FillQuestion::AnswerAsked& asked, std::shared_ptr<const ProxyRoute> route,
            ProxyCache::CopyReady ready);
  void dropped_elsewhere(const std::string& key) {
    if (cache_) cache_->dropped_elsewhere(key);
  }

 private:
  ProxyAsk& take(Visit& visit);
  void pass(ProxyAsk& ask, const ProxyRoute& route);

  http::UpstreamClient client_;
  ProxyComposer composer_;
  std::optional<ProxyCache> cache_;
  http::UpstreamOrder order_;  // scratch: its strings keep their room
  std::vector<std::unique_ptr<ProxyAsk>> asks_;
  std::vector<ProxyAsk*> free_;
};

}  // namespace weir::edge
