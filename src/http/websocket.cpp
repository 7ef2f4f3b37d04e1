#include "http/websocket.h"

#include "base/must.h"

#include <algorithm>

namespace weir::http {
namespace {

// Frames of one read are gathered up to here before they are handed on.
constexpr std::size_t gathered_bytes_max = 64 * KiB;
// Longer messages are handed on by themselves, not copied behind their head.
constexpr std::size_t copied_bytes_max = 16 * KiB;
// What the gathering keeps between reads: a socket at rest costs no more than this.
constexpr std::size_t kept_bytes_max = 4 * KiB;

}  // namespace

WebSocket::WebSocket(std::unique_ptr<WebSocketLine> line, WebSocketSink& sink)
    : line_(std::move(line)), sink_(sink), reader_(WebSocketReader::Role::server) {
  heard_ = moved_at_ = line_->now();
  set_timer();
}

WebSocket::~WebSocket() { line_->cancel(timer_); }

// --- out -----------------------------------------------------------------------------------------

std::size_t WebSocket::queued_bytes() const { return line_->queued_bytes() + gathered_.size(); }

// The line may still hold bytes of the handshake, which are not counted here.
std::uint64_t WebSocket::bytes_out() const {
  return written_ - std::min<std::uint64_t>(queued_bytes(), written_);
}

bool WebSocket::has_room(std::size_t bytes) {
  const std::size_t queued = queued_bytes();
  if (queued == 0) {
    ends_.clear();
    return true;  // one frame may be larger than the bound
  }
  const std::uint64_t out = bytes_out();
  while (!ends_.empty() && ends_.front() <= out) ends_.pop_front();
  return queued + bytes <= limits::websocket_queue_bytes_max &&
         ends_.size() < limits::websocket_queue_frames_max;
}

// False: full, and the sink will be told of room.
bool WebSocket::takes(std::size_t bytes) {
  if (has_room(bytes)) return true;
  flush();  // what was only gathered may not have to wait at all
  return has_room(bytes) || !line_->tell_of_room();
}

void WebSocket::count_frame(std::size_t bytes) {
  written_ += bytes;
  // A frame that left at once needs no place; the list is tidied in has_room.
  if (queued_bytes() > 0) ends_.push_back(written_);
}

WebSocket::Sent WebSocket::put(WebSocketOpcode opcode, std::string_view payload) {
  const WebSocketHead head = websocket_head(opcode, payload.size());
  gathered_.append(head.view());
  if (payload.size() > copied_bytes_max) {
    flush();
    line_->write(payload);
  } else {
    gathered_.append(payload);
  }
  count_frame(head.count + payload.size());
  if (!reading_ || gathered_.size() >= gathered_bytes_max) flush();
  return Sent::sent;
}

void WebSocket::flush() {
  if (!gathered_.empty()) line_->write(gathered_);
  gathered_.clear();
  if (!reading_ && gathered_.capacity() > kept_bytes_max) gathered_.shrink_to_fit();
}

WebSocket::Sent WebSocket::send(Form form, std::string_view message) {
  if (state_ != State::open) return Sent::closed;
  if (!takes(message.size())) return Sent::full;
  return put(form == Form::text ? WebSocketOpcode::text : WebSocketOpcode::binary, message);
}

WebSocket::Sent WebSocket::send_frame(std::shared_ptr<const std::string> frame) {
  if (state_ != State::open) return Sent::closed;
  if (!takes(frame->size())) return Sent::full;
  flush();
  const std::size_t bytes = frame->size();
  if (!line_->write(std::move(frame))) return Sent::closed;
  count_frame(bytes);
  return Sent::sent;
}

void WebSocket::close(std::uint16_t code, std::string_view reason) {
  if (state_ != State::open) return;
  state_ = State::closing;
  closing_since_ = line_->now();
  put(WebSocketOpcode::close, close_payload(code, reason));
  set_timer();
  if (paused_) resume();  // the peer's answer is to be read
}

void WebSocket::abort() {
  if (state_ != State::ended) line_->abort();
}

// Both sides have said what they had to say, or the peer has lost the right to.
void WebSocket::finish(std::uint16_t code) {
  code_ = code;
  state_ = State::done;
  closing_since_ = line_->now();
  flush();
  line_->close();
  if (state_ == State::done) set_timer();
}

// --- in ------------------------------------------------------------------------------------------

void WebSocket::pause() {
  if (paused_ || state_ != State::open) return;
  paused_ = true;
  line_->pause();
}

void WebSocket::resume() {
  if (!paused_) return;
  paused_ = false;
  heard_ = line_->now();  // what the peer said meanwhile was not heard
  if (!reading_ && !unread_.empty()) {
    const std::string waited = std::exchange(unread_, {});
    on_bytes(waited);
  }
  if (!paused_) line_->resume();
}

void WebSocket::on_bytes(std::string_view bytes) {
  if (state_ == State::done || state_ == State::ended) return;
  heard_ = line_->now();
  if (paused_) {
    unread_.append(bytes);
    return;
  }
  MUST(!reading_);
  reading_ = true;
  while (state_ == State::open || state_ == State::closing) {
    if (paused_) {
      unread_.append(bytes);  // at most what one read brings
      break;
    }
    const WebSocketEvent event = reader_.next(bytes);
    if (event.kind == WebSocketEvent::Kind::more) break;
    take(event);
  }
  reading_ = false;
  reader_.rest();
  if (state_ != State::ended) flush();
}

void WebSocket::take(const WebSocketEvent& event) {
  using Kind = WebSocketEvent::Kind;
  switch (event.kind) {
    case Kind::more:
    case Kind::pong: return;
    case Kind::text:
    case Kind::binary:
      if (state_ != State::open) return;  // after our close nobody listens
      return sink_.on_message(*this, event.kind == Kind::text ? Form::text : Form::binary,
                              event.payload);
    case Kind::ping:
      // A peer that does not read gets no answers either (RFC 6455 5.5.3 lets us skip them).
      if (state_ == State::open && has_room(event.payload.size()))
        put(WebSocketOpcode::pong, event.payload);
      return;
    case Kind::close: return answer_close(event);
    case Kind::failed:
      if (state_ == State::open)
        put(WebSocketOpcode::close, close_payload(event.code, event.reason));
      return finish(close_code::lost);
  }
}

void WebSocket::answer_close(const WebSocketEvent& event) {
  if (state_ == State::open) put(WebSocketOpcode::close, close_payload(event.code, {}));
  finish(event.code);
}

// --- the line ------------------------------------------------------------------------------------

void WebSocket::on_line_room() {
  if (state_ == State::open) sink_.on_room(*this);
}

void WebSocketSink::on_drain(WebSocket& socket) { socket.close(close_code::going_away); }

void WebSocket::on_line_drain() {
  if (state_ == State::open) sink_.on_drain(*this);
}

void WebSocket::on_line_end() {
  if (state_ == State::ended) return;
  state_ = State::ended;
  line_->cancel(timer_);
  timer_ = {};
  sink_.on_closed(*this, code_);
}

// --- time ----------------------------------------------------------------------------------------

void WebSocket::set_timer() {
  line_->cancel(timer_);
  Nanos span = limits::websocket_ping_time;
  if (state_ != State::open)
    span = closing_since_ + limits::websocket_close_time_max - line_->now();
  else span = std::min(span, heard_ + limits::websocket_silence_max - line_->now());
  timer_ = line_->after(std::max(span, Nanos(0)), [this] { beat(); });
}

void WebSocket::beat() {
  timer_ = {};
  const Mono now = line_->now();
  if (state_ != State::open) {
    if (now >= closing_since_ + limits::websocket_close_time_max) return line_->abort();
    return set_timer();
  }
  const std::uint64_t out = bytes_out();
  const bool has_moved = was_blocked_ && out != moved_;
  was_blocked_ = queued_bytes() > 0;
  moved_ = out;
  if (has_moved || !was_blocked_) moved_at_ = now;
  if (now >= moved_at_ + limits::write_stall_max) return line_->abort();
  // Who takes what was stuck is alive, even if its pong waits behind much else. Who is paused by
  // us cannot be heard.
  if (has_moved || paused_) heard_ = now;
  if (now >= heard_ + limits::websocket_silence_max) return line_->abort();
  put(WebSocketOpcode::ping, {});
  set_timer();
}

}  // namespace weir::http
