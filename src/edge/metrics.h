#pragma once
// Prometheus text of everything that is counted (guard G-45, cache C-70). Label values come from
// our own tables and the configuration, never from requests, so the number of series is fixed.
// Pure.

#include "edge/counters.h"

#include "base/clock.h"
#include "cache/page_cache.h"
#include "http/server.h"
#include "store/store.h"
#include "sync/service.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace weir::edge {

struct CertificateAge {
  std::string table;      // of the [tls.*]
  std::size_t index = 0;  // within it
  Wall valid_until;
  bool stands_in = false;
};

struct MetricsSources {
  http::Counters engine;
  std::vector<const Counters*> loops;
  cache::CacheCounters cache;
  store::StoreCounters store;
  std::optional<sync::SyncService::Counters> sync;
  std::vector<std::pair<std::string, Nanos>> key_ages;
  std::vector<CertificateAge> certificates;
};
std::string metrics_text(const MetricsSources& sources);

}  // namespace weir::edge
