#include "edge/proxy_ask.h"

#include "base/bytes.h"
#include "edge/answers.h"
#include "edge/pipeline.h"
#include "edge/proxy_cache.h"
#include "edge/proxy_request.h"
#include "edge/steps.h"
#include "http/upstream_request.h"

#include <algorithm>

namespace weir::edge {
namespace {

std::uint32_t micros_of(Nanos span) {
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(span.count() / 1'000, 0, UINT32_MAX));
}

std::string_view detail_of(http::UpstreamFailure failure) {
  using enum http::UpstreamFailure;
  switch (failure) {
    case full: return "The server behind this address has as many requests as it takes.";
    case unhealthy:
      return "The server behind this address has failed too often; it is given a rest.";
    case late:
    case stalled: return "The server behind this address did not answer in time.";
    default:
      return "The server behind this address could not be reached, or its answer made no sense.";
  }
}

}  // namespace

void refuse_for(Visit& visit, http::UpstreamFailure failure) {
  const int status = http::status_of(failure);
  Refusal refusal{status,
                  status == 504   ? "upstream-late"
                  : status == 503 ? "upstream-busy"
                                  : "upstream-failed",
                  detail_of(failure)};
  if (status == 503) refusal.fields = {{"Retry-After", "1"}};
  refuse(visit, refusal);
}

void ProxyAsk::reset() {
  visit = nullptr;
  call = nullptr;
  response = {};
  length.reset();
  stream = nullptr;
  tunnel = nullptr;
  pending = {};
  trailers.clear();
  composed = ended = takes_trailers = false;
  accept.clear();
  cache = nullptr;
  key.clear();
  forwarded_for = {};
  flight.reset();
  filling.reset();
  fetch = nullptr;
  ticket = reader = 0;
  tries = 0;
  is_leader = invalidates = goes_alone = was_loaded = false;
}

void ProxyAsk::record(http::UpstreamFailure failure) {
  guard::UpstreamRecord& row = visit->decision.upstream;
  if (failure != http::UpstreamFailure::none) row.failure = http::name_of(failure);
  if (call == nullptr) return;
  const http::UpstreamTimes& times = call->times();
  row.server = call->upstream().settings().servers[times.server].text;
  row.connect_us = micros_of(times.connect);
  row.first_byte_us = micros_of(times.first_byte);
  row.connects = times.connects;
  row.reused = times.reused;
  row.retried = times.retried;
}

// --- the answer ----------------------------------------------------------------------------------

http::Fields ProxyAsk::fields_of(const http::AnswerHead& head) {
  http::Fields fields;
  fields.reserve(head.fields.size() + 6);
  const http::Field* const connection = head.find("connection");
  const bool nominates = connection != nullptr &&
                         !equals_ignoring_case(connection->value, "close") &&
                         !equals_ignoring_case(connection->value, "keep-alive");
  for (const http::Field& field : head.fields) {
    const std::string_view name = field.name;
    if (http::is_hop_field(name) || name == "content-length" || name == "via") continue;
    if (nominates && http::is_named_in_connection(head.fields, name)) continue;
    if (visit->traced && name == "traceparent") continue;  // the answer carries ours
    if (!accept.empty() && name == "sec-websocket-accept") continue;
    fields.emplace_back(name, field.value);
  }
  std::string via = joined_lines(head.fields, "via");
  via.append(via.empty() ? "" : ", ").append(our_name);
  fields.emplace_back("via", std::move(via));
  return fields;
}

void ProxyAsk::compose_answer(const http::AnswerHead& head) {
  response.status = head.status;
  response.fields = fields_of(head);
  add_lines(response.fields, visit->fields);
  add_lines(response.fields, visit->limit_fields);
  std::string timing;
  append_server_timing(timing, *visit);
  add_lines(response.fields, timing);
  if (head.framing == http::Framing::length) length = head.content_length;
  const bool tells_length = exchange().request().method == http::Method::head || head.status == 304;
  if (tells_length && head.has_length)
    response.fields.emplace_back("content-length", std::to_string(head.content_length));
  if (!forwarded_for.empty())
    response.fields.emplace_back("cache-status", "weir; fwd=" + std::string(forwarded_for) +
                                                     "; fwd-status=" + std::to_string(head.status));
  visit->decision.status = head.status;
  composed = true;
}

void ProxyAsk::on_interim(const http::AnswerHead& head) {
  const http::Request& request = exchange().request();
  if (request.version_major == 1 && request.version_minor == 0) return;
  exchange().inform(head.status, fields_of(head));
}

void ProxyAsk::on_head(const http::AnswerHead& head) {
  record(http::UpstreamFailure::none);
  if (invalidates) cache->invalidate(*this, head);
  compose_answer(head);
}

void ProxyAsk::on_switched(const http::AnswerHead& head) {
  if (!accept.empty()) {
    const http::Field* const said = head.find("sec-websocket-accept");
    if (said == nullptr || said->value != accept) {
      record(http::UpstreamFailure::bad_answer);
      std::exchange(call, nullptr)->cancel();
      return on_failed(http::UpstreamFailure::bad_answer, "another WebSocket's answer");
    }
  }
  record(http::UpstreamFailure::none);
  compose_answer(head);
  tunnel = &exchange().open_tunnel(std::move(response), *this);
}

void ProxyAsk::on_body(std::string_view piece) {
  if (stream == nullptr && tunnel == nullptr) response.body.append(piece);
  else pass_on(piece);
}

void ProxyAsk::pass_on(std::string_view piece) {
  if (!pending.empty()) {
    pending.append(piece);
    return;
  }
  const http::Wrote wrote = tunnel != nullptr ? tunnel->write(piece) : stream->write(piece);
  if (wrote != http::Wrote::full) return;  // closed: on_finished follows and ends the call
  pending.assign(piece);
  call->pause();
}

// The head and what has come of the body are not kept waiting for more.
void ProxyAsk::on_breath() {
  if (composed && stream == nullptr && tunnel == nullptr) start();
}

void ProxyAsk::start() {
  stream = &exchange().start_stream(std::move(response), length);
  stream->on_room([this] { push(); });
}

// The client's side has room again.
void ProxyAsk::push() {
  if (!pending.empty()) {
    const std::string piece = std::exchange(pending, {});
    const http::Wrote wrote = tunnel != nullptr ? tunnel->write(piece) : stream->write(piece);
    if (wrote == http::Wrote::full) {
      pending = piece;
      return;
    }
  }
  if (ended) return finish();
  if (filling != nullptr) return read_filling();
  if (call != nullptr) call->resume();
}

void ProxyAsk::read_filling() {
  while (filling != nullptr && pending.empty() && !ended) {
    const cache::Filling::Next next = filling->read(reader);
    if (next.has_failed) {
      leave_cache();
      if (stream != nullptr) stream->abort();
      return;
    }
    if (next.piece == nullptr && !next.has_ended) return;
    if (next.has_ended) {
      ended = true;
      leave_cache();
      return finish();
    }
    if (stream->write(*next.piece) == http::Wrote::full) pending = *next.piece;
  }
}

void ProxyAsk::leave_cache() {
  if (flight != nullptr) cache::AnswerCache::leave(*flight, ticket);
  flight.reset();
  if (filling != nullptr) filling->leave(reader);
  filling.reset();
}

void ProxyAsk::on_end(const http::Fields& answer_trailers) {
  call = nullptr;
  ended = true;
  if (takes_trailers)
    for (const auto& [name, value] : answer_trailers)
      if (http::is_allowed_trailer(name)) trailers.emplace_back(name, value);
  if (stream == nullptr && tunnel == nullptr) return send_whole();
  if (pending.empty()) finish();
}

// All of it is here: one answer, one length.
void ProxyAsk::send_whole() {
  if (trailers.empty() || !http::status_has_body(response.status)) {
    exchange().respond(std::move(response));
    return;
  }
  start();
  finish();
}

void ProxyAsk::finish() {
  if (tunnel != nullptr) tunnel->close();
  else stream->close(trailers);
}

void ProxyAsk::on_failed(http::UpstreamFailure failure, std::string_view) {
  record(failure);
  call = nullptr;
  if (tunnel != nullptr) return tunnel->abort();
  if (stream != nullptr) return stream->abort();
  refuse_for(*visit, failure);
}

// --- the request's body --------------------------------------------------------------------------

void ProxyAsk::on_body(http::Exchange& from, std::string_view piece) {
  if (call == nullptr) return;  // answered already: the engine drops the rest
  if (call->send(piece) == http::UpstreamCall::Wrote::full) from.pause_body();
}

void ProxyAsk::on_body_end(http::Exchange& from, const http::Fields& request_trailers) {
  if (call == nullptr) return;
  from.set_deadline(visit->route->proxy->timeout + engine_grace);
  call->end(request_trailers);
}

void ProxyAsk::on_room() {
  if (tunnel != nullptr) tunnel->resume();
  else exchange().resume_body();
}

// --- tunnels -------------------------------------------------------------------------------------

void ProxyAsk::on_bytes(http::Tunnel& from, std::string_view bytes) {
  if (call == nullptr) return;
  switch (call->send(bytes)) {
    case http::UpstreamCall::Wrote::sent: return;
    case http::UpstreamCall::Wrote::full: return from.pause();
    case http::UpstreamCall::Wrote::gone: return from.close();
  }
}

void ProxyAsk::on_room(http::Tunnel&) { push(); }

void ProxyAsk::on_end(http::Tunnel&, http::Ending) {
  tunnel = nullptr;
  if (call != nullptr) std::exchange(call, nullptr)->cancel();
}

}  // namespace weir::edge
