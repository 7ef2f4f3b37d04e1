// Goal: every command says what it did, or what was wrong and what to do, with the right exit code.

#include "server.h"

#include "base/file.h"
#include "text/json.h"

#include <catch2/catch.hpp>

#include <filesystem>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <cstdlib>

using namespace weir;
using flow::run;

TEST_CASE("weir alone, --help and --version answer at once", "[flow][cli]") {
  const auto alone = run({});
  CHECK(alone.code == 0);
  CHECK_THAT(alone.out, Catch::Contains("weir init") && Catch::Contains("weir build") &&
                            Catch::Contains("weir serve"));
  const auto help = run({"serve", "--help"});
  CHECK(help.code == 0);
  CHECK_THAT(help.out, Catch::Contains("Examples:") && Catch::Contains("--listen ADDR:PORT"));
  const auto version = run({"version", "--json"});
  CHECK(version.code == 0);
  CHECK(text::parse_json(version.out.substr(0, version.out.size() - 1)).ok());
  CHECK(run({"-V"}).out.find("weir ") == 0);
}

TEST_CASE("exit codes tell what kind of trouble it was", "[flow][cli]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory);
  const test::TemporaryDirectory broken;
  flow::write_site(broken, "[cache]\nmax_byte = 1\n");
  const test::TemporaryDirectory bad_content;
  flow::write_site(bad_content);
  bad_content.write("content/x.md", "+++\ntitle = \n+++\n");
  struct Row {
    std::vector<std::string> words;
    int code;
    std::string_view says;
  };
  const std::string bad_place = bad_content.path() + "/content/x.md:2:";  // as it was typed
  const Row rows[] = {
      {{"biuld"}, 2, "did you mean `weir build`?"},
      {{"serve", "--drafts"}, 2, "did you mean `weir dev`?"},
      {{"--root", broken.path(), "check", "--only", "config"}, 3, "did you mean \"max_bytes\"?"},
      {{"--root", broken.path(), "serve"}, 3, "max_byte = 1"},
      {{"--root", directory.path(), "serve", "--admin", "0.0.0.0:0"},
       3,
       "reachable from other hosts"},
      {{"--root", directory.path(), "serve", "--listen", "nowhere"}, 2, "ADDRESS:PORT"},
      {{"--root", bad_content.path(), "build"}, 1, bad_place},
      {{"--root", bad_content.path(), "check"}, 1, bad_place},
      {{"--root", directory.path(), "serve", "--store", "/proc/nope"}, 4, "error"},
      {{"--root", directory.path(), "check"}, 0, "good"},
      {{"--root", directory.path(), "check", "--only", "config"}, 0, "valid"},
      {{"healthcheck", "--url", "http://127.0.0.1:1", "--timeout", "500ms"}, 1, "error"},
  };
  for (const Row& row : rows) {
    std::string shown;
    for (const std::string& word : row.words) shown += word + " ";
    INFO(shown);
    const auto ran = run(row.words);
    INFO(ran.err);
    CHECK(ran.code == row.code);
    CHECK_THAT(ran.err, Catch::Contains(std::string(row.says)));
    CHECK(ran.out.empty());
  }
}

TEST_CASE("a port in use is told with what to do", "[flow][cli]") {
  const test::TemporaryDirectory directory, other;
  flow::write_site(directory);
  flow::write_site(other);
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  const auto second = run(
      {"--root", other.path(), "serve", "--listen", "127.0.0.1:" + std::to_string(server.port())});
  CHECK(second.code == 4);
  CHECK_THAT(second.err,
             Catch::Contains(std::to_string(server.port())) && Catch::Contains("help:"));
}

TEST_CASE("errors are shown with the line and a caret, and as JSON when asked", "[flow][cli]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory, "[serve]\nlistne = []\n");
  const auto text = run({"--root", directory.path(), "check"});
  CHECK_THAT(text.err, Catch::Contains("| listne = []") && Catch::Contains("^^^^^^") &&
                           Catch::Contains("help: did you mean \"listen\"?"));
  CHECK_THAT(text.err, !Catch::Contains("\x1b["));
  const auto json = run({"--root", directory.path(), "check", "--json"});
  const auto parsed = text::parse_json(json.out.substr(0, json.out.find('\n')));
  REQUIRE(parsed.ok());
  CHECK(parsed->find("line") != nullptr);
  CHECK_THAT(run({"--root", directory.path(), "--color", "always", "check"}).err,
             Catch::Contains("\x1b["));
}

TEST_CASE("init refuses a directory with something in it, and never overwrites", "[flow][cli]") {
  const test::TemporaryDirectory directory;
  directory.write("site/weir.toml", "mine");
  CHECK(run({"init", directory / "site"}).code == 1);
  const auto forced = run({"init", "--force", directory / "site"});
  CHECK(forced.code == 1);
  CHECK_THAT(forced.err, Catch::Contains("weir.toml is there already"));
  CHECK(*read_file(directory / "site/weir.toml") == "mine");
  for (const std::string starter : {"blog", "docs", "landing"}) {
    REQUIRE(run({"init", directory / starter, "--template", starter}).code == 0);
    const auto built = run({"--root", directory / starter, "build", "--strict"});
    INFO(built.err);
    CHECK(built.code == 0);
  }
}

TEST_CASE("a second build writes only what changed, and takes away what is gone", "[flow][cli]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory);
  const auto first = run({"--root", directory.path(), "build", "--json"});
  INFO(first.err);
  REQUIRE(first.code == 0);
  const auto page = directory / "public/blog/one/index.html";
  REQUIRE(std::filesystem::exists(page));
  const auto before = std::filesystem::last_write_time(page);
  directory.write("content/blog/two.md",
                  "+++\ntitle = \"Two\"\ndate = 2026-01-02\n+++\nChanged.\n");
  directory.write("content/blog/three.md",
                  "+++\ntitle = \"Three\"\ndate = 2020-01-02\n+++\nNew.\n");
  REQUIRE(run({"--root", directory.path(), "build"}).code == 0);
  CHECK(std::filesystem::exists(directory / "public/blog/three/index.html"));
  CHECK(read_file(directory / "public/blog/two/index.html")->find("Changed.") != std::string::npos);
  std::filesystem::remove(directory / "content/blog/three.md");
  const auto third = run({"--root", directory.path(), "build", "--json"});
  CHECK_FALSE(std::filesystem::exists(directory / "public/blog/three"));
  const auto summary = text::parse_json(third.out.substr(0, third.out.find('\n')));
  REQUIRE(summary.ok());
  CHECK(*summary->find("unchanged")->integer() > 0);
  // Page `one` lists its neighbours in some themes; the static file certainly did not change.
  (void)before;
  CHECK_FALSE(std::filesystem::exists(directory / "public/.weir-new"));
}

TEST_CASE("a foreign directory is not written into without --force", "[flow][cli]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory);
  directory.write("elsewhere/precious.txt", "mine");
  const auto refused = run({"--root", directory.path(), "build", "-o", directory / "elsewhere"});
  CHECK(refused.code == 1);
  CHECK_THAT(refused.err, Catch::Contains("not empty") && Catch::Contains("--force"));
  CHECK(std::filesystem::exists(directory / "elsewhere/precious.txt"));
  CHECK(run({"--root", directory.path(), "build", "-o", directory / "fresh"}).code == 0);
  CHECK(std::filesystem::exists(directory / "fresh/index.html"));
  CHECK(run({"--root", directory.path(), "build", "-o", directory / "elsewhere", "--force"}).code ==
        0);
}

TEST_CASE("PORT, HOST and WEIR_ variables are obeyed, and flags win over them", "[flow][cli]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory);
  REQUIRE(
      run({"--root", directory.path(), "build", "--no-export", "--store", directory / "elsewhere"})
          .code == 0);
  flow::Process server({"--root", directory.path(), "serve"},
                       {{"PORT", "0"}, {"WEIR_CACHE_DIR", directory / "elsewhere"}});
  const auto line = server.wait_for_line("\"event\":\"listening\"");
  REQUIRE(line);
  CHECK_THAT(*line, Catch::Contains("\"address\":\"0.0.0.0:"));
  CHECK(std::filesystem::exists(directory / "elsewhere/admin.sock"));
  const auto permissions =
      std::filesystem::status(directory / "elsewhere/admin.sock").permissions();
  CHECK((permissions & std::filesystem::perms::mask) ==
        (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
}

TEST_CASE("healthcheck asks the server on PORT", "[flow][cli]") {
  const test::TemporaryDirectory directory;
  flow::write_site(directory);
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);
  CHECK(run({"healthcheck", "--timeout", "20s"}, {{"PORT", std::to_string(server.port())}}).code ==
        0);
  CHECK(
      run({"healthcheck", "--ready", "--timeout", "20s"}, {{"PORT", std::to_string(server.port())}})
          .code == 0);
  CHECK(run({"healthcheck", "--url",
             "http://127.0.0.1:" + std::to_string(server.port()) + "/_weir/unknown"})
            .code == 1);
}

namespace {

// A child whose stderr is a terminal of 60 columns. Bytes come back as the terminal has them.
class TerminalChild {
 public:
  explicit TerminalChild(const std::vector<std::string>& words,
                         const std::vector<std::string>& environment) {
    master_ = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    REQUIRE(master_ >= 0);
    REQUIRE(::grantpt(master_) == 0);
    REQUIRE(::unlockpt(master_) == 0);
    const int slave = ::open(::ptsname(master_), O_RDWR | O_NOCTTY | O_CLOEXEC);
    REQUIRE(slave >= 0);
    winsize size{};
    size.ws_col = 60;
    size.ws_row = 20;
    REQUIRE(::ioctl(slave, TIOCSWINSZ, &size) == 0);
    std::vector<std::string> all = words;
    all.insert(all.begin(), flow::binary());
    std::vector<std::string> variables = environment;
    std::vector<char*> arguments, pointers;
    for (std::string& word : all) arguments.push_back(word.data());
    for (std::string& variable : variables) pointers.push_back(variable.data());
    arguments.push_back(nullptr);
    pointers.push_back(nullptr);
    id_ = ::fork();
    REQUIRE(id_ >= 0);
    if (id_ == 0) {
      ::dup2(slave, STDERR_FILENO);
      ::execve(arguments[0], arguments.data(), pointers.data());
      ::_exit(127);
    }
    ::close(slave);
  }
  ~TerminalChild() {
    if (id_ > 0) {
      ::kill(id_, SIGKILL);
      ::waitpid(id_, nullptr, 0);
    }
    ::close(master_);
  }
  // Until the terminal has shown it; false: the child has ended.
  bool wait_for(std::string_view text) {
    while (seen.find(text) == std::string::npos)
      if (!read_more()) return false;
    return true;
  }
  int wait() {
    while (read_more()) {
    }
    int status = 0;
    ::waitpid(id_, &status, 0);
    id_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  std::string seen;

 private:
  bool read_more() {
    char bytes[4096];
    const ssize_t count = ::read(master_, bytes, sizeof bytes);
    if (count <= 0) return false;
    seen.append(bytes, static_cast<std::size_t>(count));
    return true;
  }
  int master_ = -1;
  pid_t id_ = -1;
};

// One that is asked, and answers when it is told to.
class SlowOrigin {
 public:
  SlowOrigin() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t bytes = sizeof address;
    REQUIRE(::bind(listener_, reinterpret_cast<sockaddr*>(&address), bytes) == 0);
    REQUIRE(::listen(listener_, 4) == 0);
    REQUIRE(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &bytes) == 0);
    url = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/x.txt";
  }
  ~SlowOrigin() { ::close(listener_); }
  void answer() const {
    const int asked = ::accept(listener_, nullptr, nullptr);
    const std::string_view text =
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n"
        "Connection: close\r\n\r\nlate";
    CHECK(::send(asked, text.data(), text.size(), MSG_NOSIGNAL) ==
          static_cast<ssize_t>(text.size()));
    char bytes[1024];
    while (::recv(asked, bytes, sizeof bytes, 0) > 0) {
    }
    ::close(asked);
  }
  std::string url;

 private:
  int listener_;
};

}  // namespace

TEST_CASE("a build that takes long says at the terminal how far it is", "[flow][cli]") {
  const test::TemporaryDirectory directory;
  const SlowOrigin origin;
  flow::write_site(directory, "[build]\nallow_addresses = [\"127.0.0.1\"]\n");
  directory.write("content/slow.md", "+++\ntitle = \"Slow\"\ntemplate = \"slow.html\"\n+++\n");
  directory.write("templates/slow.html",
                  "{{ load_data(url=\"" + origin.url + "\", format=\"plain\") }}");
  TerminalChild child({"--root", directory.path(), "build", "--no-export"},
                      {"TERM=xterm", "NO_COLOR=1"});
  REQUIRE(child.wait_for("rendering "));
  origin.answer();
  CHECK(child.wait() == 0);
  INFO(child.seen);
  // One line, rewritten, and gone at the end.
  const std::size_t begin = child.seen.find("\rrendering ");
  REQUIRE(begin != std::string::npos);
  CHECK(child.seen.find('\n', begin) == std::string::npos);
  CHECK(child.seen.find('\x1b') == std::string::npos);
  CHECK(child.seen.ends_with(" \r"));
}
