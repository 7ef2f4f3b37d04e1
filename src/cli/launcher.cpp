#include "cli/launcher.h"

#include "cli/channel.h"
#include "cli/service_manager.h"

#include "base/bytes.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/process_limits.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <memory>

namespace weir::cli {
namespace {

using namespace std::chrono_literals;

// The words that this process was started with; empty when /proc is not there.
std::vector<std::string> own_words() {
  std::vector<std::string> words;
  const Descriptor file(::open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC));
  std::string all;
  char bytes[4096];
  for (ssize_t count; (count = ::read(file.number(), bytes, sizeof bytes)) > 0;)
    all.append(bytes, static_cast<std::size_t>(count));
  while (!all.empty()) {
    const std::size_t end = all.find('\0');
    words.push_back(all.substr(0, end));
    all.erase(0, end == std::string::npos ? end : end + 1);
  }
  return words;
}

bool is_same_file(const std::string& path, int descriptor) {
  struct stat named {
  }, open{};
  return ::stat(path.c_str(), &named) == 0 && ::fstat(descriptor, &open) == 0 &&
         named.st_dev == open.st_dev && named.st_ino == open.st_ino;
}

// Where a new binary will be found: the name we were started by, through links and PATH as they
// will be then. When that name leads elsewhere already (a changed working directory, an invented
// argv[0]), the path of the file that runs.
class Program {
 public:
  explicit Program(const edge::Environment& environment) : words_(own_words()) {
    running_ = Descriptor(::open("/proc/self/exe", O_PATH | O_CLOEXEC));
    std::string path(4096, '\0');
    const ssize_t count = ::readlink("/proc/self/exe", path.data(), path.size());
    path.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
    const std::string name = words_.empty() ? std::string() : words_.front();
    if (name.find('/') != std::string::npos) {
      candidates_.push_back(absolute(name));
    } else if (const auto found = environment.find("PATH"); found != environment.end()) {
      std::string_view rest = found->second;
      while (!rest.empty() && !name.empty()) {
        const std::size_t colon = rest.find(':');
        candidates_.push_back(absolute(std::string(rest.substr(0, colon)) + '/' + name));
        rest = colon == std::string_view::npos ? std::string_view() : rest.substr(colon + 1);
      }
    }
    std::erase_if(candidates_,
                  [this](const std::string& one) { return !is_same_file(one, running_.number()); });
    if (candidates_.empty()) candidates_.push_back(path);
  }

  bool is_known() const { return running_.is_open() && !words_.empty(); }
  const std::vector<std::string>& words() const { return words_; }
  const std::string& path() const { return candidates_.front(); }
  Descriptor running() { return std::move(running_); }
  Result<Descriptor> newest() const {
    Descriptor file(::open(path().c_str(), O_PATH | O_CLOEXEC));
    if (!file.is_open()) return Error{errc_of(errno), path() + ": " + reason_of(errno)};
    return file;
  }

 private:
  static std::string absolute(std::string path) {
    if (!path.empty() && path.front() == '/') return path;
    std::string here(4096, '\0');
    if (::getcwd(here.data(), here.size()) == nullptr) return path;
    here.resize(here.find('\0'));
    return here + '/' + path;
  }
  std::vector<std::string> words_;
  Descriptor running_;
  std::vector<std::string> candidates_;
};

struct Child {
  enum class Phase : std::uint8_t { starting, prepared, opening, serving, letting_go, retiring };
  pid_t pid = -1;
  Channel channel;
  Phase phase = Phase::starting;
  Mono since;  // of the phase
  std::shared_ptr<const Descriptor> binary;
  std::vector<HeldSockets> kept;  // what it has bound: ours to hold when it serves
};

class Launcher {
 public:
  explicit Launcher(const Session& session)
      : session_(session),
        manager_(session.environment()),
        program_(session.environment()),
        lines_(2, limits::log_queue_lines_max),
        log_(clock_, lines_, session.is_verbose() ? LogLevel::debug : LogLevel::info,
             session.log_form()) {}

  int run();

 private:
  Status open();
  Result<std::unique_ptr<Child>> start(std::shared_ptr<const Descriptor> binary,
                                       std::string_view order);
  void turn();
  int timeout_ms() const;
  void take_signals();
  void reap();
  void ended(pid_t pid, int code);
  void heard(Child& child, const Channel::Message& message);
  void is_ready(Child& child);
  void keep(Child& child);
  void upgrade();
  void give_up_upgrade(std::string_view reason);
  void restart_later(int code);
  void restart();
  void look_at_deadlines();
  void stop(int number);
  void enter(Child& child, Child::Phase phase) {
    child.phase = phase;
    child.since = clock_.mono();
  }
  std::vector<Child*> children();

  const Session& session_;
  const SystemClock clock_;
  ServiceManager manager_;
  Program program_;
  Descriptor signals_;
  LineWriter lines_;
  Log log_;

  std::vector<HeldSockets> held_;
  std::shared_ptr<const Descriptor> binary_;  // of the server that serves
  std::unique_ptr<Child> current_;
  std::unique_ptr<Child> next_;  // an upgrade that is under way
  std::vector<std::unique_ptr<Child>> retiring_;
  bool was_ready_ = false;
  bool stopping_ = false;
  std::size_t failures_ = 0;  // starts in a row that did not last
  std::optional<Mono> restart_at_;
  std::optional<int> code_;  // ours, once it is known
};

sigset_t watched() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD})
    ::sigaddset(&set, number);
  return set;
}

Status Launcher::open() {
  const sigset_t set = watched();
  signals_ = Descriptor(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_.is_open()) return Error{errc_of(errno), "signalfd: " + reason_of(errno)};
  if (!program_.is_known())
    return Error{Errc::missing, "/proc is not there, so the server cannot be started from here"}
        .with_help("mount /proc, or say --no-launcher");
  held_ = TRY(take_passed_sockets(session_.environment()));
  binary_ = std::make_shared<const Descriptor>(program_.running());
  return done;
}

int Launcher::run() {
  if (const Status opened = open(); !opened.ok())
    return session_.fail(exit_code::unavailable, opened.error());
  auto first = start(binary_, "begin");
  if (!first.ok()) return session_.fail(exit_code::unavailable, first.error());
  current_ = std::move(first).value();
  while (!code_) turn();
  for (const HeldSockets& held : held_) {
    if (held.key.rfind("unix ", 0) == 0) ::unlink(held.key.c_str() + 5);
  }
  return *code_;
}

// --- starting ------------------------------------------------------------------------------------

// What a server must not see: sockets and reports are the launcher's.
bool is_private(std::string_view variable) {
  for (const std::string_view name : {"LISTEN_PID=", "LISTEN_FDS=", "LISTEN_FDNAMES=",
                                      "NOTIFY_SOCKET=", "WATCHDOG_PID=", "WATCHDOG_USEC="}) {
    if (variable.substr(0, name.size()) == name) return true;
  }
  return variable.substr(0, channel_variable.size()) == channel_variable;
}

Result<std::unique_ptr<Child>> Launcher::start(std::shared_ptr<const Descriptor> binary,
                                               std::string_view order) {
  auto [ours, theirs] = TRY(Channel::make_pair());
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (!is_private(*variable)) variables.emplace_back(*variable);
  }
  variables.push_back(std::string(channel_variable) + '=' + std::to_string(theirs.number()));
  std::vector<char*> words, environment;
  for (const std::string& word : program_.words()) words.push_back(const_cast<char*>(word.c_str()));
  for (const std::string& one : variables) environment.push_back(const_cast<char*>(one.c_str()));
  words.push_back(nullptr);
  environment.push_back(nullptr);

  const pid_t launcher = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return Error{errc_of(errno), "cannot start the server: " + reason_of(errno)};
  if (pid == 0) {
    // Whoever kills the launcher has killed the server (a kill must not leave half of us behind).
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != launcher) ::_exit(0);
    ::setpgid(0, 0);  // ^C reaches the launcher, which passes it on once
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::fcntl(theirs.number(), F_SETFD, 0);
    ::syscall(SYS_execveat, binary->number(), "", words.data(), environment.data(), AT_EMPTY_PATH);
    ::_exit(126);
  }
  auto child = std::make_unique<Child>();
  child->pid = pid;
  child->channel = std::move(ours);
  child->binary = std::move(binary);
  enter(*child, Child::Phase::starting);
  for (const HeldSockets& held : held_) {
    std::vector<int> numbers;
    for (const Descriptor& one : held.descriptors) numbers.push_back(one.number());
    // A server that is gone already is noticed when it is reaped.
    if (!child->channel.say("held " + held.key, numbers).ok()) break;
  }
  [[maybe_unused]] const Status told = child->channel.say(order);
  return child;
}

// --- turning -------------------------------------------------------------------------------------

std::vector<Child*> Launcher::children() {
  std::vector<Child*> all;
  for (auto* one : {current_.get(), next_.get()}) {
    if (one != nullptr) all.push_back(one);
  }
  for (const auto& one : retiring_) all.push_back(one.get());
  return all;
}

int Launcher::timeout_ms() const {
  if (restart_at_) {
    const std::int64_t left = (restart_at_->ns - clock_.mono().ns) / 1'000'000 + 1;
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
  }
  return next_ != nullptr ? 100 : -1;
}

void Launcher::turn() {
  std::vector<pollfd> waits{{signals_.number(), POLLIN, 0}};
  std::vector<Child*> asked;
  for (Child* child : children()) {
    if (!child->channel.is_open()) continue;
    waits.push_back({child->channel.number(), POLLIN, 0});
    asked.push_back(child);
  }
  if (::poll(waits.data(), waits.size(), timeout_ms()) < 0 && errno != EINTR) return;
  for (std::size_t at = 0; at < asked.size(); ++at) {
    if (waits[at + 1].revents == 0) continue;
    if (const auto message = asked[at]->channel.hear()) {
      heard(*asked[at], *message);
      return;  // whom it has moved is looked at in the next turn
    }
    asked[at]->channel = Channel();  // it has ended, or soon will
  }
  if (waits[0].revents != 0) take_signals();
  look_at_deadlines();
}

void Launcher::take_signals() {
  signalfd_siginfo signal{};
  bool reaps = false;
  while (::read(signals_.number(), &signal, sizeof signal) == sizeof signal) {
    switch (static_cast<int>(signal.ssi_signo)) {
      case SIGCHLD: reaps = true; break;
      case SIGHUP:
      case SIGUSR1:
        if (current_ != nullptr && current_->phase == Child::Phase::serving)
          ::kill(current_->pid, static_cast<int>(signal.ssi_signo));
        break;
      case SIGUSR2: upgrade(); break;
      default: stop(static_cast<int>(signal.ssi_signo)); break;
    }
  }
  if (reaps) reap();
}

void Launcher::stop(int number) {
  if (!stopping_) manager_.stopping();
  stopping_ = true;
  restart_at_.reset();
  if (next_ != nullptr) ::kill(next_->pid, SIGKILL);  // it serves nobody yet
  for (const Child* child : children()) {
    if (child != next_.get()) ::kill(child->pid, number);
  }
  if (current_ == nullptr && next_ == nullptr && retiring_.empty()) code_ = exit_code::done;
}

void Launcher::reap() {
  int status = 0;
  for (pid_t pid; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;)
    ended(pid, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

void Launcher::ended(pid_t pid, int code) {
  for (Child* child : children()) {
    if (child->pid != pid) continue;
    // What it said last, before it is forgotten.
    pollfd wait{child->channel.number(), POLLIN, 0};
    while (child->channel.is_open() && ::poll(&wait, 1, 0) == 1 && (wait.revents & POLLIN) != 0) {
      const auto message = child->channel.hear();
      if (!message) break;
      heard(*child, *message);
    }
  }
  std::erase_if(retiring_, [&](const auto& one) {
    if (one->pid != pid) return false;
    if (code != 0) log_.warning("retired-server-failed", {{"pid", pid}, {"code", code}});
    return true;
  });
  if (next_ != nullptr && next_->pid == pid) {
    next_.reset();
    if (!stopping_) give_up_upgrade("the new server ended with code " + std::to_string(code));
  }
  if (current_ != nullptr && current_->pid == pid) {
    const bool served = current_->phase != Child::Phase::starting;
    const bool lasted = clock_.mono() - current_->since >= limits::server_lasts_time;
    current_.reset();
    if (served && lasted) failures_ = 0;
    if (stopping_ || !was_ready_ || (served && code == 0)) {
      code_ = code;
    } else if (next_ != nullptr) {
      // The successor need not wait for what has gone.
      log_.error("server-crashed", {{"pid", pid}, {"code", code}, {"successor", next_->pid}});
      if (next_->phase == Child::Phase::prepared && next_->channel.say("take").ok())
        enter(*next_, Child::Phase::opening);
    } else {
      log_.error("server-crashed", {{"pid", pid}, {"code", code}});
      restart_later(code);
    }
  }
  if (stopping_ && current_ == nullptr && next_ == nullptr && retiring_.empty() && !code_)
    code_ = code;
  if (code_ && !retiring_.empty()) {
    // The last requests of a server that was replaced a moment ago end in their own time.
    for (const auto& one : retiring_) ::waitpid(one->pid, nullptr, 0);
    retiring_.clear();
  }
}

void Launcher::restart_later(int code) {
  if (++failures_ > limits::server_restarts_max) {
    log_.error("server-given-up", {{"starts", failures_}, {"code", code}});
    code_ = code;
    return;
  }
  Nanos pause = limits::server_restart_pause;
  for (std::size_t at = 1; at < failures_; ++at)
    pause = std::min<Nanos>(2 * pause, limits::server_restart_pause_max);
  restart_at_ = clock_.mono() + pause;
  manager_.status("the server has crashed; starting it again");
}

void Launcher::restart() {
  restart_at_.reset();
  auto again = start(binary_, "begin");
  if (!again.ok()) {
    log_.error("restart-failed", {{"reason", again.error().what}});
    return restart_later(exit_code::unavailable);
  }
  current_ = std::move(again).value();
  log_.info("server-restarted", {{"pid", current_->pid}, {"attempt", failures_}});
}

// --- what servers say ----------------------------------------------------------------------------

void Launcher::heard(Child& child, const Channel::Message& message) {
  const std::string_view word = message.word();
  if (word == "keep") {
    HeldSockets sockets;
    sockets.key = std::string(message.rest());
    for (const Descriptor& one : message.descriptors)
      sockets.descriptors.emplace_back(::fcntl(one.number(), F_DUPFD_CLOEXEC, 0));
    child.kept.push_back(std::move(sockets));
  } else if (word == "prepared") {
    enter(child, Child::Phase::prepared);
    if (&child != next_.get()) return;
    const bool waits = current_ != nullptr && current_->phase == Child::Phase::serving &&
                       current_->channel.say("hand-over").ok();
    if (waits) return enter(*current_, Child::Phase::letting_go);
    if (child.channel.say("take").ok()) enter(child, Child::Phase::opening);
  } else if (word == "handed-over") {
    if (next_ != nullptr && next_->phase == Child::Phase::prepared &&
        next_->channel.say("take").ok())
      enter(*next_, Child::Phase::opening);
  } else if (word == "ready") {
    is_ready(child);
  } else if (word == "alive") {
    if (&child == current_.get()) manager_.alive();
  } else if (word == "reloading") {
    if (&child == current_.get()) manager_.reloading(clock_.mono());
  } else if (word == "reloaded") {
    if (&child == current_.get()) manager_.ready();
  }
}

void Launcher::keep(Child& child) {
  for (HeldSockets& sockets : child.kept) {
    std::erase_if(held_, [&](const HeldSockets& one) { return one.key == sockets.key; });
    held_.push_back(std::move(sockets));
  }
  child.kept.clear();
}

void Launcher::is_ready(Child& child) {
  enter(child, Child::Phase::serving);
  keep(child);
  was_ready_ = true;
  if (&child == next_.get()) {
    binary_ = child.binary;
    std::unique_ptr<Child> before = std::move(current_);
    current_ = std::move(next_);
    failures_ = 0;
    log_.info("upgraded", {{"pid", current_->pid}, {"binary", program_.path()}});
    if (before != nullptr) {
      enter(*before, Child::Phase::retiring);
      if (!before->channel.say("retire").ok()) ::kill(before->pid, SIGTERM);
      retiring_.push_back(std::move(before));
    }
  }
  manager_.ready();
}

// --- upgrade -------------------------------------------------------------------------------------

void Launcher::upgrade() {
  if (stopping_) return;
  if (next_ != nullptr || current_ == nullptr || current_->phase != Child::Phase::serving) {
    log_.warning("upgrade-refused", {{"reason", "a server is starting already"}});
    return;
  }
  auto binary = program_.newest();
  if (!binary.ok()) return give_up_upgrade(binary.error().what);
  auto started =
      start(std::make_shared<const Descriptor>(std::move(binary).value()), "begin-beside");
  if (!started.ok()) return give_up_upgrade(started.error().what);
  next_ = std::move(started).value();
  log_.info("upgrading", {{"pid", next_->pid}, {"binary", program_.path()}});
}

// The old server goes on, with store and data back in its hands if it had let go of them.
void Launcher::give_up_upgrade(std::string_view reason) {
  log_.error("upgrade-failed", {{"reason", reason}, {"serving", "the server before"}});
  if (current_ != nullptr && current_->phase == Child::Phase::letting_go &&
      current_->channel.say("keep-on").ok())
    enter(*current_, Child::Phase::serving);
  if (current_ == nullptr && !stopping_ && !restart_at_) restart_later(exit_code::unavailable);
}

void Launcher::look_at_deadlines() {
  if (restart_at_ && clock_.mono() >= *restart_at_) restart();
  if (next_ == nullptr || clock_.mono() - next_->since < limits::upgrade_step_time_max) return;
  log_.error("upgrade-too-slow", {{"pid", next_->pid}});
  enter(*next_, next_->phase);  // its end is noticed when it is reaped
  ::kill(next_->pid, SIGKILL);
}

}  // namespace

int run_launcher(const Session& session) {
  // Before the log's thread, so that signals wait for the one place that reads them.
  const sigset_t set = watched();
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  return Launcher(session).run();
}

}  // namespace weir::cli
