// Goal: what a request gets of what is stored: C-2, C-14, C-28, C-57 and the directives of
// requests. Method: tables of fields; time is a number.

#include "cache/http_policy.h"

#include "cache/http_fixture.h"

#include <catch2/catch.hpp>

#include <string>

using namespace weir;
using namespace weir::cache;
using namespace weir::cache::test;
using namespace std::chrono_literals;
using weir::http::Method;

TEST_CASE("C-28: fresh, stale while it is refreshed, to be validated: to the second", "[cache]") {
  const Policy of = strict(
      {{"cache-control", "max-age=10, stale-while-revalidate=5, stale-if-error=7"}, {"age", "2"}});
  const struct {
    Nanos resident;
    Reuse reuse;
    std::int64_t age, ttl;
    bool sie;
  } cases[] = {
      {0s, Reuse::fresh, 2, 8, true},
      {8s - 1ns, Reuse::fresh, 9, 1, true},
      {8s, Reuse::stale, 10, 0, true},
      {13s - 1ns, Reuse::stale, 14, -4, true},
      {13s, Reuse::validate, 15, -5, true},
      {15s - 1ns, Reuse::validate, 16, -6, true},
      {15s, Reuse::validate, 17, -7, false},
      {1'000'000h, Reuse::validate, saturated, 10 - saturated, false},
      {-5s, Reuse::fresh, 2, 8, true},
  };
  for (const auto& one : cases) {
    INFO(one.resident.count());
    const Judgement judgement = judge(of, asking(Profile::rfc9111, {}), one.resident);
    CHECK(judgement.reuse == one.reuse);
    CHECK(judgement.age_s == one.age);
    CHECK(judgement.ttl_s == one.ttl);
    CHECK(judgement.sie_allowed == one.sie);
    CHECK(judgement.sie_on_answers == one.sie);
  }
  // stale-if-error=0 says never.
  const Policy never = strict({{"cache-control", "max-age=10, stale-if-error=0"}});
  CHECK_FALSE(judge(never, asking(Profile::rfc9111, {}), 10s).sie_allowed);
  CHECK(reuse(strict({{"cache-control", "max-age=0"}}), 0s) == Reuse::validate);
}

TEST_CASE("C-28: an upstream that is gone, and one that answers 5xx", "[cache]") {
  const auto at_20 = [](Profile profile, std::string_view cache_control) {
    return judge(policy(profile, {{"cache-control", cache_control}}), asking(profile, {}), 20s);
  };
  // RFC 9111 4.2.4: disconnected, and nothing forbids it.
  CHECK(at_20(Profile::rfc9111, "max-age=10").sie_allowed);
  CHECK_FALSE(at_20(Profile::rfc9111, "max-age=10").sie_on_answers);  // it is not disconnected
  CHECK(at_20(Profile::rfc9111, "max-age=10, stale-if-error=60").sie_on_answers);
  CHECK(at_20(Profile::guarded, "max-age=10").sie_on_answers);
  CHECK_FALSE(at_20(Profile::rfc9111, "max-age=10, stale-if-error=5").sie_allowed);
  const Policy of = strict({{"cache-control", "max-age=10"}});
  CHECK(judge(of, asking(Profile::rfc9111, {}), 10s + 1h - 1ns).sie_allowed);
  CHECK_FALSE(judge(of, asking(Profile::rfc9111, {}), 10s + 1h).sie_allowed);
}

TEST_CASE("C-14: what forbids stale copies forbids all of them", "[cache]") {
  for (const std::string_view word :
       {"must-revalidate", "proxy-revalidate", "no-cache", "s-maxage=10"}) {
    INFO(word);
    const std::string value = "max-age=10, stale-while-revalidate=60, " + std::string(word);
    const Policy of = strict({{"cache-control", value}});
    for (const List& request :
         {List{}, List{{"cache-control", "max-stale"}}, List{{"cache-control", "max-stale=99"}}}) {
      const Judgement judgement = judge(of, asking(Profile::rfc9111, request), 11s);
      CHECK(judgement.reuse == Reuse::strict);
      CHECK_FALSE(judgement.sie_allowed);
    }
    CHECK(reuse(of, 9s) == (word == "no-cache" ? Reuse::strict : Reuse::fresh));
  }
}

TEST_CASE("C-2: beside s-maxage guarded honours the windows that were said, and no others",
          "[cache]") {
  const auto of = [](std::string_view value) { return guarded({{"cache-control", value}}); };
  CHECK(of("s-maxage=10").never_stale);
  CHECK(of("s-maxage=10, stale-while-revalidate=5").swr_s == 5);
  CHECK(of("s-maxage=10, stale-while-revalidate=5").sie_s == 0);
  CHECK(of("s-maxage=10, stale-if-error=5").sie_s == 5);
  CHECK(of("s-maxage=10, stale-if-error=5").swr_s == 0);
  CHECK(of("s-maxage=10, must-revalidate, stale-if-error=5").never_stale);
  CHECK(of("max-age=10").sie_s == 3'600);
  RouteFreshness route;
  route.swr_s = 7;
  const List bounded = {{"cache-control", "s-maxage=10"}};
  Arrival arrival = arrival_of(Profile::guarded, bounded);
  arrival.route = &route;
  CHECK(policy_of(arrival).swr_s == 7);
  CHECK(policy_of(arrival).sie_s == 0);
  arrival.profile = Profile::rfc9111;
  CHECK(policy_of(arrival).never_stale);
}

TEST_CASE("C-2: a request's own directives count where RFC 9111 rules, and only there", "[cache]") {
  const Policy of = strict({{"cache-control", "max-age=100"}, {"age", "50"}});
  const struct {
    std::string_view said;
    Nanos resident;
    Reuse reuse;
  } cases[] = {
      {"", 0s, Reuse::fresh},
      {"no-cache", 0s, Reuse::validate},
      {"no-store", 0s, Reuse::bypass},
      {"max-age=0", 0s, Reuse::validate},
      {"max-age=49", 0s, Reuse::validate},
      {"max-age=50", 0s, Reuse::fresh},
      {"max-age=50", 1s, Reuse::validate},
      {"max-age=x", 0s, Reuse::validate},
      {"min-fresh=50", 0s, Reuse::fresh},
      {"min-fresh=51", 0s, Reuse::validate},
      {"max-stale", 60s, Reuse::stale},
      {"max-stale=10", 60s, Reuse::stale},
      {"max-stale=9", 60s, Reuse::validate},
      {"max-stale=x", 60s, Reuse::validate},
      {"max-stale=10, max-age=109", 60s, Reuse::validate},
      {"max-stale=10, max-age=110", 60s, Reuse::stale},
      {"max-stale=10, no-cache", 60s, Reuse::validate},
      {"max-stale=10, min-fresh=1", 60s, Reuse::validate},
      {"", 60s, Reuse::validate},
  };
  for (const auto& one : cases) {
    INFO(one.said << " after " << one.resident.count());
    CHECK(reuse(of, one.resident, {{"cache-control", one.said}}) == one.reuse);
    CHECK(reuse(of, one.resident, {{"cache-control", one.said}}, Profile::guarded) ==
          (one.resident < 50s ? Reuse::fresh : Reuse::validate));
  }
  // max-age without max-stale wants no stale answer, whatever the answer permits (5.2.1.1).
  const Policy swr = strict({{"cache-control", "max-age=10, stale-while-revalidate=50"}});
  CHECK(reuse(swr, 20s) == Reuse::stale);
  CHECK(reuse(swr, 20s, {{"cache-control", "max-age=30"}}) == Reuse::validate);
  // Pragma counts where there is no Cache-Control (5.4).
  CHECK(reuse(of, 0s, {{"pragma", "No-Cache"}}) == Reuse::validate);
  CHECK(reuse(of, 0s, {{"pragma", "x"}}) == Reuse::fresh);
  CHECK(reuse(of, 0s, {{"pragma", "no-cache"}, {"cache-control", "max-age=99"}}) == Reuse::fresh);
  CHECK(reuse(of, 0s, {{"pragma", "no-cache"}}, Profile::guarded) == Reuse::fresh);
  CHECK(asking(Profile::guarded, {{"cache-control", "only-if-cached"}}).said.only_if_cached);
}

TEST_CASE("C-57: methods that change something invalidate when they succeed", "[cache]") {
  for (const Method method :
       {Method::post, Method::put, Method::patch, Method::delete_, Method::other}) {
    INFO(static_cast<int>(method));
    for (const int status : {200, 201, 204, 299, 301, 303, 399}) CHECK(invalidates(method, status));
    for (const int status : {100, 103, 400, 404, 412, 500, 503, 599})
      CHECK_FALSE(invalidates(method, status));
  }
  for (const Method method :
       {Method::get, Method::head, Method::options, Method::trace, Method::connect})
    CHECK_FALSE(invalidates(method, 200));
}
