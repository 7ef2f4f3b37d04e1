// What a client says over a session's socket, and what comes of it: hello, subscriptions, pushes,
// presence, tokens.

#include "sync/session.h"

#include "http/websocket_frames.h"
#include "sync/push.h"
#include "sync/session_codes.h"
#include "text/json.h"

#include <algorithm>

namespace weir::sync {

using text::Value;

namespace {

// A feed of a socket with many documents keeps at least this much.
constexpr std::size_t feed_bytes_min = 16 * KiB;

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
  const auto own = std::make_shared<OwnOperations>();
  auto feed = std::make_shared<LogFeed>(room_.hub, room_.readers, room_.clock,
                                        document_messages(tenant_, *document, own), settings);
  if (!feed->join(document_key(tenant_name_, *document))) return err_row(*document, "overloaded");
  feed->start([weak = weak_from_this(), name = *document] {
    if (const auto self = weak.lock()) self->on_feed(name);
  });
  bool is_over = false;
  {
    const std::lock_guard lock(mutex_);
    is_over = phase_ == Phase::over;
    if (!is_over) subscriptions_[*document] = {feed, own};
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
  Pusher pusher{subject_, origin_, nullptr};
  {
    const std::lock_guard lock(mutex_);
    ++unacknowledged_;
    const auto entry = subscriptions_.find(*document);
    if (entry != subscriptions_.end()) pusher.own = entry->second.own;
  }
  Job job = push_job(tenant_, *document, std::move(pusher), std::get<Batch>(std::move(decoded)));
  job.answer = room_.counted([self = shared_from_this(), id, document = *document](
                                 const Reply& reply) { self->acknowledge(id, document, reply); });
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
  frame->presence_origin = origin_;
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

}  // namespace weir::sync
