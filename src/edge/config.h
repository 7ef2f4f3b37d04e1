#pragma once
// weir's own tables of weir.toml, as values. A plain Zola site has none of them: then everything
// below is at its default (the design's "Defaults") and the site is simply served.
//
// `read_config` reads weir's tables and leaves Zola's alone, and [build], which the site reads. It
// reports every mistake at once, each with file:line:column and, where a word is near to a known
// one, a did-you-mean. An unknown key in one of weir's tables is an error. Features that are not
// built yet are accepted with a notice "not available yet", and refused where a route uses them, so
// that a configuration never pretends to protect.
//
// Order of precedence: flags (cli applies them) > environment > file > defaults. Every scalar key
// of a single table has the variable WEIR_<TABLE>_<KEY>. Paths in the file are relative to the
// file's directory, paths from the environment to the working directory; here all are resolved
// against those and absolute or ready to open. Pure but for reading secret files.

#include "edge/secret.h"
#include "edge/units.h"

#include "base/limits_cache.h"
#include "base/limits_invalidation.h"
#include "base/limits_upstream.h"
#include "base/result.h"
#include "guard/breaker.h"
#include "guard/client_certificate.h"
#include "guard/jwt.h"
#include "guard/limiter.h"
#include "text/value.h"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::edge {

using Environment = std::map<std::string, std::string, std::less<>>;

struct ListenSettings {
  Endpoint endpoint;
  std::vector<std::string> tls;  // names of [tls.*] tables, the first is the default; empty = plain
  bool is_admin = false;
  bool redirects_to_https = false;
  bool proxy_protocol = false;  // every connection begins with a PROXY header, from trusted_proxies
  Secret admin_token;           // only for an admin listener that is not on loopback
  Place place;
};

// Paths without ".html": "/about" shows about.html; and "/about.html" is sent to "/about".
enum class CleanUrls : std::uint8_t { off, serve, redirect };

struct ServeSettings {
  std::vector<ListenSettings> listeners;  // empty: 127.0.0.1:8080
  std::vector<std::string> hosts;         // empty: any
  std::vector<std::string> trusted_proxies;
  std::size_t connections_max = limits::connections_max;
  std::size_t connections_per_client_max = limits::connections_per_client_max;
  std::size_t target_bytes_max = limits::target_bytes_max;
  std::size_t head_bytes_max = limits::head_bytes_max;
  std::size_t head_fields_max = limits::head_fields_max;
  std::size_t body_bytes_max = limits::body_bytes_max;
  std::size_t bodies_buffered_bytes_max = limits::bodies_buffered_bytes_max;
  std::size_t requests_per_connection_max = limits::requests_per_connection_max;
  std::size_t memory_bytes_max = 0;  // 0 = what the control group or the machine says
  std::size_t json_depth_max = limits::json_depth_max;
  Nanos handshake_time_max = limits::handshake_time_max;
  Nanos head_time_max = limits::head_time_max;
  Nanos body_grace = limits::body_grace;
  std::size_t body_rate_min = limits::body_rate_min;  // bytes per second
  Nanos write_stall_max = limits::write_stall_max;
  std::size_t write_rate_min = limits::write_rate_min;  // bytes per second
  Nanos idle_time_max = limits::idle_time_max;
  Nanos idle_time_crowded_max = limits::idle_time_crowded_max;
  Nanos answer_time_max = limits::answer_time_max;
  Nanos drain_time_max = limits::drain_time_max;
  std::optional<std::size_t> handshakes_per_second;  // per client; empty = the default
  std::string hsts;  // the value of Strict-Transport-Security; empty = not sent
  // Of upstreams that say nothing else.
  Nanos upstream_connect = limits::upstream_connect_time_max;
  Nanos upstream_first_byte = limits::upstream_first_byte_time_max;
  Nanos upstream_stall = limits::upstream_stall_time_max;
  std::size_t loops = 0;             // 0 = one per core
  bool h2c = false;                  // HTTP/2 without TLS, for clients that begin with it
  std::string underscores = "drop";  // fields with '_' in their name; or "reject"
  bool lenient_lf = false;           // lone LF in heads of HTTP/1.1
  CleanUrls clean_urls = CleanUrls::serve;
  Nanos shutdown_delay{0};       // between "not ready" and the end of the listeners
  std::string sandbox = "auto";  // auto | off | require
  std::string user;              // that a server started as root becomes; empty = the store's owner
};

struct TlsFiles {
  std::string certificate, key;
  std::string ocsp;  // empty = nothing is stapled
};

// Certificates from an ACME authority (RFC 8555). `domains` empty = none are asked for.
struct AcmeSettings {
  std::vector<std::string> domains;  // lower case; one certificate names them all
  std::string email;
  bool accepts_terms = false;
  std::string directory = "https://acme-v02.api.letsencrypt.org/directory";
  std::string ca_file;                // of the directory's own certificate; empty = the system's
  std::string challenge = "auto";     // auto | http-01 | tls-alpn-01
  std::string key = "ecdsa";          // ecdsa | rsa
  std::optional<Nanos> renew_before;  // empty = a third of the certificate's life
};

// A [upstream.NAME] table, or the one server that a route names itself.
struct UpstreamTable {
  std::string name;
  std::vector<std::string> servers;  // checked: each is understood by http::parse_upstream_server
  std::string balance = "round_robin";  // round_robin | least_connections
  std::size_t in_flight_max = limits::upstream_in_flight_max;
  std::size_t idle_max = limits::upstream_idle_max;
  Nanos connect = limits::upstream_connect_time_max;
  Nanos first_byte = limits::upstream_first_byte_time_max;
  Nanos stall = limits::upstream_stall_time_max;
  Nanos idle = limits::upstream_idle_time_max;
  std::string ca_file;  // empty: the system's bundle
  bool verify = true;
  std::string breaker = "default";  // of a [breaker.*] table; "off" = none
  Place place;
};
// All but the place.
bool is_same(const UpstreamTable& a, const UpstreamTable& b);

struct BreakerTable {
  std::string name;
  guard::BreakerSettings settings;
};

struct TlsSettings {
  std::string name;
  std::vector<TlsFiles> files;  // either these or `acme`
  AcmeSettings acme;
  std::string client_ca_file;
  std::string client_mode = "off";  // off | request | require
  Place place;
};

struct PolicySettings {
  std::optional<Nanos> ttl, swr, sie;
};

struct CacheSettings {
  std::string directory;
  std::uint64_t bytes_max = limits::store_bytes_max;
  std::uint64_t memory_bytes_max = limits::memory_cache_bytes_max;
  PolicySettings standard;  // of isr routes
  Nanos neg_ttl = std::chrono::seconds(10);
  unsigned refresh_ahead_percent = 10;  // 0 = never early
  std::string fallback = "blocking";    // blocking | shell | 404
  Nanos fill_wait = std::chrono::seconds(5);
  Nanos warm_window = std::chrono::seconds(30);
  std::string hard_on_error = "error";  // error | stale
  bool strict_negotiation = false;
  std::vector<std::string> peers;  // other nodes, whose purges are followed: "http://10.0.0.2:8080"
  std::vector<Secret> peer_secrets;  // that all nodes share; empty: nobody may read our purges
  Nanos max_lag = std::chrono::seconds(30);
  bool strict_lag = false;
  bool forwards_targeted = false;  // of routes that do not say
  bool shares_fills = false;       // lease = "shared": one of the nodes asks for all
  bool dictionaries = true;        // RFC 9842
};

// How a sender signs, in the form that nearly all of them have: an HMAC in one field.
struct HookSigning {
  std::string header;                  // of the signature, lower case
  std::string prefix;                  // before it: "sha256="
  std::string algorithm = "sha256";    // sha1 | sha256 | sha384 | sha512
  std::string encoding = "hex";        // hex | base64 | base64url
  std::string signed_text = "{body}";  // with {body} {timestamp} {id} {method} {path} {header:NAME}
  std::string timestamp_header;        // lower case; empty = the sender tells no time
  std::string timestamp_unit = "s";    // s | ms
  std::string id_header;               // lower case; empty: the signature itself names a delivery
};

// Who may post to /_weir/revalidate/{name}. The hook without a name is [cache] webhook.
struct HookSettings {
  std::string name;
  std::string sender = "standard";  // a row of edge/hook_senders.cpp
  std::vector<Secret> secrets;      // each may have signed, for rotation
  HookSigning signing;              // of sender "hmac"
  bool legacy = false;              // gitlab: the plain X-Gitlab-Token is taken too
  Nanos skew_max = limits::webhook_skew_max;
  guard::Rate rate{limits::webhook_rate, std::chrono::minutes(1)};  // per client address
  std::string mode = "refresh";                                     // soft | refresh | hard
  std::vector<std::pair<std::string, std::string>> map;  // "data.slug" -> "path:/blog/{}/"
  std::vector<std::string> always;                       // "tag:news", "all": whatever it says
  Place place;
};

struct ObservabilitySettings {
  bool access_log = true;
  std::string access_log_file;  // empty = stdout
  std::size_t access_log_queue_lines_max = limits::log_queue_lines_max;
  double sample_allow = 0.01;  // share of decision records in the log; refusals have their own
  double sample_block = 1.0;
  std::string trace_trust =
      "link";  // trust | link | ignore, for peers that are not trusted proxies
};

struct AuthSettings {
  enum class Kind : std::uint8_t { jwt, api_key, client_certificate } kind = Kind::jwt;
  guard::JwtPolicy policy;                     // its name is the table's, of every kind
  guard::ClientCertificatePolicy certificate;  // of that kind
  std::string jwks_file, jwks_url;
  Secret secret;
  Nanos refresh = std::chrono::minutes(10);
  Nanos refetch_min = std::chrono::seconds(30);
  Nanos stale_max = std::chrono::hours(24);
  bool verbose_errors = false;
  bool strips_authorization = false;  // the token ends here; an upstream never sees it
  std::string not_available;          // why a route may not use it; empty = it may
  Place place;
};

struct LimitSettings {
  guard::LimitPolicy policy;  // its name is the table's
  bool sends_fields = true;   // RateLimit, RateLimit-Policy
  std::size_t slots = limits::limiter_slots;
  Place place;
};

struct WafExclusion {
  std::uint32_t rule = 0;  // 0 = by tag
  std::string tag;
  std::string path;
  std::string target;
};

struct WafSettings {
  std::vector<std::string>
      rule_files;  // of the operator, on top of the built-in ones; resolved, in order
  std::vector<Place> rule_places;  // where each is named
  unsigned paranoia = 1;
  unsigned log_at = 10;
  unsigned block_at = 25;
  std::vector<WafExclusion> exclude;
};

struct SyncRuleSettings {
  enum class Surface { sync, kv } surface = Surface::sync;
  std::string match, read, write;
  Place place;
};

struct DataSettings {
  bool present = false;
  std::string directory;
  std::string sync_mount = "/sync";  // empty = off
  std::string kv_mount = "/kv";
  std::string tenant = "const:main";
  bool relaxed = false;
  Nanos drift_max = limits::sync_drift_max;
  Nanos long_poll = std::chrono::seconds(20);
  std::size_t batch_ops_max = limits::sync_batch_ops_max;
  std::size_t value_bytes_max = limits::sync_value_bytes_max;
  std::vector<std::string> origins;  // of pages elsewhere that may open sockets; "*" = any
  std::vector<SyncRuleSettings> rules;
};

enum class FailureMode : std::uint8_t { open, closed };
enum class StageKind : std::uint8_t { trace, limit, auth, waf };

struct StageSettings {
  StageKind kind = StageKind::trace;
  std::vector<std::string>
      names;  // limit: one name; auth: any of them; waf: "block" or "detect"; trace: "w3c"
  FailureMode failure_mode = FailureMode::closed;
  std::optional<Nanos> timeout;
  std::vector<std::string> require;  // auth: "scope:orders.write", "claim:role=admin"
  bool allow_anonymous = false;      // auth
  std::optional<unsigned> paranoia;  // waf
  bool is_default = false;           // not the operator's: counts loopback but never refuses it
  Place place;
};

enum class RouteTarget : std::uint8_t { site, data, proxy, page };

// to = { page = "product.html", load = { path = "data/products.json", key = "slug" } }, and what
// `cache` says beside ttl, swr and sie of the pages that it makes.
struct PageSettings {
  std::string template_name;
  std::string language;                 // empty: the site's default one
  std::string data_path, data_url, kv;  // at most one
  std::string key;                      // of the record; a name in the path's pattern
  std::vector<std::string> query;       // parameters that are part of the page's identity
  enum class Fallback : std::uint8_t { blocking, shell, not_found } fallback = Fallback::blocking;
  std::string shell;  // a page of the site; empty: the template without data
  std::optional<Nanos> neg_ttl, fill_wait;
  std::string hard_on_error;  // error | stale; empty: as [cache] says
  std::vector<std::string> tags;
  guard::Rate new_rate{limits::new_keys_per_second, std::chrono::seconds(1)};  // per client
  std::uint64_t new_burst = limits::new_keys_burst;
  bool has_default_rate = true;  // the operator has named none: loopback is spared
};

// to = { proxy = "http://127.0.0.1:9701", ... }
struct ProxySettings {
  std::string upstream;           // name of one of Config::upstreams
  Nanos timeout{0};               // until the head of the answer; 0 = serve.timeouts.answer
  std::string host = "preserve";  // preserve | upstream | a name
  std::string strip, add;         // prefixes of the path: "/api"
  bool refuses_encoded_slash = false;
};

// cache = { ... } of a proxy route (cache.md, section 12); ttl, swr and sie are
// RouteSettings::policy.
struct ProxyCacheSettings {
  std::string profile = "guarded";  // guarded | rfc9111
  bool ignores_cookies = false;
  Nanos neg_ttl = std::chrono::seconds(10);
  std::vector<std::string> keys = {"origin"};  // fields of the request that select, besides Vary
  std::vector<std::string> tags;
  std::optional<bool> forwards_targeted;  // nothing: as [cache] says
};

struct RouteSettings {
  std::string name;
  std::vector<std::string> hosts, paths, methods;  // empty = any
  RouteTarget target = RouteTarget::site;
  ProxySettings proxy;
  PageSettings page;
  std::optional<std::vector<StageSettings>> stages;  // nullopt = the default ones
  PolicySettings policy;
  std::optional<ProxyCacheSettings> proxy_cache;  // nothing: a proxy route keeps no answers
  std::optional<std::size_t> body_bytes_max;
  Place place;
};

struct Config {
  ServeSettings serve;
  std::vector<TlsSettings> tls;
  CacheSettings cache;
  std::vector<HookSettings> hooks;
  // [cache] webhook, in the form of `POST /_weir/purge`; without a secret there is no public
  // /_weir/purge and /_weir/revalidate.
  HookSettings own_hook;
  ObservabilitySettings observability;
  std::vector<AuthSettings> auth;
  std::vector<LimitSettings> limit;
  WafSettings waf;
  DataSettings data;
  std::vector<UpstreamTable> upstreams;
  std::vector<BreakerTable> breakers;
  std::vector<RouteSettings> routes;  // the configured ones, in order
  bool allow_insecure = false;        // some stage of auth or waf fails open; shown in readyz
};

struct ConfigReading {
  Config config;
  std::vector<Error> errors;       // the configuration must not be used when there is one
  std::vector<Error> notices;      // "not available yet", warnings
  std::vector<std::string> paths;  // files and directories that it names
};

struct ConfigSource {
  const text::Value* root = nullptr;  // the parsed file; null = no file
  std::string file;                   // its name, as shown in messages
  std::string directory;  // of the file: what relative paths in it mean; "." when there is no file
  const Environment* environment = nullptr;
};

ConfigReading read_config(const ConfigSource& source);

// The tables that are weir's; all others belong to Zola.
bool is_weir_table(std::string_view name);

}  // namespace weir::edge
