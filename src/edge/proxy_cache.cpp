#include "edge/proxy_cache.h"

#include "base/bytes.h"
#include "edge/answers.h"
#include "edge/pipeline.h"
#include "edge/steps.h"
#include "edge/stored_answers.h"
#include "http/target.h"
#include "http/upstream_request.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace weir::edge {
namespace {

using cache::Landing;
using cache::Reuse;
using http::Known;

// Of the lifetime that is left when an early refresh is thought of (C-5).
constexpr std::int64_t refresh_ahead_divisor = 10;

bool has_preconditions(const http::Request& request) {
  return request.has(Known::if_match) || request.has(Known::if_unmodified_since);
}

bool wants_the_whole(const http::Request& request) {
  return request.method == http::Method::get && !request.has(Known::range) &&
         !request.has(Known::if_none_match) && !request.has(Known::if_modified_since) &&
         !request.has(Known::if_range);
}

std::string default_port_dropped(std::string_view authority, bool is_secure) {
  std::string host = lower_of(authority);
  const std::string_view port = is_secure ? ":443" : ":80";
  if (host.ends_with(port)) host.resize(host.size() - port.size());
  if (host.ends_with('.')) host.pop_back();
  return host;
}

// The lines without our client's conditions and credentials: to be asked again by ourselves.
std::string repeatable(std::string_view lines) {
  std::string out;
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find("\r\n"), lines.size() - 2) + 2;
    const std::string_view line = lines.substr(0, end);
    const std::string name = lower_of(line.substr(0, line.find(':')));
    constexpr std::string_view dropped[] = {"if-none-match", "if-modified-since",
                                            "if-match",      "if-unmodified-since",
                                            "if-range",      "range",
                                            "authorization", "cookie",
                                            "traceparent",   "tracestate",
                                            "cache-control", "pragma"};
    if (std::find(std::begin(dropped), std::end(dropped), name) == std::end(dropped)) out += line;
    lines.remove_prefix(end);
  }
  return out;
}

// Decoded once and encoded again, as keys are: one resource has one spelling (C-37).
std::string normal_path(std::string_view raw) {
  std::string scratch(raw.size(), '\0');
  const http::DecodedPath decoded = http::decode_path(raw, scratch.data());
  if (decoded.refusal != nullptr) return std::string(raw);
  std::string path;
  http::append_encoded_path(path, decoded.path);
  return path;
}

std::string validators_of(const cache::Answer& answer) {
  std::string lines;
  if (!answer.etag.empty()) lines.append("if-none-match: ").append(answer.etag).append("\r\n");
  if (!answer.last_modified.empty())
    lines.append("if-modified-since: ").append(answer.last_modified).append("\r\n");
  return lines;
}

}  // namespace

// What is known for a request, and what follows.
struct ProxyCache::Look {
  cache::AnswerCache::Found found;
  std::shared_ptr<const cache::Answer> answer;  // that may be served or asked about; or null
  cache::Asking asking;
  cache::Judgement judgement;
  enum class Way : std::uint8_t {
    serve,
    serve_and_refresh,
    serve_old,  // the last question failed, and it is not time for the next
    refuse,     // ... and there is nothing to serve
    shared,     // ask, and share the answer with who comes meanwhile
    alone,      // ask for this request; the answer may be kept
    pass,       // not for the cache
  } way = Way::shared;
  std::string_view why = "uri-miss";  // `fwd` of Cache-Status
};

ProxyCache::ProxyCache(const Parts& parts)
    : state_(parts.state),
      client_(parts.client),
      composer_(parts.composer),
      answers_(parts.answers),
      pass_(parts.pass),
      purge_(parts.purge),
      chance_(static_cast<std::uint_fast64_t>(state_.clock.mono().ns)) {}
ProxyCache::~ProxyCache() = default;

std::string ProxyCache::base_of(const http::Request& request) const {
  std::string base = request.secure ? "https://" : "http://";
  base += default_port_dropped(request.host, request.secure);
  http::append_encoded_path(base, request.path);
  return base;
}

// --- one request ---------------------------------------------------------------------------------

ProxyCache::Look ProxyCache::look(const ProxyAsk& ask, const ProxyRoute& route) {
  using Way = Look::Way;
  const http::Request& request = ask.exchange().request();
  const CacheRoute& rules = *route.cache;
  const bool is_guarded = rules.profile == cache::Profile::guarded;
  const Mono now = state_.loop.now();
  Look out;
  out.asking = cache::asking_of(rules.profile, rules.freshness, request);
  out.asking.has_authorization |= ask.visit->token != nullptr;
  out.found = answers_.find(ask.key, request, now);
  out.answer = out.found.purged == cache::Purged::hard ? nullptr : out.found.answer;
  if (out.answer != nullptr && !covers(*out.answer, request)) out.answer = nullptr;
  const bool is_backing_off = out.found.failures > 0 && now < out.found.next_try;
  const bool is_special =
      is_guarded && std::ranges::any_of(request.fields, [&](const http::Field& field) {
        return field.name != "authorization" && field.name != "cookie" && field.name != "host" &&
               !is_harmless(field.name) &&
               std::ranges::find(rules.keys, field.name) == rules.keys.end() &&
               !(out.answer != nullptr && std::ranges::binary_search(out.answer->vary, field.name));
      });
  const auto is = [&out](Way way, std::string_view why) {
    out.way = way;
    out.why = why;
    return out;
  };
  if (is_special || has_preconditions(request)) return is(Way::pass, "request");

  if (out.answer != nullptr) {
    out.judgement = cache::judge(out.answer->policy, out.asking, now - out.answer->received);
    Reuse reuse = out.judgement.reuse;
    if (out.found.purged == cache::Purged::soft && reuse == Reuse::fresh)
      reuse = out.answer->policy.never_stale ? Reuse::strict : Reuse::stale;
    if (reuse == Reuse::fresh) return is(Way::serve, {});
    if (reuse == Reuse::stale && is_backing_off) return is(Way::serve_old, "stale");
    if (reuse == Reuse::stale && out.answer->question != nullptr)
      return is(Way::serve_and_refresh, "stale");
    out.why = out.asking.said.no_cache || out.asking.said.max_age ? "request" : "stale";
    if (reuse == Reuse::bypass) {
      out.answer = nullptr;
      return is(is_guarded && out.asking.has_authorization ? Way::pass : Way::alone, "bypass");
    }
    if (is_backing_off && out.judgement.sie_allowed) return is(Way::serve_old, "stale");
  } else {
    out.why = out.found.answer != nullptr ? "stale"
              : out.found.has_variants    ? "vary-miss"
                                          : "uri-miss";
  }
  if (out.asking.said.only_if_cached) return is(Way::refuse, out.why);
  if (is_backing_off && is_guarded) return is(Way::refuse, out.why);
  if (is_guarded && (out.asking.has_authorization || ask.goes_alone)) return is(Way::pass, out.why);
  const bool may_share =
      !out.asking.has_authorization && !out.asking.has_cookie && !out.asking.said.no_store &&
      !ask.goes_alone &&
      (wants_the_whole(request) || (out.answer != nullptr && !out.answer->part) ||
       (is_guarded && !request.has(Known::range)));
  if (request.method == http::Method::head) return is(Way::alone, out.why);
  if (may_share && !out.found.is_uncacheable) return is(Way::shared, out.why);
  return is(is_guarded && !out.asking.has_cookie ? Way::pass : Way::alone, out.why);
}

void ProxyCache::answer(ProxyAsk& ask, const ProxyRoute& route) {
  using Way = Look::Way;
  using enum http::Method;
  const http::Request& request = ask.exchange().request();
  ask.cache = this;
  const bool is_guarded = route.cache->profile == cache::Profile::guarded;
  ask.key = answers_.key_of(base_of(request), is_guarded ? cache::guarded_query(request.query)
                                                         : std::string(request.query));
  if (request.method != get && request.method != head) {
    ask.invalidates = request.method != options && request.method != trace &&
                      request.method != connect && request.protocol.empty();
    return pass(ask, route, "method");
  }
  if (!request.protocol.empty() || ask.visit->body_read) return pass(ask, route, "request");
  const Look found = look(ask, route);
  switch (found.way) {
    case Way::serve: return send(ask, route, found);
    case Way::serve_and_refresh: refresh_behind(ask, route, found); return send(ask, route, found);
    case Way::serve_old: return send_old(ask, found.answer, "sie");
    case Way::pass: return pass(ask, route, found.why);
    case Way::shared: return wait(ask, route, found);
    case Way::alone: ask.forwarded_for = found.why; return begin(ask, route, found);
    case Way::refuse: break;
  }
  note_cache_outcome(*ask.visit, AnswerNews::Outcome::miss);
  if (found.asking.said.only_if_cached && found.found.failures == 0)
    return refuse(*ask.visit,
                  {504, "not-cached", "Only a stored answer is wanted, and none is here."});
  const int status = found.found.failure_status != 0 ? found.found.failure_status
                                                     : http::status_of(found.found.failure);
  refuse(*ask.visit, {status,
                      "upstream-failed",
                      "The server behind this address has just failed; it is asked again shortly.",
                      {},
                      {{"Retry-After", "1"}}});
}

void ProxyCache::pass(ProxyAsk& ask, const ProxyRoute& route, std::string_view why) {
  ask.forwarded_for = why;
  note_cache_bypass(*ask.visit);
  pass_(ask, route);
}

void ProxyCache::send(ProxyAsk& ask, const ProxyRoute& route, const Look& found) {
  const cache::Judgement& judgement = found.judgement;
  const bool is_fresh = found.way == Look::Way::serve;
  if (is_fresh) refresh_ahead(found, route);
  std::array<char, 96> room{};
  const std::string_view detail = is_fresh                                    ? ""
                                  : found.found.purged == cache::Purged::soft ? "; detail=purged"
                                                                              : "; detail=swr";
  const int length = std::snprintf(
      room.data(), room.size(), "%s; ttl=%lld%.*s", is_fresh ? "hit" : "fwd=stale",
      static_cast<long long>(judgement.ttl_s), static_cast<int>(detail.size()), detail.data());
  AnswerNews news;
  news.age_s = judgement.age_s;
  news.cache_status = {room.data(), static_cast<std::size_t>(length)};
  news.outcome = is_fresh ? AnswerNews::Outcome::hit : AnswerNews::Outcome::stale;
  send_answer(*ask.visit, found.answer, news);
}

void ProxyCache::send_old(ProxyAsk& ask, const std::shared_ptr<const cache::Answer>& old,
                          std::string_view detail) {
  const cache::Judgement judgement =
      cache::judge(old->policy, {}, state_.loop.now() - old->received);
  const std::string status =
      "fwd=stale; ttl=" + std::to_string(judgement.ttl_s) + "; detail=" + std::string(detail);
  AnswerNews news;
  news.age_s = judgement.age_s;
  news.cache_status = status;
  news.outcome = AnswerNews::Outcome::stale;
  send_answer(*ask.visit, old, news);
}

// XFetch (Vattani, Chierichetti, Lowenstein 2015): the nearer the end, the likelier, with the time
// that the last question took for a measure; so that of many hits one starts the refresh before
// anybody sees a stale copy.
void ProxyCache::refresh_ahead(const Look& found, const ProxyRoute& route) {
  const cache::Answer& answer = *found.answer;
  if (answer.profile != cache::Profile::guarded || answer.question == nullptr) return;
  const std::int64_t lifetime_s = answer.policy.lifetime_s;
  const Nanos left = Nanos(std::chrono::seconds(lifetime_s - answer.policy.initial_age_s)) -
                     (state_.loop.now() - answer.received);
  if (left > Nanos(std::chrono::seconds(lifetime_s)) / refresh_ahead_divisor) return;
  const double unit = std::uniform_real_distribution<double>(1e-12, 1)(chance_);
  const double reach = -std::log(unit) * static_cast<double>(answer.took.count());
  if (reach >= static_cast<double>(left.count())) refresh(found.answer, route);
}

// --- asking --------------------------------------------------------------------------------------

void ProxyCache::wait(ProxyAsk& ask, const ProxyRoute& route, const Look& found) {
  http::Exchange& exchange = ask.exchange();
  exchange.on_gone([] {});
  exchange.set_deadline(route.timeout + engine_grace);
  ask.forwarded_for = found.why;
  http::Loop& loop = state_.loop;
  const http::ExchangeId id = exchange.id();
  auto mark = std::make_shared<std::uint64_t>(0);  // which waiting this is: the ask's own ticket
  const auto joined = answers_.join(
      ask.key, found.found.selection,
      [this, &loop, id, mark, alive = std::weak_ptr<bool>(is_alive_)](const Landing& landing) {
        loop.post([this, &loop, id, mark, alive, landing] {
          if (alive.expired()) return;
          http::Exchange* const there = loop.find(id);
          if (there == nullptr || there->answered()) return;
          auto* const visit = static_cast<Visit*>(there->user());
          auto* const waiting =
              static_cast<ProxyAsk*>(static_cast<http::AnswerSink*>(visit->proxy_ask));
          if (waiting == nullptr || waiting->flight == nullptr || waiting->ticket != *mark) return;
          told(*waiting, landing);
        });
      },
      loop.now());
  ask.flight = joined.flight;
  ask.ticket = *mark = joined.ticket;
  ask.is_leader = joined.is_leader;
  if (joined.is_leader) begin(ask, route, found);
}

// What a client's request is about.
ProxyFetch& ProxyCache::fetch_for(const ProxyAsk& ask, const ProxyRoute& route, const Look& found) {
  const http::Request& request = ask.exchange().request();
  auto made = std::make_unique<ProxyFetch>(*this);
  made->route = *route.cache;
  made->key = ask.key;
  made->path = request.path;
  made->selection = found.found.selection;
  made->old = found.answer;
  made->method = request.method;
  made->has_authorization = found.asking.has_authorization;
  made->has_cookie = found.asking.has_cookie;
  made->no_store = found.asking.said.no_store;
  for (const http::Field& field : request.fields) made->said.emplace_back(field.name, field.value);
  return add(std::move(made));
}

// Writes the question of a fetch with the fields of the client's request that may go along. False:
// it cannot be written.
bool ProxyCache::ask_for(ProxyFetch& fetch, ProxyAsk& ask, const ProxyRoute& route) {
  const http::Request& request = ask.exchange().request();
  // Taken before anything is asked: what comes from here on is newer than the answer (C-55).
  fetch.stamp = answers_.stamp();
  fetch.fill_seq = answers_.tags().seq();
  const bool is_guarded = route.cache->profile == cache::Profile::guarded;
  fetch.is_kept_back = is_guarded && fetch.flight != nullptr;
  const bool is_whole = fetch.old != nullptr && !fetch.old->part;
  const std::string validators =
      is_whole && request.method == http::Method::get ? validators_of(*fetch.old) : std::string();
  Forwarding forwarding;
  cache::VaryNames names;
  forwarding.is_keyed = fetch.is_kept_back;
  if (forwarding.is_keyed) {
    names = answers_.names_at(ask.key);
    for (const std::string& name : route.cache->keys) names.push_back(name);
    std::ranges::sort(names);
    forwarding.names = &names;
  }
  forwarding.drops_conditions = forwarding.is_keyed || !validators.empty() || fetch.ask == nullptr;
  forwarding.more = validators;
  fetch.asks_condition = !forwarding.drops_conditions && (request.has(Known::if_none_match) ||
                                                          request.has(Known::if_modified_since));
  if (!composer_.compose(order_, ask, route, forwarding)) return false;
  if (fetch.has_authorization || fetch.has_cookie) return true;
  auto question = std::make_shared<cache::Question>();
  question->route = route.name;
  question->target = composer_.target();
  question->host = composer_.host();
  question->lines = repeatable(composer_.lines());
  question->client_host = request.host;
  question->path = request.path;
  fetch.question = std::move(question);
  return true;
}

// The question of a client: the leader of its flight, or alone.
void ProxyCache::begin(ProxyAsk& ask, const ProxyRoute& route, const Look& found) {
  http::Exchange& exchange = ask.exchange();
  ProxyFetch& fetch = fetch_for(ask, route, found);
  fetch.flight = ask.flight;
  fetch.ask = &ask;
  ask.fetch = &fetch;
  if (!ask_for(fetch, ask, route)) {
    ask.leave_cache();
    ask.fetch = nullptr;
    fetch.ask = nullptr;
    if (fetch.flight != nullptr) answers_.land(fetch.flight, {Landing::Kind::reissue});
    remove(fetch);
    return refuse(*ask.visit, {400, "bad-request", "The request cannot be passed on as it is."});
  }
  exchange.on_gone([] {});
  exchange.set_deadline(route.timeout + engine_grace);
  send_question(fetch, route);
}

// The client is served what is there; what it said is asked again behind its back.
void ProxyCache::refresh_behind(ProxyAsk& ask, const ProxyRoute& route, const Look& found) {
  const bool is_guarded = route.cache->profile == cache::Profile::guarded;
  if (is_guarded || found.asking.has_authorization || found.asking.has_cookie ||
      ask.exchange().request().method != http::Method::get)
    return refresh(found.answer, route);
  std::shared_ptr<cache::Flight> flight =
      answers_.begin_refresh(ask.key, found.answer->selection, state_.loop.now());
  if (flight == nullptr) return;
  ProxyFetch& fetch = fetch_for(ask, route, found);
  fetch.flight = std::move(flight);
  if (!ask_for(fetch, ask, route)) return fetch.on_failed(http::UpstreamFailure::bad_answer, {});
  send_question(fetch, route);
}

bool ProxyCache::send_question(ProxyFetch& fetch, const ProxyRoute& route) {
  fetch.sent = state_.loop.now();
  const auto begun = client_.begin(route.upstream, std::move(order_), fetch, route.timeout);
  if (begun.call != nullptr) {
    fetch.call = begun.call;
    return true;
  }
  fetch.on_failed(begun.failure, {});
  return false;
}

void ProxyCache::refresh(const std::shared_ptr<const cache::Answer>& old, const ProxyRoute& route) {
  if (old->question == nullptr || !route.cache) return;
  const Mono now = state_.loop.now();
  std::shared_ptr<cache::Flight> flight = answers_.begin_refresh(old->key, old->selection, now);
  if (flight == nullptr) return;
  auto made = std::make_unique<ProxyFetch>(*this);
  ProxyFetch& fetch = *made;
  fetch.route = *route.cache;
  fetch.key = old->key;
  fetch.path = old->path;
  fetch.selection = old->selection;
  fetch.flight = std::move(flight);
  fetch.old = old;
  fetch.question = old->question;
  std::string_view lines = old->question->lines;
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find("\r\n"), lines.size() - 2);
    const std::string_view line = lines.substr(0, end);
    const std::size_t colon = std::min(line.find(": "), line.size() - 2);
    fetch.said.emplace_back(line.substr(0, colon), line.substr(colon + 2));
    lines.remove_prefix(end + 2);
  }
  add(std::move(made));
  fetch.stamp = answers_.stamp();
  fetch.fill_seq = answers_.tags().seq();
  const bool made_order =
      ProxyComposer::compose(order_, *old->question, old->part ? "" : validators_of(*old));
  if (!made_order) return fetch.on_failed(http::UpstreamFailure::bad_answer, {});
  send_question(fetch, route);
}

// --- what became of it ---------------------------------------------------------------------------

bool ProxyCache::fits(const ProxyAsk& ask, const cache::AnswerFacts& facts) const {
  const http::Request& request = ask.exchange().request();
  if (cache::selection_of(facts.vary, request.fields) != facts.selection) return false;
  if (ask.is_leader) return true;
  const cache::Asking asking{facts.profile, request.has(Known::authorization), false, {}};
  const Reuse reuse = cache::judge(facts.policy, asking, state_.loop.now() - facts.received).reuse;
  return reuse == Reuse::fresh || reuse == Reuse::stale;
}

void ProxyCache::told(ProxyAsk& ask, const Landing& landing) {
  switch (landing.kind) {
    case Landing::Kind::answer: return told_answer(ask, landing);
    case Landing::Kind::streams: return told_streams(ask, landing);
    case Landing::Kind::reissue: ask.leave_cache(); return again(ask);
    case Landing::Kind::failed: return told_failed(ask, landing);
  }
}

void ProxyCache::told_answer(ProxyAsk& ask, const Landing& landing) {
  const bool was_alone = ask.flight == nullptr;
  ask.leave_cache();
  if (!was_alone && !fits(ask, *landing.answer)) {
    // Another variant, or one that only its leader may have.
    const bool is_variant =
        cache::selection_of(landing.answer->vary, ask.exchange().request().fields) !=
        landing.answer->selection;
    return is_variant ? ask_anew(ask) : again(ask);
  }
  const bool is_answer_to_it = was_alone || ask.is_leader;
  if (!is_answer_to_it && !covers(*landing.answer, ask.exchange().request())) return again(ask);
  std::string status =
      "fwd=" + std::string(ask.forwarded_for) + "; fwd-status=" + std::to_string(landing.status);
  if (landing.is_stored) status += "; stored";
  if (!ask.is_leader && !was_alone) status += "; collapsed";
  AnswerNews news;
  news.age_s =
      cache::judge(landing.answer->policy, {}, state_.loop.now() - landing.answer->received).age_s;
  news.cache_status = status;
  news.outcome = AnswerNews::Outcome::miss;
  news.is_answer_to_it = is_answer_to_it;
  send_answer(*ask.visit, landing.answer, news);
}

void ProxyCache::told_streams(ProxyAsk& ask, const Landing& landing) {
  const bool was_alone = ask.flight == nullptr;
  const bool is_leader = ask.is_leader || was_alone;
  ask.leave_cache();
  const http::Request& request = ask.exchange().request();
  const cache::AnswerFacts& facts = landing.filling->head();
  if (!was_alone && !fits(ask, facts)) {
    const bool is_variant = cache::selection_of(facts.vary, request.fields) != facts.selection;
    return is_variant ? ask_anew(ask) : again(ask);
  }
  http::Loop& loop = state_.loop;
  const http::ExchangeId id = ask.exchange().id();
  const auto reader = landing.filling->enter(
      [this, &loop, id, number = landing.filling.get(), alive = std::weak_ptr<bool>(is_alive_)] {
        loop.post([this, &loop, id, number, alive] {
          if (alive.expired()) return;
          http::Exchange* const there = loop.find(id);
          if (there == nullptr) return;
          auto* const visit = static_cast<Visit*>(there->user());
          auto* const reading =
              static_cast<ProxyAsk*>(static_cast<http::AnswerSink*>(visit->proxy_ask));
          if (reading != nullptr && reading->filling.get() == number) told_more(*reading);
        });
      });
  if (!reader) return again(ask);
  ask.filling = landing.filling;
  ask.reader = *reader;
  // A part of it, or whether it is another than the client's: that is known when it is whole.
  if (!wants_the_whole(request) && !facts.part) return told_more(ask);
  note_cache_outcome(*ask.visit, AnswerNews::Outcome::miss);
  http::Response response;
  response.status = facts.status;
  response.fields = facts.fields;
  const std::int64_t age_s = cache::judge(facts.policy, {}, loop.now() - facts.received).age_s;
  if (age_s > 0) response.fields.emplace_back("age", std::to_string(age_s));
  std::string status = "cache-status: weir; fwd=" + std::string(ask.forwarded_for) +
                       "; fwd-status=" + std::to_string(landing.status);
  if (!is_leader) status += "; collapsed";
  add_lines(response.fields, status + "\r\n");
  add_lines(response.fields, ask.visit->fields);
  add_lines(response.fields, ask.visit->limit_fields);
  std::string timing;
  append_server_timing(timing, *ask.visit);
  add_lines(response.fields, timing);
  ask.visit->decision.status = facts.status;
  ask.response = std::move(response);
  ask.length = landing.filling->length();
  ask.start();
  ask.read_filling();
}

void ProxyCache::told_more(ProxyAsk& ask) {
  if (ask.stream != nullptr) return ask.read_filling();
  for (;;) {
    const cache::Filling::Next next = ask.filling->read(ask.reader);
    if (next.piece != nullptr) continue;
    if (!next.has_ended && !next.has_failed) return;
    ask.leave_cache();
    return next.has_failed ? refuse_for(*ask.visit, http::UpstreamFailure::cut) : ask_anew(ask);
  }
}

void ProxyCache::told_failed(ProxyAsk& ask, const Landing& landing) {
  ask.leave_cache();
  if (landing.answer != nullptr) return send_old(ask, landing.answer, "sie");
  note_cache_outcome(*ask.visit, AnswerNews::Outcome::miss);
  ask.record(landing.failure);
  if (landing.status == 0) return refuse_for(*ask.visit, landing.failure);
  refuse(*ask.visit, {landing.status,
                      "upstream-failed",
                      "The server behind this address failed.",
                      {},
                      {{"Retry-After", "1"}}});
}

void ProxyCache::again(ProxyAsk& ask) {
  ask.goes_alone = true;
  ask_anew(ask);
}

void ProxyCache::ask_anew(ProxyAsk& ask) {
  ++ask.tries;
  if (ask.tries > 3) ask.goes_alone = true;
  ask.is_leader = false;
  answer(ask, *ask.visit->route->proxy);
}

void ProxyCache::invalidate(const ProxyAsk& ask, const http::AnswerHead& head) {
  const http::Request& request = ask.exchange().request();
  if (!cache::invalidates(request.method, head.status)) return;
  const std::string authority = default_port_dropped(request.host, request.secure);
  std::vector<std::string> targets =
      cache::invalidated_targets(head.fields, authority, request.path);
  const bool is_guarded = ask.visit->route->proxy->cache->profile == cache::Profile::guarded;
  for (const std::string_view scheme : {"http://", "https://"}) {
    const std::string origin = std::string(scheme) + authority;
    std::string base = origin;
    http::append_encoded_path(base, request.path);
    answers_.invalidate(answers_.key_of(
        base, is_guarded ? cache::guarded_query(request.query) : std::string(request.query)));
    for (const std::string& target : targets) {
      const std::size_t mark = std::min(target.find('?'), target.size());
      const std::string_view query =
          mark < target.size() ? std::string_view(target).substr(mark + 1) : std::string_view();
      const std::string path = normal_path(std::string_view(target).substr(0, mark));
      answers_.invalidate(answers_.key_of(
          origin + path, is_guarded ? cache::guarded_query(query) : std::string(query)));
    }
    if ((scheme == "https://") == request.secure)
      if (auto groups = cache::invalidated_groups(head.fields, origin); !groups.empty())
        purge_(std::move(groups));
  }
}

void ProxyCache::finished(ProxyAsk& ask) {
  ask.leave_cache();
  ProxyFetch* const fetch = std::exchange(ask.fetch, nullptr);
  if (fetch == nullptr) return;
  fetch->ask = nullptr;
  if (fetch->passes) {
    fetch->call = nullptr;  // the ask's own by now
    return remove(*fetch);
  }
  // Whoever waits with it, or comes later, gets what it brings.
  if (fetch->flight != nullptr || fetch->filling != nullptr) return;
  if (fetch->call != nullptr) std::exchange(fetch->call, nullptr)->cancel();
  remove(*fetch);
}

// --- fetches -------------------------------------------------------------------------------------

ProxyFetch& ProxyCache::add(std::unique_ptr<ProxyFetch> fetch) {
  fetch->number = ++numbers_;
  return *fetches_.emplace(fetch->number, std::move(fetch)).first->second;
}

void ProxyCache::remove(ProxyFetch& fetch) {
  const auto found = fetches_.find(fetch.number);
  if (found == fetches_.end()) return;
  const bool is_first = ended_.empty();
  ended_.push_back(std::move(found->second));
  fetches_.erase(found);
  if (!is_first) return;
  state_.loop.post([this, alive = std::weak_ptr<bool>(is_alive_)] {
    if (!alive.expired()) ended_.clear();
  });
}

void ProxyCache::wake(std::uint64_t number) {
  const auto found = fetches_.find(number);
  if (found != fetches_.end() && found->second->call != nullptr) found->second->call->resume();
}

}  // namespace weir::edge
