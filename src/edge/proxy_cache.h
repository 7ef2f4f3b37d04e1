#pragma once
// What stands between the requests to a proxy route and its server: answers are kept and used again
// (RFC 9111, cache.md sections 1 to 6), and whoever needs the same answer waits for one request.
//
// A client's request is looked up, and then either answered from the store, or it joins the flight
// that fetches the answer. A fetch (proxy_fetch.h) belongs to no client: it goes on when the one
// who caused it leaves. Only an answer that must not be shared is bound to the client it is for.
//
// One per loop; loop thread. The AnswerCache is shared by all loops.

#include "edge/fill_lease.h"
#include "edge/proxy_ask.h"
#include "edge/proxy_fetch.h"
#include "edge/proxy_request.h"

#include "base/limits_cache.h"
#include "base/worker_pool.h"
#include "cache/answer_cache.h"
#include "cache/answer_disk.h"
#include "cache/answer_polish.h"
#include "http/upstream.h"

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

namespace weir::edge {

class ProxyNote;

class ProxyCache {
 public:
  // All must outlive it.
  struct Parts {
    LoopState& state;
    http::UpstreamClient& client;
    ProxyComposer& composer;
    cache::AnswerCache& answers;
    // Passes the request on as it is, and its answer back; nothing is kept.
    std::function<void(ProxyAsk& ask, const ProxyRoute& route)> pass;
    // What carries one of these tags is not served again.
    std::function<void(std::vector<std::string> tags)> purge;
    WorkerPool* workers = nullptr;      // for codings and the disk; null = neither
    cache::AnswerDisk* disk = nullptr;  // null = answers live in memory only
    FillLease* lease = nullptr;         // null = every node asks for itself
    cache::AnswerPolisher* polisher = nullptr;
  };
  explicit ProxyCache(const Parts& parts);
  ~ProxyCache();  // ends all fetches

  // A request to a route that keeps answers. What is none for the cache is passed on.
  void answer(ProxyAsk& ask, const ProxyRoute& route);
  // An unsafe request has succeeded: what is stored of its target, and of what its answer names,
  // goes (RFC 9111 4.4; RFC 9875 for groups).
  void invalidate(const ProxyAsk& ask, const http::AnswerHead& head);
  // The client has left, or has its answer.
  void finished(ProxyAsk& ask);

  // Asks anew for what is stored, behind everybody's back. Nothing happens while somebody does, or
  // while limits::answer_refreshes_max are under way on this loop: the next hit tries again (C-19).
  // Nor when it has been done since the caller looked (`seen`).
  void refresh(const std::shared_ptr<const cache::Answer>& old, const ProxyRoute& route,
               std::uint64_t seen);
  // The same for a purge: `ready` is told, once and on any thread, whether an answer that was asked
  // for after this call is there. It waits for its turn.
  void refresh(const std::shared_ptr<const cache::Answer>& old,
               std::shared_ptr<const ProxyRoute> route, std::function<void(bool)> ready);
  // What another node asks for: a copy that is fresh here, or will be (C-18). `ready` is told once,
  // on this loop; without a copy it is told why, in a word.
  using CopyReady =
      std::function<void(const std::shared_ptr<const cache::Answer>&, std::string_view why)>;
  void fill(const FillQuestion::AnswerAsked& asked, std::shared_ptr<const ProxyRoute> route,
            CopyReady ready);
  // Another node tells that the answer at a key is not right any more: if it is here, all hear it.
  void dropped_elsewhere(const std::string& key) {
    if (knows(key)) drop(key);
  }

 private:
  friend struct ProxyFetch;
  struct Look;
  struct Turn;
  std::string base_of(const http::Request& request) const;
  ProxyAsk* find_ask(const http::ExchangeId& id) const;  // null: its client has left
  Look look(const ProxyAsk& ask, const ProxyRoute& route);
  void pass(ProxyAsk& ask, const ProxyRoute& route, std::string_view why);
  void send(ProxyAsk& ask, const ProxyRoute& route, const Look& found);
  void send_old(ProxyAsk& ask, const std::shared_ptr<const cache::Answer>& old,
                std::string_view detail);
  void wait(ProxyAsk& ask, const ProxyRoute& route, const Look& found);
  void begin(ProxyAsk& ask, const ProxyRoute& route, const Look& found);
  void refresh_behind(ProxyAsk& ask, const ProxyRoute& route, const Look& found);
  ProxyFetch& fetch_for(const ProxyAsk& ask, const ProxyRoute& route, const Look& found);
  bool ask_for(ProxyFetch& fetch, ProxyAsk& ask, const ProxyRoute& route);
  void refresh_ahead(const Look& found, const ProxyRoute& route);
  void told(ProxyAsk& ask, const cache::Landing& landing);
  void told_answer(ProxyAsk& ask, const cache::Landing& landing);
  void told_streams(ProxyAsk& ask, const cache::Landing& landing);
  void told_more(ProxyAsk& ask);
  void told_failed(ProxyAsk& ask, const cache::Landing& landing);
  bool fits(const ProxyAsk& ask, const cache::AnswerFacts& facts) const;
  void again(ProxyAsk& ask);     // by itself: what others get is not for it
  void ask_anew(ProxyAsk& ask);  // looked up again: more is known by now
  std::shared_ptr<cache::Flight> begin_refresh(std::string_view key, std::string_view selection,
                                               std::uint64_t seen);
  void ask_for_new(const std::shared_ptr<const cache::Answer>& old, const ProxyRoute& route,
                   std::shared_ptr<cache::Flight> flight);
  void take_turn(const Turn& turn);
  ProxyFetch& add(std::unique_ptr<ProxyFetch> fetch);
  bool send_question(ProxyFetch& fetch);
  void ask_by_ourselves(std::unique_ptr<ProxyFetch> made, const ProxyRoute& route);
  bool compose_again(const ProxyFetch& fetch);
  // --- proxy_lease.cpp
  friend class ProxyLeased;
  friend class ProxyNote;
  bool ask_holder(ProxyFetch& fetch);  // false: this node asks the server
  void tell_holder(const std::string& key);
  struct Errand;
  void run(const std::shared_ptr<Errand>& errand);
  void landed(const std::shared_ptr<Errand>& errand, const cache::Landing& landing);
  void read_on(const std::shared_ptr<Errand>& errand);
  void remove(ProxyFetch& fetch);  // it lives until control has returned to the loop
  void wake(std::uint64_t fetch);
  void code_later(const std::shared_ptr<const cache::Answer>& answer);
  void keep_later(const std::shared_ptr<const cache::Answer>& answer);
  void load(ProxyAsk& ask, const ProxyRoute& route, const Look& found);
  void drop(const std::string& key);
  bool knows(const std::string& key) const;

  LoopState& state_;
  http::UpstreamClient& client_;
  ProxyComposer& composer_;
  cache::AnswerCache& answers_;
  const std::function<void(ProxyAsk& ask, const ProxyRoute& route)> pass_;
  const std::function<void(std::vector<std::string> tags)> purge_;
  WorkerPool* const workers_;
  cache::AnswerDisk* const disk_;
  FillLease* const lease_;
  cache::AnswerPolisher* const polisher_;
  std::minstd_rand chance_;  // of early refreshes
  http::UpstreamOrder order_;
  std::unordered_map<std::uint64_t, std::unique_ptr<ProxyFetch>> fetches_;
  std::vector<std::unique_ptr<ProxyFetch>> ended_;
  std::uint64_t numbers_ = 0;
  std::size_t refreshing_ = 0;
  struct Turn {
    std::shared_ptr<const cache::Answer> old;
    std::shared_ptr<const ProxyRoute> route;
    std::function<void(bool)> ready;
    std::uint64_t since = 0;  // the last purge when it came
  };
  std::vector<std::unique_ptr<ProxyNote>> notes_;                  // to holders, under way
  std::deque<Turn> turns_;                                         // of purges
  std::shared_ptr<bool> is_alive_ = std::make_shared<bool>(true);  // for what was posted
};

}  // namespace weir::edge
