#include "edge/visit.h"

#include "edge/tables.h"

#include <algorithm>

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
  shows_shell = false;
  shows_not_found = false;
  rewritten_status = 0;
}

Visit& LoopState::take(http::Exchange& exchange) {
  if (free_.empty()) free_.push_back(std::make_unique<Visit>());
  Visit* visit = free_.back().release();
  free_.pop_back();
  visit->loop = this;
  visit->exchange = &exchange;
  visit->tables = held_.back().get();
  ++visit->tables->visits;
  exchange.set_user(visit, [](void* user) {
    Visit* done_visit = static_cast<Visit*>(user);
    done_visit->loop->give_back(*done_visit);
  });
  return *visit;
}

void LoopState::adopt(std::shared_ptr<const Tables> shared) {
  auto next = std::make_unique<LoopTables>();
  for (const auto& rules : shared->pipeline->rule_sets()) {
    std::shared_ptr<waf::Inspector> inspector;
    if (!held_.empty()) {
      const auto& known = held_.back()->shared->pipeline->rule_sets();
      const auto found = std::find(known.begin(), known.end(), rules);
      if (found != known.end())
        inspector = held_.back()->inspectors[static_cast<std::size_t>(found - known.begin())];
    }
    if (inspector == nullptr) inspector = std::make_shared<waf::Inspector>(rules);
    next->inspectors.push_back(std::move(inspector));
  }
  next->shared = std::move(shared);
  if (!held_.empty() && held_.back()->visits == 0) held_.pop_back();
  held_.push_back(std::move(next));
}

void LoopState::give_back(Visit& visit) {
  LoopTables* const left = visit.tables;
  visit.tables = nullptr;
  if (--left->visits == 0 && left != held_.back().get())
    std::erase_if(held_, [left](const auto& one) { return one.get() == left; });
  visit.reset();
  std::unique_ptr<Visit> owned(&visit);
  // As many as are in flight at once in ordinary times; a burst gives its memory back.
  if (free_.size() < limits::visits_kept_max) free_.push_back(std::move(owned));
}

}  // namespace weir::edge
