#pragma once
// Where keys come from: a file that was read at start, or a URL that is fetched in the background.
//
// The promise (guard G-16 to G-21): requests never wait for a fetch and never start more than one
// per issuer and `refetch_least`, however many unknown kids they bring. A failed fetch keeps the
// last good set until `stale_max`; then there are no keys and the stage fails closed. The set and
// its generation are swapped together, so that a token of a removed key is refused at once, cached
// or not. The last good set survives a restart when `keep_path` is given.
//
// Callable from any thread. The owner calls `tick` about once a second and keeps the source alive
// until every fetch it started has called back (cli destroys the fetcher first).

#include "base/clock.h"
#include "base/guarded.h"
#include "base/limits.h"
#include "base/log.h"
#include "guard/jwks.h"

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace weir::guard {

// What the verifier needs of a source.
class KeySource {
 public:
  virtual ~KeySource() = default;
  // Null: no keys that may be used now. The stage has failed; that is not the token's fault.
  virtual std::shared_ptr<const Jwks> keys(Mono now) const = 0;
  virtual std::uint64_t generation()
      const = 0;  // grows with every swap, and when the keys become too old
  virtual void unknown_kid(std::string_view kid, Mono now) = 0;
};

// Filled by cli with the outbound client. `done` is called exactly once, from any thread, maybe
// before `fetch` returns. The fetcher follows only redirects to the same origin.
struct KeyFetch {
  std::string url;
  std::size_t bytes_max = limits::jwks_bytes_max;
  Nanos time_max = limits::jwks_fetch_time_max;
};
struct FetchedKeys {
  std::string body;
  std::optional<Nanos> max_age;  // of Cache-Control
};
class Fetcher {
 public:
  virtual ~Fetcher() = default;
  virtual void fetch(const KeyFetch& order, std::function<void(Result<FetchedKeys>)> done) = 0;
};

struct JwksSettings {
  std::string name;                          // of the [auth.*] table, for messages
  std::string url;                           // https, or http on loopback
  Nanos refresh = std::chrono::minutes(10);  // when the answer names no max-age
  Nanos refetch_least = limits::jwks_refetch_least;
  Nanos stale_max = std::chrono::hours(24);
  std::string keep_path = {};  // empty = not kept
};

// Fixed keys: a JWKS file, a secret.
class FixedKeys final : public KeySource {
 public:
  explicit FixedKeys(std::shared_ptr<const Jwks> set) : set_(std::move(set)) {}
  std::shared_ptr<const Jwks> keys(Mono) const override { return set_; }
  std::uint64_t generation() const override { return 1; }
  void unknown_kid(std::string_view, Mono) override {}

 private:
  std::shared_ptr<const Jwks> set_;
};

class FetchedKeySource final : public KeySource {
 public:
  // Reads `keep_path` when it is there. Fails on a URL that G-17 forbids. References must outlive
  // it.
  ~FetchedKeySource() override;
  static Result<std::unique_ptr<FetchedKeySource>> open(JwksSettings settings, Fetcher& fetcher,
                                                        const Clock& clock, Log& log);

  std::shared_ptr<const Jwks> keys(Mono now) const override;
  std::uint64_t generation() const override { return generation_.load(std::memory_order_acquire); }
  void unknown_kid(std::string_view kid, Mono now) override;

  // Fetches when it is time to. Never blocks.
  void tick();

  struct State {
    bool has_keys = false;
    std::optional<Nanos> age = {};
    std::uint64_t fetches = 0, failures = 0;
    std::string last_failure = {};
  };
  State state() const;

 private:
  struct Shared;
  FetchedKeySource(JwksSettings settings, Fetcher& fetcher, const Clock& clock, Log& log);
  void start_fetch();
  void arrived(Result<FetchedKeys> answer);
  void keep(const std::string& body, Wall fetched) const;
  Status restore();

  JwksSettings settings_;
  Fetcher& fetcher_;
  const Clock& clock_;
  Log& log_;
  std::atomic<std::uint64_t> generation_{0};
  std::unique_ptr<Shared> shared_;
};

}  // namespace weir::guard
