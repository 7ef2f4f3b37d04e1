// The hostile clients of scripts/bench/attacks, and the honest one that looks how the server feels
// meanwhile. Not a benchmark by itself: the script starts one process for each part and reads the
// one line of JSON that each prints.
//
//   attack flood HOST PORT KIND SECONDS CONNECTIONS   HTTP/2 over TLS; anew whenever it is cut
//   attack probe HOST PORT PATH SECONDS tls|plain     a new connection for each request
//   attack slow  HOST PORT KIND COUNT SECONDS         plain HTTP/1.1: head, body, reader
//   attack load  HOST PORT KIND SECONDS CONNECTIONS   as fast as it can; tells its own CPU time
//   attack hold  HOST PORT KIND COUNT SECONDS         sends what is never finished, and keeps it
//
// Everything is bounded by SECONDS. Frames are written by hand, because a library would not write
// these.

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using Steady = std::chrono::steady_clock;

double milliseconds_since(Steady::time_point then) {
  return std::chrono::duration<double, std::milli>(Steady::now() - then).count();
}

double quantile(std::vector<double> values, double part) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const auto at = static_cast<std::size_t>(part * static_cast<double>(values.size()));
  return values[std::min(at, values.size() - 1)];
}

double own_cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

sockaddr_in address_of(const char* host, int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  if (::inet_pton(AF_INET, host, &address.sin_addr) != 1) {
    std::fprintf(stderr, "attack: HOST must be an IPv4 address, not '%s'\n", host);
    std::exit(2);
  }
  if ((ntohl(address.sin_addr.s_addr) >> 24) != 127) {
    std::fprintf(stderr, "attack: HOST must be a loopback address: attack what is yours\n");
    std::exit(2);
  }
  return address;
}

int connect_to(const sockaddr_in& address) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
    return descriptor;
  ::close(descriptor);
  return -1;
}

struct SslFree {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
using Ssl = std::unique_ptr<SSL, SslFree>;

SSL_CTX* context_for(std::string_view alpn) {
  SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
  std::string wire;
  wire += static_cast<char>(alpn.size());
  wire += alpn;
  SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(wire.data()),
                          static_cast<unsigned>(wire.size()));
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  return context;
}

// --- frames of HTTP/2 ----------------------------------------------------------------------------

enum Type : std::uint8_t {
  type_data = 0,
  type_headers = 1,
  type_priority = 2,
  type_reset = 3,
  type_settings = 4,
  type_ping = 6,
  type_goaway = 7,
  type_window = 8,
  type_continuation = 9,
};
constexpr std::uint8_t end_stream = 1, ack = 1, end_headers = 4;

void append_u32(std::string& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xff);
}

void append_frame(std::string& out, std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
                  std::string_view payload) {
  out += static_cast<char>(payload.size() >> 16 & 0xff);
  out += static_cast<char>(payload.size() >> 8 & 0xff);
  out += static_cast<char>(payload.size() & 0xff);
  out += static_cast<char>(type);
  out += static_cast<char>(flags);
  append_u32(out, stream);
  out += payload;
}

std::string u32(std::uint32_t value) {
  std::string out;
  append_u32(out, value);
  return out;
}

// HPACK without a dynamic table: method (2 = GET, 3 = POST), https, path, localhost.
std::string head_block(char method_index, std::string_view path) {
  std::string block;
  block += static_cast<char>(0x80 | method_index);
  block += static_cast<char>(0x87);
  block += '\x04';
  block += static_cast<char>(path.size());
  block += path;
  block += '\x01';
  block += static_cast<char>(9);
  block += "localhost";
  return block;
}

// --- one attacking connection --------------------------------------------------------------------

// Writes what one kind of attack consists of: first what opens the connection, then rounds.
class Attack {
 public:
  explicit Attack(std::string_view kind) : kind_(kind) {}

  std::string opening() {
    std::string out = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    std::string settings;
    if (kind_ == "zero-window") settings = std::string("\0\x04", 2) + u32(0);
    append_frame(out, type_settings, 0, 0, settings);
    next_ = 1;
    return out;
  }

  // Some abusive frames; adds their number to `frames`.
  std::string round(std::uint64_t& frames) {
    std::string out;
    for (int i = 0; i < 32; ++i) one(out, frames);
    return out;
  }

  bool reads() const { return kind_ != "ping-deaf" && kind_ != "settings-deaf"; }
  bool holds() const { return kind_ == "zero-window" && next_ > 200; }  // nothing more to say

 private:
  std::uint32_t take_stream() {
    const std::uint32_t stream = next_;
    next_ += 2;
    return stream;
  }

  void one(std::string& out, std::uint64_t& frames) {
    if (kind_ == "rapid-reset") {
      const std::uint32_t stream = take_stream();
      append_frame(out, type_headers, end_stream | end_headers, stream, head_block(2, "/4k.html"));
      append_frame(out, type_reset, 0, stream, u32(8));
      frames += 2;
    } else if (kind_ == "server-reset") {  // makes the server say the reset: a window beyond 2^31-1
      const std::uint32_t stream = take_stream();
      append_frame(out, type_headers, end_stream | end_headers, stream, head_block(2, "/4k.html"));
      append_frame(out, type_window, 0, stream, u32(0x7fffffff));
      frames += 2;
    } else if (kind_ == "bad-head") {  // a request without a path: an error of the stream
      append_frame(out, type_headers, end_stream | end_headers, take_stream(), "\x82\x87");
      ++frames;
    } else if (kind_ == "continuation") {
      if (next_ == 1)
        append_frame(out, type_headers, end_stream, take_stream(), head_block(2, "/"));
      append_frame(out, type_continuation, 0, 1, std::string_view("\x10\x01x\x01y", 5));
      ++frames;
    } else if (kind_ == "continuation-empty") {
      if (next_ == 1)
        append_frame(out, type_headers, end_stream, take_stream(), head_block(2, "/"));
      append_frame(out, type_continuation, 0, 1, {});
      ++frames;
    } else if (kind_ == "ping" || kind_ == "ping-deaf") {
      append_frame(out, type_ping, 0, 0, "12345678");
      ++frames;
    } else if (kind_ == "settings" || kind_ == "settings-deaf") {
      append_frame(out, type_settings, 0, 0, std::string("\0\x04", 2) + u32(65'535));
      ++frames;
    } else if (kind_ == "empty-data") {
      if (next_ == 1)
        append_frame(out, type_headers, end_headers, take_stream(), head_block(3, "/4k.html"));
      append_frame(out, type_data, 0, 1, {});
      ++frames;
    } else if (kind_ == "priority") {
      append_frame(out, type_priority, 0, take_stream(), u32(0) + std::string(1, '\x10'));
      ++frames;
    } else if (kind_ == "window-overflow") {
      append_frame(out, type_window, 0, 0, u32(0x7fffffff));
      ++frames;
    } else if (kind_ == "window-flood") {
      append_frame(out, type_window, 0, 0, u32(1));
      ++frames;
    } else if (kind_ == "hpack-bomb") {
      hpack_bomb(out);
      ++frames;
    } else if (kind_ == "zero-window") {
      if (next_ > 200) return;
      append_frame(out, type_headers, end_stream | end_headers, take_stream(),
                   head_block(2, "/large.html"));
      ++frames;
    } else {
      std::fprintf(stderr, "attack: unknown kind '%s'\n", kind_.c_str());
      std::exit(2);
    }
  }

  // One field of nearly 4 KiB into the dynamic table, then 4,000 references of a byte each.
  void hpack_bomb(std::string& out) {
    std::string block = head_block(2, "/4k.html");
    if (next_ == 1) {
      const std::size_t bytes = 4'000;
      block += std::string("\x40\x01x\x7f", 4);  // new name, indexed; value of 127 + varint bytes
      std::size_t rest = bytes - 127;
      while (rest >= 128) {
        block += static_cast<char>(0x80 | (rest & 0x7f));
        rest >>= 7;
      }
      block += static_cast<char>(rest);
      block += std::string(bytes, 'b');
    }
    block += std::string(4'000, '\xbe');
    append_frame(out, type_headers, end_stream | end_headers, take_stream(), block);
  }

  const std::string kind_;
  std::uint32_t next_ = 1;
};

struct FloodResult {
  std::uint64_t connections = 0, frames = 0, bytes = 0, failed = 0;
  std::vector<double> cut_ms;
  std::vector<double> cut_frames;
  bool open_at_end = false;
};

class FloodConnection {
 public:
  FloodConnection(SSL_CTX* context, const sockaddr_in& address, std::string_view kind)
      : attack_(kind), descriptor_(connect_to(address)) {
    if (descriptor_ < 0) return;
    const int small = 64 * 1024;  // what we sent shall be near to what the server has seen
    ::setsockopt(descriptor_, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    const timeval patience{2, 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ssl_.reset(SSL_new(context));
    SSL_set_fd(ssl_.get(), descriptor_);
    SSL_set_tlsext_host_name(ssl_.get(), "localhost");
    ready_ = SSL_connect(ssl_.get()) == 1;
  }
  ~FloodConnection() {
    ssl_.reset();
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  FloodConnection(const FloodConnection&) = delete;
  FloodConnection& operator=(const FloodConnection&) = delete;

  void run(Steady::time_point end, FloodResult& result) {
    ++result.connections;
    const unsigned char* agreed = nullptr;
    unsigned agreed_bytes = 0;
    if (ready_) SSL_get0_alpn_selected(ssl_.get(), &agreed, &agreed_bytes);
    if (!ready_ || agreed_bytes != 2 || std::memcmp(agreed, "h2", 2) != 0) {
      ++result.failed;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      return;
    }
    const int flags = O_NONBLOCK;
    set_flags(flags);
    std::string out = attack_.opening();
    std::uint64_t frames = 0;
    const Steady::time_point began = Steady::now();
    while (Steady::now() < end) {
      if (out.empty() && !attack_.holds()) out = attack_.round(frames);
      if (!say(out) || (attack_.reads() && !hear())) {
        result.cut_ms.push_back(milliseconds_since(began));
        result.cut_frames.push_back(static_cast<double>(frames));
        result.frames += frames;
        return;
      }
    }
    result.frames += frames;
    result.open_at_end = true;
  }

 private:
  void set_flags(int flags) {
    const int now = ::fcntl(descriptor_, F_GETFL);
    ::fcntl(descriptor_, F_SETFL, now | flags);
  }

  // Sends some of `out`. False = the connection is no more.
  bool say(std::string& out) {
    if (out.empty()) {
      pollfd ready{descriptor_, POLLIN, 0};
      ::poll(&ready, 1, 20);
      return true;
    }
    const int count = SSL_write(ssl_.get(), out.data(), static_cast<int>(out.size()));
    if (count > 0) {
      out.erase(0, static_cast<std::size_t>(count));
      return true;
    }
    const int why = SSL_get_error(ssl_.get(), count);
    if (why != SSL_ERROR_WANT_WRITE && why != SSL_ERROR_WANT_READ) return false;
    pollfd ready{descriptor_, static_cast<short>(attack_.reads() ? POLLIN | POLLOUT : POLLOUT), 0};
    ::poll(&ready, 1, 20);
    // Even who does not listen notices that there is nobody any more.
    return (ready.revents & (POLLHUP | POLLERR)) == 0;
  }

  // Reads what is there. False = a GOAWAY with an error, or the end.
  bool hear() {
    char buffer[16 * 1024];
    while (true) {
      const int count = SSL_read(ssl_.get(), buffer, sizeof buffer);
      if (count <= 0) {
        const int why = SSL_get_error(ssl_.get(), count);
        return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
      }
      if (!understand({buffer, static_cast<std::size_t>(count)})) return false;
      if (count < static_cast<int>(sizeof buffer)) return true;
    }
  }

  bool understand(std::string_view bytes) {
    while (!bytes.empty()) {
      if (skip_ > 0) {
        const std::size_t part = std::min(skip_, bytes.size());
        bytes.remove_prefix(part);
        skip_ -= part;
        continue;
      }
      const std::size_t want = pending_.size() >= 9 ? 17 - pending_.size() : 9 - pending_.size();
      const std::size_t part = std::min(want, bytes.size());
      pending_.append(bytes.substr(0, part));
      bytes.remove_prefix(part);
      if (pending_.size() < 9) return true;
      const auto at = [this](std::size_t i) { return static_cast<unsigned char>(pending_[i]); };
      const std::size_t payload = std::size_t{at(0)} << 16 | std::size_t{at(1)} << 8 | at(2);
      if (at(3) == type_goaway && payload >= 8) {
        if (pending_.size() < 17) continue;
        if ((at(13) | at(14) | at(15) | at(16)) != 0) return false;
        skip_ = payload - 8;
      } else {
        skip_ = payload;
      }
      pending_.clear();
    }
    return true;
  }

  Attack attack_;
  int descriptor_;
  Ssl ssl_;
  bool ready_ = false;
  std::string pending_;
  std::size_t skip_ = 0;
};

void print_flood(const std::vector<FloodResult>& results) {
  FloodResult all;
  for (const FloodResult& one : results) {
    all.connections += one.connections;
    all.frames += one.frames;
    all.failed += one.failed;
    all.open_at_end |= one.open_at_end;
    all.cut_ms.insert(all.cut_ms.end(), one.cut_ms.begin(), one.cut_ms.end());
    all.cut_frames.insert(all.cut_frames.end(), one.cut_frames.begin(), one.cut_frames.end());
  }
  // A cut is in time when either bound of the specification holds.
  std::size_t in_time = 0;
  for (std::size_t i = 0; i < all.cut_ms.size(); ++i)
    in_time += all.cut_ms[i] <= 50 || all.cut_frames[i] <= 2'000 ? 1 : 0;
  std::printf(
      "{\"connections\":%llu,\"failed\":%llu,\"frames\":%llu,\"cuts\":%zu,\"cuts_in_time\":%zu,"
      "\"open_at_end\":%s,\"cut_ms_median\":%.2f,\"cut_ms_max\":%.2f,\"cut_frames_median\":%.0f,"
      "\"cut_frames_max\":%.0f,\"cpu_s\":%.2f}\n",
      static_cast<unsigned long long>(all.connections), static_cast<unsigned long long>(all.failed),
      static_cast<unsigned long long>(all.frames), all.cut_ms.size(), in_time,
      all.open_at_end ? "true" : "false", quantile(all.cut_ms, 0.5), quantile(all.cut_ms, 1),
      quantile(all.cut_frames, 0.5), quantile(all.cut_frames, 1), own_cpu_seconds());
}

int flood(const sockaddr_in& address, const char* kind, double seconds, int connections) {
  SSL_CTX* const context = context_for("h2");
  const auto end = Steady::now() + std::chrono::milliseconds(static_cast<long>(seconds * 1000));
  std::vector<FloodResult> results(static_cast<std::size_t>(connections));
  std::vector<std::thread> threads;
  for (FloodResult& result : results)
    threads.emplace_back([context, &address, kind, end, &result] {
      while (Steady::now() < end) FloodConnection(context, address, kind).run(end, result);
    });
  for (std::thread& thread : threads) thread.join();
  print_flood(results);
  SSL_CTX_free(context);
  return 0;
}

// --- the honest client ---------------------------------------------------------------------------

// One request on a new connection. False = an error.
bool ask_once(SSL_CTX* context, const sockaddr_in& address, const std::string& request) {
  const int descriptor = connect_to(address);
  if (descriptor < 0) return false;
  const timeval patience{5, 0};
  ::setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  std::string got;
  char buffer[16 * 1024];
  Ssl ssl;
  bool ok = true;
  if (context != nullptr) {
    ssl.reset(SSL_new(context));
    SSL_set_fd(ssl.get(), descriptor);
    SSL_set_tlsext_host_name(ssl.get(), "localhost");
    ok = SSL_connect(ssl.get()) == 1 &&
         SSL_write(ssl.get(), request.data(), static_cast<int>(request.size())) > 0;
  } else {
    ok = ::send(descriptor, request.data(), request.size(), MSG_NOSIGNAL) > 0;
  }
  while (ok) {
    const long count = ssl != nullptr ? SSL_read(ssl.get(), buffer, sizeof buffer)
                                      : ::recv(descriptor, buffer, sizeof buffer, 0);
    if (count <= 0) break;
    got.append(buffer, static_cast<std::size_t>(count));
  }
  ssl.reset();
  ::close(descriptor);
  const std::size_t body = got.find("\r\n\r\n");
  return ok && got.starts_with("HTTP/1.1 200") && body != std::string::npos &&
         got.size() >= body + 4 + 4'000;
}

int probe(const sockaddr_in& address, const char* path, double seconds, bool tls) {
  SSL_CTX* const context = tls ? context_for("http/1.1") : nullptr;
  const std::string request =
      "GET " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  const auto end = Steady::now() + std::chrono::milliseconds(static_cast<long>(seconds * 1000));
  std::vector<double> times;
  std::size_t errors = 0;
  while (Steady::now() < end) {
    const auto began = Steady::now();
    if (!ask_once(context, address, request)) ++errors;
    times.push_back(milliseconds_since(began));
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  std::printf("{\"count\":%zu,\"errors\":%zu,\"p50_ms\":%.2f,\"p99_ms\":%.2f,\"max_ms\":%.2f}\n",
              times.size(), errors, quantile(times, 0.5), quantile(times, 0.99),
              quantile(times, 1));
  if (context != nullptr) SSL_CTX_free(context);
  return 0;
}

// --- slow clients --------------------------------------------------------------------------------

struct SlowClient {
  int descriptor = -1;
  std::size_t said = 0;
  double ended_ms = -1;
};

std::string slow_text(std::string_view kind) {
  if (kind == "head")
    return "GET /4k.html HTTP/1.1\r\nHost: localhost\r\nX-Slow: " + std::string(10'000, 'a');
  if (kind == "body")
    return "PUT /kv/slow HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000\r\n\r\n" +
           std::string(10'000, '1');
  return "GET /large.html HTTP/1.1\r\nHost: localhost\r\n\r\n";
}

int slow(const sockaddr_in& address, const char* kind, std::size_t count, double seconds) {
  const std::string text = slow_text(kind);
  const bool reader = std::string_view(kind) == "reader";
  // The head of a slow body and the request of a slow reader are sent at once.
  const std::size_t at_once = reader                             ? text.size()
                              : std::string_view(kind) == "body" ? text.find("\r\n\r\n") + 4
                                                                 : 20;
  std::vector<SlowClient> clients(count);
  const int poller = ::epoll_create1(EPOLL_CLOEXEC);
  std::size_t refused = 0;
  const auto began = Steady::now();
  for (std::size_t i = 0; i < count; ++i) {
    SlowClient& client = clients[i];
    client.descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (reader) {  // a small window, so that the server has to keep its answer
      const int small = 2'048;
      ::setsockopt(client.descriptor, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    }
    sockaddr_in from{};
    from.sin_family = AF_INET;
    from.sin_addr.s_addr = htonl(0x7f000002 + static_cast<std::uint32_t>(i % 50));
    ::bind(client.descriptor, reinterpret_cast<const sockaddr*>(&from), sizeof from);
    if (::connect(client.descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) !=
        0) {
      ++refused;
      client.ended_ms = 0;
      continue;
    }
    const ssize_t sent =
        ::send(client.descriptor, text.data(), at_once, MSG_NOSIGNAL | MSG_DONTWAIT);
    client.said = sent > 0 ? static_cast<std::size_t>(sent) : 0;
    epoll_event event{};
    // A slow reader never looks at what came, only whether the other side is gone.
    event.events = reader ? std::uint32_t{EPOLLRDHUP} : std::uint32_t{EPOLLIN | EPOLLRDHUP};
    event.data.u64 = i;
    ::epoll_ctl(poller, EPOLL_CTL_ADD, client.descriptor, &event);
  }
  const double connected_ms = milliseconds_since(began);
  std::fprintf(stderr, "connected\n");
  // Each says a byte a second, spread over the second as strangers would.
  constexpr std::size_t steps = 1'000;
  double next_step_ms = connected_ms + 1'000;
  std::size_t step = 0;
  epoll_event events[512];
  while (milliseconds_since(began) < seconds * 1'000 + connected_ms) {
    const int ready = ::epoll_wait(poller, events, 512, 1);
    for (int i = 0; i < ready; ++i) {
      SlowClient& client = clients[events[i].data.u64];
      char buffer[4'096];
      if ((events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) == 0 && !reader &&
          ::recv(client.descriptor, buffer, sizeof buffer, MSG_DONTWAIT) > 0)
        continue;
      if (client.ended_ms >= 0) continue;
      client.ended_ms = milliseconds_since(began);
      ::close(client.descriptor);
      client.descriptor = -1;
    }
    if (milliseconds_since(began) < next_step_ms) continue;
    next_step_ms += 1'000.0 / steps;
    step = (step + 1) % steps;
    for (std::size_t i = step; i < clients.size(); i += steps) {
      SlowClient& client = clients[i];
      if (client.descriptor < 0 || client.ended_ms >= 0) continue;
      if (reader) {
        char buffer[16];
        (void)::recv(client.descriptor, buffer, sizeof buffer, MSG_DONTWAIT);
      } else if (client.said < text.size()) {
        (void)::send(client.descriptor, text.data() + client.said++, 1,
                     MSG_NOSIGNAL | MSG_DONTWAIT);
      }
    }
  }
  std::vector<double> ends;
  for (const SlowClient& client : clients)
    if (client.ended_ms > 0) ends.push_back(client.ended_ms / 1'000);
  std::printf(
      "{\"count\":%zu,\"refused\":%zu,\"connected_s\":%.2f,\"cut\":%zu,\"cut_first_s\":%.1f,"
      "\"cut_last_s\":%.1f}\n",
      count, refused, connected_ms / 1'000, ends.size(), quantile(ends, 0), quantile(ends, 1));
  return 0;
}

// --- what costs a client little ------------------------------------------------------------------

std::string repeated(std::string_view text, std::size_t count) {
  std::string all;
  for (std::size_t i = 0; i < count; ++i) all += text;
  return all;
}

std::string get_with(std::string_view target, std::string_view fields) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: x\r\n" + std::string(fields) + "\r\n";
}

// Requests that end; each of them is answered in full.
std::string load_text(std::string_view kind) {
  if (kind == "tiny") return get_with("/none", {});
  if (kind == "page") return get_with("/4k.html", {});
  if (kind == "fields") return get_with("/none", repeated("a:b\r\n", 98));
  if (kind == "escapes") return get_with("/" + repeated("%41/../", 1'000), {});
  if (kind == "ranges") return get_with("/4k.html", "Range: bytes=0-0,2-2,4-4,6-6,8-8\r\n");
  if (kind == "conditions")
    return get_with("/4k.html", "If-None-Match: " + repeated("\"a\",", 2'000) + "\"b\"\r\n");
  if (kind == "codings")
    return get_with("/4k.html", "Accept-Encoding: " + repeated("x;q=0.1,", 1'500) + "gzip\r\n");
  if (kind == "cookies") return get_with("/none", "Cookie: " + repeated("a=b; ", 2'500) + "\r\n");
  if (kind == "query") return get_with("/none?" + repeated("a=%27or1&", 800), {});
  if (kind == "script") return get_with("/none?a=" + repeated("%3Cscript", 700), {});
  if (kind == "chunks")
    return "PUT /kv/a HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: "
           "chunked\r\n\r\n" +
           repeated("1\r\nx\r\n", 10'000) + "0\r\n\r\n";
  // One bracket too few: all of it is read, and nothing stored.
  if (kind == "json")
    return "PUT /kv/a HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "
           "40001\r\n\r\n" +
           repeated("[1,", 10'000) + "1" + repeated("]", 9'999) + ' ';
  if (kind == "write")
    return "PUT /kv/a HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "
           "40001\r\n\r\n[" +
           repeated("1,", 19'999) + "1]";
  std::fprintf(stderr, "attack: unknown kind '%.*s'\n", static_cast<int>(kind.size()), kind.data());
  std::exit(2);
}

struct LoadResult {
  std::uint64_t bytes = 0, requests = 0;
};

// Sends the same request again and again, eight at once, and throws the answers away.
void load_one(const sockaddr_in& address, const std::string& batch, Steady::time_point end,
              LoadResult& result) {
  std::string sink(256 * 1024, '\0');
  while (Steady::now() < end) {
    const int descriptor = connect_to(address);
    if (descriptor < 0) return;
    std::size_t at = 0;
    while (Steady::now() < end) {
      const ssize_t sent =
          ::send(descriptor, batch.data() + at, batch.size() - at, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent > 0) {
        result.bytes += static_cast<std::uint64_t>(sent);
        at += static_cast<std::size_t>(sent);
        if (at == batch.size()) {
          at = 0;
          result.requests += 8;
        }
      } else if (errno != EAGAIN) {
        break;
      } else {
        pollfd ready{descriptor, POLLIN | POLLOUT, 0};
        ::poll(&ready, 1, 100);
      }
      const ssize_t got = ::recv(descriptor, sink.data(), sink.size(), MSG_DONTWAIT);
      if (got == 0 || (got < 0 && errno != EAGAIN)) break;
    }
    ::close(descriptor);
  }
}

int load(const sockaddr_in& address, const char* kind, double seconds, int connections) {
  const std::string batch = repeated(load_text(kind), 8);
  const auto end = Steady::now() + std::chrono::milliseconds(static_cast<long>(seconds * 1000));
  std::vector<LoadResult> results(static_cast<std::size_t>(connections));
  std::vector<std::thread> threads;
  for (LoadResult& result : results)
    threads.emplace_back(
        [&address, &batch, end, &result] { load_one(address, batch, end, result); });
  for (std::thread& thread : threads) thread.join();
  std::uint64_t bytes = 0, requests = 0;
  for (const LoadResult& result : results) {
    bytes += result.bytes;
    requests += result.requests;
  }
  std::printf("{\"bytes\":%llu,\"requests\":%llu,\"cpu_s\":%.3f}\n",
              static_cast<unsigned long long>(bytes), static_cast<unsigned long long>(requests),
              own_cpu_seconds());
  return 0;
}

// Requests that do not end.
std::string hold_text(std::string_view kind) {
  const std::string put = "PUT /kv/a HTTP/1.1\r\nHost: x\r\n";
  if (kind == "head") return get_with("/", "A: " + std::string(15'000, 'a')).substr(0, 15'000);
  if (kind == "fields") return "GET / HTTP/1.1\r\nHost: x\r\n" + repeated("a:b\r\n", 90);
  if (kind == "body") return put + "Content-Length: 60000\r\n\r\n" + std::string(50'000, '1');
  if (kind == "chunks")
    return put + "Transfer-Encoding: chunked\r\n\r\n" + repeated("1\r\n1\r\n", 8'000);
  if (kind == "pipeline") return repeated(get_with("/large.html", {}), 400);
  std::fprintf(stderr, "attack: unknown kind '%.*s'\n", static_cast<int>(kind.size()), kind.data());
  std::exit(2);
}

int hold(const sockaddr_in& address, const char* kind, std::size_t count, double seconds) {
  const std::string text = hold_text(kind);
  std::vector<int> held;
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const int descriptor = connect_to(address);
    if (descriptor < 0) break;
    const ssize_t sent = ::send(descriptor, text.data(), text.size(), MSG_NOSIGNAL);
    bytes += sent > 0 ? static_cast<std::uint64_t>(sent) : 0;
    held.push_back(descriptor);
  }
  std::fprintf(stderr, "connected\n");
  std::this_thread::sleep_for(std::chrono::milliseconds(static_cast<long>(seconds * 1000)));
  std::printf("{\"bytes\":%llu,\"connections\":%zu}\n", static_cast<unsigned long long>(bytes),
              held.size());
  for (const int descriptor : held) ::close(descriptor);
  return 0;
}

int usage() {
  std::fprintf(stderr,
               "attack flood HOST PORT KIND SECONDS CONNECTIONS\n"
               "attack probe HOST PORT PATH SECONDS tls|plain\n"
               "attack slow HOST PORT head|body|reader COUNT SECONDS\n"
               "attack load HOST PORT KIND SECONDS CONNECTIONS\n"
               "attack hold HOST PORT KIND COUNT SECONDS\n");
  return 2;
}

}  // namespace

int main(int count, char** words) {
  std::signal(SIGPIPE, SIG_IGN);
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  if (count != 7) return usage();
  const std::string_view what = words[1];
  const sockaddr_in address = address_of(words[2], std::atoi(words[3]));
  if (what == "flood") return flood(address, words[4], std::atof(words[5]), std::atoi(words[6]));
  if (what == "probe")
    return probe(address, words[4], std::atof(words[5]), std::string_view(words[6]) == "tls");
  if (what == "slow")
    return slow(address, words[4], static_cast<std::size_t>(std::atol(words[5])),
                std::atof(words[6]));
  if (what == "load") return load(address, words[4], std::atof(words[5]), std::atoi(words[6]));
  if (what == "hold")
    return hold(address, words[4], static_cast<std::size_t>(std::atol(words[5])),
                std::atof(words[6]));
  return usage();
}
