#include "edge/visit.h"

namespace weir::edge {

void Visit::reset() {
  exchange = nullptr;
  route = nullptr;
  step = 0;
  decision.route = {};
  decision.client = 0;
  decision.stages.clear();
  decision.score = 0;
  decision.hits.clear();
  decision.headers_set.clear();
  decision.headers_removed.clear();
  decision.cache = {};
  decision.upstream = {};
  decision.status = 0;
  token.reset();
  fields.clear();
  limit_fields.clear();
  body.reset();
  waits = 0;
  work = {};
  work_nanos = 0;
  proxy_ask = nullptr;
  sync_ask = 0;
  traced = false;
  body_read = false;
  rewritten = false;
  shows_not_found = false;
  rewritten_status = 0;
}

Visit& LoopState::take(http::Exchange& exchange) {
  if (free_.empty()) free_.push_back(std::make_unique<Visit>());
  Visit* visit = free_.back().release();
  free_.pop_back();
  visit->loop = this;
  visit->exchange = &exchange;
  exchange.set_user(visit, [](void* user) {
    Visit* done_visit = static_cast<Visit*>(user);
    done_visit->loop->give_back(*done_visit);
  });
  return *visit;
}

void LoopState::give_back(Visit& visit) {
  visit.reset();
  std::unique_ptr<Visit> owned(&visit);
  // As many as are in flight at once in ordinary times; a burst gives its memory back.
  if (free_.size() < limits::visits_kept_max) free_.push_back(std::move(owned));
}

}  // namespace weir::edge
