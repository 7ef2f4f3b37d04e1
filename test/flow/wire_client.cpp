#include "wire_client.h"

#include "base/bytes.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace weir::flow {
namespace {

std::string field_of(const std::string& lower_head, std::string_view lower_name) {
  const std::size_t at = lower_head.find("\r\n" + std::string(lower_name) + ":");
  if (at == std::string::npos) return {};
  const std::size_t begin = at + 3 + lower_name.size();
  return std::string(trim(lower_head.substr(begin, lower_head.find("\r\n", begin) - begin)));
}

// The body that stands in front of `bytes`, removed from them. Answers to HEAD tell a length and
// have no body: then the next answer, or nothing, stands there.
std::string take_body(const std::string& lower_head, std::string_view& bytes) {
  if (bytes.starts_with("HTTP/1.")) return {};
  std::string body;
  if (field_of(lower_head, "transfer-encoding") == "chunked") {
    while (true) {
      const std::size_t line = bytes.find("\r\n");
      if (line == std::string_view::npos) return body;
      const std::size_t count =
          std::strtoul(std::string(bytes.substr(0, line)).c_str(), nullptr, 16);
      bytes.remove_prefix(line + 2);
      if (bytes.size() < count + 2) {
        bytes = {};
        return body;
      }
      body += bytes.substr(0, count);
      bytes.remove_prefix(count + 2);
      if (count == 0) return body;
    }
  }
  const std::string length = field_of(lower_head, "content-length");
  const std::size_t count =
      length.empty() ? 0 : std::min(bytes.size(), std::strtoul(length.c_str(), nullptr, 10));
  body = bytes.substr(0, count);
  bytes.remove_prefix(count);
  return body;
}

}  // namespace

Heard understand_answers(std::string_view bytes, bool ended) {
  Heard heard;
  heard.ended = ended;
  while (bytes.starts_with("HTTP/1.")) {
    const std::size_t end = bytes.find("\r\n\r\n");
    if (end == std::string_view::npos) break;
    const std::string head = lower_of(bytes.substr(0, end + 4));
    const int status = std::atoi(head.c_str() + 9);
    bytes.remove_prefix(end + 4);
    if (status < 200) continue;
    heard.statuses.push_back(status);
    heard.bodies.push_back(take_body(head, bytes));
  }
  heard.rest = std::string(bytes);
  return heard;
}

WireClient::WireClient(const sockaddr* address, unsigned bytes) { connect(address, bytes); }

WireClient::WireClient(unsigned short port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  connect(reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

void WireClient::connect(const sockaddr* address, unsigned bytes) {
  socket_ = ::socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(socket_, address, bytes) == 0) return;
  ::close(socket_);
  socket_ = -1;
}

WireClient::~WireClient() {
  if (socket_ >= 0) ::close(socket_);
}

bool WireClient::hear(int wait_ms) {
  pollfd ready{socket_, POLLIN, 0};
  if (ended_ || ::poll(&ready, 1, wait_ms) <= 0) return false;
  char buffer[16 * 1024];
  const ssize_t count = ::recv(socket_, buffer, sizeof buffer, 0);
  if (count <= 0) ended_ = true;
  else got_.append(buffer, static_cast<std::size_t>(count));
  return !ended_;
}

Heard WireClient::converse(std::string_view bytes, Patience patience) {
  while (!bytes.empty() && !ended_) {
    const ssize_t sent =
        ::send(socket_, bytes.data(), std::min(patience.step, bytes.size()), MSG_NOSIGNAL);
    if (sent <= 0) break;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
    hear(0);
  }
  while (patience.answers == 0 ||
         understand_answers(got_, ended_).statuses.size() < patience.answers) {
    if (!hear(patience.silence_ms)) break;
  }
  return understand_answers(got_, ended_);
}

}  // namespace weir::flow
