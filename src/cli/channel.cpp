#include "cli/channel.h"

#include "base/must.h"
#include "base/process_limits.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace weir::cli {
namespace {

constexpr std::size_t control_bytes = CMSG_SPACE(sizeof(int) * limits::channel_sockets_max);

}  // namespace

std::string_view Channel::Message::word() const {
  return std::string_view(text).substr(0, text.find(' '));
}

std::string_view Channel::Message::rest() const {
  const std::size_t space = text.find(' ');
  return space == std::string::npos ? std::string_view() : std::string_view(text).substr(space + 1);
}

Result<std::pair<Channel, Channel>> Channel::make_pair() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return Error{errc_of(errno), "socketpair: " + reason_of(errno)};
  return std::pair(Channel(Descriptor(ends[0])), Channel(Descriptor(ends[1])));
}

Status Channel::say(std::string_view text, std::span<const int> descriptors) const {
  MUST(text.size() <= limits::channel_message_bytes_max &&
       descriptors.size() <= limits::channel_sockets_max);
  iovec bytes{const_cast<char*>(text.data()), text.size()};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, control_bytes> control{};
  if (!descriptors.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    cmsghdr* const head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(head), descriptors.data(), descriptors.size_bytes());
  }
  ssize_t sent = 0;
  do sent = ::sendmsg(number(), &message, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  if (sent < 0) return Error{errc_of(errno), "the other process has gone: " + reason_of(errno)};
  return done;
}

std::optional<Channel::Message> Channel::hear() const {
  std::array<char, limits::channel_message_bytes_max> text;
  alignas(cmsghdr) std::array<char, control_bytes> control;
  iovec bytes{text.data(), text.size()};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t count = 0;
  do count = ::recvmsg(number(), &message, MSG_CMSG_CLOEXEC);
  while (count < 0 && errno == EINTR);
  if (count <= 0) return std::nullopt;
  Message heard;
  heard.text.assign(text.data(), static_cast<std::size_t>(count));
  for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr;
       head = CMSG_NXTHDR(&message, head)) {
    if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t all = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t at = 0; at < all; ++at) {
      int number = -1;
      std::memcpy(&number, CMSG_DATA(head) + at * sizeof(int), sizeof(int));
      heard.descriptors.emplace_back(number);
    }
  }
  return heard;
}

}  // namespace weir::cli
