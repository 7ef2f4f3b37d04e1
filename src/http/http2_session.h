#pragma once
// HTTP/2 over one connection (RFC 9113, 8441, 9218; wire H-29 .. H-33). Each stream carries one
// exchange, so that a handler does the same work as over HTTP/1.1.
//
// Frames and HPACK are libnghttp2's (its only user is http2_session.cpp). Ours are: the head, which
// is written out in the form of HTTP/1.1 and read by the same parser, so that the same rules hold;
// the windows, opened as bodies are taken; the order of what is sent, by urgency; what each stream
// has left to do and until when; and the budgets of a connection. Who exceeds one is told to calm
// down and loses the connection:
//
//   streams given up by the client, or by us for its mistakes     500 at once, then 50/s
//   frames without effect                                       1,000 at once, then 100/s
//   CONTINUATION frames of one head                                  8
//   header list, decoded, of one head                          128 KiB (above 32 KiB: 431)
//   PING and SETTINGS answers that the client does not read      1,000
//
// A stream that the client resets is over at once, for its handler too; it counts as in use until
// the handler has been told. Heads that arrive in one read are looked at after the read: a request
// that was taken back meanwhile is never begun.
//
// Belongs to its Connection, which feeds it and sends what it says. Loop thread only.

#include "base/clock.h"
#include "http/carrier.h"
#include "http/exchange.h"
#include "http/http2_frames.h"
#include "http/token_bucket.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct nghttp2_session;

namespace weir::http {

class Connection;
struct Http2Stream;
struct LoopCore;

class Http2Session final : public Carrier {
 public:
  Http2Session(LoopCore& core, Connection& connection);
  ~Http2Session();
  Http2Session(const Http2Session&) = delete;
  Http2Session& operator=(const Http2Session&) = delete;

  // --- called by the connection, never from inside one of these ---
  void receive(std::string_view bytes);
  void go_on();                 // bodies for whoever takes them, and output
  void tick();                  // deadlines of streams
  void begin_drain();           // no new streams soon (GOAWAY, twice)
  void say_goodbye();           // no new streams now
  void end_all(Ending ending);  // the connection is closed
  bool is_idle() const { return open_.empty() && in_use_ == 0; }
  bool is_greeted() const { return greeted_; }  // the client's preface and settings were good
  bool is_over() const;                         // nothing more will be read or written
  Nanos tick_time() const;                      // until tick is wanted again

  // --- Carrier ---
  void answer(Exchange& exchange, Response&& response) override;
  void answer(Exchange& exchange, const std::shared_ptr<const Prepared>& prepared,
              std::string_view extra_fields, SlotValues slots) override;
  void inform(Exchange& exchange, int status, const Fields& fields) override;
  void start_stream(Exchange& exchange, Response&& head,
                    std::optional<std::uint64_t> length) override;
  Wrote write(Exchange& exchange, std::string_view bytes,
              std::shared_ptr<const void> owner) override;
  void close_stream(Exchange& exchange, const Fields& trailers) override;
  void open_tunnel(Exchange& exchange, Response&& head) override;
  void close_tunnel(Exchange& exchange) override;
  void read_body(Exchange& exchange) override;
  void input_paused(Exchange& exchange) override;
  void input_resumed(Exchange& exchange) override;
  void deadline_changed(Exchange&) override {}  // looked at by tick
  void abort(Exchange& exchange) override;
  std::size_t queued_bytes(const Exchange& exchange) const override;
  void released() override { --in_use_; }

 private:
  struct Hooks;  // what libnghttp2 calls
  struct Tools;  // shared by the sessions of a loop
  class Lines;   // fields of an answer on their way to libnghttp2
  enum class Body : std::uint8_t { none, follows };

  Http2Stream* find(std::int32_t id) const;
  void close_slot(Http2Stream& stream);
  void calm_down();
  void fail(int library_error);

  bool frame_began(const FrameHead& head, std::int32_t newest_stream);
  void window_opened(Http2Stream* stream, std::size_t bytes);

  // the head of a request
  void begin_head(Http2Stream& stream);
  bool take_field(Http2Stream& stream, std::string_view name, std::string_view value);
  void write_request_line();
  void end_head(Http2Stream& stream, bool whole);
  void begin_exchange(Http2Stream& stream, bool whole);
  bool is_misdirected(std::string_view authority);
  void refuse_head(Http2Stream& stream, int status, const char* reason);
  void dispatch();

  // its body
  void take_data(Http2Stream& stream, std::string_view piece);
  void body_came_to_end(Http2Stream& stream);
  void deliver(Http2Stream& stream);
  void give(Http2Stream& stream, std::string_view piece);
  void body_failed(Http2Stream& stream, int status, std::string_view detail, Fields extra = {});
  void credit_body(Http2Stream& stream, std::size_t bytes);
  void release_window(Http2Stream& stream, std::size_t bytes);
  void wake(Http2Stream& stream);
  void wake();

  // the answer
  bool may_answer(Exchange& exchange, int status);
  void submit(Http2Stream& stream, const Lines& lines, Body body);
  void submit_whole(Http2Stream& stream, Response&& response, Method method);
  void queue(Http2Stream& stream, std::string_view bytes, std::shared_ptr<const void> owner);
  void resume_data(Http2Stream& stream);
  void send_segments(Http2Stream& stream, std::size_t bytes);
  void produce();
  void sent_whole(Http2Stream& stream);
  void reset(Http2Stream& stream, std::uint32_t code);
  void end_exchange(Http2Stream& stream, Ending ending);
  void tick_stream(Http2Stream& stream);
  void leave();

  LoopCore& core_;
  Connection& connection_;
  Tools& tools_;
  nghttp2_session* session_ = nullptr;
  std::vector<Http2Stream*> open_;
  std::vector<std::int32_t> ready_;  // heads of this read, to be given to the handler
  std::vector<std::int32_t> awake_;  // bodies that somebody wants now
  std::vector<std::int32_t> roomy_;  // queues that ran empty after `full`
  std::vector<Exchange*> ended_;     // their last frame is in the batch, or about to be
  std::string head_;                 // of the request that is being read, as HTTP/1.1 would have it
  std::string cookie_;
  struct Pseudo {
    std::string method, path, scheme, authority, protocol;
  } pseudo_;
  std::string good_authority_;  // the last one that the certificate covers
  std::size_t in_use_ = 0;      // exchanges whose handler was not told of their end yet
  std::size_t continuations_ = 0;
  std::size_t requests_ = 0;
  std::size_t turn_bytes_ = 0;           // DATA, since the connection's turn began
  std::uint64_t sent_since_update_ = 0;  // DATA, since the client opened the connection's window
  FrameWalker walker_;
  TokenBucket resets_;
  TokenBucket idle_frames_;
  Mono goaway_at_;
  bool busy_ = false;  // inside receive, go_on or tick: output follows
  bool greeted_ = false;
  bool calmed_ = false;  // cut for abuse
  bool failed_ = false;  // the library gave up; only what was said still goes out
  bool draining_ = false;
  bool leaving_ = false;  // GOAWAY with a last stream was sent
};

}  // namespace weir::http
