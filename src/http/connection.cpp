#include "http/connection.h"

#include "base/must.h"
#include "base/sys.h"
#include "http/loop_core.h"
#include "http/problem.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

// The incoming side: events, reading, heads, deadlines. What lies behind a head is in
// connection_body.cpp, what goes out in connection_output.cpp.

namespace weir::http {
namespace {

std::uint32_t next_serial(LoopCounters& counters) {
  return static_cast<std::uint32_t>(counters.accepted.value());
}

}  // namespace

Connection::Connection(LoopCore& core, int descriptor, const Peer& peer,
                       const ListenerSettings& listener)
    : Source(Kind::connection),
      serial(next_serial(core.counters)),
      core_(core),
      listener_(listener),
      descriptor_(descriptor),
      phase_(listener.proxy_protocol   ? Phase::proxy
             : listener.tls == nullptr ? Phase::head
                                       : Phase::handshake),
      peer_(peer),
      idle_since_(core.now) {
  const ServerTimeouts& timeouts = core.engine.settings.timeouts;
  if (listener.tls != nullptr) tls_ = std::make_unique<TlsSession>(*listener.tls);
  core.wheel.set(*this,
                 core.now + (phase_ == Phase::handshake ? timeouts.handshake : timeouts.head));
}

Connection::~Connection() {
  if (phase_ != Phase::closed) ::close(descriptor_);  // only when the loop itself is destroyed
  core_.wheel.remove(*this);
}

// --- events --------------------------------------------------------------------------------------

void Connection::on_events(std::uint32_t events) {
  if (phase_ == Phase::closed) return;  // closed earlier in this batch
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
    close(Ending::gone);
    return;
  }
  if ((events & EPOLLRDHUP) != 0) peer_closed_ = true;
  if ((events & EPOLLOUT) != 0 && output_ != nullptr) pump();
  if (phase_ == Phase::closed) return;
  if ((events & (EPOLLIN | EPOLLRDHUP)) != 0) {
    readable_ = true;
    read();
  }
  // Whoever asked to be told, and every stream, takes a shut sending side for a client that has
  // left. Others may have sent their request and shut down on purpose; they get their answer.
  if (peer_closed_ && phase_ == Phase::exchange && (exchange_->streaming_ || exchange_->gone_))
    close(Ending::gone);
}

bool Connection::has_unread() const {
  char byte;
  return ::recv(descriptor_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

bool Connection::wants_input() const {
  switch (phase_) {
    case Phase::head: return output_ == nullptr;
    case Phase::proxy:
    case Phase::handshake:
    case Phase::drop:
    case Phase::discard:
    case Phase::http2:
    case Phase::linger: return true;
    case Phase::body:
    case Phase::tunnel: return !exchange_->input_paused_;
    default: return false;
  }
}

void Connection::read() {
  for (std::size_t round = 0; readable_ && wants_input(); ++round) {
    if (round == limits::reads_per_wake_max) {
      core_.resume_later(*this);
      return;
    }
    if (phase_ == Phase::proxy) read_proxy_header();
    else if (phase_ == Phase::linger || tls_ == nullptr) read_plain();
    else read_tls();
  }
}

// True when bytes came. Afterwards readable_ says whether another read is worth its call (H-2).
bool Connection::received(long count, std::size_t room) {
  if (count > 0) {
    heard_ = true;
    core_.counters.bytes_in.add(static_cast<std::uint64_t>(count));
    if (static_cast<std::size_t>(count) < room && !peer_closed_) readable_ = false;
    return true;
  }
  if (count < 0 && errno == EINTR) return false;
  readable_ = false;
  if (count == 0) end_of_input();
  else if (errno != EAGAIN) close(Ending::gone);
  return false;
}

void Connection::read_plain() {
  char* const buffer = core_.read_buffer.get();
  if (phase_ == Phase::linger) {
    const long count = sys::recv(descriptor_, buffer, limits::read_buffer_bytes, 0);
    if (!received(count, limits::read_buffer_bytes)) return;
    discarded_ += static_cast<std::uint32_t>(count);
    if (discarded_ > limits::lingering_bytes_max) close(Ending::complete);
    return;
  }
  const std::size_t known = input_ == nullptr ? 0 : input_->size();
  MUST(known < limits::read_buffer_bytes);
  const std::size_t room = limits::read_buffer_bytes - known;
  const long count = sys::recv(descriptor_, buffer + known, room, 0);
  if (!received(count, room)) return;
  if (known > 0) std::memcpy(buffer, input_->data(), known);
  work(buffer, known + static_cast<std::size_t>(count), known);
}

void Connection::read_tls() {
  const std::size_t known = input_ == nullptr ? 0 : input_->size();
  MUST(known < limits::read_buffer_bytes);
  const std::size_t room = limits::read_buffer_bytes - known;
  const long count = sys::recv(descriptor_, core_.cipher_buffer.get(), room, 0);
  if (!received(count, room)) return;

  char* const buffer = core_.read_buffer.get();
  if (known > 0) std::memcpy(buffer, input_->data(), known);
  std::string_view records(core_.cipher_buffer.get(), static_cast<std::size_t>(count));
  std::size_t plain = known;
  std::string& out = core_.cipher_out;
  out.clear();
  TlsSession::Read step;
  do {
    step = tls_->read(records, buffer + plain,
                      limits::read_buffer_bytes + limits::tls_record_bytes - plain, out);
    records = {};
    plain += step.plain;
  } while (step.step == TlsSession::Step::data);

  if (step.step == TlsSession::Step::failed) {
    core_.counters.tls_failures.add(1);
    if (!out.empty())
      sys::send(descriptor_, out.data(), out.size(), MSG_NOSIGNAL | MSG_DONTWAIT);  // the alert
    close(Ending::gone);
    return;
  }
  if (!out.empty()) send_cipher(out);
  if (phase_ == Phase::handshake && tls_->established()) {
    core_.counters.tls_handshakes.add(1);
    if (tls_->resumed()) core_.counters.tls_resumed.add(1);
    if (tls_->is_proof()) {  // of a name, for an authority: such a connection carries nothing
      begin_close();
      return;
    }
    phase_ = Phase::head;
    core_.wheel.set(*this, core_.now + core_.engine.settings.timeouts.head);
    if (tls_->alpn() == "h2") begin_http2();
  }
  if (plain > known && phase_ != Phase::closed) {
    work(buffer, plain, known);
  } else if (phase_ == Phase::http2) {  // just agreed on: our settings go first
    http2_->go_on();
    after_http2();
  }
  if (step.step == TlsSession::Step::closed && phase_ != Phase::closed) {
    peer_closed_ = true;
    end_of_input();
  }
}

// The client will send no more.
void Connection::end_of_input() {
  peer_closed_ = true;
  readable_ = false;
  switch (phase_) {
    case Phase::exchange:
    case Phase::closing:
    case Phase::closed: return;  // the answer still goes out
    case Phase::head:
    case Phase::discard:
      if (output_ != nullptr) phase_ = Phase::closing;
      else close(Ending::complete);
      return;
    case Phase::proxy:
    case Phase::handshake:
    case Phase::drop:
    case Phase::body:
    case Phase::tunnel:
    case Phase::http2:
    case Phase::linger: close(Ending::gone); return;
  }
}

void Connection::resume() {
  resuming_ = false;
  if (phase_ == Phase::closed) return;
  if (phase_ == Phase::head || phase_ == Phase::drop || phase_ == Phase::body ||
      phase_ == Phase::discard || phase_ == Phase::tunnel) {
    const std::size_t known = input_ == nullptr ? 0 : input_->size();
    char* const buffer = core_.read_buffer.get();
    if (known > 0) std::memcpy(buffer, input_->data(), known);
    work(buffer, known, 0);
  } else if (phase_ == Phase::http2) {
    http2_->go_on();
    after_http2();
  }
  if (readable_) read();
  else if (peer_closed_ && wants_input() && phase_ != Phase::closed) end_of_input();
}

// --- the work ------------------------------------------------------------------------------------

// Takes the bytes [at, at + count) as far as the phase allows and keeps the rest. The first `known`
// of them were seen before, as an incomplete head.
void Connection::work(char* at, std::size_t count, std::size_t known) {
  core_.working = this;
  bool goes_on = true;
  while (goes_on) {
    switch (phase_) {
      case Phase::head: goes_on = count > 0 && take_head(at, count, known); break;
      case Phase::drop: goes_on = take_dropped(at, count); break;
      case Phase::body: goes_on = take_body(at, count); break;
      case Phase::discard: goes_on = take_discarded(at, count); break;
      case Phase::tunnel: goes_on = take_tunnel(at, count); break;
      case Phase::http2:
        http2_->receive({at, count});
        count = 0;
        goes_on = false;
        break;
      case Phase::closing:
      case Phase::linger:
        if (count > 0) lingers_ = true;
        count = 0;
        goes_on = false;
        break;
      default: goes_on = false;
    }
    known = 0;
  }
  core_.work_rest = 0;
  core_.working = nullptr;
  if (phase_ == Phase::closed) return;
  keep_input(at, count);
  if (phase_ == Phase::http2) return after_http2();
  flush();
  rest(count);
}

void Connection::keep_input(const char* at, std::size_t count) {
  if (count == 0) {
    if (input_ != nullptr) input_.reset();
    return;
  }
  if (input_ == nullptr) input_ = std::make_unique<std::string>();
  input_->assign(at, count);
}

// Sets the deadline that belongs to where the connection came to rest.
void Connection::rest(std::size_t count) {
  if (phase_ == Phase::closed || output_ != nullptr) return;  // blocked output has its own deadline
  if (phase_ == Phase::exchange) {
    if (exchange_->streaming_) core_.wheel.set_never(*this);
    else core_.wheel.set(*this, exchange_->deadline_);
  } else if (phase_ == Phase::drop) {
    credit_body(0);
  } else if (phase_ == Phase::body) {
    set_body_deadline();
  } else if (phase_ == Phase::tunnel) {
    core_.wheel.set(*this, exchange_->deadline_);
  } else if (phase_ == Phase::http2) {
    rest_http2();
  } else if (phase_ == Phase::head && count == 0 && !head_began_ && !idle_ && requests_ > 0) {
    // Not before the first request: empty lines in front of it buy no time.
    idle_ = true;
    idle_since_ = core_.now;
    set_idle_deadline();
  }
}

void Connection::set_idle_deadline() {
  const ServerTimeouts& timeouts = core_.engine.settings.timeouts;
  if (core_.stopping()) core_.wheel.set(*this, core_.now + core_.engine.drain_quiet());
  else
    core_.wheel.set(*this, idle_since_ + (core_.crowded() ? timeouts.idle_crowded : timeouts.idle));
}

// One head. False = nothing more can be done with these bytes now.
bool Connection::take_head(char*& at, std::size_t& count, std::size_t known) {
  if (core_.batch.connection == this && core_.batch.answered.size() >= limits::pipelined_max)
    flush();
  if (output_ != nullptr || phase_ == Phase::closed) return false;
  // A head that comes in many pieces is read again from its start for each line, not for each byte.
  if (known > limits::head_reparse_bytes && count < core_.rules.target_bytes &&
      std::memchr(at + known, '\n', count - known) == nullptr)
    return false;

  if (listener_.h2c && requests_ == 0 && tls_ == nullptr && http2_preface(at, count)) {
    const bool whole = phase_ == Phase::http2;
    if (!whole && count > 0) head_began_ = true;
    return whole;
  }
  const HeadVerdict verdict = parse_head(at, count, core_.rules, core_.head);
  switch (verdict.kind) {
    case HeadVerdict::Kind::refused: refuse(verdict.status, verdict.reason, {}); return true;
    case HeadVerdict::Kind::incomplete:
      at += verdict.bytes;
      count -= verdict.bytes;
      if (count > 0 && !head_began_) {
        idle_ = false;
        head_began_ = true;
        core_.wheel.set(*this, core_.now + core_.engine.settings.timeouts.head);
      }
      return false;
    case HeadVerdict::Kind::complete: break;
  }
  idle_ = false;
  head_began_ = false;
  const char* const head = at;
  at += verdict.bytes;
  count -= verdict.bytes;
  core_.work_rest = count;
  begin_exchange(head, verdict.bytes);
  return true;
}

// Gives the parsed head to an exchange.
void Connection::begin_exchange(const char* head, std::size_t head_bytes) {
  keep_alive_ = core_.head.keep_alive;
  ++requests_;
  const LoopCore::Origin origin{*this, peer_, tls_.get(), listener_.tag};
  const LoopCore::Begun begun = core_.begin_exchange(origin, head, head_bytes);
  Exchange& exchange = begun.exchange;
  exchange_ = &exchange;
  Request& request = exchange.request_;

  body_framing_ = request.framing;
  body_left_ = request.content_length;
  body_done_ = body_framing_ != Framing::chunked;
  if (body_framing_ == Framing::chunked) chunks_ = ChunkDecoder();
  continue_wanted_ = request.wants_continue && body_framing_ != Framing::none;
  if (body_framing_ != Framing::none) core_.drop_useless_body(request);

  phase_ = Phase::exchange;
  if (core_.answer_at_the_door(begun)) return;
  if (request.dropped_body && drops_first()) {
    phase_ = Phase::drop;
    discarded_ = 0;
    due_ns = never;
    credit_body(0);
    return;
  }
  core_.handler->on_request(exchange);
}

// --- deadlines -----------------------------------------------------------------------------------

void Connection::deadline_changed(Exchange& exchange) {
  if (exchange_ != &exchange || output_ != nullptr || core_.working == this) return;
  const bool waits = phase_ == Phase::exchange && !exchange.streaming_;
  if (waits || phase_ == Phase::tunnel) core_.wheel.set(*this, exchange.deadline_);
}

void Connection::on_deadline() {
  const ServerTimeouts& timeouts = core_.engine.settings.timeouts;
  if (phase_ == Phase::closed) return;
  if (output_ != nullptr) {
    OutputQueue& waiting = *output_;
    const bool tunnel_is_over = phase_ == Phase::tunnel && exchange_->deadline_ <= core_.now;
    if (core_.now - waiting.progress >= timeouts.write_stall || tunnel_is_over) {
      close(Ending::cut);
      return;
    }
    if (core_.now - waiting.window_began >= limits::write_rate_window) {
      const auto least =
          timeouts.write_rate * static_cast<std::size_t>(limits::write_rate_window.count());
      if (waiting.window_bytes < least) {
        close(Ending::cut);
        return;
      }
      waiting.window_began = core_.now;
      waiting.window_bytes = 0;
    }
    core_.wheel.set(*this, std::min(waiting.progress + timeouts.write_stall,
                                    waiting.window_began + limits::write_rate_window));
    return;
  }
  switch (phase_) {
    case Phase::handshake:
      core_.counters.tls_failures.add(1);
      close(Ending::cut);
      return;
    case Phase::head:
      if (input_ != nullptr) {
        refuse(408, "The head of the request did not come in time.", {});
        input_.reset();
        return;
      }
      if (idle_) core_.counters.closed_idle.add(1);
      if (tls_ != nullptr) begin_close();
      else close(Ending::complete);
      return;
    case Phase::exchange:
      if (exchange_->streaming_) return;
      core_.counters.refused.add(1);
      exchange_->refuse(504, "The answer did not come in time.");
      return;
    case Phase::drop: body_failed(408, "The body of the request did not come in time."); return;
    case Phase::body:
      if (exchange_->input_paused_) body_failed(504, "The answer did not come in time.");
      else body_failed(408, "The body of the request did not come in time.");
      return;
    case Phase::tunnel: close(Ending::cut); return;
    case Phase::http2: on_http2_deadline(); return;
    case Phase::proxy:
    case Phase::discard:
    case Phase::closing:
    case Phase::linger: close(Ending::complete); return;
    case Phase::closed: return;
  }
}

// --- HTTP/2 --------------------------------------------------------------------------------------

// Prior knowledge (RFC 9113 3.3): true when the bytes are the preface, or may become it.
bool Connection::http2_preface(const char* at, std::size_t count) {
  constexpr std::string_view preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  const std::size_t known = std::min(count, preface.size());
  if (std::string_view(at, known) != preface.substr(0, known)) return false;
  if (known == preface.size()) begin_http2();
  return true;
}

void Connection::begin_http2() {
  phase_ = Phase::http2;
  idle_ = false;
  http2_ = std::make_unique<Http2Session>(core_, *this);
}

// Sends what the session has to say, and closes when it has nothing to say any more.
void Connection::after_http2() {
  if (phase_ != Phase::http2) return;
  flush();
  if (phase_ != Phase::http2) return;
  if (http2_->is_over()) {
    idle_ = false;
    phase_ = Phase::closing;
    lingers_ = true;
    if (output_ == nullptr) begin_close();
    return;
  }
  rest(0);
}

// While there are streams their deadlines are looked at every second; without any the connection is
// idle. Until the first frame the deadline of a first head runs.
void Connection::rest_http2() {
  if (!http2_->is_greeted()) return;
  if (!http2_->is_idle()) {
    idle_ = false;
    const Mono next = core_.now + http2_->tick_time();
    if (due_ns > next.ns) core_.wheel.set(*this, next);
  } else if (!idle_) {
    idle_ = true;
    idle_since_ = core_.now;
    set_idle_deadline();
  }
}

void Connection::on_http2_deadline() {
  if (!http2_->is_greeted()) {
    close(Ending::complete);
    return;
  }
  due_ns = never;
  if (idle_ && !core_.stopping()) {
    core_.counters.closed_idle.add(1);
    http2_->say_goodbye();
  } else {
    http2_->tick();
  }
  after_http2();
}

// A connection between requests gets a moment for the request that may be under way, and is closed
// then (H-46, H-49).
void Connection::begin_drain() {
  if (phase_ == Phase::http2) {
    http2_->begin_drain();
    after_http2();
    if (phase_ != Phase::closed) core_.wheel.set(*this, core_.now + limits::drain_quiet_time);
  }
  if (phase_ == Phase::tunnel) exchange_->tunnel_sink_->on_drain(exchange_->tunnel_);
  if (phase_ == Phase::head && input_ == nullptr && output_ == nullptr)
    core_.wheel.set(*this, core_.now + core_.engine.drain_quiet());
}

void Connection::abort(Exchange&) { cut(); }

void Connection::cut() {
  if (phase_ != Phase::closed) close(Ending::cut);
}

}  // namespace weir::http
