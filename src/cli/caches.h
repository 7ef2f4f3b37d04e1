#pragma once
// What `weir serve` remembers: pages and other servers' answers, and what it and other nodes purge
// and ask for on behalf of each other. Builds these objects and introduces them; says nothing
// itself.
//
// Callable from any thread once it is open. Torn down in three steps, because each of them may
// still call into what comes later: `end_peers`, then `end_tasks`, then the destructor.

#include "cli/site_origin.h"
#include "cli/wiring.h"

#include "base/worker_pool.h"
#include "cache/answer_cache.h"
#include "cache/answer_disk.h"
#include "cache/answer_polish.h"
#include "cache/page_cache.h"
#include "edge/fill_lease.h"
#include "edge/front.h"
#include "edge/peer_follower.h"
#include "edge/purge_feed.h"
#include "edge/shared_origin.h"
#include "site/http_fetcher.h"

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace weir::cli {

class Caches {
 public:
  // All must outlive it.
  struct Parts {
    const edge::Config& config;  // as it was at start
    std::string store_directory;
    std::size_t memory_bytes_max = 0;  // of the process; 0 = no bound is known
    store::Store& store;
    SiteOrigin::TablesNow tables;
    // To the loop whose turn it is. False: it has not begun.
    std::function<bool(std::size_t turn, std::function<void(edge::Front&)> work)> post_to_front;
    WorkerPool& workers;
    const Clock& clock;
    Log& log;
  };
  static Result<std::unique_ptr<Caches>> open(Parts parts);
  ~Caches();
  Caches(const Caches&) = delete;
  Caches& operator=(const Caches&) = delete;

  cache::PageCache& pages() { return *pages_; }
  cache::AnswerCache& answers() { return *answers_; }
  const cache::AnswerDisk& answer_disk() const { return *answer_disk_; }
  const cache::AnswerPolisher& answer_polisher() const { return *answer_polisher_; }
  std::vector<edge::PeerRow> peer_rows() const;
  edge::PurgeFeed& purge_feed() { return purge_feed_; }
  edge::FillLease* lease() { return lease_.get(); }  // null: every node asks for itself
  edge::ProxyStore proxy_store();

  // Before anybody is served: hears what was purged elsewhere while this node was down. Blocks for
  // at most limits::peer_contact_wait.
  void follow_peers();
  void use_data(sync::SyncService& data) { origin_->use_data(data); }

  // Pages that are made from a record are stale once it was written (C-53).
  void outdate_pages_of(const std::vector<std::string>& keys);
  void shed();  // the process is short of memory
  void tick();  // every 100 ms
  // More is asked than a server with time to spare is asked: what nobody waits for is left.
  void set_busy(bool is_busy) { is_busy_.store(is_busy, std::memory_order_relaxed); }

  void end_peers();
  void end_tasks();

 private:
  explicit Caches(Parts parts);
  std::vector<cache::PageCache::Refresher> answers_to_refresh(const cache::PurgeRequest& request);
  void purge_tags(std::vector<std::string> tags);

  const Parts parts_;
  site::HttpFetcher fetcher_;
  std::unique_ptr<SiteOrigin> origin_;
  std::unique_ptr<edge::SharedOrigin> shared_origin_;
  std::unique_ptr<PoolTasks> loads_, renders_, idle_;
  std::atomic<bool> is_busy_{false};
  std::unique_ptr<cache::PageCache> pages_;
  std::unique_ptr<cache::AnswerCache> answers_;
  std::unique_ptr<cache::AnswerDisk> answer_disk_;
  std::unique_ptr<cache::AnswerPolisher> answer_polisher_;
  std::atomic<std::size_t> refresh_turn_{0};
  edge::PurgeFeed purge_feed_;
  std::unique_ptr<edge::FillLease> lease_;
  std::unique_ptr<edge::PeerFollower> peers_;
};

}  // namespace weir::cli
