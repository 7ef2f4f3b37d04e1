#include "sync/session.h"

#include "base/crypto.h"
#include "base/must.h"
#include "http/websocket_frames.h"
#include "sync/session_codes.h"

#include <algorithm>

namespace weir::sync {

namespace {

// A little apart, so that all clients of a server do not come back at once.
constexpr std::int64_t retry_least_ms = 250;
constexpr std::int64_t retry_spread_ms = 2'000;

std::int64_t seconds_between(Mono later, Mono earlier) {
  return std::chrono::duration_cast<std::chrono::seconds>(later - earlier).count();
}

}  // namespace

bool SessionTable::enter(const std::string& subject) {
  return counts_.with([&subject](auto& counts) {
    std::size_t& count = counts[subject];
    if (count >= limits::sessions_per_subject_max) return false;
    ++count;
    return true;
  });
}

void SessionTable::leave(const std::string& subject) {
  counts_.with([&subject](auto& counts) {
    const auto entry = counts.find(subject);
    MUST(entry != counts.end());
    if (--entry->second == 0) counts.erase(entry);
  });
}

bool Session::Bucket::take(Mono now, double per_second, double most) {
  left = std::min(most, left + std::chrono::duration<double>(now - at).count() * per_second);
  at = now;
  if (left < 1) return false;
  left -= 1;
  return true;
}

// --- life ----------------------------------------------------------------------------------------

Session::Session(const SessionRoom& room, SessionAsk ask, std::string tenant, std::uint64_t origin)
    : room_(room),
      host_(std::move(ask.host)),
      tenant_name_(std::move(tenant)),
      subject_(subject_of(ask.claims.get())),
      gate_(std::move(ask.gate)),
      origin_(origin),
      claims_(std::move(ask.claims)) {
  const Mono now = room_.clock.mono();
  hello_until_ = now + limits::session_hello_max;
  token_until_ = end_of_token(claims_.get(), room_.clock);
  messages_ = {limits::session_messages_burst, now};
  pushes_ = {limits::session_pushes_burst, now};
  presences_ = {limits::session_presences_per_second, now};
}

Session::~Session() { close(); }

Session::Joined Session::join() {
  if (!subject_.empty() && !room_.table.enter(subject_)) return Joined::too_many_of_subject;
  counted_in_table_ = !subject_.empty();
  const Mono first = std::min(hello_until_, token_until_);
  // No document has this key: a session only asks for the time and the end of the service.
  const std::uint64_t id = room_.hub.follow("\nsession", shared_from_this(), first);
  const std::lock_guard lock(mutex_);
  follower_ = id;
  return id == 0 ? Joined::too_many : Joined::yes;
}

void Session::start(std::function<void()> wake) {
  const std::lock_guard lock(mutex_);
  MUST(!wake_);
  wake_ = std::move(wake);
}

void Session::close() {
  std::map<std::string, Subscription, std::less<>> left;
  std::uint64_t follower = 0;
  bool was_counted = false;
  {
    const std::lock_guard lock(mutex_);
    phase_ = Phase::over;
    wake_ = nullptr;
    left.swap(subscriptions_);
    said_.clear();
    ready_.clear();
    follower = std::exchange(follower_, 0);
    was_counted = std::exchange(counted_in_table_, false);
  }
  for (auto& [document, subscription] : left) {
    subscription.feed->close();
    if (subscription.has_presence) publish_presence(document, "null");
  }
  if (follower != 0) room_.hub.leave(follower);
  if (was_counted) room_.table.leave(subject_);
}

Session::Wake Session::stir() {
  if (woken_ || !wake_) return {};
  woken_ = true;
  return wake_;
}

void Session::say(std::string_view json) {
  Wake wake;
  {
    const std::lock_guard lock(mutex_);
    if (phase_ == Phase::over) return;
    said_.push_back(message_frame(json));
    wake = stir();
  }
  if (wake) wake();
}

void Session::end(std::uint16_t with_code, std::string reason) {
  Wake wake;
  {
    const std::lock_guard lock(mutex_);
    if (phase_ == Phase::over) return;
    phase_ = Phase::over;
    close_code_ = with_code;
    close_reason_ = std::move(reason);
    wake = stir();
  }
  if (wake) wake();
}

void Session::set_busy(bool busy) {
  Wake wake;
  {
    const std::lock_guard lock(mutex_);
    if (busy) {
      ++busy_;
    } else {
      --busy_;
      finish_farewell();
      wake = stir();
    }
  }
  if (wake) wake();
}

bool Session::wants_input() const {
  return busy_ == 0 && unacknowledged_ < limits::session_unacked_max &&
         said_.size() < limits::session_answers_max && !farewell_ && phase_ != Phase::over;
}

void Session::say_goodbye(Farewell farewell) {
  Wake wake;
  {
    const std::lock_guard lock(mutex_);
    if (farewell_ || phase_ == Phase::over) return;
    farewell_ = farewell;
    finish_farewell();
    wake = stir();
  }
  if (wake) wake();
}

void Session::finish_farewell() {
  if (!farewell_ || phase_ == Phase::over || unacknowledged_ > 0 || busy_ > 0) return;
  const bool restarts = *farewell_ == Farewell::restart;
  const std::int64_t retry_ms =
      retry_least_ms + static_cast<std::int64_t>(random_u64() % retry_spread_ms);
  said_.push_back(message_frame("{\"t\":\"bye\",\"reason\":\"" +
                                std::string(restarts ? "restart" : "stop") +
                                "\",\"retry_ms\":" + std::to_string(retry_ms) + '}'));
  phase_ = Phase::over;
  close_code_ = restarts ? http::close_code::restart : http::close_code::going_away;
}

std::optional<Mono> Session::on_time(Mono now) {
  Wake wake;
  std::optional<Mono> next;
  {
    const std::lock_guard lock(mutex_);
    if (phase_ != Phase::over && now >= token_until_) {
      phase_ = Phase::over;
      close_code_ = code::not_authorized;
      close_reason_ = "the token has ended";
      wake = stir();
    } else if (phase_ == Phase::greeting && now >= hello_until_) {
      phase_ = Phase::over;
      close_code_ = code::hello_timeout;
      close_reason_ = "no hello";
      wake = stir();
    } else if (phase_ == Phase::live && now >= reauth_at() && !reauth_asked_) {
      reauth_asked_ = true;
      said_.push_back(message_frame(
          "{\"t\":\"reauth\",\"in\":" + std::to_string(seconds_between(token_until_, now)) + '}'));
      wake = stir();
    }
    if (phase_ == Phase::over) follower_ = 0;  // the hub forgets us when we return
    else next = next_deadline();
  }
  if (wake) wake();
  return next;
}

Mono Session::reauth_at() const { return token_until_ + -Nanos(limits::session_reauth_time); }

Mono Session::next_deadline() const {
  if (phase_ == Phase::greeting) return std::min(hello_until_, token_until_);
  return reauth_asked_ ? token_until_ : reauth_at();
}

void Session::on_end() {
  {
    const std::lock_guard lock(mutex_);
    follower_ = 0;  // the hub knows us no more
  }
  say_goodbye(room_.restarts ? Farewell::restart : Farewell::stop);
}

// --- to the socket -------------------------------------------------------------------------------

void Session::on_feed(const std::string& document) {
  Wake wake;
  {
    const std::lock_guard lock(mutex_);
    const auto entry = subscriptions_.find(document);
    if (entry == subscriptions_.end() || entry->second.is_ready) return;
    entry->second.is_ready = true;
    ready_.push_back(document);
    wake = stir();
  }
  if (wake) wake();
}

Session::Taken Session::take(std::size_t bytes_max) {
  const std::lock_guard lock(mutex_);
  woken_ = false;
  Taken taken;
  std::size_t bytes = 0;
  while (!said_.empty() && (bytes == 0 || bytes + said_.front()->size() <= bytes_max)) {
    bytes += said_.front()->size();
    taken.frames.push_back(std::move(said_.front()));
    said_.pop_front();
  }
  // A feed that gave something goes to the end of the line: one busy document holds no other.
  for (std::size_t turns = ready_.size(); turns > 0 && bytes < bytes_max; --turns) {
    if (phase_ != Phase::live) break;
    const std::string document = std::move(ready_.front());
    ready_.pop_front();
    const auto entry = subscriptions_.find(document);
    if (entry == subscriptions_.end()) continue;
    entry->second.is_ready = false;
    Feed::Taken from_feed = entry->second.feed->take(bytes_max - bytes);
    for (SharedText& frame : from_feed.chunks) {
      bytes += frame->size();
      taken.frames.push_back(std::move(frame));
    }
    if (from_feed.ended) {
      entry->second.feed->close();
      subscriptions_.erase(entry);
      said_.push_back(message_frame("{\"t\":\"gone\",\"d\":" + quoted(document) +
                                    ",\"err\":\"storage-failed\"}"));
    } else if (!from_feed.chunks.empty()) {
      entry->second.is_ready = true;
      ready_.push_back(document);
    }
  }
  taken.wants_input = wants_input();
  if (said_.empty() && phase_ == Phase::over) {
    taken.close_code = close_code_;
    taken.close_reason = close_reason_;
  }
  return taken;
}

}  // namespace weir::sync
