// Goal: a request whose framing or target is in doubt is refused with the status that the rules
// give, its connection is closed, and nothing behind it is ever understood.
// Method: the rows of malformed.cpp, each with a bait behind it, whole and byte for byte, against
// the real binary; its log tells what it understood.
// By hand, against anything: WEIR_TARGET=host:port flow-tests '[malformed-target]'

#include "malformed.h"
#include "server.h"
#include "wire_client.h"

#include <netdb.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>

#include <cstdio>
#include <cstdlib>

using namespace weir;
using flow::Heard;
using flow::MalformedCase;
using flow::Then;
using flow::WireClient;

namespace {

constexpr std::string_view bait = "GET /bait HTTP/1.1\r\nHost: bait\r\n\r\n";
constexpr std::string_view goodbye =
    "GET /goodbye HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

constexpr std::string_view config =
    "[data]\n[[data.kv_rule]]\nmatch = \"**\"\nread = \"true\"\nwrite = \"true\"\n\n"
    "[[route]]\nname = \"data\"\nmatch = { path = \"/kv/**\" }\nto = { data = true }\nstages = "
    "[]\n\n[[route]]\nname = \"site\"\nmatch = { path = \"/**\" }\nto = { site = true }\nstages = "
    "[]\n";

// What goes over the connection in a row. Where it has to go on, the bait is a request like any
// other, and the last one says that it is.
std::string script_of(const MalformedCase& row) {
  return row.bytes + std::string(row.then == Then::closes ? bait : goodbye);
}

std::vector<int> expected_of(const MalformedCase& row) {
  if (row.then == Then::closes) return {row.status};
  return {row.status, 404};
}

// 201 and 200 of a PUT differ by what was there before.
void make_alike(std::vector<int>& statuses) {
  for (int& status : statuses)
    if (status == 201) status = 200;
}

std::string text_of(const std::vector<int>& statuses) {
  std::string text;
  for (const int status : statuses) text += (text.empty() ? "" : " ") + std::to_string(status);
  return text.empty() ? "-" : text;
}

}  // namespace

TEST_CASE("requests in doubt are refused, closed, and nothing behind them is understood",
          "[flow][hostile]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory, config);
  flow::Server server(directory.path());
  INFO(server.process().errors());
  REQUIRE(server.port() != 0);
  REQUIRE(flow::malformed_cases().size() > 400);
  for (const MalformedCase& row : flow::malformed_cases()) {
    for (const std::size_t step : {std::size_t{1} << 20, std::size_t{1}, std::size_t{7}}) {
      if (step < 10 && row.bytes.size() > 1'000) continue;
      WireClient client(server.port());
      REQUIRE(client.is_open());
      Heard heard = client.converse(script_of(row), {.step = step, .silence_ms = 30'000});
      std::vector<int> expected = expected_of(row);
      make_alike(expected);
      make_alike(heard.statuses);
      INFO(row.rule << ' ' << row.name << ", in pieces of " << step << ": "
                    << row.bytes.substr(0, 200));
      CHECK(text_of(heard.statuses) == text_of(expected));
      CHECK(heard.rest.empty());
      CHECK(heard.ended);
    }
    (void)server.process().output();  // a full pipe would lose lines
  }
  CHECK(server.stop() == 0);
  const std::string log = server.process().output();
  CHECK_THAT(log, Catch::Contains("/goodbye"));
  CHECK_THAT(log, !Catch::Contains("/bait") && !Catch::Contains("/trap"));
}

TEST_CASE("the malformed rows against another server", "[.][malformed-target]") {
  const char* target = std::getenv("WEIR_TARGET");
  REQUIRE(target != nullptr);
  const std::string text(target);
  const std::size_t colon = text.rfind(':');
  REQUIRE(colon != std::string::npos);
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  REQUIRE(::getaddrinfo(text.substr(0, colon).c_str(), text.c_str() + colon + 1, &wanted, &found) ==
          0);
  std::size_t odd = 0, served = 0, open = 0;
  for (const MalformedCase& row : flow::malformed_cases()) {
    WireClient client(found->ai_addr, found->ai_addrlen);
    REQUIRE(client.is_open());
    const Heard heard = client.converse(script_of(row), {.silence_ms = 1'500});
    if (heard.ended && heard.statuses == expected_of(row)) continue;
    ++odd;
    const bool success =
        row.status >= 400 && !heard.statuses.empty() && heard.statuses.front() < 400;
    served += success ? 1 : 0;
    open += row.then == Then::closes && (!heard.ended || heard.statuses.size() > 1) ? 1 : 0;
    std::printf("%-5s %-55s expected %-8s got %s%s\n", row.rule.c_str(), row.name.c_str(),
                text_of(expected_of(row)).c_str(), text_of(heard.statuses).c_str(),
                heard.ended ? "" : ", open");
  }
  ::freeaddrinfo(found);
  std::printf("%zu rows, %zu differ: %zu served in spite of doubt, %zu not closed\n",
              flow::malformed_cases().size(), odd, served, open);
}
