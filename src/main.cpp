// The front door: arguments in, exit code out, nothing else.

#include "cli/commands.h"

#include <csignal>
#include <string>
#include <vector>

#include <nss.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace {

void write_to(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(descriptor, text.data(), text.size());
    if (count <= 0) return;  // the reader has gone
    text.remove_prefix(static_cast<std::size_t>(count));
  }
}

std::size_t columns_of(int descriptor) {
  winsize size{};
  return ::ioctl(descriptor, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

weir::edge::Environment environment_of(char** variables) {
  weir::edge::Environment environment;
  for (; *variables != nullptr; ++variables) {
    const std::string_view text(*variables);
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos)
      environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return environment;
}

}  // namespace

int main(int count, char** words) {
  // A static binary must not load a host's name service modules (docs/decisions).
  __nss_configure_lookup("hosts", "files dns");
  std::signal(SIGPIPE, SIG_IGN);
  weir::cli::Session session(
      {environment_of(environ), [](std::string_view text) { write_to(STDOUT_FILENO, text); },
       [](std::string_view text) { write_to(STDERR_FILENO, text); }, ::isatty(STDERR_FILENO) == 1,
       columns_of(STDERR_FILENO), [](int code) { ::_exit(code); }});
  const std::vector<std::string> all(words + 1, words + count);
  return weir::cli::run(all, session);
}
