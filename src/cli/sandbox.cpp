#include "cli/sandbox.h"

#include "base/bytes.h"
#include "base/file.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>

namespace weir::cli {

// --- who we are ----------------------------------------------------------------------------------

Result<Identity> parse_identity(const std::string& text) {
  const std::size_t colon = text.find(':');
  const auto user = parse_u64(std::string_view(text).substr(0, colon));
  const auto group =
      colon == std::string::npos ? user : parse_u64(std::string_view(text).substr(colon + 1));
  constexpr std::uint64_t most = 4'294'967'294;  // the one above means "no change"
  if (user && group && *user <= most && *group <= most)
    return Identity{static_cast<uid_t>(*user), static_cast<gid_t>(*group)};
  const std::string accounts = read_file("/etc/passwd").value_or({});
  std::string_view rest = accounts;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    std::array<std::string_view, 4> parts;  // name, password, user, group
    for (std::string_view& part : parts) {
      const std::size_t at = line.find(':');
      part = line.substr(0, at);
      line = at == std::string_view::npos ? std::string_view() : line.substr(at + 1);
    }
    const auto its_user = parse_u64(parts[2]), its_group = parse_u64(parts[3]);
    if (!text.empty() && parts[0] == text && its_user && its_group)
      return Identity{static_cast<uid_t>(*its_user), static_cast<gid_t>(*its_group)};
  }
  return Error{Errc::invalid,
               "user must be a number, NUMBER:NUMBER, or a name in /etc/passwd, not "
               "\"" +
                   text + "\""};
}

std::optional<Identity> owner_of(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    struct stat there {};
    if (::stat(path.c_str(), &there) == 0 && there.st_uid != 0)
      return Identity{there.st_uid, there.st_gid};
  }
  return std::nullopt;
}

namespace {

Error refused(std::string_view step) {
  return Error{Errc::denied, std::string(step) + ": " + reason_of(errno)};
}

void drop_capabilities() {
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  for (int one = 0; ::prctl(PR_CAPBSET_READ, one, 0, 0, 0) >= 0; ++one)
    ::prctl(PR_CAPBSET_DROP, one, 0, 0, 0);  // without CAP_SETPCAP there is little to drop
  __user_cap_header_struct head{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> none{};
  ::syscall(SYS_capset, &head, none.data());
}

}  // namespace

Status become(const std::optional<Identity>& identity) {
  if (identity && ::geteuid() == 0) {
    if (::setgroups(0, nullptr) != 0) return refused("setgroups");
    if (::setresgid(identity->group, identity->group, identity->group) != 0)
      return refused("setresgid");
    if (::setresuid(identity->user, identity->user, identity->user) != 0)
      return refused("setresuid");
  }
  drop_capabilities();
  return done;
}

// --- files: Landlock -----------------------------------------------------------------------------

namespace {

// Our own names, for kernels newer than the headers that we were built with.
constexpr std::uint64_t access_refer = 1U << 13;         // since version 2
constexpr std::uint64_t access_truncate = 1U << 14;      // 3
constexpr std::uint64_t access_net_bind = 1U << 0;       // 4
constexpr std::uint64_t access_device_ioctl = 1U << 15;  // 5
constexpr std::uint64_t scope_abstract = 1U << 0;        // 6
constexpr std::uint64_t scope_signal = 1U << 1;          // 6

struct Ruleset {
  std::uint64_t files = 0;
  std::uint64_t net = 0;
  std::uint64_t scoped = 0;
};

constexpr std::uint64_t read_directory = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr std::uint64_t version_1 = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;
constexpr std::uint64_t of_files = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE |
                                   access_truncate | access_device_ioctl;

std::uint64_t handled_by(int version) {
  std::uint64_t all = version_1;
  if (version >= 2) all |= access_refer;
  if (version >= 3) all |= access_truncate;
  if (version >= 5) all |= access_device_ioctl;
  return all;
}

void allow(int ruleset, const std::string& path, std::uint64_t access) {
  const Descriptor there(::open(path.c_str(), O_PATH | O_CLOEXEC));
  struct stat what {};
  if (!there.is_open() || ::fstat(there.number(), &what) != 0) return;  // absent: nothing to allow
  if (!S_ISDIR(what.st_mode)) access &= of_files;
  landlock_path_beneath_attr rule{};
  rule.allowed_access = access;
  rule.parent_fd = there.number();
  ::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

// The version that is on, or 0 with the reason.
int fence_files(const SandboxPaths& paths, std::string& missing) {
  const long version =
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  // Version 1 refuses every rename from one directory to another, which the store lives on.
  if (version < 2) {
    missing += version < 0 ? "Landlock: " + reason_of(errno) : std::string("Landlock: version 1");
    return 0;
  }
  Ruleset wanted;
  wanted.files = handled_by(static_cast<int>(version));
  if (version >= 4) wanted.net = access_net_bind;
  if (version >= 6) wanted.scoped = scope_abstract | scope_signal;
  const std::size_t bytes = version >= 6 ? sizeof wanted : version >= 4 ? 16 : 8;
  const Descriptor ruleset(
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &wanted, bytes, 0)));
  if (!ruleset.is_open()) {
    missing += "Landlock: " + reason_of(errno);
    return 0;
  }
  const std::uint64_t every =
      wanted.files & ~std::uint64_t{LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
                                    LANDLOCK_ACCESS_FS_MAKE_BLOCK};
  for (const std::string& path : paths.readable) allow(ruleset.number(), path, read_directory);
  for (const std::string& path : paths.writable) allow(ruleset.number(), path, every);
  if (::syscall(SYS_landlock_restrict_self, ruleset.number(), 0) != 0) {
    missing += "Landlock: " + reason_of(errno);
    return 0;
  }
  return static_cast<int>(version);
}

}  // namespace

std::vector<std::string> system_paths(const std::string& certificate_file,
                                      const std::string& certificate_directory) {
  std::vector<std::string> paths{"/etc/resolv.conf",
                                 "/etc/hosts",
                                 "/etc/nsswitch.conf",
                                 "/etc/host.conf",
                                 "/etc/gai.conf",
                                 "/etc/services",
                                 "/etc/protocols",
                                 "/etc/localtime",
                                 "/etc/ssl/certs",
                                 "/etc/ssl/openssl.cnf",
                                 "/etc/ssl/cert.pem",
                                 "/usr/lib/ssl",
                                 "/usr/share/ca-certificates",
                                 "/usr/local/share/ca-certificates",
                                 "/etc/pki/tls/certs",
                                 "/usr/share/zoneinfo",
                                 "/usr/share/modsecurity-crs",
                                 "/etc/modsecurity",
                                 "/dev/urandom",
                                 "/dev/random",
                                 "/proc/self",
                                 "/proc/meminfo",
                                 "/proc/stat",
                                 "/proc/cpuinfo",
                                 "/proc/sys",
                                 "/sys/fs/cgroup",
                                 "/sys/devices/system/cpu"};
  if (!certificate_file.empty()) paths.push_back(certificate_file);
  if (!certificate_directory.empty()) paths.push_back(certificate_directory);
  // Where a resolver daemon writes it anew under the same name, the file that was allowed is soon
  // another one: then its directory, unless that is /etc.
  char real[PATH_MAX];
  if (::realpath("/etc/resolv.conf", real) != nullptr) {
    const std::string target(real);
    const std::string directory = target.substr(0, target.rfind('/'));
    if (directory != "/etc" && !directory.empty()) paths.push_back(directory);
  }
  return paths;
}

// --- system calls: seccomp -----------------------------------------------------------------------

namespace {

constexpr const char* allowed_calls[] = {
    // bytes
    "read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "preadv2",
    "pwritev2", "sendfile", "copy_file_range", "splice", "lseek", "fsync", "fdatasync",
    "sync_file_range", "ftruncate", "truncate", "fallocate", "fadvise64", "readahead",
    // files and names
    "open", "openat", "openat2", "creat", "close", "close_range", "stat", "fstat", "lstat",
    "newfstatat", "statx", "statfs", "fstatfs", "access", "faccessat", "faccessat2", "readlink",
    "readlinkat", "getdents", "getdents64", "getcwd", "mkdir", "mkdirat", "rmdir", "unlink",
    "unlinkat", "rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat",
    "chmod", "fchmod", "fchmodat", "chown", "fchown", "fchownat", "umask", "utimensat", "flock",
    "fcntl", "dup", "dup2", "dup3", "pipe", "pipe2", "memfd_create", "inotify_init1",
    "inotify_add_watch", "inotify_rm_watch",
    // memory; what is compiled at run time must be executable
    "brk", "mmap", "munmap", "mremap", "mprotect", "madvise", "msync", "mincore", "membarrier",
    // sockets; their family is looked at below
    "socketpair", "connect", "accept", "accept4", "bind", "sendto", "recvfrom", "sendmsg",
    "recvmsg", "sendmmsg", "recvmmsg", "shutdown", "getsockname", "getpeername", "setsockopt",
    "getsockopt",
    // waiting
    "poll", "ppoll", "select", "pselect6", "epoll_create", "epoll_create1", "epoll_ctl",
    "epoll_wait", "epoll_pwait", "epoll_pwait2", "eventfd", "eventfd2", "timerfd_create",
    "timerfd_settime", "timerfd_gettime", "signalfd4", "nanosleep", "clock_nanosleep",
    "restart_syscall",
    // time and chance
    "clock_gettime", "clock_getres", "gettimeofday", "time", "getrandom",
    // threads and signals within the process; clone is looked at below
    "futex", "futex_waitv", "set_robust_list", "get_robust_list", "rseq", "set_tid_address",
    "setpriority", "sched_yield", "sched_getaffinity", "sched_setaffinity", "getcpu", "tgkill",
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait", "rt_sigpending",
    "rt_sigsuspend", "sigaltstack", "exit", "exit_group",
    // about itself
    "getpid", "getppid", "gettid", "getuid", "geteuid", "getgid", "getegid", "getgroups",
    "getresuid", "getresgid", "getpgrp", "getrlimit", "setrlimit", "prlimit64", "getrusage",
    "times", "sysinfo", "uname", "arch_prctl", "prctl"};

class Filter {
 public:
  Filter() : context_(::seccomp_init(SCMP_ACT_ERRNO(EPERM))) {}
  ~Filter() {
    if (context_ != nullptr) ::seccomp_release(context_);
  }
  Filter(const Filter&) = delete;
  Filter& operator=(const Filter&) = delete;

  // A call that this architecture does not have is passed over.
  void allow(const char* name) { add(SCMP_ACT_ALLOW, name, nullptr); }
  void allow_when(const char* name, scmp_arg_cmp condition) {
    add(SCMP_ACT_ALLOW, name, &condition);
  }
  void answer(const char* name, int error) {
    add(SCMP_ACT_ERRNO(static_cast<std::uint32_t>(error)), name, nullptr);
  }
  // 0, or an errno.
  int load() {
    if (context_ == nullptr) return ENOMEM;
    if (failed_ != 0) return -failed_;
    ::seccomp_attr_set(context_, SCMP_FLTATR_CTL_OPTIMIZE, 2);  // a tree, not a list
    return -::seccomp_load(context_);
  }

 private:
  void add(std::uint32_t action, const char* name, const scmp_arg_cmp* condition) {
    const int number = ::seccomp_syscall_resolve_name(name);
    if (context_ == nullptr || number == __NR_SCMP_ERROR || number < 0) return;
    const int added =
        ::seccomp_rule_add_array(context_, action, number, condition == nullptr ? 0 : 1, condition);
    if (added != 0 && added != -EEXIST) failed_ = added;
  }
  scmp_filter_ctx context_;
  int failed_ = 0;
};

bool fence_calls(std::string& missing) {
  Filter filter;
  for (const char* name : allowed_calls) filter.allow(name);
  for (const int family : {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK})
    filter.allow_when("socket", SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(family)));
  for (const unsigned long request : {FIONBIO, FIONREAD, FIOCLEX, TIOCGWINSZ})
    filter.allow_when("ioctl", SCMP_A1(SCMP_CMP_EQ, request));
  constexpr unsigned long tcgets = 0x5401;  // isatty
  filter.allow_when("ioctl", SCMP_A1(SCMP_CMP_EQ, tcgets));
  // A thread, never a process. clone3 hides its flags in memory, and glibc falls back to clone.
  constexpr scmp_datum_t clone_thread = 0x0001'0000;
  filter.allow_when("clone", SCMP_A0(SCMP_CMP_MASKED_EQ, clone_thread, clone_thread));
  filter.answer("clone3", ENOSYS);
  const int error = filter.load();
  if (error == 0) return true;
  if (!missing.empty()) missing += "; ";
  missing += "seccomp: " + reason_of(error);
  return false;
}

}  // namespace

SandboxReport enter_sandbox(const SandboxPaths& paths) {
  SandboxReport report;
  report.no_new_privileges = ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
  if (!report.no_new_privileges) {
    report.missing = "no_new_privs: " + reason_of(errno);
    return report;  // the other two need it
  }
  report.landlock = fence_files(paths, report.missing);
  report.seccomp = fence_calls(report.missing);
  return report;
}

bool sandbox_is_built_in() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return false;
#else
  return true;
#endif
}

}  // namespace weir::cli
