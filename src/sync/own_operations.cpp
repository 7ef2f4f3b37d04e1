#include "sync/own_operations.h"

#include "base/must.h"

#include <algorithm>

namespace weir::sync {

void OwnOperations::add(std::int64_t first, std::int64_t last) {
  ranges_.with([first, last](std::vector<Range>& ranges) {
    MUST(first <= last && (ranges.empty() || ranges.back().last < first));
    if (!ranges.empty() && ranges.back().last + 1 == first) {
      ranges.back().last = last;
      return;
    }
    if (ranges.size() == own_ranges_max) ranges.erase(ranges.begin());
    ranges.push_back({first, last});
  });
}

bool OwnOperations::has(std::int64_t position) const {
  return ranges_.with([position](const std::vector<Range>& ranges) {
    const auto found = std::lower_bound(
        ranges.begin(), ranges.end(), position,
        [](const Range& range, std::int64_t wanted) { return range.last < wanted; });
    return found != ranges.end() && found->first <= position;
  });
}

}  // namespace weir::sync
