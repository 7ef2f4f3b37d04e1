// Goal: many threads at one service: every promise holds for each of them, and ThreadSanitizer
// finds nothing. Method: producers, readers, long polls, feeds, key writers and a deleter at once,
// bounded by counts.

#include "service_fixture.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <set>
#include <thread>

namespace weir::sync::test {

namespace {

// Catch2's assertions belong to one thread.
void must_be(const Reply& reply, int status) { MUST(reply.status == status); }

}  // namespace

TEST_CASE("producers, readers and followers at once agree on one order", "[sync][threads]") {
  ServiceFixture fixture;
  fixture.service();
  constexpr int producers = 4;
  constexpr int pushes = 150;
  std::vector<std::thread> threads;
  std::atomic<int> running{producers};
  for (int producer = 0; producer < producers; ++producer) {
    threads.emplace_back([&fixture, &running, producer] {
      const std::string replica = "r_" + std::string(16, static_cast<char>('a' + producer));
      for (int i = 1; i <= pushes; ++i) {
        must_be(fixture.sync("POST", "shared/ops", batch(replica, i, title(fixture.clock, "x"))),
                200);
        if (i % 10 == 0) must_be(fixture.sync("GET", "shared/snapshot"), 200);
      }
      --running;
    });
  }
  threads.emplace_back([&fixture, &running] {  // long polls follow to the end
    std::int64_t since = 0;
    std::int64_t count = 0;
    while (count < producers * pushes) {
      const Reply reply =
          fixture.sync("GET", "shared", {}, "wait=20&since=" + std::to_string(since));
      must_be(reply, 200);
      const text::Value page = json_in(reply);
      for (const text::Value& op : *page.find("ops")->array()) {
        MUST(*op.find("seq")->integer() > since);
        since = *op.find("seq")->integer();
        ++count;
      }
    }
    MUST(count == producers * pushes);
  });
  threads.emplace_back([&fixture, &running] {  // keys and other documents beside them
    for (int i = 1; running > 0; ++i) {
      must_be(fixture.kv("PUT", "k", std::to_string(i), {{"expires-in", "100"}}),
              i == 1 ? 201 : 200);
      must_be(fixture.kv("GET", "k"), 200);
      must_be(fixture.sync("POST", "other/ops", batch(replica_b, 1, title(fixture.clock, "y"))),
              200);
      must_be(fixture.sync("DELETE", "other"), 204);
    }
  });
  for (std::thread& thread : threads) thread.join();

  std::set<std::string> keys;
  const text::Value page = json_in(fixture.sync("GET", "shared", {}, "since=0"));
  for (const text::Value& op : *page.find("ops")->array())
    keys.insert(*op.find("rep")->string() + ':' + std::to_string(*op.find("ctr")->integer()));
  CHECK(keys.size() == producers * pushes);
}

TEST_CASE("exactly one of many wins a compare-and-set", "[sync][threads]") {
  ServiceFixture fixture;
  fixture.kv("PUT", "count", "0");
  constexpr int rivals = 4;
  constexpr int wins_each = 25;
  std::vector<std::thread> threads;
  for (int rival = 0; rival < rivals; ++rival) {
    threads.emplace_back([&fixture] {
      for (int wins = 0; wins < wins_each;) {
        const Reply found = fixture.kv("GET", "count");
        const std::string more = std::to_string(parse_i64(body_of(found)).value() + 1);
        const Reply reply =
            fixture.kv("PUT", "count", more, {{"if-match", field_in(found, "etag")}});
        MUST(reply.status == 200 || reply.status == 412);
        if (reply.status == 200) ++wins;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(body_of(fixture.kv("GET", "count")) == std::to_string(rivals * wins_each));
}

TEST_CASE("tenants open while others ask for them are opened once", "[sync][threads]") {
  ServiceFixture fixture;
  fixture.settings.tenant = "host";
  fixture.service();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&fixture, i] {
      for (int k = 0; k < 20; ++k) {
        Inbox inbox;
        Ask ask;
        ask.surface = Surface::kv;
        ask.method = "PUT";
        ask.path = std::to_string(i);
        ask.host = "tenant" + std::to_string(k);
        fixture.service().answer(std::move(ask), inbox.answer());
        must_be(inbox.wait(), 201);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(fixture.service().counters().tenants_open == 20);
}

TEST_CASE("stopping in the midst of work answers everybody once", "[sync][threads]") {
  for (int round = 0; round < 10; ++round) {
    ServiceFixture fixture;
    fixture.service();
    std::atomic<int> replies{0};
    constexpr int asks = 60;
    std::thread asker([&fixture, &replies] {
      for (int i = 1; i <= asks; ++i) {
        Ask ask;
        ask.method = i % 3 == 0 ? "POST" : "GET";
        ask.path = i % 3 == 0 ? "a/ops" : "a";
        ask.query = i % 3 == 1 ? "wait=20&since=0" : "";
        ask.body = batch(replica_a, 1, title(fixture.clock, "x"));
        fixture.service().answer(std::move(ask), [&replies](const Reply&) { ++replies; });
      }
    });
    fixture.service().stop();
    asker.join();
    fixture.close();
    CHECK(replies == asks);
  }
}

}  // namespace weir::sync::test
