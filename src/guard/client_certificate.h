#pragma once
// Who a client is by its certificate (guard G-24). The handshake has verified it against the
// listener's authorities; here the operator's [auth.*] table says which of those clients are meant,
// and its names become claims, so that `require`, limits and rules read them like a token's:
//
//   sub          the first URI, else DNS name, else e-mail address, else the subject
//   uri dns email   lists of its alternative names
//   subject, fingerprint   "CN=client,O=Example"; SHA-256 in base64url
//
// Pure functions, any thread.

#include "guard/token_cache.h"
#include "http/message.h"

#include <memory>
#include <string>
#include <vector>

namespace weir::guard {

struct ClientCertificatePolicy {
  std::string name = {};  // of the [auth.*] table
  // A certificate is meant when one of its names is in a list here; all lists empty: any is.
  std::vector<std::string> dns = {}, uris = {}, emails = {}, fingerprints = {};
};

// Null when the certificate is none that the policy means.
std::shared_ptr<const TokenClaims> claims_of(const http::ClientCertificate& certificate,
                                             const ClientCertificatePolicy& policy);

// RFC 8705 3.1: a token that names a certificate (cnf.x5t#S256) is good only on a connection with
// that certificate.
bool is_bound_elsewhere(const TokenClaims& token, const http::ClientCertificate* certificate);

}  // namespace weir::guard
