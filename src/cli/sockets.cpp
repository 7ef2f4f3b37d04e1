#include "cli/sockets.h"

#include "base/bytes.h"
#include "base/process_limits.h"
#include "http/listener.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

namespace weir::cli {
namespace {

using namespace std::chrono_literals;

// "listen 127.0.0.1 8080"; a second listener on port 0 of one address gets " #2" behind it.
std::string key_of(const http::ListenerSettings& listener,
                   const std::vector<Sockets::Row>& before) {
  if (!listener.unix_path.empty()) return "unix " + listener.unix_path;
  const std::string key = "listen " + listener.address + ' ' + std::to_string(listener.port);
  const auto same = std::count_if(before.begin(), before.end(), [&](const Sockets::Row& row) {
    return row.key == key || row.key.rfind(key + " #", 0) == 0;
  });
  return same == 0 ? key : key + " #" + std::to_string(same + 1);
}

// "passed NAME ADDRESS PORT"
struct Passed {
  std::string_view name, address, port;
};
std::optional<Passed> passed_of(std::string_view key) {
  constexpr std::string_view prefix = "passed ";
  if (key.substr(0, prefix.size()) != prefix) return std::nullopt;
  key.remove_prefix(prefix.size());
  const std::size_t first = key.find(' '), last = key.rfind(' ');
  if (first == std::string_view::npos || first == last) return std::nullopt;
  return Passed{key.substr(0, first), key.substr(first + 1, last - first - 1),
                key.substr(last + 1)};
}

bool fits(const http::ListenerSettings& listener, std::string_view key) {
  const auto passed = passed_of(key);
  return passed && listener.unix_path.empty() && passed->address == listener.address &&
         passed->port == std::to_string(listener.port);
}

Result<http::Bound> bind_patiently(const http::ListenerSettings& listener, std::size_t loops) {
  const auto until = std::chrono::steady_clock::now() + limits::owner_wait_max;
  while (true) {
    auto bound = http::bind_listener(listener, loops);
    if (bound.ok() || bound.error().code != Errc::exists ||
        std::chrono::steady_clock::now() >= until)
      return bound;
    std::this_thread::sleep_for(10ms);
  }
}

}  // namespace

Result<Sockets> Sockets::open(const std::vector<http::ListenerSettings>& listeners,
                              std::size_t loops, std::vector<HeldSockets> held) {
  Sockets all;
  const auto take = [&held](auto is_it) -> std::optional<HeldSockets> {
    const auto found = std::find_if(held.begin(), held.end(), is_it);
    if (found == held.end() || found->descriptors.empty()) return std::nullopt;
    HeldSockets taken = std::move(*found);
    held.erase(found);
    return taken;
  };
  for (const http::ListenerSettings& listener : listeners) {
    Row row;
    row.key = key_of(listener, all.rows_);
    auto known = take([&](const HeldSockets& one) { return one.key == row.key; });
    if (!known) known = take([&](const HeldSockets& one) { return fits(listener, one.key); });
    if (known) {
      row.sockets = std::move(*known);
    } else {
      http::Bound bound = TRY(bind_patiently(listener, loops));
      row.is_new = true;
      row.sockets.descriptors = std::move(bound.descriptors);
    }
    row.sockets.key = row.key;
    all.rows_.push_back(std::move(row));
  }
  for (const HeldSockets& one : held) {
    if (passed_of(one.key)) all.unused_.push_back(one.key.substr(one.key.find(' ') + 1));
  }
  return all;
}

std::vector<int> Sockets::numbers(std::size_t row) const {
  std::vector<int> numbers;
  for (const Descriptor& one : rows_.at(row).sockets.descriptors) numbers.push_back(one.number());
  return numbers;
}

Status Sockets::keep_with(const Channel& launcher) const {
  for (std::size_t at = 0; at < rows_.size(); ++at) {
    if (rows_[at].is_new) TRY(launcher.say("keep " + rows_[at].key, numbers(at)));
  }
  return done;
}

void Sockets::remove_names() const {
  for (const Row& row : rows_) {
    if (row.key.rfind("unix ", 0) == 0) ::unlink(row.key.c_str() + 5);
  }
}

std::vector<edge::ListenSettings> listeners_of_passed(const std::vector<HeldSockets>& held) {
  std::vector<edge::ListenSettings> listeners;
  for (const HeldSockets& one : held) {
    const auto passed = passed_of(one.key);
    if (!passed) continue;
    edge::ListenSettings listen;
    listen.endpoint.host = std::string(passed->address);
    listen.endpoint.port = static_cast<std::uint16_t>(parse_u64(passed->port).value_or(0));
    listen.is_admin = passed->name == "admin" && edge::is_loopback(listen.endpoint.host);
    listeners.push_back(std::move(listen));
  }
  return listeners;
}

}  // namespace weir::cli
