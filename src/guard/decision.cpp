#include "guard/decision.h"

#include "base/bytes.h"
#include "base/log.h"
#include "base/text_escape.h"

#include <algorithm>

namespace weir::guard {
namespace {

void append_number(std::string& out, std::string_view name, std::int64_t value) {
  out += ",\"";
  out += name;
  out += "\":";
  out += std::to_string(value);
}

void append_text(std::string& out, std::string_view name, std::string_view value) {
  out += ",\"";
  out += name;
  out += "\":";
  append_json_string(out, value);
}

template <std::size_t room>
void append_names(std::string& out, std::string_view name,
                  const FixedList<std::string_view, room>& names) {
  if (names.count() == 0) return;
  out += ",\"";
  out += name;
  out += "\":[";
  for (const std::string_view& one : names) {
    if (&one != names.begin()) out += ',';
    append_json_string(out, one);
  }
  out += ']';
  if (names.left_out() != 0)
    append_number(out, std::string(name) + "_left_out",
                  static_cast<std::int64_t>(names.left_out()));
}

}  // namespace

std::string_view name_of(StageOutcome outcome) {
  constexpr std::array<std::string_view, 6> names{"pass",      "refuse",      "shadow",
                                                  "fail-open", "fail-closed", "skipped"};
  return names[static_cast<std::size_t>(outcome)];
}

bool is_refusal(const Decision& decision) {
  return std::any_of(decision.stages.begin(), decision.stages.end(), [](const StageRecord& stage) {
    return stage.outcome == StageOutcome::refuse || stage.outcome == StageOutcome::fail_closed;
  });
}

void append_upstream_json(std::string& out, const UpstreamRecord& upstream) {
  out += "{\"name\":";
  append_json_string(out, upstream.name);
  if (!upstream.server.empty()) append_text(out, "server", upstream.server);
  append_number(out, "connect_us", upstream.connect_us);
  append_number(out, "first_byte_us", upstream.first_byte_us);
  append_number(out, "connects", upstream.connects);
  if (upstream.reused) out += ",\"reused\":true";
  if (upstream.retried) out += ",\"retried\":true";
  if (!upstream.failure.empty()) append_text(out, "failure", upstream.failure);
  out += '}';
}

void append_decision_json(std::string& out, const Decision& decision) {
  out += "{\"event\":\"decision\"";
  append_text(out, "id", {decision.id.data(), decision.id.size()});
  append_text(out, "time", iso_time_of(decision.time));
  append_text(out, "route", decision.route);
  std::array<std::byte, 8> client{};
  store_le(client.data(), decision.client);
  append_text(out, "client", hex_of(client));
  append_number(out, "status", decision.status);
  if (!decision.cache.empty()) append_text(out, "cache", decision.cache);
  if (!decision.upstream.name.empty()) {
    out += ",\"upstream\":";
    append_upstream_json(out, decision.upstream);
  }
  out += ",\"stages\":[";
  for (const StageRecord& stage : decision.stages) {
    if (&stage != decision.stages.begin()) out += ',';
    out += "{\"stage\":";
    append_json_string(out, stage.stage);
    if (!stage.name.empty()) append_text(out, "name", stage.name);
    append_text(out, "outcome", name_of(stage.outcome));
    if (!stage.reason.empty()) append_text(out, "reason", stage.reason);
    // Microseconds with a fraction: many stages take less than one.
    out += ",\"us\":" + std::to_string(stage.nanos / 1000) + '.' +
           std::to_string(stage.nanos % 1000 / 100);
    out += '}';
  }
  out += ']';
  if (decision.score != 0 || decision.hits.count() != 0) {
    append_number(out, "score", decision.score);
    out += ",\"hits\":[";
    for (const RuleHit& hit : decision.hits) {
      if (&hit != decision.hits.begin()) out += ',';
      out += "{\"rule\":" + std::to_string(hit.rule);
      append_number(out, "points", hit.points);
      append_text(out, "target", hit.target_text());
      append_number(out, "offset", hit.offset);
      out += '}';
    }
    out += ']';
    if (decision.hits.left_out() != 0)
      append_number(out, "hits_left_out", static_cast<std::int64_t>(decision.hits.left_out()));
  }
  append_names(out, "headers_set", decision.headers_set);
  append_names(out, "headers_removed", decision.headers_removed);
  out += '}';
}

bool is_sampled(const Decision& decision, double share) {
  if (share >= 1) return true;
  // The id is 128 random bits in hex, so that its last eight digits are a fair die.
  std::uint64_t number = 0;
  for (std::size_t i = 24; i < 32; ++i)
    number = number << 4 | static_cast<std::uint64_t>(std::max(hex_digit_of(decision.id[i]), 0));
  return static_cast<double>(number) < share * 4294967296.0;
}

}  // namespace weir::guard
