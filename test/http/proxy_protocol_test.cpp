// Goal: a PROXY header is read in one way or refused, however it is cut.
// Method: tables of lines and of binary headers; every prefix of a good one asks for more. Then a
// live server behind them.

#include "http/proxy_protocol.h"

#include "live_server.h"

#include "base/limits.h"

#include <catch2/catch.hpp>

#include <memory>
#include <string>
#include <vector>

using namespace weir;
using namespace weir::http;
using namespace weir::test;

namespace {

using Kind = ProxyVerdict::Kind;

std::string binary(unsigned char command, unsigned char family, const std::string& rest) {
  std::string bytes("\r\n\r\n\0\r\nQUIT\n", 12);
  bytes += static_cast<char>(command);
  bytes += static_cast<char>(family);
  bytes += static_cast<char>(rest.size() >> 8);
  bytes += static_cast<char>(rest.size() & 255);
  return bytes + rest;
}

const std::string v4("\xc0\x00\x02\x09\xc6\x33\x64\x01\xdc\x04\x00\x50", 12);
const std::string v6 = std::string("\x20\x01\x0d\xb8", 4) + std::string(11, '\0') + "\x07" +
                       std::string(16, '\1') + std::string("\xdc\x04\x00\x50", 4);
const std::string tlv("\x01\x00\x02h2", 5);

std::string client_of(const ProxyVerdict& verdict) {
  if (verdict.kind == Kind::incomplete) return "incomplete";
  if (verdict.kind == Kind::refused) return "refused";
  if (!verdict.client) return "nobody";
  return verdict.client->text() + " " + std::to_string(verdict.client->port);
}

}  // namespace

TEST_CASE("a good PROXY header names its client, and asks for more until it is whole", "[http]") {
  struct Row {
    std::string bytes;
    std::string client;
  };
  const std::vector<Row> rows = {
      {"PROXY TCP4 192.0.2.9 198.51.100.1 56324 443\r\n", "192.0.2.9 56324"},
      {"PROXY TCP6 2001:db8::7 2001:db8::1 0 65535\r\n", "2001:db8::7 0"},
      {"PROXY UNKNOWN\r\n", "nobody"},
      {"PROXY UNKNOWN ffff::1 whatever 1 2\r\n", "nobody"},
      {binary(0x21, 0x11, v4), "192.0.2.9 56324"},
      {binary(0x21, 0x11, v4 + tlv + tlv), "192.0.2.9 56324"},
      {binary(0x21, 0x21, v6), "2001:db8::7 56324"},
      {binary(0x21, 0x21, v6 + tlv), "2001:db8::7 56324"},
      {binary(0x21, 0x31, std::string(216, 'x')), "nobody"},
      {binary(0x21, 0x00, "anything"), "nobody"},
      {binary(0x20, 0x00, ""), "nobody"},
      {binary(0x20, 0x11, v4), "nobody"},
      {binary(0x20, 0xff, "not looked at"), "nobody"},
      {binary(0x21, 0x11,
              v4 + std::string(1, 4) + std::string("\x01\x00", 2) + std::string(256, 'n')),
       "192.0.2.9 56324"},
  };
  for (const Row& row : rows) {
    INFO(row.bytes);
    const ProxyVerdict verdict = parse_proxy_header(row.bytes + "GET / HTTP/1.1\r\n");
    CHECK(client_of(verdict) == row.client);
    CHECK(verdict.bytes == row.bytes.size());
    for (std::size_t cut = 0; cut < row.bytes.size(); ++cut)
      CHECK(client_of(parse_proxy_header(row.bytes.substr(0, cut))) == "incomplete");
  }
}

TEST_CASE("whatever else stands in front of a connection is refused", "[http]") {
  const std::vector<std::string> rows = {
      "GET / HTTP/1.1\r\n",
      "PROXY  TCP4 192.0.2.9 198.51.100.1 1 2\r\n",
      "PROXY TCP4 192.0.2.9 198.51.100.1 1 2\n",
      "PROXY TCP4 192.0.2.9 198.51.100.1 1 2 \r\n",
      "PROXY TCP4 192.0.2.9 198.51.100.1 1\r\n",
      "PROXY TCP4 192.0.2.9 198.51.100.1 1 65536\r\n",
      "PROXY TCP4 192.0.2.9 198.51.100.1 01 2\r\n",
      "PROXY TCP4 192.0.2.9 198.51.100.1 -1 2\r\n",
      "PROXY TCP4 192.0.2.9 198.51.100.1  2\r\n",
      "PROXY TCP4 192.0.2.256 198.51.100.1 1 2\r\n",
      "PROXY TCP4 192.0.02.1 198.51.100.1 1 2\r\n",
      "PROXY TCP4 2001:db8::7 198.51.100.1 1 2\r\n",
      "PROXY TCP6 192.0.2.9 2001:db8::1 1 2\r\n",
      "PROXY TCP6 fe80::1%lo 2001:db8::1 1 2\r\n",
      "PROXY TCP5 192.0.2.9 198.51.100.1 1 2\r\n",
      "PROXY tcp4 192.0.2.9 198.51.100.1 1 2\r\n",
      std::string("PROXY UNKNOWN \0\r\n", 17),
      "PROXY UNKNOWN " + std::string(120, 'x') + "\r\n",
      "PROXY UNKNOWN " + std::string(93, 'x'),  // 107 bytes and no end
      binary(0x11, 0x11, v4),                   // version 1 in the binary form
      binary(0x22, 0x11, v4),                   // no such command
      binary(0x21, 0x12, v4),                   // datagrams
      binary(0x21, 0x41, v4),                   // no such family
      binary(0x21, 0x11, v4.substr(1)),
      binary(0x21, 0x21, v4),
      binary(0x21, 0x31, std::string(215, 'x')),
      binary(0x21, 0x11, v4 + "\x01"),
      binary(0x21, 0x11, v4 + std::string("\x01\x00\x03h2", 5)),
      binary(0x21, 0x11, v4 + std::string(limits::proxy_header_bytes_max, '\0')),
  };
  for (const std::string& bytes : rows) {
    INFO(bytes);
    const ProxyVerdict verdict = parse_proxy_header(bytes);
    CHECK(client_of(verdict) == "refused");
    CHECK(std::string(verdict.reason) != "");
  }
}

TEST_CASE("the bound of a PROXY header is exact", "[http][limits]") {
  const auto of = [](std::size_t bytes) {
    const std::size_t value = bytes - 16 - v4.size() - 3;
    std::string rest = v4 + "\x04";
    rest += static_cast<char>(value >> 8);
    rest += static_cast<char>(value & 255);
    return parse_proxy_header(binary(0x21, 0x11, rest + std::string(value, 'n')));
  };
  CHECK(client_of(of(limits::proxy_header_bytes_max - 1)) == "192.0.2.9 56324");
  CHECK(client_of(of(limits::proxy_header_bytes_max)) == "192.0.2.9 56324");
  CHECK(client_of(of(limits::proxy_header_bytes_max + 1)) == "refused");
  const std::string line = "PROXY UNKNOWN " + std::string(91, 'x') + "\r\n";
  REQUIRE(line.size() == 107);
  CHECK(client_of(parse_proxy_header(line)) == "nobody");
}

// --- on a live server
// ------------------------------------------------------------------------------

namespace {

const auto trusts_all = [](const Peer&) { return true; };

void say_peer(Exchange& exchange) {
  exchange.respond(Response{200, {}, exchange.request().peer->text()});
}

const std::string request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

}  // namespace

TEST_CASE("behind a PROXY header the client is the one it names, however the bytes come",
          "[http]") {
  LiveServer live(say_peer, {.is_exempt = trusts_all, .proxy_protocol = true});
  {
    RawClient client(live.port());
    client.say("PROXY TCP4 192.0.2.9 198.51.100.1 56324 443\r\n" + request + request);
    CHECK(client.hear().body == "192.0.2.9");
    CHECK(client.hear().body == "192.0.2.9");
  }
  {
    RawClient client(live.port());
    client.say(binary(0x21, 0x21, v6 + tlv) + request);
    CHECK(client.hear().body == "2001:db8::7");
  }
  for (const std::string& local : {binary(0x20, 0x00, ""), std::string("PROXY UNKNOWN\r\n")}) {
    RawClient client(live.port());
    client.say(local + request);
    CHECK(client.hear().body == "127.0.0.1");
  }
  RawClient client(live.port());
  const std::string header = binary(0x21, 0x11, v4);
  for (const char byte : header.substr(0, header.size() - 1)) {
    client.say(std::string(1, byte));
    live.turn();
  }
  client.say(header.substr(header.size() - 1));
  live.turn();
  client.say(request);
  CHECK(client.hear().body == "192.0.2.9");
}

TEST_CASE("without a good PROXY header, or from a stranger, nothing is interpreted", "[http]") {
  {
    LiveServer live(say_peer, {.is_exempt = trusts_all, .proxy_protocol = true});
    for (const std::string& bytes :
         {request, "PROXY TCP9 1 2 3 4\r\n" + request, binary(0x21, 0x12, v4) + request}) {
      RawClient client(live.port());
      client.say(bytes);
      CHECK(client.hear().closed);
    }
    RawClient cut(live.port());
    cut.say("PROXY TCP4 192.0.2.9");
    cut.shut();
    CHECK(cut.ends());
    live.wait_until([&live] { return live.server().counters().connections == 0; });
    CHECK(live.server().counters().requests == 0);
    CHECK(live.server().counters().refused == 3);
  }
  LiveServer live(say_peer,
                  {.is_exempt = [](const Peer&) { return false; }, .proxy_protocol = true});
  RawClient stranger(live.port());
  stranger.say("PROXY TCP4 192.0.2.9 198.51.100.1 56324 443\r\n" + request);
  CHECK(stranger.hear().closed);
  CHECK(live.server().counters().requests == 0);
}

TEST_CASE("a PROXY header has the time of the first head, and its client its own bound",
          "[http][limits]") {
  ManualClock clock;
  ServerLimits two;
  two.connections_per_client = 2;
  const auto trusts_loopback = [](const Peer& peer) { return peer.is_loopback(); };
  LiveServer live(
      say_peer,
      {.limits = two, .is_exempt = trusts_loopback, .proxy_protocol = true, .clock = &clock});
  const std::string header = "PROXY TCP4 192.0.2.9 198.51.100.1 56324 443\r\n";
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(std::make_unique<RawClient>(live.port()));
    clients.back()->say(header + request);
    const Answer answer = clients.back()->hear();
    CHECK(answer.status == (i < 2 ? 200 : 429));
  }
  RawClient other(live.port());
  other.say("PROXY TCP4 192.0.2.10 198.51.100.1 56324 443\r\n" + request);
  CHECK(other.hear().body == "192.0.2.10");
  const auto wait_for_connections = [&live](std::uint64_t count) {
    live.wait_until([&live, count] { return live.server().counters().connections == count; });
  };
  clients[2]->close();
  wait_for_connections(3);
  clients[0]->close();
  wait_for_connections(2);
  RawClient again(live.port());
  again.say(header + request);
  CHECK(again.hear().status == 200);

  RawClient slow(live.port());
  slow.say("PROXY TCP4 192.");
  live.wait_until([&live] { return live.server().counters().accepted == 6; });
  for (int second = 0; second < 11; ++second) {
    clock.advance(std::chrono::seconds(1));
    live.turn();
  }
  CHECK(slow.ends());
}
