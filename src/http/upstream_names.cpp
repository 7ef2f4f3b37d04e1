#include "http/upstream_names.h"

#include "base/bytes.h"
#include "http/loop.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <nss.h>
#include <sys/un.h>

#include <cstddef>
#include <cstring>
#include <mutex>

namespace weir::http {

std::string SocketAddress::host() const {
  char text[INET6_ADDRSTRLEN] = {};
  if (family() == AF_INET)
    ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(storage).sin_addr, text,
                sizeof text);
  if (family() == AF_INET6)
    ::inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(storage).sin6_addr, text,
                sizeof text);
  return text;
}

std::string SocketAddress::text() const {
  if (family() == AF_INET)
    return host() + ':' +
           std::to_string(ntohs(reinterpret_cast<const sockaddr_in&>(storage).sin_port));
  if (family() == AF_INET6)
    return '[' + host() +
           "]:" + std::to_string(ntohs(reinterpret_cast<const sockaddr_in6&>(storage).sin6_port));
  if (family() == AF_UNIX)
    return std::string("unix:") + reinterpret_cast<const sockaddr_un&>(storage).sun_path;
  return "none";
}

std::optional<SocketAddress> numeric_address(std::string_view host, std::uint16_t port) {
  const std::string text(host);
  SocketAddress address;
  auto& v4 = reinterpret_cast<sockaddr_in&>(address.storage);
  if (::inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    address.bytes = sizeof v4;
    return address;
  }
  auto& v6 = reinterpret_cast<sockaddr_in6&>(address.storage);
  if (::inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    address.bytes = sizeof v6;
    return address;
  }
  return std::nullopt;
}

Result<SocketAddress> unix_address(const std::string& path) {
  SocketAddress address;
  auto& local = reinterpret_cast<sockaddr_un&>(address.storage);
  if (path.empty() || path.size() >= sizeof local.sun_path)
    return Error{Errc::invalid, "the path of a Unix socket must have 1 to " +
                                    std::to_string(sizeof local.sun_path - 1) + " bytes, not " +
                                    std::to_string(path.size())};
  local.sun_family = AF_UNIX;
  std::memcpy(local.sun_path, path.data(), path.size());
  address.bytes = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  return address;
}

// --- asking --------------------------------------------------------------------------------------

namespace {

bool is_localhost(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  constexpr std::string_view name = "localhost";
  if (host.size() < name.size()) return false;
  const std::size_t before = host.size() - name.size();
  return equals_ignoring_case(host.substr(before), name) &&
         (before == 0 || host[before - 1] == '.');
}

}  // namespace

Result<Addresses> look_up(const std::string& host, std::uint16_t port) {
  if (is_localhost(host))
    return Addresses{*numeric_address("127.0.0.1", port), *numeric_address("::1", port)};
  // A static binary cannot load the modules that a host's nsswitch.conf may name; these two are
  // built in.
  static std::once_flag configured;
  std::call_once(configured, [] { ::__nss_configure_lookup("hosts", "files dns"); });
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
  const std::string service = std::to_string(port);
  addrinfo* first = nullptr;
  int failure = ::getaddrinfo(host.c_str(), service.c_str(), &hints, &first);
  if (failure == EAI_ADDRFAMILY || failure == EAI_NONAME) {  // only loopback has that family here
    hints.ai_flags = AI_NUMERICSERV;
    failure = ::getaddrinfo(host.c_str(), service.c_str(), &hints, &first);
  }
  if (failure != 0)
    return Error{Errc::io,
                 "cannot resolve '" + host + "': " + std::string(::gai_strerror(failure))};
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(first, &::freeaddrinfo);
  Addresses addresses;
  for (const addrinfo* each = first;
       each != nullptr && addresses.size() < limits::name_addresses_max; each = each->ai_next) {
    if (each->ai_addrlen > sizeof(sockaddr_storage)) continue;
    SocketAddress address;
    std::memcpy(&address.storage, each->ai_addr, each->ai_addrlen);
    address.bytes = each->ai_addrlen;
    addresses.push_back(address);
  }
  if (addresses.empty()) return Error{Errc::io, "'" + host + "' has no address"};
  return addresses;
}

NameResolver::NameResolver(std::size_t threads)
    : pool_("names", threads, limits::worker_queue_max) {}

void NameResolver::resolve(const std::string& host, std::uint16_t port,
                           std::function<void(Result<Addresses>)> found) {
  const Status offered = pool_.offer([host, port, found] { found(look_up(host, port)); });
  if (!offered.ok()) found(offered.error());
}

// --- remembering ---------------------------------------------------------------------------------

NameCache::NameCache(NameResolver& resolver, Loop& loop)
    : resolver_(resolver), loop_(loop), self_(std::make_shared<NameCache*>(this)) {}

NameCache::~NameCache() { *self_ = nullptr; }

const Result<Addresses>* NameCache::find(const std::string& host, std::uint16_t port, Found found) {
  const Key key(host, port);
  if (entries_.size() >= limits::names_kept_max && !entries_.contains(key)) make_room();
  Entry& entry = entries_[key];
  if (!entry.asked && entry.until > loop_.now()) return &entry.addresses;
  entry.waiting.push_back(std::move(found));
  if (entry.asked) return nullptr;
  entry.asked = true;
  Loop& loop = loop_;
  resolver_.resolve(host, port, [&loop, key, self = self_](Result<Addresses> addresses) {
    loop.post([self, key, addresses = std::move(addresses)] {
      if (*self != nullptr) (*self)->answer(key, addresses);
    });
  });
  return nullptr;
}

void NameCache::answer(const Key& key, Result<Addresses> addresses) {
  Entry& entry = entries_[key];
  entry.until =
      loop_.now() + (addresses.ok() ? Nanos(limits::name_kept) : Nanos(limits::name_failure_kept));
  entry.addresses = std::move(addresses);
  entry.asked = false;
  const Result<Addresses> told = entry.addresses;  // a call may ask again and move the entries
  for (Found& found : std::exchange(entry.waiting, {})) found(told);
}

void NameCache::make_room() {
  std::erase_if(entries_, [now = loop_.now()](const auto& each) {
    return !each.second.asked && each.second.until <= now;
  });
}

}  // namespace weir::http
