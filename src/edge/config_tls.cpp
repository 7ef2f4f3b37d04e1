#include "edge/config_tls.h"

#include "base/bytes.h"
#include "text/url.h"

#include <algorithm>

namespace weir::edge {
namespace {

std::string label_of(const TlsSettings& tls) { return "[tls." + tls.name + "]"; }

void read_files(Table& table, TlsSettings& tls) {
  std::vector<std::string> certificates, keys, answers;
  table.read("cert", certificates);
  table.read("key", keys);
  table.read("ocsp", answers);
  if (certificates.size() != keys.size()) {
    table.error(table.value(), label_of(tls) + " needs cert and key, as many keys as certificates",
                "both are PEM files");
    return;
  }
  if (answers.size() > certificates.size())
    table.error(table.find("ocsp"), label_of(tls) + " has more OCSP answers than certificates");
  const Findings& findings = table.findings();
  for (std::size_t i = 0; i < certificates.size(); ++i) {
    TlsFiles files{findings.resolved(certificates[i]), findings.resolved(keys[i]), {}};
    if (i < answers.size() && !answers[i].empty()) files.ocsp = findings.resolved(answers[i]);
    tls.files.push_back(std::move(files));
  }
}

bool is_public_name(std::string_view name) {
  if (name.empty() || name.size() > 253 || name.front() == '.' || name.back() == '.') return false;
  bool has_letter = false;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    if (c == '.' && name[i - 1] == '.') return false;
    if (!is_alnum(c) && c != '-' && c != '.') return false;
    has_letter = has_letter || is_alpha(c);
  }
  return has_letter;
}

void check_domains(Table& table, const TlsSettings& tls) {
  const AcmeSettings& acme = tls.acme;
  for (const std::string& domain : acme.domains) {
    if (domain.starts_with("*."))
      table.error(table.find("domains"),
                  label_of(tls) + " a wildcard name needs a certificate of your own: " + domain,
                  "automatic ones are proved by HTTP or TLS, which works for whole names only");
    else if (!is_public_name(domain))
      table.error(table.find("domains"),
                  label_of(tls) + " domains must be DNS names in ASCII, not \"" + domain + "\"");
  }
  if (acme.domains.size() > limits::acme_names_max)
    table.error(table.find("domains"), label_of(tls) + " has more than " +
                                           std::to_string(limits::acme_names_max) + " domains");
  if (!acme.accepts_terms)
    table.error(table.value(), label_of(tls) + " must say accept_terms = true",
                "automatic certificates need your agreement to the terms of the authority");
}

void read_acme(Table& table, TlsSettings& tls) {
  AcmeSettings& acme = tls.acme;
  table.read("domains", acme.domains);
  for (std::string& domain : acme.domains) domain = lower_of(domain);
  table.read("email", acme.email);
  table.read("accept_terms", acme.accepts_terms);
  Table more = table.table("acme");
  more.read("directory", acme.directory);
  more.read_path("ca_file", acme.ca_file);
  more.read_choice("challenge", acme.challenge, {"auto", "http-01", "tls-alpn-01"});
  more.read_choice("key", acme.key, {"ecdsa", "rsa"});
  more.read("renew_before", acme.renew_before);
  more.finish();
  if (acme.domains.empty()) {
    if (more.value() != nullptr || acme.accepts_terms || !acme.email.empty())
      table.error(table.value(), label_of(tls) + " needs domains for automatic certificates");
    return;
  }
  check_domains(table, tls);
  if (!acme.directory.starts_with("https://"))
    table.error(
        more.find("directory"),
        label_of(tls) + " acme.directory must be an https:// URL, not \"" + acme.directory + "\"");
}

void read_clients(Table table, TlsSettings& tls) {
  table.read_path("file", tls.client_ca_file);
  table.read_choice("mode", tls.client_mode, {"off", "request", "require"});
  table.finish();
  if (tls.client_mode != "off" && tls.client_ca_file.empty())
    table.error(table.value(), label_of(tls) + " client_ca needs file",
                "a PEM file with the authorities that may sign client certificates");
}

const TlsSettings* find_tls(const Config& config, std::string_view name) {
  const auto found = std::find_if(config.tls.begin(), config.tls.end(),
                                  [name](const TlsSettings& tls) { return tls.name == name; });
  return found == config.tls.end() ? nullptr : &*found;
}

}  // namespace

void read_tls(std::string_view name, Table& table, Config& config) {
  TlsSettings tls;
  tls.name = std::string(name);
  tls.place = table.place();
  read_files(table, tls);
  read_acme(table, tls);
  read_clients(table.table("client_ca"), tls);
  if (tls.files.empty() && tls.acme.domains.empty()) {
    table.error(table.value(), label_of(tls) + " needs cert and key, or domains",
                "cert and key are PEM files; domains = [\"example.com\"] asks an ACME authority");
  } else if (!tls.files.empty() && !tls.acme.domains.empty()) {
    table.error(table.value(), label_of(tls) + " has both files and domains",
                "make two tables and let the listener name both: tls = [\"main\", \"auto\"]");
  }
  config.tls.push_back(std::move(tls));
}

void read_hsts(Table& serve, std::string& into) {
  const text::Value* found = serve.find("hsts");
  if (found == nullptr) return;
  if (const bool* flag = found->boolean(); flag != nullptr && !*flag) return;
  Nanos max_age{0};
  bool subdomains = false, preload = false;
  if (const std::string* span = found->string()) {
    const auto parsed = parse_duration(*span);
    if (!parsed)
      return serve.error(found, "serve.hsts must be a duration, not \"" + *span + "\"",
                         "for example \"365d\"");
    max_age = *parsed;
  } else {
    Table table = serve.table("hsts");
    table.read("max_age", max_age);
    table.read("include_subdomains", subdomains);
    table.read("preload", preload);
    table.finish();
    if (table.value() != nullptr && !table.has("max_age"))
      return serve.error(found, "serve.hsts needs max_age", "for example max_age = \"365d\"");
  }
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(max_age).count();
  into = "max-age=" + std::to_string(seconds);
  if (subdomains) into += "; includeSubDomains";
  if (preload) into += "; preload";
}

void check_tls_names(Findings& findings, const Config& config) {
  std::vector<std::string_view> known;
  for (const TlsSettings& tls : config.tls) known.push_back(tls.name);
  for (const ListenSettings& listen : config.serve.listeners) {
    const TlsSettings* first = nullptr;
    for (const std::string& name : listen.tls) {
      const TlsSettings* tls = find_tls(config, name);
      if (tls == nullptr) {
        const std::string near = nearest_of(name, known);
        findings.errors.push_back(Error{Errc::missing,
                                        "there is no table [tls." + name + "]",
                                        listen.place,
                                        near.empty() ? "" : "did you mean \"" + near + "\"?",
                                        {}});
        continue;
      }
      if (first == nullptr) first = tls;
      if (tls->client_mode == first->client_mode && tls->client_ca_file == first->client_ca_file)
        continue;
      findings.errors.push_back(
          Error{Errc::invalid,
                "the listener names [tls." + first->name + "] and [tls." + name +
                    "], which ask clients for different certificates",
                listen.place,
                "a client chooses the server name by itself: use one client_ca for both, or two "
                "listeners",
                {}});
    }
    if (!listen.tls.empty() && listen.redirects_to_https)
      findings.errors.push_back(
          Error{Errc::invalid,
                "a listener that redirects to https is a plain one, without tls",
                listen.place,
                {},
                {}});
  }
}

}  // namespace weir::edge
