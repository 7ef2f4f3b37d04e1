#pragma once
// Stored answers of upstreams over a restart: in the store's log and blobs, like the renders of
// pages (C-61, C-62, C-67). What has been asked for twice within a while is written there; what is
// found there is judged like any other stored answer, so that a purge or an invalidation that came
// meanwhile holds.
//
// A lost answer is only another question to the server, so nobody waits for the disk. `find` looks
// in memory and may be called on a loop; `read` and `keep` block, for workers.

#include "base/clock.h"
#include "base/log.h"
#include "cache/answer.h"
#include "cache/doorkeeper.h"
#include "store/store.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>

namespace weir::cache {

class AnswerDisk {
 public:
  // All must outlive it.
  struct Parts {
    store::Store& store;
    TagEpochs& tags;
    const Clock& clock;
    Log& log;
  };
  explicit AnswerDisk(const Parts& parts) : parts_(parts) {}

  // The one that a request selects, if any.
  std::optional<store::Fill> find(std::string_view key,
                                  std::span<const http::Field> request_fields) const;
  bool holds(std::string_view key) const;  // any variant

  // Errc::corrupt: it is moved out of the way, and asked for anew.
  Result<std::shared_ptr<const Answer>> read(const store::Fill& fill) const;

  // Writes it, when it has been seen before and nothing newer is there: true. A full or failing disk
  // is logged and loses nothing else.
  bool keep(const Answer& answer);
  // Those that were not: seen for the first time.
  std::uint64_t not_admitted() const { return not_admitted_.load(std::memory_order_relaxed); }

  // The tag that every answer of a key carries: a purge of it is what an invalidation leaves on
  // disk.
  static std::string tag_of_key(std::string_view key);

 private:
  Parts parts_;
  Doorkeeper doorkeeper_;
  std::mutex keeping_;  // what is there is looked at and written in one step
  std::atomic<std::uint64_t> not_admitted_{0};
};

}  // namespace weir::cache
