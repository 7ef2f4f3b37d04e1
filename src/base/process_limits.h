#pragma once
// The bounds of the processes' life: launcher, server, reload, hand-over. Apart from limits.h
// because few files need them, and a change there makes every file new.

#include "base/limits.h"

#include <chrono>
#include <cstddef>

namespace weir::limits {

// --- launcher and server
inline constexpr std::size_t channel_message_bytes_max = 4 * KiB;
inline constexpr std::size_t channel_sockets_max = 250;  // of one message; the kernel takes 253
inline constexpr std::size_t server_restarts_max = 10;   // in a row; then its exit code is ours
inline constexpr auto server_restart_pause = std::chrono::milliseconds(100);  // doubled each time
inline constexpr auto server_restart_pause_max = std::chrono::seconds(10);
inline constexpr auto server_lasts_time =
    std::chrono::seconds(60);  // the next crash is a first one
// A new server that takes longer for one step is ended.
inline constexpr auto upgrade_step_time_max = std::chrono::seconds(30);
// For a process that is dying to let go of store and sockets.
inline constexpr auto owner_wait_max = std::chrono::seconds(1);
// For a loop that is busy, or has ended, to take what all are told.
inline constexpr auto loops_wait_max = std::chrono::seconds(2);

// --- reload and hand-over
// Replaced tables stay until no fetch of keys can call back into them.
inline constexpr auto retired_tables_time = std::chrono::seconds(10);
inline constexpr std::size_t requests_held_max = 1'024;  // per loop, for a successor; over: 503

}  // namespace weir::limits
