// Goal: the promise of session.h: acknowledged after the commit, no gap and no repeat for any
// reader, rules asked where they must be, every bound with its answer. Method: a whole service; the
// test is the socket. Wakes are counted, the clock stands still, nothing sleeps.

#include "sync/session.h"

#include "http/websocket_client.h"
#include "service_fixture.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <deque>
#include <thread>

namespace weir::sync::test {

using namespace std::chrono_literals;

namespace {

class OpenGate final : public SessionGate {
 public:
  bool may_reach(Verb, std::string_view document) const override {
    return document.substr(0, 6) != "apart/";
  }
  std::shared_ptr<const text::Value> authenticate(std::string_view token) const override {
    return token == "bad" ? nullptr : claims_of(token);
  }
  bool is_attack(std::string_view message) const override {
    return message.find("UNION SELECT") != std::string_view::npos;
  }
};

// A client: says texts, reads messages one after the other.
class Client {
 public:
  explicit Client(ServiceFixture& fixture, std::string_view claims = {}) {
    SessionAsk ask;
    if (!claims.empty()) ask.claims = claims_of(claims);
    ask.gate = std::make_shared<OpenGate>();
    auto opened = fixture.service().open_session(std::move(ask));
    if (Reply* refused = std::get_if<Reply>(&opened)) {
      status = refused->status;
      return;
    }
    session = std::get<std::shared_ptr<Session>>(std::move(opened));
    session->start([woken = woken_] { *woken = true; });
  }
  ~Client() {
    if (session != nullptr) session->close();
  }

  void say(std::string_view message) { session->receive(message); }
  void hello(std::string_view documents = "", std::string_view more = "") {
    say("{\"t\":\"hello\",\"v\":1,\"docs\":[" + std::string(documents) + "]" + std::string(more) +
        "}");
  }
  // The next message; null when the session has closed (then `code` says how).
  text::Value next(std::size_t bytes_max = 1 << 16) {
    while (arrived_.empty()) {
      if (code != 0) return {};
      *woken_ = false;
      take(bytes_max);
      if (arrived_.empty() && code == 0) weir::test::eventually([this] { return woken_->load(); });
    }
    const text::Value message = std::move(arrived_.front());
    arrived_.pop_front();
    return message;
  }
  // The next message of that kind; others are passed over.
  text::Value next_of(std::string_view type) {
    while (true) {
      text::Value message = next();
      if (message.is_null() || type_of(message) == type) return message;
    }
  }
  static std::string type_of(const text::Value& message) {
    const text::Value* type = message.find("t");
    return type == nullptr ? "" : *type->string();
  }
  bool is_quiet() {
    take(1 << 16);
    return arrived_.empty();
  }
  std::uint16_t closed() {
    while (!next().is_null()) {
    }
    return code;
  }

  std::shared_ptr<Session> session;
  int status = 0;  // of the refusal
  std::uint16_t code = 0;
  std::string reason;
  bool wants_input = true;
  std::size_t frames = 0;
  std::size_t largest = 0;

 private:
  void take(std::size_t bytes_max) {
    Session::Taken taken = session->take(bytes_max);
    for (const SharedText& frame : taken.frames) {
      ++frames;
      largest = std::max(largest, frame->size());
      std::string bytes = *frame;
      const auto read = weir::test::take_frame(bytes);
      REQUIRE(read.complete);
      REQUIRE(read.opcode == 1);
      REQUIRE(bytes.empty());
      arrived_.push_back(text::parse_json(read.payload).value());
    }
    wants_input = taken.wants_input;
    code = taken.close_code;
    reason = taken.close_reason;
  }

  std::shared_ptr<std::atomic<bool>> woken_ = std::make_shared<std::atomic<bool>>(false);
  std::deque<text::Value> arrived_;
};

std::int64_t number(const text::Value& message, std::string_view name) {
  const text::Value* found = message.find(name);
  REQUIRE(found != nullptr);
  REQUIRE(found->integer() != nullptr);
  return *found->integer();
}
std::string text_of(const text::Value& message, std::string_view name) {
  const text::Value* found = message.find(name);
  return found == nullptr || found->string() == nullptr ? "" : *found->string();
}

std::string doc(std::string_view name, std::int64_t since = 0) {
  return "{\"d\":\"" + std::string(name) + "\",\"since\":" + std::to_string(since) + "}";
}
std::string push(int id, std::string_view document, std::string_view replica, std::int64_t first,
                 std::string_view ops) {
  return "{\"t\":\"push\",\"id\":" + std::to_string(id) + ",\"d\":\"" + std::string(document) +
         "\",\"rep\":\"" + std::string(replica) + "\",\"n\":" + std::to_string(first) +
         ",\"ops\":[" + std::string(ops) + "]}";
}

// Follows one document as a client must: contiguous, each operation once.
struct Cursor {
  std::int64_t at = 0;
  std::vector<std::int64_t> seen = {};
  void read(const text::Value& message) {
    REQUIRE(number(message, "from") <= at);
    REQUIRE(number(message, "to") > at);
    for (const text::Value& op : *message.find("ops")->array()) {
      REQUIRE(number(op, "seq") > at);
      seen.push_back(number(op, "seq"));
    }
    at = number(message, "to");
  }
};

}  // namespace

TEST_CASE("a push is acknowledged to its sender and told to the others", "[sync][session]") {
  ServiceFixture fixture;
  Client ann(fixture), ben(fixture);
  ann.hello(doc("d"), R"(,"rep":"r_aaaaaaaaaaaaaaaa")");
  ben.hello(doc("d"));
  CHECK(Client::type_of(ann.next()) == "ready");
  const text::Value ready = ben.next();
  CHECK(text_of((*ready.find("docs")->array())[0], "mode") == "tail");
  CHECK(number(ready, "now") == fixture.clock.wall().millis());

  ann.say(push(7, "d", replica_a, 1, title(fixture.clock, "hello")));
  const text::Value ack = ann.next_of("ack");
  CHECK(number(ack, "id") == 7);
  CHECK(number(ack, "high") == 1);
  CHECK(*ack.find("durable")->boolean());

  const text::Value ops = ben.next_of("ops");
  CHECK(number(ops, "from") == 0);
  CHECK(number(ops, "to") == number(ack, "last"));
  CHECK(ops.find("ops")->array()->size() == 1);
  // The sender's own come back without content, so that its cursor goes on.
  const text::Value own = ann.next_of("ops");
  CHECK(number(own, "to") == number(ack, "last"));
  CHECK(own.find("ops")->array()->empty());
}

TEST_CASE("what a socket pushed before its first read of the log is not told to it",
          "[sync][session]") {
  ServiceFixture fixture;
  fixture.sync("GET", "d");  // opens the tenant, so that hello is answered at once
  Client ann(fixture);
  ann.hello(doc("d"));
  ann.say(push(1, "d", replica_a, 1, title(fixture.clock, "mine")));
  // Nothing was taken so far, so nothing was read.
  weir::test::eventually([&] {
    return json_in(fixture.sync("GET", "d", {}, "since=0")).find("ops")->array()->size() == 1;
  });
  fixture.sync("POST", "d/ops", batch(replica_b, 1, title(fixture.clock, "another's")));
  const text::Value ops = ann.next_of("ops");
  CHECK(number(ops, "to") == 2);
  REQUIRE(ops.find("ops")->array()->size() == 1);
  CHECK(text_of((*ops.find("ops")->array())[0], "rep") == replica_b);
  // Who asks anew from 0 asks for all of it.
  ann.say(R"({"t":"sub","d":"d","since":0})");
  CHECK(ann.next_of("ops").find("ops")->array()->size() == 2);
}

TEST_CASE("a commit of several sockets leaves out each one's own", "[sync][session]") {
  Frame frame;
  frame.document = "d";
  frame.to = 5;
  frame.count = 5;
  const std::vector<std::pair<std::uint64_t, std::string>> told = {
      {1, "{\"seq\":1},{\"seq\":2}"}, {2, "{\"seq\":3}"}, {1, "{\"seq\":4}"}, {0, "{\"seq\":5}"}};
  for (const auto& [origin, text] : told) {
    if (!frame.operations.empty()) frame.operations += ',';
    frame.operations += text;
    frame.parts.push_back({origin, frame.operations.size()});
  }
  const auto seen_by = [&frame](std::uint64_t origin) {
    std::string bytes = *frame.message_for(origin);
    const text::Value message = text::parse_json(weir::test::take_frame(bytes).payload).value();
    CHECK(number(message, "to") == 5);
    std::vector<std::int64_t> positions;
    for (const text::Value& op : *message.find("ops")->array())
      positions.push_back(number(op, "seq"));
    return positions;
  };
  CHECK(seen_by(1) == std::vector<std::int64_t>{3, 5});
  CHECK(seen_by(2) == std::vector<std::int64_t>{1, 2, 4, 5});
  CHECK(seen_by(3) == std::vector<std::int64_t>{1, 2, 3, 4, 5});
  CHECK(seen_by(0) == std::vector<std::int64_t>{1, 2, 3, 4, 5});
  CHECK(frame.message_for(3) == frame.message());  // shared, not made again
}

TEST_CASE("own positions are known in ranges, the newest of them", "[sync][session]") {
  OwnOperations own;
  CHECK_FALSE(own.has(1));
  own.add(3, 5);
  own.add(6, 6);
  own.add(9, 9);
  for (const std::int64_t position : {3, 4, 5, 6, 9}) CHECK(own.has(position));
  for (const std::int64_t position : {0, 2, 7, 8, 10}) CHECK_FALSE(own.has(position));
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(own_ranges_max); ++i)
    own.add(20 + 2 * i, 20 + 2 * i);
  CHECK_FALSE(own.has(3));  // forgotten: told again
  CHECK(own.has(20));
}

TEST_CASE("what came over HTTP is told to sockets, and what came by sockets to HTTP",
          "[sync][session]") {
  ServiceFixture fixture;
  Client ben(fixture);
  ben.hello(doc("d"));
  ben.next_of("ready");
  CHECK(fixture.sync("POST", "d/ops", batch(replica_a, 1, title(fixture.clock, "x"))).status ==
        200);
  CHECK(ben.next_of("ops").find("ops")->array()->size() == 1);
  ben.say(push(1, "d", replica_b, 1, title(fixture.clock, "y")));
  CHECK(number(ben.next_of("ack"), "high") == 1);
  CHECK(json_in(fixture.sync("GET", "d", {}, "since=0")).find("ops")->array()->size() == 2);
}

TEST_CASE("one commit is one frame, shared by all who follow", "[sync][session]") {
  ServiceFixture fixture;
  Client ann(fixture), ben(fixture);
  for (Client* client : {&ann, &ben}) {
    client->hello(doc("d"));
    client->next_of("ready");
    weir::test::eventually([client] { return client->is_quiet(); });
  }
  // Both are live once a first commit has reached them.
  fixture.sync("POST", "d/ops", batch(replica_a, 1, title(fixture.clock, "first")));
  ann.next_of("ops");
  ben.next_of("ops");
  fixture.sync("POST", "d/ops", batch(replica_a, 2, title(fixture.clock, "second")));
  const auto wait = [](Client& client) {
    std::vector<SharedText> frames;
    weir::test::eventually([&] {
      frames = client.session->take(1 << 16).frames;
      return !frames.empty();
    });
    return frames;
  };
  const auto of_ann = wait(ann), of_ben = wait(ben);
  REQUIRE(of_ann.size() == 1);
  REQUIRE(of_ben.size() == 1);
  CHECK(of_ann[0] == of_ben[0]);  // the same bytes, not equal ones
}

TEST_CASE("a client comes back at its cursor and misses nothing", "[sync][session]") {
  ServiceFixture fixture;
  Cursor cursor;
  std::int64_t counter = 0;
  const auto write = [&](int count) {
    for (int i = 0; i < count; ++i)
      fixture.sync("POST", "d/ops", batch(replica_a, ++counter, title(fixture.clock, "x")));
  };
  write(5);
  std::string epoch;
  for (int visit = 0; visit < 3; ++visit) {
    Client client(fixture);
    client.hello(doc("d", cursor.at),
                 epoch.empty() ? std::string() : ",\"epoch\":\"" + epoch + "\"");
    const text::Value ready = client.next_of("ready");
    epoch = text_of(ready, "epoch");
    CHECK(text_of((*ready.find("docs")->array())[0], "mode") == "catchup");
    while (cursor.seen.size() < static_cast<std::size_t>(counter))
      cursor.read(client.next_of("ops"));
    write(4);
    while (cursor.seen.size() < static_cast<std::size_t>(counter))
      cursor.read(client.next_of("ops"));
    client.session->close();
    write(3);
  }
  CHECK(cursor.seen.size() == 5 + 4 * 3 + 3 * 2);
}

TEST_CASE("a reader that does not read loses its queue, not an operation", "[sync][session]") {
  ServiceFixture fixture;
  fixture.settings.feed_bytes_max = 4 * KiB;
  Client slow(fixture);
  slow.hello(doc("d"));
  slow.next_of("ready");
  while (!slow.is_quiet()) {
  }
  constexpr int count = 600;  // more than any queue holds
  for (int i = 1; i <= count; ++i)
    fixture.sync("POST", "d/ops", batch(replica_a, i, title(fixture.clock, std::string(300, 'x'))));
  Cursor cursor;
  while (cursor.seen.size() < count) cursor.read(slow.next_of("ops"));
  CHECK(cursor.seen.size() == count);
  CHECK(slow.frames < count);  // read in pages from the log, not commit by commit
}

TEST_CASE("two clients that write at once converge to one order", "[sync][session]") {
  ServiceFixture fixture;
  Client ann(fixture), ben(fixture);
  for (Client* client : {&ann, &ben}) {
    client->hello(doc("d"));
    client->next_of("ready");
  }
  constexpr int count = 100;
  const auto run = [&fixture](Client& client, std::string_view replica, Cursor& cursor,
                              std::set<std::int64_t>& own) {
    int sent = 0, acked = 0;
    // The other's operations are seen, our own are acknowledged: together all of them.
    while (acked < count || cursor.seen.size() < count) {
      if (sent < count && sent - acked < 8) {
        ++sent;
        client.say(push(sent, "d", replica, sent, title(fixture.clock, "v")));
      }
      const text::Value message = client.next();
      if (Client::type_of(message) == "ack") {
        own.insert(number(message, "last"));
        ++acked;
      } else if (Client::type_of(message) == "ops") {
        // Also of a commit, or a read of the log, with operations of both.
        const std::int64_t before = cursor.at;
        REQUIRE(number(message, "from") <= before);
        for (const text::Value& op : *message.find("ops")->array()) {
          REQUIRE(text_of(op, "rep") != replica);
          cursor.seen.push_back(number(op, "seq"));
        }
        cursor.at = number(message, "to");
      }
    }
  };
  Cursor of_ann, of_ben;
  std::set<std::int64_t> own_ann, own_ben;
  std::thread other([&] { run(ben, replica_b, of_ben, own_ben); });
  run(ann, replica_a, of_ann, own_ann);
  other.join();
  CHECK(std::set<std::int64_t>(of_ann.seen.begin(), of_ann.seen.end()) == own_ben);
  CHECK(std::set<std::int64_t>(of_ben.seen.begin(), of_ben.seen.end()) == own_ann);
}

TEST_CASE("a refused push says why and stores nothing", "[sync][session]") {
  ServiceFixture fixture;
  fixture.settings.sync_rules = {{"free/**", "true", "true", {}},
                                 {"read/**", "true", "false", {}},
                                 {"apart/**", "true", "true", {}}};
  Client ann(fixture);
  ann.hello();
  ann.next_of("ready");
  const auto refusal = [&](std::string_view message) {
    ann.say(message);
    const text::Value nack = ann.next_of("nack");
    REQUIRE(nack.find("problem") != nullptr);
    return text_of(*nack.find("problem"), "type");
  };
  const std::string op = title(fixture.clock, "x");
  CHECK(refusal(push(1, "free/d", replica_a, 9, op)) == "/_weir/problems/op-gap");
  CHECK(refusal(push(2, "read/d", replica_a, 1, op)) == "/_weir/problems/unauthorized");
  CHECK(refusal(push(3, "apart/d", replica_a, 1, op)) == "/_weir/problems/forbidden");
  CHECK(refusal(push(4, "free/d", "bad", 1, op)) == "/_weir/problems/bad-request");
  CHECK(refusal(push(5, "free/d", replica_a, 1, R"({"e":"t"})")) == "/_weir/problems/invalid-op");
  CHECK(refusal(push(6, "free/d", replica_a, 1, title(fixture.clock, "1 UNION SELECT x"))) ==
        "/_weir/problems/blocked");
  std::string late = op;
  late.replace(late.find("\"h\":\"") + 5, 4, "0fff");
  CHECK(refusal(push(7, "free/d", replica_a, 1, late)) == "/_weir/problems/clock-drift");
  CHECK(json_in(fixture.sync("GET", "free/d", {}, "since=0")).find("ops")->array()->empty());
}

TEST_CASE("a duplicate is acknowledged and not told again", "[sync][session]") {
  ServiceFixture fixture;
  Client ann(fixture);
  ann.hello();
  ann.next_of("ready");
  const std::string message = push(1, "d", replica_a, 1, title(fixture.clock, "x"));
  ann.say(message);
  CHECK(number(ann.next_of("ack"), "dup") == 0);
  ann.say(message);
  CHECK(number(ann.next_of("ack"), "dup") == 1);
  CHECK(json_in(fixture.sync("GET", "d", {}, "since=0")).find("ops")->array()->size() == 1);
}

TEST_CASE("a large push is decoded elsewhere and keeps its place", "[sync][session]") {
  ServiceFixture fixture;
  Client ann(fixture);
  ann.hello();
  ann.next_of("ready");
  ann.say(push(1, "d", replica_a, 1, title(fixture.clock, std::string(60'000, 'x'))));
  weir::test::eventually([&] { return !ann.is_quiet() && ann.wants_input; });
  CHECK(number(ann.next_of("ack"), "high") == 1);
}

TEST_CASE("documents that may not be read are refused one by one", "[sync][session]") {
  ServiceFixture fixture;
  fixture.settings.sync_rules = {{"notes/{owner}/**", "sub == owner", "sub == owner", {}},
                                 {"apart/**", "true", "true", {}}};
  Client ann(fixture, R"({"sub":"ann"})");
  ann.hello(doc("notes/ann/a") + "," + doc("notes/ben/b") + "," + doc("apart/x") + "," +
            doc("notes/ann/c", 99));
  const text::Value ready = ann.next_of("ready");
  const auto& rows = *ready.find("docs")->array();
  REQUIRE(rows.size() == 4);
  CHECK(text_of(rows[0], "mode") == "tail");
  CHECK(text_of(rows[1], "err") == "forbidden");
  CHECK(text_of(rows[2], "err") == "forbidden");  // guarded by another route
  CHECK(text_of(rows[3], "err") == "epoch-changed");
}

TEST_CASE("sub follows, unsub stops, and a removed document is told", "[sync][session]") {
  ServiceFixture fixture;
  Client ann(fixture);
  ann.hello();
  ann.next_of("ready");
  fixture.sync("POST", "d/ops", batch(replica_a, 1, title(fixture.clock, "x")));
  ann.say(R"({"t":"sub","d":"d","since":0})");
  CHECK(text_of((*ann.next_of("ready").find("docs")->array())[0], "mode") == "catchup");
  ann.next_of("ops");
  while (!ann.is_quiet()) {
  }
  fixture.sync("POST", "d/ops", batch(replica_a, 2, title(fixture.clock, "y")));
  ann.next_of("ops");
  CHECK(fixture.sync("DELETE", "d").status == 204);
  CHECK(text_of(ann.next_of("removed"), "d") == "d");
  ann.say(R"({"t":"unsub","d":"d"})");
  fixture.sync("POST", "d/ops", batch(replica_b, 1, title(fixture.clock, "z")));
  CHECK(ann.is_quiet());
}

TEST_CASE("presence goes to the others, within its rate, and ends with the socket",
          "[sync][session]") {
  ServiceFixture fixture;
  Client ben(fixture);
  ben.hello(doc("d"));
  ben.next_of("ready");
  fixture.sync("POST", "d/ops", batch(replica_b, 1, title(fixture.clock, "x")));
  ben.next_of("ops");  // live from here
  while (!ben.is_quiet()) {
  }
  {
    Client ann(fixture);
    ann.hello(doc("d"), R"(,"rep":"r_aaaaaaaaaaaaaaaa")");
    ann.next_of("ready");
    for (int i = 0; i < 30; ++i) ann.say(R"({"t":"pres","d":"d","v":{"x":1}})");
    for (int i = 0; i < 10; ++i) {
      const text::Value shown = ben.next();
      CHECK(Client::type_of(shown) == "pres");
      CHECK(text_of(shown, "rep") == replica_a);
    }
    CHECK(ben.is_quiet());  // the clock stands still: ten, and no more
  }
  const text::Value gone = ben.next();
  CHECK(Client::type_of(gone) == "pres");
  CHECK(gone.find("v")->is_null());
}

TEST_CASE("no hello in 5 s closes with 4408", "[sync][session]") {
  ServiceFixture fixture;
  Client ann(fixture);
  CHECK(ann.is_quiet());
  fixture.clock.advance(limits::session_hello_max);
  CHECK(ann.closed() == 4408);
}

TEST_CASE("what is no message closes with 4400", "[sync][session]") {
  for (const std::string_view message :
       {"", "{", "[]", "{}", R"({"t":1})", R"({"t":"push"})", R"({"t":"hello"})",
        R"({"t":"hello","v":2})", R"({"t":"hello","v":1,"docs":{}})",
        R"({"t":"hello","v":1,"rep":"short"})", R"({"t":"hello","v":1,"docs":[{"d":""}]})",
        R"({"t":"hello","v":1,"docs":[{"d":"x","since":-1}]})",
        R"({"t":"hello","v":1,"docs":[{"d":"x","since":"1"}]})"}) {
    ServiceFixture fixture;
    INFO(message);
    Client ann(fixture);
    ann.say(message);
    CHECK(ann.closed() == 4400);
  }
  for (const std::string_view message :
       {R"({"t":"hello","v":1})", R"({"t":"what"})", R"({"t":"push","d":"x"})",
        R"({"t":"push","id":1,"d":7})", R"({"t":"sub"})", R"({"t":"auth"})",
        R"({"t":"pres","d":"d","v":1})"}) {
    ServiceFixture fixture;
    INFO(message);
    Client ann(fixture);
    ann.hello();
    ann.next_of("ready");
    ann.say(message);
    CHECK(ann.closed() == 4400);
  }
}

TEST_CASE("another epoch closes with 4409 and names the one that holds", "[sync][session]") {
  ServiceFixture fixture;
  Client ann(fixture);
  ann.hello("", R"(,"epoch":"1-other")");
  CHECK(ann.closed() == 4409);
  Client ben(fixture);
  ben.hello();
  CHECK(text_of(ben.next_of("ready"), "epoch") == ann.reason);
}

TEST_CASE("a token that ends is asked for, renewed, or closes with 4401", "[sync][session]") {
  ServiceFixture fixture;
  fixture.settings.sync_rules = {{"**", "role == 'reader'", "false", {}}};
  const std::int64_t now = fixture.clock.wall().seconds();
  const auto token = [now](std::string_view subject, std::string_view role, int seconds) {
    return R"({"sub":")" + std::string(subject) + R"(","role":")" + std::string(role) +
           R"(","exp":)" + std::to_string(now + seconds) + "}";
  };
  const auto renewal = [](const std::string& jwt) {
    return "{\"t\":\"auth\",\"jwt\":" + quoted(jwt) + "}";
  };
  Client ann(fixture, token("ann", "reader", 60));
  ann.hello(doc("d"));
  CHECK(text_of((*ann.next_of("ready").find("docs")->array())[0], "mode") == "tail");
  while (!ann.is_quiet()) {
  }
  fixture.clock.advance(30s);
  CHECK(number(ann.next_of("reauth"), "in") == 30);
  ann.say(renewal(token("ann", "reader", 120)));
  CHECK(number(ann.next_of("auth"), "in") == 90);
  // A claim that is gone takes the subscription with it.
  ann.say(renewal(token("ann", "nobody", 120)));
  CHECK(text_of(ann.next_of("gone"), "err") == "forbidden");
  fixture.clock.advance(90s);
  CHECK(ann.closed() == 4401);

  Client ben(fixture, token("ben", "reader", 200));
  ben.hello();
  ben.next_of("ready");
  ben.say(renewal("bad"));
  CHECK(ben.closed() == 4401);
  Client eve(fixture, token("eve", "reader", 200));
  eve.hello();
  eve.next_of("ready");
  eve.say(renewal(token("ann", "reader", 200)));
  CHECK(eve.closed() == 4403);
}

TEST_CASE("the goodbye comes after what was pushed is acknowledged", "[sync][session]") {
  ServiceFixture fixture;
  for (const Farewell farewell : {Farewell::stop, Farewell::restart}) {
    Client ann(fixture);
    ann.hello();
    ann.next_of("ready");
    const int first = farewell == Farewell::stop ? 1 : 11;
    for (int i = 0; i < 10; ++i)
      ann.say(push(i, "d", replica_a, first + i, title(fixture.clock, "x")));
    ann.session->say_goodbye(farewell);
    for (int i = 0; i < 10; ++i) CHECK(Client::type_of(ann.next()) == "ack");
    const text::Value bye = ann.next();
    CHECK(Client::type_of(bye) == "bye");
    CHECK(number(bye, "retry_ms") > 0);
    CHECK(ann.closed() == (farewell == Farewell::stop ? 1001 : 1012));
  }
}

TEST_CASE("the end of the service says goodbye to every socket", "[sync][session]") {
  ServiceFixture fixture;
  Client ann(fixture), ben(fixture);
  ann.hello(doc("d"));
  ann.next_of("ready");
  fixture.service().stop();
  CHECK(Client::type_of(ann.next_of("bye")) == "bye");
  CHECK(ann.closed() == 1001);
  CHECK(ben.closed() == 1001);
  Client late(fixture);
  CHECK(late.status == 503);
}

TEST_CASE("who does not take his answers is not read", "[sync][session]") {
  ServiceFixture fixture;
  Client ann(fixture);
  ann.hello();
  ann.next_of("ready");
  const auto count = static_cast<int>(limits::session_answers_max) + 2;
  for (int i = 0; i < count; ++i) ann.say(push(i, "d", "bad", 1, ""));
  CHECK_FALSE(ann.session->take(0).wants_input);
  CHECK(Client::type_of(ann.next()) == "nack");
  CHECK(ann.wants_input);
}

TEST_CASE("a flood closes with 4429, too many batches are refused for a second",
          "[sync][session]") {
  ServiceFixture fixture;
  Client ann(fixture);
  ann.hello();
  ann.next_of("ready");
  const auto count = static_cast<int>(limits::session_pushes_burst);
  for (int i = 1; i <= count; ++i) {
    ann.say(push(i, "d", replica_a, i, title(fixture.clock, "x")));
    CHECK(Client::type_of(ann.next()) == "ack");
  }
  ann.say(push(0, "d", replica_a, count + 1, title(fixture.clock, "x")));
  const text::Value nack = ann.next_of("nack");
  CHECK(text_of(*nack.find("problem"), "type") == "/_weir/problems/rate-limited");
  fixture.clock.advance(1s);
  ann.say(push(0, "d", replica_a, count + 1, title(fixture.clock, "x")));
  CHECK(Client::type_of(ann.next()) == "ack");
  for (int i = 0; i < 3'000; ++i) ann.say(R"({"t":"unsub","d":"d"})");
  CHECK(ann.closed() == 4429);
}

TEST_CASE("a subject has at most 16 sockets, and a closed one makes room", "[sync][session]") {
  ServiceFixture fixture;
  std::deque<Client> clients;
  for (std::size_t i = 0; i < limits::sessions_per_subject_max; ++i)
    CHECK(clients.emplace_back(fixture, R"({"sub":"ann"})").status == 0);
  CHECK(Client(fixture, R"({"sub":"ann"})").status == 429);
  CHECK(Client(fixture, R"({"sub":"ben"})").status == 0);
  clients.pop_back();
  CHECK(Client(fixture, R"({"sub":"ann"})").status == 0);
}

TEST_CASE("without rules nobody gets a socket, and too many find no place", "[sync][session]") {
  {
    ServiceFixture fixture;
    fixture.settings.sync_rules.clear();
    CHECK(Client(fixture).status == 401);
    CHECK(Client(fixture, R"({"sub":"ann"})").status == 403);
  }
  ServiceFixture fixture;
  fixture.settings.feeds_max = 2;
  Client ann(fixture), ben(fixture);
  CHECK(ben.status == 0);
  CHECK(Client(fixture).status == 503);
  // A place that a document would need is missing, too.
  ann.hello(doc("d"));
  CHECK(text_of((*ann.next_of("ready").find("docs")->array())[0], "err") == "overloaded");
}

TEST_CASE("one socket follows at most 64 documents", "[sync][session]") {
  ServiceFixture fixture;
  Client ann(fixture);
  std::string documents;
  for (std::size_t i = 0; i < limits::session_documents_max; ++i)
    documents += (i == 0 ? "" : ",") + doc("d" + std::to_string(i));
  ann.hello(documents);
  ann.next_of("ready");
  ann.say(R"({"t":"sub","d":"another"})");
  CHECK(text_of((*ann.next_of("ready").find("docs")->array())[0], "err") == "too-many");
  ann.say(R"({"t":"sub","d":"d3"})");  // known: it begins anew
  CHECK(text_of((*ann.next_of("ready").find("docs")->array())[0], "mode") == "tail");
  ann.say(R"({"t":"unsub","d":"d0"})");
  ann.say(R"({"t":"sub","d":"another"})");
  CHECK(text_of((*ann.next_of("ready").find("docs")->array())[0], "mode") == "tail");
}

TEST_CASE("behind the compaction point a snapshot comes in parts, then the log goes on",
          "[sync][session]") {
  ServiceFixture fixture;
  fixture.settings.retain = Nanos(0);
  // Enough to be folded and compacted, large enough for several parts.
  std::int64_t counter = 0;
  for (int round = 0; round < 40; ++round) {
    std::string ops;
    for (int i = 0; i < 100; ++i)
      ops += (i == 0 ? "" : ",") +
             title(fixture.clock, std::string(100, 'x'), "entity-" + std::to_string(counter + i));
    fixture.clock.advance(1ms);
    REQUIRE(fixture.sync("POST", "d/ops", batch(replica_a, counter + 1, ops)).status == 200);
    counter += 100;
  }
  weir::test::eventually([&] { return fixture.sync("GET", "d", {}, "since=0").status == 410; });
  Client ann(fixture);
  ann.hello(doc("d"));
  CHECK(text_of((*ann.next_of("ready").find("docs")->array())[0], "mode") == "snapshot");
  std::string state;
  text::Value part;
  std::int64_t parts = 0;
  do {
    part = ann.next();
    REQUIRE(Client::type_of(part) == "snap");
    CHECK(number(part, "part") == parts++);
    state += text_of(part, "state");
  } while (!*part.find("last")->boolean());
  CHECK(parts > 1);
  CHECK(ann.largest <= 256 * KiB);
  const text::Value whole = json_in(fixture.sync("GET", "d/snapshot"));
  CHECK(text_of(part, "xxh3") == text_of(whole, "xxh3"));
  CHECK(text::parse_json(state).value() == *whole.find("state"));
  CHECK(number(*part.find("vv"), replica_a) == counter);
  fixture.sync("POST", "d/ops", batch(replica_a, counter + 1, title(fixture.clock, "after")));
  const text::Value after = ann.next_of("ops");
  CHECK(number(after, "from") <= number(part, "seq"));
  CHECK(after.find("ops")->array()->size() == 1);
}

}  // namespace weir::sync::test
