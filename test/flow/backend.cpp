#include "backend.h"

#include "base/bytes.h"
#include "base/must.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace weir::flow {

bool Talk::fill(int millis) {
  pollfd ready{descriptor_, POLLIN, 0};
  if (::poll(&ready, 1, millis) <= 0) return false;
  char bytes[64 * 1024];
  const ssize_t count = ::recv(descriptor_, bytes, sizeof bytes, 0);
  if (count <= 0) return false;
  buffer_.append(bytes, static_cast<std::size_t>(count));
  return true;
}

std::string Talk::hear_until(std::string_view text) {
  std::size_t at;
  while ((at = buffer_.find(text)) == std::string::npos)
    if (!fill()) return std::exchange(buffer_, {});
  std::string heard = buffer_.substr(0, at + text.size());
  buffer_.erase(0, heard.size());
  return heard;
}

std::string Talk::hear_head() {
  std::string head = hear_until("\r\n\r\n");
  return head.ends_with("\r\n\r\n") ? head : std::string();
}

std::string Talk::hear(std::size_t bytes) {
  while (buffer_.size() < bytes && fill()) {
  }
  std::string heard = buffer_.substr(0, bytes);
  buffer_.erase(0, heard.size());
  return heard;
}

std::string Talk::hear_body(const std::string& head) {
  const Answer fields{0, head, {}};
  if (fields.has("content-length"))
    return hear(std::strtoul(fields.field("content-length").c_str(), nullptr, 10));
  if (fields.field("transfer-encoding") != "chunked") return {};
  std::string body;
  while (true) {
    const std::string line = hear_until("\r\n");
    const std::size_t count = std::strtoul(line.c_str(), nullptr, 16);
    if (count == 0) {
      while (hear_until("\r\n").size() > 2) {
      }
      return body;
    }
    body += hear(count);
    hear(2);
  }
}

bool Talk::say(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

void Talk::shut() { ::shutdown(descriptor_, SHUT_WR); }

void Talk::reset() {
  const linger now{1, 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

bool Talk::is_left(int millis) {
  pollfd ready{descriptor_, POLLIN, 0};
  if (::poll(&ready, 1, millis) <= 0) return false;
  char byte;
  return ::recv(descriptor_, &byte, 1, MSG_PEEK) <= 0;
}

Backend::Backend(Play play, const std::string& unix_path) : play_(std::move(play)) {
  listener_ = ::socket(unix_path.empty() ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  MUST(listener_ >= 0);
  if (unix_path.empty()) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t bytes = sizeof address;
    MUST(::bind(listener_, reinterpret_cast<const sockaddr*>(&address), bytes) == 0);
    MUST(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &bytes) == 0);
    port_ = ntohs(address.sin_port);
  } else {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    MUST(unix_path.size() < sizeof address.sun_path);
    std::memcpy(address.sun_path, unix_path.c_str(), unix_path.size());
    MUST(::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  MUST(::listen(listener_, 1'024) == 0);
  thread_ = std::thread([this] { accept_all(); });
}

Backend::~Backend() {
  ended_ = true;
  ::shutdown(listener_, SHUT_RDWR);
  thread_.join();
  ::close(listener_);
  {
    const std::lock_guard lock(mutex_);
    for (const int descriptor : open_) ::shutdown(descriptor, SHUT_RDWR);
  }
  for (std::thread& talk : talks_) talk.join();
}

void Backend::accept_all() {
  while (!ended_) {
    const int descriptor = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (descriptor < 0) {
      if (ended_) return;
      continue;
    }
    ++accepted_;
    const std::lock_guard lock(mutex_);
    open_.push_back(descriptor);
    talks_.emplace_back([this, descriptor] {
      Talk talk(descriptor);
      play_(talk);
      const std::lock_guard inner(mutex_);
      std::erase(open_, descriptor);
      ::close(descriptor);
    });
  }
}

Backend::Play saying(std::string answer) {
  return [answer = std::move(answer)](Talk& talk) {
    for (std::string head = talk.hear_head(); !head.empty(); head = talk.hear_head()) {
      talk.hear_body(head);
      if (!talk.say(answer)) return;
    }
  };
}

Backend::Play echo() {
  return [](Talk& talk) {
    for (std::string head = talk.hear_head(); !head.empty(); head = talk.hear_head()) {
      const std::string heard = head + talk.hear_body(head);
      const std::string body = head.starts_with("HEAD ") ? std::string() : heard;
      if (!talk.say("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: " +
                    std::to_string(heard.size()) + "\r\n\r\n" + body))
        return;
    }
  };
}

std::string proxy_route(std::string_view path, std::string_view url, std::string_view more,
                        std::string_view stages) {
  std::string route = "\n[[route]]\nmatch = { path = \"";
  route.append(path).append("\" }\nto = { proxy = \"").append(url).append("\"");
  if (!more.empty()) route.append(", ").append(more);
  return route.append(" }\n").append(stages).append("\n");
}

}  // namespace weir::flow
