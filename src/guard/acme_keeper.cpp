#include "guard/acme_keeper.h"

#include "base/bytes.h"
#include "base/file.h"
#include "base/limits.h"
#include "guard/jwks.h"
#include "http/dates.h"

#include <algorithm>

namespace weir::guard {
namespace {

constexpr Nanos look_each = std::chrono::minutes(1);
constexpr Nanos look_soonest = std::chrono::seconds(1);

double chance() { return static_cast<double>(random_u64() >> 11) * 0x1p-53; }

// Two minutes, four, eight ... half a day, each a fifth shorter or longer by chance.
Nanos pause_after(unsigned failures) {
  Nanos pause = limits::acme_retry_first;
  for (unsigned i = 1; i < failures && pause < limits::acme_retry_max; ++i) pause *= 2;
  pause = std::min<Nanos>(pause, limits::acme_retry_max);
  return std::chrono::duration_cast<Nanos>(pause * (0.8 + 0.4 * chance()));
}

}  // namespace

Wall renewal_of(const Certificate& facts, std::optional<Nanos> renew_before, double early) {
  const Nanos life = facts.valid_until - facts.valid_from;
  Nanos before = renew_before.value_or(life / 3);
  if (before >= life) before = life / 3;  // else each new one would be due at once
  const Nanos by_chance = std::chrono::duration_cast<Nanos>(life / 50 * early);
  return {facts.valid_until.ns - before.count() - by_chance.count()};
}

AcmeKeeper::AcmeKeeper(std::vector<AcmeTable> tables, Parts parts) : parts_(std::move(parts)) {
  for (AcmeTable& table : tables) {
    kept_.push_back({std::move(table), {}, {}, 0});
    read(kept_.back());
  }
  notes_.with([this](auto& notes) { notes.resize(kept_.size()); });
}

// What is on disk, if it is what the table asks for.
void AcmeKeeper::read(Kept& kept) const {
  kept.due = {};
  const auto pem = read_file(kept.table.file);
  if (!pem.ok()) return;
  const auto facts = parse_certificate(*pem);
  if (!facts.ok()) return;
  const bool names_all = std::all_of(kept.table.wishes.names.begin(), kept.table.wishes.names.end(),
                                     [&](const std::string& name) { return covers(*facts, name); });
  if (names_all) kept.due = renewal_of(*facts, kept.table.renew_before, chance());
}

Nanos AcmeKeeper::step() {
  Nanos least = look_each;
  for (Kept& kept : kept_) {
    if (parts_.clock.wall() >= kept.due && parts_.clock.mono() >= kept.not_before) renew(kept);
    const Nanos by_life = kept.due - parts_.clock.wall();
    const Nanos by_failure = kept.not_before - parts_.clock.mono();
    least = std::min(least, std::max({by_life, by_failure, look_soonest}));
  }
  return least;
}

// One key for each authority, made when it is first needed.
Result<SignatureKey> AcmeKeeper::account_of(const std::string& authority) const {
  const std::string name = hex_of(ByteView(sha256_of(authority)).first(8));
  const std::string path = parts_.directory + "/account-" + name + ".jwk";
  auto json = read_file(path);
  if (json.ok()) {
    auto parsed = parse_private_jwk(*json);
    if (!parsed.ok()) return std::move(parsed).error().in(path);
    if (parsed->key.kind() != KeyKind::p256)
      return Error{Errc::invalid, path + ": expected a P-256 key"};
    return std::move(parsed->key);
  }
  if (json.error().code != Errc::missing) return std::move(json).error();
  SignatureKey made = TRY(SignatureKey::generate(KeyKind::p256));
  const Jwk jwk{{}, SignatureAlgorithm::es256, std::move(made)};
  const std::string text = jwk_json_of(jwk, SignatureKey::Part::with_private);
  TRY(write_file_atomically(path, text, Sync::yes, Readers::owner));
  parts_.log.info("acme-account", {{"authority", authority}, {"key", path}});
  return std::move(TRY(parse_private_jwk(text)).key);
}

Result<std::string> AcmeKeeper::obtain(const Kept& kept, std::optional<Nanos>& retry_after) {
  TRY(make_directories(parts_.directory));
  const SignatureKey account = TRY(account_of(kept.table.wishes.directory));
  AcmeClient client(kept.table.wishes, account, parts_.client);
  auto pem = client.obtain();
  retry_after = client.retry_after();
  return pem;
}

void AcmeKeeper::renew(Kept& kept) {
  const auto at = static_cast<std::size_t>(&kept - kept_.data());
  std::optional<Nanos> retry_after;
  parts_.log.info("acme-order",
                  {{"tls", kept.table.name}, {"authority", kept.table.wishes.directory}});
  const auto pem = obtain(kept, retry_after);
  const Status kept_it =
      pem.ok() ? write_file_atomically(kept.table.file, *pem, Sync::yes, Readers::owner)
               : Status(pem.error());
  if (!kept_it.ok()) {
    ++kept.failures;
    const Nanos pause = std::max(pause_after(kept.failures), retry_after.value_or(Nanos(0)));
    kept.not_before = parts_.clock.mono() + pause;
    const std::string reason = kept_it.error().text();
    parts_.log.warning(
        "acme-failed",
        {{"tls", kept.table.name},
         {"reason", reason},
         {"failures", kept.failures},
         {"again_s", std::chrono::duration_cast<std::chrono::seconds>(pause).count()}});
    notes_.with([&](auto& notes) {
      notes[at] = "[tls." + kept.table.name + "] has no new certificate from its authority";
    });
    return;
  }
  kept.failures = 0;
  kept.not_before = {};
  read(kept);
  // A certificate that is due again as soon as it is there must not make us a nuisance.
  if (parts_.clock.wall() >= kept.due)
    kept.not_before = parts_.clock.mono() + limits::acme_retry_first;
  parts_.log.info("acme-certificate", {{"tls", kept.table.name},
                                       {"file", kept.table.file},
                                       {"next", http::date_of(kept.due.seconds())}});
  notes_.with([&](auto& notes) { notes[at].clear(); });
  parts_.renewed(kept.table.name);
}

std::vector<std::string> AcmeKeeper::notes() const {
  std::vector<std::string> all;
  notes_.with([&all](const auto& notes) {
    for (const std::string& note : notes)
      if (!note.empty()) all.push_back(note);
  });
  return all;
}

}  // namespace weir::guard
