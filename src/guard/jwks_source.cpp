#include "guard/jwks_source.h"

#include "base/bytes.h"
#include "base/file.h"
#include "base/hash.h"
#include "text/json.h"
#include "text/url.h"

#include <algorithm>
#include <unordered_set>

namespace weir::guard {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

// G-17: https anywhere, plain http only on this machine.
Status check_url(const std::string& url) {
  const text::UrlParts parts = TRY(text::parse_http_url(url));
  const bool loopback =
      parts.host == "localhost" || parts.host == "::1" || parts.host.starts_with("127.");
  if (parts.scheme != "https" && !loopback)
    return Error{Errc::denied,
                 "keys must come over https (plain http only from loopback), not from " + url};
  if (!parts.userinfo.empty())
    return Error{Errc::denied, "the URL of keys must not hold a password"};
  return done;
}

// Refreshed at 80 % of what the answer allows, within a minute and a day.
Nanos refresh_of(Nanos max_age) {
  return std::clamp(max_age * 4 / 5, Nanos(minutes(1)), Nanos(hours(24)));
}

}  // namespace

struct FetchedKeySource::Shared {
  struct Inner {
    std::shared_ptr<const Jwks> set;
    Mono fetched;     // of `set`
    Mono refresh_at;  // zero: at once
    bool fetching = false;
    bool wanted = false;   // an unknown kid asked for a fetch
    bool expired = false;  // `set` is above stale_max, and the generation has said so
    std::optional<Mono> last_start;
    std::unordered_set<std::uint64_t> unknown_kids;  // asked for since the last swap
    std::uint64_t fetches = 0, failures = 0;
    std::size_t failures_in_row = 0;
    std::string last_failure;
  };
  Guarded<Inner> inner;
  HashKey key = HashKey::random();
};

FetchedKeySource::FetchedKeySource(JwksSettings settings, Fetcher& fetcher, const Clock& clock,
                                   Log& log)
    : settings_(std::move(settings)),
      fetcher_(fetcher),
      clock_(clock),
      log_(log),
      shared_(new Shared) {}

FetchedKeySource::~FetchedKeySource() = default;

Result<std::unique_ptr<FetchedKeySource>> FetchedKeySource::open(JwksSettings settings,
                                                                 Fetcher& fetcher,
                                                                 const Clock& clock, Log& log) {
  TRY(check_url(settings.url));
  std::unique_ptr<FetchedKeySource> source(
      new FetchedKeySource(std::move(settings), fetcher, clock, log));
  if (!source->settings_.keep_path.empty()) {
    const Status restored = source->restore();
    if (!restored.ok() && restored.error().code != Errc::missing)
      log.warning("jwks-kept-unusable",
                  {{"auth", source->settings_.name}, {"why", restored.error().what}});
  }
  return source;
}

std::shared_ptr<const Jwks> FetchedKeySource::keys(Mono now) const {
  return shared_->inner.with([&](const Shared::Inner& inner) {
    return inner.set != nullptr && now - inner.fetched <= settings_.stale_max ? inner.set : nullptr;
  });
}

void FetchedKeySource::unknown_kid(std::string_view kid, Mono now) {
  const std::uint64_t hash = shared_->key.hash64(kid);
  const bool start = shared_->inner.with([&](Shared::Inner& inner) {
    if (inner.unknown_kids.size() >= limits::jwks_unknown_kids_max) inner.unknown_kids.clear();
    if (!inner.unknown_kids.insert(hash).second) return false;  // asked already; a swap forgets it
    inner.wanted = true;
    return !inner.fetching &&
           (!inner.last_start || now - *inner.last_start >= settings_.refetch_least);
  });
  if (start) start_fetch();
}

void FetchedKeySource::tick() {
  const Mono now = clock_.mono();
  bool start = false;
  bool ran_out = false;
  shared_->inner.with([&](Shared::Inner& inner) {
    if (inner.set != nullptr && !inner.expired && now - inner.fetched > settings_.stale_max) {
      inner.expired = ran_out = true;
      ++generation_;  // tokens in caches were judged by keys that may no longer be used
    }
    const bool rested = !inner.last_start || now - *inner.last_start >= settings_.refetch_least;
    start = !inner.fetching && ((inner.wanted && rested) || now >= inner.refresh_at);
  });
  if (ran_out) log_.error("jwks-too-old", {{"auth", settings_.name}, {"url", settings_.url}});
  if (start) start_fetch();
}

void FetchedKeySource::start_fetch() {
  const Mono now = clock_.mono();
  const bool mine = shared_->inner.with([&](Shared::Inner& inner) {
    if (inner.fetching) return false;
    inner.fetching = true;
    inner.wanted = false;
    inner.last_start = now;
    ++inner.fetches;
    return true;
  });
  if (mine)
    fetcher_.fetch({settings_.url},
                   [this](Result<FetchedKeys> answer) { arrived(std::move(answer)); });
}

void FetchedKeySource::arrived(Result<FetchedKeys> answer) {
  const auto judged = [&]() -> Result<Jwks::Parsed> {
    if (!answer.ok()) return answer.error();
    if (answer->body.size() > limits::jwks_bytes_max)
      return Error{Errc::too_large, "the answer is above 64 KiB"};
    auto parsed = Jwks::parse(std::string_view(answer->body), KeyOrigin::network);
    if (parsed.ok() && parsed->set->keys().empty())
      return Error{Errc::invalid, "no key of the set can be used: " +
                                      (parsed->warnings.empty() ? std::string("none there")
                                                                : parsed->warnings[0])};
    return parsed;
  }();
  const Mono now = clock_.mono();
  shared_->inner.with([&](Shared::Inner& inner) {
    inner.fetching = false;
    if (judged.ok()) {
      inner.set = judged->set;
      inner.fetched = now;
      inner.refresh_at = now + refresh_of(answer->max_age.value_or(settings_.refresh * 5 / 4));
      inner.expired = false;
      inner.unknown_kids.clear();
      inner.failures_in_row = 0;
      inner.last_failure.clear();
      ++generation_;
    } else {
      ++inner.failures;
      inner.last_failure = judged.error().what;
      // 1, 2, 4, ... 64 s, so that a host that is down is asked gently and found soon when it is
      // back.
      const std::size_t doublings = std::min<std::size_t>(inner.failures_in_row++, 6);
      inner.refresh_at = now + seconds(std::int64_t{1} << doublings);
    }
  });
  if (!judged.ok()) {
    log_.warning("jwks-fetch-failed",
                 {{"auth", settings_.name}, {"url", settings_.url}, {"why", judged.error().what}});
    return;
  }
  for (const std::string& warning : judged->warnings)
    log_.warning("jwks-key-left-out", {{"auth", settings_.name}, {"why", warning}});
  if (!settings_.keep_path.empty()) keep(answer->body, clock_.wall());
}

// {"fetched":1732060800,"jwks":{...}}
void FetchedKeySource::keep(const std::string& body, Wall fetched) const {
  auto set = text::parse_json(body);
  if (!set.ok()) return;  // it was parsed a moment ago
  text::Value file;
  file.set("url", settings_.url);
  file.set("fetched", fetched.seconds());
  file.set("jwks", std::move(*set));
  const Status written = write_file_atomically(settings_.keep_path, text::json_of(file), Sync::yes);
  if (!written.ok())
    log_.warning("jwks-not-kept", {{"auth", settings_.name}, {"why", written.error().what}});
}

Status FetchedKeySource::restore() {
  const std::string kept = TRY(read_file(settings_.keep_path));
  const text::Value file = TRY(text::parse_json(kept));
  const text::Value* url = file.find("url");
  const text::Value* fetched = file.find("fetched");
  const text::Value* jwks = file.find("jwks");
  if (url == nullptr || fetched == nullptr || fetched->integer() == nullptr || jwks == nullptr)
    return Error{Errc::corrupt, settings_.keep_path + " is not a kept key set"};
  if (url->string() == nullptr || *url->string() != settings_.url)
    return done;  // of another issuer
  Jwks::Parsed parsed = TRY(Jwks::parse(*jwks, KeyOrigin::network));
  const Nanos age = std::max(seconds(clock_.wall().seconds() - *fetched->integer()), seconds(0));
  if (age > settings_.stale_max || parsed.set->keys().empty()) return done;
  shared_->inner.with([&](Shared::Inner& inner) {
    inner.set = std::move(parsed.set);
    inner.fetched = {clock_.mono().ns -
                     age.count()};  // refresh_at stays zero: fetched anew at the first tick
  });
  ++generation_;
  return done;
}

FetchedKeySource::State FetchedKeySource::state() const {
  const Mono now = clock_.mono();
  return shared_->inner.with([&](const Shared::Inner& inner) {
    State state{.has_keys = inner.set != nullptr && now - inner.fetched <= settings_.stale_max,
                .fetches = inner.fetches,
                .failures = inner.failures,
                .last_failure = inner.last_failure};
    if (inner.set != nullptr) state.age = now - inner.fetched;
    return state;
  });
}

}  // namespace weir::guard
