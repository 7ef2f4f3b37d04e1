#include "http/websocket_tunnel.h"

#include "base/must.h"

namespace weir::http {
namespace {

// The socket keeps the bound itself and needs some room above it for its last words: one message
// that came alone, pings, the close.
constexpr std::size_t tunnel_bytes_max = 16 * MiB;

class TunnelLine final : public WebSocketLine, public TunnelSink {
 public:
  explicit TunnelLine(Loop& loop) : loop_(loop) {}
  ~TunnelLine() override { MUST(tunnel_ == nullptr); }  // the engine would call into nothing

  void attach(Tunnel& tunnel, WebSocket& socket) {
    tunnel_ = &tunnel;
    socket_ = &socket;
    tunnel.set_queue_bytes_max(tunnel_bytes_max);
  }

  bool write(std::string_view bytes) override {
    return tunnel_ != nullptr && tunnel_->write(bytes) == Wrote::sent;
  }
  bool write(std::shared_ptr<const std::string> bytes) override {
    return tunnel_ != nullptr && tunnel_->write(std::move(bytes)) == Wrote::sent;
  }
  void close() override {
    if (tunnel_ != nullptr) tunnel_->close();
  }
  void abort() override {
    if (tunnel_ != nullptr) tunnel_->abort();
  }
  void pause() override {
    if (tunnel_ != nullptr) tunnel_->pause();
  }
  void resume() override {
    if (tunnel_ != nullptr) tunnel_->resume();
  }
  std::size_t queued_bytes() const override {
    return tunnel_ == nullptr ? 0 : tunnel_->queued_bytes();
  }
  bool tell_of_room() override {
    if (tunnel_ == nullptr || tunnel_->queued_bytes() == 0) return false;
    // A tunnel tells of room after a write that it refused: give it one that it must refuse.
    tunnel_->set_queue_bytes_max(0);
    MUST(tunnel_->write(std::string_view("x")) != Wrote::sent);
    tunnel_->set_queue_bytes_max(tunnel_bytes_max);
    return true;
  }
  TimerId after(Nanos span, std::function<void()> call) override {
    return loop_.after(span, std::move(call));
  }
  void cancel(TimerId timer) override { loop_.cancel(timer); }
  Mono now() const override { return loop_.now(); }

  void on_bytes(Tunnel&, std::string_view bytes) override { socket_->on_bytes(bytes); }
  void on_room(Tunnel&) override { socket_->on_line_room(); }
  void on_drain(Tunnel&) override { socket_->on_line_drain(); }
  void on_end(Tunnel&, Ending) override {
    tunnel_ = nullptr;
    socket_->on_line_end();  // both may be gone now
  }

 private:
  Loop& loop_;
  Tunnel* tunnel_ = nullptr;
  WebSocket* socket_ = nullptr;
};

}  // namespace

std::unique_ptr<WebSocket> open_websocket(Exchange& exchange, Response head, WebSocketSink& sink) {
  auto owned = std::make_unique<TunnelLine>(exchange.loop());
  TunnelLine& line = *owned;
  auto socket = std::make_unique<WebSocket>(std::move(owned), sink);
  line.attach(exchange.open_tunnel(std::move(head), line), *socket);
  return socket;
}

}  // namespace weir::http
