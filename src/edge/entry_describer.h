#pragma once
// Who can say what is kept for a URL, and why it is fresh or not (`weir explain`, cache C-71).
//
// Control asks each describer in turn until one knows the route. One exists for the pages of the
// site (page_describer.h); whatever else keeps answers (the cache of proxy routes) brings its own.

#include "edge/pipeline.h"

#include "text/value.h"

#include <optional>
#include <string>

namespace weir::edge {

struct EntryAsk {
  const Route& route;
  std::string host;   // as the URL says; empty when it names none
  std::string path;   // decoded
  std::string query;  // as sent, without '?'
};

class EntryDescriber {
 public:
  virtual ~EntryDescriber() = default;
  // An object with at least "state" ("absent" = nothing is kept), "why" (empty when fresh) and
  // "next" (what the next request gets, a sentence). nullopt = the route is somebody else's.
  // On a worker: may read the disk.
  virtual std::optional<text::Value> describe(const EntryAsk& ask) = 0;
};

}  // namespace weir::edge
