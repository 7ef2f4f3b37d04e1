// Goal: the promises of server.h over real sockets: framing, keep-alive, pipelining, bodies,
// refusals, answers. Method: a live server with a small handler, and a client that says exact
// bytes.

#include "live_server.h"
#include "support.h"

#include "base/bytes.h"
#include "base/worker_pool.h"
#include "http/problem.h"

#include <catch2/catch.hpp>

#include <sys/stat.h>

#include <atomic>
#include <string>
#include <vector>

using namespace weir;
using namespace weir::http;
using namespace weir::test;

namespace {

std::shared_ptr<const Prepared> prepared_of(std::string body) {
  auto made = prepare(200, {{"Content-Type", "text/plain"}},
                      std::make_shared<const std::string>(std::move(body)),
                      {PrepareOptions::Age::slot, "weir; hit"});
  REQUIRE(made.ok());
  return *made;
}

// Answers with what the request was: method, path, query, body.
void echo(Exchange& exchange) {
  exchange.read_body(64 * KiB, [](Exchange& whole) {
    const Request& request = whole.request();
    Response response;
    response.fields = {{"Content-Type", "text/plain"}};
    response.body = std::string(request.method_text) + ' ' + std::string(request.path) + '?' +
                    std::string(request.query) + ' ' + std::string(whole.body());
    whole.respond(std::move(response));
  });
}

std::string get(std::string_view path, std::string_view fields = "") {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n";
}

std::string post(std::string_view path, std::string_view body, std::string_view fields = "") {
  return "POST " + std::string(path) +
         " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(fields) + "\r\n" + std::string(body);
}

}  // namespace

TEST_CASE("a connection serves one request after the other", "[http]") {
  LiveServer live(echo);
  RawClient client(live.port());
  for (int i = 0; i < 5; ++i) {
    client.say(get("/a%20b?q=" + std::to_string(i)));
    const Answer answer = client.hear();
    CHECK(answer.status == 200);
    CHECK(answer.body == "GET /a b?q=" + std::to_string(i) + ' ');
    CHECK(answer.field("Server") == "weir");
    CHECK(answer.field("Date").ends_with(" GMT"));
    CHECK_FALSE(answer.has("Connection"));
  }
  CHECK(live.wait_for_seen(5).status == 200);
}

TEST_CASE("a head that comes byte by byte is one request", "[http]") {
  LiveServer live(echo);
  RawClient client(live.port());
  for (const char c : post("/slow?x", "body")) client.say({&c, 1});
  CHECK(client.hear().body == "POST /slow?x body");
  client.say("\r\n" + get("/next"));
  CHECK(client.hear().body == "GET /next? ");
}

TEST_CASE("pipelined requests are answered in order, however many come at once", "[http]") {
  const auto page = prepared_of(std::string(3000, 'p'));
  LiveServer live([page](Exchange& exchange) {
    if (exchange.request().path == "/page") exchange.respond(page);
    else echo(exchange);
  });
  RawClient client(live.port());
  std::string all;
  for (int i = 0; i < 200; ++i)
    all += i % 3 == 0   ? get("/page")
           : i % 3 == 1 ? post("/p" + std::to_string(i), "b")
                        : get("/" + std::to_string(i));
  client.say(all);
  for (int i = 0; i < 200; ++i) {
    const Answer answer = client.hear();
    REQUIRE(answer.status == 200);
    if (i % 3 == 0) REQUIRE(answer.body == std::string(3000, 'p'));
    if (i % 3 == 1) REQUIRE(answer.body == "POST /p" + std::to_string(i) + "? b");
    if (i % 3 == 2) REQUIRE(answer.body == "GET /" + std::to_string(i) + "? ");
  }
  CHECK(live.wait_for_seen(200).ending == Ending::complete);
}

TEST_CASE("answers that other threads make come in order too", "[http]") {
  WorkerPool workers("slow", 4, 1000);
  LiveServer live(
      [&workers](Exchange& exchange) {
        Loop& loop = exchange.loop();
        const ExchangeId id = exchange.id();
        const std::string path(exchange.request().path);
        REQUIRE(workers
                    .offer([&loop, id, path] {
                      loop.post([&loop, id, path] {
                        if (Exchange* found = loop.find(id))
                          found->respond(Response{200, {}, path});
                      });
                    })
                    .ok());
      },
      {.loops = 2});
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(std::make_unique<RawClient>(live.port()));
  for (auto& client : clients) {
    std::string all;
    for (int i = 0; i < 30; ++i) all += get("/" + std::to_string(i));
    client->say(all);
  }
  for (auto& client : clients)
    for (int i = 0; i < 30; ++i) REQUIRE(client->hear().body == "/" + std::to_string(i));
}

TEST_CASE("refusals of framing close the connection, and nothing behind them is interpreted",
          "[http]") {
  std::atomic<int> handled{0};
  LiveServer live([&handled](Exchange& exchange) {
    ++handled;
    echo(exchange);
  });
  struct Row {
    int status;
    std::string bytes;
  };
  const std::vector<Row> rows{
      {400, "GET / HTTP/1.1\nHost: a\n\n"},
      {400, "GET / HTTP/1.1\r\n\r\n"},
      {400,
       "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"},
      {400, "GET /../x HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n"},
      {505, "GET / HTTP/2.0\r\nHost: a\r\n\r\n"},
      {505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
      {501, std::string(40, 'M') + " / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {501, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"},
      {414, "GET /" + std::string(limits::target_bytes_max, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n"},
      {431,
       "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(limits::head_bytes_max, 'x') + "\r\n\r\n"},
      {400, "\x16\x03\x01\x02"},
  };
  for (const Row& row : rows) {
    RawClient client(live.port());
    client.say(row.bytes + get("/smuggled"));
    const Answer answer = client.hear();
    INFO(row.bytes.substr(0, 60));
    CHECK(answer.status == row.status);
    CHECK(answer.field("Connection") == "close");
    CHECK(answer.field("Content-Type") == "text/html; charset=utf-8");
    CHECK(client.ends());
  }
  CHECK(handled == 0);
}

TEST_CASE("refusals on every route: TRACE, CONNECT, OPTIONS *, Expect", "[http]") {
  LiveServer live(echo);
  RawClient client(live.port());
  client.say("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n");
  const Answer trace = client.hear();
  CHECK(trace.status == 405);
  CHECK(trace.field("Allow") == "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
  // What follows a CONNECT may be meant for its tunnel.
  RawClient tunnel(live.port());
  tunnel.say("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(tunnel.hear().status == 405);
  CHECK(tunnel.ends());
  client.say("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(client.hear().status == 204);
  client.say(get("/", "Expect: tea\r\n"));
  CHECK(client.hear().status == 417);
  client.say(get("/still?here"));
  CHECK(client.hear().body == "GET /still?here ");
}

TEST_CASE("errors are problems for programs and pages for people", "[http]") {
  LiveServer live([](Exchange& exchange) { exchange.refuse(404, "There is no such page."); });
  RawClient client(live.port());
  client.say(get("/", "Accept: application/json\r\n"));
  const Answer problem = client.hear();
  CHECK(problem.field("Content-Type") == "application/problem+json");
  CHECK(problem.body.find("\"status\":404") != std::string::npos);
  client.say(get("/", "Accept: text/html,*/*;q=0.8\r\n"));
  CHECK(client.hear().field("Content-Type") == "text/html; charset=utf-8");
}

TEST_CASE("HEAD has the fields of GET and no body", "[http]") {
  const auto page = prepared_of("0123456789");
  LiveServer live([page](Exchange& exchange) {
    if (exchange.request().path == "/page")
      exchange.respond(page, "X-Extra: 1\r\n", {.age_seconds = 7, .ttl_seconds = -3});
    else if (exchange.request().path == "/told")
      exchange.respond(Response{200, {{"Content-Length", "123"}}, {}});
    else if (exchange.request().path == "/stream") {
      auto& stream = exchange.start_stream({200, {}, {}});
      CHECK(stream.write("nobody hears this") == StreamWriter::Wrote::sent);
      stream.close();
    } else exchange.respond(Response{200, {}, "0123456789"});
  });
  RawClient client(live.port());
  for (const char* path : {"/page", "/plain", "/stream", "/told"}) {
    client.say("HEAD " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n\r\n");
    const Answer answer = client.hear(Expecting::head_only);
    INFO(path);
    CHECK(answer.status == 200);
    if (path == std::string("/page")) {
      CHECK(answer.field("Content-Length") == "10");
      CHECK(answer.field("Age") == "7");
      CHECK(answer.field("Cache-Status") == "weir; hit; ttl=-3");
      CHECK(answer.field("X-Extra") == "1");
    }
    if (path == std::string("/told")) CHECK(answer.field("Content-Length") == "123");
  }
  client.say(get("/page"));
  CHECK(client.hear().body == "0123456789");
}

TEST_CASE("HTTP/1.0 closes unless it asks to stay", "[http]") {
  LiveServer live(echo);
  {
    RawClient client(live.port());
    client.say("GET / HTTP/1.0\r\n\r\n");
    CHECK(client.hear().field("Connection") == "close");
    CHECK(client.ends());
  }
  RawClient client(live.port());
  client.say("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  CHECK(client.hear().field("Connection") == "keep-alive");
  client.say(get("/", "Connection: close\r\n") + get("/ignored"));
  CHECK(client.hear().field("Connection") == "close");
  CHECK(client.ends());
}

TEST_CASE("bodies by length and by chunks reach the handler whole", "[http]") {
  LiveServer live(echo);
  RawClient client(live.port());
  client.say(post("/l", "12345"));
  CHECK(client.hear().body == "POST /l? 12345");
  const std::string chunked = "POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  client.say(chunked + "3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: v\r\n\r\n" + get("/next"));
  CHECK(client.hear().body == "POST /c? abcde");
  CHECK(client.hear().body == "GET /next? ");
  for (const char c : chunked + "3\r\nabc\r\n0\r\n\r\n") client.say({&c, 1});
  CHECK(client.hear().body == "POST /c? abc");
  const std::string large(60 * KiB, 'L');
  client.say(post("/large", large));
  CHECK(client.hear().body == "POST /large? " + large);
  client.say(chunked + "5\r\nabc\r\n");
  CHECK(client.is_silent(20));
  client.say("xy");
  const Answer bad = client.hear();
  CHECK(bad.status == 400);
  CHECK(client.ends());
}

TEST_CASE("a body above the route's bound is 413, below, at and one above", "[http]") {
  LiveServer live([](Exchange& exchange) {
    exchange.read_body(10, [](Exchange& whole) {
      whole.respond(Response{200, {}, std::string(whole.body())});
    });
  });
  for (std::size_t bytes : {9UL, 10UL}) {
    RawClient client(live.port());
    client.say(post("/", std::string(bytes, 'x')));
    CHECK(client.hear().body.size() == bytes);
    client.say("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" +
               std::string(bytes == 9 ? "9" : "a") + "\r\n" + std::string(bytes, 'x') +
               "\r\n0\r\n\r\n");
    CHECK(client.hear().body.size() == bytes);
  }
  for (const std::string& bytes :
       {post("/", std::string(11, 'x')),
        std::string("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999\r\n\r\n"),
        std::string("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n") +
            std::string(11, 'x') + "\r\n0\r\n\r\n"}) {
    RawClient client(live.port());
    client.say(bytes);
    const Answer answer = client.hear();
    CHECK(answer.status == 413);
    CHECK(answer.field("Connection") == "close");
    CHECK(client.ends());
  }
}

TEST_CASE("100 Continue is said only when the handler asks for the body", "[http]") {
  LiveServer live([](Exchange& exchange) {
    if (exchange.request().path == "/no") exchange.refuse(403, "No.");
    else echo(exchange);
  });
  {
    RawClient client(live.port());
    client.say(
        "POST /yes HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    CHECK(client.hear().status == 100);
    client.say("body");
    CHECK(client.hear().body == "POST /yes? body");
    client.say(
        "POST /at-once HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: "
        "4\r\n\r\nbody");
    CHECK(client.hear().body == "POST /at-once? body");
  }
  RawClient client(live.port());
  client.say("POST /no HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  const Answer answer = client.hear();
  CHECK(answer.status == 403);
  CHECK(answer.field("Connection") == "close");
}

TEST_CASE("a body that nobody reads is thrown away, and the next request is served", "[http]") {
  LiveServer live([](Exchange& exchange) {
    const Request& request = exchange.request();
    exchange.respond(
        Response{200, {}, std::string(request.path) + (request.dropped_body ? " dropped" : "")});
  });
  RawClient client(live.port());
  client.say(post("/1", "unread") + get("/2"));
  CHECK(client.hear().body == "/1");
  CHECK(client.hear().body == "/2");
  client.say(
      "GET /3 HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a" +
      get("/4"));
  CHECK(client.hear().body == "/3 dropped");
  CHECK(client.hear().body == "/4");
  client.say("POST /5 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  CHECK(client.hear().body == "/5");
  client.say("4\r\nbody\r\n0\r\n\r\n" + get("/6"));
  CHECK(client.hear().body == "/6");
  // Too much to throw away: the answer says that the connection ends.
  client.say("POST /7 HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
  const Answer answer = client.hear();
  CHECK(answer.body == "/7");
  CHECK(answer.field("Connection") == "close");
}

TEST_CASE("an unread chunked body without end is cut off", "[http]") {
  LiveServer live([](Exchange& exchange) { exchange.respond(Response{200, {}, "early"}); });
  RawClient client(live.port());
  client.say("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  CHECK(client.hear().body == "early");
  const std::string chunk = "1000\r\n" + std::string(4096, 'x') + "\r\n";
  for (int i = 0; i < 64; ++i) client.say(chunk);
  CHECK(client.ends());
}

TEST_CASE("requests per connection: the last one says that it is", "[http]") {
  ServerLimits few;
  few.requests_per_connection = 3;
  LiveServer live(echo, {.limits = few});
  RawClient client(live.port());
  client.say(get("/1") + get("/2") + get("/3") + get("/4"));
  CHECK_FALSE(client.hear().has("Connection"));
  CHECK_FALSE(client.hear().has("Connection"));
  CHECK(client.hear().field("Connection") == "close");
  CHECK(client.ends());
}

TEST_CASE("a large answer to a slow reader arrives whole, and one to nobody is dropped", "[http]") {
  std::string pattern;
  for (int i = 0; pattern.size() < 20 * MiB; ++i) pattern += std::to_string(i) + ' ';
  const auto page = prepared_of(pattern);
  LiveServer live([page, &pattern](Exchange& exchange) {
    if (exchange.request().path == "/page") exchange.respond(page);
    else exchange.respond(Response{200, {}, pattern});
  });
  {
    RawClient client(live.port(), 16 * 1024);
    client.say(get("/page") + get("/page") + get("/owned"));
    for (int i = 0; i < 3; ++i) {
      const Answer answer = client.hear();
      CHECK_FALSE(answer.closed);
      CHECK((answer.body == pattern));
    }
  }
  {
    RawClient client(live.port(), 16 * 1024);
    client.say(get("/page"));
    CHECK(client.hear_some().size() > 0);
  }
  const Seen last = live.wait_for_seen(4);
  CHECK(last.ending == Ending::gone);
  CHECK(last.status == 200);
  CHECK(last.body_bytes < pattern.size());
}

TEST_CASE("a client that shuts its sending side still gets its answers", "[http]") {
  LiveServer live(echo);
  RawClient client(live.port());
  client.say(get("/1") + get("/2"));
  client.shut();
  CHECK(client.hear().body == "GET /1? ");
  CHECK(client.hear().body == "GET /2? ");
  CHECK(client.ends());
}

TEST_CASE("streams: chunks as they are written, bounded, and told when the client leaves",
          "[http]") {
  struct State {
    std::atomic<bool> gone{false};
    std::atomic<int> rooms{0};
    std::atomic<int> full{0};
  };
  const auto state = std::make_shared<State>();
  Guarded<ExchangeId> open_stream;
  LiveServer live([&, state](Exchange& exchange) {
    exchange.on_gone([state] { state->gone = true; });
    auto& stream =
        exchange.start_stream({200, {{"Content-Type", "text/event-stream"}}, ": hi\n\n"});
    open_stream.with([&exchange](ExchangeId& id) { id = exchange.id(); });
    if (exchange.request().path != "/flood") return;
    stream.set_queue_bytes_max(1 * MiB);
    const auto frame = std::make_shared<const std::string>(512 * KiB, 'f');
    StreamWriter::Wrote wrote = StreamWriter::Wrote::sent;
    int frames = 0;
    while (wrote == StreamWriter::Wrote::sent && frames < 1000) {
      wrote = stream.write(frame);
      ++frames;
    }
    CHECK(wrote == StreamWriter::Wrote::full);
    CHECK(stream.queued_bytes() <= 2 * MiB);
    stream.on_room([state, &stream] {
      ++state->rooms;
      stream.close();
    });
    state->full = frames;
  });
  {
    RawClient client(live.port());
    client.say(get("/events"));
    CHECK(client.hear_some().find("text/event-stream") != std::string::npos);
    const ExchangeId id = open_stream.with([](ExchangeId& open) { return open; });
    Loop& loop = live.server().loop(0);
    loop.post([&loop, id] {
      Exchange* exchange = loop.find(id);
      if (exchange != nullptr) CHECK(exchange->streaming());
    });
    live.turn();
    client.close();
  }
  live.wait_for_seen(1);
  CHECK(state->gone);
  RawClient client(live.port(), 16 * 1024);
  client.say(get("/flood"));
  const Answer answer = client.hear();
  CHECK_FALSE(answer.closed);
  CHECK(state->rooms == 1);
  CHECK(answer.body.size() == 6 + static_cast<std::size_t>(state->full - 1) * 512 * KiB);
  live.wait_for_seen(2);
}

TEST_CASE("an exchange that ended is found no more", "[http]") {
  Guarded<ExchangeId> last;
  LiveServer live([&last](Exchange& exchange) {
    last.with([&exchange](ExchangeId& id) { id = exchange.id(); });
    exchange.respond(Response{200, {}, "x"});
  });
  RawClient client(live.port());
  client.say(get("/"));
  client.hear();
  live.wait_for_seen(1);
  const ExchangeId id = last.with([](ExchangeId& each) { return each; });
  std::atomic<bool> found{true};
  live.server().loop(0).post(
      [&found, &loop = live.server().loop(0), id] { found = loop.find(id) != nullptr; });
  live.turn();
  CHECK_FALSE(found);
}

TEST_CASE("user state is dropped once, after on_finished", "[http]") {
  static std::atomic<int> dropped{0};
  dropped = 0;
  LiveServer live([](Exchange& exchange) {
    exchange.set_user(new int(7), [](void* user) {
      delete static_cast<int*>(user);
      ++dropped;
    });
    exchange.respond(Response{200, {}, "x"});
  });
  RawClient client(live.port());
  client.say(get("/") + get("/"));
  client.hear();
  client.hear();
  live.wait_for_seen(2);
  live.turn();
  CHECK(dropped == 2);
}

TEST_CASE("an answer whose field is not clean becomes a 500, never an injected header", "[http]") {
  LiveServer live([](Exchange& exchange) {
    exchange.respond(Response{302, {{"Location", "/x\r\nSet-Cookie: stolen=1"}}, {}});
  });
  RawClient client(live.port());
  client.say(get("/"));
  const Answer answer = client.hear();
  CHECK(answer.status == 500);
  CHECK_FALSE(answer.has("Set-Cookie"));
}

TEST_CASE("a Unix socket serves, is private, and is taken over only when dead", "[http]") {
  const TemporaryDirectory directory;
  const std::string path = directory / "admin.sock";
  {
    LiveServer live(
        [](Exchange& exchange) {
          exchange.respond(Response{200, {}, exchange.request().peer->text()});
        },
        {.unix_path = path});
    struct stat there {};
    REQUIRE(::stat(path.c_str(), &there) == 0);
    CHECK((there.st_mode & 0777) == 0600);
    RawClient client(path);
    client.say(get("/"));
    CHECK(client.hear().body == "unix");

    SystemClock clock;
    LineWriter writer(2, 16);
    Log log(clock, writer, LogLevel::error, LogForm::text);
    ServerSettings settings;
    settings.listeners.push_back({.unix_path = path});
    const auto second = Server::open(settings, {}, clock, log);
    REQUIRE_FALSE(second.ok());
    CHECK(second.error().code == Errc::exists);
  }
  struct stat there {};
  CHECK(::stat(path.c_str(), &there) != 0);
}

TEST_CASE("a port that is taken is an error at open, not a shared port", "[http]") {
  LiveServer live(echo);
  SystemClock clock;
  LineWriter writer(2, 16);
  Log log(clock, writer, LogLevel::error, LogForm::text);
  ServerSettings settings;
  settings.listeners.push_back({.port = live.port()});
  const auto second = Server::open(settings, {}, clock, log);
  REQUIRE_FALSE(second.ok());
  CHECK(second.error().code == Errc::exists);
  CHECK(second.error().what.find(std::to_string(live.port())) != std::string::npos);
  settings.listeners = {{.address = "localhost"}};
  CHECK(Server::open(settings, {}, clock, log).error().code == Errc::invalid);
}
