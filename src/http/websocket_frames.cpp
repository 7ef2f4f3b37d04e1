#include "http/websocket_frames.h"

#include "base/must.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace weir::http {
namespace {

// Two machine words at once; the compiler makes SSE2 or NEON of it.
using Block = std::uint64_t __attribute__((vector_size(16)));
constexpr std::uint64_t high_bits = 0x8080808080808080;
// What a message's buffer keeps between messages: a socket at rest costs no more than this.
constexpr std::size_t kept_bytes_max = 4 * KiB;

template <class T>
T load(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

bool is_control(WebSocketOpcode opcode) { return (static_cast<unsigned>(opcode) & 8U) != 0; }

bool is_known(unsigned opcode) { return opcode <= 2 || (opcode >= 8 && opcode <= 10); }

std::uint64_t number_at(const char* at, std::size_t bytes) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < bytes; ++i) number = number << 8 | static_cast<unsigned char>(at[i]);
  return number;
}

// A mask turned so that it begins with the byte for what comes next.
std::uint32_t turned(std::uint32_t key, std::size_t bytes) {
  return std::rotr(key, static_cast<int>(8 * (bytes % 4)));
}

}  // namespace

bool may_be_sent(std::uint16_t code) {
  if (code >= 3000) return code <= 4999;
  return code >= 1000 && code <= 1014 && (code < 1004 || code > 1006);
}

// --- text ----------------------------------------------------------------------------------------

bool Utf8Stream::take(std::string_view piece) {
  const char* at = piece.data();
  const char* const end = at + piece.size();
  while (at < end) {
    if (more_ == 0) {
      while (end - at >= 8 && (load<std::uint64_t>(at) & high_bits) == 0) at += 8;
      if (at == end) return true;
    }
    const auto byte = static_cast<std::uint8_t>(*at++);
    if (more_ > 0) {
      if (byte < least_ || byte > most_) return false;
      least_ = 0x80;
      most_ = 0xbf;
      --more_;
    } else if (byte >= 0x80) {
      // Unicode 15, table 3-7: the second byte's range keeps out overlong forms, surrogates and
      // what lies above 10FFFF.
      if (byte < 0xc2 || byte > 0xf4) return false;
      more_ = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
      if (byte == 0xe0) least_ = 0xa0;
      if (byte == 0xed) most_ = 0x9f;
      if (byte == 0xf0) least_ = 0x90;
      if (byte == 0xf4) most_ = 0x8f;
    }
  }
  return true;
}

bool unmask(char* target, const char* source, std::size_t bytes, std::uint32_t key) {
  const std::uint64_t wide = static_cast<std::uint64_t>(key) << 32 | key;
  const Block keys = {wide, wide};
  Block seen = {0, 0};
  std::size_t i = 0;
  for (; i + 32 <= bytes; i += 32) {
    const Block first = load<Block>(source + i) ^ keys;
    const Block second = load<Block>(source + i + 16) ^ keys;
    seen |= first | second;
    std::memcpy(target + i, &first, sizeof first);
    std::memcpy(target + i + 16, &second, sizeof second);
  }
  std::uint64_t high = seen[0] | seen[1];
  for (; i + 8 <= bytes; i += 8) {
    const std::uint64_t word = load<std::uint64_t>(source + i) ^ wide;
    high |= word;
    std::memcpy(target + i, &word, sizeof word);
  }
  for (; i < bytes; ++i) {
    const auto byte =
        static_cast<std::uint8_t>(static_cast<std::uint8_t>(source[i]) ^ (key & 0xff));
    high |= byte;
    target[i] = static_cast<char>(byte);
    key = turned(key, 1);
  }
  return (high & high_bits) == 0;
}

// --- reading -------------------------------------------------------------------------------------

WebSocketEvent WebSocketReader::next(std::string_view& input) {
  WebSocketEvent event;
  while (part_ != Part::over) {
    if (part_ == Part::head && !take_head(input, event)) return event;
    if (part_ == Part::over) return event;
    event = take_payload(input);
    if (event.kind != WebSocketEvent::Kind::more || input.empty()) return event;
  }
  input = {};
  return event;
}

void WebSocketReader::rest() {
  if (message_ != WebSocketOpcode::continuation || capacity_ <= kept_bytes_max) return;
  buffer_.reset();
  capacity_ = 0;
}

const char* WebSocketReader::judge_first_bytes() const {
  const auto first = static_cast<unsigned char>(head_[0]);
  if ((first & 0x70U) != 0) return "reserved bits are set";
  if (!is_known(first & 0x0fU)) return "the opcode is reserved";
  const auto opcode = static_cast<WebSocketOpcode>(first & 0x0fU);
  const bool is_final = (first & 0x80U) != 0;
  if (is_control(opcode) && !is_final) return "a control frame is fragmented";
  const bool in_message = message_ != WebSocketOpcode::continuation;
  if (opcode == WebSocketOpcode::continuation && !in_message) return "a continuation of no message";
  if (!is_control(opcode) && opcode != WebSocketOpcode::continuation && in_message)
    return "a message begins inside another";
  if (head_bytes_ < 2) return nullptr;
  const auto second = static_cast<unsigned char>(head_[1]);
  const bool is_masked = (second & 0x80U) != 0;
  if (is_masked != (role_ == Role::server))
    return is_masked ? "a server's frame is masked" : "a client's frame is not masked";
  if (is_control(opcode) && (second & 0x7fU) > 125) return "a control frame is over 125 bytes";
  return nullptr;
}

// True when the head is complete; else `event` says more, or failed.
bool WebSocketReader::take_head(std::string_view& input, WebSocketEvent& event) {
  while (head_bytes_ < head_needed_) {
    if (input.empty()) return false;
    head_[head_bytes_++] = input.front();
    input.remove_prefix(1);
    if (head_bytes_ > 2) continue;
    if (const char* const reason = judge_first_bytes()) {
      event = fail(close_code::protocol_error, reason);
      return false;
    }
    if (head_bytes_ < 2) continue;
    const auto second = static_cast<unsigned char>(head_[1]);
    const unsigned length = second & 0x7fU;
    const unsigned extended = length == 126 ? 2 : length == 127 ? 8 : 0;
    head_needed_ = static_cast<std::uint8_t>(2 + extended + ((second & 0x80U) != 0 ? 4 : 0));
  }
  const auto first = static_cast<unsigned char>(head_[0]);
  const auto second = static_cast<unsigned char>(head_[1]);
  const unsigned length = second & 0x7fU;
  std::size_t at = 2;
  left_ = length;
  if (length == 126) {
    left_ = number_at(head_.data() + 2, 2);
    at = 4;
  } else if (length == 127) {
    left_ = number_at(head_.data() + 2, 8);
    at = 10;
  }
  if ((length == 126 && left_ < 126) || (length == 127 && left_ <= 0xffff) || left_ >> 63 != 0) {
    event = fail(close_code::protocol_error, "the length is not in its shortest form");
    return false;
  }
  key_ = (second & 0x80U) != 0 ? load<std::uint32_t>(head_.data() + at) : 0;
  opcode_ = static_cast<WebSocketOpcode>(first & 0x0fU);
  final_ = (first & 0x80U) != 0;
  head_bytes_ = 0;
  head_needed_ = 2;
  part_ = Part::payload;
  if (is_control(opcode_)) {
    control_bytes_ = 0;
    return true;
  }
  if (opcode_ != WebSocketOpcode::continuation) {
    message_ = opcode_;
    bytes_ = 0;
    utf8_ = {};
  }
  if (left_ > message_bytes_max_ - bytes_) {
    event = fail(close_code::too_big, "the message is over its bound");
    return false;
  }
  return true;
}

// Room grows with what has arrived, not with what a head announces.
char* WebSocketReader::room_for(std::size_t bytes) {
  if (bytes_ + bytes > capacity_) {
    const std::size_t doubled = std::min(2 * capacity_, message_bytes_max_);
    const std::size_t wanted = std::max({bytes_ + bytes, doubled, std::size_t{512}});
    auto larger = std::make_unique_for_overwrite<char[]>(wanted);
    if (bytes_ > 0) std::memcpy(larger.get(), buffer_.get(), bytes_);
    buffer_ = std::move(larger);
    capacity_ = wanted;
  }
  return buffer_.get() + bytes_;
}

WebSocketEvent WebSocketReader::take_payload(std::string_view& input) {
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size()));
  if (count > 0) {
    const bool is_own = is_control(opcode_);
    char* const target = is_own ? control_.data() + control_bytes_ : room_for(count);
    const bool is_ascii = unmask(target, input.data(), count, key_);
    key_ = turned(key_, count);
    input.remove_prefix(count);
    left_ -= count;
    if (is_own) {
      control_bytes_ = static_cast<std::uint8_t>(control_bytes_ + count);
    } else {
      bytes_ += count;
      const bool must_look =
          message_ == WebSocketOpcode::text && !(is_ascii && utf8_.is_between_characters());
      if (must_look && !utf8_.take({target, count}))
        return fail(close_code::bad_text, "the text is not UTF-8");
    }
  }
  if (left_ > 0) return {};
  return end_of_frame();
}

WebSocketEvent WebSocketReader::end_of_frame() {
  part_ = Part::head;
  if (is_control(opcode_)) return end_of_control();
  if (!final_) return {};
  WebSocketEvent event;
  event.payload = {buffer_.get(), bytes_};
  if (bytes_ == 0) event.payload = std::string_view("");
  event.kind =
      message_ == WebSocketOpcode::text ? WebSocketEvent::Kind::text : WebSocketEvent::Kind::binary;
  message_ = WebSocketOpcode::continuation;
  if (event.kind == WebSocketEvent::Kind::text && !utf8_.is_between_characters())
    return fail(close_code::bad_text, "the text ends inside a character");
  return event;
}

WebSocketEvent WebSocketReader::end_of_control() {
  WebSocketEvent event;
  event.payload = {control_.data(), control_bytes_};
  if (opcode_ != WebSocketOpcode::close) {
    event.kind =
        opcode_ == WebSocketOpcode::ping ? WebSocketEvent::Kind::ping : WebSocketEvent::Kind::pong;
    return event;
  }
  event.kind = WebSocketEvent::Kind::close;
  event.code = close_code::none;
  if (control_bytes_ == 1)
    return fail(close_code::protocol_error, "a close frame with half a code");
  if (control_bytes_ >= 2) {
    event.code = static_cast<std::uint16_t>(number_at(control_.data(), 2));
    event.payload.remove_prefix(2);
    if (!may_be_sent(event.code))
      return fail(close_code::protocol_error, "a close code that nobody may send");
    Utf8Stream reason;
    if (!reason.take(event.payload) || !reason.is_between_characters())
      return fail(close_code::bad_text, "the reason of a close is not UTF-8");
  }
  part_ = Part::over;
  return event;
}

WebSocketEvent WebSocketReader::fail(std::uint16_t code, std::string_view reason) {
  part_ = Part::over;
  message_ = WebSocketOpcode::continuation;
  WebSocketEvent event;
  event.kind = WebSocketEvent::Kind::failed;
  event.code = code;
  event.reason = reason;
  return event;
}

// --- writing -------------------------------------------------------------------------------------

WebSocketHead websocket_head(WebSocketOpcode opcode, std::size_t payload_bytes) {
  WebSocketHead head;
  head.bytes[0] = static_cast<char>(0x80U | static_cast<unsigned>(opcode));
  std::size_t extended = 0;
  if (payload_bytes < 126) {
    head.bytes[1] = static_cast<char>(payload_bytes);
  } else {
    extended = payload_bytes <= 0xffff ? 2 : 8;
    head.bytes[1] = extended == 2 ? 126 : 127;
  }
  for (std::size_t i = 0; i < extended; ++i)
    head.bytes[2 + i] = static_cast<char>(payload_bytes >> (8 * (extended - 1 - i)) & 0xff);
  head.count = 2 + extended;
  return head;
}

std::string websocket_frame(WebSocketOpcode opcode, std::string_view payload) {
  const WebSocketHead head = websocket_head(opcode, payload.size());
  std::string frame;
  frame.reserve(head.count + payload.size());
  frame.append(head.view()).append(payload);
  return frame;
}

std::string close_payload(std::uint16_t code, std::string_view reason) {
  if (code == close_code::none) return {};
  MUST(may_be_sent(code));
  std::string payload{static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
  payload.append(reason.substr(0, 123));
  return payload;
}

}  // namespace weir::http
