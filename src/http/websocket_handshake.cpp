#include "http/websocket_handshake.h"

#include "base/bytes.h"
#include "base/crypto.h"

#include <algorithm>

namespace weir::http {
namespace {

constexpr std::string_view accept_suffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455 1.3
constexpr std::size_t key_bytes = 16;
constexpr std::size_t subprotocols_max = 16;  // more are not looked at

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return is_alnum(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

// The one value of a field; `count` tells none from several.
std::string_view only_value(const Request& request, std::string_view name, std::size_t& count) {
  std::string_view value;
  count = 0;
  for (const Field& field : request.fields) {
    if (field.name != name) continue;
    value = field.value;
    ++count;
  }
  return value;
}

WebSocketOffer refused(int status, std::string_view detail, Fields fields = {}) {
  WebSocketOffer offer;
  offer.status = status;
  offer.detail = detail;
  offer.fields = std::move(fields);
  return offer;
}

std::string_view without_default_port(std::string_view authority, std::string_view scheme) {
  const std::string_view port = scheme == "https" ? ":443" : ":80";
  if (authority.size() > port.size() && authority.substr(authority.size() - port.size()) == port)
    authority.remove_suffix(port.size());
  return authority;
}

}  // namespace

std::vector<std::string_view> subprotocols_of(const Request& request) {
  std::vector<std::string_view> subprotocols;
  for (const Field& field : request.fields) {
    if (field.name != "sec-websocket-protocol") continue;
    std::string_view list = field.value;
    while (!list.empty() && subprotocols.size() < subprotocols_max) {
      const std::size_t comma = list.find(',');
      const std::string_view item = trim(list.substr(0, comma));
      if (is_token(item)) subprotocols.push_back(item);
      list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
    }
  }
  return subprotocols;
}

bool asks_for_websocket(const Request& request) { return request.protocol == "websocket"; }

std::string websocket_accept_of(std::string_view key) {
  return base64_of(bytes_of(digest_of(Digest::sha1, std::string(key).append(accept_suffix))));
}

WebSocketOffer read_websocket_offer(const Request& request) {
  const bool is_http1 = request.version_major == 1;
  if (!asks_for_websocket(request))
    return refused(426, "This address speaks WebSocket; ask for an upgrade.",
                   {{"Upgrade", "websocket"}});
  if (is_http1 && request.method != Method::get)
    return refused(405, "A WebSocket is opened with GET.", {{"Allow", "GET"}});
  std::size_t versions = 0, keys = 0;
  const std::string_view version = only_value(request, "sec-websocket-version", versions);
  if (versions != 1 || version != "13")
    return refused(426, "Sec-WebSocket-Version: 13 is the version that is spoken here.",
                   {{"Sec-WebSocket-Version", "13"}});
  WebSocketOffer offer;
  if (is_http1) {
    const std::string_view key = only_value(request, "sec-websocket-key", keys);
    const auto nonce = keys == 1 ? parse_base64(key) : std::nullopt;
    if (!nonce || nonce->size() != key_bytes)
      return refused(400, "Sec-WebSocket-Key: expected one value of 16 bytes in base64.");
    offer.accept = websocket_accept_of(key);
  }
  offer.subprotocols = subprotocols_of(request);
  return offer;
}

std::string_view choose_subprotocol(const WebSocketOffer& offer,
                                    std::span<const std::string_view> ours) {
  for (const std::string_view offered : offer.subprotocols)
    for (const std::string_view known : ours)
      if (offered == known) return known;
  return {};
}

Response websocket_response(const WebSocketOffer& offer, std::string_view subprotocol) {
  Response head;
  head.status = offer.accept.empty() ? 200 : 101;
  if (!offer.accept.empty()) head.fields.emplace_back("Sec-WebSocket-Accept", offer.accept);
  if (!subprotocol.empty()) head.fields.emplace_back("Sec-WebSocket-Protocol", subprotocol);
  return head;
}

bool origin_may_connect(const Request& request, std::span<const std::string> allowed) {
  if (!request.has(Known::origin)) return true;
  if (request.repeats(Known::origin)) return false;
  const std::string_view origin = request.known(Known::origin);
  const auto fits = [origin](const std::string& one) {
    return one == "*" || equals_ignoring_case(one, origin);
  };
  if (std::any_of(allowed.begin(), allowed.end(), fits)) return true;
  const std::size_t colon = origin.find("://");
  if (colon == std::string_view::npos) return false;  // "null"
  const std::string_view scheme = origin.substr(0, colon);
  // The scheme is not compared: behind a proxy that ends TLS ours is http and the page's https.
  return !request.host.empty() &&
         equals_ignoring_case(without_default_port(origin.substr(colon + 3), scheme),
                              without_default_port(request.host, scheme));
}

}  // namespace weir::http
