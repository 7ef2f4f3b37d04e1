#include "http/server.h"

#include "base/must.h"
#include "http/listener.h"
#include "http/loop_core.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

namespace weir::http {

struct Server::Shared {
  Shared(ServerSettings settings, HandlerFactory factory, const Clock& clock, Log& log)
      : engine(std::move(settings), std::move(factory), clock, log) {}
  Engine engine;
  std::vector<std::unique_ptr<LoopCore>> loops;
  std::vector<std::uint16_t> ports;
  struct UnixName {  // ours to remove, unless somebody has put another one there
    std::string path;
    dev_t device;
    ino_t inode;
  };
  std::vector<UnixName> unix_names;
};

namespace {

// As many connections as asked for, within 90 % of the descriptors that we may open. The soft limit
// is raised to the hard one first.
std::size_t connections_allowed(std::size_t wanted) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return wanted;
  if (limit.rlim_cur < limit.rlim_max) {
    rlimit raised = limit;
    raised.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  return std::min<std::size_t>(wanted, static_cast<std::size_t>(limit.rlim_cur / 10 * 9));
}

Status check(const ServerSettings& settings) {
  const ServerLimits& limits = settings.limits;
  if (settings.loops == 0) return Error{Errc::invalid, "a server needs at least one loop"};
  if (limits.head_fields > Head::fields_max)
    return Error{Errc::invalid, "a head can have at most " + std::to_string(Head::fields_max) +
                                    " fields, not " + std::to_string(limits.head_fields)};
  if (limits.head_bytes > limits::read_buffer_bytes / 2)
    return Error{Errc::invalid, "a head can have at most " +
                                    std::to_string(limits::read_buffer_bytes / 2) + " bytes, not " +
                                    std::to_string(limits.head_bytes)};
  if (limits.target_bytes >= limits.head_bytes)
    return Error{Errc::invalid,
                 "the bound for a request target must be below the one for the head"};
  if (settings.timeouts.body_rate == 0)
    return Error{Errc::invalid, "the least rate of a body must be at least 1 byte per second"};
  return done;
}

// Signals are for the thread that called run.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::open(ServerSettings settings, HandlerFactory factory,
                                             const Clock& clock, Log& log) {
  TRY(check(settings));
  auto shared = std::make_unique<Shared>(std::move(settings), std::move(factory), clock, log);
  Engine& engine = shared->engine;
  engine.connections_max = connections_allowed(engine.settings.limits.connections);
  for (std::size_t i = 0; i < engine.settings.loops; ++i) {
    shared->loops.push_back(std::make_unique<LoopCore>(engine, i));
    TRY(shared->loops.back()->open());
  }
  for (const ListenerSettings& listener : engine.settings.listeners) {
    const bool is_given = !listener.sockets.empty();
    Bound bound = TRY(is_given ? copy_listener(listener, engine.settings.loops)
                               : bind_listener(listener, engine.settings.loops));
    shared->ports.push_back(bound.port);
    struct stat there {};
    if (!is_given && !listener.unix_path.empty() &&
        ::lstat(listener.unix_path.c_str(), &there) == 0)
      shared->unix_names.push_back({listener.unix_path, there.st_dev, there.st_ino});
    for (std::size_t i = 0; i < bound.descriptors.size(); ++i)
      shared->loops[i % shared->loops.size()]->listen(std::move(bound.descriptors[i]), listener);
  }
  return std::unique_ptr<Server>(new Server(std::move(shared)));
}

Server::Server(std::unique_ptr<Shared> shared) : shared_(std::move(shared)) {}

Server::~Server() {
  for (const Shared::UnixName& name : shared_->unix_names) {
    struct stat there {};
    if (::lstat(name.path.c_str(), &there) == 0 && there.st_dev == name.device &&
        there.st_ino == name.inode)
      ::unlink(name.path.c_str());
  }
}

void Server::run() {
  std::vector<std::thread> threads;
  {
    const SignalsBlocked blocked;
    for (std::size_t i = 1; i < shared_->loops.size(); ++i) {
      threads.emplace_back([core = shared_->loops[i].get()] { core->run(); });
      ::pthread_setname_np(threads.back().native_handle(), ("loop-" + std::to_string(i)).c_str());
    }
  }
  shared_->loops.front()->run();
  for (std::thread& thread : threads) thread.join();
}

void Server::stop(Nanos drain, Nanos quiet) {
  shared_->engine.quiet_ns.store(quiet.count(), std::memory_order_relaxed);
  std::int64_t before = shared_->engine.stop_ns.load();
  const std::int64_t wanted = std::max<std::int64_t>(0, drain.count());
  while ((before < 0 || wanted < before) &&
         !shared_->engine.stop_ns.compare_exchange_weak(before, wanted)) {
  }
  for (const auto& core : shared_->loops) core->wake();
}

bool Server::listens() const {
  return shared_->engine.loops_deaf.load(std::memory_order_acquire) < shared_->loops.size();
}

void Server::set_pressure(Pressure pressure) {
  shared_->engine.pressure.store(pressure, std::memory_order_relaxed);
  if (pressure == Pressure::none) return;
  for (const auto& core : shared_->loops) core->post([loop = core.get()] { loop->shed(); });
}

const std::vector<std::uint16_t>& Server::ports() const { return shared_->ports; }
std::size_t Server::loops() const { return shared_->loops.size(); }

Loop& Server::loop(std::size_t index) {
  MUST(index < shared_->loops.size());
  return shared_->loops[index]->loop;
}

Counters Server::counters() const {
  Counters sum;
  for (const auto& core : shared_->loops) {
    const LoopCounters& each = core->counters;
    sum.accepted += each.accepted.value();
    sum.requests += each.requests.value();
    sum.refused += each.refused.value();
    sum.closed_idle += each.closed_idle.value();
    sum.overload += each.overload.value();
    sum.bytes_in += each.bytes_in.value();
    sum.bytes_out += each.bytes_out.value();
    sum.tls_handshakes += each.tls_handshakes.value();
    sum.tls_resumed += each.tls_resumed.value();
    sum.tls_limited += each.tls_limited.value();
    sum.tls_failures += each.tls_failures.value();
    sum.http2_connections += each.http2_connections.value();
    sum.http2_requests += each.http2_requests.value();
    sum.http2_cut += each.http2_cut.value();
  }
  sum.connections = shared_->engine.connections.load();
  sum.bodies_buffered_bytes = shared_->engine.bodies_buffered.load();
  return sum;
}

}  // namespace weir::http
