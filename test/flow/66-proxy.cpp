// Goal: what a proxy route passes on is what the guards saw and nothing else, both ways; and a
// server that misbehaves costs its own request, never another one (wire section 7, F-8, F-9).
// Method: the real binary between a client that says bytes and backends that play as they are told.

#include "backend.h"

#include "base/bytes.h"
#include "http/certificates.h"

#include <catch2/catch.hpp>

#include <future>

using namespace weir;
using flow::Backend;
using flow::Connection;
using flow::get;
using flow::post;
using flow::proxy_route;
using flow::saying;
using flow::Talk;

namespace {

using Lines = Catch::Matchers::StdString::ContainsMatcher;

// What an echo told of one field: every value, joined by '|'.
std::string told(const std::string& heard, std::string_view name) {
  std::string values;
  std::size_t at = heard.find("\r\n");
  const std::size_t end = heard.find("\r\n\r\n");
  while (at != std::string::npos && at < end) {
    const std::size_t next = heard.find("\r\n", at + 2);
    const std::string_view line = std::string_view(heard).substr(at + 2, next - at - 2);
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos && equals_ignoring_case(line.substr(0, colon), name)) {
      if (!values.empty()) values += '|';
      values += trim(line.substr(colon + 1));
    }
    at = next;
  }
  return values;
}

}  // namespace

TEST_CASE(
    "a request reaches the server as its guards saw it, and no word of the client's about "
    "itself goes with it",
    "[flow][proxy]") {
  Backend backend(flow::echo());
  const test::TemporaryDirectory directory;
  flow::write_site(directory, proxy_route("/a/**", backend.url(), "strip = \"/a\", add = \"/v2\"") +
                                  proxy_route("/up/**", backend.url(), "host = \"upstream\"") +
                                  proxy_route("/**", backend.url()));
  flow::Server server(directory.path());
  INFO(server.process().errors());
  REQUIRE(server.port() != 0);

  Connection client(server.port());
  const auto answer = client.get(
      "/x/%2e%2e/y%20z/%C3%A9?q=%31&r",
      "Connection: close, X-Secret, keep-alive\r\nX-Secret: 1\r\nKeep-Alive: timeout=5\r\nTE: "
      "gzip\r\nProxy-Authorization: x\r\nX-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Host: "
      "evil\r\nX-Forwarded-Proto: https\r\nForwarded: for=6.6.6.6\r\nX-Real-IP: "
      "6.6.6.6\r\nX-Original-URL: /admin\r\nX-HTTP-Method-Override: DELETE\r\nunder_score: "
      "1\r\nCookie: a=b\r\nAccept: text/html\r\n");
  REQUIRE(answer.status == 200);
  const std::string& heard = answer.body;
  CHECK_THAT(heard, Catch::StartsWith("GET /y%20z/%C3%A9?q=%31&r HTTP/1.1\r\n"));
  CHECK(told(heard, "host") == "localhost");
  CHECK(told(heard, "x-forwarded-for") == "127.0.0.1");
  CHECK(told(heard, "x-forwarded-proto") == "http");
  CHECK(told(heard, "x-forwarded-host") == "localhost");
  CHECK(told(heard, "forwarded") == "for=127.0.0.1;proto=http;host=\"localhost\"");
  CHECK(told(heard, "x-real-ip") == "127.0.0.1");
  CHECK(told(heard, "via") == "1.1 weir");
  CHECK(told(heard, "cookie") == "a=b");
  CHECK(told(heard, "accept") == "text/html");
  for (const std::string_view name :
       {"connection", "x-secret", "keep-alive", "te", "proxy-authorization", "x-original-url",
        "x-http-method-override", "under_score", "content-length", "transfer-encoding"}) {
    INFO(name);
    CHECK(told(heard, name).empty());
  }
  CHECK_THAT(answer.field("server-timing"), Catch::Contains("upstream;dur="));
  CHECK(answer.field("via") == "1.1 weir");

  CHECK_THAT(get(server.port(), "/a/b").body, Catch::StartsWith("GET /v2/b HTTP/1.1\r\n"));
  CHECK_THAT(get(server.port(), "/a").body, Catch::StartsWith("GET /v2 HTTP/1.1\r\n"));
  CHECK_THAT(get(server.port(), "/ab").body, Catch::StartsWith("GET /ab HTTP/1.1\r\n"));
  CHECK(told(get(server.port(), "/up/b").body, "host") ==
        "127.0.0.1:" + std::to_string(backend.port()));
  // An encoded slash is a slash to the guards, and so it is to the server.
  CHECK_THAT(get(server.port(), "/a/..%2fq").body, Catch::StartsWith("GET /q HTTP/1.1\r\n"));
  CHECK(get(server.port(), "/..%2f..%2fetc").status == 400);
}

TEST_CASE("an answer comes back without the fields of its hop, in each framing", "[flow][proxy]") {
  Backend backend([](Talk& talk) {
    for (std::string head = talk.hear_head(); !head.empty(); head = talk.hear_head()) {
      const std::string path = head.substr(4, head.find(' ', 4) - 4);
      if (path == "/length")
        talk.say(
            "HTTP/1.1 200 Fine\r\nServer: secret/1.2\r\nSet-Cookie: a=1\r\nSet-Cookie: "
            "b=2\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=9\r\nProxy-Connection: "
            "x\r\nX-End: 2\r\nVia: 1.0 inner\r\nContent-Length: 5\r\n\r\nhello");
      if (path == "/chunks")
        talk.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
      if (path == "/chunks")
        talk.say("6\r\n world\r\n0\r\nGrpc-Status: 0\r\nSet-Cookie: no\r\n\r\n");
      if (path == "/none") talk.say("HTTP/1.1 204 No Content\r\nX-End: 2\r\n\r\n");
      if (path == "/304")
        talk.say("HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nContent-Length: 99\r\n\r\n");
      if (path == "/hints")
        talk.say(
            "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\nHTTP/1.1 200 "
            "OK\r\nContent-Length: 2\r\n\r\nok");
      if (path == "/close") {
        talk.say("HTTP/1.1 200 OK\r\n\r\nto the");
        talk.say(" end");
        return;
      }
      if (head.starts_with("HEAD ")) talk.say("HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n");
    }
  });
  const test::TemporaryDirectory directory;
  flow::write_site(directory, proxy_route("/**", backend.url()));
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  Connection client(server.port());

  const auto length = client.get("/length");
  CHECK(length.status == 200);
  CHECK(length.body == "hello");
  CHECK(length.field("content-length") == "5");
  CHECK(length.field("server") == "weir");
  CHECK(length.field("via") == "1.0 inner, 1.1 weir");
  CHECK(length.field("x-end") == "2");
  CHECK_THAT(length.head, Catch::Contains("a=1") && Catch::Contains("b=2"));
  for (const std::string_view name : {"x-hop", "keep-alive", "proxy-connection", "connection"})
    CHECK_FALSE(length.has(name));

  CHECK(client.get("/chunks").body == "hello world");
  CHECK(client.get("/none").status == 204);
  const auto unchanged = client.get("/304");
  CHECK(unchanged.status == 304);
  CHECK(unchanged.field("content-length") == "99");
  CHECK(client.get("/close").body == "to the end");
  client.send("HEAD /length HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const auto head = client.receive(Connection::Body::no);
  CHECK(head.field("content-length") == "77");
  const auto hints = client.get("/hints");
  CHECK(hints.status == 103);
  CHECK(hints.field("link") == "</a.css>; rel=preload");
  CHECK(client.receive().body == "ok");

  Connection second(server.port());
  second.send("GET /chunks HTTP/1.1\r\nHost: localhost\r\nTE: trailers\r\nConnection: TE\r\n\r\n");
  const std::string whole = second.receive_until("grpc-status: 0\r\n\r\n");
  CHECK_THAT(whole, Catch::EndsWith("\r\n0\r\ngrpc-status: 0\r\n\r\n"));
  CHECK(whole.find("set-cookie") == std::string::npos);
}

TEST_CASE("bodies are streamed to the server as they come, within the route's bound",
          "[flow][proxy]") {
  Backend backend(flow::echo());
  const test::TemporaryDirectory directory;
  flow::write_site(directory, proxy_route("/guarded", backend.url(), {}, "") +
                                  proxy_route("/**", backend.url(), {},
                                              "stages = []\nlimits = { body = \"600KiB\" }"));
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  Connection client(server.port());

  std::string large(500 * KiB, 'x');
  for (std::size_t i = 0; i < large.size(); i += 997) large[i] = static_cast<char>('a' + i % 26);
  const auto whole = client.request("POST", "/up", "", large);
  CHECK(whole.status == 200);
  CHECK(whole.body.substr(whole.body.find("\r\n\r\n") + 4) == large);
  CHECK(told(whole.body, "content-length") == std::to_string(large.size()));

  client.send(
      "PUT /up HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nExpect: "
      "100-continue\r\n\r\n");
  CHECK_THAT(client.receive_until("\r\n\r\n"), Catch::StartsWith("HTTP/1.1 100 Continue\r\n"));
  client.send("3;x=y\r\nabc\r\n");
  client.send("2\r\nde\r\n0\r\nTrailer: dropped\r\n\r\n");
  const auto chunked = client.receive();
  CHECK(chunked.status == 200);
  CHECK(told(chunked.body, "transfer-encoding") == "chunked");
  CHECK(told(chunked.body, "expect").empty());
  CHECK(chunked.body.substr(chunked.body.find("\r\n\r\n") + 4) == "abcde");

  CHECK(post(server.port(), "/up", std::string(600 * KiB, 'x')).status == 200);
  CHECK(post(server.port(), "/up", std::string(600 * KiB + 1, 'x')).status == 413);
  Connection over(server.port());
  over.send("POST /up HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 40; ++i) over.send("4000\r\n" + std::string(16 * KiB, 'x') + "\r\n");
  CHECK(over.receive().status == 413);

  // A step that reads the body leaves nothing to stream: it is sent from where it lies.
  const auto form =
      post(server.port(), "/guarded", "a=b", "Content-Type: application/x-www-form-urlencoded\r\n");
  CHECK(form.status == 200);
  CHECK_THAT(form.body, Catch::EndsWith("\r\n\r\na=b"));
  CHECK(post(server.port(), "/guarded", "a=%3Cscript%3Ealert(1)%3C/script%3E%27+OR+1=1--",
             "Content-Type: application/x-www-form-urlencoded\r\n")
            .status == 403);
  // A body on GET is framed and dropped (H-19).
  const auto dropped = client.request("GET", "/up", "", "body");
  CHECK(dropped.status == 200);
  CHECK(told(dropped.body, "content-length").empty());
}

TEST_CASE(
    "a large answer arrives whole at a slow reader, and its beginning does not wait for its "
    "end",
    "[flow][proxy]") {
  std::string large(6 * MiB, 'x');
  for (std::size_t i = 0; i < large.size(); i += 4099) large[i] = static_cast<char>('a' + i % 26);
  std::promise<void> seen;
  const auto was_seen = seen.get_future().share();
  Backend backend([&](Talk& talk) {
    const std::string head = talk.hear_head();
    if (head.starts_with("GET /large ")) {
      talk.say("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(large.size()) + "\r\n\r\n");
      talk.say(large);
      return;
    }
    talk.say("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: one\n\n");
    was_seen.wait();
    talk.say("data: two\n\n");
  });
  const test::TemporaryDirectory directory;
  flow::write_site(directory, proxy_route("/**", backend.url()));
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);

  Connection slow(server.port());
  slow.send("GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n");
  for (int i = 0; i < 10; ++i) flow::pause_20ms();  // both queues fill, and the server feels it
  CHECK(slow.receive().body == large);

  Connection events(server.port());
  events.send("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK_THAT(events.receive_until("data: one\n\n"), Catch::Contains("data: one\n\n"));
  seen.set_value();
  CHECK_THAT(events.receive_until("data: two\n\n"), Catch::Contains("data: two\n\n"));
}

TEST_CASE("a server that misbehaves gives 502 or 504, and what had begun is cut, never completed",
          "[flow][proxy]") {
  struct Row {
    std::string_view path;
    int status;  // 0 = the connection is cut within the answer
    std::function<void(Talk&)> play;
  };
  const std::string fields(40 * KiB, 'x');
  std::string hints;
  for (int i = 0; i < 100; ++i) hints += "HTTP/1.1 103 Early Hints\r\n\r\n";
  const auto says = [](std::string text) {
    return [text = std::move(text)](Talk& talk) { talk.say(text); };
  };
  const std::vector<Row> rows{
      {"/closes", 502, [](Talk&) {}},
      {"/resets", 502, [](Talk& talk) { talk.reset(); }},
      {"/no-http", 502, says("220 mail.test ESMTP\r\n")},
      {"/both", 502,
       says("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n")},
      {"/twice", 502, says("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx")},
      {"/lf", 502, says("HTTP/1.1 200 OK\nContent-Length: 0\n\n")},
      {"/fold", 502, says("HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n")},
      {"/huge", 502, says("HTTP/1.1 200 OK\r\nA: " + fields + "\r\n\r\n")},
      {"/hints", 502, says(hints)},
      {"/switch", 502, says("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n")},
      {"/half", 502,
       [](Talk& talk) {
         talk.say("HTTP/1.1 200 OK\r\nContent-");
         talk.shut();
       }},
      {"/hangs", 504, [](Talk& talk) { talk.is_left(10'000); }},
      {"/drips", 504,
       [](Talk& talk) {
         talk.say("HTTP/1.1 200 OK\r\n");
         for (int i = 0; i < 200 && talk.say("A: b\r\n"); ++i) flow::pause_20ms();
       }},
      {"/short", 0,
       [](Talk& talk) { talk.say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"); }},
      {"/cut-chunk", 0,
       [](Talk& talk) {
         talk.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhello");
         flow::pause_20ms();
       }},
      {"/bad-chunk", 0,
       [](Talk& talk) {
         talk.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
         flow::pause_20ms();
         talk.say("zz\r\n");
         talk.is_left(5'000);
       }},
      {"/stops", 0,
       [](Talk& talk) {
         talk.say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
         talk.is_left(10'000);
       }},
  };
  Backend backend([&rows](Talk& talk) {
    const std::string head = talk.hear_head();
    for (const Row& row : rows)
      if (head.starts_with("GET " + std::string(row.path) + " ")) return row.play(talk);
  });
  const test::TemporaryDirectory directory;
  // Only those that are to be too late have little time.
  const std::string bad = "servers = [\"" + backend.url() + "\"]\nbreaker = \"off\"\n";
  flow::write_site(directory, "\n[upstream.bad]\n" + bad + "[upstream.late]\n" + bad +
                                  "timeouts = { stall = \"300ms\" }\n" +
                                  proxy_route("/hangs", "late", "timeout = \"400ms\"") +
                                  proxy_route("/drips", "late", "timeout = \"400ms\"") +
                                  proxy_route("/stops", "late") + proxy_route("/**", "bad"));
  flow::Server server(directory.path());
  INFO(server.process().errors());
  REQUIRE(server.port() != 0);
  for (const Row& row : rows) {
    INFO(row.path);
    Connection client(server.port());
    client.send("GET " + std::string(row.path) +
                " HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n\r\n");
    if (row.status != 0) {
      auto answer = client.receive();
      while (answer.status == 103) answer = client.receive();  // the hints before the refusal
      CHECK(answer.status == row.status);
      CHECK(answer.field("content-type") == "application/problem+json");
      CHECK_THAT(answer.body, Catch::Contains("/_weir/problems/upstream-"));
      CHECK(answer.field("cache-control") == "no-store");
    } else {
      const std::string heard = client.receive_until("never comes");
      CHECK_THAT(heard, Catch::Contains("hello"));
      CHECK_FALSE(heard.ends_with("0\r\n\r\n"));
    }
  }
  CHECK(get(server.port(), "/_weir/healthz").status == 200);
  CHECK(server.stop() == 0);
  CHECK_THAT(server.process().output(),
             Catch::Contains("\"upstream\":{\"name\":\"bad\",\"server\":\"" + backend.url()) &&
                 Catch::Contains("\"failure\":\"late\"") &&
                 Catch::Contains("\"failure\":\"bad-answer\"") &&
                 Catch::Contains("\"failure\":\"stalled\"") &&
                 Catch::Contains("\"failure\":\"cut\""));
}

TEST_CASE("connections are used again, and one that had ended is replaced for what may be repeated",
          "[flow][proxy]") {
  std::atomic<int> heads{0};
  std::atomic<bool> closing{false};
  Backend backend([&](Talk& talk) {
    for (std::string head = talk.hear_head(); !head.empty(); head = talk.hear_head()) {
      talk.hear_body(head);
      ++heads;
      if (head.find(" /behind ") != std::string::npos) {
        talk.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n");
        continue;
      }
      if (closing && head.find(" /first ") == std::string::npos) return;  // without a word
      talk.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
  });
  const test::TemporaryDirectory directory;
  flow::write_site(directory, "[serve]\nloops = 1\n" + proxy_route("/**", backend.url()));
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);

  Connection client(server.port());
  for (int i = 0; i < 20; ++i) CHECK(client.get("/first").body == "ok");
  CHECK(backend.connections() == 1);

  // The pooled connection takes the request and closes: asked once more, on a new one, and told.
  closing = true;
  heads = 0;
  CHECK(client.get("/again").status == 502);
  CHECK(heads == 2);
  CHECK(client.get("/first").status == 200);
  heads = 0;
  CHECK(post(server.port(), "/again", "x").status == 502);
  CHECK(heads == 1);  // never twice

  closing = false;
  const int before = backend.connections();
  CHECK(client.get("/behind").body == "ok");
  CHECK(client.get("/first").body == "ok");
  CHECK(backend.connections() > before);  // the bytes behind the answer ended that connection
}

TEST_CASE("a sick server is skipped, and left alone when it has failed often enough",
          "[flow][proxy]") {
  const std::string dead = "http://127.0.0.1:" + std::to_string(flow::free_port());
  std::atomic<bool> hangs{false};
  std::atomic<int> hanging{0};
  Backend good([&](Talk& talk) {
    for (std::string head = talk.hear_head(); !head.empty(); head = talk.hear_head()) {
      if (hangs) {
        ++hanging;
        talk.is_left(10'000);
        --hanging;
        return;
      }
      talk.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
  });
  const test::TemporaryDirectory directory;
  flow::write_site(
      directory, "[serve]\nloops = 1\n[upstream.pair]\nservers = [\"" + dead + "\", \"" +
                     good.url() + "\"]\nbreaker = \"quick\"\n[upstream.few]\nservers = [\"" +
                     good.url() + "\"]\nmax_inflight = 1\n[upstream.alone]\nservers = [\"" +
                     good.url() + "\"]\nbreaker = \"long\"\n[upstream.back]\nservers = [\"" +
                     good.url() +
                     "\"]\nbreaker = \"quick\"\n[breaker.quick]\nfailures = 5\nopen_for = "
                     "\"200ms\"\nsuccesses = 1\n[breaker.long]\nfailures = 5\nopen_for = \"1h\"\n" +
                     proxy_route("/pair/**", "pair") +
                     proxy_route("/alone/**", "alone", "timeout = \"200ms\"") +
                     proxy_route("/back/**", "back", "timeout = \"200ms\"") +
                     proxy_route("/few/**", "few") + proxy_route("/dead/**", dead));
  flow::Server server(directory.path());
  INFO(server.process().errors());
  REQUIRE(server.port() != 0);
  Connection client(server.port());
  for (int i = 0; i < 20; ++i) CHECK(client.get("/pair/x").body == "ok");

  for (int i = 0; i < 5; ++i) CHECK(client.get("/dead/x").status == 502);
  const auto open = client.get("/dead/x");
  CHECK(open.status == 503);
  CHECK(open.has("retry-after"));
  const auto metrics = [&] { return flow::get(server.admin_port(), "/_weir/metrics").body; };
  const std::string before = metrics();
  CHECK_THAT(before, Catch::Contains("weir_upstream_calls_total{upstream=\"pair\"} 20\n") &&
                         Catch::Contains("weir_upstream_breaker_open{upstream=\"" + dead +
                                         "\",server=\"" + dead + "\"} 1\n") &&
                         Catch::Contains("weir_upstream_breaker_open{upstream=\"alone\",server=\"" +
                                         good.url() + "\"} 0\n"));
  // A reload that leaves them as they were takes nothing of what was learnt away.
  CHECK(flow::post(server.admin_port(), "/_weir/config", "").status == 200);
  CHECK(client.get("/dead/x").status == 503);
  CHECK_THAT(metrics(), Catch::Contains("weir_upstream_calls_total{upstream=\"pair\"} 20\n"));

  // All of them: five that hang open the breaker, and nobody asks any more.
  const int asked = good.connections();
  hangs = true;
  for (int i = 0; i < 5; ++i) CHECK(client.get("/alone/x").status == 504);
  REQUIRE(flow::eventually([&] { return good.connections() == asked + 5; }));
  CHECK(client.get("/alone/x").status == 503);
  CHECK(good.connections() == asked + 5);
  // One that is left alone for a moment only is asked again, and is well.
  for (int i = 0; i < 5; ++i) CHECK(client.get("/back/x").status == 504);
  hangs = false;
  CHECK(flow::eventually([&] { return client.get("/back/x").status == 200; }));

  // The bound of requests under way.
  hangs = true;
  Connection first(server.port());
  first.send("GET /few/x HTTP/1.1\r\nHost: localhost\r\n\r\n");
  REQUIRE(flow::eventually([&] { return hanging == 1; }));
  const auto second = client.get("/few/x");
  CHECK(second.status == 503);
  CHECK_THAT(second.body, Catch::Contains("/_weir/problems/upstream-busy"));
  CHECK(hanging == 1);
}

TEST_CASE("a client that leaves takes its request with it", "[flow][proxy]") {
  std::promise<bool> left;
  Backend backend([&](Talk& talk) {
    talk.hear_head();
    left.set_value(talk.is_left(10'000));
  });
  const test::TemporaryDirectory directory;
  flow::write_site(directory, proxy_route("/**", backend.url()));
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  {
    Connection client(server.port());
    client.send("GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n");
    REQUIRE(flow::eventually([&] { return backend.connections() == 1; }));
  }
  CHECK(left.get_future().get());
}

TEST_CASE("a WebSocket is passed through as bytes, once the server has agreed", "[flow][proxy]") {
  Backend backend([](Talk& talk) {
    const std::string head = talk.hear_head();
    if (head.find(" /no ") != std::string::npos) {
      talk.say("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
      return;
    }
    talk.say(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
        "Upgrade\r\nSec-WebSocket-Accept: " +
        told(head, "sec-websocket-key") + "\r\n\r\nhi");
    const std::string heard = talk.hear(5);
    talk.say(heard + heard);
    if (head.find(" /ends ") == std::string::npos) talk.is_left(10'000);
  });
  const test::TemporaryDirectory directory;
  flow::write_site(directory, proxy_route("/**", backend.url()));
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  const auto ask = [](std::string_view path) {
    return "GET " + std::string(path) +
           " HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive, Upgrade\r\nUpgrade: "
           "websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
           "dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  };
  Connection client(server.port());
  client.send(ask("/chat"));
  const std::string agreed = client.receive_until("hi");
  CHECK_THAT(agreed, Catch::StartsWith("HTTP/1.1 101 Switching Protocols\r\n"));
  CHECK_THAT(lower_of(agreed),
             Catch::Contains("upgrade: websocket\r\n") &&
                 Catch::Contains("connection: upgrade\r\n") &&
                 Catch::Contains("sec-websocket-accept: dghlihnhbxbszsbub25jzq=="));
  client.send("he");
  client.send("llo");
  CHECK_THAT(client.receive_until("hellohello"), Catch::EndsWith("hellohello"));

  Connection refused(server.port());
  refused.send(ask("/no"));
  CHECK(refused.receive().status == 403);

  Connection ended(server.port());
  ended.send(ask("/ends"));
  ended.receive_until("hi");
  ended.send("again");
  CHECK_THAT(ended.receive_until("againagain"), Catch::EndsWith("againagain"));
  CHECK(ended.is_closed_by_peer());
}

TEST_CASE("claims of a good token are told to the server, and nobody else tells them",
          "[flow][proxy]") {
  Backend backend(flow::echo());
  const test::TemporaryDirectory directory;
  directory.write("secret", "a-secret-of-at-least-thirty-two-bytes");
  flow::write_site(
      directory,
      "[auth.main]\nissuer = \"i\"\nalgorithms = [\"HS256\"]\nsecret = { file = \"secret\" "
      "}\nforward = { strip_authorization = true, headers = { \"X-User-Id\" = \"sub\" } }\n" +
          proxy_route("/in/**", backend.url(), {},
                      "stages = [{ trace = \"w3c\", failure_mode = \"open\" }, { auth = "
                      "[\"main\"], failure_mode = \"closed\" }]") +
          proxy_route("/open/**", backend.url()));
  flow::Server server(directory.path());
  INFO(server.process().errors());
  REQUIRE(server.port() != 0);
  auto ran =
      flow::run({"--root", directory.path(), "token", "mint", "--auth", "main", "--sub", "ann"});
  REQUIRE(ran.code == 0);
  ran.out.pop_back();
  const std::string spoofed = "X-User-Id: root\r\nX_User_Id: root\r\nx-user_id: root\r\n";
  const auto known =
      get(server.port(), "/in/x",
          spoofed + "Authorization: Bearer " + ran.out +
              "\r\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n");
  REQUIRE(known.status == 200);
  CHECK(told(known.body, "x-user-id") == "ann");
  CHECK(told(known.body, "authorization").empty());
  CHECK_THAT(told(known.body, "traceparent"), Catch::StartsWith("00-") && !Catch::Contains("0af7"));
  CHECK(told(known.body, "traceparent") == known.field("traceparent"));
  CHECK_THAT(lower_of(known.body), !Catch::Contains("root"));
  const auto open = get(server.port(), "/open/x", spoofed + "Authorization: Basic x\r\n");
  CHECK_THAT(lower_of(open.body), !Catch::Contains("root"));
  CHECK(told(open.body, "authorization") == "Basic x");
  CHECK(get(server.port(), "/in/x", spoofed).status == 401);
}

TEST_CASE("what a trusted proxy said of the client stays in front", "[flow][proxy]") {
  Backend backend(flow::echo());
  const test::TemporaryDirectory directory;
  flow::write_site(directory, "[serve]\ntrusted_proxies = [\"127.0.0.0/8\"]\n" +
                                  proxy_route("/**", backend.url()));
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  const auto answer =
      get(server.port(), "/x",
          "X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: "
          "shop.test\r\nVia: 2 cdn\r\n");
  CHECK(told(answer.body, "x-forwarded-for") == "203.0.113.7, 127.0.0.1");
  CHECK(told(answer.body, "x-forwarded-proto") == "https");
  CHECK(told(answer.body, "x-forwarded-host") == "shop.test");
  CHECK(told(answer.body, "x-real-ip") == "203.0.113.7");
  CHECK(told(answer.body, "via") == "2 cdn, 1.1 weir");
}

TEST_CASE("servers behind a Unix socket, behind a name, and behind TLS that is verified",
          "[flow][proxy]") {
  const test::TemporaryDirectory directory;
  const std::string path = directory.path() + "/app.sock";
  Backend local(flow::echo(), path);
  Backend named(flow::echo());

  const test::TemporaryDirectory behind;
  behind.write("cert.pem", test::ecdsa_certificate);
  behind.write("key.pem", test::ecdsa_key);
  behind.write("other.pem", test::rsa_certificate);
  flow::write_site(behind,
                   "[serve]\nlisten = [{ addr = \"127.0.0.1:0\", tls = \"main\" }]\n[tls.main]\n"
                   "cert = \"cert.pem\"\nkey = \"key.pem\"\n");
  flow::Process secure({"--root", behind.path(), "serve"});
  const auto line = secure.wait_for_line("\"event\":\"listening\"");
  REQUIRE(line);
  const std::size_t at = line->find("127.0.0.1:");
  const std::string port = std::to_string(std::atoi(line->c_str() + at + 10));

  const auto trusting = [&](std::string_view name, std::string_view ca, std::string_view host) {
    return "[upstream." + std::string(name) + "]\nservers = [\"https://" + std::string(host) + ":" +
           port + "\"]\ntls = { ca = \"" + behind.path() + "/" + std::string(ca) + "\" }\n";
  };
  flow::write_site(
      directory,
      trusting("good", "cert.pem", "localhost") + trusting("address", "cert.pem", "127.0.0.1") +
          trusting("stranger", "other.pem", "localhost") + proxy_route("/unix/**", "unix:" + path) +
          proxy_route("/name/**", "http://localhost:" + std::to_string(named.port())) +
          proxy_route("/nowhere/**", "http://no-such-name.invalid") +
          proxy_route("/good/**", "good", "strip = \"/good\"") +
          proxy_route("/address/**", "address", "strip = \"/address\"") +
          proxy_route("/stranger/**", "stranger"));
  flow::Server server(directory.path());
  INFO(server.process().errors());
  REQUIRE(server.port() != 0);
  CHECK_THAT(get(server.port(), "/unix/x").body, Catch::StartsWith("GET /unix/x HTTP/1.1\r\n"));
  CHECK_THAT(get(server.port(), "/name/x").body, Catch::StartsWith("GET /name/x HTTP/1.1\r\n"));
  CHECK(get(server.port(), "/nowhere/x").status == 502);
  Connection client(server.port());
  for (int i = 0; i < 3; ++i) {
    const auto page = client.get("/good/blog/one/");
    CHECK(page.status == 200);
    CHECK_THAT(page.body, Catch::Contains("<html"));
  }
  CHECK(client.get("/address/blog/one/").status == 200);
  CHECK(client.get("/stranger/x").status == 502);
}

TEST_CASE("a route that leads back to its own server ends", "[flow][proxy]") {
  Backend backend(flow::echo());
  const test::TemporaryDirectory directory;
  flow::write_site(directory, proxy_route("/**", backend.url()));
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  std::string via = "Via: 1.1 weir";
  for (int i = 1; i < 8; ++i) via += ", 1.1 weir";
  CHECK(get(server.port(), "/x", via + "\r\n").status == 508);
}
