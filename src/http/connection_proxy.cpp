// The PROXY header in front of a connection (proxy_protocol.h). It is only looked at until it is
// whole, and then taken exactly: what follows, a request or a TLS handshake, is still in the socket
// and is read as if nothing had been there.

#include "http/connection.h"

#include "base/sys.h"
#include "http/loop_core.h"
#include "http/proxy_protocol.h"

#include <sys/socket.h>
#include <cerrno>

namespace weir::http {

void Connection::read_proxy_header() {
  char* const buffer = core_.read_buffer.get();
  const long count = sys::recv(descriptor_, buffer, limits::proxy_header_bytes_max, MSG_PEEK);
  if (count < 0 && errno == EINTR) return;
  if (count <= 0) {
    readable_ = false;
    if (count == 0 || errno != EAGAIN) close(Ending::gone);
    return;
  }
  const ProxyVerdict verdict = parse_proxy_header({buffer, static_cast<std::size_t>(count)});
  switch (verdict.kind) {
    case ProxyVerdict::Kind::incomplete:
      readable_ = false;  // the rest wakes us; the deadline of the first head runs
      if (peer_closed_) close(Ending::gone);
      return;
    case ProxyVerdict::Kind::refused:
      core_.refuse_proxy(peer_, verdict.reason);
      close(Ending::cut);
      return;
    case ProxyVerdict::Kind::complete: break;
  }
  // They were all there a moment ago, and nobody else reads from this socket.
  if (sys::recv(descriptor_, buffer, verdict.bytes, 0) != static_cast<long>(verdict.bytes)) {
    close(Ending::gone);
    return;
  }
  core_.counters.bytes_in.add(verdict.bytes);
  phase_ = Phase::head;
  if (tls_ != nullptr) {
    phase_ = Phase::handshake;
    core_.wheel.set(*this, core_.now + core_.engine.settings.timeouts.handshake);
  }
  if (verdict.client) core_.know_client(*this, *verdict.client);
}

}  // namespace weir::http
