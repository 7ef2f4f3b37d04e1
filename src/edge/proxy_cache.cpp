#include "edge/proxy_cache.h"

#include "base/bytes.h"
#include "cache/answer_coding.h"
#include "edge/answers.h"
#include "edge/pipeline.h"
#include "edge/proxy_lease.h"
#include "edge/proxy_look.h"
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

std::string default_port_dropped(std::string_view authority, bool is_secure) {
  std::string host = lower_of(authority);
  const std::string_view port = is_secure ? ":443" : ":80";
  if (host.ends_with(port)) host.resize(host.size() - port.size());
  if (host.ends_with('.')) host.pop_back();
  return host;
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

}  // namespace

ProxyCache::ProxyCache(const Parts& parts)
    : state_(parts.state),
      client_(parts.client),
      composer_(parts.composer),
      answers_(parts.answers),
      pass_(parts.pass),
      purge_(parts.purge),
      workers_(parts.workers),
      disk_(parts.disk),
      lease_(parts.lease),
      polisher_(parts.polisher),
      chance_(static_cast<std::uint_fast64_t>(state_.clock.mono().ns)) {}
ProxyCache::~ProxyCache() = default;

std::string ProxyCache::base_of(const http::Request& request) const {
  std::string base = request.secure ? "https://" : "http://";
  base += default_port_dropped(request.host, request.secure);
  http::append_encoded_path(base, request.path);
  return base;
}

ProxyAsk* ProxyCache::find_ask(const http::ExchangeId& id) const {
  http::Exchange* const there = state_.loop.find(id);
  if (there == nullptr) return nullptr;
  auto* const visit = static_cast<Visit*>(there->user());
  return static_cast<ProxyAsk*>(visit->proxy_ask);
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
    using Lag = cache::AnswerCache::Found::Lag;
    const bool is_doubted = out.found.purged == cache::Purged::soft || out.found.lag != Lag::none;
    if (is_doubted && reuse == Reuse::fresh)
      reuse = out.answer->policy.never_stale ? Reuse::strict : Reuse::stale;
    if (out.found.lag == Lag::strict && reuse == Reuse::stale) reuse = Reuse::validate;
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
  if (out.found.answer == nullptr && disk_ != nullptr && !ask.was_loaded) {
    out.on_disk = disk_->find(ask.key, request.fields);
    if (out.on_disk) return is(Way::load, out.why);
  }
  if (out.asking.said.only_if_cached) return is(Way::refuse, out.why);
  if (is_guarded && out.found.failures > 0 && now < out.found.marked_until)
    return is(Way::refuse, out.why);
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
    case Way::load: return load(ask, route, found);
    case Way::refuse: break;
  }
  note_outcome(*ask.visit, CacheOutcome::miss);
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
  note_outcome(*ask.visit, CacheOutcome::bypass);
  pass_(ask, route);
}

void ProxyCache::send(ProxyAsk& ask, const ProxyRoute& route, const Look& found) {
  const cache::Judgement& judgement = found.judgement;
  const bool is_fresh = found.way == Look::Way::serve;
  if (is_fresh) refresh_ahead(found, route);
  const bool is_known = found.answer->was_wanted.load(std::memory_order_relaxed);
  if (!is_known && !found.answer->was_wanted.exchange(true, std::memory_order_relaxed)) {
    keep_later(found.answer);
    if (polisher_ != nullptr) polisher_->add(*found.answer);
  }
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
  news.outcome = is_fresh ? CacheOutcome::hit : CacheOutcome::stale;
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
  news.outcome = CacheOutcome::stale;
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
  if (reach < static_cast<double>(left.count())) return;
  // The holder's copy is as old as ours until its own hits refresh it.
  if (lease_ != nullptr && lease_->holder_of(answer.key) != nullptr) return;
  refresh(found.answer, route, found.found.seen);
}

// --- what becomes of what is stored --------------------------------------------------------------

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
    drop(answers_.key_of(
        base, is_guarded ? cache::guarded_query(request.query) : std::string(request.query)));
    for (const std::string& target : targets) {
      const std::size_t mark = std::min(target.find('?'), target.size());
      const std::string_view query =
          mark < target.size() ? std::string_view(target).substr(mark + 1) : std::string_view();
      const std::string path = normal_path(std::string_view(target).substr(0, mark));
      drop(answers_.key_of(origin + path,
                           is_guarded ? cache::guarded_query(query) : std::string(query)));
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
  if (fetch.is_refresh) --refreshing_;
  const bool is_first = ended_.empty();
  ended_.push_back(std::move(found->second));
  fetches_.erase(found);
  if (!is_first) return;
  state_.loop.post([this, alive = std::weak_ptr<bool>(is_alive_)] {
    if (alive.expired()) return;
    ended_.clear();
    while (!turns_.empty() && refreshing_ < limits::answer_refreshes_max) {
      const Turn turn = std::move(turns_.front());
      turns_.pop_front();
      take_turn(turn);
    }
  });
}

// Both off the loop. No room there: it stays as it is until it is asked for anew.
void ProxyCache::code_later(const std::shared_ptr<const cache::Answer>& answer) {
  const auto& forms = answer->forms;
  const bool is_coded = std::any_of(forms.begin() + 1, forms.end(),
                                    [](const auto& form) { return form.body != nullptr; });
  if (workers_ == nullptr || is_coded || !cache::may_be_coded(*answer)) return;
  static_cast<void>(workers_->offer([&answers = answers_, answer] {
    if (auto more = cache::coded(*answer, answers.tags())) answers.replace(answer, std::move(more));
  }));
}

void ProxyCache::keep_later(const std::shared_ptr<const cache::Answer>& answer) {
  if (workers_ == nullptr || disk_ == nullptr) return;
  static_cast<void>(workers_->offer([disk = disk_, &answers = answers_, purge = purge_, answer] {
    const auto is_over = [&] {
      return answers.was_invalidated_since(answer->key, answer->received);
    };
    if (is_over() || !disk->keep(*answer)) return;
    // Whoever said so while it was written may have found nothing here.
    if (is_over()) purge({cache::AnswerDisk::tag_of_key(answer->key)});
  }));
}

// What the disk holds comes into memory; then the request is looked up again.
void ProxyCache::load(ProxyAsk& ask, const ProxyRoute& route, const Look& found) {
  ask.was_loaded = true;
  http::Loop& loop = state_.loop;
  const http::ExchangeId id = ask.exchange().id();
  const Status offered =
      workers_->offer([this, &loop, id, &answers = answers_, disk = disk_, polisher = polisher_,
                       fill = *found.on_disk, alive = std::weak_ptr<bool>(is_alive_)] {
        auto answer = disk->read(fill);
        // The first stamp: whatever was invalidated since the start is not brought back.
        if (answer.ok()) answers.put(*answer, 1);
        loop.post([this, id, alive] {
          if (alive.expired()) return;
          ProxyAsk* const waiting = find_ask(id);
          const bool waits =
              waiting != nullptr && !waiting->exchange().answered() && waiting->flight == nullptr;
          if (waits) ask_anew(*waiting);
        });
        // Behind the one who waits: on disk it has no codings.
        if (!answer.ok() || !cache::may_be_coded(**answer)) return;
        if (auto more = cache::coded(**answer, answers.tags()))
          answers.replace(*answer, std::move(more));
        if (polisher != nullptr) polisher->add(**answer);
      });
  if (!offered) return ask_anew(ask);
  ask.exchange().set_deadline(route.timeout + engine_grace);
}

// RFC 9111 4.4, in memory and on disk. Other nodes may have what this one has had, and hear of it by
// the purge; what is not known here may be known to its holder. (To purge whatever is written to
// would let clients fill the log.)
void ProxyCache::drop(const std::string& key) {
  const bool was_known = answers_.invalidate(key);
  const bool is_elsewhere =
      (lease_ != nullptr && was_known) || (disk_ != nullptr && disk_->holds(key));
  if (is_elsewhere) purge_({cache::AnswerDisk::tag_of_key(key)});
  else if (lease_ != nullptr) tell_holder(key);
}

bool ProxyCache::knows(const std::string& key) const {
  return !answers_.variants(key).empty() || (disk_ != nullptr && disk_->holds(key));
}

void ProxyCache::wake(std::uint64_t number) {
  const auto found = fetches_.find(number);
  if (found != fetches_.end() && found->second->call != nullptr) found->second->call->resume();
}

}  // namespace weir::edge
