// Goal: nodes with stores of their own learn from each other what was purged, also what was purged
// while they were down, and one that hears nobody does not take its copies for fresh.
// Method: real processes on ports that were free a moment before.

#include "nodes.h"

#include "base/file.h"

#include <algorithm>
#include <filesystem>

using namespace weir;
using flow::get;
using flow::Nodes;
using flow::post;

namespace {

// All nodes have the purge, as the one that was asked tells.
bool all_have(Nodes& nodes, std::size_t asked, std::size_t count, std::int64_t seq) {
  const auto told = text::parse_json(
      get(nodes.server(asked).admin_port(), "/_weir/purge/" + std::to_string(seq)).body);
  const text::Value::Array* rows = told.ok() ? told->find("nodes")->array() : nullptr;
  return rows != nullptr && rows->size() == count &&
         std::all_of(rows->begin(), rows->end(),
                     [](const text::Value& row) { return *row.find("has_it")->boolean(); });
}

}  // namespace

TEST_CASE("a purge on one node reaches the others, and it is told who has it", "[flow][nodes]") {
  Nodes nodes(3);
  for (std::size_t at = 0; at < 3; ++at) nodes.start(at);
  for (std::size_t at = 0; at < 3; ++at) {
    CHECK(get(nodes.server(at).port(), "/blog/one/").status == 200);
    CHECK(flow::eventually([&] { return nodes.why(at, "/blog/one/").empty(); }));
  }
  const std::int64_t seq = nodes.purge(0, R"({"paths":["/blog/one/"]})");
  for (const std::size_t other : {1UL, 2UL})
    CHECK(flow::eventually([&] { return nodes.why(other, "/blog/one/").starts_with("path at "); }));
  CHECK(flow::eventually([&] { return all_have(nodes, 0, 3, seq); }));
  // C-70: the metrics of the others tell how far they have followed.
  const std::string learnt =
      "\nweir_peer_purge_seq{peer=\"" + nodes.url(0) + "\"} " + std::to_string(seq) + "\n";
  const std::string heard = "\nweir_peer_lag_seconds{peer=\"" + nodes.url(0) + "\"} ";
  for (const std::size_t other : {1UL, 2UL})
    CHECK(flow::eventually([&] {
      const std::string told = get(nodes.server(other).admin_port(), "/_weir/metrics").body;
      return told.find(learnt) != std::string::npos && told.find(heard) != std::string::npos;
    }));
  // Each way to purge travels; what was learnt is not told on, so that nothing goes round for ever.
  nodes.purge(1, R"({"tags":["gauge"],"mode":"hard"})");
  nodes.purge(1, R"({"prefix":["/blog/t"]})");
  for (const std::size_t other : {0UL, 2UL}) {
    CHECK(
        flow::eventually([&] { return nodes.why(other, "/live/").starts_with("tag gauge at "); }));
    CHECK(flow::eventually(
        [&] { return nodes.why(other, "/blog/two/").starts_with("prefix /blog/t at "); }));
  }
  const auto numbers = [&](std::size_t at) {
    const auto body = get(nodes.server(at).admin_port(), "/_weir/purges?after=0&wait=0").body;
    return body.substr(body.find("\"seq\""));
  };
  const std::string before = numbers(2);
  CHECK_THAT(before, Catch::StartsWith("\"seq\":0,"));
  nodes.purge(0, R"({"all":true})");
  CHECK(flow::eventually([&] { return nodes.why(2, "/").starts_with("all at "); }));
  CHECK(numbers(2) == before);
}

TEST_CASE("a node that was down goes on where it stopped", "[flow][nodes]") {
  Nodes nodes(2);
  nodes.start(0);
  nodes.start(1);
  CHECK(get(nodes.server(1).port(), "/blog/two/").status == 200);
  const std::int64_t seq = nodes.purge(0, R"({"paths":["/blog/two/"]})");
  CHECK(flow::eventually([&] { return nodes.why(1, "/blog/two/").starts_with("path at "); }));
  // Refreshed on the second node: what it had heard already must not make it stale again.
  CHECK(get(nodes.server(1).port(), "/blog/two/").status == 200);
  CHECK(flow::eventually([&] { return nodes.why(1, "/blog/two/").empty(); }));
  CHECK(get(nodes.server(1).port(), "/blog/one/").status == 200);
  CHECK(flow::eventually([&] { return all_have(nodes, 0, 2, seq); }));
  nodes.kill(1);
  nodes.purge(0, R"({"paths":["/blog/one/"]})");
  nodes.start(1);
  CHECK(flow::eventually([&] { return nodes.why(1, "/blog/one/").starts_with("path at "); }));
  CHECK_FALSE(nodes.why(1, "/blog/two/").starts_with("path at "));
}

TEST_CASE("a node whose store was made anew takes everything, and is followed from its beginning",
          "[flow][nodes]") {
  Nodes nodes(2);
  nodes.start(0);
  nodes.start(1);
  for (int round = 0; round < 5; ++round) nodes.purge(0, R"({"tags":["gauge"]})");
  CHECK(flow::eventually([&] { return nodes.why(1, "/live/").starts_with("tag gauge at "); }));
  nodes.kill(0);
  std::filesystem::remove_all(nodes.store(0));
  nodes.start(0);
  nodes.purge(0, R"({"paths":["/blog/one/"]})");  // a smaller number than the second node has seen
  CHECK(flow::eventually([&] { return nodes.why(1, "/blog/one/").starts_with("path at "); }));
}

TEST_CASE("a node that is cut off validates what it serves, and is fresh again when it hears",
          "[flow][nodes]") {
  Nodes nodes(2, "max_lag = \"2s\"\n");
  nodes.start(0);
  nodes.start(1);
  CHECK(get(nodes.server(1).port(), "/blog/one/").status == 200);
  CHECK(flow::eventually([&] { return nodes.why(1, "/blog/one/").empty(); }));
  nodes.kill(0);
  CHECK(flow::eventually([&] { return nodes.why(1, "/blog/one/") == "cut off from other nodes"; }));
  const auto stale = get(nodes.server(1).port(), "/blog/one/");
  CHECK(stale.status == 200);
  CHECK_THAT(stale.field("cache-status"), Catch::Contains("detail=lag"));
  // Files of a release are the release's.
  CHECK(get(nodes.server(1).port(), "/robots-note.txt").status == 200);
  CHECK(nodes.why(1, "/robots-note.txt").empty());
  nodes.start(0);
  CHECK(flow::eventually([&] { return nodes.why(1, "/blog/two/").empty(); }));
}

TEST_CASE("with strict_lag a node that is cut off serves nothing unvalidated", "[flow][nodes]") {
  Nodes nodes(2, "max_lag = \"2s\"\nstrict_lag = true\n");
  nodes.start(0);
  nodes.start(1);
  const auto before = get(nodes.server(1).port(), "/live/").body;
  nodes.kill(0);
  CHECK(flow::eventually([&] { return nodes.why(1, "/live/") == "cut off from other nodes"; }));
  const auto after = get(nodes.server(1).port(), "/live/");
  CHECK(after.status == 200);
  CHECK(after.body != before);
}

TEST_CASE("who does not know the secret learns nothing and teaches nothing", "[flow][nodes]") {
  Nodes nodes(4);  // the last one has another secret
  nodes.start(0);
  nodes.start(3);
  CHECK(get(nodes.server(0).port(), "/_weir/purges?after=0&wait=0").status == 401);
  CHECK(flow::eventually([&] {
    return nodes.server(3).process().errors().find("peer-not-heard") != std::string::npos;
  }));
  nodes.purge(3, R"({"paths":["/blog/one/"]})");
  nodes.purge(0, R"({"paths":["/blog/two/"]})");
  CHECK(nodes.server(0).process().wait_for_line("peer-refused").has_value());
  CHECK_FALSE(nodes.why(0, "/blog/one/").starts_with("path at "));
  CHECK_FALSE(nodes.why(3, "/blog/two/").starts_with("path at "));
}

TEST_CASE("a refresh begins on every node at once, not with the next visitor", "[flow][nodes]") {
  Nodes nodes(2);
  nodes.start(0);
  nodes.start(1);
  const auto state = [&] {
    return get(nodes.server(1).admin_port(), "/_weir/entry?url=/live/").body;
  };
  const auto generation_of = [](const std::string& body) {
    const auto told = text::parse_json(body);
    const text::Value* found = told.ok() ? told->find("generation") : nullptr;
    return found == nullptr ? std::int64_t{-1} : *found->integer();
  };
  CHECK(get(nodes.server(1).port(), "/live/").status == 200);
  CHECK(flow::eventually([&] { return generation_of(state()) >= 0; }));
  const std::int64_t before = generation_of(state());
  nodes.purge(0, R"({"paths":["/live/"],"mode":"refresh"})");
  CHECK(flow::eventually([&] {  // nobody asks for the page meanwhile
    return generation_of(state()) > before &&
           nodes.why(1, "/live/").find("path at") == std::string::npos;
  }));
}
