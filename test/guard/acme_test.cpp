// Goal: a certificate is obtained as RFC 8555 says, whatever an authority may answer.
// Method: an authority of our own behind `fetch`, which checks every signature and nonce, looks at
// what is shown as proof, and fails where a test tells it to. (The flow tests ask Debian's pebble.)

#include "guard/acme.h"
#include "guard/acme_keeper.h"

#include "base/file.h"
#include "support.h"
#include "text/json.h"

#include <catch2/catch.hpp>

#include <sys/stat.h>

#include <map>

using namespace weir;
using namespace weir::guard;
using namespace std::chrono_literals;

namespace {

std::string text_in(const text::Value& value, std::string_view name) {
  const text::Value* const found = value.find(name);
  return found == nullptr || found->string() == nullptr ? "" : *found->string();
}

class Authority : public AcmeProofs {
 public:
  explicit Authority(const Clock& its_clock) : clock(its_clock) {}

  // What tests turn.
  int refused_nonces = 0;     // so many good nonces are refused first
  int looks_before_done = 1;  // polls before something is settled
  std::string token = "abc-DEF_123";
  bool believes = true;  // the proof convinces
  int order_status = 201;
  Nanos life = 1h;
  std::vector<std::string> issued_names;  // empty: those of the order

  // What tests look at.
  std::map<std::string, std::string> shown;  // token -> key authorization, now
  std::vector<std::string> agents, contacts;
  std::string account_jwk;
  int orders = 0, proofs_seen = 0;

  Result<http::Fetched> fetch(const http::FetchRequest& asked) {
    for (const auto& [name, value] : asked.headers)
      if (name == "User-Agent") agents.push_back(value);
    if (asked.url == root + "/dir")
      return reply(200,
                   R"({"newNonce":"https://ca.test/nonce","newAccount":"https://ca.test/account",)"
                   R"("newOrder":"https://ca.test/order"})");
    if (asked.url == root + "/nonce") return reply(204, "");
    return post(asked);
  }

  Status show(const AcmeProof& proof) override {
    shown[proof.token] = proof.key_authorization;
    ++proofs_seen;
    return done;
  }
  void withdraw(const AcmeProof& proof) override { shown.erase(proof.token); }

 private:
  static constexpr std::string_view root_view = "https://ca.test";
  const std::string root{root_view};

  http::Fetched reply(int status, std::string body, http::Fields fields = {}) {
    nonce = "nonce-" + std::to_string(++nonces);
    fields.emplace_back("replay-nonce", nonce);
    return {status, std::move(fields), std::move(body), ""};
  }

  // The JWS of the request: our nonce, its own address, the account's key or name, a good
  // signature.
  text::Value opened(const http::FetchRequest& asked, bool& nonce_good) {
    CHECK(asked.method == "POST");
    const auto outer = text::parse_json(asked.body);
    REQUIRE(outer.ok());
    const std::string protected_part = text_in(*outer, "protected");
    const std::string payload = text_in(*outer, "payload");
    const auto head = text::parse_json(*parse_base64url(protected_part));
    CHECK(text_in(*head, "alg") == "ES256");
    CHECK(text_in(*head, "url") == asked.url);
    nonce_good = text_in(*head, "nonce") == nonce;
    if (const text::Value* const jwk = head->find("jwk")) account_jwk = text::json_of(*jwk);
    else CHECK(text_in(*head, "kid") == "https://ca.test/account/1");
    const auto numbers = text::parse_json(account_jwk);
    const auto key = SignatureKey::ec(KeyKind::p256, {*parse_base64url(text_in(*numbers, "x")),
                                                      *parse_base64url(text_in(*numbers, "y"))});
    REQUIRE(key.ok());
    CHECK(key->verify(SignatureAlgorithm::es256, protected_part + "." + payload,
                      *parse_base64url(text_in(*outer, "signature"))));
    if (payload.empty()) return {};
    return *text::parse_json(*parse_base64url(payload));
  }

  http::Fetched post(const http::FetchRequest& asked) {
    bool nonce_good = false;
    const text::Value payload = opened(asked, nonce_good);
    CHECK(nonce_good);
    if (refused_nonces > 0) {
      --refused_nonces;
      return reply(400, R"({"type":"urn:ietf:params:acme:error:badNonce","detail":"bad nonce"})");
    }
    if (asked.url == root + "/account") {
      const text::Value* const agreed = payload.find("termsOfServiceAgreed");
      CHECK((agreed != nullptr && agreed->boolean() != nullptr && *agreed->boolean()));
      if (const text::Value* const contact = payload.find("contact"))
        contacts.push_back(*contact->array()->front().string());
      return reply(201, "{}", {{"location", "https://ca.test/account/1"}});
    }
    if (asked.url == root + "/order") return order(payload);
    if (asked.url.starts_with(root + "/authorization/")) return authorization();
    if (asked.url == root + "/challenge") {
      const std::string thumbprint = base64url_of(sha256_of(account_jwk));
      proved = shown[token] == token + "." + thumbprint && believes;
      challenged = true;
      looks = 0;
      return reply(200, "{}");
    }
    if (asked.url == root + "/finalize") {
      CHECK(parse_base64url(text_in(payload, "csr")).has_value());
      finalized = true;
      looks = 0;
      return reply(200, "{}");
    }
    if (asked.url == root + "/order/1") {
      if (!finalized) return reply(200, R"({"status":"ready"})");
      if (++looks < looks_before_done) return reply(200, R"({"status":"processing"})");
      return reply(200, R"({"status":"valid","certificate":"https://ca.test/certificate"})");
    }
    CHECK(asked.url == root + "/certificate");
    const auto& issued = issued_names.empty() ? names : issued_names;
    const std::string pem = self_signed({issued, clock.wall(), life});
    return reply(200, pem.substr(pem.find("-----BEGIN CERTIFICATE")));
  }

  http::Fetched order(const text::Value& payload) {
    if (order_status != 201)
      return reply(order_status,
                   R"({"type":"urn:ietf:params:acme:error:rateLimited","detail":"too many"})",
                   {{"retry-after", "7200"}});
    ++orders;
    names.clear();
    challenged = finalized = proved = false;
    std::string urls;
    for (const text::Value& one : *payload.find("identifiers")->array()) {
      CHECK(text_in(one, "type") == "dns");
      names.push_back(text_in(one, "value"));
      urls += (urls.empty() ? "\"" : ",\"") + root + "/authorization/" + names.back() + "\"";
    }
    return reply(201,
                 R"({"status":"pending","finalize":"https://ca.test/finalize","authorizations":[)" +
                     urls + "]}",
                 {{"location", "https://ca.test/order/1"}});
  }

  http::Fetched authorization() {
    std::string status = "pending";
    if (challenged && ++looks >= looks_before_done) status = proved ? "valid" : "invalid";
    if (status == "valid") challenged = false;  // the next name begins anew
    return reply(
        200, R"({"status":")" + status + R"(","identifier":{"type":"dns","value":"a.test"},)" +
                 R"("challenges":[{"type":"dns-01","url":"https://ca.test/other","token":"x"},)" +
                 R"({"type":"http-01","url":"https://ca.test/challenge","token":")" + token +
                 R"(","error":{"detail":"nobody answered"}}]})");
  }

  const Clock& clock;
  std::string nonce;
  int nonces = 0, looks = 0;
  std::vector<std::string> names;
  bool challenged = false, proved = false, finalized = false;
};

struct Setting {
  ManualClock clock;
  Authority authority{clock};
  SignatureKey account = *SignatureKey::generate(KeyKind::p256);
  AcmeWishes wishes{"https://ca.test/dir", "", "me@example.test", {"a.test"}, CertificateKey::ecdsa,
                    AcmeChallenge::http_01};
  bool stopping = false;
  AcmeClient::Parts parts() {
    return {[this](const http::FetchRequest& asked) { return authority.fetch(asked); }, authority,
            [this](Nanos span) {
              clock.advance(span);
              return !stopping;
            },
            clock};
  }
  Result<std::string> obtain() {
    AcmeClient client(wishes, account, parts());
    auto pem = client.obtain();
    retry_after = client.retry_after();
    return pem;
  }
  std::optional<Nanos> retry_after;
};

std::string error_of(const Result<std::string>& result) {
  return result.ok() ? "" : result.error().text();
}

}  // namespace

TEST_CASE("a certificate is obtained for several names, and nothing stays shown", "[guard][acme]") {
  Setting setting;
  setting.wishes.names = {"a.test", "b.test"};
  setting.authority.looks_before_done = 3;
  const auto pem = setting.obtain();
  INFO(error_of(pem));
  REQUIRE(pem.ok());
  CHECK(pem->find("PRIVATE KEY") != std::string::npos);
  CHECK(parse_certificate(*pem)->dns == std::vector<std::string>{"a.test", "b.test"});
  CHECK(setting.authority.proofs_seen == 2);
  CHECK(setting.authority.shown.empty());
  CHECK(setting.authority.contacts == std::vector<std::string>{"mailto:me@example.test"});
  CHECK(setting.authority.agents.front().starts_with("weir/"));
}

TEST_CASE("refused nonces are replaced, up to a bound", "[guard][acme]") {
  Setting setting;
  setting.authority.refused_nonces = 9;
  CHECK(error_of(setting.obtain()).empty());
  setting.authority.refused_nonces = 10;
  CHECK_THAT(error_of(setting.obtain()), Catch::Contains("bad nonce"));
}

TEST_CASE("what the authority refuses is told with its reason", "[guard][acme]") {
  Setting setting;
  SECTION("a proof that does not convince") {
    setting.authority.believes = false;
    const std::string error = error_of(setting.obtain());
    CHECK_THAT(error, Catch::Contains("a.test"));
    CHECK_THAT(error, Catch::Contains("nobody answered"));
    CHECK(setting.authority.shown.empty());
  }
  SECTION("too many orders: Retry-After is respected") {
    setting.authority.order_status = 429;
    CHECK_THAT(error_of(setting.obtain()), Catch::Contains("too many"));
    CHECK(setting.retry_after == Nanos(2h));
  }
  SECTION("a challenge that is not offered") {
    setting.wishes.challenge = AcmeChallenge::tls_alpn_01;
    CHECK_THAT(error_of(setting.obtain()), Catch::Contains("does not offer tls-alpn-01"));
  }
  SECTION("a token that would be a path") {
    setting.authority.token = "../../etc/passwd";
    CHECK_THAT(error_of(setting.obtain()), Catch::Contains("not base64url"));
    CHECK(setting.authority.proofs_seen == 0);
  }
  SECTION("a certificate for somebody else") {
    setting.authority.issued_names = {"b.test"};
    CHECK_THAT(error_of(setting.obtain()), Catch::Contains("does not name a.test"));
  }
  SECTION("an authority that never ends") {
    setting.authority.looks_before_done = 1'000'000;
    CHECK_THAT(error_of(setting.obtain()), Catch::Contains("still at work"));
  }
  SECTION("one without https") {
    setting.wishes.directory = "http://ca.test/dir";
    CHECK_THAT(error_of(setting.obtain()), Catch::Contains("only spoken to over https"));
  }
  SECTION("a server that stops") {
    setting.stopping = true;
    setting.authority.looks_before_done = 5;
    CHECK_THAT(error_of(setting.obtain()), Catch::Contains("stopping"));
  }
}

// --- the keeper ----------------------------------------------------------------------------------

namespace {

struct Keeping {
  test::TemporaryDirectory directory;
  Setting setting;
  LineWriter lines{1, 1};
  Log log{setting.clock, lines, LogLevel::error, LogForm::json};
  std::vector<std::string> renewed;
  std::string file() const { return directory / "acme/main.pem"; }
  AcmeKeeper open(std::optional<Nanos> renew_before = {}) {
    return AcmeKeeper({{"main", file(), setting.wishes, renew_before}},
                      {setting.parts(), setting.clock, log, directory / "acme",
                       [this](const std::string& table) { renewed.push_back(table); }});
  }
};

}  // namespace

TEST_CASE("a certificate is asked for when there is none and again at a third of its life",
          "[guard][acme]") {
  Keeping keeping;
  keeping.setting.authority.life = 90h;
  AcmeKeeper keeper = keeping.open();
  CHECK(keeper.step() == Nanos(1min));
  CHECK(keeping.renewed == std::vector<std::string>{"main"});
  struct stat status {};
  REQUIRE(::stat(keeping.file().c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  const std::string first = *read_file(keeping.file());
  const std::string account = keeping.setting.authority.account_jwk;

  keeping.setting.clock.advance(58h);
  keeper.step();
  CHECK(keeping.setting.authority.orders == 1);
  keeping.setting.clock.advance(2h);
  keeper.step();
  CHECK(keeping.setting.authority.orders == 2);
  CHECK(*read_file(keeping.file()) != first);
  CHECK(keeping.setting.authority.account_jwk == account);
  CHECK(keeper.notes().empty());

  AcmeKeeper restarted = keeping.open();  // finds what is on disk
  restarted.step();
  CHECK(keeping.setting.authority.orders == 2);
  keeping.setting.wishes.names = {"a.test", "more.test"};
  AcmeKeeper widened = keeping.open();  // the certificate lacks a name
  widened.step();
  CHECK(keeping.setting.authority.orders == 3);
}

TEST_CASE("a failure is told and tried again later and later, and what was there stays",
          "[guard][acme]") {
  Keeping keeping;
  AcmeKeeper keeper = keeping.open();
  keeper.step();
  const std::string before = *read_file(keeping.file());
  keeping.setting.authority.believes = false;
  keeping.setting.clock.advance(50min);
  keeper.step();
  CHECK(keeping.setting.authority.orders == 2);
  CHECK(*read_file(keeping.file()) == before);
  REQUIRE(keeper.notes().size() == 1);
  CHECK_THAT(keeper.notes().front(), Catch::Contains("[tls.main] has no new certificate"));

  keeping.setting.clock.advance(90s);  // at least 96 s: two minutes, a fifth shorter by chance
  keeper.step();
  CHECK(keeping.setting.authority.orders == 2);
  keeping.setting.clock.advance(60s);
  keeper.step();
  CHECK(keeping.setting.authority.orders == 3);
  keeping.setting.clock.advance(190s);  // now at least 192 s
  keeper.step();
  CHECK(keeping.setting.authority.orders == 3);

  keeping.setting.authority.believes = true;
  keeping.setting.clock.advance(110s);
  keeper.step();
  CHECK(keeping.setting.authority.orders == 4);
  CHECK(keeper.notes().empty());
  CHECK(*read_file(keeping.file()) != before);
}

TEST_CASE("the next certificate is asked for in time, a little earlier by chance",
          "[guard][acme]") {
  Certificate facts;
  facts.valid_from = {0};
  facts.valid_until = Wall{0} + 90h;
  CHECK(renewal_of(facts, {}, 0) == Wall{0} + 60h);
  CHECK(renewal_of(facts, {}, 1) == Wall{0} + (60h - Nanos(90h) / 50));
  CHECK(renewal_of(facts, 10h, 0) == Wall{0} + 80h);
  CHECK(renewal_of(facts, 100h, 0) == Wall{0} + 60h);  // longer than its life: as if unsaid
}
