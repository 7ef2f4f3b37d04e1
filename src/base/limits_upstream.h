#pragma once
// The rows of the table of bounds (limits.h) that concern upstreams: servers behind proxy routes
// (wire, sections 7 and 8). A file of its own, because few files need it and many need the others.

#include "base/limits.h"

namespace weir::limits {

inline constexpr std::size_t upstream_head_bytes_max = 32 * KiB;  // of an answer; 502
inline constexpr std::size_t upstream_head_fields_max = 200;      // 502
inline constexpr std::size_t upstream_interim_max = 16;           // 1xx before one answer; 502
inline constexpr std::size_t upstream_idle_max = 64;  // kept per upstream and loop; oldest closed
inline constexpr std::size_t upstream_requests_per_connection_max = 100'000;  // then a new one
inline constexpr std::size_t upstream_in_flight_max = 1'024;  // per upstream; 503 + Retry-After
inline constexpr std::size_t upstream_servers_max = 64;       // configuration error
inline constexpr auto tunnel_silence_max = 10min;             // neither side said a byte; closed
inline constexpr std::size_t upstream_tries_max = 6;  // connections begun for one request; then 502
inline constexpr std::size_t upstream_body_ahead_bytes =
    64 * KiB;  // of a request's body, sent later; over: the client is not read meanwhile
inline constexpr std::size_t upstream_reads_per_wake_max = 4;  // then the others' turn
inline constexpr std::size_t upstream_hops_max = 8;            // through us, by Via; 508
inline constexpr auto upstream_idle_time_max = 60s;        // closed; sooner when the server says so
inline constexpr auto upstream_connect_time_max = 2s;      // next address, else 502
inline constexpr auto upstream_first_byte_time_max = 30s;  // 504
inline constexpr auto upstream_stall_time_max = 30s;       // cut, so that the client knows
inline constexpr std::size_t names_kept_max = 1'024;       // addresses of names, per loop
inline constexpr std::size_t name_addresses_max = 8;       // of one name; the rest is not tried
inline constexpr auto name_kept = 5s;                      // then asked again
inline constexpr auto name_failure_kept = 1s;

}  // namespace weir::limits
