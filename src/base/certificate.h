#pragma once
// X.509 certificates as bytes: what one names and until when it holds, keys with their requests to
// a certificate authority (PKCS #10), self-signed ones (a stand-in, and the answer of RFC 8737),
// and what a stapled OCSP answer says.
//
// Only certificate.cpp knows OpenSSL's headers for X.509, PEM and OCSP. Callable from any thread;
// pure but for the making of keys.

#include "base/clock.h"
#include "base/crypto.h"
#include "base/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace weir {

struct Certificate {
  std::string subject;  // "CN=client,O=Example", as RFC 2253 writes it
  // Of the alternative names. `dns` is in lower case and holds the common name when the certificate
  // has no alternative name at all.
  std::vector<std::string> dns, addresses, uris, emails;
  Sha256 fingerprint{};  // of its DER form
  Wall valid_from, valid_until;
};

// The first certificate of a PEM text.
Result<Certificate> parse_certificate(std::string_view pem);
Result<Certificate> parse_certificate_der(std::string_view der);

// "example.com" covers itself; "*.example.com" covers names with exactly one label more (RFC 6125
// 6.4.3). ASCII case does not count.
bool name_covers(std::string_view pattern, std::string_view host);
// Any DNS name of the certificate, or, for a numeric host, any of its addresses.
bool covers(const Certificate& certificate, std::string_view host);

enum class CertificateKey : std::uint8_t { ecdsa, rsa };  // P-256; 2048 bits

struct CertificateRequest {
  std::string key_pem;  // PKCS #8, without a passphrase
  std::string der;      // the request, for these names
};
// `names` are DNS names, the first of them at most 64 bytes or left out of the subject.
Result<CertificateRequest> make_certificate_request(const std::vector<std::string>& names,
                                                    CertificateKey kind);

// An ECDSA key and a certificate that it has signed itself, both in one PEM text.
struct SelfSigned {
  std::vector<std::string> names;
  Wall from;
  Nanos life{};
  std::string acme_identifier = {};  // RFC 8737 3: SHA-256 of the key authorization; empty = none
};
std::string self_signed(const SelfSigned& wanted);

// A "good" answer about the first certificate of `chain_pem`, inside its time. Its signature is the
// client's to check.
struct OcspAnswer {
  Wall until;  // when the next one should be there
};
Result<OcspAnswer> check_ocsp(std::string_view der, std::string_view chain_pem, Wall now);

}  // namespace weir
