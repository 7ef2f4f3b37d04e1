// Goal: the promises of service.h, through the only door that edge uses.
// Method: a whole service in a temporary directory on a ManualClock; replies are waited for,
// nothing sleeps.

#include "service_fixture.h"

#include "base/hash.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

namespace weir::sync::test {

using namespace std::chrono_literals;

TEST_CASE("a pushed batch is acknowledged with its positions and read back in order", "[sync]") {
  ServiceFixture fixture;
  const std::string ops = title(fixture.clock, "one") + ',' + title(fixture.clock, "two");

  const Reply ack = fixture.sync("POST", "notes/a/ops", batch(replica_a, 1, ops));
  const Reply page = fixture.sync("GET", "notes/a");

  REQUIRE(ack.status == 200);
  CHECK(number_in(ack, "seq") == 1);
  CHECK(number_in(ack, "last") == 2);
  CHECK(number_in(ack, "high") == 2);
  CHECK(number_in(ack, "dup") == 0);
  const text::Value acknowledged = json_in(ack);
  CHECK(*acknowledged.find("durable")->boolean());
  CHECK(field_in(ack, "sync-token") == "t1." + *acknowledged.find("epoch")->string() + ".2");
  REQUIRE(page.status == 200);
  const text::Value read = json_in(page);
  REQUIRE(read.find("ops")->array()->size() == 2);
  const text::Value& first = (*read.find("ops")->array())[0];
  CHECK(*first.find("seq")->integer() == 1);
  CHECK(*first.find("rep")->string() == replica_a);
  CHECK(*first.find("ctr")->integer() == 1);
  CHECK(*first.find("v")->string() == "one");
  CHECK(*read.find("to")->integer() == 2);
  CHECK_FALSE(*read.find("more")->boolean());
}

TEST_CASE("a batch that comes again is acknowledged and stored once", "[sync]") {
  ServiceFixture fixture;
  const std::string body = batch(replica_a, 1, title(fixture.clock, "one"));
  fixture.sync("POST", "a/ops", body);

  const Reply again = fixture.sync("POST", "a/ops", body);
  const Reply partly = fixture.sync(
      "POST", "a/ops",
      batch(replica_a, 1, title(fixture.clock, "one") + ',' + title(fixture.clock, "two")));

  CHECK(number_in(again, "dup") == 1);
  CHECK(number_in(again, "high") == 1);
  CHECK(number_in(partly, "dup") == 1);
  CHECK(number_in(partly, "high") == 2);
  const Reply page = fixture.sync("GET", "a");
  CHECK(json_in(page).find("ops")->array()->size() == 2);
}

TEST_CASE("a gap in the counters is refused and names the expected one", "[sync]") {
  ServiceFixture fixture;
  fixture.sync("POST", "a/ops", batch(replica_a, 1, title(fixture.clock, "one")));

  const Reply gap =
      fixture.sync("POST", "a/ops", batch(replica_a, 3, title(fixture.clock, "three")));

  CHECK(gap.status == 409);
  CHECK(gap.problem == "op-gap");
  REQUIRE(gap.members.size() == 1);
  CHECK(gap.members[0].name == "expected");
  CHECK(*gap.members[0].value.integer() == 2);
}

TEST_CASE("a replica belongs to the subject that used it first", "[sync]") {
  ServiceFixture fixture;
  fixture.claims = claims_of(R"({"sub":"ann"})");
  CHECK(fixture.sync("POST", "a/ops", batch(replica_a, 1, title(fixture.clock, "one"))).status ==
        200);

  fixture.claims = claims_of(R"({"sub":"bob"})");
  const Reply strange =
      fixture.sync("POST", "b/ops", batch(replica_a, 1, title(fixture.clock, "mine")));

  CHECK(strange.status == 409);
  CHECK(strange.problem == "replica-mismatch");
}

TEST_CASE("one bad operation refuses the whole batch and is named", "[sync]") {
  ServiceFixture fixture;
  const std::string bad =
      R"({"e":"t1","f":"n","t":"max","h":")" + stamp_at(fixture.clock) + R"(","v":"many"})";

  const Reply refused =
      fixture.sync("POST", "a/ops", batch(replica_a, 1, title(fixture.clock, "one") + ',' + bad));

  CHECK(refused.status == 422);
  CHECK(refused.problem == "invalid-op");
  REQUIRE(refused.members[0].name == "errors");
  const text::Value& error = (*refused.members[0].value.array())[0];
  CHECK(*error.find("op")->integer() == 1);
  CHECK(*error.find("pointer")->string() == "/ops/1/v");
  CHECK(json_in(fixture.sync("GET", "a")).find("ops")->array()->empty());
}

TEST_CASE("a stamp beyond the drift bound is refused with the server's time", "[sync]") {
  ServiceFixture fixture;
  ManualClock ahead({fixture.clock.wall().ns + 61'000'000'000});
  ManualClock just_within({fixture.clock.wall().ns + 60'000'000'000});

  const Reply within =
      fixture.sync("POST", "a/ops", batch(replica_a, 1, title(just_within, "one")));
  const Reply refused = fixture.sync("POST", "a/ops", batch(replica_a, 2, title(ahead, "two")));

  CHECK(within.status == 200);
  CHECK(refused.status == 422);
  CHECK(refused.problem == "clock-drift");
  REQUIRE(refused.members.size() == 2);
  CHECK(refused.members[1].name == "server_now");
  CHECK(*refused.members[1].value.integer() == fixture.clock.wall().millis());
}

TEST_CASE("pages end at their limit and go on from where they ended", "[sync]") {
  ServiceFixture fixture;
  for (int i = 1; i <= 5; ++i) {
    fixture.sync("POST", "a/ops", batch(replica_a, i, title(fixture.clock, "a")));
    fixture.sync("POST", "b/ops", batch(replica_b, i, title(fixture.clock, "b")));
  }

  const Reply first = fixture.sync("GET", "a", {}, "since=0&limit=3");
  const Reply second =
      fixture.sync("GET", "a", {}, "since=" + std::to_string(number_in(first, "to")) + "&limit=3");

  CHECK(*json_in(first).find("more")->boolean());
  CHECK(json_in(first).find("ops")->array()->size() == 3);
  CHECK(field_in(first, "cache-control").find("immutable") != std::string::npos);
  CHECK_FALSE(field_in(first, "etag").empty());
  CHECK_FALSE(*json_in(second).find("more")->boolean());
  CHECK(json_in(second).find("ops")->array()->size() == 2);
  CHECK(field_in(second, "cache-control") == "no-store");
}

TEST_CASE("everything acknowledged is there after a restart, and the epoch is the same", "[sync]") {
  ServiceFixture fixture;
  const Reply before =
      fixture.sync("POST", "a/ops", batch(replica_a, 1, title(fixture.clock, "one")));
  fixture.kv("PUT", "k", "v");
  fixture.close();

  const Reply page = fixture.sync("GET", "a");
  const Reply next =
      fixture.sync("POST", "a/ops", batch(replica_a, 2, title(fixture.clock, "two")));

  CHECK(json_in(page).find("ops")->array()->size() == 1);
  CHECK(*json_in(page).find("epoch") == *json_in(before).find("epoch"));
  CHECK(number_in(next, "seq") == 3);  // the key took 2
  CHECK(body_of(fixture.kv("GET", "k")) == "v");
}

TEST_CASE("the server's clock rises over a restart with the wall clock set back", "[sync]") {
  ServiceFixture fixture;
  const std::string before =
      *json_in(fixture.sync("POST", "a/ops", batch(replica_a, 1, title(fixture.clock, "one"))))
           .find("hlc")
           ->string();
  fixture.close();
  fixture.clock.turn_wall_to({fixture.clock.wall().ns - 86'400'000'000'000});

  const std::string after =
      *json_in(fixture.sync("POST", "a/ops", batch(replica_a, 2, title(fixture.clock, "two"))))
           .find("hlc")
           ->string();

  CHECK(after > before);
}

TEST_CASE("a long poll is answered by the commit that it waited for", "[sync]") {
  ServiceFixture fixture;
  Inbox inbox;
  Ask poll;
  poll.method = "GET";
  poll.path = "a";
  poll.query = "since=0&wait=20";
  fixture.service().answer(poll, inbox.answer());
  CHECK_FALSE(inbox.has_reply());

  fixture.sync("POST", "a/ops", batch(replica_a, 1, title(fixture.clock, "one")));

  const Reply reply = inbox.wait();
  CHECK(reply.status == 200);
  CHECK(json_in(reply).find("ops")->array()->size() == 1);
}

TEST_CASE("a long poll without news is answered with an empty page at its deadline", "[sync]") {
  ServiceFixture fixture;
  Inbox inbox;
  Ask poll;
  poll.method = "GET";
  poll.path = "a";
  poll.query = "since=0&wait=5";
  fixture.service().answer(poll, inbox.answer());
  weir::test::eventually([&] { return fixture.service().counters().waiting != 0; });

  fixture.clock.advance(5s);

  const Reply reply = inbox.wait();
  CHECK(reply.status == 200);
  CHECK(json_in(reply).find("ops")->array()->empty());
  CHECK(fixture.service().counters().waiting == 0);
}

TEST_CASE("a cancelled long poll gives its place back and no reply", "[sync]") {
  ServiceFixture fixture;
  Inbox inbox;
  Ask poll;
  poll.method = "GET";
  poll.path = "a";
  poll.query = "since=0&wait=5";
  const AskId id = fixture.service().answer(poll, inbox.answer());
  weir::test::eventually([&] { return fixture.service().counters().waiting != 0; });

  fixture.service().cancel(id);

  // The poll may be on its way into the hub at this very moment; then it leaves by itself, a step
  // later.
  weir::test::eventually([&] { return fixture.service().counters().waiting == 0; });
  fixture.close();
  CHECK_FALSE(inbox.has_reply());
}

TEST_CASE("stopping answers who waits", "[sync]") {
  ServiceFixture fixture;
  Inbox inbox;
  Ask poll;
  poll.method = "GET";
  poll.path = "a";
  poll.query = "wait=20";
  fixture.service().answer(poll, inbox.answer());

  fixture.service().stop();

  CHECK(inbox.wait().status == 200);
  CHECK(fixture.sync("GET", "a").problem == "overloaded");
}

TEST_CASE("a position of another epoch is refused", "[sync]") {
  ServiceFixture fixture;
  fixture.sync("POST", "a/ops", batch(replica_a, 1, title(fixture.clock, "one")));

  CHECK(fixture.sync("GET", "a", {}, "since=99").problem == "epoch-changed");
  CHECK(fixture.sync("GET", "a", {}, "since=0&epoch=9-x").problem == "epoch-changed");
}

TEST_CASE("a snapshot holds the folded state, the position and the version vector", "[sync]") {
  ServiceFixture fixture;
  fixture.sync(
      "POST", "a/ops",
      batch(replica_a, 1, title(fixture.clock, "one") + ',' + title(fixture.clock, "two")));

  const Reply snapshot = fixture.sync("GET", "a/snapshot");

  REQUIRE(snapshot.status == 200);
  const text::Value json = json_in(snapshot);
  CHECK(*json.find("seq")->integer() == 2);
  CHECK(*json.find("vv")->find(replica_a)->integer() == 2);
  const text::Value& state = *json.find("state");
  CHECK(*state.find("t1")->find("title")->find("lww")->find("v")->string() == "two");
  const std::string hash = *json.find("xxh3")->string();
  CHECK(hash == [&state] {
    char digits[17];
    std::snprintf(digits, sizeof digits, "%016llx",
                  static_cast<unsigned long long>(xxh3_64(text::canonical_json_of(state))));
    return std::string(digits);
  }());
}

TEST_CASE("a snapshot lacks nothing while its document is folded and compacted", "[sync]") {
  ServiceFixture fixture;
  fixture.settings.retain = Nanos(0);
  fixture.sync("POST", "d/ops", batch(replica_a, 1, title(fixture.clock, "x", "e1")));
  // Every operation has an entity of its own, so a snapshot holds as many as it counts.
  std::atomic<bool> ended{false};
  std::atomic<int> looked{0}, lacking{0};
  std::thread reader([&] {
    while (!ended) {
      const text::Value whole = json_in(fixture.sync("GET", "d/snapshot"));
      const std::int64_t counted = *whole.find("vv")->find(replica_a)->integer();
      const auto held = static_cast<std::int64_t>(whole.find("state")->object()->size());
      if (held != counted) ++lacking;
      ++looked;
    }
  });
  std::int64_t counter = 1;
  for (std::size_t round = 0; round < weir::test::rounds(200, 2'000); ++round) {
    std::string ops;
    for (int i = 0; i < 100; ++i)
      ops += (i == 0 ? "" : ",") + title(fixture.clock, "x", "e" + std::to_string(counter + 1 + i));
    fixture.clock.advance(1ms);
    CHECK(fixture.sync("POST", "d/ops", batch(replica_a, counter + 1, ops)).status == 200);
    counter += 100;
  }
  ended = true;
  reader.join();
  CHECK(looked > 0);
  CHECK(lacking == 0);
}

TEST_CASE("a deleted document is gone, and a new one of its name shares nothing with it",
          "[sync]") {
  ServiceFixture fixture;
  fixture.sync("POST", "a/ops", batch(replica_a, 1, title(fixture.clock, "one")));

  CHECK(fixture.sync("DELETE", "a").status == 204);
  CHECK(fixture.sync("DELETE", "a").status == 404);
  const Reply again =
      fixture.sync("POST", "a/ops", batch(replica_a, 1, title(fixture.clock, "new")));

  CHECK(number_in(again, "seq") == 3);
  fixture.close();
  CHECK(json_in(fixture.sync("GET", "a")).find("ops")->array()->size() == 1);
}

TEST_CASE("long documents are folded in the background and stay the same", "[sync]") {
  ServiceFixture fixture;
  std::int64_t counter = 1;
  const auto push_many = [&fixture, &counter](int batches) {
    for (int i = 0; i < batches; ++i) {
      std::string ops;
      for (int k = 0; k < 100; ++k) {
        if (k > 0) ops += ',';
        ops += title(fixture.clock, std::to_string(counter + k), "t" + std::to_string(k % 10));
      }
      REQUIRE(fixture.sync("POST", "a/ops", batch(replica_a, counter, ops)).status == 200);
      counter += 100;
    }
  };
  push_many(25);
  const text::Value before = json_in(fixture.sync("GET", "a/snapshot"));
  fixture.close();  // waits for folds under way

  const text::Value after = json_in(fixture.sync("GET", "a/snapshot"));

  CHECK(*before.find("xxh3") == *after.find("xxh3"));
  CHECK(*after.find("seq")->integer() == 2500);
  push_many(12);
  CHECK(*json_in(fixture.sync("GET", "a/snapshot")).find("seq")->integer() == 3700);
}

TEST_CASE("operations older than the retention are only in the snapshot", "[sync]") {
  ServiceFixture fixture;
  std::string ops = title(fixture.clock, "0");
  for (int k = 1; k < 400; ++k) ops += ',' + title(fixture.clock, std::to_string(k));
  for (int i = 0; i < 2; ++i)
    REQUIRE(fixture.sync("POST", "a/ops", batch(replica_a, 1 + 400 * i, ops)).status == 200);
  fixture.clock.advance(std::chrono::hours(8 * 24));
  REQUIRE(fixture.sync("POST", "a/ops", batch(replica_a, 801, ops)).status == 200);

  // The fold and the deletion that follows it go through the same writer.
  Reply behind = fixture.sync("GET", "a");
  while (behind.status == 200) behind = fixture.sync("GET", "a");

  CHECK(behind.status == 410);
  CHECK(behind.problem == "snapshot-required");
  CHECK(field_in(behind, "location") == "./a/snapshot");
  CHECK(number_in(fixture.sync("GET", "a/snapshot"), "seq") == 1200);
  CHECK(json_in(fixture.sync("GET", "a", {}, "since=800")).find("ops")->array()->size() == 400);
  fixture.close();
  CHECK(fixture.sync("GET", "a").status == 410);
}

TEST_CASE("without a rule everything is denied, and the reply names the table", "[sync]") {
  ServiceFixture fixture;
  fixture.settings.sync_rules.clear();
  fixture.settings.kv_rules.clear();
  fixture.claims = claims_of(R"({"sub":"ann"})");

  const Reply sync = fixture.sync("GET", "a");
  const Reply kv = fixture.kv("GET", "a");

  CHECK(sync.status == 403);
  CHECK(sync.detail.find("[[data.sync_rule]]") != std::string::npos);
  CHECK(kv.status == 403);
  CHECK(kv.detail.find("[[data.kv_rule]]") != std::string::npos);
}

TEST_CASE("claims decide who reads and who writes", "[sync]") {
  ServiceFixture fixture;
  fixture.settings.sync_rules = {
      {"notes/{owner}/**", "sub == owner or 'notes:read' in scope", "sub == owner", {}}};
  struct Row {
    const char* claims;
    int read;
    int write;
  };
  const Row rows[] = {{R"({"sub":"ann"})", 200, 200},
                      {R"({"sub":"bob"})", 403, 403},
                      {R"({"sub":"bob","scope":"mail notes:read"})", 200, 403},
                      {nullptr, 401, 401}};
  int counter = 0;
  for (const Row& row : rows) {
    INFO((row.claims == nullptr ? "nobody" : row.claims));
    fixture.claims = row.claims == nullptr ? nullptr : claims_of(row.claims);
    CHECK(fixture.sync("GET", "notes/ann/x").status == row.read);
    CHECK(
        fixture
            .sync("POST", "notes/ann/x/ops", batch(replica_a, ++counter, title(fixture.clock, "x")))
            .status == row.write);
  }
}

TEST_CASE("each tenant has its own file and its own data", "[sync]") {
  ServiceFixture fixture;
  fixture.settings.tenant = "claim:tid";
  fixture.claims = claims_of(R"({"tid":"one/../x"})");
  fixture.sync("POST", "a/ops", batch(replica_a, 1, title(fixture.clock, "one")));

  fixture.claims = claims_of(R"({"tid":"two"})");
  const Reply other = fixture.sync("GET", "a");
  fixture.claims = claims_of(R"({"sub":"x"})");
  const Reply none = fixture.sync("GET", "a");

  CHECK(json_in(other).find("ops")->array()->empty());
  CHECK(none.status == 403);
  CHECK(read_file(fixture.directory / "data/one%2f..%2fx.db").ok());
}

TEST_CASE("two services never own one directory", "[sync]") {
  ServiceFixture fixture;
  fixture.service();
  ServiceFixture second;
  second.settings.directory = fixture.settings.directory;
  ManualClock clock;
  const Descriptor null(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  LineWriter lines(null.number(), 4);
  Log log(clock, lines, LogLevel::error, LogForm::json);

  const auto refused = SyncService::open(second.settings, clock, log);

  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::exists);
}

TEST_CASE("what is asked wrongly is refused with the right status", "[sync]") {
  ServiceFixture fixture;
  struct Row {
    const char* method;
    const char* path;
    const char* query;
    const char* body;
    int status;
  };
  const Row rows[] = {
      {"PUT", "a", "", "", 405},
      {"GET", "a/ops", "", "", 405},
      {"POST", "a/snapshot", "", "", 405},
      {"GET", "", "", "", 400},
      {"GET", "a", "since=-1", "", 400},
      {"GET", "a", "since=x", "", 400},
      {"GET", "a", "limit=0", "", 400},
      {"GET", "a", "live=ws", "", 400},
      {"POST", "a/ops", "", "", 400},
      {"POST", "a/ops", "", "{", 400},
      {"POST", "a/ops", "", "[]", 400},
      {"POST", "a/ops", "", R"({"rep":"x","n":1,"ops":[{}]})", 400},
      {"GET", "a\nb", "", "", 400},
      {"GET", "a/snapshot", "", "", 200},
      {"HEAD", "a", "", "", 200},
  };
  for (const Row& row : rows) {
    INFO(row.method << ' ' << row.path << '?' << row.query << ' ' << row.body);
    CHECK(fixture.sync(row.method, row.path, row.body, row.query).status == row.status);
  }
}

}  // namespace weir::sync::test
