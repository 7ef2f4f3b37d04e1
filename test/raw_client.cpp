#include "raw_client.h"

#include "base/bytes.h"

#include <catch2/catch.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <utility>

namespace weir::test {

std::string Answer::field(std::string_view name) const {
  std::size_t at = head.find("\r\n");
  while (at != std::string::npos && at + 2 < head.size()) {
    const std::size_t end = head.find("\r\n", at + 2);
    const std::string_view line = std::string_view(head).substr(at + 2, end - at - 2);
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos && equals_ignoring_case(line.substr(0, colon), name))
      return std::string(trim(line.substr(colon + 1)));
    at = end;
  }
  return "";
}

bool Answer::has(std::string_view name) const {
  return lower_of(head).find("\r\n" + lower_of(name) + ':') != std::string::npos;
}

RawClient::RawClient(std::uint16_t port, int receive_buffer_bytes) {
  descriptor_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (receive_buffer_bytes > 0)
    ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes,
                 sizeof receive_buffer_bytes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) close();
}

RawClient::RawClient(const std::string& unix_path) {
  descriptor_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  unix_path.copy(address.sun_path, sizeof address.sun_path - 1);
  if (::connect(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) close();
}

RawClient::~RawClient() { close(); }

void RawClient::close() {
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
}

void RawClient::say(std::string_view bytes) {
  while (!bytes.empty()) {
    const long sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;  // the server has closed; the test looks at what it said
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void RawClient::shut() { ::shutdown(descriptor_, SHUT_WR); }

bool RawClient::fill() {
  pollfd waiting{descriptor_, POLLIN, 0};
  if (::poll(&waiting, 1, patience_ms) != 1) {
    FAIL_CHECK("the server said nothing for " << patience_ms << " ms");
    return false;
  }
  char bytes[16 * KiB];
  const long count = ::recv(descriptor_, bytes, sizeof bytes, 0);
  if (count <= 0) return false;
  buffer_.append(bytes, static_cast<std::size_t>(count));
  return true;
}

Answer RawClient::hear(Expecting expecting) {
  Answer answer;
  std::size_t end = std::string::npos;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos)
    if (!fill()) {
      answer.closed = true;
      return answer;
    }
  answer.head = buffer_.substr(0, end + 4);
  buffer_.erase(0, end + 4);
  answer.status = std::stoi(answer.head.substr(9, 3));
  const bool bodiless = expecting == Expecting::head_only || answer.status < 200 ||
                        answer.status == 204 || answer.status == 304;
  if (bodiless) return answer;
  if (answer.field("Transfer-Encoding") == "chunked") {
    while (true) {
      std::size_t line = 0;
      while ((line = buffer_.find("\r\n")) == std::string::npos)
        if (!fill()) {
          answer.closed = true;
          return answer;
        }
      const std::size_t size = std::stoul(buffer_.substr(0, line), nullptr, 16);
      while (buffer_.size() < line + 2 + size + 2)
        if (!fill()) {
          answer.closed = true;
          return answer;
        }
      answer.body += buffer_.substr(line + 2, size);
      buffer_.erase(0, line + 2 + size + 2);
      if (size == 0) return answer;
    }
  }
  if (!answer.has("Content-Length")) {
    answer.body = hear_all();
    return answer;
  }
  const std::size_t wanted = std::stoul(answer.field("Content-Length"));
  while (buffer_.size() < wanted)
    if (!fill()) {
      answer.closed = true;
      break;
    }
  answer.body = buffer_.substr(0, wanted);
  buffer_.erase(0, wanted);
  return answer;
}

std::string RawClient::hear_some() {
  if (buffer_.empty() && !fill()) return "";
  return std::exchange(buffer_, "");
}

std::string RawClient::hear_all() {
  while (fill()) {
  }
  return std::exchange(buffer_, "");
}

bool RawClient::is_silent(int millis) {
  pollfd waiting{descriptor_, POLLIN, 0};
  return buffer_.empty() && ::poll(&waiting, 1, millis) == 0;
}

bool RawClient::ends() { return buffer_.empty() && !fill() && buffer_.empty(); }

}  // namespace weir::test
