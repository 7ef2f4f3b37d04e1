// How ProxyCache asks, who waits for the answer, and what those are told.

#include "edge/answers.h"
#include "edge/pipeline.h"
#include "edge/proxy_look.h"
#include "edge/steps.h"
#include "edge/stored_answers.h"

#include "base/bytes.h"

#include <algorithm>

namespace weir::edge {
namespace {

using cache::Landing;
using cache::Reuse;
using http::Known;

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

std::string validators_of(const cache::Answer& answer) {
  std::string lines;
  if (!answer.etag.empty()) lines.append("if-none-match: ").append(answer.etag).append("\r\n");
  if (!answer.last_modified.empty())
    lines.append("if-modified-since: ").append(answer.last_modified).append("\r\n");
  return lines;
}

}  // namespace

void ProxyCache::wait(ProxyAsk& ask, const ProxyRoute& route, const Look& found) {
  http::Exchange& exchange = ask.exchange();
  exchange.on_gone([] {});
  exchange.set_deadline(route.timeout + engine_grace);
  ask.forwarded_for = found.why;
  http::Loop& loop = state_.loop;
  const http::ExchangeId id = exchange.id();
  auto mark = std::make_shared<std::uint64_t>(0);  // which waiting this is: the ask's own ticket
  const auto joined = answers_.join(
      ask.key, found.found.selection, found.found.seen,
      [this, &loop, id, mark, alive = std::weak_ptr<bool>(is_alive_)](const Landing& landing) {
        loop.post([this, id, mark, alive, landing] {
          if (alive.expired()) return;
          ProxyAsk* const waiting = find_ask(id);
          const bool waits = waiting != nullptr && !waiting->exchange().answered() &&
                             waiting->flight != nullptr && waiting->ticket == *mark;
          if (waits) told(*waiting, landing);
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
  made->upstream = route.upstream;
  made->timeout = route.timeout;
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
  send_question(fetch);
}

// The client is served what is there; what it said is asked again behind its back.
void ProxyCache::refresh_behind(ProxyAsk& ask, const ProxyRoute& route, const Look& found) {
  const bool is_guarded = route.cache->profile == cache::Profile::guarded;
  if (is_guarded || found.asking.has_authorization || found.asking.has_cookie ||
      ask.exchange().request().method != http::Method::get)
    return refresh(found.answer, route, found.found.seen);
  std::shared_ptr<cache::Flight> flight =
      begin_refresh(ask.key, found.answer->selection, found.found.seen);
  if (flight == nullptr) return;
  ProxyFetch& fetch = fetch_for(ask, route, found);
  fetch.flight = std::move(flight);
  fetch.is_refresh = true;
  ++refreshing_;
  if (!ask_for(fetch, ask, route)) return fetch.on_failed(http::UpstreamFailure::bad_answer, {});
  send_question(fetch);
}

// What `order_` holds.
bool ProxyCache::send_question(ProxyFetch& fetch) {
  fetch.sent = state_.loop.now();
  if (ask_holder(fetch)) return true;
  const auto begun = client_.begin(fetch.upstream, std::move(order_), fetch, fetch.timeout);
  if (begun.call != nullptr) {
    fetch.call = begun.call;
    return true;
  }
  fetch.on_failed(begun.failure, {});
  return false;
}

void ProxyCache::refresh(const std::shared_ptr<const cache::Answer>& old, const ProxyRoute& route,
                         std::uint64_t seen) {
  if (old->question == nullptr || !route.cache) return;
  if (auto flight = begin_refresh(old->key, old->selection, seen); flight != nullptr)
    ask_for_new(old, route, std::move(flight));
}

void ProxyCache::ask_for_new(const std::shared_ptr<const cache::Answer>& old,
                             const ProxyRoute& route, std::shared_ptr<cache::Flight> flight) {
  auto made = std::make_unique<ProxyFetch>(*this);
  made->is_refresh = true;
  ++refreshing_;
  made->key = old->key;
  made->path = old->path;
  made->selection = old->selection;
  made->flight = std::move(flight);
  made->old = old;
  made->question = old->question;
  ask_by_ourselves(std::move(made), route);
}

// The question that `made` brings along, behind everybody's back.
void ProxyCache::ask_by_ourselves(std::unique_ptr<ProxyFetch> made, const ProxyRoute& route) {
  ProxyFetch& fetch = add(std::move(made));
  fetch.route = *route.cache;
  fetch.upstream = route.upstream;
  fetch.timeout = route.timeout;
  for_each_line(fetch.question->lines, [&fetch](std::string_view name, std::string_view value) {
    fetch.said.emplace_back(name, value);
  });
  fetch.stamp = answers_.stamp();
  fetch.fill_seq = answers_.tags().seq();
  if (!compose_again(fetch)) return fetch.on_failed(http::UpstreamFailure::bad_answer, {});
  send_question(fetch);
}

bool ProxyCache::compose_again(const ProxyFetch& fetch) {
  const bool is_whole = fetch.old != nullptr && !fetch.old->part;
  return ProxyComposer::compose(order_, *fetch.question,
                                is_whole ? validators_of(*fetch.old) : std::string());
}

std::shared_ptr<cache::Flight> ProxyCache::begin_refresh(std::string_view key,
                                                         std::string_view selection,
                                                         std::uint64_t seen) {
  if (refreshing_ >= limits::answer_refreshes_max) return nullptr;
  return answers_.begin_refresh(key, selection, seen, state_.loop.now());
}

void ProxyCache::refresh(const std::shared_ptr<const cache::Answer>& old,
                         std::shared_ptr<const ProxyRoute> route, std::function<void(bool)> ready) {
  if (old->question == nullptr || !route->cache) return ready(false);
  Turn turn{old, std::move(route), std::move(ready), answers_.tags().seq()};
  if (refreshing_ < limits::answer_refreshes_max) return take_turn(turn);
  if (turns_.size() >= limits::refresh_queue_max) return turn.ready(false);
  turns_.push_back(std::move(turn));
}

void ProxyCache::take_turn(const Turn& turn) {
  const auto told = [ready = turn.ready](const Landing& landing) {
    ready(landing.kind == Landing::Kind::answer);
  };
  const auto joined =
      answers_.join_since(turn.old->key, turn.old->selection, turn.since, told, state_.loop.now());
  if (joined.is_leader) ask_for_new(turn.old, *turn.route, joined.flight);
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
    case Landing::Kind::relook: ask.leave_cache(); return ask_anew(ask);
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
  if (!was_alone && !ask.is_leader && answers_.purged(*landing.answer) == cache::Purged::hard)
    return ask_anew(ask);
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
  news.outcome = CacheOutcome::miss;
  news.is_answer_to_it = is_answer_to_it;
  send_answer(*ask.visit, landing.answer, news);
}

void ProxyCache::told_streams(ProxyAsk& ask, const Landing& landing) {
  const bool was_alone = ask.flight == nullptr;
  const bool is_leader = ask.is_leader || was_alone;
  const std::shared_ptr<const cache::Flight> flight = ask.flight;
  ask.leave_cache();
  const http::Request& request = ask.exchange().request();
  const cache::AnswerFacts& facts = landing.filling->head();
  // Asked for before a purge that this client came after, perhaps: it is not for it (C-55). Those
  // who come now ask for theirs together.
  if (!is_leader && answers_.purged(facts) != cache::Purged::no) {
    answers_.forsake(*flight);
    return ask_anew(ask);
  }
  if (!was_alone && !fits(ask, facts)) {
    const bool is_variant = cache::selection_of(facts.vary, request.fields) != facts.selection;
    return is_variant ? ask_anew(ask) : again(ask);
  }
  http::Loop& loop = state_.loop;
  const http::ExchangeId id = ask.exchange().id();
  const auto reader = landing.filling->enter(
      [this, &loop, id, number = landing.filling.get(), alive = std::weak_ptr<bool>(is_alive_)] {
        loop.post([this, id, number, alive] {
          if (alive.expired()) return;
          ProxyAsk* const reading = find_ask(id);
          if (reading != nullptr && reading->filling.get() == number) told_more(*reading);
        });
      });
  if (!reader) return again(ask);
  ask.filling = landing.filling;
  ask.reader = *reader;
  // A part of it, or whether it is another than the client's: that is known when it is whole.
  if (!wants_the_whole(request) && !facts.part) return told_more(ask);
  note_outcome(*ask.visit, CacheOutcome::miss);
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
  note_outcome(*ask.visit, CacheOutcome::miss);
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

}  // namespace weir::edge
