// Goal: what was broken once stays whole. Each story names what went wrong.

#include "server.h"

#include <catch2/catch.hpp>

#include <csignal>

using namespace weir;

TEST_CASE("a signal in the first moment after the server said that it listens drains, too",
          "[flow][regression]") {
  // The server said "listening" before it took note that there was something to drain, and ended
  // with 143.
  const test::TemporaryDirectory directory;
  flow::write_site(directory);
  REQUIRE(flow::run({"--root", directory.path(), "build", "--no-export"}).code == 0);
  for (int round = 0; round < 5; ++round) {
    flow::Process server({"--root", directory.path(), "serve", "--listen", "127.0.0.1:0"});
    REQUIRE(server.wait_for_line("\"event\":\"listening\""));
    server.signal(SIGTERM);
    CHECK(server.wait() == 0);
  }
}

TEST_CASE("a request that could not be parsed has a line in the access log", "[flow][regression]") {
  // Only requests with a head that was understood were logged.
  const test::TemporaryDirectory directory;
  flow::write_site(directory);
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  flow::Connection connection(server.port());
  connection.send("GET / HTTP/1.1\r\nHost : x\r\n\r\n");
  CHECK(connection.receive().status == 400);
  CHECK(server.stop() == 0);
  CHECK_THAT(server.process().output(), Catch::Contains("\"status\":400,\"refused\":"));
}

TEST_CASE("a plain listener that redirects keeps the address and changes the scheme",
          "[flow][regression]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory,
                   "[serve]\nlisten = [{ addr = \"127.0.0.1:0\", redirect = \"https\" }]\n");
  flow::Process server({"--root", directory.path(), "serve"});
  const auto line = server.wait_for_line("\"event\":\"listening\"");
  REQUIRE(line);
  const auto port =
      static_cast<unsigned short>(std::atoi(line->c_str() + line->find("127.0.0.1:") + 10));
  flow::Connection connection(port);
  connection.send("GET /blog/one/?a=b HTTP/1.1\r\nHost: example.com:80\r\n\r\n");
  const auto answer = connection.receive();
  CHECK(answer.status == 308);
  CHECK(answer.field("location") == "https://example.com/blog/one/?a=b");
  // A target in absolute form names the host, once (RFC 9112 3.2.2).
  connection.send("GET http://example.org:80/x?http://y HTTP/1.1\r\nHost: example.com\r\n\r\n");
  CHECK(connection.receive().field("location") == "https://example.org/x?http://y");
}
