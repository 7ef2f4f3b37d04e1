#pragma once
// Proxy routes: a request that passed the steps is asked of another server, and its answer is
// passed on as it comes, both bodies with back-pressure (wire, section 7; guard G-13; cache C-38).
//
// What the server sees is written from what the guards saw: the decoded path encoded again, the
// query as sent, the request's fields without those of this hop. Nobody but us says who the client
// is (X-Forwarded-*, Forwarded, X-Real-IP; what trusted proxies said is kept in front), which
// claims it has, or which trace it belongs to. What the client sees is the server's answer without
// the fields of that hop.
//
// A body is streamed unless a step has read it; then it is sent from there. When there is no answer
// the client gets 502, 503 or 504 in the usual form; when an answer breaks off its connection is
// cut. Nothing is cached here: a cache puts itself between `answer` and the UpstreamClient, as the
// sink of its calls.
//
// A Proxy belongs to one loop's thread, a ProxyRoute is immutable.

#include "edge/config.h"
#include "edge/visit.h"

#include "guard/client_address.h"
#include "guard/jwt.h"
#include "http/upstream.h"

#include <memory>
#include <string>
#include <vector>

namespace weir::edge {

struct ProxyRoute {
  std::shared_ptr<http::Upstream> upstream;
  Nanos timeout{0};  // until the head of the answer
  enum class Host : std::uint8_t { preserve, upstream, fixed } host = Host::preserve;
  std::string host_name;  // with Host::fixed
  std::string strip, add;
  std::size_t body_bytes_max = limits::body_bytes_max;
  bool refuses_encoded_slash = false;
  bool strips_authorization = false;
  const guard::ForwardedHeaders* claims = nullptr;  // headers that only tokens set; null = none
  const guard::TrustedProxies* proxies = nullptr;
};

// A server, or several, as the configuration tells of it, and what has been learnt of it since.
struct OpenUpstream {
  UpstreamTable table;
  guard::BreakerSettings breaker;
  std::shared_ptr<http::Upstream> upstream;
};
// One for each of config.upstreams, in that order. One that is the same as in `before` goes on with
// its connections, counts and breakers (a file of authorities is read anew, so not with one).
// Errors carry the place in the configuration.
Result<std::vector<OpenUpstream>> open_upstreams(const Config& config,
                                                 const std::vector<OpenUpstream>& before);

ProxyRoute proxy_route_of(const RouteSettings& route, const Config& config,
                          const std::vector<OpenUpstream>& upstreams);

// The path as the server gets it: `strip` taken off where it is a whole first part, `add` put in
// front, and encoded again.
std::string upstream_target(const http::Request& request, const ProxyRoute& route);

class Proxy {
 public:
  Proxy(LoopState& state, http::NameResolver& resolver);
  ~Proxy();
  void answer(Visit& visit);
  void finished(Visit& visit);  // its exchange has ended: what is under way is cancelled

 private:
  struct Ask;
  Ask& take(Visit& visit);
  bool compose(Ask& ask, const ProxyRoute& route);
  void append_fields(Ask& ask, const ProxyRoute& route);
  void append_origin(std::string& lines, const Ask& ask, const ProxyRoute& route);
  std::string_view text_of(const guard::IpAddress& address);

  http::UpstreamClient client_;
  http::UpstreamOrder order_;  // scratch: its strings keep their room
  std::string lines_, target_;
  guard::IpAddress address_;  // of the request before: a keep-alive connection asks many times
  std::string address_text_;
  std::vector<std::unique_ptr<Ask>> asks_;
  std::vector<Ask*> free_;
};

}  // namespace weir::edge
