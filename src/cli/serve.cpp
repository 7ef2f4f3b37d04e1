// `weir serve`: builds the objects, hands them to each other, and waits. Reads from top to bottom
// like a day of the server: configuration, store, a first build when there is nothing to serve,
// cache, guards, data, listeners, run, drain.

#include "cli/certificates.h"
#include "cli/commands.h"
#include "cli/launcher.h"
#include "cli/publisher.h"
#include "cli/remote.h"
#include "cli/server_start.h"
#include "cli/signals.h"
#include "cli/site_config.h"
#include "cli/site_origin.h"
#include "cli/wiring.h"

#include "base/memory.h"
#include "base/must.h"
#include "base/process_limits.h"
#include "base/version.h"
#include "edge/answer_describer.h"
#include "edge/front.h"
#include "edge/page_describer.h"
#include "edge/peer_follower.h"
#include "edge/tables.h"
#include "site/http_fetcher.h"

#include <fcntl.h>
#include <unistd.h>
#include <algorithm>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <thread>

namespace weir::cli {
namespace {

using namespace std::chrono_literals;

// Calls `tick` again and again on a thread of its own until it is destroyed.
class Housekeeper {
 public:
  Housekeeper(Nanos each, std::function<void()> tick)
      : thread_([this, each, tick = std::move(tick)] { run(each, tick); }) {}
  ~Housekeeper() {
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }
  Housekeeper(const Housekeeper&) = delete;
  Housekeeper& operator=(const Housekeeper&) = delete;

 private:
  void run(Nanos each, const std::function<void()>& tick) {
    std::unique_lock lock(mutex_);
    while (!ended_) {
      lock.unlock();
      tick();
      lock.lock();
      wake_.wait_for(lock, each, [this] { return ended_; });
    }
  }
  std::mutex mutex_;
  std::condition_variable wake_;
  bool ended_ = false;
  std::thread thread_;
};

Result<edge::Endpoint> endpoint_of(std::string_view flag, std::string_view text) {
  const auto endpoint = edge::parse_endpoint(text);
  if (!endpoint) {
    return Error{Errc::invalid,
                 std::string(flag) + " must be ADDRESS:PORT, not \"" + std::string(text) + "\""}
        .with_help("for example 127.0.0.1:8080");
  }
  return *endpoint;
}

// Flags win over environment and file (E-7): --listen and --port replace the public listeners,
// --admin the admin ones.
Status apply_flags(const Arguments& arguments, LoadedConfig& loaded) {
  edge::ServeSettings& serve = loaded.config.serve;
  std::vector<edge::Endpoint> open;
  for (const std::string& text : arguments.all("listen"))
    open.push_back(TRY(endpoint_of("--listen", text)));
  if (arguments.has("port") || arguments.has("host")) {
    const std::string host = arguments.find("host").value_or("127.0.0.1");
    const bool is_v6 = host.find(':') != std::string::npos && host.front() != '[';
    open.push_back(
        TRY(endpoint_of("--host and --port", (is_v6 ? "[" + host + "]" : host) + ":" +
                                                 arguments.find("port").value_or("8080"))));
  }
  if (!open.empty()) {
    std::erase_if(serve.listeners,
                  [](const edge::ListenSettings& listen) { return !listen.is_admin; });
    for (const edge::Endpoint& endpoint : open) {
      edge::ListenSettings listen;
      listen.endpoint = endpoint;
      serve.listeners.push_back(std::move(listen));
    }
  }
  if (const auto text = arguments.find("admin")) {
    edge::ListenSettings listen;
    listen.endpoint = TRY(endpoint_of("--admin", *text));
    listen.is_admin = true;
    if (!edge::is_loopback(listen.endpoint.host)) {
      return Error{Errc::denied, "--admin " + *text + " is reachable from other hosts"}.with_help(
          "listen on 127.0.0.1, or configure an admin listener with tls and token");
    }
    std::erase_if(serve.listeners, [](const edge::ListenSettings& one) { return one.is_admin; });
    serve.listeners.push_back(std::move(listen));
  }
  const bool has_public = std::any_of(serve.listeners.begin(), serve.listeners.end(),
                                      [](const auto& one) { return !one.is_admin; });
  if (!has_public) {
    edge::ListenSettings listen;
    listen.endpoint = {"127.0.0.1", 8080};
    loaded.has_default_listener = true;
    serve.listeners.insert(serve.listeners.begin(), std::move(listen));
  }
  return done;
}

Result<http::ServerSettings> server_settings(const LoadedConfig& loaded,
                                             const Certificates& certificates,
                                             const Sockets& sockets) {
  const edge::ServeSettings& serve = loaded.config.serve;
  http::ServerSettings settings;
  settings.listeners = plain_listeners_of(loaded);
  for (std::size_t at = 0; at < settings.listeners.size(); ++at)
    settings.listeners[at].sockets = sockets.numbers(at);
  for (std::size_t at = 0; at < serve.listeners.size(); ++at) {
    http::ListenerSettings& one = settings.listeners[at + own_listeners];
    one.tls = certificates.context_for(serve.listeners[at].tls);
    one.proxy_protocol = serve.listeners[at].proxy_protocol;
    one.h2c = serve.h2c;
  }
  settings.limits.connections = serve.connections_max;
  settings.limits.connections_per_client = serve.connections_per_client_max;
  settings.limits.target_bytes = serve.target_bytes_max;
  settings.limits.head_bytes = serve.head_bytes_max;
  settings.limits.head_fields = serve.head_fields_max;
  settings.limits.bodies_buffered_bytes = serve.bodies_buffered_bytes_max;
  if (serve.handshakes_per_second) {
    settings.limits.handshakes_per_second = *serve.handshakes_per_second;
    settings.limits.handshakes_spare_loopback = false;
  }
  settings.limits.requests_per_connection = serve.requests_per_connection_max;
  settings.timeouts.handshake = serve.handshake_time_max;
  settings.timeouts.head = serve.head_time_max;
  settings.timeouts.body_grace = serve.body_grace;
  settings.timeouts.body_rate = serve.body_rate_min;
  settings.timeouts.write_stall = serve.write_stall_max;
  settings.timeouts.write_rate = serve.write_rate_min;
  settings.timeouts.idle = serve.idle_time_max;
  settings.timeouts.idle_crowded = serve.idle_time_crowded_max;
  settings.timeouts.answer = serve.answer_time_max;
  if (serve.underscores == "reject") settings.underscores = http::Underscores::reject;
  if (serve.lenient_lf) settings.line_ends = http::LineEnds::lenient_lf;
  settings.loops = loops_of(loaded);
  return settings;
}

// `memory_bytes_max` is the whole process'; a quarter of it is the most that pages may have.
cache::CacheSettings cache_settings(const edge::Config& config, std::size_t memory_bytes_max) {
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

sync::SyncSettings sync_settings(const edge::DataSettings& said) {
  sync::SyncSettings settings;
  settings.directory = said.directory;
  settings.tenant = said.tenant;
  settings.durability = said.relaxed ? sync::Durability::relaxed : sync::Durability::full;
  settings.drift_max = said.drift_max;
  settings.long_poll_max = said.long_poll;
  settings.batch_ops_max = said.batch_ops_max;
  settings.value_bytes_max = said.value_bytes_max;
  for (const edge::SyncRuleSettings& rule : said.rules) {
    auto& rules = rule.surface == edge::SyncRuleSettings::Surface::sync ? settings.sync_rules
                                                                        : settings.kv_rules;
    rules.push_back({rule.match, rule.read, rule.write, rule.place});
  }
  return settings;
}

Result<Descriptor> open_access_log(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash != std::string::npos && slash != 0) TRY(make_directories(path.substr(0, slash)));
  const int number = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
  if (number < 0) return Error{errc_of(errno), path + ": " + reason_of(errno)};
  return Descriptor(number);
}

// A process that was killed a moment ago may not have let go of everything yet.
template <class Open>
auto patiently(Open open) {
  const auto until = std::chrono::steady_clock::now() + limits::owner_wait_max;
  while (true) {
    auto opened = open();
    if (opened.ok() || opened.error().code != Errc::exists ||
        std::chrono::steady_clock::now() >= until)
      return opened;
    std::this_thread::sleep_for(10ms);
  }
}

// Which exit code an error at start deserves.
int code_of(const Error& error) {
  switch (error.code) {
    case Errc::invalid: return exit_code::configuration;
    default: return exit_code::unavailable;
  }
}

class Serving {
 public:
  Serving(const Arguments& arguments, LoadedConfig loaded, ServerStart& start, Session& session)
      : start_(start),
        arguments_(arguments),
        loaded_(std::move(loaded)),
        session_(session),
        memory_bytes_max_(loaded_.config.serve.memory_bytes_max != 0
                              ? loaded_.config.serve.memory_bytes_max
                              : memory_allowed()),
        lines_(2, limits::log_queue_lines_max),
        log_(clock_, lines_, session.is_verbose() ? LogLevel::debug : LogLevel::info,
             session.log_form()) {}

  int run(std::string_view when_to_build) {
    signals_.listen({[this](int number) { stop(number); },
                     [this] {
                       if (serving_.load(std::memory_order_acquire)) reload();
                     },
                     [this] { reopen_logs(); }});
    say_sandbox(log_, start_);
    if (const Status opened = open_guards(); !opened.ok()) return refuse_start(opened.error());
    if (start_.beside) {  // all that can fail by itself has not; now the other one lets go
      start_.link.say("prepared");
      start_.link.await_take();
    }
    if (const Status opened = open_store(); !opened.ok()) return refuse_start(opened.error());
    if (const int code = build_first(when_to_build); code != exit_code::done) return code;
    if (const Status opened = open_rest(); !opened.ok()) return refuse_start(opened.error());
    serve();
    return code_.load();
  }

  ~Serving();

 private:
  Status open_store();
  int build_first(std::string_view when);
  Status open_rest();
  void open_cache();
  void purge_tags(std::vector<std::string> tags);
  std::vector<cache::PageCache::Refresher> answers_to_refresh(const cache::PurgeRequest& request);
  bool post_to_one_front(std::size_t turn, std::function<void(edge::Front&)> work);
  void open_peers();
  Status open_guards();
  Result<std::shared_ptr<const edge::Tables>> tables_of(const LoadedConfig& loaded,
                                                        const edge::Tables* before);
  std::shared_ptr<const edge::Tables> tables() const {
    return tables_.with([](const auto& held) { return held; });
  }
  Status open_data();
  Status open_server();
  void outdate_pages_of(const std::vector<std::string>& keys);
  void serve();
  void say_listening();
  void watch_memory();
  std::vector<const edge::Counters*> loop_counters();
  void forget_retired();
  void beat();
  void obey(std::string_view word);
  void drain(Nanos delay, Nanos quiet = limits::drain_quiet_time);
  void stop(int number);
  edge::Reloaded reload();
  Result<LoadedConfig> read_again();
  Status follow_access_log(const edge::Config& before, const edge::Config& after);
  std::size_t post_to_fronts(std::function<void(edge::Front&)> work);
  void on_every_loop(std::function<void(edge::Front&)> work);
  void let_go();
  void keep_on();
  void retire();
  void move_to(edge::SuccessionParts::Phase phase);
  void reopen_logs();
  int refuse_start(const Error& error);

  Signals signals_;  // first: blocks the signals in every thread made below
  ServerStart& start_;
  const SystemClock clock_;
  const Arguments& arguments_;
  LoadedConfig loaded_;  // as it was at start; what a reload replaces is in tables_
  Session& session_;
  const std::size_t memory_bytes_max_;  // of the process; 0 = no bound is known
  const MemoryMeter meter_;
  Pressure pressure_ = Pressure::none;  // of the housekeeper
  LineWriter lines_;
  Log log_;
  store::Disk disk_;
  std::unique_ptr<store::Store> store_;

  site::HttpFetcher site_fetcher_;
  std::unique_ptr<SiteOrigin> origin_;
  std::unique_ptr<PoolTasks> loads_, renders_;
  std::unique_ptr<cache::PageCache> cache_;
  std::unique_ptr<cache::AnswerCache> answers_;
  std::unique_ptr<cache::AnswerDisk> answer_disk_;
  std::atomic<std::size_t> refresh_turn_{0};

  // Outlive the fetcher, which may still call back into their key sources; so do those that a
  // reload has replaced, for as long as a fetch may take.
  Guarded<std::shared_ptr<const edge::Tables>> tables_;
  struct Retired {
    Mono since;
    std::shared_ptr<const edge::Tables> tables;
  };
  Guarded<std::vector<Retired>> retired_;
  std::mutex reload_;          // one at a time
  Guarded<std::string> kept_;  // why the last reload kept what there was
  std::unique_ptr<KeyFetcher> keys_;
  std::unique_ptr<WorkerPool> workers_;
  std::unique_ptr<http::NameResolver> names_;
  std::unique_ptr<sync::SyncService> sync_;

  std::atomic<bool> serving_{false};  // the server is there, and there is something to drain
  std::atomic<bool> draining_{false};
  std::atomic<int> code_{exit_code::done};
  std::thread stopper_;
  std::mutex stopper_mutex_;
  std::shared_ptr<std::atomic<std::size_t>> turned_;  // loops that have turned since the last beat
  std::unique_ptr<Certificates> certificates_;
  Descriptor access_file_, access_file_before_;
  std::unique_ptr<LineWriter> access_lines_;
  edge::DeliveryLog deliveries_;
  edge::WebhookLimits webhook_limits_;
  edge::PurgeFeed purge_feed_;
  std::unique_ptr<edge::PeerFollower> peers_;
  std::unique_ptr<edge::PageDescriber> page_describer_;
  std::unique_ptr<edge::AnswerDescriber> answer_describer_;
  std::unique_ptr<edge::ControlParts> control_;
  edge::SuccessionParts succession_;
  std::unique_ptr<edge::FrontParts> front_;
  Guarded<std::vector<edge::Front*>> fronts_;  // by the index of their loop
  std::unique_ptr<http::Server> server_;
  std::unique_ptr<Housekeeper> housekeeper_;
};

int Serving::refuse_start(const Error& error) {
  session_.show(error,
                error.place.line == 0 ? std::string_view() : std::string_view(loaded_.source));
  return code_of(error);
}

Status Serving::open_store() {
  store::StoreSettings settings;
  settings.directory = loaded_.store_directory;
  settings.bytes_max = loaded_.config.cache.bytes_max;
  auto opened = patiently([&] { return store::Store::open(settings, clock_, log_, disk_); });
  if (!opened.ok()) {
    if (opened.error().code != Errc::exists)
      return Error{Errc::io, opened.error().what, {}, "is the directory writable?", {}};
    return Error{Errc::exists, "another weir owns the store " + loaded_.store_directory}.with_help(
        "stop it, or give this one its own with --store DIR");
  }
  store_ = std::move(opened).value();
  return done;
}

namespace {

// A weir.toml of routes alone is a proxy and no site that is missing its address.
bool is_site(const LoadedConfig& loaded) {
  std::error_code ignored;
  return loaded.config.routes.empty() || loaded.tree.find("base_url") != nullptr ||
         std::filesystem::exists(std::filesystem::path(loaded.root) / "content", ignored);
}

}  // namespace

int Serving::build_first(std::string_view when) {
  const bool has_release = store_->active().release != nullptr;
  if (when == "never" || (when == "missing" && has_release)) return exit_code::done;
  if (loaded_.file.empty()) {
    if (has_release) return exit_code::done;
    return session_.fail(exit_code::failed,
                         Error{Errc::missing, "there is no site in " + loaded_.root +
                                                  " and no release in " + loaded_.store_directory}
                             .with_help("run weir where a weir.toml, zola.toml or config.toml is, "
                                        "or name it with --root DIR"));
  }
  if (!has_release && !is_site(loaded_)) {
    log_.info("no-site", {{"meaning",
                           "weir.toml has routes and no base_url, and there is no "
                           "content/: nothing is built"}});
    return exit_code::done;
  }
  site::BuildOptions options;
  options.config_file = loaded_.named;
  const BuildOrder order{loaded_, options, std::nullopt, false, false};
  const auto built = build_release(order, session_, clock_, disk_);
  if (!built.ok()) {
    return session_.fail(
        built.error().code == Errc::denied ? exit_code::unavailable : exit_code::failed,
        built.error());
  }
  if (built->report.failed()) {
    if (!has_release) return failure_code_of(built->report);
    log_.warning("build-failed", {{"serving", "the release before"}});
    return exit_code::done;
  }
  const auto adopted = store_->adopt_release(built->release);
  if (!adopted.ok()) return session_.fail(exit_code::unavailable, adopted.error());
  log_.info(
      "built",
      {{"release", built->release}, {"pages", built->report.pages}, {"ms", built->took.count()}});
  return exit_code::done;
}

Status Serving::open_rest() {
  open_cache();
  open_peers();
  TRY(open_data());
  return open_server();
}

void Serving::open_cache() {
  origin_ = std::make_unique<SiteOrigin>([this] { return tables(); }, clock_, site_fetcher_);
  loads_ = std::make_unique<PoolTasks>("loads", 2, limits::worker_queue_max);
  renders_ = std::make_unique<PoolTasks>("renders", 4 * cores(), limits::worker_queue_max);
  cache_ = std::make_unique<cache::PageCache>(
      cache_settings(loaded_.config, memory_bytes_max_),
      cache::PageCache::Parts{*store_, *origin_, *loads_, *renders_, clock_, log_});
  cache::AnswerCacheSettings answers;
  answers.bytes_max = loaded_.config.cache.memory_bytes_max;
  answers.answer_bytes_max = answers.bytes_max / 8;
  answers_ =
      std::make_unique<cache::AnswerCache>(answers, cache_->tags(), cache_->domain(), clock_);
  answer_disk_ = std::make_unique<cache::AnswerDisk>(
      cache::AnswerDisk::Parts{*store_, cache_->tags(), clock_, log_});
}

// Stored answers that a purge names, each asked for anew on one of the loops.
std::vector<cache::PageCache::Refresher> Serving::answers_to_refresh(
    const cache::PurgeRequest& request) {
  std::vector<cache::PageCache::Refresher> all;
  for (const auto& answer : answers_->matching(request, limits::refresh_queue_max)) {
    all.push_back([this, answer](std::function<void(bool)> ready) {
      const std::size_t turn = refresh_turn_.fetch_add(1, std::memory_order_relaxed);
      const bool is_posted = post_to_one_front(
          turn, [answer, ready](edge::Front& front) { front.refresh(answer, ready); });
      if (!is_posted) ready(false);
    });
  }
  return all;
}

// What an upstream has said of its groups (RFC 9875 3). It waits for nothing: who comes before the
// purge is recorded is served as if it had come before the answer that said so.
void Serving::purge_tags(std::vector<std::string> tags) {
  const Status offered = workers_->offer([this, tags = std::move(tags)] {
    cache::PurgeRequest request;
    request.tags = tags;
    request.mode = cache::Mode::hard;
    request.wait = cache::Wait::none;
    cache_->purge(request, [](const Result<cache::PurgeAnswer>&) {});
  });
  if (!offered) log_.warning("cache.groups_not_purged", {{"reason", offered.error().what}});
}

// Before anybody is served: what was purged elsewhere while this node was down.
void Serving::open_peers() {
  cache_->on_purge([this] { purge_feed_.wake(); });
  const edge::CacheSettings& said = loaded_.config.cache;
  if (said.peers.empty()) return;
  const auto lag =
      said.strict_lag ? cache::PageCache::Lag::strict : cache::PageCache::Lag::serve_stale;
  const auto cut_off = [this, age = said.max_lag, lag](bool is_cut_off) {
    cache_->set_lag(is_cut_off ? std::optional(age) : std::nullopt, lag);
    answers_->set_lag(is_cut_off ? std::optional(age) : std::nullopt,
                      lag == cache::PageCache::Lag::strict);
  };
  peers_ = std::make_unique<edge::PeerFollower>(
      edge::PeerSettings{said.peers, said.peer_secrets, said.max_lag,
                         loaded_.store_directory + "/peers.json", store_->node()},
      edge::PeerFollower::Parts{
          [this](store::PurgeRecord record) { return cache_->absorb(std::move(record)); }, cut_off,
          clock_, log_});
  peers_->start();
  peers_->await_contact(limits::peer_contact_wait);
}

Status Serving::open_guards() {
  keys_ = std::make_unique<KeyFetcher>();
  workers_ = std::make_unique<WorkerPool>("edge", 2, limits::worker_queue_max);
  auto first = TRY(tables_of(loaded_, nullptr));
  tables_.with([&](auto& held) { held = std::move(first); });
  certificates_ = TRY(Certificates::open(loaded_.config, loaded_.store_directory, clock_, log_));
  names_ = std::make_unique<http::NameResolver>();  // a reload may bring the first proxy route
  return done;
}

Result<std::shared_ptr<const edge::Tables>> Serving::tables_of(const LoadedConfig& loaded,
                                                               const edge::Tables* before) {
  return edge::open_tables(loaded.config, loaded.notices,
                           {*keys_, *workers_, clock_, log_, loaded_.store_directory}, before);
}

Status Serving::open_data() {
  if (!loaded_.config.data.present) return done;
  auto opened = patiently(
      [&] { return sync::SyncService::open(sync_settings(loaded_.config.data), clock_, log_); });
  if (!opened.ok()) return std::move(opened).error();
  sync_ = std::move(opened).value();
  origin_->use_data(*sync_);
  if (loaded_.config.data.relaxed) {
    log_.warning("durability-relaxed",
                 {{"meaning", "a power cut may lose what was written since the last sync"}});
  }
  return done;
}

Status Serving::open_server() {
  const edge::Config& config = loaded_.config;
  if (config.observability.access_log) {
    if (!config.observability.access_log_file.empty())
      access_file_ = TRY(open_access_log(config.observability.access_log_file));
    access_lines_ = std::make_unique<LineWriter>(access_file_.is_open() ? access_file_.number() : 1,
                                                 config.observability.access_log_queue_lines_max);
  }
  control_ = std::make_unique<edge::ControlParts>(edge::ControlParts{
      *cache_, *store_, *workers_, sync_.get(), log_, deliveries_, webhook_limits_, purge_feed_,
      draining_, [this] { return server_->counters(); }, [this] { return loop_counters(); },
      [this] { return tables()->pipeline->key_ages(); }, [this] { return reload(); },
      [this] { return kept_.with([](const auto& why) { return why; }); }});
  page_describer_ = std::make_unique<edge::PageDescriber>(*cache_);
  answer_describer_ = std::make_unique<edge::AnswerDescriber>(*answers_, clock_);
  control_->describers = {page_describer_.get(), answer_describer_.get()};
  control_->certificate_notes = [this] { return certificates_->notes(); };
  control_->certificates = [this] { return certificates_->ages(); };
  control_->answers = answers_.get();
  control_->upstreams = [this] {
    return edge::upstream_rows(tables()->pipeline->upstreams(), clock_.mono());
  };
  succession_.hand_over_socket = hand_over_socket_of(loaded_.store_directory);
  succession_.admin_socket = admin_socket_of(loaded_.store_directory);
  succession_.workers = workers_.get();
  front_ = std::make_unique<edge::FrontParts>(
      edge::FrontParts{*cache_, sync_.get(), names_.get(), *control_, access_lines_.get(), clock_,
                       log_, succession_, &certificates_->tokens()});
  front_->proxy_store.answers = answers_.get();
  cache_->set_others(
      [this](const cache::PurgeRequest& request) { return answers_to_refresh(request); });
  front_->proxy_store.workers = workers_.get();
  front_->proxy_store.disk = answer_disk_.get();
  front_->proxy_store.purge = [this](std::vector<std::string> tags) {
    purge_tags(std::move(tags));
  };

  front_->kv_changed = [this](const std::vector<std::string>& keys) { outdate_pages_of(keys); };

  auto settings = TRY(server_settings(loaded_, *certificates_, *start_.sockets));
  fronts_.with([&](auto& all) { all.resize(settings.loops); });
  settings.is_exempt = [this](const http::Peer& peer) {
    return tables()->pipeline->proxies().has(guard::IpAddress{peer.address});
  };
  auto opened = http::Server::open(
      std::move(settings),
      [this](http::Loop& loop) -> std::unique_ptr<http::Handler> {
        auto front = std::make_unique<edge::Front>(*front_, tables(), loop);
        fronts_.with(
            [&](auto& all) { all.at(static_cast<std::size_t>(loop.index())) = front.get(); });
        return front;
      },
      clock_, log_);
  if (!opened.ok()) {
    Error error = std::move(opened).error();
    if (error.help.empty() && error.code != Errc::invalid)
      error.help = "is another server on that port? --port 0 takes any free one";
    return error;
  }
  server_ = std::move(opened).value();
  return done;
}

// Pages that are made from a record are stale once it was written (C-53).
void Serving::outdate_pages_of(const std::vector<std::string>& keys) {
  cache::PurgeRequest request;
  request.wait = cache::Wait::none;
  for (const auto& route : tables()->pipeline->page_routes()) {
    if (route->settings.kv.empty()) continue;
    for (const std::string& key : keys)
      if (key.starts_with(route->settings.kv + '/')) request.tags.push_back("data:kv/" + key);
  }
  if (request.tags.empty()) return;
  cache_->purge(request, [this](const Result<cache::PurgeAnswer>& purged) {
    if (!purged.ok()) log_.warning("kv-purge-not-kept", {{"reason", purged.error().what}});
  });
}

// The ladder of wire, section 8: idle connections and cached pages go first, then nobody new comes.
void Serving::watch_memory() {
  const std::size_t used = meter_.used();
  const Pressure now = pressure_of(used, memory_bytes_max_, pressure_);
  if (now != pressure_)
    log_.warning(now == Pressure::none ? "memory-suffices" : "memory-short",
                 {{"used", used},
                  {"allowed", memory_bytes_max_},
                  {"new_connections", now == Pressure::refuse ? "refused" : "taken"}});
  if (now != Pressure::none || pressure_ != now) server_->set_pressure(now);
  pressure_ = now;
  if (now == Pressure::none) return;
  cache_->shed();
  answers_->shed();
  return_free_memory();
}

void Serving::say_listening() {
  const auto& listeners = loaded_.config.serve.listeners;
  for (std::size_t at = 0; at < listeners.size(); ++at) {
    const edge::ListenSettings& listen = listeners[at];
    const edge::Endpoint bound{listen.endpoint.host, server_->ports()[at + own_listeners]};
    log_.info("listening",
              {{"address", edge::text_of(bound)},
               {"url", (listen.tls.empty() ? "http://" : "https://") + edge::text_of(bound) + "/"},
               {"admin", listen.is_admin}});
  }
}

void Serving::serve() {
  std::size_t ticks = 0;
  housekeeper_ = std::make_unique<Housekeeper>(100ms, [this, ticks]() mutable {
    cache_->tick();
    purge_feed_.tick(clock_.mono());
    if (peers_ != nullptr) peers_->tick();
    if (ticks++ % 10 != 0) return;
    tables()->pipeline->tick();
    certificates_->tick();
    watch_memory();
    forget_retired();
    beat();
  });
  for (const Error& notice : loaded_.notices)
    log_.warning("configuration", {{"notice", notice.text()}});
  if (loaded_.config.allow_insecure)
    log_.warning("allow-insecure", {{"meaning", "a guard fails open"}});
  const auto release = cache_->release();
  log_.info("starting", {{"version", version},
                         {"commit", commit},
                         {"store", loaded_.store_directory},
                         {"release", release == nullptr ? 0 : release->id()}});
  serving_.store(true, std::memory_order_release);  // from here on a signal drains
  start_.link.say("ready");  // the sockets listen already; whoever reads the next lines may signal
  say_listening();
  certificates_->start();  // an authority may look as soon as we ask: the listeners are there
  start_.link.listen([this](std::string_view word) { obey(word); });
  server_->run();
  log_.info("stopped");
}

// readyz turns first, then the listeners close, and the data side answers whoever waits (wire
// H-49). A start that is still under way has nothing to drain: what the store holds is safe at
// every moment.
void Serving::stop(int number) {
  if (!serving_.load(std::memory_order_acquire)) ::_exit(128 + number);
  drain(tables()->config.serve.shutdown_delay);
}

void Serving::drain(Nanos delay, Nanos quiet) {
  const std::lock_guard once(stopper_mutex_);
  if (stopper_.joinable()) return;
  draining_.store(true, std::memory_order_release);
  const Nanos span = tables()->config.serve.drain_time_max;
  log_.info("draining",
            {{"seconds", std::chrono::duration_cast<std::chrono::seconds>(span).count()}});
  if (delay.count() == 0) server_->stop(span, quiet);
  stopper_ = std::thread([this, delay, span, quiet] {
    if (delay.count() > 0) {
      std::this_thread::sleep_for(delay);
      server_->stop(span, quiet);
    }
    if (sync_ != nullptr) sync_->stop();
  });
}

// --- the launcher --------------------------------------------------------------------------------

// Says that we live when every loop has turned since we asked last.
void Serving::beat() {
  if (!start_.link.is_there() || !serving_.load(std::memory_order_acquire)) return;
  if (turned_ != nullptr && turned_->load() < server_->loops()) return;
  if (turned_ != nullptr) start_.link.say("alive");
  turned_ = std::make_shared<std::atomic<std::size_t>>(0);
  for (std::size_t at = 0; at < server_->loops(); ++at)
    server_->loop(at).post([turned = turned_] { turned->fetch_add(1); });
}

void Serving::obey(std::string_view word) {
  if (word == "hand-over") let_go();
  if (word == "keep-on") keep_on();
  if (word == "retire") retire();
}

void Serving::move_to(edge::SuccessionParts::Phase phase) {
  succession_.phase.store(phase, std::memory_order_release);
  on_every_loop([](edge::Front& front) { front.succession_changed(); });
}

// First whoever would write waits, then what is under way is finished and synced, then both
// directories are free. Pages are answered all the while.
void Serving::let_go() {
  log_.info("handing-over");
  move_to(edge::SuccessionParts::Phase::letting_go);
  workers_->wait_until_idle();  // purges and activations
  if (sync_ != nullptr) sync_->let_go();
  if (const Status gone = store_->let_go(); !gone.ok())
    log_.error("hand-over-unsynced", {{"reason", gone.error().text()}});
  start_.link.say("handed-over");
}

// The successor has failed. When store or data cannot be had back we could only answer pages; then
// it is better to be started anew.
void Serving::keep_on() {
  const auto look = [this](const Status& taken) {
    if (taken.ok()) return;
    log_.error("store-not-had-back", {{"reason", taken.error().text()}});
    code_ = exit_code::unavailable;
    drain(Nanos(0));
  };
  look(patiently([this] { return store_->take_back(); }));
  if (sync_ != nullptr) look(patiently([this] { return sync_->take_back(); }));
  move_to(edge::SuccessionParts::Phase::none);
  log_.warning("serving-on", {{"reason", "the successor has failed"}});
}

void Serving::retire() {
  // Nobody waits for us: a client whose request is on its way finds its connection open.
  drain(Nanos(0), tables()->config.serve.drain_time_max / 2);
  // Only then is anything handed on. Before, we might accept it ourselves, and wait for ourselves.
  const auto until = std::chrono::steady_clock::now() + limits::owner_wait_max;
  while (server_->listens() && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(1ms);
  succession_.phase.store(edge::SuccessionParts::Phase::succeeded, std::memory_order_release);
  // A loop that had nothing left has ended by now: nobody waits for it.
  post_to_fronts([](edge::Front& front) { front.succession_changed(); });
}

std::vector<const edge::Counters*> Serving::loop_counters() {
  return fronts_.with([](const auto& fronts) {
    std::vector<const edge::Counters*> all;
    for (const edge::Front* front : fronts) {
      if (front != nullptr) all.push_back(&front->counters());
    }
    return all;
  });
}

// --- reload --------------------------------------------------------------------------------------

namespace {

std::string joined(const std::vector<std::string>& parts) {
  std::string all;
  for (const std::string& part : parts) all += (all.empty() ? "" : "; ") + part;
  return all;
}

}  // namespace

// What the commands would show on a terminal, as the reason of an Error.
Result<LoadedConfig> Serving::read_again() {
  std::string said;
  const auto hear = [&said](std::string_view text) { said += text; };
  Session quiet({session_.environment(), hear, hear, false, 0});
  auto loaded = load_config(arguments_, quiet, Notices::keep);
  while (!said.empty() && said.back() == '\n') said.pop_back();
  if (!loaded) return Error{Errc::invalid, said};
  TRY(apply_flags(arguments_, *loaded));
  use_passed(*loaded, start_.passed);
  return std::move(*loaded);
}

Status Serving::follow_access_log(const edge::Config& before, const edge::Config& after) {
  const std::string& path = after.observability.access_log_file;
  if (access_lines_ == nullptr || path == before.observability.access_log_file) return done;
  Descriptor file;
  if (!path.empty()) file = TRY(open_access_log(path));
  access_lines_->redirect(file.is_open() ? file.number() : 1);
  access_file_before_ = std::move(access_file_);
  access_file_ = std::move(file);
  return done;
}

// The number of loops that it was given to. A loop that has not begun finds everything as it is.
std::size_t Serving::post_to_fronts(std::function<void(edge::Front&)> work) {
  std::size_t asked = 0;
  const auto fronts = fronts_.with([](const auto& all) { return all; });
  for (std::size_t at = 0; at < fronts.size(); ++at) {
    if (fronts[at] == nullptr) continue;
    ++asked;
    server_->loop(at).post([front = fronts[at], work] { work(*front); });
  }
  return asked;
}

// To one of the loops. False: it has not begun.
bool Serving::post_to_one_front(std::size_t turn, std::function<void(edge::Front&)> work) {
  const auto fronts = fronts_.with([](const auto& all) { return all; });
  if (fronts.empty()) return false;
  const std::size_t at = turn % fronts.size();
  if (fronts[at] == nullptr) return false;
  server_->loop(at).post([front = fronts[at], work = std::move(work)] { work(*front); });
  return true;
}

// Returns when it is done on every loop. A loop that has ended does nothing, so the wait is
// bounded.
void Serving::on_every_loop(std::function<void(edge::Front&)> work) {
  struct Taken {
    std::mutex mutex;
    std::condition_variable all;
    std::size_t count = 0;
  };
  auto taken = std::make_shared<Taken>();
  const std::size_t asked = post_to_fronts([work = std::move(work), taken](edge::Front& front) {
    work(front);
    const std::lock_guard lock(taken->mutex);
    ++taken->count;
    taken->all.notify_all();
  });
  std::unique_lock lock(taken->mutex);
  taken->all.wait_for(lock, 2s, [&] { return taken->count == asked; });
}

// Everything that can fail comes before the swap (wire H-47).
edge::Reloaded Serving::reload() {
  const std::lock_guard one_at_a_time(reload_);
  struct Told {
    const LauncherLink& link;
    explicit Told(const LauncherLink& its) : link(its) { link.say("reloading"); }
    ~Told() { link.say("reloaded"); }
    Told(const Told&) = delete;
    Told& operator=(const Told&) = delete;
  } const told(start_.link);
  const auto keep = [this](const Error& error) {
    const std::string reason = error.text();
    log_.error("configuration-kept", {{"reason", reason}});
    kept_.with([&](std::string& why) { why = reason; });
    return edge::Reloaded{reason, {}};
  };
  auto loaded = read_again();
  if (!loaded.ok()) return keep(loaded.error());
  const auto before = tables();
  auto opened = tables_of(*loaded, before.get());
  if (!opened.ok()) return keep(opened.error());
  // readyz tells of certificates by itself, for as long as it is so.
  if (!certificates_->reload(loaded->config)) {
    log_.error("configuration-kept", {{"reason", "a certificate is not good"}});
    return {"a certificate is not good: " + joined(certificates_->notes()), {}};
  }
  const std::shared_ptr<const edge::Tables> next = std::move(opened).value();
  if (const Status good = follow_access_log(before->config, next->config); !good.ok())
    return keep(good.error());

  tables_.with([&](auto& held) { held = next; });
  retired_.with([&](auto& all) { all.push_back({clock_.mono(), before}); });
  on_every_loop([next](edge::Front& front) { front.adopt(next); });
  kept_.with([](std::string& why) { why.clear(); });
  edge::Reloaded reloaded{{}, edge::fixed_parts(loaded_.config, next->config)};
  log_.info("configuration-reloaded", {{"file", loaded->file}});
  for (const std::string& part : reloaded.needs_upgrade)
    log_.warning("needs-upgrade",
                 {{"setting", part}, {"meaning", "as it was until USR2 or a restart"}});
  return reloaded;
}

void Serving::forget_retired() {
  const Mono now = clock_.mono();
  std::vector<Retired> gone;  // destroyed outside the lock
  retired_.with([&](std::vector<Retired>& all) {
    const auto young = std::find_if(all.begin(), all.end(), [now](const Retired& one) {
      return now - one.since < limits::retired_tables_time;
    });
    std::move(all.begin(), young, std::back_inserter(gone));
    all.erase(all.begin(), young);
  });
}

void Serving::reopen_logs() {
  if (!serving_.load(std::memory_order_acquire)) return;
  const std::lock_guard no_reload(reload_);
  const std::string path = tables()->config.observability.access_log_file;
  if (access_lines_ == nullptr || path.empty()) return;
  auto reopened = open_access_log(path);
  if (!reopened.ok()) return log_.error("access-log-kept", {{"reason", reopened.error().text()}});
  access_lines_->redirect(reopened->number());
  // A batch may still be under way to the old file, so that one closes at the next turn.
  access_file_before_ = std::move(access_file_);
  access_file_ = std::move(reopened).value();
}

// First whoever could still post to a loop (signals, the data side, workers), then the loops, then
// what they used.
Serving::~Serving() {
  signals_.end();
  start_.link.end();
  if (stopper_.joinable()) stopper_.join();
  housekeeper_.reset();
  if (peers_ != nullptr) peers_->end();
  workers_.reset();
  names_.reset();
  if (loads_ != nullptr) loads_->end();
  if (renders_ != nullptr) renders_->end();
  server_.reset();
  certificates_.reset();
  sync_.reset();
  keys_.reset();
  cache_.reset();
}

}  // namespace

int run_serve(const Arguments& arguments, Session& session) {
  const auto line = parse_u64(session.variable(channel_variable));
  if (!line && !arguments.has("no-launcher")) return run_launcher(session);
  auto loaded = load_config(arguments, session, Notices::keep);
  if (!loaded) return exit_code::configuration;
  const Status applied = apply_flags(arguments, *loaded);
  if (!applied.ok()) {
    return session.fail(
        applied.error().code == Errc::denied ? exit_code::configuration : exit_code::usage,
        applied.error());
  }
  ServerStart start;
  if (line) start.link.connect(static_cast<int>(*line));
  if (const Status ready = open_start(start, *loaded, session); !ready.ok())
    return session.fail(code_of(ready.error()), ready.error());
  int code = exit_code::done;
  {
    Serving serving(arguments, std::move(*loaded), start, session);
    code = serving.run(arguments.find("build").value_or("missing"));
  }
  if (!line) start.sockets->remove_names();
  return code;
}

}  // namespace weir::cli
