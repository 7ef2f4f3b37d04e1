#pragma once
// The routes of one configuration, compiled: which steps a request passes, and what answers it.
//
// Order of routes: weir's own (/_weir/**), the configured ones in their order, then the data mounts
// when there is [data], then everything to the site. First match wins; a key that is not there
// matches any. A route without `stages` gets the default ones (the design's "Defaults"): trace,
// open; 200/s with burst 1,000 per ip/64, open, loopback counted and never refused; the WAF,
// closed, `detect` on the site and `block` elsewhere. `stages = []` means none.
//
// A reload opens a new Pipeline beside the old one. What is defined as before is shared by both
// with its state: the requests that a limit has counted, the keys that were fetched and the tokens
// that were verified, rule sets that are compiled.
//
// Immutable after `open`; the limiter, the token caches and fetched keys inside are safe for all
// loops.

#include "edge/page_route.h"
#include "edge/pattern.h"
#include "edge/proxy_route.h"
#include "edge/steps.h"

#include "base/log.h"
#include "guard/jwks_source.h"
#include "guard/jwt.h"
#include "guard/limiter.h"

#include <memory>
#include <string>
#include <vector>

namespace weir::edge {

class Pipeline;

struct Route {
  enum class Target : std::uint8_t { control, site, data, proxy, page };
  bool is_page() const { return target == Target::site || target == Target::page; }
  std::string name;
  std::vector<std::string> hosts;
  std::vector<Pattern> paths;
  std::vector<std::string> methods;
  Target target = Target::site;
  std::vector<StepSettings> steps;
  const Pipeline* pipeline = nullptr;       // whose it is
  std::shared_ptr<const ProxyRoute> proxy;  // of a proxy route
  std::shared_ptr<const PageRoute> page;    // of a route to made pages
};

// What a route is chosen by.
struct RouteAsk {
  std::string_view host;    // as in Request::host
  std::string_view path;    // decoded
  std::string_view method;  // "GET"
};

// What the operator's tables need from outside.
struct PipelineParts {
  guard::Fetcher& fetcher;  // of JWKS documents
  WorkerPool& workers;      // for large bodies
  const Clock& clock;
  Log& log;
  std::string keys_directory;  // fetched keys are kept there over a restart; empty = not kept
};

class Pipeline : public std::enable_shared_from_this<Pipeline> {
 public:
  // Loads keys and rules. Errors carry the place in the configuration.
  // `before` (null = none) is looked at during the call only.
  static Result<std::unique_ptr<Pipeline>> open(const Config& config, const PipelineParts& parts,
                                                const Pipeline* before = nullptr);
  ~Pipeline();
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  const Route& route_of(const http::Request& request) const;
  const Route& route_of(const RouteAsk& ask) const;

  // One Inspector per rule set and loop, in this order.
  const std::vector<std::shared_ptr<const waf::RuleSet>>& rule_sets() const { return rule_sets_; }
  // Those that make pages, in the order of the configuration.
  const PageRoutes& page_routes() const { return page_routes_; }
  // Whether the client may be the first to ask for another page of the route (C-68); counts it.
  bool may_make(const PageRoute& route, const http::Request& request,
                const guard::IpAddress& client, Mono now) const;
  const guard::TrustedProxies& proxies() const { return proxies_; }
  // Of a client whom no limit has counted: the same for all its requests until the process ends.
  std::uint64_t client_hash(const guard::IpAddress& client) const;
  const guard::ForwardedHeaders& forwarded_headers() const { return forwarded_; }
  bool forwards_headers() const { return forwards_headers_; }
  std::vector<std::pair<std::string, Nanos>> key_ages() const;
  const std::vector<OpenUpstream>& upstreams() const { return upstreams_; }
  void tick();  // about once a second, any one thread: fetches keys when it is time to

 private:
  struct Issuer;
  Pipeline();
  Status open_auth(const AuthSettings& auth, const PipelineParts& parts, const Pipeline* before);
  Result<std::shared_ptr<Issuer>> open_issuer(const AuthSettings& auth, const PipelineParts& parts);
  Status open_limits(const Config& config, const Pipeline* before);
  Result<std::shared_ptr<const guard::Limit>> limit_of(const guard::LimitPolicy& policy,
                                                       const Pipeline* before);
  Result<std::size_t> rule_set_of(const Config& config, unsigned paranoia);
  Status add_route(const RouteSettings& settings, Route::Target target, const Config& config,
                   const PipelineParts& parts);
  Result<StepSettings> step_of(const StageSettings& stage, const RouteSettings& route,
                               Route::Target target, const Config& config,
                               const PipelineParts& parts);
  const guard::Limit* find_limit(std::string_view name) const;
  guard::JwtVerifier* find_verifier(std::string_view name);

  guard::TrustedProxies proxies_;
  guard::ForwardedHeaders forwarded_;
  bool forwards_headers_ = false;
  std::shared_ptr<guard::Limiter> limiter_;
  std::uint32_t limit_index_ = 0;  // of the next limit that is new: never used again, so that two
                                   // definitions never share a count
  std::vector<std::shared_ptr<const guard::Limit>> limits_;
  std::vector<std::shared_ptr<Issuer>> issuers_;
  std::vector<std::unique_ptr<const guard::ClientCertificatePolicy>> certificates_;
  std::vector<std::shared_ptr<const waf::RuleSet>> rule_sets_;
  std::vector<unsigned> rule_set_paranoia_;
  std::vector<OpenUpstream> upstreams_;
  PageRoutes page_routes_;
  std::vector<std::string> rule_set_sources_;  // all that a rule set was made from
  const Pipeline* before_ = nullptr;           // during open
  std::vector<Route> routes_;
};

// The stages of a route that names none.
std::vector<StageSettings> default_stages(Route::Target target);

}  // namespace weir::edge
