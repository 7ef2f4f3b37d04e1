#pragma once
// One reader of server-sent events: the operations of a document, or the values of a key, as they
// are committed.
//
// The promise (data, D-44, D-45):
//   - nothing is skipped and nothing comes twice: what `take` gives is contiguous from the cursor
//     on;
//   - a commit is encoded once and its bytes are shared by all feeds;
//   - the live queue is only an optimisation over the log. It holds at most
//     `limits::feed_bytes_max` bytes or `limits::feed_frames_max` frames; a reader that falls
//     behind loses the queue, not the data: the feed turns to the log at its cursor and reads on as
//     the reader takes. A slow reader costs one cursor.
//
// Use: the owner calls `take` whenever its socket has room. An empty result means "nothing now":
// `wake` (given to `start`) is then called once, from a service thread and without a lock held, as
// soon as there is something or the feed has ended. Dropping the last reference, or `close`, ends
// the feed. Callable from any thread; never blocks on a disk.

#include "sync/reply.h"

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace weir::sync {

class Feed {
 public:
  virtual ~Feed() = default;

  struct Taken {
    std::vector<SharedText> chunks;  // whole events, oldest first
    bool ended = false;              // nothing will follow; close the stream after the chunks
  };

  // Begins; call once, before the first take. `wake` must be cheap (post to a loop) and may come at
  // once.
  virtual void start(std::function<void()> wake) = 0;
  // At most `bytes_max` bytes, but at least one chunk when there is one.
  virtual Taken take(std::size_t bytes_max) = 0;
  virtual void close() = 0;
};

}  // namespace weir::sync
