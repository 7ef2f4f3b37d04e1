// Goal: what a delivery asks for is what its sender or the operator's map says, and nothing else.

#include "edge/delivery_log.h"
#include "edge/webhook.h"
#include "edge/webhook_limits.h"

#include <catch2/catch.hpp>

using namespace weir;
using namespace std::chrono_literals;

TEST_CASE("a CMS's payload becomes paths and tags through the hook's map", "[edge][webhook]") {
  edge::HookSettings hook;
  hook.map = {{"data.slug", "path:/blog/{}/"},
              {"data.collection", "tag:{}"},
              {"data.collection", "prefix:/{}/"},
              {"tags", "tag:term:tags/{}"},
              {"none", "tag:x"}};
  const auto purge =
      edge::map_payload(R"({"data":{"slug":"hello","collection":"posts"},"tags":["a","b"]})", hook);
  REQUIRE(purge.ok());
  CHECK(purge->paths == std::vector<std::string>{"/blog/hello/"});
  CHECK(purge->prefixes == std::vector<std::string>{"/posts/"});
  CHECK(purge->tags == std::vector<std::string>{"posts", "term:tags/a", "term:tags/b"});
  CHECK(purge->mode == cache::Mode::refresh);
  CHECK_FALSE(purge->all);
}

TEST_CASE("what a hook always asks for needs nothing of the payload", "[edge][webhook]") {
  edge::HookSettings hook;
  hook.always = {"tag:repo", "path:/", "all"};
  hook.mode = "soft";
  const auto purge = edge::map_payload("this is not JSON", hook);
  REQUIRE(purge.ok());
  CHECK(purge->tags == std::vector<std::string>{"repo"});
  CHECK(purge->paths == std::vector<std::string>{"/"});
  CHECK(purge->all);
  CHECK(purge->mode == cache::Mode::soft);
  hook.map = {{"a", "tag:{}"}};
  CHECK_FALSE(edge::map_payload("this is not JSON", hook).ok());
}

TEST_CASE("a payload that names nothing asks for nothing", "[edge][webhook]") {
  edge::HookSettings hook;
  hook.map = {{"data.slug", "path:/blog/{}/"}};
  const auto purge = edge::map_payload(R"({"data":{"slug":null}})", hook);
  REQUIRE(purge.ok());
  CHECK_FALSE(edge::asks_for_something(*purge));
}

TEST_CASE("the deliveries that are kept are bounded, and refusals do not wash away the good ones",
          "[edge][webhook]") {
  edge::DeliveryLog log;
  const auto add = [&log](std::int64_t second, int status, std::string hook) {
    edge::Delivery one;
    one.at = Wall{second * 1'000'000'000};
    one.status = status;
    one.hook = std::move(hook);
    log.add(std::move(one));
  };
  add(1, 200, "cms");
  for (std::int64_t at = 2; at < 5'000; ++at) add(at, 401, "shop");
  const auto all = log.newest(100'000);
  CHECK(all.size() == limits::refused_deliveries_kept + 1);
  CHECK(all.front().at.seconds() == 4'999);
  CHECK(all.back().hook == "cms");
  const std::string name = "cms";
  CHECK(log.newest(10, &name).size() == 1);
  CHECK(log.newest(3).size() == 3);
  for (std::size_t at = 0; at < limits::deliveries_kept + 10; ++at) add(10'000, 200, "cms");
  CHECK(log.newest(100'000).size() == limits::deliveries_kept + limits::refused_deliveries_kept);
}

TEST_CASE("one sender that knocks too often waits, and nobody else does", "[edge][webhook]") {
  edge::WebhookLimits limits;
  edge::HookSettings hook;
  hook.name = "cms";
  hook.rate = {3, 1min};
  const auto client = guard::parse_ip("192.0.2.1").value();
  const auto other = guard::parse_ip("192.0.2.2").value();
  const Mono start{1'000'000'000};
  for (int knock = 0; knock < 3; ++knock) CHECK(limits.take(hook, client, start) == 0);
  CHECK(limits.take(hook, client, start) > 0);
  CHECK(limits.take(hook, other, start) == 0);
  edge::HookSettings second = hook;
  second.name = "shop";
  CHECK(limits.take(second, client, start) == 0);
  CHECK(limits.take(hook, client, start + Nanos(20s)) == 0);
  CHECK(limits.take(hook, client, start + Nanos(20s)) > 0);
}
