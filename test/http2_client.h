#pragma once
// An HTTP/2 client that says exactly the frames it is told, and keeps what it hears by stream.
// Heads go out as HPACK literals; those of the server are read by libnghttp2's decoder.

#include "raw_client.h"

#include <nghttp2/nghttp2.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace weir::test {

struct Frame {
  std::uint8_t type = 0;
  std::uint8_t flags = 0;
  std::uint32_t stream = 0;
  std::string payload;
};

enum FrameType : std::uint8_t {
  frame_data = 0,
  frame_headers = 1,
  frame_priority = 2,
  frame_rst_stream = 3,
  frame_settings = 4,
  frame_push_promise = 5,
  frame_ping = 6,
  frame_goaway = 7,
  frame_window_update = 8,
  frame_continuation = 9,
  frame_priority_update = 16,
};
constexpr std::uint8_t end_stream = 1, end_headers = 4, ack = 1;

// What a stream has heard.
struct Heard {
  std::vector<int> interim;  // 1xx
  int status = 0;
  std::map<std::string, std::string> fields;  // of the final answer
  std::map<std::string, std::string> trailers;
  std::string body;
  bool ended = false;
  std::int64_t reset = -1;  // the code of RST_STREAM
};

using Lines = std::vector<std::pair<std::string, std::string>>;

std::string frame_of(std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
                     std::string_view payload);
std::string number32(std::uint32_t number);
std::string hpack_of(const Lines& fields);  // literals without indexing, plain text
Lines request_of(std::string_view method, std::string_view path, const Lines& more = {});

class Http2Client {
 public:
  static constexpr std::string_view preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  explicit Http2Client(std::uint16_t port, std::string_view settings = "");
  ~Http2Client();
  Http2Client(const Http2Client&) = delete;
  Http2Client& operator=(const Http2Client&) = delete;

  void say(std::uint8_t type, std::uint8_t flags, std::uint32_t stream, std::string_view payload);
  void say_raw(std::string_view bytes) { raw_.say(bytes); }
  // Sends a head in one frame. Without `flags` it ends the stream.
  void ask(std::uint32_t stream, const Lines& fields,
           std::uint8_t flags = end_headers | end_stream);
  void get(std::uint32_t stream, std::string_view path = "/") {
    ask(stream, request_of("GET", path));
  }
  void data(std::uint32_t stream, std::string_view bytes, std::uint8_t flags = 0) {
    say(frame_data, flags, stream, bytes);
  }
  void reset(std::uint32_t stream, std::uint32_t code = 8) {
    say(frame_rst_stream, 0, stream, number32(code));
  }
  void open_window(std::uint32_t stream, std::uint32_t bytes) {
    say(frame_window_update, 0, stream, number32(bytes));
  }

  // Reads one frame and keeps it; false at the end of the connection.
  bool hear();
  // Reads until the stream has ended or was reset, or the connection is at its end.
  Heard& whole(std::uint32_t stream);
  Heard& head(std::uint32_t stream);  // until its final head is there
  bool until(const std::function<bool()>& is_so);
  std::int64_t goodbye();  // reads to the end: the code of the last GOAWAY, -1 without one
  void sync();             // returns when all that was said has been answered (PING)

  std::map<std::uint32_t, Heard> streams;
  std::vector<Frame> frames;  // all, in order
  std::map<std::uint16_t, std::uint32_t> settings;
  std::int64_t goaway = -1;
  std::uint32_t goaway_last = 0;
  bool opens_windows = true;  // for what was heard
  RawClient& raw() { return raw_; }

 private:
  void take_head(Heard& heard, const Frame& frame);
  RawClient raw_;
  nghttp2_hd_inflater* inflater_ = nullptr;
  std::string block_;
  std::uint32_t pings_ = 0;
  std::uint32_t pongs_ = 0;
};

}  // namespace weir::test
