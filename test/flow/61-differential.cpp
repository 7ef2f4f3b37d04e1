// Goal: two readers that share no code agree on what a connection said: how many requests there
// are, which they are, and where it has to end (H-22, A-3).
// Method: mutated scripts from a seed (mutator.h) against the real binary; the answers are counted
// and the access log is compared with what the strict reader understood. A failure tells its seed.

#include "mutator.h"
#include "server.h"
#include "wire_client.h"

#include "base/bytes.h"

#include <catch2/catch.hpp>

#include <cstdlib>

using namespace weir;
using flow::Dice;
using flow::Heard;
using flow::Reading;
using flow::WireClient;
using End = flow::Reading::End;

namespace {

constexpr std::string_view config =
    "[data]\n[[data.kv_rule]]\nmatch = \"**\"\nread = \"true\"\nwrite = \"true\"\n\n"
    "[[route]]\nname = \"data\"\nmatch = { path = \"/kv/**\" }\nto = { data = true }\nstages = "
    "[]\n\n[[route]]\nname = \"site\"\nmatch = { path = \"/**\" }\nto = { site = true }\nstages = "
    "[]\n";

std::string shown(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    if (c == '\r') out += "\\r";
    else if (c == '\n') out += "\\n\n";
    else if (c >= 0x20 && c < 0x7f) out += c;
    else {
      char hex[8];
      std::snprintf(hex, sizeof hex, "\\x%02x",
                    static_cast<unsigned>(static_cast<unsigned char>(c)));
      out += hex;
    }
  }
  return out;
}

// How many answers there may be.
struct Bounds {
  std::size_t least = 0;
  std::size_t most = 0;
};
Bounds bounds_of(const Reading& reading) {
  const std::size_t count = reading.requests.size();
  if (reading.expected_continue)
    return {reading.end == End::maybe_more ? std::size_t{0} : std::size_t{1}, count};
  if (reading.end == End::maybe_more) return {count - 1, count};
  return {count, count};
}

bool must_end(const Reading& reading) {
  return (reading.end == End::refused || reading.end == End::closed) && !reading.expected_continue;
}

}  // namespace

TEST_CASE("mutated scripts have as many answers as a strict reader sees requests",
          "[flow][differential]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory, config);
  flow::Server server(directory.path());
  INFO(server.process().errors());
  REQUIRE(server.port() != 0);
  const char* given = std::getenv("WEIR_SEED");
  const std::uint64_t first = given == nullptr ? 1 : std::strtoull(given, nullptr, 10);
  const std::size_t scripts = given == nullptr ? test::rounds(3'000, 1'000'000) : 1;
  const flow::ScriptPaths paths{"/blog/one/", "/kv/a"};
  std::size_t answered = 0, refused = 0;
  for (std::uint64_t seed = first; seed < first + scripts; ++seed) {
    Dice dice(seed);
    const std::string script = flow::mutated_script(dice, paths);
    const Reading reading = flow::read_strictly(script, {.slashes_below = "/kv/"});
    const Bounds bounds = bounds_of(reading);
    WireClient client(server.port());
    REQUIRE(client.is_open());
    const Heard heard =
        client.converse(script, {.silence_ms = must_end(reading) || bounds.least > 0 ? 30'000 : 0,
                                 .answers = must_end(reading) ? 0 : bounds.least});
    const std::size_t count = heard.statuses.size();
    const bool ends_as_it_must = heard.ended || !must_end(reading);
    // OPTIONS may be answered before its body is looked at; the connection ends all the same.
    const bool early = !reading.requests.empty() && reading.requests.back().method == "OPTIONS";
    const bool error_told = reading.end != End::refused || reading.expected_continue || early ||
                            heard.statuses.empty() || heard.statuses.back() >= 400;
    answered += count;
    refused += reading.end == End::refused ? 1 : 0;
    if (count >= bounds.least && count <= bounds.most && ends_as_it_must && error_told &&
        heard.rest.empty())
      continue;
    FAIL_CHECK("WEIR_SEED=" << seed << "\n"
                            << shown(script) << "the strict reader: " << reading.requests.size()
                            << " requests, " << (reading.why.empty() ? "good" : reading.why)
                            << "; answers: " << count << (heard.ended ? ", closed" : ", open"));
  }
  // A mutator that breaks all, or nothing, would prove little.
  if (given == nullptr) {
    CHECK(answered > scripts);
    CHECK(refused > scripts / 5);
    CHECK(refused < scripts);
  }
  CHECK(server.stop() == 0);
}
