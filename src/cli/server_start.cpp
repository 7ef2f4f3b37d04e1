#include "cli/server_start.h"

#include "cli/remote.h"

#include "base/bytes.h"
#include "edge/control.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>

namespace weir::cli {

// --- the launcher's line -------------------------------------------------------------------------

namespace {

// The kernel kills us with the launcher; this is for the moment in which it was gone before it
// could be asked to.
[[noreturn]] void launcher_is_gone() { ::_exit(128 + SIGKILL); }

}  // namespace

void LauncherLink::connect(int descriptor) {
  ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  channel_ = Channel(Descriptor(descriptor));
}

void LauncherLink::say(std::string_view text) const {
  if (!channel_.is_open()) return;
  if (!channel_.say(text).ok()) launcher_is_gone();
}

LauncherLink::Order LauncherLink::await_order() {
  Order order;
  while (true) {
    auto message = channel_.hear();
    if (!message) launcher_is_gone();
    if (message->word() == "held") {
      HeldSockets held;
      held.key = std::string(message->rest());
      held.descriptors = std::move(message->descriptors);
      order.held.push_back(std::move(held));
    } else if (message->word() == "begin" || message->word() == "begin-beside") {
      order.beside = message->word() == "begin-beside";
      return order;
    }
  }
}

void LauncherLink::await_take() {
  while (true) {
    const auto message = channel_.hear();
    if (!message) launcher_is_gone();
    if (message->word() == "take") return;
  }
}

void LauncherLink::listen(std::function<void(std::string_view word)> on_word) {
  if (!channel_.is_open()) return;
  thread_ = std::thread([this, on_word = std::move(on_word)] {
    while (const auto message = channel_.hear()) on_word(message->word());
    if (!ended_.load()) launcher_is_gone();
  });
}

void LauncherLink::end() {
  if (!thread_.joinable()) return;
  ended_.store(true);
  ::shutdown(channel_.number(), SHUT_RD);
  thread_.join();
}

// --- the start -----------------------------------------------------------------------------------

std::size_t loops_of(const LoadedConfig& loaded) {
  return loaded.config.serve.loops == 0 ? cores() : loaded.config.serve.loops;
}

std::vector<http::ListenerSettings> plain_listeners_of(const LoadedConfig& loaded) {
  const auto kind_of = [](const edge::ListenSettings& listen) {
    if (listen.redirects_to_https) return edge::ListenerKind::redirect;
    if (!listen.is_admin) return edge::ListenerKind::open;
    return listen.admin_token.is_empty() ? edge::ListenerKind::admin
                                         : edge::ListenerKind::admin_with_token;
  };
  std::vector<http::ListenerSettings> listeners;
  http::ListenerSettings admin;
  admin.unix_path = admin_socket_of(loaded.store_directory);
  admin.tag = static_cast<int>(edge::ListenerKind::admin_socket);
  listeners.push_back(std::move(admin));
  http::ListenerSettings hand_over;
  hand_over.unix_path = hand_over_socket_of(loaded.store_directory);
  hand_over.tag = static_cast<int>(edge::ListenerKind::hand_over);
  listeners.push_back(std::move(hand_over));
  for (const edge::ListenSettings& listen : loaded.config.serve.listeners) {
    http::ListenerSettings one;
    one.address = listen.endpoint.host;
    one.port = listen.endpoint.port;
    one.tag = static_cast<int>(kind_of(listen));
    listeners.push_back(std::move(one));
  }
  return listeners;
}

void use_passed(LoadedConfig& loaded, const std::vector<edge::ListenSettings>& passed) {
  auto& listeners = loaded.config.serve.listeners;
  if (passed.empty() || !loaded.has_default_listener) return;
  listeners.erase(listeners.begin());  // where apply_flags has put it
  listeners.insert(listeners.begin(), passed.begin(), passed.end());
  loaded.has_default_listener = false;
}

namespace {

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// Everything that this configuration reads now or when it is read again, and what it writes.
SandboxPaths paths_of(const LoadedConfig& loaded, const Session& session) {
  SandboxPaths paths;
  paths.readable =
      system_paths(session.variable("SSL_CERT_FILE"), session.variable("SSL_CERT_DIR"));
  paths.readable.push_back(loaded.root);
  if (!loaded.file.empty()) paths.readable.push_back(directory_of(loaded.file));
  // Files are replaced by new ones of the same name, so their directories are what counts. A file
  // that lies in a directory of the system's own is allowed by itself.
  for (const std::string& path : loaded.paths) {
    const std::string directory = directory_of(path);
    const bool is_shared = directory == "/" || directory == "/etc" || directory == "/root" ||
                           directory == "/home" || directory == "/usr" || directory == "/var";
    paths.readable.push_back(is_shared ? path : directory);
  }
  for (const auto& [name, value] : session.environment()) {
    const bool names_file = name.rfind("WEIR_", 0) == 0 && name.size() > 5 + 5 &&
                            name.substr(name.size() - 5) == "_FILE";
    if (names_file) paths.readable.push_back(value);
  }
  if (const std::string credentials = session.variable("CREDENTIALS_DIRECTORY");
      !credentials.empty())
    paths.readable.push_back(credentials);
  paths.readable.push_back("/run/secrets");
  paths.writable = {loaded.store_directory, "/dev/null"};
  if (loaded.config.data.present) paths.writable.push_back(loaded.config.data.directory);
  if (const std::string& file = loaded.config.observability.access_log_file; !file.empty())
    paths.writable.push_back(directory_of(file));
  return paths;
}

// The directories that the server writes to must be there before they can be allowed, and belong to
// whom it becomes.
Status make_own_directories(const LoadedConfig& loaded, const std::optional<Identity>& identity) {
  std::vector<std::string> wanted{loaded.store_directory};
  if (loaded.config.data.present) wanted.push_back(loaded.config.data.directory);
  if (const std::string& file = loaded.config.observability.access_log_file; !file.empty())
    wanted.push_back(directory_of(file));
  for (const std::string& path : wanted) {
    std::error_code error;
    if (std::filesystem::exists(path, error)) continue;
    if (const Status made = make_directories(path); !made.ok())
      return Error{Errc::io, made.error().what, {}, "is the directory writable?", {}};
    if (identity && ::chown(path.c_str(), identity->user, identity->group) != 0)
      return Error{errc_of(errno), path + ": cannot be given to the server: " + reason_of(errno)};
  }
  return done;
}

Result<std::optional<Identity>> identity_for(const LoadedConfig& loaded) {
  if (::geteuid() != 0) return std::optional<Identity>();
  if (!loaded.config.serve.user.empty())
    return std::optional<Identity>(TRY(parse_identity(loaded.config.serve.user)));
  return owner_of({loaded.store_directory, loaded.root});
}

}  // namespace

Status open_start(ServerStart& start, LoadedConfig& loaded, const Session& session) {
  LauncherLink::Order order;
  if (start.link.is_there()) order = start.link.await_order();
  start.beside = order.beside;
  start.passed = listeners_of_passed(order.held);
  use_passed(loaded, start.passed);
  start.identity = TRY(identity_for(loaded));
  TRY(make_own_directories(loaded, start.identity));
  auto sockets = Sockets::open(plain_listeners_of(loaded), loops_of(loaded), std::move(order.held));
  if (!sockets.ok()) {
    Error error = std::move(sockets).error();
    if (error.what.find(admin_socket_of(loaded.store_directory)) != std::string::npos &&
        error.code == Errc::exists)
      return Error{Errc::exists, "another weir owns the store " + loaded.store_directory}.with_help(
          "stop it, or give this one its own with --store DIR");
    if (error.help.empty() && error.code != Errc::invalid)
      error.help = "is another server on that port? --port 0 takes any free one";
    return error;
  }
  start.sockets = std::move(sockets).value();
  if (start.identity) {
    // The commands of the store's owner talk to the admin socket.
    for (const std::string& path :
         {admin_socket_of(loaded.store_directory), hand_over_socket_of(loaded.store_directory)}) {
      [[maybe_unused]] const int given =
          ::chown(path.c_str(), start.identity->user, start.identity->group);
    }
  }
  if (start.link.is_there()) TRY(start.sockets->keep_with(start.link.channel()));
  ::prctl(PR_SET_NAME, "weir");
  const std::string& mode = loaded.config.serve.sandbox;
  if (const Status became = become(start.identity); !became.ok())
    return Error(became.error()).with_help("start as root, or without [serve] user");
  // Becoming another user makes the kernel forget whose death is ours.
  if (start.link.is_there()) ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (mode == "off" || (mode == "auto" && !sandbox_is_built_in())) return done;
  start.sandbox = enter_sandbox(paths_of(loaded, session));
  if (mode == "require" && !start.sandbox->missing.empty()) {
    return Error{Errc::denied,
                 "the sandbox is required, and this kernel does not give all of it: " +
                     start.sandbox->missing}
        .with_help("[serve] sandbox = \"auto\" takes what there is");
  }
  return done;
}

void say_sandbox(Log& log, const ServerStart& start) {
  const bool is_root = ::geteuid() == 0;
  if (!start.sandbox) {
    log.warning("sandbox", {{"on", false}, {"user", static_cast<std::int64_t>(::geteuid())}});
  } else {
    const SandboxReport& on = *start.sandbox;
    log.say(on.missing.empty() ? LogLevel::info : LogLevel::warning, "sandbox",
            {{"on", on.missing.empty()},
             {"landlock", on.landlock},
             {"seccomp", on.seccomp},
             {"no_new_privs", on.no_new_privileges},
             {"user", static_cast<std::int64_t>(::geteuid())},
             {"missing", on.missing}});
  }
  if (is_root) {
    log.warning("runs-as-root",
                {{"meaning",
                  "the store belongs to root; no capability is left, but root's files "
                  "are its own"},
                 {"help", "set [serve] user, or give the store to a user of its own"}});
  }
  for (const std::string& socket : start.sockets->unused())
    log.warning("passed-socket-unused", {{"socket", socket}});
}

}  // namespace weir::cli
