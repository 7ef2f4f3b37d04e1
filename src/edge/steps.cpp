#include "edge/steps.h"

#include "base/must.h"
#include "base/worker_pool.h"
#include "edge/answers.h"
#include "edge/body_coding.h"

#include "http/websocket_handshake.h"

#include <algorithm>
#include <charconv>

namespace weir::edge {
namespace {

using guard::StageOutcome;

// How a step ended, before `failure_mode` is asked.
struct Ended {
  StageOutcome outcome = StageOutcome::pass;
  std::string_view reason = {};
};

void write_row(Visit& visit, const StepSettings& settings, Ended ended) {
  const Nanos took = visit.loop->clock.mono() - visit.began;
  const auto nanos = static_cast<std::uint32_t>(std::min<std::int64_t>(took.count(), UINT32_MAX));
  const auto kind = static_cast<std::size_t>(settings.kind);
  visit.decision.stages.add({steps[kind].name, settings.table, ended.outcome, ended.reason, nanos});
  visit.loop->counters.steps[kind][static_cast<std::size_t>(ended.outcome)].add();
  visit.loop->counters.step_latency[kind].add(nanos / 1'000);
  if (settings.timeout.count() > 0 && took > settings.timeout)
    visit.loop->counters.late_verdicts.add();
}

Outcome passed(Visit& visit, const StepSettings& settings, Ended ended = {}) {
  write_row(visit, settings, ended);
  return Outcome::pass;
}

Outcome refused(Visit& visit, const StepSettings& settings, std::string_view reason,
                const Refusal& refusal) {
  write_row(visit, settings, {StageOutcome::refuse, reason});
  refuse(visit, refusal);
  return Outcome::refuse;
}

// A body that cannot be decoded, or not within bounds (waf W-26): the answer has been given.
Outcome refused_body(Visit& visit, const StepSettings& settings) {
  write_row(visit, settings, {StageOutcome::refuse, "coded-body"});
  return Outcome::refuse;
}

// The step itself could not decide (guard G-47): the operator has said what then.
Outcome failed(Visit& visit, const StepSettings& settings, std::string_view reason) {
  if (settings.failure_mode == FailureMode::open)
    return passed(visit, settings, {StageOutcome::fail_open, reason});
  write_row(visit, settings, {StageOutcome::fail_closed, reason});
  refuse(visit, {503,
                 "stage-failed",
                 "A guard of this route could not decide, so the request was refused.",
                 {},
                 {{"Retry-After", "1"}}});
  return Outcome::refuse;
}

// The values of every line of one field. At most 8: more lines of one name than that are judged by
// the first ones, and each user of this refuses two already.
struct Lines {
  std::array<std::string_view, 8> values;
  std::size_t count = 0;
  std::span<const std::string_view> span() const { return {values.data(), count}; }
};

Lines lines_of(const http::Request& request, http::Known known, std::string_view name) {
  Lines lines;
  if (!request.has(known)) return lines;
  for (const http::Field& field : request.fields) {
    if (field.name == name && lines.count < lines.values.size())
      lines.values[lines.count++] = field.value;
  }
  return lines;
}

// --- trace ---------------------------------------------------------------------------------------

Outcome continue_trace(Visit& visit, const StepSettings& settings) {
  const http::Request& request = visit.exchange->request();
  guard::TraceMode mode = settings.untrusted;
  const guard::IpAddress peer{request.peer->address};
  if (settings.proxies != nullptr && settings.proxies->has(peer)) mode = guard::TraceMode::trust;
  const Lines parents = lines_of(request, http::Known::traceparent, "traceparent");
  const Lines states = lines_of(request, http::Known::tracestate, "tracestate");
  visit.trace = guard::begin_trace(parents.span(), states.span(), mode, visit.loop->random);
  visit.decision.id = guard::trace_id_text_of(visit.trace.id);
  visit.traced = true;
  const guard::TraceParentText text = guard::traceparent_text_of(visit.trace);
  visit.fields += "traceparent: ";
  visit.fields.append(text.data(), text.size());
  visit.fields += "\r\n";
  return passed(visit, settings);
}

// --- limit ---------------------------------------------------------------------------------------

Outcome take_from_bucket(Visit& visit, const StepSettings& settings) {
  const guard::LimitPolicy& policy = settings.limit->policy();
  const guard::LimitSubject subject{visit.exchange->request(), visit.client, visit.token.get()};
  const auto slot = settings.limiter->slot_of(*settings.limit, subject);
  if (!slot) return passed(visit, settings, {StageOutcome::skipped, "no-key"});
  if (visit.decision.client == 0) visit.decision.client = slot->low;
  const guard::LimitDecision decision = settings.limiter->take(*settings.limit, *slot, visit.began);
  if (decision.allowed) {
    if (settings.sends_fields)
      guard::append_limit_fields(visit.limit_fields, *settings.limit, decision);
    return passed(visit, settings);
  }
  if (policy.mode == guard::LimitMode::shadow)
    return passed(visit, settings, {StageOutcome::shadow, "over"});
  if (policy.spares_loopback && visit.client.is_loopback())
    return passed(visit, settings, {StageOutcome::shadow, "loopback"});
  visit.limit_fields.clear();
  guard::append_limit_fields(visit.limit_fields, *settings.limit, decision);
  const std::string members = "\"violated-policies\":[\"" + policy.name + "\"]";
  return refused(visit, settings, "over",
                 {429, guard::quota_problem_type,
                  "Too many requests; Retry-After says when to come again.", members});
}

// --- auth ----------------------------------------------------------------------------------------

Outcome unauthorized(Visit& visit, const StepSettings& settings, std::string_view reason,
                     std::string_view challenge) {
  std::string detail = "A valid token is needed.";
  if (settings.verbose_errors) detail += " Reason: " + std::string(reason) + ".";
  return refused(visit, settings, reason,
                 {401, "unauthorized", detail, {}, {{"WWW-Authenticate", std::string(challenge)}}});
}

// A claim that is a list meets a requirement with any of its texts.
bool is_met(const Requirement& requirement, const guard::TokenClaims& token) {
  if (requirement.kind == Requirement::Kind::scope) return token.has_scope(requirement.name);
  const text::Value* const claim = token.claims.find(requirement.name);
  if (claim != nullptr && claim->is_array()) {
    const auto& items = *claim->array();
    return std::any_of(items.begin(), items.end(), [&](const text::Value& item) {
      return item.string() != nullptr && *item.string() == requirement.value;
    });
  }
  return token.text_of(requirement.name) == requirement.value;
}

// The certificate of the connection, where the route takes one (guard G-24).
std::shared_ptr<const guard::TokenClaims> client_of(const Visit& visit,
                                                    const StepSettings& settings) {
  const http::ClientCertificate* shown = visit.exchange->request().client_certificate;
  if (shown == nullptr) return nullptr;
  for (const guard::ClientCertificatePolicy* policy : settings.certificates)
    if (auto claims = guard::claims_of(*shown, *policy)) return claims;
  return nullptr;
}

Outcome judge_requirements(Visit& visit, const StepSettings& settings) {
  for (const Requirement& requirement : settings.requirements) {
    if (is_met(requirement, *visit.token)) continue;
    return refused(visit, settings, "insufficient-scope",
                   {403,
                    "insufficient-scope",
                    "The credential lacks a scope or claim that this route requires.",
                    {},
                    {{"WWW-Authenticate", "Bearer error=\"insufficient_scope\""}}});
  }
  for (const auto& header : visit.token->headers) visit.decision.headers_set.add(header.first);
  return passed(visit, settings);
}

// A route that takes nothing but certificates: HTTP has no challenge that asks for one.
Outcome certificate_missing(Visit& visit, const StepSettings& settings) {
  const bool shown = visit.exchange->request().client_certificate != nullptr;
  if (!shown && settings.allow_anonymous)
    return passed(visit, settings, {StageOutcome::skipped, "anonymous"});
  return refused(
      visit, settings, shown ? "certificate-other" : "certificate-absent",
      {403, "certificate-needed", "A client certificate that this route takes is needed."});
}

// A page cannot set Authorization for its WebSocket: it offers its token as a subprotocol,
// "bearer.<token>", beside the one that it wants to speak (data, D-40).
guard::Credential credential_of(const http::Request& request) {
  using Found = guard::Credential::Found;
  const Lines lines = lines_of(request, http::Known::authorization, "authorization");
  guard::Credential credential = guard::bearer_of(lines.span());
  if (!http::asks_for_websocket(request)) return credential;
  constexpr std::string_view prefix = "bearer.";
  for (const std::string_view offered : http::subprotocols_of(request)) {
    if (offered.substr(0, prefix.size()) != prefix) continue;
    if (credential.found != Found::none) return {Found::several};
    credential = {Found::one, offered.substr(prefix.size())};
  }
  return credential;
}

guard::TokenVerdict judge_by_any(const StepSettings& settings, std::string_view token,
                                 guard::Moment now, bool& keys_missing) {
  guard::TokenVerdict verdict;
  for (guard::JwtVerifier* verifier : settings.verifiers) {
    verdict = verifier->verify(token, now);
    if (verdict.ok()) break;
    keys_missing = keys_missing || verdict.reason == guard::TokenReason::keys_unavailable;
  }
  return verdict;
}

Outcome verify_token(Visit& visit, const StepSettings& settings) {
  const guard::Credential credential = credential_of(visit.exchange->request());
  using Found = guard::Credential::Found;
  if (credential.found == Found::several) {
    return refused(visit, settings, guard::name_of(guard::TokenReason::several),
                   {400, "several-credentials", "A request carries exactly one credential."});
  }
  if (credential.found == Found::none || settings.verifiers.empty()) {
    visit.token = client_of(visit, settings);
    if (visit.token != nullptr) return judge_requirements(visit, settings);
    if (settings.verifiers.empty()) return certificate_missing(visit, settings);
    if (settings.allow_anonymous)
      return passed(visit, settings, {StageOutcome::skipped, "anonymous"});
    return unauthorized(visit, settings, guard::name_of(guard::TokenReason::absent), "Bearer");
  }
  if (credential.found == Found::not_bearer) {
    return unauthorized(visit, settings, guard::name_of(guard::TokenReason::not_bearer), "Bearer");
  }
  const guard::Moment now{visit.loop->clock.wall(), visit.began};
  bool keys_missing = false;
  guard::TokenVerdict verdict = judge_by_any(settings, credential.token, now, keys_missing);
  const guard::TokenReason reason = verdict.reason;
  if (verdict.ok() &&
      guard::is_bound_elsewhere(*verdict.token, visit.exchange->request().client_certificate))
    return unauthorized(visit, settings, "bound-elsewhere", "Bearer error=\"invalid_token\"");
  visit.token = std::move(verdict.token);
  if (visit.token == nullptr) {
    if (keys_missing)
      return failed(visit, settings, guard::name_of(guard::TokenReason::keys_unavailable));
    return unauthorized(visit, settings, guard::name_of(reason), "Bearer error=\"invalid_token\"");
  }
  return judge_requirements(visit, settings);
}

// --- waf -----------------------------------------------------------------------------------------

guard::RuleHit row_of(const waf::Hit& hit) {
  guard::RuleHit row;
  row.rule = hit.rule;
  row.points = waf::points_of(hit.severity);
  row.offset = hit.offset;
  std::string target(waf::name_of(hit.target));
  if (!hit.name.empty()) target += ":" + std::string(hit.name);
  row.target_bytes = static_cast<std::uint8_t>(target.copy(row.target.data(), row.target.size()));
  return row;
}

// A rule counts once per request, in its head or its body.
void add_hit(guard::Decision& decision, const guard::RuleHit& hit) {
  const bool known =
      std::any_of(decision.hits.begin(), decision.hits.end(),
                  [&](const guard::RuleHit& other) { return other.rule == hit.rule; });
  if (known) {
    decision.score -= hit.points;
  } else {
    decision.hits.add(hit);
  }
}

void add_verdict(guard::Decision& decision, const waf::Verdict& verdict) {
  decision.score += verdict.score;
  for (const waf::Hit& hit : verdict.hits) add_hit(decision, row_of(hit));
}

Outcome judge_score(Visit& visit, const StepSettings& settings) {
  const waf::Band band = settings.bands.of(visit.decision.score);
  if (band != waf::Band::block) {
    return passed(
        visit, settings,
        {StageOutcome::pass, band == waf::Band::log ? waf::name_of(band) : std::string_view()});
  }
  if (!settings.blocks) return passed(visit, settings, {StageOutcome::shadow, waf::name_of(band)});
  return refused(visit, settings, waf::name_of(band),
                 {403, "blocked", "The request looked like an attack and was refused."});
}

waf::WafRequest waf_request_of(const http::Request& request, const StepSettings& settings) {
  const bool is_json = settings.mounts.reads_json(request.method_text, request.path);
  return {request.method_text, request.raw_path, request.query, request.fields,
          is_json ? waf::BodyReading::json : waf::BodyReading::as_declared};
}

// A large body is judged on a worker, which must own every byte that it looks at: the client may
// leave meanwhile.
struct LargeBody {
  std::string method, raw_path, query;
  std::vector<std::pair<std::string, std::string>> owned_fields;
  std::shared_ptr<const std::string> body;
  waf::BodyReading reading = waf::BodyReading::as_declared;
  std::size_t body_bytes_max = 0;
  std::shared_ptr<const waf::RuleSet> rules;
};

struct Inspected {
  int score = 0;
  std::vector<guard::RuleHit> hits;
};

Inspected inspect_on_worker(const LargeBody& work) {
  std::vector<http::Field> fields;
  fields.reserve(work.owned_fields.size());
  for (const auto& field : work.owned_fields) fields.push_back({field.first, field.second});
  waf::InspectorOptions options;
  options.clean_memory = waf::CleanMemory::off;  // made for this one body
  options.body_bytes_max = work.body_bytes_max;  // what the route takes is what is inspected
  waf::Inspector inspector(work.rules, options);
  const waf::Verdict verdict = inspector.inspect_body(
      {work.method, work.raw_path, work.query, fields, work.reading}, *work.body);
  Inspected inspected{verdict.score, {}};
  for (const waf::Hit& hit : verdict.hits) inspected.hits.push_back(row_of(hit));
  return inspected;
}

void walk_on(Visit& visit, Outcome outcome) {
  if (outcome != Outcome::pass) return;
  ++visit.step;
  visit.loop->story->walk(visit);
}

// Gives the body to a worker. The first of verdict and timeout resumes the request; the other finds
// an old ticket.
Outcome inspect_large(Visit& visit, const StepSettings& settings) {
  const http::Request& request = visit.exchange->request();
  auto work = std::make_shared<LargeBody>();
  work->method = request.method_text;
  work->raw_path = request.raw_path;
  work->query = request.query;
  for (const http::Field& field : request.fields)
    work->owned_fields.emplace_back(field.name, field.value);
  if (visit.body == nullptr)
    visit.body = std::make_shared<const std::string>(visit.exchange->take_body());
  work->body = visit.body;
  work->reading = waf_request_of(request, settings).body_reading;
  work->body_bytes_max = settings.body_bytes_max;
  work->rules = settings.rules;

  http::Loop& loop = visit.exchange->loop();
  const http::ExchangeId id = visit.exchange->id();
  const std::uint32_t ticket = ++visit.waits;
  const StepSettings* step = &settings;
  const auto resume = [&loop, id, ticket](auto&& decide) {
    http::Exchange* exchange = loop.find(id);
    if (exchange == nullptr || exchange->answered()) return;
    Visit& waiting = *static_cast<Visit*>(exchange->user());
    if (waiting.waits != ticket) return;
    ++waiting.waits;
    walk_on(waiting, decide(waiting));
  };
  const Status offered = settings.workers->offer([&loop, work, resume, step] {
    auto verdict = std::make_shared<const Inspected>(inspect_on_worker(*work));
    loop.post([resume, verdict, step] {
      resume([&](Visit& waiting) {
        waiting.decision.score += verdict->score;
        for (const guard::RuleHit& hit : verdict->hits) add_hit(waiting.decision, hit);
        return judge_score(waiting, *step);
      });
    });
  });
  if (!offered.ok()) return failed(visit, settings, "queue-full");
  if (settings.timeout.count() > 0) {
    loop.after(settings.timeout, [resume, step] {
      resume([&](Visit& waiting) { return failed(waiting, *step, "timeout"); });
    });
  }
  return Outcome::wait;
}

Outcome inspect_body(Visit& visit, const StepSettings& settings) {
  visit.body_read = true;
  if (!decode_body(visit, settings.body_bytes_max)) return refused_body(visit, settings);
  const std::string_view body =
      visit.body != nullptr ? std::string_view(*visit.body) : visit.exchange->body();
  if (body.size() > limits::waf_body_inline_bytes_max) return inspect_large(visit, settings);
  waf::Inspector& inspector = *visit.tables->inspectors[settings.rule_set];
  add_verdict(visit.decision,
              inspector.inspect_body(waf_request_of(visit.exchange->request(), settings), body));
  return judge_score(visit, settings);
}

Outcome score_request(Visit& visit, const StepSettings& settings) {
  const http::Request& request = visit.exchange->request();
  waf::Inspector& inspector = *visit.tables->inspectors[settings.rule_set];
  add_verdict(visit.decision, inspector.inspect_head(waf_request_of(request, settings)));
  const bool expects_body =
      settings.takes_body && request.framing != http::Framing::none && !request.dropped_body;
  const bool is_over =
      settings.blocks && settings.bands.of(visit.decision.score) == waf::Band::block;
  if (!expects_body || is_over) return judge_score(visit, settings);
  if (!takes_coding(visit)) return refused_body(visit, settings);
  const StepSettings* step = &settings;
  visit.exchange->read_body(settings.body_bytes_max, [step](http::Exchange& exchange) {
    Visit& waiting = *static_cast<Visit*>(exchange.user());
    waiting.began = waiting.loop->clock.mono();
    walk_on(waiting, inspect_body(waiting, *step));
  });
  return Outcome::wait;
}

void append_millis(std::string& out, std::uint64_t nanos) {
  char digits[24];
  const std::uint64_t micros = nanos / 1'000;
  char* end = std::to_chars(digits, digits + sizeof digits, micros / 1'000).ptr;
  *end++ = '.';
  *end++ = static_cast<char>('0' + micros / 100 % 10);
  *end++ = static_cast<char>('0' + micros / 10 % 10);
  *end++ = static_cast<char>('0' + micros % 10);
  out.append(digits, static_cast<std::size_t>(end - digits));
}

}  // namespace

const std::array<Step, step_kinds> steps{{
    {"trace", continue_trace},
    {"limit", take_from_bucket},
    {"auth", verify_token},
    {"waf", score_request},
}};

Outcome run_step(Visit& visit, const StepSettings& settings) {
  visit.began = visit.loop->clock.mono();
  return steps[static_cast<std::size_t>(settings.kind)].run(visit, settings);
}

std::shared_ptr<const guard::TokenClaims> judge_token(std::span<const StepSettings> route_steps,
                                                      std::string_view token, guard::Moment now) {
  std::shared_ptr<const guard::TokenClaims> judged;
  for (const StepSettings& settings : route_steps) {
    if (settings.kind != StageKind::auth) continue;
    bool keys_missing = false;
    judged = judge_by_any(settings, token, now, keys_missing).token;
    if (judged == nullptr || guard::is_bound_elsewhere(*judged, nullptr)) return nullptr;
    for (const Requirement& requirement : settings.requirements)
      if (!is_met(requirement, *judged)) return nullptr;
  }
  return judged;
}

bool blocks_body(std::span<const StepSettings> route_steps, const waf::WafRequest& request,
                 std::string_view body) {
  for (const StepSettings& settings : route_steps) {
    if (settings.kind != StageKind::waf || !settings.blocks || !settings.takes_body) continue;
    waf::InspectorOptions options;
    options.clean_memory = waf::CleanMemory::off;  // made for this one body
    options.body_bytes_max = settings.body_bytes_max;
    waf::Inspector inspector(settings.rules, options);
    if (settings.bands.of(inspector.inspect_body(request, body).score) == waf::Band::block)
      return true;
  }
  return false;
}

void append_server_timing(std::string& out, const Visit& visit) {
  const guard::UpstreamRecord& upstream = visit.decision.upstream;
  const bool was_asked = upstream.first_byte_us != 0;
  if (visit.decision.stages.count() == 0 && visit.decision.cache.empty() && !was_asked) return;
  out += "Server-Timing: ";
  bool first = true;
  for (const guard::StageRecord& row : visit.decision.stages) {
    if (!first) out += ", ";
    first = false;
    out += row.stage;
    out += ";dur=";
    append_millis(out, row.nanos);
  }
  if (!visit.decision.cache.empty()) {
    if (!first) out += ", ";
    out += "cache;desc=";
    out += visit.decision.cache;
    if (!visit.work.empty()) {
      out += ", ";
      out += visit.work;
      out += ";dur=";
      append_millis(out, visit.work_nanos);
    }
  }
  if (was_asked) {
    out += first ? "upstream;dur=" : ", upstream;dur=";
    append_millis(out, std::uint64_t{upstream.first_byte_us} * 1'000);
  }
  out += "\r\n";
}

}  // namespace weir::edge
