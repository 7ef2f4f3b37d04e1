// Goal: the promises of tls.h: versions, certificates by name and key type, one flight per answer,
// reload, refusals. Method: a live server; OpenSSL as the client.

#include "certificates.h"
#include "live_server.h"
#include "support.h"

#include "base/bytes.h"

#include <catch2/catch.hpp>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <string>

using namespace weir;
using namespace weir::http;
using namespace weir::test;

namespace {

// A blocking TLS client over a RawClient's socket.
class TlsClient {
 public:
  struct Options {
    const char* server_name = "weir.test";
    int version = 0;  // 0 = any
    const char* ciphers_12 = nullptr;
    const char* signatures = nullptr;
    SSL_SESSION* session = nullptr;
    std::string alpn_wire = {};
    std::string before = {};  // plain bytes in front of the handshake
  };
  explicit TlsClient(std::uint16_t port) : TlsClient(port, Options{}) {}
  TlsClient(std::uint16_t port, const Options& options) : raw_(port) {
    context_ = ::SSL_CTX_new(::TLS_client_method());
    if (options.version != 0) {
      ::SSL_CTX_set_min_proto_version(context_, options.version);
      ::SSL_CTX_set_max_proto_version(context_, options.version);
    }
    if (options.ciphers_12 != nullptr)
      REQUIRE(::SSL_CTX_set_cipher_list(context_, options.ciphers_12) == 1);
    if (options.signatures != nullptr)
      REQUIRE(::SSL_CTX_set1_sigalgs_list(context_, options.signatures) == 1);
    if (!options.alpn_wire.empty())
      ::SSL_CTX_set_alpn_protos(context_,
                                reinterpret_cast<const unsigned char*>(options.alpn_wire.data()),
                                static_cast<unsigned>(options.alpn_wire.size()));
    ::SSL_CTX_set_session_cache_mode(context_,
                                     SSL_SESS_CACHE_OFF);  // a freed cache would spoil its sessions
    raw_.say(options.before);
    ssl_ = ::SSL_new(context_);
    ::SSL_set_fd(ssl_, raw_.descriptor());
    if (options.server_name != nullptr) ::SSL_set_tlsext_host_name(ssl_, options.server_name);
    if (options.session != nullptr) ::SSL_set_session(ssl_, options.session);
    connected_ = ::SSL_connect(ssl_) == 1;
    ::ERR_clear_error();
  }
  ~TlsClient() {
    if (connected_)
      ::SSL_shutdown(ssl_);  // else OpenSSL takes the session for broken and resumes it no more
    ::SSL_free(ssl_);
    ::SSL_CTX_free(context_);
  }
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  bool connected() const { return connected_; }
  SSL* ssl() { return ssl_; }
  void say(std::string_view bytes) {
    while (!bytes.empty()) {
      const int sent = ::SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()));
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  // As many bytes as asked for, or fewer at the end.
  std::string hear(std::size_t bytes) {
    while (buffer_.size() < bytes && fill()) {
    }
    const std::string heard = buffer_.substr(0, bytes);
    buffer_.erase(0, bytes);
    return heard;
  }
  std::string hear_answer(std::size_t body_bytes) {
    while (buffer_.find("\r\n\r\n") == std::string::npos)
      if (!fill()) return "";
    return hear(buffer_.find("\r\n\r\n") + 4 + body_bytes);
  }
  std::string common_name() {
    X509* const certificate = ::SSL_get1_peer_certificate(ssl_);
    if (certificate == nullptr) return "";
    char name[256] = {};
    ::X509_NAME_get_text_by_NID(::X509_get_subject_name(certificate), NID_commonName, name,
                                sizeof name);
    ::X509_free(certificate);
    return name;
  }

 private:
  bool fill() {
    char piece[16 * KiB];
    const int count = ::SSL_read(ssl_, piece, sizeof piece);
    ::ERR_clear_error();
    if (count <= 0) return false;
    buffer_.append(piece, static_cast<std::size_t>(count));
    return true;
  }

  RawClient raw_;
  std::string buffer_;
  SSL_CTX* context_ = nullptr;
  SSL* ssl_ = nullptr;
  bool connected_ = false;
};

struct Files {
  TemporaryDirectory directory;
  SystemClock clock;
  Files() {
    directory.write("ecdsa.pem", ecdsa_certificate);
    directory.write("ecdsa.key", ecdsa_key);
    directory.write("rsa.pem", rsa_certificate);
    directory.write("rsa.key", rsa_key);
  }
  TlsCertificate ecdsa() const { return {directory / "ecdsa.pem", directory / "ecdsa.key"}; }
  TlsCertificate rsa() const { return {directory / "rsa.pem", directory / "rsa.key"}; }
  std::shared_ptr<TlsContext> open(std::vector<TlsCertificate> certificates) {
    auto made = TlsContext::open({std::move(certificates)}, clock);
    if (!made.ok()) FAIL(made.error().text());
    return *made;
  }
};

void secure_echo(Exchange& exchange) {
  exchange.read_body(1 * MiB, [](Exchange& whole) {
    whole.respond(Response{
        200,
        {},
        std::string(whole.request().secure ? "tls " : "plain ") + std::string(whole.body())});
  });
}

const std::string request = "GET / HTTP/1.1\r\nHost: weir.test\r\n\r\n";

}  // namespace

TEST_CASE("TLS 1.3 and 1.2 with AEAD are served, older or weaker is not", "[http][tls]") {
  Files files;
  LiveServer live(secure_echo, {.tls = files.open({files.ecdsa(), files.rsa()})});
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsClient client(live.port(), {.version = version});
    REQUIRE(client.connected());
    for (int i = 0; i < 3; ++i) {
      client.say(request);
      CHECK(client.hear_answer(4).ends_with("tls "));
    }
  }
  CHECK_FALSE(TlsClient(live.port(), {.version = TLS1_1_VERSION, .ciphers_12 = "ALL:@SECLEVEL=0"})
                  .connected());
  CHECK_FALSE(TlsClient(live.port(), {.version = TLS1_2_VERSION, .ciphers_12 = "AES128-GCM-SHA256"})
                  .connected());
  CHECK_FALSE(
      TlsClient(live.port(), {.version = TLS1_2_VERSION, .ciphers_12 = "ECDHE-ECDSA-AES128-SHA"})
          .connected());
  CHECK_FALSE(
      TlsClient(live.port(), {.version = TLS1_2_VERSION, .ciphers_12 = "DHE-RSA-AES128-GCM-SHA256"})
          .connected());
  CHECK(live.server().counters().tls_handshakes == 2);
}

TEST_CASE("the certificate is chosen by server name and by what the client can verify",
          "[http][tls]") {
  Files files;
  LiveServer live(secure_echo, {.tls = files.open({files.ecdsa(), files.rsa()})});
  CHECK(TlsClient(live.port(), {.server_name = "weir.test"}).common_name() == "weir.test");
  CHECK(TlsClient(live.port(), {.server_name = "other.test"}).common_name() == "other.test");
  CHECK(TlsClient(live.port(), {.server_name = "unknown.test"}).common_name() == "weir.test");
  CHECK(TlsClient(live.port(), {.server_name = nullptr}).common_name() == "weir.test");
}

TEST_CASE("answers of any size arrive whole over TLS, pipelined and with bodies", "[http][tls]") {
  Files files;
  std::string pattern;
  for (int i = 0; pattern.size() < 3 * MiB; ++i) pattern += std::to_string(i) + ' ';
  auto made = prepare(200, {}, std::make_shared<const std::string>(pattern));
  REQUIRE(made.ok());
  const auto page = *made;
  LiveServer live(
      [page](Exchange& exchange) {
        if (exchange.request().path == "/page") exchange.respond(page);
        else secure_echo(exchange);
      },
      {.tls = files.open({files.ecdsa()})});
  TlsClient client(live.port());
  REQUIRE(client.connected());
  const std::string get_page = "GET /page HTTP/1.1\r\nHost: a\r\n\r\n";
  client.say(get_page + get_page + request);
  for (int i = 0; i < 2; ++i) {
    const std::string answer = client.hear_answer(pattern.size());
    CHECK((answer.substr(answer.find("\r\n\r\n") + 4) == pattern));
  }
  CHECK(client.hear_answer(4).ends_with("tls "));
  const std::string body(200 * KiB, 'b');
  client.say("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) +
             "\r\n\r\n" + body);
  CHECK(client.hear_answer(body.size() + 4).ends_with("tls " + body));
  client.say("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  CHECK(client.hear_answer(4).ends_with("tls "));
  CHECK(client.hear(1).empty());
  CHECK((::SSL_get_shutdown(client.ssl()) & SSL_RECEIVED_SHUTDOWN) != 0);  // with a goodbye
}

TEST_CASE("a session is resumed by its ticket, on whichever loop", "[http][tls]") {
  Files files;
  LiveServer live(secure_echo, {.tls = files.open({files.ecdsa()}), .loops = 2});
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsClient first(live.port(), {.version = version});
    REQUIRE(first.connected());
    first.say(request);
    first.hear_answer(4);
    SSL_SESSION* session = ::SSL_get1_session(first.ssl());
    for (int i = 0; i < 6; ++i) {
      TlsClient again(live.port(), {.version = version, .session = session});
      REQUIRE(again.connected());
      INFO("version " << version << " round " << i);
      CHECK(::SSL_session_reused(again.ssl()) == 1);
      again.say(request);
      again.hear_answer(4);
      ::SSL_SESSION_free(session);
      session = ::SSL_get1_session(again.ssl());  // in TLS 1.3 a ticket is good for one use
    }
    ::SSL_SESSION_free(session);
  }
}

TEST_CASE("a PROXY header stands in front of the handshake, not within", "[http][tls]") {
  Files files;
  const auto say_peer = [](Exchange& exchange) {
    exchange.respond(Response{200, {}, exchange.request().peer->text()});
  };
  LiveServer live(say_peer, {.tls = files.open({files.ecdsa()}),
                             .is_exempt = [](const Peer&) { return true; },
                             .proxy_protocol = true});
  TlsClient client(live.port(), {.before = "PROXY TCP4 192.0.2.9 198.51.100.1 56324 443\r\n"});
  REQUIRE(client.connected());
  client.say(request);
  CHECK(client.hear_answer(9).ends_with("192.0.2.9"));
  CHECK_FALSE(TlsClient(live.port()).connected());
}

TEST_CASE("ALPN agrees on h2 or http/1.1, and on nothing else", "[http][tls]") {
  Files files;
  LiveServer live(secure_echo, {.tls = files.open({files.ecdsa()})});
  const auto agreed = [&live](const std::string& offered) {
    TlsClient client(live.port(), {.alpn_wire = offered});
    if (!client.connected()) return std::string("refused");
    const unsigned char* name = nullptr;
    unsigned bytes = 0;
    ::SSL_get0_alpn_selected(client.ssl(), &name, &bytes);
    return std::string(reinterpret_cast<const char*>(name), bytes);
  };
  CHECK(agreed(std::string("\x08http/1.1\x02h2", 12)) == "h2");
  CHECK(agreed(std::string("\x08http/1.1", 9)) == "http/1.1");
  CHECK(agreed("").empty());
  CHECK(agreed(std::string("\x04spdy", 5)) == "refused");
}

TEST_CASE("plain words on a TLS port, and a half handshake, are only closed", "[http][tls]") {
  Files files;
  ManualClock clock;
  LiveServer live(secure_echo, {.tls = files.open({files.ecdsa()}), .clock = &clock});
  RawClient plain(live.port());
  plain.say(request);
  const std::string heard = plain.hear_all();
  CHECK(heard.find("HTTP") == std::string::npos);
  RawClient half(live.port());
  half.say("\x16\x03\x01");
  live.wait_for_bytes(request.size() + 3);
  for (int i = 0; i < 11; ++i) {
    clock.advance(std::chrono::seconds(1));
    live.turn();
  }
  CHECK(half.ends());
  CHECK(live.server().counters().tls_failures == 2);
}

TEST_CASE("reload swaps the certificate for later handshakes, and a bad file keeps the old one",
          "[http][tls]") {
  Files files;
  const auto context = files.open({files.ecdsa()});
  LiveServer live(secure_echo, {.tls = context});
  TlsClient before(live.port());
  CHECK(before.common_name() == "weir.test");

  files.directory.write("ecdsa.pem", rsa_certificate);
  const Status mismatch = context->reload();
  REQUIRE_FALSE(mismatch.ok());
  CHECK(mismatch.error().what.find("ecdsa") != std::string::npos);
  CHECK(TlsClient(live.port()).common_name() == "weir.test");

  files.directory.write("ecdsa.key", rsa_key);
  REQUIRE(context->reload().ok());
  CHECK(TlsClient(live.port()).common_name() == "other.test");
  before.say(request);
  CHECK(before.hear_answer(4).ends_with("tls "));
}

TEST_CASE("files that are not what they should be are named at open", "[http][tls]") {
  Files files;
  files.directory.write("garbage.pem", "not a certificate");
  const auto what = [&files](const TlsCertificate& certificate) {
    const auto made = TlsContext::open({{certificate}}, files.clock);
    REQUIRE_FALSE(made.ok());
    return made.error().what;
  };
  CHECK(what({files.directory / "none.pem", files.ecdsa().key_file}).find("none.pem") !=
        std::string::npos);
  CHECK(what({files.directory / "garbage.pem", files.ecdsa().key_file}).find("garbage.pem") !=
        std::string::npos);
  CHECK(
      what({files.ecdsa().certificate_file, files.directory / "garbage.pem"}).find("garbage.pem") !=
      std::string::npos);
  CHECK(what({files.ecdsa().certificate_file, files.rsa().key_file}).find("ecdsa.pem") !=
        std::string::npos);
  CHECK_FALSE(TlsContext::open({}, files.clock).ok());
}

namespace {
class TunnelEcho : public TunnelSink {
 public:
  void on_bytes(Tunnel& tunnel, std::string_view bytes) override {
    tunnel.write(bytes);
    if (bytes.ends_with("bye")) tunnel.close();
  }
  void on_room(Tunnel&) override {}
  void on_end(Tunnel&, Ending) override {}
};
}  // namespace

TEST_CASE("a tunnel over TLS carries bytes both ways", "[http][tls][seams]") {
  Files files;
  TunnelEcho echo;
  LiveServer live(
      [&echo](Exchange& exchange) {
        exchange.open_tunnel({200, {}, {}}, echo);
      },
      {.tls = files.open({files.ecdsa()})});
  TlsClient client(live.port());
  client.say("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nearly");
  CHECK(client.hear_answer(5).ends_with("\r\nUpgrade: echo\r\n\r\nearly"));
  const std::string much(200'000, 'm');
  client.say(much);
  CHECK(client.hear(much.size()) == much);
  client.say("bye");
  CHECK(client.hear(100) == "bye");
  CHECK(live.wait_for_seen(1).ending == Ending::complete);
}
