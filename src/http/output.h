#pragma once
// Bytes on their way out.
//
// An OutputBatch gathers what one connection says during one wake: heads are written into its
// scratch, bodies are only pointed at, and all of it leaves in one call to the kernel. What the
// kernel does not take moves into an OutputQueue that the connection owns until it is empty. Loop
// thread only.

#include "base/clock.h"
#include "base/limits.h"
#include "http/prepared.h"

#include <sys/uio.h>

#include <array>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace weir::http {

class Connection;
class Exchange;

struct Segment {
  const char* data = nullptr;
  std::size_t bytes = 0;
  // Who keeps the bytes alive: `owner`, or the caller of the current call through `borrowed`. With
  // neither the bytes lie in the scratch or on the caller's stack and are copied when they must
  // stay.
  std::shared_ptr<const void> owner = {};
  const std::shared_ptr<const Prepared>* borrowed = nullptr;
};

class OutputBatch {
 public:
  static constexpr std::size_t segments_max = 64;

  // Room for `wanted` bytes in the scratch; null when there is not enough. `commit` says how much
  // was used.
  char* reserve(std::size_t wanted) {
    return scratch_bytes - used_ >= wanted ? scratch_.get() + used_ : nullptr;
  }
  void commit(std::size_t bytes);
  void add(Segment segment);
  bool has_room() const { return count_ + 4 <= segments_max; }
  bool is_empty() const { return count_ == 0; }
  void clear();

  std::size_t bytes = 0;
  Connection* connection = nullptr;  // whose bytes these are; null when empty
  std::vector<Exchange*> answered;   // end when the bytes are out

  Segment* begin() { return segments_.data(); }
  Segment* end() { return segments_.data() + count_; }

 private:
  static constexpr std::size_t scratch_bytes = limits::output_scratch_bytes;
  std::unique_ptr<char[]> scratch_ = std::make_unique_for_overwrite<char[]>(scratch_bytes);
  std::size_t used_ = 0;
  std::array<Segment, segments_max> segments_;
  std::size_t count_ = 0;
};

// What the kernel would not take yet.
struct OutputQueue {
  std::deque<Segment> segments;  // every one with an owner, or static
  std::string cipher;            // TLS records, before the segments
  std::size_t cipher_at = 0;
  std::size_t bytes = 0;  // of segments and cipher that are left
  std::vector<Exchange*> answered;
  Mono progress;      // when the kernel last took something
  Mono window_began;  // for the least rate
  std::size_t window_bytes = 0;

  bool is_empty() const { return bytes == 0; }
  // Keeps what lies behind the first `sent` bytes of the batch.
  void keep(OutputBatch& batch, std::size_t sent);
  void keep_cipher(std::string_view records);
  void took(std::size_t count, Mono now);  // from the front of `segments`
};

}  // namespace weir::http
