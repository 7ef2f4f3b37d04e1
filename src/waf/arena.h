#pragma once
// Memory for one request: taken by moving a pointer, given back all at once. The first block stays,
// so that an ordinary request allocates nothing. Not thread-safe.

#include "base/bytes.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace weir::waf {

class Arena {
 public:
  char* take(std::size_t bytes) {
    if (bytes > left_) grow(bytes);
    char* out = at_;
    at_ += bytes;
    left_ -= bytes;
    return out;
  }
  // Gives back the unused end of the last `take`.
  void give_back(std::size_t bytes) {
    at_ -= bytes;
    left_ += bytes;
  }
  std::string_view copy(std::string_view text) {
    if (text.empty()) return {};
    char* out = take(text.size());
    std::memcpy(out, text.data(), text.size());
    return {out, text.size()};
  }
  void reset() {
    if (blocks_.empty()) return;
    blocks_.resize(1);
    at_ = blocks_.front().get();
    left_ = block_bytes;
  }

 private:
  static constexpr std::size_t block_bytes = 32 * KiB;
  void grow(std::size_t bytes) {
    const std::size_t room = blocks_.empty() ? block_bytes : std::max(block_bytes, bytes);
    blocks_.push_back(std::make_unique<char[]>(room));
    at_ = blocks_.back().get();
    left_ = room;
    if (bytes > left_)
      grow(bytes);  // the first block always has its one size, so that `reset` can rely on it
  }
  std::vector<std::unique_ptr<char[]>> blocks_;
  char* at_ = nullptr;
  std::size_t left_ = 0;
};

}  // namespace weir::waf
