// Goal: certificate.h tells what a certificate says and makes ones that OpenSSL takes.
// Method: known certificates, and what was made read back by OpenSSL itself.

#include "base/certificate.h"
#include "http/certificates.h"

#include <catch2/catch.hpp>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>

using namespace weir;

namespace {

constexpr Wall moment{1'790'000'000'000'000'000};

X509* first_of(const std::string& pem) {
  BIO* const bio = ::BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  X509* const certificate = ::PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  ::BIO_free(bio);
  return certificate;
}

}  // namespace

TEST_CASE("a certificate tells its names, its time and its fingerprint", "[base][certificate]") {
  const auto facts = parse_certificate(test::ecdsa_certificate);
  REQUIRE(facts.ok());
  CHECK(facts->dns == std::vector<std::string>{"localhost", "weir.test"});
  CHECK(facts->addresses == std::vector<std::string>{"127.0.0.1"});
  CHECK(facts->subject == "CN=weir.test");
  CHECK(facts->valid_until - facts->valid_from > std::chrono::hours(24 * 36'000));
  X509* const same = first_of(std::string(test::ecdsa_certificate));
  unsigned char* der = nullptr;
  const int bytes = ::i2d_X509(same, &der);
  const std::string raw(reinterpret_cast<char*>(der), static_cast<std::size_t>(bytes));
  ::OPENSSL_free(der);
  ::X509_free(same);
  CHECK(facts->fingerprint == sha256_of(raw));
  CHECK(parse_certificate_der(raw)->dns == facts->dns);
  CHECK_FALSE(parse_certificate("no certificate").ok());
  CHECK_FALSE(parse_certificate_der("no certificate").ok());
}

TEST_CASE("names cover as RFC 6125 says: exactly, or one label for the star",
          "[base][certificate]") {
  CHECK(name_covers("example.com", "EXAMPLE.com"));
  CHECK_FALSE(name_covers("example.com", "www.example.com"));
  CHECK(name_covers("*.example.com", "www.example.com"));
  CHECK_FALSE(name_covers("*.example.com", "example.com"));
  CHECK_FALSE(name_covers("*.example.com", "a.b.example.com"));
  CHECK_FALSE(name_covers("*.example.com", ".example.com"));
  const auto facts = parse_certificate(test::ecdsa_certificate);
  CHECK(covers(*facts, "weir.test"));
  CHECK(covers(*facts, "127.0.0.1"));
  CHECK_FALSE(covers(*facts, "127.0.0.2"));
  CHECK_FALSE(covers(*facts, "::1"));
  CHECK_FALSE(covers(*facts, ""));
}

TEST_CASE("a self-signed certificate names what was asked for, for as long as was asked",
          "[base][certificate]") {
  const std::string pem = self_signed(
      {{"a.test", "*.b.test", "192.0.2.1", "2001:db8::1"}, moment, std::chrono::hours(24)});
  const auto facts = parse_certificate(pem);
  REQUIRE(facts.ok());
  CHECK(facts->dns == std::vector<std::string>{"a.test", "*.b.test"});
  CHECK(facts->addresses == std::vector<std::string>{"192.0.2.1", "2001:db8::1"});
  CHECK(facts->valid_from == moment);
  CHECK(facts->valid_until - facts->valid_from == std::chrono::hours(24));
  CHECK(covers(*facts, "x.b.test"));
  CHECK(covers(*facts, "2001:db8:0::1"));
  CHECK(pem.find("PRIVATE KEY") != std::string::npos);
}

TEST_CASE("the answer of RFC 8737 carries its identifier in a critical extension",
          "[base][certificate]") {
  const std::string digest(32, '\x5a');
  X509* const certificate =
      first_of(self_signed({{"a.test"}, moment, std::chrono::hours(1), digest}));
  ASN1_OBJECT* const kind = ::OBJ_txt2obj("1.3.6.1.5.5.7.1.31", 1);
  const int at = ::X509_get_ext_by_OBJ(certificate, kind, -1);
  REQUIRE(at >= 0);
  X509_EXTENSION* const extension = ::X509_get_ext(certificate, at);
  CHECK(::X509_EXTENSION_get_critical(extension) == 1);
  const ASN1_OCTET_STRING* const value = ::X509_EXTENSION_get_data(extension);
  CHECK(std::string(reinterpret_cast<const char*>(::ASN1_STRING_get0_data(value)),
                    static_cast<std::size_t>(::ASN1_STRING_length(value))) == "\x04\x20" + digest);
  ::ASN1_OBJECT_free(kind);
  ::X509_free(certificate);
}

TEST_CASE("a request for a certificate is signed by its own key and names every name",
          "[base][certificate]") {
  for (const CertificateKey kind : {CertificateKey::ecdsa, CertificateKey::rsa}) {
    const auto made = make_certificate_request({"a.test", "b.test"}, kind);
    REQUIRE(made.ok());
    const auto* bytes = reinterpret_cast<const unsigned char*>(made->der.data());
    X509_REQ* const request = ::d2i_X509_REQ(nullptr, &bytes, static_cast<long>(made->der.size()));
    REQUIRE(request != nullptr);
    EVP_PKEY* const key = ::X509_REQ_get0_pubkey(request);
    CHECK(::X509_REQ_verify(request, key) == 1);
    CHECK(::EVP_PKEY_get_base_id(key) ==
          (kind == CertificateKey::ecdsa ? EVP_PKEY_EC : EVP_PKEY_RSA));
    CHECK(made->der.find("a.test") != std::string::npos);
    CHECK(made->der.find("b.test") != std::string::npos);
    ::X509_REQ_free(request);
  }
  CHECK_FALSE(make_certificate_request({}, CertificateKey::ecdsa).ok());
  CHECK(make_certificate_request({std::string(100, 'a') + ".test"}, CertificateKey::ecdsa).ok());
}

TEST_CASE("an OCSP answer that is none, or about nothing, is refused with the reason",
          "[base][certificate]") {
  CHECK(check_ocsp("garbage", test::ecdsa_certificate, moment).error().what ==
        "expected an OCSP answer in DER");
  CHECK_FALSE(check_ocsp("", test::ecdsa_certificate, moment).ok());
  const std::string try_later("\x30\x03\x0a\x01\x03", 5);  // OCSPResponse { tryLater }
  CHECK(check_ocsp(try_later, test::ecdsa_certificate, moment).error().what ==
        "the OCSP answer is not a success");
}
