#pragma once
// How a Feed (feed.h) keeps its promise: a short live queue in front of the log.
//
// A feed is live (commits go into its queue) or lagging (they do not; it reads from the log at its
// cursor when the queue is empty and the reader asks for more). It begins lagging. It turns live
// when a read found the end of the log and no commit was published since that read began: a commit
// that the read did not see is published after the read began, so none falls between. It turns
// lagging when its queue would pass its bounds; then the queue is dropped and the cursor stays at
// what was taken.

#include "base/limits.h"
#include "base/worker_pool.h"
#include "sync/feed.h"
#include "sync/hub.h"

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

namespace weir::sync {

class LogFeed final : public Follower, public std::enable_shared_from_this<LogFeed> {
 public:
  // What the log holds behind a cursor. Called on a reader thread.
  struct Refill {
    std::vector<SharedText> texts = {};  // in the feed's form
    std::int64_t cursor = 0;             // after them
    bool has_more = false;
  };
  using Read = std::function<Result<Refill>(std::int64_t cursor)>;

  // Which text of a Frame is told: server-sent events, or WebSocket frames (sync/session.h).
  enum class Form : std::uint8_t { events, messages };
  struct Settings {
    std::int64_t cursor = 0;
    std::size_t bytes_max = limits::feed_bytes_max;
    Mono ends_at;  // the reader's right to read ends (token); the feed ends with it
    Form form = Form::events;
    std::uint64_t origin = 0;  // the socket that reads: what it sent itself is told without content
  };
  LogFeed(Hub& hub, WorkerPool& readers, const Clock& clock, Read read, Settings settings)
      : hub_(hub),
        readers_(readers),
        clock_(clock),
        read_(std::move(read)),
        settings_(settings),
        taken_to_(settings.cursor),
        queued_to_(settings.cursor) {}

  // False = too many followers.
  bool join(std::string key);

  void start(std::function<void()> wake);
  Feed::Taken take(std::size_t bytes_max);
  void close();

  void on_frame(const SharedFrame& frame) override;
  std::optional<Mono> on_time(Mono now) override;
  void on_end() override;

 private:
  struct Item {
    SharedText event;
    std::int64_t to = 0;
  };

  SharedText text_of(const Frame& frame) const;
  bool has_room_for(const SharedText& text) const;  // call with the lock held
  void hear_presence(const Frame& frame);           // call with the lock held
  void offer_read();  // call with the lock held; at most one read is under way
  void read_now();
  void push(Item item);                     // call with the lock held
  std::function<void()> wake_if_waiting();  // call with the lock held, run the result without it

  Hub& hub_;
  WorkerPool& readers_;
  const Clock& clock_;
  const Read read_;
  const Settings settings_;

  std::mutex mutex_;  // several members change together; nothing is called while it is held but the
                      // pool's offer
  std::uint64_t id_ = 0;
  std::function<void()> wake_;
  std::deque<Item> queue_;
  std::size_t queue_bytes_ = 0;
  std::int64_t taken_to_;
  std::int64_t queued_to_;
  bool lagging_ = true;
  bool reading_ = false;
  bool missed_ = false;   // a commit was published while lagging
  bool waiting_ = false;  // the reader found nothing and waits for wake_
  bool silent_ = true;    // nothing was queued since the last tick
  bool ended_ = false;
};

// What the asker holds: closes the feed when it is dropped.
class FeedHandle final : public Feed {
 public:
  explicit FeedHandle(std::shared_ptr<LogFeed> feed) : feed_(std::move(feed)) {}
  ~FeedHandle() override { feed_->close(); }
  void start(std::function<void()> wake) override { feed_->start(std::move(wake)); }
  Taken take(std::size_t bytes_max) override { return feed_->take(bytes_max); }
  void close() override { feed_->close(); }

 private:
  std::shared_ptr<LogFeed> feed_;
};

}  // namespace weir::sync
