// Goal: keys keep their versions, conditions, expiry and order (D-54).
// Method: a whole service on a ManualClock.

#include "service_fixture.h"

#include "sync/kv.h"

#include <catch2/catch.hpp>
#include <thread>

namespace weir::sync::test {

using namespace std::chrono_literals;

TEST_CASE("a value comes back with its version and its type", "[sync]") {
  ServiceFixture fixture;

  const Reply made = fixture.kv("PUT", "a/b", R"({"x":1})", {{"content-type", "application/json"}});
  const Reply found = fixture.kv("GET", "a/b");
  const Reply replaced = fixture.kv("PUT", "a/b", "text");

  CHECK(made.status == 201);
  CHECK(field_in(made, "etag") == "\"v1\"");
  CHECK(*json_in(made).find("durable")->boolean());
  CHECK(found.status == 200);
  CHECK(body_of(found) == R"({"x":1})");
  CHECK(field_in(found, "content-type") == "application/json");
  CHECK(field_in(found, "etag") == "\"v1\"");
  CHECK(replaced.status == 200);
  CHECK(field_in(replaced, "etag") == "\"v2\"");
  CHECK(fixture.kv("GET", "a/b", {}, {{"if-none-match", "\"v2\""}}).status == 304);
  CHECK(fixture.kv("GET", "a/b", {}, {{"if-none-match", "\"v1\""}}).status == 200);
  CHECK(fixture.kv("GET", "none").status == 404);
}

TEST_CASE("a value is never handed to a browser as something to run", "[sync]") {
  ServiceFixture fixture;
  fixture.kv("PUT", "page", "<script>", {{"content-type", "text/html"}});
  const Reply found = fixture.kv("GET", "page");
  CHECK(field_in(found, "x-content-type-options") == "nosniff");
  CHECK(field_in(found, "content-security-policy").find("sandbox") != std::string::npos);
}

TEST_CASE("conditions compare and set", "[sync]") {
  struct Row {
    const char* method;
    const char* field;
    const char* value;
    int status_on_known;  // the key holds version 1
    int status_on_absent;
  };
  const Row rows[] = {
      {"PUT", "if-none-match", "*", 412, 201},         {"PUT", "if-match", "*", 200, 412},
      {"PUT", "if-match", "\"v1\"", 200, 412},         {"PUT", "if-match", "\"v9\"", 412, 412},
      {"PUT", "if-match", "\"v9\", \"v1\"", 200, 412}, {"PUT", "if-match", "W/\"v1\"", 412, 412},
      {"PUT", "if-match", "junk", 412, 412},           {"DELETE", "if-match", "\"v1\"", 204, 412},
      {"DELETE", "if-match", "\"v2\"", 412, 412},      {"DELETE", "if-match", "*", 204, 412},
      {"PUT", "if-none-match", "\"v1\"", 400, 400},
  };
  for (const Row& row : rows) {
    INFO(row.method << ' ' << row.field << ": " << row.value);
    ServiceFixture fixture;
    fixture.kv("PUT", "known", "1");
    CHECK(fixture.kv(row.method, "known", "2", {{row.field, row.value}}).status ==
          row.status_on_known);
    CHECK(fixture.kv(row.method, "absent", "2", {{row.field, row.value}}).status ==
          row.status_on_absent);
  }
}

TEST_CASE("a failed condition tells what is there and changes nothing", "[sync]") {
  ServiceFixture fixture;
  fixture.kv("PUT", "k", "1");
  const Reply refused = fixture.kv("PUT", "k", "2", {{"if-match", "\"v7\""}});
  CHECK(refused.problem == "precondition");
  REQUIRE(refused.members.size() == 2);
  CHECK(*refused.members[1].value.integer() == 1);
  CHECK(body_of(fixture.kv("GET", "k")) == "1");
}

TEST_CASE("an expired key is not there, and its row goes", "[sync]") {
  ServiceFixture fixture;
  fixture.kv("PUT", "in", "1", {{"expires-in", "10"}});
  fixture.kv("PUT", "at", "1",
             {{"expires-at", "2023-11-14T22:13:30Z"}});  // ten seconds from the clock's start
  fixture.kv("PUT", "stays", "1");
  CHECK(field_in(fixture.kv("GET", "in"), "expires-at") == "2023-11-14T22:13:30Z");
  fixture.clock.advance(9'999ms);
  CHECK(fixture.kv("GET", "in").status == 200);

  const std::uint64_t before = fixture.service().counters().kv_writes;
  fixture.clock.advance(1ms);

  CHECK(fixture.kv("GET", "in").status == 404);
  CHECK(fixture.kv("GET", "at").status == 404);
  CHECK(fixture.kv("PUT", "in", "2", {{"if-none-match", "*"}}).status == 201);
  // That one, and the sweeper's, which may have come first.
  weir::test::eventually([&] { return fixture.service().counters().kv_writes >= before + 2; });
  CHECK(fixture.kv("GET", "stays").status == 200);
  CHECK(body_of(fixture.kv("GET", "in")) == "2");
}

TEST_CASE("expiries that make no sense are refused", "[sync]") {
  ServiceFixture fixture;
  for (const auto& [name, value] : ServiceFixture::Fields{{"expires-in", "0"},
                                                          {"expires-in", "-5"},
                                                          {"expires-in", "1.5"},
                                                          {"expires-in", "99999999999"},
                                                          {"expires-at", "tomorrow"},
                                                          {"expires-at", "2001-01-01T00:00:00Z"},
                                                          {"expires-at", "2030-01-01"}}) {
    INFO(name << ": " << value);
    CHECK(fixture.kv("PUT", "k", "1", {{name, value}}).status == 400);
  }
  CHECK(fixture.kv("PUT", "k", "1", {{"expires-in", "1"}, {"expires-at", "2030-01-01T00:00:00Z"}})
            .status == 400);
}

TEST_CASE("lists go by prefix, in order, in pages", "[sync]") {
  ServiceFixture fixture;
  for (const char* key : {"b/1", "a/3", "a/1", "a/2", "a", "ab"})
    fixture.kv("PUT", key, "1", {{"content-type", "application/json"}});
  fixture.kv("PUT", "a/binary", std::string("\0\xff", 2));

  const text::Value first = json_in(fixture.kv("GET", "", {}, {}, "prefix=a/&limit=2"));
  const text::Value second = json_in(
      fixture.kv("GET", "", {}, {}, "prefix=a/&limit=2&cursor=" + *first.find("cursor")->string()));

  REQUIRE(first.find("items")->array()->size() == 2);
  CHECK(*(*first.find("items")->array())[0].find("k")->string() == "a/1");
  CHECK(*(*first.find("items")->array())[0].find("v")->integer() == 1);
  REQUIRE(second.find("items")->array()->size() == 2);
  CHECK(*(*second.find("items")->array())[0].find("k")->string() == "a/3");
  CHECK(*(*second.find("items")->array())[1].find("b64")->string() == "AP8=");
  CHECK(second.find("cursor")->is_null());
  CHECK(fixture.kv("GET", "", {}, {}, "cursor=%").status == 400);
}

TEST_CASE("a list shows only what its reader may read", "[sync]") {
  ServiceFixture fixture;
  fixture.settings.kv_rules = {{"public/**", "true", "true", {}},
                               {"{owner}/**", "sub == owner", "sub == owner", {}}};
  fixture.claims = claims_of(R"({"sub":"ann"})");
  fixture.kv("PUT", "ann/1", "1");
  fixture.kv("PUT", "public/1", "1");
  fixture.claims = claims_of(R"({"sub":"bob"})");
  fixture.kv("PUT", "bob/1", "1");

  const text::Value list = json_in(fixture.kv("GET", ""));

  REQUIRE(list.find("items")->array()->size() == 2);
  CHECK(*(*list.find("items")->array())[0].find("k")->string() == "bob/1");
  CHECK(fixture.kv("GET", "ann/1").status == 403);
  CHECK(fixture.kv("POST", "atomic", R"({"deletes":["ann/1"]})").status == 403);
  CHECK(fixture.kv("POST", "atomic", R"({"checks":[{"k":"ann/1","ver":1}]})").status == 403);
}

TEST_CASE("a batch of keys is written as a whole or not at all", "[sync]") {
  ServiceFixture fixture;
  fixture.kv("PUT", "a", "1");
  fixture.kv("PUT", "b", "1");

  const Reply refused = fixture.kv(
      "POST", "atomic",
      R"({"checks":[{"k":"a","ver":1},{"k":"b","ver":1}],"sets":[{"k":"a","v":2}],"deletes":["b"]})");
  const Reply done = fixture.kv(
      "POST", "atomic",
      R"({"checks":[{"k":"a","ver":1},{"k":"c","ver":null}],"sets":[{"k":"a","v":{"x":2}},{"k":"c","b64":"AP8=","expires_in":60}],"deletes":["b"]})");

  CHECK(refused.status == 412);
  REQUIRE(done.status == 200);
  CHECK(number_in(done, "ver") == 3);
  CHECK(body_of(fixture.kv("GET", "a")) == R"({"x":2})");
  CHECK(field_in(fixture.kv("GET", "a"), "etag") == "\"v3\"");
  CHECK(fixture.kv("GET", "b").status == 404);
  CHECK(body_of(fixture.kv("GET", "c")) == std::string("\0\xff", 2));
  CHECK(fixture.kv("POST", "atomic", R"({"checks":[{"k":"c","ver":null}]})").status == 412);
}

TEST_CASE("batches of keys that cannot be read are refused", "[sync]") {
  for (const char* body :
       {"", "[]", R"({"set":[]})", R"({"sets":{}})", R"({"sets":[{"k":"a"}]})",
        R"({"sets":[{"k":"a","v":1,"b64":""}]})", R"({"sets":[{"k":"","v":1}]})",
        R"({"sets":[{"v":1}]})", R"({"sets":[{"k":"a","b64":"!"}]})", R"({"deletes":[7]})",
        R"({"checks":[{"k":"a"}]})", R"({"checks":[{"k":"a","ver":"1"}]})",
        R"({"sets":[{"k":"a","v":1}],"deletes":["a"]})",
        R"({"sets":[{"k":"a","v":1,"expires_in":0}]})",
        R"({"sets":[{"k":"a","v":1,"expires_at":7}]})"}) {
    INFO(body);
    CHECK(std::holds_alternative<Reply>(decode_kv_batch(body, {1'700'000'000'000'000'000})));
  }
}

TEST_CASE("the bounds of keys and values hold at the edge", "[sync]") {
  ServiceFixture fixture;
  CHECK(fixture.kv("PUT", std::string(limits::kv_key_bytes_max, 'k'), "1").status == 201);
  CHECK(fixture.kv("PUT", std::string(limits::kv_key_bytes_max + 1, 'k'), "1").status == 400);
  CHECK(fixture.kv("PUT", "\xff", "1").status == 400);
  CHECK(fixture.kv("PUT", "k", std::string(limits::kv_value_bytes_max, 'v')).status == 201);
  CHECK(fixture.kv("PUT", "k", std::string(limits::kv_value_bytes_max + 1, 'v')).status == 413);
  CHECK(fixture.kv("PUT", "k", "{", {{"content-type", "application/json"}}).status == 400);
  std::string deletes;
  for (std::size_t i = 0; i <= limits::kv_atomic_max; ++i)
    deletes += (i == 0 ? "\"" : ",\"") + std::to_string(i) + '"';
  CHECK(fixture.kv("POST", "atomic", "{\"deletes\":[" + deletes + "]}").status == 413);
}

TEST_CASE("a tenant over its quota may only shrink", "[sync]") {
  ServiceFixture fixture;
  fixture.settings.tenant_bytes_max = 256 * KiB;
  int status = 201;
  int count = 0;
  for (; status == 201 && count < 100; ++count)
    status = fixture.kv("PUT", "k" + std::to_string(count), std::string(20'000, 'x')).status;
  CHECK(status == 507);
  CHECK(count > 5);
  CHECK(fixture.sync("POST", "a/ops", batch(replica_a, 1, title(fixture.clock, "one"))).problem ==
        "quota");
  CHECK(fixture.kv("DELETE", "k0").status == 204);
  CHECK(fixture.kv("GET", "k1").status == 200);
}

}  // namespace weir::sync::test
