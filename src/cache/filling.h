#pragma once
// The body of an answer on its way in, for all who wait for it: it goes out to each as it comes
// (C-4). One writer, any number of readers on other threads.
//
// What is to be kept is held whole. An answer that turns out too large to keep goes on to those who
// read it already, piece by piece at the pace of the slowest; then the writer is asked to pause.

#include "cache/answer.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace weir::cache {

// What all bodies on their way in may hold together.
struct FillingBudget {
  std::size_t bytes_max = 0;
  std::atomic<std::size_t> held{0};
};

class Filling {
 public:
  using Piece = std::shared_ptr<const std::string>;
  // `head` has no body. `bytes_max`: of what can be kept, as long as all together stay within
  // `budget` (null = no bound). `wake`: called, on any thread, when readers have made room again.
  Filling(std::shared_ptr<const AnswerFacts> head, std::optional<std::uint64_t> length,
          std::size_t bytes_max, std::shared_ptr<FillingBudget> budget, std::function<void()> wake)
      : head_(std::move(head)),
        length_(length),
        bytes_max_(bytes_max),
        budget_(std::move(budget)),
        wake_(std::move(wake)) {}
  ~Filling() { hold(-static_cast<std::ptrdiff_t>(held_)); }
  Filling(const Filling&) = delete;
  Filling& operator=(const Filling&) = delete;

  const AnswerFacts& head() const { return *head_; }
  std::optional<std::uint64_t> length() const { return length_; }

  // The writer. `append` says whether it should pause.
  bool append(std::string_view bytes);
  void tell();  // wakes the readers: something came since the last time
  void end();
  void fail();
  bool is_kept() const;  // all of it is here: `take_body` may be asked for it
  std::string body() const;

  // A reader: `notify` is called on any thread each time there is more, or it has ended. Nothing =
  // too late: pieces that it would need have gone.
  std::optional<std::uint64_t> enter(std::function<void()> notify);
  void leave(std::uint64_t reader);
  struct Next {
    Piece piece = {};                            // null = nothing at the moment
    bool has_ended = false, has_failed = false;  // and there is nothing more
  };
  Next read(std::uint64_t reader);

 private:
  void trim();
  void hold(std::ptrdiff_t more) {
    if (budget_ != nullptr) budget_->held.fetch_add(static_cast<std::size_t>(more));
  }

  const std::shared_ptr<const AnswerFacts> head_;
  const std::optional<std::uint64_t> length_;
  const std::size_t bytes_max_;
  const std::shared_ptr<FillingBudget> budget_;
  const std::function<void()> wake_;

  struct Reader {
    std::uint64_t next = 0;  // number of the piece
    std::function<void()> notify;
  };
  mutable std::mutex mutex_;
  std::deque<Piece> pieces_;
  std::uint64_t first_ = 0;  // number of pieces_[0]
  std::size_t held_ = 0;     // bytes in pieces_
  std::map<std::uint64_t, Reader> readers_;
  std::uint64_t numbers_ = 0;
  bool is_too_large_ = false, is_paused_ = false, has_ended_ = false, has_failed_ = false;
};

}  // namespace weir::cache
