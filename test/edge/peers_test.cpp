// Goal: what one node tells another folds to the same on both, in any order and however often; a
// position is kept only for what was applied.

#include "edge/peer_follower.h"
#include "edge/purge_feed.h"
#include "edge/purge_wire.h"

#include "base/file.h"
#include "support.h"

#include <catch2/catch.hpp>

using namespace weir;
using namespace std::chrono_literals;

namespace {

edge::PurgePage page() {
  edge::PurgePage made;
  made.node = std::string(32, 'a');
  made.purges.seq = 9;
  made.purges.all = {3, 0};
  made.purges.tags = {{"blog", {5, 0}}, {"old", {1, 2}}, {"both \"x\"", {6, 7}}};
  made.purges.prefixes = {{"/docs/", {0, 9}}};
  return made;
}

}  // namespace

TEST_CASE("a page of purges is read as it was written, from a position on", "[edge][nodes]") {
  const auto all = edge::parse_purges(edge::encode_purges(page(), 0));
  REQUIRE(all.ok());
  CHECK(all->node == page().node);
  CHECK(all->purges.seq == 9);
  CHECK(all->purges.tags.size() == 3);
  const auto some = edge::parse_purges(edge::encode_purges(page(), 5));
  REQUIRE(some.ok());
  REQUIRE(some->purges.tags.size() == 1);
  CHECK(some->purges.tags[0].first == "both \"x\"");
  CHECK(some->purges.tags[0].second == store::Epochs{6, 7});
  CHECK(some->purges.prefixes.size() == 1);
  edge::PurgePage with_refresh = page();
  with_refresh.refreshes.push_back({.tags = {"blog"}, .paths = {"/a?b"}, .hosts = {"h"}});
  with_refresh.refreshes.push_back({.all = true});
  const auto told = edge::parse_purges(edge::encode_purges(with_refresh, 0));
  REQUIRE(told.ok());
  REQUIRE(told->refreshes.size() == 2);
  CHECK(told->refreshes[0].mode == cache::Mode::refresh);
  CHECK(told->refreshes[0].tags == std::vector<std::string>{"blog"});
  CHECK(told->refreshes[0].paths == std::vector<std::string>{"/a?b"});
  CHECK(told->refreshes[0].hosts == std::vector<std::string>{"h"});
  CHECK(told->refreshes[1].all);
  for (
      const std::string_view bad :
      {"", "{}", "[]", R"({"node":"short","seq":1,"all":[0,0],"tags":[],"prefixes":[]})",
       R"({"node":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","seq":-1,"all":[0,0],"tags":[],"prefixes":[]})",
       R"({"node":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","seq":1,"all":[0],"tags":[],"prefixes":[]})",
       R"({"node":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","seq":1,"all":[0,0],"tags":[["x",1]],"prefixes":[]})"})
    CHECK_FALSE(edge::parse_purges(bad).ok());
}

TEST_CASE("what is behind a position becomes at most a soft and a hard record", "[edge][nodes]") {
  const auto all = edge::records_of(page(), 0);
  REQUIRE(all.size() == 2);
  CHECK(all[0].all);
  CHECK(all[0].is_learnt);
  CHECK(all[0].tags == std::vector<std::string>{"blog", "old", "both \"x\""});
  CHECK(all[1].mode == store::PurgeMode::hard);
  CHECK(all[1].tags == std::vector<std::string>{"old", "both \"x\""});
  CHECK(all[1].prefixes == std::vector<std::string>{"/docs/"});
  CHECK(edge::records_of(page(), 7).size() == 1);
  CHECK(edge::records_of(page(), 9).empty());
}

TEST_CASE("a message between nodes is refused when a byte, the time or the secret differs",
          "[edge][nodes]") {
  const edge::Secret secret("shared");
  const Wall now{1'700'000'000'000'000'000};
  const http::Fields made = edge::signed_fields("id", now, "GET /x", secret);
  std::vector<http::Field> fields;
  for (const auto& [name, value] : made) fields.push_back({name, value});
  const std::vector<edge::Secret> ours{edge::Secret("older"), secret};
  const std::vector<edge::Secret> others{edge::Secret("other")};
  CHECK(edge::is_signed_by_peer(fields, "GET /x", ours, now));
  CHECK_FALSE(edge::is_signed_by_peer(fields, "GET /y", ours, now));
  CHECK_FALSE(edge::is_signed_by_peer(fields, "GET /x", others, now));
  CHECK_FALSE(edge::is_signed_by_peer(fields, "GET /x", ours, now + Nanos(10min)));
}

TEST_CASE("who waits for a purge is told once: by it, or at its deadline", "[edge][nodes]") {
  edge::PurgeFeed feed;
  int woken = 0;
  const Mono start{1'000'000'000};
  CHECK(feed.wait(start + Nanos(1s), [&] { ++woken; }));
  feed.tick(start + Nanos(999ms));
  CHECK(woken == 0);
  feed.tick(start + Nanos(1s));
  CHECK(woken == 1);
  CHECK(feed.wait(start + Nanos(5s), [&] { ++woken; }));
  feed.wake();
  feed.wake();
  feed.tick(start + Nanos(9s));
  CHECK(woken == 2);
  for (std::size_t at = 0; at < limits::purge_waiters_max; ++at)
    CHECK(feed.wait(start + Nanos(20s), [] {}));
  CHECK_FALSE(feed.wait(start + Nanos(20s), [] {}));
}

TEST_CASE("readers are bounded, and the one that was silent longest goes", "[edge][nodes]") {
  edge::PurgeFeed feed;
  for (std::size_t at = 0; at <= limits::peers_max; ++at)
    feed.note("node " + std::to_string(at), at, Mono{static_cast<std::int64_t>(at + 1)});
  const auto readers = feed.readers();
  CHECK(readers.size() == limits::peers_max);
  for (const auto& reader : readers) CHECK(reader.node != "node 0");
}

TEST_CASE("a node with peers is cut off until it has heard them all", "[edge][nodes]") {
  const test::TemporaryDirectory directory;
  ManualClock clock;
  LineWriter lines(-1, 16);
  Log log(clock, lines, LogLevel::error, LogForm::json);
  std::vector<bool> told;
  edge::PeerFollower follower(
      {{"http://127.0.0.1:1"}, {edge::Secret("x")}, Nanos(30s), directory / "peers.json", "me"},
      {[](store::PurgeRecord) { return Status(done); }, [&](bool cut) { told.push_back(cut); },
       clock, log});
  follower.tick();
  CHECK(told == std::vector<bool>{true});
  REQUIRE(follower.rows().size() == 1);
  CHECK_FALSE(follower.rows()[0].silent.has_value());
}

TEST_CASE("a node that knows itself in the list waits for the others only", "[edge][nodes]") {
  const test::TemporaryDirectory directory;
  ManualClock clock;
  LineWriter lines(-1, 16);
  Log log(clock, lines, LogLevel::error, LogForm::json);
  directory.write("peers.json", R"({"http://127.0.0.1:1":{"node":"me","after":0}})");
  const auto follow = [&](std::vector<std::string> urls, std::vector<bool>& told) {
    edge::PeerFollower follower(
        {std::move(urls), {edge::Secret("x")}, Nanos(30s), directory / "peers.json", "me"},
        {[](store::PurgeRecord) { return Status(done); }, [&](bool cut) { told.push_back(cut); },
         clock, log});
    clock.advance(60s);
    follower.tick();
    return follower.await_contact(Nanos(0));
  };
  std::vector<bool> alone, with_another;
  CHECK(follow({"http://127.0.0.1:1"}, alone));
  CHECK(alone.empty());
  CHECK_FALSE(follow({"http://127.0.0.1:1", "http://127.0.0.1:2"}, with_another));
  CHECK(with_another == std::vector<bool>{true});
}

TEST_CASE("only the latest refreshes are told, and only those behind a position", "[edge][nodes]") {
  edge::PurgeFeed feed;
  const std::uint64_t last = limits::refreshes_told_max + 5;
  for (std::uint64_t seq = 1; seq <= last; ++seq)
    feed.note_refresh(seq, {.tags = {std::to_string(seq)}});
  CHECK(feed.refreshes_behind(0, last).size() == limits::refreshes_told_max);
  const auto latest = feed.refreshes_behind(last - 1, last);
  REQUIRE(latest.size() == 1);
  CHECK(latest[0].tags == std::vector<std::string>{std::to_string(last)});
  CHECK(feed.refreshes_behind(last, last).empty());
  // One that came while a page was put together goes with the next page.
  CHECK(feed.refreshes_behind(last - 1, last - 1).empty());
}
