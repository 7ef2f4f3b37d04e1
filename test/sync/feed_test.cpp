// Goal: a feed skips nothing and repeats nothing, however slow its reader is (D-44, D-45), and ends
// when it must. Method: a whole service; the test is the socket. Wakes are counted, nothing sleeps.

#include "service_fixture.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

namespace weir::sync::test {

using namespace std::chrono_literals;

namespace {

// Reads a feed as a socket would.
class FeedReader {
 public:
  explicit FeedReader(const Reply& reply) : feed_(reply.feed) {
    REQUIRE(feed_ != nullptr);
    feed_->start([woken = woken_] { *woken = true; });
  }
  // Waits until something comes; empty = the feed has ended.
  std::string next(std::size_t bytes_max = 1 << 20) {
    while (true) {
      *woken_ = false;
      const Feed::Taken taken = feed_->take(bytes_max);
      std::string text;
      for (const SharedText& chunk : taken.chunks) text += *chunk;
      if (!text.empty() || taken.ended) return text;
      weir::test::eventually([this] { return woken_->load(); });
    }
  }
  bool is_quiet() { return feed_->take(1).chunks.empty(); }
  Feed& feed() { return *feed_; }

 private:
  std::shared_ptr<Feed> feed_;
  std::shared_ptr<std::atomic<bool>> woken_ = std::make_shared<std::atomic<bool>>(false);
};

// All "seq" of operations in events.
std::vector<std::int64_t> positions_in(std::string_view events) {
  std::vector<std::int64_t> positions;
  for (std::size_t at = events.find("{\"seq\":"); at != std::string_view::npos;
       at = events.find("{\"seq\":", at + 1)) {
    const std::size_t end = events.find(',', at);
    positions.push_back(parse_i64(events.substr(at + 7, end - at - 7)).value());
  }
  return positions;
}

Ask live(std::string path, std::string query = "live=sse") {
  Ask ask;
  ask.method = "GET";
  ask.path = std::move(path);
  ask.query = std::move(query);
  return ask;
}

}  // namespace

TEST_CASE("a feed gives what was there and then what comes", "[sync]") {
  ServiceFixture fixture;
  fixture.sync("POST", "a/ops", batch(replica_a, 1, title(fixture.clock, "one")));
  const Reply reply = fixture.ask(live("a"));
  CHECK(field_in(reply, "content-type") == "text/event-stream");
  FeedReader reader(reply);

  const std::string first = reader.next();
  fixture.sync("POST", "a/ops", batch(replica_a, 2, title(fixture.clock, "two")));
  const std::string second = reader.next();

  CHECK(positions_in(first) == std::vector<std::int64_t>{1});
  CHECK(first.substr(0, 4) == "id: ");
  CHECK(first.find(".1\nevent: ops\ndata: {\"epoch\":") != std::string::npos);
  CHECK(first.substr(first.size() - 2) == "\n\n");
  CHECK(positions_in(second) == std::vector<std::int64_t>{2});
  CHECK(second.find("\"from\":1,\"to\":2") != std::string::npos);
}

TEST_CASE("a feed resumes after its last event", "[sync]") {
  ServiceFixture fixture;
  const Reply ack = fixture.sync("POST", "a/ops", batch(replica_a, 1, title(fixture.clock, "one")));
  fixture.sync("POST", "a/ops", batch(replica_a, 2, title(fixture.clock, "two")));
  const text::Value acknowledged = json_in(ack);
  Ask ask = live("a");
  ask.fields = {{"last-event-id", *acknowledged.find("epoch")->string() + ".1"}};

  FeedReader reader(fixture.ask(ask));
  CHECK(positions_in(reader.next()) == std::vector<std::int64_t>{2});

  ask.fields = {{"last-event-id", "9-other.1"}};
  CHECK(fixture.ask(ask).problem == "epoch-changed");
}

TEST_CASE("a reader that stops reading loses its queue, not a single operation", "[sync]") {
  ServiceFixture fixture;
  fixture.settings.feed_bytes_max = 4 * KiB;
  FeedReader slow(fixture.ask(live("a")));
  FeedReader quick(fixture.ask(live("a")));
  CHECK(slow.is_quiet());
  std::vector<std::int64_t> quick_seen;
  constexpr int count = 300;
  for (int i = 1; i <= count; ++i) {
    fixture.sync("POST", "a/ops", batch(replica_a, i, title(fixture.clock, std::string(200, 'x'))));
    for (const std::int64_t position : positions_in(quick.next())) quick_seen.push_back(position);
  }
  std::vector<std::int64_t> slow_seen;
  while (slow_seen.size() < count)
    for (const std::int64_t position : positions_in(slow.next(1))) slow_seen.push_back(position);

  std::vector<std::int64_t> all(count);
  for (int i = 0; i < count; ++i) all[static_cast<std::size_t>(i)] = i + 1;
  CHECK(quick_seen == all);
  CHECK(slow_seen == all);
}

TEST_CASE("feeds joined while others write see every operation once", "[sync]") {
  ServiceFixture fixture;
  fixture.service();
  constexpr int count = 400;
  std::thread writer([&fixture] {
    for (int i = 1; i <= count; ++i) {
      Inbox inbox;
      Ask ask;
      ask.method = "POST";
      ask.path = "a/ops";
      ask.body = batch(replica_a, i, title(fixture.clock, "x"));
      fixture.service().answer(ask, inbox.answer());
      MUST(inbox.wait().status == 200);
    }
  });
  for (int round = 0; round < 8; ++round) {
    FeedReader reader(fixture.ask(live("a")));
    std::int64_t expected = 1;
    while (expected <= count) {
      const std::vector<std::int64_t> seen = positions_in(reader.next(8 * KiB));
      for (const std::int64_t position : seen) REQUIRE(position == expected++);
    }
  }
  writer.join();
}

TEST_CASE("a quiet feed says that it is alive", "[sync]") {
  ServiceFixture fixture;
  FeedReader reader(fixture.ask(live("a")));
  CHECK(reader.is_quiet());
  fixture.clock.advance(20s);
  CHECK(reader.next() == ":\n\n");
}

TEST_CASE("a feed ends with its reader's token, and with the service", "[sync]") {
  ServiceFixture fixture;
  Ask ask = live("a");
  ask.claims = claims_of(R"({"sub":"ann","exp":)" +
                         std::to_string(fixture.clock.wall().seconds() + 5) + '}');
  FeedReader mine(fixture.ask(ask));
  FeedReader theirs(fixture.ask(live("a")));
  CHECK(mine.is_quiet());

  fixture.clock.advance(5s);
  CHECK(mine.next().empty());
  fixture.service().stop();
  CHECK(theirs.next().empty());
  fixture.close();  // handles may outlive the service
}

TEST_CASE("a dropped feed gives its place back, and there are only so many", "[sync]") {
  ServiceFixture fixture;
  fixture.settings.feeds_max = 1;
  {
    const Reply first = fixture.ask(live("a"));
    CHECK(first.feed != nullptr);
    CHECK(fixture.ask(live("a")).problem == "overloaded");
    CHECK(field_in(fixture.ask(live("a")), "retry-after") == "1");
  }
  CHECK(fixture.service().counters().waiting == 0);
  CHECK(fixture.ask(live("a")).feed != nullptr);
}

TEST_CASE("a watched key tells its value, each change and its end", "[sync]") {
  ServiceFixture fixture;
  fixture.kv("PUT", "k", "1", {{"content-type", "application/json"}});
  Ask ask = live("k", "watch=1");
  ask.surface = Surface::kv;
  FeedReader reader(fixture.ask(ask));

  CHECK(reader.next().find(
            "event: put\ndata: {\"k\":\"k\",\"ver\":1,\"type\":\"application/json\",\"v\":1}") !=
        std::string::npos);
  fixture.kv("PUT", "k", "{\n}", {{"content-type", "application/json"}});
  CHECK(reader.next().find("\"ver\":2,\"type\":\"application/json\",\"v\":{ }}\n\n") !=
        std::string::npos);
  fixture.kv("DELETE", "k");
  CHECK(reader.next().find("event: delete\ndata: {\"k\":\"k\"}") != std::string::npos);
}

}  // namespace weir::sync::test
