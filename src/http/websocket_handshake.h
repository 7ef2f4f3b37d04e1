#pragma once
// The opening handshake of a WebSocket (RFC 6455, section 4.2; RFC 8441 over HTTP/2): is this
// request one, may it be taken, and with which fields. Pure functions; the upgrade itself is
// Exchange::open_tunnel.
//
// Over HTTP/1.1: GET, Upgrade: websocket, Connection: upgrade, a key of 16 bytes in base64. Over
// HTTP/2: CONNECT with :protocol websocket, no key. Both: version 13. (That Upgrade and Connection
// are as they should be is what Request::protocol says.)

#include "http/message.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::http {

// True when the request asks for a WebSocket, rightly or wrongly.
bool asks_for_websocket(const Request& request);

// What the client can speak, in its order: the items of every Sec-WebSocket-Protocol, at most 16.
// Views into the request.
std::vector<std::string_view> subprotocols_of(const Request& request);

struct WebSocketOffer {
  int status = 0;                // 0 = good; else the refusal: 400, 405, 426
  std::string_view detail = {};  // of the refusal
  Fields fields = {};            // of the refusal (Sec-WebSocket-Version, Allow)

  std::string accept = {};                          // Sec-WebSocket-Accept; empty over HTTP/2
  std::vector<std::string_view> subprotocols = {};  // subprotocols_of

  bool ok() const { return status == 0; }
};
WebSocketOffer read_websocket_offer(const Request& request);

// The first of `ours` that the client offers; empty = none.
std::string_view choose_subprotocol(const WebSocketOffer& offer,
                                    std::span<const std::string_view> ours);
// The head of the answer, for open_tunnel. `subprotocol` empty: none is named.
Response websocket_response(const WebSocketOffer& offer, std::string_view subprotocol);

// Sec-WebSocket-Accept for a key (RFC 6455, 4.2.2).
std::string websocket_accept_of(std::string_view key);

// Whether a page of `origin` ("https://example.org") may use the host that was asked: the host is
// the same, or the origin is listed ("*" lists all). A browser always sends Origin with a
// WebSocket, and obeys no other rule of same origin; a request without Origin is not from a page.
bool origin_may_connect(const Request& request, std::span<const std::string> allowed);

}  // namespace weir::http
