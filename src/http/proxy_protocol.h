#pragma once
// The PROXY protocol, versions 1 and 2: what a balancer says of its client, in front of the first
// byte of a connection (HAProxy's proxy-protocol.txt, 2020/03/05).
//
//   v1  "PROXY" SP ("TCP4" | "TCP6") SP source SP target SP port SP port CRLF
//       "PROXY" SP "UNKNOWN" anything CRLF                       at most 107 bytes
//   v2  signature of 12 bytes | 0x2 and command | family and transport | length u16, big-endian
//       | addresses | TLV*                                       TLV = type u8, length u16, value
//
// One way to read a header, or none: single spaces, ports without leading zeros, addresses in their
// usual spelling, a length that holds its addresses and whose TLVs end where it ends. Values of
// TLVs are skipped. Pure; callable from any thread.

#include "http/message.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace weir::http {

struct ProxyVerdict {
  enum class Kind : std::uint8_t {
    incomplete,  // a good beginning: ask again with more
    refused,     // `reason` says why; nothing of this connection is interpreted
    complete,    // `bytes` of it are the header
  };
  Kind kind = Kind::incomplete;
  std::size_t bytes = 0;
  // Nothing for LOCAL, UNKNOWN, UNSPEC and Unix sockets: the client is then whoever connected.
  std::optional<Peer> client = {};
  const char* reason = "";
};

// `bytes` is all that the connection has sent so far. Never asks for more than
// limits::proxy_header_bytes_max.
ProxyVerdict parse_proxy_header(std::string_view bytes);

}  // namespace weir::http
