#include "http2_client.h"

#include <catch2/catch.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace weir::test {

std::string number32(std::uint32_t number) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(number >> shift & 0xff);
  return bytes;
}

std::string frame_of(std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
                     std::string_view payload) {
  std::string bytes = number32(static_cast<std::uint32_t>(payload.size())).substr(1);
  bytes += static_cast<char>(type);
  bytes += static_cast<char>(flags);
  return bytes + number32(stream) + std::string(payload);
}

namespace {
// RFC 7541 5.1 with a 7-bit prefix.
std::string hpack_number(std::size_t number) {
  std::string bytes;
  if (number < 127) return bytes += static_cast<char>(number);
  bytes += static_cast<char>(127);
  for (number -= 127; number >= 128; number /= 128) bytes += static_cast<char>(number % 128 + 128);
  return bytes += static_cast<char>(number);
}
}  // namespace

std::string hpack_of(const Lines& fields) {
  std::string block;
  for (const auto& [name, value] : fields) {
    block += '\0';
    block += hpack_number(name.size()) + name + hpack_number(value.size()) + value;
  }
  return block;
}

Lines request_of(std::string_view method, std::string_view path, const Lines& more) {
  Lines fields{{":method", std::string(method)},
               {":scheme", "http"},
               {":path", std::string(path)},
               {":authority", "a"}};
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

Http2Client::Http2Client(std::uint16_t port, std::string_view own_settings) : raw_(port) {
  ::nghttp2_hd_inflate_new(&inflater_);
  const int at_once = 1;
  ::setsockopt(raw_.descriptor(), IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
  raw_.say(preface);
  say(frame_settings, 0, 0, own_settings);
}

Http2Client::~Http2Client() { ::nghttp2_hd_inflate_del(inflater_); }

void Http2Client::say(std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
                      std::string_view payload) {
  raw_.say(frame_of(type, flags, stream, payload));
}

void Http2Client::ask(std::uint32_t stream, const Lines& fields, std::uint8_t flags) {
  say(frame_headers, flags, stream, hpack_of(fields));
}

void Http2Client::take_head(Heard& heard, const Frame& frame) {
  block_ += frame.payload;
  if ((frame.flags & end_headers) == 0) return;
  std::string block = std::exchange(block_, {});
  std::map<std::string, std::string> fields;
  auto* at = reinterpret_cast<std::uint8_t*>(block.data());
  std::size_t left = block.size();
  while (true) {
    nghttp2_nv field;
    int flags = 0;
    const auto used = ::nghttp2_hd_inflate_hd2(inflater_, &field, &flags, at, left, 1);
    REQUIRE(used >= 0);
    at += used;
    left -= static_cast<std::size_t>(used);
    if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0)
      fields[std::string(reinterpret_cast<char*>(field.name), field.namelen)] =
          std::string(reinterpret_cast<char*>(field.value), field.valuelen);
    if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) break;
  }
  ::nghttp2_hd_inflate_end_headers(inflater_);
  const auto status = fields.find(":status");
  if (status == fields.end()) heard.trailers = fields;
  else if (status->second[0] == '1') heard.interim.push_back(std::stoi(status->second));
  else {
    heard.status = std::stoi(status->second);
    heard.fields = fields;
  }
}

bool Http2Client::hear() {
  std::string& bytes = raw_.buffer();
  const auto number = [&bytes](std::size_t at, std::size_t count) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < count; ++i)
      value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
    return value;
  };
  while (bytes.size() < 9 || bytes.size() < 9 + number(0, 3))
    if (!raw_.fill()) return false;
  Frame frame;
  const std::size_t count = number(0, 3);
  frame.type = static_cast<std::uint8_t>(bytes[3]);
  frame.flags = static_cast<std::uint8_t>(bytes[4]);
  frame.stream = number(5, 4);
  frame.payload = bytes.substr(9, count);
  const auto word = [&frame](std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i)
      value = value << 8 | static_cast<unsigned char>(frame.payload[at + i]);
    return value;
  };
  bytes.erase(0, 9 + count);
  frames.push_back(frame);
  switch (frame.type) {
    case frame_data:
      streams[frame.stream].body += frame.payload;
      if (opens_windows && count > 0) {
        open_window(0, static_cast<std::uint32_t>(count));
        if ((frame.flags & end_stream) == 0)
          open_window(frame.stream, static_cast<std::uint32_t>(count));
      }
      break;
    case frame_headers:
    case frame_continuation: take_head(streams[frame.stream], frame); break;
    case frame_rst_stream: streams[frame.stream].reset = word(0); break;
    case frame_settings:
      if ((frame.flags & ack) != 0) break;
      for (std::size_t at = 0; at + 6 <= count; at += 6)
        settings[static_cast<std::uint16_t>(static_cast<unsigned char>(frame.payload[at]) << 8 |
                                            static_cast<unsigned char>(frame.payload[at + 1]))] =
            word(at + 2);
      say(frame_settings, ack, 0, "");
      break;
    case frame_ping: pongs_ += (frame.flags & ack) != 0; break;
    case frame_goaway:
      goaway_last = word(0);
      goaway = word(4);
      break;
    default: break;
  }
  if ((frame.type == frame_data || frame.type == frame_headers) && (frame.flags & end_stream) != 0)
    streams[frame.stream].ended = true;
  return true;
}

bool Http2Client::until(const std::function<bool()>& is_so) {
  while (!is_so())
    if (!hear()) return is_so();
  return true;
}

Heard& Http2Client::whole(std::uint32_t stream) {
  until([&] { return streams[stream].ended || streams[stream].reset >= 0; });
  return streams[stream];
}

Heard& Http2Client::head(std::uint32_t stream) {
  until([&] { return streams[stream].status != 0 || streams[stream].reset >= 0; });
  return streams[stream];
}

std::int64_t Http2Client::goodbye() {
  while (hear()) {
  }
  return goaway;
}

void Http2Client::sync() {
  say(frame_ping, 0, 0, "01234567");
  ++pings_;
  until([this] { return pongs_ >= pings_; });
}

}  // namespace weir::test
