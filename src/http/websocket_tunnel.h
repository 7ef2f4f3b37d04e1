#pragma once
// A WebSocket on an exchange whose request asked for one: over HTTP/1.1 and HTTP/2 alike.

#include "http/exchange.h"
#include "http/websocket.h"

#include <memory>

namespace weir::http {

// Answers with `head` (websocket_handshake.h) and opens the socket. It must live until on_closed,
// and `sink` with it. Loop thread only.
std::unique_ptr<WebSocket> open_websocket(Exchange& exchange, Response head, WebSocketSink& sink);

}  // namespace weir::http
