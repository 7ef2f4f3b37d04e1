#include "edge/succession.h"

#include "base/bytes.h"
#include "base/process_limits.h"
#include "edge/answers.h"
#include "edge/pipeline.h"
#include "http/client.h"

#include <algorithm>

namespace weir::edge {
namespace {

bool is_any_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::any_of(names.begin(), names.end(),
                     [name](std::string_view one) { return equals_ignoring_case(one, name); });
}

// Of one connection, or told by us: they are not handed on.
bool belongs_to_hop(std::string_view name) {
  return is_any_of(
      name, {"connection", "keep-alive", "transfer-encoding", "content-length", "expect", "upgrade",
             "te", "trailer", "host", "forwarded", "x-forwarded-for", "date", "server"});
}

bool writes(const Visit& visit) {
  if (visit.route->target == Route::Target::data) return true;
  return visit.route->target == Route::Target::control &&
         visit.exchange->request().method_text == "POST";
}

bool waits_by_nature(const http::Request& request) {
  const http::Field* accept = request.find("accept");
  const bool is_stream =
      accept != nullptr && accept->value.find("event-stream") != accept->value.npos;
  const bool reads = request.method == http::Method::get;
  return !request.protocol.empty() ||
         (reads && (is_stream || request.query.find("wait") != std::string_view::npos));
}

void ask_again(Visit& visit) {
  visit.exchange->close_after();  // the next connection reaches the successor
  refuse(visit, {503,
                 "not-available",
                 "The server is being replaced; ask again.",
                 {},
                 {{"Retry-After", "1"}}});
}

}  // namespace

bool Succession::takes(Visit& visit, ListenerKind kind) {
  const auto phase = parts_.phase.load(std::memory_order_acquire);
  if (phase == SuccessionParts::Phase::none || !writes(visit)) return false;
  if (waits_by_nature(visit.exchange->request())) {
    ask_again(visit);
  } else if (phase == SuccessionParts::Phase::succeeded) {
    hand_on(visit, kind);
  } else if (held_.size() >= limits::requests_held_max) {
    ask_again(visit);
  } else {
    loop_ = &visit.exchange->loop();
    held_.push_back(visit.exchange->id());
  }
  return true;
}

void Succession::resume(const std::function<void(Visit&)>& answer) {
  const std::vector<http::ExchangeId> all = std::move(held_);
  held_.clear();
  for (const http::ExchangeId id : all) {
    http::Exchange* const exchange = loop_->find(id);
    if (exchange != nullptr && !exchange->answered())
      answer(*static_cast<Visit*>(exchange->user()));
  }
}

void Succession::hand_on(Visit& visit, ListenerKind kind) {
  const http::Request& request = visit.exchange->request();
  const bool has_body = request.framing != http::Framing::none && !request.dropped_body;
  if (!has_body || visit.body_read) return send(visit, kind);
  visit.exchange->read_body(limits::sync_body_bytes_max, [this, kind](http::Exchange& exchange) {
    send(*static_cast<Visit*>(exchange.user()), kind);
  });
}

void Succession::send(Visit& visit, ListenerKind kind) {
  const http::Request& request = visit.exchange->request();
  http::FetchRequest order;
  order.method = request.method_text;
  order.url = "http://" + (request.host.empty() ? "localhost" : std::string(request.host));
  order.url += std::string(request.raw_path);
  if (!request.query.empty()) order.url += '?' + std::string(request.query);
  for (const http::Field& field : request.fields) {
    if (!belongs_to_hop(field.name))
      order.headers.emplace_back(std::string(field.name), std::string(field.value));
  }
  order.headers.emplace_back("X-Forwarded-For", visit.client.text());
  order.body = visit.body != nullptr ? *visit.body : visit.exchange->take_body();
  order.redirects_max = 0;
  const bool is_admin = kind != ListenerKind::open && kind != ListenerKind::hand_over;
  order.unix_path = is_admin ? parts_.admin_socket : parts_.hand_over_socket;

  http::Loop& loop = visit.exchange->loop();
  const http::ExchangeId id = visit.exchange->id();
  const Status offered = parts_.workers->offer([&loop, id, order = std::move(order)] {
    auto answer = std::make_shared<Result<http::Fetched>>(http::fetch(order));
    loop.post([&loop, id, answer] {
      http::Exchange* const exchange = loop.find(id);
      if (exchange == nullptr || exchange->answered()) return;
      Visit& waiting = *static_cast<Visit*>(exchange->user());
      if (!answer->ok()) return ask_again(waiting);
      http::Response response;
      response.status = (*answer)->status;
      for (const auto& [name, value] : (*answer)->fields) {
        if (!belongs_to_hop(name)) response.fields.emplace_back(name, value);
      }
      response.body = std::move((*answer)->body);
      respond(waiting, std::move(response));
    });
  });
  if (!offered.ok()) ask_again(visit);
}

}  // namespace weir::edge
