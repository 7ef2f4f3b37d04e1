#pragma once
// One WebSocket of a server, after the handshake: messages in and out, pings, the close handshake
// and every bound (wire, H-39 to H-42).
//
// The promise:
//   - a peer that breaks a rule of RFC 6455 gets the close frame for it and nothing more is read;
//   - a close is answered with the same code; ours waits for the peer's answer at most
//     limits::websocket_close_time_max. 1005 and 1006 are never sent;
//   - a ping goes out every websocket_ping_time; a peer that has said nothing for
//     websocket_silence_max is cut (by the monotonic clock);
//   - at most websocket_queue_bytes_max bytes or websocket_queue_frames_max frames wait for a slow
//     peer. `send` then takes nothing and says `full`: what that means is the sender's policy. A
//     queue that does not move for limits::write_stall_max is cut.
//
// Loop thread only. `sink` calls may send, close and pause; `on_message` may come from inside
// `resume`. `on_closed` is the last call, comes exactly once, never from inside a call of the
// owner's, and the socket may be destroyed in it.

#include "base/clock.h"
#include "http/loop.h"
#include "http/websocket_frames.h"

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace weir::http {

class WebSocket;

class WebSocketSink {
 public:
  virtual ~WebSocketSink() = default;
  enum class Form : std::uint8_t { text, binary };
  // The view lasts for the call.
  virtual void on_message(WebSocket& socket, Form form, std::string_view message) = 0;
  virtual void on_room(WebSocket&) {}  // after `full`, when the queue has run empty
  // The server stops; its drain deadline is running. Say goodbye and close.
  virtual void on_drain(WebSocket& socket);
  // The peer's code; close_code::lost without a close frame from it.
  virtual void on_closed(WebSocket& socket, std::uint16_t code) = 0;
};

// What carries the bytes: a Tunnel in a server, a fake in tests. It calls on_bytes, on_line_room
// and on_line_end of its socket from the loop, never from inside a call of the socket's, and
// on_line_end last, whoever ended it.
class WebSocketLine {
 public:
  virtual ~WebSocketLine() = default;
  virtual bool write(std::string_view bytes) = 0;  // false: it is closed
  virtual bool write(std::shared_ptr<const std::string> bytes) = 0;
  virtual void close() = 0;  // when everything written is out
  virtual void abort() = 0;
  virtual void pause() = 0;
  virtual void resume() = 0;
  virtual std::size_t queued_bytes() const = 0;
  // on_line_room is to come when the queue has run empty; false: it is empty.
  virtual bool tell_of_room() = 0;
  virtual TimerId after(Nanos span, std::function<void()> call) = 0;
  virtual void cancel(TimerId timer) = 0;
  virtual Mono now() const = 0;
};

class WebSocket {
 public:
  using Form = WebSocketSink::Form;
  enum class Sent : std::uint8_t { sent, full, closed };

  // `sink` outlives the socket.
  WebSocket(std::unique_ptr<WebSocketLine> line, WebSocketSink& sink);
  ~WebSocket();
  WebSocket(const WebSocket&) = delete;
  WebSocket& operator=(const WebSocket&) = delete;

  Sent send(Form form, std::string_view message);
  // A whole frame (websocket_frame), shared by its receivers and never copied for them.
  Sent send_frame(std::shared_ptr<const std::string> frame);
  // Says goodbye; what was sent before still goes out. Once; later calls have no effect.
  void close(std::uint16_t code, std::string_view reason = {});
  void abort();  // without a word

  // Nothing more is read meanwhile; a message that was begun may still be delivered.
  void pause();
  void resume();

  bool is_open() const { return state_ == State::open; }  // messages can be sent
  std::size_t queued_bytes() const;
  Mono now() const { return line_->now(); }

  // --- called by the line ---
  void on_bytes(std::string_view bytes);
  void on_line_room();
  void on_line_drain();
  void on_line_end();

 private:
  enum class State : std::uint8_t {
    open,
    closing,  // our close frame is out, the peer's is awaited
    done,     // both, or a failure: the line closes when everything is out
    ended,    // the line has gone
  };

  void take(const WebSocketEvent& event);
  void answer_close(const WebSocketEvent& event);
  void finish(std::uint16_t code);
  Sent put(WebSocketOpcode opcode, std::string_view payload);
  std::uint64_t bytes_out() const;
  bool takes(std::size_t bytes);
  bool has_room(std::size_t bytes);
  void count_frame(std::size_t bytes);
  void flush();
  void beat();
  void set_timer();

  std::unique_ptr<WebSocketLine> line_;
  WebSocketSink& sink_;
  WebSocketReader reader_;
  State state_ = State::open;
  bool paused_ = false;
  bool reading_ = false;  // inside on_bytes: frames are gathered and leave in one write
  std::uint16_t code_ = close_code::lost;
  std::string gathered_;
  std::string unread_;              // came while paused
  std::deque<std::uint64_t> ends_;  // where in all bytes written each queued frame ends
  std::uint64_t written_ = 0;
  std::uint64_t moved_ = 0;   // bytes out at the last beat
  bool was_blocked_ = false;  // at the last beat, something was queued
  Mono heard_;
  Mono moved_at_;
  Mono closing_since_;
  TimerId timer_;
};

}  // namespace weir::http
