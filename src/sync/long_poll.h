#pragma once
// One asker who waits for operations after a position: answered with the first commit that has
// some, or with an empty page at the deadline, at the end of the service, never twice. Callable
// from any thread.

#include "sync/hub.h"
#include "sync/tenant.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

namespace weir::sync {

class LongPoll final : public Follower, public std::enable_shared_from_this<LongPoll> {
 public:
  struct Question {
    std::string document;
    std::int64_t since = 0;
    std::size_t ops_max = limits::sync_page_ops_max;
    Mono deadline;
  };
  LongPoll(Question question, Answer answer)
      : question_(std::move(question)), answer_(std::move(answer)) {}

  // On a reader thread: answers from the log, or begins to wait.
  void begin(std::shared_ptr<Tenant> tenant);
  void refuse(Reply reply);  // instead of begin
  void cancel();             // forgets the asker

  void on_frame(const SharedFrame& frame) override;
  std::optional<Mono> on_time(Mono now) override;
  void on_end() override;

 private:
  Reply read();
  bool has_news() const;
  void finish(Reply reply);

  const Question question_;
  std::shared_ptr<Tenant> tenant_;  // set before it follows
  Guarded<Answer> answer_;          // taken by whoever answers
  std::atomic<std::uint64_t> id_{0};
};

}  // namespace weir::sync
