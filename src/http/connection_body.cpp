#include "http/connection.h"

#include "base/must.h"
#include "http/loop_core.h"

#include <algorithm>
#include <cstring>

// What lies behind a head: bodies, kept whole or handed on in pieces, and tunnels.

namespace weir::http {

bool Connection::body_pending() const {
  switch (body_framing_) {
    case Framing::none: return false;
    case Framing::length: return body_left_ > 0;
    case Framing::chunked: return !body_done_;
  }
  return false;
}

// Moves the deadline of a body: each byte buys time at the least rate, up to the grace (H, section
// 8).
void Connection::credit_body(std::size_t bytes) {
  const ServerTimeouts& timeouts = core_.engine.settings.timeouts;
  const auto bought =
      static_cast<std::int64_t>(bytes * std::uint64_t{1'000'000'000} / timeouts.body_rate);
  const Mono most = core_.now + timeouts.body_grace;
  core_.wheel.set(*this, std::min(most, Mono{due_ns == never ? most.ns : due_ns + bought}));
}

// A body on GET or HEAD is thrown away before the request is answered, so that nothing is answered
// whose framing turns out bad. Not when the client waits for a word, or when it is more than we
// throw away: those are answered at once, and closed.
bool Connection::drops_first() const {
  if (continue_wanted_) return false;
  return body_framing_ == Framing::chunked || body_left_ <= limits::lingering_bytes_max;
}

bool Connection::take_dropped(char*& at, std::size_t& count) {
  const std::size_t arrived = count;
  const auto give_up = [this](int status, std::string_view detail) {
    phase_ = Phase::exchange;
    body_failed(status, detail);
    return true;
  };
  if (body_framing_ == Framing::length) {
    const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(count, body_left_));
    at += part;
    count -= part;
    body_left_ -= part;
  }
  while (body_framing_ == Framing::chunked && !body_done_) {
    const ChunkDecoder::Piece piece = chunks_.next({at, count});
    at += piece.consumed;
    count -= piece.consumed;
    discarded_ += static_cast<std::uint32_t>(piece.consumed);
    if (piece.step == ChunkDecoder::Step::bad) return give_up(400, chunks_.reason());
    if (discarded_ > limits::lingering_bytes_max)
      return give_up(413, "The body is larger than this resource takes.");
    if (piece.step == ChunkDecoder::Step::more) break;
    body_done_ = piece.step == ChunkDecoder::Step::done;
  }
  if (body_pending()) {
    if (arrived > 0) credit_body(arrived);
    return false;
  }
  phase_ = Phase::exchange;
  exchange_->deadline_ =
      std::max(exchange_->deadline_, core_.now + core_.engine.settings.timeouts.answer);
  core_.work_rest = count;
  core_.handler->on_request(*exchange_);
  return true;
}

// The deadline that belongs to a body at rest. While its taker has paused it the client is not to
// blame: only the time of the whole answer counts, anew from each pause.
void Connection::set_body_deadline() {
  Exchange& exchange = *exchange_;
  if (!exchange.input_paused_) credit_body(0);
  else if (exchange.streaming_) core_.wheel.set_never(*this);
  else core_.wheel.set(*this, exchange.deadline_);
}

void Connection::read_body(Exchange& exchange) {
  const Request& request = exchange.request_;
  if (request.framing == Framing::length && request.content_length > exchange.body_bytes_max_) {
    body_failed(413, "The body is larger than this resource takes.");
    return;
  }
  phase_ = Phase::body;
  exchange.reading_body_ = true;
  if (request.framing != Framing::none) {
    due_ns = never;
    credit_body(0);
    const bool here = core_.working == this ? core_.work_rest > 0 : input_ != nullptr;
    if (continue_wanted_ && !here) add_owned("HTTP/1.1 100 Continue\r\n\r\n");
    continue_wanted_ = false;
  }
  if (core_.working == this) return;
  flush();
  core_.resume_later(*this);
}

// The body cannot be had as promised. An answer that has begun can only be cut.
bool Connection::body_failed(int status, std::string_view detail, Fields extra) {
  Exchange& exchange = *exchange_;
  core_.counters.refused.add(1);
  if (exchange.streaming_) {
    close(Ending::cut);
    return false;
  }
  exchange.close_after_ = true;
  exchange.refuse(status, detail, std::move(extra));
  return false;
}

bool Connection::keep_body(std::string_view piece) {
  Exchange& exchange = *exchange_;
  if (!core_.charge_bodies(piece.size()))
    return body_failed(503, "The server holds too many bodies at the moment.",
                       {{"Retry-After", "1"}});
  exchange.body_charged_ += piece.size();
  // Grows with what came, never by what was announced: a promise costs a slow client nothing.
  exchange.body_.append(piece);
  return true;
}

// One piece for whoever reads the body. False: nothing more of it is wanted now.
bool Connection::give_body(std::string_view piece) {
  Exchange& exchange = *exchange_;
  exchange.body_taken_ += piece.size();
  if (exchange.body_taken_ > exchange.body_bytes_max_)
    return body_failed(413, "The body is larger than this resource takes.");
  if (exchange.body_sink_ == nullptr) return keep_body(piece);
  exchange.body_sink_->on_body(exchange, piece);
  return is_taking_body(exchange) && !exchange.input_paused_;
}

bool Connection::is_taking_body(const Exchange& exchange) const {
  return phase_ == Phase::body && exchange_ == &exchange;
}

bool Connection::take_body(char*& at, std::size_t& count) {
  Exchange& exchange = *exchange_;
  if (exchange.input_paused_) return false;
  if (exchange.request_.framing == Framing::length) {
    const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(count, body_left_));
    const std::string_view piece(at, part);
    at += part;
    count -= part;
    body_left_ -= part;
    core_.work_rest = count;
    if (part > 0 && !give_body(piece)) return !exchange.input_paused_ || phase_ != Phase::body;
    if (body_left_ > 0) {
      if (part > 0) credit_body(part);
      return false;
    }
  } else if (exchange.request_.framing == Framing::chunked) {
    return take_chunks(at, count);
  }
  return body_ended(count);
}

// Chunks are pushed together where they came, over the framing between them, and given as one
// piece: 1-byte chunks would else cost 20 times the CPU that they cost their sender. What was
// gathered moves up to a large chunk rather than the other way round.
bool Connection::take_chunks(char*& at, std::size_t& count) {
  Exchange& exchange = *exchange_;
  const std::size_t arrived = count;
  char* gathered = at;
  std::size_t bytes = 0;
  while (!body_done_) {
    const ChunkDecoder::Run run = chunks_.gather_small(at, count, gathered + bytes);
    at += run.consumed;
    count -= run.consumed;
    bytes += run.bytes;
    const ChunkDecoder::Piece piece = chunks_.next({at, count});
    const std::size_t size = piece.data.size();
    char* const data = at + piece.consumed - size;
    at += piece.consumed;
    count -= piece.consumed;
    core_.work_rest = count;
    if (size > bytes) {
      std::memmove(data - bytes, gathered, bytes);
      gathered = data - bytes;
    } else if (size > 0) {
      std::memmove(gathered + bytes, data, size);
    }
    bytes += size;
    if (piece.step == ChunkDecoder::Step::data) continue;
    if (piece.step == ChunkDecoder::Step::bad) {
      body_failed(400, chunks_.reason());
      return true;
    }
    body_done_ = piece.step == ChunkDecoder::Step::done;
    if (bytes > 0 && !give_body({gathered, bytes}))
      return !exchange.input_paused_ || phase_ != Phase::body;
    if (body_done_) break;
    if (arrived > 0) credit_body(arrived);
    return false;
  }
  return body_ended(count);
}

bool Connection::body_ended(std::size_t count) {
  Exchange& exchange = *exchange_;
  phase_ = Phase::exchange;
  exchange.reading_body_ = false;
  exchange.deadline_ =
      std::max(exchange.deadline_, core_.now + core_.engine.settings.timeouts.answer);
  core_.work_rest = count;
  if (BodySink* const sink = std::exchange(exchange.body_sink_, nullptr)) {
    sink->on_body_end(exchange, {});
    return true;
  }
  const auto body_done = std::move(exchange.body_done_);
  exchange.body_done_ = nullptr;
  body_done(exchange);
  return true;
}

// The rest of a body that nobody asked for, thrown away within the bound of a lingering close.
bool Connection::take_discarded(char*& at, std::size_t& count) {
  const std::size_t arrived = count;
  if (body_framing_ == Framing::length) {
    const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(count, body_left_));
    at += part;
    count -= part;
    body_left_ -= part;
  }
  while (body_framing_ == Framing::chunked && !body_done_) {
    const ChunkDecoder::Piece piece = chunks_.next({at, count});
    at += piece.consumed;
    count -= piece.consumed;
    discarded_ += static_cast<std::uint32_t>(piece.consumed);
    if (piece.step == ChunkDecoder::Step::bad || discarded_ > limits::lingering_bytes_max) {
      phase_ = Phase::closing;  // the answer is out already; there is no telling where the next
                                // request begins
      lingers_ = true;
      if (output_ == nullptr) begin_close();
      return false;
    }
    if (piece.step == ChunkDecoder::Step::more) break;
    body_done_ = piece.step == ChunkDecoder::Step::done;
  }
  if (body_pending()) {
    if (arrived > 0) credit_body(arrived);
    return false;
  }
  phase_ = Phase::head;
  body_framing_ = Framing::none;
  return true;
}

// --- pausing -------------------------------------------------------------------------------------

void Connection::input_paused(Exchange& exchange) {
  if (exchange_ != &exchange) return;
  exchange.deadline_ =
      std::max(exchange.deadline_, core_.now + core_.engine.settings.timeouts.answer);
  if (phase_ == Phase::body && core_.working != this && output_ == nullptr) set_body_deadline();
}

void Connection::input_resumed(Exchange& exchange) {
  if (exchange_ != &exchange) return;
  if (phase_ == Phase::body && output_ == nullptr) {
    due_ns = never;
    credit_body(0);
  }
  if (core_.working != this) core_.resume_later(*this);
}

// --- tunnels -------------------------------------------------------------------------------------

bool Connection::take_tunnel(char*& at, std::size_t& count) {
  Exchange& exchange = *exchange_;
  if (exchange.input_paused_ || count == 0) return false;
  const std::string_view bytes(at, count);
  at += count;
  count = 0;
  exchange.tunnel_sink_->on_bytes(exchange.tunnel_, bytes);
  return false;
}

}  // namespace weir::http
