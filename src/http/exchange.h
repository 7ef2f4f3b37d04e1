#pragma once
// One request and its answer, from the parsed head to the last byte handed to the kernel.
//
// Everything here belongs to the loop's thread. A handler answers inside on_request, or keeps the
// ExchangeId, lets another thread work, and comes back with Loop::post:
//
//   const ExchangeId id = exchange.id();
//   Loop& loop = exchange.loop();
//   workers.offer([&loop, id] {
//     Response response = slow_work();
//     loop.post([&loop, id, response = std::move(response)]() mutable {
//       if (Exchange* exchange = loop.find(id)) exchange->respond(std::move(response));
//     });
//   });
//
// An Exchange stays valid until on_finished for it returns. on_finished is never called from inside
// a call into the Exchange, only after control has returned to the loop. Exactly one answer per
// exchange (MUST). When none came within the deadline the engine answers 504.

#include "base/clock.h"
#include "http/carrier.h"
#include "http/message.h"
#include "http/prepared.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace weir::http {

class Connection;
class Exchange;
class Loop;
class Tunnel;
struct LoopCore;

// Names an exchange across threads and after its end. Never reused within a process's life in
// practice (64 bits of slot and generation).
struct ExchangeId {
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;  // 0 = names nothing
  friend bool operator==(ExchangeId, ExchangeId) = default;
};

// How an exchange ended; the words of the access log.
enum class Ending : std::uint8_t {
  complete,  // every byte of the answer was handed to the kernel
  gone,      // the client left first
  cut,       // a deadline, a limit or the drain ended it
};

struct Finished {
  Exchange& exchange;
  int status = 0;                // of the answer; 0 = gone before there was one
  std::uint64_t body_bytes = 0;  // of the answer, handed to the kernel
  std::uint64_t sent_bytes = 0;  // head and body
  Nanos took{0};                 // from the head's arrival to the last byte
  Ending ending = Ending::complete;
};

// A body that is taken in pieces. Calls come from the loop, never from inside a call into the
// Exchange; any of them may answer, pause or abort.
class BodySink {
 public:
  virtual ~BodySink() = default;
  virtual void on_body(Exchange& exchange, std::string_view piece) = 0;  // the view lasts the call
  // The body is whole. Not called when the exchange ends first: on_finished tells of that.
  // `trailers` is empty today: those of a request are checked, bounded and dropped (wire H-17).
  virtual void on_body_end(Exchange& exchange, const Fields& trailers) = 0;
};

// Output that goes on for a while: server-sent events, long polls, large exports. Without a known
// length chunked in HTTP/1.1 and until close in 1.0. Whole writes only; nothing is queued above
// `queue_bytes_max`, except that an empty queue takes one piece of any size.
class StreamWriter {
 public:
  using Wrote = http::Wrote;
  Wrote write(std::string_view bytes);
  // One frame for many streams: kept by reference while output is blocked, not copied.
  Wrote write(std::shared_ptr<const std::string> bytes);
  // Writes the end; the exchange finishes when everything is out. Trailers go out where the framing
  // can carry them (chunked, HTTP/2) and are dropped elsewhere.
  void close(const Fields& trailers = {});
  void abort();  // cuts the answer, so that the client knows that something is missing

  std::size_t queued_bytes() const;
  void set_queue_bytes_max(std::size_t bytes_max);
  void on_room(std::function<void()> call);  // after `full`, once each time the queue has run empty

 private:
  friend class Exchange;
  Exchange* exchange_ = nullptr;
};

// Who listens at our end of a tunnel. Calls come from the loop, never from inside a call into the
// Tunnel. Must live until on_end.
class TunnelSink {
 public:
  virtual ~TunnelSink() = default;
  virtual void on_bytes(Tunnel& tunnel, std::string_view bytes) = 0;  // the view lasts the call
  virtual void on_room(Tunnel& tunnel) = 0;  // after `full`, when the queue has run empty
  virtual void on_drain(Tunnel&) {}          // the server stops: say goodbye soon (wire H-42)
  // The last call: complete = closed by us and all is out; gone = the peer closed or vanished;
  // cut = a deadline, abort or the end of the drain.
  virtual void on_end(Tunnel& tunnel, Ending ending) = 0;
};

// Bytes both ways, after a switch of protocols: the whole connection in HTTP/1.1, one stream in
// HTTP/2. Belongs to its exchange and ends with it; on_finished of the handler follows on_end.
class Tunnel {
 public:
  using Wrote = http::Wrote;
  Wrote write(std::string_view bytes);  // bounded like StreamWriter::write
  Wrote write(std::shared_ptr<const std::string> bytes);
  void close();  // after what is queued; nothing more is delivered
  void abort();
  void pause();  // no on_bytes until `resume`; the peer feels it by TCP or its stream window
  void resume();
  std::size_t queued_bytes() const;
  void set_queue_bytes_max(std::size_t bytes_max);
  void set_deadline(Nanos from_now);  // cut when it passes; until one is set there is none
  Exchange& exchange() const { return *exchange_; }
  Loop& loop() const;

 private:
  friend class Exchange;
  Exchange* exchange_ = nullptr;
};

class Exchange {
 public:
  Exchange();
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  const Request& request() const { return request_; }
  Loop& loop() const { return *loop_; }
  ExchangeId id() const { return id_; }
  Mono started() const { return started_; }  // when the wake that brought the head began

  // Reads the whole body, at most `bytes_max`, then calls `body_done` once: from the loop, never
  // from inside this call; without a body that is soon. Sends "100 Continue" when the client waits
  // for it. When the body does not come as it should, the engine answers (413, 408, 400, 503), the
  // call is dropped, and on_finished follows.
  void read_body(std::size_t bytes_max, std::function<void(Exchange&)> body_done);
  // The same in pieces, with back-pressure; `sink` must live until on_body_end or on_finished.
  // Answering before the end is fine: what is left of the body is dropped, or the connection
  // closed.
  void stream_body(std::size_t bytes_max, BodySink& sink);
  void pause_body();  // no on_body until resume_body; the peer feels it by TCP or its stream window
  void resume_body();
  std::string_view body() const { return body_; }
  std::string take_body() { return std::move(body_); }

  void respond(Response&& response);
  // `extra_fields`: whole lines "Name: value\r\n", clean by the caller's promise. The Prepared is
  // kept by reference only when output blocks or more pipelined requests wait, so pass the
  // shared_ptr you hold.
  void respond(const std::shared_ptr<const Prepared>& prepared, std::string_view extra_fields = {},
               SlotValues slots = {});
  // The engine's own page or problem for this status (problem.h), in the form the client asks for.
  void refuse(int status, std::string_view detail, Fields extra = {});
  // An interim answer: 103 Early Hints, 102. Any number, before the answer; not for HTTP/1.0
  // (dropped).
  void inform(int status, const Fields& fields);
  // `head.body` is the first piece. With a length exactly that many bytes must follow: the answer
  // is framed by Content-Length, and one that ends short or wants more is cut.
  StreamWriter& start_stream(Response head, std::optional<std::uint64_t> length = {});
  // Takes the protocol that the request asked for (request().protocol, not empty: MUST): 101 over
  // HTTP/1.1 with Upgrade and Connection written by the engine, 200 on an extended CONNECT stream.
  // Other fields are those of `head`. A tunnel has no deadline but the one it sets.
  Tunnel& open_tunnel(Response head, TunnelSink& sink);
  bool answered() const { return answered_; }
  bool streaming() const { return streaming_; }

  void close_after();  // the answer carries Connection: close
  void set_deadline(
      Nanos from_now);  // for the answer in all; 504 when it passes. Streams have none.
  // The client left before the answer was complete, or was cut. Who asks for this takes a client
  // that shut its sending side for one that has left; without it such a client still gets its
  // answer.
  void on_gone(std::function<void()> call);

  // Room for the next floor's state of this request. `drop` is called on the loop's thread after
  // on_finished.
  void set_user(void* user, void (*drop)(void*));
  void* user() const { return user_; }

 private:
  friend class Connection;
  friend class Http2Session;
  friend class StreamWriter;
  friend class Tunnel;
  friend struct LoopCore;

  void reset();
  void give_back();  // kept buffers; between two lives
  void clean(Response& head);

  Request request_;
  Loop* loop_ = nullptr;
  Carrier* carrier_ = nullptr;
  struct Http2Stream* stream_of_ = nullptr;  // HTTP/2: which one, until it is closed
  ExchangeId id_;
  Mono started_;
  Mono deadline_;

  std::unique_ptr<char[]> head_bytes_;  // what request_ points into
  std::size_t head_capacity_ = 0;
  std::vector<Field> fields_;

  std::string body_;
  std::size_t body_bytes_max_ = 0;
  std::size_t body_charged_ = 0;  // counted against the process's bound for buffered bodies
  std::uint64_t body_taken_ = 0;  // of the body, in all
  std::function<void(Exchange&)> body_done_;
  BodySink* body_sink_ = nullptr;
  std::function<void()> gone_;
  std::function<void()> room_;

  StreamWriter stream_;
  Tunnel tunnel_;
  TunnelSink* tunnel_sink_ = nullptr;
  std::uint64_t length_left_ = 0;  // of a stream with a length
  std::size_t queue_bytes_max_ = 0;
  std::uint64_t body_sent_ = 0;
  std::uint64_t bytes_sent_ = 0;
  int status_ = 0;
  Ending ending_ = Ending::complete;
  bool answered_ = false;
  bool streaming_ = false;
  bool stream_open_ = false;
  bool room_wanted_ = false;
  bool chunked_ = false;
  bool counted_ = false;  // a stream with a length
  bool tunnel_open_ = false;
  bool input_paused_ = false;
  bool close_after_ = false;
  bool reading_body_ = false;
  bool finished_ = false;

  void* user_ = nullptr;
  void (*drop_)(void*) = nullptr;
};

// What answers requests; one object per loop, made by the HandlerFactory on that loop's thread.
class Handler {
 public:
  virtual ~Handler() = default;
  virtual void on_request(Exchange& exchange) = 0;
  virtual void on_finished(const Finished&) {}
  // Which form the engine's own refusals take for this request. The default looks at Accept.
  enum class ErrorForm : std::uint8_t { page, problem };
  virtual ErrorForm error_form(const Request& request) const;
  // A connection was refused before there was a request (bad bytes, limits): for logs and metrics.
  virtual void on_refused(const Peer&, int /*status*/, std::string_view /*reason*/) {}
};

}  // namespace weir::http
