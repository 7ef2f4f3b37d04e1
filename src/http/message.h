#pragma once
// What a handler sees of a request, and the plain form of an answer.
//
// A Request is a set of views into bytes that its Exchange owns: they stay valid, and stay where
// they are, until on_finished of that exchange returns. Everything in it was checked by the parser
// (RFC 9110, RFC 9112 and the stricter rules of the wire specification): exactly one way to read
// it.

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::http {

enum class Method : std::uint8_t {
  get,
  head,
  post,
  put,
  patch,
  delete_,
  options,
  trace,
  connect,
  other
};

// Fields that many steps ask for, found by the parser on the way so that asking costs nothing.
enum class Known : std::uint8_t {
  accept,
  accept_encoding,
  accept_language,
  authorization,
  cache_control,
  connection,
  content_encoding,
  content_length,
  content_type,
  cookie,
  expect,
  forwarded,
  host,
  if_match,
  if_modified_since,
  if_none_match,
  if_range,
  if_unmodified_since,
  last_event_id,
  origin,
  range,
  referer,
  sec_fetch_site,
  te,
  traceparent,
  tracestate,
  transfer_encoding,
  upgrade,
  user_agent,
  x_forwarded_for,
  count,
};

struct Field {
  std::string_view name;   // lower case
  std::string_view value;  // without blanks at its ends; no control characters but HTAB
};

// Who is at the other end of the connection. IPv4 is kept in its v4-mapped form.
struct Peer {
  enum class Kind : std::uint8_t { ip, unix_socket };
  std::array<std::uint8_t, 16> address{};
  std::uint16_t port = 0;
  Kind kind = Kind::ip;

  bool is_v4() const;
  bool is_loopback() const;  // 127/8, ::1, and every peer of a Unix socket
  std::string text() const;  // "192.0.2.1", "2001:db8::1", "unix"
  friend bool operator==(const Peer&, const Peer&) = default;
};

// What a client's certificate says, verified by the handshake against the listener's own
// authorities. Never taken from a field of the request.
struct ClientCertificate {
  std::string subject;                         // "CN=client,O=Example"
  std::vector<std::string> dns, uris, emails;  // of its alternative names; dns in lower case
  std::string fingerprint;  // SHA-256 of the certificate in base64url (x5t#S256, RFC 8705 3.1)
};

enum class Framing : std::uint8_t { none, length, chunked };

struct Request {
  Method method = Method::other;
  std::uint8_t version_major = 1;  // 1 or 2
  std::uint8_t version_minor = 1;  // HTTP/1.0 or 1.1; 1 in HTTP/2, too
  bool secure = false;             // came over TLS
  bool encoded_slash = false;      // the raw path holds %2F: site routes answer 400
  bool path_is_utf8 = true;        // false: names nothing, 404
  bool dropped_body = false;       // GET or HEAD came with a body, which nobody sees
  bool wants_continue = false;     // Expect: 100-continue; read_body answers it
  Framing framing = Framing::none;
  int listener_tag = 0;  // of the listener that accepted it

  std::string_view method_text;
  std::string_view target;    // as sent
  std::string_view raw_path;  // of the target, as sent
  // Percent-decoded once, dot segments resolved; starts with '/' (or is "*"). As sent where that
  // was not possible: such a request is refused by the engine and only seen in on_finished.
  std::string_view path;
  std::string_view query;  // behind the first '?', as sent, without it
  std::string_view
      host;  // authority: Host, or the target's own in absolute form; may be empty in 1.0
  // In lower case what a client wants to switch to: "websocket" of a valid Upgrade (HTTP/1.1, GET,
  // no body, Connection: upgrade), or of an extended CONNECT (:protocol, RFC 8441). Else empty.
  std::string_view protocol;
  std::uint64_t content_length = 0;  // when framing is length
  std::span<const Field> fields;     // in order; hop-by-hop fields named in Connection are gone
  const Peer* peer = nullptr;
  // Of the connection; null = none was shown. Lives as long as the connection.
  const ClientCertificate* client_certificate = nullptr;

  // First value, empty when absent. `has` tells an empty value from none.
  std::string_view known(Known field) const;
  bool has(Known field) const { return known_at[static_cast<std::size_t>(field)] != 0; }
  // True when the field came on more than one line. For a list that means the same as one line with
  // commas, see use_list; for a field of one value it means that nobody can say which was meant.
  bool repeats(Known field) const { return (repeated >> static_cast<unsigned>(field) & 1U) != 0; }
  // `use` of the whole list that the lines of the field make together (RFC 9110 5.3); the view
  // lasts for the call.
  template <class Use>
  auto use_list(Known field, Use use) const {
    return repeats(field) ? use(std::string_view(joined(field))) : use(known(field));
  }
  // First field of that (lower case) name; null when there is none. Linear.
  const Field* find(std::string_view lower_name) const;

  // Index + 1 into `fields`; 0 = absent. Written by the parser.
  std::array<std::uint8_t, static_cast<std::size_t>(Known::count)> known_at{};
  std::uint32_t repeated = 0;  // one bit for each Known
  static_assert(static_cast<std::size_t>(Known::count) <= 32);

 private:
  std::string joined(Known field) const;
};

using Fields = std::vector<std::pair<std::string, std::string>>;

// An answer made for one request. The engine adds Date, Server, Content-Length and Connection.
// A name or value with a control character is a defect of ours: it is logged and answered with 500.
struct Response {
  int status = 200;
  Fields fields = {};
  std::string body = {};
};

std::string_view name_of(Method method);        // "GET"; "" for other
std::string_view reason_phrase_of(int status);  // "Not Found"; "Unknown" for codes without one
bool status_has_body(int status);               // false for 1xx, 204, 304

}  // namespace weir::http
