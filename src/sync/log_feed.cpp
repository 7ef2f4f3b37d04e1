#include "sync/log_feed.h"

#include "base/must.h"

#include <algorithm>

namespace weir::sync {

bool LogFeed::join(std::string key) {
  const Mono deadline = std::min(clock_.mono() + limits::feed_silence_max, settings_.ends_at);
  const std::uint64_t id = hub_.follow(std::move(key), shared_from_this(), deadline);
  const std::lock_guard lock(mutex_);
  if (!ended_) id_ = id;  // the service may have ended it meanwhile; then the hub knows it no more
  return id != 0;
}

void LogFeed::start(std::function<void()> wake) {
  const std::lock_guard lock(mutex_);
  MUST(!wake_);
  wake_ = std::move(wake);
}

Feed::Taken LogFeed::take(std::size_t bytes_max) {
  const std::lock_guard lock(mutex_);
  Feed::Taken taken;
  std::size_t bytes = 0;
  while (!queue_.empty() &&
         (taken.chunks.empty() || bytes + queue_.front().event->size() <= bytes_max)) {
    Item& item = queue_.front();
    bytes += item.event->size();
    queue_bytes_ -= item.event->size();
    taken_to_ = std::max(taken_to_, item.to);
    taken.chunks.push_back(std::move(item.event));
    queue_.pop_front();
  }
  taken.ended = ended_ && queue_.empty();
  if (queue_.empty() && lagging_) offer_read();
  waiting_ = taken.chunks.empty() && !taken.ended;
  return taken;
}

void LogFeed::close() {
  std::uint64_t id = 0;
  {
    const std::lock_guard lock(mutex_);
    id = std::exchange(id_, 0);
    ended_ = true;
    wake_ = nullptr;
    queue_.clear();
    queue_bytes_ = 0;
  }
  if (id != 0) hub_.leave(id);
}

std::function<void()> LogFeed::wake_if_waiting() {
  if (!waiting_) return {};
  waiting_ = false;
  return wake_;
}

void LogFeed::push(Item item) {
  queue_bytes_ += item.event->size();
  queued_to_ = std::max(queued_to_, item.to);
  queue_.push_back(std::move(item));
  silent_ = false;
}

void LogFeed::offer_read() {
  if (reading_ || ended_) return;
  // A full pool is no loss: the next take or the next tick asks again.
  reading_ = readers_.offer([self = shared_from_this()] { self->read_now(); }).ok();
}

void LogFeed::read_now() {
  std::int64_t cursor = 0;
  {
    const std::lock_guard lock(mutex_);
    missed_ = false;
    cursor = queued_to_;
  }
  const Result<Refill> found = read_(cursor);
  std::function<void()> wake;
  {
    const std::lock_guard lock(mutex_);
    reading_ = false;
    if (ended_) return;
    if (!found) {
      ended_ = true;  // the reader connects again and goes on from its last event
      wake = wake_if_waiting();
    } else {
      // The position counts as taken with the last text of it.
      for (std::size_t i = 0; i < found->texts.size(); ++i)
        push({found->texts[i], i + 1 == found->texts.size() ? found->cursor : cursor});
      queued_to_ = std::max(queued_to_, found->cursor);
      lagging_ = found->has_more || missed_;
      if (!queue_.empty()) wake = wake_if_waiting();
      else if (lagging_) offer_read();
    }
  }
  if (wake) wake();
}

SharedText LogFeed::text_of(const Frame& frame) const {
  return settings_.form == Form::events ? frame.event() : frame.message_for(settings_.origin);
}

bool LogFeed::has_room_for(const SharedText& text) const {
  // Many documents of one socket share its bound; a commit that comes alone may still be shared.
  if (settings_.form == Form::messages && queue_.empty() && text->size() <= limits::feed_bytes_max)
    return true;
  return queue_.size() < limits::feed_frames_max &&
         queue_bytes_ + text->size() <= settings_.bytes_max;
}

// Lost when there is no room: the next one says it again.
void LogFeed::hear_presence(const Frame& frame) {
  const bool is_own = frame.presence_origin == settings_.origin;
  if (settings_.form == Form::events || is_own || lagging_ || !has_room_for(frame.presence)) return;
  push({frame.presence, queued_to_});
}

void LogFeed::on_frame(const SharedFrame& frame) {
  std::function<void()> wake;
  if (frame->kind == Frame::Kind::presence) {
    {
      const std::lock_guard lock(mutex_);
      if (!ended_) hear_presence(*frame);
      if (!queue_.empty()) wake = wake_if_waiting();
    }
    if (wake) wake();
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return;
    if (lagging_) {
      missed_ = true;
      if (waiting_) offer_read();
      return;
    }
    if (frame->to <= queued_to_) return;
    const SharedText text = frame->was_followed() ? text_of(*frame) : nullptr;
    if (text == nullptr) {  // made before this feed was there
      lagging_ = true;
      if (waiting_) offer_read();
      return;
    }
    if (!has_room_for(text)) {
      queue_.clear();
      queue_bytes_ = 0;
      queued_to_ = taken_to_;
      lagging_ = true;
      if (waiting_) offer_read();  // one frame alone is over the bound
      return;
    }
    push({text, frame->to});
    wake = wake_if_waiting();
  }
  if (wake) wake();
}

std::optional<Mono> LogFeed::on_time(Mono now) {
  static const SharedText comment = std::make_shared<const std::string>(":\n\n");
  std::function<void()> wake;
  std::optional<Mono> next;
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return std::nullopt;
    if (now >= settings_.ends_at) {
      id_ = 0;  // the hub forgets us when we return
      ended_ = true;
      wake = wake_if_waiting();
    } else {
      next = std::min(now + limits::feed_silence_max, settings_.ends_at);
      if (lagging_ && queue_.empty() && waiting_) offer_read();
      // A socket has pings of its own.
      if (std::exchange(silent_, true) && waiting_ && settings_.form == Form::events) {
        push({comment, taken_to_});
        silent_ = true;
        wake = wake_if_waiting();
      }
    }
  }
  if (wake) wake();
  return next;
}

void LogFeed::on_end() {
  std::function<void()> wake;
  {
    const std::lock_guard lock(mutex_);
    id_ = 0;
    ended_ = true;
    wake = wake_if_waiting();
  }
  if (wake) wake();
}

}  // namespace weir::sync
