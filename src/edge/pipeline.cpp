#include "edge/pipeline.h"

#include "base/file.h"
#include "base/must.h"
#include "base/worker_pool.h"

#include <algorithm>

namespace weir::edge {
namespace {

// The limit that every route has when the operator names none (DESIGN, Defaults).
constexpr std::string_view default_limit_name = "default";
constexpr std::uint64_t default_limit_rate = 200;
constexpr std::uint64_t default_limit_burst = 1'000;

guard::LimitPolicy default_limit() {
  guard::LimitPolicy policy;
  policy.name = default_limit_name;
  policy.rate = {default_limit_rate, std::chrono::seconds(1)};
  policy.burst = default_limit_burst;
  policy.keys = {guard::LimitKey{guard::LimitKeyKind::ip, 64, {}}};
  policy.spares_loopback = true;
  return policy;
}

guard::TraceMode trace_mode_of(std::string_view word) {
  if (word == "trust") return guard::TraceMode::trust;
  if (word == "ignore") return guard::TraceMode::ignore;
  return guard::TraceMode::link;
}

}  // namespace

struct Pipeline::Issuer {
  std::string name;
  AuthSettings settings;  // that it was made from
  std::string document;   // of jwks_file
  bool verbose_errors = false;
  guard::FetchedKeySource* fetched = nullptr;  // null when the keys are fixed
  std::unique_ptr<guard::KeySource> keys;
  std::unique_ptr<guard::JwtVerifier> verifier;
};

Pipeline::Pipeline() = default;
Pipeline::~Pipeline() = default;

std::vector<StageSettings> default_stages(Route::Target target) {
  StageSettings trace;
  trace.kind = StageKind::trace;
  trace.names = {"w3c"};
  trace.failure_mode = FailureMode::open;
  StageSettings limit;
  limit.kind = StageKind::limit;
  limit.names = {std::string(default_limit_name)};
  limit.failure_mode = FailureMode::open;
  limit.is_default = true;
  StageSettings waf;
  waf.kind = StageKind::waf;
  const bool is_read_only = target == Route::Target::site || target == Route::Target::page;
  waf.names = {is_read_only ? "detect" : "block"};
  waf.failure_mode = FailureMode::closed;
  // weir's own endpoints check signatures and take no browser input: a purge body may well look
  // like an attack.
  if (target == Route::Target::control) return {trace, limit};
  return {trace, limit, waf};
}

Result<std::unique_ptr<Pipeline>> Pipeline::open(const Config& config, const PipelineParts& parts,
                                                 const Pipeline* before) {
  std::unique_ptr<Pipeline> pipeline(new Pipeline);
  pipeline->before_ = before;
  std::vector<guard::Network> networks;
  for (const std::string& text : config.serve.trusted_proxies) {
    networks.push_back(TRY(guard::parse_network(text)));
  }
  pipeline->proxies_ = guard::TrustedProxies(std::move(networks));
  for (const AuthSettings& auth : config.auth) {
    if (auth.not_available.empty()) TRY(pipeline->open_auth(auth, parts, before));
  }
  TRY(pipeline->open_limits(config, before));
  pipeline->upstreams_ = TRY(
      open_upstreams(config, before == nullptr ? std::vector<OpenUpstream>() : before->upstreams_));

  RouteSettings control;
  control.name = "control";
  control.paths = {"/_weir/**"};
  TRY(pipeline->add_route(control, Route::Target::control, config, parts));
  for (const RouteSettings& route : config.routes) {
    const auto target = route.target == RouteTarget::data    ? Route::Target::data
                        : route.target == RouteTarget::proxy ? Route::Target::proxy
                        : route.target == RouteTarget::page  ? Route::Target::page
                                                             : Route::Target::site;
    TRY(pipeline->add_route(route, target, config, parts));
  }
  if (config.data.present) {
    RouteSettings data;
    data.name = "data";
    for (const std::string* mount : {&config.data.sync_mount, &config.data.kv_mount}) {
      if (!mount->empty()) data.paths.push_back(*mount + "/**");
    }
    if (!data.paths.empty()) TRY(pipeline->add_route(data, Route::Target::data, config, parts));
  }
  RouteSettings site;
  site.name = "site";
  TRY(pipeline->add_route(site, Route::Target::site, config, parts));
  pipeline->before_ = nullptr;
  return pipeline;
}

namespace {

bool is_same(const AuthSettings& a, const AuthSettings& b) {
  return a.policy == b.policy && a.jwks_file == b.jwks_file && a.jwks_url == b.jwks_url &&
         a.secret.reveal() == b.secret.reveal() && a.refresh == b.refresh &&
         a.refetch_min == b.refetch_min && a.stale_max == b.stale_max &&
         a.verbose_errors == b.verbose_errors;
}

}  // namespace

Status Pipeline::open_auth(const AuthSettings& auth, const PipelineParts& parts,
                           const Pipeline* before) {
  if (auth.kind == AuthSettings::Kind::client_certificate) {
    certificates_.push_back(
        std::make_unique<const guard::ClientCertificatePolicy>(auth.certificate));
    return done;
  }
  TRY(guard::check_policy(auth.policy));
  std::shared_ptr<Issuer> issuer;
  if (before != nullptr) {
    for (const auto& known : before->issuers_) {
      if (is_same(known->settings, auth)) issuer = known;
    }
  }
  if (issuer != nullptr && !auth.jwks_file.empty()) {
    const auto json = read_file(auth.jwks_file);
    if (!json.ok()) return Error(json.error()).at(auth.place);
    if (*json != issuer->document) issuer = nullptr;
  }
  if (issuer == nullptr) issuer = TRY(open_issuer(auth, parts));
  forwarded_.add(auth.policy);
  forwards_headers_ = forwards_headers_ || !auth.policy.forward.empty();
  issuers_.push_back(std::move(issuer));
  return done;
}

Result<std::shared_ptr<Pipeline::Issuer>> Pipeline::open_issuer(const AuthSettings& auth,
                                                                const PipelineParts& parts) {
  auto issuer = std::make_shared<Issuer>();
  issuer->name = auth.policy.name;
  issuer->settings = auth;
  issuer->verbose_errors = auth.verbose_errors;
  if (!auth.jwks_url.empty()) {
    guard::JwksSettings settings;
    settings.name = auth.policy.name;
    settings.url = auth.jwks_url;
    settings.refresh = auth.refresh;
    settings.refetch_least = auth.refetch_min;
    settings.stale_max = auth.stale_max;
    if (!parts.keys_directory.empty())
      settings.keep_path = parts.keys_directory + "/" + auth.policy.name + ".jwks";
    auto opened =
        guard::FetchedKeySource::open(std::move(settings), parts.fetcher, parts.clock, parts.log);
    if (!opened.ok()) return std::move(opened).error().at(auth.place);
    issuer->fetched = opened->get();
    issuer->keys = std::move(opened).value();
  } else if (!auth.jwks_file.empty()) {
    auto json = read_file(auth.jwks_file);
    if (!json.ok()) return Error(json.error()).at(auth.place);
    auto parsed = guard::Jwks::parse(std::string_view(*json), guard::KeyOrigin::local);
    if (!parsed.ok()) return std::move(parsed).error().in(auth.jwks_file).at(auth.place);
    for (const std::string& warning : parsed->warnings)
      parts.log.warning("jwks", {{"file", auth.jwks_file}, {"warning", warning}});
    issuer->keys = std::make_unique<guard::FixedKeys>(parsed->set);
    issuer->document = std::move(json).value();
  } else {
    const SignatureAlgorithm algorithm = auth.policy.algorithms.front();
    auto set = guard::Jwks::of_secret(auth.secret.reveal(), algorithm);
    if (!set.ok()) return std::move(set).error().at(auth.place);
    issuer->keys = std::make_unique<guard::FixedKeys>(std::move(set).value());
  }
  issuer->verifier = std::make_unique<guard::JwtVerifier>(auth.policy, *issuer->keys);
  return issuer;
}

Result<std::shared_ptr<const guard::Limit>> Pipeline::limit_of(const guard::LimitPolicy& policy,
                                                               const Pipeline* before) {
  if (before != nullptr && before->limiter_ == limiter_) {
    for (const auto& known : before->limits_) {
      if (known->policy() == policy) return known;
    }
  }
  auto made = TRY(guard::Limit::open(policy, limiter_->hash_key(), limit_index_++));
  return std::shared_ptr<const guard::Limit>(std::make_shared<guard::Limit>(std::move(made)));
}

// One table for all limits. It goes on over a reload while its size is the same.
Status Pipeline::open_limits(const Config& config, const Pipeline* before) {
  std::size_t slots = limits::limiter_slots;
  for (const LimitSettings& limit : config.limit) slots = std::max(slots, limit.slots);
  limiter_ = std::make_shared<guard::Limiter>(slots);
  if (before != nullptr && before->limiter_->slots() == limiter_->slots()) {
    limiter_ = before->limiter_;
    limit_index_ = before->limit_index_;
  }
  limits_.push_back(TRY(limit_of(default_limit(), before)));
  for (const LimitSettings& limit : config.limit) {
    auto opened = limit_of(limit.policy, before);
    if (!opened.ok())
      return std::move(opened).error().in("limit." + limit.policy.name).at(limit.place);
    limits_.push_back(std::move(opened).value());
  }
  return done;
}

namespace {

// Two rule sets of one source are the same. Lengths stand in front of what could hold anything.
std::string source_of(const waf::RuleSetOptions& options, const std::vector<waf::RuleFile>& files) {
  std::string source = std::to_string(options.paranoia);
  const auto add = [&source](std::string_view text) {
    source += ' ' + std::to_string(text.size()) + ':';
    source += text;
  };
  for (const auto& exclusion : options.exclusions) {
    add(std::to_string(exclusion.rule));
    add(exclusion.tag);
    add(exclusion.path);
    add(exclusion.target);
  }
  for (const waf::RuleFile& file : files) {
    add(file.name);
    add(file.text);
  }
  return source;
}

}  // namespace

Result<std::size_t> Pipeline::rule_set_of(const Config& config, unsigned paranoia) {
  const auto found = std::find(rule_set_paranoia_.begin(), rule_set_paranoia_.end(), paranoia);
  if (found != rule_set_paranoia_.end())
    return static_cast<std::size_t>(found - rule_set_paranoia_.begin());
  waf::RuleSetOptions options;
  options.paranoia = static_cast<int>(paranoia);
  for (const WafExclusion& exclusion : config.waf.exclude) {
    options.exclusions.push_back({exclusion.rule, exclusion.tag, exclusion.path, exclusion.target});
  }
  std::vector<waf::RuleFile> more;
  for (std::size_t i = 0; i < config.waf.rule_files.size(); ++i) {
    const std::string& file = config.waf.rule_files[i];
    auto text = read_file(file);
    if (!text.ok()) {
      Error error = std::move(text).error().in("waf.rules");
      return i < config.waf.rule_places.size() ? std::move(error).at(config.waf.rule_places[i])
                                               : std::move(error);
    }
    more.push_back({file, std::move(*text)});
  }
  std::string source = source_of(options, more);
  std::shared_ptr<const waf::RuleSet> rules;
  for (std::size_t at = 0; before_ != nullptr && at < before_->rule_sets_.size(); ++at) {
    if (before_->rule_set_sources_[at] == source) rules = before_->rule_sets_[at];
  }
  if (rules == nullptr) rules = TRY(waf::RuleSet::own(options, more));
  rule_sets_.push_back(std::move(rules));
  rule_set_paranoia_.push_back(paranoia);
  rule_set_sources_.push_back(std::move(source));
  return rule_sets_.size() - 1;
}

const guard::Limit* Pipeline::find_limit(std::string_view name) const {
  for (const auto& limit : limits_) {
    if (limit->policy().name == name) return limit.get();
  }
  return nullptr;
}

guard::JwtVerifier* Pipeline::find_verifier(std::string_view name) {
  for (const auto& issuer : issuers_) {
    if (issuer->name == name) return issuer->verifier.get();
  }
  return nullptr;
}

Result<StepSettings> Pipeline::step_of(const StageSettings& stage, const RouteSettings& route,
                                       Route::Target target, const Config& config,
                                       const PipelineParts& parts) {
  StepSettings step;
  step.kind = stage.kind;
  step.failure_mode = stage.failure_mode;
  step.timeout = stage.timeout.value_or(Nanos(0));
  switch (stage.kind) {
    case StageKind::trace:
      step.untrusted = trace_mode_of(config.observability.trace_trust);
      step.proxies = &proxies_;
      break;
    case StageKind::limit: {
      // The default limit is the first, so an operator's [limit.default] is found by looking from
      // the other end.
      step.limit = stage.is_default ? limits_.front().get() : find_limit(stage.names.front());
      for (std::size_t at = limits_.size(); !stage.is_default && at-- > 1;) {
        if (limits_[at]->policy().name == stage.names.front()) step.limit = limits_[at].get();
      }
      MUST(step.limit != nullptr);
      step.limiter = limiter_.get();
      step.table = step.limit->policy().name;
      step.sends_fields = !stage.is_default;
      for (const LimitSettings& limit : config.limit) {
        if (!stage.is_default && limit.policy.name == stage.names.front())
          step.sends_fields = limit.sends_fields;
      }
      break;
    }
    case StageKind::auth:
      for (const std::string& name : stage.names) {
        const auto certificate =
            std::find_if(certificates_.begin(), certificates_.end(),
                         [&](const auto& policy) { return policy->name == name; });
        if (certificate != certificates_.end()) {
          step.certificates.push_back(certificate->get());
          if (step.table.empty()) step.table = (*certificate)->name;
          continue;
        }
        step.verifiers.push_back(find_verifier(name));
        MUST(step.verifiers.back() != nullptr);
        if (step.table.empty()) step.table = step.verifiers.back()->policy().name;
        for (const auto& issuer : issuers_)
          step.verbose_errors =
              step.verbose_errors || (issuer->name == name && issuer->verbose_errors);
      }
      step.allow_anonymous = stage.allow_anonymous;
      for (const std::string& text : stage.require) {
        Requirement requirement;
        const std::string_view rest =
            std::string_view(text).substr(6);  // behind "scope:" or "claim:"
        requirement.kind = text[0] == 's' ? Requirement::Kind::scope : Requirement::Kind::claim;
        requirement.name = rest.substr(0, rest.find('='));
        if (rest.find('=') != std::string_view::npos)
          requirement.value = rest.substr(rest.find('=') + 1);
        if (requirement.kind == Requirement::Kind::scope) requirement.name = rest;
        step.requirements.push_back(std::move(requirement));
      }
      break;
    case StageKind::waf:
      step.rule_set = TRY(rule_set_of(config, stage.paranoia.value_or(config.waf.paranoia)));
      step.rules = rule_sets_[step.rule_set];
      step.bands = {static_cast<int>(config.waf.log_at), static_cast<int>(config.waf.block_at)};
      step.blocks = stage.names.front() == "block";
      step.takes_body = target == Route::Target::data || target == Route::Target::proxy;
      step.body_bytes_max = route.body_bytes_max.value_or(config.serve.body_bytes_max);
      if (target == Route::Target::data)
        step.body_bytes_max = std::min(step.body_bytes_max, limits::sync_body_bytes_max);
      if (target == Route::Target::data)
        step.mounts = {config.data.sync_mount, config.data.kv_mount};
      step.workers = &parts.workers;
      break;
  }
  return step;
}

Status Pipeline::add_route(const RouteSettings& settings, Route::Target target,
                           const Config& config, const PipelineParts& parts) {
  Route route;
  route.pipeline = this;
  route.name = settings.name;
  route.target = target;
  route.methods = settings.methods;
  for (const std::string& host : settings.hosts) route.hosts.push_back(lower_of(host));
  for (const std::string& path : settings.paths) route.paths.push_back(TRY(parse_pattern(path)));
  const std::vector<StageSettings> stages = settings.stages.value_or(default_stages(target));
  for (const StageSettings& stage : stages)
    route.steps.push_back(TRY(step_of(stage, settings, target, config, parts)));
  if (target == Route::Target::proxy) {
    auto proxy = std::make_shared<ProxyRoute>(proxy_route_of(settings, config, upstreams_));
    for (const StageSettings& stage : stages)
      for (const AuthSettings& auth : config.auth)
        proxy->strips_authorization |= stage.kind == StageKind::auth && auth.strips_authorization &&
                                       std::find(stage.names.begin(), stage.names.end(),
                                                 auth.policy.name) != stage.names.end();
    proxy->claims = forwards_headers_ ? &forwarded_ : nullptr;
    proxy->proxies = &proxies_;
    route.proxy = std::move(proxy);
  }
  if (target == Route::Target::page) {
    auto page = std::make_shared<PageRoute>(PageRoute::of(settings, config.cache));
    page->patterns = route.paths;
    guard::LimitPolicy policy;
    policy.name = "page:" + settings.name;
    policy.rate = settings.page.new_rate;
    policy.burst = settings.page.new_burst;
    policy.keys = {guard::LimitKey{guard::LimitKeyKind::ip, 64, {}}};
    // Behind a proxy that is not named as trusted, everybody comes from there.
    policy.spares_loopback = settings.page.has_default_rate;
    page->new_keys = TRY(limit_of(policy, before_));
    limits_.push_back(page->new_keys);
    page_routes_.push_back(page);
    route.page = std::move(page);
  }
  routes_.push_back(std::move(route));
  return done;
}

bool Pipeline::may_make(const PageRoute& route, const http::Request& request,
                        const guard::IpAddress& client, Mono now) const {
  const auto slot = limiter_->slot_of(*route.new_keys, {request, client, nullptr});
  if (!slot || limiter_->take(*route.new_keys, *slot, now).allowed) return true;
  return route.new_keys->policy().spares_loopback && client.is_loopback();
}

namespace {

bool host_fits(const Route& route, std::string_view host) {
  if (route.hosts.empty()) return true;
  const std::string bare = bare_host_of(host);
  return std::any_of(route.hosts.begin(), route.hosts.end(),
                     [&](const std::string& pattern) { return host_matches(pattern, bare); });
}

bool path_fits(const Route& route, std::string_view path) {
  if (route.paths.empty()) return true;
  return std::any_of(route.paths.begin(), route.paths.end(),
                     [&](const Pattern& pattern) { return pattern.matches(path); });
}

bool method_fits(const Route& route, std::string_view method) {
  return route.methods.empty() ||
         std::find(route.methods.begin(), route.methods.end(), method) != route.methods.end();
}

}  // namespace

const Route& Pipeline::route_of(const http::Request& request) const {
  // A WebSocket is a GET, also where HTTP/2 says CONNECT (RFC 8441).
  const bool is_socket = request.protocol == "websocket";
  return route_of(
      {request.host, request.path, is_socket ? std::string_view("GET") : request.method_text});
}

const Route& Pipeline::route_of(const RouteAsk& ask) const {
  for (const Route& route : routes_) {
    if (path_fits(route, ask.path) && method_fits(route, ask.method) && host_fits(route, ask.host))
      return route;
  }
  return routes_.back();  // the last one takes everything
}

std::uint64_t Pipeline::client_hash(const guard::IpAddress& client) const {
  return limiter_->hash_key().hash64(
      {reinterpret_cast<const char*>(client.bytes.data()), client.bytes.size()});
}

std::vector<std::pair<std::string, Nanos>> Pipeline::key_ages() const {
  std::vector<std::pair<std::string, Nanos>> ages;
  for (const auto& issuer : issuers_) {
    if (issuer->fetched == nullptr) continue;
    if (const auto age = issuer->fetched->state().age) ages.emplace_back(issuer->name, *age);
  }
  return ages;
}

void Pipeline::tick() {
  for (const auto& issuer : issuers_) {
    if (issuer->fetched != nullptr) issuer->fetched->tick();
  }
}

}  // namespace weir::edge
