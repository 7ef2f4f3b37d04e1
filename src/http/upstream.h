#pragma once
// Asking another HTTP server, without ever blocking a loop (wire, section 7: H-43 .. H-45).
//
//   Upstream        what is asked: its servers, bounds and health. Shared by all loops.
//   UpstreamClient  one per loop: pooled connections, calls under way, deadlines.
//   UpstreamCall    one request and its answer, streamed both ways with back-pressure.
//   AnswerSink      who gets the answer. A cache stands between: it is a sink for the client and
//                   makes the calls for the route.
//
// A call takes a pooled connection, or connects: names are resolved off the loop, each address of a
// server is tried in turn, then another server whose breaker is closed, at most
// limits::upstream_tries_max connections in all, each for `connect`. What was sent is sent again
// only when a pooled connection broke before any byte of an answer, once, for an idempotent method
// whose body had not begun. Everything else that goes wrong is told: on_failed before the head,
// and after it too, because what the client has so far is not whole.
//
// Everything but `Upstream` belongs to the loop's thread. Nothing is called back from inside begin,
// send, end, pause, resume or cancel. Behind on_end, on_failed and cancel the call is gone.

#include "base/limits_upstream.h"
#include "http/message.h"
#include "http/tls.h"
#include "http/upstream_answer.h"
#include "http/upstream_names.h"
#include "http/upstream_request.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::http {

class Loop;
class UpstreamCall;
struct UpstreamCore;

struct UpstreamServer {
  std::string text;       // "http://127.0.0.1:9701": for records and logs
  std::string authority;  // what Host says when the request does not bring its own
  std::string host;       // name or address, without brackets; empty with unix_path
  std::uint16_t port = 0;
  std::string unix_path = {};
  bool secure = false;
};
// "http://host[:port]", "https://host[:port]", "unix:/path": a server and nothing behind it.
Result<UpstreamServer> parse_upstream_server(std::string_view text);

enum class Balance : std::uint8_t { round_robin, least_connections };

struct UpstreamSettings {
  std::string name;
  std::vector<UpstreamServer> servers;  // 1 .. limits::upstream_servers_max
  Balance balance = Balance::round_robin;
  std::size_t in_flight_max = limits::upstream_in_flight_max;
  std::size_t idle_max = limits::upstream_idle_max;  // per loop; 0 = a connection per request
  Nanos connect = limits::upstream_connect_time_max;
  Nanos first_byte = limits::upstream_first_byte_time_max;
  Nanos stall = limits::upstream_stall_time_max;
  Nanos idle = limits::upstream_idle_time_max;
  std::shared_ptr<TlsClientContext> tls = {};  // when a server is secure
};

// Which servers are worth asking, learnt from how calls end. Any thread.
class UpstreamHealth {
 public:
  virtual ~UpstreamHealth() = default;
  // True: the server is asked, and exactly one of the three below follows.
  virtual bool may_try(std::size_t server, Mono now) = 0;
  virtual void succeeded(std::size_t server, Mono now) = 0;
  virtual void failed(std::size_t server, Mono now) = 0;
  virtual void left_open(std::size_t server, Mono now) = 0;      // cancelled before it showed
  virtual bool is_open(std::size_t server, Mono now) const = 0;  // for metrics: it gets no calls
};

// The next of `count` servers: by turns from `turn`, or the one with the fewest calls (then by
// turns). `may` is asked in that order until it says yes; nullopt when it never does.
template <class LoadOf, class May>
std::optional<std::size_t> choose_server(std::size_t count, Balance balance, std::size_t turn,
                                         LoadOf&& load_of, May&& may) {
  std::uint64_t asked = 0;
  for (std::size_t round = 0; round < count; ++round) {
    std::size_t best = count;
    for (std::size_t step = 0; step < count; ++step) {
      const std::size_t at = (turn + step) % count;
      if ((asked >> at & 1U) != 0) continue;
      if (best == count) best = at;
      else if (balance == Balance::least_connections && load_of(at) < load_of(best)) best = at;
      if (balance == Balance::round_robin) break;
    }
    asked |= std::uint64_t{1} << best;
    if (may(best)) return best;
  }
  return std::nullopt;
}

// Immutable but for its counts, which are atomic.
class Upstream {
 public:
  // `health` may be null: every server is always worth asking.
  static Result<std::shared_ptr<Upstream>> open(UpstreamSettings settings,
                                                std::shared_ptr<UpstreamHealth> health);
  Upstream(const Upstream&) = delete;
  Upstream& operator=(const Upstream&) = delete;

  const UpstreamSettings& settings() const { return settings_; }
  UpstreamHealth* health() const { return health_.get(); }

  struct Counts {
    std::atomic<std::uint64_t> calls{0};     // begun
    std::atomic<std::uint64_t> failed{0};    // ended with on_failed, or were refused at the bound
    std::atomic<std::uint64_t> connects{0};  // connections begun
    std::atomic<std::uint64_t> reused{0};    // calls on a pooled connection
    std::atomic<std::uint64_t> retried{0};
    std::atomic<std::int64_t> in_flight{0};
    std::atomic<std::int64_t> idle{0};
  };
  Counts counts;

 private:
  friend struct UpstreamCore;
  Upstream(UpstreamSettings settings, std::shared_ptr<UpstreamHealth> health)
      : settings_(std::move(settings)), health_(std::move(health)) {}
  struct Place {
    Addresses fixed;  // numeric or a Unix socket: never looked up
    std::atomic<std::int64_t> in_flight{0};
  };
  const UpstreamSettings settings_;
  const std::shared_ptr<UpstreamHealth> health_;
  std::vector<std::unique_ptr<Place>> places_;
  std::atomic<std::size_t> turn_{0};
};

// Why there is no answer, or not a whole one.
enum class UpstreamFailure : std::uint8_t {
  none,
  full,           // 503: as many calls as the upstream may have are under way
  unhealthy,      // 503: every server's breaker is open
  no_address,     // 502
  not_connected,  // 502: refused, unreachable or too slow to connect
  not_trusted,    // 502: TLS: certificate, name or protocol
  cut,            // 502: closed or reset before the answer was whole
  bad_answer,     // 502: not HTTP, or in doubt
  late,           // 504: no answer in time
  stalled,        // 504: the answer stopped half-way
};
int status_of(UpstreamFailure failure);
std::string_view name_of(UpstreamFailure failure);  // "not-connected": for records

class AnswerSink {
 public:
  virtual ~AnswerSink() = default;
  // Views last for the call. Fields come as they were sent, hop-by-hop ones included.
  virtual void on_interim(const AnswerHead& head) = 0;  // 102, 103, ...; 100 is not told
  virtual void on_head(const AnswerHead& head) = 0;     // the final one
  virtual void on_switched(
      const AnswerHead& head) = 0;  // 101: on_body and send now carry any bytes
  virtual void on_body(std::string_view piece) = 0;
  virtual void on_breath() = 0;  // all that was there has been told, and more is to come
  virtual void on_end(const Fields& trailers) = 0;
  virtual void on_room() = 0;  // send said full; now it would not
  virtual void on_failed(UpstreamFailure failure, std::string_view reason) = 0;
};

// What one call came to; for the decision record and the log.
struct UpstreamTimes {
  std::size_t server = 0;     // index into settings().servers
  std::uint8_t connects = 0;  // connections begun
  bool reused = false;        // the last connection came from the pool
  bool retried = false;       // sent again after a pooled connection broke
  Nanos connect{0};           // to the connection's being there, TLS included; 0 = pooled
  Nanos first_byte{0};        // from begin to the first byte of an answer
};

// A request that is ready to go: made by `make_order`.
struct UpstreamOrder {
  std::string head;
  std::size_t host_at = 0;  // where the server's authority belongs; 0 = the request has its own
  Framing body = Framing::none;
  AnswerReader::Asked asked = AnswerReader::Asked::plain;
  bool idempotent = false;
};
// False: the request could be read in another way (append_request_head). An empty `request.host`
// means the server's authority.
bool make_order(UpstreamOrder& order, const UpstreamRequest& request);

class UpstreamClient {
 public:
  UpstreamClient(Loop& loop, NameResolver& resolver);
  ~UpstreamClient();  // ends all calls; nobody is told
  UpstreamClient(const UpstreamClient&) = delete;
  UpstreamClient& operator=(const UpstreamClient&) = delete;

  struct Begun {
    UpstreamCall* call = nullptr;
    UpstreamFailure failure = UpstreamFailure::none;  // when there is no call: full or unhealthy
  };
  // `answer_by`: the head must have come by then (0 = only the upstream's own bounds count).
  Begun begin(const std::shared_ptr<Upstream>& upstream, UpstreamOrder&& order, AnswerSink& sink,
              Nanos answer_by = Nanos(0));

  std::size_t calls() const;  // under way
  std::size_t idle() const;   // connections in the pools

 private:
  std::unique_ptr<UpstreamCore> core_;
};

class UpstreamCall {
 public:
  enum class Wrote : std::uint8_t {
    sent,  // taken
    full,  // taken, and no more please: on_room tells when
    gone,  // not taken: the server reads no more; its answer may still come
  };
  // A piece of the request's body, with the framing the order says; behind on_switched any bytes.
  Wrote send(std::string_view bytes);
  // The body ends. Trailers: with Framing::chunked only, else dropped. Behind on_switched: our side
  // of the connection is shut.
  void end(const Fields& trailers = {});
  void pause();  // the answer: nothing is read, the server feels it
  void resume();
  void cancel();  // the connection is closed; nobody is called
  const UpstreamTimes& times() const;
  const Upstream& upstream() const;

 protected:
  UpstreamCall() = default;
  ~UpstreamCall() = default;
};

}  // namespace weir::http
