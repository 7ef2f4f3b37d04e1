// Goal: the promise of websocket.h at every moment of a socket's life: closes, pings, deadlines and
// the bounded queue. Method: a line that is a list of what was written, and a clock that stands
// still until told; no socket, no sleep.

#include "http/websocket.h"

#include "http/websocket_client.h"

#include <catch2/catch.hpp>
#include <map>
#include <optional>
#include <vector>

using namespace weir;
using namespace weir::http;
using test::ClientFrame;
using test::close_frame;
using test::text_frame;
using namespace std::chrono_literals;

namespace {

// What a fake line has seen and what it is told to do; outlives the line.
struct Wire {
  std::string out;               // everything written
  std::size_t taken = SIZE_MAX;  // how much of it the kernel has taken; SIZE_MAX: all
  bool closed = false;
  bool aborted = false;
  bool paused = false;
  bool wants_room = false;
  Mono now{1'000'000'000};
  std::map<std::uint64_t, std::pair<Mono, std::function<void()>>> timers;
  std::uint64_t last_timer = 0;

  void advance(Nanos span) {
    const Mono end = now + span;
    while (true) {
      auto first = timers.end();
      for (auto it = timers.begin(); it != timers.end(); ++it)
        if (it->second.first <= end &&
            (first == timers.end() || it->second.first < first->second.first))
          first = it;
      if (first == timers.end()) break;
      now = std::max(now, first->second.first);
      const auto call = std::move(first->second.second);
      timers.erase(first);
      call();
    }
    now = end;
  }
};

class FakeLine final : public WebSocketLine {
 public:
  explicit FakeLine(Wire& wire) : wire_(wire) {}
  bool write(std::string_view bytes) override {
    if (wire_.closed || wire_.aborted) return false;
    wire_.out += bytes;
    return true;
  }
  bool write(std::shared_ptr<const std::string> bytes) override { return write(*bytes); }
  void close() override { wire_.closed = true; }
  void abort() override { wire_.aborted = true; }
  void pause() override { wire_.paused = true; }
  void resume() override { wire_.paused = false; }
  std::size_t queued_bytes() const override {
    return wire_.out.size() - std::min(wire_.taken, wire_.out.size());
  }
  bool tell_of_room() override {
    wire_.wants_room = queued_bytes() > 0;
    return wire_.wants_room;
  }
  TimerId after(Nanos span, std::function<void()> call) override {
    wire_.timers[++wire_.last_timer] = {wire_.now + span, std::move(call)};
    return {0, wire_.last_timer};
  }
  void cancel(TimerId timer) override { wire_.timers.erase(timer.serial); }
  Mono now() const override { return wire_.now; }

 private:
  Wire& wire_;
};

struct Session final : WebSocketSink {
  Wire wire;
  std::vector<std::string> messages;
  std::optional<std::uint16_t> closed;
  int rooms = 0;
  std::function<void(WebSocket&, std::string_view)> then;
  std::size_t read = 0;  // of wire.out, by `sent`
  WebSocket socket{std::make_unique<FakeLine>(wire), *this};

  void on_message(WebSocket& on, Form, std::string_view message) override {
    messages.emplace_back(message);
    if (then) then(on, message);
  }
  void on_room(WebSocket&) override { ++rooms; }
  void on_closed(WebSocket&, std::uint16_t code) override {
    CHECK_FALSE(closed);
    closed = code;
  }
  // Frames written since the last call.
  std::vector<test::ServerFrame> sent() {
    std::string bytes = wire.out.substr(read);
    read = wire.out.size();
    std::vector<test::ServerFrame> frames;
    while (true) {
      frames.push_back(test::take_frame(bytes));
      if (frames.back().complete) continue;
      frames.pop_back();
      break;
    }
    CHECK(bytes.empty());
    return frames;
  }
};

}  // namespace

TEST_CASE("a ping is answered with its own payload, in order with messages", "[http][websocket]") {
  Session it;
  it.then = [](WebSocket& socket, std::string_view m) { socket.send(WebSocket::Form::text, m); };
  it.socket.on_bytes(text_frame("one") + bytes_of(ClientFrame{.opcode = 9, .payload = "p"}) +
                     text_frame("two"));
  const auto frames = it.sent();
  REQUIRE(frames.size() == 3);
  CHECK(frames[0].payload == "one");
  CHECK(frames[1].opcode == 10);
  CHECK(frames[1].payload == "p");
  CHECK(frames[2].payload == "two");
}

TEST_CASE("a pong is not answered", "[http][websocket]") {
  Session it;
  it.socket.on_bytes(bytes_of(ClientFrame{.opcode = 10, .payload = "p"}));
  CHECK(it.sent().empty());
}

TEST_CASE("a close is answered with its code and the line is closed", "[http][websocket]") {
  for (const unsigned code : {1000U, 1001U, 3000U, 4999U}) {
    Session it;
    it.socket.on_bytes(close_frame(code, "reason") + text_frame("late"));
    const auto frames = it.sent();
    REQUIRE(frames.size() == 1);
    CHECK(frames[0].opcode == 8);
    CHECK(frames[0].code() == code);
    CHECK(it.wire.closed);
    CHECK(it.messages.empty());
    CHECK(it.socket.send(WebSocket::Form::text, "x") == WebSocket::Sent::closed);
    it.socket.on_line_end();
    CHECK(it.closed == code);
  }
}

TEST_CASE("a close without a code is answered without one", "[http][websocket]") {
  Session it;
  it.socket.on_bytes(bytes_of(ClientFrame{.opcode = 8}));
  const auto frames = it.sent();
  REQUIRE(frames.size() == 1);
  CHECK(frames[0].payload.empty());
  it.socket.on_line_end();
  CHECK(it.closed == close_code::none);
}

TEST_CASE("each violation closes with its code and nothing more is read", "[http][websocket]") {
  const std::pair<std::string, unsigned> cases[] = {
      {bytes_of(ClientFrame{.payload = "x", .masked = false}), 1002},
      {bytes_of(ClientFrame{.payload = "x", .reserved = 4}), 1002},
      {text_frame("\xff"), 1007},
      {text_frame(std::string(limits::websocket_message_bytes_max + 1, 'a')), 1009},
      {close_frame(1006), 1002},
  };
  for (const auto& [bytes, code] : cases) {
    Session it;
    it.socket.on_bytes(bytes);
    it.socket.on_bytes(text_frame("after"));
    const auto frames = it.sent();
    REQUIRE(frames.size() == 1);
    CHECK(frames[0].opcode == 8);
    CHECK(frames[0].code() == code);
    CHECK(it.wire.closed);
    CHECK(it.messages.empty());
    it.socket.on_line_end();
    CHECK(it.closed == close_code::lost);
  }
}

TEST_CASE("our close waits for the peer's, and what comes meanwhile is not delivered",
          "[http][websocket]") {
  Session it;
  it.socket.send(WebSocket::Form::text, "goodbye");
  it.socket.close(close_code::going_away, "stopping");
  it.socket.close(close_code::normal);
  const auto frames = it.sent();
  REQUIRE(frames.size() == 2);
  CHECK(frames[0].payload == "goodbye");
  CHECK(frames[1].code() == 1001);
  CHECK(frames[1].payload.substr(2) == "stopping");
  CHECK_FALSE(it.wire.closed);
  it.socket.on_bytes(text_frame("in flight") + close_frame(1001));
  CHECK(it.sent().empty());
  CHECK(it.messages.empty());
  CHECK(it.wire.closed);
  it.socket.on_line_end();
  CHECK(it.closed == 1001);
}

TEST_CASE("a peer that does not answer our close is cut at the deadline", "[http][websocket]") {
  Session it;
  it.socket.close(close_code::normal);
  it.wire.advance(limits::websocket_close_time_max - 1ms);
  CHECK_FALSE(it.wire.aborted);
  it.wire.advance(1ms);
  CHECK(it.wire.aborted);
  it.socket.on_line_end();
  CHECK(it.closed == close_code::lost);
}

TEST_CASE("a line that does not drain behind the closes is cut too", "[http][websocket]") {
  Session it;
  it.socket.on_bytes(close_frame(1000));
  CHECK(it.wire.closed);
  it.wire.advance(limits::websocket_close_time_max);
  CHECK(it.wire.aborted);
}

TEST_CASE("a silent peer is pinged every 20 s and cut after 45 s", "[http][websocket]") {
  Session it;
  it.wire.advance(20s - 1ms);
  CHECK(it.sent().empty());
  it.wire.advance(1ms);
  auto frames = it.sent();
  REQUIRE(frames.size() == 1);
  CHECK(frames[0].opcode == 9);
  it.wire.advance(25s - 1ms);
  CHECK(it.sent().size() == 1);
  CHECK_FALSE(it.wire.aborted);
  it.wire.advance(1ms);
  CHECK(it.wire.aborted);
}

TEST_CASE("a peer that answers its pings lives", "[http][websocket]") {
  Session it;
  std::size_t pings = 0;
  for (int second = 0; second < 600; ++second) {
    it.wire.advance(1s);
    for (const auto& frame : it.sent()) {
      pings += frame.opcode == 9 ? 1 : 0;
      it.socket.on_bytes(bytes_of(ClientFrame{.opcode = 10, .payload = frame.payload}));
    }
  }
  CHECK_FALSE(it.wire.aborted);
  CHECK(pings >= 29);
  CHECK(pings <= 31);
}

TEST_CASE("a queue at 256 KiB says full, and tells of room", "[http][websocket]") {
  Session it;
  it.wire.taken = 0;
  const std::string kibibyte(KiB - 4, 'x');  // with a head of 4 bytes
  std::size_t sent = 0;
  while (it.socket.send(WebSocket::Form::text, kibibyte) == WebSocket::Sent::sent) ++sent;
  CHECK(sent == 256);
  CHECK(it.wire.out.size() <= limits::websocket_queue_bytes_max);
  CHECK(it.socket.send(WebSocket::Form::text, "x") == WebSocket::Sent::full);
  it.wire.taken = SIZE_MAX;
  CHECK(it.wire.wants_room);
  it.socket.on_line_room();
  CHECK(it.rooms == 1);
  CHECK(it.socket.send(WebSocket::Form::text, "x") == WebSocket::Sent::sent);
}

TEST_CASE("a queue of 256 frames says full, and each frame that left makes room",
          "[http][websocket]") {
  Session it;
  it.wire.taken = 0;
  const auto frame =
      std::make_shared<const std::string>(websocket_frame(WebSocketOpcode::text, "abc"));
  for (std::size_t i = 0; i < limits::websocket_queue_frames_max; ++i)
    REQUIRE(it.socket.send_frame(frame) == WebSocket::Sent::sent);
  CHECK(it.socket.send_frame(frame) == WebSocket::Sent::full);
  it.wire.taken = 2 * frame->size() - 1;  // one frame, and most of the second
  CHECK(it.socket.send_frame(frame) == WebSocket::Sent::sent);
  CHECK(it.socket.send_frame(frame) == WebSocket::Sent::full);
}

TEST_CASE("one frame may be larger than the queue when nothing waits", "[http][websocket]") {
  Session it;
  CHECK(it.socket.send(WebSocket::Form::binary, std::string(MiB, 'x')) == WebSocket::Sent::sent);
  it.wire.taken = 10;
  CHECK(it.socket.send(WebSocket::Form::text, "x") == WebSocket::Sent::full);
}

TEST_CASE("answers to many messages of one read are not held against the bound",
          "[http][websocket]") {
  Session it;
  it.then = [](WebSocket& socket, std::string_view m) {
    CHECK(socket.send(WebSocket::Form::text, m) == WebSocket::Sent::sent);
  };
  std::string bytes;
  for (int i = 0; i < 1'000; ++i) bytes += text_frame("x");
  it.socket.on_bytes(bytes);
  CHECK(it.sent().size() == 1'000);
}

TEST_CASE("a stopping server closes with 1001", "[http][websocket]") {
  Session it;
  it.socket.on_line_drain();
  const auto frames = it.sent();
  REQUIRE(frames.size() == 1);
  CHECK(frames[0].code() == 1001);
}

TEST_CASE("a peer that does not read is not answered without end", "[http][websocket]") {
  Session it;
  it.wire.taken = 0;
  const std::string ping = bytes_of(ClientFrame{.opcode = 9, .payload = std::string(125, 'p')});
  for (int i = 0; i < 10'000; ++i) it.socket.on_bytes(ping);
  CHECK(it.wire.out.size() <= limits::websocket_queue_frames_max * 127);
}

TEST_CASE("a queue that does not move for 30 s is cut, one that moves is not",
          "[http][websocket]") {
  for (const bool moves : {false, true}) {
    Session it;
    it.wire.taken = 0;
    REQUIRE(it.socket.send(WebSocket::Form::text, std::string(100'000, 'x')) ==
            WebSocket::Sent::sent);
    for (int second = 0; second < 120 && !it.wire.aborted; ++second) {
      it.wire.advance(1s);
      if (moves) it.wire.taken += 100;
    }
    CHECK(it.wire.aborted == !moves);
  }
}

TEST_CASE("a paused socket delivers nothing, and then everything in order", "[http][websocket]") {
  Session it;
  it.then = [](WebSocket& socket, std::string_view) { socket.pause(); };
  it.socket.on_bytes(text_frame("one") + text_frame("two") + text_frame("three"));
  CHECK(it.messages == std::vector<std::string>{"one"});
  CHECK(it.wire.paused);
  it.socket.resume();
  CHECK(it.messages == std::vector<std::string>{"one", "two"});
  CHECK(it.wire.paused);
  it.then = {};
  it.socket.resume();
  CHECK(it.messages == std::vector<std::string>{"one", "two", "three"});
  CHECK_FALSE(it.wire.paused);
}

TEST_CASE("a socket that we paused is not taken for dead", "[http][websocket]") {
  Session it;
  it.socket.pause();
  it.wire.advance(200s);
  CHECK_FALSE(it.wire.aborted);
  it.socket.resume();
  it.wire.advance(46s);
  CHECK(it.wire.aborted);
}

TEST_CASE("a socket closed while paused reads the peer's answer", "[http][websocket]") {
  Session it;
  it.socket.pause();
  it.socket.close(close_code::restart);
  CHECK_FALSE(it.wire.paused);
  it.socket.on_bytes(close_frame(1012));
  CHECK(it.wire.closed);
}

TEST_CASE("a line that ends without a close is told as lost", "[http][websocket]") {
  Session it;
  it.socket.on_line_end();
  CHECK(it.closed == close_code::lost);
  CHECK(it.wire.out.empty());
  CHECK(it.wire.timers.empty());
  it.socket.on_line_end();
}
