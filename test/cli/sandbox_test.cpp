// Goal: what the fence promises holds for whoever runs behind it.
// Method: a child process closes the fence behind itself and tries; each failed expectation is one
// bit of its exit code.

#include "cli/sandbox.h"
#include "support.h"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <thread>

using namespace weir;

namespace {

// The child's exit code; `look` returns it.
template <class F>
int in_child(F look) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(look());
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1'000 + WTERMSIG(status);
}

bool can_open(const std::string& path, int flags) {
  const int number = ::open(path.c_str(), flags | O_CLOEXEC, 0600);
  if (number >= 0) ::close(number);
  return number >= 0;
}

}  // namespace

TEST_CASE("behind the fence there is no program, no tracing, no foreign file", "[cli][sandbox]") {
  if (!cli::sandbox_is_built_in()) return test::skip("this build cannot run behind the fence");
  const test::TemporaryDirectory directory;
  directory.write("site/page.md", "text");
  directory.write("store/old", "text");
  directory.write("other/secret", "text");
  ::mkdir((directory / "store/a").c_str(), 0700);
  const cli::SandboxPaths paths{{directory / "site", directory / "nothing-there"},
                                {directory / "store"}};
  const int probe = in_child([&] { return cli::enter_sandbox(paths).missing.empty() ? 0 : 1; });
  if (probe != 0) return test::skip("this kernel does not give the whole fence");

  CHECK(in_child([&] {
          cli::enter_sandbox(paths);
          char* const words[] = {const_cast<char*>("/bin/true"), nullptr};
          ::execv(words[0], words);
          return errno == EPERM || errno == EACCES ? 0 : 1;
        }) == 0);
  CHECK(in_child([&] {
          cli::enter_sandbox(paths);
          return ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == -1 && errno == EPERM ? 0 : 1;
        }) == 0);
  CHECK(in_child([&] {
          cli::enter_sandbox(paths);
          const pid_t pid = ::fork();
          if (pid == 0) ::_exit(0);
          return pid == -1 && errno == EPERM ? 0 : 1;
        }) == 0);
  CHECK(in_child([&] {
          cli::enter_sandbox(paths);
          int failed = 0;
          failed |= can_open("/etc/shadow", O_RDONLY) ? 1 : 0;
          failed |= can_open(directory / "other/secret", O_RDONLY) ? 2 : 0;
          failed |= can_open(directory / "site/page.md", O_RDONLY) ? 0 : 4;
          failed |= can_open(directory / "site/page.md", O_WRONLY) ? 8 : 0;
          failed |= can_open(directory / "site/new", O_WRONLY | O_CREAT) ? 16 : 0;
          failed |= can_open(directory / "store/new", O_WRONLY | O_CREAT) ? 0 : 32;
          // The store renames between its directories.
          failed |=
              ::rename((directory / "store/old").c_str(), (directory / "store/a/old").c_str()) == 0
                  ? 0
                  : 64;
          return failed;
        }) == 0);
  CHECK(in_child([&] {  // threads, and pages of compiled patterns
          cli::enter_sandbox(paths);
          int value = 0;
          std::thread([&] { value = 1; }).join();
          void* const page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
          return value == 1 && page != MAP_FAILED ? 0 : 1;
        }) == 0);
  CHECK(in_child([&] {  // no signal to a process outside, no module, no mount, no new user
          cli::enter_sandbox(paths);
          return ::kill(::getppid(), 0) == -1 && ::setuid(0) == -1 ? 0 : 1;
        }) == 0);
  CHECK(in_child([&] {  // out to the network it may go, with a listener of its own it may not
          cli::enter_sandbox(paths);
          const int number = ::socket(AF_INET, SOCK_STREAM, 0);
          sockaddr_in any{};
          any.sin_family = AF_INET;
          const bool listens =
              ::bind(number, reinterpret_cast<const sockaddr*>(&any), sizeof any) == 0 &&
              ::listen(number, 1) == 0;
          return number >= 0 && !listens && ::socket(AF_PACKET, SOCK_RAW, 0) == -1 ? 0 : 1;
        }) == 0);
}

TEST_CASE("a server that was started as root becomes who it was told", "[cli][sandbox]") {
  if (::geteuid() != 0) return test::skip("only root can become somebody else");
  CHECK(in_child([] {
          if (!cli::become(cli::Identity{12'345, 12'346}).ok()) return 1;
          return ::geteuid() == 12'345 && ::getegid() == 12'346 && ::setuid(0) == -1 ? 0 : 2;
        }) == 0);
  CHECK(in_child([] {  // stays root by name, without a right: another's file is closed to it
          const test::TemporaryDirectory directory;
          directory.write("theirs", "text");
          ::chown((directory / "theirs").c_str(), 12'345, 12'345);
          ::chmod((directory / "theirs").c_str(), 0600);
          if (!cli::become(std::nullopt).ok()) return 1;
          return can_open(directory / "theirs", O_RDONLY) ? 2 : 0;
        }) == 0);
}

TEST_CASE("a user is a number, a pair, or a name of the accounts' file", "[cli][sandbox]") {
  CHECK(cli::parse_identity("65532")->user == 65532);
  CHECK(cli::parse_identity("1000:100")->group == 100);
  CHECK(cli::parse_identity("root")->user == 0);
  for (const char* bad : {"", "nobody-has-this-name", "-1", "1000:", ":5", "4294967295"})
    CHECK_FALSE(cli::parse_identity(bad).ok());
}
