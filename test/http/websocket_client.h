#pragma once
// The client's side of WebSocket frames, written apart from the server's code so that a mistake
// made twice is unlikely: each byte is put where RFC 6455 draws it.

#include <cstdint>
#include <string>
#include <string_view>

namespace weir::test {

struct ClientFrame {
  unsigned opcode = 1;
  std::string payload = {};
  bool final = true;
  unsigned reserved = 0;  // three bits
  bool masked = true;
  std::string key = "\x37\xfa\x21\x3d";
  int length_bytes = -1;  // 0, 2 or 8 extended bytes; -1: the shortest form
};

inline std::string bytes_of(const ClientFrame& frame) {
  std::string out;
  out += static_cast<char>((frame.final ? 0x80 : 0) | frame.reserved << 4 | frame.opcode);
  const std::size_t count = frame.payload.size();
  int extended = frame.length_bytes;
  if (extended < 0) extended = count < 126 ? 0 : count < 65536 ? 2 : 8;
  const unsigned short_length = extended == 0   ? static_cast<unsigned>(count)
                                : extended == 2 ? 126U
                                                : 127U;
  out += static_cast<char>((frame.masked ? 0x80U : 0U) | short_length);
  for (int i = extended - 1; i >= 0; --i)
    out += static_cast<char>(static_cast<std::uint64_t>(count) >> (8 * i) & 0xff);
  if (!frame.masked) return out + frame.payload;
  out += frame.key;
  for (std::size_t i = 0; i < count; ++i)
    out += static_cast<char>(frame.payload[i] ^ frame.key[i % 4]);
  return out;
}

inline std::string text_frame(std::string_view text) {
  return bytes_of(ClientFrame{.opcode = 1, .payload = std::string(text)});
}
inline std::string close_frame(unsigned code, std::string_view reason = {}) {
  std::string payload{static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
  payload += reason;
  return bytes_of(ClientFrame{.opcode = 8, .payload = payload});
}

// A frame as a server sends it, read off the front of `bytes`.
struct ServerFrame {
  bool complete = false;
  bool final = false;
  unsigned first_bits = 0;  // reserved
  unsigned opcode = 0;
  bool masked = false;
  std::string payload = {};
  unsigned code() const {
    return payload.size() < 2 ? 0
                              : static_cast<unsigned char>(payload[0]) * 256U +
                                    static_cast<unsigned char>(payload[1]);
  }
};

inline ServerFrame take_frame(std::string& bytes) {
  ServerFrame frame;
  const auto at = [&bytes](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  if (bytes.size() < 2) return frame;
  std::uint64_t count = at(1) & 0x7fU;
  std::size_t head = 2;
  if (count == 126) {
    if (bytes.size() < 4) return frame;
    count = at(2) * 256U + at(3);
    head = 4;
  } else if (count == 127) {
    if (bytes.size() < 10) return frame;
    count = 0;
    for (std::size_t i = 2; i < 10; ++i) count = count << 8 | at(i);
    head = 10;
  }
  if (bytes.size() - head < count) return frame;
  frame.complete = true;
  frame.final = (at(0) & 0x80U) != 0;
  frame.first_bits = (at(0) & 0x70U) >> 4;
  frame.opcode = at(0) & 0x0fU;
  frame.masked = (at(1) & 0x80U) != 0;
  frame.payload = bytes.substr(head, static_cast<std::size_t>(count));
  bytes.erase(0, head + static_cast<std::size_t>(count));
  return frame;
}

}  // namespace weir::test
