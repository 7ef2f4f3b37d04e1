#pragma once
// The positions of what one subscription's socket has pushed, so that a read of the log does not
// tell it again: the log does not know by which socket an operation came.
//
// Added by the commit before its operations are visible to reads. At most own_ranges_max ranges
// are kept, the newest; an operation of a forgotten one is told, as it is after a reconnection.
// Callable from any thread.

#include "base/guarded.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace weir::sync {

// One per push that others' operations surround. Those at or before the cursor are of no use, so
// this is how many pushes a reader may lag behind.
inline constexpr std::size_t own_ranges_max = 64;

class OwnOperations {
 public:
  // Behind all that was added before.
  void add(std::int64_t first, std::int64_t last);
  bool has(std::int64_t position) const;

 private:
  struct Range {
    std::int64_t first = 0;
    std::int64_t last = 0;
  };
  Guarded<std::vector<Range>> ranges_;  // ascending, apart
};

}  // namespace weir::sync
