#include "edge/data_routes.h"

#include "base/bytes.h"
#include "edge/answers.h"
#include "edge/body_coding.h"
#include "edge/live_sockets.h"
#include "edge/pattern.h"
#include "http/websocket_handshake.h"
#include "text/json.h"

namespace weir::edge {

void DataRoutes::answer(Visit& visit) {
  const http::Request& request = visit.exchange->request();
  std::string_view below;
  const bool is_sync = is_below(mounts_.sync, request.path, below);
  if (!is_sync && !is_below(mounts_.kv, request.path, below)) {
    return refuse(visit, {404, "not-found", "No data surface is mounted here."});
  }
  if (is_sync && http::asks_for_websocket(request))
    return open_live_socket(visit, service_, {mounts_.sync, origins_});
  const sync::Surface surface = is_sync ? sync::Surface::sync : sync::Surface::kv;
  const bool has_body = request.framing != http::Framing::none && !request.dropped_body;
  if (!has_body || visit.body_read) return ask(visit, surface, below);
  if (!takes_coding(visit)) return;
  visit.exchange->read_body(limits::sync_body_bytes_max,
                            [this, surface, below](http::Exchange& exchange) {
                              // `below` points into the request, which is still here.
                              Visit& waiting = *static_cast<Visit*>(exchange.user());
                              if (decode_body(waiting, limits::sync_body_bytes_max))
                                ask(waiting, surface, below);
                            });
}

namespace {

// The keys that a request of the key-value side writes if it succeeds.
std::vector<std::string> written_keys(const sync::Ask& ask) {
  if (ask.surface != sync::Surface::kv) return {};
  if (ask.method == "PUT" || ask.method == "DELETE") return {ask.path};
  std::vector<std::string> keys;
  if (ask.method != "POST" || ask.path != "atomic") return keys;
  const auto body = text::parse_json(ask.body);
  if (!body.ok()) return keys;
  for (const std::string_view list : {"sets", "deletes"}) {
    const text::Value* items = body->find(list);
    if (items == nullptr || items->array() == nullptr) continue;
    for (const text::Value& item : *items->array()) {
      const text::Value* key = item.is_object() ? item.find("k") : &item;
      if (key != nullptr && key->string() != nullptr) keys.push_back(*key->string());
    }
  }
  return keys;
}

}  // namespace

void DataRoutes::ask(Visit& visit, sync::Surface surface, std::string_view below) {
  const http::Request& request = visit.exchange->request();
  sync::Ask ask;
  ask.surface = surface;
  ask.method = request.method_text;
  ask.path = below;
  ask.query = request.query;
  ask.host = bare_host_of(request.host);
  for (const std::string_view name : sync::ask_fields) {
    if (const http::Field* field = request.find(name)) ask.fields.emplace_back(name, field->value);
  }
  if (visit.token != nullptr)
    ask.claims = std::shared_ptr<const text::Value>(visit.token, &visit.token->claims);
  ask.body = visit.body != nullptr ? *visit.body : visit.exchange->take_body();

  http::Loop& loop = visit.exchange->loop();
  const http::ExchangeId id = visit.exchange->id();
  visit.exchange->on_gone([this, &loop, id] {
    if (http::Exchange* exchange = loop.find(id)) gone(*static_cast<Visit*>(exchange->user()));
  });
  std::vector<std::string> keys;
  if (changed_) keys = written_keys(ask);
  visit.sync_ask = service_.answer(std::move(ask), [this, &loop, id, keys](sync::Reply reply) {
    if (!keys.empty() && !reply.failed()) changed_(keys);
    auto shared = std::make_shared<sync::Reply>(std::move(reply));
    loop.post([this, &loop, id, shared] {
      http::Exchange* exchange = loop.find(id);
      if (exchange == nullptr || exchange->answered()) {
        if (shared->feed != nullptr) shared->feed->close();
        return;
      }
      replied(*static_cast<Visit*>(exchange->user()), *shared);
    });
  });
}

void DataRoutes::gone(Visit& visit) {
  if (visit.sync_ask != 0) service_.cancel(visit.sync_ask);
  visit.sync_ask = 0;
}

namespace {

// "etag" -> "ETag" is not needed on the wire: names are case-insensitive. Members go into the
// problem document.
void answer_problem(Visit& visit, sync::Reply& reply) {
  std::string members;
  for (const text::Member& member : reply.members) {
    if (!members.empty()) members += ',';
    members += text::json_of(text::Value(std::string_view(member.name)));
    members += ':';
    text::append_json(members, member.value);
  }
  refuse(visit, {reply.status, reply.problem, reply.detail, members, std::move(reply.fields),
                 Refusal::Form::problem});
}

}  // namespace

void DataRoutes::replied(Visit& visit, sync::Reply& reply) {
  visit.sync_ask = 0;
  if (reply.failed()) return answer_problem(visit, reply);
  visit.decision.status = reply.status;
  if (reply.feed != nullptr) return stream(visit, reply);
  http::Response response;
  response.status = reply.status;
  response.fields = std::move(reply.fields);
  if (reply.body != nullptr) response.body = *reply.body;
  respond(visit, std::move(response));
}

namespace {

// Moves what the feed has to the socket, until one of them has enough.
void pump(http::Loop& loop, http::ExchangeId id, http::StreamWriter& writer,
          const std::shared_ptr<sync::Feed>& feed) {
  if (loop.find(id) == nullptr) return feed->close();
  while (true) {
    const std::size_t queued = writer.queued_bytes();
    if (queued >= limits::stream_ahead_bytes) {
      writer.on_room([&loop, id, &writer, feed] { pump(loop, id, writer, feed); });
      return;
    }
    sync::Feed::Taken taken = feed->take(limits::stream_ahead_bytes - queued);
    for (const sync::SharedText& chunk : taken.chunks) {
      if (writer.write(chunk) == http::StreamWriter::Wrote::sent) continue;
      // Our own bound is below the writer's, so a refusal means that the client has gone.
      return feed->close();
    }
    if (taken.ended) return writer.close();
    if (taken.chunks.empty()) return;  // the feed calls `wake` when there is more
  }
}

}  // namespace

void DataRoutes::stream(Visit& visit, sync::Reply& reply) {
  http::Loop& loop = visit.exchange->loop();
  const http::ExchangeId id = visit.exchange->id();
  http::Response head;
  head.status = reply.status;
  head.fields = std::move(reply.fields);
  add_lines(head.fields, visit.fields);
  const std::shared_ptr<sync::Feed> feed = reply.feed;
  visit.exchange->on_gone([feed] { feed->close(); });
  http::StreamWriter& writer = visit.exchange->start_stream(std::move(head));
  writer.set_queue_bytes_max(limits::event_queue_bytes_max);
  feed->start([&loop, id, &writer, feed = std::weak_ptr<sync::Feed>(feed)] {
    loop.post([&loop, id, &writer, feed] {
      if (const auto alive = feed.lock()) pump(loop, id, writer, alive);
    });
  });
  pump(loop, id, writer, feed);
}

}  // namespace weir::edge
