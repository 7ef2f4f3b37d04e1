// Question: how many messages a second does one core echo, engine alone, beside npm `ws`?
// Budget (issue "Wire"): >= 1.5 x `ws`, small and 1 KiB text messages, some tens of connections.
//
//   bench-websocket serve PORT                                          an echo server, one loop
//   bench-websocket load PORT CONNECTIONS BYTES IN_FLIGHT MILLISECONDS  prints messages per second
//
// The load sends masked text, checks the length of every echo, and counts those that came back
// while the time ran. Pinning and counting of CPU belong to scripts/bench/websocket.

#include "base/log.h"
#include "http/server.h"
#include "http/websocket_handshake.h"
#include "http/websocket_tunnel.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <unordered_map>
#include <vector>

using namespace weir;

namespace {

http::Server* running = nullptr;

// Ends with its socket.
class Echo final : public http::WebSocketSink {
 public:
  static void open(http::Exchange& exchange, http::Response head) {
    auto* const echo = new Echo;  // owned by itself until on_closed
    echo->socket_ = http::open_websocket(exchange, std::move(head), *echo);
  }
  void on_message(http::WebSocket& socket, Form form, std::string_view message) override {
    socket.send(form, message);
  }
  void on_closed(http::WebSocket&, std::uint16_t) override { delete this; }

 private:
  std::unique_ptr<http::WebSocket> socket_;
};

class EchoHandler final : public http::Handler {
 public:
  void on_request(http::Exchange& exchange) override {
    const http::WebSocketOffer offer = http::read_websocket_offer(exchange.request());
    if (!offer.ok()) return exchange.refuse(offer.status, offer.detail, offer.fields);
    Echo::open(exchange, http::websocket_response(offer, {}));
  }
};

int serve(std::uint16_t port) {
  SystemClock clock;
  LineWriter writer(STDERR_FILENO, 64);
  Log log(clock, writer, LogLevel::warning, LogForm::text);
  http::ServerSettings settings;
  http::ListenerSettings listener;
  listener.port = port;
  settings.listeners.push_back(listener);
  auto server = http::Server::open(
      settings, [](http::Loop&) { return std::make_unique<EchoHandler>(); }, clock, log);
  if (!server.ok()) {
    std::fprintf(stderr, "%s\n", server.error().text().c_str());
    return 1;
  }
  running = server->get();
  const auto stop = [](int) { running->stop(std::chrono::seconds(1)); };
  std::signal(SIGTERM, stop);
  std::signal(SIGINT, stop);
  (*server)->run();
  return 0;
}

// --- load ----------------------------------------------------------------------------------------

struct Load {
  std::uint16_t port = 0;
  int connections = 1;
  std::size_t bytes = 16;
  int in_flight = 1;
  std::int64_t millis = 1'000;
};

std::string masked_frame(std::size_t bytes) {
  const char key[4] = {0x12, 0x34, 0x56, 0x78};
  std::string frame(1, static_cast<char>(0x81));
  if (bytes < 126) {
    frame += static_cast<char>(0x80 | bytes);
  } else {
    frame += static_cast<char>(0xfe);
    frame += static_cast<char>(bytes >> 8 & 0xff);
    frame += static_cast<char>(bytes & 0xff);
  }
  frame.append(key, sizeof key);
  for (std::size_t i = 0; i < bytes; ++i)
    frame += static_cast<char>(('a' + static_cast<int>(i % 26)) ^ key[i % 4]);
  return frame;
}

int connect_to(std::uint16_t port) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int on = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return -1;
  const std::string hello =
      "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: "
      "Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  if (::send(descriptor, hello.data(), hello.size(), 0) < 0) return -1;
  std::string answer;
  char byte = 0;
  while (answer.find("\r\n\r\n") == std::string::npos) {
    if (::recv(descriptor, &byte, 1, 0) != 1) return -1;
    answer += byte;
  }
  return answer.compare(0, 12, "HTTP/1.1 101") == 0 ? descriptor : -1;
}

int load(const Load& plan) {
  SystemClock clock;
  const std::string frame = masked_frame(plan.bytes);
  std::string burst;
  for (int i = 0; i < plan.in_flight; ++i) burst += frame;
  const std::size_t echo_bytes = frame.size() - 4;  // without the mask
  const std::size_t round_bytes = echo_bytes * static_cast<std::size_t>(plan.in_flight);
  const int poll = ::epoll_create1(EPOLL_CLOEXEC);
  std::unordered_map<int, std::size_t> waiting;  // bytes of the round that are still to come
  for (int i = 0; i < plan.connections; ++i) {
    const int descriptor = connect_to(plan.port);
    if (descriptor < 0) {
      std::fprintf(stderr, "no WebSocket on port %d\n", plan.port);
      return 1;
    }
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = descriptor;
    ::epoll_ctl(poll, EPOLL_CTL_ADD, descriptor, &event);
    waiting[descriptor] = round_bytes;
  }
  for (const auto& entry : waiting) ::send(entry.first, burst.data(), burst.size(), MSG_NOSIGNAL);
  const Mono begin = clock.mono();
  const Mono end = begin + std::chrono::milliseconds(plan.millis);
  std::uint64_t rounds = 0;
  std::vector<char> room(256 * KiB);
  Mono now = begin;
  while (now < end) {
    epoll_event events[64];
    const int count = ::epoll_wait(poll, events, 64, 100);
    for (int i = 0; i < count; ++i) {
      const int descriptor = events[i].data.fd;
      const ssize_t got = ::recv(descriptor, room.data(), room.size(), MSG_DONTWAIT);
      std::size_t& left = waiting[descriptor];
      if (got <= 0 || static_cast<std::size_t>(got) > left) {
        std::fprintf(stderr, "a connection ended, or echoed more than was sent\n");
        return 1;
      }
      left -= static_cast<std::size_t>(got);
      if (left > 0) continue;
      ++rounds;
      left = round_bytes;
      ::send(descriptor, burst.data(), burst.size(), MSG_NOSIGNAL);
    }
    now = clock.mono();
  }
  const double seconds = std::chrono::duration<double>(now - begin).count();
  std::printf("%.0f\n", static_cast<double>(rounds) * plan.in_flight / seconds);
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  const std::string_view word = count > 1 ? arguments[1] : "";
  if (word == "serve" && count == 3)
    return serve(static_cast<std::uint16_t>(std::atoi(arguments[2])));
  if (word == "load" && count == 7) {
    return load({static_cast<std::uint16_t>(std::atoi(arguments[2])), std::atoi(arguments[3]),
                 static_cast<std::size_t>(std::atoi(arguments[4])), std::atoi(arguments[5]),
                 std::atoi(arguments[6])});
  }
  std::fprintf(stderr,
               "usage: bench-websocket serve PORT | load PORT CONNECTIONS BYTES IN_FLIGHT "
               "MILLISECONDS\n");
  return 2;
}
