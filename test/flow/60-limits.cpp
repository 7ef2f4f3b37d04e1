// Stories about what the whole server does at its limits.

#include "server.h"

#include <catch2/catch.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

using namespace weir;

namespace {

// A process and its children: the server may stand behind a launcher.
std::vector<pid_t> family_of(pid_t id) {
  std::vector<pid_t> family{id};
  const std::string process = "/proc/" + std::to_string(id);
  std::ifstream children(process + "/task/" + std::to_string(id) + "/children");
  for (pid_t child = 0; children >> child;)
    for (const pid_t each : family_of(child)) family.push_back(each);
  return family;
}

// User and system time, in ticks of 10 ms.
long ticks_of(pid_t id) {
  long sum = 0;
  for (const pid_t each : family_of(id)) {
    std::ifstream stat("/proc/" + std::to_string(each) + "/stat");
    std::string line;
    std::getline(stat, line);
    std::istringstream rest(line.substr(std::min(line.size(), line.rfind(')') + 2)));
    std::string skipped;
    for (int field = 3; field < 14; ++field) rest >> skipped;
    long user = 0, system = 0;
    rest >> user >> system;
    sum += user + system;
  }
  return sum;
}

// From outside, while it runs: what it opens from now on stays below.
void limit_descriptors(pid_t id, rlim_t count) {
  const rlimit limit{count, count};
  for (const pid_t each : family_of(id))
    REQUIRE(::prlimit(each, RLIMIT_NOFILE, &limit, nullptr) == 0);
}

int connect_to(unsigned short port) {
  const int number = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(number, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    ::close(number);
    return -1;
  }
  return number;
}

// Of a processor's time. With instruments each wake costs several times as much; who spins takes
// all.
#if defined(__SANITIZE_ADDRESS__)
constexpr long percent_at_rest_max = 30;
#else
constexpr long percent_at_rest_max = 5;
#endif

}  // namespace

TEST_CASE("F-1: 64 descriptors and 1,000 clients: no spinning, a word of refusal, and back to work",
          "[flow][limits]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory);
  flow::Server server(directory.path(), {.admin = false});
  const unsigned short port = server.port();
  INFO(server.process().errors());
  REQUIRE(port != 0);
  limit_descriptors(server.process().id(), 64);
  REQUIRE(flow::get(port, "/").status == 200);

  std::vector<int> crowd;
  for (int i = 0; i < 1'000; ++i) {
    const int client = connect_to(port);
    if (client < 0) continue;
    crowd.push_back(client);
    ::send(client, "GET / HTT", 9, MSG_NOSIGNAL);  // within a head: none of them makes room
  }
  CHECK(crowd.size() > 500);
  for (int i = 0; i < 25; ++i) flow::pause_20ms();
  const long before = ticks_of(server.process().id());
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 100; ++i) flow::pause_20ms();
  const long ticks = ticks_of(server.process().id()) - before;  // 10 ms each
  const std::chrono::duration<double> span = std::chrono::steady_clock::now() - begin;
  CHECK(static_cast<double>(ticks) <= span.count() * percent_at_rest_max);
  std::size_t refused = 0;
  for (const int client : crowd) {
    char bytes[64] = {};
    if (::recv(client, bytes, sizeof bytes - 1, MSG_DONTWAIT) > 0)
      refused += std::string_view(bytes).find(" 503 ") != std::string_view::npos ? 1 : 0;
    ::close(client);
  }
  CHECK(refused > 0);
  CHECK(flow::eventually([port] { return flow::get(port, "/").status == 200; }));
  CHECK(server.stop() == 0);
}
