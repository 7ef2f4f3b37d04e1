#pragma once
// The request that goes upstream, written from parsed values and never copied (wire H-22).
//
// The caller says what the request means; the serialiser writes the framing, Host and Connection
// itself, and refuses whatever could be read in another way: a target with a byte that does not
// belong there, a field that is not clean, a field that is the serialiser's own business. Pure.

#include "http/message.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace weir::http {

struct UpstreamRequest {
  std::string_view method = "GET";
  std::string_view target = "/";  // origin form, or "*"; visible ASCII without '#' and '\'
  std::string_view host = {};     // authority for Host
  // See append_field: Host, Content-Length, Transfer-Encoding, Connection, Keep-Alive, Upgrade,
  // TE, Trailer and Expect are not given here.
  std::string_view fields = {};  // whole lines "Name: value\r\n", made by `append_field`
  Framing body = Framing::none;
  std::uint64_t body_bytes = 0;   // with Framing::length
  std::string_view upgrade = {};  // not empty: asks for this protocol ("websocket")
  bool takes_trailers = false;    // TE: trailers
};

// Appends "Name: value\r\n". False, and nothing appended, when the field is not clean or belongs to
// the serialiser.
bool append_field(std::string& lines, std::string_view name, std::string_view value);

// Appends the head. False, and nothing appended, when method, target or host are not what they must
// be.
bool append_request_head(std::string& out, const UpstreamRequest& request);

// GET, HEAD, OPTIONS, TRACE, PUT, DELETE (RFC 9110 9.2.2): may be sent again.
bool is_idempotent(std::string_view method);

// Fields of this hop alone (RFC 9110 7.6.1 and those of old): Connection, Keep-Alive,
// Proxy-Connection, Proxy-Authenticate, Proxy-Authorization, Proxy-Authentication-Info, TE,
// Trailer, Transfer-Encoding, Upgrade. `lower_name` in lower case.
bool is_hop_field(std::string_view lower_name);
// True when one of the Connection fields names it.
bool is_named_in_connection(std::span<const Field> fields, std::string_view lower_name);

// A trailer may not say what a head must say (RFC 9110 6.5.1): framing, routing, modifiers,
// authentication, representation, cookies.
bool is_allowed_trailer(std::string_view lower_name);

// A path as decoded by target.h (`decode_path`), written again so that whoever decodes it once sees
// the same bytes: every byte that is not a pchar of RFC 3986 or '/' is escaped, '%' too.

void append_encoded_path(std::string& out, std::string_view decoded);

}  // namespace weir::http
