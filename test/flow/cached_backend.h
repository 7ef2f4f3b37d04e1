#pragma once
// A server behind a proxy route that keeps answers: it counts what it is asked for, answers what
// the story says, and waits at a gate while the story wants it to.

#include "backend.h"

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace weir::flow {

// What the server heard of one request.
struct Question {
  std::string method, target, head, body;
  std::size_t number = 0;  // of the requests for this target, from 1
  std::string field(std::string_view name) const { return Answer{0, head, {}}.field(name); }
};

class CachedBackend {
 public:
  // The whole answer; empty = the connection is closed without one.
  using Reply = std::function<std::string(const Question&)>;
  explicit CachedBackend(Reply reply) : reply_(std::move(reply)), backend_(play()) {}
  ~CachedBackend() { open_gate(); }

  std::string url() const { return backend_.url(); }
  std::size_t asked(std::string_view target) const {
    const std::lock_guard lock(mutex_);
    const auto found = counts_.find(std::string(target));
    return found == counts_.end() ? 0 : found->second;
  }
  std::vector<Question> questions() const {
    const std::lock_guard lock(mutex_);
    return questions_;
  }
  Question last(std::string_view target) const {
    const std::lock_guard lock(mutex_);
    for (auto one = questions_.rbegin(); one != questions_.rend(); ++one)
      if (one->target == target) return *one;
    return {};
  }
  // Requests are heard and counted, but not answered until the gate is open again.
  void close_gate() {
    const std::lock_guard lock(mutex_);
    is_open_ = false;
  }
  void open_gate() {
    const std::lock_guard lock(mutex_);
    is_open_ = true;
    opened_.notify_all();
  }

 private:
  Backend::Play play() {
    return [this](Talk& talk) {
      for (std::string head = talk.hear_head(); !head.empty(); head = talk.hear_head()) {
        Question question;
        question.head = head;
        question.body = talk.hear_body(head);
        const std::size_t blank = head.find(' ');
        question.method = head.substr(0, blank);
        question.target = head.substr(blank + 1, head.find(' ', blank + 1) - blank - 1);
        {
          std::unique_lock lock(mutex_);
          question.number = ++counts_[question.target];
          questions_.push_back(question);
          opened_.wait(lock, [this] { return is_open_; });
        }
        const std::string answer = reply_(question);
        if (answer.empty() || !talk.say(answer)) return;
      }
    };
  }

  Reply reply_;
  mutable std::mutex mutex_;
  std::condition_variable opened_;
  bool is_open_ = true;
  std::map<std::string, std::size_t> counts_;
  std::vector<Question> questions_;
  Backend backend_;  // the last one, so that it ends before what its threads use
};

// "HTTP/1.1 STATUS x", `fields` (whole lines), Content-Length and, unless it is to a HEAD, `body`.
inline std::string reply(int status, std::string_view fields, std::string_view body,
                         std::string_view method = "GET") {
  std::string out = "HTTP/1.1 " + std::to_string(status) + " x\r\n";
  out.append(fields);
  if (status != 304) out += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  out += "\r\n";
  if (method != "HEAD" && status != 304) out += body;
  return out;
}

// A backend and weir in front of it; `profile` is "guarded" or "rfc9111".
struct CachedSite {
  CachedSite(std::string_view profile, CachedBackend::Reply reply, std::string_view more_cache = {})
      : backend(std::move(reply)) {
    write_site(directory,
               "\n[upstream.app]\nservers = [\"" + backend.url() + "\"]\nbreaker = \"off\"\n" +
                   proxy_route("/**", "app", {},
                               "stages = []\ncache = { profile = \"" + std::string(profile) + "\"" +
                                   std::string(more_cache) + " }"));
    server = std::make_unique<Server>(directory.path());
  }
  ~CachedSite() { backend.open_gate(); }
  unsigned short port() const { return server->port(); }
  Answer get(std::string_view path, std::string_view fields = {}) const {
    return flow::get(port(), path, fields);
  }

  CachedBackend backend;
  test::TemporaryDirectory directory;
  std::unique_ptr<Server> server;
};

}  // namespace weir::flow
