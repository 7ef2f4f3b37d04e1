#pragma once
// Sends a page that stays on disk, or parts of it, piece by piece: workers read and verify, the
// loop writes, and the next piece is read when the client has taken the one before. One answer
// holds about two megabytes, however large the page is.
//
// The head goes out when the first piece has been read. If that fails nothing is sent, and
// `otherwise` answers; if a later one does the answer is cut, so that the client knows that
// something is missing (no byte is ever sent that was not verified).
//
// Loop thread; lives until its answer has ended.

#include "edge/visit.h"

#include "cache/page_cache.h"

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace weir::edge {

// Some bytes of the form that is sent, with text in front of them.
struct Stretch {
  std::string before = {};
  std::uint64_t first = 0;
  std::uint64_t bytes = 0;
};

struct LargeAnswer {
  std::shared_ptr<const cache::LargePage> page;
  store::Codec codec = store::Codec::identity;
  http::Response head = {};
  std::deque<Stretch> stretches = {};
  std::string end = {};  // behind the last
  std::function<void(Visit&)> otherwise;
};

class LargeSend : public std::enable_shared_from_this<LargeSend> {
 public:
  static void begin(cache::PageCache& cache, http::Exchange& exchange, LargeAnswer answer);

  LargeSend(cache::PageCache& cache, http::Exchange& exchange, LargeAnswer answer)
      : cache_(cache), loop_(exchange.loop()), id_(exchange.id()), answer_(std::move(answer)) {}

 private:
  std::uint64_t bytes_left() const;
  void read_next();
  void took(Result<std::string> bytes);
  void push();

  cache::PageCache& cache_;
  http::Loop& loop_;
  const http::ExchangeId id_;
  LargeAnswer answer_;
  http::StreamWriter* writer_ = nullptr;     // once the head is out
  std::shared_ptr<const std::string> next_;  // read, and not taken by the engine yet
};

}  // namespace weir::edge
