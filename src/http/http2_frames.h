#pragma once
// Finds the heads of frames in the bytes of a client (RFC 9113 4.1), however they were cut, so that
// every frame is counted before anything of it is understood, known or not. One thread.
//
//   connection = preface *( length(24) type(8) flags(8) reserved(1) stream(31) payload )

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

namespace weir::http {

struct FrameHead {
  std::size_t bytes = 0;  // of the payload
  std::uint8_t type = 0;
  std::uint8_t flags = 0;
  std::int32_t stream = 0;
};

class FrameWalker {
 public:
  static constexpr std::size_t preface_bytes = 24;
  static constexpr std::size_t head_bytes = 9;

  // Calls `meet(FrameHead)` for each head that ends within `bytes`.
  template <class Meet>
  void walk(std::string_view bytes, Meet&& meet) {
    while (!bytes.empty()) {
      if (skip_ > 0) {
        const std::size_t part = std::min(skip_, bytes.size());
        skip_ -= part;
        bytes.remove_prefix(part);
        continue;
      }
      const std::size_t part = std::min(head_bytes - known_, bytes.size());
      std::copy_n(bytes.begin(), part, head_.begin() + static_cast<std::ptrdiff_t>(known_));
      bytes.remove_prefix(part);
      known_ += part;
      if (known_ < head_bytes) return;
      known_ = 0;
      const FrameHead head{number(0, 3), byte(3), byte(4),
                           static_cast<std::int32_t>(number(5, 4) & 0x7fffffff)};
      skip_ = head.bytes;
      meet(head);
    }
  }

 private:
  std::uint8_t byte(std::size_t at) const { return static_cast<std::uint8_t>(head_[at]); }
  std::uint32_t number(std::size_t at, std::size_t count) const {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < count; ++i) value = value << 8 | byte(at + i);
    return value;
  }

  std::size_t skip_ = preface_bytes;
  std::size_t known_ = 0;
  std::array<char, head_bytes> head_{};
};

}  // namespace weir::http
