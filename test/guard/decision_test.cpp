// Goal: the record says what happened, in valid JSON, and never more than it has room for (G-43);
// the breaker opens, probes and closes as G-48 says.

#include "guard/decision.h"
#include "guard/breaker.h"
#include "text/json.h"

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::guard;
using namespace std::chrono_literals;

TEST_CASE("a decision is one line of JSON with every stage and hit", "[guard]") {
  Decision decision;
  decision.id.fill('a');
  decision.time = {1'700'000'000'000'000'000};
  decision.route = "site \"x\"\n";
  decision.client = 0xfeed;
  decision.status = 403;
  decision.stages.add({"limit", "per_ip", StageOutcome::pass, "", 80});
  decision.stages.add({"waf", "", StageOutcome::refuse, "score", 12'345});
  decision.score = 25;
  RuleHit hit{.rule = 30000101, .points = 25, .offset = 3};
  hit.target_bytes = 6;
  std::copy_n("args:q", 6, hit.target.begin());
  for (std::size_t i = 0; i < limits::decision_hits_max + 2; ++i) decision.hits.add(hit);
  decision.headers_set.add("x-user-id");
  std::string line;
  append_decision_json(line, decision);

  CHECK(line.find('\n') == std::string::npos);
  const auto value = text::parse_json(line);
  REQUIRE(value.ok());
  CHECK(*value->find("status")->integer() == 403);
  CHECK(*value->find("route")->string() == "site \"x\"\n");
  CHECK(value->find("stages")->array()->size() == 2);
  CHECK(*value->find("stages")->array()->at(1).find("us")->real() == 12.3);
  CHECK(value->find("hits")->array()->size() == limits::decision_hits_max);
  CHECK(*value->find("hits_left_out")->integer() == 2);
  CHECK(is_refusal(decision));
}

TEST_CASE("a share of decisions is kept, the same ones every time", "[guard]") {
  Decision decision;
  decision.id.fill('0');
  CHECK(is_sampled(decision, 0.01));
  CHECK_FALSE(is_sampled(decision, 0));
  decision.id.fill('f');
  CHECK_FALSE(is_sampled(decision, 0.99));
  CHECK(is_sampled(decision, 1));
}

TEST_CASE(
    "the breaker opens after five failures within its window, and closes after two good probes",
    "[guard]") {
  ManualClock clock;
  Breaker breaker({});
  const auto now = [&] { return clock.mono(); };
  for (int i = 0; i < 4; ++i) {
    REQUIRE(breaker.may_try(now()));
    breaker.failed(now());
  }
  CHECK(breaker.state(now()) == BreakerState::closed);
  clock.advance(31s);  // the four are out of the window
  breaker.failed(now());
  CHECK(breaker.state(now()) == BreakerState::closed);
  for (int i = 0; i < 4; ++i) breaker.failed(now());
  CHECK(breaker.state(now()) == BreakerState::open);
  CHECK_FALSE(breaker.may_try(now()));

  clock.advance(23s);  // 30 s less 20 % is 24
  CHECK_FALSE(breaker.may_try(now()));
  clock.advance(13s);  // and 36 at most
  CHECK(breaker.state(now()) == BreakerState::half_open);
  CHECK(breaker.may_try(now()));
  CHECK_FALSE(breaker.may_try(now()));  // one probe at a time
  breaker.succeeded(now());
  CHECK(breaker.state(now()) == BreakerState::half_open);
  CHECK(breaker.may_try(now()));
  breaker.succeeded(now());
  CHECK(breaker.state(now()) == BreakerState::closed);
}

TEST_CASE("a failed probe opens the breaker again", "[guard]") {
  ManualClock clock;
  Breaker breaker({.failures = 1});
  breaker.failed(clock.mono());
  clock.advance(36s);
  REQUIRE(breaker.may_try(clock.mono()));
  breaker.failed(clock.mono());
  CHECK_FALSE(breaker.may_try(clock.mono()));
  clock.advance(36s);
  CHECK(breaker.may_try(clock.mono()));
}
