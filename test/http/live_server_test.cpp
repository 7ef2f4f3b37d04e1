// The bodies of live_server.h, and the proof that they tell a whole answer from a cut one.

#include "live_server.h"

#include "base/bytes.h"
#include "base/must.h"

#include <catch2/catch.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <mutex>

namespace weir::test {
namespace {

class CallingHandler : public http::Handler {
 public:
  CallingHandler(Answering answering, std::shared_ptr<Guarded<std::vector<Seen>>> seen)
      : answering_(std::move(answering)), seen_(std::move(seen)) {}
  void on_request(http::Exchange& exchange) override { answering_(exchange); }
  void on_finished(const http::Finished& finished) override {
    const Seen one{std::string(finished.exchange.request().path), finished.status,
                   finished.body_bytes, finished.ending};
    seen_->with([&one](std::vector<Seen>& all) { all.push_back(one); });
  }

 private:
  Answering answering_;
  std::shared_ptr<Guarded<std::vector<Seen>>> seen_;
};

}  // namespace

LiveServer::LiveServer(Answering answering, LiveOptions options)
    : writer_(STDERR_FILENO, 64),
      log_(system_clock_, writer_, LogLevel::error, LogForm::text),
      seen_(std::make_shared<Guarded<std::vector<Seen>>>()) {
  http::ServerSettings settings;
  http::ListenerSettings listener;
  listener.tls = options.tls;
  listener.unix_path = options.unix_path;
  listener.proxy_protocol = options.proxy_protocol;
  listener.h2c = options.h2c;
  settings.listeners.push_back(listener);
  settings.limits = options.limits;
  settings.timeouts = options.timeouts;
  settings.loops = options.loops;
  settings.is_exempt = options.is_exempt;
  const Clock& clock = options.clock == nullptr ? system_clock_ : *options.clock;
  auto made = http::Server::open(
      settings,
      [answering, seen = seen_](http::Loop&) {
        return std::make_unique<CallingHandler>(answering, seen);
      },
      clock, log_);
  if (!made.ok()) FAIL(made.error().text());
  server_ = std::move(made).value();
  thread_ = std::thread([this] { server_->run(); });
}

LiveServer::~LiveServer() {
  server_->stop(Nanos(0));
  join();
}

void LiveServer::join() {
  if (thread_.joinable()) thread_.join();
}

void LiveServer::turn() {
  for (std::size_t i = 0; i < server_->loops(); ++i)
    for (int pass = 0; pass < 2;
         ++pass) {  // timers run behind posted work, so the second pass has seen them
      std::mutex mutex;
      std::condition_variable came;
      bool done = false;
      server_->loop(i).post([&] {
        const std::lock_guard lock(mutex);
        done = true;
        came.notify_one();
      });
      std::unique_lock lock(mutex);
      REQUIRE(
          came.wait_for(lock, std::chrono::milliseconds(patience_ms), [&done] { return done; }));
    }
}

void LiveServer::wait_until(const std::function<bool()>& is_so) {
  for (int i = 0; i < patience_ms && !is_so(); ++i) {
    ::poll(nullptr, 0, 1);
    turn();
  }
  CHECK(is_so());
}

void LiveServer::wait_for_requests(std::uint64_t count) {
  wait_until([this, count] { return server_->counters().requests >= count; });
  turn();
}

void LiveServer::wait_for_bytes(std::uint64_t count) {
  wait_until([this, count] { return server_->counters().bytes_in >= count; });
  turn();
}

std::vector<Seen> LiveServer::seen() const {
  return seen_->with([](const std::vector<Seen>& all) { return all; });
}

Seen LiveServer::wait_for_seen(std::size_t count) const {
  for (int i = 0; i < patience_ms; ++i) {
    const auto all = seen();
    if (all.size() >= count) return all[count - 1];
    ::poll(nullptr, 0, 1);
  }
  FAIL("only " << seen().size() << " of " << count << " exchanges finished");
  return {};
}

}  // namespace weir::test

using namespace weir;
using namespace weir::test;

TEST_CASE("the raw client hears lengths, chunks and the end", "[http]") {
  LiveServer live([](http::Exchange& exchange) {
    if (exchange.request().path == "/stream") {
      auto& stream = exchange.start_stream({200, {}, "one,"});
      stream.write("two");
      stream.close();
    } else {
      exchange.respond(http::Response{200, {}, "plain"});
    }
  });
  RawClient client(live.port());
  client.say("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(client.hear().body == "plain");
  client.say("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(client.hear().body == "one,two");
  client.say("GET /stream HTTP/1.0\r\n\r\n");
  CHECK(client.hear().body == "one,two");
  CHECK(client.ends());
}
