// Goal: the life of the process: a configuration is read again while requests are under way, a
// crash and a new binary cost nobody an answer, and the server stands behind its fence.

#include "server.h"

#include "base/file.h"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

using namespace weir;
using flow::get;
using flow::post;

namespace {

std::string route_that_refuses(std::string_view path) {
  return "[[route]]\nname = \"closed\"\nmatch = { path = \"" + std::string(path) +
         "\", host = \"nobody.example\" }\nto = { site = true }\n";
}

std::string hosts(std::string_view name) {
  return "[serve]\nhosts = [\"" + std::string(name) + "\", \"localhost\"]\n";
}

int status_for(unsigned short port, std::string_view host) {
  flow::Connection connection(port);
  connection.send("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n");
  return connection.receive().status;
}

}  // namespace

TEST_CASE("a reload takes a good configuration at once and keeps the old one before a bad one",
          "[flow][life]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory, hosts("one.example"));
  flow::Server server(directory.path());
  INFO(server.process().errors());
  REQUIRE(server.port() != 0);
  CHECK(status_for(server.port(), "one.example") == 200);
  CHECK(status_for(server.port(), "two.example") == 421);

  flow::write_site(directory, hosts("two.example"));
  const auto reloaded = flow::run({"--root", directory.path(), "reload"});
  INFO(reloaded.err);
  CHECK(reloaded.code == 0);
  CHECK(status_for(server.port(), "one.example") == 421);
  CHECK(status_for(server.port(), "two.example") == 200);

  flow::write_site(directory, "[serve]\nhosst = [\"three.example\"]\n");
  const auto kept = flow::run({"--root", directory.path(), "reload"});
  CHECK(kept.code == 3);
  server.process().signal(SIGHUP);
  CHECK(server.process().wait_for_line("configuration-kept"));
  CHECK(status_for(server.port(), "two.example") == 200);
  const auto ready = get(server.port(), "/_weir/readyz");
  CHECK(ready.status == 200);
  CHECK_THAT(ready.body,
             Catch::Contains("the old configuration is kept") && Catch::Contains("hosst"));

  flow::write_site(directory, hosts("one.example"));
  server.process().signal(SIGHUP);
  CHECK(server.process().wait_for_line("configuration-reloaded"));
  CHECK(status_for(server.port(), "one.example") == 200);
  CHECK_THAT(get(server.port(), "/_weir/readyz").body, !Catch::Contains("is kept"));
  CHECK(server.stop() == 0);
}

TEST_CASE("what a process cannot change while it runs is said, and the rest is taken",
          "[flow][life]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory);
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  flow::write_site(directory,
                   "[serve]\nhosts = [\"one.example\", \"localhost\"]\nloops = "
                   "3\n[cache]\nfill_wait = \"1s\"\n");
  const auto answer = post(server.admin_port(), "/_weir/config", "");
  INFO(answer.body);
  CHECK(answer.status == 200);
  CHECK_THAT(answer.body, Catch::Contains("\"serve.loops\"") && Catch::Contains("\"cache\""));
  CHECK(status_for(server.port(), "two.example") == 421);
  CHECK(post(server.port(), "/_weir/config", "").status == 404);  // not on a public listener
}

TEST_CASE("counts of a limit survive a reload that leaves its definition alone", "[flow][life]") {
  const test::TemporaryDirectory directory;
  const std::string limited =
      "[limit.few]\nrate = \"1/h\"\nburst = 2\nkey = [\"const\"]\n"
      "[[route]]\nname = \"all\"\nmatch = { path = \"/blog/**\" }\nto = { site = true }\n"
      "stages = [{ limit = \"few\", failure_mode = \"closed\" }]\n";
  flow::write_site(directory, limited);
  flow::Server server(directory.path());
  INFO(server.process().errors());
  REQUIRE(server.port() != 0);
  CHECK(get(server.port(), "/blog/one/").status == 200);
  CHECK(get(server.port(), "/blog/one/").status == 200);
  CHECK(get(server.port(), "/blog/one/").status == 429);
  flow::write_site(directory, limited + route_that_refuses("/x"));
  REQUIRE(flow::run({"--root", directory.path(), "reload"}).code == 0);
  CHECK(get(server.port(), "/blog/one/").status == 429);
}

TEST_CASE("requests that began before a reload end under what they began with", "[flow][life]") {
  const test::TemporaryDirectory directory;
  const std::string patient = "timeouts = { head = \"10m\" }\n";  // twenty reloads may take long
  flow::write_site(directory, hosts("one.example") + patient);
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  flow::Connection slow(server.port());
  slow.send("GET /blog/one/ HTTP/1.1\r\nHost: one.example\r\n");  // its head is not finished
  flow::Connection kept(server.port());
  CHECK(kept.get("/").status == 200);
  flow::write_site(directory, hosts("two.example") + patient);
  for (int round = 0; round < 20; ++round)
    REQUIRE(flow::run({"--root", directory.path(), "reload"}).code == 0);
  CHECK(kept.get("/").status == 200);  // the connection stays; localhost is in both
  slow.send("\r\n");
  CHECK(slow.receive().status == 421);  // a request begins when its head is whole
}

namespace {

std::string text_of(const std::string& path) {
  std::ifstream file(path);  // of /proc: no regular file
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// The server process below a launcher; the newest when there are two.
pid_t server_of(pid_t launcher) {
  std::istringstream children(text_of("/proc/" + std::to_string(launcher) + "/task/" +
                                      std::to_string(launcher) + "/children"));
  pid_t last = 0;
  for (pid_t one; children >> one;) last = one;
  return last;
}

bool is_alive(pid_t pid) {
  const std::string stat = text_of("/proc/" + std::to_string(pid) + "/stat");
  return !stat.empty() && stat.find(") Z ") == std::string::npos;
}

// A server that makes room for another closes connections that nobody has used for half of `drain`,
// so that a client that is late itself finds its own closed.
class Lateness {
 public:
  void answered() { last_ = Steady::now(); }
  bool is_long() const { return Steady::now() - last_ > std::chrono::seconds(2); }

 private:
  using Steady = std::chrono::steady_clock;
  Steady::time_point last_ = Steady::now();
};

// Asks again and again on one keep-alive connection, and on a new one when that was closed behind
// an answer that said so; counts whatever is not 200.
class Visitor {
 public:
  explicit Visitor(unsigned short port) : thread_([this, port] { run(port); }) {}
  ~Visitor() { end(); }
  std::size_t end() {
    ended_ = true;
    if (thread_.joinable()) thread_.join();
    return failed_;
  }
  std::size_t asked() const { return asked_; }

 private:
  void run(unsigned short port) {
    while (!ended_) {
      flow::Connection connection(port);
      bool goes_on = connection.is_open();
      if (!goes_on) ++failed_;
      Lateness lateness;
      while (goes_on && !ended_) {
        const auto answer = connection.get(++asked_ % 3 == 0 ? "/blog/" : "/blog/one/");
        if (answer.status != 200 && !(answer.status == 0 && lateness.is_long())) ++failed_;
        lateness.answered();
        goes_on = answer.status == 200 && answer.field("connection") != "close";
      }
    }
  }
  std::atomic<bool> ended_{false};
  std::atomic<std::size_t> asked_{0}, failed_{0};
  std::thread thread_;
};

void copy_binary(const std::string& to) {
  std::filesystem::copy_file(flow::binary(), to + ".new");
  std::filesystem::rename(to + ".new", to);
}

}  // namespace

TEST_CASE("a server that crashes is started again, on the sockets that the launcher kept",
          "[flow][life]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory);
  flow::Server server(directory.path());
  INFO(server.process().errors());
  REQUIRE(server.port() != 0);
  const pid_t first = server_of(server.process().id());
  REQUIRE(first != 0);
  ::kill(first, SIGKILL);
  CHECK(get(server.port(), "/").status == 200);  // waits in the queue of the socket
  CHECK(server_of(server.process().id()) != first);
  CHECK(server.process().wait_for_line("server-crashed"));
  CHECK(server.stop() == 0);
}

TEST_CASE("who kills the launcher has killed the server", "[flow][life]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory);
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  const pid_t inner = server_of(server.process().id());
  REQUIRE(is_alive(inner));
  server.kill();
  CHECK(flow::eventually([&] { return !is_alive(inner); }));
  flow::Server again(directory.path());
  CHECK(get(again.port(), "/").status == 200);
}

TEST_CASE("exit codes of the server are the launcher's, and one process does without it",
          "[flow][life]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory, "[serve]\nnonsense = 1\n");
  CHECK(flow::run({"--root", directory.path(), "serve"}).code == 3);
  flow::write_site(directory);
  flow::Server alone(directory.path(), {{"--no-launcher"}, {}, true, {}});
  REQUIRE(alone.port() != 0);
  CHECK(server_of(alone.process().id()) == 0);
  CHECK(get(alone.port(), "/").status == 200);
  CHECK(flow::run({"--root", directory.path(), "serve", "--port", "0"}).code == 4);
  CHECK(alone.stop() == 0);
  CHECK(!std::filesystem::exists(directory / "cache/admin.sock"));
}

TEST_CASE("the server process has no way to a program, a right or another's file", "[flow][life]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory);
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  const std::string errors = server.process().errors();
  if (errors.find("\"event\":\"sandbox\",\"on\":true") == std::string::npos)
    return test::skip("the sandbox is not whole on this kernel or in this build");
  const std::string status =
      text_of("/proc/" + std::to_string(server_of(server.process().id())) + "/status");
  CHECK_THAT(status, Catch::Contains("Seccomp:\t2") && Catch::Contains("NoNewPrivs:\t1"));
  CHECK_THAT(status, Catch::Contains("CapEff:\t0000000000000000") &&
                         Catch::Contains("CapPrm:\t0000000000000000"));
  CHECK(get(server.port(), "/live/").status == 200);  // rendered behind the fence
  flow::write_site(directory, "[serve]\nsandbox = \"off\"\n");
  flow::Server open(directory.path(), {{"--store", directory / "other"}, {}, true, {}});
  REQUIRE(open.port() != 0);
  CHECK_THAT(text_of("/proc/" + std::to_string(server_of(open.process().id())) + "/status"),
             Catch::Contains("Seccomp:\t0"));
}

TEST_CASE("a new binary takes over without an answer lost, and a broken one changes nothing",
          "[flow][life]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory,
                   "[data]\n[[data.kv_rule]]\nmatch = \"**\"\nread = \"true\"\nwrite = \"true\"\n");
  const std::string program = directory / "weir";
  copy_binary(program);
  flow::Server server(directory.path(), {{}, {}, true, program});
  INFO(server.process().errors());
  REQUIRE(server.port() != 0);
  const auto put = [&](std::string_view value) {
    return flow::Connection(server.port())
        .request("PUT", "/kv/a", "Content-Type: application/json\r\n", value)
        .status;
  };
  REQUIRE(put("1") == 201);
  Visitor one(server.port()), two(server.port());

  // Broken in three ways: no program, one that fails at once, one that never says that it is ready.
  const pid_t before = server_of(server.process().id());
  for (const std::string_view broken :
       {"not a program", "#!/bin/sh\nexit 1\n", "#!/bin/sh\nkill -9 $$\n"}) {
    directory.write("weir.new", broken);
    ::chmod((directory / "weir.new").c_str(), 0755);
    std::filesystem::rename(directory / "weir.new", program);
    server.process().signal(SIGUSR2);
    REQUIRE(server.process().wait_for_line("upgrade-failed"));
    CHECK(server_of(server.process().id()) == before);
  }
  CHECK(put("2") == 200);

  for (std::size_t round = 0; round < test::rounds(3, 50); ++round) {
    copy_binary(program);
    const pid_t old = server_of(server.process().id());
    server.process().signal(SIGUSR2);
    REQUIRE(server.process().wait_for_line("\"event\":\"upgraded\""));
    CHECK(flow::eventually([&] { return !is_alive(old); }));
    CHECK(put(std::to_string(round)) == 200);
    CHECK(post(server.admin_port(), "/_weir/purge", "{\"all\":true}").status == 200);
  }
  CHECK(one.end() == 0);
  CHECK(two.end() == 0);
  CHECK(one.asked() + two.asked() > 100);
  CHECK(server.stop() == 0);
}

TEST_CASE("writes that come while another binary takes over are neither lost nor refused",
          "[flow][life]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory,
                   "[data]\n[[data.kv_rule]]\nmatch = \"**\"\nread = \"true\"\nwrite = \"true\"\n");
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  std::atomic<bool> ended{false};
  std::atomic<int> written{0}, refused{0}, at_round{0};
  std::string why;
  std::thread writer([&] {
    while (!ended) {
      flow::Connection connection(server.port());
      bool goes_on = true;
      int earlier = 0;  // answers on this connection
      Lateness lateness;
      for (; goes_on && !ended; ++earlier) {
        const int next = written + 1;
        const auto answer = connection.request("PUT", "/kv/n", "Content-Type: application/json\r\n",
                                               std::to_string(next));
        if (answer.status == 0 && lateness.is_long()) break;
        lateness.answered();
        if (answer.status != 200 && answer.status != 201) {
          ++refused;
          why += answer.head + answer.body;
          if (answer.status == 0)
            why += "(closed after " + std::to_string(earlier) + " answers, errno " +
                   std::to_string(errno) + ", at round " + std::to_string(at_round) + ")";
        } else written = next;
        goes_on = answer.status / 100 == 2 && answer.field("connection") != "close";
      }
    }
  });
  for (std::size_t round = 0; round < test::rounds(3, 50); ++round) {
    server.process().signal(SIGUSR2);
    CHECK(server.process().wait_for_line("\"event\":\"upgraded\""));
    ++at_round;
  }
  ended = true;
  writer.join();
  if (refused > 0) server.stop();
  INFO(why << server.process().errors());
  CHECK(refused == 0);
  CHECK(written > 0);
  CHECK(get(server.port(), "/kv/n").body == std::to_string(written));
}

TEST_CASE("a service manager passes sockets and hears how the service is", "[flow][life]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory);
  const std::string notices = directory / "notify";
  const Descriptor ears(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  notices.copy(name.sun_path, notices.size());
  REQUIRE(::bind(ears.number(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0);
  const auto hear = [&](std::string_view text) {
    for (pollfd wait{ears.number(), POLLIN, 0}; ::poll(&wait, 1, 20'000) == 1;) {
      char bytes[512];
      const ssize_t count = ::recv(ears.number(), bytes, sizeof bytes, 0);
      if (std::string_view(bytes, static_cast<std::size_t>(std::max<ssize_t>(0, count)))
              .find(text) != std::string_view::npos)
        return true;
    }
    return false;
  };

  const Descriptor passed(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t bytes = sizeof address;
  REQUIRE(::bind(passed.number(), reinterpret_cast<const sockaddr*>(&address), bytes) == 0);
  REQUIRE(::listen(passed.number(), 64) == 0);
  REQUIRE(::getsockname(passed.number(), reinterpret_cast<sockaddr*>(&address), &bytes) == 0);
  const unsigned short port = ntohs(address.sin_port);

  // Asked before anybody accepts: the socket's queue holds it.
  flow::Connection early(port);
  early.send("GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n");
  flow::Process process(
      {"-c",
       "exec 3<&" + std::to_string(passed.number()) + "; export LISTEN_PID=$$; exec \"$0\" \"$@\"",
       flow::binary(), "--root", directory.path(), "serve"},
      {{"LISTEN_FDS", "1"},
       {"LISTEN_FDNAMES", "web"},
       {"NOTIFY_SOCKET", notices},
       {"WATCHDOG_USEC", "10000000"}},
      "/bin/sh");
  CHECK(early.receive().status == 200);
  INFO(process.errors());
  CHECK(hear("READY=1\nMAINPID=" + std::to_string(process.id())));
  CHECK(hear("WATCHDOG=1"));
  process.signal(SIGHUP);
  CHECK(hear("RELOADING=1\nMONOTONIC_USEC="));
  CHECK(hear("READY=1"));
  process.signal(SIGUSR2);
  REQUIRE(process.wait_for_line("\"event\":\"upgraded\""));
  CHECK(get(port, "/").status == 200);
  // Nobody has read what came meanwhile, and a full socket takes no more.
  for (char heard[512]; ::recv(ears.number(), heard, sizeof heard, MSG_DONTWAIT) > 0;) {
  }
  process.signal(SIGTERM);
  CHECK(hear("STOPPING=1"));
  CHECK(process.wait() == 0);
}
