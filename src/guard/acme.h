#pragma once
// One certificate from an ACME authority (RFC 8555): directory, account, order, a proof for each
// name (HTTP-01, or TLS-ALPN-01 of RFC 8737), the request for the certificate, its download.
//
// Blocking, on a thread that may wait: never on a loop's. It asks the network only through `fetch`,
// shows proofs only through `AcmeProofs`, and waits only through `pause`, so that tests play the
// authority. A nonce that the authority refuses is replaced and the request sent again.
//
// An AcmeClient is for one thread.

#include "base/certificate.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/signature.h"
#include "http/client.h"
#include "text/value.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::guard {

enum class AcmeChallenge : std::uint8_t { http_01, tls_alpn_01 };

// What shows that a name is ours, while the authority looks.
struct AcmeProof {
  AcmeChallenge kind = AcmeChallenge::http_01;
  std::string name;
  std::string token;  // http_01: the last part of the path
  std::string
      key_authorization;  // http_01: the body; tls_alpn_01: its SHA-256 is in the certificate
};

class AcmeProofs {
 public:
  virtual ~AcmeProofs() = default;
  virtual Status show(const AcmeProof& proof) = 0;
  virtual void withdraw(const AcmeProof& proof) = 0;
};

struct AcmeWishes {
  std::string directory;  // its URL
  std::string ca_file;    // trusted for the directory; empty = the system's bundle
  std::string email;      // empty = none
  std::vector<std::string> names;
  CertificateKey key = CertificateKey::ecdsa;
  AcmeChallenge challenge = AcmeChallenge::http_01;
};

class AcmeClient {
 public:
  struct Parts {
    std::function<Result<http::Fetched>(const http::FetchRequest&)> fetch;
    AcmeProofs& proofs;
    std::function<bool(Nanos)> pause;  // false = we are stopping
    const Clock& clock;
  };
  // `account` is an ES256 key pair; the authority knows us by it.
  AcmeClient(AcmeWishes wishes, const SignatureKey& account, Parts parts);

  // A private key and the chain for it, in one PEM text.
  Result<std::string> obtain();
  // After a failure: how long the authority wants to be left alone (Retry-After).
  std::optional<Nanos> retry_after() const { return retry_after_; }

 private:
  struct Reply {
    int status = 0;
    text::Value body;   // null when it was no JSON
    std::string bytes;  // as they came
    std::string location;
    std::optional<Nanos> retry_after;
  };
  Result<Reply> send(const http::FetchRequest& request);
  Result<Reply> post(const std::string& url, std::string_view payload);
  Result<std::string> nonce();
  std::string signed_body(const std::string& url, const std::string& nonce,
                          std::string_view payload) const;
  Status read_directory();
  Status register_account();
  Status prove(const std::string& authorization_url);
  Status prove(const std::string& authorization_url, const text::Value& authorization);
  Result<text::Value> settled(const std::string& url, std::string_view waiting_status,
                              std::string_view other_waiting_status);
  Result<std::string> finish(const std::string& order_url, const text::Value& order);
  Result<Reply> expect(Result<Reply> reply, std::string_view step);
  Error failed(std::string_view step, const Reply& reply);

  const AcmeWishes wishes_;
  const SignatureKey& account_;
  Parts parts_;
  std::string jwk_, thumbprint_;  // of the account's public key
  std::string account_url_;       // once it is registered
  std::string new_nonce_, new_account_, new_order_;
  std::string nonce_;  // the last one that came, not used yet
  std::optional<Nanos> retry_after_;
  Mono give_up_at_;
};

}  // namespace weir::guard
