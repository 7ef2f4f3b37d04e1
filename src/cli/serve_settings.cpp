#include "cli/serve_settings.h"

#include "cli/server_start.h"

#include <algorithm>

namespace weir::cli {
namespace {

Result<edge::Endpoint> endpoint_of(std::string_view flag, std::string_view text) {
  const auto endpoint = edge::parse_endpoint(text);
  if (!endpoint) {
    return Error{Errc::invalid,
                 std::string(flag) + " must be ADDRESS:PORT, not \"" + std::string(text) + "\""}
        .with_help("for example 127.0.0.1:8080");
  }
  return *endpoint;
}

}  // namespace

Status apply_flags(const Arguments& arguments, LoadedConfig& loaded) {
  edge::ServeSettings& serve = loaded.config.serve;
  std::vector<edge::Endpoint> open;
  for (const std::string& text : arguments.all("listen"))
    open.push_back(TRY(endpoint_of("--listen", text)));
  if (arguments.has("port") || arguments.has("host")) {
    const std::string host = arguments.find("host").value_or("127.0.0.1");
    const bool is_v6 = host.find(':') != std::string::npos && host.front() != '[';
    open.push_back(
        TRY(endpoint_of("--host and --port", (is_v6 ? "[" + host + "]" : host) + ":" +
                                                 arguments.find("port").value_or("8080"))));
  }
  if (!open.empty()) {
    std::erase_if(serve.listeners,
                  [](const edge::ListenSettings& listen) { return !listen.is_admin; });
    for (const edge::Endpoint& endpoint : open) {
      edge::ListenSettings listen;
      listen.endpoint = endpoint;
      serve.listeners.push_back(std::move(listen));
    }
  }
  if (const auto text = arguments.find("admin")) {
    edge::ListenSettings listen;
    listen.endpoint = TRY(endpoint_of("--admin", *text));
    listen.is_admin = true;
    if (!edge::is_loopback(listen.endpoint.host)) {
      return Error{Errc::denied, "--admin " + *text + " is reachable from other hosts"}.with_help(
          "listen on 127.0.0.1, or configure an admin listener with tls and token");
    }
    std::erase_if(serve.listeners, [](const edge::ListenSettings& one) { return one.is_admin; });
    serve.listeners.push_back(std::move(listen));
  }
  const bool has_public = std::any_of(serve.listeners.begin(), serve.listeners.end(),
                                      [](const auto& one) { return !one.is_admin; });
  if (!has_public) {
    edge::ListenSettings listen;
    listen.endpoint = {"127.0.0.1", 8080};
    loaded.has_default_listener = true;
    serve.listeners.insert(serve.listeners.begin(), std::move(listen));
  }
  return done;
}

Result<http::ServerSettings> server_settings(const LoadedConfig& loaded,
                                             const Certificates& certificates,
                                             const Sockets& sockets) {
  const edge::ServeSettings& serve = loaded.config.serve;
  http::ServerSettings settings;
  settings.listeners = plain_listeners_of(loaded);
  for (std::size_t at = 0; at < settings.listeners.size(); ++at)
    settings.listeners[at].sockets = sockets.numbers(at);
  for (std::size_t at = 0; at < serve.listeners.size(); ++at) {
    http::ListenerSettings& one = settings.listeners[at + own_listeners];
    one.tls = certificates.context_for(serve.listeners[at].tls);
    one.proxy_protocol = serve.listeners[at].proxy_protocol;
    one.h2c = serve.h2c;
  }
  settings.limits.connections = serve.connections_max;
  settings.limits.connections_per_client = serve.connections_per_client_max;
  settings.limits.target_bytes = serve.target_bytes_max;
  settings.limits.head_bytes = serve.head_bytes_max;
  settings.limits.head_fields = serve.head_fields_max;
  settings.limits.bodies_buffered_bytes = serve.bodies_buffered_bytes_max;
  if (serve.handshakes_per_second) {
    settings.limits.handshakes_per_second = *serve.handshakes_per_second;
    settings.limits.handshakes_spare_loopback = false;
  }
  settings.limits.requests_per_connection = serve.requests_per_connection_max;
  settings.timeouts.handshake = serve.handshake_time_max;
  settings.timeouts.head = serve.head_time_max;
  settings.timeouts.body_grace = serve.body_grace;
  settings.timeouts.body_rate = serve.body_rate_min;
  settings.timeouts.write_stall = serve.write_stall_max;
  settings.timeouts.write_rate = serve.write_rate_min;
  settings.timeouts.idle = serve.idle_time_max;
  settings.timeouts.idle_crowded = serve.idle_time_crowded_max;
  settings.timeouts.answer = serve.answer_time_max;
  if (serve.underscores == "reject") settings.underscores = http::Underscores::reject;
  if (serve.lenient_lf) settings.line_ends = http::LineEnds::lenient_lf;
  settings.loops = loops_of(loaded);
  return settings;
}

sync::SyncSettings sync_settings(const edge::DataSettings& said) {
  sync::SyncSettings settings;
  settings.directory = said.directory;
  settings.tenant = said.tenant;
  settings.durability = said.relaxed ? sync::Durability::relaxed : sync::Durability::full;
  settings.drift_max = said.drift_max;
  settings.long_poll_max = said.long_poll;
  settings.batch_ops_max = said.batch_ops_max;
  settings.value_bytes_max = said.value_bytes_max;
  for (const edge::SyncRuleSettings& rule : said.rules) {
    auto& rules = rule.surface == edge::SyncRuleSettings::Surface::sync ? settings.sync_rules
                                                                        : settings.kv_rules;
    rules.push_back({rule.match, rule.read, rule.write, rule.place});
  }
  return settings;
}

}  // namespace weir::cli
