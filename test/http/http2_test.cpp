// Goal: the rules of HTTP/2 (wire H-29 .. H-33, and sections of RFC 9113, 8441 and 9218) as a
// client meets them. Method: live servers; a client that says exact frames; a clock of its own
// where time matters.

#include "http2_client.h"
#include "live_server.h"
#include "support.h"

#include "base/bytes.h"
#include "http/token_bucket.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>

using namespace weir;
using namespace weir::http;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

constexpr std::int64_t no_error = 0, protocol_error = 1, refused_stream = 7, cancel = 8,
                       enhance_your_calm = 11;

// Answers with what the request was.
void echo(Exchange& exchange) {
  exchange.read_body(64 * KiB, [](Exchange& whole) {
    const Request& request = whole.request();
    Response response{200, {{"X-Version", std::to_string(request.version_major)}}, {}};
    response.body = std::string(request.method_text) + ' ' + std::string(request.host) + ' ' +
                    std::string(request.path) + '?' + std::string(request.query) + ' ' +
                    std::string(whole.body());
    for (const Field& field : request.fields)
      if (field.name != "host")
        response.fields.emplace_back("Seen-" + std::string(field.name), std::string(field.value));
    whole.respond(std::move(response));
  });
}

void say_ok(Exchange& exchange) { exchange.respond(Response{200, {}, "ok"}); }

Lines without(Lines fields, std::string_view name) {
  std::erase_if(fields, [name](const auto& field) { return field.first == name; });
  return fields;
}

Lines with(Lines fields, std::string_view name, std::string_view value) {
  fields = without(std::move(fields), name);
  fields.insert(fields.begin(), {std::string(name), std::string(value)});
  return fields;
}

std::shared_ptr<const Prepared> prepared_of(std::string body) {
  auto made = prepare(200, {{"Content-Type", "text/plain"}},
                      std::make_shared<const std::string>(std::move(body)),
                      {PrepareOptions::Age::slot, "weir; hit"});
  REQUIRE(made.ok());
  return *made;
}

void pass(ManualClock& clock, LiveServer& live, int seconds) {
  for (int i = 0; i < seconds; ++i) {
    clock.advance(1s);
    live.turn();
  }
}

}  // namespace

// --- RFC 9113 3, 4, 6.5: the connection ----------------------------------------------------------

TEST_CASE("the settings are those of the specification", "[http][http2]") {
  LiveServer live(say_ok, {.h2c = true});
  Http2Client client(live.port());
  client.sync();
  CHECK(client.settings[3] == 128);       // MAX_CONCURRENT_STREAMS
  CHECK(client.settings[4] == 64 * KiB);  // INITIAL_WINDOW_SIZE
  CHECK(client.settings[6] == 32 * KiB);  // MAX_HEADER_LIST_SIZE
  CHECK(client.settings[8] == 1);         // ENABLE_CONNECT_PROTOCOL
  CHECK(client.settings[9] == 1);         // NO_RFC7540_PRIORITIES
  CHECK(client.settings.count(2) == 0);   // a server does not offer push
  const auto update = [&client] {
    return std::find_if(client.frames.begin(), client.frames.end(), [](const Frame& one) {
      return one.type == frame_window_update && one.stream == 0;
    });
  };
  REQUIRE(client.until([&] { return update() != client.frames.end(); }));
  CHECK(update()->payload == number32(1 * MiB - 65'535));
}

TEST_CASE("prior knowledge needs its switch, and may come in pieces", "[http][http2]") {
  {
    LiveServer closed(say_ok);
    RawClient client(closed.port());
    client.say(Http2Client::preface);
    CHECK(client.hear().status == 505);
  }
  LiveServer live(say_ok, {.h2c = true});
  RawClient client(live.port());
  const std::string all =
      std::string(Http2Client::preface) + frame_of(frame_settings, 0, 0, "") +
      frame_of(frame_headers, end_headers | end_stream, 1, hpack_of(request_of("GET", "/")));
  for (std::size_t i = 0; i < all.size(); ++i) {
    client.say(std::string_view(all).substr(i, 1));
    live.wait_for_bytes(i + 1);
  }
  CHECK(live.wait_for_seen(1).status == 200);
  RawClient old(live.port());
  old.say("PRI * HTTP/2.0\r\n\r\nSX");
  CHECK(old.hear().status == 505);
  RawClient plain(live.port());
  plain.say("PUT / HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(plain.hear().status == 200);
}

TEST_CASE("many requests share a connection, answered as they are ready", "[http][http2]") {
  Guarded<ExchangeId> held;
  LiveServer live(
      [&held](Exchange& exchange) {
        if (exchange.request().path == "/later")
          held.with([&exchange](ExchangeId& id) { id = exchange.id(); });
        else echo(exchange);
      },
      {.h2c = true});
  Http2Client client(live.port());
  client.get(1, "/later");
  for (std::uint32_t i = 3; i < 203; i += 2) client.get(i, "/" + std::to_string(i));
  for (std::uint32_t i = 3; i < 203; i += 2)
    CHECK(client.whole(i).body == "GET a /" + std::to_string(i) + "? ");
  CHECK(client.streams[1].status == 0);
  Loop& loop = live.server().loop(0);
  loop.post([&] {
    loop.find(held.with([](ExchangeId& id) { return id; }))->respond(Response{200, {}, "late"});
  });
  CHECK(client.whole(1).body == "late");
  CHECK(live.server().counters().http2_requests == 101);
  CHECK(live.server().counters().http2_connections == 1);
}

TEST_CASE("frames that break the connection's rules end it with the right word", "[http][http2]") {
  LiveServer live(say_ok, {.h2c = true});
  struct Row {
    const char* what;
    std::string bytes;
    std::int64_t code;
  };
  const std::string get1 =
      frame_of(frame_headers, end_headers | end_stream, 1, hpack_of(request_of("GET", "/")));
  const Row rows[] = {
      {"DATA on stream 0 (6.1)", frame_of(frame_data, 0, 0, "x"), 1},
      {"DATA on an idle stream (5.1)", frame_of(frame_data, 0, 1, "x"), 1},
      {"HEADERS on stream 0 (6.2)", frame_of(frame_headers, 5, 0, hpack_of(request_of("GET", "/"))),
       1},
      {"HEADERS on an even stream (5.1.1)",
       frame_of(frame_headers, 5, 2, hpack_of(request_of("GET", "/"))), 1},
      {"padding longer than the frame (6.1)",
       frame_of(frame_headers, 5 | 8, 1, std::string("\x09xx")), 1},
      {"RST_STREAM on stream 0 (6.4)", frame_of(frame_rst_stream, 0, 0, number32(8)), 1},
      {"RST_STREAM of a wrong size (6.4)", frame_of(frame_rst_stream, 0, 1, "abc"), 6},
      {"RST_STREAM on an idle stream (6.4)", frame_of(frame_rst_stream, 0, 1, number32(8)), 1},
      {"SETTINGS on a stream (6.5)", frame_of(frame_settings, 0, 1, ""), 1},
      {"SETTINGS of a wrong size (6.5)", frame_of(frame_settings, 0, 0, "abc"), 6},
      {"SETTINGS ack with a payload (6.5)", frame_of(frame_settings, ack, 0, "abcdef"), 6},
      {"ENABLE_PUSH other than 0 and 1 (6.5.2)",
       frame_of(frame_settings, 0, 0, std::string("\0\2\0\0\0\2", 6)), 1},
      {"a window above 2^31-1 (6.5.2)",
       frame_of(frame_settings, 0, 0, std::string("\0\4\x80\0\0\0", 6)), 3},
      {"a frame size below 2^14 (6.5.2)",
       frame_of(frame_settings, 0, 0, std::string("\0\5\0\0\1\0", 6)), 1},
      {"PUSH_PROMISE from a client (8.4)",
       frame_of(frame_push_promise, end_headers, 1, number32(2)), 1},
      {"PING on a stream (6.7)", frame_of(frame_ping, 0, 1, "01234567"), 1},
      {"PING of a wrong size (6.7)", frame_of(frame_ping, 0, 0, "0123456"), 6},
      {"GOAWAY on a stream (6.8)", frame_of(frame_goaway, 0, 1, number32(0) + number32(0)), 1},
      {"WINDOW_UPDATE of 0 on the connection (6.9)",
       frame_of(frame_window_update, 0, 0, number32(0)), 1},
      {"WINDOW_UPDATE of a wrong size (6.9)", frame_of(frame_window_update, 0, 0, "abc"), 6},
      {"WINDOW_UPDATE on an idle stream (6.9)", frame_of(frame_window_update, 0, 1, number32(1)),
       1},
      {"a connection window above 2^31-1 (6.9.1)",
       frame_of(frame_window_update, 0, 0, number32(0x7fffffff)), 3},
      {"CONTINUATION without HEADERS (6.10)", frame_of(frame_continuation, end_headers, 1, "x"), 1},
      {"another frame between HEADERS and CONTINUATION (6.10)",
       frame_of(frame_headers, end_stream, 1, hpack_of(request_of("GET", "/"))) +
           frame_of(frame_ping, 0, 0, "01234567"),
       1},
      {"a frame above the size (4.2)", frame_of(frame_data, 0, 1, std::string(17 * KiB, 'x')), 6},
      {"a head that HPACK cannot read (4.3)",
       frame_of(frame_headers, 5, 1, "\xff\xff\xff\xff\xff\xff\xff"), 9},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    Http2Client client(live.port());
    client.say_raw(row.bytes);
    CHECK(client.goodbye() == row.code);
  }
  Http2Client still(live.port());
  still.get(1);
  CHECK(still.whole(1).body == "ok");
}

TEST_CASE("what is not known is ignored (4.1, 5.5)", "[http][http2]") {
  LiveServer live(say_ok, {.h2c = true});
  Http2Client client(live.port());
  client.say(0x42, 0xff, 0, "what is this");
  client.say(frame_settings, 0, 0, std::string("\x7f\x7f\0\0\0\1", 6));
  client.get(1);
  CHECK(client.whole(1).body == "ok");
}

// --- RFC 9113 8.1 .. 8.3: messages ---------------------------------------------------------------

TEST_CASE("a request means the same as over HTTP/1.1", "[http][http2]") {
  LiveServer live(echo, {.h2c = true});
  Http2Client client(live.port());
  client.ask(1,
             request_of("GET", "/a%20b/../c?q=1", {{"accept", "text/html"}, {"te", "trailers"}}));
  CHECK(client.whole(1).body == "GET a /c?q=1 ");
  CHECK(client.streams[1].fields["seen-accept"] == "text/html");
  CHECK(client.streams[1].fields["x-version"] == "2");
  client.ask(3, request_of("GET", "/", {{"cookie", "a=1"}, {"x", "y"}, {"cookie", "b=2"}}));
  CHECK(client.whole(3).fields["seen-cookie"] == "a=1; b=2");
  client.ask(5, with(without(request_of("GET", "/", {{"host", "Only.Host"}}), ":authority"),
                     ":scheme", "https"));
  CHECK(client.whole(5).body == "GET only.host /? ");
  client.ask(7, request_of("GET", "/", {{"host", "A"}}));
  CHECK(client.whole(7).status == 200);
  client.ask(9, request_of("GET", "/", {{"x_y", "dropped"}, {"x", "kept"}}));
  CHECK(client.whole(9).fields.count("seen-x_y") == 0);
  CHECK(client.streams[9].fields["seen-x"] == "kept");
  client.ask(11, request_of("HEAD", "/"));
  CHECK(client.whole(11).fields["content-length"] == "10");
  CHECK(client.streams[11].body.empty());
  client.ask(13, with(request_of("OPTIONS", "*"), ":path", "*"));
  CHECK(client.whole(13).status == 204);
  client.ask(15, Lines{{":method", "CONNECT"}, {":authority", "a:80"}});
  CHECK(client.whole(15).status == 405);
  client.ask(17, request_of("TRACE", "/"));
  CHECK(client.whole(17).status == 405);
}

TEST_CASE("malformed requests are errors of their stream, or refused as in HTTP/1.1",
          "[http][http2]") {
  LiveServer live(say_ok, {.h2c = true});
  const Lines good = request_of("GET", "/");
  const auto plus = [&good](std::string_view name, std::string_view value) {
    Lines fields = good;
    fields.emplace_back(name, value);
    return fields;
  };
  struct Row {
    const char* what;
    Lines fields;
    int status;  // 0: RST_STREAM PROTOCOL_ERROR
  };
  const Row rows[] = {
      {"an upper case name (8.2.1)", plus("Accept", "x"), 0},
      {"a name with a blank (8.2.1)", plus("a b", "x"), 0},
      {"a name with a colon (8.2.1)", plus("a:b", "x"), 0},
      {"an empty name (8.2.1)", plus("", "x"), 0},
      {"a value with a line break (8.2.1)", plus("x", "a\r\nhost: b"), 0},
      {"a value with NUL (8.2.1)", plus("x", std::string("a\0b", 3)), 0},
      {"a value that begins with a blank (8.2.1)", plus("x", " a"), 0},
      {"Connection (8.2.2)", plus("connection", "close"), 0},
      {"Keep-Alive (8.2.2)", plus("keep-alive", "1"), 0},
      {"Proxy-Connection (8.2.2)", plus("proxy-connection", "x"), 0},
      {"Transfer-Encoding (8.2.2)", plus("transfer-encoding", "chunked"), 0},
      {"Upgrade (8.2.2)", plus("upgrade", "websocket"), 0},
      {"TE other than trailers (8.2.2)", plus("te", "gzip"), 0},
      {"no method (8.3.1)", without(good, ":method"), 0},
      {"no scheme (8.3.1)", without(good, ":scheme"), 0},
      {"no path (8.3.1)", without(good, ":path"), 0},
      {"an empty path (8.3.1)", with(good, ":path", ""), 0},
      {"two paths (8.3.1)", plus(":path", "/b"), 0},
      {"an unknown pseudo field (8.3)", with(good, ":foo", "x"), 0},
      {"a pseudo field of answers (8.3)", with(good, ":status", "200"), 0},
      {"a pseudo field behind a field (8.3)",
       Lines{{":method", "GET"},
             {"x", "y"},
             {":scheme", "http"},
             {":path", "/"},
             {":authority", "a"}},
       0},
      {"a path that is none", with(good, ":path", "x/y"), 0},
      {"an URL as path of another scheme",
       with(with(good, ":scheme", "ftp"), ":path", "http://evil/"), 400},
      {"another scheme", with(good, ":scheme", "ftp"), 400},
      {"neither :authority nor Host", without(good, ":authority"), 0},
      {"two hosts that differ (8.3.1)", plus("host", "b"), 400},
      {"an :authority with user information (8.3.1)", with(good, ":authority", "u@a"), 400},
      {"a '#' in the target", with(good, ":path", "/a#b"), 400},
      {"a '%' without digits", with(good, ":path", "/%zz"), 400},
      {"climbing above the root", with(good, ":path", "/../a"), 400},
      {"a long target", with(good, ":path", "/" + std::string(8 * KiB, 'a')), 414},
      {"a long method", with(good, ":method", std::string(33, 'M')), 501},
      {"an expectation that nobody knows", plus("expect", "x"), 417},
  };
  Http2Client client(live.port());
  std::uint32_t stream = 1;
  for (const Row& row : rows) {
    CAPTURE(row.what);
    client.ask(stream, row.fields);
    const Heard& heard = client.whole(stream);
    if (row.status == 0) CHECK(heard.reset == protocol_error);
    else CHECK(heard.status == row.status);
    stream += 2;
  }
  client.get(stream);
  CHECK(client.whole(stream).body == "ok");
}

TEST_CASE("heads have their bounds: 100 fields, 32 KiB as decoded", "[http][http2]") {
  LiveServer live(say_ok, {.h2c = true});
  Http2Client client(live.port());
  const auto many = [](std::size_t count) {
    Lines fields = request_of("GET", "/");  // :authority becomes Host, the first field
    for (std::size_t i = 1; i < count; ++i) fields.emplace_back("x" + std::to_string(i), "v");
    return fields;
  };
  client.ask(1, many(100));
  CHECK(client.whole(1).status == 200);
  client.ask(3, many(101));
  CHECK(client.whole(3).status == 431);
  const auto large = [&client](std::uint32_t stream, std::size_t list_bytes) {
    Lines fields = request_of("GET", "/");
    std::size_t known = 0;
    for (const auto& [name, value] : fields) known += name.size() + value.size() + 32;
    fields.emplace_back("x", std::string(16'000, 'x'));
    fields.emplace_back("y", std::string(list_bytes - known - 16'000 - 33 - 33, 'y'));
    const std::string block = hpack_of(fields);
    client.say(frame_headers, end_stream, stream, block.substr(0, 16'000));
    client.say(frame_continuation, 0, stream, block.substr(16'000, 16'000));
    client.say(frame_continuation, end_headers, stream, block.substr(32'000));
    return client.whole(stream).status;
  };
  CHECK(large(5, 32 * KiB) == 200);
  CHECK(large(7, 32 * KiB + 1) == 431);
  client.get(9);
  CHECK(client.whole(9).status == 200);
}

TEST_CASE("bodies: whole, with and without length, empty, with trailers that are dropped",
          "[http][http2]") {
  LiveServer live(echo, {.h2c = true});
  Http2Client client(live.port());
  client.ask(1, request_of("POST", "/", {{"content-length", "5"}}), end_headers);
  client.data(1, "ab");
  client.data(1, "cde", end_stream);
  CHECK(client.whole(1).body == "POST a /? abcde");
  client.ask(3, request_of("POST", "/"), end_headers);
  client.data(3, "xyz");
  client.ask(3, {{"x-trailer", "dropped"}});
  CHECK(client.whole(3).body == "POST a /? xyz");
  CHECK(client.streams[3].fields.count("seen-x-trailer") == 0);
  client.ask(5, request_of("POST", "/"));
  CHECK(client.whole(5).body == "POST a /? ");
  client.ask(7, request_of("POST", "/", {{"content-length", "5"}}), end_headers);
  client.data(7, "abc", end_stream);
  CHECK(client.whole(7).reset == protocol_error);  // shorter than it said (8.1.1)
  client.ask(9, request_of("POST", "/", {{"content-length", "2"}}), end_headers);
  client.data(9, "abc", end_stream);
  CHECK(client.whole(9).reset == protocol_error);
  client.ask(11, request_of("POST", "/", {{"content-length", "1"}, {"content-length", "1"}}),
             end_headers);
  CHECK(client.whole(11).reset == protocol_error);
  client.ask(13, request_of("GET", "/", {{"content-length", "3"}}), end_headers);
  client.data(13, "abc", end_stream);
  CHECK(client.whole(13).body == "GET a /? ");  // framed and never visible (H-19)
  client.ask(15, request_of("POST", "/", {{"expect", "100-continue"}}), end_headers);
  client.until([&] { return !client.streams[15].interim.empty(); });
  CHECK(client.streams[15].interim == std::vector<int>{100});
  client.data(15, "go", end_stream);
  CHECK(client.whole(15).body == "POST a /? go");
}

TEST_CASE("a body above its bound is 413, told or not, and the connection goes on",
          "[http][http2]") {
  LiveServer live(echo, {.h2c = true});
  Http2Client client(live.port());
  client.ask(1, request_of("POST", "/", {{"content-length", "65537"}}), end_headers);
  CHECK(client.whole(1).status == 413);
  client.until([&] { return client.streams[1].reset >= 0; });
  CHECK(client.streams[1].reset == no_error);  // what is left of the body is not wanted (8.1)
  client.ask(3, request_of("POST", "/"), end_headers);
  const std::string piece(16 * KiB, 'x');
  for (int i = 0; i < 4; ++i) client.data(3, piece);
  client.until([&] {  // until the window is open again
    return std::any_of(client.frames.begin(), client.frames.end(), [](const Frame& one) {
      return one.type == frame_window_update && one.stream == 3;
    });
  });
  client.data(3, "x");
  CHECK(client.whole(3).status == 413);
  client.get(5);
  CHECK(client.whole(5).status == 200);
}

namespace {
class Stopper : public BodySink {
 public:
  explicit Stopper(Guarded<ExchangeId>& where) : where_(where) {}
  void on_body(Exchange& exchange, std::string_view piece) override {
    taken += piece.size();
    exchange.pause_body();
    where_.with([&exchange](ExchangeId& id) { id = exchange.id(); });
  }
  void on_body_end(Exchange& exchange, const Fields&) override {
    exchange.respond(Response{200, {}, std::to_string(taken)});
  }
  std::atomic<std::size_t> taken = 0;

 private:
  Guarded<ExchangeId>& where_;
};
}  // namespace

TEST_CASE("a paused body keeps its stream's window shut, and no other's", "[http][http2]") {
  Guarded<ExchangeId> held;
  Stopper stopper(held);
  LiveServer live(
      [&stopper](Exchange& exchange) {
        if (exchange.request().path == "/slow") exchange.stream_body(1 * MiB, stopper);
        else echo(exchange);
      },
      {.h2c = true});
  Http2Client client(live.port());
  client.ask(1, request_of("POST", "/slow"), end_headers);
  client.data(1, std::string(16 * KiB, 'x'));
  client.sync();
  for (int i = 0; i < 3; ++i) client.data(1, std::string(16 * KiB, 'x'));
  client.sync();
  client.ask(3, request_of("POST", "/"), end_headers);
  client.data(3, "fast", end_stream);
  CHECK(client.whole(3).body == "POST a /? fast");
  const auto opened = [&client] {
    return std::any_of(client.frames.begin(), client.frames.end(), [](const Frame& one) {
      return one.type == frame_window_update && one.stream == 1;
    });
  };
  CHECK_FALSE(opened());
  // The first piece is what the first read brought, at most its frame.
  CHECK(stopper.taken > 0);
  CHECK(stopper.taken <= 16 * KiB);
  live.wait_until(
      [&] { return live.server().counters().bodies_buffered_bytes == 64 * KiB - stopper.taken; });
  Loop& loop = live.server().loop(0);
  for (int i = 0; i < 2; ++i) {
    loop.post([&] {
      if (Exchange* const exchange = loop.find(held.with([](ExchangeId& id) { return id; })))
        exchange->resume_body();
    });
    live.turn();
  }
  client.until(opened);
  client.data(1, "end", end_stream);
  client.sync();
  loop.post([&] { loop.find(held.with([](ExchangeId& id) { return id; }))->resume_body(); });
  CHECK(client.whole(1).body == "65539");
  CHECK(live.server().counters().bodies_buffered_bytes == 0);
}

// --- answers -------------------------------------------------------------------------------------

TEST_CASE("a prepared answer is whole, with its slots, and can be interrupted by windows",
          "[http][http2]") {
  const std::string pattern = [] {
    std::string bytes;
    for (int i = 0; bytes.size() < 300'000; ++i) bytes += std::to_string(i) + ',';
    return bytes;
  }();
  const auto page = prepared_of(pattern);
  LiveServer live(
      [page](Exchange& exchange) {
        exchange.respond(page, "X-Extra: y\r\n", {7, 42});
      },
      {.h2c = true});
  Http2Client client(live.port());
  client.get(1);
  const Heard& heard = client.whole(1);
  CHECK(heard.body == pattern);
  CHECK(client.streams[1].fields["age"] == "7");
  CHECK(client.streams[1].fields["cache-status"] == "weir; hit; ttl=42");
  CHECK(client.streams[1].fields["x-extra"] == "y");
  CHECK(client.streams[1].fields["content-length"] == std::to_string(pattern.size()));
  CHECK(client.streams[1].fields["date"].size() == 29);
  client.ask(3, request_of("HEAD", "/"));
  CHECK(client.whole(3).body.empty());
  CHECK(client.streams[3].fields["content-length"] == std::to_string(pattern.size()));
  CHECK(live.wait_for_seen(2).status == 200);
  CHECK(live.seen()[0].body_bytes == pattern.size());
  CHECK(live.seen()[1].body_bytes == 0);
}

TEST_CASE("no byte leaves beyond the windows of stream and connection (6.9)", "[http][http2]") {
  LiveServer live(
      [](Exchange& exchange) {
        exchange.respond(Response{200, {}, std::string(100'000, 'b')});
      },
      {.h2c = true});
  Http2Client client(live.port(), std::string("\0\4\0\0\0\x0a", 6));  // 10 bytes for each stream
  client.opens_windows = false;
  client.get(1);
  client.head(1);
  client.sync();
  CHECK(client.streams[1].body.size() == 10);
  client.open_window(1, 300'000);
  client.sync();
  client.sync();
  CHECK(client.streams[1].body.size() == 65'535);
  client.open_window(0, 300'000);
  CHECK(client.whole(1).body.size() == 100'000);
}

TEST_CASE("urgent answers leave first, and HTML before the rest (RFC 9218)", "[http][http2]") {
  LiveServer live(
      [](Exchange& exchange) {
        const bool html = exchange.request().path == "/html";
        exchange.respond(Response{
            200, {{"Content-Type", html ? "text/html" : "image/png"}}, std::string(60'000, 'b')});
      },
      {.h2c = true});
  const auto order_of = [&live](const std::vector<Lines>& requests, const std::string& update) {
    Http2Client client(live.port());
    client.opens_windows = false;
    client.sync();
    std::string all;
    std::uint32_t stream = 1;
    // The connection's window lets one of them through.
    for (const Lines& fields : requests) {
      all += frame_of(frame_headers, end_headers | end_stream, stream, hpack_of(fields));
      stream += 2;
    }
    client.say_raw(update + all);
    client.until([&client] {
      return std::any_of(client.streams.begin(), client.streams.end(),
                         [](const auto& each) { return each.second.ended; });
    });
    for (const auto& [id, heard] : client.streams)
      if (heard.ended) return id;
    return 0U;
  };
  CHECK(order_of({request_of("GET", "/image"), request_of("GET", "/html")}, "") == 3);
  CHECK(order_of({request_of("GET", "/a", {{"priority", "u=5"}}),
                  request_of("GET", "/b", {{"priority", "u=0"}})},
                 "") == 3);
  CHECK(order_of({request_of("GET", "/html", {{"priority", "u=6"}}), request_of("GET", "/image")},
                 "") == 3);
  CHECK(order_of({request_of("GET", "/a"), request_of("GET", "/b")},
                 frame_of(frame_priority_update, 0, 0, number32(3) + "u=0")) == 3);
}

TEST_CASE("streams, lengths, trailers, interim answers and aborts over HTTP/2", "[http][http2]") {
  LiveServer live(
      [](Exchange& exchange) {
        const std::string_view path = exchange.request().path;
        if (path == "/hints") {
          exchange.inform(103, {{"Link", "</a.css>"}});
          return exchange.respond(Response{200, {}, "hinted"});
        }
        if (path == "/less" || path == "/exact") {
          StreamWriter& counted = exchange.start_stream({200, {}, "ab"}, path == "/less" ? 5 : 2);
          return counted.close();
        }
        StreamWriter& stream = exchange.start_stream({200, {{"Connection", "x"}}, "one,"});
        stream.write("two");
        if (path == "/abort") stream.abort();
        else stream.close({{"Server-Timing", "all;dur=1"}});
      },
      {.h2c = true});
  Http2Client client(live.port());
  client.get(1, "/stream");
  CHECK(client.whole(1).body == "one,two");
  CHECK(client.streams[1].trailers["server-timing"] == "all;dur=1");
  CHECK(client.streams[1].fields.count("content-length") == 0);
  CHECK(client.streams[1].fields.count("connection") == 0);
  client.get(3, "/hints");
  CHECK(client.whole(3).body == "hinted");
  CHECK(client.streams[3].interim == std::vector<int>{103});
  client.get(5, "/abort");
  CHECK(client.whole(5).reset > 0);
  client.get(7, "/less");
  CHECK(client.whole(7).reset > 0);
  client.get(9, "/exact");
  CHECK(client.whole(9).fields["content-length"] == "2");
  client.ask(11, request_of("HEAD", "/stream"));
  CHECK(client.whole(11).body.empty());
  CHECK(live.wait_for_seen(3).ending == Ending::cut);
}

TEST_CASE("a stream's queue is bounded, and told when there is room", "[http][http2]") {
  struct State {
    std::atomic<int> rooms{0};
    std::atomic<int> frames{0};
    std::atomic<std::size_t> most{0};
  };
  const auto state = std::make_shared<State>();
  LiveServer live(
      [state](Exchange& exchange) {
        StreamWriter& stream = exchange.start_stream({200, {}, {}});
        stream.set_queue_bytes_max(200'000);
        const auto frame = std::make_shared<const std::string>(50'000, 'f');
        const auto fill = [state, &stream, frame] {
          while (state->frames < 40) {
            if (stream.write(frame) != StreamWriter::Wrote::sent) return;
            ++state->frames;
            state->most = std::max<std::size_t>(state->most, stream.queued_bytes());
          }
          stream.close();
        };
        stream.on_room([state, fill] {
          ++state->rooms;
          fill();
        });
        fill();
      },
      {.h2c = true});
  Http2Client client(live.port());
  client.get(1);
  CHECK(client.whole(1).body.size() == 40u * 50'000u);
  CHECK(state->rooms > 0);
  CHECK(state->most <= 200'000);
}

namespace {
class EchoTunnel : public TunnelSink {
 public:
  void on_bytes(Tunnel& tunnel, std::string_view bytes) override {
    tunnel.write(bytes);
    if (bytes.ends_with("bye")) tunnel.close();
  }
  void on_room(Tunnel&) override {}
  void on_drain(Tunnel& tunnel) override {
    tunnel.write("drain");
    tunnel.close();
  }
  void on_end(Tunnel&, Ending how) override { endings.push_back(how); }
  std::vector<Ending> endings;
};

const Lines connecting{{":method", "CONNECT"},
                       {":protocol", "websocket"},
                       {":scheme", "http"},
                       {":path", "/chat"},
                       {":authority", "a"}};
}  // namespace

TEST_CASE("an extended CONNECT opens a tunnel on its stream (RFC 8441)", "[http][http2]") {
  EchoTunnel tunnel;
  LiveServer live(
      [&tunnel](Exchange& exchange) {
        const Request& request = exchange.request();
        if (request.path != "/chat") return exchange.respond(Response{200, {}, "no tunnel"});
        CHECK(request.protocol == "websocket");
        CHECK(request.method == Method::get);
        exchange.open_tunnel({101, {{"X", "y"}, {"Connection", "Upgrade"}}, {}}, tunnel);
      },
      {.h2c = true});
  Http2Client client(live.port());
  client.ask(1, connecting, end_headers);
  CHECK(client.head(1).status == 200);
  CHECK(client.streams[1].fields["x"] == "y");
  CHECK(client.streams[1].fields.count("connection") == 0);
  client.data(1, "hello");
  client.until([&] { return client.streams[1].body == "hello"; });
  client.get(3, "/other");
  CHECK(client.whole(3).body == "no tunnel");
  client.data(1, "bye");
  CHECK(client.whole(1).body == "hellobye");
  CHECK(client.streams[1].ended);
  live.wait_for_seen(2);
  CHECK(tunnel.endings == std::vector<Ending>{Ending::complete});

  SECTION("the client's end ends it") {
    client.ask(5, connecting, end_headers);
    client.head(5);
    client.data(5, "", end_stream);
    live.wait_for_seen(3);
    CHECK(tunnel.endings.back() == Ending::gone);
  }
  SECTION("so does its reset") {
    client.ask(5, connecting, end_headers);
    client.head(5);
    client.reset(5);
    live.wait_for_seen(3);
    CHECK(tunnel.endings.back() == Ending::gone);
  }
  SECTION("what has no tunnel does not answer as if it had") {
    client.ask(5, with(connecting, ":path", "/other"), end_headers);
    CHECK(client.whole(5).status == 501);
  }
  SECTION("it is told of the drain") {
    client.ask(5, connecting, end_headers);
    client.head(5);
    live.server().stop(5s);
    CHECK(client.whole(5).body == "drain");
    CHECK(client.goodbye() == no_error);
    live.join();
  }
}

// --- resets, limits and deadlines ----------------------------------------------------------------

TEST_CASE("a reset stream is over at once, and one taken back in the same read is never begun",
          "[http][http2]") {
  std::atomic<int> begun{0};
  std::atomic<int> gone{0};
  LiveServer live(
      [&](Exchange& exchange) {
        ++begun;
        exchange.on_gone([&gone] { ++gone; });
      },
      {.h2c = true});
  Http2Client client(live.port());
  client.get(1);
  live.wait_until([&] { return begun == 1; });
  client.reset(1);
  live.wait_for_seen(1);
  CHECK(gone == 1);
  std::string both;
  for (std::uint32_t i = 3; i < 103; i += 2)
    both += frame_of(frame_headers, end_headers | end_stream, i, hpack_of(request_of("GET", "/"))) +
            frame_of(frame_rst_stream, 0, i, number32(8));
  client.say_raw(both);
  live.wait_for_seen(51);
  CHECK(begun < 51);  // one read, or two when the kernel cut the bytes in between
}

TEST_CASE("streams above the bound are refused, and may be asked again", "[http][http2]") {
  LiveServer live([](Exchange&) {}, {.h2c = true});
  Http2Client client(live.port());
  for (std::uint32_t i = 0; i < 129; ++i) client.get(1 + 2 * i);
  CHECK(client.whole(257).reset == refused_stream);
  CHECK(client.streams[255].reset == -1);
  live.wait_for_requests(128);
}

TEST_CASE("floods end the connection with a word (H-33), others do not notice", "[http][http2]") {
  LiveServer live([](Exchange&) {}, {.h2c = true});
  struct Row {
    const char* what;
    std::function<std::string(std::uint32_t)> frame;
    std::uint32_t least;  // so many are fine
    std::uint32_t most;   // and so many are not
  };
  const std::string head = hpack_of(request_of("POST", "/"));
  const auto stream_of = [](std::uint32_t i) { return 1 + 2 * i; };
  const Row rows[] = {
      {"rapid resets",
       [&](std::uint32_t i) {
         return frame_of(frame_headers, end_headers | end_stream, stream_of(i), head) +
                frame_of(frame_rst_stream, 0, stream_of(i), number32(8));
       },
       490, 700},
      {"streams that must be reset for their mistakes",
       [&](std::uint32_t i) {
         return frame_of(frame_headers, end_headers | end_stream, stream_of(i),
                         hpack_of({{":method", "GET"}}));
       },
       490, 700},
      {"PING", [](std::uint32_t) { return frame_of(frame_ping, 0, 0, "01234567"); }, 990, 1'500},
      {"SETTINGS", [](std::uint32_t) { return frame_of(frame_settings, 0, 0, ""); }, 990, 1'500},
      {"PRIORITY", [](std::uint32_t) { return frame_of(frame_priority, 0, 1, number32(0) + "x"); },
       990, 1'500},
      {"PRIORITY_UPDATE",
       [](std::uint32_t) { return frame_of(frame_priority_update, 0, 0, number32(1) + "u=1"); },
       990, 1'500},
      {"unknown frames", [](std::uint32_t) { return frame_of(0x42, 0, 0, "x"); }, 990, 1'500},
      {"empty DATA",
       [&](std::uint32_t i) {
         return (i == 0 ? frame_of(frame_headers, end_headers, 1, head) : "") +
                frame_of(frame_data, 0, 1, "");
       },
       990, 1'500},
      {"padding alone",
       [&](std::uint32_t i) {
         return (i == 0 ? frame_of(frame_headers, end_headers, 1, head) : "") +
                frame_of(frame_data, 8, 1, std::string("\1\0", 2));
       },
       990, 1'500},
      {"WINDOW_UPDATE of an unused window",
       [](std::uint32_t) { return frame_of(frame_window_update, 0, 0, number32(1)); }, 990, 1'500},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    Http2Client client(live.port());
    std::string flood;
    for (std::uint32_t i = 0; i < row.least; ++i) flood += row.frame(i);
    client.say_raw(flood);
    client.say(frame_ping, ack, 0, "thatsall");
    const auto cut = live.server().counters().http2_cut;
    client.until([&client, &row] {  // its own last SETTINGS ack proves that the server still talks
      return client.settings.size() > 0 || row.least == 0;
    });
    CHECK(client.goaway == -1);
    flood.clear();
    for (std::uint32_t i = row.least; i < row.most; ++i) flood += row.frame(i);
    client.say_raw(flood);
    const std::int64_t code = client.goodbye();
    if (code == protocol_error) continue;  // the library's own bound for streams came first
    CHECK(code == enhance_your_calm);
    live.wait_until([&] { return live.server().counters().http2_cut == cut + 1; });
  }
  SECTION("CONTINUATION without end") {
    Http2Client client(live.port());
    client.say(frame_headers, end_stream, 1, hpack_of(request_of("GET", "/")));
    for (int i = 0; i < 10; ++i) client.say(frame_continuation, 0, 1, hpack_of({{"x", "y"}}));
    CHECK(client.goodbye() == enhance_your_calm);
  }
  SECTION("an HPACK bomb") {
    Http2Client client(live.port());
    std::string block = hpack_of(request_of("GET", "/"));
    std::string entry = hpack_of({{"x", std::string(3'900, 'b')}});
    entry[0] = '\x40';  // into the table
    client.say(frame_headers, end_headers | end_stream, 1,
               block + entry + std::string(4'000, '\xbe'));
    CHECK(client.goodbye() == enhance_your_calm);
  }
}

TEST_CASE("a token bucket gives its burst, then its rate", "[http][http2]") {
  ManualClock clock;
  TokenBucket bucket(3, 2, clock.mono());
  for (int i = 0; i < 3; ++i) CHECK(bucket.take(clock.mono()));
  CHECK_FALSE(bucket.take(clock.mono()));
  clock.advance(499ms);
  CHECK_FALSE(bucket.take(clock.mono()));
  clock.advance(1ms);
  CHECK(bucket.take(clock.mono()));
  CHECK_FALSE(bucket.take(clock.mono()));
  clock.advance(std::chrono::hours(24 * 365));
  for (int i = 0; i < 3; ++i) CHECK(bucket.take(clock.mono()));
  CHECK_FALSE(bucket.take(clock.mono()));
}

TEST_CASE("deadlines of streams: body, answer, shut window", "[http][http2][limits]") {
  ManualClock clock;
  LiveServer live(
      [](Exchange& exchange) {
        if (exchange.request().path == "/body") return echo(exchange);
        if (exchange.request().path == "/large")
          return exchange.respond(Response{200, {}, std::string(200'000, 'b')});
      },
      {.clock = &clock, .h2c = true});
  Http2Client client(live.port());
  client.opens_windows = false;
  SECTION("a body that does not come: 408, and the others live on") {
    client.ask(1, request_of("POST", "/body"), end_headers);
    client.data(1, "x");
    live.wait_for_requests(1);
    client.sync();
    pass(clock, live, 7);
    CHECK(client.whole(1).status == 408);
  }
  SECTION("a body at the least rate is waited for") {
    client.ask(1, request_of("POST", "/body"), end_headers);
    live.wait_for_requests(1);
    for (int i = 0; i < 12; ++i) {
      client.data(1, std::string(1'100, 'x'));
      client.sync();
      pass(clock, live, 1);
    }
    client.data(1, "", end_stream);
    CHECK(client.whole(1).status == 200);
  }
  SECTION("an answer that does not come: 504") {
    client.get(1, "/never");
    live.wait_for_requests(1);
    pass(clock, live, 62);
    CHECK(client.whole(1).status == 504);
  }
  SECTION("a window that stays shut for 30 s: CANCEL") {
    client.get(1, "/large");
    client.head(1);
    client.until([&] { return client.streams[1].body.size() == 65'535; });
    pass(clock, live, 29);
    client.sync();
    CHECK(client.streams[1].reset == -1);
    pass(clock, live, 3);
    CHECK(client.whole(1).reset == cancel);
    CHECK(live.wait_for_seen(1).ending == Ending::cut);
  }
  SECTION("one that is opened byte by byte: CANCEL after a minute") {
    client.get(1, "/large");
    client.until([&] { return client.streams[1].body.size() == 65'535; });
    client.open_window(1, 200'000);
    for (int i = 0; i < 125 && client.streams[1].reset < 0; ++i) {  // the first minute had the rest
      client.open_window(0, 300);
      client.sync();
      pass(clock, live, 1);
    }
    CHECK(client.whole(1).reset == cancel);
  }
}

TEST_CASE("deadlines of connections: the first frame, an unfinished head, idleness",
          "[http][http2][limits]") {
  ManualClock clock;
  LiveServer live(say_ok, {.clock = &clock, .h2c = true});
  SECTION("the first frame has ten seconds") {
    RawClient client(live.port());
    client.say(Http2Client::preface);
    client.hear_some();
    pass(clock, live, 11);
    client.hear_all();
    CHECK(live.server().counters().connections == 0);
  }
  SECTION("so has a head that began") {
    Http2Client client(live.port());
    client.sync();
    const std::string block = hpack_of(request_of("GET", "/"));
    const auto before = live.server().counters().bytes_in;
    client.say(frame_headers, end_stream, 1, block);
    live.wait_for_bytes(before + 9 + block.size());
    pass(clock, live, 12);
    CHECK(client.goodbye() == enhance_your_calm);
  }
  SECTION("an idle connection is said goodbye to after 75 s, PING or not") {
    Http2Client client(live.port());
    client.get(1);
    CHECK(client.whole(1).status == 200);
    client.sync();
    pass(clock, live, 70);
    client.sync();
    CHECK(client.goaway == -1);
    pass(clock, live, 7);
    CHECK(client.goodbye() == no_error);
    CHECK(live.server().counters().closed_idle == 1);
  }
}

TEST_CASE("a drain finishes what has begun and begins nothing more", "[http][http2]") {
  Guarded<ExchangeId> held;
  LiveServer live(
      [&held](Exchange& exchange) {
        held.with([&exchange](ExchangeId& id) { id = exchange.id(); });
      },
      {.h2c = true});
  Http2Client client(live.port());
  Http2Client idle(live.port());
  idle.sync();
  client.get(1);
  live.wait_for_requests(1);
  live.server().stop(5s);
  CHECK(idle.goodbye() == no_error);
  client.until([&client] { return client.goaway >= 0 && client.goaway_last == 1; });
  CHECK(client.goaway == no_error);
  client.get(3);
  Loop& loop = live.server().loop(0);
  loop.post([&] {
    loop.find(held.with([](ExchangeId& id) { return id; }))->respond(Response{200, {}, "last"});
  });
  CHECK(client.whole(1).body == "last");
  client.goodbye();
  CHECK(client.streams[3].status == 0);
  live.join();
}

TEST_CASE("a connection has its number of requests", "[http][http2][limits]") {
  ServerLimits three;
  three.requests_per_connection = 3;
  LiveServer live(say_ok, {.limits = three, .h2c = true});
  Http2Client client(live.port());
  for (std::uint32_t i = 1; i < 7; i += 2) {
    client.get(i);
    CHECK(client.whole(i).status == 200);
  }
  CHECK(client.goodbye() == no_error);
  CHECK(client.goaway_last == 5);
}
