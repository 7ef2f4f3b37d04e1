#pragma once
// The best codings of kept answers (C-43): what polish.cpp does for pages. An answer that was asked
// for again and is still kept `limits::polish_after` later gets brotli 11 and zstd 19 by the idle
// worker, in place of the quick ones. They live in memory only: an answer that comes back from disk
// earns them again.
//
// `add` and `tick` from any thread. The idle tasks must have ended before it goes.

#include "base/clock.h"
#include "cache/answer_cache.h"
#include "cache/idle_queue.h"

#include <atomic>
#include <functional>
#include <memory>
#include <string>

namespace weir::cache {

class AnswerPolisher {
 public:
  struct Parts {  // all must outlive it
    AnswerCache& answers;
    Tasks& idle;
    std::function<bool()> is_busy;  // true = leave it; any thread
    const Clock& clock;
  };
  explicit AnswerPolisher(Parts parts);
  AnswerPolisher(const AnswerPolisher&) = delete;
  AnswerPolisher& operator=(const AnswerPolisher&) = delete;

  void add(const Answer& answer);  // it is wanted
  void tick();                     // every 100 ms or so

  struct Counters {
    std::uint64_t polished = 0, saved_bytes = 0;
    std::size_t waiting = 0;
  };
  Counters counters() const;

 private:
  // The body stands for the answer: its codings and its fields come and go.
  struct One {
    std::string key;
    std::weak_ptr<const std::string> body;
  };
  bool polish(std::shared_ptr<const Answer> answer);  // false: left before its end
  std::shared_ptr<const Answer> kept(const One& one) const;

  AnswerCache& answers_;
  IdleQueue<One> queue_;
  std::atomic<std::uint64_t> polished_{0}, saved_bytes_{0};
};

}  // namespace weir::cache
