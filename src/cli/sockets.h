#pragma once
// The listening sockets of a server process, in the order of its listeners: those that the launcher
// holds for it, those that a service manager passed, and, for the rest, new ones. Bound before
// rights are dropped, so that a low port needs no right later; what was bound is given to the
// launcher, which keeps it over crashes and upgrades.

#include "cli/channel.h"
#include "cli/site_config.h"

#include "http/server.h"

#include <string>
#include <vector>

namespace weir::cli {

class Sockets {
 public:
  // One row per listener; the first is the admin socket. `held` as the launcher sent them.
  struct Row {
    std::string key;
    HeldSockets sockets;
    bool is_new = false;
  };
  // Waits up to limits::owner_wait_max for a process that is just dying to let go of an address.
  static Result<Sockets> open(const std::vector<http::ListenerSettings>& listeners,
                              std::size_t loops, std::vector<HeldSockets> held);

  const std::vector<Row>& rows() const { return rows_; }
  std::vector<int> numbers(std::size_t row) const;
  // Passed by a service manager, and for no listener of ours.
  const std::vector<std::string>& unused() const { return unused_; }
  // Gives the new ones to the launcher.
  Status keep_with(const Channel& launcher) const;
  // Without a launcher: the names of Unix sockets go when we go.
  void remove_names() const;

 private:
  std::vector<Row> rows_;
  std::vector<std::string> unused_;
};

// Listeners for what a service manager passed, when the configuration names none of its own: by
// default plain ones; "admin" as a name makes an admin listener of a loopback address.
std::vector<edge::ListenSettings> listeners_of_passed(const std::vector<HeldSockets>& held);

}  // namespace weir::cli
