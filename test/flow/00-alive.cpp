// Goal: from an empty directory to a served page in three commands, and a clean end.

#include "server.h"

#include <catch2/catch.hpp>

#include <csignal>

using namespace weir;
using flow::get;

TEST_CASE("init, build and serve make a page out of an empty directory", "[flow][alive]") {
  const test::TemporaryDirectory directory;
  const auto made = flow::run({"init", directory / "my-site"});
  INFO(made.err);
  REQUIRE(made.code == 0);
  CHECK_THAT(made.err, Catch::Contains("weir build") && Catch::Contains("weir serve"));
  const auto built = flow::run({"--root", directory / "my-site", "build"});
  INFO(built.err);
  REQUIRE(built.code == 0);
  CHECK_THAT(built.out, Catch::Contains("pages") && Catch::Contains("written"));

  flow::Server server(directory / "my-site");
  INFO(server.process().errors());
  REQUIRE(server.port() != 0);
  const auto page = get(server.port(), "/");
  CHECK(page.status == 200);
  CHECK_THAT(page.field("content-type"), Catch::Contains("text/html"));
  CHECK_THAT(page.body, Catch::Contains("<html"));
  CHECK(get(server.port(), "/_weir/healthz").body == "ok\n");
  CHECK(get(server.port(), "/_weir/readyz").status == 200);
  CHECK(server.stop() == 0);
}

TEST_CASE(
    "serve builds by itself when there is no release, and a site without weir's tables is simply "
    "served",
    "[flow][alive]") {
  const test::TemporaryDirectory directory;
  directory.write("config.toml", "base_url = \"https://example.com\"\n");
  directory.write("content/_index.md", "+++\n+++\nA plain site.\n");
  directory.write("templates/index.html",
                  "<!doctype html><title>x</title>{{ section.content | safe }}");
  flow::Server server(directory.path());
  INFO(server.process().errors());
  REQUIRE(server.port() != 0);
  CHECK_THAT(get(server.port(), "/").body, Catch::Contains("A plain site."));
}

TEST_CASE("every ending signal drains and ends with 0, and a second one forces", "[flow][alive]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory, "[serve]\ntimeouts = { drain = \"60s\" }\n");
  REQUIRE(flow::run({"--root", directory.path(), "build", "--no-export"}).code == 0);
  for (const int number : {SIGTERM, SIGINT, SIGQUIT}) {
    flow::Server server(directory.path());
    REQUIRE(server.port() != 0);
    server.process().signal(number);
    CHECK(server.process().wait() == 0);
  }
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  // A request that never ends keeps the drain waiting.
  flow::Connection slow(server.port());
  slow.send("POST /_weir/healthz HTTP/1.1\r\nHost: x\r\nContent-Le");
  server.process().signal(SIGTERM);
  REQUIRE(server.process().wait_for_line("draining"));
  server.process().signal(SIGTERM);
  CHECK(server.process().wait() == 143);
}

TEST_CASE("signals that are not for stopping do not stop", "[flow][alive]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory);
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  for (const int number : {SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE}) server.process().signal(number);
  CHECK(flow::eventually([&] { return get(server.port(), "/").status == 200; }));
  CHECK(server.stop() == 0);
}

TEST_CASE("readyz turns 503 at the first moment of a drain, while a request in flight is finished",
          "[flow][alive]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory);
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  flow::Connection waiting(server.port());
  REQUIRE(waiting.get("/").status == 200);
  waiting.send("GET / HTTP/1.1\r\nHost: localhost\r\n");  // not finished
  flow::Connection probe(server.port());
  REQUIRE(probe.get("/_weir/readyz").status == 200);
  probe.send("GET /_weir/readyz HTTP/1.1\r\nHost: localhost\r\n");
  server.process().signal(SIGTERM);
  REQUIRE(server.process().wait_for_line("draining"));
  probe.send("\r\n");
  const auto ready = probe.receive();
  CHECK(ready.status == 503);
  waiting.send("\r\n");
  const auto page = waiting.receive();
  CHECK(page.status == 200);
  CHECK(page.field("connection") == "close");
  CHECK(server.process().wait() == 0);
}
