#pragma once
// The way of a request through the guards, on one page (the design's "way of a request").
//
// A route holds its own list of steps, compiled from the operator's configuration, in the
// operator's order. Each step says pass, refuse or wait. The first refusal wins. What a step adds
// to the answer only adds up. Each run leaves one row in the decision record, with its time. A step
// that fails by itself (no keys, a full queue) is judged by the `failure_mode` that the operator
// named, and counted apart.
//
// Steps run on the loop and never block it: the work that may take long (a large body through the
// WAF) goes to a worker and the step waits. A verdict that comes later than the step's `timeout`
// from a worker is a failure; one that was reached on the loop itself stands, because it is already
// here, and is counted as late.

#include "edge/config.h"
#include "edge/mounts.h"
#include "edge/visit.h"

#include "guard/client_certificate.h"
#include "guard/jwt.h"
#include "guard/limiter.h"
#include "waf/inspect.h"

#include <array>
#include <span>
#include <string_view>
#include <vector>

namespace weir {
class WorkerPool;
}

namespace weir::edge {

// pass: walk on. refuse: the exchange holds the answer. wait: a message to this loop resumes it, or
// its timeout fails it.
enum class Outcome : std::uint8_t { pass, refuse, wait };

struct StepSettings;

struct Step {
  std::string_view name;  // appears in the decision record, in metrics and in Server-Timing
  Outcome (*run)(Visit&, const StepSettings&);
};

// In the order of StageKind.
extern const std::array<Step, step_kinds> steps;

// "scope:orders.write", "claim:role=admin"
struct Requirement {
  enum class Kind : std::uint8_t { scope, claim } kind = Kind::scope;
  std::string name;
  std::string value;
};

// One stage of one route, ready to run. What it points to belongs to the Pipeline.
struct StepSettings {
  StageKind kind = StageKind::trace;
  FailureMode failure_mode = FailureMode::closed;
  Nanos timeout{0};        // 0 = none
  std::string_view table;  // of the [limit.*] or [auth.*], for the record
  // trace
  guard::TraceMode untrusted = guard::TraceMode::link;
  const guard::TrustedProxies* proxies = nullptr;
  // limit
  guard::Limiter* limiter = nullptr;
  const guard::Limit* limit = nullptr;
  bool sends_fields = true;
  // auth
  std::vector<guard::JwtVerifier*> verifiers;
  std::vector<const guard::ClientCertificatePolicy*> certificates;
  std::vector<Requirement> requirements;
  bool allow_anonymous = false;
  bool verbose_errors = false;
  // waf
  std::size_t rule_set = 0;
  std::shared_ptr<const waf::RuleSet> rules;
  waf::Bands bands;
  bool blocks = true;
  bool takes_body = false;
  std::size_t body_bytes_max = 0;
  Mounts mounts;  // whose bodies are JSON whatever they declare
  WorkerPool* workers = nullptr;
};

// Runs one step and writes its row.
Outcome run_step(Visit& visit, const StepSettings& settings);

// What the steps of a route say of things that come after its answer, on a socket that stays open.
//
// The claims of a new token that passes all auth steps; null when one refuses it, or there is none.
// A token that is bound to a certificate is refused: the connection's is not at hand. Any thread.
std::shared_ptr<const guard::TokenClaims> judge_token(std::span<const StepSettings> route_steps,
                                                      std::string_view token, guard::Moment now);
// Whether a WAF step of the route would refuse a request with this body. Any thread.
bool blocks_body(std::span<const StepSettings> route_steps, const waf::WafRequest& request,
                 std::string_view body);

// "Server-Timing: trace;dur=0.002, limit;dur=0.011, cache;desc=hit\r\n"
void append_server_timing(std::string& out, const Visit& visit);

}  // namespace weir::edge
