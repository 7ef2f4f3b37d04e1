// Goal: what a proxy route forwards is what we understood and logged: the
// server behind it never sees a request that nobody sent, nor another method,
// target, host or body (H-22, A-3). Method: mutated scripts from a seed through
// weir to nginx, whose parser is another one, and from there to a recorder;
// each recorded request must be one that the strict reader found in the script,
// and stand in weir's access log. WEIR_SEED=n shows one script.

#include "backend.h"
#include "mutator.h"
#include "server.h"
#include "wire_client.h"

#include "base/bytes.h"
#include "base/guarded.h"
#include "base/text_escape.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include <csignal>
#include <cstdlib>
#include <deque>
#include <map>

using namespace weir;
using flow::Dice;
using flow::Reading;
using flow::Talk;
using flow::Understood;

namespace {

struct Recorded {
  std::string method, target, host, body;
};

std::string field_of(const std::string& head, const std::string& lower_name) {
  const std::string low = lower_of(head);
  const std::size_t at = low.find("\r\n" + lower_name + ":");
  if (at == std::string::npos) return {};
  const std::size_t begin = at + 3 + lower_name.size();
  return std::string(trim(head.substr(begin, head.find("\r\n", begin) - begin)));
}

// Says "ok" to everything and remembers it.
class Recorder {
 public:
  Recorder() : backend_([this](Talk& talk) { play(talk); }) {}
  unsigned short port() const { return backend_.port(); }
  std::vector<Recorded> take() {
    std::vector<Recorded> all;
    seen_.with([&all](std::vector<Recorded>& seen) { all.swap(seen); });
    return all;
  }

 private:
  void play(Talk& talk) {
    while (true) {
      const std::string head = talk.hear_head();
      if (head.empty()) return;
      const std::string body = talk.hear_body(head);
      const std::size_t first = head.find(' ');
      const std::size_t second = head.find(' ', first + 1);
      Recorded record{head.substr(0, first), head.substr(first + 1, second - first - 1),
                      field_of(head, "host"), body};
      const bool body_follows = record.method != "HEAD";
      seen_.with([&record](std::vector<Recorded>& seen) { seen.push_back(std::move(record)); });
      if (!talk.say(std::string("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n") +
                    (body_follows ? "ok" : "")))
        return;
    }
  }
  Guarded<std::vector<Recorded>> seen_;
  flow::Backend backend_;
};

std::string nginx_binary() {
  for (const char* path : {"/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/sbin/nginx"})
    if (::access(path, X_OK) == 0) return path;
  return {};
}

// nginx in one process, on a Unix socket, in front of the recorder.
class Nginx {
 public:
  Nginx(const std::string& binary, const test::TemporaryDirectory& directory,
        unsigned short recorder)
      : socket_(directory / "nginx.sock") {
    const std::string& at = directory.path();
    std::string config = "daemon off; master_process off; pid " + at + "/pid; error_log " + at +
                         "/error.log crit;\nevents { worker_connections 512; }\nhttp {\n";
    for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
      config += std::string("  ") + kind + "_temp_path " + at + "/" + kind + ";\n";
    config +=
        "  access_log off; merge_slashes off; "
        "large_client_header_buffers 8 32k;\n"
        "  keepalive_requests 1000000000; keepalive_timeout 600s;\n"
        "  upstream recorder { server 127.0.0.1:" +
        std::to_string(recorder) + "; keepalive 16; keepalive_requests 1000000000; }\n" +
        "  server {\n    listen unix:" + socket_ +
        ";\n    location / {\n      proxy_pass http://recorder; "
        "proxy_http_version 1.1;\n"
        "      proxy_set_header Connection \"\"; proxy_set_header Host "
        "$http_host;\n    }\n  "
        "}\n}\n";
    directory.write("nginx.conf", config);
    const std::string file = directory / "nginx.conf";
    id_ = ::fork();
    if (id_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // it ends with the test, however that ends
      const int null = ::open("/dev/null", O_RDWR);
      ::dup2(null, 1);
      ::dup2(null, 2);
      ::execl(binary.c_str(), binary.c_str(), "-p", at.c_str(), "-c", file.c_str(), nullptr);
      ::_exit(127);
    }
  }
  ~Nginx() {
    ::kill(id_, SIGKILL);
    ::waitpid(id_, nullptr, 0);
  }
  Nginx(const Nginx&) = delete;
  Nginx& operator=(const Nginx&) = delete;

  const std::string& socket() const { return socket_; }
  bool listens() const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    socket_.copy(address.sun_path, sizeof address.sun_path - 1);
    const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool ok =
        ::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    ::close(descriptor);
    return ok;
  }

 private:
  std::string socket_;
  pid_t id_ = -1;
};

// What a script may bring to the backend. Each request at most once; those that
// are safe may be said again when a kept connection turns out dead (H-43).
struct Expected {
  std::uint64_t seed = 0;
  Reading reading;
  std::vector<int> seen;
};

std::string query_of(std::string_view target) {
  const std::size_t mark = target.find('?');
  return mark == std::string_view::npos ? std::string() : std::string(target.substr(mark + 1));
}

// A body on GET or HEAD ends at us (H-19).
bool is_same(const Understood& said, const Recorded& seen) {
  const bool dropped = said.method == "GET" || said.method == "HEAD";
  return said.method == seen.method &&
         said.path == flow::decoded(seen.target.substr(0, seen.target.find('?'))) &&
         query_of(said.target) == query_of(seen.target) &&
         (said.host.empty() || said.host == seen.host) &&
         (dropped ? seen.body.empty() : said.body == seen.body);
}

bool claim(std::deque<Expected>& recent, const Recorded& seen) {
  for (auto expected = recent.rbegin(); expected != recent.rend(); ++expected) {
    const std::vector<Understood>& requests = expected->reading.requests;
    for (std::size_t i = 0; i < requests.size(); ++i) {
      const int most = seen.method == "GET" || seen.method == "HEAD" ? 2 : 1;
      if (expected->seen[i] >= most || !is_same(requests[i], seen)) continue;
      ++expected->seen[i];
      return true;
    }
  }
  return false;
}

// How often the access log names each request.
class LogCount {
 public:
  void add(std::string_view lines) {
    rest_ += lines;
    std::size_t begin = 0;
    while (true) {
      const std::size_t end = rest_.find('\n', begin);
      if (end == std::string::npos) break;
      const std::string_view line = std::string_view(rest_).substr(begin, end - begin);
      const std::size_t method = line.find("\"method\":"), version = line.find(",\"http\":");
      const std::size_t host = line.find(",\"host\":"), status = line.find(",\"status\":");
      if (method < version && version < host && host < status && status != line.npos)
        ++counts_[std::string(line.substr(method, version - method)) +
                  std::string(line.substr(host, status - host))];
      begin = end + 1;
    }
    rest_.erase(0, begin);
  }
  static std::string key_of(const Recorded& seen, const std::string& host) {
    return "\"method\":" + json_string_of(seen.method) + ",\"host\":" + json_string_of(host) +
           ",\"path\":" +
           json_string_of(flow::decoded(seen.target.substr(0, seen.target.find('?'))));
  }
  std::size_t of(const std::string& key) const {
    const auto found = counts_.find(key);
    return found == counts_.end() ? 0 : found->second;
  }

 private:
  std::string rest_;
  std::map<std::string, std::size_t> counts_;
};

}  // namespace

TEST_CASE(
    "a server behind a proxy route sees what was sent and logged, and "
    "nothing else",
    "[flow][differential][proxy]") {
  const std::string nginx_path = nginx_binary();
  if (nginx_path.empty()) return test::skip("nginx is not installed");
  const test::TemporaryDirectory directory, nginx_directory;
  Recorder recorder;
  const Nginx nginx(nginx_path, nginx_directory, recorder.port());
  REQUIRE(flow::eventually([&nginx] { return nginx.listens(); }));
  flow::write_site(directory, flow::proxy_route("/**", "unix:" + nginx.socket()));
  flow::Server server(directory.path());
  INFO(server.process().errors());
  REQUIRE(server.port() != 0);

  const char* given = std::getenv("WEIR_SEED");
  const std::uint64_t first = given == nullptr ? 1 : std::strtoull(given, nullptr, 10);
  const std::size_t scripts = given == nullptr ? test::rounds(2'000, 1'000'000) : 1;
  const flow::ScriptPaths paths{"/page", "/sink"};
  std::deque<Expected> recent;  // what was said a moment ago may arrive now
  struct Times {
    std::string hostless;  // its key when the client named no host, and the
                           // route's was forwarded
    std::size_t count = 0;
    bool safe = false;
  };
  std::map<std::string, Times> recorded;
  LogCount logged;
  std::size_t count = 0, with_body = 0;
  const auto look = [&] {
    for (const Recorded& seen : recorder.take()) {
      ++count;
      with_body += seen.body.empty() ? 0 : 1;
      Times& times = recorded[LogCount::key_of(seen, seen.host)];
      times.hostless = LogCount::key_of(seen, {});
      times.safe = seen.method == "GET" || seen.method == "HEAD";
      ++times.count;
      if (claim(recent, seen)) continue;
      FAIL_CHECK("WEIR_SEED=" << recent.back().seed << ", or a little before: nobody sent "
                              << seen.method << ' ' << seen.target << " to " << seen.host
                              << " with " << seen.body.size() << " bytes");
    }
  };
  for (std::uint64_t seed = first; seed < first + scripts; ++seed) {
    Dice dice(seed);
    const std::string script = flow::mutated_script(dice, paths);
    Reading reading = flow::read_strictly(script, {.slashes_below = "/"});
    const std::size_t requests = reading.requests.size();
    const bool ends =
        (reading.end == Reading::End::refused || reading.end == Reading::End::closed) &&
        !reading.expected_continue;
    const bool late = reading.end == Reading::End::maybe_more || reading.expected_continue;
    recent.push_back({seed, std::move(reading), std::vector<int>(requests)});
    if (recent.size() > 256) recent.pop_front();
    flow::WireClient client(server.port());
    REQUIRE(client.is_open());
    const std::size_t enough = ends ? 0 : requests - (late && requests > 0 ? 1 : 0);
    (void)client.converse(script,
                          {.silence_ms = ends || enough > 0 ? 5'000 : 0, .answers = enough});
    look();
    if (seed % 64 == 0) logged.add(server.process().take_output());
  }
  CHECK(server.stop() == 0);
  look();
  logged.add(server.process().take_output());
  for (const auto& [key, times] : recorded) {
    INFO(key);
    const std::size_t lines = logged.of(key) + logged.of(times.hostless);
    CHECK(lines > 0);
    // Said again on a fresh connection it is one request of ours.
    if (!times.safe) CHECK(lines >= times.count);
  }
  if (given != nullptr) return;
  CHECK(count > scripts / 4);
  CHECK(with_body > scripts / 50);
}
