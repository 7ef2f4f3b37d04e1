#pragma once
// Signals as messages (experience E-6): one thread waits for them, so that nothing runs inside a
// handler.
//
//   TERM INT QUIT   the first: `on_stop` with its number; the second of the same sender: the
//                   process ends at once with 128 + its number
//   HUP             `on_reload`
//   USR1            `on_reopen`
//
// Construct it before any other thread: the signals are blocked in the constructing thread and in
// all made after it.

#include <atomic>
#include <functional>
#include <thread>

namespace weir::cli {

struct SignalCalls {
  std::function<void(int number)> on_stop;
  std::function<void()> on_reload;
  std::function<void()> on_reopen;
};

class Signals {
 public:
  Signals();
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  void listen(SignalCalls calls);  // once
  void end();                      // no call is under way when this returns, and none comes

 private:
  void wait(const SignalCalls& calls);
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

}  // namespace weir::cli
