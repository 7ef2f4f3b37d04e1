#include "edge/proxy.h"

#include "base/bytes.h"
#include "base/crypto.h"
#include "base/must.h"
#include "edge/answers.h"
#include "edge/pipeline.h"
#include "edge/steps.h"
#include "http/target.h"
#include "http/websocket_handshake.h"

#include <algorithm>

namespace weir::edge {
namespace {

constexpr std::string_view our_name = "1.1 weir";       // in Via: a pseudonym, without a version
constexpr auto engine_grace = std::chrono::seconds(5);  // our own 504 comes before the engine's

// The guard's breaker, one for each server.
class BreakerHealth final : public http::UpstreamHealth {
 public:
  BreakerHealth(std::size_t servers, const guard::BreakerSettings& settings) {
    for (std::size_t i = 0; i < servers; ++i)
      breakers_.push_back(std::make_unique<guard::Breaker>(settings, i + 1));
  }
  bool may_try(std::size_t server, Mono now) override { return breakers_[server]->may_try(now); }
  void succeeded(std::size_t server, Mono now) override { breakers_[server]->succeeded(now); }
  void failed(std::size_t server, Mono now) override { breakers_[server]->failed(now); }
  void left_open(std::size_t server, Mono now) override { breakers_[server]->left_open(now); }
  bool is_open(std::size_t server, Mono now) const override {
    return breakers_[server]->state(now) == guard::BreakerState::open;
  }

 private:
  std::vector<std::unique_ptr<guard::Breaker>> breakers_;
};

guard::BreakerSettings breaker_of(const Config& config, const std::string& name) {
  for (const BreakerTable& table : config.breakers)
    if (table.name == name) return table.settings;
  return {};
}

void append_line(std::string& lines, std::string_view name, std::string_view value) {
  lines.append(name).append(": ").append(value).append("\r\n");
}

// What a client says with these, only a proxy that we trust or we ourselves may say (C-38).
bool is_origin_field(std::string_view name) {
  constexpr std::string_view names[] = {"x-original-url",         "x-rewrite-url",
                                        "x-http-method-override", "x-http-method",
                                        "x-method-override",      "x-real-ip"};
  return name.starts_with("x-forwarded-") ||
         std::find(std::begin(names), std::end(names), name) != std::end(names);
}

// Fields that never go on as they came: of this hop, written by the serialiser, or written anew by
// us below.
bool is_rewritten(std::string_view name, bool traced) {
  switch (name.front()) {
    case 'c': return name == "content-length" || name == "connection";
    case 'e': return name == "expect";
    case 'f': return name == "forwarded";
    case 'h': return name == "host" || name == "http2-settings";
    case 't':
      return http::is_hop_field(name) ||
             (traced && (name == "traceparent" || name == "tracestate"));
    case 'v': return name == "via";
    case 'x': return is_origin_field(name);
    default: return http::is_hop_field(name);
  }
}

// Several lines of one field as one list.
std::string joined(std::span<const http::Field> fields, std::string_view name) {
  std::string all;
  for (const http::Field& field : fields) {
    if (field.name != name || field.value.empty()) continue;
    if (!all.empty()) all += ", ";
    all += field.value;
  }
  return all;
}

std::size_t times_in(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos;
       at = text.find(part, at + part.size()))
    ++count;
  return count;
}

bool has_member(std::string_view list, std::string_view member) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    if (equals_ignoring_case(trim(list.substr(0, comma)), member)) return true;
    if (comma == std::string_view::npos) return false;
    list.remove_prefix(comma + 1);
  }
  return false;
}

// A subprotocol that is a token in truth (data D-40) stays here when Authorization does.
std::string without_tokens(std::string_view subprotocols) {
  std::string kept;
  while (!subprotocols.empty()) {
    const std::size_t comma = subprotocols.find(',');
    const std::string_view member = trim(subprotocols.substr(0, comma));
    if (!member.empty() && !member.starts_with("bearer."))
      kept.append(kept.empty() ? "" : ", ").append(member);
    if (comma == std::string_view::npos) break;
    subprotocols.remove_prefix(comma + 1);
  }
  return kept;
}

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

// --- routes --------------------------------------------------------------------------------------

Result<std::vector<OpenUpstream>> open_upstreams(const Config& config,
                                                 const std::vector<OpenUpstream>& before) {
  std::vector<OpenUpstream> upstreams;
  for (const UpstreamTable& table : config.upstreams) {
    const guard::BreakerSettings breaker = breaker_of(config, table.breaker);
    const auto same = std::find_if(before.begin(), before.end(), [&](const OpenUpstream& one) {
      return is_same(one.table, table) && one.breaker == breaker && table.ca_file.empty();
    });
    if (same != before.end()) {
      upstreams.push_back(*same);
      continue;
    }
    http::UpstreamSettings settings;
    settings.name = table.name;
    bool secure = false;
    for (const std::string& text : table.servers) {
      auto server = http::parse_upstream_server(text);
      if (!server.ok()) return std::move(server).error().at(table.place);
      secure |= server->secure;
      settings.servers.push_back(std::move(server).value());
    }
    settings.balance = table.balance == "least_connections" ? http::Balance::least_connections
                                                            : http::Balance::round_robin;
    settings.in_flight_max = table.in_flight_max;
    settings.idle_max = table.idle_max;
    settings.connect = table.connect;
    settings.first_byte = table.first_byte;
    settings.stall = table.stall;
    settings.idle = table.idle;
    if (secure) {
      using Verify = http::TlsClientContext::Verify;
      auto tls = http::TlsClientContext::open(table.ca_file,
                                              table.verify ? Verify::peer : Verify::nothing);
      if (!tls.ok()) return std::move(tls).error().in("upstream " + table.name).at(table.place);
      settings.tls = std::move(tls).value();
    }
    std::shared_ptr<http::UpstreamHealth> health;
    if (table.breaker != "off")
      health = std::make_shared<BreakerHealth>(settings.servers.size(), breaker);
    auto opened = http::Upstream::open(std::move(settings), std::move(health));
    if (!opened.ok()) return std::move(opened).error().at(table.place);
    upstreams.push_back({table, breaker, std::move(opened).value()});
  }
  return upstreams;
}

ProxyRoute proxy_route_of(const RouteSettings& route, const Config& config,
                          const std::vector<OpenUpstream>& upstreams) {
  ProxyRoute proxy;
  for (const OpenUpstream& one : upstreams)
    if (one.table.name == route.proxy.upstream) proxy.upstream = one.upstream;
  MUST(proxy.upstream != nullptr);
  proxy.timeout =
      route.proxy.timeout.count() > 0 ? route.proxy.timeout : config.serve.answer_time_max;
  using Host = ProxyRoute::Host;
  proxy.host = route.proxy.host == "preserve"   ? Host::preserve
               : route.proxy.host == "upstream" ? Host::upstream
                                                : Host::fixed;
  if (proxy.host == Host::fixed) proxy.host_name = route.proxy.host;
  proxy.strip = route.proxy.strip;
  proxy.add = route.proxy.add;
  proxy.refuses_encoded_slash = route.proxy.refuses_encoded_slash;
  proxy.body_bytes_max = route.body_bytes_max.value_or(config.serve.body_bytes_max);
  return proxy;
}

std::string upstream_target(const http::Request& request, const ProxyRoute& route) {
  std::string_view path = request.path;
  const bool strips = !route.strip.empty() && path.starts_with(route.strip) &&
                      (path.size() == route.strip.size() || path[route.strip.size()] == '/');
  if (strips) path.remove_prefix(route.strip.size());
  std::string target;
  target.reserve(route.add.size() + path.size() + request.query.size() + 2);
  http::append_encoded_path(target, route.add);
  http::append_encoded_path(target, path);
  if (target.empty()) target = "/";
  if (request.target.find('?') != std::string_view::npos) target.append("?").append(request.query);
  return target;
}

// --- one request ---------------------------------------------------------------------------------

// A request on its way through us, and its answer on the way back. Taken from the Proxy's list when
// the steps have passed, given back when the exchange has ended.
struct Proxy::Ask final : http::AnswerSink, http::BodySink, http::TunnelSink {
  Visit* visit = nullptr;
  http::UpstreamCall* call = nullptr;
  http::Response response;               // composed, not sent yet
  std::optional<std::uint64_t> length;   // of its body
  http::StreamWriter* stream = nullptr;  // the answer is on its way
  http::Tunnel* tunnel = nullptr;
  std::string pending;  // what the client's side did not take
  http::Fields trailers;
  bool composed = false;
  bool ended = false;  // the server's side is over; `pending` is the rest
  bool takes_trailers = false;
  // Sec-WebSocket-Accept that the server must say: for a client that came by an extended CONNECT
  // and so has no key of its own (RFC 8441, section 5). Empty = the client looks at it itself.
  std::string accept;

  http::Exchange& exchange() const { return *visit->exchange; }
  void reset();
  void record(http::UpstreamFailure failure);
  void compose_answer(const http::AnswerHead& head);
  http::Fields fields_of(const http::AnswerHead& head);
  void send_whole();
  void start();
  void pass_on(std::string_view piece);
  void push();
  void finish();

  // AnswerSink
  void on_interim(const http::AnswerHead& head) override;
  void on_head(const http::AnswerHead& head) override;
  void on_switched(const http::AnswerHead& head) override;
  void on_body(std::string_view piece) override;
  void on_breath() override;
  void on_end(const http::Fields& answer_trailers) override;
  void on_room() override;
  void on_failed(http::UpstreamFailure failure, std::string_view reason) override;
  // BodySink
  void on_body(http::Exchange& exchange, std::string_view piece) override;
  void on_body_end(http::Exchange& exchange, const http::Fields& request_trailers) override;
  // TunnelSink
  void on_bytes(http::Tunnel& from, std::string_view bytes) override;
  void on_room(http::Tunnel& to) override;
  void on_end(http::Tunnel& from, http::Ending ending) override;
};

void Proxy::Ask::reset() {
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
}

void Proxy::Ask::record(http::UpstreamFailure failure) {
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

http::Fields Proxy::Ask::fields_of(const http::AnswerHead& head) {
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
  std::string via = joined(head.fields, "via");
  via.append(via.empty() ? "" : ", ").append(our_name);
  fields.emplace_back("via", std::move(via));
  return fields;
}

void Proxy::Ask::compose_answer(const http::AnswerHead& head) {
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
  visit->decision.status = head.status;
  composed = true;
}

void Proxy::Ask::on_interim(const http::AnswerHead& head) {
  const http::Request& request = exchange().request();
  if (request.version_major == 1 && request.version_minor == 0) return;
  exchange().inform(head.status, fields_of(head));
}

void Proxy::Ask::on_head(const http::AnswerHead& head) {
  record(http::UpstreamFailure::none);
  compose_answer(head);
}

void Proxy::Ask::on_switched(const http::AnswerHead& head) {
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

void Proxy::Ask::on_body(std::string_view piece) {
  if (stream == nullptr && tunnel == nullptr) response.body.append(piece);
  else pass_on(piece);
}

void Proxy::Ask::pass_on(std::string_view piece) {
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
void Proxy::Ask::on_breath() {
  if (composed && stream == nullptr && tunnel == nullptr) start();
}

void Proxy::Ask::start() {
  stream = &exchange().start_stream(std::move(response), length);
  stream->on_room([this] { push(); });
}

// The client's side has room again.
void Proxy::Ask::push() {
  if (!pending.empty()) {
    const std::string piece = std::exchange(pending, {});
    const http::Wrote wrote = tunnel != nullptr ? tunnel->write(piece) : stream->write(piece);
    if (wrote == http::Wrote::full) {
      pending = piece;
      return;
    }
  }
  if (ended) return finish();
  if (call != nullptr) call->resume();
}

void Proxy::Ask::on_end(const http::Fields& answer_trailers) {
  call = nullptr;
  ended = true;
  if (takes_trailers)
    for (const auto& [name, value] : answer_trailers)
      if (http::is_allowed_trailer(name)) trailers.emplace_back(name, value);
  if (stream == nullptr && tunnel == nullptr) return send_whole();
  if (pending.empty()) finish();
}

// All of it is here: one answer, one length.
void Proxy::Ask::send_whole() {
  if (trailers.empty() || !http::status_has_body(response.status)) {
    exchange().respond(std::move(response));
    return;
  }
  start();
  finish();
}

void Proxy::Ask::finish() {
  if (tunnel != nullptr) tunnel->close();
  else stream->close(trailers);
}

void Proxy::Ask::on_failed(http::UpstreamFailure failure, std::string_view) {
  record(failure);
  call = nullptr;
  if (tunnel != nullptr) return tunnel->abort();
  if (stream != nullptr) return stream->abort();
  const int status = http::status_of(failure);
  Refusal refusal{status,
                  status == 504   ? "upstream-late"
                  : status == 503 ? "upstream-busy"
                                  : "upstream-failed",
                  detail_of(failure)};
  if (status == 503) refusal.fields = {{"Retry-After", "1"}};
  refuse(*visit, refusal);
}

// --- the request's body --------------------------------------------------------------------------

void Proxy::Ask::on_body(http::Exchange& from, std::string_view piece) {
  if (call == nullptr) return;  // answered already: the engine drops the rest
  if (call->send(piece) == http::UpstreamCall::Wrote::full) from.pause_body();
}

void Proxy::Ask::on_body_end(http::Exchange& from, const http::Fields& request_trailers) {
  if (call == nullptr) return;
  from.set_deadline(visit->route->proxy->timeout + engine_grace);
  call->end(request_trailers);
}

void Proxy::Ask::on_room() {
  if (tunnel != nullptr) tunnel->resume();
  else exchange().resume_body();
}

// --- tunnels -------------------------------------------------------------------------------------

void Proxy::Ask::on_bytes(http::Tunnel& from, std::string_view bytes) {
  if (call == nullptr) return;
  switch (call->send(bytes)) {
    case http::UpstreamCall::Wrote::sent: return;
    case http::UpstreamCall::Wrote::full: return from.pause();
    case http::UpstreamCall::Wrote::gone: return from.close();
  }
}

void Proxy::Ask::on_room(http::Tunnel&) { push(); }

void Proxy::Ask::on_end(http::Tunnel&, http::Ending) {
  tunnel = nullptr;
  if (call != nullptr) std::exchange(call, nullptr)->cancel();
}

// --- the proxy -----------------------------------------------------------------------------------

Proxy::Proxy(LoopState& state, http::NameResolver& resolver) : client_(state.loop, resolver) {}
Proxy::~Proxy() = default;

Proxy::Ask& Proxy::take(Visit& visit) {
  if (free_.empty()) {
    asks_.push_back(std::make_unique<Ask>());
    free_.push_back(asks_.back().get());
  }
  Ask& ask = *free_.back();
  free_.pop_back();
  ask.visit = &visit;
  visit.proxy_ask = &ask;
  return ask;
}

void Proxy::finished(Visit& visit) {
  auto* const ask = static_cast<Ask*>(static_cast<http::AnswerSink*>(visit.proxy_ask));
  visit.proxy_ask = nullptr;
  if (ask->call != nullptr) {
    ask->record(http::UpstreamFailure::none);
    ask->call->cancel();
  }
  ask->reset();
  free_.push_back(ask);
}

std::string_view Proxy::text_of(const guard::IpAddress& address) {
  if (address_text_.empty() || address_ != address) {
    address_ = address;
    address_text_ = address.text();
  }
  return address_text_;
}

// Who asked, how and for which name. What a trusted proxy said stays in front of our own words.
void Proxy::append_origin(std::string& lines, const Ask& ask, const ProxyRoute& route) {
  const http::Request& request = ask.exchange().request();
  const bool is_ip = request.peer->kind == http::Peer::Kind::ip;
  const guard::IpAddress peer{request.peer->address};
  const bool trusted = is_ip && route.proxies != nullptr && route.proxies->has(peer);
  const std::string_view node = is_ip ? text_of(peer) : std::string_view("unknown");
  std::string_view scheme = request.secure ? "https" : "http";
  std::string_view host = request.host;
  std::string before_for, before_forwarded;
  if (trusted) {
    before_for = joined(request.fields, "x-forwarded-for");
    before_forwarded = joined(request.fields, "forwarded");
    if (const http::Field* said = request.find("x-forwarded-proto");
        said != nullptr && (said->value == "http" || said->value == "https"))
      scheme = said->value;
    if (const http::Field* said = request.find("x-forwarded-host");
        said != nullptr && http::is_valid_authority(said->value))
      host = said->value;
    for (const http::Field& field : request.fields) {
      const bool other = field.name == "x-forwarded-port" || field.name == "x-forwarded-prefix";
      if (other) append_line(lines, field.name, field.value);
    }
  }
  lines += "x-forwarded-for: ";
  if (!before_for.empty()) lines.append(before_for).append(", ");
  lines.append(node).append("\r\nx-forwarded-proto: ").append(scheme);
  if (!host.empty()) lines.append("\r\nx-forwarded-host: ").append(host);
  lines += "\r\nforwarded: ";
  if (!before_forwarded.empty()) lines.append(before_forwarded).append(", ");
  const bool is_v6 = node.find(':') != std::string_view::npos;
  lines.append(is_v6 ? "for=\"[" : "for=").append(node).append(is_v6 ? "]\";proto=" : ";proto=");
  lines += request.secure ? "https" : "http";
  if (!request.host.empty()) lines.append(";host=\"").append(request.host).append("\"");
  lines += "\r\nx-real-ip: ";
  lines.append(trusted ? ask.visit->client.text() : std::string(node)).append("\r\n");
}

void Proxy::append_fields(Ask& ask, const ProxyRoute& route) {
  const Visit& visit = *ask.visit;
  const http::Request& request = ask.exchange().request();
  lines_.clear();
  const bool joins_cookies = request.version_major == 2 && request.repeats(http::Known::cookie);
  for (const http::Field& field : request.fields) {
    if (is_rewritten(field.name, visit.traced)) continue;
    if (route.claims != nullptr && route.claims->owns(field.name)) continue;
    if (route.strips_authorization && field.name == "authorization") continue;
    if (joins_cookies && field.name == "cookie") continue;
    if (!ask.accept.empty() && field.name == "sec-websocket-key") continue;
    if (route.strips_authorization && field.name == "sec-websocket-protocol") {
      const std::string kept = without_tokens(field.value);
      if (!kept.empty()) append_line(lines_, field.name, kept);
      continue;
    }
    append_line(lines_, field.name, field.value);
  }
  if (joins_cookies) {  // RFC 9113 8.2.3: one line for a server that speaks HTTP/1.1
    std::string cookies;
    for (const http::Field& field : request.fields)
      if (field.name == "cookie") cookies.append(cookies.empty() ? "" : "; ").append(field.value);
    append_line(lines_, "cookie", cookies);
  }
  append_origin(lines_, ask, route);
  if (visit.traced) {
    const guard::TraceParentText parent = guard::traceparent_text_of(visit.trace);
    append_line(lines_, "traceparent", {parent.data(), parent.size()});
    append_line(lines_, "tracestate", guard::tracestate_text_of(visit.trace));
  }
}

bool Proxy::compose(Ask& ask, const ProxyRoute& route) {
  Visit& visit = *ask.visit;
  const http::Request& request = ask.exchange().request();
  const bool is_websocket = request.protocol == "websocket";
  std::string key;
  if (is_websocket && request.version_major == 2) {
    key = base64_of(bytes_of(random_bytes(16)));  // RFC 6455, section 4.1
    ask.accept = http::websocket_accept_of(key);
  }
  append_fields(ask, route);
  if (!key.empty()) append_line(lines_, "sec-websocket-key", key);
  std::string via = joined(request.fields, "via");
  via.append(via.empty() ? "" : ", ").append(our_name);
  append_line(lines_, "via", via);
  if (visit.token != nullptr)
    for (const auto& [name, value] : visit.token->headers)
      if (!http::append_field(lines_, name, value)) return false;

  ask.takes_trailers =
      request.has(http::Known::te) && request.use_list(http::Known::te, [](std::string_view list) {
        return has_member(list, "trailers");
      });
  target_ = upstream_target(request, route);
  http::UpstreamRequest asked;
  asked.method = request.method_text;
  asked.target = target_;
  asked.fields = lines_;
  asked.takes_trailers = ask.takes_trailers;
  switch (route.host) {
    case ProxyRoute::Host::preserve: asked.host = request.host; break;
    case ProxyRoute::Host::fixed: asked.host = route.host_name; break;
    case ProxyRoute::Host::upstream: break;
  }
  if (visit.body_read) {
    const std::size_t bytes =
        visit.body != nullptr ? visit.body->size() : ask.exchange().body().size();
    asked.body = http::Framing::length;
    asked.body_bytes = bytes;
  } else {
    asked.body = request.framing;
    asked.body_bytes = request.content_length;
  }
  if (is_websocket) {
    asked.method = "GET";  // over HTTP/2 it came as an extended CONNECT
    asked.upgrade = request.protocol;
  }
  return http::make_order(order_, asked);
}

void Proxy::answer(Visit& visit) {
  const ProxyRoute& route = *visit.route->proxy;
  http::Exchange& exchange = *visit.exchange;
  const http::Request& request = exchange.request();
  visit.decision.upstream.name = route.upstream->settings().name;
  if (route.refuses_encoded_slash && request.encoded_slash)
    return refuse(visit, {400, "bad-request", "The path holds an encoded slash."});
  if (times_in(joined(request.fields, "via"), our_name) >= limits::upstream_hops_max)
    return refuse(visit, {508, "loop", "This request has come through this server before."});
  const bool has_body = request.framing != http::Framing::none && !visit.body_read;
  Ask& ask = take(visit);
  if (has_body && request.framing == http::Framing::length &&
      request.content_length > route.body_bytes_max)
    return exchange.stream_body(route.body_bytes_max, ask);  // 413 before anybody is asked
  if (!compose(ask, route))
    return refuse(visit, {400, "bad-request", "The request cannot be passed on as it is."});

  const auto begun = client_.begin(route.upstream, std::move(order_), ask, route.timeout);
  if (begun.call == nullptr) return ask.on_failed(begun.failure, {});
  ask.call = begun.call;
  exchange.on_gone([] {});  // a client that has left is noticed, and the call cancelled (H-45)
  exchange.set_deadline(route.timeout + engine_grace);
  if (visit.body_read) {
    ask.call->send(visit.body != nullptr ? std::string_view(*visit.body) : exchange.body());
    ask.call->end();
  } else if (has_body) {
    exchange.stream_body(route.body_bytes_max, ask);
  }
}

}  // namespace weir::edge
