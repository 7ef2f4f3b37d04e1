// Goal: HTTP/2 is the same server: the same pages, the same steps, the same data, live sync and
// proxy routes, over cleartext by prior knowledge and over TLS by ALPN (wire, section 4). Method:
// the real binary; a client that says exactly its frames, and curl where it is installed.

#include "backend.h"
#include "http/websocket_client.h"
#include "http2_client.h"
#include "server.h"

#include "base/bytes.h"
#include "base/certificate.h"
#include "base/file.h"
#include "http/websocket_handshake.h"

#include <catch2/catch.hpp>

#include <csignal>

using namespace weir;
using flow::Backend;
using flow::Talk;
using test::Http2Client;
using test::request_of;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view open_data =
    "[data]\n[[data.kv_rule]]\nmatch = \"**\"\nread = \"true\"\nwrite = \"true\"\n"
    "[[data.sync_rule]]\nmatch = \"**\"\nread = \"true\"\nwrite = \"true\"\n";

std::string with_h2c(std::string_view rest) { return "[serve]\nh2c = true\n" + std::string(rest); }

test::Lines websocket(std::string_view path, const test::Lines& more = {}) {
  test::Lines lines = {{":method", "CONNECT"},       {":scheme", "http"},
                       {":path", std::string(path)}, {":authority", "localhost"},
                       {":protocol", "websocket"},   {"sec-websocket-version", "13"}};
  lines.insert(lines.end(), more.begin(), more.end());
  return lines;
}

// The field of a head as sent, names in any case.
std::string told(const std::string& head, std::string_view name) {
  const std::size_t at = lower_of(head).find("\r\n" + std::string(name) + ": ");
  if (at == std::string::npos) return {};
  const std::size_t begin = at + name.size() + 4;
  return head.substr(begin, head.find("\r\n", begin) - begin);
}

}  // namespace

TEST_CASE("HTTP/2 gives the answers of HTTP/1.1", "[flow][http2]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory, with_h2c(open_data));
  flow::Server server(directory.path());
  INFO(server.process().errors());
  REQUIRE(server.port() != 0);
  const auto page = flow::get(server.port(), "/blog/one/");
  REQUIRE(page.status == 200);

  Http2Client client(server.port());
  client.get(1, "/blog/one/");
  client.get(3, "/nowhere/");
  client.ask(5, request_of("HEAD", "/blog/one/"));
  client.ask(7, request_of("GET", "/blog/one/", {{"if-none-match", page.field("etag")}}));
  client.ask(9, request_of("GET", "/blog/one/", {{"range", "bytes=0-9"}}));
  client.ask(11, request_of("PUT", "/kv/a", {{"content-type", "application/json"}}), 4);
  client.data(11, "{\"n\":", 0);
  client.data(11, "1}", test::end_stream);
  CHECK(client.whole(1).status == 200);
  CHECK(client.whole(1).body == page.body);
  CHECK(client.whole(1).fields.at("etag") == page.field("etag"));
  CHECK(client.whole(1).fields.count("traceparent") == (page.has("traceparent") ? 1U : 0U));
  CHECK(client.whole(3).status == 404);
  CHECK(client.whole(5).status == 200);
  CHECK(client.whole(5).body.empty());
  CHECK(client.whole(5).fields.at("content-length") == std::to_string(page.body.size()));
  CHECK(client.whole(7).status == 304);
  CHECK(client.whole(9).status == 206);
  CHECK(client.whole(9).body == page.body.substr(0, 10));
  CHECK(client.whole(11).status == 201);
  client.get(13, "/kv/a");
  CHECK(client.whole(13).body == "{\"n\":1}");

  // An attack is one over HTTP/2 too.
  client.ask(15,
             request_of("PUT", "/kv/b?q=1'+UNION+SELECT+password+FROM+users--",
                        {{"content-type", "application/json"}}),
             4);
  client.data(15, "1", test::end_stream);
  CHECK(client.whole(15).status == 403);

  // The drain tells of itself, lets the rest be finished, and ends with 0.
  server.process().signal(SIGTERM);
  CHECK(client.until([&client] { return client.goaway != -1; }));
  CHECK(client.goaway == 0);
  CHECK(server.process().wait() == 0);
}

TEST_CASE("a cleartext listener speaks HTTP/2 only where it is told to", "[flow][http2]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory);
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  test::RawClient client(server.port());
  client.say(Http2Client::preface);
  CHECK_THAT(client.hear_all(), Catch::StartsWith("HTTP/1.1 ") && Catch::Contains("Connection: "
                                                                                  "close"));
}

TEST_CASE("live sync goes through a stream of HTTP/2", "[flow][http2][live]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory, with_h2c(open_data));
  flow::Server server(directory.path());
  INFO(server.process().errors());
  REQUIRE(server.port() != 0);
  Http2Client client(server.port());
  client.ask(1, websocket("/sync", {{"sec-websocket-protocol", "weir.sync.v1"}}),
             test::end_headers);
  CHECK(client.head(1).status == 200);
  CHECK(client.head(1).fields.at("sec-websocket-protocol") == "weir.sync.v1");
  CHECK(client.head(1).fields.count("sec-websocket-accept") == 0);
  client.data(1,
              test::text_frame("{\"t\":\"hello\",\"v\":1,\"docs\":[{\"d\":\"a\",\"since\":0}]}"));
  std::string heard;
  client.until([&] {
    heard = client.streams[1].body;
    return heard.find("\"ready\"") != std::string::npos;
  });
  CHECK_THAT(heard, Catch::Contains("\"t\":\"ready\""));
  // A page beside it, on the same connection.
  client.get(3, "/");
  CHECK(client.whole(3).status == 200);
  CHECK(server.stop() == 0);
}

TEST_CASE("a WebSocket of HTTP/2 reaches a server that speaks HTTP/1.1", "[flow][http2][proxy]") {
  std::atomic<int> keys{0};
  Backend backend([&keys](Talk& talk) {
    const std::string head = talk.hear_head();
    const std::string key = told(head, "sec-websocket-key");
    keys += key.size() == 24 ? 1 : 0;
    const bool lies = head.find(" /lies ") != std::string::npos;
    talk.say(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
        "Upgrade\r\nSec-WebSocket-Accept: " +
        (lies ? std::string("another=") : http::websocket_accept_of(key)) + "\r\n\r\nhi");
    const std::string heard = talk.hear(5);
    talk.say(heard + heard);
    talk.is_left(10'000);
  });
  const test::TemporaryDirectory directory;
  flow::write_site(directory, with_h2c("") + flow::proxy_route("/**", backend.url()));
  flow::Server server(directory.path());
  INFO(server.process().errors());
  REQUIRE(server.port() != 0);
  Http2Client client(server.port());
  client.ask(1, websocket("/chat"), test::end_headers);
  CHECK(client.head(1).status == 200);
  CHECK(client.head(1).fields.count("sec-websocket-accept") == 0);
  client.data(1, "hello");
  client.until([&client] { return client.streams[1].body.size() >= 12; });
  CHECK(client.streams[1].body == "hihellohello");
  client.ask(3, websocket("/lies"), test::end_headers);
  CHECK(client.whole(3).status == 502);
  CHECK(keys == 2);
  client.reset(1);
  CHECK(server.stop() == 0);
}

TEST_CASE("curl gets HTTP/2 over TLS, and 421 for a name without a certificate",
          "[flow][http2][tls]") {
  const auto curl = flow::run_program({"/usr/bin/curl", "--version"});
  if (curl.out.find("HTTP2") == std::string::npos)
    return test::skip("curl with HTTP/2 is not installed");
  const test::TemporaryDirectory directory;
  directory.write("a.pem", self_signed({{"a.test"}, SystemClock().wall(), 48h}));
  flow::write_site(directory,
                   "[serve]\nlisten = [ { addr = \"127.0.0.1:0\", tls = [\"a\"] } ]\n"
                   "[tls.a]\ncert = \"a.pem\"\nkey = \"a.pem\"\n");
  flow::Process process({"--root", directory.path(), "serve"});
  const auto line = process.wait_for_line("\"event\":\"listening\"");
  REQUIRE(line);
  const std::string port = line->substr(line->find("127.0.0.1:") + 10, 5);
  const std::string number = port.substr(0, port.find_first_not_of("0123456789"));
  const auto ask = [&](std::vector<std::string> more) {
    std::vector<std::string> words = {"/usr/bin/curl",
                                      "-sS",
                                      "--cacert",
                                      directory / "a.pem",
                                      "--connect-to",
                                      "a.test:443:127.0.0.1:" + number,
                                      "-o",
                                      directory / "page",
                                      "-w",
                                      "%{http_version} %{http_code}"};
    words.insert(words.end(), more.begin(), more.end());
    const auto ran = flow::run_program(words);
    return ran.out + ran.err;
  };
  CHECK(ask({"https://a.test/blog/one/"}) == "2 200");
  CHECK_THAT(read_file(directory / "page").value(), Catch::Contains("<html"));
  CHECK(ask({"--http1.1", "https://a.test/blog/one/"}) == "1.1 200");
  CHECK(ask({"-H", "Host: b.test", "https://a.test/"}) == "2 421");
  CHECK(ask({"--tls-max", "1.2", "https://a.test/"}) == "2 200");
}
