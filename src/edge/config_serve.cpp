#include "edge/config_serve.h"

#include "edge/config_tls.h"

#include <algorithm>

namespace weir::edge {
namespace {

std::optional<ListenSettings> read_listener(Table& table) {
  ListenSettings listen;
  listen.place = table.place();
  std::string address, redirect;
  table.read("addr", address);
  table.read("tls", listen.tls);
  table.read("admin", listen.is_admin);
  table.read_choice("redirect", redirect, {"https"});
  table.read_secret("token", listen.admin_token);
  table.read("proxy_protocol", listen.proxy_protocol);
  table.finish();
  listen.redirects_to_https = redirect == "https";
  const auto endpoint = parse_endpoint(address);
  if (!endpoint) {
    table.error(table.value(), "serve.listen.addr must be ADDRESS:PORT, not " + quoted(address),
                "for example \"127.0.0.1:8080\" or \"[::1]:8080\"");
    return std::nullopt;
  }
  listen.endpoint = *endpoint;
  return listen;
}

// E-42: whoever reaches an admin listener may purge everything; a loopback peer is no credential
// elsewhere.
void check_admin(Table& table, const ListenSettings& listen) {
  if (!listen.is_admin || is_loopback(listen.endpoint.host)) return;
  if (!listen.tls.empty() && !listen.admin_token.is_empty()) return;
  table.error_at(listen.place,
                 "the admin listener " + text_of(listen.endpoint) +
                     " is reachable from other hosts and needs tls and token",
                 "listen on 127.0.0.1, use the admin socket, or set tls = \"NAME\" and token = { "
                 "file = \"...\" }");
}

// Below this even an idle server would refuse everybody.
void read_memory(Table& table, std::string_view key, ServeSettings& serve) {
  constexpr std::size_t least = 32 * MiB;
  if (!table.has(key)) return;
  table.read_size(key, serve.memory_bytes_max);
  if (serve.memory_bytes_max < least)
    table.error(table.find(key), table.label(key) + " must be at least 32MiB");
}

// A rate in bytes per second, at least one.
void read_rate(Table& table, std::string_view key, std::size_t& into) {
  table.read_size(key, into);
  if (into == 0)
    table.error(table.find(key), table.label(key) + " must be at least 1 byte a second");
}

// Whoever may say for whom it speaks must be named: a header from anybody else is a lie.
void check_proxy_protocol(Table& table, const ListenSettings& listen, const ServeSettings& serve) {
  if (!listen.proxy_protocol) return;
  if (listen.is_admin)
    table.error_at(listen.place, "an admin listener cannot have proxy_protocol",
                   "its clients are known by where they connect from");
  else if (serve.trusted_proxies.empty())
    table.error_at(listen.place, "proxy_protocol needs trusted_proxies: nobody else may send it",
                   "for example trusted_proxies = [\"10.0.0.0/8\"] in [serve]");
}

void read_limits(Table table, ServeSettings& serve) {
  table.read_count("connections", serve.connections_max, 1, 1'000'000);
  table.read_count("per_client", serve.connections_per_client_max, 1, 1'000'000);
  if (std::size_t handshakes = 0; table.has("handshakes")) {
    table.read_count("handshakes", handshakes, 0, 1'000'000);
    serve.handshakes_per_second = handshakes;
  }
  table.read_size("target_bytes", serve.target_bytes_max);
  table.read_size("header_bytes", serve.head_bytes_max);
  table.read_count("headers", serve.head_fields_max, 1, 1'000);
  table.read_size("body", serve.body_bytes_max);
  table.read_size("body_buffer_total", serve.bodies_buffered_bytes_max);
  table.read_count("json_depth", serve.json_depth_max, 1, 512);
  table.read_count("requests", serve.requests_per_connection_max, 1, 1'000'000'000);
  read_memory(table, "memory", serve);
  table.finish();
}

void read_timeouts(Table table, ServeSettings& serve) {
  table.read("handshake", serve.handshake_time_max);
  table.read("head", serve.head_time_max);
  table.read("body_grace", serve.body_grace);
  read_rate(table, "body_rate", serve.body_rate_min);
  table.read("write_stall", serve.write_stall_max);
  read_rate(table, "write_rate", serve.write_rate_min);
  table.read("idle", serve.idle_time_max);
  table.read("idle_crowded", serve.idle_time_crowded_max);
  table.read("answer", serve.answer_time_max);
  table.read("drain", serve.drain_time_max);
  table.read("upstream_connect", serve.upstream_connect);
  table.read("upstream_first_byte", serve.upstream_first_byte);
  table.read("upstream_stall", serve.upstream_stall);
  table.finish();
}

// "127.0.0.1:8080,[::1]:8080"
void read_listen_variable(Findings& findings, std::string_view variable, ServeSettings& serve,
                          std::string_view kind) {
  const std::string* text = findings.variable(variable);
  if (text == nullptr) return;
  const bool is_admin = kind == "admin";
  std::erase_if(serve.listeners,
                [&](const ListenSettings& listen) { return listen.is_admin == is_admin; });
  std::string_view rest = *text;
  while (!rest.empty()) {
    const std::size_t comma = rest.find(',');
    const std::string_view one = trim(rest.substr(0, comma));
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    ListenSettings listen;
    listen.is_admin = is_admin;
    listen.place = {"environment variable " + std::string(variable), 0, 0, 0};
    const auto endpoint = parse_endpoint(one);
    if (!endpoint) {
      findings.errors.push_back(
          Error{Errc::invalid, "must be ADDRESS:PORT, not " + quoted(one), listen.place, {}, {}});
      continue;
    }
    listen.endpoint = *endpoint;
    serve.listeners.push_back(std::move(listen));
  }
}

// Platforms give PORT and expect every address; HOST narrows it (E-7). Both replace the plain
// public listeners.
void read_port_variables(Findings& findings, ServeSettings& serve) {
  const std::string* port_text = findings.variable("PORT");
  const std::string* host = findings.variable("HOST");
  if (port_text == nullptr && host == nullptr) return;
  if (findings.variable("WEIR_SERVE_LISTEN") != nullptr) return;  // the more exact word wins
  const auto port =
      port_text == nullptr ? std::optional<std::uint64_t>(8080) : parse_u64(*port_text);
  if (!port || *port > 65'535) {
    findings.errors.push_back(Error{Errc::invalid,
                                    "must be a port from 0 to 65535, not " + quoted(*port_text),
                                    {"environment variable PORT", 0, 0, 0},
                                    {},
                                    {}});
    return;
  }
  std::string address = host == nullptr ? "0.0.0.0" : *host;
  if (address.find(':') != std::string::npos && address.front() != '[')
    address = "[" + address + "]";
  const auto endpoint = parse_endpoint(address + ":" + std::to_string(*port));
  if (!endpoint) {
    findings.errors.push_back(Error{Errc::invalid,
                                    "must be an IP address, not " + quoted(address),
                                    {"environment variable HOST", 0, 0, 0},
                                    {},
                                    {}});
    return;
  }
  std::erase_if(serve.listeners, [](const ListenSettings& listen) {
    return !listen.is_admin && listen.tls.empty();
  });
  ListenSettings listen;
  listen.endpoint = *endpoint;
  serve.listeners.push_back(std::move(listen));
}

}  // namespace

void read_serve(Table table, ServeSettings& serve) {
  std::size_t version = 1;
  table.read_count("config_version", version, 1, 1);
  for (Table& one : table.tables("listen")) {
    if (auto listen = read_listener(one)) {
      check_admin(table, *listen);
      serve.listeners.push_back(std::move(*listen));
    }
  }
  table.read("hosts", serve.hosts);
  table.read("trusted_proxies", serve.trusted_proxies);
  table.read_count("loops", serve.loops, 0, 256);
  table.read("shutdown_delay", serve.shutdown_delay);
  table.read_choice("sandbox", serve.sandbox, {"auto", "off", "require"});
  table.read("user", serve.user);
  read_hsts(table, serve.hsts);
  std::string clean_urls = "serve";
  table.read_choice("clean_urls", clean_urls, {"off", "serve", "redirect"});
  serve.clean_urls = clean_urls == "off"     ? CleanUrls::off
                     : clean_urls == "serve" ? CleanUrls::serve
                                             : CleanUrls::redirect;
  table.read("h2c", serve.h2c);
  table.read_choice("underscores", serve.underscores, {"drop", "reject"});
  table.read("lenient_lf", serve.lenient_lf);
  read_limits(table.table("limits"), serve);
  read_timeouts(table.table("timeouts"), serve);
  read_memory(table, "memory_max", serve);  // another name for limits.memory
  for (const ListenSettings& listen : serve.listeners) check_proxy_protocol(table, listen, serve);
  table.finish();
  read_listen_variable(table.findings(), "WEIR_SERVE_LISTEN", serve, "public");
  read_listen_variable(table.findings(), "WEIR_SERVE_ADMIN", serve, "admin");
  for (const ListenSettings& listen : serve.listeners) {
    if (listen.place.line == 0) check_admin(table, listen);
  }
  read_port_variables(table.findings(), serve);
}

}  // namespace weir::edge
