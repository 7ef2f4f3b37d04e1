// Goal: what a sender signs in its own way reaches the pages, once, and everybody else is refused.

#include "server.h"

#include "base/bytes.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "edge/hook_senders.h"
#include "text/json.h"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace weir;
using flow::get;
using flow::post;

namespace {

constexpr std::string_view github_secret = "It's a Secret to Everybody";

std::string hooks(const test::TemporaryDirectory& directory) {
  directory.write("secrets/github", github_secret);
  directory.write("secrets/shop", "shop-secret");
  directory.write("secrets/lab", "lab-token");
  return R"(
[hook.repo]
sender = "github"
secret = { file = "secrets/github" }
always = ["tag:gauge"]
[hook.shop]
sender = "hmac"
secret = { file = "secrets/shop" }
signature = { header = "X-Shop-Hmac-Sha256", encoding = "base64", id = "X-Shop-Id" }
map = { "handle" = "path:/blog/{}/" }
rate = "3/m"
[hook.lab]
sender = "gitlab"
secret = { file = "secrets/lab" }
legacy = true
always = ["prefix:/blog/"]
)";
}

std::string github_fields(std::string_view delivery, std::string_view body,
                          std::string_view event = "push") {
  return "X-GitHub-Event: " + std::string(event) + "\r\nX-GitHub-Delivery: " +
         std::string(delivery) + "\r\nX-Hub-Signature-256: sha256=" +
         hex_of(bytes_of(hmac_of(Digest::sha256, github_secret, body))) + "\r\n";
}

std::string shop_fields(std::string_view body, std::string_view id) {
  return "X-Shop-Id: " + std::string(id) + "\r\nX-Shop-Hmac-Sha256: " +
         base64_of(bytes_of(hmac_of(Digest::sha256, "shop-secret", body))) + "\r\n";
}


}  // namespace

TEST_CASE("senders are taken in their own forms, once, and their deliveries are listed",
          "[flow][webhook]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory, hooks(directory));
  flow::Server server(directory.path());
  INFO(server.process().errors());
  REQUIRE(server.port() != 0);
  const unsigned short port = server.port();

  // GitHub: a ping, a push, the same push again, a forged one.
  const std::string push = R"({"ref":"refs/heads/main"})";
  const auto ping =
      post(port, "/_weir/revalidate/repo", "{}", github_fields("d0", "{}", "ping"));
  CHECK(ping.status == 200);
  CHECK_THAT(ping.body, Catch::Contains("\"ping\":true"));
  const auto before = get(port, "/live/").body;
  const auto first = post(port, "/_weir/revalidate/repo", push, github_fields("d1", push));
  CHECK(first.status == 200);
  CHECK_THAT(first.body, Catch::Contains("\"durable\":true"));
  CHECK(flow::eventually([&] { return get(port, "/live/").body != before; }));
  const auto again = post(port, "/_weir/revalidate/repo", push, github_fields("d1", push));
  CHECK(again.status == 200);
  CHECK_THAT(again.body, Catch::Contains("\"repeated\":true"));
  const auto forged = post(port, "/_weir/revalidate/repo", push, github_fields("d2", push + " "));
  CHECK(forged.status == 401);
  CHECK(post(port, "/_weir/revalidate/repo", push).status == 401);

  // A sender of one's own description, and its map; the fourth knock within a minute waits.
  const std::string product = R"({"handle":"one"})";
  REQUIRE(get(port, "/blog/one/").status == 200);
  CHECK(post(port, "/_weir/revalidate/shop", product, shop_fields(product, "1")).status == 200);
  CHECK(post(port, "/_weir/revalidate/shop", product, shop_fields("x", "2")).status == 401);
  CHECK(post(port, "/_weir/revalidate/shop", "{", shop_fields("{", "3")).status == 400);
  const auto limited = post(port, "/_weir/revalidate/shop", product, shop_fields(product, "4"));
  CHECK(limited.status == 429);
  CHECK_FALSE(limited.field("retry-after").empty());

  // GitLab's old form, allowed here.
  const auto lab = post(port, "/_weir/revalidate/lab", "{}",
                        "X-Gitlab-Token: lab-token\r\nIdempotency-Key: k1\r\n");
  CHECK(lab.status == 200);
  CHECK(post(port, "/_weir/revalidate/lab", "{}", "X-Gitlab-Token: lab-tokem\r\n").status == 401);

  CHECK(get(port, "/_weir/deliveries").status == 404);
  const auto listed = get(server.admin_port(), "/_weir/deliveries");
  CHECK(listed.status == 200);
  const auto parsed = text::parse_json(listed.body);
  REQUIRE(parsed.ok());
  std::vector<std::string> outcomes;
  for (const text::Value& row : *parsed->find("deliveries")->array())
    outcomes.push_back(*row.find("hook")->string() + " " + *row.find("outcome")->string());
  std::vector<std::string> oldest_first(outcomes.rbegin(), outcomes.rend());
  REQUIRE(oldest_first.size() == 11);
  std::sort(oldest_first.begin(), oldest_first.end());
  std::vector<std::string> wanted{"lab purged",           "lab wrong-signature",
                                  "repo ping",            "repo purged",
                                  "repo repeated",        "repo unsigned",
                                  "repo wrong-signature", "shop purged",
                                  "shop rate-limited",    "shop wrong-signature"};
  for (const std::string& one : wanted) CHECK_THAT(oldest_first, Catch::VectorContains(one));
  const auto of_shop = get(server.admin_port(), "/_weir/deliveries?hook=shop&limit=1");
  CHECK_THAT(of_shop.body, Catch::Contains("rate-limited") && !Catch::Contains("\"hook\":\"lab\""));
}

TEST_CASE("a delivery that was answered is known again after a kill", "[flow][webhook]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory, hooks(directory));
  const std::string push = R"({"ref":"refs/heads/main"})";
  std::string seq;
  {
    flow::Server server(directory.path());
    REQUIRE(server.port() != 0);
    const auto first =
        post(server.port(), "/_weir/revalidate/repo", push, github_fields("d1", push));
    REQUIRE(first.status == 200);
    seq = first.body.substr(0, first.body.find(','));
    server.kill();
  }
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  const auto again = post(server.port(), "/_weir/revalidate/repo", push, github_fields("d1", push));
  CHECK(again.status == 200);
  CHECK_THAT(again.body, Catch::StartsWith(seq) && Catch::Contains("\"repeated\":true"));
}
