// Goal: what a handler can do besides one whole answer: bodies in pieces with back-pressure,
// interim answers, streams with a length, trailers, tunnels, foreign descriptors. Method: live
// servers; clients that say exact bytes; the kernel's buffers are the back-pressure.

#include "live_server.h"
#include "support.h"

#include "base/bytes.h"
#include "http/head_parser.h"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <atomic>
#include <string>

using namespace weir;
using namespace weir::http;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

std::string get(std::string_view path, std::string_view fields = "") {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n";
}

std::string post(std::string_view path, std::string_view body) {
  return "POST " + std::string(path) +
         " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

// Takes a body and answers with what it was; each piece is followed by a pause that a timer ends.
class SlowReader : public BodySink {
 public:
  void on_body(Exchange& exchange, std::string_view piece) override {
    CHECK_FALSE(paused);
    body.append(piece);
    ++pieces;
    exchange.pause_body();
    paused = true;
    Loop& loop = exchange.loop();
    loop.after(1ms, [this, &loop, id = exchange.id()] {
      paused = false;
      if (Exchange* const again = loop.find(id)) again->resume_body();
    });
  }
  void on_body_end(Exchange& exchange, const Fields& trailers) override {
    CHECK(trailers.empty());
    exchange.respond(Response{200, {}, std::to_string(pieces > 0) + " " + body});
  }
  std::string body;
  std::size_t pieces = 0;
  bool paused = false;
};

// The sink belongs to the exchange.
template <class Sink>
Sink& sink_of(Exchange& exchange) {
  auto* const sink = new Sink;
  exchange.set_user(sink, [](void* user) { delete static_cast<Sink*>(user); });
  return *sink;
}

}  // namespace

TEST_CASE("a body comes in pieces, paused and resumed, with and without a length",
          "[http][seams]") {
  LiveServer live(
      [](Exchange& exchange) { exchange.stream_body(1 * MiB, sink_of<SlowReader>(exchange)); });
  RawClient client(live.port());
  const std::string large = std::string(300 * KiB, 'a') + "end";
  client.say(post("/", large) + get("/"));
  CHECK(client.hear().body == "1 " + large);
  CHECK(client.hear().body == "0 ");
  client.say(
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n");
  client.say("0\r\nX-Trailer: dropped\r\n\r\n" + get("/"));
  CHECK(client.hear().body == "1 abcde");
  CHECK(client.hear().body == "0 ");
  client.say("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  CHECK(client.hear().status == 100);
  client.say("ok");
  CHECK(client.hear().body == "1 ok");
}

namespace {
// Never resumes: the client's bytes must stay in the kernel's buffers.
class Stopper : public BodySink {
 public:
  void on_body(Exchange& exchange, std::string_view) override { exchange.pause_body(); }
  void on_body_end(Exchange&, const Fields&) override {}
};
}  // namespace

TEST_CASE("a paused body is not read from the socket, and times out for us, not the client",
          "[http][seams]") {
  ManualClock clock;
  LiveServer live(
      [](Exchange& exchange) { exchange.stream_body(64 * MiB, sink_of<Stopper>(exchange)); },
      {.clock = &clock});
  RawClient client(live.port());
  client.say("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n\r\n");
  client.say(std::string(64 * KiB, 'x'));
  live.wait_for_requests(1);
  live.wait_until([&live] { return live.server().counters().bytes_in > 1'000; });
  const auto taken = live.server().counters().bytes_in;
  client.say(std::string(64 * KiB, 'x'));
  live.turn();
  CHECK(live.server().counters().bytes_in <= taken + 64 * KiB);
  for (int i = 0; i < 59; ++i) {
    clock.advance(1s);
    live.turn();
  }
  CHECK(client.is_silent(20));
  for (int i = 0; i < 3; ++i) {
    clock.advance(1s);
    live.turn();
  }
  CHECK(client.hear().status == 504);
}

namespace {
class EarlyAnswer : public BodySink {
 public:
  void on_body(Exchange& exchange, std::string_view piece) override {
    if (exchange.request().path == "/stream") {
      if (!exchange.streaming()) writer = &exchange.start_stream({200, {}, {}});
      writer->write(piece);
    } else if (!exchange.answered()) {
      exchange.respond(Response{403, {}, "no"});
    }
  }
  void on_body_end(Exchange& exchange, const Fields&) override {
    CHECK_FALSE(exchange.answered());
    writer->close();
  }
  StreamWriter* writer = nullptr;
};
}  // namespace

TEST_CASE("an answer may begin, or end, before the body has", "[http][seams]") {
  LiveServer live(
      [](Exchange& exchange) { exchange.stream_body(1 * KiB, sink_of<EarlyAnswer>(exchange)); });
  RawClient client(live.port());
  client.say("POST /stream HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc");
  std::string begun;
  while (begun.find("abc\r\n") == std::string::npos) begun += client.hear_some();
  CHECK(begun.find("Transfer-Encoding: chunked") != std::string::npos);
  client.say("def" + post("/", "xyz"));
  std::string rest;
  while (rest.find("403") == std::string::npos) rest += client.hear_some();
  CHECK(rest.starts_with("3\r\ndef\r\n0\r\n\r\nHTTP/1.1 403"));
  client.close();

  SECTION("too much for a body whose answer has begun cuts it") {
    RawClient second(live.port());
    second.say(
        "POST /stream HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    std::string heard;
    while (heard.find("abc\r\n") == std::string::npos) heard += second.hear_some();
    second.say("400\r\n" + std::string(1 * KiB, 'x') + "\r\n");
    const std::string end = second.hear_all();
    CHECK(end.find("0\r\n\r\n") == std::string::npos);
    CHECK(live.wait_for_seen(3).ending == Ending::cut);
  }
  SECTION("too much for one without an answer is 413") {
    RawClient second(live.port());
    second.say("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1025\r\n\r\n");
    CHECK(second.hear().status == 413);
  }
}

TEST_CASE("interim answers precede the answer, and 1.0 is spared them", "[http][seams]") {
  LiveServer live([](Exchange& exchange) {
    exchange.inform(103, {{"Link", "</a.css>; rel=preload"}, {"Connection", "dropped"}});
    exchange.inform(102, {});
    exchange.inform(103, {{"Bad", "line\r\nbreak"}});
    exchange.respond(Response{200, {}, "done"});
  });
  RawClient client(live.port());
  client.say(get("/"));
  const Answer hints = client.hear();
  CHECK(hints.head == "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n");
  CHECK(client.hear().status == 102);
  CHECK(client.hear().body == "done");
  client.say("GET / HTTP/1.0\r\n\r\n");
  CHECK(client.hear().body == "done");
}

TEST_CASE("a stream with a length keeps the connection, and a broken promise cuts it",
          "[http][seams]") {
  LiveServer live([](Exchange& exchange) {
    const std::string_view path = exchange.request().path;
    StreamWriter& stream = exchange.start_stream({200, {{"X", "y"}}, "ab"}, 5);
    if (path == "/more") CHECK(stream.write("cdef") == StreamWriter::Wrote::closed);
    else if (path != "/less") stream.write("cde");
    stream.close({{"X-Trailer", "dropped"}});
  });
  RawClient client(live.port());
  for (const std::string_view version : {"1.1", "1.0"}) {
    client.say("GET / HTTP/" + std::string(version) +
               "\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
    const Answer answer = client.hear();
    CHECK(answer.field("Content-Length") == "5");
    CHECK_FALSE(answer.has("Transfer-Encoding"));
    CHECK(answer.body == "abcde");
  }
  client.say("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(client.hear(Expecting::head_only).field("Content-Length") == "5");
  client.say(get("/"));
  CHECK(client.hear().body == "abcde");
  for (const std::string_view path : {"/less", "/more"}) {
    RawClient cheated(live.port());
    cheated.say(get(path));
    cheated.hear_all();
  }
  CHECK(live.wait_for_seen(5).ending == Ending::cut);
  CHECK(live.wait_for_seen(6).ending == Ending::cut);
}

TEST_CASE("trailers follow the last chunk, and only there", "[http][seams]") {
  LiveServer live([](Exchange& exchange) {
    exchange.start_stream({200, {}, "x"}).close({{"Server-Timing", "all;dur=1"}});
  });
  RawClient client(live.port());
  client.say(get("/", "Connection: close\r\n"));
  CHECK(client.hear_all().ends_with("\r\n1\r\nx\r\n0\r\nServer-Timing: all;dur=1\r\n\r\n"));
  RawClient old(live.port());
  old.say("GET / HTTP/1.0\r\n\r\n");
  CHECK(old.hear_all().ends_with("\r\n\r\nx"));
}

TEST_CASE("what Upgrade asks for is known where a switch is possible", "[http][seams]") {
  struct Row {
    std::string text;
    std::string_view protocol;
  };
  const std::string upgrade = "Connection: keep-alive, Upgrade\r\n";
  const Row rows[] = {
      {get("/", upgrade + "Upgrade: WebSocket\r\n"), "websocket"},
      {get("/", upgrade + "Upgrade: h2c, websocket\r\n"), "websocket"},
      {get("/", upgrade + "Upgrade: Foo/2\r\n"), "foo/2"},
      {get("/", upgrade + "Upgrade: foo, bar\r\n"), ""},
      {get("/", "Upgrade: websocket\r\n"), ""},
      {get("/", upgrade), ""},
      {get("/", upgrade + "Upgrade: websocket\r\nUpgrade: foo\r\n"), ""},
      {get("/", upgrade + "Upgrade: websocket\r\nContent-Length: 1\r\n"), ""},
      {"POST / HTTP/1.1\r\nHost: a\r\n" + upgrade + "Upgrade: websocket\r\n\r\n", ""},
      {"GET / HTTP/1.0\r\nHost: a\r\n" + upgrade + "Upgrade: websocket\r\n\r\n", ""},
  };
  const HeadRules rules{.target_bytes = 100, .head_bytes = 1'000, .head_fields = 10};
  for (Row row : rows) {
    CAPTURE(row.text);
    Head head;
    REQUIRE(parse_head(row.text.data(), row.text.size(), rules, head).kind ==
            HeadVerdict::Kind::complete);
    CHECK(head.request.protocol == row.protocol);
    CHECK(head.request.version_major == 1);
  }
}

namespace {

const std::string switching = get("/", "Connection: Upgrade\r\nUpgrade: echo\r\n");

// Gives back what it gets; "bye" closes, "stop" pauses for a moment, "die" aborts.
class EchoTunnel : public TunnelSink {
 public:
  void on_bytes(Tunnel& tunnel, std::string_view bytes) override {
    CHECK_FALSE(paused);
    tunnel.write(bytes);
    if (bytes.ends_with("bye")) tunnel.close();
    if (bytes.ends_with("die")) tunnel.abort();
    if (!bytes.ends_with("stop")) return;
    paused = true;
    tunnel.pause();
    tunnel.loop().after(1ms, [this, &tunnel] {
      paused = false;
      tunnel.write("go");
      tunnel.resume();
    });
  }
  void on_room(Tunnel&) override {}
  void on_drain(Tunnel& tunnel) override {
    tunnel.write("drain");
    tunnel.close();
  }
  void on_end(Tunnel& tunnel, Ending how) override {
    CHECK(tunnel.write("too late") == Tunnel::Wrote::closed);
    ending = how;
    ++ended;
  }
  bool paused = false;
  Ending ending = Ending::complete;
  int ended = 0;
};

}  // namespace

TEST_CASE("a tunnel carries bytes both ways until one side ends it", "[http][seams]") {
  EchoTunnel echo;
  LiveServer live([&echo](Exchange& exchange) {
    if (exchange.request().protocol.empty()) return exchange.respond(Response{200, {}, "no"});
    Tunnel& tunnel = exchange.open_tunnel({200, {{"X", "y"}, {"Upgrade", "other"}}, {}}, echo);
    if (exchange.request().has(Known::range)) tunnel.set_deadline(5s);
  });
  RawClient client(live.port());
  client.say(switching + "early");
  const Answer head = client.hear();
  CHECK(head.status == 101);
  CHECK(head.field("Upgrade") == "echo");
  CHECK(head.field("Connection") == "Upgrade");
  CHECK(head.field("X") == "y");
  CHECK_FALSE(head.has("Content-Length"));
  CHECK(client.hear_some() == "early");
  client.say("GET / HTTP/1.1\r\n\r\n");  // bytes like any others now
  CHECK(client.hear_some() == "GET / HTTP/1.1\r\n\r\n");
  client.say("stop");
  std::string heard;
  while (heard.size() < 6) heard += client.hear_some();
  CHECK(heard == "stopgo");

  SECTION("closed by us: everything is out first") {
    client.say("bye");
    CHECK(client.hear_all() == "bye");
    CHECK(live.wait_for_seen(1).ending == Ending::complete);
    CHECK(live.wait_for_seen(1).status == 101);
    CHECK(echo.ending == Ending::complete);
  }
  SECTION("closed by the peer") {
    client.close();
    CHECK(live.wait_for_seen(1).ending == Ending::gone);
    CHECK(echo.ending == Ending::gone);
  }
  SECTION("cut by us") {
    client.say("die");
    client.hear_all();
    CHECK(live.wait_for_seen(1).ending == Ending::cut);
  }
  SECTION("told of the drain") {
    live.server().stop(5s);
    CHECK(client.hear_all() == "drain");
    live.join();
    CHECK(echo.ending == Ending::complete);
  }
  live.wait_for_seen(1);
  CHECK(echo.ended == 1);
}

TEST_CASE("a tunnel ends at its deadline", "[http][seams]") {
  ManualClock clock;
  EchoTunnel echo;
  LiveServer live(
      [&echo](Exchange& exchange) {
        exchange.open_tunnel({200, {}, {}}, echo).set_deadline(std::chrono::hours(1));
      },
      {.clock = &clock});
  RawClient client(live.port());
  client.say(switching);
  CHECK(client.hear().status == 101);
  for (int i = 0; i < 3'599; i += 100) {
    clock.advance(99s);
    live.turn();
  }
  client.say("there");
  CHECK(client.hear_some() == "there");
  clock.advance(100s);
  live.turn();
  clock.advance(1s);
  CHECK(live.wait_for_seen(1).ending == Ending::cut);
}

namespace {
// Writes until the queue is full, and again when there is room, until `left` is used up.
class Flood : public TunnelSink {
 public:
  void start(Tunnel& tunnel) {
    while (left > 0) {
      if (tunnel.write(frame) != Tunnel::Wrote::sent) return;
      --left;
      most = std::max(most, tunnel.queued_bytes());
    }
    tunnel.close();
  }
  void on_bytes(Tunnel& tunnel, std::string_view) override { start(tunnel); }
  void on_room(Tunnel& tunnel) override {
    ++rooms;
    start(tunnel);
  }
  void on_end(Tunnel&, Ending) override {}
  const std::shared_ptr<const std::string> frame =
      std::make_shared<const std::string>(100'000, 'f');
  int left = 100;
  int rooms = 0;
  std::size_t most = 0;
};
}  // namespace

TEST_CASE("a tunnel's queue is bounded, and told when there is room", "[http][seams]") {
  Flood flood;
  LiveServer live([&flood](Exchange& exchange) {
    exchange.open_tunnel({200, {}, {}}, flood).set_queue_bytes_max(250'000);
  });
  RawClient client(live.port(), 16 * 1024);
  client.say(switching + "x");
  CHECK(client.hear().status == 101);
  CHECK(client.hear_all().size() == 100u * 100'000u);
  live.wait_for_seen(1);
  CHECK(flood.rooms > 0);
  CHECK(flood.most <= 350'000);
}

namespace {
class PipeWatcher : public Watcher {
 public:
  explicit PipeWatcher(Loop& where) : loop(where) {}
  void on_ready(std::uint32_t events) override {
    if ((events & EPOLLIN) == 0) return;
    char bytes[16];
    const auto count = ::read(descriptor, bytes, sizeof bytes);
    heard.append(bytes, count < 0 ? 0 : static_cast<std::size_t>(count));
    if (!heard.ends_with('.')) return;
    loop.unwatch(*this);
    *answer = heard;
    delete this;  // allowed behind unwatch
  }
  Loop& loop;
  int descriptor = -1;
  std::string heard;
  std::string* answer = nullptr;
};
}  // namespace

TEST_CASE("foreign descriptors wake their watchers until they are unwatched", "[http][seams]") {
  LiveServer live([](Exchange& exchange) { exchange.respond(Response{200, {}, {}}); });
  int ends[2];
  REQUIRE(::pipe2(ends, O_NONBLOCK | O_CLOEXEC) == 0);
  std::string answer;  // of the loop's thread; read here behind turn()
  Loop& loop = live.server().loop(0);
  loop.post([&] {
    auto* const watcher = new PipeWatcher(loop);
    watcher->descriptor = ends[0];
    watcher->answer = &answer;
    CHECK(loop.watch(ends[0], *watcher).ok());
  });
  live.turn();
  CHECK(::write(ends[1], "one", 3) == 3);
  live.turn();
  CHECK(::write(ends[1], "two.", 4) == 4);
  live.turn();
  CHECK(answer == "onetwo.");
  CHECK(::write(ends[1], "three", 5) == 5);  // nobody is watching
  live.turn();
  CHECK(answer == "onetwo.");
  PipeWatcher refused(loop);
  loop.post([&] {
    CHECK_FALSE(loop.watch(-1, refused).ok());
    loop.unwatch(refused);
  });
  live.turn();
  ::close(ends[0]);
  ::close(ends[1]);
}
