#pragma once
// Small servers behind a proxy route, in the test's own process: each connection is played by a
// function on a thread of its own, as badly as the story wants. And the site that leads to them.

#include "server.h"

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace weir::flow {

// One connection, seen from the server.
class Talk {
 public:
  explicit Talk(int descriptor) : descriptor_(descriptor) {}
  std::string hear_head();                         // with its empty line; "" at the end
  std::string hear(std::size_t bytes);             // exactly, or what came before the end
  std::string hear_body(const std::string& head);  // by Content-Length or chunks, decoded
  std::string hear_until(std::string_view text);
  bool say(std::string_view bytes);  // false = the other side is gone
  void shut();                       // our sending side
  void reset();                      // closes with a reset
  bool is_left(int millis);          // the other side closed within so long

 private:
  bool fill(int millis = 20'000);
  int descriptor_;
  std::string buffer_;
};

class Backend {
 public:
  using Play = std::function<void(Talk&)>;
  // `unix_path` not empty: a Unix socket there.
  explicit Backend(Play play, const std::string& unix_path = {});
  ~Backend();
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  unsigned short port() const { return port_; }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  int connections() const { return accepted_; }

 private:
  void accept_all();
  Play play_;
  int listener_ = -1;
  unsigned short port_ = 0;
  std::atomic<int> accepted_{0};
  std::atomic<bool> ended_{false};
  std::thread thread_;
  std::mutex mutex_;
  std::vector<int> open_;
  std::vector<std::thread> talks_;
};

// Answers each request of a connection with 200 and what it heard, as text/plain.
Backend::Play echo();
// Says `answer` behind each head, whatever was asked.
Backend::Play saying(std::string answer);

// A site whose `path` is proxied to `url`. `more` holds further keys of `to`; `rest` is put behind
// the route; `stages` as in the configuration (empty: the default ones).
std::string proxy_route(std::string_view path, std::string_view url, std::string_view more = {},
                        std::string_view stages = "stages = []");

}  // namespace weir::flow
