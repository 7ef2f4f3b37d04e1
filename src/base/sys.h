#pragma once
// The calls to the kernel that the world can make fail, on the paths of the wire, the store, the
// log and the data: thin names for them, so that tests can make each fail (base/faults.h). In a
// release build each is the call itself.

#include "base/faults.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstdio>

namespace weir::sys {

using faults::Call;

// True: the call fails with errno. False: it goes on, with at most `bytes`.
#ifdef WEIR_FAULTS
inline bool is_struck(Call call, std::size_t* bytes = nullptr) {
  const int error = faults::strike(call);
  if (error == faults::none) return false;
  if (error == 0) {
    if (bytes != nullptr && *bytes > 1) *bytes /= 2;
    return false;
  }
  errno = error;
  return true;
}
#else
constexpr bool is_struck(Call, std::size_t* = nullptr) { return false; }
#endif

inline int open(const char* path, int flags, mode_t mode = 0) {
  return is_struck(Call::open) ? -1 : ::open(path, flags, mode);
}
inline ssize_t read(int descriptor, void* into, std::size_t bytes) {
  return is_struck(Call::read, &bytes) ? -1 : ::read(descriptor, into, bytes);
}
inline ssize_t pread(int descriptor, void* into, std::size_t bytes, off_t at) {
  return is_struck(Call::read, &bytes) ? -1 : ::pread(descriptor, into, bytes, at);
}
inline ssize_t write(int descriptor, const void* from, std::size_t bytes) {
  return is_struck(Call::write, &bytes) ? -1 : ::write(descriptor, from, bytes);
}
inline ssize_t pwrite(int descriptor, const void* from, std::size_t bytes, off_t at) {
  return is_struck(Call::write, &bytes) ? -1 : ::pwrite(descriptor, from, bytes, at);
}
inline int fsync(int descriptor) { return is_struck(Call::sync) ? -1 : ::fsync(descriptor); }
inline int fdatasync(int descriptor) {
  return is_struck(Call::sync) ? -1 : ::fdatasync(descriptor);
}
inline int ftruncate(int descriptor, off_t bytes) {
  return is_struck(Call::truncate) ? -1 : ::ftruncate(descriptor, bytes);
}
inline int rename(const char* from, const char* to) {
  return is_struck(Call::rename) ? -1 : ::rename(from, to);
}
inline int link(const char* from, const char* to) {
  return is_struck(Call::link) ? -1 : ::link(from, to);
}
inline int unlink(const char* path) { return is_struck(Call::unlink) ? -1 : ::unlink(path); }
inline void* map(std::size_t bytes, int descriptor) {  // private, to read
  return is_struck(Call::map) ? MAP_FAILED
                              : ::mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, descriptor, 0);
}
inline int accept4(int descriptor, sockaddr* from, socklen_t* from_bytes, int flags) {
  return is_struck(Call::accept) ? -1 : ::accept4(descriptor, from, from_bytes, flags);
}
inline ssize_t recv(int descriptor, void* into, std::size_t bytes, int flags) {
  return is_struck(Call::receive) ? -1 : ::recv(descriptor, into, bytes, flags);
}
inline ssize_t send(int descriptor, const void* from, std::size_t bytes, int flags) {
  return is_struck(Call::send) ? -1 : ::send(descriptor, from, bytes, flags);
}
inline ssize_t sendmsg(int descriptor, const msghdr* message, int flags) {
  return is_struck(Call::send) ? -1 : ::sendmsg(descriptor, message, flags);
}
inline int epoll_ctl(int epoll, int operation, int descriptor, epoll_event* event) {
  return is_struck(Call::watch) ? -1 : ::epoll_ctl(epoll, operation, descriptor, event);
}
inline int socket(int family, int type, int protocol) {
  return is_struck(Call::socket) ? -1 : ::socket(family, type, protocol);
}

}  // namespace weir::sys
