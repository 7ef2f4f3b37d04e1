#include "sync/reply.h"

#include <array>

namespace weir::sync {

namespace {

struct ProblemRow {
  Problem problem;
  std::string_view slug;
  int status;
};

constexpr std::array<ProblemRow, 18> problems{{
    {Problem::bad_request, "bad-request", 400},
    {Problem::unauthorized, "unauthorized", 401},
    {Problem::forbidden, "forbidden", 403},
    {Problem::not_found, "not-found", 404},
    {Problem::method_not_allowed, "method-not-allowed", 405},
    {Problem::op_gap, "op-gap", 409},
    {Problem::epoch_changed, "epoch-changed", 409},
    {Problem::replica_mismatch, "replica-mismatch", 409},
    {Problem::snapshot_required, "snapshot-required", 410},
    {Problem::precondition, "precondition", 412},
    {Problem::too_large, "too-large", 413},
    {Problem::invalid_op, "invalid-op", 422},
    {Problem::clock_drift, "clock-drift", 422},
    {Problem::rate_limited, "rate-limited", 429},
    {Problem::blocked, "blocked", 403},
    {Problem::storage_failed, "storage-failed", 503},
    {Problem::overloaded, "overloaded", 503},
    {Problem::quota, "quota", 507},
}};

constexpr bool rows_in_order() {
  for (std::size_t i = 0; i < problems.size(); ++i)
    if (problems[i].problem != static_cast<Problem>(i)) return false;
  return true;
}
static_assert(rows_in_order());

}  // namespace

std::string_view slug_of(Problem problem) {
  return problems[static_cast<std::size_t>(problem)].slug;
}
int status_of(Problem problem) { return problems[static_cast<std::size_t>(problem)].status; }

Reply problem_reply(Problem problem, std::string detail, text::Value::Object members) {
  Reply reply;
  reply.status = status_of(problem);
  reply.problem = slug_of(problem);
  reply.detail = std::move(detail);
  reply.members = std::move(members);
  return reply;
}

Reply json_reply(int status, std::string body) {
  Reply reply;
  reply.status = status;
  reply.fields = {{"content-type", "application/json"}};
  reply.body = std::make_shared<const std::string>(std::move(body));
  return reply;
}

}  // namespace weir::sync
