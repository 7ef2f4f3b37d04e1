#include "server.h"

#include "base/bytes.h"
#include "base/must.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <random>
#include <utility>

namespace weir::flow {
namespace {

using Steady = std::chrono::steady_clock;

int milliseconds_until(Steady::time_point end) {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(end - Steady::now()).count();
  return left < 0 ? 0 : static_cast<int>(left);
}

// Everything that can be read now. False = the other end is closed.
bool drain(int descriptor, std::string& into) {
  char bytes[16 * 1024];
  while (true) {
    const ssize_t count = ::read(descriptor, bytes, sizeof bytes);
    if (count > 0) {
      into.append(bytes, static_cast<std::size_t>(count));
    } else {
      return count < 0 && (errno == EAGAIN || errno == EINTR);
    }
  }
}

struct Child {
  pid_t id;
  int out;
  int err;
};

Child start(const std::vector<std::string>& words,
            const std::map<std::string, std::string>& environment, const std::string& directory) {
  int out[2], err[2];
  MUST(::pipe2(out, O_CLOEXEC) == 0);
  MUST(::pipe2(err, O_CLOEXEC) == 0);
  std::vector<std::string> variables;
  for (const char* name : {"PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "TMPDIR"}) {
    if (const char* value = std::getenv(name)) variables.push_back(std::string(name) + "=" + value);
  }
  for (const auto& [name, value] : environment) variables.push_back(name + "=" + value);
  std::vector<char*> arguments, pointers;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  for (const std::string& variable : variables)
    pointers.push_back(const_cast<char*>(variable.c_str()));
  arguments.push_back(nullptr);
  pointers.push_back(nullptr);
  const pid_t id = ::fork();
  MUST(id >= 0);
  if (id == 0) {
    ::dup2(out[1], 1);
    ::dup2(err[1], 2);
    if (!directory.empty() && ::chdir(directory.c_str()) != 0) ::_exit(126);
    ::execve(arguments[0], arguments.data(), pointers.data());
    ::_exit(127);
  }
  ::close(out[1]);
  ::close(err[1]);
  ::fcntl(out[0], F_SETFL, O_NONBLOCK);
  ::fcntl(err[0], F_SETFL, O_NONBLOCK);
  return {id, out[0], err[0]};
}

int code_of(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

}  // namespace

std::string binary() {
  const char* set = std::getenv("WEIR");
  const std::string path = set == nullptr ? "build/weir" : set;
  if (path.front() == '/') return path;
  char here[4096];
  MUST(::getcwd(here, sizeof here) != nullptr);
  return std::string(here) + "/" + path;
}

void pause_20ms() { ::usleep(20'000); }

unsigned short free_port() {
  static std::minstd_rand random(static_cast<unsigned>(::getpid()));
  for (;;) {
    const auto port = static_cast<unsigned short>(10'000 + random() % 20'000);
    const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    MUST(probe >= 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    const bool is_free =
        ::bind(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    ::close(probe);
    if (is_free) return port;
  }
}

Ran run(const std::vector<std::string>& words,
        const std::map<std::string, std::string>& environment, const std::string& directory) {
  std::vector<std::string> all{binary()};
  all.insert(all.end(), words.begin(), words.end());
  return run_program(all, environment, directory);
}

Ran run_program(const std::vector<std::string>& words,
                const std::map<std::string, std::string>& environment,
                const std::string& directory) {
  Ran ran;
  if (::access(words.front().c_str(), X_OK) != 0) return ran;
  const Child child = start(words, environment, directory);
  const auto end = Steady::now() + std::chrono::seconds(60);
  bool out_open = true, err_open = true;
  while (out_open || err_open) {
    pollfd ready[2]{{out_open ? child.out : -1, POLLIN, 0}, {err_open ? child.err : -1, POLLIN, 0}};
    if (::poll(ready, 2, milliseconds_until(end)) == 0) {
      ::kill(child.id, SIGKILL);
      break;
    }
    if (ready[0].revents != 0) out_open = drain(child.out, ran.out);
    if (ready[1].revents != 0) err_open = drain(child.err, ran.err);
  }
  int status = 0;
  ::waitpid(child.id, &status, 0);
  ::close(child.out);
  ::close(child.err);
  ran.code = code_of(status);
  return ran;
}

Process::Process(const std::vector<std::string>& words,
                 const std::map<std::string, std::string>& environment,
                 const std::string& program) {
  std::vector<std::string> all{program.empty() ? binary() : program};
  all.insert(all.end(), words.begin(), words.end());
  const Child child = start(all, environment, {});
  id_ = child.id;
  out_ = child.out;
  err_ = child.err;
}

Process::~Process() {
  if (id_ > 0) {
    ::kill(id_, SIGKILL);
    ::waitpid(id_, nullptr, 0);
    read_to_end();
  }
  ::close(out_);
  ::close(err_);
}

std::optional<std::string> Process::wait_for_line(std::string_view text) {
  const auto end = Steady::now() + std::chrono::seconds(20);
  bool open = true;
  while (true) {
    std::size_t newline;
    while ((newline = seen_.find('\n', looked_)) != std::string::npos) {
      const std::string line = seen_.substr(looked_, newline - looked_);
      looked_ = newline + 1;
      if (line.find(text) != std::string::npos) return line;
    }
    if (!open || milliseconds_until(end) == 0) return std::nullopt;
    pollfd ready[2]{{err_, POLLIN, 0}, {out_, POLLIN, 0}};
    ::poll(ready, 2, std::min(milliseconds_until(end), 200));
    open = drain(err_, seen_);
    drain(out_, out_seen_);
  }
}

std::string Process::output() {
  drain(out_, out_seen_);
  return out_seen_;
}

std::string Process::take_output() {
  drain(out_, out_seen_);
  return std::exchange(out_seen_, {});
}

void Process::signal(int number) {
  if (id_ > 0) ::kill(id_, number);
}

int Process::wait() {
  const auto end = Steady::now() + std::chrono::seconds(30);
  int status = 0;
  while (id_ > 0 && ::waitpid(id_, &status, WNOHANG) == 0) {
    drain(err_, seen_);  // a full pipe would keep it from ending
    drain(out_, out_seen_);
    if (milliseconds_until(end) == 0) {
      ::kill(id_, SIGKILL);
      ::waitpid(id_, &status, 0);
      break;
    }
    ::usleep(5'000);
  }
  read_to_end();
  id_ = -1;
  return code_of(status);
}

// What a killed launcher leaves is killed by the kernel in its own time, and holds sockets and
// locks until then: it is gone when nobody can write to the pipe any more.
void Process::read_to_end() {
  const auto end = Steady::now() + std::chrono::seconds(30);
  for (bool open = true; open && milliseconds_until(end) > 0;) {
    pollfd ready{err_, POLLIN, 0};
    ::poll(&ready, 1, std::min(milliseconds_until(end), 100));
    open = drain(err_, seen_);
    drain(out_, out_seen_);
  }
  drain(out_, out_seen_);
}

std::string Process::errors() {
  drain(err_, seen_);
  return seen_;
}

namespace {

std::vector<std::string> serve_words(const std::string& root, const Server::Options& options) {
  std::vector<std::string> words{"--root", root, "serve", "--listen", options.listen};
  if (options.admin) words.insert(words.end(), {"--admin", "127.0.0.1:0"});
  words.insert(words.end(), options.words.begin(), options.words.end());
  return words;
}

unsigned short port_in(const std::string& line) {
  const std::size_t at = line.find("127.0.0.1:");
  MUST(at != std::string::npos);
  return static_cast<unsigned short>(std::atoi(line.c_str() + at + 10));
}

}  // namespace

Server::Server(const std::string& root, Options options)
    : process_(serve_words(root, options), options.environment, options.program) {
  const auto line = process_.wait_for_line("\"event\":\"listening\"");
  if (!line) return;  // the story finds port 0 and shows errors()
  port_ = port_in(*line);
  if (!options.admin) return;
  if (const auto admin = process_.wait_for_line("\"event\":\"listening\""))
    admin_port_ = port_in(*admin);
}

int Server::stop() {
  process_.signal(SIGTERM);
  return process_.wait();
}

void Server::kill() {
  process_.signal(SIGKILL);
  process_.wait();
}

std::string Answer::field(std::string_view name) const {
  std::size_t at = head.find("\r\n");
  while (at != std::string::npos && at + 2 < head.size()) {
    const std::size_t end = head.find("\r\n", at + 2);
    const std::string_view line = std::string_view(head).substr(at + 2, end - at - 2);
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos && equals_ignoring_case(line.substr(0, colon), name))
      return std::string(trim(line.substr(colon + 1)));
    at = end;
  }
  return {};
}

bool Answer::has(std::string_view name) const {
  return lower_of(head).find("\r\n" + lower_of(name) + ":") != std::string::npos;
}

Connection::Connection(unsigned short port) {
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  MUST(socket_ >= 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    ::close(socket_);
    socket_ = -1;
  }
}

Connection::~Connection() {
  if (socket_ >= 0) ::close(socket_);
}

void Connection::send(std::string_view bytes) {
  while (socket_ >= 0 && !bytes.empty()) {
    const ssize_t count = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

void Connection::shut() {
  if (socket_ >= 0) ::shutdown(socket_, SHUT_WR);
}

bool Connection::fill() {
  if (socket_ < 0) return false;
  pollfd ready{socket_, POLLIN, 0};
  if (::poll(&ready, 1, 20'000) <= 0) return false;
  char bytes[64 * 1024];
  const ssize_t count = ::recv(socket_, bytes, sizeof bytes, 0);
  if (count <= 0) return false;
  buffer_.append(bytes, static_cast<std::size_t>(count));
  return true;
}

Answer Connection::receive(Body body) {
  Answer answer;
  std::size_t end;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (!fill()) return answer;
  }
  answer.head = buffer_.substr(0, end + 2);
  buffer_.erase(0, end + 4);
  answer.status = std::atoi(answer.head.c_str() + answer.head.find(' ') + 1);
  if (answer.status == 100) return receive(body);
  const bool has_none = answer.status < 200 || answer.status == 204 || answer.status == 304;
  if (body == Body::no || has_none) return answer;
  if (answer.field("transfer-encoding") == "chunked") {
    while (true) {
      while (buffer_.find("\r\n") == std::string::npos) {
        if (!fill()) return answer;
      }
      const std::size_t count = std::strtoul(buffer_.c_str(), nullptr, 16);
      buffer_.erase(0, buffer_.find("\r\n") + 2);
      while (buffer_.size() < count + 2) {
        if (!fill()) return answer;
      }
      answer.body += buffer_.substr(0, count);
      buffer_.erase(0, count + 2);
      if (count == 0) return answer;
    }
  }
  if (answer.has("content-length")) {
    const std::size_t count = std::strtoul(answer.field("content-length").c_str(), nullptr, 10);
    while (buffer_.size() < count && fill()) {
    }
    answer.body = buffer_.substr(0, count);
    buffer_.erase(0, std::min(count, buffer_.size()));
    return answer;
  }
  while (fill()) {
  }
  answer.body = std::move(buffer_);
  buffer_.clear();
  return answer;
}

std::string Connection::receive_until(std::string_view text) {
  while (buffer_.find(text) == std::string::npos && fill()) {
  }
  return buffer_;
}

bool Connection::is_closed_by_peer() {
  pollfd ready{socket_, POLLIN, 0};
  while (::poll(&ready, 1, 5'000) == 1) {
    char byte;
    if (::recv(socket_, &byte, 1, 0) <= 0) return true;
  }
  return false;
}

Answer Connection::request(std::string_view method, std::string_view path, std::string_view fields,
                           std::string_view body) {
  std::string bytes(method);
  bytes += ' ';
  bytes += path;
  bytes += " HTTP/1.1\r\nHost: localhost\r\n";
  bytes += fields;
  if (!body.empty() || method == "POST" || method == "PUT")
    bytes += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  bytes += "\r\n";
  bytes += body;
  send(bytes);
  return receive(method == "HEAD" ? Body::no : Body::yes);
}

Answer Connection::get(std::string_view path, std::string_view more_fields) {
  return request("GET", path, more_fields, {});
}

Answer get(unsigned short port, std::string_view path, std::string_view more_fields) {
  return Connection(port).get(path, more_fields);
}

Answer post(unsigned short port, std::string_view path, std::string_view body,
            std::string_view more_fields) {
  return Connection(port).request("POST", path, more_fields, body);
}

void write_site(const test::TemporaryDirectory& directory, std::string_view more_config) {
  directory.write("weir.toml",
                  "base_url = \"https://example.com\"\ntitle = \"Flow\"\ntaxonomies = [{ name = "
                  "\"tags\" }]\n\n" +
                      std::string(more_config));
  directory.write("content/_index.md", "+++\ntitle = \"Home\"\n+++\nWelcome home.\n");
  directory.write("content/blog/_index.md", "+++\ntitle = \"Blog\"\nsort_by = \"date\"\n+++\n");
  directory.write("content/blog/one.md",
                  "+++\ntitle = \"One\"\ndate = 2026-01-01\naliases = "
                  "[\"/old-one/\"]\n[taxonomies]\ntags = [\"rivers\"]\n+++\nThe first post.\n");
  directory.write("content/blog/two.md",
                  "+++\ntitle = \"Two\"\ndate = 2026-01-02\n[taxonomies]\ntags = "
                  "[\"rivers\"]\n+++\nThe second post.\n");
  directory.write("content/live.md",
                  "+++\ntitle = \"Live\"\ntemplate = \"live.html\"\n[extra.cache]\nttl = "
                  "\"2s\"\nswr = \"1h\"\ntags = [\"gauge\"]\n+++\nLive.\n");
  directory.write("templates/live.html",
                  "<!doctype html><title>{{ page.title }}</title><p>rendered {{ "
                  "now(timestamp=true) }} {{ get_random(start=0, end=1000000000) }}</p>\n");
  directory.write("static/app.3f2a91bc.js", "console.log('hashed');\n");
  directory.write("static/robots-note.txt", "0123456789abcdefghijklmnopqrstuvwxyz\n");
}

}  // namespace weir::flow
