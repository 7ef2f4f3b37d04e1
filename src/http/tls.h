#pragma once
// TLS 1.3 and 1.2 for a listener (the only user of OpenSSL's ssl.h is tls.cpp).
//
// In 1.2 only ECDHE with AEAD; X25519 and P-256; server preference; no renegotiation, no
// compression, no 0-RTT. Session tickets carry keys shared by all loops, rotated each 12 h. A
// TlsContext is shared by all connections of its listeners; `reload` may be called from any thread
// and swaps the certificate for later handshakes, or keeps the old one and says why.

#include "base/clock.h"
#include "base/result.h"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct ssl_st;

namespace weir::http {

struct TlsCertificate {
  std::string certificate_file;  // PEM: the certificate, then its chain
  std::string key_file;          // PEM, without a passphrase
};

struct TlsSettings {
  std::vector<TlsCertificate>
      certificates;  // at least one; chosen by SNI and key type, first = default
  std::vector<std::string> alpn = {"http/1.1"};  // in order of preference; "h2" once it is spoken
};

class TlsContext {
 public:
  // Reads and checks all files: a key that does not belong to its certificate is an error here.
  static Result<std::shared_ptr<TlsContext>> open(TlsSettings settings, const Clock& clock);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  Status reload();  // any thread

 private:
  friend class TlsSession;
  struct State;
  explicit TlsContext(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// One connection's TLS state. Bytes go in and out by memory, so that the caller decides when to
// call the kernel: all records of an answer leave in one send. Loop thread only.
class TlsSession {
 public:
  explicit TlsSession(TlsContext& context);
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
  std::string_view alpn() const;         // "" = none was agreed
  std::string_view server_name() const;  // SNI; "" = none

 private:
  ssl_st* ssl_ = nullptr;
  std::string_view input_;
  std::string* output_ = nullptr;
  friend struct TlsBio;
};

}  // namespace weir::http
