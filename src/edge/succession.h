#pragma once
// What becomes of requests that write, while another process takes over (a binary upgrade).
//
//   none         this process owns store and data: requests are answered here
//   letting_go   it is just giving them up: such requests wait, bounded in number
//   succeeded    the successor has them: such requests are handed to it over its Unix sockets, and
//                its answer is passed on
//
// Pages are answered here to the end: they need memory and files that stay readable. What would
// wait long by nature (an event stream, a long poll) is asked to come again at once. One per loop,
// on its thread; `phase` is set by any.

#include "edge/control.h"
#include "edge/visit.h"

#include "base/worker_pool.h"

#include <atomic>
#include <functional>
#include <string>
#include <vector>

namespace weir::edge {

struct SuccessionParts {
  enum class Phase : std::uint8_t { none, letting_go, succeeded };
  std::atomic<Phase> phase{Phase::none};
  std::string hand_over_socket;  // where the successor takes what came to an open listener
  std::string admin_socket;      // and what came to an admin one
  WorkerPool* workers = nullptr;
};

class Succession {
 public:
  explicit Succession(const SuccessionParts& parts) : parts_(parts) {}

  // True when the request is not for this process any more; then it is held, handed on or refused.
  bool takes(Visit& visit, ListenerKind kind);
  // After a change of phase: held requests are judged anew by `answer`.
  void resume(const std::function<void(Visit&)>& answer);

 private:
  void hand_on(Visit& visit, ListenerKind kind);
  void send(Visit& visit, ListenerKind kind);
  const SuccessionParts& parts_;
  std::vector<http::ExchangeId> held_;
  http::Loop* loop_ = nullptr;  // of what is held
};

}  // namespace weir::edge
