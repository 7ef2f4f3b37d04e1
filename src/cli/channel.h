#pragma once
// The line between the launcher and a server process: short messages, with descriptors when a
// message has some. One datagram each way per message (SOCK_SEQPACKET), so that none is torn.
//
//   launcher -> server    held KEY +sockets   a listening socket that is kept for it
//                         begin | begin-beside   start; beside another server that still serves
//                         take                the other one has let go of store and data: open them
//                         hand-over           let go of store and data, go on answering
//                         keep-on             the successor has failed: take them back
//                         retire              the successor serves: end what is under way, then
//                         exit
//   server -> launcher    keep KEY +sockets   sockets that it has bound
//                         prepared            everything that can fail without the store is done
//                         handed-over         store and data are free
//                         ready               it accepts connections
//                         alive               about once a second, while its loops turn
//                         reloading, reloaded
//
// The two sides may be of different versions of the program: words may be added, never changed; a
// word that a side does not know is passed over. `say` and `hear` may be called from different
// threads.

#include "base/file.h"
#include "base/result.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::cli {

// The variable by which a server finds its end.
inline constexpr std::string_view channel_variable = "WEIR_LAUNCHER";

class Channel {
 public:
  Channel() = default;
  explicit Channel(Descriptor socket) : socket_(std::move(socket)) {}
  static Result<std::pair<Channel, Channel>> make_pair();

  // `descriptors` stay the caller's; the other side gets copies. At most
  // limits::channel_sockets_max.
  Status say(std::string_view text, std::span<const int> descriptors = {}) const;

  struct Message {
    std::string text;
    std::vector<Descriptor> descriptors;
    // "keep" of "keep tcp ...", and the rest.
    std::string_view word() const;
    std::string_view rest() const;
  };
  // Waits for the next message. nullopt = the other side has gone.
  std::optional<Message> hear() const;

  bool is_open() const { return socket_.is_open(); }
  int number() const { return socket_.number(); }
  int release() { return socket_.release(); }

 private:
  Descriptor socket_;
};

// Listening sockets with what they are for: "listen 127.0.0.1 8080", "unix /srv/cache/admin.sock",
// or, when a service manager passed them, "passed NAME 0.0.0.0 80".
struct HeldSockets {
  std::string key;
  std::vector<Descriptor> descriptors;
};

}  // namespace weir::cli
