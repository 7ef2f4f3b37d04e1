// `weir serve`: builds the objects, hands them to each other, and waits. Reads from top to bottom
// like a day of the server: configuration, store, a first build when there is nothing to serve,
// cache, guards, data, listeners, run, drain. Long because one object holds them all, in the order
// in which they must go; what has a life of its own stands beside it (caches, certificates,
// loop_fronts).

#include "cli/access_log_file.h"
#include "cli/caches.h"
#include "cli/certificates.h"
#include "cli/commands.h"
#include "cli/housekeeper.h"
#include "cli/launcher.h"
#include "cli/loop_fronts.h"
#include "cli/publisher.h"
#include "cli/remote.h"
#include "cli/serve_settings.h"
#include "cli/server_start.h"
#include "cli/signals.h"
#include "cli/site_config.h"
#include "cli/wiring.h"

#include "base/limits_cache.h"
#include "base/memory.h"
#include "base/must.h"
#include "base/process_limits.h"
#include "base/version.h"
#include "edge/answer_describer.h"
#include "edge/front.h"
#include "edge/page_describer.h"
#include "edge/tables.h"

#include <unistd.h>
#include <algorithm>
#include <filesystem>
#include <mutex>
#include <thread>
#include <utility>

namespace weir::cli {
namespace {

using namespace std::chrono_literals;

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
             session.log_form()),
        fronts_(loops_of(loaded_)) {}

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
  Status open_caches();
  Status open_guards();
  Result<std::shared_ptr<const edge::Tables>> tables_of(const LoadedConfig& loaded,
                                                        const edge::Tables* before);
  std::shared_ptr<const edge::Tables> tables() const {
    return tables_.with([](const auto& held) { return held; });
  }
  Status open_data();
  Status open_server();
  void serve();
  void say_listening();
  void watch_memory();
  void watch_load();
  void forget_retired();
  void beat();
  void obey(std::string_view word);
  void drain(Nanos delay, Nanos quiet = limits::drain_quiet_time);
  void stop(int number);
  edge::Reloaded reload();
  Result<LoadedConfig> read_again();
  Status follow_access_log(const edge::Config& before, const edge::Config& after);
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
  std::uint64_t answers_seen_ = 0;      // likewise
  Mono load_seen_at_{};                 // likewise
  LineWriter lines_;
  Log log_;
  store::Disk disk_;
  std::unique_ptr<store::Store> store_;

  std::unique_ptr<Caches> caches_;

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
  AccessLogFile access_log_;
  edge::DeliveryLog deliveries_;
  edge::WebhookLimits webhook_limits_;
  std::unique_ptr<edge::PageDescriber> page_describer_;
  std::unique_ptr<edge::AnswerDescriber> answer_describer_;
  std::unique_ptr<edge::ControlParts> control_;
  edge::SuccessionParts succession_;
  std::unique_ptr<edge::FrontParts> front_;
  LoopFronts fronts_;
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
  TRY(open_caches());
  TRY(open_data());
  return open_server();
}

Status Serving::open_caches() {
  caches_ = TRY(Caches::open({loaded_.config, loaded_.store_directory, memory_bytes_max_, *store_,
                              [this] { return tables(); },
                              [this](std::size_t turn, std::function<void(edge::Front&)> work) {
                                return fronts_.post_to_one(turn, std::move(work));
                              },
                              *workers_, clock_, log_}));
  caches_->follow_peers();
  return done;
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
  caches_->use_data(*sync_);
  if (loaded_.config.data.relaxed) {
    log_.warning("durability-relaxed",
                 {{"meaning", "a power cut may lose what was written since the last sync"}});
  }
  return done;
}

Status Serving::open_server() {
  const edge::Config& config = loaded_.config;
  if (config.observability.access_log)
    TRY(access_log_.open(config.observability.access_log_file,
                         config.observability.access_log_queue_lines_max));
  control_ = std::make_unique<edge::ControlParts>(edge::ControlParts{
      caches_->pages(), *store_, *workers_, sync_.get(), clock_, log_, deliveries_, webhook_limits_,
      caches_->purge_feed(), draining_, [this] { return server_->counters(); },
      [this] { return fronts_.counters(); }, [this] { return tables()->pipeline->key_ages(); },
      [this] { return reload(); },
      [this] { return kept_.with([](const auto& why) { return why; }); }});
  page_describer_ = std::make_unique<edge::PageDescriber>(caches_->pages());
  answer_describer_ = std::make_unique<edge::AnswerDescriber>(caches_->answers(), clock_);
  control_->describers = {page_describer_.get(), answer_describer_.get()};
  control_->certificate_notes = [this] { return certificates_->notes(); };
  control_->certificates = [this] { return certificates_->ages(); };
  control_->answers = &caches_->answers();
  control_->lease = caches_->lease();
  control_->answer_disk = &caches_->answer_disk();
  control_->answer_polisher = &caches_->answer_polisher();
  control_->peers = [this] { return caches_->peer_rows(); };
  control_->upstreams = [this] {
    return edge::upstream_rows(tables()->pipeline->upstreams(), clock_.mono());
  };
  succession_.hand_over_socket = hand_over_socket_of(loaded_.store_directory);
  succession_.admin_socket = admin_socket_of(loaded_.store_directory);
  succession_.workers = workers_.get();
  front_ = std::make_unique<edge::FrontParts>(
      edge::FrontParts{caches_->pages(), sync_.get(), names_.get(), *control_, access_log_.lines(),
                       clock_, log_, succession_, &certificates_->tokens()});
  front_->proxy_store = caches_->proxy_store();
  front_->kv_changed = [this](const std::vector<std::string>& keys) {
    caches_->outdate_pages_of(keys);
  };

  auto settings = TRY(server_settings(loaded_, *certificates_, *start_.sockets));
  settings.is_exempt = [this](const http::Peer& peer) {
    return tables()->pipeline->proxies().has(guard::IpAddress{peer.address});
  };
  auto opened = http::Server::open(
      std::move(settings),
      [this](http::Loop& loop) -> std::unique_ptr<http::Handler> {
        return fronts_.make(*front_, tables(), loop);
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
  caches_->shed();
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
    caches_->tick();
    if (ticks++ % 10 != 0) return;
    tables()->pipeline->tick();
    certificates_->tick();
    watch_memory();
    watch_load();
    forget_retired();
    beat();
  });
  for (const Error& notice : loaded_.notices)
    log_.warning("configuration", {{"notice", notice.text()}});
  if (loaded_.config.allow_insecure)
    log_.warning("allow-insecure", {{"meaning", "a guard fails open"}});
  const auto release = caches_->pages().release();
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
  caches_->set_busy(true);
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
  fronts_.run_on_all([](edge::Front& front) { front.succession_changed(); });
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
  const auto until = std::chrono::steady_clock::now() + tables()->config.serve.drain_time_max;
  while (server_->listens() && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(1ms);
  succession_.phase.store(edge::SuccessionParts::Phase::succeeded, std::memory_order_release);
  // A loop that had nothing left has ended by now: nobody waits for it.
  fronts_.post_to_all([](edge::Front& front) { front.succession_changed(); });
}

// Once a second, or later on a host that others keep busy: whether there is time for what nobody
// waits for.
void Serving::watch_load() {
  const std::uint64_t answers = fronts_.answers();
  const std::uint64_t more = answers - std::exchange(answers_seen_, answers);
  const Mono now = clock_.mono();
  const std::chrono::duration<double> span = now - std::exchange(load_seen_at_, now);
  const bool is_asked_much =
      static_cast<double>(more) > span.count() * limits::polish_requests_per_second;
  caches_->set_busy(is_asked_much || pressure_ != Pressure::none ||
                    draining_.load(std::memory_order_relaxed));
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
  const bool stays = access_log_.lines() == nullptr || path == before.observability.access_log_file;
  return stays ? Status(done) : access_log_.move_to(path);
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
    kept_.with([&](std::string& why) { why = reason; });  // before it is told: readyz says so, too
    log_.error("configuration-kept", {{"reason", reason}});
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
  fronts_.run_on_all([next](edge::Front& front) { front.adopt(next); });
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
  if (access_log_.lines() == nullptr || path.empty()) return;
  if (const Status reopened = access_log_.move_to(path); !reopened.ok())
    log_.error("access-log-kept", {{"reason", reopened.error().text()}});
}

// First whoever could still post to a loop (signals, the data side, workers), then the loops, then
// what they used.
Serving::~Serving() {
  signals_.end();
  start_.link.end();
  if (stopper_.joinable()) stopper_.join();
  housekeeper_.reset();
  if (caches_ != nullptr) caches_->end_peers();
  if (caches_ != nullptr) caches_->end_tasks();  // a render that lands may still offer work
  workers_.reset();
  names_.reset();
  server_.reset();
  certificates_.reset();
  sync_.reset();
  keys_.reset();
  caches_.reset();
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
