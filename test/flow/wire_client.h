#pragma once
// A client for hostile stories: sends bytes as they are and hears every answer until the server
// closes, or until there are as many as were expected.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

struct sockaddr;

namespace weir::flow {

struct Heard {
  std::vector<int> statuses;        // of the final answers, in order
  std::vector<std::string> bodies;  // beside them
  bool ended = false;               // the server closed, within the time
  std::string rest;                 // bytes that are no answer
};

// Reads a stream of answers as far as it goes, with lengths or chunks.
Heard understand_answers(std::string_view bytes, bool ended);

struct Patience {
  std::size_t step = std::size_t{1} << 20;  // bytes for each send
  int silence_ms = 5'000;                   // nothing came for so long: no more is expected
  std::size_t answers = 0;                  // enough; 0 = until the server closes
};

class WireClient {
 public:
  explicit WireClient(unsigned short port);  // 127.0.0.1
  WireClient(const sockaddr* address, unsigned bytes);
  ~WireClient();
  WireClient(const WireClient&) = delete;
  WireClient& operator=(const WireClient&) = delete;

  bool is_open() const { return socket_ >= 0; }
  Heard converse(std::string_view bytes, Patience patience);

 private:
  void connect(const sockaddr* address, unsigned bytes);
  bool hear(int wait_ms);  // false: nothing came, or the end
  int socket_ = -1;
  bool ended_ = false;
  std::string got_;
};

}  // namespace weir::flow
