// Goal: whatever call of the wire fails, no byte is wrong, nothing hangs, nothing leaks, and the
// server serves on (wire F-1, F-3, F-4).
// Method: the same few clients again and again, while the n-th call on the server's threads fails,
// for every n; an answer is right, refuses with 5xx, or ends early. Then a client without faults.

#include "live_server.h"

#include "faulty.h"

#include <cerrno>
#include <memory>
#include <string>

using namespace weir;
using namespace weir::http;
using namespace weir::test;

namespace {

const std::string large = [] {
  std::string text;
  for (int i = 0; text.size() < 300'000; ++i) text += std::to_string(i) + ' ';
  return text;
}();

void serve(Exchange& exchange) {
  const std::string_view path = exchange.request().path;
  if (path == "/large") return exchange.respond(Response{200, {}, large});
  if (path == "/stream") {
    StreamWriter& stream = exchange.start_stream({200, {}, ""});
    for (int i = 0; i < 10; ++i) stream.write("piece " + std::to_string(i) + ";");
    return stream.close();
  }
  if (exchange.request().method == Method::post)
    return exchange.read_body(1 << 20, [](Exchange& whole) {
      whole.respond(Response{200, {}, std::string(whole.body())});
    });
  exchange.respond(Response{200, {{"Content-Type", "text/plain"}}, "small"});
}

// Right, refused, or nothing at all.
void judge(const Answer& answer, std::string_view body) {
  const bool is_refused = answer.status >= 500;
  if (!answer.closed && !is_refused) CHECK(answer.status == 200);
  if (!answer.closed && answer.status == 200) CHECK(answer.body == body);
  if (answer.closed && answer.status == 200) CHECK(body.starts_with(answer.body));
}

void visit(std::uint16_t port) {
  {
    RawClient client(port);
    if (!client.is_open()) return;
    client.say("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /large HTTP/1.1\r\nHost: a\r\n\r\n");
    const Answer first = client.hear();
    judge(first, "small");
    if (!first.closed) judge(client.hear(), large);
  }
  RawClient client(port);
  if (!client.is_open()) return;
  const std::string body(5'000, 'b');
  client.say("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n" + body.substr(0, 99));
  client.say(body.substr(99));
  judge(client.hear(), body);
  RawClient streaming(port);
  streaming.say("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
  const Answer answer = streaming.hear();
  if (!answer.closed && answer.status == 200)
    CHECK(answer.body.find("piece 9;") != std::string::npos);
}

bool serves(std::uint16_t port) {
  RawClient client(port);
  client.say("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  return client.hear().body == "small";
}

void fail_visits(faults::Calls calls, int error, std::uint64_t count = 1) {
  LiveServer live(serve);
  REQUIRE(serves(live.port()));  // a start without memory is no start; what comes after is meant
  fail_each(
      {.calls = calls, .error = error, .count = count, .threads = faults::Plan::Threads::others},
      [] {}, [&live] { visit(live.port()); },
      [&live] {
        REQUIRE(serves(live.port()));
        live.wait_until([&live] { return live.server().counters().connections == 0; });
        CHECK(live.server().counters().bodies_buffered_bytes == 0);
      },
      150, 7);
}

}  // namespace

TEST_CASE("each call of the wire fails once, with every error", "[http][faults]") {
  if (!has_faults()) return;
  for (const int error : {EINTR, ENOMEM, ECONNRESET, EMFILE}) {
    INFO("errno " << error);
    fail_visits(faults::wire_calls, error);
  }
}

TEST_CASE("each allocation of the wire fails, once and three times in a row", "[http][faults]") {
  if (!has_faults()) return;
  for (const std::uint64_t count : {1U, 3U})
    fail_visits(faults::only(faults::Call::allocate), ENOMEM, count);
}
