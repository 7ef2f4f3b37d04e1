#include "http/upstream_core.h"

#include "base/file.h"
#include "base/must.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

// One connection to a server of an upstream: bytes out, bytes in, and the end of it.

namespace weir::http {
namespace {

constexpr std::uint32_t end_events = EPOLLRDHUP | EPOLLHUP | EPOLLERR;

}  // namespace

UpstreamConnection::UpstreamConnection(UpstreamCore& core, std::shared_ptr<Upstream> upstream,
                                       std::size_t server)
    : core_(core), upstream_(std::move(upstream)), server_(server), reader_(core.rules) {}

UpstreamConnection::~UpstreamConnection() { close(); }

Status UpstreamConnection::connect(const SocketAddress& address) {
  descriptor_ = ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor_ < 0) return Error{errc_of(errno), "socket: " + reason_of(errno)};
  if (address.family() != AF_UNIX) {
    const int on = 1;
    ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(descriptor_, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  }
  if (::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address.storage), address.bytes) !=
          0 &&
      errno != EINPROGRESS)
    return Error{errc_of(errno), address.text() + ": " + reason_of(errno)};
  return core_.loop.watch(descriptor_, *this);
}

void UpstreamConnection::take(CallState& call) {
  call_ = &call;
  call.connection = this;
}

void UpstreamConnection::close() {
  if (phase_ == Phase::closed) return;
  phase_ = Phase::closed;
  call_ = nullptr;
  core_.idle_wheel.remove(*this);
  if (descriptor_ < 0) return;
  core_.loop.unwatch(*this);
  ::close(descriptor_);
  descriptor_ = -1;
}

// --- events --------------------------------------------------------------------------------------

void UpstreamConnection::on_ready(std::uint32_t events) {
  if ((events & end_events) != 0) hung_up_ = true;
  if (phase_ == Phase::connecting) {
    if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0) return;
    int error = 0;
    socklen_t bytes = sizeof error;
    ::getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &error, &bytes);
    if (error != 0)
      return core_.broken(*call_, UpstreamFailure::not_connected,
                          call_->server().text + ": " + reason_of(error));
    connected();
    tell_room();
  } else if ((events & EPOLLOUT) != 0 && phase_ != Phase::idle) {
    flush();
    tell_room();
  }
  if (phase_ == Phase::closed || (events & (EPOLLIN | end_events)) == 0) return;
  readable_ = true;
  if (phase_ == Phase::idle) read_idle();
  else read();
}

// Whoever was told `full` may go on.
void UpstreamConnection::tell_room() {
  if (phase_ != Phase::busy || !call_->room_wanted) return;
  if (queued() >= limits::upstream_body_ahead_bytes / 2) return;
  call_->room_wanted = false;
  call_->sink->on_room();
}

void UpstreamConnection::connected() {
  const UpstreamServer& server = upstream_->settings().servers[server_];
  if (!server.secure) return ready();
  phase_ = Phase::handshake;
  tls_ = std::make_unique<TlsSession>(*upstream_->settings().tls, server.host);
  decrypt({});
}

void UpstreamConnection::ready() {
  call_->times.connect = core_.loop.now() - call_->attempt_began;
  if (!begin_request())
    core_.broken(*call_, UpstreamFailure::cut, "the server closed a new connection");
}

bool UpstreamConnection::begin_request() {
  phase_ = Phase::busy;
  ++requests_;
  CallState& call = *call_;
  reader_.begin(call.order.asked);
  if (call.waiting.empty()) {
    write(call.order.head);
  } else {
    core_.scratch.assign(call.order.head).append(call.waiting);
    call.waiting.clear();
    write(core_.scratch);
  }
  core_.restage(call);
  return !write_broken_;
}

// --- out -----------------------------------------------------------------------------------------

bool UpstreamConnection::write(std::string_view bytes) {
  if (write_broken_) return false;
  if (tls_ != nullptr) {
    if (!tls_->write(bytes, out_)) write_broken_ = true;
    else flush();
    return !write_broken_;
  }
  while (queued() == 0 && !bytes.empty()) {
    const long sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) break;
    if (sent < 0) {
      write_broken_ = true;
      return false;
    }
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  out_.append(bytes);
  return true;
}

void UpstreamConnection::flush() {
  while (queued() > 0 && !write_broken_) {
    const long sent = ::send(descriptor_, out_.data() + out_at_, queued(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) {
      if (out_at_ >= limits::upstream_body_ahead_bytes) {
        out_.erase(0, out_at_);
        out_at_ = 0;
      }
      return;
    }
    if (sent < 0) {
      write_broken_ = true;  // what the server said before may still be read
      break;
    }
    out_at_ += static_cast<std::size_t>(sent);
    if (call_ != nullptr && phase_ == Phase::busy) core_.restage(*call_);
  }
  out_.clear();
  out_at_ = 0;
  if (shut_wanted_ && !write_broken_) {
    shut_wanted_ = false;
    ::shutdown(descriptor_, SHUT_WR);
  }
}

void UpstreamConnection::shut() {
  if (tls_ != nullptr) tls_->say_goodbye(out_);
  shut_wanted_ = true;
  flush();
}

// --- in ------------------------------------------------------------------------------------------

bool UpstreamConnection::looks_open() const {
  char byte = 0;
  return ::recv(descriptor_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

// Nobody asked anything: only TLS may have something to say that is not the end (a ticket).
void UpstreamConnection::read_idle() {
  if (tls_ == nullptr && looks_open()) {
    readable_ = false;
    return;
  }
  while (tls_ != nullptr && phase_ == Phase::idle) {
    const long count = ::recv(descriptor_, core_.cipher.get(), limits::read_buffer_bytes, 0);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) {
      readable_ = false;
      return;
    }
    if (count <= 0) break;
    decrypt({core_.cipher.get(), static_cast<std::size_t>(count)});
  }
  if (phase_ != Phase::idle) return;
  core_.forget_idle(*this);
  close();
}

void UpstreamConnection::read() {
  const auto at_work = [this] { return phase_ == Phase::busy || phase_ == Phase::handshake; };
  for (std::size_t round = 0; at_work() && readable_; ++round) {
    if (call_->paused) return;  // resume comes back here
    if (round == limits::upstream_reads_per_wake_max) return core_.read_later(*call_);
    char* const into = tls_ != nullptr ? core_.cipher.get() : core_.plain.get() + held_.size();
    if (tls_ == nullptr) std::memcpy(core_.plain.get(), held_.data(), held_.size());
    const long count = ::recv(descriptor_, into, limits::read_buffer_bytes, 0);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) {
      readable_ = false;
      return;
    }
    if (count < 0) return input_ended(reason_of(errno));
    if (count == 0) return input_ended({});
    const auto bytes = static_cast<std::size_t>(count);
    // Less than was asked for: the socket is empty (H-2), unless its end stands behind.
    if (bytes < limits::read_buffer_bytes && !hung_up_) readable_ = false;
    CallState& call = *call_;
    const std::uint64_t serial = call.serial;
    if (tls_ != nullptr) decrypt({into, bytes});
    else feed(core_.plain.get(), held_.size() + bytes);
    if (call.serial != serial || call_ != &call) return;
    core_.restage(call);
    if (phase_ == Phase::busy) call.sink->on_breath();
  }
}

void UpstreamConnection::decrypt(std::string_view input) {
  TlsSession& tls = *tls_;
  while (true) {
    const std::size_t held = held_.size();
    std::memcpy(core_.plain.get(), held_.data(), held);
    const TlsSession::Read step =
        tls.read(input, core_.plain.get() + held, limits::read_buffer_bytes, out_);
    input = {};
    if (queued() > 0) flush();
    if (phase_ == Phase::handshake && tls.established()) {
      ready();
      tell_room();
      if (phase_ != Phase::busy) return;
    }
    switch (step.step) {
      case TlsSession::Step::more: return;
      case TlsSession::Step::closed:
        tls_closed_ = true;
        if (phase_ == Phase::idle) {
          core_.forget_idle(*this);
          close();
        } else {
          input_ended({});
        }
        return;
      case TlsSession::Step::failed: {
        const std::string why = tls.verify_reason();
        if (phase_ == Phase::idle) {
          core_.forget_idle(*this);
          return close();
        }
        if (phase_ == Phase::handshake)
          return core_.broken(*call_, UpstreamFailure::not_trusted,
                              why.empty() ? "the TLS handshake failed"
                                          : "the server's certificate is not trusted: " + why);
        return input_ended("the TLS session broke");
      }
      case TlsSession::Step::data: break;
    }
    if (phase_ == Phase::idle) {  // bytes that nobody asked for
      core_.forget_idle(*this);
      return close();
    }
    const CallState* const call = call_;
    const std::uint64_t serial = call->serial;
    feed(core_.plain.get(), held + step.plain);
    if (call_ != call || call->serial != serial) return;
  }
}

// Tells the sink what the bytes mean. Each word may end the call.
void UpstreamConnection::feed(char* at, std::size_t count) {
  CallState& call = *call_;
  const std::uint64_t serial = call.serial;
  if (call.times.first_byte.count() == 0) call.times.first_byte = core_.loop.now() - call.began;
  while (true) {
    const AnswerReader::Piece piece = reader_.next(at, count);
    at += piece.consumed;
    count -= piece.consumed;
    switch (piece.step) {
      case AnswerReader::Step::more: held_.assign(at, count); return;
      case AnswerReader::Step::interim:
        if (reader_.head().status != 100) call.sink->on_interim(reader_.head());
        break;
      case AnswerReader::Step::head:
        call.head_told = true;
        call.sink->on_head(reader_.head());
        break;
      case AnswerReader::Step::switched:
        call.head_told = call.switched = true;
        call.sink->on_switched(reader_.head());
        break;
      case AnswerReader::Step::data: call.sink->on_body(piece.data); break;
      case AnswerReader::Step::done: return answer_done(count);
      case AnswerReader::Step::bad:
        return core_.broken(call, UpstreamFailure::bad_answer, reader_.reason());
    }
    if (call.serial != serial || call_ != &call) return;
  }
}

// The answer is whole; `rest` bytes behind it belong to nobody (C-36).
void UpstreamConnection::answer_done(std::size_t rest) {
  CallState& call = *call_;
  const AnswerHead& head = reader_.head();
  const UpstreamSettings& settings = upstream_->settings();
  const bool reusable = head.keep_alive && rest == 0 && !call.switched && call.body_ended &&
                        queued() == 0 && !hung_up_ && !write_broken_ && !tls_closed_ &&
                        requests_ < limits::upstream_requests_per_connection_max &&
                        settings.idle_max > 0 && !core_.loop.stopping();
  const Fields trailers = reader_.take_trailers();
  const bool good = head.status < 502 || head.status > 504;
  Nanos span = settings.idle;
  if (head.keep_alive_seconds > 0) {
    // Sooner than the server: a request on its way must not meet the end.
    const Nanos told = std::chrono::seconds(head.keep_alive_seconds);
    span = std::min(span, told - std::min<Nanos>(told / 2, std::chrono::seconds(1)));
  }
  held_.clear();
  call_ = nullptr;
  call.connection = nullptr;
  if (reusable) {
    phase_ = Phase::idle;
    core_.keep_idle(*this, span);
  } else {
    close();
  }
  core_.leave_server(call, good ? UpstreamCore::Health::good : UpstreamCore::Health::bad);
  core_.answered(call, trailers);
}

// The server's side is over: `how` is empty when it was shut in order.
void UpstreamConnection::input_ended(std::string_view how) {
  readable_ = false;
  hung_up_ = true;
  const bool clean = how.empty() && (tls_ == nullptr || tls_closed_);
  if (clean && phase_ == Phase::busy && reader_.end_of_input()) return answer_done(0);
  const std::string why = !how.empty() ? std::string(how)
                          : reader_.has_begun()
                              ? "the server closed the connection within its answer"
                              : "the server closed the connection without an answer";
  core_.broken(*call_, is_making() ? UpstreamFailure::not_connected : UpstreamFailure::cut, why);
}

}  // namespace weir::http
