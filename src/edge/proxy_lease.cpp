// What ProxyCache asks of another node before it asks the server, and what it tells another node
// that asks (cache C-18, lease = "shared"). Which node is asked, and how: fill_lease.h.

#include "edge/proxy_lease.h"

#include "cache/answer_record.h"
#include "edge/proxy_cache.h"
#include "edge/proxy_look.h"

#include "base/bytes.h"
#include "base/crypto.h"
#include "base/limits_invalidation.h"

#include <algorithm>
#include <new>

namespace weir::edge {
namespace {

using cache::Landing;

// Hashing more than this takes longer than a loop should be away.
constexpr std::size_t hashed_on_loop_max = 256 * KiB;

}  // namespace

// --- asking --------------------------------------------------------------------------------------

// Only what is the same for everybody: on a route where the client's own Cache-Control counts, its
// question is for the server.
bool ProxyCache::ask_holder(ProxyFetch& fetch) {
  const bool is_for_all = lease_ != nullptr && fetch.flight != nullptr &&
                          fetch.question != nullptr && fetch.leased == nullptr &&
                          fetch.route.profile == cache::Profile::guarded;
  // What was invalidated here is still right for a node that has not heard of it.
  if (!is_for_all || answers_.was_invalidated_lately(fetch.key)) return false;
  auto holder = lease_->holder_of(fetch.key);
  if (holder == nullptr) return false;
  FillQuestion question;
  question.node = lease_->node();
  question.seen = lease_->wanted();  // behind fetch.fill_seq: what comes in between counts, too
  if (fetch.old != nullptr && fetch.old->body->size() <= hashed_on_loop_max)
    question.has = hex_of(sha256_of(*fetch.old->body));
  question.answer = {fetch.key, *fetch.question};
  fetch.leased = std::make_unique<ProxyLeased>(fetch, *lease_, std::move(holder));
  return fetch.leased->ask(client_, encode_fill_question(question));
}

ProxyLeased::ProxyLeased(ProxyFetch& fetch, FillLease& lease,
                         std::shared_ptr<const FillLease::Holder> holder)
    : fetch_(fetch), lease_(lease), holder_(std::move(holder)) {}

ProxyLeased::~ProxyLeased() {
  if (call_ != nullptr) call_->cancel();
}

bool ProxyLeased::ask(http::UpstreamClient& client, const std::string& body) {
  lease_.counts.asked.fetch_add(1, std::memory_order_relaxed);
  asked_ = lease_.sign_question(body);
  http::UpstreamOrder order;
  if (!lease_.compose(order, asked_, body)) return false;
  const auto begun =
      client.begin(holder_->upstream, std::move(order), *this, Nanos(limits::fill_lease_time));
  if (begun.call == nullptr) return false;
  call_ = begun.call;
  call_->send(body);
  call_->end();
  return true;
}

void ProxyLeased::on_head(const http::AnswerHead& head) {
  status_ = head.status;
  for (const http::Field& field : head.fields) fields_.emplace_back(field.name, field.value);
}

void ProxyLeased::on_switched(const http::AnswerHead&) {
  std::exchange(call_, nullptr)->cancel();
  ask_the_server();
}

void ProxyLeased::on_body(std::string_view piece) {
  const std::size_t bytes_max =
      fetch_.owner.answers_.settings().answer_bytes_max + limits::fill_record_bytes_max;
  if (body_.size() + piece.size() <= bytes_max) return static_cast<void>(body_.append(piece));
  std::exchange(call_, nullptr)->cancel();
  ask_the_server();
}

void ProxyLeased::on_end(const http::Fields&) {
  call_ = nullptr;
  ProxyCache& owner = fetch_.owner;
  const bool is_small = body_.size() <= hashed_on_loop_max;
  const auto reader = reader_of_reply();
  if (is_small || owner.workers_ == nullptr) return take(reader());
  http::Loop& loop = owner.state_.loop;
  const Status offered = owner.workers_->offer([this, &owner, &loop, number = fetch_.number, reader,
                                                alive = std::weak_ptr<bool>(owner.is_alive_)] {
    auto reply = std::make_shared<Result<FillReply>>(Error{Errc::full, "out of memory"});
    try {
      *reply = reader();
    } catch (const std::bad_alloc&) {  // told as it is: somebody waits
    }
    loop.post([this, &owner, number, alive, reply] {
      if (!alive.expired() && owner.fetches_.contains(number)) take(std::move(*reply));
    });
  });
  if (!offered) take(reader());
}

// Holds all that it needs: a fetch may end while a worker reads.
std::function<Result<FillReply>()> ProxyLeased::reader_of_reply() {
  auto body = std::make_shared<const std::string>(std::move(body_));
  return [&lease = lease_, asked = asked_, status = status_, fields = fields_, body] {
    return lease.read_reply(asked, status, views_of(fields), *body);
  };
}

void ProxyLeased::take(Result<FillReply> reply) {
  if (!reply.ok() || !reply->why.empty() || !fetch_.take_copy(std::move(*reply)))
    return ask_the_server();
  lease_.counts.copied.fetch_add(1, std::memory_order_relaxed);
}

void ProxyLeased::on_failed(http::UpstreamFailure, std::string_view) {
  call_ = nullptr;
  lease_.did_not_answer(*holder_);
  ask_the_server();
}

void ProxyLeased::ask_the_server() {
  ProxyCache& owner = fetch_.owner;
  if (!owner.compose_again(fetch_)) return fetch_.on_failed(http::UpstreamFailure::bad_answer, {});
  owner.send_question(fetch_);
}

bool ProxyFetch::take_copy(FillReply&& reply) {
  auto recorded = cache::facts_of(reply.record);
  const bool is_usable =
      recorded.ok() && recorded->profile == route.profile && (!reply.is_same || old != nullptr);
  if (!is_usable) return false;
  cache::AnswerFacts facts = std::move(*recorded);
  if (asks_with_more(facts.vary)) return true;
  // Selected by what this client did not say: not the one that was asked for.
  if (cache::selection_of(facts.vary, views_of(said)) != facts.selection) return false;
  facts.key = key_of_kept(views_of(facts.fields));
  facts.path = path;
  facts.question = question;
  facts.fill_seq = fill_seq;
  facts.received = Mono{owner.state_.loop.now().ns - reply.age.count()};
  facts.received_wall = Wall{owner.state_.loop.wall().ns - reply.age.count()};
  auto body =
      reply.is_same ? old->body : std::make_shared<const std::string>(std::move(reply.body));
  cache::Codings codings;
  if (reply.is_same)
    for (std::size_t i = 1; i < codings.size(); ++i) codings[i] = old->forms[i].body;
  auto made = cache::make_answer(std::move(facts), std::move(body), owner.answers_.tags(), codings);
  if (!made.ok()) return false;
  Landing landing{Landing::Kind::answer, *made};
  landing.status = (*made)->status;
  landing.is_stored = owner.answers_.put(*made, stamp);
  if (landing.is_stored) {
    if (!reply.is_same) owner.code_later(*made);
    owner.keep_later(*made);
  }
  land(landing);
  owner.remove(*this);
  return true;
}

// --- telling -----------------------------------------------------------------------------------

ProxyNote::~ProxyNote() {
  if (call_ != nullptr) call_->cancel();
}

bool ProxyNote::send(const FillLease::Holder& holder, const std::string& body) {
  http::UpstreamOrder order;
  if (!owner_.lease_->compose(order, owner_.lease_->sign_question(body), body)) return false;
  call_ =
      owner_.client_.begin(holder.upstream, std::move(order), *this, Nanos(limits::fill_lease_time))
          .call;
  if (call_ == nullptr) return false;
  call_->send(body);
  call_->end();
  return true;
}

void ProxyNote::on_switched(const http::AnswerHead&) {
  std::exchange(call_, nullptr)->cancel();
  leave();
}

void ProxyNote::leave() {
  call_ = nullptr;
  owner_.state_.loop.post([this, &owner = owner_, alive = std::weak_ptr<bool>(owner_.is_alive_)] {
    if (!alive.expired())
      std::erase_if(owner.notes_, [this](const auto& note) { return note.get() == this; });
  });
}

void ProxyCache::tell_holder(const std::string& key) {
  const auto holder = lease_->holder_of(key);
  if (holder == nullptr || notes_.size() >= limits::fill_notes_max) return;
  FillQuestion question;
  question.node = lease_->node();
  question.drop = key;
  auto note = std::make_unique<ProxyNote>(*this);
  if (note->send(*holder, encode_fill_question(question))) notes_.push_back(std::move(note));
}

// --- being asked ---------------------------------------------------------------------------------

struct ProxyCache::Errand {
  FillQuestion::AnswerAsked asked;
  std::shared_ptr<const ProxyRoute> route;
  CopyReady ready;
  unsigned tries = 0;
  std::shared_ptr<cache::Filling> filling;  // that it waits for the end of
  std::uint64_t reader = 0;
  std::size_t streamed_bytes = 0;
  bool has_led = false;
};

void ProxyCache::fill(const FillQuestion::AnswerAsked& asked,
                      std::shared_ptr<const ProxyRoute> route, CopyReady ready) {
  if (!route->cache || route->cache->profile != cache::Profile::guarded)
    return ready(nullptr, "unknown");
  run(std::make_shared<Errand>(
      Errand{asked, std::move(route), std::move(ready), 0, {}, 0, 0, false}));
}

void ProxyCache::run(const std::shared_ptr<Errand>& errand) {
  if (++errand->tries > limits::fill_tries_max) return errand->ready(nullptr, "not-shared");
  const cache::Question& question = errand->asked.question;
  std::vector<http::Field> fields;
  for_each_line(question.lines, [&fields](std::string_view name, std::string_view value) {
    fields.push_back({name, value});
  });
  http::Request request;
  request.method = http::Method::get;
  request.fields = fields;
  const Mono now = state_.loop.now();
  const cache::AnswerCache::Found found = answers_.find(errand->asked.key, request, now);
  const cache::Asking anybody{cache::Profile::guarded, false, false, {}};
  using cache::Reuse;
  const bool is_sound = found.answer != nullptr && found.purged == cache::Purged::no &&
                        found.lag == cache::AnswerCache::Found::Lag::none;
  const Reuse reuse =
      is_sound ? cache::judge(found.answer->policy, anybody, now - found.answer->received).reuse
               : Reuse::validate;
  // What has just been asked for is the answer, also when it was old on arrival.
  const bool is_copy = reuse == Reuse::fresh || (errand->has_led && reuse == Reuse::stale);
  if (is_copy && found.answer->body->size() > limits::fill_copy_bytes_max)
    return errand->ready(nullptr, "large");
  if (is_copy) return errand->ready(found.answer, {});
  // What was asked for just now and is not fresh is not for sharing.
  if (found.is_uncacheable || errand->has_led) return errand->ready(nullptr, "not-shared");
  if (found.failures > 0 && now < found.next_try) return errand->ready(nullptr, "failed");
  const auto joined = answers_.join(
      errand->asked.key, found.selection, found.seen,
      [this, &loop = state_.loop, errand,
       alive = std::weak_ptr<bool>(is_alive_)](const Landing& landing) {
        loop.post([this, alive, errand, landing] {
          if (!alive.expired()) landed(errand, landing);
        });
      },
      now);
  if (!joined.is_leader) return;
  errand->has_led = true;
  auto made = std::make_unique<ProxyFetch>(*this);
  made->key = errand->asked.key;
  made->path = question.path;
  made->selection = found.selection;
  made->flight = joined.flight;
  if (found.purged != cache::Purged::hard) made->old = found.answer;
  made->question = std::make_shared<const cache::Question>(question);
  ask_by_ourselves(std::move(made), *errand->route);
}

void ProxyCache::landed(const std::shared_ptr<Errand>& errand, const Landing& landing) {
  switch (landing.kind) {
    case Landing::Kind::answer:  // looked at as any other copy: it may be another variant, or
                                 // purged
    case Landing::Kind::relook: return run(errand);
    case Landing::Kind::reissue: return errand->ready(nullptr, "not-shared");
    case Landing::Kind::failed: return errand->ready(nullptr, "failed");
    case Landing::Kind::streams: break;
  }
  if (landing.filling->length().value_or(0) > limits::fill_streamed_bytes_max)
    return errand->ready(nullptr, "large");
  http::Loop& loop = state_.loop;
  const auto reader =
      landing.filling->enter([this, &loop, errand, alive = std::weak_ptr<bool>(is_alive_)] {
        loop.post([this, errand, alive] {
          if (!alive.expired()) read_on(errand);
        });
      });
  if (!reader) return errand->ready(nullptr, "not-shared");
  errand->filling = landing.filling;
  errand->reader = *reader;
  read_on(errand);
}

// To the end of the body: then the answer is there whole, or it was not for keeping.
void ProxyCache::read_on(const std::shared_ptr<Errand>& errand) {
  if (errand->filling == nullptr) return;
  for (;;) {
    const cache::Filling::Next next = errand->filling->read(errand->reader);
    if (next.piece != nullptr) errand->streamed_bytes += next.piece->size();
    const bool is_large = errand->streamed_bytes > limits::fill_streamed_bytes_max;
    if (next.piece != nullptr && !is_large) continue;
    if (!next.has_ended && !next.has_failed && !is_large) return;
    errand->filling->leave(errand->reader);
    errand->filling.reset();
    if (is_large) return errand->ready(nullptr, "large");
    return next.has_failed ? errand->ready(nullptr, "failed") : run(errand);
  }
}

}  // namespace weir::edge
