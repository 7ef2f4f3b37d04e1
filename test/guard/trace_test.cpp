// Goal: trace contexts are read as the W3C recommendation says, and a client cannot force sampling
// (G-39 to G-41).

#include "guard/trace.h"

#include <catch2/catch.hpp>

#include <set>

using namespace weir::guard;

namespace {
constexpr std::string_view good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
std::string state(std::vector<std::string_view> lines) { return tracestate_of(lines); }
}  // namespace

TEST_CASE("traceparent is read strictly", "[guard]") {
  REQUIRE(parse_traceparent(good).has_value());
  CHECK(parse_traceparent(good)->flags == 1);
  const std::vector<std::pair<std::string, bool>> rows{
      {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-ff", true},
      {"cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", true},
      {"cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", true},
      {"cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.more", false},
      {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", false},
      {"ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false},
      {"00-00000000000000000000000000000000-b7ad6b7169203331-01", false},
      {"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", false},
      {"00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", false},
      {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0", false},
      {"00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-001", false},
      {"0-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false},
      {"00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false},
      {"", false},
  };
  for (const auto& [text, is_good] : rows) {
    INFO(text);
    CHECK(parse_traceparent(text).has_value() == is_good);
  }
  CHECK(parse_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-ff")->flags ==
        3);  // unknown bits are dropped
}

TEST_CASE("one bad member drops the whole tracestate", "[guard]") {
  CHECK(state({"foo=1,bar=2"}) == "foo=1,bar=2");
  CHECK(state({"foo=1", "bar=2"}) == "foo=1,bar=2");
  CHECK(state({"foo=1 , \t bar=2", ""}) == "foo=1,bar=2");
  CHECK(state({"foo=1,,bar=2"}) == "foo=1,bar=2");
  CHECK(state({"weir=00f067aa0ba902b7,foo=1"}) == "foo=1");
  CHECK(state({"fw529a3039@dt=1"}) == "fw529a3039@dt=1");
  for (const char* bad :
       {"foo", "foo=1,foo=2", "FOO=1", "foo @=1", "foo@=1", "@foo=1", "foo@@bar=1", "foo@bar@baz=1",
        "foo=", "foo=a=b", "foo=\x01", "foo.bar=1"}) {
    INFO(bad);
    CHECK(state({bad}).empty());
  }
  CHECK(state({std::string(256, 'z') + "=1"}) == std::string(256, 'z') + "=1");
  CHECK(state({std::string(257, 'z') + "=1"}).empty());
  CHECK(state({"t" + std::string(240, 'x') + "@v" + std::string(13, 'x') + "=1"}).size() == 258);
  CHECK(state({"t" + std::string(241, 'x') + "@v=1"}).empty());
  CHECK(state({"t@v" + std::string(14, 'x') + "=1"}).empty());
  std::string many;
  for (int i = 0; i < 32; ++i)
    many += (i == 0 ? "" : ",") + std::string("k") + std::to_string(i) + "=v";
  const std::string kept = state({many});
  CHECK(std::ranges::count(kept, ',') == 30);  // 31 and our own
  CHECK(state({many + ",x=1"}).empty());
}

TEST_CASE("an untrusted context becomes a link, and a new trace begins", "[guard]") {
  RandomIds random;
  const std::vector<std::string_view> parent{good}, states{"foo=1"};
  const Trace linked = begin_trace(parent, states, TraceMode::link, random);
  CHECK(linked.link.has_value());
  CHECK(linked.id != parse_traceparent(good)->trace);
  CHECK((linked.flags & trace_flag_sampled) == 0);
  CHECK(linked.state.empty());

  const Trace trusted = begin_trace(parent, states, TraceMode::trust, random);
  CHECK(trusted.id == parse_traceparent(good)->trace);
  CHECK(trusted.span != parse_traceparent(good)->span);
  CHECK(trusted.state == "foo=1");
  const auto text = traceparent_text_of(trusted);
  CHECK(std::string_view(text.data(), 36) == "00-0af7651916cd43dd8448eb211c80319c-");
  CHECK(parse_traceparent({text.data(), text.size()})->span == trusted.span);
  CHECK(tracestate_text_of(trusted).ends_with(",foo=1"));

  const std::vector<std::string_view> twice{good, good};
  CHECK(begin_trace(twice, states, TraceMode::trust, random).state.empty());
  CHECK_FALSE(begin_trace(twice, states, TraceMode::trust, random).parent.has_value());
  CHECK_FALSE(begin_trace(parent, states, TraceMode::ignore, random).link.has_value());
}

TEST_CASE("ids do not repeat", "[guard]") {
  RandomIds random;
  std::set<TraceId> seen;
  for (int i = 0; i < 10'000; ++i) seen.insert(random.trace());
  CHECK(seen.size() == 10'000);
}

TEST_CASE("baggage is bounded", "[guard]") {
  CHECK(is_good_baggage("userId=Am%C3%A9lie,serverNode=DF%2028;prop=1"));
  CHECK_FALSE(is_good_baggage("a"));
  CHECK_FALSE(is_good_baggage("a=\"b\""));
  std::string members = "k=v";
  for (int i = 1; i < 180; ++i) members += ",k=v";
  CHECK(is_good_baggage(members));
  CHECK_FALSE(is_good_baggage(members + ",k=v"));
  CHECK(is_good_baggage("k=" + std::string(8190, 'v')));
  CHECK_FALSE(is_good_baggage("k=" + std::string(8191, 'v')));
}
