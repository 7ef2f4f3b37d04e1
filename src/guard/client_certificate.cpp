#include "guard/client_certificate.h"

#include "base/bytes.h"

#include <algorithm>

namespace weir::guard {
namespace {

bool share_one(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return std::any_of(a.begin(), a.end(), [&b](const std::string& one) {
    return std::find(b.begin(), b.end(), one) != b.end();
  });
}

bool is_meant(const http::ClientCertificate& certificate, const ClientCertificatePolicy& policy) {
  const bool any = policy.dns.empty() && policy.uris.empty() && policy.emails.empty() &&
                   policy.fingerprints.empty();
  return any || share_one(certificate.dns, policy.dns) ||
         share_one(certificate.uris, policy.uris) || share_one(certificate.emails, policy.emails) ||
         share_one({certificate.fingerprint}, policy.fingerprints);
}

}  // namespace

std::shared_ptr<const TokenClaims> claims_of(const http::ClientCertificate& certificate,
                                             const ClientCertificatePolicy& policy) {
  if (!is_meant(certificate, policy)) return nullptr;
  auto token = std::make_shared<TokenClaims>();
  for (const auto* const names : {&certificate.uris, &certificate.dns, &certificate.emails})
    if (token->subject.empty() && !names->empty()) token->subject = names->front();
  if (token->subject.empty()) token->subject = certificate.subject;
  text::Value& claims = token->claims;
  claims.set("sub", token->subject);
  const auto add = [&claims](std::string_view claim, const std::vector<std::string>& names) {
    if (!names.empty()) claims.set(claim, text::Value::Array(names.begin(), names.end()));
  };
  add("uri", certificate.uris);
  add("dns", certificate.dns);
  add("email", certificate.emails);
  claims.set("subject", certificate.subject);
  claims.set("fingerprint", certificate.fingerprint);
  return token;
}

bool is_bound_elsewhere(const TokenClaims& token, const http::ClientCertificate* certificate) {
  const text::Value* const confirmation = token.claims.find("cnf");
  if (confirmation == nullptr) return false;
  const text::Value* const thumbprint = confirmation->find("x5t#S256");
  if (thumbprint == nullptr) return false;
  const std::string* const wanted = thumbprint->string();
  return wanted == nullptr || certificate == nullptr || *wanted != certificate->fingerprint;
}

}  // namespace weir::guard
