#pragma once
// What a service manager (systemd) and a service say to each other, without its library: sockets
// that were opened beforehand (LISTEN_FDS, LISTEN_PID, LISTEN_FDNAMES), and one datagram per change
// of state to NOTIFY_SOCKET. For the launcher's one thread.

#include "cli/channel.h"

#include "base/clock.h"
#include "edge/config.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::cli {

// The sockets that were passed to this process; none when LISTEN_PID names another. What is passed
// but listens on no address or path that we can serve is an error that names it.
Result<std::vector<HeldSockets>> take_passed_sockets(const edge::Environment& environment);

class ServiceManager {
 public:
  explicit ServiceManager(const edge::Environment& environment);

  void ready();                   // READY=1, MAINPID
  void reloading(Mono now);       // RELOADING=1, MONOTONIC_USEC; `ready` follows
  void stopping();                // STOPPING=1
  void status(std::string_view);  // STATUS=
  void alive();                   // WATCHDOG=1, when the manager has asked for it
  bool is_there() const { return !address_.empty(); }

 private:
  void say(const std::string& text) const;
  std::string address_;  // a path, or '@' and an abstract name
  bool wants_watchdog_ = false;
};

}  // namespace weir::cli
