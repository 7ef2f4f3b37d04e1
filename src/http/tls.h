#pragma once
// TLS 1.3 and 1.2 for a listener (the only user of OpenSSL's ssl.h is tls.cpp).
//
// In 1.2 only ECDHE with AEAD; X25519 and P-256; server preference; no renegotiation, no
// compression, no 0-RTT. One session ticket per handshake; its keys are shared by all loops and
// rotated each 12 h.
//
// Certificates are chosen by server name (an exact name before a wildcard) and by what the client
// can verify (ECDSA before RSA); the first is for everybody else. A TlsContext is shared by all
// connections of its listeners. `reload` reads all files again and swaps them for later handshakes,
// or keeps the old ones and says why; nothing is dropped. Context functions: any thread.

#include "base/certificate.h"
#include "base/clock.h"
#include "base/result.h"
#include "http/message.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct ssl_ctx_st;
struct ssl_st;

namespace weir::http {

struct TlsCertificate {
  std::string certificate_file;  // PEM: the certificate, then its chain
  std::string key_file;          // PEM, without a passphrase; may be the same file
  std::string ocsp_file = {};    // DER, stapled while it is good; empty = none
  // Names for which a self-signed certificate stands in while certificate_file is not there yet
  // (ACME); empty: a missing file is an error.
  std::vector<std::string> stand_in = {};
};

// Whether a client is asked for a certificate of its own. One that is shown must be good in either
// case: the handshake fails otherwise.
enum class ClientCertificates : std::uint8_t { off, request, require };

struct TlsSettings {
  std::vector<TlsCertificate> certificates;            // at least one; the first is the default
  std::vector<std::string> alpn = {"h2", "http/1.1"};  // in order of preference
  ClientCertificates clients = ClientCertificates::off;
  std::string client_ca_file = {};  // PEM, who may sign them
};

// One certificate as it is served now.
struct ServedCertificate {
  std::string file;
  Certificate facts;
  CertificateKey kind = CertificateKey::ecdsa;
  bool stands_in = false;                  // self-signed, because the file is not there yet
  std::optional<Wall> stapled_until = {};  // of the OCSP answer
  std::string ocsp_problem = {};           // why there is none although a file is named
};

class TlsContext {
 public:
  // Reads and checks all files: a key that does not belong to its certificate is an error here.
  static Result<std::shared_ptr<TlsContext>> open(TlsSettings settings, const Clock& clock);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  Status reload();
  Status reload(TlsSettings settings);  // other files; `alpn` stays as it was
  bool files_changed() const;           // since they were read; asks the file system
  std::vector<ServedCertificate> certificates() const;

  // RFC 8737: `pem` (key and certificate) answers handshakes for `name` that offer the protocol
  // "acme-tls/1" and nothing else, until it is cleared.
  Status set_challenge(const std::string& name, const std::string& pem);
  void clear_challenge(const std::string& name);

 private:
  friend class TlsSession;
  struct State;
  explicit TlsContext(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

// TLS towards an upstream: the server's certificate is verified against the trusted ones, and its
// name against the name that was asked for. Shared by all connections; immutable.
class TlsClientContext {
 public:
  // Empty `ca_file`: SSL_CERT_FILE, or where systems keep their bundle (system_ca_file).
  enum class Verify : std::uint8_t { peer, nothing };
  static Result<std::shared_ptr<TlsClientContext>> open(const std::string& ca_file, Verify verify);
  ~TlsClientContext();
  TlsClientContext(const TlsClientContext&) = delete;
  TlsClientContext& operator=(const TlsClientContext&) = delete;

 private:
  friend class TlsSession;
  explicit TlsClientContext(ssl_ctx_st* context) : context_(context) {}
  ssl_ctx_st* context_;
};

// The bundle of trusted certificates of this system; empty when none is where it is looked for.
std::string system_ca_file();

// One connection's TLS state. Bytes go in and out by memory, so that the caller decides when to
// call the kernel: all records of an answer leave in one send. Loop thread only. It outlives its
// context if need be.
class TlsSession {
 public:
  explicit TlsSession(TlsContext& context);
  // Our side is the client: `server` is the name (sent as SNI) or address that the certificate must
  // be for. The first `read` without input writes the beginning of the handshake.
  TlsSession(TlsClientContext& context, const std::string& server);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  enum class Step : std::uint8_t {
    more,    // everything given was used; give more when it comes
    data,    // `plain` bytes are there; call again with no new input, there may be more
    closed,  // the peer said goodbye
    failed,  // not TLS, or not a TLS we speak; what is in `output` (an alert) may still be sent
  };
  struct Read {
    Step step = Step::more;
    std::size_t plain = 0;
  };
  // Takes `input` (may be empty), writes plain bytes to `into`, and appends what must be sent to
  // `output`.
  Read read(std::string_view input, char* into, std::size_t into_bytes, std::string& output);
  // Appends the records that carry `plain` to `output`. False = the session is broken.
  bool write(std::string_view plain, std::string& output);
  void say_goodbye(std::string& output);  // close_notify
  bool established() const;
  std::string verify_reason() const;     // why the peer's certificate was refused; "" = it was not
  std::string_view alpn() const;         // "" = none was agreed
  std::string_view server_name() const;  // SNI; "" = none
  bool is_proof() const;                 // the handshake was for set_challenge, and nothing else
  bool resumed() const;                  // by a ticket
  // Whether any certificate that this listener may choose names the host of `authority`
  // ("example.com:8443"): what a connection may be used for (wire H-32, else 421).
  bool covers(std::string_view authority) const;
  // What the client has shown and the handshake has verified; null when it has shown none. Valid
  // as long as the session.
  const ClientCertificate* client_certificate();

 private:
  std::shared_ptr<TlsContext::State> context_;
  std::unique_ptr<const ClientCertificate> client_;
  ssl_st* ssl_ = nullptr;
  std::string_view input_;
  std::string* output_ = nullptr;
  friend struct TlsBio;
};

}  // namespace weir::http
