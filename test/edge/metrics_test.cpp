// Goal: everything that cache C-70 names is told, in Prometheus' text form.

#include "edge/metrics.h"

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::edge;
using namespace std::chrono_literals;

namespace {

bool tells(const std::string& text, const std::string& line) {
  return text.find("\n" + line + "\n") != std::string::npos;
}

}  // namespace

TEST_CASE("C-70: what the cache and its disk did is told", "[edge]") {
  MetricsSources sources;
  sources.cache.corrupt = 1;
  sources.store.corrupt = 2;
  sources.store.scrubbed_bytes = 4'096;
  sources.store.scrub_rounds = 3;
  sources.cache.not_admitted = 5;
  sources.cache.not_stored = 6;
  sources.cache.backing_off = 7;
  sources.cache.oldest_stale_served_s = 8;
  sources.cache.purge_seq = 9;
  sources.cache.polished = 10;
  sources.cache.polished_saved_bytes = 11;
  sources.cache.to_polish = 12;
  sources.cache.parts_read = 13;
  const std::string text = metrics_text(sources);
  for (const char* const line :
       {"weir_store_corrupt_total 3", "weir_store_scrubbed_bytes_total 4096",
        "weir_store_scrub_rounds_total 3", "weir_cache_not_admitted_total 5",
        "weir_cache_not_stored_total 6", "weir_cache_backing_off 7",
        "weir_cache_oldest_stale_seconds 8", "weir_cache_purge_seq 9",
        "weir_cache_polished_total 10", "weir_cache_polished_saved_bytes_total 11",
        "weir_cache_to_polish 12", "weir_cache_parts_read_total 13"}) {
    INFO(line);
    CHECK(tells(text, line));
  }
  CHECK(text.find("weir_peer_") == std::string::npos);
  CHECK(text.find("weir_answers_") == std::string::npos);
}

TEST_CASE("C-70: waits are a histogram", "[edge]") {
  MetricsSources sources;
  sources.cache.waits[0] = 4;
  sources.cache.waits[3] = 2;
  sources.cache.waits.back() = 1;
  sources.cache.flight_wait_us_total = 6'150'000;
  const std::string text = metrics_text(sources);
  for (const char* const line :
       {"weir_cache_wait_seconds_bucket{le=\"0.001000\"} 4",
        "weir_cache_wait_seconds_bucket{le=\"0.010000\"} 4",
        "weir_cache_wait_seconds_bucket{le=\"0.050000\"} 6",
        "weir_cache_wait_seconds_bucket{le=\"5.000000\"} 6",
        "weir_cache_wait_seconds_bucket{le=\"+Inf\"} 7", "weir_cache_wait_seconds_sum 6.150000",
        "weir_cache_wait_seconds_count 7"}) {
    INFO(line);
    CHECK(tells(text, line));
  }
}

TEST_CASE("C-70: bytes are told by tier", "[edge]") {
  MetricsSources sources;
  sources.cache.memory_bytes = 1;
  sources.cache.negative_bytes = 2;
  sources.store.loose_bytes = 3;
  sources.store.segment_bytes = 4;
  sources.store.log_bytes = 5;
  sources.answers.emplace();
  sources.answers->bytes = 6;
  sources.answers_not_admitted = 7;
  sources.answers_polished = {8, 9, 10};
  Counters loop, other;
  loop.oldest_stale_answer_s.see(90);
  loop.oldest_stale_answer_s.see(30);
  other.oldest_stale_answer_s.see(60);
  sources.loops = {&loop, &other};
  const std::string text = metrics_text(sources);
  for (const char* const line :
       {"weir_tier_bytes{tier=\"memory_pages\"} 1", "weir_tier_bytes{tier=\"memory_negative\"} 2",
        "weir_tier_bytes{tier=\"disk_bodies\"} 3", "weir_tier_bytes{tier=\"disk_releases\"} 4",
        "weir_tier_bytes{tier=\"disk_log\"} 5", "weir_tier_bytes{tier=\"memory_answers\"} 6",
        "weir_answers_not_admitted_total 7", "weir_answers_polished_total 8",
        "weir_answers_polished_saved_bytes_total 9", "weir_answers_to_polish 10",
        "weir_answers_oldest_stale_seconds 90"}) {
    INFO(line);
    CHECK(tells(text, line));
  }
}

TEST_CASE("C-70: purges of other nodes: what was learnt, and how old that may be", "[edge]") {
  MetricsSources sources;
  sources.peers = {{"http://10.0.0.2:8080", 41, 1'500ms},
                   {"http://10.0.0.3:8080", 0, std::nullopt}};
  const std::string text = metrics_text(sources);
  CHECK(tells(text, "weir_peer_purge_seq{peer=\"http://10.0.0.2:8080\"} 41"));
  CHECK(tells(text, "weir_peer_purge_seq{peer=\"http://10.0.0.3:8080\"} 0"));
  CHECK(tells(text, "weir_peer_lag_seconds{peer=\"http://10.0.0.2:8080\"} 1.500000"));
  CHECK(text.find("weir_peer_lag_seconds{peer=\"http://10.0.0.3") == std::string::npos);
}
