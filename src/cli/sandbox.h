#pragma once
// The fence round the server process (wire A-15): what it may not do even when somebody has made it
// run code of theirs.
//
//   no_new_privs   no program that it could start gains rights
//   Landlock       files: only those below the paths that are named; no execution; no new TCP
//                  listener; no signal to a process outside (as far as the kernel's version goes)
//   seccomp        system calls: a list of those that the server needs; all others answer EPERM,
//                  so that execve, ptrace, fork, mount and their kin fail
//   no root        see `become`; and no capability is left either way
//
// Pages that are written and executed (PCRE2's compiled patterns) stay allowed.
//
// Call both before the first thread is made: the fence belongs to the calling thread and to those
// that it makes. Nothing takes it back.

#include "base/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace weir::cli {

struct Identity {
  uid_t user = 0;
  gid_t group = 0;
};

// "1000", "1000:1000", or a name of /etc/passwd. Names are read from the file itself: a static
// binary has no name service.
Result<Identity> parse_identity(const std::string& text);

// Who the server should be when it was started as root and nobody was named: the owner of the
// store, else of the site. nullopt = both are root's own, or do not exist.
std::optional<Identity> owner_of(const std::vector<std::string>& paths);

// Drops every capability and, when `identity` is given, becomes that user for good. Without rights
// to change: only the capabilities go.
Status become(const std::optional<Identity>& identity);

struct SandboxPaths {
  std::vector<std::string> readable;  // files, or directories with all below; what is absent is
  std::vector<std::string> writable;  // passed over
};
// What every server needs beside its own files: resolver, certificates of authorities, time zones,
// random bytes, its own /proc.
std::vector<std::string> system_paths(const std::string& certificate_file,
                                      const std::string& certificate_directory);

struct SandboxReport {
  int landlock = 0;  // version of the kernel's interface; 0 = not there
  bool seccomp = false;
  bool no_new_privileges = false;
  std::string missing;  // why something is not on; empty = everything is
};

// What the kernel has is put on and the rest is named in the report.
SandboxReport enter_sandbox(const SandboxPaths& paths);

// False in builds whose instrumentation needs the calls that the fence refuses.
bool sandbox_is_built_in();

}  // namespace weir::cli
