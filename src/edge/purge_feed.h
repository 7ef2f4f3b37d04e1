#pragma once
// Who reads this node's purges: the requests that wait for the next one, how far each other node
// has come, and what those that listen should make again at once. Callable from any thread;
// `resume` is called on the thread of `wake` or `tick`.

#include "base/clock.h"
#include "base/guarded.h"
#include "base/limits_invalidation.h"
#include "cache/purge.h"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>
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
  // A purge of mode refresh: told to whoever has not come so far. Only the last
  // limits::refreshes_told_max are: a node that was away begins them by its hits.
  void note_refresh(std::uint64_t seq, cache::PurgeRequest request);
  // Those behind `after`, up to `last`: with the purges of a page, not ahead of them.
  std::vector<cache::PurgeRequest> refreshes_behind(std::uint64_t after, std::uint64_t last) const;
  void wake();          // something was purged here
  void tick(Mono now);  // every 100 ms or so

 private:
  struct Waiting {
    Mono until;
    std::function<void()> resume;
  };
  Guarded<std::vector<Waiting>> waiting_;
  Guarded<std::deque<std::pair<std::uint64_t, cache::PurgeRequest>>> refreshes_;
  Guarded<std::map<std::string, Reader>> readers_;
};

}  // namespace weir::edge
