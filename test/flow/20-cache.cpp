// Goal: pages are fresh when they must be, nobody waits for a refresh, and a purge that was
// acknowledged stays done.

#include "server.h"

#include "base/bytes.h"
#include "base/clock.h"
#include "edge/hook_senders.h"
#include "text/json.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <csignal>
#include <thread>

using namespace weir;
using flow::Connection;
using flow::get;
using flow::post;

namespace {

constexpr std::string_view secret_text = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

std::string with_secret(const test::TemporaryDirectory& directory) {
  directory.write("secrets/hook", std::string(secret_text) + "\n");
  return "[cache]\nwebhook = { secret = { file = \"secrets/hook\" } }\n\n[hook.cms]\nsecret = { "
         "file = \"secrets/hook\" }\n"
         "map = { \"data.slug\" = \"path:/blog/{}/\" }\n";
}

std::string signed_fields(std::string_view id, std::string_view body, std::int64_t shift = 0) {
  const std::string time = std::to_string(SystemClock().wall().seconds() + shift);
  return "webhook-id: " + std::string(id) + "\r\nwebhook-timestamp: " + time +
         "\r\nwebhook-signature: " +
         edge::webhook_signature_of(id, time, body, edge::Secret(std::string(secret_text))) +
         "\r\n";
}

std::int64_t number_in(const flow::Answer& answer, std::string_view name) {
  const auto body = text::parse_json(answer.body);
  const text::Value* found = body.ok() ? body->find(name) : nullptr;
  return found == nullptr || found->integer() == nullptr ? -1 : *found->integer();
}

}  // namespace

TEST_CASE("an expired page is answered at once, refreshed once, and then fresh", "[flow][cache]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory);
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  const auto first = get(server.port(), "/live/");
  REQUIRE(first.status == 200);
  CHECK(flow::eventually([&] { return get(server.port(), "/live/").body != first.body; }, 8));
  // Some hit in between was stale: it was served, and the refresh ran behind it.
  const auto entry = get(server.admin_port(), "/_weir/entry?url=/live/");
  CHECK(entry.status == 200);
  CHECK(number_in(entry, "generation") > 0);
}

TEST_CASE("a stale page says so, and its age is told", "[flow][cache]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory);
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  REQUIRE(get(server.port(), "/blog/one/").status == 200);
  REQUIRE(get(server.port(), "/blog/one/").field("cache-status").find("weir; hit") == 0);
  const auto purged = post(server.admin_port(), "/_weir/purge", R"({"paths":["/blog/one/"]})");
  REQUIRE(purged.status == 200);
  const auto stale = get(server.port(), "/blog/one/");
  CHECK(stale.status == 200);
  CHECK_THAT(stale.field("cache-status"), Catch::Contains("fwd=stale"));
  CHECK(flow::eventually([&] {
    return get(server.port(), "/blog/one/").field("cache-status").find("weir; hit") == 0;
  }));
}

TEST_CASE("purges are signed in public, unsigned for the admin, and 404 without a secret",
          "[flow][cache]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory);
  {
    flow::Server server(directory.path());
    REQUIRE(server.port() != 0);
    CHECK(post(server.port(), "/_weir/purge", R"({"all":true})").status == 404);
    CHECK(post(server.admin_port(), "/_weir/purge", R"({"all":true})").status == 200);
  }
  flow::write_site(directory, with_secret(directory));
  flow::Server server(directory.path());
  INFO(server.process().errors());
  REQUIRE(server.port() != 0);
  const std::string body = R"({"tags":["gauge"],"mode":"refresh"})";
  CHECK(post(server.port(), "/_weir/purge", body).status == 401);
  CHECK(post(server.port(), "/_weir/purge", body, signed_fields("m1", "other body")).status == 401);
  CHECK(post(server.port(), "/_weir/purge", body, signed_fields("m1", body, -400)).status == 401);
  CHECK(post(server.port(), "/_weir/purge", body, signed_fields("m1", body, 400)).status == 401);
  const auto good = post(server.port(), "/_weir/purge", body, signed_fields("m1", body));
  CHECK(good.status == 200);
  CHECK(number_in(good, "seq") > 0);
  CHECK_THAT(good.body, Catch::Contains("\"durable\":true"));
  const auto replayed = post(server.port(), "/_weir/purge", body, signed_fields("m1", body));
  CHECK(replayed.status == 200);
  CHECK(number_in(replayed, "seq") == number_in(good, "seq"));
  CHECK_THAT(replayed.body, Catch::Contains("\"repeated\":true"));

  const std::string payload = R"({"type":"entry.published","data":{"slug":"one"}})";
  CHECK(
      post(server.port(), "/_weir/revalidate/cms", payload, signed_fields("m2", payload)).status ==
      200);
  CHECK(post(server.port(), "/_weir/revalidate/nobody", payload, signed_fields("m3", payload))
            .status == 404);
  const std::string misspelt = R"({"tag":["gauge"]})";
  const auto refused = post(server.port(), "/_weir/purge", misspelt, signed_fields("m4", misspelt));
  CHECK(refused.status == 400);
  CHECK_THAT(refused.body, Catch::Contains("unknown member"));
  const std::string large = "{\"x\":\"" + std::string(1'100'000, 'a') + "\"}";
  CHECK(post(server.port(), "/_weir/purge", large, signed_fields("m5", large)).status == 413);
}

TEST_CASE("wait=fresh answers when the new page is live, and no client pays for it",
          "[flow][cache]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory);
  directory.write("content/live.md",
                  "+++\ntitle = \"Live\"\ntemplate = \"live.html\"\n[extra.cache]\nttl = "
                  "\"1h\"\ntags = [\"gauge\"]\n+++\nLive.\n");
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  const auto before = get(server.port(), "/live/");
  const auto told =
      post(server.admin_port(), "/_weir/revalidate", R"({"tags":["gauge"],"wait":"fresh"})");
  CHECK(told.status == 200);
  CHECK(number_in(told, "refreshed") == 1);
  CHECK(number_in(told, "failed") == 0);
  const auto after = get(server.port(), "/live/");
  CHECK(after.body != before.body);
  CHECK_THAT(after.field("cache-status"), Catch::StartsWith("weir; hit"));
}

TEST_CASE("the commands purge and revalidate find the running server by its store",
          "[flow][cache]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory);
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  const auto before = get(server.port(), "/live/").body;
  const auto ran =
      flow::run({"--root", directory.path(), "revalidate", "--tag", "gauge", "--wait", "fresh"});
  INFO(ran.err);
  CHECK(ran.code == 0);
  CHECK(get(server.port(), "/live/").body != before);
  CHECK(flow::run({"--root", directory.path(), "purge", "--all", "--json"}).out.find("\"seq\":") !=
        std::string::npos);
  CHECK(flow::run({"--root", directory.path(), "purge"}).code == 2);
  CHECK(server.stop() == 0);
  CHECK(flow::run({"--root", directory.path(), "purge", "--all"}).code == 5);
}

TEST_CASE("explain says which route, which file, why a page is stale, and what comes next",
          "[flow][cache]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory);
  const auto explain = [&](const std::string& url) {
    return flow::run({"--root", directory.path(), "explain", url});
  };
  {
    flow::Server server(directory.path());
    REQUIRE(server.port() != 0);
    const auto cold = explain("/blog/one/");
    INFO(cold.out << cold.err);
    CHECK(cold.code == 0);
    CHECK_THAT(cold.out, Catch::Contains("(site)") && Catch::Contains("on disk") &&
                             Catch::Contains("file      content/blog/one.md\n") &&
                             Catch::Contains("entry     fresh\n") && Catch::Contains("limit"));
    REQUIRE(get(server.port(), "/blog/one/").status == 200);
    const auto purged = post(server.admin_port(), "/_weir/purge", R"({"paths":["/blog/one/"]})");
    const auto stale = explain("http://localhost/blog/one/");
    CHECK_THAT(stale.out,
               Catch::Contains("stale: path at " + std::to_string(number_in(purged, "seq"))) &&
                   Catch::Contains("in memory") &&
                   Catch::Contains("next      the stale copy at once; the hit starts one render"));
    CHECK_THAT(explain("/blog/one").out, Catch::Contains("next      301 to /blog/one/"));
    CHECK_THAT(explain("/nowhere").out, Catch::Contains("404: the release has no such path"));
    CHECK_THAT(explain("/_weir/healthz").out,
               Catch::Contains("(control)") && Catch::Contains("answered anew each time"));
    const auto json = flow::run({"--root", directory.path(), "explain", "/blog/one/", "--json"});
    CHECK(text::parse_json(json.out).ok());
    CHECK(explain("no-path").code == 5);
  }
  // It was killed: until the kernel has taken its socket away, a client may still be let in.
  REQUIRE(flow::eventually([&] {
    return explain("/blog/one/").err.find("no server is running on") != std::string::npos;
  }));
  const auto gone = explain("/blog/one/");
  CHECK(gone.code == 5);
  CHECK_THAT(gone.err, Catch::Contains("no server is running on") && Catch::Contains("weir serve"));
}

TEST_CASE("a build beside a running server is live before it ends", "[flow][cache]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory);
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  REQUIRE_THAT(get(server.port(), "/blog/one/").body, Catch::Contains("The first post."));
  directory.write("content/blog/one.md",
                  "+++\ntitle = \"One\"\ndate = 2026-01-01\n+++\nIt was written anew.\n");
  const auto built = flow::run({"--root", directory.path(), "build", "--no-export"});
  INFO(built.err);
  REQUIRE(built.code == 0);
  CHECK_THAT(get(server.port(), "/blog/one/").body, Catch::Contains("It was written anew."));
}

TEST_CASE("a broken build changes nothing: the last release stays active and the last files stay",
          "[flow][cache]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory);
  REQUIRE(flow::run({"--root", directory.path(), "build"}).code == 0);
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  directory.write("content/blog/one.md", "+++\ntitle = \"One\ndate = 2026-01-01\n+++\nBroken.\n");
  directory.write("content/blog/three.md",
                  "+++\ntitle = \"Three\"\n+++\n[away](@/blog/nowhere.md)\n");
  const auto built = flow::run({"--root", directory.path(), "build"});
  CHECK(built.code == 1);
  CHECK_THAT(built.err, Catch::Contains("content/blog/one.md:2:") && Catch::Contains("^"));
  CHECK_THAT(get(server.port(), "/blog/one/").body, Catch::Contains("The first post."));
  CHECK(get(server.port(), "/blog/three/").status == 404);
  const auto exported = flow::run({"--root", directory.path(), "check"});
  CHECK(exported.code == 1);
}

TEST_CASE("an acknowledged purge survives kill -9, at any moment", "[flow][cache]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory);
  REQUIRE(flow::run({"--root", directory.path(), "build", "--no-export"}).code == 0);
  const std::size_t kills = test::rounds(3, 200);
  std::int64_t last_seq = 0;
  for (std::size_t round = 0; round < kills; ++round) {
    flow::Server server(directory.path());
    INFO(server.process().errors());
    REQUIRE(server.port() != 0);
    if (last_seq > 0)
      CHECK(get(server.admin_port(), "/_weir/purge/" + std::to_string(last_seq)).status == 200);
    for (const std::string_view path : {"/", "/blog/one/", "/blog/two/", "/live/"}) {
      const auto page = get(server.port(), path);
      CHECK(page.status == 200);
      CHECK_THAT(page.body, Catch::Contains("<"));
    }
    std::atomic<bool> may_end{round == 0};  // the others when something was acknowledged
    std::thread killer([&server, &may_end, round] {
      while (!may_end) flow::pause_20ms();
      ::usleep(static_cast<useconds_t>(1'000 * (round * 7 % 40)));
      server.process().signal(SIGKILL);
    });
    for (int purge = 0; purge < 50; ++purge) {
      const auto told =
          post(server.admin_port(), "/_weir/purge", R"({"tags":["gauge"],"mode":"refresh"})");
      if (told.status != 200) break;
      last_seq = number_in(told, "seq");
      may_end = true;
    }
    may_end = true;
    killer.join();
    server.process().wait();
  }
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  REQUIRE(last_seq > 0);
  CHECK(get(server.admin_port(), "/_weir/purge/" + std::to_string(last_seq)).status == 200);
}

TEST_CASE("kill -9 in a build leaves the last release, whole", "[flow][cache]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory);
  for (int page = 0; page < 60; ++page) {
    directory.write(
        "content/blog/p" + std::to_string(page) + ".md",
        "+++\ntitle = \"P\"\ndate = 2025-01-01\n+++\nText of page " + std::to_string(page) + ".\n");
  }
  REQUIRE(flow::run({"--root", directory.path(), "build", "--no-export"}).code == 0);
  const std::size_t kills = test::rounds(4, 100);
  for (std::size_t round = 0; round < kills; ++round) {
    flow::Process build({"--root", directory.path(), "build", "--no-export"});
    ::usleep(static_cast<useconds_t>(1'000 + 1'700 * (round % 40)));
    build.signal(SIGKILL);
    build.wait();
    if (round % 2 == 1) continue;
    flow::Server server(directory.path(), {{"--build", "never"}, {}, false});
    INFO(server.process().errors());
    REQUIRE(server.port() != 0);
    Connection connection(server.port());
    for (int page = 0; page < 60; page += 7) {
      const auto answer = connection.get("/blog/p" + std::to_string(page) + "/");
      CHECK(answer.status == 200);
      CHECK_THAT(answer.body, Catch::Contains("Text of page " + std::to_string(page) + "."));
    }
    CHECK(server.stop() == 0);
  }
}

TEST_CASE("one store has one owner", "[flow][cache]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory);
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  const auto second = flow::run({"--root", directory.path(), "serve", "--listen", "127.0.0.1:0"});
  CHECK(second.code == 4);
  CHECK_THAT(second.err, Catch::Contains("owns the store") && Catch::Contains("--store"));
}
