// Goal: the HTTP/2 client of the tests hears what a server says.

#include "http2_client.h"

#include "live_server.h"

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::test;

TEST_CASE("the HTTP/2 client hears heads, bodies and the server's settings", "[http][http2]") {
  LiveServer live(
      [](http::Exchange& exchange) {
        exchange.respond(http::Response{200, {}, "plain"});
      },
      {.h2c = true});
  Http2Client client(live.port());
  client.get(1);
  const Heard& heard = client.whole(1);
  CHECK(heard.status == 200);
  CHECK(heard.body == "plain");
  CHECK(heard.fields.at("content-length") == "5");
  CHECK(heard.fields.at("server") == "weir");
  CHECK(heard.fields.count("date") == 1);
}
