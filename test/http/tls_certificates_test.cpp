// Goal: which certificate a handshake gets, and what a client's own becomes: names, kinds,
// stand-ins, stapled answers, proofs for an authority, tickets over time, the bound on handshakes.
// Method: a live server; OpenSSL as the client. (Versions, flights and reload: tls_test.cpp.)

#include "certificates.h"
#include "live_server.h"
#include "support.h"
#include "tls_client.h"

#include "base/bytes.h"
#include "base/certificate.h"
#include "base/file.h"

#include <catch2/catch.hpp>

#include <openssl/ocsp.h>

using namespace weir;
using namespace weir::http;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

const std::string request = "GET / HTTP/1.1\r\nHost: weir.test\r\n\r\n";

struct Certificates {
  TemporaryDirectory directory;
  ManualClock clock{SystemClock().wall()};
  // An ECDSA certificate in a file of its own, key included.
  TlsCertificate make(const std::string& file, const std::vector<std::string>& names) const {
    directory.write(file, self_signed({names, clock.wall(), 24h}));
    return {directory / file, directory / file};
  }
  TlsCertificate rsa() const {
    directory.write("rsa.pem", std::string(rsa_key) + std::string(rsa_certificate));
    return {directory / "rsa.pem", directory / "rsa.pem"};
  }
  std::shared_ptr<TlsContext> open(TlsSettings settings) const {
    auto made = TlsContext::open(std::move(settings), clock);
    if (!made.ok()) FAIL(made.error().text());
    return *made;
  }
};

void tell_client(Exchange& exchange) {
  const ClientCertificate* const client = exchange.request().client_certificate;
  std::string told = "nobody";
  if (client != nullptr)
    told = client->subject + " " + (client->dns.empty() ? "" : client->dns.front()) + " " +
           client->fingerprint;
  exchange.respond(Response{200, {}, told});
}

std::string ask(TlsClient& client) {
  client.say(request);
  const std::string head = client.hear_head();
  const std::size_t at = head.find("Content-Length: ");
  if (at == std::string::npos) return "no answer";
  return client.hear(std::strtoul(head.c_str() + at + 16, nullptr, 10));
}

std::string name_for(std::uint16_t port, const char* server_name,
                     const char* signatures = nullptr) {
  TlsClient client(port, {.server_name = server_name, .signatures = signatures});
  return client.connected() ? client.certificate().dns.front() : "none";
}

}  // namespace

TEST_CASE("an exact name is taken before a wildcard, and the first certificate for the rest",
          "[http][tls]") {
  const Certificates files;
  LiveServer live(
      tell_client,
      {.tls = files.open({{files.make("first", {"first.test"}), files.make("wild", {"*.shop.test"}),
                           files.make("exact", {"www.shop.test", "shop.test"})}})});
  CHECK(name_for(live.port(), "www.shop.test") == "www.shop.test");
  CHECK(name_for(live.port(), "WWW.Shop.Test") == "www.shop.test");
  CHECK(name_for(live.port(), "shop.test") == "www.shop.test");
  CHECK(name_for(live.port(), "eu.shop.test") == "*.shop.test");
  CHECK(name_for(live.port(), "a.eu.shop.test") == "first.test");
  CHECK(name_for(live.port(), "unknown.test") == "first.test");
  CHECK(name_for(live.port(), nullptr) == "first.test");
}

TEST_CASE("ECDSA and RSA stand side by side under one name", "[http][tls]") {
  const Certificates files;
  const auto context =
      files.open({{files.make("ecdsa", {"other.test", "mark.test"}), files.rsa()}});
  LiveServer live(tell_client, {.tls = context});
  const auto has_mark = [&live](const char* name, const char* signatures) {
    TlsClient client(live.port(), {.server_name = name, .signatures = signatures});
    REQUIRE(client.connected());
    return client.certificate().dns.size() == 2;
  };
  CHECK(has_mark("other.test", nullptr));
  CHECK_FALSE(has_mark("other.test", "RSA-PSS+SHA256:RSA+SHA256"));
  CHECK(has_mark("unknown.test", nullptr));
  CHECK_FALSE(has_mark("unknown.test", "RSA-PSS+SHA256:RSA+SHA256"));
  CHECK(context->certificates().at(0).kind == CertificateKey::ecdsa);
  CHECK(context->certificates().at(1).kind == CertificateKey::rsa);
}

TEST_CASE("a session knows for which hosts its listener has certificates", "[http][tls]") {
  const Certificates files;
  const auto context = files.open(
      {{files.make("a", {"a.test", "127.0.0.1", "::1"}), files.make("b", {"*.b.test"})}});
  const TlsSession session(*context);
  for (const char* const yes : {"a.test", "A.test:8443", "x.b.test", "127.0.0.1", "127.0.0.1:443",
                                "[::1]:8443", "[::1]", "a.test."})
    CHECK((session.covers(yes) && yes != nullptr));
  for (const char* const no : {"b.test", "x.y.b.test", "a.test.evil", "127.0.0.2", "", ":443", "["})
    CHECK_FALSE((session.covers(no) && no != nullptr));
}

TEST_CASE("while a file is not there a self-signed certificate stands in, until it is",
          "[http][tls]") {
  const Certificates files;
  TlsCertificate later{
      files.directory / "later.pem", files.directory / "later.pem", {}, {"a.test", "b.test"}};
  const auto context = files.open({{later}});
  LiveServer live(tell_client, {.tls = context});
  CHECK(context->certificates().at(0).stands_in);
  CHECK(name_for(live.port(), "b.test") == "a.test");
  CHECK_FALSE(context->files_changed());

  files.make("later.pem", {"real.test"});
  CHECK(context->files_changed());
  REQUIRE(context->reload().ok());
  CHECK_FALSE(context->files_changed());
  CHECK_FALSE(context->certificates().at(0).stands_in);
  CHECK(name_for(live.port(), "b.test") == "real.test");

  files.directory.write("later.pem", "broken");  // what we had is kept, not stood in for
  CHECK(context->files_changed());
  CHECK_FALSE(context->reload().ok());
  CHECK_FALSE(context->files_changed());
  CHECK(name_for(live.port(), "b.test") == "real.test");

  REQUIRE(context->reload({{files.make("new.pem", {"new.test"})}}).ok());
  CHECK(name_for(live.port(), "b.test") == "new.test");
}

TEST_CASE("tickets open sessions across a rotation of their key, but not two", "[http][tls]") {
  Certificates files;
  LiveServer live(tell_client, {.tls = files.open({{files.make("a", {"a.test"})}}), .loops = 2});
  const auto resumes = [&live](SSL_SESSION* session) {
    TlsClient client(live.port(), {.version = TLS1_2_VERSION, .session = session});
    REQUIRE(client.connected());
    return ::SSL_session_reused(client.ssl()) == 1;
  };
  TlsClient first(live.port(), {.version = TLS1_2_VERSION});
  REQUIRE(ask(first) == "nobody");
  SSL_SESSION* const session = ::SSL_get1_session(first.ssl());
  CHECK(resumes(session));
  files.clock.advance(13h);
  CHECK(resumes(session));
  files.clock.advance(13h);
  CHECK_FALSE(resumes(session));
  ::SSL_SESSION_free(session);
  // The client's Finished is the last of such a handshake: the server may still have it to read.
  eventually([&] { return live.server().counters().tls_resumed == 2; });

  TlsClient later(live.port(), {.version = TLS1_2_VERSION});
  REQUIRE(ask(later) == "nobody");
  SSL_SESSION* const forgotten = ::SSL_get1_session(later.ssl());
  files.clock.advance(30h);  // nobody came meanwhile: the key is older than two lives
  CHECK_FALSE(resumes(forgotten));
  ::SSL_SESSION_free(forgotten);
}

// --- client certificates -------------------------------------------------------------------------

TEST_CASE("clients are asked for certificates, and a good one is told to the handler",
          "[http][tls]") {
  const Certificates files;
  const auto server = files.make("server", {"a.test"});
  const auto client = files.make("client", {"client.test"});
  const auto stranger = files.make("stranger", {"stranger.test"});
  const std::string print =
      base64url_of(parse_certificate(*read_file(client.certificate_file))->fingerprint);

  for (const auto mode :
       {ClientCertificates::off, ClientCertificates::request, ClientCertificates::require}) {
    LiveServer live(tell_client, {.tls = files.open({.certificates = {server},
                                                     .clients = mode,
                                                     .client_ca_file = client.certificate_file})});
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
      INFO("mode " << static_cast<int>(mode) << " version " << version);
      TlsClient nobody(live.port(), {.version = version});
      CHECK(ask(nobody) == (mode == ClientCertificates::require ? "no answer" : "nobody"));
      TlsClient known(live.port(), {.version = version, .identity = client.certificate_file});
      CHECK(ask(known) ==
            (mode == ClientCertificates::off ? "nobody" : "CN=client.test client.test " + print));
      TlsClient other(live.port(), {.version = version, .identity = stranger.certificate_file});
      CHECK(ask(other) == (mode == ClientCertificates::off ? "nobody" : "no answer"));
    }
  }
}

TEST_CASE("a resumed session keeps its client certificate, but not past other authorities",
          "[http][tls]") {
  const Certificates files;
  const auto server = files.make("server", {"a.test"});
  const auto client = files.make("client", {"client.test"});
  const auto other = files.make("other", {"other.test"});
  TlsSettings settings{.certificates = {server},
                       .clients = ClientCertificates::request,
                       .client_ca_file = client.certificate_file};
  const auto context = files.open(settings);
  LiveServer live(tell_client, {.tls = context});
  TlsClient first(live.port(), {.version = TLS1_2_VERSION, .identity = client.certificate_file});
  CHECK_THAT(ask(first), Catch::Contains("client.test"));
  SSL_SESSION* const session = ::SSL_get1_session(first.ssl());
  {
    TlsClient again(live.port(), {.version = TLS1_2_VERSION, .session = session});
    CHECK_THAT(ask(again), Catch::Contains("client.test"));
    CHECK(::SSL_session_reused(again.ssl()) == 1);
  }
  settings.client_ca_file = other.certificate_file;
  REQUIRE(context->reload(settings).ok());
  TlsClient later(live.port(), {.version = TLS1_2_VERSION, .session = session});
  CHECK(ask(later) != "CN=client.test client.test");
  CHECK((!later.connected() || ::SSL_session_reused(later.ssl()) == 0));
  ::SSL_SESSION_free(session);
}

TEST_CASE("authorities that are none are an error at open", "[http][tls]") {
  const Certificates files;
  files.directory.write("empty.pem", "nothing here\n");
  const auto server = files.make("server", {"a.test"});
  for (const char* const name : {"empty.pem", "absent.pem"}) {
    const auto made = TlsContext::open({.certificates = {server},
                                        .clients = ClientCertificates::require,
                                        .client_ca_file = files.directory / name},
                                       files.clock);
    REQUIRE_FALSE(made.ok());
    CHECK_THAT(made.error().text(), Catch::Contains(name));
  }
}

// --- OCSP ----------------------------------------------------------------------------------------

namespace {

// An answer about the certificate in `pem`, signed by its own key, good for an hour.
std::string ocsp_answer(const std::string& pem, int status, Wall now) {
  BIO* const bio = ::BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  EVP_PKEY* const key = ::PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
  X509* const certificate = ::PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  ::BIO_free(bio);
  OCSP_BASICRESP* const basic = ::OCSP_BASICRESP_new();
  OCSP_CERTID* const id = ::OCSP_cert_to_id(::EVP_sha1(), certificate, certificate);
  ASN1_TIME* const from = ::ASN1_TIME_set(nullptr, now.seconds());
  ASN1_TIME* const until = ::ASN1_TIME_set(nullptr, now.seconds() + 3600);
  ::OCSP_basic_add1_status(basic, id, status, 0, from, from, until);
  ::OCSP_basic_sign(basic, certificate, key, ::EVP_sha256(), nullptr, 0);
  OCSP_RESPONSE* const response = ::OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
  unsigned char* der = nullptr;
  const int bytes = ::i2d_OCSP_RESPONSE(response, &der);
  std::string answer(reinterpret_cast<char*>(der), static_cast<std::size_t>(bytes));
  ::OPENSSL_free(der);
  ::OCSP_RESPONSE_free(response);
  ::OCSP_BASICRESP_free(basic);
  ::OCSP_CERTID_free(id);
  ::ASN1_TIME_free(from);
  ::ASN1_TIME_free(until);
  ::X509_free(certificate);
  ::EVP_PKEY_free(key);
  return answer;
}

}  // namespace

TEST_CASE("a good OCSP answer is stapled while it lasts; another one is told and left out",
          "[http][tls]") {
  Certificates files;
  TlsCertificate certificate = files.make("a", {"a.test"});
  certificate.ocsp_file = files.directory / "a.ocsp";
  const std::string pem = *read_file(certificate.certificate_file);
  const std::string good = ocsp_answer(pem, V_OCSP_CERTSTATUS_GOOD, files.clock.wall());
  const auto context = files.open({{certificate}});
  LiveServer live(tell_client, {.tls = context});
  const auto stapled = [&live] {
    TlsClient client(live.port(), {.asks_status = true});
    REQUIRE(client.connected());
    return client.stapled();
  };
  CHECK(stapled().empty());
  CHECK_THAT(context->certificates().at(0).ocsp_problem, Catch::Contains("a.ocsp"));

  files.directory.write("a.ocsp", good);
  CHECK(context->files_changed());
  REQUIRE(context->reload().ok());
  CHECK((stapled() == good));
  CHECK(context->certificates().at(0).ocsp_problem.empty());
  CHECK(context->certificates().at(0).stapled_until.has_value());
  files.clock.advance(61min);
  CHECK(stapled().empty());
  REQUIRE(context->reload().ok());
  CHECK_THAT(context->certificates().at(0).ocsp_problem, Catch::Contains("out of date"));

  files.directory.write("a.ocsp", ocsp_answer(pem, V_OCSP_CERTSTATUS_UNKNOWN, files.clock.wall()));
  REQUIRE(context->reload().ok());
  CHECK_THAT(context->certificates().at(0).ocsp_problem, Catch::Contains("not good"));
  const std::string other = self_signed({{"b.test"}, files.clock.wall(), 24h});
  files.directory.write("a.ocsp", ocsp_answer(other, V_OCSP_CERTSTATUS_GOOD, files.clock.wall()));
  REQUIRE(context->reload().ok());
  CHECK_THAT(context->certificates().at(0).ocsp_problem, Catch::Contains("another certificate"));
  CHECK(stapled().empty());
}

// --- RFC 8737 ------------------------------------------------------------------------------------

TEST_CASE("only who offers acme-tls/1 alone for the name gets the proof", "[http][tls]") {
  const Certificates files;
  const auto client_ca = files.make("client", {"client.test"});
  const auto context = files.open({.certificates = {files.make("a", {"a.test"})},
                                   .clients = ClientCertificates::require,
                                   .client_ca_file = client_ca.certificate_file});
  LiveServer live(tell_client, {.tls = context});
  const std::string alone(
      "\x0a"
      "acme-tls/1");
  const std::string among = alone + "\x08http/1.1";
  REQUIRE(
      context
          ->set_challenge(
              "a.test",
              self_signed({{"a.test", "proof.test"}, files.clock.wall(), 1h, std::string(32, 'x')}))
          .ok());
  {
    TlsClient authority(live.port(), {.server_name = "a.test", .alpn_wire = alone});
    REQUIRE(authority.connected());
    CHECK(authority.alpn() == "acme-tls/1");
    CHECK(authority.certificate().dns.size() == 2);
    CHECK(ask(authority) == "no answer");  // else it would be a way round `require`
  }
  TlsClient usual(
      live.port(),
      {.server_name = "a.test", .alpn_wire = among, .identity = client_ca.certificate_file});
  CHECK(usual.alpn() == "http/1.1");
  CHECK(usual.certificate().dns.size() == 1);
  CHECK_FALSE(TlsClient(live.port(), {.server_name = "b.test", .alpn_wire = alone}).connected());
  context->clear_challenge("a.test");
  CHECK_FALSE(TlsClient(live.port(), {.server_name = "a.test", .alpn_wire = alone}).connected());
}

// --- how many ------------------------------------------------------------------------------------

TEST_CASE("a client that begins too many handshakes is closed at accept, until time has passed",
          "[http][tls][handshake]") {
  Certificates files;
  LiveOptions options{.tls = files.open({{files.make("a", {"a.test"})}}), .clock = &files.clock};
  options.limits.handshakes_per_second = 2;  // and a burst of 10
  options.limits.handshakes_spare_loopback = false;
  LiveServer live(tell_client, options);
  for (int i = 0; i < 10; ++i) CHECK(TlsClient(live.port()).connected());
  CHECK_FALSE(TlsClient(live.port()).connected());
  CHECK(live.server().counters().tls_limited == 1);
  files.clock.advance(1s);
  for (int i = 0; i < 2; ++i) CHECK(TlsClient(live.port()).connected());
  CHECK_FALSE(TlsClient(live.port()).connected());

  options.limits.handshakes_spare_loopback = true;
  LiveServer sparing(tell_client, options);
  for (int i = 0; i < 12; ++i) CHECK(TlsClient(sparing.port()).connected());
}
