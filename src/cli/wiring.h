#pragma once
// Small adapters that let rooms meet without knowing each other: worker pools as the cache's tasks,
// the outbound client as the guard's fetcher of keys.

#include "base/guarded.h"
#include "base/worker_pool.h"
#include "cache/origin.h"
#include "edge/config.h"
#include "guard/jwks_source.h"

#include <cstdint>
#include <memory>

namespace weir::cli {

// `end` lets running work finish and drops the rest; later offers are refused (Errc::full).
// Callable from any thread.
class PoolTasks final : public cache::Tasks {
 public:
  // idle: its threads run behind all others (nice 19).
  enum class Priority : std::uint8_t { usual, idle };
  PoolTasks(std::string name, std::size_t threads, std::size_t queue_max,
            Priority priority = Priority::usual)
      : priority_(priority),
        pool_(std::make_unique<WorkerPool>(std::move(name), threads, queue_max)) {}
  Status offer(std::function<void()> work) override;
  void end();

 private:
  const Priority priority_;
  Guarded<std::unique_ptr<WorkerPool>> pool_;  // null = ended
};

// JWKS documents by the outbound client, on a thread of its own. Redirects are not followed.
class KeyFetcher final : public guard::Fetcher {
 public:
  KeyFetcher() : pool_("keys", 1, 64) {}
  void fetch(const guard::KeyFetch& order,
             std::function<void(Result<guard::FetchedKeys>)> done) override;

 private:
  WorkerPool pool_;
};

// For `weir check`, which asks the network nothing.
class NoFetcher final : public guard::Fetcher {
 public:
  void fetch(const guard::KeyFetch&,
             std::function<void(Result<guard::FetchedKeys>)> done) override {
    done(Error{Errc::denied, "keys are not fetched here"});
  }
};

}  // namespace weir::cli
