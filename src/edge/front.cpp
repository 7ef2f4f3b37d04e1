#include "edge/front.h"

#include "base/bytes.h"
#include "edge/answers.h"

#include <algorithm>

namespace weir::edge {

Front::Front(const FrontParts& parts, std::shared_ptr<const Tables> tables, http::Loop& loop,
             Counters& counters)
    : parts_(parts),
      state_(loop, parts.clock, counters),
      access_log_(parts.access_log, {}, loop, state_.counters),
      pages_(parts.cache, *parts.rules, {}),
      control_(
          parts.control,
          [this](const FillQuestion::AnswerAsked& asked, ProxyCache::CopyReady ready) {
            fill(asked, std::move(ready));
          },
          [this](const std::string& key) { dropped_elsewhere(key); }),
      succession_(parts.succession) {
  state_.story = this;
  if (parts.names != nullptr) proxy_.emplace(state_, *parts.names, parts.proxy_store);
  adopt(std::move(tables));
}

void Front::adopt(std::shared_ptr<const Tables> tables) {
  state_.adopt(std::move(tables));
  const Config& config = state_.now().config;
  access_log_.set({config.observability.sample_allow, config.observability.sample_block,
                   static_cast<int>(config.waf.log_at)});
  pages_.set({config.cache.strict_negotiation ? Negotiation::strict : Negotiation::lenient,
              config.serve.clean_urls});
  if (parts_.sync != nullptr)
    data_.emplace(*parts_.sync, Mounts{config.data.sync_mount, config.data.kv_mount},
                  config.data.origins, parts_.kv_changed);
}

namespace {

ListenerKind kind_of(const http::Request& request) {
  return static_cast<ListenerKind>(request.listener_tag);
}

bool is_admin_listener(ListenerKind kind) {
  return kind == ListenerKind::admin_socket || kind == ListenerKind::admin ||
         kind == ListenerKind::admin_with_token;
}

// The peer, or behind trusted proxies whom they name.
guard::IpAddress client_of(const http::Request& request, const guard::TrustedProxies& proxies) {
  const guard::IpAddress peer{request.peer->address};
  if (kind_of(request) == ListenerKind::hand_over) {
    const http::Field* told = request.find("x-forwarded-for");
    return guard::parse_ip(told == nullptr ? "" : told->value).value_or(peer);
  }
  if (request.peer->kind == http::Peer::Kind::unix_socket)
    return guard::parse_ip("::1").value_or(peer);
  if (!proxies.has(peer)) return peer;
  std::array<std::string_view, 16> forwarded_for, forwarded;
  std::size_t for_count = 0, forwarded_count = 0;
  for (const http::Field& field : request.fields) {
    if (field.name == "x-forwarded-for" && for_count < forwarded_for.size())
      forwarded_for[for_count++] = field.value;
    if (field.name == "forwarded" && forwarded_count < forwarded.size())
      forwarded[forwarded_count++] = field.value;
  }
  return guard::client_of(
      peer, {{forwarded_for.data(), for_count}, {forwarded.data(), forwarded_count}}, proxies);
}

// Nobody but a verified token sets the headers that claims become (guard G-13), whatever route the
// request takes.
void note_stripped(Visit& visit, const guard::ForwardedHeaders& owned) {
  for (const http::Field& field : visit.exchange->request().fields) {
    if (owned.owns(field.name)) visit.decision.headers_removed.add(field.name);
  }
}

}  // namespace

// Who asks, and which route it is.
Visit& Front::begin(http::Exchange& exchange) {
  Visit& visit = state_.take(exchange);
  const Pipeline& pipeline = *visit.tables->shared->pipeline;
  visit.client = client_of(exchange.request(), pipeline.proxies());
  visit.route = &pipeline.route_of(exchange.request());
  visit.decision.route = visit.route->name;
  const std::string& hsts = visit.tables->shared->config.serve.hsts;
  if (exchange.request().secure && !hsts.empty())
    visit.fields += "Strict-Transport-Security: " + hsts + "\r\n";
  return visit;
}

void Front::on_request(http::Exchange& exchange) {
  Visit& visit = begin(exchange);
  const Pipeline& pipeline = *visit.tables->shared->pipeline;
  if (pipeline.forwards_headers()) note_stripped(visit, pipeline.forwarded_headers());
  if (refused_by_listener(visit)) return;
  walk(visit);
}

// What is decided before any step: the wrong listener, the wrong host. (Methods that no route has,
// and paths that cannot be decoded, were answered by the engine.)
bool Front::refused_by_listener(Visit& visit) {
  const http::Request& request = visit.exchange->request();
  const ListenerKind kind = kind_of(request);
  if (answered_authority(visit)) return true;
  // What somebody else proves with is a page of the site, at the address where it is looked for.
  if (kind == ListenerKind::redirect && !request.path.starts_with(guard::acme_challenge_path)) {
    if (request.host.empty()) {
      refuse(visit, {400, "bad-request", "The request names no host to redirect to."});
    } else {
      // From the parts: a target in absolute form names a host of its own.
      std::string location =
          "https://" + bare_host_of(request.host) + std::string(request.raw_path);
      if (request.target.find('?') != std::string_view::npos)
        location += "?" + std::string(request.query);
      respond(visit, {308, {{"Location", std::move(location)}}, {}});
    }
    return true;
  }
  if (is_admin_listener(kind) && visit.route->target != Route::Target::control) {
    refuse(visit, {404, "not-found", "This listener has control endpoints only."});
    return true;
  }
  const auto& hosts = visit.tables->shared->config.serve.hosts;
  if (!hosts.empty() && !is_admin_listener(kind)) {
    const std::string host = bare_host_of(request.host);
    const bool known = std::any_of(hosts.begin(), hosts.end(), [&](const std::string& one) {
      return host_matches(lower_of(one), host);
    });
    if (!known) {
      visit.exchange->close_after();  // whoever is at the wrong address has more requests for it
      refuse(visit, {421, "bad-request", "This server does not serve that host."});
      return true;
    }
  }
  return false;
}

// RFC 8555 8.3: an ACME authority asks over plain HTTP, before there is any certificate.
bool Front::answered_authority(Visit& visit) {
  const std::string_view path = visit.exchange->request().path;
  if (parts_.acme == nullptr || !path.starts_with(guard::acme_challenge_path)) return false;
  auto proof = parts_.acme->find(path.substr(guard::acme_challenge_path.size()));
  if (!proof) return false;
  respond(visit, {200,
                  {{"Content-Type", "application/octet-stream"}, {"Cache-Control", "no-store"}},
                  std::move(*proof)});
  return true;
}

void Front::walk(Visit& visit) {
  const std::vector<StepSettings>& route_steps = visit.route->steps;
  while (visit.step < route_steps.size()) {
    if (run_step(visit, route_steps[visit.step]) != Outcome::pass) return;
    ++visit.step;
  }
  answer(visit);
}

void Front::refresh(const std::shared_ptr<const cache::Answer>& old,
                    std::function<void(bool)> ready) {
  if (!proxy_ || old->question == nullptr) return ready(false);
  const cache::Question& question = *old->question;
  const Route& route =
      state_.now().pipeline->route_of(RouteAsk{question.client_host, question.path, "GET"});
  if (route.proxy == nullptr) return ready(false);
  proxy_->refresh(old, route.proxy, std::move(ready));
}

void Front::fill(const FillQuestion::AnswerAsked& asked, ProxyCache::CopyReady ready) {
  const cache::Question& question = asked.question;
  const Route& route =
      state_.now().pipeline->route_of(RouteAsk{question.client_host, question.path, "GET"});
  const bool is_known = proxy_ && route.proxy != nullptr && route.name == question.route;
  if (!is_known) return ready(nullptr, "unknown");
  proxy_->fill(asked, route.proxy, std::move(ready));
}

void Front::succession_changed() {
  succession_.resume([this](Visit& visit) { answer(visit); });
}

void Front::answer(Visit& visit) {
  if (!visit.route->is_page() && succession_.takes(visit, kind_of(visit.exchange->request())))
    return;
  switch (visit.route->target) {
    case Route::Target::control: return control_.answer(visit, kind_of(visit.exchange->request()));
    case Route::Target::data:
      if (data_) return data_->answer(visit);
      return refuse(visit, {404, "not-found", "There is nothing at this address."});
    case Route::Target::proxy: return proxy_->answer(visit);
    case Route::Target::site:
    case Route::Target::page: return pages_.answer(visit);
  }
}

void Front::on_finished(const http::Finished& finished) {
  const auto digit = static_cast<std::size_t>(std::clamp(finished.status / 100, 0, 5));
  state_.counters.statuses[digit].add();
  state_.counters.bytes_sent.add(finished.sent_bytes);
  state_.counters.latency.add(static_cast<std::uint64_t>(finished.took.count() / 1'000));
  auto* known = static_cast<Visit*>(finished.exchange.user());
  Visit& visit =
      known != nullptr
          ? *known
          : begin(finished.exchange);  // answered by the engine: it is logged all the same
  if (visit.sync_ask != 0 && data_) data_->gone(visit);
  if (visit.decision.client == 0)
    visit.decision.client = state_.now().pipeline->client_hash(visit.client);
  if (visit.proxy_ask != nullptr) proxy_->finished(visit);
  access_log_.write(finished, visit);
}

http::Handler::ErrorForm Front::error_form(const http::Request& request) const {
  const bool for_programs = !state_.now().pipeline->route_of(request).is_page();
  return for_programs ? ErrorForm::problem : Handler::error_form(request);
}

void Front::on_refused(const http::Peer& peer, int status, std::string_view reason) {
  state_.counters.engine_refusals.add();
  access_log_.write_refused(peer, status, reason);
}

}  // namespace weir::edge
