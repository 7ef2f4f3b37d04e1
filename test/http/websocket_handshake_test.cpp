// Goal: H-39: which request opens a WebSocket, and what each other one is told. Method: requests
// made by hand; the parser's part (Upgrade, Connection) is Request::protocol and tested with it.

#include "http/websocket_handshake.h"

#include <catch2/catch.hpp>

#include <array>
#include <functional>
#include <vector>

using namespace weir::http;

namespace {

struct Asked {
  std::vector<Field> fields = {{"sec-websocket-version", "13"},
                               {"sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="},
                               {"sec-websocket-protocol", "chat, weir.sync.v1"}};
  Request request;
  Asked() {
    request.method = Method::get;
    request.protocol = "websocket";
    request.host = "example.org";
  }
  const Request& operator()() {
    request.fields = fields;
    for (std::size_t i = 0; i < fields.size(); ++i)
      if (fields[i].name == "origin")
        request.known_at[static_cast<std::size_t>(Known::origin)] =
            static_cast<std::uint8_t>(i + 1);
    return request;
  }
};

}  // namespace

TEST_CASE("a handshake as RFC 6455 has it is accepted", "[http][websocket]") {
  Asked asked;
  const WebSocketOffer offer = read_websocket_offer(asked());
  REQUIRE(offer.ok());
  CHECK(offer.accept == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");  // RFC 6455, 1.3
  constexpr std::array<std::string_view, 2> ours{"other", "weir.sync.v1"};
  CHECK(choose_subprotocol(offer, ours) == "weir.sync.v1");
  const Response head = websocket_response(offer, "weir.sync.v1");
  CHECK(head.status == 101);
  CHECK(head.fields.size() == 2);
}

TEST_CASE("over HTTP/2 there is no key and the answer is 200", "[http][websocket]") {
  Asked asked;
  asked.fields.erase(asked.fields.begin() + 1);
  asked.request.version_major = 2;
  asked.request.method = Method::connect;
  const WebSocketOffer offer = read_websocket_offer(asked());
  REQUIRE(offer.ok());
  CHECK(websocket_response(offer, {}).status == 200);
  CHECK(websocket_response(offer, {}).fields.empty());
}

TEST_CASE("each mistake of a handshake has its answer", "[http][websocket]") {
  const auto status = [](const std::function<void(Asked&)>& spoil) {
    Asked asked;
    spoil(asked);
    return read_websocket_offer(asked()).status;
  };
  CHECK(status([](Asked& a) { a.request.protocol = ""; }) == 426);
  CHECK(status([](Asked& a) { a.request.method = Method::post; }) == 405);
  CHECK(status([](Asked& a) { a.fields[0].value = "8"; }) == 426);
  CHECK(status([](Asked& a) { a.fields[0].value = "13, 8"; }) == 426);
  CHECK(status([](Asked& a) { a.fields.erase(a.fields.begin()); }) == 426);
  CHECK(status([](Asked& a) { a.fields.push_back(a.fields[0]); }) == 426);
  CHECK(status([](Asked& a) { a.fields[1].value = ""; }) == 400);
  CHECK(status([](Asked& a) { a.fields[1].value = "c2hvcnQ="; }) == 400);
  CHECK(status([](Asked& a) { a.fields[1].value = "dGhlIHNhbXBsZSBub25jZQ"; }) == 400);
  CHECK(status([](Asked& a) { a.fields[1].value = "!!hlIHNhbXBsZSBub25jZQ=="; }) == 400);
  CHECK(status([](Asked& a) { a.fields.push_back(a.fields[1]); }) == 400);
  Asked asked;
  asked.fields[0].value = "12";
  const WebSocketOffer offer = read_websocket_offer(asked());
  REQUIRE(offer.fields.size() == 1);
  CHECK(offer.fields[0].first == "Sec-WebSocket-Version");
  CHECK(offer.fields[0].second == "13");
}

TEST_CASE("subprotocols of several lines are one list, in the client's order",
          "[http][websocket]") {
  Asked asked;
  asked.fields[2].value = " b ,,bad item, a";
  asked.fields.push_back({"sec-websocket-protocol", "c"});
  const WebSocketOffer offer = read_websocket_offer(asked());
  CHECK(offer.subprotocols == std::vector<std::string_view>{"b", "a", "c"});
  constexpr std::array<std::string_view, 2> ours{"a", "c"};
  CHECK(choose_subprotocol(offer, ours) == "a");
  constexpr std::array<std::string_view, 1> none{"d"};
  CHECK(choose_subprotocol(offer, none).empty());
}

TEST_CASE("a page may use its own host and the listed ones", "[http][websocket]") {
  const auto may = [](std::string_view origin, std::string_view host,
                      const std::vector<std::string>& listed = {}) {
    Asked asked;
    asked.request.host = host;
    if (!origin.empty()) asked.fields.push_back({"origin", origin});
    return origin_may_connect(asked(), listed);
  };
  CHECK(may("", "example.org"));  // not a page
  CHECK(may("https://example.org", "example.org"));
  CHECK(may("http://Example.ORG", "example.org"));
  CHECK(may("https://example.org:443", "example.org"));
  CHECK(may("http://example.org", "example.org:80"));
  CHECK(may("http://localhost:8080", "localhost:8080"));
  CHECK(may("http://[::1]:8080", "[::1]:8080"));
  CHECK(may("https://app.test", "example.org", {"https://app.test"}));
  CHECK(may("https://any.test", "example.org", {"*"}));
  CHECK_FALSE(may("https://app.test", "example.org"));
  CHECK_FALSE(may("https://example.org.evil.test", "example.org"));
  CHECK_FALSE(may("https://notexample.org", "example.org"));
  CHECK_FALSE(may("http://localhost:8081", "localhost:8080"));
  CHECK_FALSE(may("http://app.test", "example.org", {"https://app.test"}));
  CHECK_FALSE(may("null", "example.org"));
  CHECK_FALSE(may("https://", ""));
}
