#pragma once
// The HTTP/1.1 engine: one event loop per core, each with its own listening sockets.
//
// Promises (wire specification, sections 1, 2, 8): a message is understood in exactly one way or
// refused; every limit has one answer and leaves the connection in a known state; no lock and no
// allocation on the way of a prepared answer; nothing is closed or freed while a batch of events is
// being worked through.
//
// `open` binds every address before it returns, so that a taken port is an error at start. `run`
// works until `stop`. `stop` and the counters may be called from any thread; `stop` also from a
// signal handler.

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/result.h"
#include "http/exchange.h"
#include "http/head_parser.h"
#include "http/loop.h"
#include "http/tls.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace weir::http {

struct ListenerSettings {
  std::string address = "127.0.0.1";  // numeric, IPv4 or IPv6 ("::" takes both)
  std::uint16_t port = 0;             // 0 = the kernel chooses; see Server::ports
  std::string unix_path =
      {};  // not empty: a Unix socket there instead (mode 0600, replaced if stale)
  std::shared_ptr<TlsContext> tls = {};
  // Every connection begins with a PROXY header, before TLS. Only peers of is_exempt may connect:
  // others are closed and logged.
  bool proxy_protocol = false;
  bool h2c = false;  // HTTP/2 without TLS for clients that know (over TLS it is agreed by ALPN)
  int tag = 0;       // appears as Request::listener_tag
  // Not empty: these listen already, and nothing is bound. The server works on copies; when it
  // stops listening, whoever waits in their queues waits on for another process that has them too.
  std::vector<int> sockets = {};
};

struct ServerLimits {
  std::size_t connections = limits::connections_max;  // lowered to 90 % of the descriptor limit
  std::size_t connections_per_client = limits::connections_per_client_max;
  std::size_t target_bytes = limits::target_bytes_max;
  std::size_t head_bytes = limits::head_bytes_max;
  std::size_t head_fields = limits::head_fields_max;
  std::size_t bodies_buffered_bytes = limits::bodies_buffered_bytes_max;
  std::size_t requests_per_connection = limits::requests_per_connection_max;
  std::size_t handshakes_per_second = limits::handshakes_per_second_max;  // of TLS, per client
  bool handshakes_spare_loopback = true;  // false once the operator has named a rate
};

struct ServerTimeouts {
  Nanos handshake = limits::handshake_time_max;
  Nanos head = limits::head_time_max;
  Nanos body_grace = limits::body_grace;
  std::size_t body_rate = limits::body_rate_min;
  Nanos write_stall = limits::write_stall_max;
  std::size_t write_rate = limits::write_rate_min;
  Nanos idle = limits::idle_time_max;
  Nanos idle_crowded = limits::idle_time_crowded_max;
  Nanos linger = limits::lingering_time_max;
  Nanos answer = limits::answer_time_max;
};

struct ServerSettings {
  std::vector<ListenerSettings> listeners;
  ServerLimits limits = {};
  ServerTimeouts timeouts = {};
  Underscores underscores = Underscores::drop;
  LineEnds line_ends = LineEnds::crlf;
  std::size_t loops = 1;
  // Trusted proxies: they do not count against connections_per_client, and may send PROXY headers.
  // Loopback never counts.
  std::function<bool(const Peer&)> is_exempt = {};
};

// Made once per loop, on that loop's thread, before its first connection.
using HandlerFactory = std::function<std::unique_ptr<Handler>(Loop&)>;

// Monotonic sums over all loops, except `connections` and `bodies_buffered_bytes`, which are now.
struct Counters {
  std::uint64_t connections = 0;
  std::uint64_t accepted = 0;
  std::uint64_t requests = 0;
  std::uint64_t refused = 0;      // 4xx and 5xx that the engine gave by itself
  std::uint64_t closed_idle = 0;  // by deadline or to make room
  std::uint64_t overload = 0;     // 503 or 429 at accept
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t tls_handshakes = 0;
  std::uint64_t tls_resumed = 0;  // of these, by a ticket
  std::uint64_t tls_limited = 0;  // closed at accept: the client began too many
  std::uint64_t tls_failures = 0;
  std::uint64_t bodies_buffered_bytes = 0;
  std::uint64_t http2_connections = 0;  // begun
  std::uint64_t http2_requests = 0;
  std::uint64_t http2_cut = 0;  // connections that were told to calm down
};

class Server {
 public:
  // `clock` and `log` must outlive the server.
  static Result<std::unique_ptr<Server>> open(ServerSettings settings, HandlerFactory factory,
                                              const Clock& clock, Log& log);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  void run();  // serves on the calling thread and loops - 1 more; returns after stop
  // Listeners close, answers carry Connection: close, idle connections are closed; what is not done
  // after `drain` is cut. A second call with 0 forces. Async-signal-safe.
  // `quiet`: how long an idle connection may stay silent meanwhile. A client that we have told
  // nothing yet may be sending its next request just now, so a server that nobody waits for takes
  // its time.
  void stop(Nanos drain, Nanos quiet = limits::drain_quiet_time);

  // False once every loop has closed its listeners after `stop`: what connects from then on reaches
  // whoever else holds the sockets. Any thread.
  bool listens() const;

  // The memory that the process can still afford (wire, section 8): with `shed` every connection
  // that is idle now is closed and kept buffers are given back; with `refuse` new connections get
  // 503 as well. Told again while it lasts, and with `none` when it is over. Any thread.
  void set_pressure(Pressure pressure);

  // In the order of ServerSettings::listeners; 0 for Unix sockets.
  const std::vector<std::uint16_t>& ports() const;
  std::size_t loops() const;
  Loop& loop(std::size_t index);  // for post, from any thread
  Counters counters() const;

 private:
  struct Shared;
  explicit Server(std::unique_ptr<Shared> shared);
  std::unique_ptr<Shared> shared_;
};

}  // namespace weir::http
