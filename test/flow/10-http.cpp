// Goal: what goes over the wire is what the specifications of HTTP say.

#include "server.h"

#include "base/bytes.h"

#include <catch2/catch.hpp>

using namespace weir;
using flow::Connection;
using flow::get;

namespace {

// One server for the whole file: none of these stories changes it.
flow::Server& shared_server() {
  static test::TemporaryDirectory directory;
  static const bool written = [] {
    flow::write_site(directory);
    return true;
  }();
  (void)written;
  static flow::Server server(directory.path());
  return server;
}

}  // namespace

TEST_CASE("a page comes with its validators, its caching rules and its trace", "[flow][http]") {
  auto& server = shared_server();
  INFO(server.process().errors());
  REQUIRE(server.port() != 0);
  const auto page = get(server.port(), "/blog/one/");
  CHECK(page.status == 200);
  CHECK_THAT(page.body, Catch::Contains("The first post."));
  CHECK(page.field("cache-control") == "public, max-age=0, must-revalidate");
  CHECK(page.field("etag").size() > 20);
  CHECK(page.has("last-modified"));
  CHECK(page.has("date"));
  CHECK(page.has("age"));
  CHECK(page.field("server") == "weir");
  CHECK(page.field("x-content-type-options") == "nosniff");
  CHECK(page.field("referrer-policy") == "strict-origin-when-cross-origin");
  CHECK_THAT(page.field("vary"), Catch::Contains("Accept-Encoding"));
  CHECK_THAT(page.field("cache-status"), Catch::StartsWith("weir; "));
  CHECK_THAT(page.field("server-timing"),
             Catch::Contains("trace;dur=") && Catch::Contains("cache;desc="));
  CHECK(page.field("traceparent").size() == 55);
  CHECK_FALSE(page.has("content-encoding"));
  const auto again = get(server.port(), "/blog/one/");
  CHECK_THAT(again.field("cache-status"), Catch::StartsWith("weir; hit"));
}

TEST_CASE("assets that carry their hash are kept for a year", "[flow][http]") {
  const auto script = get(shared_server().port(), "/app.3f2a91bc.js");
  CHECK(script.status == 200);
  CHECK(script.field("cache-control") == "public, max-age=31536000, immutable");
  CHECK_THAT(script.field("content-type"), Catch::Contains("javascript"));
}

TEST_CASE("the coding is the one that the client likes best", "[flow][http]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory);
  std::string text = "+++\ntitle = \"Long\"\n+++\n";
  for (int line = 0; line < 200; ++line)
    text += "A line that is worth compressing, number " + std::to_string(line) + ".\n\n";
  directory.write("content/long.md", text);
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  const auto plain = get(server.port(), "/long/");
  REQUIRE(plain.status == 200);
  CHECK_FALSE(plain.has("content-encoding"));
  struct Row {
    std::string_view accept, coding;
  };
  // zstd is there from the build; the others may come a moment later.
  CHECK(flow::eventually([&] {
    return get(server.port(), "/long/", "Accept-Encoding: br\r\n").field("content-encoding") ==
           "br";
  }));
  CHECK(flow::eventually([&] {
    return get(server.port(), "/long/", "Accept-Encoding: gzip\r\n").field("content-encoding") ==
           "gzip";
  }));
  for (const Row& row : {Row{"zstd", "zstd"}, Row{"gzip, br;q=0.5", "gzip"}, Row{"x-gzip", "gzip"},
                         Row{"identity", ""}, Row{"*;q=0", ""}, Row{"gzip;q=0", ""}}) {
    INFO(row.accept);
    const auto coded =
        get(server.port(), "/long/", "Accept-Encoding: " + std::string(row.accept) + "\r\n");
    CHECK(coded.status == 200);
    CHECK(coded.field("content-encoding") == row.coding);
    if (!row.coding.empty()) CHECK(coded.body.size() < plain.body.size() / 2);
    CHECK(coded.field("etag") != "");
  }
  // Several lines of a list are one list (RFC 9110 5.3).
  CHECK(get(server.port(), "/long/", "Accept-Encoding: br;q=0.5\r\nAccept-Encoding: gzip\r\n")
            .field("content-encoding") == "gzip");
  // A validator of one coding is good for all of them.
  const auto tag = get(server.port(), "/long/", "Accept-Encoding: zstd\r\n").field("etag");
  CHECK(get(server.port(), "/long/", "If-None-Match: " + tag + "\r\n").status == 304);
}

TEST_CASE("conditions are answered in the order of the RFC", "[flow][http]") {
  const auto port = shared_server().port();
  const auto page = get(port, "/blog/one/");
  const std::string tag = page.field("etag"), modified = page.field("last-modified");
  struct Row {
    std::string fields;
    int status;
  };
  const Row rows[] = {
      {"If-None-Match: " + tag + "\r\n", 304},
      {"If-None-Match: W/" + tag + "\r\n", 304},
      {"If-None-Match: *\r\n", 304},
      {"If-None-Match: \"other\"\r\nIf-None-Match: " + tag + "\r\n", 304},
      {"If-None-Match: \"other\"\r\n", 200},
      {"If-Modified-Since: " + modified + "\r\n", 304},
      {"If-Modified-Since: Mon, 01 Jan 2001 00:00:00 GMT\r\n", 200},
      {"If-None-Match: \"other\"\r\nIf-Modified-Since: " + modified + "\r\n", 200},
      {"If-Match: \"other\"\r\n", 412},
      {"If-Match: " + tag + "\r\n", 200},
      {"If-Unmodified-Since: Mon, 01 Jan 2001 00:00:00 GMT\r\n", 412},
  };
  for (const Row& row : rows) {
    INFO(row.fields);
    const auto answer = get(port, "/blog/one/", row.fields);
    CHECK(answer.status == row.status);
    if (row.status != 304) continue;
    CHECK(answer.field("etag") != "");
    CHECK(answer.has("cache-control"));
    CHECK(answer.has("date"));
    CHECK(answer.body.empty());
  }
}

TEST_CASE("ranges are parts of the page and never more than the page", "[flow][http]") {
  const auto port = shared_server().port();
  const std::string path = "/robots-note.txt", whole = "0123456789abcdefghijklmnopqrstuvwxyz\n";
  REQUIRE(get(port, path).body == whole);
  struct Row {
    std::string_view range;
    int status;
    std::string_view body, content_range;
  };
  const Row rows[] = {
      {"bytes=0-9", 206, "0123456789", "bytes 0-9/37"},
      {"bytes=10-", 206, "abcdefghijklmnopqrstuvwxyz\n", "bytes 10-36/37"},
      {"bytes=-1", 206, "\n", "bytes 36-36/37"},
      {"bytes=36-99", 206, "\n", "bytes 36-36/37"},
      {"bytes=99-", 416, "", "bytes */37"},
      {"lines=1-2", 200, "0123456789abcdefghijklmnopqrstuvwxyz\n", ""},
      {"bytes=5-1", 200, "0123456789abcdefghijklmnopqrstuvwxyz\n", ""},
      {"bytes=0-9,5-15", 200, "0123456789abcdefghijklmnopqrstuvwxyz\n", ""},
  };
  for (const Row& row : rows) {
    INFO(row.range);
    const auto part = get(port, path, "Range: " + std::string(row.range) + "\r\n");
    CHECK(part.status == row.status);
    if (row.status != 416) CHECK(part.body == row.body);
    CHECK(part.field("content-range") == row.content_range);
  }
  const auto several = get(port, path, "Range: bytes=0-1,35-36\r\n");
  CHECK(several.status == 206);
  CHECK_THAT(several.field("content-type"), Catch::StartsWith("multipart/byteranges; boundary="));
  CHECK_THAT(several.body,
             Catch::Contains("Content-Range: bytes 0-1/37") && Catch::Contains("\r\n\r\n01\r\n"));
  const auto tag = get(port, path).field("etag");
  CHECK(get(port, path, "Range: bytes=0-1\r\nIf-Range: " + tag + "\r\n").status == 206);
  CHECK(get(port, path, "Range: bytes=0-1\r\nRange: bytes=2-3\r\n").body ==
        whole);  // nobody knows which is meant
  CHECK(get(port, path, "Range: bytes=0-1\r\nIf-Range: \"other\"\r\n").status == 200);
}

TEST_CASE("a part of a page says of itself what the whole page says", "[flow][http]") {
  const auto port = shared_server().port();
  for (const std::string_view path : {"/blog/one/", "/robots-note.txt"}) {
    const auto whole = get(port, path);
    const auto part = get(port, path, "Range: bytes=0-3\r\n");
    INFO(path << '\n' << whole.head << part.head);
    REQUIRE(part.status == 206);
    for (const std::string_view name : {"etag", "cache-control", "vary", "last-modified",
                                        "content-type", "x-content-type-options"})
      CHECK(part.field(name) == whole.field(name));
    CHECK(part.has("date"));
    CHECK(part.has("age"));
  }
}

TEST_CASE("HEAD says what GET would say, without the body", "[flow][http]") {
  Connection connection(shared_server().port());
  const auto whole = connection.get("/blog/one/");
  const auto head = connection.request("HEAD", "/blog/one/", {}, {});
  CHECK(head.status == 200);
  CHECK(head.field("content-length") == std::to_string(whole.body.size()));
  CHECK(head.field("etag") == whole.field("etag"));
  CHECK(connection.get("/blog/two/").status == 200);  // nothing was left over on the connection
}

TEST_CASE("addresses are redirected to where the page is, and nowhere else", "[flow][http]") {
  const auto port = shared_server().port();
  const auto slash = get(port, "/blog/one?x=1");
  CHECK(slash.status == 301);
  CHECK(slash.field("location") == "/blog/one/?x=1");
  CHECK(get(port, "/blog/one/index.html").field("location") == "/blog/one/");
  const auto alias = get(port, "/old-one/");
  CHECK(alias.status == 301);
  CHECK(alias.field("location") == "/blog/one/");
  CHECK(get(port, "/nothing").status == 404);
  for (const std::string_view path : {"/static/", "/../weir.toml", "/weir.toml",
                                      "/.weir/build.json", "/content/_index.md", "//example.com"}) {
    INFO(path);
    const auto answer = get(port, path);
    CHECK((answer.status == 404 || answer.status == 400));
    CHECK_FALSE(answer.has("location"));
  }
}

TEST_CASE("what is not there is 404 with the site's own page", "[flow][http]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory);
  directory.write("templates/404.html", "<!doctype html><title>Lost</title>lost by the river");
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  const auto missing = get(server.port(), "/nowhere/");
  CHECK(missing.status == 404);
  CHECK_THAT(missing.body, Catch::Contains("lost by the river"));
  CHECK(get(server.port(), "/%FF").status == 404);
  CHECK(get(server.port(), "/a%2Fb").status == 400);
}

TEST_CASE("a method that pages do not know is 405 with those that they do", "[flow][http]") {
  Connection connection(shared_server().port());
  const auto posted = connection.request("POST", "/blog/one/", {}, "x");
  CHECK(posted.status == 405);
  CHECK(posted.field("allow") == "GET, HEAD, OPTIONS");
  const auto options = connection.request("OPTIONS", "/blog/one/", {}, {});
  CHECK(options.status == 204);
  CHECK(options.field("allow") == "GET, HEAD, OPTIONS");
  CHECK(Connection(shared_server().port()).request("TRACE", "/", {}, {}).status == 405);
  CHECK(Connection(shared_server().port()).request("OPTIONS", "*", {}, {}).status == 204);
}

TEST_CASE("malformed requests get the exact status, and the connection closes", "[flow][http]") {
  struct Row {
    std::string_view bytes;
    int status;
  };
  const std::string long_target =
      "GET /" + std::string(9'000, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n";
  const std::string long_head =
      "GET / HTTP/1.1\r\nHost: x\r\nA: " + std::string(20'000, 'a') + "\r\n\r\n";
  const Row rows[] = {
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505},
      {"GET / HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: x\r\n A: b\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
       400},
      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501},
      {"GET /a%0 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {long_target, 414},
      {long_head, 431},
  };
  for (const Row& row : rows) {
    INFO(std::string(row.bytes.substr(0, 80)));
    Connection connection(shared_server().port());
    connection.send(row.bytes);
    const auto answer = connection.receive();
    CHECK(answer.status == row.status);
    CHECK(answer.field("connection") == "close");
    CHECK(connection.is_closed_by_peer());
  }
}

TEST_CASE("programs are refused with a problem document, browsers with a page", "[flow][http]") {
  const auto port = shared_server().port();
  struct Row {
    std::string_view path, accept, type;
  };
  const Row rows[] = {{"/%00", "", "text/html; charset=utf-8"},
                      {"/%00", "Accept: application/json\r\n", "application/problem+json"},
                      {"/%00", "Accept: text/html;q=0.1\r\nAccept: application/json\r\n",
                       "application/problem+json"},
                      {"/_weir/nothing", "", "application/problem+json"},
                      {"/_weir/%00", "", "application/problem+json"}};
  for (const Row& row : rows) {
    INFO(row.path << ' ' << row.accept);
    CHECK(get(port, row.path, row.accept).field("content-type") == row.type);
  }
}

TEST_CASE("a host that is not served is 421 and ends the connection", "[flow][http]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory, "[serve]\nhosts = [\"example.com\"]\n");
  flow::Server server(directory.path());
  INFO(server.process().errors());
  REQUIRE(server.port() != 0);
  Connection connection(server.port());
  connection.send(
      "GET / HTTP/1.1\r\nHost: EXAMPLE.com:81\r\n\r\nGET http://other/ HTTP/1.1\r\nHost: "
      "example.com\r\n\r\n"
      "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n");
  CHECK(connection.receive().status == 200);
  const auto other = connection.receive();
  CHECK(other.status == 421);
  CHECK(other.field("connection") == "close");
  CHECK(connection.is_closed_by_peer());
}

TEST_CASE("an expectation that nobody can meet is 417", "[flow][http]") {
  CHECK(get(shared_server().port(), "/", "Expect: miracles\r\n").status == 417);
}

TEST_CASE("pipelined requests are answered in order", "[flow][http]") {
  Connection connection(shared_server().port());
  connection.send(
      "GET /blog/one/ HTTP/1.1\r\nHost: x\r\n\r\nGET /nothing/ HTTP/1.1\r\nHost: x\r\n\r\nGET "
      "/blog/two/ HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK_THAT(connection.receive().body, Catch::Contains("The first post."));
  CHECK(connection.receive().status == 404);
  CHECK_THAT(connection.receive().body, Catch::Contains("The second post."));
}

TEST_CASE("every line of the access log is JSON, whatever a client sends", "[flow][http]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory);
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  get(server.port(), "/%22%0A%1B%5B31m/?secret=value",
      "User-Agent: a\"b\\c\x80\xff\r\nCookie: s=secret\r\n");
  get(server.port(), "/blog/one/");
  get(server.port(), "/broken/%00");
  get(server.port(), "/hopeful/", "Expect: miracles\r\n");
  Connection(server.port()).request("TRACE", "/traced/", {}, {});
  Connection(server.port()).request("CONNECT", "example.com:443", {}, {});
  CHECK(server.stop() == 0);
  const std::string log = server.process().output();
  INFO(log);
  // What the engine answers by itself has its line too.
  for (const std::string_view path : {"/broken/%00", "/hopeful/", "/traced/", "example.com:443"})
    CHECK_THAT(log, Catch::Contains("\"path\":\"" + std::string(path) + "\""));
  CHECK_THAT(log, Catch::Contains("\"path\":\"/blog/one/\"") && Catch::Contains("\"status\":200") &&
                      Catch::Contains("\"route\":\"site\""));
  CHECK_THAT(log, !Catch::Contains("secret") && !Catch::Contains("\x1b"));
  for (std::size_t at = 0; at < log.size();) {
    const std::size_t end = log.find('\n', at);
    CHECK(log[at] == '{');
    CHECK(log[end - 1] == '}');
    at = end + 1;
  }
}
