#pragma once
// The inside of a Loop: epoll, accepting, timers, posted work, and the pools of its connections and
// exchanges.
//
// One turn: wait; read the time once; work through the fetched events; run what was posted; let
// waiting connections go on; then expire deadlines; and only then free what was closed (wire H-3:
// an event that was fetched is never dropped, and never meets a freed object).

#include "base/file.h"
#include "http/connection.h"
#include "http/engine.h"
#include "http/head_parser.h"
#include "http/loop.h"
#include "http/output.h"
#include "http/slab.h"
#include "http/timer_wheel.h"

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace weir::http {

struct Listener : Source {
  Listener() : Source(Source::Kind::listener) {}
  Descriptor descriptor;
  const ListenerSettings* settings = nullptr;
};

// A descriptor that somebody watches. Outlives its watcher until the batch is over, because an
// event for it may have been fetched already.
struct Watched : Source {
  Watched(int number, Watcher& who) : Source(Kind::watch), descriptor(number), watcher(&who) {}
  const int descriptor;
  Watcher* watcher;  // null = unwatched
};

struct LoopCore {
  LoopCore(Engine& engine, std::size_t index);
  ~LoopCore();
  LoopCore(const LoopCore&) = delete;
  LoopCore& operator=(const LoopCore&) = delete;

  Status open();  // epoll, the wake descriptor, the reserve
  void listen(Descriptor descriptor, const ListenerSettings& settings);
  void run();   // on the loop's own thread, until the drain ends
  void wake();  // any thread, async-signal-safe
  // The steps of `run`, for the fuzz targets, which have a thread less than a server.
  void turn();
  void admit(int descriptor, const Peer& peer, const Listener& listener);

  // --- for connections and exchanges ---
  Exchange& take_exchange();
  Exchange* find_exchange(ExchangeId id);
  // Where a request came from, and what became of the head that `head` holds (loop_requests.cpp).
  struct Origin {
    Carrier& carrier;
    const Peer& peer;
    TlsSession* tls;  // null = plain
    int listener_tag;
  };
  struct Begun {
    Exchange& exchange;
    const char* path_refusal;  // null = the path could be decoded
    bool expectation_unknown;
  };
  Begun begin_exchange(const Origin& origin, const char* bytes, std::size_t count);
  static void drop_useless_body(Request& request);
  bool answer_at_the_door(const Begun& begun);     // true: no handler is needed
  bool charge_bodies(std::size_t bytes);           // false: the process holds too many
  void finish(Exchange& exchange, Ending ending);  // on_finished follows when control is back here
  void resume_later(Connection& connection);
  void doom(Connection& connection);  // freed behind the batch
  void shed();                        // idle connections and kept buffers: memory is short
  // A trusted proxy has said for whom it connects; the client counts from here on.
  void know_client(Connection& connection, const Peer& client);
  void refuse_proxy(const Peer& peer, std::string_view reason);  // to the log, once a second
  bool crowded() const { return crowded_; }
  bool stopping() const { return stopping_; }
  OutputBatch& batch_of(Connection& connection);  // sends another connection's bytes first
  void post(std::function<void()> work);
  Status watch(int descriptor, Watcher& watcher);
  void unwatch(Watcher& watcher);

  Engine& engine;
  Loop loop;
  const std::size_t index;
  const HeadRules rules;
  LoopCounters counters;
  Mono now;
  Wall wall;
  std::array<char, 29> date;

  TimerWheel wheel;
  std::unique_ptr<Handler> handler;
  Head head;  // scratch of the parser
  std::unique_ptr<char[]>
      read_buffer;  // limits::read_buffer_bytes, and room for what a TLS record held back
  std::unique_ptr<char[]> cipher_buffer;
  std::string cipher_out;
  OutputBatch batch;
  std::shared_ptr<void> http2_tools;  // of http2_session.cpp, made by the first session
  Connection* working = nullptr;      // whose input is being worked through
  std::size_t work_rest = 0;          // bytes of it that were not looked at yet

  using TimerKey = std::pair<std::int64_t, std::uint64_t>;
  std::map<TimerKey, std::function<void()>> timers;
  std::uint64_t timer_serial = 0;

 private:
  template <class F>
  void within_memory(Connection* connection, F work);
  void out_of_memory(Connection* connection);
  int timeout_ms() const;
  void read_time();
  void accept_from(Listener& listener);
  bool may_greet(const Peer& peer, const ListenerSettings& listener);
  void turn_away(Connection& connection, int status, std::string_view detail);
  void spend_reserve(Listener& listener);
  bool listen_for(std::uint32_t wanted);  // false: the kernel refused for one of them
  void resume_listeners();
  bool make_room();
  void watch_crowding();
  void run_posted();
  void settle();  // on_finished of what ended
  void resume_all();
  void run_timers();
  void bury();
  void begin_drain();
  void cut_all();

  Descriptor epoll_;
  Descriptor wake_;
  Descriptor reserve_;  // given up for a moment to answer 503 when descriptors run out
  Source wake_source_{Source::Kind::wake};
  std::vector<std::unique_ptr<Listener>> listeners_;
  Slab<Connection> connections_;
  std::vector<std::unique_ptr<Exchange>> exchanges_;
  std::vector<std::uint32_t> free_exchanges_;
  std::vector<Exchange*> finished_;
  std::vector<Connection*> resumable_;
  std::vector<Connection*> doomed_;
  std::vector<std::unique_ptr<Watched>> unwatched_;
  std::size_t turned_away_ = 0;  // connections that only linger behind a refusal

  // The oldest idle connections, oldest last, as of the last look at all of them.
  struct IdleCandidate {
    Connection* connection;
    std::uint32_t serial;
    Mono since;
  };
  std::vector<IdleCandidate> oldest_idle_;
  Mono none_idle_until_;  // a look found nobody: not again in the next moment

  Mono proxy_complained_;
  std::uint64_t proxy_unsaid_ = 0;  // refusals since then

  std::mutex posted_mutex_;
  std::vector<std::function<void()>> posted_;
  std::vector<std::function<void()>> running_posts_;

  bool crowded_ = false;
  bool stopping_ = false;
  bool ended_ = false;
  Mono drain_until_;
  std::int64_t drain_ns_ = 0;
  Mono next_date_;
  bool listeners_paused_ = false;
  friend class Connection;
};

}  // namespace weir::http
