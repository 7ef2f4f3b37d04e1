#include "cli/signals.h"

#include <pthread.h>
#include <unistd.h>
#include <csignal>

namespace weir::cli {
namespace {

// USR2 belongs to binary upgrades, which come later; until then it must not end the process.
sigset_t watched() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2})
    ::sigaddset(&set, number);
  return set;
}

}  // namespace

Signals::Signals() {
  const sigset_t set = watched();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

Signals::~Signals() { end(); }

void Signals::end() {
  if (!thread_.joinable()) return;
  ended_.store(true);
  ::pthread_kill(thread_.native_handle(), SIGUSR2);  // wakes sigwait
  thread_.join();
}

void Signals::listen(SignalCalls calls) {
  thread_ = std::thread([this, calls = std::move(calls)] { wait(calls); });
}

void Signals::wait(const SignalCalls& calls) {
  const sigset_t set = watched();
  bool stopping = false;
  while (!ended_.load()) {
    int number = 0;
    if (::sigwait(&set, &number) != 0 || ended_.load()) continue;
    if (number == SIGHUP) {
      calls.on_reload();
    } else if (number == SIGUSR1) {
      calls.on_reopen();
    } else if (number != SIGUSR2) {
      if (stopping) ::_exit(128 + number);
      stopping = true;
      calls.on_stop(number);
    }
  }
}

}  // namespace weir::cli
