// Goal: no request reaches the server behind a proxy route that we did not understand and log (wire
// H-22, A-3): what one connection says to us, nginx as the backend must not read in another way.
// Method: mutated requests and pairs of requests from a seed, each on a connection of its own; then
// nginx's log against ours. Skipped, aloud, where nginx is not installed. A failure tells its seed.

#include "backend.h"

#include "base/bytes.h"
#include "base/file.h"
#include "text/json.h"
#include "text/url.h"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <map>
#include <random>

using namespace weir;
using flow::Connection;

namespace {

constexpr const char* nginx = "/usr/sbin/nginx";

// nginx in the foreground on a Unix socket, ended by its own process id.
class Nginx {
 public:
  explicit Nginx(const test::TemporaryDirectory& directory) {
    const std::string root = directory.path();
    const std::string config =
        "daemon off; master_process off; pid " + root + "/pid; error_log " + root +
        "/error.log crit; user root;\nevents {}\nhttp {\n  log_format uri escape=json "
        "'{\"method\":\"$request_method\",\"path\":\"$uri\",\"line\":\"$request\"}';\n  "
        "access_log " +
        root + "/seen.log uri; merge_slashes off;\n  client_body_temp_path " + root +
        "/b; proxy_temp_path " + root + "/p; fastcgi_temp_path " + root + "/f; uwsgi_temp_path " +
        root + "/u; scgi_temp_path " + root + "/s;\n  server { listen unix:" + root +
        "/nginx.sock; location / { return 200 ok; } }\n}\n";
    directory.write("nginx.conf", config);
    id_ = ::fork();
    REQUIRE(id_ >= 0);
    if (id_ == 0) {
      const int nowhere = ::open("/dev/null", O_WRONLY);
      ::dup2(nowhere, 2);
      ::execl(nginx, "nginx", "-p", root.c_str(), "-c", (root + "/nginx.conf").c_str(), nullptr);
      ::_exit(127);
    }
    REQUIRE(flow::eventually([&] { return ::access((root + "/nginx.sock").c_str(), F_OK) == 0; }));
  }
  ~Nginx() {
    ::kill(id_, SIGQUIT);
    ::waitpid(id_, nullptr, 0);
  }

 private:
  pid_t id_ = -1;
};

using Dice = std::mt19937;

std::size_t roll(Dice& dice, std::size_t sides) { return dice() % sides; }

std::string request(Dice& dice, int number) {
  const std::string path = "/r" + std::to_string(number);
  switch (roll(dice, 6)) {
    case 0: return "POST " + path + " HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
    case 1:
      return "POST " + path +
             " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    case 2: return "GET " + path + "/%2e%2e/x%20y?q HTTP/1.1\r\nHost: a\r\nA: b\r\n\r\n";
    case 3:
      return "GET " + path +
             " HTTP/1.1\r\nHost: a\r\nConnection: X, close\r\nX: y\r\nCookie: a=b\r\n\r\n";
    case 4: return "HEAD " + path + " HTTP/1.0\r\n\r\n";
    default: return "GET http://b" + path + " HTTP/1.1\r\nHost: a\r\n\r\n";
  }
}

// Bytes and lines on which readers have been known to differ.
constexpr std::string_view pieces[] = {"\r",
                                       "\n",
                                       "\r\n",
                                       " ",
                                       "\t",
                                       ":",
                                       ",",
                                       ";",
                                       "%0d%0a",
                                       "%00",
                                       "%2f",
                                       "\x0b",
                                       "\x7f",
                                       "Content-Length: 0\r\n",
                                       "Content-Length: 44\r\n",
                                       "Content_Length: 44\r\n",
                                       "Transfer-Encoding: chunked\r\n",
                                       "Transfer-Encoding: xchunked\r\n",
                                       "Transfer-Encoding : chunked\r\n",
                                       "Transfer-Encoding:\x0b"
                                       "chunked\r\n",
                                       " folded\r\n",
                                       "Connection: Content-Length\r\n",
                                       "Connection: Transfer-Encoding, Host\r\n",
                                       "Expect: 100-continue\r\n",
                                       "Upgrade: websocket\r\n",
                                       "Host: c\r\n",
                                       "0\r\n\r\n",
                                       "5;a=b\r\n",
                                       "\r\n\r\n",
                                       "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"};

std::string mutated(Dice& dice, std::string bytes) {
  for (std::size_t edits = roll(dice, 4); edits > 0 && !bytes.empty(); --edits) {
    const std::size_t at = roll(dice, bytes.size());
    const std::size_t line = std::min(bytes.find("\r\n", at), bytes.size() - 2) + 2;
    switch (roll(dice, 5)) {
      case 0: bytes.insert(at, pieces[roll(dice, std::size(pieces))]); break;
      case 1: bytes.insert(line, pieces[roll(dice, std::size(pieces))]); break;
      case 2: bytes.erase(at, 1 + roll(dice, 3)); break;
      case 3: bytes[at] = static_cast<char>(dice()); break;
      default: bytes.insert(line, bytes.substr(at, roll(dice, 40))); break;
    }
  }
  return bytes;
}

using Seen = std::map<std::string, int>;  // "GET /path", how often

// nginx names neither method nor path of a request whose method it does not take ("helloGET", a
// token all the same); its request line does.
std::string named_by(std::string_view line) {
  const std::size_t method = line.find(' ');
  if (method == std::string_view::npos) return std::string(line);
  std::string_view target = line.substr(method + 1);
  target = target.substr(0, target.find_first_of(" ?"));
  return std::string(line.substr(0, method)) + " " + text::percent_decode_lossy(target);
}

Seen seen_in(std::string_view log, bool only_upstream) {
  Seen seen;
  while (!log.empty()) {
    const std::string_view line = log.substr(0, log.find('\n'));
    log.remove_prefix(std::min(line.size() + 1, log.size()));
    const auto row = text::parse_json(line);
    if (!row.ok()) continue;
    const text::Value* const method = row->find("method");
    const text::Value* const path = row->find("path");
    const text::Value* const upstream = row->find("upstream");
    if (method == nullptr || path == nullptr || (only_upstream && upstream == nullptr)) continue;
    const bool again = upstream != nullptr && upstream->find("retried") != nullptr;
    const text::Value* const raw = row->find("line");
    const bool is_unnamed = method->string()->empty() && raw != nullptr;
    seen[is_unnamed ? named_by(*raw->string()) : *method->string() + " " + *path->string()] +=
        again ? 2 : 1;
  }
  return seen;
}

}  // namespace

TEST_CASE("no request reaches a backend that we did not log", "[flow][proxy]") {
  if (::access(nginx, X_OK) != 0) {
    WARN("SKIPPED: nginx is not installed");
    return;
  }
  const char* const wanted = std::getenv("WEIR_DIFFERENTIAL_ROUNDS");
  const int rounds = wanted == nullptr ? 300 : std::atoi(wanted);
  const char* const set = std::getenv("WEIR_SEED");
  const unsigned seed = set == nullptr ? 1 : static_cast<unsigned>(std::atoll(set));
  INFO("WEIR_SEED=" << seed);
  Dice dice(seed);

  const test::TemporaryDirectory behind;
  const Nginx backend(behind);
  const test::TemporaryDirectory directory;
  flow::write_site(directory,
                   "[serve]\ntimeouts = { head = \"100ms\", body_grace = \"100ms\" "
                   "}\n[observability]\naccess_log = { path = \"access.log\" }\n" +
                       flow::proxy_route("/**", "unix:" + behind.path() + "/nginx.sock"));
  flow::Server server(directory.path());
  REQUIRE(server.port() != 0);

  for (int round = 0; round < rounds; ++round) {
    std::string bytes = mutated(dice, request(dice, 2 * round));
    if (roll(dice, 2) == 0) bytes += mutated(dice, request(dice, 2 * round + 1));
    Connection client(server.port());
    client.send(bytes);
    // Whatever can be answered is; what waits for more ends with its deadline, or with the client's
    // leaving, which may be sooner than the server was asked.
    client.send("\r\n\r\nGET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    if (roll(dice, 4) == 0) client.shut();
    client.receive_until("\x01never");
  }
  CHECK(server.stop() == 0);

  const auto theirs_text = read_file(behind.path() + "/seen.log");
  const auto ours_text = read_file(directory.path() + "/access.log");
  REQUIRE(theirs_text.ok());
  REQUIRE(ours_text.ok());
  const Seen theirs = seen_in(*theirs_text, false);
  const Seen ours = seen_in(*ours_text, true);
  int reached = 0;
  for (const auto& [what, count] : theirs) {
    reached += count;
    const auto found = ours.find(what);
    INFO(what);
    CHECK(found != ours.end());
    if (found != ours.end()) CHECK(count <= found->second);
  }
  CHECK(reached > rounds / 4);  // it was a test
}
