#pragma once
// The bounds of WebSockets and of live sync over them; beside limits.h, whose rules hold here too.
// Behind each row: what happens above it. Sources: wire, H-40 and H-41; data, D-40 to D-51.

#include "base/limits.h"

namespace weir::limits {

// --- http: WebSocket -----------------------------------------------------------------------------
inline constexpr std::size_t websocket_message_bytes_max = 1 * MiB;  // close 1009
// Queued for one socket; over either, the subscriber's policy.
inline constexpr std::size_t websocket_queue_bytes_max = 256 * KiB;
inline constexpr std::size_t websocket_queue_frames_max = 256;
inline constexpr auto websocket_ping_time = 20s;
inline constexpr auto websocket_silence_max = 45s;    // then the peer is dead: cut
inline constexpr auto websocket_close_time_max = 5s;  // for the peer's close frame; then cut

// --- sync: sessions ------------------------------------------------------------------------------
inline constexpr auto session_hello_max = 5s;                // of a sync WebSocket; close 4408
inline constexpr std::size_t session_documents_max = 64;     // subscriptions of one; `err`
inline constexpr std::size_t session_unacked_max = 16;       // pushes; then it is not read
inline constexpr std::size_t session_answers_max = 64;       // not yet taken; then it is not read
inline constexpr std::size_t sessions_per_subject_max = 16;  // 429 before the upgrade
inline constexpr std::size_t session_replay_ops_max = 100'000;         // behind by more: a snapshot
inline constexpr std::size_t session_snapshot_part_bytes = 120 * KiB;  // at most twice as JSON
inline constexpr std::size_t session_id_bytes_max = 64;                // of a push; close 4400
inline constexpr std::size_t session_presence_bytes_max = 1 * KiB;     // close 4400
inline constexpr double session_presences_per_second = 10;             // over: dropped
inline constexpr double session_pushes_per_second = 50;  // burst 500; over: nack rate-limited
inline constexpr double session_pushes_burst = 500;
inline constexpr double session_messages_per_second = 200;  // burst 2,000; over: close 4429
inline constexpr double session_messages_burst = 2'000;
inline constexpr auto session_reauth_time = 30s;  // before the token ends: `reauth`

}  // namespace weir::limits
