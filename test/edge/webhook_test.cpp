#include "edge/webhook.h"

#include "base/bytes.h"

#include <catch2/catch.hpp>

using namespace weir;
using namespace std::chrono_literals;
using edge::WebhookVerdict;

namespace {

// The vector of the Standard Webhooks reference libraries.
constexpr std::string_view id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
constexpr std::string_view timestamp = "1614265330";
constexpr std::string_view body = R"({"test": 2432232314})";
const edge::Secret secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
constexpr Wall sent{1'614'265'330'000'000'000};

WebhookVerdict verify(std::string_view signatures, std::string_view text = body, Wall now = sent,
                      std::string_view time = timestamp) {
  const std::vector<edge::Secret> secrets{secret};
  return edge::verify_webhook({id, time, signatures}, text, secrets, now, 5min);
}

}  // namespace

TEST_CASE("the signature is that of the Standard Webhooks libraries", "[edge]") {
  CHECK(edge::webhook_signature_of(id, timestamp, body, secret) ==
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  CHECK(verify("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=") == WebhookVerdict::good);
  CHECK(verify("v1a,xyz v1,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=") ==
        WebhookVerdict::good);
}

TEST_CASE("a webhook that was changed, is old, or was signed by somebody else is refused",
          "[edge]") {
  const std::string good = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
  CHECK(verify("") == WebhookVerdict::unsigned_);
  CHECK(verify("v1,AAAA") == WebhookVerdict::wrong_signature);
  CHECK(verify("v1a," + good.substr(3)) == WebhookVerdict::wrong_signature);
  CHECK(verify(good, R"({"test":2432232314})") == WebhookVerdict::wrong_signature);
  CHECK(verify(good, body, sent, "1614265331") == WebhookVerdict::wrong_signature);
  CHECK(verify(good, body, sent, "-1") == WebhookVerdict::malformed);
  CHECK(verify(good, body, sent, "soon") == WebhookVerdict::malformed);
  for (const Nanos skew : {Nanos(299s), Nanos(-299s)})
    CHECK(verify(good, body, sent + skew) == WebhookVerdict::good);
  for (const Nanos skew : {Nanos(301s), Nanos(-301s)})
    CHECK(verify(good, body, sent + skew) == WebhookVerdict::stale);
}

TEST_CASE("while secrets rotate, each of them is good", "[edge]") {
  const std::vector<edge::Secret> secrets{edge::Secret("a raw text secret"), secret};
  const std::string by_text = edge::webhook_signature_of(id, timestamp, body, secrets[0]);
  CHECK(edge::verify_webhook({id, timestamp, by_text}, body, secrets, sent, 5min) ==
        WebhookVerdict::good);
  CHECK(
      edge::verify_webhook({id, timestamp, edge::webhook_signature_of(id, timestamp, body, secret)},
                           body, secrets, sent, 5min) == WebhookVerdict::good);
}

TEST_CASE("a CMS's payload becomes paths and tags through the hook's map", "[edge]") {
  edge::HookSettings hook;
  hook.map = {{"data.slug", "path:/blog/{}/"},
              {"data.collection", "tag:{}"},
              {"tags", "tag:term:tags/{}"},
              {"none", "tag:x"}};
  const auto purge =
      edge::map_payload(R"({"data":{"slug":"hello","collection":"posts"},"tags":["a","b"]})", hook);
  REQUIRE(purge.ok());
  CHECK(purge->paths == std::vector<std::string>{"/blog/hello/"});
  CHECK(purge->tags == std::vector<std::string>{"posts", "term:tags/a", "term:tags/b"});
  CHECK(purge->mode == cache::Mode::refresh);
}
