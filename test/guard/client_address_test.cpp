// Goal: the client's address cannot be chosen by the client (G-33).
// Method: a table of the forms that proxies write, and random lists against a plain reference.

#include "support.h"

#include "guard/client_address.h"

#include <catch2/catch.hpp>

#include <random>

using namespace weir;
using namespace weir::guard;

namespace {
TrustedProxies proxies(std::initializer_list<std::string_view> texts) {
  std::vector<Network> networks;
  for (const std::string_view text : texts) {
    auto network = parse_network(text);
    REQUIRE(network.ok());
    networks.push_back(*network);
  }
  return TrustedProxies(std::move(networks));
}
std::string client(std::string_view peer, std::vector<std::string_view> x_forwarded_for,
                   std::vector<std::string_view> forwarded = {}) {
  return client_of(*parse_ip(peer), {x_forwarded_for, forwarded},
                   proxies({"10.0.0.0/8", "2001:db8::/32"}))
      .text();
}
}  // namespace

TEST_CASE("the list is walked from right to left past trusted proxies", "[guard]") {
  CHECK(client("203.0.113.9", {"198.51.100.1"}) == "203.0.113.9");  // the peer is nobody's proxy
  CHECK(client("10.0.0.1", {}) == "10.0.0.1");
  CHECK(client("10.0.0.1", {"198.51.100.1"}) == "198.51.100.1");
  CHECK(client("10.0.0.1", {"1.1.1.1, 198.51.100.1, 10.0.0.2"}) == "198.51.100.1");
  CHECK(client("10.0.0.1", {"1.1.1.1", "198.51.100.1", "10.0.0.2"}) ==
        "198.51.100.1");  // several lines are one list
  CHECK(client("10.0.0.1", {"10.0.0.3, 10.0.0.2"}) == "10.0.0.3");
  CHECK(client("10.0.0.1", {"198.51.100.1, nonsense, 10.0.0.2"}) ==
        "10.0.0.2");  // stops at the last good one
  CHECK(client("10.0.0.1", {"nonsense"}) == "10.0.0.1");
  CHECK(client("10.0.0.1", {"198.51.100.1:4711"}) == "198.51.100.1");
  CHECK(client("10.0.0.1", {"[2001:db9::1]:443"}) == "2001:db9::1");
  CHECK(client("10.0.0.1", {"fe80::1%eth0"}) == "fe80::1");
  CHECK(client("::ffff:10.0.0.1", {"::ffff:198.51.100.1"}) == "198.51.100.1");
}

TEST_CASE("Forwarded is read the same way and stands before X-Forwarded-For", "[guard]") {
  CHECK(client("10.0.0.1", {"1.1.1.1"}, {"for=198.51.100.1;proto=https, for=10.0.0.2"}) ==
        "198.51.100.1");
  CHECK(client("10.0.0.1", {}, {"proto=http; For=\"[2001:db9::7]:80\""}) == "2001:db9::7");
  CHECK(client("10.0.0.1", {}, {"for=198.51.100.1, for=unknown"}) == "10.0.0.1");
  CHECK(client("10.0.0.1", {}, {"for=_hidden"}) == "10.0.0.1");
  CHECK(client("10.0.0.1", {}, {"for=198.51.100.1;by=\"a,b\""}) == "198.51.100.1");
}

TEST_CASE("addresses are read strictly and written as RFC 5952 says", "[guard]") {
  const std::vector<std::pair<std::string_view, std::string_view>> good{
      {"1.2.3.4", "1.2.3.4"},
      {"::", "::"},
      {"::1", "::1"},
      {"2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
      {"2001:db8::", "2001:db8::"},
      {"::ffff:1.2.3.4", "1.2.3.4"},
      {"64:ff9b::1.2.3.4", "64:ff9b::102:304"},
      {"1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"},
  };
  for (const auto& [text, written] : good) {
    INFO(text);
    REQUIRE(parse_ip(text).has_value());
    CHECK(parse_ip(text)->text() == written);
  }
  for (const char* bad : {"", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.256", "1.2.3.4 ",
                          "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "::1::", "1::2:3:4:5:6:7:8", ":::",
                          "12345::", "g::", "[::1]", "1.2.3.4:80", "::1.2.3", ":1:2:3:4:5:6:7"}) {
    INFO(bad);
    CHECK_FALSE(parse_ip(bad).has_value());
  }
  for (const char* bad :
       {"[::1", "[::1]x", "[1.2.3.4]", "1.2.3.4:99999", "1.2.3.4:", "::1%", "a:b"}) {
    INFO(bad);
    CHECK_FALSE(parse_forwarded_ip(bad).has_value());
  }
  CHECK_FALSE(parse_network("10.0.0.0/33").ok());
  CHECK_FALSE(parse_network("10.0.0.0/").ok());
  CHECK_FALSE(parse_network("ten").ok());
  CHECK(parse_network("0.0.0.0/0")->has(*parse_ip("9.9.9.9")));
  CHECK_FALSE(parse_network("0.0.0.0/0")->has(*parse_ip("2001:db8::1")));
  CHECK(parse_ip("127.9.9.9")->is_loopback());
  CHECK(parse_ip("::1")->is_loopback());
  CHECK_FALSE(parse_ip("::2")->is_loopback());
}

TEST_CASE("random lists give what a plain walk gives", "[guard]") {
  std::mt19937 random(3);
  const std::vector<std::string> words{
      "10.0.0.1", "10.9.9.9", "2001:db8::5", "198.51.100.7", "203.0.113.1", "bogus", "", "unknown"};
  const TrustedProxies trusted = proxies({"10.0.0.0/8", "2001:db8::/32"});
  for (int i = 0; i < 2000; ++i) {
    std::vector<std::string> entries, lines(1 + random() % 3);
    for (std::string& line : lines) {
      const std::size_t count = 1 + random() % 4;
      for (std::size_t k = 0; k < count; ++k) {
        entries.push_back(words[random() % words.size()]);
        line += (k == 0 ? "" : random() % 2 == 0 ? "," : " , ") + entries.back();
      }
    }
    IpAddress expected = *parse_ip("10.0.0.1");
    for (std::size_t k = entries.size(); k-- > 0;) {
      const auto address = parse_ip(entries[k]);
      if (!address) break;
      expected = *address;
      if (!trusted.has(expected)) break;
    }
    const std::vector<std::string_view> views(lines.begin(), lines.end());
    CHECK(client_of(*parse_ip("10.0.0.1"), {views, {}}, trusted) == expected);
  }
}
