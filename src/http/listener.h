#pragma once
// Listening sockets: bound before anything else starts, one per loop where the kernel can share a
// port.

#include "base/file.h"
#include "base/result.h"
#include "http/server.h"

#include <cstdint>
#include <vector>

namespace weir::http {

struct Bound {
  std::vector<Descriptor> descriptors;  // one per loop; a Unix socket has one. The i-th is for loop
                                        // i modulo their number
  std::uint16_t port = 0;
};

// A port that another socket listens on is Errc::exists, although ours share theirs (SO_REUSEPORT).
// A Unix socket that nobody listens on any more is replaced; one that is alive is Errc::exists.
Result<Bound> bind_listener(const ListenerSettings& settings, std::size_t loops);

// Copies of settings.sockets, at least one per loop: each socket has its own queue and must be
// accepted from, and each loop must have its share, so they may be more than the loops.
Result<Bound> copy_listener(const ListenerSettings& settings, std::size_t loops);

}  // namespace weir::http
