#include "edge/answers.h"

#include "base/text_escape.h"
#include "edge/pipeline.h"
#include "edge/steps.h"
#include "http/problem.h"
#include "text/escape.h"

#include <algorithm>

namespace weir::edge {
namespace {

constexpr ProblemText problems[] = {
    {"bad-request", 400, "The request makes no sense",
     "Something in the request is missing or malformed; the detail says what."},
    {"upgrade-required", 426, "A WebSocket is expected here",
     "Ask for an upgrade to WebSocket, version 13 (RFC 6455)."},
    {"unauthorized", 401, "A credential is needed",
     "Send a valid token: `Authorization: Bearer ...`. Why a token was refused is in the decision "
     "record, not in the answer."},
    {"several-credentials", 400, "More than one credential",
     "A request carries exactly one credential (RFC 6750, section 2)."},
    {"forbidden", 403, "Not allowed", "The credential is good, but no rule lets it do this."},
    {"insufficient-scope", 403, "The token does not reach this far",
     "The token is good, but lacks a scope or claim that this route requires."},
    {"certificate-needed", 403, "A client certificate is needed",
     "This route is for clients with a certificate that the operator has named. None was shown on "
     "this connection, or another one."},
    {"blocked", 403, "The request looked like an attack",
     "The web application firewall gave it a high score. The operator finds the rules that fired "
     "under the decision's id."},
    {"not-found", 404, "There is nothing here", "No page, file or document has this address."},
    {"method-not-allowed", 405, "This method does not work here",
     "The Allow field of the answer lists the methods that do."},
    {"op-gap", 409, "Operations are missing",
     "The batch starts above the next expected counter. Send again from `expected`."},
    {"epoch-changed", 409, "The log was restored",
     "The server's log has a new epoch. Push what is above `high` again, then take a snapshot."},
    {"replica-mismatch", 409, "The replica belongs to somebody else",
     "A replica id is bound to its first user. Take a new id."},
    {"snapshot-required", 410, "Older operations were folded",
     "The cursor lies before the compaction point. Load the snapshot, then go on from its seq."},
    {"precondition", 412, "The value has changed",
     "If-Match or If-None-Match did not hold. Read the value again, then try again."},
    {"too-large", 413, "Too large",
     "A body or a value is above its limit; the detail names the limit."},
    {"coded-body", 415, "The body is compressed",
     "Bodies are taken without a Content-Encoding. Send the same bytes uncompressed."},
    {"invalid-op", 422, "An operation is not valid",
     "Nothing of the batch was stored. `errors` names the operation and what is wrong with it."},
    {"configuration", 422, "The configuration is not good",
     "The old one stays in use; the detail says what is wrong with the new one."},
    {"clock-drift", 422, "The clock is ahead",
     "A time stamp lies too far in the future. Shift by `server_now` and stamp again."},
    {"rate-limited", 429, "Too many requests", "Wait as long as Retry-After says."},
    {"signature", 401, "The signature does not fit",
     "The webhook's signature, its time or its secret is wrong."},
    {"upstream-failed", 502, "The server behind this address failed",
     "It could not be reached, closed the connection, or its answer made no sense. The operator "
     "finds the reason under the decision's id."},
    {"upstream-busy", 503, "The server behind this address is busy",
     "It has as many requests as it may have, or it failed so often that it is given a rest. Try "
     "again as Retry-After says."},
    {"upstream-late", 504, "The server behind this address is too slow",
     "Its answer did not come in time."},
    {"loop", 508, "The request goes round in circles",
     "A proxy route leads back to the server that it came from."},
    {"overloaded", 503, "Too busy", "A queue is full. Try again in a moment."},
    {"storage-failed", 503, "The disk failed",
     "Writing has stopped to protect what is stored; reading goes on. The operator must look at "
     "the disk."},
    {"stage-failed", 503, "A guard could not decide",
     "A stage with failure_mode \"closed\" failed by itself, so the request was refused."},
    {"not-available", 503, "Not available now", "The server has no release yet, or is stopping."},
    {"quota", 507, "No room", "The disk or the tenant's quota is full."},
    {"internal", 500, "Something went wrong here", "The error is logged with the decision's id."},
};

std::string type_of(std::string_view slug) {
  if (slug.substr(0, 8) == "https://") return std::string(slug);
  return "/_weir/problems/" + std::string(slug);
}

}  // namespace

std::string_view decision_id(Visit& visit) {
  if (!visit.traced) {
    visit.trace = guard::begin_trace({}, {}, guard::TraceMode::ignore, visit.loop->random);
    visit.decision.id = guard::trace_id_text_of(visit.trace.id);
    visit.traced = true;
  }
  return {visit.decision.id.data(), visit.decision.id.size()};
}

void add_lines(http::Fields& into, std::string_view lines) {
  while (!lines.empty()) {
    const std::size_t end = lines.find("\r\n");
    const std::string_view line = lines.substr(0, end);
    const std::size_t colon = line.find(": ");
    if (colon != std::string_view::npos)
      into.emplace_back(line.substr(0, colon), line.substr(colon + 2));
    if (end == std::string_view::npos) return;
    lines.remove_prefix(end + 2);
  }
}

void refuse(Visit& visit, const Refusal& refusal) {
  const std::string_view id = decision_id(visit);
  visit.decision.status = refusal.status;
  const ProblemText* known = find_problem(refusal.slug);
  http::Response response;
  const bool is_page = visit.route == nullptr || visit.route->is_page();
  const bool for_programs =
      !is_page || refusal.form == Refusal::Form::problem ||
      visit.exchange->request().use_list(http::Known::accept, http::prefers_problem);
  if (for_programs) {
    std::string members = "\"decision\":" + json_string_of(id);
    const bool is_data = visit.route != nullptr && visit.route->target == Route::Target::data;
    if (is_data)
      members +=
          ",\"trace_id\":" + json_string_of(id);  // the name that clients of the data side know
    if (!refusal.members.empty()) members += "," + std::string(refusal.members);
    const std::string type = type_of(refusal.slug);
    response = http::problem_response({refusal.status,
                                       type,
                                       known == nullptr ? std::string_view() : known->title,
                                       refusal.detail,
                                       {},
                                       members});
  } else {
    response = http::error_page_response(
        refusal.status, std::string(refusal.detail) + " (id " + std::string(id) + ")");
  }
  const bool has_policy = std::any_of(
      response.fields.begin(), response.fields.end(),
      [](const auto& field) { return equals_ignoring_case(field.first, "cache-control"); });
  if (!has_policy) response.fields.emplace_back("Cache-Control", "no-store");
  for (const auto& field : refusal.fields) response.fields.push_back(field);
  respond(visit, std::move(response));
}

void respond(Visit& visit, http::Response&& response) {
  add_lines(response.fields, visit.fields);
  add_lines(response.fields, visit.limit_fields);
  std::string timing;
  append_server_timing(timing, visit);
  add_lines(response.fields, timing);
  visit.exchange->respond(std::move(response));
}

const ProblemText* find_problem(std::string_view slug) {
  const auto found = std::find_if(std::begin(problems), std::end(problems),
                                  [&](const ProblemText& problem) { return problem.slug == slug; });
  return found == std::end(problems) ? nullptr : found;
}

std::string problem_page(const ProblemText& problem) {
  std::string page =
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width\"><title>";
  text::append_html_escaped(page, problem.title);
  page += "</title></head>\n<body><h1>";
  text::append_html_escaped(page, problem.title);
  page += "</h1>\n<p><code>";
  page += problem.slug;
  page += "</code>, status " + std::to_string(problem.status) + "</p>\n<p>";
  text::append_html_escaped(page, problem.text);
  page += "</p></body></html>\n";
  return page;
}

}  // namespace weir::edge
