#pragma once
// One client connection: a small state machine between the socket, the parser and the exchange in
// progress.
//
// Requests of a connection are answered one after the other; pipelined bytes wait in `input_`, and
// reading stops meanwhile. An idle connection is this object and nothing else: no buffer, no
// exchange, no queue.

#include "http/carrier.h"
#include "http/chunks.h"
#include "http/exchange.h"
#include "http/http2_session.h"
#include "http/output.h"
#include "http/server.h"
#include "http/timer_wheel.h"
#include "http/tls.h"

#include <cstdint>
#include <memory>
#include <string>

namespace weir::http {

struct LoopCore;

// What an epoll event points at.
struct Source {
  enum class Kind : std::uint8_t { listener, wake, connection, watch };
  explicit Source(Kind k) : kind(k) {}
  const Kind kind;
};

class Connection final : public Source, public Timed, public Carrier {
 public:
  Connection(LoopCore& core, int descriptor, const Peer& peer, const ListenerSettings& listener);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // --- called by the loop ---
  void on_events(std::uint32_t events);
  void on_deadline();
  void resume();  // goes on with what waited: input, reading
  void begin_drain();
  void cut();  // reset, whatever is going on
  bool is_idle() const { return idle_; }
  // Idle, or never sent a byte: may be closed to make room.
  bool is_waiting() const {
    return idle_ || (!heard_ && (phase_ == Phase::head || phase_ == Phase::handshake ||
                                 phase_ == Phase::proxy));
  }
  bool has_unread() const;  // bytes wait in the socket; one call to the kernel
  bool is_closed() const { return phase_ == Phase::closed; }
  Mono idle_since() const { return idle_since_; }
  void set_idle_deadline();
  void flush();
  // The only thing this connection will ever say (429 and 503 at accept).
  void refuse_and_close(int status, const char* reason, Fields extra);

  // --- Carrier: called by its exchange ---
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
  void deadline_changed(Exchange& exchange) override;
  void abort(Exchange& exchange) override;
  std::size_t queued_bytes(const Exchange& exchange) const override;

  std::uint32_t slab_place = 0;
  const std::uint32_t serial;  // tells this connection from another at the same place
  bool turned_away = false;    // lingers behind a refusal at accept
  bool counted_per_client = false;

 private:
  friend struct LoopCore;
  friend class Http2Session;
  enum class Phase : std::uint8_t {
    proxy,      // a trusted proxy has not said yet for whom it connects
    handshake,  // TLS
    head,       // between requests, or within a head
    exchange,   // a handler is at work
    drop,       // the body of a GET or HEAD is thrown away before a handler sees the request
    body,       // a handler waits for the body; it may have begun to answer already
    http2,      // frames, which the session understands
    tunnel,     // the protocol was switched: bytes both ways, as they are
    discard,    // the answer is out, the rest of the body is thrown away
    closing,    // nothing more is read; closes when the output is out
    linger,     // our side is shut; what the client still says is thrown away
    closed,
  };

  bool wants_input() const;
  void read();
  void read_proxy_header();  // connection_proxy.cpp
  void read_plain();
  void read_tls();
  bool received(long count, std::size_t room);
  void end_of_input();
  void work(char* at, std::size_t count, std::size_t known);
  bool take_head(char*& at, std::size_t& count, std::size_t known);
  void begin_exchange(const char* head, std::size_t head_bytes);
  bool drops_first() const;
  bool take_dropped(char*& at, std::size_t& count);
  bool take_body(char*& at, std::size_t& count);
  bool take_chunks(char*& at, std::size_t& count);
  bool keep_body(std::string_view piece);
  bool give_body(std::string_view piece);
  bool body_failed(int status, std::string_view detail, Fields extra = {});
  bool body_ended(std::size_t count);
  bool is_taking_body(const Exchange& exchange) const;
  void set_body_deadline();
  bool take_tunnel(char*& at, std::size_t& count);
  bool http2_preface(const char* at, std::size_t count);
  void begin_http2();
  void after_http2();
  void rest_http2();
  void on_http2_deadline();
  bool take_discarded(char*& at, std::size_t& count);
  void keep_input(const char* at, std::size_t count);
  void rest(std::size_t count);

  bool body_pending() const;
  void credit_body(std::size_t bytes);
  void refuse(int status, const char* reason, const Fields& extra);
  void left();
  bool must_close_anyway(const Exchange& exchange) const;
  bool must_close(const Exchange& exchange) const;
  void answered(Exchange& exchange, bool closes);
  bool defers(bool closes) const;
  void append_tail(std::string& head, const Exchange& exchange, bool closes) const;
  void add_owned(std::string bytes);
  void add_copy(std::string_view bytes);
  void add_piece(std::string_view bytes, std::shared_ptr<const void> owner);
  bool waits_to_flush() const;

  void send_batch(OutputBatch& batch);
  void send_batch_tls(OutputBatch& batch);
  void send_cipher(std::string& records);
  OutputQueue& queue();
  void pump();
  long pump_once();
  void encrypt_some();
  void output_done();
  void begin_close();
  void close(Ending ending);

  LoopCore& core_;
  const ListenerSettings& listener_;
  int descriptor_;
  Phase phase_;
  Framing body_framing_ = Framing::none;
  bool idle_ = false;
  bool heard_ = false;      // a byte of the client itself has come
  bool head_began_ = true;  // the deadline of a head is running (the first: from accept)
  bool keep_alive_ = true;
  bool readable_ = false;         // the socket may have more than we took
  bool peer_closed_ = false;      // the client shut its sending side
  bool body_done_ = true;         // chunked: the last chunk was seen
  bool continue_wanted_ = false;  // Expect: 100-continue not answered yet
  bool lingers_ = false;          // close by shutdown and discard
  bool resuming_ = false;         // stands in the loop's list
  std::uint32_t requests_ = 0;
  Peer peer_;
  Mono idle_since_;
  std::uint64_t body_left_ = 0;  // length: of the body; linger and discard: of what is thrown away
  std::uint32_t discarded_ = 0;
  ChunkDecoder chunks_;
  std::unique_ptr<std::string> input_;  // an incomplete head, or pipelined bytes
  Exchange* exchange_ = nullptr;        // in progress
  std::unique_ptr<OutputQueue> output_;
  std::unique_ptr<TlsSession> tls_;
  std::unique_ptr<Http2Session> http2_;
};

}  // namespace weir::http
