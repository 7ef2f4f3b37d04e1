#pragma once
// The endpoints below /_weir/ (experience, section 13), one row each in control.cpp.
//
//   public    healthz readyz problems/{slug} dictionary/{name}; purge and revalidate[/{hook}] when
//             a secret is configured, signed
//   nodes     purges fill, when they share a secret, signed
//   admin     metrics entry purge/{seq} deliveries releases config, and purge and revalidate
//             without a signature
//
// Admin endpoints answer only on the admin socket and on admin listeners; elsewhere they are 404,
// also for a loopback peer. What blocks (purge, adoption of a release) runs on a worker. One per
// loop.

#include "edge/config.h"
#include "edge/delivery_log.h"
#include "edge/entry_describer.h"
#include "edge/fill_lease.h"
#include "edge/hook_senders.h"
#include "edge/metrics.h"
#include "edge/proxy_cache.h"
#include "edge/purge_feed.h"
#include "edge/visit.h"
#include "edge/webhook_limits.h"

#include "base/worker_pool.h"
#include "cache/page_cache.h"
#include "http/server.h"
#include "store/store.h"
#include "sync/service.h"

#include <atomic>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::edge {

// What Request::listener_tag says.
// hand_over: a Unix socket beside the store, for a server that this one has replaced: what it takes
// over was asked on an open listener of the other, and X-Forwarded-For says by whom.
enum class ListenerKind : int {
  open = 0,
  admin_socket,
  admin,
  admin_with_token,
  redirect,
  hand_over
};

// What became of a reload. `reason` empty = the new configuration is in use.
struct Reloaded {
  std::string reason;
  std::vector<std::string> needs_upgrade;  // changed settings that the process does not take
};

// Shared by all loops; everything in it outlives them. What a reload replaces is in Tables instead.
struct ControlParts {
  cache::PageCache& cache;
  store::Store& store;
  WorkerPool& workers;
  sync::SyncService* sync = nullptr;  // null = no [data]
  const Clock& clock;
  Log& log;
  DeliveryLog& deliveries;
  WebhookLimits& webhook_limits;
  PurgeFeed& purge_feed;
  const std::atomic<bool>& draining;
  std::function<http::Counters()> engine_counters;
  std::function<std::vector<const Counters*>()> loop_counters;
  std::function<std::vector<std::pair<std::string, Nanos>>()>
      key_ages;  // per [auth.*], of fetched keys
  // Reads the configuration again and takes it when it is good. Blocks: for workers only.
  std::function<Reloaded()> reload;
  std::function<std::string()> kept;  // why the last reload kept the old one; empty = it did not
  std::function<std::vector<std::string>()> certificate_notes = {};
  std::function<std::vector<CertificateAge>()> certificates = {};
  std::function<std::vector<UpstreamRow>()> upstreams = {};
  std::function<std::vector<PeerRow>()> peers = {};
  const cache::AnswerCache* answers = nullptr;
  FillLease* lease = nullptr;  // null = each node asks for itself
  const cache::AnswerDisk* answer_disk = nullptr;
  const cache::AnswerPolisher* answer_polisher = nullptr;
  std::vector<EntryDescriber*> describers = {};  // asked in turn; the first that knows answers
};

class Control {
 public:
  // Copies of other servers' answers, for another node that asks.
  using AnswerFiller =
      std::function<void(const FillQuestion::AnswerAsked& asked, ProxyCache::CopyReady ready)>;
  // And what another node says is not right any more.
  using AnswerDropper = std::function<void(const std::string& key)>;
  Control(const ControlParts& parts, AnswerFiller answer_filler, AnswerDropper answer_dropper)
      : parts_(parts),
        answer_filler_(std::move(answer_filler)),
        answer_dropper_(std::move(answer_dropper)) {}

  // For a path below /_weir. `kind` is of the listener.
  void answer(Visit& visit, ListenerKind kind);

 private:
  friend struct ControlRow;
  void healthz(Visit& visit, std::string_view rest);
  void readyz(Visit& visit, std::string_view rest);
  void problem(Visit& visit, std::string_view slug);
  void dictionary(Visit& visit, std::string_view name);
  void purge(Visit& visit, std::string_view rest);
  void purges(Visit& visit, std::string_view rest);
  void fill(Visit& visit, std::string_view rest);
  void revalidate(Visit& visit, std::string_view hook);
  void deliveries(Visit& visit, std::string_view rest);
  void metrics(Visit& visit, std::string_view rest);
  void entry(Visit& visit, std::string_view rest);
  void release(Visit& visit, std::string_view rest);
  void config(Visit& visit, std::string_view rest);

  struct Asked;
  struct FillAsked;
  void fill_asked(Visit& visit);
  void fill_answer(const std::shared_ptr<const FillAsked>& asked);
  bool is_admin(Visit& visit, ListenerKind kind);
  void describe_purge(Visit& visit, std::uint64_t seq);
  void send_purges(Visit& visit, std::uint64_t after, std::string id);
  void receive(Visit& visit, Asked asked);
  void received(Visit& visit, const Asked& asked);
  void run_purge(Visit& visit, cache::PurgeRequest request, Delivery delivery);
  Delivery delivery_of(const Visit& visit, const HookSettings& hook) const;

  const ControlParts& parts_;
  const AnswerFiller answer_filler_;
  const AnswerDropper answer_dropper_;
  bool admin_ = false;  // of the request that is being answered
};

}  // namespace weir::edge
