#include "edge/config_upstreams.h"

#include "base/bytes.h"
#include "http/prepared.h"
#include "http/target.h"
#include "http/upstream.h"

#include <algorithm>

namespace weir::edge {
namespace {

using namespace std::chrono_literals;

bool is_url(std::string_view text) {
  return text.find("://") != std::string_view::npos || text.starts_with("unix:");
}

UpstreamTable upstream_like(const ServeSettings& serve) {
  UpstreamTable upstream;
  upstream.connect = serve.upstream_connect;
  upstream.first_byte = serve.upstream_first_byte;
  upstream.stall = serve.upstream_stall;
  return upstream;
}

void check_servers(Table& table, const text::Value* at, const UpstreamTable& upstream) {
  for (const std::string& text : upstream.servers) {
    const auto server = http::parse_upstream_server(text);
    if (!server.ok()) table.error(at, server.error().what);
  }
}

void check_times(Table& table, const UpstreamTable& upstream) {
  for (const Nanos span : {upstream.connect, upstream.first_byte, upstream.stall}) {
    if (span >= 1ms && span <= 1h) continue;
    table.error(table.find("timeouts"), "the timeouts of " + upstream.name + " must be 1ms to 1h");
    return;
  }
}

bool is_prefix(std::string_view path) {
  return path.empty() || (path.front() == '/' && path.back() != '/' && path.size() > 1 &&
                          path.find_first_of("?#%\\ ") == std::string_view::npos);
}

}  // namespace

bool is_same(const UpstreamTable& a, const UpstreamTable& b) {
  return a.name == b.name && a.servers == b.servers && a.balance == b.balance &&
         a.in_flight_max == b.in_flight_max && a.idle_max == b.idle_max && a.connect == b.connect &&
         a.first_byte == b.first_byte && a.stall == b.stall && a.idle == b.idle &&
         a.ca_file == b.ca_file && a.verify == b.verify && a.breaker == b.breaker;
}

void read_breaker(std::string_view name, Table& table, Config& config) {
  BreakerTable breaker;
  breaker.name = std::string(name);
  guard::BreakerSettings& settings = breaker.settings;
  table.read_count("failures", settings.failures, 1, 64);
  table.read_count("successes", settings.successes, 1, 1'000);
  table.read_count("half_open_max", settings.half_open_max, 1, 1'000);
  table.read("window", settings.window);
  table.read("open_for", settings.open_for);
  if (settings.window < 1ms || settings.open_for < 1ms)
    table.error(table.value(),
                "breaker." + breaker.name + ": window and open_for are at least 1ms");
  config.breakers.push_back(std::move(breaker));
}

void read_upstream(std::string_view name, Table& table, Config& config) {
  UpstreamTable upstream = upstream_like(config.serve);
  upstream.name = std::string(name);
  upstream.place = table.place();
  table.read("servers", upstream.servers);
  if (upstream.servers.empty() || upstream.servers.size() > limits::upstream_servers_max) {
    table.error(table.value(),
                "[upstream." + upstream.name + "] needs 1 to " +
                    std::to_string(limits::upstream_servers_max) + " servers",
                "for example servers = [\"http://127.0.0.1:9701\"]");
  }
  check_servers(table, table.find("servers"), upstream);
  table.read_choice("balance", upstream.balance, {"round_robin", "least_connections"});
  table.read_count("max_inflight", upstream.in_flight_max, 1, 1'000'000);
  table.read_count("keepalive", upstream.idle_max, 0, 10'000);
  Table timeouts = table.table("timeouts");
  timeouts.read("connect", upstream.connect);
  timeouts.read("first_byte", upstream.first_byte);
  timeouts.read("stall", upstream.stall);
  timeouts.read("idle", upstream.idle);
  timeouts.finish();
  check_times(table, upstream);
  Table tls = table.table("tls");
  tls.read_path("ca", upstream.ca_file);
  tls.read("verify", upstream.verify);
  tls.finish();
  if (!upstream.verify) {
    table.findings().notices.push_back(
        Error{Errc::invalid,
              "[upstream." + upstream.name + "] verify = false: whoever answers there is believed",
              upstream.place,
              {},
              {}});
  }
  table.read("breaker", upstream.breaker);
  const bool known_breaker =
      upstream.breaker == "default" || upstream.breaker == "off" ||
      std::any_of(config.breakers.begin(), config.breakers.end(),
                  [&](const BreakerTable& one) { return one.name == upstream.breaker; });
  if (!known_breaker)
    table.error(table.find("breaker"), "there is no table [breaker." + upstream.breaker + "]");
  if (is_url(upstream.name))
    table.error(table.value(), "an upstream's name must not look like a URL");
  config.upstreams.push_back(std::move(upstream));
}

void read_proxy(Table& target, Config& config, ProxySettings& proxy) {
  target.read("proxy", proxy.upstream);
  target.read("timeout", proxy.timeout);
  target.read("host", proxy.host);
  target.read("strip", proxy.strip);
  target.read("add", proxy.add);
  std::string slash = "decode";
  target.read_choice("encoded_slash", slash, {"decode", "refuse"});
  proxy.refuses_encoded_slash = slash == "refuse";
  if (proxy.timeout < 0ms) target.error(target.find("timeout"), "a timeout is not negative");
  if (proxy.host != "preserve" && proxy.host != "upstream" &&
      !http::is_valid_authority(proxy.host)) {
    target.error(target.find("host"),
                 "host must be \"preserve\", \"upstream\" or a name, not \"" + proxy.host + "\"");
  }
  for (const auto& [key, prefix] : {std::pair("strip", &proxy.strip), std::pair("add", &proxy.add)})
    if (!is_prefix(*prefix))
      target.error(target.find(key),
                   std::string(key) + " must be a path like \"/api\", not \"" + *prefix + "\"");

  const auto known =
      std::find_if(config.upstreams.begin(), config.upstreams.end(),
                   [&](const UpstreamTable& one) { return one.name == proxy.upstream; });
  if (known != config.upstreams.end()) return;
  if (!is_url(proxy.upstream)) {
    std::vector<std::string_view> names;
    for (const UpstreamTable& one : config.upstreams) names.push_back(one.name);
    const std::string near = nearest_of(proxy.upstream, names);
    target.error(target.find("proxy"), "there is no table [upstream." + proxy.upstream + "]",
                 near.empty() ? "name a table, or a URL such as \"http://127.0.0.1:9701\""
                              : "did you mean \"" + near + "\"?");
    return;
  }
  UpstreamTable own = upstream_like(config.serve);
  own.name = proxy.upstream;
  own.place = target.place();
  own.servers = {proxy.upstream};
  check_servers(target, target.find("proxy"), own);
  config.upstreams.push_back(std::move(own));
}

void read_proxy_cache(Table& cache, RouteSettings& route) {
  ProxyCacheSettings proxy;
  cache.read_choice("profile", proxy.profile, {"guarded", "rfc9111"});
  std::string cookies = "respect";
  cache.read_choice("cookies", cookies, {"respect", "ignore"});
  proxy.ignores_cookies = cookies == "ignore";
  cache.read("neg_ttl", proxy.neg_ttl);
  if (proxy.neg_ttl < 0s || proxy.neg_ttl > 60s)
    cache.error(cache.find("neg_ttl"), "neg_ttl must be 0s to 60s");
  cache.read("keys", proxy.keys);
  for (std::string& name : proxy.keys) {
    name = lower_of(name);
    if (!http::is_clean_field(name, "") || name == "cookie" || name == "authorization")
      cache.error(cache.find("keys"),
                  "keys are names of request fields, not cookie or "
                  "authorization; this one is \"" +
                      name + "\"");
  }
  cache.read("tags", proxy.tags);
  for (const std::string& tag : proxy.tags)
    if (tag.empty() || tag.size() > limits::tag_bytes_max)
      cache.error(cache.find("tags"),
                  "a tag has 1 to " + std::to_string(limits::tag_bytes_max) + " bytes");
  if (cache.has("forward_targeted"))
    cache.read("forward_targeted", proxy.forwards_targeted.emplace(false));
  if (proxy.profile == "rfc9111") {
    for (const std::string_view key : {"ttl", "swr", "sie", "neg_ttl", "keys", "cookies"})
      if (cache.has(key))
        cache.error(cache.find(key), "the profile rfc9111 goes by the answers alone; " +
                                         std::string(key) + " belongs to the profile guarded");
    proxy.keys.clear();
  }
  route.proxy_cache = std::move(proxy);
}

}  // namespace weir::edge
