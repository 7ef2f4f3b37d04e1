// Property: whatever a client says, an HTTP/2 connection answers or ends; no exchange is lost and
// nothing is kept of it afterwards. A real loop, a pair of sockets, the whole session in between.

#include "base/log.h"
#include "base/must.h"
#include "http/engine.h"
#include "http/loop_core.h"

#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>

using namespace weir;
using namespace weir::http;

namespace {

std::size_t begun = 0, ended = 0;

class Handling final : public Handler {
 public:
  void on_request(Exchange& exchange) override {
    ++begun;
    const std::string_view path = exchange.request().path;
    if (path == "/s") {
      StreamWriter& stream = exchange.start_stream({200, {}, "piece"});
      stream.write(std::string_view("another"));
      return stream.close({{"X-Trailer", "x"}});
    }
    if (path == "/n") return;  // answered never, or by the end of the connection
    exchange.read_body(4 * KiB, [](Exchange& whole) {
      whole.respond(Response{200, {{"Content-Type", "text/html"}}, std::string(whole.body())});
    });
  }
  void on_finished(const Finished&) override { ++ended; }
};

struct World {
  SystemClock clock;
  LineWriter writer{STDERR_FILENO, 64};
  Log log{clock, writer, LogLevel::error, LogForm::text};
  ListenerSettings settings;
  Listener listener;
  Engine engine{ServerSettings{}, [](Loop&) { return std::make_unique<Handling>(); }, clock, log};
  LoopCore core{engine, 0};
  World() {
    settings.h2c = true;
    listener.settings = &settings;
    engine.connections_max = 16;
    MUST(core.open().ok());
    core.handler = engine.factory(core.loop);
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  static World& world = *new World;
  int ends[2];
  MUST(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
  world.core.admit(ends[0], Peer{}, world.listener);
  constexpr std::string_view preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  std::string said(preface);
  said.append("\0\0\0\4\0\0\0\0\0", 9);
  said.append(reinterpret_cast<const char*>(data), bytes);
  char heard[64 * KiB];
  for (std::size_t at = 0; at < said.size();) {
    const auto sent = ::send(ends[1], said.data() + at, said.size() - at, MSG_NOSIGNAL);
    if (sent > 0) at += static_cast<std::size_t>(sent);
    world.core.turn();
    const auto count = ::recv(ends[1], heard, sizeof heard, 0);
    if (count == 0 || (sent < 0 && count < 0)) break;
  }
  ::close(ends[1]);
  for (int i = 0; i < 4; ++i) {
    world.core.wake();
    world.core.turn();
  }
  MUST(world.engine.connections == 0);
  MUST(begun <= ended);  // what was refused or never begun ends as well
  MUST(world.engine.bodies_buffered == 0);
  return 0;
}
