// Goal: each rule of H-40, one test per rule, in the groups of the Autobahn suite: framing, pings,
// reserved bits, opcodes, fragmentation, UTF-8, close, limits. Method: bytes of a client written by
// hand, given to the reader whole and byte by byte; both must say the same.

#include "http/websocket_frames.h"

#include "http/websocket_client.h"

#include <catch2/catch.hpp>
#include <vector>

using namespace weir;
using namespace weir::http;
using test::bytes_of;
using test::ClientFrame;
using test::close_frame;
using test::text_frame;
using Kind = WebSocketEvent::Kind;

namespace {

struct Seen {
  Kind kind = Kind::more;
  std::string payload = {};
  std::uint16_t code = 0;
  friend bool operator==(const Seen&, const Seen&) = default;
};

std::ostream& operator<<(std::ostream& out, const Seen& seen) {
  return out << "{" << static_cast<int>(seen.kind) << ", " << seen.payload.size() << " bytes, "
             << seen.code << "}";
}

std::vector<Seen> read(std::string_view bytes, std::size_t piece, std::size_t bound = MiB) {
  WebSocketReader reader(WebSocketReader::Role::server, bound);
  std::vector<Seen> seen;
  while (!bytes.empty()) {
    std::string_view part = bytes.substr(0, piece);
    bytes.remove_prefix(part.size());
    while (true) {
      const WebSocketEvent event = reader.next(part);
      if (event.kind == Kind::more) break;
      seen.push_back({event.kind, std::string(event.payload), event.code});
      if (event.kind == Kind::failed || event.kind == Kind::close) {
        CHECK(reader.next(part).kind == Kind::more);  // nothing behind it is read
        CHECK(part.empty());
        return seen;
      }
    }
    CHECK(part.empty());
    reader.rest();
  }
  return seen;
}

// Whole and in small pieces: always the same.
std::vector<Seen> read_all(std::string_view bytes, std::size_t bound = MiB) {
  const std::vector<Seen> whole = read(bytes, bytes.size() + 1, bound);
  CHECK(read(bytes, 1, bound) == whole);
  CHECK(read(bytes, 3, bound) == whole);
  return whole;
}

Seen only(std::string_view bytes, std::size_t bound = MiB) {
  const auto seen = read_all(bytes, bound);
  REQUIRE(seen.size() == 1);
  return seen[0];
}

Seen last(std::string_view bytes) {
  const auto seen = read_all(bytes);
  REQUIRE(!seen.empty());
  return seen.back();
}

std::string letters(std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += static_cast<char>('a' + i % 26);
  return text;
}

ClientFrame part(unsigned opcode, std::string payload, bool final) {
  return {.opcode = opcode, .payload = std::move(payload), .final = final};
}

}  // namespace

// --- 1 framing -----------------------------------------------------------------------------------

TEST_CASE("messages of every length class arrive as they were sent", "[http][websocket]") {
  for (const std::size_t count :
       {0, 1, 7, 8, 31, 32, 33, 125, 126, 127, 128, 65535, 65536, 65537}) {
    INFO(count);
    CHECK(only(text_frame(letters(count))) == Seen{Kind::text, letters(count), 0});
    const ClientFrame binary{.opcode = 2, .payload = std::string(count, '\xfe')};
    CHECK(only(bytes_of(binary)) == Seen{Kind::binary, std::string(count, '\xfe'), 0});
  }
}

TEST_CASE("several messages in one read are several messages", "[http][websocket]") {
  const auto seen = read_all(text_frame("one") + text_frame("") + text_frame("three"));
  REQUIRE(seen.size() == 3);
  CHECK(seen[0].payload == "one");
  CHECK(seen[1].payload.empty());
  CHECK(seen[2].payload == "three");
}

TEST_CASE("a client's frame without a mask fails the connection", "[http][websocket]") {
  CHECK(only(bytes_of(ClientFrame{.payload = "hello", .masked = false})) ==
        Seen{Kind::failed, "", 1002});
}

TEST_CASE("a server's frame with a mask fails the connection of a client", "[http][websocket]") {
  WebSocketReader reader(WebSocketReader::Role::client);
  const std::string bytes = text_frame("x");
  std::string_view input = bytes;
  CHECK(reader.next(input).code == 1002);
}

TEST_CASE("a length that is not in its shortest form fails the connection", "[http][websocket]") {
  CHECK(only(bytes_of(ClientFrame{.payload = letters(125), .length_bytes = 2})).code == 1002);
  CHECK(only(bytes_of(ClientFrame{.payload = letters(125), .length_bytes = 8})).code == 1002);
  CHECK(only(bytes_of(ClientFrame{.payload = letters(65535), .length_bytes = 8})).code == 1002);
  CHECK(only(bytes_of(ClientFrame{.payload = letters(126), .length_bytes = 2})).kind == Kind::text);
}

TEST_CASE("a length with its highest bit set fails the connection", "[http][websocket]") {
  const std::string bytes = std::string("\x82\xff\x80\0\0\0\0\0\0\0", 10) + "\x01\x02\x03\x04";
  CHECK(only(bytes) == Seen{Kind::failed, "", 1002});
}

TEST_CASE("the mask is taken off at every place a piece may begin", "[http][websocket]") {
  const std::string source = letters(100);
  for (std::size_t from = 0; from < 9; ++from) {
    for (std::size_t count = 0; count + from < source.size(); count += 1) {
      std::string expected = source.substr(from, count), got(count, '?');
      const std::string key = "\x81\x02\xf3\x44";
      for (std::size_t i = 0; i < count; ++i)
        expected[i] = static_cast<char>(expected[i] ^ key[i % 4]);
      bool is_ascii = true;
      for (const char c : expected) is_ascii = is_ascii && static_cast<signed char>(c) >= 0;
      CHECK(unmask(got.data(), source.data() + from, count, 0x44f30281) == is_ascii);
      REQUIRE(got == expected);
    }
  }
}

// --- 2 pings -------------------------------------------------------------------------------------

TEST_CASE("a ping is told with its payload, up to 125 bytes of anything", "[http][websocket]") {
  for (const std::string& payload :
       {std::string(), std::string("hi"), std::string("\0\xff\xfe", 3), std::string(125, '\xfe')}) {
    CHECK(only(bytes_of(ClientFrame{.opcode = 9, .payload = payload})) ==
          Seen{Kind::ping, payload, 0});
  }
}

TEST_CASE("a pong that nobody asked for is told and harmless", "[http][websocket]") {
  const auto seen =
      read_all(bytes_of(ClientFrame{.opcode = 10, .payload = "unasked"}) + text_frame("after"));
  REQUIRE(seen.size() == 2);
  CHECK(seen[0] == Seen{Kind::pong, "unasked", 0});
  CHECK(seen[1].payload == "after");
}

TEST_CASE("a control frame over 125 bytes fails the connection", "[http][websocket]") {
  for (const unsigned opcode : {8U, 9U, 10U}) {
    CHECK(only(bytes_of(ClientFrame{.opcode = opcode, .payload = letters(126)})) ==
          Seen{Kind::failed, "", 1002});
  }
}

TEST_CASE("a fragmented control frame fails the connection", "[http][websocket]") {
  for (const unsigned opcode : {8U, 9U, 10U})
    CHECK(only(bytes_of(part(opcode, "", false))) == Seen{Kind::failed, "", 1002});
}

// --- 3 reserved bits, 4 opcodes ------------------------------------------------------------------

TEST_CASE("any reserved bit fails the connection, in every kind of frame", "[http][websocket]") {
  for (unsigned bits = 1; bits < 8; ++bits) {
    for (const unsigned opcode : {1U, 2U, 8U, 9U, 10U}) {
      const ClientFrame frame{.opcode = opcode, .payload = "", .reserved = bits};
      CHECK(only(bytes_of(frame)) == Seen{Kind::failed, "", 1002});
    }
  }
  // What came before is still delivered.
  CHECK(
      read_all(text_frame("first") + bytes_of(ClientFrame{.payload = "x", .reserved = 4})).size() ==
      2);
}

TEST_CASE("a reserved opcode fails the connection", "[http][websocket]") {
  for (const unsigned opcode : {3U, 4U, 5U, 6U, 7U, 11U, 12U, 13U, 14U, 15U})
    CHECK(only(bytes_of(ClientFrame{.opcode = opcode, .payload = "x"})) ==
          Seen{Kind::failed, "", 1002});
}

TEST_CASE("what is wrong with the first byte is said at the first byte", "[http][websocket]") {
  WebSocketReader reader(WebSocketReader::Role::server);
  std::string_view input = "\x83";
  CHECK(reader.next(input).code == 1002);
}

// --- 5 fragmentation -----------------------------------------------------------------------------

TEST_CASE("fragments make one message, whatever their sizes", "[http][websocket]") {
  for (const std::size_t size : {1, 2, 7, 100, 1000}) {
    const std::string text = letters(2000);
    std::string bytes;
    for (std::size_t at = 0; at < text.size(); at += size) {
      const bool is_last = at + size >= text.size();
      bytes += bytes_of(part(at == 0 ? 1 : 0, text.substr(at, size), is_last));
    }
    CHECK(only(bytes) == Seen{Kind::text, text, 0});
  }
}

TEST_CASE("empty fragments count for nothing", "[http][websocket]") {
  CHECK(only(bytes_of(part(1, "", false)) + bytes_of(part(0, "", false)) +
             bytes_of(part(0, "", true))) == Seen{Kind::text, "", 0});
  CHECK(only(bytes_of(part(1, "", false)) + bytes_of(part(0, "middle", false)) +
             bytes_of(part(0, "", true))) == Seen{Kind::text, "middle", 0});
}

TEST_CASE("control frames may stand between fragments", "[http][websocket]") {
  const auto seen = read_all(bytes_of(part(1, "one ", false)) +
                             bytes_of(ClientFrame{.opcode = 9, .payload = "ping"}) +
                             bytes_of(part(0, "two", true)));
  REQUIRE(seen.size() == 2);
  CHECK(seen[0] == Seen{Kind::ping, "ping", 0});
  CHECK(seen[1] == Seen{Kind::text, "one two", 0});
}

TEST_CASE("a continuation of nothing fails the connection", "[http][websocket]") {
  CHECK(only(bytes_of(part(0, "x", true))) == Seen{Kind::failed, "", 1002});
  CHECK(only(bytes_of(part(0, "x", false))) == Seen{Kind::failed, "", 1002});
  CHECK(last(text_frame("whole") + bytes_of(part(0, "x", true))).code == 1002);
}

TEST_CASE("a message inside another fails the connection", "[http][websocket]") {
  CHECK(last(bytes_of(part(1, "one", false)) + text_frame("two")).code == 1002);
  CHECK(last(bytes_of(part(1, "one", false)) + bytes_of(part(2, "two", false))).code == 1002);
}

// --- 6 UTF-8 -------------------------------------------------------------------------------------

TEST_CASE("text that is UTF-8 passes, also cut anywhere", "[http][websocket]") {
  const std::string text =
      "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5 \xf0\x9f\x8c\x8a \xef\xbf\xbd"
      "\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf\xc2\x80\xe0\xa0\x80\xf0\x90\x80\x80";
  CHECK(only(text_frame(text)) == Seen{Kind::text, text, 0});
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    CHECK(only(bytes_of(part(1, text.substr(0, cut), false)) +
               bytes_of(part(0, text.substr(cut), true))) == Seen{Kind::text, text, 0});
  }
}

TEST_CASE("text that is not UTF-8 closes with 1007", "[http][websocket]") {
  for (const std::string& text :
       std::vector<std::string>{"\x80",
                                "\xbf",
                                "\xc0\x80",
                                "\xc1\xbf",
                                "\xe0\x80\x80",
                                "\xe0\x9f\xbf",
                                "\xed\xa0\x80",
                                "\xed\xbf\xbf",
                                "\xf0\x80\x80\x80",
                                "\xf0\x8f\xbf\xbf",
                                "\xf4\x90\x80\x80",
                                "\xf5\x80\x80\x80",
                                "\xfe",
                                "\xff",
                                "\xf8\x88\x80\x80\x80",
                                "abc\xce",
                                "\xe2\x82",
                                "\xf0\x9f\x8c",
                                "good \xc3( bad",
                                letters(64) + "\xe2\x28\xa1" + letters(64)}) {
    INFO(hex_of(weir::bytes_of(text)));
    CHECK(only(text_frame(text)) == Seen{Kind::failed, "", 1007});
  }
}

TEST_CASE("bad text is refused before its frame has ended", "[http][websocket]") {
  WebSocketReader reader(WebSocketReader::Role::server);
  const std::string frame = text_frame("ab\xff" + letters(100));
  std::string_view input = std::string_view(frame).substr(0, 6 + 3);
  const WebSocketEvent event = reader.next(input);
  CHECK(event.kind == Kind::failed);
  CHECK(event.code == 1007);
}

TEST_CASE("binary messages are not looked at as text", "[http][websocket]") {
  CHECK(only(bytes_of(ClientFrame{.opcode = 2, .payload = "\xff\xfe"})).kind == Kind::binary);
}

TEST_CASE("every two and three bytes are judged as the table of Unicode has it",
          "[http][websocket]") {
  // The other implementation: decode to a number, then look at it.
  const auto is_good = [](const std::string& s) {
    std::size_t i = 0;
    while (i < s.size()) {
      const auto b = static_cast<unsigned char>(s[i]);
      std::size_t more = b < 0x80 ? 0 : b >> 5 == 6 ? 1 : b >> 4 == 14 ? 2 : b >> 3 == 30 ? 3 : 9;
      if (more == 9 || i + more >= s.size()) return false;
      unsigned value = more == 0 ? b : b & (0x3fU >> more);
      for (std::size_t k = 1; k <= more; ++k) {
        const auto c = static_cast<unsigned char>(s[i + k]);
        if (c >> 6 != 2) return false;
        value = value << 6 | (c & 0x3fU);
      }
      constexpr unsigned least[] = {0, 0x80, 0x800, 0x10000};
      if (value < least[more] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
        return false;
      i += more + 1;
    }
    return true;
  };
  std::size_t wrong = 0;
  for (unsigned a = 0; a < 256; ++a) {
    for (unsigned b = 0; b < 256; ++b) {
      for (const unsigned c : {0x41U, 0x7fU, 0x80U, 0x8fU, 0x90U, 0x9fU, 0xa0U, 0xbfU, 0xc0U}) {
        for (const std::string& tail : {std::string(), std::string("\x80")}) {
          const std::string text =
              std::string{static_cast<char>(a), static_cast<char>(b), static_cast<char>(c)} + tail;
          Utf8Stream stream;
          const bool got = stream.take(text) && stream.is_between_characters();
          if (got != is_good(text)) ++wrong;
        }
      }
    }
  }
  CHECK(wrong == 0);
}

// --- 7 close -------------------------------------------------------------------------------------

TEST_CASE("a close is told with its code and reason", "[http][websocket]") {
  CHECK(only(bytes_of(ClientFrame{.opcode = 8, .payload = ""})) ==
        Seen{Kind::close, "", close_code::none});
  CHECK(only(close_frame(1000)) == Seen{Kind::close, "", 1000});
  CHECK(only(close_frame(1000, "bye")) == Seen{Kind::close, "bye", 1000});
  CHECK(only(close_frame(3000, letters(123))).payload == letters(123));
}

TEST_CASE("nothing behind a close is read", "[http][websocket]") {
  const auto seen = read_all(close_frame(1000) + text_frame("late"));
  REQUIRE(seen.size() == 1);
  CHECK(seen[0].kind == Kind::close);
}

TEST_CASE("codes that may be sent close as asked", "[http][websocket]") {
  for (const unsigned code : {1000U, 1001U, 1002U, 1003U, 1007U, 1008U, 1009U, 1010U, 1011U, 1012U,
                              1013U, 1014U, 3000U, 3999U, 4000U, 4999U})
    CHECK(only(close_frame(code)) == Seen{Kind::close, "", static_cast<std::uint16_t>(code)});
}

TEST_CASE("codes that nobody may send fail the connection", "[http][websocket]") {
  for (const unsigned code :
       {0U, 1U, 999U, 1004U, 1005U, 1006U, 1015U, 1016U, 1100U, 2000U, 2999U, 5000U, 65535U})
    CHECK(only(close_frame(code)) == Seen{Kind::failed, "", 1002});
}

TEST_CASE("a close with half a code fails the connection", "[http][websocket]") {
  CHECK(only(bytes_of(ClientFrame{.opcode = 8, .payload = "\x03"})) ==
        Seen{Kind::failed, "", 1002});
}

TEST_CASE("the reason of a close is UTF-8", "[http][websocket]") {
  CHECK(only(close_frame(1000, "\xff")) == Seen{Kind::failed, "", 1007});
  CHECK(only(close_frame(1000, "\xe2\x82")) == Seen{Kind::failed, "", 1007});
}

TEST_CASE("a close inside a fragmented message is a close", "[http][websocket]") {
  CHECK(last(bytes_of(part(1, "half", false)) + close_frame(1001)) == Seen{Kind::close, "", 1001});
}

// --- 9 limits ------------------------------------------------------------------------------------

TEST_CASE("a message at the bound passes, one byte over closes with 1009", "[http][websocket]") {
  CHECK(only(text_frame(letters(1000)), 1000).kind == Kind::text);
  CHECK(only(text_frame(letters(1001)), 1000) == Seen{Kind::failed, "", 1009});
  const std::string fragmented =
      bytes_of(part(2, letters(600), false)) + bytes_of(part(0, letters(400), false));
  CHECK(only(fragmented + bytes_of(part(0, "", true)), 1000).payload.size() == 1000);
  CHECK(only(fragmented + bytes_of(part(0, "x", true)), 1000) == Seen{Kind::failed, "", 1009});
}

TEST_CASE("a message of 1 MiB arrives, in one frame and in many", "[http][websocket]") {
  const std::string text = letters(MiB);
  CHECK(read(text_frame(text), 64 * KiB).at(0).payload == text);
  std::string bytes;
  for (std::size_t at = 0; at < text.size(); at += 4 * KiB)
    bytes += bytes_of(part(at == 0 ? 1 : 0, text.substr(at, 4 * KiB), at + 4 * KiB == text.size()));
  CHECK(read(bytes, 64 * KiB).at(0).payload == text);
  CHECK(read(text_frame(text + "x"), 64 * KiB).at(0).code == 1009);
}

TEST_CASE("a length over the bound is refused before its bytes come", "[http][websocket]") {
  WebSocketReader reader(WebSocketReader::Role::server);
  const std::string head("\x82\xff\0\0\0\x7f\xff\xff\xff\xff\1\2\3\4", 14);
  std::string_view input = head;
  CHECK(reader.next(input).code == 1009);
}

// --- writing -------------------------------------------------------------------------------------

TEST_CASE("frames of a server are read back as they were meant", "[http][websocket]") {
  for (const std::size_t count : {0, 125, 126, 65535, 65536}) {
    std::string bytes = websocket_frame(WebSocketOpcode::text, letters(count));
    const std::string copy = bytes;
    const auto frame = test::take_frame(bytes);
    CHECK(frame.complete);
    CHECK(frame.final);
    CHECK(frame.opcode == 1);
    CHECK_FALSE(frame.masked);
    CHECK(frame.payload == letters(count));
    CHECK(bytes.empty());
    WebSocketReader reader(WebSocketReader::Role::client);
    std::string_view input = copy;
    CHECK(reader.next(input).payload == letters(count));
  }
}

TEST_CASE("a close frame fits a control frame, and none is empty", "[http][websocket]") {
  CHECK(close_payload(close_code::none, "ignored").empty());
  CHECK(close_payload(1000, letters(500)).size() == 125);
  CHECK(close_payload(1001, "") == std::string("\x03\xe9", 2));
}
