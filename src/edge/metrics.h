#pragma once
// Prometheus text of everything that is counted (guard G-45, cache C-70). Label values come from
// our own tables and the configuration, never from requests, so the number of series is fixed.
// Pure.

#include "edge/counters.h"

#include "base/clock.h"
#include "cache/answer_cache.h"
#include "cache/answer_disk.h"
#include "cache/answer_polish.h"
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

struct UpstreamRow {
  std::string name;
  std::uint64_t calls = 0, failed = 0, connects = 0, reused = 0, retried = 0;
  std::int64_t in_flight = 0, idle = 0;
  std::vector<std::pair<std::string, bool>> servers;  // and whether its breaker is open
};

// How far this node has followed what another one purges.
struct PeerRow {
  std::string url;
  std::uint64_t after = 0;      // the last purge of its own that was learnt
  std::optional<Nanos> silent;  // since it was heard; nullopt = never
};

struct OpenUpstream;
std::vector<UpstreamRow> upstream_rows(const std::vector<OpenUpstream>& upstreams, Mono now);

// What nodes have asked each other for (fill_lease.h).
struct LeaseRow {
  std::uint64_t asked = 0, copied = 0, given = 0, declined = 0, skipped = 0;
  std::size_t nodes = 0;  // that are there, with this one
};

struct MetricsSources {
  http::Counters engine;
  std::vector<const Counters*> loops;
  cache::CacheCounters cache;
  store::StoreCounters store;
  std::optional<sync::SyncService::Counters> sync;
  std::vector<std::pair<std::string, Nanos>> key_ages;
  std::vector<CertificateAge> certificates;
  std::vector<UpstreamRow> upstreams;
  std::optional<cache::AnswerCounters> answers;
  std::optional<LeaseRow> lease;
  std::uint64_t answers_not_admitted = 0;
  cache::AnswerPolisher::Counters answers_polished;
  std::vector<PeerRow> peers;
};
std::string metrics_text(const MetricsSources& sources);

}  // namespace weir::edge
