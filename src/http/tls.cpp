// The only file that knows libssl: contexts, certificates by name, stapling, tickets, and the
// handshake and records of one connection. Long because the library has one room.

#include "http/tls.h"

#include "base/bytes.h"
#include "base/crypto.h"
#include "base/file.h"
#include "base/guarded.h"
#include "base/must.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/stat.h>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <map>
#include <unordered_map>

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

struct Free {
  void operator()(BIO* it) const { ::BIO_free_all(it); }
  void operator()(X509* it) const { ::X509_free(it); }
  void operator()(EVP_PKEY* it) const { ::EVP_PKEY_free(it); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

Owned<BIO> reader_of(std::string_view bytes) {
  Owned<BIO> bio(::BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
  MUST(bio != nullptr);
  return bio;
}

// What a callback needs to know of the context it is called for. Lives and dies with its SSL_CTX,
// which a handshake may hold for longer than a reload.
struct ContextFacts {
  void* state = nullptr;  // TlsContext::State; outlives every session of it
  std::string ocsp;       // DER; empty = none
  Wall ocsp_until;
};

int facts_index() {
  static const int index = ::SSL_CTX_get_ex_new_index(
      0, nullptr, nullptr, nullptr, [](void*, void* facts, CRYPTO_EX_DATA*, int, long, void*) {
        delete static_cast<ContextFacts*>(facts);
      });
  return index;
}

ContextFacts& facts_of(SSL_CTX* context) {
  return *static_cast<ContextFacts*>(::SSL_CTX_get_ex_data(context, facts_index()));
}

// Tells whether a file is still the one that was read.
struct FileStamp {
  dev_t device = 0;
  ino_t inode = 0;
  std::int64_t modified_ns = 0;
  off_t bytes = -1;  // not there
  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};

FileStamp stamp_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return {};
  return {status.st_dev, status.st_ino,
          status.st_mtim.tv_sec * std::int64_t{1'000'000'000} + status.st_mtim.tv_nsec,
          status.st_size};
}

constexpr std::string_view acme_protocol = "acme-tls/1";  // RFC 8737 6.2
constexpr auto stand_in_life = std::chrono::hours(24 * 365);

}  // namespace

struct TlsContext::State {
  explicit State(const Clock& c) : clock(c) {}
  const Clock& clock;
  std::string alpn_wire;  // our protocols, each with its length in front

  struct Entry {
    ContextPointer context{nullptr, &::SSL_CTX_free};
    ServedCertificate served;
  };
  // The best certificate of each kind for one name.
  struct Choice {
    SSL_CTX* ecdsa = nullptr;
    SSL_CTX* rsa = nullptr;
    bool is_none() const { return ecdsa == nullptr && rsa == nullptr; }
    SSL_CTX* for_client(bool verifies_ecdsa) const {
      if (ecdsa != nullptr && (verifies_ecdsa || rsa == nullptr)) return ecdsa;
      return rsa;
    }
  };
  using Names = std::unordered_map<std::string, Choice, StringHash, std::equal_to<>>;
  // The current certificates. Swapped whole by reload; a session keeps the context it began with.
  struct Contexts {
    TlsSettings settings;     // that they were made from
    std::vector<Entry> each;  // in the order of the settings
    Names exact, wildcard;    // the latter without the star: ".example.com"
    Choice standard;          // for whoever names nobody that we know
    void index();
    Choice find(std::string_view name) const;
  };
  Guarded<std::shared_ptr<const Contexts>> contexts;
  Guarded<std::vector<FileStamp>> stamps;  // of the last attempt to read them
  std::shared_ptr<const Contexts> current() const {
    return contexts.with([](const auto& held) { return held; });
  }

  std::atomic<std::size_t> challenges_count{0};  // so that a handshake takes no lock for none
  using Challenge = std::shared_ptr<SSL_CTX>;
  Guarded<std::map<std::string, Challenge, std::less<>>> challenges;

  // The current ticket key and the one before it, which still opens tickets.
  struct Tickets {
    TicketKey now;
    TicketKey before;
    Mono made;
  };
  Guarded<Tickets> tickets;

  ContextPointer make_bare_context();
  Status use_pem(SSL_CTX* context, const TlsCertificate& names, std::string_view certificate,
                 std::string_view key) const;
  static Status ask_clients(SSL_CTX* context, const TlsSettings& settings);
  void staple(Entry& entry, const TlsCertificate& certificate, std::string_view chain) const;
  Result<Entry> make_entry(const TlsCertificate& certificate);
  Entry make_stand_in(const TlsCertificate& certificate);
  bool may_stand_in(const TlsCertificate& certificate) const;
  Status use(TlsSettings settings);
  static std::vector<FileStamp> look_at_files(const TlsSettings& settings);

  static int choose_alpn(SSL*, const unsigned char** out, unsigned char* out_bytes,
                         const unsigned char* offered, unsigned offered_bytes, void* state);
  static int choose_certificate(SSL* ssl, int* alert, void* state);
  static int answer_status(SSL* ssl, void*);
  static int ticket_key(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                        EVP_MAC_CTX* mac, int encrypting);
};

ContextPointer TlsContext::State::make_bare_context() {
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
  auto facts = std::make_unique<ContextFacts>();
  facts->state = this;
  MUST(::SSL_CTX_set_ex_data(raw, facts_index(), facts.release()) == 1);
  ::SSL_CTX_set_alpn_select_cb(raw, &State::choose_alpn, this);
  ::SSL_CTX_set_client_hello_cb(raw, &State::choose_certificate, this);
  ::SSL_CTX_set_tlsext_ticket_key_evp_cb(raw, &State::ticket_key);
  ::SSL_CTX_set_tlsext_status_cb(raw, &State::answer_status);
  ::SSL_CTX_set_default_passwd_cb(
      raw, [](char*, int, int, void*) { return -1; });  // never ask at a terminal
  return context;
}

Status TlsContext::State::use_pem(SSL_CTX* context, const TlsCertificate& names,
                                  std::string_view certificate, std::string_view key) const {
  ::ERR_clear_error();
  const Owned<BIO> chain = reader_of(certificate);
  const Owned<X509> first(::PEM_read_bio_X509_AUX(chain.get(), nullptr, nullptr, nullptr));
  if (first == nullptr || ::SSL_CTX_use_certificate(context, first.get()) != 1)
    return Error{Errc::invalid,
                 names.certificate_file + ": expected a PEM certificate: " + openssl_reason()};
  while (X509* const link = ::PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr))
    MUST(::SSL_CTX_add0_chain_cert(context, link) == 1);
  const unsigned long last = ::ERR_peek_last_error();
  if (ERR_GET_LIB(last) != ERR_LIB_PEM || ERR_GET_REASON(last) != PEM_R_NO_START_LINE)
    return Error{Errc::invalid, names.certificate_file +
                                    ": a certificate of the chain is broken: " + openssl_reason()};
  ::ERR_clear_error();
  const Owned<BIO> key_reader = reader_of(key);
  const Owned<EVP_PKEY> private_key(::PEM_read_bio_PrivateKey(
      key_reader.get(), nullptr, ::SSL_CTX_get_default_passwd_cb(context), nullptr));
  if (private_key == nullptr)
    return Error{
        Errc::invalid,
        names.key_file +
            ": expected the certificate's own PEM key without a passphrase: " + openssl_reason()};
  if (::SSL_CTX_use_PrivateKey(context, private_key.get()) != 1 ||
      ::SSL_CTX_check_private_key(context) != 1)
    return Error{Errc::invalid, names.key_file + ": the key does not belong to " +
                                    names.certificate_file + ": " + openssl_reason()};
  return done;
}

// Tickets are good only where the same clients would be: the authorities are part of the context
// that a session remembers.
Status TlsContext::State::ask_clients(SSL_CTX* context, const TlsSettings& settings) {
  std::string remembered = "weir";
  if (settings.clients != ClientCertificates::off) {
    const std::string pem = TRY(read_file(settings.client_ca_file));
    const Owned<BIO> reader = reader_of(pem);
    std::size_t count = 0;
    while (const Owned<X509> one{::PEM_read_bio_X509(reader.get(), nullptr, nullptr, nullptr)}) {
      MUST(::X509_STORE_add_cert(::SSL_CTX_get_cert_store(context), one.get()) == 1);
      MUST(::SSL_CTX_add_client_CA(context, one.get()) == 1);
      ++count;
    }
    ::ERR_clear_error();
    if (count == 0)
      return Error{Errc::invalid,
                   settings.client_ca_file + ": expected the PEM certificates of authorities"};
    const bool needs = settings.clients == ClientCertificates::require;
    ::SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (needs ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                         nullptr);
    remembered += digest_of(Digest::sha256, pem).substr(0, 24) + (needs ? "!" : "?");
  }
  MUST(::SSL_CTX_set_session_id_context(context,
                                        reinterpret_cast<const unsigned char*>(remembered.data()),
                                        static_cast<unsigned>(remembered.size())) == 1);
  return done;
}

void TlsContext::State::staple(Entry& entry, const TlsCertificate& certificate,
                               std::string_view chain) const {
  if (certificate.ocsp_file.empty()) return;
  Result<std::string> der = read_file(certificate.ocsp_file);
  const Result<OcspAnswer> answer =
      der.ok() ? check_ocsp(*der, chain, clock.wall()) : Result<OcspAnswer>(der.error());
  if (!answer.ok()) {
    entry.served.ocsp_problem =
        der.ok() ? certificate.ocsp_file + ": " + answer.error().what : answer.error().what;
    return;
  }
  ContextFacts& facts = facts_of(entry.context.get());
  facts.ocsp = std::move(der).value();
  facts.ocsp_until = answer->until;
  entry.served.stapled_until = answer->until;
}

namespace {

CertificateKey kind_of(SSL_CTX* context) {
  ::EVP_PKEY* const key = ::SSL_CTX_get0_privatekey(context);
  const bool is_ec = key != nullptr && ::EVP_PKEY_get_base_id(key) == EVP_PKEY_EC;
  return is_ec ? CertificateKey::ecdsa : CertificateKey::rsa;
}

}  // namespace

Result<TlsContext::State::Entry> TlsContext::State::make_entry(const TlsCertificate& certificate) {
  // The files are read by us, so that a missing one is named with the kernel's reason.
  const std::string chain = TRY(read_file(certificate.certificate_file));
  const std::string key = certificate.key_file == certificate.certificate_file
                              ? chain
                              : TRY(read_file(certificate.key_file));
  Entry entry;
  entry.context = make_bare_context();
  TRY(use_pem(entry.context.get(), certificate, chain, key));
  auto facts = parse_certificate(chain);
  if (!facts.ok()) return std::move(facts).error().in(certificate.certificate_file);
  entry.served.facts = std::move(facts).value();
  entry.served.file = certificate.certificate_file;
  entry.served.kind = kind_of(entry.context.get());
  staple(entry, certificate, chain);
  return entry;
}

TlsContext::State::Entry TlsContext::State::make_stand_in(const TlsCertificate& certificate) {
  const std::string pem = self_signed({certificate.stand_in, clock.wall(), stand_in_life});
  Entry entry;
  entry.context = make_bare_context();
  MUST(use_pem(entry.context.get(), certificate, pem, pem).ok());
  entry.served.facts = parse_certificate(pem).value();
  entry.served.file = certificate.certificate_file;
  entry.served.stands_in = true;
  return entry;
}

// A certificate that we have never had may be stood in for; one that we have is kept.
bool TlsContext::State::may_stand_in(const TlsCertificate& certificate) const {
  if (certificate.stand_in.empty()) return false;
  const auto held = current();
  if (held == nullptr) return true;
  return std::none_of(held->each.begin(), held->each.end(), [&](const Entry& entry) {
    return entry.served.file == certificate.certificate_file && !entry.served.stands_in;
  });
}

// Makes everything anew and swaps it, or changes nothing.
Status TlsContext::State::use(TlsSettings settings) {
  if (settings.certificates.empty())
    return Error{Errc::invalid, "TLS needs at least one certificate"};
  stamps.with([seen = look_at_files(settings)](auto& kept) { kept = seen; });
  auto made = std::make_shared<Contexts>();
  made->settings = std::move(settings);
  for (const TlsCertificate& certificate : made->settings.certificates) {
    Result<Entry> entry = make_entry(certificate);
    if (!entry.ok() && may_stand_in(certificate)) entry = make_stand_in(certificate);
    if (!entry.ok()) return std::move(entry).error();
    TRY(ask_clients(entry->context.get(), made->settings));
    made->each.push_back(std::move(entry).value());
  }
  made->index();
  contexts.with([&made](auto& held) { held = std::move(made); });
  return done;
}

void TlsContext::State::Contexts::index() {
  const auto add = [](Choice& choice, const Entry& entry) {
    SSL_CTX*& place = entry.served.kind == CertificateKey::ecdsa ? choice.ecdsa : choice.rsa;
    if (place == nullptr) place = entry.context.get();
  };
  for (const Entry& entry : each)
    for (const std::string& name : entry.served.facts.dns)
      add(name.starts_with("*.") ? wildcard[name.substr(1)] : exact[name], entry);
  // The first for everybody; when it is ECDSA, the first RSA for those who cannot verify that.
  add(standard, each.front());
  for (const Entry& entry : each)
    if (entry.served.kind == CertificateKey::rsa) add(standard, entry);
  if (each.front().served.kind == CertificateKey::rsa) standard.ecdsa = nullptr;
}

TlsContext::State::Choice TlsContext::State::Contexts::find(std::string_view name) const {
  const std::string lower_name = lower_of(name);
  if (const auto found = exact.find(lower_name); found != exact.end()) return found->second;
  const std::size_t dot = lower_name.find('.');
  if (dot == std::string::npos || dot == 0) return {};
  const auto found = wildcard.find(std::string_view(lower_name).substr(dot));
  return found == wildcard.end() ? Choice{} : found->second;
}

std::vector<FileStamp> TlsContext::State::look_at_files(const TlsSettings& settings) {
  std::vector<FileStamp> seen;
  for (const TlsCertificate& certificate : settings.certificates)
    for (const std::string* const path :
         {&certificate.certificate_file, &certificate.key_file, &certificate.ocsp_file})
      seen.push_back(path->empty() ? FileStamp{} : stamp_of(*path));
  if (!settings.client_ca_file.empty()) seen.push_back(stamp_of(settings.client_ca_file));
  return seen;
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

// Whether the client offers the one protocol of RFC 8737 and nothing else (the extension: list
// length, then each name with its length in front).
bool offers_acme(SSL* ssl) {
  const unsigned char* data = nullptr;
  std::size_t bytes = 0;
  if (::SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &data,
                                  &bytes) != 1)
    return false;
  return bytes == acme_protocol.size() + 3 && data[2] == acme_protocol.size() &&
         std::memcmp(data + 3, acme_protocol.data(), acme_protocol.size()) == 0;
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

// Each certificate has a context of its own; the one that names the server is taken, ECDSA first
// where the client can verify it. Without a match the first certificate answers.
int TlsContext::State::choose_certificate(SSL* ssl, int*, void* held) {
  auto* const state = static_cast<State*>(held);
  const std::string_view name = server_name_of(ssl);
  if (state->challenges_count.load(std::memory_order_acquire) > 0 && offers_acme(ssl)) {
    const Challenge challenge = state->challenges.with([name](const auto& all) {
      const auto found = all.find(lower_of(name));
      return found == all.end() ? Challenge{} : found->second;
    });
    if (challenge != nullptr) {
      ::SSL_set_SSL_CTX(ssl, challenge.get());
      // The authority shows no certificate, so that nothing of this session may be used later.
      ::SSL_set_verify(ssl, SSL_VERIFY_NONE, nullptr);
      ::SSL_set_options(ssl, SSL_OP_NO_TICKET);
      ::SSL_set_num_tickets(ssl, 0);
      return SSL_CLIENT_HELLO_SUCCESS;
    }
  }
  const auto contexts = state->current();
  Choice choice = name.empty() ? Choice{} : contexts->find(name);
  if (choice.is_none()) choice = contexts->standard;
  SSL_CTX* const chosen = choice.for_client(verifies_ecdsa(ssl));
  if (chosen != ::SSL_get_SSL_CTX(ssl)) ::SSL_set_SSL_CTX(ssl, chosen);  // holds its own reference
  return SSL_CLIENT_HELLO_SUCCESS;
}

int TlsContext::State::answer_status(SSL* ssl, void*) {
  const ContextFacts& facts = facts_of(::SSL_get_SSL_CTX(ssl));
  const auto& state = *static_cast<const State*>(facts.state);
  if (facts.ocsp.empty() || state.clock.wall() >= facts.ocsp_until) return SSL_TLSEXT_ERR_NOACK;
  void* const copy = ::OPENSSL_memdup(facts.ocsp.data(), facts.ocsp.size());  // OpenSSL frees it
  if (copy == nullptr) return SSL_TLSEXT_ERR_NOACK;
  ::SSL_set_tlsext_status_ocsp_resp(ssl, copy, static_cast<long>(facts.ocsp.size()));
  return SSL_TLSEXT_ERR_OK;
}

int TlsContext::State::ticket_key(SSL* ssl, unsigned char* name, unsigned char* iv,
                                  EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, int encrypting) {
  auto* const state = static_cast<State*>(facts_of(::SSL_get_SSL_CTX(ssl)).state);
  const Mono now = state->clock.mono();
  const Tickets tickets = state->tickets.with([now](Tickets& current) {
    if (now - current.made >= ticket_key_life) {
      // A key that nobody asked for in two lives opens nothing any more.
      const bool forgotten = now - current.made >= 2 * ticket_key_life;
      current.before = forgotten ? random_ticket_key() : current.now;
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

TlsContext::TlsContext(std::shared_ptr<State> state) : state_(std::move(state)) {}
TlsContext::~TlsContext() = default;

Result<std::shared_ptr<TlsContext>> TlsContext::open(TlsSettings settings, const Clock& clock) {
  auto state = std::make_shared<State>(clock);
  for (const std::string& protocol : settings.alpn) {
    MUST(!protocol.empty());
    MUST(protocol.size() < 256);
    state->alpn_wire += static_cast<char>(protocol.size());
    state->alpn_wire += protocol;
  }
  state->tickets.with([&clock](State::Tickets& tickets) {
    tickets = {random_ticket_key(), random_ticket_key(), clock.mono()};
  });
  TRY(state->use(std::move(settings)));
  return std::shared_ptr<TlsContext>(new TlsContext(std::move(state)));
}

Status TlsContext::reload() { return state_->use(state_->current()->settings); }
Status TlsContext::reload(TlsSettings settings) { return state_->use(std::move(settings)); }

bool TlsContext::files_changed() const {
  const std::vector<FileStamp> seen = State::look_at_files(state_->current()->settings);
  return state_->stamps.with([&seen](const auto& kept) { return kept != seen; });
}

std::vector<ServedCertificate> TlsContext::certificates() const {
  std::vector<ServedCertificate> all;
  for (const State::Entry& entry : state_->current()->each) all.push_back(entry.served);
  return all;
}

Status TlsContext::set_challenge(const std::string& name, const std::string& pem) {
  ContextPointer context = state_->make_bare_context();
  TRY(state_->use_pem(context.get(), {"challenge", "challenge"}, pem, pem));
  ::SSL_CTX_set_alpn_select_cb(
      context.get(),
      [](SSL*, const unsigned char** out, unsigned char* out_bytes, const unsigned char* offered,
         unsigned, void*) {
        *out = offered + 1;  // offers_acme has looked at it
        *out_bytes = *offered;
        return SSL_TLSEXT_ERR_OK;
      },
      nullptr);
  state_->challenges.with([&](auto& all) {
    all[lower_of(name)] = State::Challenge(context.release(), &::SSL_CTX_free);
    state_->challenges_count.store(all.size(), std::memory_order_release);
  });
  return done;
}

void TlsContext::clear_challenge(const std::string& name) {
  state_->challenges.with([&](auto& all) {
    all.erase(lower_of(name));
    state_->challenges_count.store(all.size(), std::memory_order_release);
  });
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

TlsSession::TlsSession(TlsContext& context) : context_(context.state_) {
  ssl_ = ::SSL_new(context_->current()->each.front().context.get());
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

bool TlsSession::is_proof() const { return alpn() == acme_protocol; }

bool TlsSession::resumed() const { return ::SSL_session_reused(ssl_) == 1; }

namespace {

// "example.com:8443" -> "example.com", "[::1]:8443" -> "::1"
std::string_view host_of(std::string_view authority) {
  if (authority.starts_with('[')) return authority.substr(1, authority.find(']') - 1);
  std::string_view host = authority.substr(0, authority.find(':'));
  if (host.ends_with('.')) host.remove_suffix(1);
  return host;
}

}  // namespace

bool TlsSession::covers(std::string_view authority) const {
  const std::string_view host = host_of(authority);
  const auto contexts = context_->current();
  if (!contexts->find(host).is_none()) return true;
  return std::any_of(contexts->each.begin(), contexts->each.end(),
                     [host](const auto& entry) { return weir::covers(entry.served.facts, host); });
}

const ClientCertificate* TlsSession::client_certificate() {
  if (client_ != nullptr || !established()) return client_.get();
  X509* const shown = ::SSL_get0_peer_certificate(ssl_);
  if (shown == nullptr || ::SSL_get_verify_result(ssl_) != X509_V_OK) return nullptr;
  unsigned char* der = nullptr;
  const int bytes = ::i2d_X509(shown, &der);
  if (bytes <= 0) return nullptr;
  Result<Certificate> facts =
      parse_certificate_der({reinterpret_cast<const char*>(der), static_cast<std::size_t>(bytes)});
  ::OPENSSL_free(der);
  if (!facts.ok()) return nullptr;
  auto client = std::make_unique<ClientCertificate>();
  client->subject = std::move(facts->subject);
  client->dns = std::move(facts->dns);
  client->uris = std::move(facts->uris);
  client->emails = std::move(facts->emails);
  client->fingerprint = base64url_of(facts->fingerprint);
  client_ = std::move(client);
  return client_.get();
}

// --- towards upstreams ---------------------------------------------------------------------------

std::string system_ca_file() {
  if (const char* const set = std::getenv("SSL_CERT_FILE"); set != nullptr && *set != '\0')
    return set;
  for (const char* const path :
       {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/cert.pem", "/etc/ssl/ca-bundle.pem", "/usr/lib/ssl/cert.pem"})
    if (::access(path, R_OK) == 0) return path;
  return "";
}

TlsClientContext::~TlsClientContext() { ::SSL_CTX_free(context_); }

Result<std::shared_ptr<TlsClientContext>> TlsClientContext::open(const std::string& ca_file,
                                                                 Verify verify) {
  ContextPointer context(::SSL_CTX_new(::TLS_client_method()), &::SSL_CTX_free);
  MUST(context != nullptr);
  SSL_CTX* const raw = context.get();
  MUST(::SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION) == 1);
  MUST(::SSL_CTX_set_cipher_list(raw, ciphers_12) == 1);
  MUST(::SSL_CTX_set_ciphersuites(raw, ciphers_13) == 1);
  ::SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  ::SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  ::SSL_CTX_set_read_ahead(raw, 1);
  ::SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  static constexpr unsigned char protocols[] = "\x08http/1.1";
  MUST(::SSL_CTX_set_alpn_protos(raw, protocols, sizeof protocols - 1) == 0);
  if (verify == Verify::peer) {
    const std::string file = ca_file.empty() ? system_ca_file() : ca_file;
    if (file.empty())
      return Error{Errc::missing, "there is no bundle of trusted certificates on this system"}
          .with_help("name one, or set SSL_CERT_FILE");
    TRY(read_file(file));  // named with the kernel's reason when it cannot be read
    ::ERR_clear_error();
    if (::SSL_CTX_load_verify_file(raw, file.c_str()) != 1)
      return Error{Errc::invalid, file + ": expected PEM certificates: " + openssl_reason()};
    ::SSL_CTX_set_verify(raw, SSL_VERIFY_PEER, nullptr);
  }
  return std::shared_ptr<TlsClientContext>(new TlsClientContext(context.release()));
}

TlsSession::TlsSession(TlsClientContext& context, const std::string& server) {
  ssl_ = ::SSL_new(context.context_);
  MUST(ssl_ != nullptr);
  BIO* const bio = ::BIO_new(TlsBio::method());
  MUST(bio != nullptr);
  ::BIO_set_data(bio, this);
  ::SSL_set_bio(ssl_, bio, bio);
  ::SSL_set_connect_state(ssl_);
  X509_VERIFY_PARAM* const verified = ::SSL_get0_param(ssl_);
  // An address is looked for among the certificate's addresses, and is never sent as SNI (RFC 6066
  // 3).
  if (::X509_VERIFY_PARAM_set1_ip_asc(verified, server.c_str()) != 1) {
    ::ERR_clear_error();
    MUST(::SSL_set1_host(ssl_, server.c_str()) == 1);
    MUST(::SSL_set_tlsext_host_name(ssl_, server.c_str()) == 1);
  }
}

std::string TlsSession::verify_reason() const {
  const long result = ::SSL_get_verify_result(ssl_);
  return result == X509_V_OK ? "" : ::X509_verify_cert_error_string(result);
}

}  // namespace weir::http
