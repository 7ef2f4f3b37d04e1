#include "http/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace weir::http {
namespace {

constexpr int backlog = 4'096;

struct Address {
  sockaddr_storage storage{};
  socklen_t bytes = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

Error failed(const ListenerSettings& settings, std::string_view step) {
  const int reason = errno;
  const std::string where = settings.unix_path.empty()
                                ? settings.address + ':' + std::to_string(settings.port)
                                : settings.unix_path;
  Error error{reason == EADDRINUSE ? Errc::exists : errc_of(reason),
              "cannot listen on " + where + ": " + std::string(step) + ": " + reason_of(reason)};
  if (reason == EADDRINUSE)
    error.help = "another program listens there; stop it, or choose another port";
  return error;
}

Result<Address> address_of(const ListenerSettings& settings, std::uint16_t port) {
  Address address;
  auto& v4 = reinterpret_cast<sockaddr_in&>(address.storage);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(address.storage);
  if (::inet_pton(AF_INET, settings.address.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    address.bytes = sizeof v4;
  } else if (::inet_pton(AF_INET6, settings.address.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    address.bytes = sizeof v6;
  } else {
    return Error{Errc::invalid,
                 "a listener's address must be numeric, such as 127.0.0.1 or ::1, not '" +
                     settings.address + "'"};
  }
  return address;
}

enum class Sharing { alone, shared };

Result<Descriptor> bind_tcp(const ListenerSettings& settings, const Address& address,
                            Sharing sharing) {
  Descriptor descriptor(
      ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!descriptor.is_open()) return failed(settings, "socket");
  const int on = 1;
  const int off = 0;
  ::setsockopt(descriptor.number(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  ::setsockopt(descriptor.number(), IPPROTO_TCP, TCP_NODELAY, &on,
               sizeof on);  // accepted sockets inherit it
  if (address.storage.ss_family == AF_INET6)
    ::setsockopt(descriptor.number(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  if (sharing == Sharing::shared &&
      ::setsockopt(descriptor.number(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0)
    return failed(settings, "SO_REUSEPORT");
  if (::bind(descriptor.number(), address.get(), address.bytes) != 0)
    return failed(settings, "bind");
  return descriptor;
}

Result<std::uint16_t> port_of(const ListenerSettings& settings, const Descriptor& descriptor) {
  sockaddr_storage bound{};
  socklen_t bytes = sizeof bound;
  if (::getsockname(descriptor.number(), reinterpret_cast<sockaddr*>(&bound), &bytes) != 0)
    return failed(settings, "getsockname");
  return bound.ss_family == AF_INET ? ntohs(reinterpret_cast<const sockaddr_in&>(bound).sin_port)
                                    : ntohs(reinterpret_cast<const sockaddr_in6&>(bound).sin6_port);
}

Result<Bound> bind_unix(const ListenerSettings& settings) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (settings.unix_path.size() >= sizeof address.sun_path)
    return Error{Errc::invalid, "the path of a Unix socket must be shorter than " +
                                    std::to_string(sizeof address.sun_path) + " bytes, not '" +
                                    settings.unix_path + "'"};
  settings.unix_path.copy(address.sun_path, settings.unix_path.size());
  const auto* const name = reinterpret_cast<const sockaddr*>(&address);

  struct stat there {};
  if (::lstat(address.sun_path, &there) == 0) {
    if (!S_ISSOCK(there.st_mode))
      return Error{Errc::exists, "cannot listen on " + settings.unix_path +
                                     ": there is a file that is no socket"};
    const Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(probe.number(), name, sizeof address) == 0) {
      errno = EADDRINUSE;
      return failed(settings, "connect");
    }
    if (errno == ECONNREFUSED) ::unlink(address.sun_path);
  }
  Descriptor descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!descriptor.is_open()) return failed(settings, "socket");
  ::fchmod(descriptor.number(), 0600);  // on Linux the name is made with this mode
  if (::bind(descriptor.number(), name, sizeof address) != 0) return failed(settings, "bind");
  if (::chmod(address.sun_path, 0600) != 0) return failed(settings, "chmod");
  if (::listen(descriptor.number(), backlog) != 0) return failed(settings, "listen");
  Bound bound;
  bound.descriptors.push_back(std::move(descriptor));
  return bound;
}

}  // namespace

Result<Bound> copy_listener(const ListenerSettings& settings, std::size_t loops) {
  Bound bound;
  const std::size_t count =
      settings.unix_path.empty() ? std::max(loops, settings.sockets.size()) : 1;
  for (std::size_t i = 0; i < count; ++i) {
    const int given = settings.sockets[i % settings.sockets.size()];
    Descriptor copy(::fcntl(given, F_DUPFD_CLOEXEC, 0));
    if (!copy.is_open()) return failed(settings, "dup");
    const int flags = ::fcntl(copy.number(), F_GETFL);
    if (flags < 0 || ::fcntl(copy.number(), F_SETFL, flags | O_NONBLOCK) != 0)
      return failed(settings, "O_NONBLOCK");
    const int on = 1;
    if (settings.unix_path.empty())
      ::setsockopt(copy.number(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    bound.descriptors.push_back(std::move(copy));
  }
  if (settings.unix_path.empty()) bound.port = TRY(port_of(settings, bound.descriptors.front()));
  return bound;
}

Result<Bound> bind_listener(const ListenerSettings& settings, std::size_t loops) {
  if (!settings.unix_path.empty()) return bind_unix(settings);
  Bound bound;
  {
    // Bound alone first: sockets that share a port would not notice another server of the same user
    // there.
    const Address address = TRY(address_of(settings, settings.port));
    const Descriptor probe = TRY(bind_tcp(settings, address, Sharing::alone));
    bound.port = TRY(port_of(settings, probe));
  }
  const Address address = TRY(address_of(settings, bound.port));
  for (std::size_t i = 0; i < loops; ++i)
    bound.descriptors.push_back(TRY(bind_tcp(settings, address, Sharing::shared)));
  for (const Descriptor& descriptor : bound.descriptors)
    if (::listen(descriptor.number(), backlog) != 0) return failed(settings, "listen");
  return bound;
}

}  // namespace weir::http
