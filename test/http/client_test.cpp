// Goal: the promises of client.h: bounds on bytes and time, redirects, the address policy,
// certificates, Unix sockets. Method: live servers on 127.0.0.1.

#include "certificates.h"
#include "live_server.h"
#include "support.h"

#include "base/bytes.h"
#include "http/client.h"
#include "http/upstream_names.h"

#include <catch2/catch.hpp>

#include <chrono>
#include <string>

using namespace weir;
using namespace weir::http;
using namespace weir::test;

namespace {

std::string url_of(const LiveServer& live, std::string_view path) {
  return "http://127.0.0.1:" + std::to_string(live.port()) + std::string(path);
}

void site(Exchange& exchange) {
  const std::string path(exchange.request().path);
  const std::string query(exchange.request().query);
  if (path == "/big") return exchange.respond(Response{200, {}, std::string(100 * KiB, 'x')});
  if (path == "/stream") {
    auto& stream = exchange.start_stream({200, {}, {}});
    for (int i = 0; i < 100; ++i) stream.write(std::string(1 * KiB, 'x'));
    stream.close();
    return;
  }
  if (path == "/never") return;
  if (path == "/to")
    return exchange.respond(Response{std::stoi(query), {{"Location", "/method"}}, {}});
  if (path == "/relative") return exchange.respond(Response{302, {{"Location", "method?x=1"}}, {}});
  if (path == "/loop") return exchange.respond(Response{302, {{"Location", "/loop"}}, {}});
  if (path == "/away") return exchange.respond(Response{302, {{"Location", query}}, {}});
  exchange.read_body(1 * MiB, [](Exchange& whole) {
    const Request& request = whole.request();
    whole.respond(Response{200,
                           {{"X-Answer", "yes"}},
                           std::string(request.method_text) + ' ' + std::string(request.target) +
                               ' ' + std::string(request.host) + ' ' +
                               std::string(request.known(Known::authorization)) + ' ' +
                               std::string(whole.body())});
  });
}

}  // namespace

TEST_CASE("a fetch brings status, fields and body", "[http][client]") {
  LiveServer live(site);
  const auto fetched = fetch({.url = url_of(live, "/a%20b?q=1#fragment")});
  REQUIRE(fetched.ok());
  CHECK(fetched->status == 200);
  CHECK(fetched->body == "GET /a%20b?q=1 127.0.0.1:" + std::to_string(live.port()) + "  ");
  REQUIRE(fetched->find("x-answer") != nullptr);
  CHECK(*fetched->find("x-answer") == "yes");
  const auto posted = fetch({.method = "POST",
                             .url = url_of(live, "/p"),
                             .headers = {{"Authorization", "Bearer t"}},
                             .body = "payload"});
  REQUIRE(posted.ok());
  CHECK(posted->body.ends_with("Bearer t payload"));
  CHECK(fetch({.url = url_of(live, "/x"), .headers = {{"A", "b\r\nC: d"}}}).error().code ==
        Errc::invalid);
}

TEST_CASE("a body above the bound is refused, by its length or while it comes", "[http][client]") {
  LiveServer live(site);
  for (const char* path : {"/big", "/stream"}) {
    CHECK(fetch({.url = url_of(live, path), .bytes_max = 100 * KiB})->body.size() == 100 * KiB);
    const auto over = fetch({.url = url_of(live, path), .bytes_max = 100 * KiB - 1});
    REQUIRE_FALSE(over.ok());
    CHECK(over.error().code == Errc::too_large);
  }
}

TEST_CASE("the time of a call is bounded as a whole", "[http][client]") {
  LiveServer live(site);
  const auto started = std::chrono::steady_clock::now();
  const auto late =
      fetch({.url = url_of(live, "/never"), .timeout = std::chrono::milliseconds(200)});
  REQUIRE_FALSE(late.ok());
  CHECK(late.error().code == Errc::io);
  CHECK(std::chrono::steady_clock::now() - started < std::chrono::seconds(5));
}

TEST_CASE("redirects are followed by their rules, and not for ever", "[http][client]") {
  LiveServer live(site);
  const auto method_after = [&live](std::string_view status, std::string method) {
    const auto fetched = fetch({.method = std::move(method),
                                .url = url_of(live, "/to?" + std::string(status)),
                                .body = "b"});
    REQUIRE(fetched.ok());
    CHECK(fetched->url == url_of(live, "/method"));
    return fetched->body.substr(0, fetched->body.find(' '));
  };
  CHECK(method_after("301", "GET") == "GET");
  CHECK(method_after("302", "POST") == "GET");
  CHECK(method_after("303", "PUT") == "GET");
  CHECK(method_after("307", "POST") == "POST");
  CHECK(method_after("308", "PUT") == "PUT");
  CHECK(fetch({.url = url_of(live, "/relative")})->body.starts_with("GET /method?x=1"));
  CHECK(fetch({.url = url_of(live, "/loop")}).error().what.find("more than 5 redirects") !=
        std::string::npos);
  CHECK(fetch({.url = url_of(live, "/to?302"), .redirects_max = 0})->status == 302);
  CHECK(fetch({.url = url_of(live, "/away?ftp://127.0.0.1/")}).error().code == Errc::invalid);
}

TEST_CASE("credentials do not follow a redirect to another origin", "[http][client]") {
  LiveServer first(site);
  LiveServer second(site);
  const Fields secret{{"Authorization", "Bearer secret"}};
  const auto away =
      fetch({.url = url_of(first, "/away?" + url_of(second, "/x")), .headers = secret});
  REQUIRE(away.ok());
  CHECK(away->body.find("secret") == std::string::npos);
  const auto home = fetch({.url = url_of(first, "/relative"), .headers = secret});
  CHECK(home->body.find("secret") != std::string::npos);
}

TEST_CASE("localhost is loopback without a file that says so", "[http][client]") {
  for (const std::string name : {"localhost", "LocalHost.", "app.localhost"}) {
    const auto found = look_up(name, 80);
    REQUIRE(found.ok());
    REQUIRE(found->size() == 2);
    CHECK((*found)[0].text() == "127.0.0.1:80");
    CHECK((*found)[1].text() == "[::1]:80");
  }
}

TEST_CASE("public_only refuses private addresses before it connects", "[http][client]") {
  int requests = 0;
  LiveServer live([&requests](Exchange& exchange) {
    ++requests;
    site(exchange);
  });
  const std::string port = std::to_string(live.port());
  for (const std::string host :
       {"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "127.1.2.3"}) {
    const auto refused = fetch(
        {.url = "http://" + host + ':' + port + "/", .addresses = AddressPolicy::public_only});
    INFO(host);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == Errc::denied);
  }
  CHECK(live.seen().empty());
  for (const std::string entry : {"127.0.0.1", "127.0.0.0/8", "0.0.0.0/0"}) {
    const auto listed = fetch({.url = url_of(live, "/"),
                               .addresses = AddressPolicy::public_only,
                               .allowed_hosts = {entry}});
    INFO(entry);
    CHECK(listed.ok());
  }
  const auto other = fetch({.url = url_of(live, "/"),
                            .addresses = AddressPolicy::public_only,
                            .allowed_hosts = {"10.0.0.0/8", "example.com"}});
  CHECK_FALSE(other.ok());
}

TEST_CASE("a redirect is held to the address policy of the first URL", "[http][client]") {
  LiveServer allowed(site);
  const auto away = fetch({.url = "http://localhost:" + std::to_string(allowed.port()) + "/away?" +
                                  url_of(allowed, "/x"),
                           .addresses = AddressPolicy::public_only,
                           .allowed_hosts = {"localhost"}});
  REQUIRE_FALSE(away.ok());
  CHECK(away.error().code == Errc::denied);
}

TEST_CASE("addresses and blocks", "[http][client]") {
  for (const char* address : {"127.0.0.1",
                              "10.1.2.3",
                              "172.16.0.1",
                              "172.31.255.255",
                              "192.168.1.1",
                              "169.254.169.254",
                              "100.64.0.1",
                              "0.0.0.0",
                              "224.0.0.1",
                              "255.255.255.255",
                              "::",
                              "::1",
                              "fe80::1",
                              "fc00::1",
                              "fd12::1",
                              "ff02::1",
                              "::ffff:10.0.0.1",
                              "::ffff:7f00:1",
                              "64:ff9b::a00:1",
                              "2002:a00:1::",
                              "not an address",
                              "fe80::1%eth0"})
    CHECK(is_private_address(address));
  for (const char* address : {"8.8.8.8", "172.32.0.1", "172.15.255.255", "192.169.0.1",
                              "2606:4700::1111", "::ffff:8.8.8.8"})
    CHECK_FALSE(is_private_address(address));
  CHECK(address_is_in("10.1.2.3", "10.0.0.0/8"));
  CHECK(address_is_in("::ffff:10.1.2.3", "10.0.0.0/8"));
  CHECK(address_is_in("10.1.2.3", "10.1.2.3"));
  CHECK_FALSE(address_is_in("11.1.2.3", "10.0.0.0/8"));
  CHECK(address_is_in("fd00::5", "fd00::/8"));
  for (const char* block : {"10.0.0.0/33", "10.0.0.0/x", "x/8", "", "/8", "fd00::/129"})
    CHECK_FALSE(address_is_in("10.1.2.3", block));
}

TEST_CASE("a URL that is none is said to be", "[http][client]") {
  for (const char* url : {"", "example.com", "ftp://a/", "http://", "http:///x", "http://u@a/",
                          "http://a b/", "http://a:0/", "http://a:65536/", "http://a:x/",
                          "http://[::1/", "http://[::1]x/", "http://a/\r\nX: y"})
    CHECK(fetch({.url = url}).error().code == Errc::invalid);
}

TEST_CASE("a Unix socket is talked to like a host", "[http][client]") {
  const TemporaryDirectory directory;
  LiveServer live(site, {.unix_path = directory / "s"});
  const auto fetched = fetch({.url = "http://weir/x", .unix_path = directory / "s"});
  REQUIRE(fetched.ok());
  CHECK(fetched->body.starts_with("GET /x weir"));
  CHECK(fetch({.url = "http://weir/x", .unix_path = directory / "none"}).error().code == Errc::io);
}

TEST_CASE("https verifies the certificate and its name", "[http][client]") {
  const TemporaryDirectory directory;
  directory.write("c.pem", ecdsa_certificate);
  directory.write("k.pem", ecdsa_key);
  SystemClock clock;
  const auto tls = TlsContext::open({{{directory / "c.pem", directory / "k.pem"}}}, clock);
  REQUIRE(tls.ok());
  LiveServer live(site, {.tls = *tls});
  const std::string base = "https://localhost:" + std::to_string(live.port()) + "/x";
  const auto trusted = fetch({.url = base, .ca_file = directory / "c.pem"});
  if (!trusted.ok()) FAIL(trusted.error().text());
  CHECK(trusted->body.starts_with("GET /x localhost"));
  directory.write("other.pem", rsa_certificate);
  const auto stranger = fetch({.url = base, .ca_file = directory / "other.pem"});
  REQUIRE_FALSE(stranger.ok());
  CHECK(stranger.error().code == Errc::denied);
}
