#pragma once
// The rows of the table of bounds (limits.h) that concern pages made on demand and what keeps them.
// A file of its own, because few files need it and many need the others.

#include "base/limits.h"

namespace weir::limits {

// Pages of one route that one client (an address, or an IPv6 /64) may be the first to ask for
// (C-68); over: 429, or the route's fallback. A person with a browser does not come near; a render
// takes about 1 ms, so that one client takes at most 2 % of a core for long.
inline constexpr std::size_t new_keys_per_second = 20;
inline constexpr std::size_t new_keys_burst = 200;
inline constexpr std::size_t new_keys_burst_max = 10'000;  // of a rate that a route names

inline constexpr std::size_t page_query_names_max = 8;          // of a route; configuration error
inline constexpr std::size_t page_query_value_bytes_max = 256;  // 404

inline constexpr std::size_t renders_per_source_max = 8;  // at once, of one remote origin; wait
// Questions to servers behind everybody's back, on one loop; hits try again later, purges wait for
// their turn (C-19). More than renders get, because a question is mostly waiting.
inline constexpr std::size_t answer_refreshes_max = 16;
inline constexpr std::size_t doorkeeper_bytes = 64 * KiB;  // C-67
// Halved after so many fills: one in forty is then taken for a repeated one by mistake.
inline constexpr std::size_t doorkeeper_fills = 16'384;
// Brotli 11 and zstd 19 in idle time (C-43): a page of that size takes a worker 2 s.
inline constexpr std::size_t polish_bytes_max = 1 * MiB;
inline constexpr std::size_t polish_queue_max = 4'096;  // pages; over: when they are next loaded
inline constexpr auto polish_after = std::chrono::seconds(5);   // a page that stays as it is
inline constexpr std::size_t polish_requests_per_second = 100;  // in all; over: not idle
inline constexpr std::size_t scrub_bytes_per_second = 1 * MiB;  // C-63
inline constexpr std::size_t scrub_names_max = 4'096;           // of files, listed at a time

}  // namespace weir::limits
