// Goal: a delivery is taken when its sender signed it in the sender's own way, and from nobody else.
// Method: literal vectors (the senders' documentation and libraries), then every byte that is signed
// is changed in turn; and, where node and the senders' own libraries are installed, vectors that
// those make now.

#include "edge/hook_senders.h"

#include "base/bytes.h"
#include "base/crypto.h"
#include "base/signature.h"
#include "support.h"

#include <catch2/catch.hpp>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <functional>

using namespace weir;
using namespace std::chrono_literals;
using edge::WebhookVerdict;

namespace {

// One delivery as it arrives; owns its bytes.
struct Delivery {
  std::string sender;
  std::string secret;
  std::int64_t sent_ms = 0;
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;
  std::string path = "/_weir/revalidate/cms";
  std::string query = {};
  edge::HookSigning signing = {};
  bool legacy = false;
};

edge::Verified verify(const Delivery& delivery, Nanos later = Nanos(0)) {
  edge::HookSettings hook;
  hook.name = "cms";
  hook.sender = delivery.sender;
  hook.signing = delivery.signing;
  hook.legacy = delivery.legacy;
  hook.secrets = {edge::Secret("another secret"), edge::Secret(delivery.secret)};
  std::vector<http::Field> fields;
  for (const auto& [name, value] : delivery.fields) fields.push_back({name, value});
  const Wall now{delivery.sent_ms * 1'000'000 + later.count()};
  return edge::verify_webhook(
      hook, {"POST", delivery.path, delivery.query, fields, delivery.body}, now);
}

WebhookVerdict verdict(const Delivery& delivery, Nanos later = Nanos(0)) {
  return verify(delivery, later).verdict;
}

edge::HookSigning slack_signing() {
  edge::HookSigning signing;
  signing.header = "x-slack-signature";
  signing.prefix = "v0=";
  signing.signed_text = "v0:{timestamp}:{body}";
  signing.timestamp_header = "x-slack-request-timestamp";
  return signing;
}

// From documentation and libraries of the senders:
//   standard    the vector of the Standard Webhooks libraries
//   github      "Validating webhook deliveries", section "Testing the webhook payload validation"
//   sanity      webhook-toolkit, test/signature.test.ts
//   contentful  made with @contentful/node-apps-toolkit 3.16.1, signRequest
//   stripe      made with stripe 23.1.0, generateTestHeaderString
//   hmac        "Verifying requests from Slack", the example of the page
const std::vector<Delivery>& vectors() {
  static const std::vector<Delivery> all{
      {"standard",
       "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
       1'614'265'330'000,
       {{"webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"},
        {"webhook-timestamp", "1614265330"},
        {"webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}},
       R"({"test": 2432232314})"},
      {"svix",
       "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
       1'614'265'330'000,
       {{"svix-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"},
        {"svix-timestamp", "1614265330"},
        {"svix-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}},
       R"({"test": 2432232314})"},
      {"gitlab",
       "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
       1'614'265'330'000,
       {{"webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"},
        {"webhook-timestamp", "1614265330"},
        {"x-gitlab-event", "Push Hook"},
        {"webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}},
       R"({"test": 2432232314})"},
      {"github",
       "It's a Secret to Everybody",
       0,
       {{"x-github-event", "push"},
        {"x-github-delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958"},
        {"x-hub-signature-256",
         "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}},
       "Hello, World!"},
      {"sanity",
       "test",
       1'633'519'811'129,
       {{"sanity-webhook-signature",
         "t=1633519811129,v1=tLa470fx7qkLLEcMOcEUFuBbRSkGujyskxrNXcoh0N0"}},
       R"({"_id":"resume"})"},
      {"contentful",
       std::string(64, 'a'),
       1'700'000'000'000,
       {{"content-type", "application/vnd.contentful.management.v1+json"},
        {"x-contentful-topic", "ContentManagement.Entry.publish"},
        {"x-contentful-signature",
         "86a70ceedefa7b94978db882bd691f3b48e98d30684797e3fce154d2d053f22d"},
        {"x-contentful-signed-headers",
         "content-type,x-contentful-signed-headers,x-contentful-timestamp,x-contentful-topic"},
        {"x-contentful-timestamp", "1700000000000"}},
       R"({"sys":{"id":"hello"}})",
       "/_weir/revalidate/cms",
       "x=1"},
      {"stripe",
       "whsec_test",
       1'700'000'000'000,
       {{"stripe-signature",
         "t=1700000000,v1=35495024f4ef3f94e5a93e22221544c4b75e9a42300cd965ab81cb85cd994e91,v0=00"}},
       "{}"},
      {"hmac",
       "8f742231b10e8888abcd99yyyzzz85a5",
       1'531'420'618'000,
       {{"x-slack-request-timestamp", "1531420618"},
        {"x-slack-signature",
         "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"}},
       "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id="
       "G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-"
       "collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%"
       "2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121."
       "803a0bc887a14d10d2c447fce8b6703c",
       "/_weir/revalidate/cms",
       "",
       slack_signing()},
  };
  return all;
}

}  // namespace

TEST_CASE("each sender's documented delivery is good", "[edge][webhook]") {
  for (const Delivery& delivery : vectors()) {
    INFO(delivery.sender);
    const auto verified = verify(delivery);
    CHECK(verified.verdict == WebhookVerdict::good);
    CHECK_FALSE(verified.id.empty());
  }
}

TEST_CASE("a delivery that was changed in one byte is nobody's", "[edge][webhook]") {
  for (const Delivery& good : vectors()) {
    INFO(good.sender);
    for (std::size_t at = 0; at < good.body.size(); ++at) {
      Delivery bad = good;
      bad.body[at] = static_cast<char>(bad.body[at] ^ 1);
      if (verdict(bad) != WebhookVerdict::wrong_signature) FAIL("byte " << at << " of the body");
    }
    Delivery longer = good;
    longer.body += ' ';
    CHECK(verdict(longer) == WebhookVerdict::wrong_signature);
    Delivery other_key = good;
    other_key.secret += 'x';
    if (other_key.sender == "standard" || other_key.sender == "svix" || other_key.sender == "gitlab")
      other_key.secret = "whsec_" + base64_of(bytes_of(std::string(24, 'k')));
    CHECK(verdict(other_key) == WebhookVerdict::wrong_signature);
  }
}

TEST_CASE("a changed, missing or repeated field of a signature is refused", "[edge][webhook]") {
  for (const Delivery& good : vectors()) {
    for (std::size_t at = 0; at < good.fields.size(); ++at) {
      const std::string& name = good.fields[at].first;
      const bool unsigned_field = name == "x-github-event" || name == "x-github-delivery" ||
                                  name == "x-gitlab-event";
      if (unsigned_field) continue;
      INFO(good.sender << " " << name);
      Delivery without = good;
      without.fields.erase(without.fields.begin() + static_cast<std::ptrdiff_t>(at));
      CHECK(verdict(without) != WebhookVerdict::good);
      Delivery twice = good;
      twice.fields.push_back(good.fields[at]);
      CHECK(verdict(twice) != WebhookVerdict::good);
      Delivery changed = good;
      std::string& value = changed.fields[at].second;
      value.back() = value.back() == '0' ? '1' : '0';
      if (good.sender == "stripe") value = "t=1700000001" + value.substr(12);
      CHECK(verdict(changed) != WebhookVerdict::good);
    }
  }
}

TEST_CASE("who signs a time is refused outside the window, and never before the signature is right",
          "[edge][webhook]") {
  for (const Delivery& good : vectors()) {
    if (good.sender == "github") continue;  // it tells no time; duplicates are known by their id
    INFO(good.sender);
    for (const Nanos skew : {Nanos(299s), Nanos(-299s)})
      CHECK(verdict(good, skew) == WebhookVerdict::good);
    for (const Nanos skew : {Nanos(301s), Nanos(-301s)})
      CHECK(verdict(good, skew) == WebhookVerdict::stale);
    Delivery forged = good;
    forged.body += '!';
    CHECK(verdict(forged, Nanos(1h)) == WebhookVerdict::wrong_signature);
  }
}

TEST_CASE("a signature is no other sender's", "[edge][webhook]") {
  for (const Delivery& good : vectors()) {
    for (const std::string sender : {"standard", "github", "sanity", "contentful", "stripe"}) {
      const bool related = sender == "standard" && (good.sender == "svix" || good.sender == "gitlab");
      if (sender == good.sender || related) continue;
      Delivery other = good;
      other.sender = sender;
      INFO(good.sender << " as " << sender);
      CHECK(verdict(other) != WebhookVerdict::good);
    }
  }
}

TEST_CASE("Contentful's signature covers method, path, query and the headers that it names",
          "[edge][webhook]") {
  for (const Delivery& good : vectors()) {
    if (good.sender != "contentful") continue;
    Delivery moved = good;
    moved.path = "/_weir/revalidate/other";
    CHECK(verdict(moved) == WebhookVerdict::wrong_signature);
    Delivery asked = good;
    asked.query = "x=2";
    CHECK(verdict(asked) == WebhookVerdict::wrong_signature);
    Delivery shorter = good;  // a header less in the list would be a header less that is signed
    shorter.fields[3].second = "x-contentful-signed-headers,x-contentful-timestamp";
    CHECK(verdict(shorter) == WebhookVerdict::wrong_signature);
    Delivery more = good;  // what is not signed may come and go
    more.fields.emplace_back("user-agent", "anything");
    CHECK(verdict(more) == WebhookVerdict::good);
  }
}

TEST_CASE("GitLab's plain token is taken only where the operator allows it", "[edge][webhook]") {
  Delivery old;
  old.sender = "gitlab";
  old.secret = "plain text";
  old.fields = {{"x-gitlab-token", "plain text"}, {"idempotency-key", "f5e5f430"}};
  old.body = "{}";
  CHECK(verdict(old) == WebhookVerdict::unsigned_);
  old.legacy = true;
  CHECK(verify(old).verdict == WebhookVerdict::good);
  CHECK(verify(old).id == "f5e5f430");
  old.fields[0].second = "plain texT";
  CHECK(verdict(old) == WebhookVerdict::wrong_signature);
  // Who sends both forms is held to the signature.
  old.fields[0].second = "plain text";
  old.fields.emplace_back("webhook-signature", "v1,AAAA");
  old.fields.emplace_back("webhook-id", "m");
  old.fields.emplace_back("webhook-timestamp", "0");
  CHECK(verdict(old) == WebhookVerdict::wrong_signature);
}

TEST_CASE("a public key may stand for the sender of Standard Webhooks", "[edge][webhook]") {
  const auto key = SignatureKey::generate(KeyKind::ed25519);
  REQUIRE(key.ok());
  std::string point;
  for (const auto& number : key->numbers(SignatureKey::Part::public_only))
    if (number.name == "x") point = number.bytes;
  Delivery delivery;
  delivery.sender = "standard";
  delivery.secret = "whpk_" + base64_of(bytes_of(point));
  delivery.sent_ms = 1'700'000'000'000;
  delivery.body = R"({"type":"x"})";
  const std::string text = "msg_1.1700000000." + delivery.body;
  const auto signature = key->sign(SignatureAlgorithm::eddsa, text);
  REQUIRE(signature.ok());
  delivery.fields = {{"webhook-id", "msg_1"},
                     {"webhook-timestamp", "1700000000"},
                     {"webhook-signature", "v1a," + base64_of(bytes_of(*signature))}};
  CHECK(verdict(delivery) == WebhookVerdict::good);
  delivery.body += ' ';
  CHECK(verdict(delivery) == WebhookVerdict::wrong_signature);
  // The public key is known to everybody: as the key of an HMAC it proves nothing.
  const std::string forged = "msg_1.1700000000." + delivery.body;
  delivery.fields[2].second =
      "v1," + base64_of(bytes_of(hmac_of(Digest::sha256, delivery.secret, forged)));
  CHECK(verdict(delivery) == WebhookVerdict::wrong_signature);
}

TEST_CASE("a template that signs no body, or a time that it does not cover, is not configured",
          "[edge][webhook]") {
  const auto check = [](std::string_view text, std::string_view time) {
    edge::HookSigning signing;
    signing.signed_text = text;
    signing.timestamp_header = time;
    return edge::check_signing(signing).ok();
  };
  CHECK(check("{body}", ""));
  CHECK(check("{method}\n{path}\n{header:X-A}\n{id}.{timestamp}.{body}", "x-time"));
  CHECK_FALSE(check("{timestamp}", "x-time"));
  CHECK_FALSE(check("{body}", "x-time"));
  CHECK_FALSE(check("{timestamp}.{body}", ""));
  CHECK_FALSE(check("{body}{bodies}", ""));
  CHECK_FALSE(check("{body", ""));
}

namespace {

// What one line of node prints; empty when node, or a package it needs, is not there.
std::string node_says(const std::string& folder, const std::string& program) {
  const std::string command = "cd '" + folder + "' && node --input-type=module -e \"" + program +
                              "\" 2>/dev/null";
  FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return {};
  std::string out;
  std::array<char, 4096> room{};
  while (const std::size_t got = std::fread(room.data(), 1, room.size(), pipe))
    out.append(room.data(), got);
  if (::pclose(pipe) != 0) return {};
  while (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

}  // namespace

// WEIR_WEBHOOK_MODULES is a folder with node_modules of: standardwebhooks svix @sanity/webhook
// @octokit/webhooks-methods @contentful/node-apps-toolkit stripe.
TEST_CASE("what the senders' own libraries sign now is good", "[edge][webhook]") {
  const char* const folder = std::getenv("WEIR_WEBHOOK_MODULES");
  if (folder == nullptr) return test::skip("WEIR_WEBHOOK_MODULES is not set");
  struct Library {
    std::string sender, secret, program;
    std::function<void(Delivery&, const std::string&)> take;
  };
  const auto header = [](std::string name) {
    return [name](Delivery& delivery, const std::string& said) {
      delivery.fields.emplace_back(name, said);
    };
  };
  const std::string bodies[] = {"{}", R"({'a':'grün','n':[1,2,3]})", std::string(70'000, 'x')};
  const auto standard = [](std::string_view names) {
    return [names](Delivery& delivery, const std::string& said) {
      delivery.fields = {{std::string(names) + "-id", "msg_1"},
                         {std::string(names) + "-timestamp", "1700000000"},
                         {std::string(names) + "-signature", said}};
    };
  };
  const std::string whsec = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  const std::string hex64(64, '7');
  const Library libraries[] = {
      {"standard", whsec,
       "import {Webhook} from 'standardwebhooks'; console.log(new Webhook('" + whsec +
           "').sign('msg_1', new Date(1700000000000), BODY))",
       standard("webhook")},
      {"svix", whsec,
       "import {Webhook} from 'svix'; console.log(new Webhook('" + whsec +
           "').sign('msg_1', new Date(1700000000000), BODY))",
       standard("svix")},
      {"sanity", "s3",
       "import {encodeSignatureHeader} from '@sanity/webhook'; console.log(await "
       "encodeSignatureHeader(BODY, 1700000000000, 's3'))",
       header("sanity-webhook-signature")},
      {"github", "s4",
       "import {sign} from '@octokit/webhooks-methods'; console.log(await sign('s4', BODY))",
       header("x-hub-signature-256")},
      {"stripe", "whsec_5",
       "import Stripe from 'stripe'; console.log(new "
       "Stripe('sk_test_x').webhooks.generateTestHeaderString({payload: BODY, secret: 'whsec_5', "
       "timestamp: 1700000000}))",
       header("stripe-signature")},
      {"contentful", hex64,
       "import {signRequest} from '@contentful/node-apps-toolkit'; const all = signRequest('" +
           hex64 +
           "', {method: 'POST', path: '/_weir/revalidate/cms', headers: {'X-B': ' two ', 'X-A': "
           "'one'}, body: BODY}, 1700000000000); console.log(all['x-contentful-signature'] + '|' + "
           "all['x-contentful-signed-headers'])",
       [](Delivery& delivery, const std::string& said) {
         delivery.fields = {{"x-a", "one"},
                            {"x-b", "two"},
                            {"x-contentful-timestamp", "1700000000000"},
                            {"x-contentful-signature", said.substr(0, said.find('|'))},
                            {"x-contentful-signed-headers", said.substr(said.find('|') + 1)}};
       }},
  };
  for (const Library& library : libraries) {
    for (const std::string& body : bodies) {
      std::string program = library.program;
      const std::string literal = body.size() > 1'000 ? "'x'.repeat(70000)" : '`' + body + '`';
      program.replace(program.find("BODY"), 4, literal);
      // The shell's double quotes leave only these two alone.
      std::string escaped;
      for (const char c : program) {
        if (c == '`' || c == '$' || c == '"') escaped += '\\';
        escaped += c;
      }
      const std::string said = node_says(folder, escaped);
      if (said.empty()) {
        test::skip("node or the library for " + library.sender + " is not in WEIR_WEBHOOK_MODULES");
        break;
      }
      Delivery delivery;
      delivery.sender = library.sender;
      delivery.secret = library.secret;
      delivery.sent_ms = 1'700'000'000'000;
      delivery.body = body;
      library.take(delivery, said);
      INFO(library.sender << ": " << said);
      CHECK(verdict(delivery) == WebhookVerdict::good);
      delivery.body += ' ';
      CHECK(verdict(delivery) == WebhookVerdict::wrong_signature);
    }
  }
}
