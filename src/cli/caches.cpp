#include "cli/caches.h"

#include "base/memory.h"
#include "base/process_limits.h"

#include <algorithm>

namespace weir::cli {
namespace {

// `memory_bytes_max` is the whole process'; a quarter of it is the most that pages may have.
cache::CacheSettings page_settings(const edge::Config& config, std::size_t memory_bytes_max) {
  const edge::CacheSettings& said = config.cache;
  cache::CacheSettings settings;
  settings.hosts = config.serve.hosts;
  settings.dictionaries = said.dictionaries;
  settings.memory_bytes_max = said.memory_bytes_max;
  if (memory_bytes_max != 0)
    settings.memory_bytes_max = std::min(settings.memory_bytes_max, memory_bytes_max / 4);
  settings.fill_wait = said.fill_wait;
  settings.neg_ttl = said.neg_ttl;
  settings.refresh_ahead_percent = said.refresh_ahead_percent;
  settings.warm_window = said.warm_window;
  using cache::HardOnError;
  settings.hard_on_error = said.hard_on_error == "stale" ? HardOnError::stale : HardOnError::error;
  return settings;
}

}  // namespace

Caches::Caches(Parts parts) : parts_(std::move(parts)) {}

Result<std::unique_ptr<Caches>> Caches::open(Parts parts) {
  std::unique_ptr<Caches> made(new Caches(std::move(parts)));
  Caches& all = *made;
  const Parts& given = all.parts_;
  const edge::CacheSettings& said = given.config.cache;
  all.origin_ = std::make_unique<SiteOrigin>(given.tables, given.clock, all.fetcher_);
  const std::size_t renders = 4 * cores();
  all.shared_origin_ = std::make_unique<edge::SharedOrigin>(*all.origin_, renders / 2);
  all.loads_ = std::make_unique<PoolTasks>("loads", 2, limits::worker_queue_max);
  all.renders_ = std::make_unique<PoolTasks>("renders", renders, limits::worker_queue_max);
  all.idle_ = std::make_unique<PoolTasks>("idle", 1, 2, PoolTasks::Priority::idle);
  const auto is_busy = [&all] { return all.is_busy_.load(std::memory_order_relaxed); };
  all.pages_ = std::make_unique<cache::PageCache>(
      page_settings(given.config, given.memory_bytes_max),
      cache::PageCache::Parts{given.store, *all.shared_origin_, *all.loads_, *all.renders_,
                              given.clock, given.log, all.idle_.get(), is_busy});
  cache::AnswerCacheSettings answers;
  answers.bytes_max = said.memory_bytes_max;
  answers.answer_bytes_max = answers.bytes_max / 8;
  all.answers_ = std::make_unique<cache::AnswerCache>(answers, all.pages_->tags(),
                                                      all.pages_->domain(), given.clock);
  all.answer_disk_ = std::make_unique<cache::AnswerDisk>(
      cache::AnswerDisk::Parts{given.store, all.pages_->tags(), given.clock, given.log});
  all.answer_polisher_ = std::make_unique<cache::AnswerPolisher>(
      cache::AnswerPolisher::Parts{*all.answers_, *all.idle_, is_busy, given.clock});
  all.pages_->on_purge(
      [&all](const cache::PurgeRequest& request, std::uint64_t seq) {
        if (request.mode == cache::Mode::refresh) all.purge_feed_.note_refresh(seq, request);
      },
      [&all] { all.purge_feed_.wake(); });
  all.pages_->set_others(
      [&all](const cache::PurgeRequest& request) { return all.answers_to_refresh(request); });
  if (said.peers.empty()) return made;

  const edge::PeerSettings peers{said.peers, said.peer_secrets, said.max_lag,
                                 given.store_directory + "/peers.json", given.store.node()};
  if (said.shares_fills)
    all.lease_ = TRY(edge::FillLease::open(
        peers, {[&all] {
                  return all.peers_ == nullptr ? std::vector<edge::PeerFollower::Row>()
                                               : all.peers_->rows();
                },
                [&all] { return all.parts_.store.own_purge_seq(); }, given.clock}));
  const auto lag =
      said.strict_lag ? cache::PageCache::Lag::strict : cache::PageCache::Lag::serve_stale;
  const auto cut_off = [&all, age = said.max_lag, lag](bool is_cut_off) {
    all.pages_->set_lag(is_cut_off ? std::optional(age) : std::nullopt, lag);
    all.answers_->set_lag(is_cut_off ? std::optional(age) : std::nullopt,
                          lag == cache::PageCache::Lag::strict);
  };
  edge::PeerFollower::Parts follower{
      [&all](store::PurgeRecord record) { return all.pages_->absorb(std::move(record)); }, cut_off,
      given.clock, given.log};
  if (all.lease_ != nullptr) follower.advanced = [&all] { all.lease_->advanced(); };
  follower.refresh = [&all](const cache::PurgeRequest& request) { all.pages_->refresh(request); };
  all.peers_ = std::make_unique<edge::PeerFollower>(peers, std::move(follower));
  if (all.lease_ != nullptr) all.shared_origin_->use_lease(*all.lease_);
  return made;
}

Caches::~Caches() {
  end_peers();
  end_tasks();
}

edge::ProxyStore Caches::proxy_store() {
  edge::ProxyStore store;
  store.answers = answers_.get();
  store.purge = [this](std::vector<std::string> tags) { purge_tags(std::move(tags)); };
  store.workers = &parts_.workers;
  store.disk = answer_disk_.get();
  store.lease = lease_.get();
  store.polisher = answer_polisher_.get();
  return store;
}

std::vector<edge::PeerRow> Caches::peer_rows() const {
  std::vector<edge::PeerRow> rows;
  if (peers_ != nullptr)
    for (const auto& row : peers_->rows()) rows.push_back({row.url, row.after, row.silent});
  return rows;
}

void Caches::follow_peers() {
  if (peers_ == nullptr) return;
  peers_->start();
  peers_->await_contact(limits::peer_contact_wait);
}

// Stored answers that a purge names, each asked for anew on one of the loops.
std::vector<cache::PageCache::Refresher> Caches::answers_to_refresh(
    const cache::PurgeRequest& request) {
  std::vector<cache::PageCache::Refresher> all;
  for (const auto& answer : answers_->matching(request, limits::refresh_queue_max)) {
    all.push_back([this, answer](std::function<void(bool)> ready) {
      const std::size_t turn = refresh_turn_.fetch_add(1, std::memory_order_relaxed);
      const bool is_posted = parts_.post_to_front(
          turn, [answer, ready](edge::Front& front) { front.refresh(answer, ready); });
      if (!is_posted) ready(false);
    });
  }
  return all;
}

// What an upstream has said of its groups (RFC 9875 3). It waits for nothing: who comes before the
// purge is recorded is served as if it had come before the answer that said so.
void Caches::purge_tags(std::vector<std::string> tags) {
  const Status offered = parts_.workers.offer([this, tags = std::move(tags)] {
    cache::PurgeRequest request;
    request.tags = tags;
    request.mode = cache::Mode::hard;
    request.wait = cache::Wait::none;
    pages_->purge(request, [](const Result<cache::PurgeAnswer>&) {});
  });
  if (!offered) parts_.log.warning("cache.groups_not_purged", {{"reason", offered.error().what}});
}

void Caches::outdate_pages_of(const std::vector<std::string>& keys) {
  cache::PurgeRequest request;
  request.wait = cache::Wait::none;
  for (const auto& route : parts_.tables()->pipeline->page_routes()) {
    if (route->settings.kv.empty()) continue;
    for (const std::string& key : keys)
      if (key.starts_with(route->settings.kv + '/')) request.tags.push_back("data:kv/" + key);
  }
  if (request.tags.empty()) return;
  pages_->purge(request, [this](const Result<cache::PurgeAnswer>& purged) {
    if (!purged.ok()) parts_.log.warning("kv-purge-not-kept", {{"reason", purged.error().what}});
  });
}

void Caches::shed() {
  pages_->shed();
  answers_->shed();
  return_free_memory();
}

void Caches::tick() {
  pages_->tick();
  answer_polisher_->tick();
  purge_feed_.tick(parts_.clock.mono());
  if (peers_ != nullptr) peers_->tick();
  if (lease_ != nullptr) lease_->tick();
}

void Caches::end_peers() {
  if (peers_ != nullptr) peers_->end();
}

void Caches::end_tasks() {
  loads_->end();
  renders_->end();
  set_busy(true);
  idle_->end();
}

}  // namespace weir::cli
