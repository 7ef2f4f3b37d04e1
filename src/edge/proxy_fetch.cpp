#include "edge/proxy_fetch.h"

#include "base/bytes.h"
#include "cache/purge.h"
#include "edge/proxy_ask.h"
#include "edge/proxy_cache.h"
#include "edge/proxy_lease.h"
#include "edge/proxy_look.h"
#include "edge/proxy_request.h"
#include "http/conditions.h"

#include <algorithm>
#include <charconv>

namespace weir::edge {

ProxyFetch::ProxyFetch(ProxyCache& its_owner) : owner(its_owner) {}
ProxyFetch::~ProxyFetch() = default;

namespace {

constexpr auto uncacheable_time = std::chrono::minutes(2);  // C-15

bool is_server_error(int status) {  // RFC 5861 4
  return status == 500 || status == 502 || status == 503 || status == 504;
}

// "bytes 4-8/10". Nothing when it says anything else, or not how long the whole is.
struct ContentRange {
  std::uint64_t first = 0, last = 0, total = 0;
};
std::optional<ContentRange> parse_content_range(std::string_view value) {
  ContentRange range;
  if (!value.starts_with("bytes ")) return std::nullopt;
  const char* at = value.data() + 6;
  const char* const end = value.data() + value.size();
  const auto number = [&](std::uint64_t& into, char behind) {
    const auto read = std::from_chars(at, end, into);
    const bool ok = read.ec == std::errc() && read.ptr != at &&
                    (behind == '\0' ? read.ptr == end : read.ptr != end && *read.ptr == behind);
    at = read.ptr + 1;
    return ok;
  };
  if (!number(range.first, '-') || !number(range.last, '/') || !number(range.total, '\0'))
    return std::nullopt;
  if (range.first > range.last || range.last >= range.total) return std::nullopt;
  return range;
}

// What is for this hop's cache alone, or for one request, is not kept.
void drop_ours(http::Fields& fields, const CacheRoute& route) {
  std::erase_if(fields, [&route](const auto& field) {
    const std::string& name = field.first;
    if (name == "weir-cdn-cache-control" || name == "cdn-cache-control")
      return !route.forwards_targeted;
    return name == "traceparent" || name == "cache-group-invalidation";
  });
}

void sign_via(http::Fields& fields, std::span<const http::Field> head) {
  std::string via = joined_lines(head, "via");
  std::erase_if(fields, [](const auto& field) { return field.first == "via"; });
  via.append(via.empty() ? "" : ", ").append(our_name);
  fields.emplace_back("via", std::move(via));
}

}  // namespace

cache::Policy ProxyFetch::policy_for(const http::AnswerHead& head) const {
  http::Loop& loop = owner.state_.loop;
  cache::Arrival arrival;
  arrival.profile = route.profile;
  arrival.route = &route.freshness;
  arrival.method = method;
  arrival.has_authorization = has_authorization;
  arrival.has_cookie = has_cookie;
  arrival.request_no_store = no_store;
  arrival.status = head.status;
  arrival.fields = head.fields;
  arrival.received_s = loop.wall().seconds();
  arrival.delay = loop.now() - sent;
  return cache::policy_of(arrival);
}

// --- the head ------------------------------------------------------------------------------------

void ProxyFetch::on_interim(const http::AnswerHead& head) {
  if (ask != nullptr) ask->on_interim(head);
}

void ProxyFetch::on_switched(const http::AnswerHead&) {
  std::exchange(call, nullptr)->cancel();
  on_failed(http::UpstreamFailure::bad_answer, "an upgrade that was not asked for");
}

void ProxyFetch::on_head(const http::AnswerHead& head) {
  if (method == http::Method::head) {
    learn_from_head(head);
    return pass(head, false);
  }
  const bool is_news_of_old = old != nullptr && !asks_condition && head.status == 304;
  if (is_news_of_old) return freshen(head);
  const cache::Policy policy = policy_for(head);
  const bool may_be_kept = policy.is_storable && head.status != 304;
  if (is_server_error(head.status) && !may_be_kept) {
    const Mono now = owner.state_.loop.now();
    const bool has_spare =
        old != nullptr && cache::judge(old->policy, {}, now - old->received).sie_on_answers;
    if (has_spare) {
      std::exchange(call, nullptr)->cancel();
      return fail(http::UpstreamFailure::none, head.status);
    }
    if (route.profile == cache::Profile::guarded) {
      // What one client's credentials or cookies met says nothing about the others.
      if (flight != nullptr)
        owner.answers_.note_failure(key, selection, now, http::UpstreamFailure::none, head.status);
      if (ask != nullptr) ask->leave_cache();
      cache::Landing landing;
      landing.status = head.status;
      ProxyAsk* const client = std::exchange(ask, nullptr);
      if (flight != nullptr) land(landing);
      flight.reset();
      ask = client;
    }
    return pass(head, false);
  }
  if (!may_be_kept) return pass(head, true);
  if (!keep(head, policy)) pass(head, true);
}

// The answer is for the client that caused the question, or for nobody.
void ProxyFetch::pass(const http::AnswerHead& head, bool is_uncacheable) {
  // Only a question that was nobody's own says something about the address (C-15): what one
  // client's cookies, credentials or range brought along must not take a page out of the cache for
  // all.
  if (is_uncacheable && flight != nullptr)
    owner.answers_.mark_uncacheable(key, owner.state_.loop.now() + Nanos(uncacheable_time));
  ProxyAsk* const client = std::exchange(ask, nullptr);
  if (client != nullptr) client->leave_cache();
  if (flight != nullptr) land({cache::Landing::Kind::reissue});
  flight.reset();
  const bool asks_again = client != nullptr && is_kept_back && head.status < 500;
  if (client == nullptr || asks_again) {
    std::exchange(call, nullptr)->cancel();
    owner.remove(*this);
    if (client == nullptr) return;
    client->fetch = nullptr;
    return owner.again(*client);  // with all that it said: the answer may depend on it
  }
  passes = true;
  ask = client;
  client->fetch = this;
  client->call = call;
  client->on_head(head);
}

// What is stored with the fields that `head` brings, as if it had arrived now (RFC 9111 3.2).
Result<std::shared_ptr<const cache::Answer>> ProxyFetch::with_news(
    const http::AnswerHead& head) const {
  http::Loop& loop = owner.state_.loop;
  cache::AnswerFacts facts = *old;
  facts.fields = cache::freshened(old->fields, head.fields);
  if (head.find("date") == nullptr)
    std::erase_if(facts.fields, [](const auto& field) { return field.first == "date"; });
  drop_ours(facts.fields, route);
  sign_via(facts.fields,
           head.find("via") != nullptr ? head.fields : std::span<const http::Field>());
  // Judged as an answer with those fields that arrives now; also those that are not passed on.
  std::vector<http::Field> views = views_of(facts.fields);
  for (const http::Field& field : head.fields)
    if (field.name == "age" || field.name.ends_with("cdn-cache-control")) views.push_back(field);
  http::AnswerHead as_new = head;
  as_new.status = old->status;
  as_new.fields = views;
  facts.policy = policy_for(as_new);
  facts.received = loop.now();
  facts.received_wall = loop.wall();
  facts.fill_seq = fill_seq;
  if (question != nullptr) facts.question = question;
  cache::Codings codings;
  for (std::size_t i = 1; i < codings.size(); ++i) codings[i] = old->forms[i].body;
  return cache::make_answer(std::move(facts), old->body, owner.answers_.tags(), codings);
}

// A 304: what is stored is right, with the fields that it brings (RFC 9111 4.3.4).
void ProxyFetch::freshen(const http::AnswerHead& head) {
  std::exchange(call, nullptr)->cancel();
  const http::Field* const etag = head.find("etag");
  if (etag != nullptr && !old->etag.empty() &&
      !http::etags_match(etag->value, old->etag, http::Comparison::weak)) {
    // It confirms another answer than the one we asked about.
    owner.drop(key);
    land({cache::Landing::Kind::relook});
    return owner.remove(*this);
  }
  auto made = with_news(head);
  if (!made.ok()) return fail(http::UpstreamFailure::bad_answer, 0);
  cache::Landing landing{cache::Landing::Kind::answer, *made};
  landing.status = 304;
  landing.was_validated = true;
  owner.answers_.count_validated();
  landing.is_stored = (*made)->policy.is_storable && owner.answers_.put(*made, stamp);
  if (landing.is_stored) {
    owner.code_later(*made);  // the confirmed one may not have been by now
    owner.keep_later(*made);
  }
  if (!(*made)->policy.is_storable) owner.drop(key);
  mark_if_never_fresh((*made)->policy);
  land(landing);
  owner.remove(*this);
}

// RFC 9111 4.3.5, C-29.
void ProxyFetch::learn_from_head(const http::AnswerHead& head) {
  if (old == nullptr || head.status != 200 || old->status != 200) return;
  const auto differs = [&](std::string_view name, std::string_view stored) {
    const http::Field* const told = head.find(name);
    return told != nullptr && !stored.empty() && told->value != stored;
  };
  const bool is_coded = !cache::field_of(old->fields, "content-encoding").empty() ||
                        head.find("content-encoding") != nullptr;
  const bool has_other_length =
      head.has_length && !is_coded && head.content_length != old->body->size();
  if (differs("etag", old->etag) || differs("last-modified", old->last_modified) ||
      has_other_length) {
    owner.drop(key);
    return;
  }
  method = http::Method::get;  // judged as the GET that it speaks of
  auto made = with_news(head);
  method = http::Method::head;
  if (made.ok() && (*made)->policy.is_storable) owner.answers_.put(*made, stamp);
}

// Who waits for such an answer gets nothing by it but its own question, later.
void ProxyFetch::mark_if_never_fresh(const cache::Policy& policy) {
  if (flight != nullptr && (policy.lifetime_s <= 0 || policy.must_validate))
    owner.answers_.mark_uncacheable(key, owner.state_.loop.now() + Nanos(uncacheable_time));
}

// The key by what the answer says of queries (No-Vary-Search).
std::string ProxyFetch::key_of_kept(std::span<const http::Field> fields) const {
  const std::size_t mark = std::min(key.find('?'), key.size());
  const std::string base = key.substr(0, mark);
  owner.answers_.learn_query_rule(base, cache::no_vary_search_of(fields));
  return owner.answers_.key_of(
      base, mark < key.size() ? std::string_view(key).substr(mark + 1) : std::string_view());
}

// It depends on what was left out: then it is asked for again with it, and true is returned.
bool ProxyFetch::asks_with_more(const cache::VaryNames& names) {
  if (!is_kept_back || ask == nullptr || ask->tries >= 2) return false;
  // Left out, or said in our own words (User-Agent).
  std::vector<http::Field> asked;
  for_each_line(question->lines, [&asked](std::string_view name, std::string_view value) {
    asked.push_back({name, value});
  });
  const std::vector<http::Field> wanted = views_of(said);
  const bool holds_back = std::ranges::any_of(names, [&](const std::string& name) {
    const bool is_said = std::ranges::find(wanted, name, &http::Field::name) != wanted.end();
    const cache::VaryNames one{name};
    return is_said && cache::selection_of(one, wanted) != cache::selection_of(one, asked);
  });
  if (!holds_back) return false;
  if (call != nullptr) std::exchange(call, nullptr)->cancel();
  owner.answers_.learn_names(key, names);
  ProxyAsk* const client = std::exchange(ask, nullptr);
  client->leave_cache();
  client->fetch = nullptr;
  land({cache::Landing::Kind::relook});  // who waits may find one question for what it wants
  owner.remove(*this);
  owner.ask_anew(*client);
  return true;
}

// False: it cannot be kept after all.
bool ProxyFetch::keep(const http::AnswerHead& head, const cache::Policy& policy) {
  auto facts = std::make_shared<cache::AnswerFacts>();
  auto names = cache::vary_of(head.fields);
  if (!names) return false;
  const bool is_guarded = route.profile == cache::Profile::guarded;
  if (is_guarded) {
    // We code it ourselves (C-40).
    const bool is_coded = head.find("content-encoding") != nullptr;
    if (!is_coded) std::erase(*names, "accept-encoding");
    // A server that codes and does not say that this depends on what was asked for.
    if (is_coded && !std::ranges::binary_search(*names, std::string_view("accept-encoding")))
      names->insert(std::ranges::upper_bound(*names, std::string_view("accept-encoding")),
                    "accept-encoding");
    for (const std::string& name : route.keys)
      if (!std::ranges::binary_search(*names, name))
        names->insert(std::ranges::upper_bound(*names, name), name);
  }
  if (asks_with_more(*names)) return true;
  const std::size_t bytes_max = owner.answers_.settings().answer_bytes_max;
  if (head.framing == http::Framing::length && head.content_length > bytes_max) return false;
  if (head.status == 206) {
    const http::Field* const told = head.find("content-range");
    const auto range = told == nullptr ? std::nullopt : parse_content_range(told->value);
    const bool fits = range && head.framing == http::Framing::length &&
                      head.content_length == range->last - range->first + 1;
    if (!fits) return false;
    facts->part = cache::Part{range->first, range->total};
  }
  facts->key = key_of_kept(head.fields);
  facts->path = path;
  facts->vary = std::move(*names);
  facts->selection = cache::selection_of(facts->vary, views_of(said));
  facts->status = head.status;
  facts->fields = cache::kept_fields(head.fields);
  drop_ours(facts->fields, route);
  sign_via(facts->fields, head.fields);
  facts->profile = route.profile;
  facts->policy = policy;
  facts->tags = route.tags;
  const std::size_t authority = key.find("://") + 3;
  const std::string origin = key.substr(0, key.find('/', authority));
  facts->tags.push_back(cache::AnswerDisk::tag_of_key(facts->key));
  facts->tags.push_back(cache::tag_of_host(std::string_view(origin).substr(authority)));
  for (std::string& tag : cache::tags_of(head.fields, origin))
    facts->tags.push_back(std::move(tag));
  if (facts->tags.size() > limits::entry_tags_max) facts->tags.resize(limits::entry_tags_max);
  facts->question = question;
  facts->fill_seq = fill_seq;
  facts->received = owner.state_.loop.now();
  facts->received_wall = owner.state_.loop.wall();
  std::optional<std::uint64_t> length;
  if (head.framing == http::Framing::length) length = head.content_length;
  ProxyCache& its_owner = owner;
  filling = std::make_shared<cache::Filling>(std::move(facts), length, bytes_max,
                                             owner.answers_.filling_budget(),
                                             [&loop = owner.state_.loop, &its_owner, id = number,
                                              alive = std::weak_ptr<bool>(owner.is_alive_)] {
                                               loop.post([&its_owner, id, alive] {
                                                 if (!alive.expired()) its_owner.wake(id);
                                               });
                                             });
  return true;
}

// --- the body ------------------------------------------------------------------------------------

void ProxyFetch::on_body(std::string_view piece) {
  if (passes) return ask->on_body(piece);
  if (filling != nullptr && filling->append(piece)) call->pause();
}

void ProxyFetch::on_breath() {
  if (passes) return ask->on_breath();
  if (filling == nullptr) return;
  if (was_announced) return filling->tell();
  was_announced = true;
  cache::Landing landing{cache::Landing::Kind::streams, {}, filling};
  landing.status = filling->head().status;
  if (flight != nullptr) owner.answers_.announce(flight, filling, landing.status);
  else if (ask != nullptr) owner.told(*ask, landing);
}

void ProxyFetch::on_end(const http::Fields& trailers) {
  call = nullptr;
  if (passes) {
    ProxyAsk* const client = std::exchange(ask, nullptr);
    client->fetch = nullptr;
    client->on_end(trailers);
    return owner.remove(*this);
  }
  cache::Landing landing{cache::Landing::Kind::reissue};
  landing.status = filling->head().status;
  if (filling->is_kept()) {
    auto body = std::make_shared<const std::string>(filling->body());
    cache::AnswerFacts facts = filling->head();
    facts.took = owner.state_.loop.now() - sent;
    auto made = cache::make_answer(std::move(facts), std::move(body), owner.answers_.tags());
    if (!made.ok()) {
      filling->fail();
      return fail(http::UpstreamFailure::bad_answer, 0);
    }
    landing.kind = cache::Landing::Kind::answer;
    landing.answer = *made;
    landing.is_stored = owner.answers_.put(*made, stamp);
    if (landing.is_stored) {
      owner.code_later(*made);
      owner.keep_later(*made);
    }
    mark_if_never_fresh((*made)->policy);
  }
  filling->end();
  if (was_announced && flight == nullptr) let_go();  // it reads the rest by itself
  land(landing);
  owner.remove(*this);
}

void ProxyFetch::on_room() {}

void ProxyFetch::on_failed(http::UpstreamFailure failure, std::string_view reason) {
  call = nullptr;
  if (passes) {
    ProxyAsk* const client = std::exchange(ask, nullptr);
    client->fetch = nullptr;
    client->on_failed(failure, reason);
    return owner.remove(*this);
  }
  if (filling != nullptr && was_announced) {
    filling->fail();  // cut for those who read it: they know that something is missing
    if (flight == nullptr) let_go();
  }
  fail(failure, 0);
}

void ProxyFetch::fail(http::UpstreamFailure failure, int status) {
  const Mono now = owner.state_.loop.now();
  // What must be validated and cannot be is 504, whatever went wrong (RFC 9111 5.2.2.2, C-14).
  if (status == 0 && old != nullptr && old->policy.never_stale) status = 504;
  if (flight != nullptr || old != nullptr)
    owner.answers_.note_failure(key, selection, now, failure, status);
  cache::Landing landing;
  landing.failure = failure;
  landing.status = status;
  if (old != nullptr) {
    const cache::Judgement judgement = cache::judge(old->policy, {}, now - old->received);
    const bool is_gone = failure != http::UpstreamFailure::none;
    if (is_gone ? judgement.sie_allowed : judgement.sie_on_answers) landing.answer = old;
  }
  land(landing);
  owner.remove(*this);
}

void ProxyFetch::let_go() {
  if (ask != nullptr) ask->fetch = nullptr;
  ask = nullptr;
}

void ProxyFetch::land(const cache::Landing& landing) {
  if (flight != nullptr) {
    let_go();
    owner.answers_.land(flight, landing);
    return;
  }
  ProxyAsk* const client = std::exchange(ask, nullptr);
  if (client == nullptr) return;
  client->fetch = nullptr;
  owner.told(*client, landing);
}

}  // namespace weir::edge
