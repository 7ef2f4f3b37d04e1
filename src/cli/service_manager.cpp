#include "cli/service_manager.h"

#include "base/bytes.h"
#include "base/process_limits.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>

namespace weir::cli {
namespace {

constexpr int first_passed = 3;  // sd_listen_fds(3)

std::string_view find(const edge::Environment& environment, std::string_view name) {
  const auto found = environment.find(name);
  return found == environment.end() ? std::string_view() : std::string_view(found->second);
}

// "127.0.0.1 8080" or "/run/weir.sock"; empty = neither.
std::string address_text_of(int descriptor) {
  sockaddr_storage storage{};
  socklen_t bytes = sizeof storage;
  if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&storage), &bytes) != 0) return {};
  char text[INET6_ADDRSTRLEN] = {};
  if (storage.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(storage);
    ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    return std::string(text) + ' ' + std::to_string(ntohs(v4.sin_port));
  }
  if (storage.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(storage);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
    return std::string(text) + ' ' + std::to_string(ntohs(v6.sin6_port));
  }
  return {};
}

}  // namespace

Result<std::vector<HeldSockets>> take_passed_sockets(const edge::Environment& environment) {
  std::vector<HeldSockets> all;
  const auto count = parse_u64(find(environment, "LISTEN_FDS"));
  const auto wanted = parse_u64(find(environment, "LISTEN_PID"));
  if (!count || !wanted || *wanted != static_cast<std::uint64_t>(::getpid())) return all;
  std::string_view names = find(environment, "LISTEN_FDNAMES");
  for (std::uint64_t at = 0; at < *count && at < limits::channel_sockets_max; ++at) {
    const int number = first_passed + static_cast<int>(at);
    const std::size_t colon = names.find(':');
    std::string name(names.substr(0, colon));
    names = colon == std::string_view::npos ? std::string_view() : names.substr(colon + 1);
    if (name.empty()) name = "unknown";
    int listens = 0;
    socklen_t bytes = sizeof listens;
    const std::string address = address_text_of(number);
    if (::getsockopt(number, SOL_SOCKET, SO_ACCEPTCONN, &listens, &bytes) != 0 || listens == 0 ||
        address.empty()) {
      return Error{Errc::invalid, "the socket \"" + name + "\" that was passed as descriptor " +
                                      std::to_string(number) + " does not listen on a TCP port"}
          .with_help("use ListenStream=ADDRESS:PORT and Accept=no in the socket unit");
    }
    ::fcntl(number, F_SETFD, FD_CLOEXEC);
    HeldSockets held;
    held.key = "passed " + name + ' ' + address;
    held.descriptors.emplace_back(number);
    all.push_back(std::move(held));
  }
  return all;
}

ServiceManager::ServiceManager(const edge::Environment& environment)
    : address_(find(environment, "NOTIFY_SOCKET")) {
  if (address_.size() < 2 || address_.size() >= sizeof(sockaddr_un::sun_path) ||
      (address_[0] != '/' && address_[0] != '@'))
    address_.clear();
  const std::string_view pid = find(environment, "WATCHDOG_PID");
  wants_watchdog_ = parse_u64(find(environment, "WATCHDOG_USEC")).value_or(0) > 0 &&
                    (pid.empty() || pid == std::to_string(::getpid()));
}

void ServiceManager::say(const std::string& text) const {
  if (address_.empty()) return;
  const Descriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  address_.copy(to.sun_path, address_.size());
  if (to.sun_path[0] == '@') to.sun_path[0] = '\0';
  const auto bytes = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
  // Nobody who listens there is no reason to stop.
  [[maybe_unused]] const auto sent =
      ::sendto(socket.number(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
               reinterpret_cast<const sockaddr*>(&to), bytes);
}

void ServiceManager::ready() {
  say("READY=1\nMAINPID=" + std::to_string(::getpid()) + "\nSTATUS=serving\n");
}

void ServiceManager::reloading(Mono now) {
  say("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(now.ns / 1'000) + "\n");
}

void ServiceManager::stopping() { say("STOPPING=1\nSTATUS=draining\n"); }
void ServiceManager::status(std::string_view text) { say("STATUS=" + std::string(text) + "\n"); }

void ServiceManager::alive() {
  if (wants_watchdog_) say("WATCHDOG=1\n");
}

}  // namespace weir::cli
