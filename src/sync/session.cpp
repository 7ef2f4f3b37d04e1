#include "sync/session.h"

#include "base/crypto.h"
#include "base/must.h"
#include "http/websocket_frames.h"
#include "sync/fold.h"
#include "sync/pages.h"
#include "sync/push.h"
#include "text/json.h"
#include "text/utf8.h"

#include <algorithm>

namespace weir::sync {

using text::Value;

namespace {

// Close codes of the subprotocol (data, D-43).
namespace code {
constexpr std::uint16_t bad_message = 4400;
constexpr std::uint16_t not_authorized = 4401;
constexpr std::uint16_t forbidden = 4403;
constexpr std::uint16_t hello_timeout = 4408;
constexpr std::uint16_t epoch_changed = 4409;
constexpr std::uint16_t too_fast = 4429;
}  // namespace code

// A feed of a socket with many documents keeps at least this much.
constexpr std::size_t feed_bytes_min = 16 * KiB;
// A little apart, so that all clients of a server do not come back at once.
constexpr std::int64_t retry_least_ms = 250;
constexpr std::int64_t retry_spread_ms = 2'000;

const std::string* text_in(const Value& message, std::string_view name) {
  const Value* found = message.find(name);
  return found == nullptr ? nullptr : found->string();
}

std::string err_row(const std::string& document, std::string_view err) {
  return "{\"d\":" + quoted(document) + ",\"err\":\"" + std::string(err) + "\"}";
}

// A number or a short text, as JSON; empty = neither.
std::string id_in(const Value& message) {
  const Value* id = message.find("id");
  if (id == nullptr) return {};
  if (id->integer() != nullptr) return std::to_string(*id->integer());
  if (id->string() == nullptr || id->string()->size() > limits::session_id_bytes_max) return {};
  return quoted(*id->string());
}

std::string problem_json(const Reply& reply) {
  std::string json = "{\"type\":\"/_weir/problems/" + std::string(reply.problem) +
                     "\",\"status\":" + std::to_string(reply.status) +
                     ",\"detail\":" + quoted(reply.detail);
  for (const text::Member& member : reply.members) {
    json += ',' + quoted(member.name) + ':';
    text::append_json(json, member.value);
  }
  return json + '}';
}

std::int64_t seconds_between(Mono later, Mono earlier) {
  return std::chrono::duration_cast<std::chrono::seconds>(later - earlier).count();
}

}  // namespace

bool SessionTable::enter(const std::string& subject) {
  return counts_.with([&subject](auto& counts) {
    std::size_t& count = counts[subject];
    if (count >= limits::sessions_per_subject_max) return false;
    ++count;
    return true;
  });
}

void SessionTable::leave(const std::string& subject) {
  counts_.with([&subject](auto& counts) {
    const auto entry = counts.find(subject);
    MUST(entry != counts.end());
    if (--entry->second == 0) counts.erase(entry);
  });
}

bool Session::Bucket::take(Mono now, double per_second, double most) {
  left = std::min(most, left + std::chrono::duration<double>(now - at).count() * per_second);
  at = now;
  if (left < 1) return false;
  left -= 1;
  return true;
}

// --- life ----------------------------------------------------------------------------------------

Session::Session(const SessionRoom& room, SessionAsk ask, std::string tenant, std::uint64_t origin)
    : room_(room),
      host_(std::move(ask.host)),
      tenant_name_(std::move(tenant)),
      subject_(subject_of(ask.claims.get())),
      gate_(std::move(ask.gate)),
      origin_(origin),
      claims_(std::move(ask.claims)) {
  const Mono now = room_.clock.mono();
  hello_until_ = now + limits::session_hello_max;
  token_until_ = end_of_token(claims_.get(), room_.clock);
  messages_ = {limits::session_messages_burst, now};
  pushes_ = {limits::session_pushes_burst, now};
  presences_ = {limits::session_presences_per_second, now};
}

Session::~Session() { close(); }

Session::Joined Session::join() {
  if (!subject_.empty() && !room_.table.enter(subject_)) return Joined::too_many_of_subject;
  counted_in_table_ = !subject_.empty();
  const Mono first = std::min(hello_until_, token_until_);
  // No document has this key: a session only asks for the time and the end of the service.
  const std::uint64_t id = room_.hub.follow("\nsession", shared_from_this(), first);
  const std::lock_guard lock(mutex_);
  follower_ = id;
  return id == 0 ? Joined::too_many : Joined::yes;
}

void Session::start(std::function<void()> wake) {
  const std::lock_guard lock(mutex_);
  MUST(!wake_);
  wake_ = std::move(wake);
}

void Session::close() {
  std::map<std::string, Subscription, std::less<>> left;
  std::uint64_t follower = 0;
  bool was_counted = false;
  {
    const std::lock_guard lock(mutex_);
    phase_ = Phase::over;
    wake_ = nullptr;
    left.swap(subscriptions_);
    said_.clear();
    ready_.clear();
    follower = std::exchange(follower_, 0);
    was_counted = std::exchange(counted_in_table_, false);
  }
  for (auto& [document, subscription] : left) {
    subscription.feed->close();
    if (subscription.has_presence) publish_presence(document, "null");
  }
  if (follower != 0) room_.hub.leave(follower);
  if (was_counted) room_.table.leave(subject_);
}

Session::Wake Session::stir() {
  if (woken_ || !wake_) return {};
  woken_ = true;
  return wake_;
}

void Session::say(std::string_view json) {
  Wake wake;
  {
    const std::lock_guard lock(mutex_);
    if (phase_ == Phase::over) return;
    said_.push_back(message_frame(json));
    wake = stir();
  }
  if (wake) wake();
}

void Session::end(std::uint16_t with_code, std::string reason) {
  Wake wake;
  {
    const std::lock_guard lock(mutex_);
    if (phase_ == Phase::over) return;
    phase_ = Phase::over;
    close_code_ = with_code;
    close_reason_ = std::move(reason);
    wake = stir();
  }
  if (wake) wake();
}

void Session::set_busy(bool busy) {
  Wake wake;
  {
    const std::lock_guard lock(mutex_);
    if (busy) {
      ++busy_;
    } else {
      --busy_;
      finish_farewell();
      wake = stir();
    }
  }
  if (wake) wake();
}

bool Session::wants_input() const {
  return busy_ == 0 && unacknowledged_ < limits::session_unacked_max &&
         said_.size() < limits::session_answers_max && !farewell_ && phase_ != Phase::over;
}

void Session::say_goodbye(Farewell farewell) {
  Wake wake;
  {
    const std::lock_guard lock(mutex_);
    if (farewell_ || phase_ == Phase::over) return;
    farewell_ = farewell;
    finish_farewell();
    wake = stir();
  }
  if (wake) wake();
}

void Session::finish_farewell() {
  if (!farewell_ || phase_ == Phase::over || unacknowledged_ > 0 || busy_ > 0) return;
  const bool restarts = *farewell_ == Farewell::restart;
  const std::int64_t retry_ms =
      retry_least_ms + static_cast<std::int64_t>(random_u64() % retry_spread_ms);
  said_.push_back(message_frame("{\"t\":\"bye\",\"reason\":\"" +
                                std::string(restarts ? "restart" : "stop") +
                                "\",\"retry_ms\":" + std::to_string(retry_ms) + '}'));
  phase_ = Phase::over;
  close_code_ = restarts ? http::close_code::restart : http::close_code::going_away;
}

std::optional<Mono> Session::on_time(Mono now) {
  Wake wake;
  std::optional<Mono> next;
  {
    const std::lock_guard lock(mutex_);
    if (phase_ != Phase::over && now >= token_until_) {
      phase_ = Phase::over;
      close_code_ = code::not_authorized;
      close_reason_ = "the token has ended";
      wake = stir();
    } else if (phase_ == Phase::greeting && now >= hello_until_) {
      phase_ = Phase::over;
      close_code_ = code::hello_timeout;
      close_reason_ = "no hello";
      wake = stir();
    } else if (phase_ == Phase::live && now >= reauth_at() && !reauth_asked_) {
      reauth_asked_ = true;
      said_.push_back(message_frame(
          "{\"t\":\"reauth\",\"in\":" + std::to_string(seconds_between(token_until_, now)) + '}'));
      wake = stir();
    }
    if (phase_ == Phase::over) follower_ = 0;  // the hub forgets us when we return
    else next = next_deadline();
  }
  if (wake) wake();
  return next;
}

Mono Session::reauth_at() const { return token_until_ + -Nanos(limits::session_reauth_time); }

Mono Session::next_deadline() const {
  if (phase_ == Phase::greeting) return std::min(hello_until_, token_until_);
  return reauth_asked_ ? token_until_ : reauth_at();
}

void Session::on_end() {
  {
    const std::lock_guard lock(mutex_);
    follower_ = 0;  // the hub knows us no more
  }
  say_goodbye(room_.restarts ? Farewell::restart : Farewell::stop);
}

// --- to the socket -------------------------------------------------------------------------------

void Session::on_feed(const std::string& document) {
  Wake wake;
  {
    const std::lock_guard lock(mutex_);
    const auto entry = subscriptions_.find(document);
    if (entry == subscriptions_.end() || entry->second.is_ready) return;
    entry->second.is_ready = true;
    ready_.push_back(document);
    wake = stir();
  }
  if (wake) wake();
}

Session::Taken Session::take(std::size_t bytes_max) {
  const std::lock_guard lock(mutex_);
  woken_ = false;
  Taken taken;
  std::size_t bytes = 0;
  while (!said_.empty() && (bytes == 0 || bytes + said_.front()->size() <= bytes_max)) {
    bytes += said_.front()->size();
    taken.frames.push_back(std::move(said_.front()));
    said_.pop_front();
  }
  // A feed that gave something goes to the end of the line: one busy document holds no other.
  for (std::size_t turns = ready_.size(); turns > 0 && bytes < bytes_max; --turns) {
    if (phase_ != Phase::live) break;
    const std::string document = std::move(ready_.front());
    ready_.pop_front();
    const auto entry = subscriptions_.find(document);
    if (entry == subscriptions_.end()) continue;
    entry->second.is_ready = false;
    Feed::Taken from_feed = entry->second.feed->take(bytes_max - bytes);
    for (SharedText& frame : from_feed.chunks) {
      bytes += frame->size();
      taken.frames.push_back(std::move(frame));
    }
    if (from_feed.ended) {
      entry->second.feed->close();
      subscriptions_.erase(entry);
      said_.push_back(message_frame("{\"t\":\"gone\",\"d\":" + quoted(document) +
                                    ",\"err\":\"storage-failed\"}"));
    } else if (!from_feed.chunks.empty()) {
      entry->second.is_ready = true;
      ready_.push_back(document);
    }
  }
  taken.wants_input = wants_input();
  if (said_.empty() && phase_ == Phase::over) {
    taken.close_code = close_code_;
    taken.close_reason = close_reason_;
  }
  return taken;
}

// --- from the socket -----------------------------------------------------------------------------

void Session::receive(std::string_view message) {
  bool is_too_fast = false;
  {
    const std::lock_guard lock(mutex_);
    if (phase_ == Phase::over || farewell_) return;
    is_too_fast = !messages_.take(room_.clock.mono(), limits::session_messages_per_second,
                                  limits::session_messages_burst);
  }
  if (is_too_fast) return end(code::too_fast, "too many messages");
  if (message.size() <= limits::sync_inline_bytes_max) return understand(message);
  set_busy(true);
  const Status offered = room_.readers.offer(
      [self = shared_from_this(), owned = std::make_shared<const std::string>(message)] {
        self->understand(*owned);
        self->set_busy(false);
      });
  if (offered) return;
  end(http::close_code::overloaded, "too many reads are waiting");
  set_busy(false);
}

void Session::understand(std::string_view text) {
  const Result<Value> message =
      text::parse_json(text, {.depth_max = limits::sync_json_depth_max + 1});
  if (!message) return end(code::bad_message, "not JSON");
  const std::string* type = text_in(*message, "t");
  if (type == nullptr) return end(code::bad_message, "t: expected the kind of message");
  bool is_greeting = false;
  {
    const std::lock_guard lock(mutex_);
    is_greeting = phase_ == Phase::greeting && !hello_came_;
    hello_came_ = true;
  }
  if (is_greeting != (*type == "hello"))
    return end(code::bad_message, is_greeting ? "expected hello first" : "hello came before");
  if (*type == "hello") return hello(*message);
  if (*type == "push") return push(*message, gate_->is_attack(text));
  if (*type == "sub") return subscribe(*message);
  if (*type == "unsub") return unsubscribe(*message);
  if (*type == "auth") return renew(*message);
  if (*type != "pres") return end(code::bad_message, "an unknown kind of message");
  if (gate_->is_attack(text)) return end(code::forbidden, "blocked");
  show_presence(*message);
}

void Session::hello(const Value& message) {
  const Value* version = message.find("v");
  if (version == nullptr || version->integer() == nullptr || *version->integer() != 1)
    return end(code::bad_message, "v: expected 1");
  const Value* documents = message.find("docs");
  if (documents != nullptr &&
      (!documents->is_array() || documents->array()->size() > limits::session_documents_max))
    return end(code::bad_message, "docs: expected an array of at most 64");
  if (message.find("rep") != nullptr) {
    const std::string* replica = text_in(message, "rep");
    if (replica == nullptr || !is_replica(*replica))
      return end(code::bad_message, "rep: expected the id of a replica");
    replica_ = *replica;
  }
  if (const std::shared_ptr<Tenant> open = room_.tenants.find(tenant_name_))
    return greet(open, message);
  set_busy(true);
  const Status offered = room_.readers.offer([self = shared_from_this(), message] {
    const Result<std::shared_ptr<Tenant>> opened = self->room_.tenants.open(self->tenant_name_);
    if (opened) self->greet(*opened, message);
    else self->end(http::close_code::overloaded, "the tenant cannot be opened");
    self->set_busy(false);
  });
  if (offered) return;
  end(http::close_code::overloaded, "too many reads are waiting");
  set_busy(false);
}

void Session::greet(const std::shared_ptr<Tenant>& tenant, const Value& message) {
  tenant_ = tenant;
  const std::string* epoch = text_in(message, "epoch");
  if (epoch != nullptr && *epoch != tenant->epoch())
    return end(code::epoch_changed, tenant->epoch());
  {
    const std::lock_guard lock(mutex_);
    if (phase_ == Phase::over) return;
    phase_ = Phase::live;
  }
  std::vector<std::string> rows, followed;
  const Value* documents = message.find("docs");
  if (documents != nullptr) {
    for (const Value& wanted : *documents->array()) {
      auto row = follow(wanted, followed);
      if (!row) return;
      rows.push_back(*std::move(row));
    }
  }
  say_ready(rows);
  for (const std::string& document : followed) on_feed(document);
}

void Session::say_ready(const std::vector<std::string>& rows) {
  const SyncSettings& settings = room_.settings;
  std::string json = "{\"t\":\"ready\",\"epoch\":\"" + tenant_->epoch() + "\",\"now\":";
  json += std::to_string(room_.clock.wall().millis());
  json += ",\"limits\":{\"message_bytes\":" + std::to_string(limits::websocket_message_bytes_max);
  json += ",\"batch_ops\":" + std::to_string(settings.batch_ops_max);
  json += ",\"value_bytes\":" + std::to_string(settings.value_bytes_max);
  json += ",\"documents\":" + std::to_string(limits::session_documents_max);
  json += ",\"unacked\":" + std::to_string(limits::session_unacked_max) + "},\"docs\":[";
  for (std::size_t i = 0; i < rows.size(); ++i) json += (i == 0 ? "" : ",") + rows[i];
  say(json + "]}");
}

// --- subscriptions -------------------------------------------------------------------------------

std::optional<std::string> Session::document_in(const Value& message) {
  const std::string* name = text_in(message, "d");
  if (name != nullptr && !refuse_document(*name)) return *name;
  end(code::bad_message, "d: expected the name of a document");
  return std::nullopt;
}

bool Session::may(Verb verb, const std::string& document) const {
  const std::shared_ptr<const Value> known = claims();
  return room_.rules.allow(verb, document, known.get()) && gate_->may_reach(verb, document);
}

std::shared_ptr<const Value> Session::claims() const {
  const std::lock_guard lock(mutex_);
  return claims_;
}

// The row of `ready`; `followed` gets the name when the feed is to be asked. None = the session has
// ended over it.
std::optional<std::string> Session::follow(const Value& wanted,
                                           std::vector<std::string>& followed) {
  const auto document = document_in(wanted);
  if (!document) return std::nullopt;
  std::int64_t since = 0;
  if (const Value* given = wanted.find("since"); given != nullptr) {
    if (given->integer() == nullptr || *given->integer() < 0) {
      end(code::bad_message, "since: expected the position of an operation, from 0");
      return std::nullopt;
    }
    since = *given->integer();
  }
  if (!may(Verb::read, *document)) return err_row(*document, "forbidden");
  if (since > tenant_->last_position()) return err_row(*document, "epoch-changed");
  drop(*document);
  std::size_t others = 0;
  {
    const std::lock_guard lock(mutex_);
    others = subscriptions_.size();
  }
  if (others >= limits::session_documents_max) return err_row(*document, "too-many");
  LogFeed::Settings settings;
  settings.cursor = since;
  settings.bytes_max = std::max(feed_bytes_min, room_.settings.feed_bytes_max / (others + 1));
  settings.ends_at = Mono{INT64_MAX};  // the session ends with the token, and its feeds with it
  settings.form = LogFeed::Form::messages;
  settings.origin = origin_;
  const auto known = tenant_->documents().find(*document);
  auto feed = std::make_shared<LogFeed>(room_.hub, room_.readers, room_.clock,
                                        document_messages(tenant_, *document), settings);
  if (!feed->join(document_key(tenant_name_, *document))) return err_row(*document, "overloaded");
  feed->start([weak = weak_from_this(), name = *document] {
    if (const auto self = weak.lock()) self->on_feed(name);
  });
  bool is_over = false;
  {
    const std::lock_guard lock(mutex_);
    is_over = phase_ == Phase::over;
    if (!is_over) subscriptions_[*document] = {feed};
  }
  if (is_over) feed->close();
  followed.push_back(*document);
  const std::int64_t head = known ? known->head : 0;
  const std::string_view mode = known && needs_snapshot(*tenant_, *document, since) ? "snapshot"
                                : since >= head                                     ? "tail"
                                                                                    : "catchup";
  return "{\"d\":" + quoted(*document) + ",\"seq\":" + std::to_string(head) + ",\"mode\":\"" +
         std::string(mode) + "\"}";
}

void Session::subscribe(const Value& message) {
  std::vector<std::string> followed;
  const auto row = follow(message, followed);
  if (!row) return;
  say_ready({*row});
  for (const std::string& document : followed) on_feed(document);
}

void Session::unsubscribe(const Value& message) {
  if (const auto document = document_in(message)) drop(*document);
}

void Session::drop(const std::string& document) {
  Subscription dropped;
  {
    const std::lock_guard lock(mutex_);
    const auto entry = subscriptions_.find(document);
    if (entry == subscriptions_.end()) return;
    dropped = std::move(entry->second);
    subscriptions_.erase(entry);
  }
  dropped.feed->close();
  if (dropped.has_presence) publish_presence(document, "null");
}

// --- pushes --------------------------------------------------------------------------------------

void Session::push(const Value& message, bool is_attack) {
  const std::string id = id_in(message);
  if (id.empty()) return end(code::bad_message, "id: expected a number or a short text");
  const auto document = document_in(message);
  if (!document) return;
  const Mono now = room_.clock.mono();
  bool is_too_fast = false;
  {
    const std::lock_guard lock(mutex_);
    is_too_fast =
        !pushes_.take(now, limits::session_pushes_per_second, limits::session_pushes_burst);
  }
  const std::shared_ptr<const Value> known = claims();
  if (is_too_fast)
    return refuse_push(id, *document,
                       problem_reply(Problem::rate_limited, "too many batches; wait a second",
                                     {{"retry_ms", Value(1'000)}}));
  if (is_attack)
    return refuse_push(id, *document,
                       problem_reply(Problem::blocked, "the batch looked like an attack"));
  if (!room_.rules.allow(Verb::write, *document, known.get()))
    return refuse_push(id, *document, room_.rules.refusal(Verb::write, *document, known.get()));
  if (!gate_->may_reach(Verb::write, *document))
    return refuse_push(id, *document,
                       problem_reply(Problem::forbidden,
                                     "the document is guarded by another route; connect below its "
                                     "address"));
  auto decoded = batch_of(message, bounds_at(room_.settings, room_.clock.wall()));
  if (const Reply* refused = std::get_if<Reply>(&decoded))
    return refuse_push(id, *document, *refused);
  Job job = push_job(tenant_, *document, subject_, std::get<Batch>(std::move(decoded)), origin_);
  job.answer = room_.counted([self = shared_from_this(), id, document = *document](
                                 const Reply& reply) { self->acknowledge(id, document, reply); });
  {
    const std::lock_guard lock(mutex_);
    ++unacknowledged_;
  }
  tenant_->offer(std::move(job));
}

void Session::refuse_push(const std::string& id, const std::string& document, const Reply& reply) {
  say("{\"t\":\"nack\",\"id\":" + id + ",\"d\":" + quoted(document) +
      ",\"problem\":" + problem_json(reply) + '}');
}

void Session::acknowledge(const std::string& id, const std::string& document, const Reply& reply) {
  if (reply.failed()) {
    refuse_push(id, document, reply);
  } else {
    // The members of the reply over HTTP, behind ours.
    say("{\"t\":\"ack\",\"id\":" + id + ",\"d\":" + quoted(document) + ',' + reply.body->substr(1));
  }
  Wake wake;
  {
    const std::lock_guard lock(mutex_);
    --unacknowledged_;
    finish_farewell();
    wake = stir();
  }
  if (wake) wake();
}

// --- presence ------------------------------------------------------------------------------------

void Session::show_presence(const Value& message) {
  const auto document = document_in(message);
  if (!document) return;
  const Value* value = message.find("v");
  if (value == nullptr || replica_.empty())
    return end(code::bad_message, "pres: expected v, and rep in hello");
  const std::string json = text::json_of(*value);
  if (json.size() > limits::session_presence_bytes_max)
    return end(code::bad_message, "v: expected at most 1 KiB");
  {
    const std::lock_guard lock(mutex_);
    const auto entry = subscriptions_.find(*document);
    if (entry == subscriptions_.end()) return;  // only who sees the others is seen
    if (!presences_.take(room_.clock.mono(), limits::session_presences_per_second,
                         limits::session_presences_per_second))
      return;
    entry->second.has_presence = !value->is_null();
  }
  publish_presence(*document, json);
}

void Session::publish_presence(const std::string& document, std::string_view value) {
  auto frame = std::make_shared<Frame>();
  frame->kind = Frame::Kind::presence;
  frame->origin = origin_;
  frame->presence = message_frame("{\"t\":\"pres\",\"d\":" + quoted(document) + ",\"rep\":\"" +
                                  replica_ + "\",\"v\":" + std::string(value) + '}');
  room_.hub.publish(document_key(tenant_name_, document), std::move(frame));
}

// --- tokens --------------------------------------------------------------------------------------

void Session::renew(const Value& message) {
  const std::string* token = text_in(message, "jwt");
  if (token == nullptr) return end(code::bad_message, "jwt: expected a token");
  std::shared_ptr<const Value> renewed = gate_->authenticate(*token);
  if (renewed == nullptr) return end(code::not_authorized, "the token is not good");
  Ask asked;
  asked.host = host_;
  asked.claims = renewed;
  const auto tenant = room_.tenant_of.name(asked);
  const std::string* name = std::get_if<std::string>(&tenant);
  if (subject_of(renewed.get()) != subject_ || name == nullptr || *name != tenant_name_)
    return end(code::forbidden, "the token is of somebody else");
  const Mono now = room_.clock.mono();
  std::vector<std::string> documents;
  std::int64_t left = 0;
  {
    const std::lock_guard lock(mutex_);
    claims_ = std::move(renewed);
    token_until_ = end_of_token(claims_.get(), room_.clock);
    reauth_asked_ = false;
    left = seconds_between(token_until_, now);
    for (const auto& entry : subscriptions_) documents.push_back(entry.first);
  }
  say("{\"t\":\"auth\",\"in\":" + std::to_string(left) + '}');
  for (const std::string& document : documents) {
    if (may(Verb::read, document)) continue;
    drop(document);
    say("{\"t\":\"gone\",\"d\":" + quoted(document) + ",\"err\":\"forbidden\"}");
  }
}

// --- catching up ---------------------------------------------------------------------------------

bool needs_snapshot(const Tenant& tenant, const std::string& document, std::int64_t since) {
  const auto known = tenant.documents().find(document);
  return known && (since < known->gone || tenant.documents().count_after(document, since) >
                                              limits::session_replay_ops_max);
}

namespace {

// The end of a piece of `text` from `at`, between characters.
std::size_t piece_end(std::string_view text, std::size_t at) {
  std::size_t end = std::min(text.size(), at + limits::session_snapshot_part_bytes);
  while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80) --end;
  return end;
}

std::vector<SharedText> snapshot_messages(const std::string& document, const Folded& folded) {
  const std::string state = folded.state.text();
  const std::string head =
      "{\"t\":\"snap\",\"d\":" + quoted(document) + ",\"seq\":" + std::to_string(folded.position);
  std::vector<SharedText> messages;
  std::size_t at = 0;
  do {
    const std::size_t end = piece_end(state, at);
    const bool is_last = end == state.size();
    std::string json = head + ",\"part\":" + std::to_string(messages.size()) +
                       (is_last ? ",\"last\":true" : ",\"last\":false");
    if (is_last) {
      json += ",\"vv\":" + json_of(folded.state.versions());
      json += ",\"xxh3\":\"" + state_hash_text(state) + '"';
    }
    json += ",\"state\":" + quoted(std::string_view(state).substr(at, end - at)) + '}';
    messages.push_back(message_frame(json));
    at = end;
  } while (at < state.size());
  return messages;
}

}  // namespace

LogFeed::Read document_messages(std::shared_ptr<Tenant> tenant, std::string document) {
  return [tenant = std::move(tenant),
          document = std::move(document)](std::int64_t cursor) -> Result<LogFeed::Refill> {
    Tenant::Lease lease = TRY(tenant->read());
    LogFeed::Refill refill;
    refill.cursor = cursor;
    if (needs_snapshot(*tenant, document, cursor)) {
      const Folded folded = TRY(fold_document(*tenant, *lease, document));
      refill.texts = snapshot_messages(document, folded);
      refill.cursor = folded.position;
      refill.has_more = true;  // what came after the fold
      return refill;
    }
    const PageBounds bounds{limits::sync_page_ops_max, limits::feed_bytes_max};
    const Page page = TRY(read_page(*tenant, *lease, document, cursor, bounds));
    refill.cursor = page.to;
    refill.has_more = page.has_more || page.needs_snapshot;  // compacted meanwhile: ask again
    if (page.count > 0)
      refill.texts = {operations_message(document, page.from, page.to, page.operations)};
    return refill;
  };
}

}  // namespace weir::sync
