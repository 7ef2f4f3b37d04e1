#include "cli/certificates.h"

#include "base/must.h"
#include "http/dates.h"

#include <algorithm>

namespace weir::cli {
namespace {

constexpr auto warning_pause = std::chrono::hours(24);
constexpr auto proof_life = std::chrono::hours(24);

http::ClientCertificates clients_of(std::string_view mode) {
  if (mode == "require") return http::ClientCertificates::require;
  return mode == "request" ? http::ClientCertificates::request : http::ClientCertificates::off;
}

const edge::TlsSettings* find_table(const edge::Config& config, std::string_view name) {
  for (const edge::TlsSettings& tls : config.tls)
    if (tls.name == name) return &tls;
  return nullptr;
}

// The certificates of each table, in the order of the settings they become.
std::size_t certificates_of(const edge::TlsSettings& table) {
  return table.acme.domains.empty() ? table.files.size() : 1;
}

std::string names_of(const Certificate& facts) {
  std::string names;
  for (const auto* const list : {&facts.dns, &facts.addresses})
    for (const std::string& name : *list) names += (names.empty() ? "" : ", ") + name;
  return names;
}

std::int64_t days_until(Wall until, Wall now) {
  return std::chrono::duration_cast<std::chrono::hours>(until - now).count() / 24;
}

bool ends_soon(const http::ServedCertificate& served, Wall now) {
  const Nanos life = served.facts.valid_until - served.facts.valid_from;
  const Nanos soon = std::min<Nanos>(limits::certificate_warning_time, life / 4);
  return !served.stands_in && served.facts.valid_until - now < soon;
}

// Why nothing is stapled although a file is named; empty = it is, or none is.
std::string staple_problem(const http::ServedCertificate& served, Wall now) {
  if (served.stapled_until && *served.stapled_until <= now)
    return "the OCSP answer for " + names_of(served.facts) + " is out of date";
  return served.ocsp_problem;
}

}  // namespace

std::string acme_file_of(const std::string& store_directory, const std::string& table) {
  return store_directory + "/acme/" + table + ".pem";
}

Result<http::TlsSettings> Certificates::settings_of(const edge::Config& config,
                                                    const std::vector<std::string>& tables) const {
  http::TlsSettings settings;
  for (const std::string& name : tables) {
    const edge::TlsSettings* table = find_table(config, name);
    if (table == nullptr) return Error{Errc::missing, "there is no table [tls." + name + "]"};
    for (const edge::TlsFiles& files : table->files)
      settings.certificates.push_back({files.certificate, files.key, files.ocsp});
    if (!table->acme.domains.empty()) {
      const std::string file = acme_file_of(store_directory_, name);
      settings.certificates.push_back({file, file, {}, table->acme.domains});
    }
    settings.clients = clients_of(table->client_mode);
    settings.client_ca_file = table->client_ca_file;
  }
  return settings;
}

Status Certificates::add(const edge::Config& config, const std::vector<std::string>& tables) {
  if (tables.empty() || context_for(tables) != nullptr) return done;
  Held held;
  held.tables = tables;
  auto context = http::TlsContext::open(TRY(settings_of(config, tables)), clock_);
  const edge::TlsSettings& first = *find_table(config, tables.front());
  if (!context.ok()) return std::move(context).error().in("tls." + first.name).at(first.place);
  held.context = std::move(context).value();
  for (const std::string& name : tables)
    held.table_of.insert(held.table_of.end(), certificates_of(*find_table(config, name)), name);
  held_.push_back(std::move(held));
  return done;
}

Result<std::unique_ptr<Certificates>> Certificates::open(const edge::Config& config,
                                                         const std::string& store_directory,
                                                         const Clock& clock, Log& log) {
  std::unique_ptr<Certificates> made(new Certificates(store_directory, clock, log));
  for (const edge::ListenSettings& listen : config.serve.listeners)
    TRY(made->add(config, listen.tls));
  for (const edge::TlsSettings& table : config.tls) {
    const bool used = std::any_of(made->held_.begin(), made->held_.end(), [&](const Held& held) {
      return std::find(held.tables.begin(), held.tables.end(), table.name) != held.tables.end();
    });
    if (!used) TRY(made->add(config, {table.name}));
  }
  made->make_keeper(config);
  made->seen_.with([&](Seen& seen) {
    seen.problems.resize(made->held_.size());
    seen.next_look = clock.mono() + limits::certificate_look_each;
    seen.next_warning = clock.wall();
  });
  return made;
}

std::shared_ptr<http::TlsContext> Certificates::context_for(
    const std::vector<std::string>& tables) const {
  for (const Held& held : held_)
    if (held.tables == tables) return held.context;
  return nullptr;
}

// --- reading again -------------------------------------------------------------------------------

bool Certificates::note(std::size_t index, const Status& reloaded) {
  const std::string& table = held_[index].tables.front();
  const std::string problem = reloaded.ok() ? std::string() : reloaded.error().text();
  seen_.with([&](Seen& seen) {  // readyz is public: paths are for the log
    seen.problems[index] =
        problem.empty() ? problem
                        : "[tls." + table + "] keeps its certificate: its files cannot be used now";
    seen.next_warning = clock_.wall();
  });
  if (!problem.empty()) {
    log_.error("certificate-kept", {{"tls", table}, {"reason", problem}});
    return false;
  }
  for (const http::ServedCertificate& served : held_[index].context->certificates()) {
    log_.info("certificate", {{"tls", table},
                              {"file", served.file},
                              {"names", names_of(served.facts)},
                              {"until", http::date_of(served.facts.valid_until.seconds())}});
  }
  return true;
}

bool Certificates::reload() {
  bool good = true;
  for (std::size_t i = 0; i < held_.size(); ++i) good = note(i, held_[i].context->reload()) && good;
  warn_of_ends();
  return good;
}

bool Certificates::reload(const edge::Config& config) {
  bool good = true;
  for (std::size_t i = 0; i < held_.size(); ++i) {
    auto settings = settings_of(config, held_[i].tables);
    good = note(i, settings.ok() ? held_[i].context->reload(std::move(settings).value())
                                 : Status(settings.error())) &&
           good;
  }
  warn_of_ends();
  return good;
}

void Certificates::tick() {
  const Mono now = clock_.mono();
  const bool due = seen_.with([now](Seen& seen) {
    if (now < seen.next_look) return false;
    seen.next_look = now + limits::certificate_look_each;
    return true;
  });
  if (due) {
    for (std::size_t i = 0; i < held_.size(); ++i)
      if (held_[i].context->files_changed()) note(i, held_[i].context->reload());
  }
  warn_of_ends();
}

// Once at start, after each reading, and then daily.
void Certificates::warn_of_ends() {
  const Wall now = clock_.wall();
  const bool due = seen_.with([now](Seen& seen) {
    if (now < seen.next_warning) return false;
    seen.next_warning = now + warning_pause;
    return true;
  });
  if (!due) return;
  for (const Held& held : held_) {
    for (const http::ServedCertificate& served : held.context->certificates()) {
      if (served.stands_in)
        log_.warning(
            "certificate-stands-in",
            {{"file", served.file}, {"meaning", "self-signed until the authority has given one"}});
      if (ends_soon(served, now))
        log_.warning("certificate-ends", {{"file", served.file},
                                          {"names", names_of(served.facts)},
                                          {"days", days_until(served.facts.valid_until, now)}});
      if (const std::string reason = staple_problem(served, now); !reason.empty())
        log_.warning("ocsp-not-stapled", {{"reason", reason}});
    }
  }
}

// --- automatic certificates ----------------------------------------------------------------------

namespace {

guard::AcmeChallenge challenge_of(const edge::Config& config, const edge::AcmeSettings& acme) {
  if (acme.challenge == "http-01") return guard::AcmeChallenge::http_01;
  if (acme.challenge == "tls-alpn-01") return guard::AcmeChallenge::tls_alpn_01;
  const auto& listeners = config.serve.listeners;
  const bool speaks_plain =
      std::any_of(listeners.begin(), listeners.end(),
                  [](const edge::ListenSettings& one) { return one.tls.empty() && !one.is_admin; });
  return speaks_plain ? guard::AcmeChallenge::http_01 : guard::AcmeChallenge::tls_alpn_01;
}

}  // namespace

void Certificates::make_keeper(const edge::Config& config) {
  std::vector<guard::AcmeTable> tables;
  for (const edge::TlsSettings& tls : config.tls) {
    const edge::AcmeSettings& acme = tls.acme;
    if (acme.domains.empty()) continue;
    tables.push_back({tls.name,
                      acme_file_of(store_directory_, tls.name),
                      {acme.directory, acme.ca_file, acme.email, acme.domains,
                       acme.key == "rsa" ? CertificateKey::rsa : CertificateKey::ecdsa,
                       challenge_of(config, acme)},
                      acme.renew_before});
  }
  if (tables.empty()) return;
  guard::AcmeClient::Parts client{
      [](const http::FetchRequest& request) { return http::fetch(request); }, *this,
      [this](Nanos span) { return pause(span); }, clock_};
  keeper_ = std::make_unique<guard::AcmeKeeper>(
      std::move(tables),
      guard::AcmeKeeper::Parts{std::move(client), clock_, log_, store_directory_ + "/acme",
                               [this](const std::string& table) { renewed(table); }});
}

void Certificates::start() {
  if (keeper_ != nullptr && !thread_.joinable()) thread_ = std::thread([this] { keep_asking(); });
}

Certificates::~Certificates() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool Certificates::pause(Nanos span) {
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, span, [this] { return ended_; });
  return !ended_;
}

void Certificates::keep_asking() {
  while (pause(keeper_->step())) {
  }
}

void Certificates::renewed(const std::string& table) {
  for (std::size_t i = 0; i < held_.size(); ++i) {
    const auto& tables = held_[i].tables;
    if (std::find(tables.begin(), tables.end(), table) != tables.end())
      note(i, held_[i].context->reload());
  }
}

// A name may be asked for on any listener, so every context can prove it.
Status Certificates::show(const guard::AcmeProof& proof) {
  if (proof.kind == guard::AcmeChallenge::http_01) {
    tokens_.set(proof.token, proof.key_authorization);
    return done;
  }
  const Sha256 digest = sha256_of(proof.key_authorization);
  const std::string pem = self_signed(
      {{proof.name}, clock_.wall(), proof_life, std::string(text_of(ByteView(digest)))});
  for (const Held& held : held_) TRY(held.context->set_challenge(proof.name, pem));
  return done;
}

void Certificates::withdraw(const guard::AcmeProof& proof) {
  tokens_.clear(proof.token);
  for (const Held& held : held_) held.context->clear_challenge(proof.name);
}

// --- what is told --------------------------------------------------------------------------------

std::vector<std::string> Certificates::notes() const {
  std::vector<std::string> all;
  seen_.with([&all](const Seen& seen) {
    for (const std::string& problem : seen.problems)
      if (!problem.empty()) all.push_back(problem);
  });
  if (keeper_ != nullptr)
    for (std::string& note : keeper_->notes()) all.push_back(std::move(note));
  const Wall now = clock_.wall();
  for (const Held& held : held_) {
    for (const http::ServedCertificate& served : held.context->certificates()) {
      const std::string who = "the certificate for " + names_of(served.facts);
      if (served.stands_in) all.push_back(who + " is a self-signed stand-in");
      else if (served.facts.valid_until <= now) all.push_back(who + " has ended");
      else if (ends_soon(served, now))
        all.push_back(who + " ends in " +
                      std::to_string(days_until(served.facts.valid_until, now)) + " days");
      if (!staple_problem(served, now).empty())
        all.push_back(who + " has no OCSP answer to staple");
    }
  }
  return all;
}

std::vector<edge::CertificateAge> Certificates::ages() const {
  std::vector<edge::CertificateAge> all;
  for (const Held& held : held_) {
    const auto certificates = held.context->certificates();
    for (std::size_t i = 0; i < certificates.size(); ++i) {
      const std::string table = i < held.table_of.size() ? held.table_of[i] : held.tables.front();
      const auto same = static_cast<std::size_t>(std::count_if(
          all.begin(), all.end(), [&](const auto& one) { return one.table == table; }));
      all.push_back({table, same, certificates[i].facts.valid_until, certificates[i].stands_in});
    }
  }
  return all;
}

}  // namespace weir::cli
