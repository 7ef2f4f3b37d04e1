// The outgoing side of a connection: heads are composed in the loop's batch, bodies are pointed at,
// and everything that one wake produces leaves in one call. Long because both halves, composing and
// sending, work on one queue, in the clear or through TLS.

#include "http/connection.h"

#include "base/must.h"
#include "base/sys.h"
#include "http/loop_core.h"
#include "http/problem.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace weir::http {
namespace {

constexpr std::string_view close_line = "Connection: close\r\n\r\n";
constexpr std::string_view keep_line = "Connection: keep-alive\r\n\r\n";
constexpr std::size_t tail_bytes_max = std::max(close_line.size(), keep_line.size());
constexpr std::size_t copied_bytes_max = 8 * KiB;  // bodies up to here are copied rather than owned

// Collects plain bytes into whole TLS records, so that a head and the beginning of its body share
// one.
class RecordPacker {
 public:
  RecordPacker(TlsSession& session, std::string& out) : session_(session), out_(out) {}
  bool add(const char* data, std::size_t bytes) {
    while (bytes > 0) {
      if (filled_ == 0 && bytes >= record_bytes) {  // whole records straight from where they lie
        const std::size_t whole = bytes - bytes % record_bytes;
        if (!session_.write({data, whole}, out_)) return false;
        data += whole;
        bytes -= whole;
        continue;
      }
      const std::size_t part = std::min(record_bytes - filled_, bytes);
      std::memcpy(record_.data() + filled_, data, part);
      filled_ += part;
      data += part;
      bytes -= part;
      if (filled_ == record_bytes && !finish()) return false;
    }
    return true;
  }
  bool finish() {
    const std::size_t bytes = std::exchange(filled_, 0);
    return bytes == 0 || session_.write({record_.data(), bytes}, out_);
  }

 private:
  static constexpr std::size_t record_bytes = 16 * KiB;
  TlsSession& session_;
  std::string& out_;
  std::array<char, record_bytes> record_;
  std::size_t filled_ = 0;
};

}  // namespace

// --- composing -----------------------------------------------------------------------------------

// For reasons that are known whatever becomes of the request's body.
bool Connection::must_close_anyway(const Exchange& exchange) const {
  return !keep_alive_ || exchange.close_after_ || core_.stopping() ||
         requests_ >= core_.engine.settings.limits.requests_per_connection;
}

bool Connection::must_close(const Exchange& exchange) const {
  if (must_close_anyway(exchange)) return true;
  if (!body_pending()) return false;
  // A client that waits for "100 Continue" may or may not send its body now: only closing is
  // unambiguous.
  if (continue_wanted_) return true;
  return body_framing_ == Framing::length && body_left_ > limits::lingering_bytes_max;
}

// True when this answer may wait for those of the pipelined requests behind it.
bool Connection::defers(bool closes) const {
  return core_.working == this && core_.work_rest > 0 && !closes && !body_pending() &&
         output_ == nullptr && core_.batch.answered.size() + 1 < limits::pipelined_max;
}

void Connection::append_tail(std::string& head, const Exchange& exchange, bool closes) const {
  if (closes) head += close_line;
  else if (exchange.request_.version_minor == 0) head += keep_line;
  else head += "\r\n";
}

void Connection::answer(Exchange& exchange, const std::shared_ptr<const Prepared>& prepared,
                        std::string_view extra_fields, SlotValues slots) {
  const bool closes = must_close(exchange);
  const std::size_t wanted = prepared->head.size() + extra_fields.size() + tail_bytes_max;
  if (!core_.batch_of(*this).has_room() || core_.batch.reserve(wanted) == nullptr) flush();
  if (phase_ == Phase::closed) return;
  OutputBatch& batch = core_.batch_of(*this);
  const bool later = defers(closes);

  char* into = batch.reserve(wanted);
  MUST(into != nullptr);  // Exchange::respond keeps larger heads away
  char* const begin = into;
  std::memcpy(into, prepared->head.data(), prepared->head.size());
  if (prepared->date_at != 0)
    std::memcpy(into + prepared->date_at, core_.date.data(), Prepared::date_bytes);
  if (prepared->age_at != 0)
    write_number_slot(into + prepared->age_at, std::max<std::int64_t>(0, slots.age_seconds));
  if (prepared->ttl_at != 0) write_parameter_slot(into + prepared->ttl_at, slots.ttl_seconds);
  into += prepared->head.size();
  into = std::copy(extra_fields.begin(), extra_fields.end(), into);
  const std::string_view tail = closes                                 ? close_line
                                : exchange.request_.version_minor == 0 ? keep_line
                                                                       : std::string_view("\r\n");
  into = std::copy(tail.begin(), tail.end(), into);
  const auto head_bytes = static_cast<std::size_t>(into - begin);
  batch.commit(head_bytes);

  const std::size_t body_bytes =
      exchange.request_.method == Method::head ? 0 : prepared->body.size();
  if (body_bytes > 0) {
    if (later) batch.add({prepared->body.data(), body_bytes, prepared, nullptr});
    else batch.add({prepared->body.data(), body_bytes, {}, &prepared});
  }
  exchange.status_ = prepared->status;
  exchange.body_sent_ = body_bytes;
  exchange.bytes_sent_ += head_bytes + body_bytes;
  answered(exchange, closes);
}

namespace {

// Fields that the engine alone writes.
bool is_ours(std::string_view name) {
  return equals_ignoring_case(name, "connection") ||
         equals_ignoring_case(name, "transfer-encoding") ||
         equals_ignoring_case(name, "keep-alive") || equals_ignoring_case(name, "server");
}

void append_line(std::string& head, std::string_view name, std::string_view value) {
  head.append(name).append(": ").append(value).append("\r\n");
}

// The status line and fields of a Response, without Content-Length and what ends the head.
std::string begin_head(const Response& response, std::string_view date) {
  std::string head;
  head.reserve(256);
  head = "HTTP/1.1 " + std::to_string(response.status) + ' ';
  head.append(reason_phrase_of(response.status)).append("\r\nServer: weir\r\n");
  bool dated = false;
  for (const auto& [name, value] : response.fields) {
    if (is_ours(name) || equals_ignoring_case(name, "content-length")) continue;
    dated |= equals_ignoring_case(name, "date");
    append_line(head, name, value);
  }
  if (!dated) append_line(head, "Date", date);
  return head;
}

const std::string* given_length(const Response& response) {
  for (const auto& [name, value] : response.fields)
    if (equals_ignoring_case(name, "content-length")) return &value;
  return nullptr;
}

}  // namespace

void Connection::answer(Exchange& exchange, Response&& response) {
  const bool closes = must_close(exchange);
  const bool head_only = exchange.request_.method == Method::head;
  std::string head = begin_head(response, {core_.date.data(), core_.date.size()});
  // HEAD and 304 may tell the length of a body that was never made.
  const std::string* const length = response.body.empty() ? given_length(response) : nullptr;
  if (length != nullptr && (head_only || response.status == 304))
    append_line(head, "Content-Length", *length);
  else if (status_has_body(response.status))
    append_line(head, "Content-Length", std::to_string(response.body.size()));
  append_tail(head, exchange, closes);

  const std::size_t body_bytes =
      head_only || !status_has_body(response.status) ? 0 : response.body.size();
  exchange.status_ = response.status;
  exchange.body_sent_ = body_bytes;
  exchange.bytes_sent_ += head.size() + body_bytes;
  if (body_bytes > 0 && body_bytes <= copied_bytes_max) {
    head += response.body;
    add_owned(std::move(head));
  } else {
    add_owned(std::move(head));
    if (body_bytes > 0) add_owned(std::move(response.body));
  }
  if (phase_ != Phase::closed) answered(exchange, closes);
}

// Adds bytes that were made for this answer: small ones by copy into the scratch, large ones with
// their owner.
void Connection::add_owned(std::string bytes) {
  if (!core_.batch_of(*this).has_room()) flush();
  if (phase_ == Phase::closed || bytes.empty()) return;
  OutputBatch& batch = core_.batch_of(*this);
  char* const into = bytes.size() <= copied_bytes_max * 2 ? batch.reserve(bytes.size()) : nullptr;
  if (into != nullptr) {
    std::memcpy(into, bytes.data(), bytes.size());
    batch.commit(bytes.size());
    return;
  }
  const auto owner = std::make_shared<const std::string>(std::move(bytes));
  batch.add({owner->data(), owner->size(), owner, nullptr});
}

// The same for bytes that last only for the call: at most a frame of HTTP/2.
void Connection::add_copy(std::string_view bytes) {
  if (!core_.batch_of(*this).has_room()) flush();
  if (phase_ == Phase::closed) return;
  char* into = core_.batch_of(*this).reserve(bytes.size());
  if (into == nullptr) {
    flush();
    if (phase_ == Phase::closed) return;
    into = core_.batch_of(*this).reserve(bytes.size());
  }
  MUST(into != nullptr);
  std::memcpy(into, bytes.data(), bytes.size());
  core_.batch_of(*this).commit(bytes.size());
}

// The same for bytes that somebody else owns, or nobody.
void Connection::add_piece(std::string_view bytes, std::shared_ptr<const void> owner) {
  if (!core_.batch_of(*this).has_room()) flush();
  if (phase_ == Phase::closed) return;
  OutputBatch& batch = core_.batch_of(*this);
  if (bytes.size() <= copied_bytes_max && (owner == nullptr || phase_ != Phase::http2)) {
    if (char* const into = batch.reserve(bytes.size())) {
      std::memcpy(into, bytes.data(), bytes.size());
      batch.commit(bytes.size());
      return;
    }
  }
  if (owner == nullptr && waits_to_flush()) add_owned(std::string(bytes));
  else batch.add({bytes.data(), bytes.size(), std::move(owner), nullptr});
}

// What a tunnel says while its input is worked through leaves together.
bool Connection::waits_to_flush() const { return core_.working == this && phase_ == Phase::tunnel; }

// The whole answer is in the batch.
void Connection::answered(Exchange& exchange, bool closes) {
  const bool later = defers(closes);
  exchange.body_sink_ = nullptr;
  exchange.answered_ = true;
  exchange_ = nullptr;
  core_.batch.answered.push_back(&exchange);
  if (closes) {
    phase_ = Phase::closing;
    if (body_pending() || (core_.working == this && core_.work_rest > 0) || input_ != nullptr)
      lingers_ = true;
  } else if (body_pending()) {
    phase_ = Phase::discard;
    discarded_ = 0;
    due_ns = never;
    credit_body(0);
  } else {
    phase_ = Phase::head;
    body_framing_ = Framing::none;
  }
  if (later) return;
  flush();
  if (core_.working != this && phase_ != Phase::closed) core_.resume_later(*this);
}

// An answer without a request: the bytes could not be understood, or the connection is not wanted.
void Connection::refuse(int status, const char* reason, const Fields& extra) {
  core_.counters.refused.add(1);
  core_.handler->on_refused(peer_, status, reason);
  Response response =
      error_page_response(status, std::string("This request cannot be answered: ") + reason + '.');
  response.fields.insert(response.fields.end(), extra.begin(), extra.end());
  std::string head = begin_head(response, {core_.date.data(), core_.date.size()});
  append_line(head, "Content-Length", std::to_string(response.body.size()));
  head.append(close_line).append(response.body);
  idle_ = false;
  phase_ = Phase::closing;
  lingers_ = true;
  add_owned(std::move(head));
  flush();
}

void Connection::refuse_and_close(int status, const char* reason, Fields extra) {
  if (tls_ != nullptr)
    close(Ending::cut);  // no plain words on a TLS port, and no handshake for who is not wanted
  else refuse(status, reason, extra);
}

// --- interim answers -----------------------------------------------------------------------------

void Connection::inform(Exchange& exchange, int status, const Fields& fields) {
  std::string head = "HTTP/1.1 " + std::to_string(status) + ' ';
  head.append(reason_phrase_of(status)).append("\r\n");
  for (const auto& [name, value] : fields)
    if (!is_ours(name) && !equals_ignoring_case(name, "content-length"))
      append_line(head, name, value);
  head += "\r\n";
  if (status == 100) continue_wanted_ = false;
  exchange.bytes_sent_ += head.size();
  add_owned(std::move(head));
  flush();
}

// --- streams and tunnels -------------------------------------------------------------------------

void Connection::start_stream(Exchange& exchange, Response&& response,
                              std::optional<std::uint64_t> length) {
  const bool reads_on = is_taking_body(exchange);  // the answer begins before the body is whole
  if (body_pending() && !reads_on) exchange.close_after_ = true;
  exchange.chunked_ = !length && exchange.request_.version_minor != 0;
  exchange.counted_ = length.has_value();
  exchange.length_left_ = length.value_or(0);
  if (!exchange.chunked_ && !exchange.counted_) exchange.close_after_ = true;
  exchange.close_after_ = reads_on ? must_close_anyway(exchange) : must_close(exchange);
  exchange.streaming_ = true;
  exchange.stream_open_ = true;
  std::string head = begin_head(response, {core_.date.data(), core_.date.size()});
  if (exchange.chunked_) append_line(head, "Transfer-Encoding", "chunked");
  if (exchange.counted_) append_line(head, "Content-Length", std::to_string(*length));
  append_tail(head, exchange, exchange.close_after_);
  exchange.status_ = response.status;
  exchange.bytes_sent_ += head.size();
  add_owned(std::move(head));
  if (phase_ == Phase::closed) return;
  if (!reads_on) core_.wheel.set_never(*this);
  if (response.body.empty()) flush();
  else write(exchange, response.body, {});
}

Wrote Connection::write(Exchange& exchange, std::string_view bytes,
                        std::shared_ptr<const void> owner) {
  if (bytes.empty() || (exchange.request_.method == Method::head && !exchange.tunnel_open_))
    return Wrote::sent;
  const std::size_t queued = queued_bytes(exchange);
  if (queued > 0 && queued + bytes.size() > exchange.queue_bytes_max_) {
    exchange.room_wanted_ = true;
    return Wrote::full;
  }
  if (exchange.counted_) {
    if (bytes.size() > exchange.length_left_) {  // more than was promised: nobody may believe it
      close(Ending::cut);
      return Wrote::closed;
    }
    exchange.length_left_ -= bytes.size();
  }
  if (!core_.batch_of(*this).has_room()) flush();
  if (phase_ == Phase::closed) return Wrote::closed;
  exchange.body_sent_ += bytes.size();
  exchange.bytes_sent_ += bytes.size();
  if (exchange.chunked_) {
    char size[20];
    char* const end = std::to_chars(size, size + sizeof size, bytes.size(), 16).ptr;
    *end = '\r';
    end[1] = '\n';
    const auto line_bytes = static_cast<std::size_t>(end + 2 - size);
    exchange.bytes_sent_ += line_bytes + 2;
    add_owned(std::string(size, line_bytes));
  }
  add_piece(bytes, std::move(owner));
  if (exchange.chunked_) add_owned("\r\n");
  if (!waits_to_flush() || core_.batch_of(*this).bytes > limits::read_buffer_bytes) flush();
  return phase_ == Phase::closed ? Wrote::closed : Wrote::sent;
}

void Connection::close_stream(Exchange& exchange, const Fields& trailers) {
  const bool head_only = exchange.request_.method == Method::head;
  exchange.stream_open_ = false;
  if (exchange.counted_ && exchange.length_left_ > 0 && !head_only) {
    close(Ending::cut);  // shorter than it promised
    return;
  }
  if (exchange.chunked_ && !head_only) {
    std::string end = "0\r\n";
    for (const auto& [name, value] : trailers) append_line(end, name, value);
    end += "\r\n";
    exchange.bytes_sent_ += end.size();
    add_owned(std::move(end));
  } else {
    (void)core_.batch_of(*this);
  }
  if (phase_ != Phase::closed) answered(exchange, exchange.close_after_ || must_close(exchange));
}

void Connection::open_tunnel(Exchange& exchange, Response&& head) {
  MUST(phase_ == Phase::exchange);
  std::erase_if(head.fields,
                [](const auto& field) { return equals_ignoring_case(field.first, "upgrade"); });
  head.status = 101;
  std::string text = begin_head(head, {core_.date.data(), core_.date.size()});
  append_line(text, "Connection", "Upgrade");
  append_line(text, "Upgrade", exchange.request_.protocol);
  text += "\r\n";
  exchange.streaming_ = exchange.tunnel_open_ = true;
  exchange.status_ = head.status;
  exchange.bytes_sent_ += text.size();
  phase_ = Phase::tunnel;
  add_owned(std::move(text));
  if (phase_ == Phase::closed || core_.working == this) return;
  flush();
  if (phase_ == Phase::closed) return;
  if (output_ == nullptr) core_.wheel.set(*this, exchange.deadline_);
  core_.resume_later(*this);
}

void Connection::close_tunnel(Exchange& exchange) {
  exchange.tunnel_open_ = false;
  exchange.close_after_ = true;
  lingers_ = true;  // the peer may still be talking
  (void)core_.batch_of(*this);
  answered(exchange, true);
}

std::size_t Connection::queued_bytes(const Exchange&) const {
  return output_ == nullptr ? 0 : output_->bytes;
}

// --- sending -------------------------------------------------------------------------------------

void Connection::flush() {
  OutputBatch& batch = core_.batch;
  if (batch.connection != this) return;
  if (batch.is_empty() && batch.answered.empty()) {
    batch.clear();
    return;
  }
  if (output_ != nullptr) {  // blocked: behind what waits already
    output_->keep(batch, 0);
    batch.clear();
  } else if (tls_ != nullptr) {
    send_batch_tls(batch);
  } else {
    send_batch(batch);
  }
}

void Connection::send_batch(OutputBatch& batch) {
  iovec pieces[OutputBatch::segments_max];
  std::size_t count = 0;
  for (Segment& segment : batch) pieces[count++] = {const_cast<char*>(segment.data), segment.bytes};
  msghdr message{};
  message.msg_iov = pieces;
  message.msg_iovlen = count;
  long sent = count == 0 ? 0 : sys::sendmsg(descriptor_, &message, MSG_NOSIGNAL);
  if (sent < 0) {
    if (errno != EAGAIN && errno != EINTR) {
      close(Ending::gone);
      return;
    }
    sent = 0;
  }
  core_.counters.bytes_out.add(static_cast<std::uint64_t>(sent));
  if (static_cast<std::size_t>(sent) == batch.bytes) {
    for (Exchange* const exchange : batch.answered) core_.finish(*exchange, Ending::complete);
    batch.clear();
    output_done();
    return;
  }
  queue().keep(batch, static_cast<std::size_t>(sent));
  batch.clear();
  pump();  // until the kernel says that it is full, so that it tells us when it is not
}

void Connection::send_batch_tls(OutputBatch& batch) {
  if (batch.bytes > limits::tls_flight_bytes) {
    queue().keep(batch, 0);
    batch.clear();
    pump();
    return;
  }
  std::string& out = core_.cipher_out;
  out.clear();
  RecordPacker packer(*tls_, out);
  bool ok = true;
  for (const Segment& segment : batch) ok = ok && packer.add(segment.data, segment.bytes);
  if (!ok || !packer.finish()) {
    close(Ending::gone);
    return;
  }
  const std::vector<Exchange*> answered_now(std::move(batch.answered));
  batch.clear();
  send_cipher(out);
  if (phase_ == Phase::closed) {
    for (Exchange* const exchange : answered_now) core_.finish(*exchange, Ending::gone);
  } else if (output_ != nullptr) {
    output_->answered.insert(output_->answered.end(), answered_now.begin(), answered_now.end());
  } else {
    for (Exchange* const exchange : answered_now) core_.finish(*exchange, Ending::complete);
    output_done();
  }
}

// Sends TLS records now, or behind what waits.
void Connection::send_cipher(std::string& records) {
  std::size_t at = 0;
  while (output_ == nullptr && at < records.size()) {
    const long sent =
        sys::send(descriptor_, records.data() + at, records.size() - at, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno != EAGAIN) {
      close(Ending::gone);
      return;
    }
    if (sent < 0) break;
    core_.counters.bytes_out.add(static_cast<std::uint64_t>(sent));
    at += static_cast<std::size_t>(sent);
  }
  if (at < records.size()) queue().keep_cipher(std::string_view(records).substr(at));
}

OutputQueue& Connection::queue() {
  if (output_ == nullptr) {
    output_ = std::make_unique<OutputQueue>();
    output_->progress = output_->window_began = core_.now;
    idle_ = false;
    core_.wheel.set(*this, core_.now + std::min<Nanos>(core_.engine.settings.timeouts.write_stall,
                                                       limits::write_rate_window));
  }
  return *output_;
}

// Sends what waits until the kernel takes no more, or all is out.
void Connection::pump() {
  while (!output_->is_empty()) {
    if (tls_ != nullptr && output_->cipher_at == output_->cipher.size()) encrypt_some();
    if (phase_ == Phase::closed) return;
    const long sent = pump_once();
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) {
      if (errno != EAGAIN) close(Ending::gone);
      return;
    }
    core_.counters.bytes_out.add(static_cast<std::uint64_t>(sent));
  }
  const std::unique_ptr<OutputQueue> emptied = std::move(output_);
  for (Exchange* const exchange : emptied->answered) core_.finish(*exchange, Ending::complete);
  output_done();
  if (phase_ == Phase::closed) return;
  core_.resume_later(*this);
  rest(input_ == nullptr ? 0 : input_->size());
  if (exchange_ == nullptr || !exchange_->room_wanted_) return;
  exchange_->room_wanted_ = false;
  if (exchange_->tunnel_open_) exchange_->tunnel_sink_->on_room(exchange_->tunnel_);
  else if (exchange_->room_) exchange_->room_();
}

long Connection::pump_once() {
  OutputQueue& waiting = *output_;
  if (tls_ != nullptr) {
    const long sent = sys::send(descriptor_, waiting.cipher.data() + waiting.cipher_at,
                                waiting.cipher.size() - waiting.cipher_at, MSG_NOSIGNAL);
    if (sent > 0) {
      const auto count = static_cast<std::size_t>(sent);
      waiting.cipher_at += count;
      waiting.bytes -= count;
      waiting.window_bytes += count;
      waiting.progress = core_.now;
    }
    return sent;
  }
  iovec pieces[OutputBatch::segments_max];
  std::size_t count = 0;
  for (const Segment& segment : waiting.segments) {
    if (count == OutputBatch::segments_max) break;
    pieces[count++] = {const_cast<char*>(segment.data), segment.bytes};
  }
  msghdr message{};
  message.msg_iov = pieces;
  message.msg_iovlen = count;
  const long sent = sys::sendmsg(descriptor_, &message, MSG_NOSIGNAL);
  if (sent > 0) waiting.took(static_cast<std::size_t>(sent), core_.now);
  return sent;
}

// Turns the next waiting plain bytes into records, as many as one flight may hold.
void Connection::encrypt_some() {
  OutputQueue& waiting = *output_;
  waiting.cipher.clear();
  waiting.cipher_at = 0;
  RecordPacker packer(*tls_, waiting.cipher);
  std::size_t plain = 0;
  bool ok = true;
  while (ok && plain < limits::tls_flight_bytes && !waiting.segments.empty()) {
    Segment& front = waiting.segments.front();
    const std::size_t part = std::min(front.bytes, limits::tls_flight_bytes - plain);
    ok = packer.add(front.data, part);
    front.data += part;
    front.bytes -= part;
    plain += part;
    if (front.bytes == 0) waiting.segments.pop_front();
  }
  if (!ok || !packer.finish()) {
    close(Ending::gone);
    return;
  }
  waiting.bytes += waiting.cipher.size() - plain;
}

// --- the end -------------------------------------------------------------------------------------

void Connection::output_done() {
  if (phase_ == Phase::closing) begin_close();
}

// Our side is said goodbye to. When the client may still be sending, its bytes are thrown away for
// a moment, so that the kernel does not answer them with a reset that would take our last answer
// with it.
void Connection::begin_close() {
  if (tls_ != nullptr) {
    std::string& out = core_.cipher_out;
    out.clear();
    tls_->say_goodbye(out);
    if (!out.empty()) sys::send(descriptor_, out.data(), out.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  if (!lingers_ && !readable_ && input_ == nullptr) {
    close(Ending::complete);
    return;
  }
  if (peer_closed_ && !readable_) {
    close(Ending::complete);
    return;
  }
  ::shutdown(descriptor_, SHUT_WR);
  input_.reset();
  phase_ = Phase::linger;
  discarded_ = 0;
  core_.wheel.set(*this, core_.now + core_.engine.settings.timeouts.linger);
  readable_ = true;
  core_.resume_later(*this);
}

void Connection::close(Ending ending) {
  if (phase_ == Phase::closed) return;
  phase_ = Phase::closed;
  idle_ = false;
  core_.wheel.remove(*this);
  if (ending == Ending::cut) {  // a reset: the client shall know that the answer is not whole
    const linger now{1, 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }
  ::close(descriptor_);
  const Ending how = ending == Ending::complete ? Ending::gone : ending;
  if (core_.batch.connection == this) {
    for (Exchange* const exchange : core_.batch.answered) core_.finish(*exchange, how);
    core_.batch.clear();
  }
  if (output_ != nullptr) {
    for (Exchange* const exchange : output_->answered) core_.finish(*exchange, how);
    Exchange* const last = output_->answered.empty() ? exchange_ : output_->answered.back();
    if (last != nullptr) {  // what never left does not count as sent
      last->bytes_sent_ -= std::min<std::uint64_t>(last->bytes_sent_, output_->bytes);
      last->body_sent_ -= std::min<std::uint64_t>(last->body_sent_, output_->bytes);
    }
  }
  if (exchange_ != nullptr) core_.finish(*std::exchange(exchange_, nullptr), how);
  if (http2_ != nullptr) http2_->end_all(how);
  core_.doom(*this);
}

}  // namespace weir::http
