#pragma once
// What the stories need: a site in a directory of its own, the real binary as a child process, and
// a client that sends bytes and reads answers. The child listens on port 0 and says where in its
// log; it is ended by its own process id.

#include "support.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace weir::flow {

// The binary under test: $WEIR.
std::string binary();

struct Ran {
  int code = -1;  // exit code; 128 + number when a signal ended it
  std::string out;
  std::string err;
};
// Runs a command to its end (at most 60 s). `environment` replaces the usual one but for PATH.
Ran run(const std::vector<std::string>& words,
        const std::map<std::string, std::string>& environment = {},
        const std::string& directory = {});
// The same with a program in front: its path, then its arguments. Code -1 when it is not there.
Ran run_program(const std::vector<std::string>& words,
                const std::map<std::string, std::string>& environment = {},
                const std::string& directory = {});

// A child that goes on.
class Process {
 public:
  // `program` instead of the binary under test, when it is given.
  Process(const std::vector<std::string>& words,
          const std::map<std::string, std::string>& environment = {},
          const std::string& program = {});
  ~Process();  // kills what is still there
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // Reads stderr until a line holds `text`; that line, or nothing when the child ended or 20 s
  // passed.
  std::optional<std::string> wait_for_line(std::string_view text);
  void signal(int number);
  int wait();  // its exit code, as in Ran; at most 30 s, then it is killed; its children are gone
  pid_t id() const { return id_; }
  std::string errors();       // stderr so far
  std::string output();       // stdout so far
  std::string take_output();  // and forgets it

 private:
  void read_to_end();

  pid_t id_ = -1;
  int err_ = -1;
  int out_ = -1;
  std::string seen_;
  std::string out_seen_;
  std::size_t looked_ = 0;
};

// `weir serve` on a site, ready to be asked.
class Server {
 public:
  struct Options {
    std::vector<std::string> words = {};  // after `serve`
    std::map<std::string, std::string> environment = {};
    bool admin = true;         // with a loopback admin listener
    std::string program = {};  // instead of the binary under test
    std::string listen = "127.0.0.1:0";
  };
  Server(const std::string& root, Options options);
  explicit Server(const std::string& root) : Server(root, Options{}) {}

  unsigned short port() const { return port_; }
  unsigned short admin_port() const { return admin_port_; }
  Process& process() { return process_; }
  int stop();  // TERM, and its exit code
  void kill();

 private:
  Process process_;
  unsigned short port_ = 0;
  unsigned short admin_port_ = 0;
};

struct Answer {
  int status = 0;    // 0 = the connection ended before an answer
  std::string head;  // with the status line
  std::string body;
  // The value of the first field of that name (any case); empty when there is none.
  std::string field(std::string_view name) const;
  bool has(std::string_view name) const;
};

// One keep-alive connection to 127.0.0.1.
class Connection {
 public:
  explicit Connection(unsigned short port);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool is_open() const { return socket_ >= 0; }
  void send(std::string_view bytes);
  // Reads one answer (by Content-Length, chunks, or to the end). `no_body` for answers to HEAD.
  enum class Body { yes, no };
  Answer receive(Body body = Body::yes);
  // Bytes as they come, until `text` was seen or 10 s passed; everything read so far.
  std::string receive_until(std::string_view text);
  void shut();               // our sending side
  bool is_closed_by_peer();  // waits up to 5 s for the end

  Answer get(std::string_view path, std::string_view more_fields = {});
  Answer request(std::string_view method, std::string_view path, std::string_view fields,
                 std::string_view body);

 private:
  bool fill();
  int socket_ = -1;
  std::string buffer_;
};

// On a connection of its own.
Answer get(unsigned short port, std::string_view path, std::string_view more_fields = {});
Answer post(unsigned short port, std::string_view path, std::string_view body,
            std::string_view more_fields = {});

// A small site: home, two posts with tags, a page that expires every 2 s and shows data/now.txt.
void write_site(const test::TemporaryDirectory& directory, std::string_view more_config = {});

void pause_20ms();
// A port that nobody has, below those that the kernel gives to who asks for any: only a fixed one
// can be told to a process that starts later.
unsigned short free_port();

// Calls `look` every 20 ms until it is true or `seconds` passed.
template <class F>
bool eventually(F look, int seconds = 10) {
  for (int round = 0; round < seconds * 50; ++round) {
    if (look()) return true;
    pause_20ms();
  }
  return false;
}

}  // namespace weir::flow
