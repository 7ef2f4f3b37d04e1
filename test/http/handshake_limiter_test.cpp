// Goal: a client begins so many handshakes and no more, and the table stays bounded.
// Method: the limiter alone with times of our own; then a live server with a small rate.

#include "http/handshake_limiter.h"

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::http;
using namespace std::chrono_literals;

namespace {

Peer v4(std::uint8_t last) {
  Peer peer;
  peer.address[10] = peer.address[11] = 0xff;
  peer.address[12] = 192;
  peer.address[15] = last;
  return peer;
}

Peer v6(std::uint8_t network, std::uint8_t host) {
  Peer peer;
  peer.address[0] = 0x20;
  peer.address[7] = network;
  peer.address[15] = host;
  return peer;
}

constexpr Mono start{5'000'000'000};

}  // namespace

TEST_CASE("a client has its burst, then its rate", "[http][handshake]") {
  HandshakeLimiter limiter({10, 3});
  for (int i = 0; i < 3; ++i) CHECK(limiter.take(v4(1), start));
  CHECK_FALSE(limiter.take(v4(1), start));
  CHECK(limiter.take(v4(2), start));
  CHECK_FALSE(limiter.take(v4(1), start + 99ms));
  CHECK(limiter.take(v4(1), start + 100ms));
  CHECK_FALSE(limiter.take(v4(1), start + 100ms));
  for (int i = 0; i < 3; ++i) CHECK(limiter.take(v4(1), start + 1s));
  CHECK_FALSE(limiter.take(v4(1), start + 1s));
}

TEST_CASE("IPv6 clients are counted by their /64, and a rate of 0 bounds nobody",
          "[http][handshake]") {
  HandshakeLimiter limiter({1, 1});
  CHECK(limiter.take(v6(1, 1), start));
  CHECK_FALSE(limiter.take(v6(1, 2), start));
  CHECK(limiter.take(v6(2, 1), start));
  HandshakeLimiter open({0, 0});
  for (int i = 0; i < 100; ++i) CHECK(open.take(v4(1), start));
}

TEST_CASE("in a full table the client with the most debt is not forgotten", "[http][handshake]") {
  HandshakeLimiter limiter({1, 4}, 4);  // one set
  for (int i = 0; i < 4; ++i) CHECK(limiter.take(v4(1), start));
  CHECK_FALSE(limiter.take(v4(1), start));
  for (std::uint8_t other = 2; other < 200; ++other) CHECK(limiter.take(v4(other), start));
  CHECK_FALSE(limiter.take(v4(1), start));
}
