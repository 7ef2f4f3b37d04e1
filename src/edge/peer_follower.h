#pragma once
// Follows what other nodes purge: asks each of them again and again for what came behind the last
// position, applies it here, syncs, and keeps the position on disk (cache C-58).
//
//   - What was acknowledged on another node is applied here as soon as this node hears it; a node
//     that was down goes on where it stopped, or takes everything when the other's store is new.
//   - A position is written after what it stands for is synced: a crash in between repeats.
//   - Purges that were learnt are not told on: every node names all others.
//   - While one of them was not heard for `max_lag` (also before it was heard first) this node is
//     cut off: `cut_off(true)` is called, once, and `cut_off(false)` when all are heard again.
//   - The list may name this node, too. That is known from its first answer on, also after a
//     restart, and then it neither waits for itself nor is cut off from itself.
//
// One thread per peer; at most limits::peers_max. `end` returns after at most one call of a peer
// (limits::peer_call_max).

#include "edge/secret.h"

#include "base/clock.h"
#include "base/guarded.h"
#include "base/limits_invalidation.h"
#include "base/log.h"
#include "cache/purge.h"
#include "store/store.h"

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace weir::edge {

struct PeerSettings {
  std::vector<std::string> urls;  // "http://10.0.0.2:8080"
  std::vector<Secret> secrets;    // the first signs, each may have signed
  Nanos max_lag{0};
  std::string positions_file;
  std::string node;  // our own; a peer that has answered by that name is ourselves
};

class PeerFollower {
 public:
  struct Parts {
    std::function<Status(store::PurgeRecord)> apply;  // durable when it returns
    std::function<void(bool)> cut_off;
    const Clock& clock;
    Log& log;
    std::function<void()> advanced = {};  // a position has moved; any thread
    std::function<void(const cache::PurgeRequest&)> refresh = {};  // make again what it names
  };
  // Calls cut_off(true) at once when there are others.
  PeerFollower(PeerSettings settings, Parts parts);
  ~PeerFollower();
  PeerFollower(const PeerFollower&) = delete;
  PeerFollower& operator=(const PeerFollower&) = delete;

  void start();
  bool await_contact(Nanos at_most);  // true = every other node was heard
  void end();
  void tick();  // every 100 ms or so, any one thread

  struct Row {
    std::string url, node, error;
    std::uint64_t after = 0;
    std::optional<Nanos> silent = {};  // nullopt = never heard
    // What is being applied: visible here before `after` says that it is synced. Else as those.
    std::string coming_node = {};
    std::uint64_t coming = 0;
  };
  std::vector<Row> rows() const;

 private:
  struct Position {
    std::string node;
    std::uint64_t after = 0;
  };
  struct Peer {
    Position position;
    Position coming;
    std::optional<Mono> heard;
    std::string error;
  };
  struct State {
    std::map<std::string, Peer> peers;
    bool is_cut_off = false;
  };
  bool is_ourselves(const Peer& peer) const { return peer.position.node == settings_.node; }
  void follow(const std::string& url);
  Status ask(const std::string& url, bool waits);
  Status keep_position(const std::string& url, Position position);
  void heard(const std::string& url);
  void judge();

  const PeerSettings settings_;
  const Parts parts_;
  Guarded<State> state_;
  std::mutex positions_;  // one writer of the file
  std::mutex judging_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace weir::edge
