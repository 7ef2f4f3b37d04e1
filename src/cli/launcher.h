#pragma once
// The small process in front of the server: it holds the listening sockets, starts the server,
// starts it again when it crashes, passes signals on, and on USR2 puts a new one in its place
// without losing a connection. It reads no configuration and no request; whoever breaks into the
// server finds its system calls and its files fenced off (sandbox.h), and the launcher outside.
//
//   TERM INT QUIT  passed on; the launcher ends with the server's exit code
//   HUP USR1       passed on
//   USR2           the binary that now stands where ours was started from takes over
//   KILL           ends the server too (it asks the kernel for that)
//
// One thread. As process 1 of a container it also reaps what is left to it.

#include "cli/session.h"

namespace weir::cli {

// Until the server has ended for good; its exit code. Starts what this process was started as, with
// the same words.
int run_launcher(const Session& session);

}  // namespace weir::cli
