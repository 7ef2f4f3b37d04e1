// Goal: an answer of an upstream is understood in exactly one way or refused (wire H-43, cache
// C-36), and a request to it says what it was told to say and nothing else (H-22).
// Method: bytes into the reader, whole and cut at every place; the serialiser's output read back by
// the engine's own request parser.

#include "http/upstream_answer.h"
#include "base/limits_upstream.h"
#include "http/head_parser.h"
#include "http/target.h"
#include "http/upstream.h"
#include "http/upstream_request.h"

#include <catch2/catch.hpp>

#include <memory>
#include <string>
#include <vector>

using namespace weir;
using namespace weir::http;

namespace {

using Asked = AnswerReader::Asked;
using Step = AnswerReader::Step;

constexpr AnswerRules rules{limits::upstream_head_bytes_max, limits::upstream_head_fields_max,
                            limits::upstream_interim_max};

struct Told {
  std::string events;  // "i103 h200 d e", bodies joined
  std::string body;
  std::string rest;  // behind the end
  std::string reason;
  std::string fields;
  bool keep_alive = false;
  friend bool operator==(const Told&, const Told&) = default;
};

// Feeds `text` in pieces of `piece_bytes`, then the end of the connection when `ends`.
Told read(std::string_view text, Asked asked = Asked::plain, std::size_t piece_bytes = 1 << 20,
          bool ends = false) {
  AnswerReader reader(rules);
  reader.begin(asked);
  Told told;
  std::string held;
  const auto note_head = [&](char kind) {
    told.events += (told.events.empty() ? "" : " ") + std::string(1, kind) +
                   std::to_string(reader.head().status);
    for (const Field& field : reader.head().fields)
      told.fields += std::string(field.name) + "=" + std::string(field.value) + ";";
    told.keep_alive = reader.head().keep_alive;
  };
  while (!text.empty()) {
    held.append(text.substr(0, piece_bytes));
    text.remove_prefix(std::min(piece_bytes, text.size()));
    std::size_t at = 0;
    while (true) {
      const auto piece = reader.next(held.data() + at, held.size() - at);
      at += piece.consumed;
      if (piece.step == Step::more) break;
      if (piece.step == Step::interim) note_head('i');
      if (piece.step == Step::head) note_head('h');
      if (piece.step == Step::switched) note_head('s');
      if (piece.step == Step::data) told.body.append(piece.data);
      if (piece.step == Step::bad) {
        told.events += (told.events.empty() ? "bad" : " bad");
        told.reason = reader.reason();
        return told;
      }
      if (piece.step == Step::done) {
        told.events += " e";
        told.rest = held.substr(at) + std::string(text);
        return told;
      }
    }
    held.erase(0, at);
  }
  if (ends) told.events += reader.end_of_input() ? " e" : " cut";
  return told;
}

std::string events(std::string_view text, Asked asked = Asked::plain) {
  return read(text, asked).events;
}

}  // namespace

TEST_CASE("an answer is framed as RFC 9112 6.3 says, and ends where it says", "[http][upstream]") {
  struct Row {
    std::string_view text;
    Asked asked;
    std::string_view events, body;
  };
  constexpr Row rows[] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", Asked::plain, "h200 e", "hello"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Asked::plain, "h200 e", ""},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", Asked::plain,
       "h200 e", "abc"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: ,, CHUNKED ,\r\n\r\n0\r\nX: 1\r\n\r\n", Asked::plain,
       "h200 e", ""},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Asked::head, "h200 e", ""},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", Asked::head, "h200 e", ""},
      {"HTTP/1.1 204 No Content\r\n\r\n", Asked::plain, "h204 e", ""},
      {"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n", Asked::plain, "h304 e", ""},
      {"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 "
       "OK\r\nContent-Length: 1\r\n\r\nx",
       Asked::plain, "i103 i100 h200 e", "x"},
      {"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", Asked::plain, "h200 e", ""},
      {"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", Asked::plain, "h200 e", ""},
      {"HTTP/1.1 599 \xc3\xa9\r\nContent-Length: 0\r\n\r\n", Asked::plain, "h599 e", ""},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    const Told told = read(row.text, row.asked);
    CHECK(told.events == row.events);
    CHECK(told.body == row.body);
    CHECK(told.rest.empty());
  }
}

TEST_CASE("without a length an answer runs to the end of its connection", "[http][upstream]") {
  const auto plain =
      read("HTTP/1.1 200 OK\r\n\r\nall of it", Asked::plain, std::size_t{1} << 20, true);
  CHECK(plain.events == "h200 e");
  CHECK(plain.body == "all of it");
  CHECK_FALSE(plain.keep_alive);

  // An unknown coding is not ours to undo: its bytes are passed as they came (C-36).
  const auto unknown = read("HTTP/1.1 200 OK\r\nTransfer-Encoding: shuffled\r\n\r\n\x01\x02",
                            Asked::plain, std::size_t{1} << 20, true);
  CHECK(unknown.events == "h200 e");
  CHECK(unknown.body == "\x01\x02");

  for (const std::string_view text :
       {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        "HTTP/1.1 200 OK\r\nContent-Le"}) {
    INFO(text);
    CHECK_THAT(read(text, Asked::plain, std::size_t{1} << 20, true).events,
               Catch::EndsWith(" cut"));
  }
}

TEST_CASE("whatever could be read in two ways is refused", "[http][upstream]") {
  constexpr std::string_view bad[] = {
      // framing
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: shuffled\r\nContent-Length: 5\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 0x5\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, shuffled\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: shuffled, chunked\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
      "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n+3\r\nabc\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\n0\n\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n",
      // lines
      "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 0\n\r\n",
      "HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n",
      "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
      "HTTP/1.1 200 OK\r\n A: b\r\n\r\n",
      "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
      "HTTP/1.1 200 OK\r\n: b\r\n\r\n",
      "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
      "HTTP/1.1 200 OK\r\nA: \x01\r\n\r\n",
      "HTTP/1.1 200 OK\r\nA: b\x7f\r\n\r\n",
      "HTTP/1.1 200 O\x01K\r\n\r\n",
      "\r\nHTTP/1.1 200 OK\r\n\r\n",
      // status lines
      "HTTP/2.0 200 OK\r\n\r\n",
      "http/1.1 200 OK\r\n\r\n",
      "HTTP/1.x 200 OK\r\n\r\n",
      "HTTP/1.1  200 OK\r\n\r\n",
      "HTTP/1.1 20 OK\r\n\r\n",
      "HTTP/1.1 2000 OK\r\n\r\n",
      "HTTP/1.1 099 OK\r\n\r\n",
      "HTTP/1.1 600 OK\r\n\r\n",
      "HTTP/1.12 200 OK\r\n\r\n",
      "ICY 200 OK\r\n\r\n",
      "SSH-2.0-OpenSSH_9.2\r\n",
      // interim
      "HTTP/1.1 103 A\r\nContent-Length: 3\r\n\r\nabc",
      "HTTP/1.1 100 A\r\nTransfer-Encoding: chunked\r\n\r\n",
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
  };
  for (const std::string_view text : bad) {
    INFO(text);
    CHECK_THAT(events(text), Catch::EndsWith("bad"));
    CHECK_FALSE(read(text).reason.empty());
  }
  const std::string nul("HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n", 27);
  CHECK(events(nul) == "bad");
}

TEST_CASE("a switch of protocols is taken only where it was asked for and named",
          "[http][upstream]") {
  const auto told = read(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
      "Upgrade\r\n\r\n\x81\x00",
      Asked::upgrade);
  CHECK(told.events == "s101");
  CHECK(told.body.size() == 1);  // the literal ends at its NUL
  CHECK(events("HTTP/1.1 101 Switching Protocols\r\n\r\n", Asked::upgrade) == "bad");
  CHECK(events("HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n", Asked::upgrade) ==
        "h426 e");
}

TEST_CASE("the bounds of an answer hold, and one below them passes", "[http][upstream]") {
  const auto with_fields = [](std::size_t count) {
    std::string text = "HTTP/1.1 200 OK\r\n";
    for (std::size_t i = 0; i < count; ++i) text += "a: b\r\n";
    return text + "content-length: 0\r\n\r\n";
  };
  CHECK(events(with_fields(limits::upstream_head_fields_max - 1)) == "h200 e");
  CHECK(events(with_fields(limits::upstream_head_fields_max)) == "bad");

  const auto with_bytes = [](std::size_t bytes) {
    const std::string around = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nA: \r\n\r\n";
    std::string text = around;
    text.insert(around.size() - 4, std::string(bytes - around.size(), 'x'));
    return text;
  };
  CHECK(events(with_bytes(limits::upstream_head_bytes_max - 1)) == "h200 e");
  CHECK(events(with_bytes(limits::upstream_head_bytes_max + 1)) == "bad");
  CHECK(events(with_bytes(limits::upstream_head_bytes_max * 4)) == "bad");

  std::string flood;
  for (std::size_t i = 0; i < limits::upstream_interim_max; ++i)
    flood += "HTTP/1.1 103 Early Hints\r\n\r\n";
  CHECK_THAT(events(flood + "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
             Catch::EndsWith("h200 e"));
  CHECK_THAT(events(flood + "HTTP/1.1 103 Early Hints\r\n\r\n"), Catch::EndsWith("bad"));
}

TEST_CASE("bytes behind an answer belong to nobody", "[http][upstream]") {
  CHECK(read("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n").rest ==
        "HTTP/1.1 200 OK\r\n\r\n");
  // What a 204 announces would lie on the connection; it is not used again.
  const auto told = read("HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\nabc");
  CHECK(told.events == "h204 e");
  CHECK_FALSE(told.keep_alive);
  CHECK(told.rest == "abc");
}

TEST_CASE("whether a connection goes on is read from version and Connection", "[http][upstream]") {
  const auto kept = [](std::string_view line, std::string_view fields) {
    return read(std::string(line) + "\r\nContent-Length: 0\r\n" + std::string(fields) + "\r\n")
        .keep_alive;
  };
  CHECK(kept("HTTP/1.1 200 OK", ""));
  CHECK_FALSE(kept("HTTP/1.1 200 OK", "Connection: foo, Close\r\n"));
  CHECK_FALSE(kept("HTTP/1.0 200 OK", ""));
  CHECK(kept("HTTP/1.0 200 OK", "Connection: keep-alive\r\n"));
  CHECK_FALSE(kept("HTTP/1.0 200 OK", "Connection: keep-alive\r\nConnection: close\r\n"));
}

TEST_CASE("the outcome does not depend on where the bytes were cut", "[http][upstream]") {
  constexpr std::string_view texts[] = {
      "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: "
      "chunked\r\nX: y\r\n\r\n3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nT: 1\r\n\r\n",
      "HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 10\r\n\r\n0123456789",
      "HTTP/1.1 200 OK\r\nA: b\r\nB : c\r\n\r\n",
      "HTTP/1.1 404 \r\n\r\nto the end",
  };
  for (const std::string_view text : texts) {
    const Told whole = read(text, Asked::plain, 1 << 20, true);
    for (std::size_t piece = 1; piece < text.size(); ++piece) {
      INFO(piece << " bytes at a time: " << text);
      CHECK(read(text, Asked::plain, piece, true) == whole);
    }
  }
}

// --- requests ------------------------------------------------------------------------------------

TEST_CASE("a request is written from its parts and reads back as them", "[http][upstream]") {
  std::string fields;
  REQUIRE(append_field(fields, "Accept", "text/html"));
  REQUIRE(append_field(fields, "x-user", "ann"));
  std::string out;
  REQUIRE(append_request_head(out, {.method = "PATCH",
                                    .target = "/a%20b?c=d",
                                    .host = "shop.test:8080",
                                    .fields = fields,
                                    .body = Framing::length,
                                    .body_bytes = 12}));
  auto head = std::make_unique<Head>();
  const HeadRules strict{8 * KiB, 16 * KiB, 100};
  const HeadVerdict verdict = parse_head(out.data(), out.size(), strict, *head);
  REQUIRE(verdict.kind == HeadVerdict::Kind::complete);
  CHECK(verdict.bytes == out.size());
  CHECK(head->request.method_text == "PATCH");
  CHECK(head->request.target == "/a%20b?c=d");
  CHECK(head->request.host == "shop.test:8080");
  CHECK(head->request.content_length == 12);
  CHECK(head->request.fields.size() == 4);
}

TEST_CASE("a request that could be read in two ways is not written", "[http][upstream]") {
  std::string out;
  constexpr UpstreamRequest bad[] = {
      {.method = "GE T", .host = "h"},
      {.method = "", .host = "h"},
      {.method = "GET\r\nX:", .host = "h"},
      {.target = "", .host = "h"},
      {.target = "a", .host = "h"},
      {.target = "/ a", .host = "h"},
      {.target = "/\r\n", .host = "h"},
      {.target = "/#a", .host = "h"},
      {.target = "/\\a", .host = "h"},
      {.target = "/\xc3\xa9", .host = "h"},
      {.host = ""},
      {.host = "a b"},
      {.host = "a\r\nX: y"},
      {.host = "user@host"},
      {.host = "h", .upgrade = "web socket"},
  };
  for (const UpstreamRequest& request : bad) {
    INFO(request.method << '|' << request.target << '|' << request.host);
    CHECK_FALSE(append_request_head(out, request));
    CHECK(out.empty());
  }
  std::string lines;
  for (const std::string_view name :
       {"Host", "content-length", "Transfer-Encoding", "CONNECTION", "keep-alive", "upgrade", "te",
        "trailer", "expect", "a b", "", "a:", "proxy-connection"}) {
    INFO(name);
    CHECK_FALSE(append_field(lines, name, "x"));
  }
  CHECK_FALSE(append_field(lines, "a", "b\r\nc: d"));
  CHECK_FALSE(append_field(lines, "a", std::string_view("b\0c", 3)));
  CHECK(lines.empty());
}

TEST_CASE("an empty host is the server's, put where Host stands", "[http][upstream]") {
  UpstreamOrder order;
  REQUIRE(make_order(order, {.target = "/x", .fields = "a: b\r\n"}));
  REQUIRE(order.host_at != 0);
  order.head.insert(order.host_at, "app.test");
  CHECK(order.head == "GET /x HTTP/1.1\r\nHost: app.test\r\na: b\r\n\r\n");
  CHECK(order.idempotent);
  REQUIRE(make_order(order, {.method = "POST", .target = "/x", .host = "own.test"}));
  CHECK(order.host_at == 0);
  CHECK_FALSE(order.idempotent);
  CHECK(order.head == "POST /x HTTP/1.1\r\nHost: own.test\r\nContent-Length: 0\r\n\r\n");
}

TEST_CASE("a path that is decoded and written again decodes to the same bytes",
          "[http][upstream]") {
  for (const std::string_view raw :
       {"/", "/a/b", "/a%20b", "/%2e%2e%2fx", "/%25%32%46", "/a%252fb", "/%C3%A9", "/%ff", "//a//",
        "/a%3Fb%23c", "/;v=1/a:b@c", "/%5c", "/a%0d%0ab"}) {
    INFO(raw);
    std::string scratch(raw.size(), '\0');
    const DecodedPath once = decode_path(raw, scratch.data());
    if (once.refusal != nullptr) continue;
    std::string again;
    append_encoded_path(again, once.path);
    std::string scratch_again(again.size(), '\0');
    const DecodedPath twice = decode_path(again, scratch_again.data());
    REQUIRE(twice.refusal == nullptr);
    CHECK(twice.path == once.path);
    std::string out;
    CHECK(append_request_head(out, {.target = again, .host = "h"}));
  }
}

TEST_CASE("what belongs to one hop, and what a trailer may not say", "[http][upstream]") {
  for (const std::string_view name : {"connection", "keep-alive", "proxy-connection", "te",
                                      "trailer", "transfer-encoding", "upgrade"})
    CHECK(is_hop_field(name));
  for (const std::string_view name : {"content-type", "cookie", "x-y", "cache-control", "host"})
    CHECK_FALSE(is_hop_field(name));
  const Field fields[] = {{"connection", "close, X-Secret ,"}, {"x-secret", "1"}};
  CHECK(is_named_in_connection(fields, "x-secret"));
  CHECK_FALSE(is_named_in_connection(fields, "x-other"));
  for (const std::string_view name :
       {"content-length", "set-cookie", "transfer-encoding", "if-match", "host", "authorization"})
    CHECK_FALSE(is_allowed_trailer(name));
  CHECK(is_allowed_trailer("grpc-status"));
}

TEST_CASE("servers are named by URLs without a path, or by the path of a socket",
          "[http][upstream]") {
  const auto plain = parse_upstream_server("http://App.test:9701/");
  REQUIRE(plain.ok());
  CHECK(plain->host == "app.test");
  CHECK(plain->port == 9701);
  CHECK(plain->authority == "app.test:9701");
  CHECK_FALSE(plain->secure);
  const auto v6 = parse_upstream_server("https://[2001:db8::1]");
  REQUIRE(v6.ok());
  CHECK(v6->host == "2001:db8::1");
  CHECK(v6->port == 443);
  const auto local = parse_upstream_server("unix:/run/app.sock");
  REQUIRE(local.ok());
  CHECK(local->unix_path == "/run/app.sock");
  for (const std::string_view text :
       {"", "app.test", "ftp://a", "http://", "http://a/b", "http://a?b", "http://u@a",
        "http://a:0", "http://a:99999", "unix:run/app.sock", "http://a b"}) {
    INFO(text);
    CHECK_FALSE(parse_upstream_server(text).ok());
  }
  CHECK_FALSE(parse_upstream_server("unix:/" + std::string(200, 'x')).ok());
}

TEST_CASE("servers are asked by turns, or the least busy first, and sick ones are skipped",
          "[http][upstream]") {
  const std::vector<int> loads{3, 1, 2};
  const auto load_of = [&](std::size_t at) { return loads[at]; };
  const auto all = [](std::size_t) { return true; };
  const auto order_of = [&](Balance balance, std::size_t turn) {
    std::string order;
    choose_server(3, balance, turn, load_of, [&](std::size_t at) {
      order += std::to_string(at);
      return false;
    });
    return order;
  };
  CHECK(choose_server(3, Balance::round_robin, 0, load_of, all) == std::size_t{0});
  CHECK(choose_server(3, Balance::round_robin, 4, load_of, all) == std::size_t{1});
  CHECK(choose_server(3, Balance::least_connections, 0, load_of, all) == std::size_t{1});
  CHECK(order_of(Balance::round_robin, 2) == "201");
  CHECK(order_of(Balance::least_connections, 0) == "120");
  CHECK(choose_server(3, Balance::round_robin, 0, load_of, [](std::size_t) { return false; }) ==
        std::nullopt);
}
