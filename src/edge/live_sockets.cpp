#include "edge/live_sockets.h"

#include "edge/answers.h"
#include "edge/steps.h"

#include "http/websocket_handshake.h"
#include "http/websocket_tunnel.h"
#include "sync/session.h"

#include <array>
#include <deque>

namespace weir::edge {

namespace {

constexpr std::array<std::string_view, 1> subprotocols{"weir.sync.v1"};

// What a socket asks of the route that it came by.
class RouteGate final : public sync::SessionGate {
 public:
  RouteGate(const Visit& visit, std::string mount)
      : loop_(*visit.loop),
        pipeline_(visit.route->pipeline->weak_from_this().lock()),
        route_(*visit.route),
        mount_(std::move(mount)),
        host_(visit.exchange->request().host) {}

  bool may_reach(sync::Verb verb, std::string_view document) const override {
    std::string path = mount_ + "/" + std::string(document);
    if (verb == sync::Verb::write) path += "/ops";
    return &route_.pipeline->route_of({host_, path, verb == sync::Verb::write ? "POST" : "GET"}) ==
           &route_;
  }

  std::shared_ptr<const text::Value> authenticate(std::string_view token) const override {
    const guard::Moment now{loop_.clock.wall(), loop_.clock.mono()};
    const auto claims = judge_token(route_.steps, token, now);
    if (claims == nullptr) return nullptr;
    return {claims, &claims->claims};
  }

  bool is_attack(std::string_view message) const override {
    const waf::WafRequest request{"POST", mount_, {}, {}, waf::BodyReading::json};
    return blocks_body(route_.steps, request, message);
  }

 private:
  LoopState& loop_;  // lives as long as the loop, and that as long as its sockets
  // A worker may still ask when the socket and its visit have gone. Null: the process has one
  // pipeline for good.
  const std::shared_ptr<const Pipeline> pipeline_;
  const Route& route_;
  const std::string mount_;
  const std::string host_;
};

class LiveSocket final : public http::WebSocketSink {
 public:
  explicit LiveSocket(std::shared_ptr<sync::Session> session) : session_(std::move(session)) {}
  ~LiveSocket() override { session_->close(); }

  static void open(http::Exchange& exchange, http::Response head,
                   std::shared_ptr<sync::Session> session) {
    auto made = std::make_shared<LiveSocket>(std::move(session));
    made->self_ = made;
    made->socket_ = http::open_websocket(exchange, std::move(head), *made);
    made->session_->start([&loop = exchange.loop(), weak = std::weak_ptr<LiveSocket>(made)] {
      loop.post([weak] {
        if (const auto socket = weak.lock()) socket->pump();
      });
    });
    made->pump();
  }

  void on_message(http::WebSocket& socket, Form form, std::string_view message) override {
    if (form == Form::binary) return socket.close(http::close_code::not_understood, "text only");
    session_->receive(message);
    pump();
  }
  void on_room(http::WebSocket&) override { pump(); }
  void on_drain(http::WebSocket&) override {
    session_->say_goodbye(sync::Farewell::stop);
    pump();
  }
  void on_closed(http::WebSocket&, std::uint16_t) override {
    session_->close();
    const std::shared_ptr<LiveSocket> last = std::move(self_);  // ends here
  }

 private:
  // Moves what the session has to the socket, until one of them has enough.
  void pump() {
    while (socket_->is_open()) {
      while (!waiting_.empty()) {
        if (socket_->send_frame(waiting_.front()) != http::WebSocket::Sent::sent) return;
        waiting_.pop_front();
      }
      sync::Session::Taken taken = session_->take(limits::stream_ahead_bytes);
      waiting_.assign(std::make_move_iterator(taken.frames.begin()),
                      std::make_move_iterator(taken.frames.end()));
      if (taken.close_code != 0) return say_last(taken);
      if (taken.wants_input) socket_->resume();
      else socket_->pause();
      if (waiting_.empty()) return;
    }
  }

  void say_last(const sync::Session::Taken& taken) {
    for (const sync::SharedText& frame : waiting_) socket_->send_frame(frame);
    waiting_.clear();
    socket_->close(taken.close_code, taken.close_reason);
  }

  std::shared_ptr<LiveSocket> self_;
  std::shared_ptr<sync::Session> session_;
  std::unique_ptr<http::WebSocket> socket_;
  std::deque<sync::SharedText> waiting_;  // taken, but the socket was full
};

void refuse_offer(Visit& visit, const http::WebSocketOffer& offer) {
  refuse(visit, {offer.status,
                 offer.status == 426 ? "upgrade-required" : "bad-request",
                 offer.detail,
                 {},
                 offer.fields,
                 Refusal::Form::problem});
}

}  // namespace

void open_live_socket(Visit& visit, sync::SyncService& service, const LiveSettings& settings) {
  http::Exchange& exchange = *visit.exchange;
  const http::Request& request = exchange.request();
  const http::WebSocketOffer offer = http::read_websocket_offer(request);
  if (!offer.ok()) return refuse_offer(visit, offer);
  if (!http::origin_may_connect(request, settings.origins))
    return refuse(visit, {403, "forbidden",
                          "A page of another origin may not connect; data.origins lists those that "
                          "may."});
  const std::string_view subprotocol = http::choose_subprotocol(offer, subprotocols);
  if (subprotocol.empty())
    return refuse(visit, {400, "bad-request",
                          "Sec-WebSocket-Protocol: expected weir.sync.v1 among those offered."});
  sync::SessionAsk ask;
  ask.host = bare_host_of(request.host);
  if (visit.token != nullptr)
    ask.claims = std::shared_ptr<const text::Value>(visit.token, &visit.token->claims);
  ask.gate = std::make_shared<RouteGate>(visit, settings.mount);
  auto opened = service.open_session(std::move(ask));
  if (sync::Reply* refused = std::get_if<sync::Reply>(&opened))
    return refuse(visit, {refused->status,
                          refused->problem,
                          refused->detail,
                          {},
                          std::move(refused->fields),
                          Refusal::Form::problem});
  http::Response head = http::websocket_response(offer, subprotocol);
  visit.decision.status = head.status;
  add_lines(head.fields, visit.fields);
  LiveSocket::open(exchange, std::move(head),
                   std::get<std::shared_ptr<sync::Session>>(std::move(opened)));
}

}  // namespace weir::edge
