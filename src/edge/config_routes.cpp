#include "edge/config_routes.h"

#include "base/bytes.h"
#include "edge/config_pages.h"
#include "edge/config_upstreams.h"
#include "edge/pattern.h"

#include <algorithm>

namespace weir::edge {
namespace {

constexpr std::string_view stage_keys[] = {"trace", "limit", "auth", "waf", "schema", "agent"};

std::string_view table_name(const AuthSettings& auth) { return auth.policy.name; }
std::string_view table_name(const LimitSettings& limit) { return limit.policy.name; }
std::string_view table_name(const RouteSettings& route) { return route.name; }

template <class Settings>
const Settings* find_named(const std::vector<Settings>& all, std::string_view name) {
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const Settings& one) { return table_name(one) == name; });
  return found == all.end() ? nullptr : &*found;
}

template <class Settings>
std::string near_name(const std::vector<Settings>& all, std::string_view name) {
  std::vector<std::string_view> names;
  for (const Settings& one : all) names.push_back(table_name(one));
  const std::string near = nearest_of(name, names);
  return near.empty() ? std::string() : "did you mean \"" + near + "\"?";
}

// The one key of a stage's table that says which kind it is.
std::string_view kind_of(Table& table) {
  std::string_view kind;
  for (const std::string_view key : stage_keys) {
    if (!table.has(key)) continue;
    if (!kind.empty()) {
      table.error(table.value(),
                  "a stage is one of trace, limit, auth, waf, schema; this one says " +
                      std::string(kind) + " and " + std::string(key));
    }
    kind = key;
  }
  return kind;
}

void read_auth_stage(Table& table, const Config& config, StageSettings& stage) {
  table.read("require", stage.require);
  table.read("allow_anonymous", stage.allow_anonymous);
  for (const std::string& requirement : stage.require) {
    if (requirement.rfind("scope:", 0) == 0 || requirement.rfind("claim:", 0) == 0) continue;
    table.error(
        table.find("require"),
        "auth require must be \"scope:NAME\" or \"claim:NAME=VALUE\", not \"" + requirement + "\"");
  }
  for (const std::string& name : stage.names) {
    const AuthSettings* auth = find_named(config.auth, name);
    if (auth == nullptr) {
      table.error(table.find("auth"), "there is no table [auth." + name + "]",
                  near_name(config.auth, name));
    } else if (!auth->not_available.empty()) {
      table.error(table.find("auth"), "auth \"" + name + "\": " + auth->not_available);
    }
  }
  if (stage.names.empty()) table.error(table.value(), "auth must name at least one [auth.*] table");
}

void read_kind(Table& table, std::string_view kind, const Config& config, StageSettings& stage) {
  table.read(kind, stage.names);
  if (kind == "trace") {
    stage.kind = StageKind::trace;
    if (stage.names != std::vector<std::string>{"w3c"})
      table.error(table.find("trace"), "trace must be \"w3c\"");
  } else if (kind == "limit") {
    stage.kind = StageKind::limit;
    if (stage.names.size() != 1) {
      table.error(table.find("limit"), "limit must name one [limit.*] table");
    } else if (find_named(config.limit, stage.names[0]) == nullptr) {
      table.error(table.find("limit"), "there is no table [limit." + stage.names[0] + "]",
                  near_name(config.limit, stage.names[0]));
    }
  } else if (kind == "auth") {
    stage.kind = StageKind::auth;
    read_auth_stage(table, config, stage);
  } else if (kind == "waf") {
    stage.kind = StageKind::waf;
    const bool known =
        stage.names.size() == 1 && (stage.names[0] == "block" || stage.names[0] == "detect");
    if (!known) table.error(table.find("waf"), "waf must be \"block\" or \"detect\"");
    std::size_t paranoia = 0;
    table.read_count("paranoia", paranoia, 1, 4);
    if (paranoia != 0) stage.paranoia = static_cast<unsigned>(paranoia);
  } else {
    table.error(table.find(kind), "the stage \"" + std::string(kind) + "\" is not available yet",
                "a route must not seem to check what it cannot check: leave the stage out for now");
  }
}

StageSettings read_stage(Table& table, Config& config) {
  StageSettings stage;
  stage.place = table.place();
  const std::string_view kind = kind_of(table);
  if (kind.empty()) {
    table.error(table.value(), "a stage must name one of trace, limit, auth, waf, schema");
    return stage;
  }
  read_kind(table, kind, config, stage);
  std::string mode;
  bool allow_insecure = false;
  table.read_choice("failure_mode", mode, {"open", "closed"});
  table.read("allow_insecure", allow_insecure);
  table.read("timeout", stage.timeout);
  table.not_available("breaker");
  table.not_available("max_inflight");
  table.finish();
  if (mode.empty()) {
    table.error(table.value(), "the stage \"" + std::string(kind) + "\" must say failure_mode",
                "\"open\" lets requests pass when the stage itself fails, \"closed\" refuses them");
  }
  stage.failure_mode = mode == "open" ? FailureMode::open : FailureMode::closed;
  const bool guards =
      stage.kind == StageKind::auth || stage.kind == StageKind::waf || kind == "schema";
  if (guards && mode == "open") {
    if (!allow_insecure) {
      table.error(table.value(),
                  "failure_mode \"open\" on " + std::string(kind) + " lets unchecked requests pass",
                  "say \"closed\", or allow_insecure = true");
    } else {
      config.allow_insecure = true;
    }
  }
  return stage;
}

void read_target(Table& table, Config& config, RouteSettings& route) {
  Table target = table.table("to");
  bool site = false, data = false;
  target.read("site", site);
  target.read("data", data);
  const bool proxy = target.has("proxy");
  const bool page = target.has("page");
  bool later = false;
  for (const std::string_view key : {"compose", "redirect", "function", "experiment"}) {
    const text::Value* found = target.find(key);
    if (found == nullptr) continue;
    later = true;
    target.error(found, "a route to \"" + std::string(key) + "\" is not available yet",
                 "to = { site = true }, { data = true }, { page = \"x.html\" } and { proxy = "
                 "\"http://...\" } "
                 "are");
  }
  if (later) target.find("timeout");  // what belongs to it is not judged
  if (page) read_page(target, config, route);
  if (proxy) read_proxy(target, config, route.proxy);
  target.finish();
  if (!later && int{site} + int{data} + int{proxy} + int{page} != 1)
    target.error(
        table.value(),
        "a route needs one of to = { site = true }, to = { page = \"x.html\" }, to = { data = "
        "true } and to = { proxy = \"http://...\" }");
  route.target = proxy  ? RouteTarget::proxy
                 : data ? RouteTarget::data
                 : page ? RouteTarget::page
                        : RouteTarget::site;
}

void check_patterns(Table& table, const RouteSettings& route) {
  for (const std::string& path : route.paths) {
    const auto pattern = parse_pattern(path);
    if (!pattern.ok()) table.error_at(route.place, pattern.error().what, pattern.error().help);
    else if (path.rfind("/_weir", 0) == 0)
      table.error_at(route.place, "/_weir/** is weir's own and cannot be routed");
  }
}

void read_stages(Table& table, Config& config, RouteSettings& route) {
  if (!table.has("stages")) return;
  std::vector<StageSettings> stages;
  for (Table& one : table.tables("stages")) stages.push_back(read_stage(one, config));
  if (stages.size() > limits::steps_per_route_max) {
    table.error(table.find("stages"),
                "a route has at most " + std::to_string(limits::steps_per_route_max) + " stages");
  }
  bool auth_seen = false;
  for (const StageSettings& stage : stages) {
    if (stage.kind == StageKind::auth) auth_seen = true;
    if (stage.kind != StageKind::limit || auth_seen || stage.names.empty()) continue;
    const LimitSettings* limit = find_named(config.limit, stage.names[0]);
    const bool by_subject = limit != nullptr && !limit->policy.keys.empty() &&
                            limit->policy.keys[0].kind == guard::LimitKeyKind::claim;
    if (by_subject) {
      table.findings().notices.push_back(
          Error{Errc::invalid,
                "limit \"" + limit->policy.name + "\" counts by subject but comes before auth",
                stage.place,
                "put the auth stage before it",
                {}});
    }
  }
  route.stages = std::move(stages);
}

RouteSettings read_route(Table& table, Config& config) {
  RouteSettings route;
  route.place = table.place();
  table.read("name", route.name);
  Table match = table.table("match");
  match.read("host", route.hosts);
  match.read("path", route.paths);
  match.read("methods", route.methods);
  match.finish();
  check_patterns(table, route);
  read_target(table, config, route);
  Table cache = table.table("cache");
  cache.read("ttl", route.policy.ttl);
  cache.read("swr", route.policy.swr);
  cache.read("sie", route.policy.sie);
  if (route.target == RouteTarget::proxy && table.has("cache")) read_proxy_cache(cache, route);
  if (route.target == RouteTarget::page) read_page_cache(cache, route.page);
  for (const std::string_view later : {"profile", "neg_ttl", "fill_wait", "fallback",
                                       "hard_on_error", "tags", "cookies", "query"}) {
    if (!route.proxy_cache && route.target != RouteTarget::page) cache.not_available(later);
  }
  cache.finish();
  Table bounds = table.table("limits");
  std::size_t body = 0;
  bounds.read_size("body", body);
  bounds.finish();
  if (body != 0) route.body_bytes_max = body;
  read_stages(table, config, route);
  table.finish();
  if (route.target == RouteTarget::data && !config.data.present) {
    table.error_at(route.place,
                   "the route \"" + route.name + "\" goes to data, but there is no table [data]");
  }
  return route;
}

// G-54: a route behind one that takes everything of it can never match.
void note_shadowed(Findings& findings, const Config& config) {
  for (std::size_t later = 1; later < config.routes.size(); ++later) {
    for (std::size_t earlier = 0; earlier < later; ++earlier) {
      const RouteSettings& front = config.routes[earlier];
      const RouteSettings& behind = config.routes[later];
      const bool any_path =
          front.paths.empty() ||
          std::find(front.paths.begin(), front.paths.end(), "/**") != front.paths.end() ||
          (!behind.paths.empty() && front.paths == behind.paths);
      const bool any_host = front.hosts.empty() || front.hosts == behind.hosts;
      const bool any_method = front.methods.empty() || front.methods == behind.methods;
      if (!any_path || !any_host || !any_method) continue;
      findings.notices.push_back(Error{Errc::invalid,
                                       "the route \"" + behind.name + "\" is never reached: \"" +
                                           front.name + "\" before it takes everything",
                                       behind.place,
                                       {},
                                       {}});
      break;
    }
  }
}

}  // namespace

void read_routes(Findings& findings, const text::Value* root, Config& config) {
  const text::Value* routes = root == nullptr ? nullptr : root->find("route");
  if (routes == nullptr) return;
  if (!routes->is_array()) {
    findings.errors.push_back(Error{
        Errc::invalid, "routes are a list: write [[route]]", findings.place_of(*routes), {}, {}});
    return;
  }
  if (routes->array()->size() > limits::routes_max) {
    findings.errors.push_back(Error{Errc::too_large,
                                    "more than " + std::to_string(limits::routes_max) + " routes",
                                    findings.place_of(*routes),
                                    {},
                                    {}});
    return;
  }
  for (const text::Value& one : *routes->array()) {
    Table table(findings, "route", &one, {});
    RouteSettings route = read_route(table, config);
    if (route.name.empty()) route.name = "route-" + std::to_string(config.routes.size() + 1);
    if (find_named(config.routes, route.name) != nullptr) {
      table.error_at(route.place, "there are two routes named \"" + route.name + "\"");
    }
    config.routes.push_back(std::move(route));
  }
  note_shadowed(findings, config);
}

}  // namespace weir::edge
