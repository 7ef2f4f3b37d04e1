// `weir serve`: builds the objects, hands them to each other, and waits. Reads from top to bottom
// like a day of the server: configuration, store, a first build when there is nothing to serve,
// cache, guards, data, listeners, run, drain.

#include "cli/certificates.h"
#include "cli/commands.h"
#include "cli/publisher.h"
#include "cli/remote.h"
#include "cli/signals.h"
#include "cli/site_config.h"
#include "cli/site_origin.h"
#include "cli/wiring.h"

#include "base/memory.h"
#include "base/must.h"
#include "base/version.h"
#include "edge/front.h"
#include "site/http_fetcher.h"

#include <fcntl.h>
#include <unistd.h>
#include <algorithm>
#include <condition_variable>
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
Status apply_flags(const Arguments& arguments, edge::ServeSettings& serve) {
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
    serve.listeners.insert(serve.listeners.begin(), std::move(listen));
  }
  return done;
}

edge::ListenerKind kind_of(const edge::ListenSettings& listen) {
  if (listen.redirects_to_https) return edge::ListenerKind::redirect;
  if (!listen.is_admin) return edge::ListenerKind::open;
  return listen.admin_token.is_empty() ? edge::ListenerKind::admin
                                       : edge::ListenerKind::admin_with_token;
}

Result<http::ServerSettings> server_settings(const LoadedConfig& loaded,
                                             const Certificates& certificates) {
  const edge::ServeSettings& serve = loaded.config.serve;
  http::ServerSettings settings;
  http::ListenerSettings socket;
  socket.unix_path = admin_socket_of(loaded.store_directory);
  socket.tag = static_cast<int>(edge::ListenerKind::admin_socket);
  settings.listeners.push_back(std::move(socket));
  for (const edge::ListenSettings& listen : serve.listeners) {
    http::ListenerSettings one;
    one.address = listen.endpoint.host;
    one.port = listen.endpoint.port;
    one.tag = static_cast<int>(kind_of(listen));
    one.tls = certificates.context_for(listen.tls);
    one.proxy_protocol = listen.proxy_protocol;
    settings.listeners.push_back(std::move(one));
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
  settings.loops = serve.loops == 0 ? cores() : serve.loops;
  return settings;
}

// `memory_bytes_max` is the whole process'; a quarter of it is the most that pages may have.
cache::CacheSettings cache_settings(const edge::CacheSettings& said, std::size_t memory_bytes_max) {
  cache::CacheSettings settings;
  settings.memory_bytes_max = said.memory_bytes_max;
  if (memory_bytes_max != 0)
    settings.memory_bytes_max = std::min(settings.memory_bytes_max, memory_bytes_max / 4);
  settings.fill_wait = said.fill_wait;
  settings.warm_window = said.warm_window;
  using HardOnError = cache::CacheSettings::HardOnError;
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

// Which exit code an error at start deserves.
int code_of(const Error& error) {
  switch (error.code) {
    case Errc::invalid: return exit_code::configuration;
    default: return exit_code::unavailable;
  }
}

class Serving {
 public:
  Serving(LoadedConfig loaded, Session& session)
      : loaded_(std::move(loaded)),
        session_(session),
        memory_bytes_max_(loaded_.config.serve.memory_bytes_max != 0
                              ? loaded_.config.serve.memory_bytes_max
                              : memory_allowed()),
        lines_(2, limits::log_queue_lines_max),
        log_(clock_, lines_, session.is_verbose() ? LogLevel::debug : LogLevel::info,
             session.log_form()) {}

  int run(std::string_view when_to_build) {
    signals_.listen(
        {[this](int number) { stop(number); }, [this] { reload(); }, [this] { reopen_logs(); }});
    if (const Status opened = open_store(); !opened.ok()) return refuse_start(opened.error());
    if (const int code = build_first(when_to_build); code != exit_code::done) return code;
    if (const Status opened = open_rest(); !opened.ok()) return refuse_start(opened.error());
    serve();
    return exit_code::done;
  }

  ~Serving();

 private:
  Status open_store();
  int build_first(std::string_view when);
  Status open_rest();
  void open_cache();
  Status open_guards();
  Status open_data();
  Status open_server();
  void serve();
  void say_listening();
  void watch_memory();
  void stop(int number);
  void reload();
  void reopen_logs();
  int refuse_start(const Error& error);

  Signals signals_;  // first: blocks the signals in every thread made below
  const SystemClock clock_;
  LoadedConfig loaded_;
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

  std::unique_ptr<edge::Pipeline>
      pipeline_;  // outlives the fetcher, which may still call back into it
  std::unique_ptr<KeyFetcher> keys_;
  std::unique_ptr<WorkerPool> workers_;
  std::unique_ptr<http::NameResolver> names_;  // null = no proxy routes
  std::unique_ptr<sync::SyncService> sync_;

  std::atomic<bool> serving_{false};  // the server is there, and there is something to drain
  std::atomic<bool> draining_{false};
  std::thread sync_stop_;
  std::unique_ptr<Certificates> certificates_;
  Descriptor access_file_, access_file_before_;
  std::unique_ptr<LineWriter> access_lines_;
  std::unique_ptr<edge::ControlParts> control_;
  std::unique_ptr<edge::FrontParts> front_;
  Guarded<std::vector<const edge::Counters*>> counters_;
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
  auto opened = store::Store::open(settings, clock_, log_, disk_);
  if (!opened.ok()) {
    if (opened.error().code != Errc::exists)
      return Error{Errc::io, opened.error().what, {}, "is the directory writable?", {}};
    return Error{Errc::exists, "another weir owns the store " + loaded_.store_directory}.with_help(
        "stop it, or give this one its own with --store DIR");
  }
  store_ = std::move(opened).value();
  return done;
}

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
  TRY(open_guards());
  TRY(open_data());
  return open_server();
}

void Serving::open_cache() {
  origin_ = std::make_unique<SiteOrigin>(loaded_.config, clock_, site_fetcher_);
  loads_ = std::make_unique<PoolTasks>("loads", 2, limits::worker_queue_max);
  renders_ = std::make_unique<PoolTasks>("renders", 4 * cores(), limits::worker_queue_max);
  cache_ = std::make_unique<cache::PageCache>(
      cache_settings(loaded_.config.cache, memory_bytes_max_),
      cache::PageCache::Parts{*store_, *origin_, *loads_, *renders_, clock_, log_});
}

Status Serving::open_guards() {
  keys_ = std::make_unique<KeyFetcher>();
  workers_ = std::make_unique<WorkerPool>("edge", 2, limits::worker_queue_max);
  pipeline_ = TRY(edge::Pipeline::open(loaded_.config,
                                       {*keys_, *workers_, clock_, log_, loaded_.store_directory}));
  certificates_ = TRY(Certificates::open(loaded_.config, loaded_.store_directory, clock_, log_));
  if (!pipeline_->upstreams().empty()) names_ = std::make_unique<http::NameResolver>();
  return done;
}

Status Serving::open_data() {
  if (!loaded_.config.data.present) return done;
  auto opened = sync::SyncService::open(sync_settings(loaded_.config.data), clock_, log_);
  if (!opened.ok()) return std::move(opened).error();
  sync_ = std::move(opened).value();
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
  control_ = std::make_unique<edge::ControlParts>(
      edge::ControlParts{config,
                         *cache_,
                         *store_,
                         *workers_,
                         sync_.get(),
                         log_,
                         draining_,
                         {},
                         [this] { return server_->counters(); },
                         [this] { return counters_.with([](const auto& all) { return all; }); },
                         [this] { return pipeline_->key_ages(); },
                         {}});
  for (const edge::ListenSettings& listen : config.serve.listeners) {
    if (listen.is_admin && !listen.admin_token.is_empty())
      control_->admin_tokens.push_back(listen.admin_token);
  }
  if (config.allow_insecure) control_->notes.push_back("allow_insecure: a guard fails open");
  for (const Error& notice : loaded_.notices) control_->notes.push_back(notice.what);
  control_->certificate_notes = [this] { return certificates_->notes(); };
  control_->certificates = [this] { return certificates_->ages(); };
  front_ = std::make_unique<edge::FrontParts>(
      edge::FrontParts{config, *pipeline_, *cache_, sync_.get(), names_.get(), *control_,
                       access_lines_.get(), clock_, log_, &certificates_->tokens()});

  auto settings = TRY(server_settings(loaded_, *certificates_));
  settings.is_exempt = [this](const http::Peer& peer) {
    return pipeline_->proxies().has(guard::IpAddress{peer.address});
  };
  auto opened = http::Server::open(
      std::move(settings),
      [this](http::Loop& loop) -> std::unique_ptr<http::Handler> {
        auto front = std::make_unique<edge::Front>(*front_, loop);
        counters_.with([&](auto& all) { all.push_back(&front->counters()); });
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
  return_free_memory();
}

void Serving::say_listening() {
  const auto& listeners = loaded_.config.serve.listeners;
  for (std::size_t at = 0; at < listeners.size(); ++at) {
    const edge::ListenSettings& listen = listeners[at];
    // The admin socket stands in front of the configured listeners.
    const edge::Endpoint bound{listen.endpoint.host, server_->ports()[at + 1]};
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
    if (ticks++ % 10 != 0) return;
    pipeline_->tick();
    certificates_->tick();
    watch_memory();
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
  say_listening();
  certificates_->start();  // an authority may look as soon as we ask: the listeners are there
  server_->run();
  log_.info("stopped");
}

// readyz turns first, then the listeners close, and the data side answers whoever waits (wire
// H-49). A start that is still under way has nothing to drain: what the store holds is safe at
// every moment.
void Serving::stop(int number) {
  if (!serving_.load(std::memory_order_acquire)) ::_exit(128 + number);
  draining_.store(true, std::memory_order_release);
  log_.info("draining", {{"seconds", std::chrono::duration_cast<std::chrono::seconds>(
                                         loaded_.config.serve.drain_time_max)
                                         .count()}});
  server_->stop(loaded_.config.serve.drain_time_max);
  if (sync_ != nullptr) sync_stop_ = std::thread([this] { sync_->stop(); });
}

void Serving::reload() {
  if (!serving_.load(std::memory_order_acquire)) return;
  if (certificates_->reload()) log_.info("certificates-reloaded");
  log_.warning(
      "configuration-kept",
      {{"notice", "reloading the configuration is not available yet: restart to apply a change"}});
}

void Serving::reopen_logs() {
  if (!serving_.load(std::memory_order_acquire)) return;
  if (access_lines_ == nullptr || loaded_.config.observability.access_log_file.empty()) return;
  auto reopened = open_access_log(loaded_.config.observability.access_log_file);
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
  if (sync_stop_.joinable()) sync_stop_.join();
  housekeeper_.reset();
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
  auto loaded = load_config(arguments, session, Notices::keep);
  if (!loaded) return exit_code::configuration;
  const Status applied = apply_flags(arguments, loaded->config.serve);
  if (!applied.ok()) {
    return session.fail(
        applied.error().code == Errc::denied ? exit_code::configuration : exit_code::usage,
        applied.error());
  }
  // The environment may hold secrets; it is read by now.
  Serving serving(std::move(*loaded), session);
  return serving.run(arguments.find("build").value_or("missing"));
}

}  // namespace weir::cli
