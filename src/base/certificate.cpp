#include "base/certificate.h"

#include "base/must.h"

#include <arpa/inet.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <ctime>

#include <memory>

namespace weir {
namespace {

struct Free {
  void operator()(BIO* it) const { BIO_free_all(it); }
  void operator()(X509* it) const { X509_free(it); }
  void operator()(X509_REQ* it) const { X509_REQ_free(it); }
  void operator()(X509_EXTENSION* it) const { X509_EXTENSION_free(it); }
  void operator()(EVP_PKEY* it) const { EVP_PKEY_free(it); }
  void operator()(GENERAL_NAMES* it) const { GENERAL_NAMES_free(it); }
  void operator()(STACK_OF(X509_EXTENSION) * it) const {
    sk_X509_EXTENSION_pop_free(it, X509_EXTENSION_free);
  }
  void operator()(OCSP_RESPONSE* it) const { OCSP_RESPONSE_free(it); }
  void operator()(OCSP_BASICRESP* it) const { OCSP_BASICRESP_free(it); }
  void operator()(ASN1_OBJECT* it) const { ASN1_OBJECT_free(it); }
  void operator()(ASN1_OCTET_STRING* it) const { ASN1_OCTET_STRING_free(it); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

// What is noted about bad bytes must not stay in the thread's error queue (see signature.cpp).
class QuietErrors {
 public:
  QuietErrors() { ERR_set_mark(); }
  ~QuietErrors() { ERR_pop_to_mark(); }
  QuietErrors(const QuietErrors&) = delete;
  QuietErrors& operator=(const QuietErrors&) = delete;
};

std::string_view text_of(const ASN1_STRING* string) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
          static_cast<std::size_t>(ASN1_STRING_length(string))};
}

Wall wall_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return {};
  return {static_cast<std::int64_t>(::timegm(&parts)) * 1'000'000'000};
}

Owned<BIO> reader_of(std::string_view bytes) {
  Owned<BIO> bio(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
  MUST(bio != nullptr);
  return bio;
}

std::string taken_from(BIO* bio) {
  char* data = nullptr;
  const long bytes = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(bytes)};
}

Owned<X509> first_of(std::string_view pem) {
  const Owned<BIO> bio = reader_of(pem);
  return Owned<X509>(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

std::string subject_of(const X509* certificate) {
  const Owned<BIO> bio(BIO_new(BIO_s_mem()));
  MUST(bio != nullptr);
  X509_NAME_print_ex(bio.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
  return taken_from(bio.get());
}

std::string common_name_of(const X509* certificate) {
  const X509_NAME* name = X509_get_subject_name(certificate);
  const int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  if (at < 0) return {};
  return std::string(text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at))));
}

std::string address_text_of(std::string_view raw) {
  char text[INET6_ADDRSTRLEN] = {};
  if (raw.size() != 4 && raw.size() != 16) return {};
  ::inet_ntop(raw.size() == 4 ? AF_INET : AF_INET6, raw.data(), text, sizeof text);
  return text;
}

// A name with a NUL or another control character in it names nothing (CVE-2009-2408).
bool is_clean(std::string_view name) {
  for (const char c : name)
    if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f) return false;
  return !name.empty();
}

void read_names(const X509* from, Certificate& into) {
  const Owned<GENERAL_NAMES> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(from, NID_subject_alt_name, nullptr, nullptr)));
  if (names == nullptr) {
    if (std::string name = common_name_of(from); is_clean(name)) into.dns.push_back(lower_of(name));
    return;
  }
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    int kind = 0;
    const auto* value = static_cast<const ASN1_STRING*>(
        GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names.get(), i), &kind));
    const bool is_text = kind == GEN_DNS || kind == GEN_URI || kind == GEN_EMAIL;
    if (is_text && !is_clean(text_of(value))) continue;
    if (kind == GEN_DNS) into.dns.push_back(lower_of(text_of(value)));
    if (kind == GEN_URI) into.uris.emplace_back(text_of(value));
    if (kind == GEN_EMAIL) into.emails.emplace_back(text_of(value));
    if (kind == GEN_IPADD) into.addresses.push_back(address_text_of(text_of(value)));
  }
}

Certificate facts_of(X509* from) {
  Certificate facts;
  facts.subject = subject_of(from);
  read_names(from, facts);
  unsigned bytes = 0;
  MUST(X509_digest(from, EVP_sha256(), reinterpret_cast<unsigned char*>(facts.fingerprint.data()),
                   &bytes) == 1);
  facts.valid_from = wall_of(X509_get0_notBefore(from));
  facts.valid_until = wall_of(X509_get0_notAfter(from));
  return facts;
}

}  // namespace

Result<Certificate> parse_certificate(std::string_view pem) {
  const QuietErrors quiet;
  const Owned<X509> found = first_of(pem);
  if (found == nullptr) return Error{Errc::invalid, "expected a PEM certificate"};
  return facts_of(found.get());
}

Result<Certificate> parse_certificate_der(std::string_view der) {
  const QuietErrors quiet;
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const Owned<X509> found(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  if (found == nullptr) return Error{Errc::invalid, "expected a DER certificate"};
  return facts_of(found.get());
}

bool name_covers(std::string_view pattern, std::string_view host) {
  if (!pattern.starts_with("*.")) return equals_ignoring_case(pattern, host);
  const std::size_t dot = host.find('.');
  return dot != std::string_view::npos && dot != 0 &&
         equals_ignoring_case(pattern.substr(1), host.substr(dot));
}

bool covers(const Certificate& certificate, std::string_view host) {
  for (const std::string& name : certificate.dns)
    if (name_covers(name, host)) return true;
  unsigned char asked[16], known[16];
  const std::string text(host);
  for (const int family : {AF_INET, AF_INET6}) {
    if (::inet_pton(family, text.c_str(), asked) != 1) continue;
    const std::string_view bytes(reinterpret_cast<const char*>(asked), family == AF_INET ? 4 : 16);
    for (const std::string& address : certificate.addresses)
      if (::inet_pton(family, address.c_str(), known) == 1 &&
          bytes == std::string_view(reinterpret_cast<const char*>(known), bytes.size()))
        return true;
  }
  return false;
}

// --- making --------------------------------------------------------------------------------------

namespace {

Owned<EVP_PKEY> make_key(CertificateKey kind) {
  Owned<EVP_PKEY> key(kind == CertificateKey::ecdsa ? EVP_EC_gen("P-256") : EVP_RSA_gen(2'048U));
  MUST(key != nullptr);
  return key;
}

std::string pem_of(EVP_PKEY* key) {
  const Owned<BIO> bio(BIO_new(BIO_s_mem()));
  MUST(bio != nullptr);
  MUST(PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return taken_from(bio.get());
}

Owned<X509_EXTENSION> names_extension(const std::vector<std::string>& names) {
  const Owned<GENERAL_NAMES> all(GENERAL_NAMES_new());
  MUST(all != nullptr);
  for (const std::string& name : names) {
    unsigned char raw[16];
    GENERAL_NAME* const one = GENERAL_NAME_new();
    MUST(one != nullptr);
    const int address_bytes = ::inet_pton(AF_INET, name.c_str(), raw) == 1    ? 4
                              : ::inet_pton(AF_INET6, name.c_str(), raw) == 1 ? 16
                                                                              : 0;
    if (address_bytes > 0) {
      ASN1_OCTET_STRING* const bytes = ASN1_OCTET_STRING_new();
      MUST(ASN1_OCTET_STRING_set(bytes, raw, address_bytes) == 1);
      GENERAL_NAME_set0_value(one, GEN_IPADD, bytes);
    } else {
      ASN1_IA5STRING* const text = ASN1_IA5STRING_new();
      MUST(ASN1_STRING_set(text, name.data(), static_cast<int>(name.size())) == 1);
      GENERAL_NAME_set0_value(one, GEN_DNS, text);
    }
    MUST(sk_GENERAL_NAME_push(all.get(), one) > 0);
  }
  Owned<X509_EXTENSION> made(X509V3_EXT_i2d(NID_subject_alt_name, 0, all.get()));
  MUST(made != nullptr);
  return made;
}

// The critical extension acmeIdentifier: an octet string within the extension's own (RFC 8737 3).
Owned<X509_EXTENSION> acme_extension(std::string_view digest) {
  const Owned<ASN1_OBJECT> kind(OBJ_txt2obj("1.3.6.1.5.5.7.1.31", 1));
  std::string der = {'\x04', static_cast<char>(digest.size())};
  der += digest;
  const Owned<ASN1_OCTET_STRING> value(ASN1_OCTET_STRING_new());
  MUST(ASN1_OCTET_STRING_set(value.get(), reinterpret_cast<const unsigned char*>(der.data()),
                             static_cast<int>(der.size())) == 1);
  Owned<X509_EXTENSION> made(X509_EXTENSION_create_by_OBJ(nullptr, kind.get(), 1, value.get()));
  MUST(made != nullptr);
  return made;
}

constexpr std::size_t common_name_bytes_max = 64;  // ub-common-name, RFC 5280 appendix A

void set_common_name(X509_NAME* name, const std::vector<std::string>& names) {
  if (names.empty() || names.front().size() > common_name_bytes_max) return;
  const std::string& first = names.front();
  MUST(X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
                                  reinterpret_cast<const unsigned char*>(first.data()),
                                  static_cast<int>(first.size()), -1, 0) == 1);
}

}  // namespace

Result<CertificateRequest> make_certificate_request(const std::vector<std::string>& names,
                                                    CertificateKey kind) {
  if (names.empty()) return Error{Errc::invalid, "a certificate needs at least one name"};
  const Owned<EVP_PKEY> key = make_key(kind);
  const Owned<X509_REQ> request(X509_REQ_new());
  MUST(request != nullptr);
  set_common_name(X509_REQ_get_subject_name(request.get()), names);
  const Owned<STACK_OF(X509_EXTENSION)> extensions(sk_X509_EXTENSION_new_null());
  MUST(sk_X509_EXTENSION_push(extensions.get(), names_extension(names).release()) > 0);
  MUST(X509_REQ_add_extensions(request.get(), extensions.get()) == 1);
  MUST(X509_REQ_set_pubkey(request.get(), key.get()) == 1);
  MUST(X509_REQ_sign(request.get(), key.get(), EVP_sha256()) > 0);
  unsigned char* der = nullptr;
  const int bytes = i2d_X509_REQ(request.get(), &der);
  MUST(bytes > 0);
  CertificateRequest made{pem_of(key.get()),
                          {reinterpret_cast<char*>(der), static_cast<std::size_t>(bytes)}};
  OPENSSL_free(der);
  return made;
}

std::string self_signed(const SelfSigned& wanted) {
  const Owned<EVP_PKEY> key = make_key(CertificateKey::ecdsa);
  const Owned<X509> certificate(X509_new());
  MUST(certificate != nullptr);
  X509* const raw = certificate.get();
  MUST(X509_set_version(raw, X509_VERSION_3) == 1);
  MUST(ASN1_INTEGER_set_uint64(X509_get_serialNumber(raw), random_u64() >> 1 | 1) == 1);
  const std::int64_t until = (wanted.from + wanted.life).seconds();
  MUST(ASN1_TIME_set(X509_getm_notBefore(raw), wanted.from.seconds()) != nullptr);
  MUST(ASN1_TIME_set(X509_getm_notAfter(raw), until) != nullptr);
  set_common_name(X509_get_subject_name(raw), wanted.names);
  MUST(X509_set_issuer_name(raw, X509_get_subject_name(raw)) == 1);
  MUST(X509_set_pubkey(raw, key.get()) == 1);
  MUST(X509_add_ext(raw, names_extension(wanted.names).get(), -1) == 1);
  if (!wanted.acme_identifier.empty())
    MUST(X509_add_ext(raw, acme_extension(wanted.acme_identifier).get(), -1) == 1);
  MUST(X509_sign(raw, key.get(), EVP_sha256()) > 0);
  const Owned<BIO> bio(BIO_new(BIO_s_mem()));
  MUST(PEM_write_bio_X509(bio.get(), raw) == 1);
  return pem_of(key.get()) + taken_from(bio.get());
}

// --- OCSP ----------------------------------------------------------------------------------------

Result<OcspAnswer> check_ocsp(std::string_view der, std::string_view chain_pem, Wall now) {
  const QuietErrors quiet;
  const Owned<X509> certificate = first_of(chain_pem);
  if (certificate == nullptr) return Error{Errc::invalid, "expected a PEM certificate"};
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const Owned<OCSP_RESPONSE> response(
      d2i_OCSP_RESPONSE(nullptr, &at, static_cast<long>(der.size())));
  if (response == nullptr) return Error{Errc::invalid, "expected an OCSP answer in DER"};
  if (OCSP_response_status(response.get()) != OCSP_RESPONSE_STATUS_SUCCESSFUL)
    return Error{Errc::invalid, "the OCSP answer is not a success"};
  const Owned<OCSP_BASICRESP> basic(OCSP_response_get1_basic(response.get()));
  if (basic == nullptr) return Error{Errc::invalid, "expected a basic OCSP answer"};
  for (int i = 0; i < OCSP_resp_count(basic.get()); ++i) {
    OCSP_SINGLERESP* const one = OCSP_resp_get0(basic.get(), i);
    ASN1_INTEGER* serial = nullptr;
    OCSP_id_get0_info(nullptr, nullptr, nullptr, &serial,
                      const_cast<OCSP_CERTID*>(OCSP_SINGLERESP_get0_id(one)));
    if (ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(certificate.get())) != 0) continue;
    ASN1_GENERALIZEDTIME* from = nullptr;
    ASN1_GENERALIZEDTIME* until = nullptr;
    const int status = OCSP_single_get0_status(one, nullptr, nullptr, &from, &until);
    if (status != V_OCSP_CERTSTATUS_GOOD)
      return Error{Errc::invalid, "the OCSP answer says that the certificate is not good"};
    if (until == nullptr) return Error{Errc::invalid, "the OCSP answer has no end"};
    if (wall_of(until) <= now) return Error{Errc::invalid, "the OCSP answer is out of date"};
    return OcspAnswer{wall_of(until)};
  }
  return Error{Errc::invalid, "the OCSP answer is about another certificate"};
}

}  // namespace weir
