#pragma once
// What the edge knows of one request on its way through the steps, and what each loop keeps for
// them.
//
// A Visit is taken from its loop's pool when the head has arrived and goes back after the access
// log line; its strings keep their room, so that a request allocates nothing once the pool is warm.
// It belongs to one loop's thread.

#include "edge/counters.h"

#include "guard/client_address.h"
#include "guard/decision.h"
#include "guard/token_cache.h"
#include "guard/trace.h"
#include "http/exchange.h"
#include "http/loop.h"
#include "http/upstream.h"
#include "waf/inspect.h"

#include <memory>
#include <string>
#include <vector>

namespace weir::edge {

struct Visit;
struct Route;
struct LoopState;
struct Tables;

// The story of a request (front.h), as far as a step that waited must know it: it walks on from
// visit.step.
class Story {
 public:
  virtual ~Story() = default;
  virtual void walk(Visit& visit) = 0;
};

// One loop's hold on the tables of a configuration (tables.h). A plain count keeps them alive while
// requests that began under them are under way: no atomic on the way of a request.
struct LoopTables {
  std::shared_ptr<const Tables> shared;
  // By index of the rule set (Pipeline::rule_sets); with a rule set that a reload keeps, its
  // inspector stays.
  std::vector<std::shared_ptr<waf::Inspector>> inspectors;
  std::size_t visits = 0;
};

struct Visit {
  http::Exchange* exchange = nullptr;
  LoopState* loop = nullptr;
  LoopTables* tables = nullptr;  // of the configuration that it began under
  const Route* route = nullptr;
  std::size_t step = 0;  // the next one to run, index into route->steps
  Mono began;            // of the step that waits
  guard::IpAddress client;
  guard::Trace trace;
  guard::Decision decision;
  std::shared_ptr<const guard::TokenClaims> token;  // of the verified credential
  std::string fields;  // whole lines "Name: value\r\n" for the answer; steps only ever add
  std::string
      limit_fields;  // RateLimit: not sent with an answer whose Age is above zero (guard G-30)
  std::shared_ptr<const std::string> body;  // taken from the exchange when a worker looks at it
  std::uint32_t waits =
      0;  // the ticket of the latest wait: whatever comes back with an older one comes too late
  std::string_view work = {};  // what the answer waited for: "load" from the store, "render"
  std::uint32_t work_nanos = 0;
  http::AnswerSink* proxy_ask = nullptr;  // a request under way upstream (proxy.cpp)
  std::uint64_t sync_ask = 0;  // a data request under way, to be cancelled when the client leaves
  bool traced = false;
  bool body_read = false;
  bool rewritten = false;        // another path's page is shown: rules are not asked again
  bool shows_shell = false;      // what stands in for a page that is still to be made
  bool shows_not_found = false;  // the 404 page is on its way
  int rewritten_status = 0;      // and with this status instead of its own; 0 = its own

  void reset();
};

// One per loop, made and used on the loop's thread. `counters` are read from others, and stay when
// the loop has ended.
struct LoopState {
  LoopState(http::Loop& its_loop, const Clock& its_clock, Counters& its_counters)
      : loop(its_loop), clock(its_clock), counters(its_counters) {}

  Visit& take(http::Exchange& exchange);
  void give_back(Visit& visit);
  // Later visits begin under `shared`; those before it leave with the last visit of theirs.
  void adopt(std::shared_ptr<const Tables> shared);
  LoopTables& tables() { return *held_.back(); }
  const Tables& now() const { return *held_.back()->shared; }

  http::Loop& loop;
  const Clock& clock;
  guard::RandomIds random;
  Counters& counters;
  Story* story = nullptr;

 private:
  std::vector<std::unique_ptr<Visit>> free_;
  std::vector<std::unique_ptr<LoopTables>> held_;  // the last one is in use
};

}  // namespace weir::edge
