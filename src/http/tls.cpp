#include "http/tls.h"

#include "base/bytes.h"
#include "base/crypto.h"
#include "base/file.h"
#include "base/guarded.h"
#include "base/must.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <mutex>

namespace weir::http {
namespace {

constexpr const char* ciphers_12 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:"
    "ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384";
constexpr const char* ciphers_13 =
    "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384";
constexpr auto ticket_key_life = std::chrono::hours(12);

using ContextPointer = std::unique_ptr<SSL_CTX, decltype(&::SSL_CTX_free)>;

std::string openssl_reason() {
  const unsigned long code = ::ERR_get_error();
  char text[256] = "no reason given";
  if (code != 0) ::ERR_error_string_n(code, text, sizeof text);
  ::ERR_clear_error();
  return text;
}

// One key for tickets: a name, an AES key and a MAC key, as OpenSSL's ticket key interface takes
// them.
struct TicketKey {
  std::array<unsigned char, 16> name{};
  std::array<unsigned char, 32> aes{};
  std::array<unsigned char, 32> mac{};
};

TicketKey random_ticket_key() {
  TicketKey key;
  const std::string bytes = random_bytes(key.name.size() + key.aes.size() + key.mac.size());
  std::memcpy(key.name.data(), bytes.data(), key.name.size());
  std::memcpy(key.aes.data(), bytes.data() + key.name.size(), key.aes.size());
  std::memcpy(key.mac.data(), bytes.data() + key.name.size() + key.aes.size(), key.mac.size());
  return key;
}

}  // namespace

struct TlsContext::State {
  State(TlsSettings s, const Clock& c) : settings(std::move(s)), clock(c) {}
  const TlsSettings settings;
  const Clock& clock;
  std::string alpn_wire;  // our protocols, each with its length in front

  // The current certificates. Swapped whole by reload; a session keeps the context it began with.
  struct Contexts {
    std::vector<ContextPointer> each;  // by certificate, first = default
  };
  Guarded<std::shared_ptr<const Contexts>> contexts;

  // The current ticket key and the one before it, which still opens tickets.
  struct Tickets {
    TicketKey now;
    TicketKey before;
    Mono made;
  };
  Guarded<Tickets> tickets;

  Result<ContextPointer> make_context(const TlsCertificate& certificate);
  Result<std::shared_ptr<const Contexts>> make_contexts();

  static int choose_alpn(SSL*, const unsigned char** out, unsigned char* out_bytes,
                         const unsigned char* offered, unsigned offered_bytes, void* state);
  static int choose_certificate(SSL* ssl, int* alert, void* state);
  static int ticket_key(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                        EVP_MAC_CTX* mac, int encrypting);
};

namespace {

int state_index() {
  static const int index = ::SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

}  // namespace

Result<ContextPointer> TlsContext::State::make_context(const TlsCertificate& certificate) {
  ContextPointer context(::SSL_CTX_new(::TLS_server_method()), &::SSL_CTX_free);
  MUST(context != nullptr);
  SSL_CTX* const raw = context.get();
  MUST(::SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION) == 1);
  MUST(::SSL_CTX_set_cipher_list(raw, ciphers_12) == 1);
  MUST(::SSL_CTX_set_ciphersuites(raw, ciphers_13) == 1);
  MUST(::SSL_CTX_set1_groups_list(raw, "X25519:P-256") == 1);
  ::SSL_CTX_set_options(raw, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_RENEGOTIATION |
                                 SSL_OP_NO_COMPRESSION | SSL_OP_PRIORITIZE_CHACHA |
                                 SSL_OP_IGNORE_UNEXPECTED_EOF);
  ::SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  ::SSL_CTX_set_read_ahead(raw, 1);
  ::SSL_CTX_set_session_cache_mode(
      raw, SSL_SESS_CACHE_OFF);  // tickets only: no shared state between loops
  ::SSL_CTX_set_num_tickets(raw, 1);
  static constexpr unsigned char session_context[] = "weir";
  MUST(::SSL_CTX_set_session_id_context(raw, session_context, sizeof session_context - 1) == 1);
  ::SSL_CTX_set_ex_data(raw, state_index(), this);
  ::SSL_CTX_set_alpn_select_cb(raw, &State::choose_alpn, this);
  ::SSL_CTX_set_client_hello_cb(raw, &State::choose_certificate, this);
  ::SSL_CTX_set_tlsext_ticket_key_evp_cb(raw, &State::ticket_key);

  ::ERR_clear_error();
  // The files are read by us first, so that a missing one is named with the kernel's reason.
  for (const std::string* const path : {&certificate.certificate_file, &certificate.key_file})
    TRY(read_file(*path));
  if (::SSL_CTX_use_certificate_chain_file(raw, certificate.certificate_file.c_str()) != 1)
    return Error{Errc::invalid, certificate.certificate_file +
                                    ": expected a PEM certificate: " + openssl_reason()};
  ::SSL_CTX_set_default_passwd_cb(
      raw, [](char*, int, int, void*) { return -1; });  // never ask at a terminal
  if (::SSL_CTX_use_PrivateKey_file(raw, certificate.key_file.c_str(), SSL_FILETYPE_PEM) != 1)
    return Error{
        Errc::invalid,
        certificate.key_file +
            ": expected the certificate's own PEM key without a passphrase: " + openssl_reason()};
  if (::SSL_CTX_check_private_key(raw) != 1)
    return Error{Errc::invalid, certificate.key_file + ": the key does not belong to " +
                                    certificate.certificate_file + ": " + openssl_reason()};
  return context;
}

Result<std::shared_ptr<const TlsContext::State::Contexts>> TlsContext::State::make_contexts() {
  auto made = std::make_shared<Contexts>();
  for (const TlsCertificate& certificate : settings.certificates)
    made->each.push_back(TRY(make_context(certificate)));
  return std::shared_ptr<const Contexts>(std::move(made));
}

int TlsContext::State::choose_alpn(SSL*, const unsigned char** out, unsigned char* out_bytes,
                                   const unsigned char* offered, unsigned offered_bytes,
                                   void* state) {
  const std::string& ours = static_cast<const State*>(state)->alpn_wire;
  unsigned char* chosen = nullptr;
  const int agreed = ::SSL_select_next_proto(
      &chosen, out_bytes, reinterpret_cast<const unsigned char*>(ours.data()),
      static_cast<unsigned>(ours.size()), offered, offered_bytes);
  if (agreed != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

namespace {

// The server name in a ClientHello (RFC 6066 3): list length, type 0, name length, name. Empty when
// there is none.
std::string_view server_name_of(SSL* ssl) {
  const unsigned char* data = nullptr;
  std::size_t bytes = 0;
  if (::SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &data, &bytes) != 1 || bytes < 5)
    return {};
  const std::size_t name_bytes = std::size_t{data[3]} << 8 | data[4];
  if (data[2] != TLSEXT_NAMETYPE_host_name || name_bytes != bytes - 5) return {};
  return {reinterpret_cast<const char*>(data + 5), name_bytes};
}

bool certificate_names(SSL_CTX* context, std::string_view name) {
  ::X509* const certificate = ::SSL_CTX_get0_certificate(context);
  return certificate != nullptr &&
         ::X509_check_host(certificate, name.data(), name.size(), 0, nullptr) == 1;
}

bool is_ecdsa(SSL_CTX* context) {
  ::EVP_PKEY* const key = ::SSL_CTX_get0_privatekey(context);
  return key != nullptr && ::EVP_PKEY_get_base_id(key) == EVP_PKEY_EC;
}

// Whether the client says that it can verify ECDSA with P-256 or P-384 (signature_algorithms, RFC
// 8446 4.2.3).
bool verifies_ecdsa(SSL* ssl) {
  const unsigned char* data = nullptr;
  std::size_t bytes = 0;
  if (::SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_signature_algorithms, &data, &bytes) != 1)
    return false;
  for (std::size_t i = 2; i + 1 < bytes; i += 2) {
    const unsigned scheme = static_cast<unsigned>(data[i]) << 8 | data[i + 1];
    if (scheme == 0x0403 || scheme == 0x0503) return true;
  }
  return false;
}

}  // namespace

// Each certificate has a context of its own; the one whose names match SNI is taken, ECDSA first
// where the client can verify it. Without a match the first certificate answers.
int TlsContext::State::choose_certificate(SSL* ssl, int*, void* state) {
  const auto contexts =
      static_cast<State*>(state)->contexts.with([](const auto& current) { return current; });
  const std::string_view name = server_name_of(ssl);
  const bool ecdsa = verifies_ecdsa(ssl);
  SSL_CTX* chosen = nullptr;
  for (const ContextPointer& context : contexts->each) {
    if (is_ecdsa(context.get()) && !ecdsa) continue;
    const bool matches = !name.empty() && certificate_names(context.get(), name);
    if (!matches) continue;
    if (chosen == nullptr || (is_ecdsa(context.get()) && !is_ecdsa(chosen))) chosen = context.get();
  }
  if (chosen == nullptr) chosen = contexts->each.front().get();
  if (chosen != ::SSL_get_SSL_CTX(ssl)) ::SSL_set_SSL_CTX(ssl, chosen);  // holds its own reference
  return SSL_CLIENT_HELLO_SUCCESS;
}

int TlsContext::State::ticket_key(SSL* ssl, unsigned char* name, unsigned char* iv,
                                  EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, int encrypting) {
  auto* const state =
      static_cast<State*>(::SSL_CTX_get_ex_data(::SSL_get_SSL_CTX(ssl), state_index()));
  const Mono now = state->clock.mono();
  const Tickets tickets = state->tickets.with([now](Tickets& current) {
    if (now - current.made >= ticket_key_life) {
      current.before = current.now;
      current.now = random_ticket_key();
      current.made = now;
    }
    return current;
  });
  const TicketKey* key = &tickets.now;
  int answer = ::SSL_version(ssl) == TLS1_3_VERSION
                   ? 2
                   : 1;  // in 1.3 a ticket is good for one use: 2 = give a new one
  if (encrypting != 0) {
    answer = 1;
    const std::string vector = random_bytes(EVP_MAX_IV_LENGTH);
    std::memcpy(iv, vector.data(), vector.size());
    std::memcpy(name, key->name.data(), key->name.size());
  } else if (std::memcmp(name, tickets.now.name.data(), tickets.now.name.size()) != 0) {
    if (std::memcmp(name, tickets.before.name.data(), tickets.before.name.size()) != 0)
      return 0;  // a full handshake
    key = &tickets.before;
    answer = 2;
  }
  char digest[] = "SHA256";
  const OSSL_PARAM parameters[] = {
      ::OSSL_PARAM_construct_octet_string(
          OSSL_MAC_PARAM_KEY, const_cast<unsigned char*>(key->mac.data()), key->mac.size()),
      ::OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      ::OSSL_PARAM_construct_end()};
  if (::EVP_MAC_CTX_set_params(mac, parameters) != 1) return -1;
  const int ready =
      encrypting != 0
          ? ::EVP_EncryptInit_ex(cipher, ::EVP_aes_256_cbc(), nullptr, key->aes.data(), iv)
          : ::EVP_DecryptInit_ex(cipher, ::EVP_aes_256_cbc(), nullptr, key->aes.data(), iv);
  return ready == 1 ? answer : -1;
}

// --- TlsContext ----------------------------------------------------------------------------------

TlsContext::TlsContext(std::unique_ptr<State> state) : state_(std::move(state)) {}
TlsContext::~TlsContext() = default;

Result<std::shared_ptr<TlsContext>> TlsContext::open(TlsSettings settings, const Clock& clock) {
  if (settings.certificates.empty())
    return Error{Errc::invalid, "TLS needs at least one certificate"};
  auto state = std::make_unique<State>(std::move(settings), clock);
  for (const std::string& protocol : state->settings.alpn) {
    MUST(!protocol.empty());
    MUST(protocol.size() < 256);
    state->alpn_wire += static_cast<char>(protocol.size());
    state->alpn_wire += protocol;
  }
  state->tickets.with([&clock](State::Tickets& tickets) {
    tickets = {random_ticket_key(), random_ticket_key(), clock.mono()};
  });
  const auto contexts = TRY(state->make_contexts());
  state->contexts.with([&contexts](auto& current) { current = contexts; });
  return std::shared_ptr<TlsContext>(new TlsContext(std::move(state)));
}

Status TlsContext::reload() {
  const auto contexts = TRY(state_->make_contexts());
  state_->contexts.with([&contexts](auto& current) { current = contexts; });
  return done;
}

// --- TlsSession ----------------------------------------------------------------------------------

// The BIO between OpenSSL and a TlsSession: reads take from session.input_, writes append to
// session.output_.
struct TlsBio {
  static int read(BIO* bio, char* into, std::size_t bytes, std::size_t* taken) {
    auto* const session = static_cast<TlsSession*>(::BIO_get_data(bio));
    ::BIO_clear_retry_flags(bio);
    *taken = std::min(bytes, session->input_.size());
    if (*taken == 0) {
      ::BIO_set_retry_read(bio);
      return 0;
    }
    std::memcpy(into, session->input_.data(), *taken);
    session->input_.remove_prefix(*taken);
    return 1;
  }
  static int write(BIO* bio, const char* bytes, std::size_t count, std::size_t* written) {
    auto* const session = static_cast<TlsSession*>(::BIO_get_data(bio));
    MUST(session->output_ != nullptr);
    session->output_->append(bytes, count);
    *written = count;
    return 1;
  }
  static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }
  static int create(BIO* bio) {
    ::BIO_set_init(bio, 1);
    return 1;
  }
  static BIO_METHOD* method() {
    static BIO_METHOD* const made = [] {
      BIO_METHOD* const fresh =
          ::BIO_meth_new(::BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "weir memory");
      MUST(fresh != nullptr);
      ::BIO_meth_set_read_ex(fresh, &TlsBio::read);
      ::BIO_meth_set_write_ex(fresh, &TlsBio::write);
      ::BIO_meth_set_ctrl(fresh, &TlsBio::control);
      ::BIO_meth_set_create(fresh, &TlsBio::create);
      return fresh;
    }();
    return made;
  }
};

TlsSession::TlsSession(TlsContext& context) {
  const auto contexts = context.state_->contexts.with([](const auto& current) { return current; });
  ssl_ = ::SSL_new(contexts->each.front().get());
  MUST(ssl_ != nullptr);
  BIO* const bio = ::BIO_new(TlsBio::method());
  MUST(bio != nullptr);
  ::BIO_set_data(bio, this);
  ::SSL_set_bio(ssl_, bio, bio);
  ::SSL_set_accept_state(ssl_);
}

TlsSession::~TlsSession() { ::SSL_free(ssl_); }

TlsSession::Read TlsSession::read(std::string_view input, char* into, std::size_t into_bytes,
                                  std::string& output) {
  if (!input.empty()) input_ = input;
  output_ = &output;
  std::size_t plain = 0;
  ::ERR_clear_error();
  const int ok = ::SSL_read_ex(ssl_, into, into_bytes, &plain);
  output_ = nullptr;
  if (ok == 1) return {Step::data, plain};
  switch (::SSL_get_error(ssl_, ok)) {
    case SSL_ERROR_WANT_READ: return {Step::more, 0};
    case SSL_ERROR_ZERO_RETURN: return {Step::closed, 0};
    default: ::ERR_clear_error(); return {Step::failed, 0};
  }
}

bool TlsSession::write(std::string_view plain, std::string& output) {
  output_ = &output;
  ::ERR_clear_error();
  bool ok = true;
  while (ok && !plain.empty()) {
    std::size_t written = 0;
    ok = ::SSL_write_ex(ssl_, plain.data(), plain.size(), &written) == 1;
    plain.remove_prefix(written);
  }
  output_ = nullptr;
  if (!ok) ::ERR_clear_error();
  return ok;
}

void TlsSession::say_goodbye(std::string& output) {
  if (!established()) return;
  output_ = &output;
  ::ERR_clear_error();
  ::SSL_shutdown(ssl_);
  ::ERR_clear_error();
  output_ = nullptr;
}

bool TlsSession::established() const { return ::SSL_is_init_finished(ssl_) == 1; }

std::string_view TlsSession::alpn() const {
  const unsigned char* name = nullptr;
  unsigned bytes = 0;
  ::SSL_get0_alpn_selected(ssl_, &name, &bytes);
  return {reinterpret_cast<const char*>(name), bytes};
}

std::string_view TlsSession::server_name() const {
  const char* const name = ::SSL_get_servername(ssl_, TLSEXT_NAMETYPE_host_name);
  return name == nullptr ? std::string_view{} : std::string_view(name);
}

}  // namespace weir::http
