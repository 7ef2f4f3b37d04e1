#include "http/upstream.h"

#include "base/bytes.h"
#include "base/must.h"
#include "http/target.h"
#include "http/upstream_core.h"

#include <algorithm>
#include <charconv>

namespace weir::http {
namespace {

constexpr auto fast_tick = std::chrono::milliseconds(100);  // while calls are under way
constexpr auto slow_tick = std::chrono::seconds(1);         // while connections rest
constexpr auto tunnel_silence_max = limits::tunnel_silence_max;

CallState& state_of(UpstreamCall& call) { return static_cast<CallState&>(call); }
const CallState& state_of(const UpstreamCall& call) { return static_cast<const CallState&>(call); }

}  // namespace

// --- words ---------------------------------------------------------------------------------------

int status_of(UpstreamFailure failure) {
  switch (failure) {
    case UpstreamFailure::full:
    case UpstreamFailure::unhealthy: return 503;
    case UpstreamFailure::late:
    case UpstreamFailure::stalled: return 504;
    default: return 502;
  }
}

std::string_view name_of(UpstreamFailure failure) {
  constexpr std::string_view names[] = {"none",          "full",        "unhealthy", "no-address",
                                        "not-connected", "not-trusted", "cut",       "bad-answer",
                                        "late",          "stalled"};
  return names[static_cast<std::size_t>(failure)];
}

Result<UpstreamServer> parse_upstream_server(std::string_view text) {
  const auto wrong = [text](std::string_view why) {
    return Error{Errc::invalid,
                 "expected \"http://HOST[:PORT]\", \"https://HOST[:PORT]\" or "
                 "\"unix:/PATH\", found \"" +
                     std::string(text) + "\": " + std::string(why)};
  };
  UpstreamServer server;
  server.text = std::string(text);
  if (text.starts_with("unix:")) {
    server.unix_path = std::string(text.substr(5));
    if (!server.unix_path.starts_with('/')) return wrong("the path of the socket must be absolute");
    server.authority = "localhost";
    const auto address = unix_address(server.unix_path);
    if (!address.ok()) return wrong(address.error().what);
    return server;
  }
  server.secure = text.starts_with("https://");
  if (!server.secure && !text.starts_with("http://")) return wrong("it begins with neither");
  std::string_view authority = text.substr(server.secure ? 8 : 7);
  if (authority.ends_with('/')) authority.remove_suffix(1);
  if (authority.find_first_of("/?#@") != std::string_view::npos)
    return wrong("only a host and a port are named here");
  if (!is_valid_authority(authority)) return wrong("the host or the port is not valid");
  server.authority = lower_of(authority);
  const std::string_view name = server.authority;
  const std::size_t port_at = name.find(':', name.front() == '[' ? name.find(']') : 0);
  server.host = name.front() == '[' ? name.substr(1, name.find(']') - 1) : name.substr(0, port_at);
  if (server.host.size() > 253) return wrong("the name is longer than 253 bytes");
  server.port = server.secure ? 443 : 80;
  if (port_at != std::string_view::npos) {
    const auto port = parse_u64(name.substr(port_at + 1));
    if (!port || *port == 0 || *port > 65'535) return wrong("the port must be 1 to 65535");
    server.port = static_cast<std::uint16_t>(*port);
  }
  return server;
}

Result<std::shared_ptr<Upstream>> Upstream::open(UpstreamSettings settings,
                                                 std::shared_ptr<UpstreamHealth> health) {
  if (settings.servers.empty() || settings.servers.size() > limits::upstream_servers_max)
    return Error{Errc::invalid, "an upstream has 1 to " +
                                    std::to_string(limits::upstream_servers_max) +
                                    " servers, not " + std::to_string(settings.servers.size())};
  std::shared_ptr<Upstream> upstream(new Upstream(std::move(settings), std::move(health)));
  for (const UpstreamServer& server : upstream->settings_.servers) {
    MUST(!server.secure || upstream->settings_.tls != nullptr);
    auto place = std::make_unique<Place>();
    if (!server.unix_path.empty()) place->fixed = {TRY(unix_address(server.unix_path))};
    else if (const auto address = numeric_address(server.host, server.port))
      place->fixed = {*address};
    upstream->places_.push_back(std::move(place));
  }
  return upstream;
}

bool make_order(UpstreamOrder& order, const UpstreamRequest& request) {
  UpstreamRequest asked = request;
  constexpr std::string_view stand_in = "h";
  if (request.host.empty()) asked.host = stand_in;
  order.head.clear();
  if (!append_request_head(order.head, asked)) return false;
  order.host_at = 0;
  if (request.host.empty()) {
    order.host_at = order.head.find("\r\nHost: ") + std::string_view("\r\nHost: ").size();
    order.head.erase(order.host_at, stand_in.size());
  }
  order.body = request.body;
  order.asked = request.method == "HEAD"   ? AnswerReader::Asked::head
                : !request.upgrade.empty() ? AnswerReader::Asked::upgrade
                                           : AnswerReader::Asked::plain;
  order.idempotent = is_idempotent(request.method);
  return true;
}

// --- the client ----------------------------------------------------------------------------------

UpstreamClient::UpstreamClient(Loop& loop, NameResolver& resolver)
    : core_(std::make_unique<UpstreamCore>(loop, resolver)) {}
UpstreamClient::~UpstreamClient() = default;

UpstreamClient::Begun UpstreamClient::begin(const std::shared_ptr<Upstream>& upstream,
                                            UpstreamOrder&& order, AnswerSink& sink,
                                            Nanos answer_by) {
  return core_->begin(upstream, std::move(order), sink, answer_by);
}

std::size_t UpstreamClient::calls() const { return core_->calls.size() - core_->free_calls.size(); }
std::size_t UpstreamClient::idle() const { return core_->idle.size(); }

UpstreamCore::UpstreamCore(Loop& its_loop, NameResolver& resolver)
    : loop(its_loop),
      names(resolver, its_loop),
      rules{limits::upstream_head_bytes_max, limits::upstream_head_fields_max,
            limits::upstream_interim_max},
      plain(std::make_unique_for_overwrite<char[]>(limits::upstream_head_bytes_max +
                                                   limits::read_buffer_bytes)),
      cipher(std::make_unique_for_overwrite<char[]>(limits::read_buffer_bytes)),
      call_wheel(its_loop.now()),
      idle_wheel(its_loop.now()),
      self(std::make_shared<UpstreamCore*>(this)) {}

UpstreamCore::~UpstreamCore() {
  *self = nullptr;
  if (ticking != Ticking::no) loop.cancel(ticker);
  for (const auto& call : calls) {
    if (call->sink != nullptr) cancel(*call);
    call_wheel.remove(*call);
  }
  for (UpstreamConnection* const connection : idle)
    connection->counted_idle().fetch_sub(1, std::memory_order_relaxed);
  connections.clear();
}

UpstreamClient::Begun UpstreamCore::begin(const std::shared_ptr<Upstream>& upstream,
                                          UpstreamOrder&& order, AnswerSink& sink,
                                          Nanos answer_by) {
  upstream->counts.calls.fetch_add(1, std::memory_order_relaxed);
  const auto most = static_cast<std::int64_t>(upstream->settings().in_flight_max);
  if (upstream->counts.in_flight.fetch_add(1, std::memory_order_relaxed) >= most) {
    upstream->counts.in_flight.fetch_sub(1, std::memory_order_relaxed);
    upstream->counts.failed.fetch_add(1, std::memory_order_relaxed);
    return {nullptr, UpstreamFailure::full};
  }
  if (free_calls.empty()) {
    calls.push_back(std::make_unique<CallState>());
    calls.back()->core = this;
    free_calls.push_back(calls.back().get());
  }
  CallState& call = *free_calls.back();
  free_calls.pop_back();
  call.serial = ++last_serial;
  call.upstream = upstream;
  std::swap(call.order, order);  // the caller gets the strings of an earlier call to fill
  call.sink = &sink;
  call.began = loop.now();
  call.answer_by = answer_by.count() > 0 ? call.began + answer_by : Mono{};
  call.body_ended = call.order.body == Framing::none;
  want_ticks();
  if (!choose(call)) {
    upstream->counts.failed.fetch_add(1, std::memory_order_relaxed);
    release(call);
    return {nullptr, UpstreamFailure::unhealthy};
  }
  attempt(call);
  return {&call, UpstreamFailure::none};
}

// Back to the list of free ones; every late word for it finds another serial.
void UpstreamCore::release(CallState& call) {
  call.upstream->counts.in_flight.fetch_sub(1, std::memory_order_relaxed);
  call_wheel.set_never(call);
  call.serial = 0;
  call.upstream.reset();
  call.sink = nullptr;
  call.connection = nullptr;
  call.times = {};
  call.addresses.clear();
  call.address = 0;
  call.tried = 0;
  call.waiting.clear();
  if (call.waiting.capacity() > 4 * KiB) call.waiting.shrink_to_fit();
  call.failure = UpstreamFailure::none;
  call.reason.clear();
  call.has_server = call.body_begun = call.body_ended = call.head_told = false;
  call.paused = call.room_wanted = call.switched = call.fresh_only = false;
  free_calls.push_back(&call);
}

// --- servers -------------------------------------------------------------------------------------

bool UpstreamCore::choose(CallState& call) {
  Upstream& upstream = *call.upstream;
  const UpstreamSettings& settings = upstream.settings();
  const std::size_t turn =
      settings.servers.size() == 1 ? 0 : upstream.turn_.fetch_add(1, std::memory_order_relaxed);
  const auto load_of = [&upstream](std::size_t at) {
    return upstream.places_[at]->in_flight.load(std::memory_order_relaxed);
  };
  const auto may = [this, &upstream, &call](std::size_t at) {
    if ((call.tried >> at & 1U) != 0) return false;
    return upstream.health() == nullptr || upstream.health()->may_try(at, loop.now());
  };
  const auto chosen = choose_server(settings.servers.size(), settings.balance, turn, load_of, may);
  if (!chosen) return false;
  call.times.server = *chosen;
  call.tried |= std::uint64_t{1} << *chosen;
  call.has_server = true;
  upstream.places_[*chosen]->in_flight.fetch_add(1, std::memory_order_relaxed);
  if (call.order.host_at != 0) {
    const std::size_t end = call.order.head.find('\r', call.order.host_at);
    call.order.head.replace(call.order.host_at, end - call.order.host_at, call.server().authority);
  }
  return true;
}

void UpstreamCore::leave_server(CallState& call, Health word) {
  if (!call.has_server) return;
  call.has_server = false;
  const std::size_t server = call.times.server;
  call.upstream->places_[server]->in_flight.fetch_sub(1, std::memory_order_relaxed);
  UpstreamHealth* const health = call.upstream->health();
  if (health == nullptr) return;
  switch (word) {
    case Health::good: return health->succeeded(server, loop.now());
    case Health::bad: return health->failed(server, loop.now());
    case Health::open: return health->left_open(server, loop.now());
  }
}

void UpstreamCore::attempt(CallState& call) {
  Upstream& upstream = *call.upstream;
  call.attempt_began = loop.now();
  while (!call.fresh_only) {
    UpstreamConnection* const pooled = take_idle(upstream, call.times.server);
    if (pooled == nullptr) break;
    pooled->take(call);
    // A request that must not be sent twice is not sent to a connection that has ended unseen.
    if ((call.order.idempotent || pooled->looks_open()) && pooled->begin_request()) {
      call.times.reused = true;
      upstream.counts.reused.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    pooled->close();
    call.connection = nullptr;
  }
  call.times.reused = false;
  call.address = 0;
  call.addresses = upstream.places_[call.times.server]->fixed;
  if (!call.addresses.empty()) return connect_next(call);
  const UpstreamServer& server = call.server();
  const Result<Addresses>* const known =
      names.find(server.host, server.port,
                 [this, &call, serial = call.serial](const Result<Addresses>& found) {
                   if (call.serial != serial || call.failure != UpstreamFailure::none) return;
                   if (!found.ok())
                     return next_server(call, UpstreamFailure::no_address, found.error().what);
                   call.addresses = *found;
                   connect_next(call);
                 });
  if (known == nullptr) return restage(call);
  if (!known->ok()) return next_server(call, UpstreamFailure::no_address, known->error().what);
  call.addresses = **known;
  connect_next(call);
}

void UpstreamCore::connect_next(CallState& call) {
  std::string reason = "no address is left";
  while (call.address < call.addresses.size() && call.times.connects < limits::upstream_tries_max) {
    const SocketAddress& address = call.addresses[call.address++];
    ++call.times.connects;
    call.upstream->counts.connects.fetch_add(1, std::memory_order_relaxed);
    call.attempt_began = loop.now();
    connections.push_back(
        std::make_unique<UpstreamConnection>(*this, call.upstream, call.times.server));
    UpstreamConnection& connection = *connections.back();
    const Status under_way = connection.connect(address);
    if (under_way.ok()) {
      connection.take(call);
      return restage(call);
    }
    reason = under_way.error().what;
    connection.close();
  }
  next_server(call, UpstreamFailure::not_connected, std::move(reason));
}

void UpstreamCore::next_server(CallState& call, UpstreamFailure failure, std::string reason) {
  leave_server(call, Health::bad);
  if (call.times.connects < limits::upstream_tries_max && choose(call)) return attempt(call);
  fail_later(call, failure, std::move(reason));
}

// --- ends ----------------------------------------------------------------------------------------

void UpstreamCore::broken(CallState& call, UpstreamFailure failure, std::string reason) {
  UpstreamConnection& connection = *call.connection;
  const bool was_making = connection.is_making();
  const bool nothing_came = !connection.answer_has_begun();
  connection.close();
  call.connection = nullptr;
  if (was_making) {
    if (failure == UpstreamFailure::not_connected && call.address < call.addresses.size())
      return connect_next(call);
    return next_server(call, failure, std::move(reason));
  }
  const bool again = failure == UpstreamFailure::cut && call.times.reused && nothing_came &&
                     call.order.idempotent && !call.body_begun && !call.times.retried;
  if (again) {
    call.times.retried = call.fresh_only = true;
    call.upstream->counts.retried.fetch_add(1, std::memory_order_relaxed);
    return attempt(call);
  }
  leave_server(call, Health::bad);
  fail_later(call, failure, std::move(reason));
}

void UpstreamCore::fail_later(CallState& call, UpstreamFailure failure, std::string reason) {
  call.failure = failure;
  call.reason = std::move(reason);
  call_wheel.set_never(call);
  loop.post([held = self, &call, serial = call.serial] {
    if (*held == nullptr || call.serial != serial) return;
    AnswerSink& sink = *call.sink;
    const UpstreamFailure told = call.failure;
    const std::string why = std::move(call.reason);
    call.upstream->counts.failed.fetch_add(1, std::memory_order_relaxed);
    sink.on_failed(told, why);
    if (call.serial == serial) (*held)->release(call);  // else the sink cancelled it
  });
}

void UpstreamCore::answered(CallState& call, const Fields& trailers) {
  const std::uint64_t serial = call.serial;
  call.sink->on_end(trailers);
  if (call.serial == serial) release(call);
}

void UpstreamCore::cancel(CallState& call) {
  if (call.connection != nullptr) call.connection->close();
  call.connection = nullptr;
  leave_server(call, Health::open);
  release(call);
}

// --- deadlines -----------------------------------------------------------------------------------

void UpstreamCore::restage(CallState& call) {
  const UpstreamSettings& settings = call.upstream->settings();
  const UpstreamConnection* const connection = call.connection;
  const bool asks_server = call.body_ended || (connection != nullptr && connection->queued() > 0);
  Mono due{};
  if (connection == nullptr || connection->is_making()) due = call.attempt_began + settings.connect;
  else if (call.switched) due = loop.now() + tunnel_silence_max;
  else if (call.paused || !asks_server)
    due = {};  // somebody else is slow, and has bounds of his own
  else due = loop.now() + (call.head_told ? settings.stall : settings.first_byte);
  if (!call.head_told && call.answer_by.ns != 0)
    due = due.ns == 0 ? call.answer_by : std::min(due, call.answer_by);
  if (due.ns == 0) call_wheel.set_never(call);
  else call_wheel.set(call, due);
}

void UpstreamCore::on_deadline(CallState& call) {
  if (call.sink == nullptr || call.failure != UpstreamFailure::none) return;
  const bool too_late = call.answer_by.ns != 0 && !call.head_told && loop.now() >= call.answer_by;
  if (call.connection == nullptr && !too_late)
    return next_server(call, UpstreamFailure::no_address, "the name was not resolved in time");
  if (call.connection != nullptr && call.connection->is_making() && !too_late)
    return broken(call, UpstreamFailure::not_connected,
                  call.server().text + ": the connection was not made in time");
  if (call.connection != nullptr) call.connection->close();
  call.connection = nullptr;
  leave_server(call, Health::bad);
  if (call.head_told) fail_later(call, UpstreamFailure::stalled, "the answer stopped");
  else fail_later(call, UpstreamFailure::late, "no answer came in time");
}

void UpstreamCore::want_ticks() {
  if (ticking == Ticking::fast) return;
  if (ticking == Ticking::slow) loop.cancel(ticker);
  ticking = Ticking::fast;
  ticker = loop.after(fast_tick, [this] { tick(); });
}

void UpstreamCore::tick() {
  ticking = Ticking::no;
  call_wheel.advance(loop.now(),
                     [this](Timed& timed) { on_deadline(static_cast<CallState&>(timed)); });
  idle_wheel.advance(loop.now(), [this](Timed& timed) {
    auto& connection = static_cast<UpstreamConnection&>(timed);
    forget_idle(connection);
    connection.close();
  });
  std::erase_if(connections, [](const auto& connection) { return connection->is_closed(); });
  if (ticking == Ticking::fast) return;  // a deadline began something
  const bool at_work = calls.size() > free_calls.size();
  if (!at_work && connections.empty()) return;
  ticking = at_work ? Ticking::fast : Ticking::slow;
  ticker = loop.after(at_work ? Nanos(fast_tick) : Nanos(slow_tick), [this] { tick(); });
}

// --- pools ---------------------------------------------------------------------------------------

UpstreamConnection* UpstreamCore::take_idle(const Upstream& upstream, std::size_t server) {
  for (std::size_t at = idle.size(); at-- > 0;) {
    UpstreamConnection& connection = *idle[at];
    if (connection.upstream() != &upstream || connection.server() != server) continue;
    forget_idle(connection);
    return &connection;
  }
  return nullptr;
}

void UpstreamCore::keep_idle(UpstreamConnection& connection, Nanos span) {
  const std::size_t most = connection.upstream()->settings().idle_max;
  std::size_t kept = 0;
  UpstreamConnection* oldest = nullptr;
  for (UpstreamConnection* const each : idle) {
    if (each->upstream() != connection.upstream()) continue;
    if (oldest == nullptr) oldest = each;
    ++kept;
  }
  if (kept >= most && oldest != nullptr) {
    forget_idle(*oldest);
    oldest->close();
  }
  idle.push_back(&connection);
  connection.counted_idle().fetch_add(1, std::memory_order_relaxed);
  idle_wheel.set(connection, loop.now() + span);
}

void UpstreamCore::forget_idle(UpstreamConnection& connection) {
  const auto at = std::find(idle.rbegin(), idle.rend(), &connection);
  MUST(at != idle.rend());
  idle.erase(std::next(at).base());
  connection.counted_idle().fetch_sub(1, std::memory_order_relaxed);
  idle_wheel.set_never(connection);
}

void UpstreamCore::read_later(CallState& call) {
  loop.post([held = self, &call, serial = call.serial] {
    if (*held != nullptr && call.serial == serial && call.connection != nullptr)
      call.connection->read();
  });
}

// --- calls ---------------------------------------------------------------------------------------

UpstreamCall::Wrote UpstreamCall::send(std::string_view bytes) {
  CallState& call = state_of(*this);
  if (call.failure != UpstreamFailure::none) return Wrote::gone;
  if (call.body_ended && !call.switched) return Wrote::gone;
  if (bytes.empty()) return Wrote::sent;
  call.body_begun = true;
  const bool chunked = !call.switched && call.order.body == Framing::chunked;
  std::string& framed = call.core->scratch;
  if (chunked) {
    char size[20];
    const char* const end = std::to_chars(size, size + sizeof size, bytes.size(), 16).ptr;
    framed.assign(size, static_cast<std::size_t>(end - size)).append("\r\n");
    framed.append(bytes).append("\r\n");
    bytes = framed;
  }
  std::size_t queued = 0;
  if (call.connection == nullptr || !call.connection->is_at_work()) {
    call.waiting.append(bytes);
    queued = call.waiting.size();
  } else {
    if (!call.connection->write(bytes)) return Wrote::gone;
    queued = call.connection->queued();
    call.core->restage(call);
  }
  if (queued < limits::upstream_body_ahead_bytes) return Wrote::sent;
  call.room_wanted = true;
  return Wrote::full;
}

void UpstreamCall::end(const Fields& trailers) {
  CallState& call = state_of(*this);
  if (call.failure != UpstreamFailure::none) return;
  if (call.switched) {
    if (call.connection != nullptr) call.connection->shut();
    return;
  }
  if (call.body_ended) return;
  call.body_begun = true;
  if (call.order.body == Framing::chunked) {
    std::string& last = call.core->scratch;
    last = "0\r\n";
    for (const auto& [name, value] : trailers)
      if (is_allowed_trailer(lower_of(name))) append_field(last, name, value);
    last += "\r\n";
    if (call.connection == nullptr || !call.connection->is_at_work()) call.waiting.append(last);
    else call.connection->write(last);
  }
  call.body_ended = true;
  call.core->restage(call);
}

void UpstreamCall::pause() {
  CallState& call = state_of(*this);
  call.paused = true;
  if (call.failure == UpstreamFailure::none) call.core->restage(call);
}

void UpstreamCall::resume() {
  CallState& call = state_of(*this);
  if (!call.paused) return;
  call.paused = false;
  if (call.failure != UpstreamFailure::none) return;
  call.core->restage(call);
  call.core->read_later(call);
}

void UpstreamCall::cancel() { state_of(*this).core->cancel(state_of(*this)); }
const UpstreamTimes& UpstreamCall::times() const { return state_of(*this).times; }
const Upstream& UpstreamCall::upstream() const { return *state_of(*this).upstream; }

}  // namespace weir::http
