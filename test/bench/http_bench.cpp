// Question: what does a prepared answer cost, engine alone, beside nginx on the same machine?
// Budget (wire specification, section 12): 4 KiB keep-alive with 64 connections <= 0.70 x nginx's
// CPU per request and
// >= 1.25 x its requests per second; 40 KiB <= 0.95 x; TLS 4 KiB <= 0.85 x.
//
// A server for wrk: bench-http LOOPS PORT [CERTIFICATE KEY]. Answers /4k and /40k from memory until
// SIGTERM. Load and counting belong to scripts/bench/http.

#include "base/log.h"
#include "http/server.h"

#include <unistd.h>
#include <csignal>
#include <cstdio>
#include <cstdlib>

using namespace weir;

namespace {

http::Server* running = nullptr;

class Pages : public http::Handler {
 public:
  Pages() : small_(page(4096)), large_(page(40 * 1024)) {}
  void on_request(http::Exchange& exchange) override {
    const http::Request& request = exchange.request();
    if (request.path == "/4k") exchange.respond(small_);
    else if (request.path == "/40k") exchange.respond(large_);
    else exchange.refuse(404, "There are only /4k and /40k.");
  }

 private:
  static std::shared_ptr<const http::Prepared> page(std::size_t bytes) {
    auto made = http::prepare(
        200, {{"Content-Type", "text/html; charset=utf-8"}, {"ETag", "\"0123456789abcdef\""}},
        std::make_shared<const std::string>(bytes, 'x'));
    return std::move(made).value();
  }
  std::shared_ptr<const http::Prepared> small_;
  std::shared_ptr<const http::Prepared> large_;
};

}  // namespace

int main(int count, char** arguments) {
  if (count != 3 && count != 5) {
    std::fprintf(stderr, "usage: bench-http LOOPS PORT [CERTIFICATE KEY]\n");
    return 2;
  }
  SystemClock clock;
  LineWriter writer(STDERR_FILENO, 64);
  Log log(clock, writer, LogLevel::warning, LogForm::text);
  http::ServerSettings settings;
  settings.loops = static_cast<std::size_t>(std::atoi(arguments[1]));
  http::ListenerSettings listener;
  listener.port = static_cast<std::uint16_t>(std::atoi(arguments[2]));
  if (count == 5) {
    auto tls = http::TlsContext::open({{{arguments[3], arguments[4]}}}, clock);
    if (!tls.ok()) {
      std::fprintf(stderr, "%s\n", tls.error().text().c_str());
      return 1;
    }
    listener.tls = *tls;
  }
  settings.listeners.push_back(listener);
  auto server = http::Server::open(
      settings, [](http::Loop&) { return std::make_unique<Pages>(); }, clock, log);
  if (!server.ok()) {
    std::fprintf(stderr, "%s\n", server.error().text().c_str());
    return 1;
  }
  running = server->get();
  const auto stop = [](int) { running->stop(std::chrono::seconds(1)); };
  std::signal(SIGTERM, stop);
  std::signal(SIGINT, stop);
  (*server)->run();
  return 0;
}
