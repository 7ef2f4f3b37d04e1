#pragma once
// Who reads this node's purges: the requests that wait for the next one, and how far each other
// node has come. Callable from any thread; `resume` is called on the thread of `wake` or `tick`.

#include "base/clock.h"
#include "base/guarded.h"
#include "base/limits_invalidation.h"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace weir::edge {

class PurgeFeed {
 public:
  struct Reader {
    std::string node;
    std::uint64_t applied = 0;  // and synced, as it says
    Mono seen;
  };
  // `node` asks for what comes behind `applied`. Over limits::peers_max the one that was silent
  // longest is forgotten.
  void note(const std::string& node, std::uint64_t applied, Mono now);
  std::vector<Reader> readers() const;

  // Calls `resume` once: at the next purge, or when `until` has passed. False: too many wait.
  bool wait(Mono until, std::function<void()> resume);
  void wake();          // something was purged here
  void tick(Mono now);  // every 100 ms or so

 private:
  struct Waiting {
    Mono until;
    std::function<void()> resume;
  };
  Guarded<std::vector<Waiting>> waiting_;
  Guarded<std::map<std::string, Reader>> readers_;
};

}  // namespace weir::edge
