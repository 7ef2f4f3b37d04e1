#pragma once
// WebSocket frames (RFC 6455, section 5) as bytes: a reader that understands a peer's bytes in one
// way or says what is wrong with them, and writers. No socket, no clock, no allocation but the
// message's own buffer.
//
//   frame   = FIN RSV1-3 opcode(4)  MASK length(7)  [length(16) | length(64)]  [key(32)]  payload
//   opcode  = 0 continuation, 1 text, 2 binary, 8 close, 9 ping, 10 pong
//
// What is refused (wire, H-40), as soon as the byte that shows it has come: reserved bits and
// opcodes, a frame without a mask from a client (with one from a server), a length that is not in
// its shortest form, a control frame that is fragmented or longer than 125 bytes, a continuation
// of nothing, a new message inside another, a close frame with one byte or with a code that nobody
// may send (1002); text that is not UTF-8, checked while it arrives (1007); a message over the
// bound, before its bytes are taken (1009).
//
// A reader belongs to one thread. Writers are pure.

#include "base/limits_live.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace weir::http {

enum class WebSocketOpcode : std::uint8_t {
  continuation = 0,
  text = 1,
  binary = 2,
  close = 8,
  ping = 9,
  pong = 10,
};

// RFC 6455, section 7.4.1 and the IANA registry of close codes. 1005 and 1006 are words of an API:
// they never stand in a frame.
namespace close_code {
inline constexpr std::uint16_t normal = 1000;
inline constexpr std::uint16_t going_away = 1001;
inline constexpr std::uint16_t protocol_error = 1002;
inline constexpr std::uint16_t not_understood = 1003;  // a kind of message that is not taken
inline constexpr std::uint16_t none = 1005;            // a close frame without a code
inline constexpr std::uint16_t lost = 1006;            // no close frame at all
inline constexpr std::uint16_t bad_text = 1007;
inline constexpr std::uint16_t policy = 1008;
inline constexpr std::uint16_t too_big = 1009;
inline constexpr std::uint16_t internal = 1011;
inline constexpr std::uint16_t restart = 1012;
inline constexpr std::uint16_t overloaded = 1013;
}  // namespace close_code
bool may_be_sent(std::uint16_t code);  // in a close frame

// Whether text that comes in pieces is UTF-8; says no at the first byte that cannot be.
class Utf8Stream {
 public:
  bool take(std::string_view piece);
  bool is_between_characters() const { return more_ == 0; }

 private:
  std::uint8_t more_ = 0;  // continuation bytes that the character still needs
  std::uint8_t least_ = 0x80;
  std::uint8_t most_ = 0xbf;
};

// `target` = `source` xor the key, whose first byte is for the first byte. They may be the same,
// else they do not overlap. True when every byte of the result is ASCII.
bool unmask(char* target, const char* source, std::size_t bytes, std::uint32_t key);

struct WebSocketEvent {
  enum class Kind : std::uint8_t {
    more,  // everything was taken; nothing is complete yet
    text,
    binary,
    ping,
    pong,
    close,   // nothing behind it is to be read
    failed,  // the connection fails with `code`; nothing more is to be read
  };
  Kind kind = Kind::more;
  std::string_view payload = {};  // until the next call; of a close: the reason
  std::uint16_t code = 0;         // close: the peer's, or close_code::none; failed: ours
  std::string_view reason = {};   // failed: what was wrong
};

class WebSocketReader {
 public:
  enum class Role : std::uint8_t { server, client };  // who reads
  explicit WebSocketReader(Role role,
                           std::size_t message_bytes_max = limits::websocket_message_bytes_max)
      : role_(role), message_bytes_max_(message_bytes_max) {}

  // Takes bytes off the front of `input` until an event is complete.
  WebSocketEvent next(std::string_view& input);
  // A large message's room is given back; call when the events of a read are done.
  void rest();

 private:
  enum class Part : std::uint8_t { head, payload, over };

  bool take_head(std::string_view& input, WebSocketEvent& event);
  const char* judge_first_bytes() const;
  WebSocketEvent take_payload(std::string_view& input);
  WebSocketEvent end_of_frame();
  WebSocketEvent end_of_control();
  WebSocketEvent fail(std::uint16_t code, std::string_view reason);
  char* room_for(std::size_t bytes);

  const Role role_;
  const std::size_t message_bytes_max_;
  Part part_ = Part::head;
  std::uint8_t head_bytes_ = 0;   // so far
  std::uint8_t head_needed_ = 2;  // known so far
  std::array<char, 14> head_{};
  WebSocketOpcode opcode_ = WebSocketOpcode::text;           // of the frame
  WebSocketOpcode message_ = WebSocketOpcode::continuation;  // of the message; continuation: none
  bool final_ = false;
  std::uint32_t key_ = 0;   // turned to the next byte
  std::uint64_t left_ = 0;  // of the frame's payload

  Utf8Stream utf8_;
  std::unique_ptr<char[]> buffer_;
  std::size_t capacity_ = 0;
  std::size_t bytes_ = 0;
  std::array<char, 125> control_{};
  std::uint8_t control_bytes_ = 0;
};

// The head of a frame that a server sends.
struct WebSocketHead {
  std::array<char, 10> bytes{};
  std::size_t count = 0;
  std::string_view view() const { return {bytes.data(), count}; }
};
WebSocketHead websocket_head(WebSocketOpcode opcode, std::size_t payload_bytes);
// A whole unfragmented frame of a server; made once, it can be shared by many connections.
std::string websocket_frame(WebSocketOpcode opcode, std::string_view payload);
// The payload of a close frame; `none` gives an empty one. The reason is cut to 123 bytes.
std::string close_payload(std::uint16_t code, std::string_view reason);

}  // namespace weir::http
