#pragma once
// What bounds purges, webhooks and the log that nodes read from each other. Beside limits.h, so
// that a change here compiles little.

#include "base/bytes.h"

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace weir::limits {

inline constexpr std::uint64_t webhook_rate = 600;  // per minute, hook and client address; 429
inline constexpr std::size_t webhook_limiter_slots = 4'096;  // the least debt is replaced
inline constexpr std::size_t deliveries_kept = 1'000;        // of good webhooks; the oldest go
inline constexpr std::size_t refused_deliveries_kept = 200;  // of refused ones, apart
inline constexpr std::size_t signed_headers_max = 64;        // named by one webhook; 400
inline constexpr std::size_t host_bytes_max = 255;    // RFC 1035 2.3.4; of a purged host; 400
inline constexpr std::size_t hook_targets_max = 256;  // rows of map and always; configuration error

// --- representations of pages (cache, section 7)
inline constexpr std::size_t preload_scan_bytes_max = 64 * KiB;  // of a page's HTML; then no hints
inline constexpr std::size_t preloads_max = 16;  // hints of one page; more are left out
inline constexpr std::size_t dictionary_bytes_max = 128 * KiB;     // what does not fit is left out
inline constexpr std::size_t dictionary_kinds_max = 8;             // the most frequent ones
inline constexpr std::size_t dictionary_pages_min = 8;             // fewer gain nothing by one
inline constexpr std::size_t dictionary_page_bytes_min = 512;      // smaller ones are not counted
inline constexpr std::size_t dictionary_pages_looked_at = 20'000;  // of a larger release, every nth

// --- nodes that tell each other (cache C-58)
inline constexpr std::size_t peers_max = 64;           // configuration error; readers over it go
inline constexpr std::size_t purge_waiters_max = 256;  // long polls; over: answered at once
inline constexpr std::size_t refreshes_told_max = 64;  // to other nodes; older ones: by hits
inline constexpr std::size_t purge_page_bytes_max = 32 * MiB;     // of one answer; refused
inline constexpr auto purge_poll_max = std::chrono::seconds(20);  // longer waits are cut
inline constexpr auto peer_call_max =
    std::chrono::milliseconds(2'500);  // of one call, with its wait
inline constexpr auto peer_contact_wait = std::chrono::milliseconds(500);  // at start, for all

// --- one node asks for all (cache C-18)
inline constexpr std::size_t fill_question_bytes_max = 64 * KiB;  // 413
inline constexpr std::size_t fill_record_bytes_max = 1 * MiB;     // beside the body; not believed
// A larger body on its way is not waited for: the asker's clients would see nothing of it until it
// is whole. "large"
inline constexpr std::size_t fill_streamed_bytes_max = 1 * MiB;
inline constexpr std::size_t fill_copy_bytes_max = 8 * MiB;       // of what is here; "large"
inline constexpr auto fill_slow_time = std::chrono::seconds(4);   // the holder's; then: "slow"
inline constexpr auto fill_lease_time = std::chrono::seconds(5);  // then the asker asks for itself
inline constexpr auto fill_seen_wait = std::chrono::seconds(1);  // for a purge on its way: "behind"
inline constexpr auto fill_node_pause = std::chrono::seconds(2);  // after one that did not answer
inline constexpr auto invalidation_spread_time = std::chrono::seconds(5);  // until others have it
inline constexpr std::size_t fill_notes_max = 256;  // of one loop, under way; more are not sent
inline constexpr unsigned fill_tries_max = 3;       // of the holder, for one question
inline constexpr auto max_lag_least = std::chrono::seconds(2);  // configuration error

}  // namespace weir::limits
