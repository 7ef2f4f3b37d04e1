#pragma once
// A server on a free port of 127.0.0.1 in a thread of its own.

#include "base/guarded.h"
#include "base/log.h"
#include "http/server.h"
#include "raw_client.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace weir::test {

using Answering = std::function<void(http::Exchange&)>;

// What on_finished said.
struct Seen {
  std::string path;
  int status = 0;
  std::uint64_t body_bytes = 0;
  http::Ending ending = http::Ending::complete;
};

struct LiveOptions {
  http::ServerLimits limits = {};
  http::ServerTimeouts timeouts = {};
  std::shared_ptr<http::TlsContext> tls = {};
  std::string unix_path = {};
  std::size_t loops = 1;
  std::function<bool(const http::Peer&)> is_exempt = {};
  bool proxy_protocol = false;
  const Clock* clock = nullptr;  // default: the system's
  bool h2c = false;
};

class LiveServer {
 public:
  explicit LiveServer(Answering answering, LiveOptions options = {});
  ~LiveServer();
  LiveServer(const LiveServer&) = delete;
  LiveServer& operator=(const LiveServer&) = delete;

  std::uint16_t port() const { return server_->ports().front(); }
  http::Server& server() { return *server_; }
  // Turns until that is so; the test fails when it never is. Bytes of a client may take a moment
  // even on loopback.
  void wait_until(const std::function<bool()>& is_so);
  void wait_for_requests(std::uint64_t count);
  void wait_for_bytes(std::uint64_t count);  // received, over all connections
  void turn();  // returns when every loop has made a whole turn, so that it has seen the time
  void join();  // returns when run() has
  std::vector<Seen> seen() const;
  Seen wait_for_seen(std::size_t count) const;  // the count-th, once it is there

 private:
  SystemClock system_clock_;
  LineWriter writer_;
  Log log_;
  std::shared_ptr<Guarded<std::vector<Seen>>> seen_;
  std::unique_ptr<http::Server> server_;
  std::thread thread_;
};

}  // namespace weir::test
