#pragma once
// Names become addresses off the loop: getaddrinfo blocks, so it runs on threads of its own (wire
// H-44). Whoever connects takes an address from the answer and never asks again in between: the
// address that was looked at is the address that is used. URLs of the operator are not filtered.
//
// NameResolver: any thread. NameCache: one per loop, on the loop's thread.

#include "base/clock.h"
#include "base/limits_upstream.h"
#include "base/result.h"
#include "base/worker_pool.h"

#include <sys/socket.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::http {

class Loop;

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t bytes = 0;  // 0 = none
  int family() const { return storage.ss_family; }
  std::string text() const;  // "192.0.2.1:80", "[2001:db8::1]:80", "unix:/run/app.sock"
  std::string host() const;  // "192.0.2.1", "2001:db8::1"; empty when it is not IP
};

// Numeric IPv4 or IPv6, without brackets; nullopt for anything else.
std::optional<SocketAddress> numeric_address(std::string_view host, std::uint16_t port);
Result<SocketAddress> unix_address(const std::string& path);  // error: longer than the kernel takes

using Addresses = std::vector<SocketAddress>;

// Asks the system, and blocks meanwhile. "localhost" and the names below it are loopback whatever
// the system says (RFC 6761 6.3): a container may be without /etc/hosts, and DNS is not asked.
// At most limits::name_addresses_max.
Result<Addresses> look_up(const std::string& host, std::uint16_t port);

class NameResolver {
 public:
  explicit NameResolver(std::size_t threads = 2);
  virtual ~NameResolver() = default;
  // Calls `found` once, from a thread of the resolver's, or with Errc::full at once from this call;
  // not at all when the resolver is destroyed first. At most limits::name_addresses_max, in the
  // order in which the system wants them tried.
  virtual void resolve(const std::string& host, std::uint16_t port,
                       std::function<void(Result<Addresses>)> found);

 private:
  WorkerPool pool_;
};

// Remembers answers for limits::name_kept, failures for limits::name_failure_kept. Whoever asks
// while a name is being looked up waits for the same answer.
class NameCache {
 public:
  NameCache(NameResolver& resolver, Loop& loop);
  ~NameCache();  // nobody is called any more
  NameCache(const NameCache&) = delete;
  NameCache& operator=(const NameCache&) = delete;

  // The addresses when they are known now; else null, and `found` is called later from the loop.
  // The result is null with `error` when the name is known to have none.
  using Found = std::function<void(const Result<Addresses>&)>;
  const Result<Addresses>* find(const std::string& host, std::uint16_t port, Found found);

 private:
  struct Entry {
    Result<Addresses> addresses{Addresses{}};
    Mono until;
    bool asked = false;  // being looked up now
    std::vector<Found> waiting;
  };
  using Key = std::pair<std::string, std::uint16_t>;
  void answer(const Key& key, Result<Addresses> addresses);
  void make_room();
  NameResolver& resolver_;
  Loop& loop_;
  std::map<Key, Entry> entries_;
  std::shared_ptr<NameCache*> self_;  // weak in what was posted: null when this is gone
};

}  // namespace weir::http
