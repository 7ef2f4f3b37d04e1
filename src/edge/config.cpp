#include "edge/config.h"

#include "edge/config_hooks.h"
#include "edge/config_reader.h"
#include "edge/config_routes.h"
#include "edge/config_serve.h"
#include "edge/config_tls.h"
#include "edge/config_upstreams.h"

#include "base/bytes.h"
#include "text/rule.h"

#include <algorithm>

namespace weir::edge {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view weir_tables[] = {
    "build", "serve", "tls",   "cache",    "hook",      "observability",
    "auth",  "limit", "waf",   "schema",   "breaker",   "upstream",
    "data",  "route", "agent", "function", "experiment"};
// Whole tables that later versions read.
constexpr std::string_view later_tables[] = {"schema", "agent", "function", "experiment"};

Table root_table(Findings& findings, const text::Value* root, std::string_view name) {
  std::string prefix = "WEIR_";
  for (const char c : name) prefix += upper(c);
  prefix += '_';
  return Table(findings, std::string(name), root == nullptr ? nullptr : root->find(name), prefix);
}

// Calls `read_one(name, table)` for each table below `kind` ([tls.main], [tls.other]).
template <class F>
void each_named(Findings& findings, const text::Value* root, std::string_view kind, F&& read_one) {
  const text::Value* group = root == nullptr ? nullptr : root->find(kind);
  if (group == nullptr) return;
  if (!group->is_object()) {
    findings.errors.push_back(Error{
        Errc::invalid,
        "[" + std::string(kind) + "] must hold named tables: [" + std::string(kind) + ".NAME]",
        findings.place_of(*group),
        {},
        {}});
    return;
  }
  for (const text::Member& member : *group->object()) {
    Table table(findings, std::string(kind) + "." + member.name, &member.value, {});
    read_one(member.name, table);
    table.finish();
  }
}

void read_cache(Table table, Findings& findings, CacheSettings& cache, HookSettings& own_hook) {
  cache.directory = findings.resolved("cache");
  table.read_path("dir", cache.directory);
  std::size_t bytes = cache.bytes_max, memory = cache.memory_bytes_max;
  table.read_size("max_bytes", bytes);
  table.read_size("memory", memory);
  cache.bytes_max = bytes;
  cache.memory_bytes_max = memory;
  Table standard = table.table("default");
  cache.standard = {60s, 10min, 24h};
  standard.read("ttl", cache.standard.ttl);
  standard.read("swr", cache.standard.swr);
  standard.read("sie", cache.standard.sie);
  standard.finish();
  table.read("neg_ttl", cache.neg_ttl);
  std::string ahead;
  table.read("refresh_ahead", ahead);
  const std::uint64_t percent =
      ahead.ends_with('%') ? parse_u64(ahead.substr(0, ahead.size() - 1)).value_or(100) : 100;
  if (percent <= 50) cache.refresh_ahead_percent = static_cast<unsigned>(percent);
  else if (!ahead.empty())
    table.error(table.find("refresh_ahead"),
                "cache.refresh_ahead must be \"0%\" to \"50%\", not \"" + ahead + "\"");
  table.read_choice("fallback", cache.fallback, {"blocking", "shell", "404"});
  table.read("fill_wait", cache.fill_wait);
  table.read("warm_window", cache.warm_window);
  table.read_choice("hard_on_error", cache.hard_on_error, {"error", "stale"});
  table.read("strict_negotiation", cache.strict_negotiation);
  read_own_hook(table.table("webhook"), own_hook);
  read_peers(table, cache);
  table.read("dictionaries", cache.dictionaries);
  table.read("forward_targeted", cache.forwards_targeted);
  table.finish();
}

void read_observability(Table table, ObservabilitySettings& seen) {
  Table access = table.table("access_log");
  std::string form = "json", on_full = "drop";
  access.read_choice("format", form, {"json", "off"});
  access.read_path("path", seen.access_log_file);
  access.read_count("queue", seen.access_log_queue_lines_max, 16, 1'000'000);
  access.read_choice("on_full", on_full, {"drop"});
  access.finish();
  seen.access_log = form != "off";
  Table decisions = table.table("decision_log");
  decisions.read("sample_allow", seen.sample_allow);
  decisions.read("sample_block", seen.sample_block);
  decisions.finish();
  table.read_choice("trace_trust", seen.trace_trust, {"trust", "link", "ignore"});
  table.not_available("otlp");
  table.not_available("metrics");
  table.finish();
}

constexpr std::string_view algorithm_names[] = {"HS256", "HS384", "HS512", "RS256", "RS384",
                                                "RS512", "PS256", "PS384", "PS512", "ES256",
                                                "ES384", "ES512", "EdDSA"};

void read_jwks(Table table, AuthSettings& auth) {
  table.read_path("file", auth.jwks_file);
  table.read("url", auth.jwks_url);
  table.read("refresh", auth.refresh);
  table.read("min_refetch", auth.refetch_min);
  table.read("max_stale", auth.stale_max);
  table.not_available("max_keys");
  table.finish();
}

void read_algorithms(Table& table, guard::JwtPolicy& policy) {
  std::vector<std::string> names;
  table.read("algorithms", names);
  const std::string label = "[auth." + policy.name + "]";
  if (names.empty()) {
    table.error(table.value(), label + " needs algorithms",
                "for example algorithms = [\"ES256\"]; never taken from the token");
  }
  for (const std::string& name : names) {
    if (const auto algorithm = parse_signature_algorithm(name)) {
      policy.algorithms.push_back(*algorithm);
      continue;
    }
    const std::string near = nearest_of(name, algorithm_names);
    table.error(table.find("algorithms"), label + " unknown algorithm " + quoted(name),
                near.empty() ? "" : "did you mean \"" + near + "\"?");
  }
}

void read_forward(Table table, AuthSettings& auth) {
  guard::JwtPolicy& policy = auth.policy;
  table.read("strip_authorization", auth.strips_authorization);
  if (const text::Value* headers = table.find("headers");
      headers != nullptr && headers->is_object()) {
    for (const text::Member& member : *headers->object()) {
      const std::string* claim = member.value.string();
      if (claim == nullptr)
        table.error(&member.value, "forward.headers." + member.name + " must name a claim");
      else policy.forward.push_back({lower_of(member.name), *claim});
    }
  }
  table.finish();
}

void read_auth(std::string_view name, Table& table, Config& config) {
  AuthSettings auth;
  guard::JwtPolicy& policy = auth.policy;
  policy.name = std::string(name);
  auth.place = table.place();
  const std::string label = "[auth." + policy.name + "]";
  std::string kind = "jwt";
  table.read_choice("kind", kind, {"jwt", "api_key", "client_certificate"});
  if (kind == "client_certificate") {
    auth.kind = AuthSettings::Kind::client_certificate;
    auth.certificate.name = policy.name;
    table.read("dns", auth.certificate.dns);
    for (std::string& one : auth.certificate.dns) one = lower_of(one);
    table.read("uri", auth.certificate.uris);
    table.read("email", auth.certificate.emails);
    table.read("fingerprint", auth.certificate.fingerprints);
    for (const std::string& one : auth.certificate.fingerprints) {
      if (const auto bytes = parse_base64url(one); bytes && bytes->size() == 32) continue;
      table.error(table.find("fingerprint"),
                  label + " fingerprint must be a SHA-256 in base64url, not " + quoted(one));
    }
    config.auth.push_back(std::move(auth));
    return;
  }
  if (kind == "api_key") {
    auth.kind = AuthSettings::Kind::api_key;
    auth.not_available = "API keys are not available yet";
    for (const std::string_view later : {"header", "store"}) table.find(later);
    table.findings().notices.push_back(
        Error{Errc::missing, label + " API keys are not available yet", auth.place, {}, {}});
    config.auth.push_back(std::move(auth));
    return;
  }
  table.read("issuer", policy.issuer);
  table.read("audiences", policy.audiences);
  read_algorithms(table, policy);
  table.read("types", policy.types);
  table.read("authorized_parties", policy.authorized_parties);
  table.read("subject_required", policy.subject_required);
  read_jwks(table.table("jwks"), auth);
  table.read_secret("secret", auth.secret);
  table.read("leeway", policy.leeway);
  table.read("max_lifetime", policy.max_lifetime);
  Table cache = table.table("cache");
  cache.read_count("tokens", policy.cache_tokens, 0, 10'000'000);
  cache.read("negative_ttl", policy.negative_ttl);
  cache.finish();
  read_forward(table.table("forward"), auth);
  table.read("verbose_errors", auth.verbose_errors);
  table.not_available("pem");
  const int sources = !auth.jwks_file.empty() + !auth.jwks_url.empty() + !auth.secret.is_empty();
  if (sources != 1) {
    table.error(
        table.value(),
        label + " needs exactly one source of keys: jwks = { file }, jwks = { url } or secret");
  }
  if (!policy.algorithms.empty()) {
    if (const Status good = guard::check_policy(policy); !good.ok())
      table.error(table.value(), label + " " + good.error().what, good.error().help);
  }
  if (policy.issuer.empty()) {
    table.findings().notices.push_back(
        Error{Errc::invalid,
              label + " names no issuer: tokens of any issuer are good",
              auth.place,
              {},
              {}});
  }
  config.auth.push_back(std::move(auth));
}

void read_limit(std::string_view name, Table& table, Config& config) {
  LimitSettings limit;
  guard::LimitPolicy& policy = limit.policy;
  policy.name = std::string(name);
  limit.place = table.place();
  std::string rate, mode = "enforce", headers = "ietf-draft", on_full;
  table.read("rate", rate);
  auto parsed = guard::parse_rate(rate);
  if (parsed.ok()) policy.rate = *parsed;
  else
    table.error(table.find("rate"), "limit." + policy.name + ".rate: " + parsed.error().what,
                "for example \"50/s\" or \"1000/m\"");
  std::size_t burst = policy.rate.limit;
  table.read_count("burst", burst, 1, 1'000'000'000);
  policy.burst = burst;
  std::vector<std::string> keys = {"ip/64"};
  table.read("key", keys);
  for (const std::string& key : keys) {
    auto limit_key = guard::parse_limit_key(key);
    if (limit_key.ok()) policy.keys.push_back(std::move(limit_key).value());
    else
      table.error(table.find("key"), "limit." + policy.name + ".key: " + limit_key.error().what,
                  limit_key.error().help);
  }
  table.read_choice("mode", mode, {"enforce", "shadow"});
  table.read_choice("headers", headers, {"ietf-draft", "off"});
  Table sizes = table.table("table");
  sizes.read_count("slots", limit.slots, 64, 64 * 1024 * 1024);
  sizes.read_choice("on_full", on_full, {"evict_least_debt"});
  sizes.finish();
  table.not_available("shared");  // until then each process counts for itself
  table.not_available("enforce_percent");
  policy.mode = mode == "shadow" ? guard::LimitMode::shadow : guard::LimitMode::enforce;
  limit.sends_fields = headers != "off";
  config.limit.push_back(std::move(limit));
}

void read_waf(Table table, Findings& findings, WafSettings& waf) {
  std::vector<std::string> rules;
  table.read("rules", rules);
  const text::Value* named = table.find("rules");
  for (std::size_t i = 0; i < rules.size(); ++i) {
    waf.rule_files.push_back(findings.resolved(rules[i]));
    const auto* list = named == nullptr ? nullptr : named->array();
    if (list != nullptr && i < list->size())
      waf.rule_places.push_back(findings.place_of((*list)[i]));
    else waf.rule_places.push_back(named == nullptr ? table.place() : findings.place_of(*named));
  }
  std::size_t paranoia = waf.paranoia, log_at = waf.log_at, block_at = waf.block_at;
  table.read_count("paranoia", paranoia, 1, 4);
  table.read_count("log_at", log_at, 1, 1'000);
  table.read_count("block_at", block_at, 1, 1'000);
  waf.paranoia = static_cast<unsigned>(paranoia);
  waf.log_at = static_cast<unsigned>(log_at);
  waf.block_at = static_cast<unsigned>(block_at);
  if (waf.log_at > waf.block_at)
    table.error(table.value(), "waf.log_at must not be above waf.block_at");
  for (Table& one : table.tables("exclude")) {
    WafExclusion exclusion;
    std::size_t rule = 0;
    one.read_count("rule", rule, 1, 999'999'999);
    exclusion.rule = static_cast<std::uint32_t>(rule);
    one.read("tag", exclusion.tag);
    if ((rule == 0) == exclusion.tag.empty())
      one.error(one.value(), "waf.exclude names either a rule or a tag");
    one.read("path", exclusion.path);
    one.read("target", exclusion.target);
    one.finish();
    waf.exclude.push_back(std::move(exclusion));
  }
  table.not_available("crs");
  table.not_available("crs_setup");
  table.finish();
}

void read_mount(Table& mounts, std::string_view key, std::string& into) {
  const text::Value* found = mounts.find(key);
  if (found == nullptr) return;
  if (const bool* flag = found->boolean(); flag != nullptr && !*flag) {
    into.clear();
    return;
  }
  const std::string* path = found->string();
  const bool usable = path != nullptr && path->size() > 1 && path->front() == '/' &&
                      path->back() != '/' && path->rfind("/_weir", 0) != 0;
  if (!usable) {
    mounts.error(found,
                 "data.mount." + std::string(key) + " must be a path like \"/sync\", or false");
    return;
  }
  into = *path;
}

// Rules are compiled again where they are used; here their mistakes are told with all the others.
void check_rule(Table& table, const SyncRuleSettings& rule, const std::string& label) {
  const auto pattern = text::PathPattern::compile(rule.match);
  if (!pattern.ok())
    return table.error(table.find("match"), label + ".match: " + pattern.error().what,
                       pattern.error().help);
  for (const auto& [key, text] : {std::pair("read", &rule.read), std::pair("write", &rule.write)}) {
    if (text->empty()) continue;  // denied
    const auto compiled = text::compile_rule(*text, pattern->variables());
    if (!compiled.ok())
      table.error(table.find(key), label + "." + key + ": " + compiled.error().what,
                  compiled.error().help);
  }
}

// As a browser writes it: a scheme and a host, nothing behind.
bool is_origin(std::string_view text) {
  if (text == "*") return true;
  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos ||
      (text.substr(0, colon) != "https" && text.substr(0, colon) != "http"))
    return false;
  const std::string_view host = text.substr(colon + 3);
  return !host.empty() && host.find_first_of("/?#@ ") == std::string_view::npos;
}

void read_data(Table table, const CacheSettings& cache, DataSettings& data) {
  data.present = table.value() != nullptr;
  data.directory = cache.directory + "/data";
  table.read_path("dir", data.directory);
  Table mounts = table.table("mount");
  read_mount(mounts, "sync", data.sync_mount);
  read_mount(mounts, "kv", data.kv_mount);
  mounts.not_available("streams");
  mounts.not_available("db");
  mounts.finish();
  table.read("tenant", data.tenant);
  const bool known_tenant = data.tenant == "host" || data.tenant.rfind("claim:", 0) == 0 ||
                            data.tenant.rfind("const:", 0) == 0;
  if (!known_tenant)
    table.error(table.find("tenant"),
                "data.tenant must be \"claim:NAME\", \"host\" or \"const:NAME\"");
  std::string durability = "full";
  table.read_choice("durability", durability, {"full", "relaxed"});
  data.relaxed = durability == "relaxed";
  table.read("max_drift", data.drift_max);
  if (data.drift_max < 1s || data.drift_max > 5min)
    table.error(table.find("max_drift"), "data.max_drift must be 1s to 5m");
  table.read("long_poll", data.long_poll);
  table.read("origins", data.origins);
  for (const std::string& origin : data.origins) {
    if (!is_origin(origin))
      table.error(table.find("origins"),
                  "data.origins holds origins like \"https://app.example.org\", or \"*\", not '" +
                      origin + "'");
  }
  Table bounds = table.table("limits");
  bounds.read_count("batch_ops", data.batch_ops_max, 1, limits::sync_batch_ops_max * 10);
  bounds.read_size("value", data.value_bytes_max);
  for (const std::string_view later : {"doc", "connections", "subscriber_queue"})
    bounds.not_available(later);
  bounds.finish();
  for (const std::string_view surface : {"sync_rule", "kv_rule"}) {
    for (Table& one : table.tables(surface)) {
      SyncRuleSettings rule;
      rule.place = one.place();
      rule.surface =
          surface == "kv_rule" ? SyncRuleSettings::Surface::kv : SyncRuleSettings::Surface::sync;
      one.read("match", rule.match);
      one.read("read", rule.read);
      one.read("write", rule.write);
      one.not_available("schema");
      one.finish();
      const std::string label = "data." + std::string(surface);
      if (rule.match.empty()) one.error(one.value(), label + " needs match");
      else check_rule(one, rule, label);
      data.rules.push_back(std::move(rule));
    }
  }
  for (const std::string_view later : {"stream_rule", "table", "retain", "dev"})
    table.not_available(later);
  table.finish();
}

}  // namespace

bool is_weir_table(std::string_view name) {
  return std::find(std::begin(weir_tables), std::end(weir_tables), name) != std::end(weir_tables);
}

ConfigReading read_config(const ConfigSource& source) {
  ConfigReading reading;
  Config& config = reading.config;
  Findings findings{source.file, source.directory, source.environment, {}, {}, {}};
  const text::Value* root = source.root;

  read_serve(root_table(findings, root, "serve"), config.serve);
  each_named(findings, root, "tls",
             [&](std::string_view name, Table& t) { read_tls(name, t, config); });
  read_cache(root_table(findings, root, "cache"), findings, config.cache, config.own_hook);
  each_named(findings, root, "hook",
             [&](std::string_view name, Table& t) { read_hook(name, t, config); });
  read_observability(root_table(findings, root, "observability"), config.observability);
  each_named(findings, root, "auth",
             [&](std::string_view name, Table& t) { read_auth(name, t, config); });
  each_named(findings, root, "limit",
             [&](std::string_view name, Table& t) { read_limit(name, t, config); });
  read_waf(root_table(findings, root, "waf"), findings, config.waf);
  read_data(root_table(findings, root, "data"), config.cache, config.data);
  check_tls_names(findings, config);
  each_named(findings, root, "breaker",
             [&](std::string_view name, Table& t) { read_breaker(name, t, config); });
  each_named(findings, root, "upstream",
             [&](std::string_view name, Table& t) { read_upstream(name, t, config); });
  read_routes(findings, root, config);

  if (root != nullptr && root->is_object()) {
    for (const text::Member& member : *root->object()) {
      if (std::find(std::begin(later_tables), std::end(later_tables), member.name) ==
          std::end(later_tables))
        continue;
      findings.notices.push_back(Error{Errc::missing,
                                       "[" + member.name + "] is not available yet",
                                       findings.place_of(member),
                                       {},
                                       {}});
    }
  }
  reading.errors = std::move(findings.errors);
  reading.notices = std::move(findings.notices);
  reading.paths = std::move(findings.paths);
  return reading;
}

}  // namespace weir::edge
