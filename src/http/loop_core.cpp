#include "http/loop_core.h"

#include "base/must.h"
#include "base/sys.h"
#include "http/dates.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

namespace weir::http {
namespace {

constexpr std::size_t events_max = 512;
constexpr std::size_t idle_candidates_max = 64;
constexpr auto accept_pause = std::chrono::milliseconds(100);
constexpr auto idle_look_pause = std::chrono::milliseconds(10);
constexpr auto proxy_complain_every = std::chrono::seconds(1);

Peer peer_of(const sockaddr_storage& from) {
  Peer peer;
  if (from.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(from);
    peer.address[10] = peer.address[11] = 0xff;
    std::memcpy(peer.address.data() + 12, &v4.sin_addr, 4);
    peer.port = ntohs(v4.sin_port);
  } else if (from.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(from);
    std::memcpy(peer.address.data(), &v6.sin6_addr, 16);
    peer.port = ntohs(v6.sin6_port);
  } else {
    peer.kind = Peer::Kind::unix_socket;
  }
  return peer;
}

Descriptor open_reserve() { return Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

}  // namespace

// --- clients -------------------------------------------------------------------------------------

bool ClientTable::enter(const Peer& peer, std::size_t most) {
  return counts_.with([key = prefix_of(peer), most](auto& counts) {
    std::uint32_t& count = counts[key];
    if (count >= most) return false;
    ++count;
    return true;
  });
}

void ClientTable::leave(const Peer& peer) {
  counts_.with([key = prefix_of(peer)](auto& counts) {
    const auto found = counts.find(key);
    if (found != counts.end() && --found->second == 0) counts.erase(found);
  });
}

// --- making --------------------------------------------------------------------------------------

LoopCore::LoopCore(Engine& shared, std::size_t at)
    : engine(shared),
      loop(*this),
      index(at),
      rules{shared.settings.limits.target_bytes, shared.settings.limits.head_bytes,
            shared.settings.limits.head_fields, shared.settings.underscores,
            shared.settings.line_ends},
      now(shared.clock.mono()),
      wall(shared.clock.wall()),
      wheel(now),
      read_buffer(std::make_unique_for_overwrite<char[]>(limits::read_buffer_bytes +
                                                         limits::tls_record_bytes)),
      cipher_buffer(std::make_unique_for_overwrite<char[]>(limits::read_buffer_bytes)) {
  write_date(date.data(), wall.seconds());
}

LoopCore::~LoopCore() = default;

Status LoopCore::open() {
  epoll_ = Descriptor(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_.is_open()) return Error{errc_of(errno), "epoll_create1: " + reason_of(errno)};
  wake_ = Descriptor(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!wake_.is_open()) return Error{errc_of(errno), "eventfd: " + reason_of(errno)};
  reserve_ = open_reserve();
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = &wake_source_;
  if (sys::epoll_ctl(epoll_.number(), EPOLL_CTL_ADD, wake_.number(), &event) != 0)
    return Error{errc_of(errno), "epoll_ctl: " + reason_of(errno)};
  return done;
}

void LoopCore::listen(Descriptor descriptor, const ListenerSettings& settings) {
  auto listener = std::make_unique<Listener>();
  listener->descriptor = std::move(descriptor);
  listener->settings = &settings;
  // Accepted sockets inherit it. Without it the kernel takes megabytes for each client that does
  // not read, and some thousand of those are enough for it to hold back everybody's packets. What
  // it does not take stays where it is: in the cache, shared by all readers.
  const int unsent = limits::unsent_bytes_max;
  if (settings.unix_path.empty())
    ::setsockopt(listener->descriptor.number(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent,
                 sizeof unsent);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = static_cast<Source*>(listener.get());
  MUST(::epoll_ctl(epoll_.number(), EPOLL_CTL_ADD, listener->descriptor.number(), &event) == 0);
  listeners_.push_back(std::move(listener));
}

void LoopCore::wake() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written =
      ::write(wake_.number(), &one, sizeof one);  // full means: it is awake
}

void LoopCore::post(std::function<void()> work) {
  bool first = false;
  {
    const std::lock_guard lock(posted_mutex_);
    first = posted_.empty();
    posted_.push_back(std::move(work));
  }
  if (first) wake();
}

// --- turning -------------------------------------------------------------------------------------

void LoopCore::run() {
  handler = engine.factory(loop);
  while (!ended_) turn();
  handler.reset();
}

// Memory that is not there costs the connection that wanted it, never the process (F-4). What was
// being said is in doubt, so it is cut. The lists that closing needs have their room in advance.
template <class F>
void LoopCore::within_memory(Connection* connection, F work) {
  try {
    work();
  } catch (const std::bad_alloc&) {
    out_of_memory(connection);
  }
}

void LoopCore::out_of_memory(Connection* connection) {
  counters.overload.add(1);
  Connection* const worked = std::exchange(working, nullptr);
  work_rest = 0;
  for (Connection* const each : {connection, worked, batch.connection})
    if (each != nullptr) each->cut();
}

void LoopCore::turn() {
  std::array<epoll_event, events_max> events;
  const int count = ::epoll_wait(epoll_.number(), events.data(), events_max, timeout_ms());
  read_time();
  bool woken = false;
  for (int i = 0; i < count; ++i) {
    auto* const source = static_cast<Source*>(events[static_cast<std::size_t>(i)].data.ptr);
    switch (source->kind) {
      case Source::Kind::connection:
        within_memory(static_cast<Connection*>(source), [&] {
          static_cast<Connection*>(source)->on_events(events[static_cast<std::size_t>(i)].events);
        });
        break;
      case Source::Kind::listener:
        within_memory(nullptr, [&] { accept_from(*static_cast<Listener*>(source)); });
        break;
      case Source::Kind::wake: woken = true; break;
      case Source::Kind::watch:
        if (Watcher* const watcher = static_cast<Watched*>(source)->watcher)
          within_memory(nullptr,
                        [&] { watcher->on_ready(events[static_cast<std::size_t>(i)].events); });
        break;
    }
    if (!finished_.empty()) settle();
  }
  if (woken) {
    std::uint64_t ignored = 0;
    [[maybe_unused]] const auto taken = ::read(wake_.number(), &ignored, sizeof ignored);
    run_posted();
  }
  if (!resumable_.empty()) resume_all();
  wheel.advance(now, [this](Timed& timed) {
    auto& connection = static_cast<Connection&>(timed);
    within_memory(&connection, [&connection] { connection.on_deadline(); });
    if (!finished_.empty()) settle();
  });
  if (!timers.empty()) run_timers();
  if (!doomed_.empty()) bury();
  unwatched_.clear();

  const std::int64_t drain = engine.stop_ns.load(std::memory_order_relaxed);
  if (drain >= 0 && (!stopping_ || drain < drain_ns_)) {
    drain_ns_ = drain;
    drain_until_ = now + Nanos(drain);
    if (!stopping_) begin_drain();
  }
  if (stopping_ && now >= drain_until_) cut_all();
  if (stopping_ && connections_.count() == 0) ended_ = true;
}

int LoopCore::timeout_ms() const {
  if (!resumable_.empty() || !doomed_.empty()) return 0;
  Mono next = wheel.next();
  if (!timers.empty()) next = std::min(next, Mono{timers.begin()->first.first});
  if (stopping_) next = std::min(next, drain_until_);
  if (next.ns == Timed::never) return -1;
  const std::int64_t left_ms = (next.ns - now.ns + 999'999) / 1'000'000;
  return static_cast<int>(std::clamp<std::int64_t>(left_ms, 0, 60'000));
}

void LoopCore::read_time() {
  now = engine.clock.mono();
  if (now >= next_date_) {
    wall = engine.clock.wall();
    write_date(date.data(), wall.seconds());
    constexpr std::int64_t second = 1'000'000'000;
    next_date_ = now + Nanos(second - wall.ns % second);
  }
  watch_crowding();
}

// Above 80 % of the connections idle ones have less time; below 70 % they have it back.
void LoopCore::watch_crowding() {
  const std::size_t open = engine.connections.load(std::memory_order_relaxed);
  const bool crowds =
      crowded_ ? open * 10 > engine.connections_max * 7 : open * 10 > engine.connections_max * 8;
  if (crowds == crowded_) return;
  crowded_ = crowds;
  if (crowded_)
    connections_.for_each([](Connection& connection) {
      if (connection.is_idle()) connection.set_idle_deadline();
    });
}

// --- accepting -----------------------------------------------------------------------------------

void LoopCore::accept_from(Listener& listener) {
  if (!listener.descriptor.is_open()) return;
  for (std::size_t i = 0; i < limits::accepts_per_wake_max; ++i) {
    sockaddr_storage from{};
    socklen_t from_bytes = sizeof from;
    const int descriptor =
        sys::accept4(listener.descriptor.number(), reinterpret_cast<sockaddr*>(&from), &from_bytes,
                     SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor >= 0) {
      admit(descriptor, peer_of(from), listener);
      continue;
    }
    if (errno == ECONNABORTED || errno == EINTR || errno == EPROTO) continue;
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
      spend_reserve(listener);
    return;
  }
}

void LoopCore::admit(int descriptor, const Peer& peer, const Listener& listener) {
  counters.accepted.add(1);
  const ServerLimits& most = engine.settings.limits;
  if (listener.settings->proxy_protocol &&
      (!engine.settings.is_exempt || !engine.settings.is_exempt(peer))) {
    refuse_proxy(peer, "not a trusted proxy");
    ::close(descriptor);
    return;
  }
  bool full = engine.connections.load(std::memory_order_relaxed) >= engine.connections_max;
  if (full) full = !make_room();
  full = full || engine.pressure.load(std::memory_order_relaxed) == Pressure::refuse;
  const bool exempt =
      peer.is_loopback() || (engine.settings.is_exempt && engine.settings.is_exempt(peer));
  if (!listener.settings->proxy_protocol && !may_greet(peer, *listener.settings)) {
    ::close(descriptor);
    return;
  }
  const bool too_many =
      !full && !exempt && !engine.clients.enter(peer, most.connections_per_client);
  if (full || too_many) {
    counters.overload.add(1);
    if (turned_away_ >= limits::refusals_lingering_max) {
      ::close(descriptor);
      return;
    }
  }
  Descriptor held(descriptor);  // until the connection is made
  doomed_.reserve(connections_.count() + 1);
  Connection& connection = connections_.create(*this, descriptor, peer, *listener.settings);
  held.release();
  engine.connections.fetch_add(1, std::memory_order_relaxed);
  connection.counted_per_client = !exempt && !full && !too_many;
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = static_cast<Source*>(&connection);
  if (sys::epoll_ctl(epoll_.number(), EPOLL_CTL_ADD, descriptor, &event) !=
      0) {  // out of kernel memory or watches
    connection.cut();
    return;
  }
  if (full) turn_away(connection, 503, "the server has no room for another connection now");
  else if (too_many) turn_away(connection, 429, "this address has too many connections open");
}

// In TLS nothing can be said before a handshake, and that is what costs.
bool LoopCore::may_greet(const Peer& peer, const ListenerSettings& listener) {
  if (listener.tls == nullptr) return true;
  const bool is_trusted = engine.settings.is_exempt && engine.settings.is_exempt(peer);
  if (peer.is_loopback() ? engine.settings.limits.handshakes_spare_loopback : is_trusted)
    return true;
  if (engine.handshakes.take(peer, now)) return true;
  counters.tls_limited.add(1);
  return false;
}

void LoopCore::know_client(Connection& connection, const Peer& client) {
  if (connection.counted_per_client) engine.clients.leave(connection.peer_);
  connection.counted_per_client = false;
  connection.peer_ = client;
  if (!may_greet(client, connection.listener_)) return connection.cut();
  if (client.is_loopback() || engine.settings.is_exempt(client)) return;
  connection.counted_per_client =
      engine.clients.enter(client, engine.settings.limits.connections_per_client);
  if (connection.counted_per_client) return;
  counters.overload.add(1);
  if (turned_away_ >= limits::refusals_lingering_max) connection.cut();
  else turn_away(connection, 429, "this address has too many connections open");
}

void LoopCore::refuse_proxy(const Peer& peer, std::string_view reason) {
  counters.refused.add(1);
  ++proxy_unsaid_;
  if (now < proxy_complained_ + proxy_complain_every) return;
  proxy_complained_ = now;
  engine.log.warning("proxy-protocol-refused",
                     {{"peer", peer.text()}, {"reason", reason}, {"count", proxy_unsaid_}});
  proxy_unsaid_ = 0;
}

void LoopCore::turn_away(Connection& connection, int status, std::string_view detail) {
  ++turned_away_;
  connection.turned_away = true;
  connection.refuse_and_close(status, detail.data(), {{"Retry-After", "5"}});
}

// Closes the oldest idle connection of this loop, or one that never said a word. All are looked at
// once for the next 64; a candidate that was busy since is skipped, so the order is exact for those
// that were idle at that look, and all others are younger.
bool LoopCore::make_room() {
  if (now < none_idle_until_) return false;  // a crowd at the door must not cost a look each
  for (int look = 0; look < 2; ++look) {
    while (!oldest_idle_.empty()) {
      const IdleCandidate candidate = oldest_idle_.back();
      oldest_idle_.pop_back();
      if (!candidate.connection->is_waiting() ||
          candidate.connection->idle_since() != candidate.since)
        continue;
      if (candidate.connection->has_unread()) continue;  // it has spoken, we have not listened yet
      counters.closed_idle.add(1);
      candidate.connection->cut();
      return true;
    }
    connections_.for_each([this](Connection& connection) {
      if (connection.is_waiting())
        oldest_idle_.push_back({&connection, connection.serial, connection.idle_since()});
    });
    const auto older_last = [](const IdleCandidate& a, const IdleCandidate& b) {
      return std::pair(a.since, a.serial) > std::pair(b.since, b.serial);
    };
    std::sort(oldest_idle_.begin(), oldest_idle_.end(), older_last);
    if (oldest_idle_.size() > idle_candidates_max)
      oldest_idle_.erase(oldest_idle_.begin(), oldest_idle_.end() - idle_candidates_max);
  }
  none_idle_until_ = now + idle_look_pause;
  return false;
}

void LoopCore::shed() {
  connections_.for_each([this](Connection& connection) {
    if (!connection.is_idle()) return;
    counters.closed_idle.add(1);
    connection.cut();
  });
  for (const std::uint32_t slot : free_exchanges_) exchanges_[slot]->give_back();
}

// The process has no descriptor left: gives up the reserve for one moment, so that one more client
// learns why (F-1). When even that does not help, nothing is accepted for a tenth of a second: no
// spinning.
void LoopCore::spend_reserve(Listener& listener) {
  static constexpr std::string_view answer =
      "HTTP/1.1 503 Service Unavailable\r\nServer: weir\r\nRetry-After: 5\r\nContent-Length: 0\r\n"
      "Connection: close\r\n\r\n";
  counters.overload.add(1);
  if (make_room()) return;  // the listener is level-triggered: the next turn accepts
  if (reserve_.is_open()) {
    reserve_.close();
    const int descriptor =
        sys::accept4(listener.descriptor.number(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor >= 0) {
      if (listener.settings->tls == nullptr)
        ::send(descriptor, answer.data(), answer.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      ::shutdown(descriptor, SHUT_WR);
      while (::recv(descriptor, read_buffer.get(), limits::read_buffer_bytes, MSG_DONTWAIT) > 0) {
      }
      ::close(descriptor);
    }
    reserve_ = open_reserve();
    if (descriptor >= 0 && reserve_.is_open()) return;
  }
  if (listeners_paused_) return;
  listeners_paused_ = true;
  (void)listen_for(0);
  loop.after(accept_pause, [this] { resume_listeners(); });
}

bool LoopCore::listen_for(std::uint32_t wanted) {
  bool is_set = true;
  for (const auto& each : listeners_) {
    if (!each->descriptor.is_open()) continue;
    epoll_event event{};
    event.events = wanted;
    event.data.ptr = static_cast<Source*>(each.get());
    if (sys::epoll_ctl(epoll_.number(), EPOLL_CTL_MOD, each->descriptor.number(), &event) != 0)
      is_set = false;
  }
  return is_set;
}

void LoopCore::resume_listeners() {
  if (!reserve_.is_open()) reserve_ = open_reserve();
  listeners_paused_ = !listen_for(EPOLLIN);
  if (listeners_paused_) loop.after(accept_pause, [this] { resume_listeners(); });
}

// --- exchanges and connections -------------------------------------------------------------------

Exchange& LoopCore::take_exchange() {
  if (free_exchanges_.empty()) {
    auto made = std::make_unique<Exchange>();
    made->loop_ = &loop;
    made->reset();
    exchanges_.push_back(std::move(made));
    // So that none of them needs memory when it ends.
    finished_.reserve(exchanges_.capacity());
    free_exchanges_.reserve(exchanges_.capacity());
    free_exchanges_.push_back(static_cast<std::uint32_t>(exchanges_.size() - 1));
  }
  const std::uint32_t slot = free_exchanges_.back();
  free_exchanges_.pop_back();
  Exchange& exchange = *exchanges_[slot];
  exchange.id_.slot = slot;
  if (++exchange.id_.generation == 0) ++exchange.id_.generation;
  return exchange;
}

Exchange* LoopCore::find_exchange(ExchangeId id) {
  if (id.generation == 0 || id.slot >= exchanges_.size()) return nullptr;
  Exchange& exchange = *exchanges_[id.slot];
  const bool alive = exchange.id_ == id && exchange.carrier_ != nullptr && !exchange.finished_ &&
                     !exchange.answered_;
  return alive ? &exchange : nullptr;
}

void LoopCore::finish(Exchange& exchange, Ending ending) {
  if (exchange.finished_) return;  // cut while it was being finished: memory ran out
  exchange.finished_ = true;
  exchange.ending_ = ending;
  finished_.push_back(&exchange);
}

void LoopCore::settle() {
  const Mono ended = engine.clock.mono();
  for (std::size_t i = 0; i < finished_.size();
       ++i) {  // grows when a callback ends another exchange
    Exchange& exchange = *finished_[i];
    within_memory(nullptr, [&exchange] {
      if (exchange.ending_ != Ending::complete && exchange.gone_) exchange.gone_();
    });
    within_memory(nullptr, [&exchange] {
      if (exchange.tunnel_sink_ != nullptr)
        exchange.tunnel_sink_->on_end(exchange.tunnel_, exchange.ending_);
    });
    within_memory(nullptr, [this, &exchange, ended] {
      handler->on_finished({exchange, exchange.status_, exchange.body_sent_, exchange.bytes_sent_,
                            ended - exchange.started_, exchange.ending_});
    });
    if (exchange.drop_ != nullptr) exchange.drop_(exchange.user_);
    if (exchange.request_.version_major == 2) exchange.carrier_->released();
    if (exchange.body_charged_ > 0)
      engine.bodies_buffered.fetch_sub(exchange.body_charged_, std::memory_order_relaxed);
    exchange.reset();
    free_exchanges_.push_back(exchange.id_.slot);
  }
  finished_.clear();
}

OutputBatch& LoopCore::batch_of(Connection& connection) {
  if (batch.connection != &connection) {
    if (batch.connection != nullptr) batch.connection->flush();
    batch.connection = &connection;
  }
  return batch;
}

void LoopCore::resume_later(Connection& connection) {
  if (connection.resuming_) return;
  resumable_.push_back(&connection);  // before it says so: memory may not suffice
  connection.resuming_ = true;
}

void LoopCore::resume_all() {
  std::vector<Connection*> now_due;
  now_due.swap(resumable_);  // those that ask again wait for the next turn
  for (Connection* const connection : now_due) {
    within_memory(connection, [connection] { connection->resume(); });
    if (!finished_.empty()) settle();
  }
  if (resumable_.empty()) {
    now_due.clear();
    resumable_.swap(now_due);  // keeps the capacity
  }
}

void LoopCore::doom(Connection& connection) { doomed_.push_back(&connection); }

void LoopCore::bury() {
  std::erase_if(doomed_, [this](Connection* connection) {
    if (connection->resuming_) return false;
    engine.connections.fetch_sub(1, std::memory_order_relaxed);
    if (connection->turned_away) --turned_away_;
    if (connection->counted_per_client) engine.clients.leave(connection->peer_);
    std::erase_if(oldest_idle_, [connection](const IdleCandidate& each) {
      return each.connection == connection;
    });
    connections_.destroy(*connection);
    return true;
  });
}

// --- foreign descriptors -------------------------------------------------------------------------

Status LoopCore::watch(int descriptor, Watcher& watcher) {
  MUST(watcher.watched_ == nullptr);
  auto watched = std::make_unique<Watched>(descriptor, watcher);
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = static_cast<Source*>(watched.get());
  if (sys::epoll_ctl(epoll_.number(), EPOLL_CTL_ADD, descriptor, &event) != 0)
    return Error{errc_of(errno), "epoll_ctl: " + reason_of(errno)};
  watcher.watched_ = watched.release();  // owned by the watcher's place in epoll until unwatch
  return done;
}

void LoopCore::unwatch(Watcher& watcher) {
  if (watcher.watched_ == nullptr) return;
  std::unique_ptr<Watched> watched(std::exchange(watcher.watched_, nullptr));
  sys::epoll_ctl(epoll_.number(), EPOLL_CTL_DEL, watched->descriptor, nullptr);
  watched->watcher = nullptr;
  unwatched_.push_back(std::move(watched));
}

// --- posted work and timers ----------------------------------------------------------------------

void LoopCore::run_posted() {
  {
    const std::lock_guard lock(posted_mutex_);
    running_posts_.swap(posted_);
  }
  for (std::function<void()>& work : running_posts_) {
    within_memory(nullptr, work);
    work = nullptr;
    if (!finished_.empty()) settle();
  }
  running_posts_.clear();
}

void LoopCore::run_timers() {
  const std::uint64_t last = timer_serial;  // what is set meanwhile waits for the next turn
  while (!timers.empty() && timers.begin()->first.first <= now.ns &&
         timers.begin()->first.second <= last) {
    const auto call = std::move(timers.begin()->second);
    timers.erase(timers.begin());
    within_memory(nullptr, call);
    if (!finished_.empty()) settle();
  }
}

// --- stopping ------------------------------------------------------------------------------------

void LoopCore::begin_drain() {
  stopping_ = true;
  // Taken out of epoll by name: a copy in another process keeps the socket there after our close.
  for (const auto& listener : listeners_) {
    if (listener->descriptor.is_open())
      ::epoll_ctl(epoll_.number(), EPOLL_CTL_DEL, listener->descriptor.number(), nullptr);
    listener->descriptor.close();
  }
  engine.loops_deaf.fetch_add(1, std::memory_order_release);
  connections_.for_each([](Connection& connection) { connection.begin_drain(); });
}

void LoopCore::cut_all() {
  std::size_t busy = 0;
  connections_.for_each([&busy](Connection& connection) {
    if (connection.is_closed()) return;
    if (!connection.is_idle()) ++busy;
    connection.cut();
  });
  if (busy > 0)
    engine.log.warning("the drain ended before all answers did", {{"cut", busy}, {"loop", index}});
  if (!finished_.empty()) settle();
  resume_all();  // clears the marks of what was cut
  bury();
}

// --- Loop: the public face -----------------------------------------------------------------------

void Loop::post(std::function<void()> work) { core_.post(std::move(work)); }
Exchange* Loop::find(ExchangeId id) { return core_.find_exchange(id); }
Mono Loop::now() const { return core_.now; }
Wall Loop::wall() const { return core_.wall; }
std::string_view Loop::date() const { return {core_.date.data(), core_.date.size()}; }
int Loop::index() const { return static_cast<int>(core_.index); }
bool Loop::stopping() const { return core_.stopping(); }

TimerId Loop::after(Nanos span, std::function<void()> call) {
  const TimerId timer{(core_.now + span).ns, ++core_.timer_serial};
  core_.timers.emplace(std::pair(timer.due_ns, timer.serial), std::move(call));
  return timer;
}

Status Loop::watch(int descriptor, Watcher& watcher) { return core_.watch(descriptor, watcher); }
void Loop::unwatch(Watcher& watcher) { core_.unwatch(watcher); }

void Loop::cancel(TimerId timer) { core_.timers.erase(std::pair(timer.due_ns, timer.serial)); }

}  // namespace weir::http
