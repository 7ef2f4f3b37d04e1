#include "edge/proxy_request.h"

#include "base/bytes.h"
#include "base/crypto.h"
#include "guard/trace.h"
#include "http/target.h"
#include "http/upstream_request.h"
#include "http/websocket_handshake.h"

#include <algorithm>
#include <unordered_set>

namespace weir::edge {
namespace {

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

// Conditions and ranges: answered from the cache, or by it.
bool is_condition(std::string_view name) {
  constexpr std::string_view names[] = {"if-none-match",       "if-modified-since", "if-match",
                                        "if-unmodified-since", "if-range",          "range"};
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

}  // namespace

std::string joined_lines(std::span<const http::Field> fields, std::string_view name) {
  std::string all;
  for (const http::Field& field : fields) {
    if (field.name != name || field.value.empty()) continue;
    if (!all.empty()) all += ", ";
    all += field.value;
  }
  return all;
}

bool is_harmless(std::string_view name) {
  static const std::unordered_set<std::string_view> names{"accept",
                                                          "accept-charset",
                                                          "accept-encoding",
                                                          "accept-language",
                                                          "cache-control",
                                                          "content-type",
                                                          "dnt",
                                                          "origin",
                                                          "pragma",
                                                          "priority",
                                                          "referer",
                                                          "save-data",
                                                          "sec-gpc",
                                                          "traceparent",
                                                          "tracestate",
                                                          "user-agent",
                                                          "upgrade-insecure-requests",
                                                          "early-data",
                                                          "baggage",
                                                          "purpose",
                                                          "x-request-id",
                                                          "available-dictionary",
                                                          "dictionary-id"};
  return names.contains(name) || name.starts_with("sec-fetch-") || name.starts_with("sec-ch-") ||
         is_condition(name) || is_rewritten(name, false);
}

std::string_view ProxyComposer::text_of(const guard::IpAddress& address) {
  if (address_text_.empty() || address_ != address) {
    address_ = address;
    address_text_ = address.text();
  }
  return address_text_;
}

// Who asked, how and for which name. What a trusted proxy said stays in front of our own words.
void ProxyComposer::append_origin(const ProxyAsk& ask, const ProxyRoute& route) {
  std::string& lines = lines_;
  const http::Request& request = ask.exchange().request();
  const bool is_ip = request.peer->kind == http::Peer::Kind::ip;
  const guard::IpAddress peer{request.peer->address};
  const bool trusted = is_ip && route.proxies != nullptr && route.proxies->has(peer);
  const std::string_view node = is_ip ? text_of(peer) : std::string_view("unknown");
  std::string_view scheme = request.secure ? "https" : "http";
  std::string_view host = request.host;
  std::string before_for, before_forwarded;
  if (trusted) {
    before_for = joined_lines(request.fields, "x-forwarded-for");
    before_forwarded = joined_lines(request.fields, "forwarded");
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

void ProxyComposer::append_fields(const ProxyAsk& ask, const ProxyRoute& route,
                                  const Forwarding& forwarding) {
  const Visit& visit = *ask.visit;
  const http::Request& request = ask.exchange().request();
  lines_.clear();
  const bool joins_cookies = request.version_major == 2 && request.repeats(http::Known::cookie);
  for (const http::Field& field : request.fields) {
    if (forwarding.drops_conditions && is_condition(field.name)) continue;
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
  append_origin(ask, route);
  if (visit.traced) {
    const guard::TraceParentText parent = guard::traceparent_text_of(visit.trace);
    append_line(lines_, "traceparent", {parent.data(), parent.size()});
    append_line(lines_, "tracestate", guard::tracestate_text_of(visit.trace));
  }
}

// Who asks is nobody in particular; for which name, and how, is part of the key.
void ProxyComposer::append_keyed(const http::Request& request, const Forwarding& forwarding) {
  lines_.clear();
  bool says_accept = false, says_agent = false;
  for (const http::Field& field : request.fields) {
    if (!std::ranges::binary_search(*forwarding.names, field.name) || is_condition(field.name) ||
        field.name == "accept-encoding" || is_rewritten(field.name, true))
      continue;
    append_line(lines_, field.name, field.value);
    says_accept |= field.name == "accept";
    says_agent |= field.name == "user-agent";
  }
  if (!says_accept) append_line(lines_, "accept", "*/*");
  if (!says_agent) append_line(lines_, "user-agent", "weir");
  append_line(lines_, "accept-encoding", "identity");
  append_line(lines_, "x-forwarded-proto", request.secure ? "https" : "http");
  if (!request.host.empty()) append_line(lines_, "x-forwarded-host", request.host);
}

bool ProxyComposer::compose(http::UpstreamOrder& order, ProxyAsk& ask, const ProxyRoute& route,
                            const Forwarding& forwarding) {
  Visit& visit = *ask.visit;
  const http::Request& request = ask.exchange().request();
  const bool is_websocket = request.protocol == "websocket";
  std::string key;
  if (is_websocket && request.version_major == 2) {
    key = base64_of(bytes_of(random_bytes(16)));  // RFC 6455, section 4.1
    ask.accept = http::websocket_accept_of(key);
  }
  std::string via;
  if (forwarding.is_keyed) {
    append_keyed(request, forwarding);
  } else {
    append_fields(ask, route, forwarding);
    via = joined_lines(request.fields, "via");
  }
  if (!key.empty()) append_line(lines_, "sec-websocket-key", key);
  via.append(via.empty() ? "" : ", ").append(our_name);
  append_line(lines_, "via", via);
  if (visit.token != nullptr && !forwarding.is_keyed)
    for (const auto& [name, value] : visit.token->headers)
      if (!http::append_field(lines_, name, value)) return false;

  ask.takes_trailers =
      request.has(http::Known::te) && request.use_list(http::Known::te, [](std::string_view list) {
        return has_member(list, "trailers");
      });
  target_ = upstream_target(request, route);
  host_.clear();
  switch (route.host) {
    case ProxyRoute::Host::preserve: host_ = request.host; break;
    case ProxyRoute::Host::fixed: host_ = route.host_name; break;
    case ProxyRoute::Host::upstream: break;
  }
  const std::size_t own = lines_.size();
  lines_ += forwarding.more;
  http::UpstreamRequest asked;
  asked.method = request.method_text;
  asked.target = target_;
  asked.fields = lines_;
  asked.host = host_;
  asked.takes_trailers = ask.takes_trailers;
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
  const bool made = http::make_order(order, asked);
  lines_.resize(own);
  return made;
}

bool ProxyComposer::compose(http::UpstreamOrder& order, const cache::Question& question,
                            std::string_view more) {
  const std::string lines = question.lines + std::string(more);
  http::UpstreamRequest asked;
  asked.target = question.target;
  asked.host = question.host;
  asked.fields = lines;
  return http::make_order(order, asked);
}

}  // namespace weir::edge
