// Goal: what [tls.*], serve.hsts and client certificates say is understood, or told with its place.

#include "edge/config.h"
#include "text/toml.h"

#include <catch2/catch.hpp>

using namespace weir;
using namespace std::chrono_literals;

namespace {

edge::ConfigReading read(std::string_view toml) {
  static const edge::Environment nothing;
  const auto tree = text::parse_toml(toml, "weir.toml");
  REQUIRE(tree.ok());
  return edge::read_config({&tree.value(), "weir.toml", "/srv", &nothing});
}

std::string all_of(const std::vector<Error>& errors) {
  std::string text;
  for (const Error& error : errors) text += error.text() + "\n";
  return text;
}

constexpr std::string_view automatic = "[tls.auto]\ndomains = [\"a.test\"]\naccept_terms = true\n";

}  // namespace

TEST_CASE("tables hold certificates, or names to ask an authority for", "[edge][tls]") {
  const auto reading = read(
      "[serve]\nhsts = \"30d\"\nlimits = { handshakes = 7 }\n"
      "listen = [{ addr = \"127.0.0.1:1\", tls = [\"main\", \"auto\"] }]\n"
      "[tls.main]\ncert = [\"e.pem\", \"r.pem\"]\nkey = [\"e.key\", \"r.key\"]\nocsp = \"e.ocsp\"\n"
      "[tls.auto]\ndomains = [\"A.test\", \"b.test\"]\nemail = \"me@a.test\"\naccept_terms = true\n"
      "acme = { directory = \"https://ca.test/dir\", ca_file = \"ca.pem\", challenge = "
      "\"tls-alpn-01\", key = \"rsa\", renew_before = \"20d\" }\n"
      "[auth.shops]\nkind = \"client_certificate\"\ndns = \"Shop.test\"\n");
  CHECK(all_of(reading.errors).empty());
  CHECK(reading.config.serve.hsts == "max-age=2592000");
  CHECK(reading.config.serve.handshakes_per_second == 7U);
  CHECK(reading.config.serve.listeners.at(0).tls == std::vector<std::string>{"main", "auto"});
  const edge::TlsSettings& main = reading.config.tls.at(0);
  REQUIRE(main.files.size() == 2);
  CHECK(main.files[0].ocsp == "/srv/e.ocsp");
  CHECK(main.files[1].key == "/srv/r.key");
  CHECK(main.files[1].ocsp.empty());
  const edge::AcmeSettings& acme = reading.config.tls.at(1).acme;
  CHECK(acme.domains == std::vector<std::string>{"a.test", "b.test"});
  CHECK(acme.ca_file == "/srv/ca.pem");
  CHECK(acme.renew_before == Nanos(24h * 20));
  CHECK(reading.config.auth.at(0).kind == edge::AuthSettings::Kind::client_certificate);
  CHECK(reading.config.auth.at(0).certificate.dns == std::vector<std::string>{"shop.test"});
  CHECK(read("[serve]\nhsts = { max_age = \"1d\", include_subdomains = true, preload = true }\n")
            .config.serve.hsts == "max-age=86400; includeSubDomains; preload");
}

TEST_CASE("mistakes about TLS are told with what was expected", "[edge][tls]") {
  struct Row {
    std::string toml, says;
  };
  const Row rows[] = {
      {"[tls.a]\n", "[tls.a] needs cert and key, or domains"},
      {"[tls.a]\ncert = \"c.pem\"\n", "as many keys as certificates"},
      {"[tls.a]\ncert = \"c\"\nkey = \"k\"\nocsp = [\"1\", \"2\"]\n", "more OCSP answers"},
      {"[tls.a]\ncert = \"c\"\nkey = \"k\"\ndomains = [\"a.test\"]\naccept_terms = true\n",
       "has both files and domains"},
      {"[tls.a]\ndomains = [\"a.test\"]\n", "must say accept_terms = true"},
      {"[tls.a]\ndomains = [\"*.a.test\"]\naccept_terms = true\n", "a wildcard name needs"},
      {"[tls.a]\ndomains = [\"192.0.2.1\"]\naccept_terms = true\n", "must be DNS names"},
      {"[tls.a]\ndomains = [\"a..test\"]\naccept_terms = true\n", "must be DNS names"},
      {"[tls.a]\nemail = \"me@a.test\"\ncert = \"c\"\nkey = \"k\"\n", "needs domains"},
      {std::string(automatic) + "acme = { directory = \"http://ca.test\" }\n",
       "must be an https:// URL"},
      {std::string(automatic) + "acme = { challenge = \"dns-01\" }\n", "challenge"},
      {std::string(automatic) + "client_ca = { mode = \"require\" }\n", "client_ca needs file"},
      {"[serve]\nhsts = \"long\"\n", "serve.hsts must be a duration, not \"long\""},
      {"[serve]\nhsts = { preload = true }\n", "serve.hsts needs max_age"},
      {"[auth.a]\nkind = \"client_certificate\"\nfingerprint = \"ab:cd\"\n",
       "must be a SHA-256 in base64url"},
      {"[serve]\nlisten = [{ addr = \"127.0.0.1:1\", tls = [\"auto\", \"autp\"] }]\n" +
           std::string(automatic),
       "there is no table [tls.autp] (did you mean \"auto\"?)"},
      {"[serve]\nlisten = [{ addr = \"127.0.0.1:1\", tls = [\"auto\", \"b\"] }]\n" +
           std::string(automatic) +
           "[tls.b]\ncert = \"c\"\nkey = \"k\"\nclient_ca = { file = \"f\", mode = \"require\" }\n",
       "ask clients for different certificates"},
      {"[serve]\nlisten = [{ addr = \"127.0.0.1:1\", tls = \"auto\", redirect = \"https\" }]\n" +
           std::string(automatic),
       "is a plain one, without tls"},
  };
  for (const Row& row : rows) {
    INFO(row.toml);
    CHECK_THAT(all_of(read(row.toml).errors), Catch::Contains(row.says));
  }
}
