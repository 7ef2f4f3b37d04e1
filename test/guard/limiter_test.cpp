// Goal: the limiter is GCRA, exactly, for one thread and for two (G-27 to G-30).
// Method: against a reference in 128-bit integers with random times; two threads on one key; a
// flood of new keys.

#include "support.h"

#include "guard/limiter.h"
#include "guard/token_cache.h"
#include "http/message.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <random>
#include <thread>

using namespace weir;
using namespace weir::guard;
using namespace std::chrono_literals;

namespace {

Limit limit_of(const Limiter& limiter, std::string_view rate, std::uint64_t burst,
               std::vector<LimitKey> keys = {LimitKey{}}) {
  const auto parsed = parse_rate(rate);
  REQUIRE(parsed.ok());
  auto limit =
      Limit::open({.name = "per_ip", .rate = *parsed, .burst = burst, .keys = std::move(keys)},
                  limiter.hash_key(), 0);
  REQUIRE(limit.ok());
  return std::move(*limit);
}

// The definition, in numbers that cannot overflow.
struct Reference {
  __extension__ typedef __int128 Wide;
  Wide interval, tolerance;
  Wide stamp = 0;
  bool take(Wide now, Wide cost) {
    const Wide start = std::max(stamp, now);
    if (start - now > tolerance - interval * (cost - 1)) return false;
    stamp = start + cost * interval;
    return true;
  }
};

}  // namespace

TEST_CASE("every decision equals the reference at random times", "[guard]") {
  std::mt19937_64 random(7);
  const std::size_t rounds = test::rounds(200, 5000);
  for (std::size_t round = 0; round < rounds; ++round) {
    Limiter limiter(64);
    const std::uint64_t count = 1 + random() % 1000, burst = 1 + random() % 200;
    const Limit limit =
        limit_of(limiter, std::to_string(count) + (random() % 2 == 0 ? "/s" : "/7s"), burst);
    Reference reference{limit.interval_ns(), limit.tolerance_ns()};
    const Hash128 slot = limiter.slot_of(limit, 0, "");
    std::int64_t now = 1 + static_cast<std::int64_t>(random() % 1'000'000'000);
    for (int i = 0; i < 300; ++i) {
      now +=
          static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(3 * limit.interval_ns()));
      const std::uint64_t cost = random() % 8 == 0 ? 1 + random() % (burst + 2) : 1;
      const LimitDecision decision = limiter.take(limit, slot, {now}, cost);
      REQUIRE(decision.allowed == reference.take(now, static_cast<std::int64_t>(cost)));
      // r and t as G-30 defines them, from the reference's stamp.
      const auto debt =
          static_cast<std::int64_t>(std::max<Reference::Wide>(reference.stamp - now, 0));
      CHECK(decision.reset_s == (debt + 999'999'999) / 1'000'000'000);
      CHECK(decision.remaining ==
            static_cast<std::uint64_t>((limit.tolerance_ns() + limit.interval_ns() - debt) /
                                       limit.interval_ns()));
      if (!decision.allowed && cost <= burst) {
        CHECK(decision.retry_s >= 1);
        CHECK(decision.retry_s >= decision.reset_s);
        Reference later = reference;  // who waits as long as told is let in
        CHECK(later.take(Reference::Wide(now) + Reference::Wide(decision.retry_s) * 1'000'000'000,
                         static_cast<std::int64_t>(cost)));
      }
    }
  }
}

TEST_CASE("the 101st request of a burst of 100 is refused with a Retry-After", "[guard]") {
  Limiter limiter;
  const Limit limit = limit_of(limiter, "50/s", 100);
  const Hash128 slot = limiter.slot_of(limit, 0, "");
  for (int i = 0; i < 100; ++i) REQUIRE(limiter.take(limit, slot, {1}).allowed);
  const LimitDecision decision = limiter.take(limit, slot, {1});
  CHECK_FALSE(decision.allowed);
  std::string fields;
  append_limit_fields(fields, limit, decision);
  CHECK(fields ==
        "RateLimit-Policy: \"per_ip\";q=100;w=2\r\nRateLimit: \"per_ip\";r=0;t=2\r\nRetry-After: "
        "2\r\n");
  CHECK(limiter.take(limit, slot, {1 + 2'000'000'000}).remaining == 99);
}

TEST_CASE("two threads on one key never get more than the bound", "[guard]") {
  Limiter limiter(64);
  const Limit limit = limit_of(limiter, "1000/s", 500);
  const Hash128 slot = limiter.slot_of(limit, 0, "");
  const int takes = static_cast<int>(test::rounds(100'000, 3'000'000));
  std::atomic<int> allowed = 0;
  const auto run = [&] {
    for (int i = 0; i < takes; ++i)
      if (limiter.take(limit, slot, {1 + i * 1000}).allowed)
        ++allowed;  // a microsecond per request
  };
  std::thread other(run);
  run();
  other.join();
  // 500 at once, and one more for every whole millisecond that passed.
  CHECK(allowed <= 500 + takes / 1000);
  CHECK(allowed >= 500 + takes / 1000 - 1);
}

TEST_CASE("two threads that bring many new keys into few sets never double a key", "[guard]") {
  for (std::size_t round = 0; round < test::rounds(200, 5000); ++round) {
    Limiter limiter(4);
    const Limit limit = limit_of(limiter, "1/d", 3);
    std::array<std::atomic<int>, 3> allowed{};
    const auto run = [&] {
      for (int i = 0; i < 30; ++i) {
        const std::size_t key = static_cast<std::size_t>(i) % 3;
        if (limiter.take(limit, limiter.slot_of(limit, 0, std::to_string(key)), {1}).allowed)
          ++allowed[key];
      }
    };
    std::thread other(run);
    run();
    other.join();
    for (const auto& count : allowed)
      REQUIRE(count == 3);  // four slots, three keys: nothing is pushed out
  }
}

TEST_CASE("a heavy client cannot wash itself clean with a flood of new keys", "[guard]") {
  Limiter limiter(65'536);
  const Limit limit = limit_of(limiter, "100/s", 20);
  const Hash128 heavy = limiter.slot_of(limit, 0, "heavy");
  const int requests = 10'000;  // 1,000 per second for ten seconds
  const std::size_t flood = test::rounds(100, 1000);
  int allowed = 0;
  std::uint64_t stranger = 0;
  for (int i = 0; i < requests; ++i) {
    const Mono now{1 + i * 1'000'000ll};
    for (std::size_t k = 0; k < flood; ++k)
      limiter.take(limit, limiter.slot_of(limit, 0, "stranger " + std::to_string(stranger++)), now);
    if (limiter.take(limit, heavy, now).allowed) ++allowed;
  }
  CHECK(allowed >= 1010);
  CHECK(allowed <= 1030);  // exact: 1,019
}

TEST_CASE("keys are told apart by limit, kind and value, and the first that exists is taken",
          "[guard]") {
  Limiter limiter;
  std::vector<LimitKey> keys;
  for (const char* text : {"jwt:sub", "header:x-key", "cookie:sid", "ip/64"}) {
    auto key = parse_limit_key(text);
    REQUIRE(key.ok());
    keys.push_back(*key);
  }
  const Limit limit = limit_of(limiter, "1/s", 1, keys);
  const Limit other =
      *Limit::open({.name = "b", .rate = {}, .burst = 1, .keys = keys}, limiter.hash_key(), 1);
  http::Request request;
  LimitSubject subject{request, *parse_ip("2001:db8::1")};
  const auto by_ip = limiter.slot_of(limit, subject);
  REQUIRE(by_ip.has_value());
  CHECK(by_ip != limiter.slot_of(other, subject));
  subject.client = *parse_ip("2001:db8::ffff");  // the same /64
  CHECK(by_ip == limiter.slot_of(limit, subject));
  subject.client = *parse_ip("2001:db8:0:1::1");
  CHECK(by_ip != limiter.slot_of(limit, subject));

  const std::vector<http::Field> cookie{{"cookie", "a=b; sid=42"}};
  request.fields = cookie;
  const auto by_cookie = limiter.slot_of(limit, subject);
  CHECK(by_cookie == limiter.slot_of(limit, 2, "42"));
  TokenClaims token;
  subject.token = &token;
  CHECK(by_cookie == limiter.slot_of(limit, subject));  // no sub
  token.subject = "42";
  CHECK(limiter.slot_of(limit, subject) == limiter.slot_of(limit, 0, "42"));
  CHECK(limiter.slot_of(limit, subject) != by_cookie);
}

TEST_CASE("rates and keys are read strictly", "[guard]") {
  CHECK(parse_rate("50/s")->period == 1s);
  CHECK(parse_rate("10/30s")->period == 30s);
  CHECK(parse_rate("5/2h")->period == 2h);
  for (const char* bad :
       {"", "5", "5/", "/s", "0/s", "-1/s", "5/x", "5/0s", "5 /s", "5/s ", "1/99999999999d"})
    CHECK_FALSE(parse_rate(bad).ok());
  for (const char* bad :
       {"", "ip/", "ip/0", "ip/129", "jwt", "jwt:", "header", "path:x", "const:x", "IP"})
    CHECK_FALSE(parse_limit_key(bad).ok());
  Limiter limiter(4);
  CHECK_FALSE(
      Limit::open({.name = "x", .rate = {2'000'000'000, 1s}, .burst = 1, .keys = {LimitKey{}}},
                  limiter.hash_key(), 0)
          .ok());
  CHECK_FALSE(
      Limit::open({.name = "x", .rate = {1, 24h}, .burst = 1'000'000'000, .keys = {LimitKey{}}},
                  limiter.hash_key(), 0)
          .ok());
}
