#pragma once
// What a proxy route is made of, and the servers behind it. A ProxyRoute is immutable and outlives
// the configuration that it came from while a request needs it.

#include "edge/config.h"

#include "cache/http_policy.h"
#include "guard/client_address.h"
#include "guard/jwt.h"
#include "http/upstream.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::edge {

// How answers that come by a route are kept (cache.md, section 1).
struct CacheRoute {
  cache::Profile profile = cache::Profile::guarded;
  cache::RouteFreshness freshness;
  std::vector<std::string> keys;  // guarded: fields that always select, and are passed on
  std::vector<std::string> tags;  // of every answer
  bool forwards_targeted = false;
};

struct ProxyRoute {
  std::string name;  // of the route
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
  std::optional<CacheRoute> cache;  // nothing: every request goes to the server
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

}  // namespace weir::edge
