#include "cli/signals.h"

#include <pthread.h>
#include <unistd.h>
#include <csignal>
#include <set>

namespace weir::cli {
namespace {

// USR2 is for the launcher (upgrade); to a server it means nothing.
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
  std::set<pid_t> asked;  // who has asked us to stop
  while (!ended_.load()) {
    siginfo_t signal{};
    const int number = ::sigwaitinfo(&set, &signal);
    if (number < 0 || ended_.load()) continue;
    if (number == SIGHUP) {
      calls.on_reload();
    } else if (number == SIGUSR1) {
      calls.on_reopen();
    } else if (number != SIGUSR2) {
      // A service manager may tell every process of ours, and the launcher tells us too: that is
      // one wish.
      if (!asked.insert(signal.si_pid).second) ::_exit(128 + number);
      if (asked.size() == 1) calls.on_stop(number);
    }
  }
}

}  // namespace weir::cli
