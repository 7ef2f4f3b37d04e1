// Goal: live sync over WebSocket holds what the pages of the manual say: who may open a socket,
// what is acknowledged, what the others are told, how a slow reader catches up, how a drain ends
// it. Method: the real binary, bytes of our own client; nothing is timed.

#include "http/websocket_client.h"
#include "server.h"

#include "text/json.h"

#include <catch2/catch.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <set>

using namespace weir;
using test::ClientFrame;

namespace {

constexpr std::string_view config =
    "[auth.main]\nissuer = \"https://id.test/\"\naudiences = [\"weir\"]\nalgorithms = "
    "[\"HS256\"]\nsecret = { file = \"secret\" }\n\n"
    "[data]\norigins = [\"https://app.test\"]\n\n"
    "[[data.sync_rule]]\nmatch = \"notes/{owner}/**\"\nread = \"sub == owner or "
    "'notes:read' in scope\"\nwrite = \"sub == owner\"\n\n"
    "[[data.sync_rule]]\nmatch = \"vault/**\"\nread = \"true\"\nwrite = \"true\"\n\n"
    "[[route]]\nname = \"vault\"\nmatch = { path = [\"/sync/vault/**\"] }\nto = { data = true "
    "}\nstages = [\n"
    "  { trace = \"w3c\", failure_mode = \"open\" },\n  { auth = [\"main\"], failure_mode = "
    "\"closed\", require = [\"scope:vault\"] },\n]\n\n"
    "[[route]]\nname = \"data\"\nmatch = { path = [\"/sync/**\", \"/kv/**\"] }\nto = { data = true "
    "}\nstages = [\n"
    "  { trace = \"w3c\", failure_mode = \"open\" },\n  { auth = [\"main\"], failure_mode = "
    "\"closed\" },\n  { waf = \"block\", failure_mode = \"closed\" },\n]\n";

struct Site {
  Site() {
    directory.write("secret", "a-secret-of-at-least-thirty-two-bytes");
    flow::write_site(directory, config);
  }
  std::string token(const std::string& subject) const {
    auto ran = flow::run(
        {"--root", directory.path(), "token", "mint", "--auth", "main", "--sub", subject});
    REQUIRE(ran.code == 0);
    ran.out.pop_back();
    return ran.out;
  }
  test::TemporaryDirectory directory;
};

struct Hello {
  std::string path = "/sync";
  std::string bearer = {};  // offered as a subprotocol
  std::string version = "13";
  std::string key = "dGhlIHNhbXBsZSBub25jZQ==";
  std::string protocols = "weir.sync.v1";
  std::string more = {};  // whole lines
};

std::string request_of(const Hello& hello) {
  std::string request = "GET " + hello.path +
                        " HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: "
                        "Upgrade\r\n";
  if (!hello.version.empty()) request += "Sec-WebSocket-Version: " + hello.version + "\r\n";
  if (!hello.key.empty()) request += "Sec-WebSocket-Key: " + hello.key + "\r\n";
  std::string protocols = hello.protocols;
  if (!hello.bearer.empty()) protocols += ", bearer." + hello.bearer;
  if (!protocols.empty()) request += "Sec-WebSocket-Protocol: " + protocols + "\r\n";
  return request + hello.more + "\r\n";
}

// A WebSocket of a client. Reads wait at most 20 s.
class Socket {
 public:
  Socket(unsigned short port, const Hello& hello, int receive_buffer = 0) {
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (receive_buffer > 0)
      ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    send_raw(request_of(hello));
    while (bytes_.find("\r\n\r\n") == std::string::npos)
      if (!fill()) break;
    const std::size_t end = bytes_.find("\r\n\r\n");
    head = bytes_.substr(0, end);
    bytes_.erase(0, end == std::string::npos ? bytes_.size() : end + 4);
    status = head.size() > 12 ? std::stoi(head.substr(9, 3)) : 0;
  }
  ~Socket() { ::close(socket_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  void send_raw(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  void say(std::string_view message) { send_raw(test::text_frame(message)); }
  void hello(std::string_view documents) {
    say("{\"t\":\"hello\",\"v\":1,\"docs\":[" + std::string(documents) + "]}");
  }
  // The next frame but pings; not complete when the connection has ended.
  test::ServerFrame frame() {
    while (true) {
      test::ServerFrame frame = test::take_frame(bytes_);
      if (frame.complete && frame.opcode == 9) {
        send_raw(bytes_of(ClientFrame{.opcode = 10, .payload = frame.payload}));
        continue;
      }
      if (frame.complete || !fill()) return frame;
    }
  }
  // The next message of this kind; null when a close came first (then `code` is its code).
  text::Value next_of(std::string_view type) {
    while (true) {
      const test::ServerFrame got = frame();
      if (!got.complete || got.opcode == 8) {
        code = got.code();
        return {};
      }
      text::Value message = text::parse_json(got.payload).value();
      if (*message.find("t")->string() == type) return message;
    }
  }
  bool is_ended() {
    while (fill()) {
    }
    return true;
  }

  int status = 0;
  std::string head;
  unsigned code = 0;

 private:
  bool fill() {
    pollfd waiting{socket_, POLLIN, 0};
    if (::poll(&waiting, 1, 20'000) <= 0) return false;
    char room[65536];
    const ssize_t count = ::recv(socket_, room, sizeof room, 0);
    if (count <= 0) return false;
    bytes_.append(room, static_cast<std::size_t>(count));
    return true;
  }
  int socket_ = -1;
  std::string bytes_;
};

std::string stamp(int counter) {
  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
                       std::chrono::system_clock::now().time_since_epoch())
                       .count();
  char text[17];
  std::snprintf(text, sizeof text, "%012llx%04x", static_cast<unsigned long long>(now),
                static_cast<unsigned>(counter & 0xffff));
  return text;
}

std::string batch(std::string_view replica, int counter, std::string_view value) {
  return "\"rep\":\"" + std::string(replica) + "\",\"n\":" + std::to_string(counter) +
         ",\"ops\":[{\"e\":\"task\",\"f\":\"title\",\"t\":\"lww\",\"h\":\"" + stamp(counter) +
         "\",\"v\":\"" + std::string(value) + "\"}]}";
}
std::string push(int id, std::string_view document, std::string_view replica, int counter,
                 std::string_view value) {
  return "{\"t\":\"push\",\"id\":" + std::to_string(id) + ",\"d\":\"" + std::string(document) +
         "\"," + batch(replica, counter, value);
}
std::string doc(std::string_view name, std::int64_t since = 0) {
  return "{\"d\":\"" + std::string(name) + "\",\"since\":" + std::to_string(since) + "}";
}
std::int64_t number(const text::Value& message, std::string_view name) {
  const text::Value* found = message.find(name);
  REQUIRE(found != nullptr);
  return *found->integer();
}

constexpr std::string_view one = "r_7hq3k2v9xw4mzp1c", two = "r_8hq3k2v9xw4mzp1c";

}  // namespace

TEST_CASE("a socket is opened only by who may, and refused before the upgrade", "[flow][live]") {
  const Site site;
  flow::Server server(site.directory.path());
  INFO(server.process().errors());
  REQUIRE(server.port() != 0);
  const std::string ann = site.token("ann");
  const std::string field = "Authorization: Bearer " + ann + "\r\n";

  const Socket good(server.port(), {.bearer = ann});
  INFO(good.head);
  CHECK(good.status == 101);
  CHECK_THAT(good.head, Catch::Contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") &&
                            Catch::Contains("weir.sync.v1") && !Catch::Contains("bearer"));
  CHECK(Socket(server.port(), {.more = field}).status == 101);
  CHECK(Socket(server.port(), {.path = "/sync/notes/ann", .bearer = ann}).status == 101);
  CHECK(Socket(server.port(), {.bearer = ann, .more = "Origin: http://localhost\r\n"}).status ==
        101);
  CHECK(Socket(server.port(), {.bearer = ann, .more = "Origin: https://app.test\r\n"}).status ==
        101);

  struct Case {
    Hello hello;
    int status;
    std::string_view says;
  };
  const Case cases[] = {
      {{}, 401, "Bearer"},
      {{.bearer = ann + "x"}, 401, "invalid_token"},
      {{.bearer = ann, .more = field}, 400, "HTTP/1.1 400"},
      {{.bearer = ann, .version = "8"}, 426, "Sec-WebSocket-Version: 13"},
      {{.bearer = ann, .version = ""}, 426, "Sec-WebSocket-Version: 13"},
      {{.bearer = ann, .key = "c2hvcnQ="}, 400, "HTTP/1.1 400"},
      {{.bearer = ann, .key = ""}, 400, "HTTP/1.1 400"},
      {{.bearer = ann, .protocols = "other"}, 400, "HTTP/1.1 400"},
      {{.bearer = ann, .more = "Origin: https://evil.test\r\n"}, 403, "HTTP/1.1 403"},
      {{.bearer = ann, .more = "Origin: null\r\n"}, 403, "HTTP/1.1 403"},
      {{.path = "/sync/vault/x", .bearer = ann}, 403, "insufficient_scope"},
  };
  for (const auto& [hello, status, says] : cases) {
    const Socket socket(server.port(), hello);
    INFO(socket.head);
    CHECK(socket.status == status);
    CHECK_THAT(socket.head, Catch::Contains(std::string(says)));
  }
}

TEST_CASE("two clients see each other's operations, and one comes back at its cursor",
          "[flow][live]") {
  const Site site;
  flow::Server server(site.directory.path());
  REQUIRE(server.port() != 0);
  const std::string token = site.token("ann");
  std::int64_t cursor = 0;
  {
    Socket ann(server.port(), {.bearer = token}), ben(server.port(), {.bearer = token});
    ann.hello(doc("notes/ann/list"));
    ben.hello(doc("notes/ann/list"));
    REQUIRE(ann.next_of("ready").is_object());
    REQUIRE(ben.next_of("ready").is_object());
    ann.say(push(1, "notes/ann/list", one, 1, "from ann"));
    const text::Value ack = ann.next_of("ack");
    CHECK(number(ack, "high") == 1);
    const text::Value ops = ben.next_of("ops");
    CHECK(number(ops, "to") == number(ack, "last"));
    ben.say(push(1, "notes/ann/list", two, 1, "from ben"));
    const text::Value of_ben = ben.next_of("ack");
    CHECK(number(of_ben, "high") == 1);
    // Its own without content, and the other's: in two messages, or in one when its first read of
    // the log finds both.
    std::size_t told = 0;
    while (cursor < number(of_ben, "last")) {
      const text::Value came = ann.next_of("ops");
      REQUIRE(came.is_object());
      told += came.find("ops")->array()->size();
      cursor = number(came, "to");
    }
    CHECK(told == 1);
  }
  // While it is away: over HTTP, by another.
  flow::Connection http(server.port());
  CHECK(http.request("POST", "/sync/notes/ann/list/ops", "Authorization: Bearer " + token + "\r\n",
                     "{" + batch(two, 2, "meanwhile"))
            .status == 200);
  Socket again(server.port(), {.bearer = token});
  again.hello(doc("notes/ann/list", cursor));
  CHECK(*(*again.next_of("ready").find("docs")->array())[0].find("mode")->string() == "catchup");
  const text::Value missed = again.next_of("ops");
  CHECK(number(missed, "from") == cursor);
  REQUIRE(missed.find("ops")->array()->size() == 1);
  CHECK(*(*missed.find("ops")->array())[0].find("v")->string() == "meanwhile");
}

TEST_CASE("what a socket may not reach is refused, and an attack is not stored", "[flow][live]") {
  const Site site;
  flow::Server server(site.directory.path());
  REQUIRE(server.port() != 0);
  Socket ann(server.port(), {.bearer = site.token("ann")});
  ann.hello(doc("notes/ben/list") + "," + doc("vault/x"));
  const text::Value ready = ann.next_of("ready");
  for (const text::Value& row : *ready.find("docs")->array())
    CHECK(*row.find("err")->string() == "forbidden");
  const auto refusal = [&ann](const std::string& message) {
    ann.say(message);
    const text::Value nack = ann.next_of("nack");
    return nack.is_null() ? std::string() : *nack.find("problem")->find("type")->string();
  };
  CHECK(refusal(push(1, "notes/ben/list", one, 1, "x")) == "/_weir/problems/forbidden");
  CHECK(refusal(push(2, "vault/x", one, 1, "x")) == "/_weir/problems/forbidden");
  CHECK(refusal(push(3, "notes/ann/list", one, 9, "x")) == "/_weir/problems/op-gap");
  const std::string attack = "' UNION SELECT password FROM users--";
  CHECK(refusal(push(4, "notes/ann/list", one, 1, attack)) == "/_weir/problems/blocked");
  CHECK(refusal(push(5, "notes/ann/list", one, 1, attack + std::string(30'000, 'a'))) ==
        "/_weir/problems/blocked");
  ann.say("not json");
  CHECK(ann.next_of("ack").is_null());
  CHECK(ann.code == 4400);
}

TEST_CASE("a peer that breaks the protocol gets its close code and the end", "[flow][live]") {
  const Site site;
  flow::Server server(site.directory.path());
  REQUIRE(server.port() != 0);
  const std::string token = site.token("ann");
  const std::pair<std::string, unsigned> cases[] = {
      {bytes_of(ClientFrame{.payload = "x", .masked = false}), 1002},
      {bytes_of(ClientFrame{.payload = "x", .reserved = 4}), 1002},
      {test::text_frame("\xff"), 1007},
      {bytes_of(ClientFrame{.opcode = 2, .payload = "x"}), 1003},
      {bytes_of(ClientFrame{.opcode = 2, .payload = std::string(1'048'577, 'x')}), 1009},
      {test::close_frame(1000), 1000},
      {test::close_frame(4999, "mine"), 4999},
  };
  for (const auto& [bytes, code] : cases) {
    Socket socket(server.port(), {.bearer = token});
    REQUIRE(socket.status == 101);
    socket.send_raw(bytes);
    const test::ServerFrame close = socket.frame();
    CHECK(close.opcode == 8);
    CHECK(close.code() == code);
    if (code == 1003) socket.send_raw(test::close_frame(1003));
    CHECK(socket.is_ended());
  }
}

TEST_CASE("a reader that stops reading is dropped to replay, and converges", "[flow][live]") {
  const Site site;
  flow::Server server(site.directory.path());
  REQUIRE(server.port() != 0);
  const std::string token = site.token("ann");
  Socket slow(server.port(), {.bearer = token}, 4'096), writer(server.port(), {.bearer = token});
  slow.hello(doc("notes/ann/list"));
  writer.hello("");
  REQUIRE(slow.next_of("ready").is_object());
  REQUIRE(writer.next_of("ready").is_object());
  // 3.6 MB: the client's buffer takes 4 KB, the kernel keeps 32 KiB unsent, and our queue holds
  // 256 KiB. Not many more, since whoever reads nothing for 30 s is cut.
  constexpr int count = 60;
  const std::string value(60'000, 'v');
  for (int i = 1; i <= count; ++i) {
    writer.say(push(i, "notes/ann/list", one, i, value));
    const text::Value ack = writer.next_of("ack");
    REQUIRE(ack.is_object());
  }
  std::int64_t cursor = 0, counter = 0;
  while (counter < count) {
    const text::Value ops = slow.next_of("ops");
    REQUIRE(ops.is_object());
    REQUIRE(number(ops, "from") <= cursor);
    for (const text::Value& op : *ops.find("ops")->array()) CHECK(number(op, "ctr") == ++counter);
    cursor = number(ops, "to");
  }
  CHECK(counter == count);
}

TEST_CASE("a stopping server says bye, closes with 1001 and exits with 0", "[flow][live]") {
  const Site site;
  flow::Server server(site.directory.path());
  REQUIRE(server.port() != 0);
  Socket ann(server.port(), {.bearer = site.token("ann")});
  ann.hello(doc("notes/ann/list"));
  REQUIRE(ann.next_of("ready").is_object());
  server.process().signal(SIGTERM);
  const text::Value bye = ann.next_of("bye");
  REQUIRE(bye.is_object());
  CHECK(*bye.find("reason")->string() == "stop");
  const test::ServerFrame close = ann.frame();
  CHECK(close.opcode == 8);
  CHECK(close.code() == 1001);
  ann.send_raw(test::close_frame(1001));
  CHECK(server.process().wait() == 0);
}
