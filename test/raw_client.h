#pragma once
// A client over a plain socket that says exactly the bytes it is told, and tells a whole answer
// from a cut one. Waits at most `patience_ms` for anything.

#include <cstdint>
#include <string>
#include <string_view>

namespace weir::test {

constexpr int patience_ms = 10'000;

struct Answer {
  int status = 0;
  std::string head;  // with the empty line
  std::string body;
  bool closed = false;  // the connection ended before the answer was whole, or instead of one
  std::string field(
      std::string_view name) const;  // first of that name, case ignored; "" when absent
  bool has(std::string_view name) const;
};

enum class Expecting { body, head_only };

class RawClient {
 public:
  explicit RawClient(std::uint16_t port, int receive_buffer_bytes = 0);
  explicit RawClient(const std::string& unix_path);
  ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool is_open() const { return descriptor_ >= 0; }
  int descriptor() const { return descriptor_; }
  void say(std::string_view bytes);
  void shut();  // the sending side
  void close();
  Answer hear(Expecting expecting = Expecting::body);
  bool fill();  // waits for more bytes; false at the end
  std::string& buffer() { return buffer_; }
  std::string hear_some();     // at least a byte, or "" at the end
  std::string hear_all();      // until the end
  bool is_silent(int millis);  // nothing came and nothing ended for so long
  bool ends();                 // the server closes, without another byte

 private:
  int descriptor_ = -1;
  std::string buffer_;
};

}  // namespace weir::test
