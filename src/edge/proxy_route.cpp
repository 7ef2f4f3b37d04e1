#include "edge/proxy_route.h"

#include "base/must.h"

#include <algorithm>

namespace weir::edge {
namespace {

// The guard's breaker, one for each server.
class BreakerHealth final : public http::UpstreamHealth {
 public:
  BreakerHealth(std::size_t servers, const guard::BreakerSettings& settings) {
    for (std::size_t i = 0; i < servers; ++i)
      breakers_.push_back(std::make_unique<guard::Breaker>(settings, i + 1));
  }
  bool may_try(std::size_t server, Mono now) override { return breakers_[server]->may_try(now); }
  void succeeded(std::size_t server, Mono now) override { breakers_[server]->succeeded(now); }
  void failed(std::size_t server, Mono now) override { breakers_[server]->failed(now); }
  void left_open(std::size_t server, Mono now) override { breakers_[server]->left_open(now); }
  bool is_open(std::size_t server, Mono now) const override {
    return breakers_[server]->state(now) == guard::BreakerState::open;
  }

 private:
  std::vector<std::unique_ptr<guard::Breaker>> breakers_;
};

guard::BreakerSettings breaker_of(const Config& config, const std::string& name) {
  for (const BreakerTable& table : config.breakers)
    if (table.name == name) return table.settings;
  return {};
}

std::optional<std::int64_t> seconds_of(const std::optional<Nanos>& span) {
  if (!span) return std::nullopt;
  return span->count() / 1'000'000'000;
}

CacheRoute cache_route_of(const RouteSettings& route, const CacheSettings& standard) {
  const ProxyCacheSettings& said = *route.proxy_cache;
  CacheRoute cache;
  cache.profile = said.profile == "rfc9111" ? cache::Profile::rfc9111 : cache::Profile::guarded;
  cache.freshness.ttl_s = seconds_of(route.policy.ttl);
  cache.freshness.swr_s = seconds_of(route.policy.swr);
  cache.freshness.sie_s = seconds_of(route.policy.sie);
  cache.freshness.neg_ttl_s = said.neg_ttl.count() / 1'000'000'000;
  cache.freshness.ignores_cookies =
      said.ignores_cookies || cache.profile == cache::Profile::rfc9111;
  cache.keys = said.keys;
  cache.tags = said.tags;
  cache.forwards_targeted = said.forwards_targeted.value_or(standard.forwards_targeted);
  return cache;
}

}  // namespace

Result<std::vector<OpenUpstream>> open_upstreams(const Config& config,
                                                 const std::vector<OpenUpstream>& before) {
  std::vector<OpenUpstream> upstreams;
  for (const UpstreamTable& table : config.upstreams) {
    const guard::BreakerSettings breaker = breaker_of(config, table.breaker);
    const auto same = std::find_if(before.begin(), before.end(), [&](const OpenUpstream& one) {
      return is_same(one.table, table) && one.breaker == breaker && table.ca_file.empty();
    });
    if (same != before.end()) {
      upstreams.push_back(*same);
      continue;
    }
    http::UpstreamSettings settings;
    settings.name = table.name;
    bool secure = false;
    for (const std::string& text : table.servers) {
      auto server = http::parse_upstream_server(text);
      if (!server.ok()) return std::move(server).error().at(table.place);
      secure |= server->secure;
      settings.servers.push_back(std::move(server).value());
    }
    settings.balance = table.balance == "least_connections" ? http::Balance::least_connections
                                                            : http::Balance::round_robin;
    settings.in_flight_max = table.in_flight_max;
    settings.idle_max = table.idle_max;
    settings.connect = table.connect;
    settings.first_byte = table.first_byte;
    settings.stall = table.stall;
    settings.idle = table.idle;
    if (secure) {
      using Verify = http::TlsClientContext::Verify;
      auto tls = http::TlsClientContext::open(table.ca_file,
                                              table.verify ? Verify::peer : Verify::nothing);
      if (!tls.ok()) return std::move(tls).error().in("upstream " + table.name).at(table.place);
      settings.tls = std::move(tls).value();
    }
    std::shared_ptr<http::UpstreamHealth> health;
    if (table.breaker != "off")
      health = std::make_shared<BreakerHealth>(settings.servers.size(), breaker);
    auto opened = http::Upstream::open(std::move(settings), std::move(health));
    if (!opened.ok()) return std::move(opened).error().at(table.place);
    upstreams.push_back({table, breaker, std::move(opened).value()});
  }
  return upstreams;
}

ProxyRoute proxy_route_of(const RouteSettings& route, const Config& config,
                          const std::vector<OpenUpstream>& upstreams) {
  ProxyRoute proxy;
  proxy.name = route.name;
  for (const OpenUpstream& one : upstreams)
    if (one.table.name == route.proxy.upstream) proxy.upstream = one.upstream;
  MUST(proxy.upstream != nullptr);
  proxy.timeout =
      route.proxy.timeout.count() > 0 ? route.proxy.timeout : config.serve.answer_time_max;
  using Host = ProxyRoute::Host;
  proxy.host = route.proxy.host == "preserve"   ? Host::preserve
               : route.proxy.host == "upstream" ? Host::upstream
                                                : Host::fixed;
  if (proxy.host == Host::fixed) proxy.host_name = route.proxy.host;
  proxy.strip = route.proxy.strip;
  proxy.add = route.proxy.add;
  proxy.refuses_encoded_slash = route.proxy.refuses_encoded_slash;
  if (route.proxy_cache) proxy.cache = cache_route_of(route, config.cache);
  proxy.body_bytes_max = route.body_bytes_max.value_or(config.serve.body_bytes_max);
  return proxy;
}

std::string upstream_target(const http::Request& request, const ProxyRoute& route) {
  std::string_view path = request.path;
  const bool strips = !route.strip.empty() && path.starts_with(route.strip) &&
                      (path.size() == route.strip.size() || path[route.strip.size()] == '/');
  if (strips) path.remove_prefix(route.strip.size());
  std::string target;
  target.reserve(route.add.size() + path.size() + request.query.size() + 2);
  http::append_encoded_path(target, route.add);
  http::append_encoded_path(target, path);
  if (target.empty()) target = "/";
  if (request.target.find('?') != std::string_view::npos) target.append("?").append(request.query);
  return target;
}

}  // namespace weir::edge
