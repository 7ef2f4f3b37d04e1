#include "edge/metrics.h"

#include "base/version.h"
#include "edge/proxy.h"
#include "edge/steps.h"
#include "guard/decision.h"

#include <algorithm>

namespace weir::edge {
namespace {

class Text {
 public:
  void family(std::string_view name, std::string_view type, std::string_view help) {
    out_ += "# HELP ";
    out_ += name;
    out_ += ' ';
    out_ += help;
    out_ += "\n# TYPE ";
    out_ += name;
    out_ += ' ';
    out_ += type;
    out_ += '\n';
  }
  void sample(std::string_view name, std::string_view labels, std::uint64_t value) {
    sample(name, labels, std::to_string(value));
  }
  void sample(std::string_view name, std::string_view labels, const std::string& value) {
    out_ += name;
    if (!labels.empty()) {
      out_ += '{';
      out_ += labels;
      out_ += '}';
    }
    out_ += ' ';
    out_ += value;
    out_ += '\n';
  }
  void counter(std::string_view name, std::string_view help, std::uint64_t value) {
    family(name, "counter", help);
    sample(name, {}, value);
  }
  void gauge(std::string_view name, std::string_view help, std::uint64_t value) {
    family(name, "gauge", help);
    sample(name, {}, value);
  }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

std::string label(std::string_view name, std::string_view value) {
  return std::string(name) + "=\"" + std::string(value) + "\"";
}

// "0.000250"
std::string seconds_of(std::uint64_t microseconds) {
  std::string fraction = std::to_string(microseconds % 1'000'000);
  return std::to_string(microseconds / 1'000'000) + "." + std::string(6 - fraction.size(), '0') +
         fraction;
}

template <class Pick>
std::uint64_t sum(const std::vector<const Counters*>& loops, Pick pick) {
  std::uint64_t total = 0;
  for (const Counters* counters : loops) total += pick(*counters).value();
  return total;
}

template <class Pick>
void histogram(Text& text, const std::vector<const Counters*>& loops, std::string_view name,
               const std::string& labels, Pick pick) {
  const std::string comma = labels.empty() ? "" : labels + ",";
  std::uint64_t cumulative = 0, sum_us = 0;
  for (std::size_t at = 0; at <= latency_bounds_us.size(); ++at) {
    for (const Counters* counters : loops) cumulative += pick(*counters).bucket(at);
    const std::string bound =
        at == latency_bounds_us.size() ? "+Inf" : seconds_of(latency_bounds_us[at]);
    text.sample(std::string(name) + "_bucket", comma + label("le", bound), cumulative);
  }
  for (const Counters* counters : loops) sum_us += pick(*counters).sum_us();
  text.sample(std::string(name) + "_sum", labels, seconds_of(sum_us));
  text.sample(std::string(name) + "_count", labels, cumulative);
}

void add_edge(Text& text, const std::vector<const Counters*>& loops) {
  text.family("weir_requests_total", "counter",
              "Answers by the first digit of their status; 0 = the client left first.");
  for (std::size_t digit = 0; digit < 6; ++digit) {
    text.sample("weir_requests_total", label("class", std::to_string(digit)),
                sum(loops, [&](const Counters& c) -> const Count& { return c.statuses[digit]; }));
  }
  text.counter("weir_sent_bytes_total", "Bytes of answers, heads included.",
               sum(loops, [](const Counters& c) -> const Count& { return c.bytes_sent; }));
  text.family("weir_request_seconds", "histogram",
              "From the head's arrival to the last byte handed to the kernel.");
  histogram(text, loops, "weir_request_seconds", {},
            [](const Counters& c) -> const Histogram& { return c.latency; });

  text.family("weir_step_total", "counter", "Runs of each step by outcome.");
  for (std::size_t kind = 0; kind < step_kinds; ++kind) {
    for (std::size_t outcome = 0; outcome < step_outcomes; ++outcome) {
      text.sample(
          "weir_step_total",
          label("step", steps[kind].name) + "," +
              label("outcome", guard::name_of(static_cast<guard::StageOutcome>(outcome))),
          sum(loops, [&](const Counters& c) -> const Count& { return c.steps[kind][outcome]; }));
    }
  }
  text.family("weir_step_seconds", "histogram", "Time of each step.");
  for (std::size_t kind = 0; kind < step_kinds; ++kind) {
    histogram(text, loops, "weir_step_seconds", label("step", steps[kind].name),
              [&](const Counters& c) -> const Histogram& { return c.step_latency[kind]; });
  }
  constexpr std::string_view outcomes[cache_outcomes] = {"hit", "stale", "miss", "bypass"};
  text.family("weir_page_total", "counter", "Answers of site routes by what the cache had.");
  for (std::size_t at = 0; at < cache_outcomes; ++at) {
    text.sample("weir_page_total", label("cache", outcomes[at]),
                sum(loops, [&](const Counters& c) -> const Count& { return c.cache[at]; }));
  }
  text.counter("weir_late_verdicts_total", "Steps that took longer than their timeout.",
               sum(loops, [](const Counters& c) -> const Count& { return c.late_verdicts; }));
  text.counter("weir_access_log_dropped_total", "Access log lines that nobody took in time.",
               sum(loops, [](const Counters& c) -> const Count& { return c.log_lines_dropped; }));
}

void add_engine(Text& text, const http::Counters& engine) {
  text.gauge("weir_connections", "Open connections.", engine.connections);
  text.counter("weir_connections_total", "Accepted connections.", engine.accepted);
  text.counter("weir_refused_total",
               "Requests that the engine refused by itself (bad bytes, limits, deadlines).",
               engine.refused);
  text.counter("weir_overload_total", "Connections answered 503 or 429 at accept.",
               engine.overload);
  text.counter("weir_received_bytes_total", "Bytes read.", engine.bytes_in);
  text.counter("weir_tls_handshakes_total", "Finished TLS handshakes.", engine.tls_handshakes);
  text.counter("weir_tls_resumed_total", "TLS handshakes by a session ticket.", engine.tls_resumed);
  text.counter("weir_tls_limited_total", "TLS connections closed: their client began too many.",
               engine.tls_limited);
  text.counter("weir_http2_connections_total", "Connections that speak HTTP/2.",
               engine.http2_connections);
  text.counter("weir_http2_requests_total", "Requests over HTTP/2.", engine.http2_requests);
  text.counter("weir_http2_cut_total", "HTTP/2 connections cut for abuse.", engine.http2_cut);
  text.counter("weir_tls_failures_total", "Failed TLS handshakes.", engine.tls_failures);
  text.gauge("weir_buffered_body_bytes", "Request bodies held in memory.",
             engine.bodies_buffered_bytes);
}

// Visitors who waited for a load or a render.
void add_waits(Text& text, const cache::CacheCounters& cache) {
  constexpr std::string_view name = "weir_cache_wait_seconds";
  text.family(name, "histogram", "How long requests waited for a page to be loaded or rendered.");
  std::uint64_t cumulative = 0;
  for (std::size_t at = 0; at < cache.waits.size(); ++at) {
    cumulative += cache.waits[at];
    const std::string bound = at == cache::wait_bounds_ms.size()
                                  ? "+Inf"
                                  : seconds_of(std::uint64_t{cache::wait_bounds_ms[at]} * 1'000);
    text.sample("weir_cache_wait_seconds_bucket", label("le", bound), cumulative);
  }
  text.sample("weir_cache_wait_seconds_sum", {}, seconds_of(cache.flight_wait_us_total));
  text.sample("weir_cache_wait_seconds_count", {}, cumulative);
}

// Where bytes lie, from the nearest to the farthest.
void add_tiers(Text& text, const MetricsSources& sources) {
  text.family("weir_tier_bytes", "gauge",
              "Bytes kept, by where; disk_bodies as of the last minute.");
  const auto tier = [&text](std::string_view name, std::size_t bytes) {
    text.sample("weir_tier_bytes", label("tier", name), bytes);
  };
  tier("memory_pages", sources.cache.memory_bytes);
  tier("memory_negative", sources.cache.negative_bytes);
  if (sources.answers) tier("memory_answers", sources.answers->bytes);
  tier("disk_bodies", sources.store.loose_bytes);
  tier("disk_releases", sources.store.segment_bytes);
  tier("disk_log", sources.store.log_bytes);
}

void add_peers(Text& text, const std::vector<PeerRow>& peers) {
  if (peers.empty()) return;
  text.family("weir_peer_purge_seq", "gauge", "The last purge that was learnt from each node.");
  for (const PeerRow& peer : peers)
    text.sample("weir_peer_purge_seq", label("peer", peer.url), peer.after);
  text.family("weir_peer_lag_seconds", "gauge",
              "How old what this node knows of another's purges may be; absent = never heard.");
  for (const PeerRow& peer : peers)
    if (peer.silent)
      text.sample("weir_peer_lag_seconds", label("peer", peer.url),
                  seconds_of(static_cast<std::uint64_t>(
                      std::max<std::int64_t>(0, peer.silent->count() / 1'000))));
}

void add_cache(Text& text, const cache::CacheCounters& cache, const store::StoreCounters& store) {
  text.counter("weir_cache_hits_total", "Look-ups that found a fresh page.", cache.hits);
  text.counter("weir_cache_stale_total", "Look-ups that found a stale page.", cache.stale);
  text.counter("weir_cache_misses_total", "Look-ups that had to wait.", cache.misses);
  text.counter("weir_cache_negative_total", "Look-ups that found a negative entry.",
               cache.negative);
  text.counter("weir_cache_collapsed_total", "Requests that joined a flight.", cache.collapsed);
  text.counter("weir_cache_fills_total", "Renders for a waiting request.", cache.fills);
  text.counter("weir_cache_parts_read_total", "Pieces read of pages that stay on disk.",
               cache.parts_read);
  text.family("weir_cache_refreshes_total", "counter", "Background renders by outcome.");
  text.sample("weir_cache_refreshes_total", label("outcome", "changed"), cache.refreshes_ok);
  text.sample("weir_cache_refreshes_total", label("outcome", "equal"), cache.refreshes_equal);
  text.sample("weir_cache_refreshes_total", label("outcome", "gone"), cache.refreshes_gone);
  text.sample("weir_cache_refreshes_total", label("outcome", "failed"), cache.refreshes_failed);
  text.counter("weir_cache_evictions_total", "Pages that made room for others.", cache.evictions);
  text.counter("weir_cache_purges_total", "Purges.", cache.purges);
  text.gauge("weir_cache_purge_seq", "The last purge that every look-up sees.", cache.purge_seq);
  text.gauge("weir_cache_memory_bytes", "Memory tier.", cache.memory_bytes);
  text.gauge("weir_cache_pages", "Pages in memory.", cache.pages);
  text.gauge("weir_cache_oldest_stale_seconds", "The oldest stale age that was served.",
             static_cast<std::uint64_t>(cache.oldest_stale_served_s));
  text.counter("weir_store_corrupt_total", "Stored bytes that did not match their hash.",
               store.corrupt + cache.corrupt);
  text.counter("weir_store_write_errors_total", "Writes that the disk refused.",
               store.write_errors);
  text.gauge("weir_store_fills", "Refreshed pages and kept answers on disk.", store.fills);
  text.gauge("weir_store_log_bytes", "Write-ahead log.", store.log_bytes);
  text.counter("weir_store_scrubbed_bytes_total", "Bodies on disk, read again to find rotten ones.",
               store.scrubbed_bytes);
  text.counter("weir_store_scrub_rounds_total", "Times that all of them were read.",
               store.scrub_rounds);
  text.counter("weir_cache_not_stored_total", "Pages and codings that the disk did not take.",
               cache.not_stored);
  text.counter("weir_cache_not_admitted_total",
               "Made pages that are in memory only: they were made for the first time.",
               cache.not_admitted);
  text.gauge("weir_cache_backing_off", "Pages whose last render failed.", cache.backing_off);
  text.counter("weir_cache_polished_total", "Best codings (brotli 11, zstd 19) made in idle time.",
               cache.polished);
  text.counter("weir_cache_polished_saved_bytes_total", "Bytes that they are smaller by.",
               cache.polished_saved_bytes);
  text.gauge("weir_cache_to_polish", "Pages that wait for idle time.", cache.to_polish);
}

void add_answers(Text& text, const cache::AnswerCounters& answers, const MetricsSources& sources) {
  text.counter("weir_answers_stored_total", "Answers of upstreams that were kept.", answers.stored);
  text.counter("weir_answers_not_stored_total", "Those too large to be.", answers.not_stored);
  text.counter("weir_answers_not_admitted_total",
               "Those that are in memory only: they were seen for the first time.",
               sources.answers_not_admitted);
  text.counter("weir_answers_polished_total", "Best codings of them made in idle time.",
               sources.answers_polished.polished);
  text.counter("weir_answers_polished_saved_bytes_total", "Bytes that they are smaller by.",
               sources.answers_polished.saved_bytes);
  text.gauge("weir_answers_to_polish", "Answers that wait for idle time.",
             sources.answers_polished.waiting);
  text.counter("weir_answers_validated_total", "Stored answers that a 304 confirmed.",
               answers.validated);
  text.counter("weir_answers_collapsed_total", "Requests that waited for another's question.",
               answers.collapsed);
  text.counter("weir_answers_refreshes_total", "Questions behind everybody's back.",
               answers.refreshes);
  text.counter("weir_answers_failures_total", "Questions without an answer.", answers.failures);
  text.counter("weir_answers_invalidated_total", "Addresses that an unsafe request changed.",
               answers.invalidated);
  text.counter("weir_answers_evicted_total", "Addresses that made room for others.",
               answers.evicted);
  text.gauge("weir_answers_bytes", "Answers in memory.", answers.bytes);
  text.gauge("weir_answers_kept", "Answers in memory, by number.", answers.answers);
}

void add_lease(Text& text, const LeaseRow& lease) {
  constexpr std::string_view name = "weir_fill_lease_total";
  text.family(name, "counter",
              "Copies that this node asked another for and got, or was asked for and gave, or did "
              "not ask for because their holder was not there.");
  text.sample(name, label("outcome", "asked"), lease.asked);
  text.sample(name, label("outcome", "copied"), lease.copied);
  text.sample(name, label("outcome", "given"), lease.given);
  text.sample(name, label("outcome", "declined"), lease.declined);
  text.sample(name, label("outcome", "skipped"), lease.skipped);
  text.gauge("weir_fill_lease_nodes", "Nodes that share the work, with this one.", lease.nodes);
}

void add_sync(Text& text, const sync::SyncService::Counters& sync) {
  text.counter("weir_sync_ops_total", "Operations stored.", sync.ops_stored);
  text.counter("weir_sync_duplicates_total", "Operations that were there already.",
               sync.ops_duplicate);
  text.counter("weir_sync_commits_total", "Commits.", sync.commits);
  text.counter("weir_kv_writes_total", "Key-value writes.", sync.kv_writes);
  text.counter("weir_sync_refused_total", "Data requests answered with a problem.", sync.refused);
  text.gauge("weir_sync_waiting", "Long polls and feeds now.", sync.waiting);
  text.gauge("weir_sync_tenants", "Open tenants.", sync.tenants_open);
  text.gauge("weir_sync_tenants_failed", "Tenants that are read-only after a failed write.",
             sync.tenants_failed);
}

void add_upstreams(Text& text, const std::vector<UpstreamRow>& upstreams) {
  struct Family {
    const char* name;
    const char* help;
    std::uint64_t UpstreamRow::*count;
  };
  for (const Family& family :
       {Family{"weir_upstream_calls_total", "Requests passed on.", &UpstreamRow::calls},
        Family{"weir_upstream_failed_total", "Those without a whole answer.", &UpstreamRow::failed},
        Family{"weir_upstream_connects_total", "Connections begun.", &UpstreamRow::connects},
        Family{"weir_upstream_reused_total", "Requests on a kept connection.",
               &UpstreamRow::reused},
        Family{"weir_upstream_retried_total", "Requests sent again.", &UpstreamRow::retried}}) {
    text.family(family.name, "counter", family.help);
    for (const UpstreamRow& row : upstreams)
      text.sample(family.name, label("upstream", row.name), row.*family.count);
  }
  const auto gauge = [&](const char* name, const char* help, std::int64_t UpstreamRow::*now) {
    text.family(name, "gauge", help);
    for (const UpstreamRow& row : upstreams)
      text.sample(name, label("upstream", row.name),
                  static_cast<std::uint64_t>(std::max<std::int64_t>(0, row.*now)));
  };
  gauge("weir_upstream_in_flight", "Requests that wait for an answer.", &UpstreamRow::in_flight);
  gauge("weir_upstream_idle_connections", "Kept connections.", &UpstreamRow::idle);
  text.family("weir_upstream_breaker_open", "gauge", "1 = the server is given a rest.");
  for (const UpstreamRow& row : upstreams)
    for (const auto& [server, is_open] : row.servers)
      text.sample("weir_upstream_breaker_open",
                  label("upstream", row.name) + "," + label("server", server), is_open ? 1 : 0);
}

}  // namespace

std::vector<UpstreamRow> upstream_rows(const std::vector<OpenUpstream>& upstreams, Mono now) {
  std::vector<UpstreamRow> rows;
  for (const OpenUpstream& one : upstreams) {
    const http::Upstream::Counts& counts = one.upstream->counts;
    UpstreamRow row{one.table.name,   counts.calls,  counts.failed,
                    counts.connects,  counts.reused, counts.retried,
                    counts.in_flight, counts.idle,   {}};
    const http::UpstreamHealth* const health = one.upstream->health();
    const auto& servers = one.upstream->settings().servers;
    for (std::size_t at = 0; at < servers.size(); ++at)
      row.servers.emplace_back(servers[at].text, health != nullptr && health->is_open(at, now));
    rows.push_back(std::move(row));
  }
  return rows;
}

std::string metrics_text(const MetricsSources& sources) {
  Text text;
  text.family("weir_build_info", "gauge", "Which binary this is.");
  text.sample("weir_build_info", label("version", version) + "," + label("commit", commit), 1);
  add_edge(text, sources.loops);
  add_engine(text, sources.engine);
  add_cache(text, sources.cache, sources.store);
  add_waits(text, sources.cache);
  add_tiers(text, sources);
  add_peers(text, sources.peers);
  if (sources.answers) {
    add_answers(text, *sources.answers, sources);
    std::uint64_t oldest_s = 0;
    for (const Counters* counters : sources.loops)
      oldest_s = std::max(oldest_s, counters->oldest_stale_answer_s.value());
    text.gauge("weir_answers_oldest_stale_seconds", "The oldest stale age that was served.",
               oldest_s);
  }
  if (sources.lease) add_lease(text, *sources.lease);
  if (sources.sync) add_sync(text, *sources.sync);
  if (!sources.upstreams.empty()) add_upstreams(text, sources.upstreams);
  if (!sources.key_ages.empty()) {
    text.family("weir_jwks_age_seconds", "gauge", "Age of the fetched keys of each issuer.");
    for (const auto& row : sources.key_ages) {
      text.sample("weir_jwks_age_seconds", label("auth", row.first),
                  static_cast<std::uint64_t>(row.second.count() / 1'000'000'000));
    }
  }
  if (!sources.certificates.empty()) {
    text.family("weir_certificate_end_seconds", "gauge",
                "Unix time at which each certificate ends; 0 = a self-signed one stands in.");
    for (const CertificateAge& row : sources.certificates) {
      const std::int64_t end = row.stands_in ? 0 : row.valid_until.seconds();
      text.sample("weir_certificate_end_seconds",
                  label("tls", row.table) + "," + label("index", std::to_string(row.index)),
                  static_cast<std::uint64_t>(std::max<std::int64_t>(0, end)));
    }
  }
  return text.take();
}

}  // namespace weir::edge
