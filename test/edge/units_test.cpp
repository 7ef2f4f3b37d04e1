#include "edge/units.h"

#include <catch2/catch.hpp>

using namespace weir;
using namespace std::chrono_literals;

TEST_CASE("a duration is digits and one unit, and nothing else", "[edge]") {
  struct Row {
    std::string_view text;
    Nanos span;
  };
  for (const Row& row : {Row{"250ms", 250ms}, Row{"10s", 10s}, Row{"5m", 5min}, Row{"1h", 1h},
                         Row{"7d", 168h}, Row{"0s", 0s}, Row{"0", 0s}}) {
    INFO(row.text);
    const auto span = edge::parse_duration(row.text);
    REQUIRE(span);
    CHECK(*span == row.span);
  }
  for (const std::string_view bad :
       {"", "10", "s", "-1s", "1.5s", "10 s", "10S", "999999999999999d", "1s1s"}) {
    INFO(bad);
    CHECK_FALSE(edge::parse_duration(bad));
  }
}

TEST_CASE("a size is a number of bytes or has a unit", "[edge]") {
  CHECK(edge::parse_size("512") == 512u);
  CHECK(edge::parse_size("16KiB") == 16'384u);
  CHECK(edge::parse_size("2GiB") == 2'147'483'648u);
  CHECK(edge::parse_size("1MB") == 1'000'000u);
  for (const std::string_view bad :
       {"", "KiB", "1kib", "1 MiB", "-1", "1.5MiB", "999999999999TiB"}) {
    INFO(bad);
    CHECK_FALSE(edge::parse_size(bad));
  }
}

TEST_CASE("an endpoint is an address and a port, and an IPv6 address needs brackets", "[edge]") {
  CHECK(edge::parse_endpoint("127.0.0.1:8080") == edge::Endpoint{"127.0.0.1", 8080});
  CHECK(edge::parse_endpoint("localhost:0") == edge::Endpoint{"127.0.0.1", 0});
  CHECK(edge::parse_endpoint(":80") == edge::Endpoint{"0.0.0.0", 80});
  CHECK(edge::parse_endpoint("[::1]:443") == edge::Endpoint{"::1", 443});
  CHECK(edge::text_of({"::1", 443}) == "[::1]:443");
  for (const std::string_view bad : {"", "8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
                                     "::1:80", "example.com:80", "1.2.3:80", "1.2.3.4:-1"}) {
    INFO(bad);
    CHECK_FALSE(edge::parse_endpoint(bad));
  }
}
