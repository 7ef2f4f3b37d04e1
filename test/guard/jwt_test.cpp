// Goal: a token passes only when all of it is good (G-6 to G-14), and what is remembered about it
// stays true. Method: tokens minted here, one member wrong at a time; a clock that stands still
// until told.

#include "support.h"

#include "base/bytes.h"
#include "base/crypto.h"
#include "guard/jwt.h"
#include "text/json.h"

#include <catch2/catch.hpp>

#include <random>

using namespace weir;
using namespace weir::guard;

namespace {

constexpr std::int64_t start_s = 1'700'000'000;
constexpr std::int64_t second = 1'000'000'000;

Jwk new_key(KeyKind kind, std::string kid, std::optional<SignatureAlgorithm> algorithm = {}) {
  auto key = SignatureKey::generate(kind);
  REQUIRE(key.ok());
  return {std::move(kid), algorithm, std::move(*key)};
}

std::shared_ptr<const Jwks> set_of(const Jwk& key) {
  auto parsed =
      Jwks::parse(std::string_view(jwk_json_of(key, key.key.kind() == KeyKind::secret
                                                        ? SignatureKey::Part::with_private
                                                        : SignatureKey::Part::public_only)),
                  KeyOrigin::local);
  REQUIRE(parsed.ok());
  REQUIRE(parsed->set->keys().size() == 1);
  return parsed->set;
}

text::Value json(std::string_view text) {
  auto value = text::parse_json(text);
  REQUIRE(value.ok());
  return std::move(*value);
}

// A token with this very header and payload, signed.
std::string forge(const Jwk& key, SignatureAlgorithm algorithm, std::string_view header,
                  std::string_view payload) {
  std::string token = base64url_of(bytes_of(header)) + '.' + base64url_of(bytes_of(payload));
  auto signature = key.key.sign(algorithm, token);
  REQUIRE(signature.ok());
  return token + '.' + base64url_of(bytes_of(*signature));
}

struct House {
  Jwk key = new_key(KeyKind::p256, "k1", SignatureAlgorithm::es256);
  FixedKeys keys{set_of(key)};
  JwtPolicy policy{.name = "main",
                   .issuer = "https://id.example.com/",
                   .audiences = {"weir"},
                   .algorithms = {SignatureAlgorithm::es256},
                   .forward = {{"x-user-id", "sub"}, {"x-user-role", "roles"}}};
  Moment now{{start_s * second}, {second}};

  TokenVerdict judge(std::string_view claims,
                     std::string_view header = R"({"alg":"ES256","kid":"k1"})") {
    JwtVerifier verifier(policy, keys);
    return verifier.verify(forge(key, SignatureAlgorithm::es256, header, claims), now);
  }
};

constexpr std::string_view good_claims =
    R"({"iss":"https://id.example.com/","aud":"weir","sub":"ann","exp":1700000600,"roles":["editor","admin"]})";

}  // namespace

TEST_CASE("a good token passes and its claims become headers", "[guard]") {
  House house;
  const TokenVerdict verdict = house.judge(good_claims);
  REQUIRE(verdict.ok());
  CHECK(verdict.token->subject == "ann");
  REQUIRE(verdict.token->headers.size() == 2);
  CHECK(verdict.token->headers[0] == std::pair<std::string, std::string>("x-user-id", "ann"));
  CHECK(verdict.token->headers[1] ==
        std::pair<std::string, std::string>("x-user-role", "editor admin"));
}

TEST_CASE("every wrong header is refused for its own reason", "[guard]") {
  House house;
  const std::vector<std::pair<std::string_view, TokenReason>> rows{
      {R"({"alg":"none"})", TokenReason::algorithm},
      {R"({"alg":"HS256","kid":"k1"})", TokenReason::algorithm},
      {R"({"alg":"es256","kid":"k1"})", TokenReason::algorithm},
      {R"({"kid":"k1"})", TokenReason::header},
      {R"({"alg":7})", TokenReason::header},
      {R"({"alg":"ES256","alg":"ES256"})", TokenReason::header},
      {R"(["ES256"])", TokenReason::header},
      {R"({"alg":"ES256","kid":"k1",})", TokenReason::header},
      {R"({"alg":"ES256","kid":"k1","crit":["exp"]})", TokenReason::critical},
      {R"({"alg":"ES256","kid":"k1","b64":true})", TokenReason::critical},
      {R"({"alg":"ES256","kid":"k1","zip":"DEF"})", TokenReason::critical},
      {R"({"alg":"ES256","kid":"k1","cty":"JWT"})", TokenReason::encrypted},
      {R"({"alg":"ES256","kid":"k1","enc":"A128GCM"})", TokenReason::encrypted},
      {R"({"alg":"ES256","kid":"k2"})", TokenReason::kid_unknown},
      {R"({"alg":"ES256","kid":"../k1"})", TokenReason::kid_unknown},
      {R"({"alg":"ES256","kid":5})", TokenReason::header},
      {R"({"alg":"ES256","a":[[[[[[[[1]]]]]]]]})", TokenReason::header},
  };
  for (const auto& [header, reason] : rows) {
    INFO(header);
    CHECK(name_of(house.judge(good_claims, header).reason) == name_of(reason));
  }
  CHECK(house
            .judge(good_claims,
                   R"({"alg":"ES256","kid":"k1","jku":"https://evil.example/","jwk":{}})")
            .ok());
  CHECK(house.judge(good_claims, R"({"alg":"ES256"})").ok());  // the only key that fits
  house.policy.types = {"at+jwt"};
  CHECK(house.judge(good_claims).reason == TokenReason::type);
  CHECK(house.judge(good_claims, R"({"alg":"ES256","kid":"k1","typ":"JWT"})").reason ==
        TokenReason::type);
  CHECK(house.judge(good_claims, R"({"alg":"ES256","kid":"k1","typ":"application/at+jwt"})").ok());
  CHECK(house.judge(good_claims, R"({"alg":"ES256","kid":"k1","typ":"at+JWT"})").ok());
}

TEST_CASE("every wrong claim is refused for its own reason", "[guard]") {
  House house;
  const std::string front = R"({"iss":"https://id.example.com/","aud":"weir","sub":"ann",)";
  const std::vector<std::pair<std::string, TokenReason>> rows{
      {front + R"("exp":1699999970})", TokenReason::expired},  // now >= exp + leeway
      {front + R"("exp":1699999971})", TokenReason::good},
      {front + R"("exp":1700000600,"nbf":1700000031})", TokenReason::not_yet},
      {front + R"("exp":1700000600,"nbf":1700000030})", TokenReason::good},
      {front + R"("exp":1700000600,"iat":1700000031})", TokenReason::issued_ahead},
      {front + R"("exp":1700000600.75})", TokenReason::good},
      {front + R"("exp":"1700000600"})", TokenReason::claims},
      {front + R"("exp":-1})", TokenReason::claims},
      {front + R"("exp":9007199254740993})", TokenReason::claims},
      {front + R"("exp":1e300})", TokenReason::claims},
      {front + R"("nbf":1})", TokenReason::claims},  // exp is required
      {R"({"iss":"https://id.example.com","aud":"weir","exp":1700000600})", TokenReason::issuer},
      {R"({"aud":"weir","exp":1700000600})", TokenReason::issuer},
      {R"({"iss":7,"aud":"weir","exp":1700000600})", TokenReason::claims},
      {R"({"iss":"https://id.example.com/","aud":"Weir","exp":1700000600})", TokenReason::audience},
      {R"({"iss":"https://id.example.com/","exp":1700000600})", TokenReason::audience},
      {R"({"iss":"https://id.example.com/","aud":["x","weir"],"exp":1700000600})",
       TokenReason::good},
      {R"({"iss":"https://id.example.com/","aud":["weir",7],"exp":1700000600})",
       TokenReason::claims},
      {R"({"iss":"https://id.example.com/","aud":"weir","exp":1700000600,"exp":1700000600})",
       TokenReason::claims},
      {R"({"iss":"https://id.example.com/","aud":"weir","exp":1700000600,"sub":"a\r\nX: y"})",
       TokenReason::forwarded_value},
      {R"([1])", TokenReason::claims},
      {"", TokenReason::form},
  };
  for (const auto& [claims, reason] : rows) {
    INFO(claims);
    CHECK(name_of(house.judge(claims).reason) == name_of(reason));
  }
  house.policy.max_lifetime = std::chrono::hours(1);
  CHECK(house.judge(front + R"("iat":1699999000,"exp":1700002601})").reason ==
        TokenReason::lifetime);
  CHECK(house.judge(front + R"("iat":1699999001,"exp":1700002601})").ok());
  CHECK(house.judge(front + R"("exp":1700002601})").reason == TokenReason::lifetime);
}

TEST_CASE("the form is three parts of canonical base64url, at most 8 KiB", "[guard]") {
  House house;
  JwtVerifier verifier(house.policy, house.keys);
  const std::string good =
      forge(house.key, SignatureAlgorithm::es256, R"({"alg":"ES256","kid":"k1"})", good_claims);
  const auto reason = [&](const std::string& token) {
    return verifier.verify(token, house.now).reason;
  };
  CHECK(reason(good) == TokenReason::good);
  CHECK(reason("") == TokenReason::absent);
  CHECK(reason("a.b") == TokenReason::form);
  CHECK(reason(good + ".x") == TokenReason::form);
  CHECK(reason(good + ".x.y") == TokenReason::encrypted);
  CHECK(reason(good + "=") == TokenReason::form);
  CHECK(reason(" " + good) == TokenReason::form);
  CHECK(reason(good + "\n") == TokenReason::form);
  CHECK(reason(std::string(limits::token_bytes_max + 1, 'a')) == TokenReason::too_large);
  CHECK(reason(std::string(limits::token_bytes_max, 'a')) == TokenReason::form);
}

TEST_CASE("no token survives the flip of any bit", "[guard]") {
  House house;
  std::mt19937 random(1);
  JwtVerifier verifier(house.policy, house.keys);
  const std::size_t tokens = test::rounds(3, 100);
  for (std::size_t i = 0; i < tokens; ++i) {
    text::Value claims = json(good_claims);
    claims.set("jti", static_cast<std::int64_t>(random()));
    const auto token = mint_token(house.key, {.claims = claims}, {start_s * second});
    REQUIRE(token.ok());
    REQUIRE(verifier.verify(*token, house.now).ok());
    for (std::size_t bit = 0; bit < token->size() * 8; ++bit) {
      std::string flipped = *token;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
      if (verifier.verify_afresh(flipped, house.now).ok()) FAIL("bit " << bit << " of " << *token);
    }
  }
}

TEST_CASE("every algorithm signs and verifies, and no key serves another one", "[guard]") {
  struct Row {
    KeyKind kind;
    std::vector<SignatureAlgorithm> algorithms;
  };
  using enum SignatureAlgorithm;
  const std::vector<Row> rows{{KeyKind::rsa, {rs256, rs384, rs512, ps256, ps384, ps512}},
                              {KeyKind::p256, {es256}},
                              {KeyKind::p384, {es384}},
                              {KeyKind::p521, {es512}},
                              {KeyKind::ed25519, {eddsa}},
                              {KeyKind::secret, {hs256, hs384, hs512}}};
  for (const Row& row : rows) {
    const Jwk key = new_key(row.kind, "k");
    const auto set = set_of(key);
    for (std::size_t i = 0; i < signature_algorithms_count; ++i) {
      const auto algorithm = static_cast<SignatureAlgorithm>(i);
      const bool fits = std::ranges::find(row.algorithms, algorithm) != row.algorithms.end();
      INFO(name_of(row.kind) << ' ' << name_of(algorithm));
      const auto signature = key.key.sign(algorithm, "message");
      REQUIRE(signature.ok() == fits);
      if (!fits) continue;
      const Jwks::Choice choice = set->choose("k", algorithm);
      REQUIRE(choice.found == Jwks::Found::one);
      CHECK(choice.key->key.verify(algorithm, "message", *signature));
      CHECK_FALSE(choice.key->key.verify(algorithm, "Message", *signature));
      CHECK_FALSE(choice.key->key.verify(algorithm, "message", signature->substr(1)));
      CHECK_FALSE(choice.key->key.verify(algorithm, "message", *signature + '\0'));
      CHECK_FALSE(
          choice.key->key.verify(algorithm, "message", std::string(signature->size(), '\0')));
    }
  }
}

TEST_CASE("a public key is never taken for an HMAC secret", "[guard]") {
  House house;
  const std::string public_jwk = jwk_json_of(house.key, SignatureKey::Part::public_only);
  auto secret = SignatureKey::secret(public_jwk);
  REQUIRE(secret.ok());
  const Jwk confused{"k1", SignatureAlgorithm::hs256, std::move(*secret)};
  const std::string token =
      forge(confused, SignatureAlgorithm::hs256, R"({"alg":"HS256","kid":"k1"})", good_claims);
  JwtPolicy policy = house.policy;
  policy.algorithms = {SignatureAlgorithm::hs256, SignatureAlgorithm::es256};
  CHECK_FALSE(check_policy(policy).ok());
  JwtVerifier verifier(policy, house.keys);
  CHECK(verifier.verify(token, house.now).reason == TokenReason::key_mismatch);
}

namespace {
// Keys that a test can take away.
class TestKeys final : public KeySource {
 public:
  std::shared_ptr<const Jwks> keys(Mono) const override { return set; }
  std::uint64_t generation() const override { return number; }
  void unknown_kid(std::string_view kid, Mono) override { asked.emplace_back(kid); }
  std::shared_ptr<const Jwks> set;
  std::uint64_t number = 1;
  std::vector<std::string> asked;
};
}  // namespace

TEST_CASE("a remembered token ends with its exp, its keys, and the wall clock", "[guard]") {
  House house;
  TestKeys keys;
  keys.set = set_of(house.key);
  JwtVerifier verifier(house.policy, keys);
  const std::string token =
      forge(house.key, SignatureAlgorithm::es256, R"({"alg":"ES256","kid":"k1"})", good_claims);
  const Moment start{{start_s * second}, {second}};
  REQUIRE(verifier.verify(token, start).ok());

  SECTION("it is remembered: the keys may even be unavailable") {
    keys.set = nullptr;
    CHECK(verifier.verify(token, start).ok());
    CHECK(verifier.verify(token, {start.wall, start.mono + std::chrono::minutes(6)}).reason ==
          TokenReason::keys_unavailable);
  }
  SECTION("exp + leeway ends it to the second") {
    CHECK(verifier.verify(token, {{(start_s + 629) * second}, start.mono}).ok());
    CHECK(verifier.verify(token, {{(start_s + 630) * second}, start.mono}).reason ==
          TokenReason::expired);
  }
  SECTION("a wall clock that jumps by a day moves it") {
    CHECK(verifier.verify(token, {{(start_s + 86400) * second}, start.mono}).reason ==
          TokenReason::expired);
  }
  SECTION("a removed key ends it at once") {
    keys.set = set_of(new_key(KeyKind::p256, "k9"));
    ++keys.number;
    CHECK(verifier.verify(token, start).reason == TokenReason::kid_unknown);
    CHECK(keys.asked == std::vector<std::string>{"k1"});
  }
}

TEST_CASE("a refusal is remembered for five seconds", "[guard]") {
  House house;
  TestKeys keys;
  keys.set = set_of(new_key(KeyKind::p256, "other"));
  JwtVerifier verifier(house.policy, keys);
  const std::string token =
      forge(house.key, SignatureAlgorithm::es256, R"({"alg":"ES256","kid":"k1"})", good_claims);
  CHECK(verifier.verify(token, house.now).reason == TokenReason::kid_unknown);
  CHECK(verifier.verify(token, house.now).reason == TokenReason::kid_unknown);
  CHECK(keys.asked.size() == 1);
  CHECK(verifier.verify(token, {house.now.wall, house.now.mono + std::chrono::seconds(5)}).reason ==
        TokenReason::kid_unknown);
  CHECK(keys.asked.size() == 2);
}

TEST_CASE("the token cache keeps to its bytes and entries", "[guard]") {
  TokenCache cache(64, 16 * 1000);
  const Moment now{{0}, {0}};
  for (int i = 0; i < 1000; ++i)
    cache.keep("token-" + std::to_string(i) + std::string(400, 'x'), 1, {}, {1000 + i},
               {TokenReason::signature});
  CHECK(cache.bytes() <= 16 * 1000);
  std::size_t found = 0;
  for (int i = 0; i < 1000; ++i)
    found += cache.find("token-" + std::to_string(i) + std::string(400, 'x'), 1, now).has_value();
  CHECK(found >= 16);
  CHECK(found <= 64);
}

TEST_CASE("one credential, no more", "[guard]") {
  const auto of = [](std::vector<std::string_view> lines) { return bearer_of(lines); };
  CHECK(of({}).found == Credential::Found::none);
  CHECK(of({"Bearer abc"}).token == "abc");
  CHECK(of({"bearer abc"}).found == Credential::Found::one);
  CHECK(of({"Basic abc"}).found == Credential::Found::not_bearer);
  CHECK(of({"Bearer"}).found == Credential::Found::not_bearer);
  CHECK(of({"Bearer a", "Bearer a"}).found == Credential::Found::several);
}

TEST_CASE("inbound copies of forwarded headers are known in every spelling", "[guard]") {
  House house;
  ForwardedHeaders owned;
  owned.add(house.policy);
  for (const char* name : {"x-user-id", "X-User-Id", "x_user_id", "X_USER-ID", "x-user-role"})
    CHECK(owned.owns(name));
  for (const char* name : {"x-user", "x-user-id2", "xuserid", ""}) CHECK_FALSE(owned.owns(name));
}

TEST_CASE("a minted token is accepted by its own key", "[guard]") {
  for (const KeyKind kind : {KeyKind::secret, KeyKind::p256, KeyKind::ed25519, KeyKind::rsa}) {
    const Jwk made = new_key(kind, "dev");
    auto key = parse_private_jwk(jwk_json_of(made, SignatureKey::Part::with_private));
    REQUIRE(key.ok());
    const auto token =
        mint_token(*key, {.claims = json(R"({"sub":"ann","scope":"notes:read notes:write"})")},
                   {start_s * second});
    REQUIRE(token.ok());
    FixedKeys keys(set_of(made));
    using enum SignatureAlgorithm;
    const std::vector<SignatureAlgorithm> algorithms =
        kind == KeyKind::secret ? std::vector{hs256} : std::vector{rs256, es256, eddsa};
    JwtVerifier verifier({.name = "dev", .algorithms = algorithms}, keys);
    const TokenVerdict verdict = verifier.verify(*token, {{start_s * second}, {0}});
    INFO(name_of(kind) << ' ' << name_of(verdict.reason));
    REQUIRE(verdict.ok());
    CHECK(verdict.token->has_scope("notes:write"));
    CHECK_FALSE(verdict.token->has_scope("notes"));
    CHECK(verdict.token->text_of("exp") == std::to_string(start_s + 3600));
  }
}
