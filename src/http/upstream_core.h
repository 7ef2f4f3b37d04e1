#pragma once
// The inside of an UpstreamClient: its calls, its connections, its pools and its deadlines. For
// http/upstream*.cpp only. Loop thread.
//
//   call:        waiting for a name -> connecting -> at work -> ended
//   connection:  connecting -> shaking hands (TLS) -> at work -> idle -> at work ... -> closed
//
// A connection at work has exactly one call, an idle one none. A closed connection is freed by the
// next tick, never while it may still be on the stack.

#include "http/loop.h"
#include "http/timer_wheel.h"
#include "http/upstream.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace weir::http {

class UpstreamConnection;

struct CallState final : UpstreamCall, Timed {
  UpstreamCore* core = nullptr;
  std::shared_ptr<Upstream> upstream;
  UpstreamOrder order;
  AnswerSink* sink = nullptr;  // null = not under way
  UpstreamConnection* connection = nullptr;
  UpstreamTimes times;
  Addresses addresses;       // of the server being tried
  std::size_t address = 0;   // the next one
  std::uint64_t serial = 0;  // tells this call from another in the same place
  std::uint64_t tried = 0;   // servers, by bit
  Mono began;
  Mono attempt_began;   // of the connection under way, or of the look-up
  Mono answer_by;       // when the head must have come; 0 = no such bound
  std::string waiting;  // of the body, framed, before there is a connection
  UpstreamFailure failure = UpstreamFailure::none;  // will be told at the next turn
  std::string reason;
  bool has_server = false;  // counted at a server, whose health waits for a word
  bool body_begun = false;
  bool body_ended = false;
  bool head_told = false;
  bool paused = false;
  bool room_wanted = false;
  bool switched = false;
  bool fresh_only = false;  // the pool has disappointed once

  const UpstreamServer& server() const { return upstream->settings().servers[times.server]; }
};

class UpstreamConnection final : public Watcher, public Timed {
 public:
  UpstreamConnection(UpstreamCore& core, std::shared_ptr<Upstream> upstream, std::size_t server);
  ~UpstreamConnection() override;
  UpstreamConnection(const UpstreamConnection&) = delete;
  UpstreamConnection& operator=(const UpstreamConnection&) = delete;

  Status connect(const SocketAddress& address);  // under way, or an error at once
  void on_ready(std::uint32_t events) override;

  void take(CallState& call);          // from the pool, or before connect
  bool begin_request();                // writes the head and what waits; false = broken already
  bool write(std::string_view bytes);  // now or later; false = the server reads no more
  void shut();                         // our side, when all is out (tunnels)
  void read();
  void close();

  std::size_t queued() const { return out_.size() - out_at_; }
  bool is_at_work() const { return phase_ == Phase::busy; }
  bool is_making() const { return phase_ == Phase::connecting || phase_ == Phase::handshake; }
  bool is_closed() const { return phase_ == Phase::closed; }
  bool answer_has_begun() const { return reader_.has_begun(); }
  bool looks_open() const;  // asks the kernel, for a request that may not be sent twice
  const Upstream* upstream() const { return upstream_.get(); }
  std::size_t server() const { return server_; }
  std::atomic<std::int64_t>& counted_idle() { return upstream_->counts.idle; }

 private:
  enum class Phase : std::uint8_t { connecting, handshake, busy, idle, closed };
  void connected();
  void ready();
  void tell_room();
  void read_idle();
  long receive(char* into, std::size_t room);
  void decrypt(std::string_view input);
  void feed(char* at, std::size_t count);
  void answer_done(std::size_t rest);
  void input_ended(std::string_view how);
  void flush();

  UpstreamCore& core_;
  const std::shared_ptr<Upstream> upstream_;
  const std::size_t server_;
  int descriptor_ = -1;
  Phase phase_ = Phase::connecting;
  CallState* call_ = nullptr;
  AnswerReader reader_;
  std::unique_ptr<TlsSession> tls_;
  std::string held_;  // of an answer's head that is not whole
  std::string out_;   // what the kernel did not take; TLS records with TLS
  std::size_t out_at_ = 0;
  std::size_t requests_ = 0;
  bool readable_ = false;      // the kernel may have more than we took
  bool hung_up_ = false;       // the end is behind what is still to be read
  bool tls_closed_ = false;    // the server said goodbye
  bool write_broken_ = false;  // it reads no more; what it said before may still come
  bool shut_wanted_ = false;
};

struct UpstreamCore {
  UpstreamCore(Loop& its_loop, NameResolver& resolver);
  ~UpstreamCore();
  UpstreamCore(const UpstreamCore&) = delete;
  UpstreamCore& operator=(const UpstreamCore&) = delete;

  // --- calls ---
  enum class Health : std::uint8_t { good, bad, open };
  UpstreamClient::Begun begin(const std::shared_ptr<Upstream>& upstream, UpstreamOrder&& order,
                              AnswerSink& sink, Nanos answer_by);
  bool choose(CallState& call);   // a server that was not tried; false = none is left
  void attempt(CallState& call);  // pool, or name and connection
  void connect_next(CallState& call);
  void next_server(CallState& call, UpstreamFailure failure, std::string reason);
  void leave_server(CallState& call, Health word);
  // The call's connection is of no more use; perhaps another one is.
  void broken(CallState& call, UpstreamFailure failure, std::string reason);
  void fail_later(CallState& call, UpstreamFailure failure, std::string reason);
  void answered(CallState& call, const Fields& trailers);
  void cancel(CallState& call);
  void restage(CallState& call);  // the deadline of what is waited for now
  void read_later(CallState& call);
  void on_deadline(CallState& call);

  // --- connections ---
  UpstreamConnection* take_idle(const Upstream& upstream, std::size_t server);
  void keep_idle(UpstreamConnection& connection, Nanos span);
  void forget_idle(UpstreamConnection& connection);
  void want_ticks();
  void tick();

  Loop& loop;
  NameCache names;
  const AnswerRules rules;
  std::unique_ptr<char[]> plain;   // a head that is not whole, and one read behind it
  std::unique_ptr<char[]> cipher;  // one read
  std::string scratch;
  std::vector<std::unique_ptr<CallState>> calls;
  std::vector<CallState*> free_calls;
  std::vector<std::unique_ptr<UpstreamConnection>> connections;
  std::vector<UpstreamConnection*> idle;  // the latest last
  TimerWheel call_wheel;
  TimerWheel idle_wheel;
  std::uint64_t last_serial = 0;
  enum class Ticking : std::uint8_t { no, slow, fast } ticking = Ticking::no;
  TimerId ticker;
  std::shared_ptr<UpstreamCore*> self;  // holds null when this is gone, for what was posted

 private:
  void release(CallState& call);
};

}  // namespace weir::http
