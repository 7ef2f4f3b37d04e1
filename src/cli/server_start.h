#pragma once
// What a server process does before it is one: hears from its launcher, takes or binds its sockets,
// gives up its rights and closes the fence behind itself. All on the first thread, before any other
// is made.

#include "cli/channel.h"
#include "cli/sandbox.h"
#include "cli/session.h"
#include "cli/site_config.h"
#include "cli/sockets.h"

#include "base/log.h"

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <thread>

namespace weir::cli {

// The server's end of the line to its launcher. Without a launcher everything it says is unheard
// and nothing comes.
class LauncherLink {
 public:
  LauncherLink() = default;
  void connect(int descriptor);  // that the launcher has left open for us; owned from here on
  ~LauncherLink() { end(); }
  LauncherLink(const LauncherLink&) = delete;
  LauncherLink& operator=(const LauncherLink&) = delete;

  bool is_there() const { return channel_.is_open(); }
  const Channel& channel() const { return channel_; }
  void say(std::string_view text) const;

  struct Order {
    std::vector<HeldSockets> held;
    bool beside = false;  // another server still has store and data
  };
  Order await_order();  // blocks; ends the process when the launcher is gone
  void await_take();    // likewise

  // Messages from here on come as calls on a thread of this class.
  void listen(std::function<void(std::string_view word)> on_word);
  void end();

 private:
  Channel channel_;
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

// Ready to serve: made by `open_start`.
struct ServerStart {
  LauncherLink link;
  bool beside = false;
  std::optional<Sockets> sockets;
  std::vector<edge::ListenSettings> passed;  // by a service manager
  std::optional<Identity> identity;          // that we have become
  std::optional<SandboxReport> sandbox;      // nullopt = off
};

// `loaded` may get listeners that a service manager passed. Errors are of the start.
Status open_start(ServerStart& start, LoadedConfig& loaded, const Session& session);

// Puts what a service manager passed in the place of the default listener; nothing when the
// operator has named listeners of their own.
void use_passed(LoadedConfig& loaded, const std::vector<edge::ListenSettings>& passed);

// The listeners of a configuration as the engine wants them, `own_listeners` in front (the admin
// socket, the hand-over socket), without TLS and without sockets.
inline constexpr std::size_t own_listeners = 2;
std::vector<http::ListenerSettings> plain_listeners_of(const LoadedConfig& loaded);
std::size_t loops_of(const LoadedConfig& loaded);

void say_sandbox(Log& log, const ServerStart& start);

}  // namespace weir::cli
