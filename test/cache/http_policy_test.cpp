// Goal: what a shared cache makes of an answer: C-2, C-22 to C-27, C-31, C-32, C-34. Method: tables
// of fields; time is a number.

#include "cache/http_policy.h"

#include "http/dates.h"

#include "cache/http_fixture.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <initializer_list>
#include <string>
#include <utility>

using namespace weir;
using namespace weir::cache;
using namespace weir::cache::test;
using namespace std::chrono_literals;
using weir::http::Method;

TEST_CASE("C-24: directives are words in any case, quoted strings are one unit", "[cache]") {
  const auto of = [](std::string_view value) {
    return parse_cache_control(List{{"cache-control", value}});
  };
  CHECK(of("NO-store").no_store);
  CHECK(of("a=1,, no-cache ,private").no_cache);
  CHECK(of("a=1,, no-cache ,private").is_private);
  CHECK(of("no-cache=\"set-cookie\"").no_cache);
  CHECK(of("private=\"a, b\", must-revalidate").is_private);
  CHECK(of("private=\"a, b\", must-revalidate").must_revalidate);
  CHECK(of("Public, Proxy-Revalidate, Must-Understand, No-Transform").is_public);
  CHECK(of("Public, Proxy-Revalidate, Must-Understand, No-Transform").proxy_revalidate);
  CHECK(of("Public, Proxy-Revalidate, Must-Understand, No-Transform").must_understand);
  CHECK(of("Public, Proxy-Revalidate, Must-Understand, No-Transform").no_transform);
  CHECK(of("only-if-cached").only_if_cached);
  CHECK(parse_cache_control(List{{"cache-control", "public"}, {"cache-control", "no-store"}})
            .no_store);
  CHECK_FALSE(parse_cache_control(List{{"x-cache-control", "no-store"}}).no_store);

  CHECK_FALSE(of("x=\"no-store\"").no_store);
  CHECK_FALSE(of("x=\"a, no-store\"").no_store);
  CHECK_FALSE(of("x=\"a\\\", no-store\"").no_store);
  CHECK_FALSE(of("no-stores").no_store);
  CHECK_FALSE(of("x-no-store").no_store);
  CHECK_FALSE(of("no store").no_store);
  // A quote that never ends, or that begins nowhere, swallows nothing.
  CHECK(of("x=\"a, no-store").no_store);
  CHECK(of("x=\"a\\\", no-store").no_store);
  CHECK(of("x\"a, no-store, y\"").no_store);
  // A blank before '=' takes nothing from what forbids, and permits nothing.
  CHECK(of("private =\"a\"").is_private);
  CHECK(of("no-store = 1").no_store);
  CHECK_FALSE(of("public =1").is_public);
  CHECK_FALSE(of("must-understand =1").must_understand);
}

TEST_CASE("C-24: spans of time are digits, plain or quoted; anything else is stale", "[cache]") {
  const struct {
    std::string_view value;
    std::optional<std::int64_t> seconds;
  } cases[] = {
      {"max-age=3600", 3600},
      {"MAX-AGE=3600", 3600},
      {"max-age=003600", 3600},
      {"max-age=\"3600\"", 3600},
      {"max-age=0", 0},
      {"max-age=2147483647", saturated},
      {"max-age=2147483648", saturated},
      {"max-age=99999999999999999999999999", saturated},
      {"max-age=1800, max-age=1", 1},
      {"max-age=1, max-age=1800", 1},
      {"max-age=1800, max-age=x", 0},
      {"extension=\"max-age=3600\", max-age=1", 1},
      {"max-age=1, extension=\"max-age=3600\"", 1},
      {"extension=\"max-age=3600\"", std::nullopt},
      {"max-ages=1", std::nullopt},
      {"", std::nullopt},
      {"max-age", 0},
      {"max-age=", 0},
      {"max-age=\"\"", 0},
      {"max-age=-1", 0},
      {"max-age=+1", 0},
      {"max-age=3600.0", 0},
      {"max-age=3600.5", 0},
      {"max-age=a3600", 0},
      {"max-age=3600a", 0},
      {"max-age='3600'", 0},
      {"max-age=\"3600", 0},
      {"max-age=3600\"", 0},
      {"max-age=\"3600\"x", 0},
      {"max-age =3600", 0},
      {"max-age= 3600", 0},
      {"max-age = 3600", 0},
      {"max-age=\" 3600\"", 0},
      {"max-age=36 00", 0},
      {"max-age=1;x=2", 0},
      {"max-age:3600", std::nullopt},
  };
  for (const auto& one : cases) {
    INFO("'" << one.value << "'");
    CHECK(parse_cache_control(List{{"cache-control", one.value}}).max_age == one.seconds);
  }
  const Directives all =
      parse_cache_control(List{{"cache-control", "s-maxage=1, stale-while-revalidate=2"},
                               {"cache-control", "stale-if-error=3, max-stale=4, min-fresh=5"}});
  CHECK(all.s_maxage == 1);
  CHECK(all.swr == 2);
  CHECK(all.sie == 3);
  CHECK(all.max_stale == 4);
  CHECK_FALSE(all.max_stale_any);
  CHECK(all.min_fresh == 5);
  CHECK(parse_cache_control(List{{"cache-control", "max-stale"}}).max_stale_any);
}

TEST_CASE("C-23: a targeted field is a dictionary, or it is not there", "[cache]") {
  const auto of = [](std::string_view value) {
    return parse_targeted(List{{"cdn-cache-control", value}}, "cdn-cache-control");
  };
  REQUIRE(of("max-age=3600").has_value());
  CHECK(of("max-age=3600")->max_age == 3600);
  CHECK(of("max-age=99999999999")->max_age == saturated);
  CHECK(of("max-age=60;foo=bar, no-store")->no_store);
  CHECK(of("foobar, max-age=3600")->max_age == 3600);
  CHECK(of("max-age=5, max-age=9")->max_age == 9);  // RFC 8941: the last one counts
  CHECK(of("foo=1.5, bar=(1 2), private")->is_private);
  CHECK(of("no-store=?0").has_value());
  CHECK_FALSE(of("no-store=?0")->no_store);
  // RFC 9213 2.1: these two may name fields.
  CHECK(of("private=\"set-cookie\", max-age=9")->is_private);
  CHECK(of("no-cache=\"set-cookie\"")->no_cache);
  const auto joined = parse_targeted(
      List{{"cdn-cache-control", "max-age=1"}, {"x", "y"}, {"cdn-cache-control", "no-cache"}},
      "cdn-cache-control");
  REQUIRE(joined.has_value());
  CHECK(joined->max_age == 1);
  CHECK(joined->no_cache);
  for (const std::string_view broken :
       {"", "max-age=10000, &&&&&", "max-age=\"10000\"", "max-age=10.0", "max-age", "max-age=-1",
        "max-age=(1)", "max-age=?1", "max-age=a", "MaX-aGe=3600", "max-age =100", "max-age= 100",
        "no-store=1", "no-store=\"x\"", "no-store=x", "private=1", "public=(a)", "max-age=1,",
        "no-store, no-cache, max-age='1'"}) {
    INFO("'" << broken << "'");
    CHECK_FALSE(of(broken).has_value());
  }
  CHECK_FALSE(
      parse_targeted(List{{"cache-control", "max-age=1"}}, "cdn-cache-control").has_value());
}

TEST_CASE("C-25: Age is digits, of the first member of the first line", "[cache]") {
  const std::pair<List, std::int64_t> cases[] = {
      {{}, 0},
      {{{"age", "7200"}}, 7200},
      {{{"age", "0007200"}}, 7200},
      {{{"age", "2147483647"}}, saturated},
      {{{"age", "2147483648"}}, saturated},
      {{{"age", "99999999999999999999999"}}, saturated},
      {{{"age", "7200, 0"}}, 7200},
      {{{"age", "0, 7200"}}, 0},
      {{{"age", "7200"}, {"age", "0"}}, 7200},
      {{{"age", "0"}, {"age", "7200"}}, 0},
      {{{"age", "abc"}, {"age", "7200"}}, 0},
      {{{"age", "abc"}}, 0},
      {{{"age", "-7200"}}, 0},
      {{{"age", "+7200"}}, 0},
      {{{"age", "7200.0"}}, 0},
      {{{"age", "72 00"}}, 0},
      {{{"age", "\"7200\""}}, 0},
      {{{"age", ""}}, 0},
      {{{"age", ", 7200"}}, 0},
      {{{"age", "7200;foo=bar"}}, 7200},
      {{{"age", "7200 ; foo=111"}}, 7200},
      {{{"age", "foo;7200"}}, 0},
  };
  for (const auto& [fields, expected] : cases) {
    INFO((fields.empty() ? std::string_view("none") : fields[0].value));
    CHECK(parse_age(fields) == expected);
  }
}

TEST_CASE("C-26: Expires is a date in one of three forms and any case, or long ago", "[cache]") {
  constexpr std::int64_t august = 2'544'400'878;  // 2050-08-18T02:01:18Z, a Thursday
  REQUIRE(http::date_of(august) == "Thu, 18 Aug 2050 02:01:18 GMT");
  const std::pair<std::string_view, std::int64_t> cases[] = {
      {"Thu, 18 Aug 2050 02:01:18 GMT", august},
      {"Thursday, 18-Aug-50 02:01:18 GMT", august},
      {"Thu Aug 18 02:01:18 2050", august},
      {"Mon Aug  8 02:01:18 2050", august - 10 * 86'400},
      {"THU, 18 Aug 2050 02:01:18 GMT", august},
      {"thu, 18 aug 2050 02:01:18 gmt", august},
      {"Thu, 18 AUG 2050 02:01:18 GMT", august},
      {"Thu, 18 Aug 2050 02:01:18 gMT", august},
      {"THURSDAY, 18-AUG-50 02:01:18 gmt", august},
      {"THU AUG 18 02:01:18 2050", august},
      {"Tue, 19 Jan 2038 14:14:08 GMT", 2'147'523'248},
      {"Sun, 21 Nov 2286 04:46:39 GMT", 10'000'039'599},
      {"Sunday, 06-Nov-94 08:49:37 GMT", 784'111'777},
      {"", 0},
      {"0", 0},
      {"-1", 0},
      {"never", 0},
      {"2544400878", 0},
      {"Thu, 18 Aug 2050 02:01:18 UTC", 0},
      {"Thu, 18 Aug 2050 02:01:18 AEST", 0},
      {"Thu, 18 Aug 2050 02:01:18 +0000", 0},
      {"Thu, 18 Aug 2050 02:01:18", 0},
      {"Thu, 18 Aug 50 02:01:18 GMT", 0},
      {"Thu 18 Aug 2050 02:01:18 GMT", 0},
      {"Thu, 18  Aug  2050 02:01:18 GMT", 0},
      {"Thu, 18-Aug-2050 02:01:18 GMT", 0},
      {"Thu, 18 Aug 2050 02.01.18 GMT", 0},
      {"Thu, 18 Aug 2050 2:01:18 GMT", 0},
      {"Thu, 8 Aug 2050 02:01:18 GMT", 0},
      {"Thursday, 18-Aug-2050 02:01:18 GMT", 0},
      {"Thursday, 18 Aug 50 02:01:18 GMT", 0},
      {"Thu, 31 Feb 2050 02:01:18 GMT", 0},
      {"Thu, 18 Aug 2050 24:00:00 GMT", 0},
      {"Thu, 18 Aug 2050 02:60:00 GMT", 0},
      {"Thu, 18 Aug 2050 02:01:18 GMT x", 0},
      {"Thu, 18 Aug 2050 02:01:18 GMT, Thu, 18 Aug 2050 02:01:18 GMT", 0},
      {"Xyz, 18 Aug 2050 02:01:18 GMT", 0},
  };
  for (const auto& [value, expected] : cases) {
    INFO("'" << value << "'");
    const Expiry expiry = parse_expires(List{{"expires", value}}, now);
    CHECK(expiry.is_present);
    CHECK(expiry.at_s == expected);
    CHECK(strict({{"expires", value}}).lifetime_s ==
          std::clamp<std::int64_t>(expected - now, 0, saturated));
  }
  CHECK_FALSE(parse_expires(List{{"date", "Thu, 18 Aug 2050 02:01:18 GMT"}}, now).is_present);
  const Field line{"expires", "Thu, 18 Aug 2050 02:01:18 GMT"};
  CHECK(parse_expires(List{line, line}, now).at_s == 0);
  CHECK(parse_expires(List{line, {"expires", ""}}, now).is_present);
}

TEST_CASE("C-26: Date is the base of Expires; without a good one, the time of receipt", "[cache]") {
  const std::string early = http::date_of(now - 100);
  const std::string late = http::date_of(now + 60);
  const auto lifetime = [](const List& fields) { return strict(fields).lifetime_s; };
  CHECK(lifetime({{"expires", late}, {"date", early}}) == 160);
  CHECK(lifetime({{"expires", late}}) == 60);
  // No date is over already, also beside a Date of long ago: 1970 would be after it.
  CHECK(lifetime({{"expires", "soon"}, {"date", "Tue, 10 Nov 0026 23:28:45 GMT"}}) == 0);
  CHECK(lifetime({{"expires", late}, {"date", "yesterday"}}) == 60);
  CHECK(lifetime({{"expires", early}, {"date", early}}) == 0);
  CHECK(lifetime({{"expires", early}, {"date", late}}) == 0);
  std::string shouted = early;
  std::ranges::transform(shouted, shouted.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  });
  CHECK(strict({{"date", shouted}, {"cache-control", "max-age=9"}}).date_s == now - 100);
  CHECK(strict({{"date", "yesterday"}, {"cache-control", "max-age=9"}}).date_s == now);
}

TEST_CASE("C-25: the age begins as RFC 9111 4.2.3 says", "[cache]") {
  const std::string early = http::date_of(now - 100);
  const std::string late = http::date_of(now + 100);
  const auto age = [](const List& fields, Nanos delay) {
    Arrival arrival = arrival_of(Profile::rfc9111, fields);
    arrival.delay = delay;
    return policy_of(arrival).initial_age_s;
  };
  CHECK(age({}, 0s) == 0);
  CHECK(age({}, 3s) == 3);
  CHECK(age({{"age", "7"}}, 3s) == 10);
  CHECK(age({{"date", early}}, 3s) == 100);
  CHECK(age({{"date", early}, {"age", "99"}}, 0s) == 100);
  CHECK(age({{"date", early}, {"age", "99"}}, 2s) == 101);
  CHECK(age({{"date", late}, {"age", "5"}}, 0s) == 5);
  CHECK(age({{"age", "2147483648"}}, 60s) == saturated);
  CHECK(age({{"date", "Thu, 01 Jan 1970 00:00:00 GMT"}}, 0s) == now);
}

TEST_CASE("C-22: the first of the order that exists decides", "[cache]") {
  const std::string modified = http::date_of(now - 1'000);
  const std::string in_40 = http::date_of(now + 40);
  const std::string ahead = http::date_of(now + 1'000);
  const std::string long_ago = http::date_of(now - 100 * 86'400);
  const struct {
    List fields;
    std::int64_t lifetime;
    bool is_explicit;
  } cases[] = {
      {{{"weir-cdn-cache-control", "max-age=10"},
        {"cdn-cache-control", "max-age=20"},
        {"cache-control", "s-maxage=30, max-age=35"}},
       10,
       true},
      {{{"weir-cdn-cache-control", "max-age=x"},
        {"cdn-cache-control", "max-age=20"},
        {"cache-control", "s-maxage=30"}},
       20,
       true},
      {{{"cdn-cache-control", "max-age='20'"}, {"cache-control", "s-maxage=30, max-age=35"}},
       30,
       true},
      {{{"cdn-cache-control", "s-maxage=7, max-age=20"}}, 7, true},
      {{{"cache-control", "max-age=35, s-maxage=40"}, {"expires", in_40}}, 40, true},
      {{{"cache-control", "max-age=35, s-maxage=0"}, {"expires", in_40}}, 0, true},
      {{{"cache-control", "max-age=35"}, {"expires", in_40}}, 35, true},
      {{{"cache-control", "max-age=x"}, {"expires", in_40}}, 0, true},
      {{{"cache-control", "max-age=35"}, {"expires", "0"}}, 35, true},
      {{{"cache-control", "public"}, {"expires", in_40}, {"last-modified", modified}}, 40, true},
      {{{"expires", "0"}, {"last-modified", modified}}, 0, true},
      // RFC 9213: a targeted field takes the place of Cache-Control and Expires.
      {{{"cdn-cache-control", "foo"},
        {"cache-control", "max-age=35"},
        {"expires", in_40},
        {"last-modified", modified}},
       100,
       false},
      {{{"last-modified", modified}}, 100, false},
      {{{"last-modified", "yesterday"}}, 0, false},
      {{{"last-modified", ahead}}, 0, false},
      {{{"last-modified", long_ago}}, 86'400, false},
      {{{"etag", "\"x\""}}, 0, false},
      {{}, 0, false},
  };
  for (const auto& one : cases) {
    INFO((one.fields.empty() ? std::string_view("nothing") : one.fields[0].value));
    CHECK(strict(one.fields).lifetime_s == one.lifetime);
    CHECK(strict(one.fields).is_explicit == one.is_explicit);
  }
  CHECK_FALSE(strict({}).is_storable);
  CHECK(strict({{"etag", "\"x\""}}).is_storable);  // to be validated at each use
}

TEST_CASE("C-22: what the route says comes first, but does not make private things public",
          "[cache]") {
  RouteFreshness route;
  route.ttl_s = 5;
  const auto with_route = [&route](const List& fields, int status = 200,
                                   Method method = Method::get) {
    Arrival arrival = arrival_of(Profile::guarded, fields, status);
    arrival.route = &route;
    arrival.method = method;
    return policy_of(arrival);
  };
  CHECK(with_route({{"cache-control", "max-age=100"}, {"age", "50"}}).lifetime_s == 5);
  CHECK(with_route({{"cache-control", "max-age=100"}, {"age", "50"}}).initial_age_s == 0);
  CHECK(with_route({}).is_storable);
  CHECK(with_route({{"cdn-cache-control", "max-age=100"}}).lifetime_s == 5);
  CHECK(with_route({{"cache-control", "max-age=100"}}, 400).lifetime_s == 100);
  CHECK_FALSE(with_route({{"cache-control", "no-store"}}).is_storable);
  CHECK_FALSE(with_route({{"cache-control", "private"}}).is_storable);
  CHECK_FALSE(with_route({{"set-cookie", "a=1"}}).is_storable);
  CHECK_FALSE(with_route({}, 500).is_storable);
  CHECK(with_route({{"cache-control", "no-cache"}}).must_validate);
  CHECK_FALSE(with_route({}, 200, Method::post).is_storable);  // C-34: only what it says itself
  CHECK_FALSE(with_route({}, 404, Method::post).is_storable);
  CHECK(with_route({{"cache-control", "max-age=9"}}, 200, Method::post).lifetime_s == 9);
}

TEST_CASE("C-31: which statuses may be stored, and guessed about", "[cache]") {
  const std::string modified = http::date_of(now - 86'400);
  for (int status = 200; status <= 599; ++status) {
    INFO(status);
    const bool may_guess = status == 200 || status == 203 || status == 204 || status == 206 ||
                           status == 300 || status == 301 || status == 308 || status == 404 ||
                           status == 405 || status == 410 || status == 414 || status == 501;
    CHECK(is_heuristically_cacheable(status) == may_guess);
    const Policy guessed = strict({{"last-modified", modified}}, status);
    CHECK(guessed.is_storable == may_guess);
    CHECK(guessed.lifetime_s == (may_guess ? 8'640 : 0));
    const bool any = status != 304;
    CHECK(strict({{"last-modified", modified}, {"cache-control", "public"}}, status).is_storable ==
          any);
    CHECK(strict({{"cache-control", "max-age=9"}}, status).is_storable == any);
    CHECK(strict({{"cache-control", "max-age=9"}}, status).lifetime_s == 9);
    // RFC 9111 3: no-cache with a validator is no leave to store.
    CHECK(strict({{"cache-control", "no-cache"}, {"etag", "\"x\""}}, status).is_storable ==
          may_guess);
    // C-2: guarded never keeps an error of the server.
    CHECK(guarded({{"cache-control", "public, max-age=9"}}, status).is_storable ==
          (any && status < 500));
  }
  for (const int status : {100, 101, 102, 103}) {
    INFO(status);
    CHECK_FALSE(strict({{"cache-control", "max-age=9"}}, status).is_storable);  // C-33
  }
}

TEST_CASE("C-31: must-understand takes the place of no-store where we know the status", "[cache]") {
  const List fields = {{"cache-control", "max-age=3600, no-store, must-understand"}};
  CHECK(strict(fields, 200).is_storable);
  CHECK(strict(fields, 404).is_storable);
  CHECK_FALSE(strict(fields, 599).is_storable);
  CHECK_FALSE(strict(fields, 299).is_storable);
  CHECK_FALSE(strict({{"cache-control", "max-age=3600, must-understand"}}, 599).is_storable);
  CHECK(strict({{"cache-control", "no-store, max-age=1"}}).refusal == "no-store");
}

TEST_CASE("C-31: no-store and private refuse, wherever they stand", "[cache]") {
  for (const Profile profile : {Profile::guarded, Profile::rfc9111}) {
    CHECK(policy(profile, {{"cache-control", "max-age=9, no-store"}}).refusal == "no-store");
    CHECK(policy(profile, {{"cache-control", "max-age=9"}, {"cache-control", "private"}}).refusal ==
          "private");
    CHECK(policy(profile, {{"cache-control", "max-age=9, private=\"x-user\""}}).refusal ==
          "private");
    CHECK(policy(profile, {{"cache-control", "max-age=9"}, {"cdn-cache-control", "no-store"}})
              .refusal == "no-store");
    CHECK(policy(profile, {{"cache-control", "max-age=9"}, {"cdn-cache-control", "private"}})
              .refusal == "private");
    CHECK(policy(profile,
                 {{"cache-control", "no-store, private"}, {"cdn-cache-control", "max-age=9"}})
              .is_storable);
    CHECK(policy(profile, {{"cache-control", "no-store"}, {"cdn-cache-control", "max-age=\"9\""}})
              .refusal == "no-store");
  }
  Arrival arrival = arrival_of(Profile::rfc9111, {});
  const List fresh = {{"cache-control", "max-age=9"}};
  arrival.fields = fresh;
  arrival.request_no_store = true;
  CHECK_FALSE(policy_of(arrival).is_storable);
  arrival.profile = Profile::guarded;
  CHECK(policy_of(arrival).is_storable);
}

TEST_CASE("C-32: answers to requests with Authorization are kept only if they say so", "[cache]") {
  const auto kept = [](std::string_view cache_control) {
    bool is_kept = false;
    for (const Profile profile : {Profile::rfc9111, Profile::guarded}) {
      const List fields = {{"cache-control", cache_control}};
      Arrival arrival = arrival_of(profile, fields);
      arrival.has_authorization = true;
      const Policy of = policy_of(arrival);
      if (profile == Profile::guarded) CHECK(of.is_storable == is_kept);
      is_kept = of.is_storable;
      // What was not said to be for all is not given to them, either.
      const Policy other = policy(profile, fields);
      if (other.is_storable)
        CHECK((reuse(other, 0s, {{"authorization", "x"}}, profile) == Reuse::bypass) == !is_kept);
    }
    return is_kept;
  };
  CHECK_FALSE(kept("max-age=9"));
  CHECK(kept("max-age=9, public"));
  CHECK(kept("max-age=9, must-revalidate"));
  CHECK(kept("s-maxage=9"));
  CHECK_FALSE(kept("max-age=9, proxy-revalidate"));
  CHECK_FALSE(kept("max-age=9, no-cache"));
  CHECK_FALSE(kept("max-age=9, public, private"));
  CHECK_FALSE(kept("max-age=9, public, no-store"));
}

TEST_CASE("C-34: of the methods GET, HEAD and an explicit POST may be stored", "[cache]") {
  const List fresh = {{"cache-control", "max-age=9"}};
  const std::string modified = http::date_of(now - 1'000);
  const List guessed = {{"last-modified", modified}};
  for (const Method method :
       {Method::get, Method::head, Method::post, Method::put, Method::patch, Method::delete_,
        Method::options, Method::trace, Method::connect, Method::other}) {
    INFO(static_cast<int>(method));
    for (const Profile profile : {Profile::guarded, Profile::rfc9111}) {
      Arrival arrival = arrival_of(profile, fresh);
      arrival.method = method;
      const bool reads = method == Method::get || method == Method::head;
      CHECK(policy_of(arrival).is_storable == (reads || method == Method::post));
      arrival.fields = guessed;
      CHECK(policy_of(arrival).is_storable == reads);
    }
  }
}

TEST_CASE("C-2: guarded keeps nothing that could be one client's own", "[cache]") {
  const List cookie = {{"set-cookie", "a=1"}, {"cache-control", "public, max-age=9"}};
  CHECK_FALSE(guarded(cookie).is_storable);
  CHECK(strict(cookie).is_storable);

  const struct {
    List fields;
    bool is_for_all;
  } cases[] = {
      {{{"cache-control", "max-age=9"}}, false},
      {{{"cache-control", "max-age=9, must-revalidate"}}, false},
      {{{"cache-control", "max-age=9, public"}}, true},
      {{{"cache-control", "s-maxage=9"}}, true},
      {{{"cdn-cache-control", "max-age=9"}}, true},
      {{{"weir-cdn-cache-control", "max-age=9"}}, true},
      {{{"cdn-cache-control", "max-age=x"}, {"cache-control", "max-age=9"}}, false},
  };
  for (const auto& one : cases) {
    INFO(one.fields[0].value);
    Arrival arrival = arrival_of(Profile::guarded, one.fields);
    arrival.has_cookie = true;
    CHECK(policy_of(arrival).is_storable == one.is_for_all);
    // Made and reused: a copy made without a cookie is not given to a client with one, either.
    const Policy made = guarded(one.fields);
    REQUIRE(made.is_storable);
    CHECK(reuse(made, 0s, {{"cookie", "a=1"}}, Profile::guarded) ==
          (one.is_for_all ? Reuse::fresh : Reuse::bypass));
    CHECK(reuse(made, 0s, {}, Profile::guarded) == Reuse::fresh);
    arrival.profile = Profile::rfc9111;
    CHECK(policy_of(arrival).is_storable);
    CHECK(reuse(strict(one.fields), 0s, {{"cookie", "a=1"}}) == Reuse::fresh);
  }

  RouteFreshness ignores;
  ignores.ignores_cookies = true;
  const List fresh = {{"cache-control", "max-age=9"}};
  Arrival arrival = arrival_of(Profile::guarded, fresh);
  arrival.route = &ignores;
  arrival.has_cookie = true;
  CHECK(policy_of(arrival).is_storable);
  CHECK(
      judge(policy_of(arrival), asking(Profile::guarded, {{"cookie", "a=1"}}, ignores), 0s).reuse ==
      Reuse::fresh);
}

TEST_CASE("C-2: guarded keeps 404 and 410 for a short while, whatever they forget to say",
          "[cache]") {
  const std::string modified = http::date_of(now - 86'400);
  for (const int status : {404, 410}) {
    CHECK(guarded({}, status).lifetime_s == 10);
    CHECK(guarded({}, status).is_storable);
    CHECK(guarded({{"last-modified", modified}}, status).lifetime_s == 10);
    CHECK(guarded({{"cache-control", "max-age=77"}}, status).lifetime_s == 77);
    CHECK_FALSE(guarded({{"cache-control", "no-store"}}, status).is_storable);
    CHECK_FALSE(strict({}, status).is_storable);
    CHECK(strict({{"last-modified", modified}}, status).lifetime_s == 8'640);
  }
  CHECK_FALSE(guarded({}, 403).is_storable);
}
