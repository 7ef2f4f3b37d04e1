#pragma once
// What runs on each loop of a server: its Front, and what that has counted.
//
// `make` is for the server, on the loop's thread; everything else is callable from any thread as
// long as the server is there or was never opened. Work for a loop that has ended is not done.
// Counters stay when their loop has ended.

#include "base/guarded.h"
#include "edge/front.h"
#include "http/loop.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace weir::cli {

class LoopFronts {
 public:
  explicit LoopFronts(std::size_t loops);
  LoopFronts(const LoopFronts&) = delete;
  LoopFronts& operator=(const LoopFronts&) = delete;

  std::unique_ptr<edge::Front> make(const edge::FrontParts& parts,
                                    std::shared_ptr<const edge::Tables> tables, http::Loop& loop);

  using Work = std::function<void(edge::Front&)>;
  // The number of loops that it was given to. A loop that has not begun finds everything as it is.
  std::size_t post_to_all(const Work& work) const;
  // To the loop whose turn it is. False: it has not begun.
  bool post_to_one(std::size_t turn, Work work) const;
  // Returns when it is done on every loop, or after limits::loops_wait_max: one that has ended does
  // nothing.
  void run_on_all(const Work& work) const;

  std::vector<const edge::Counters*> counters() const;
  std::uint64_t answers() const;  // sent so far, by all loops

 private:
  struct Running {
    http::Loop* loop = nullptr;  // null: it has not begun
    edge::Front* front = nullptr;
  };
  std::vector<std::unique_ptr<edge::Counters>> counters_;  // by the index of the loop
  Guarded<std::vector<Running>> running_;                  // likewise
};

}  // namespace weir::cli
