// `weir dev`: the author's server. Watches the site, builds again what an edit touches, serves from
// memory and tells open pages to load again (S-76).
//
// Loopback unless told otherwise; a Host that is not this server's is refused, so that a web page
// elsewhere cannot read drafts by a name that it lets point here (DNS rebinding), and the event
// stream wants an Origin of its own.

#include "cli/commands.h"
#include "cli/dev_pages.h"
#include "cli/file_watcher.h"
#include "cli/publisher.h"
#include "cli/signals.h"
#include "cli/site_config.h"

#include "base/bytes.h"
#include "base/worker_pool.h"
#include "http/server.h"
#include "site/http_fetcher.h"
#include "site/resident.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <thread>

#include <spawn.h>
#include <unistd.h>

namespace weir::cli {
namespace {

constexpr std::string_view script_path = "/_weir/dev.js";
constexpr std::string_view events_path = "/_weir/dev/events";
constexpr std::string_view script =
    "// Loads the page again when the site has changed. The first word after a connection is the\n"
    "// build that is served: another one than at first means that the server was started anew.\n"
    "const events = new EventSource(\"/_weir/dev/events\");\n"
    "let first;\n"
    "events.addEventListener(\"build\", (event) => {\n"
    "  if (first === undefined) first = event.data;\n"
    "  else if (first !== event.data) location.reload();\n"
    "});\n"
    "events.addEventListener(\"failed\", (event) => console.error(\"weir: \" + event.data));\n"
    "addEventListener(\"pagehide\", () => events.close());\n";
constexpr std::string_view script_element = "<script src=\"/_weir/dev.js\" defer></script>";
constexpr Nanos beat = std::chrono::seconds(15);
constexpr std::size_t listeners_max = 256;

// What the server knows. `builder` is set before the loop runs.
struct Desk {
  std::string interface;
  const site::ResidentBuilder* builder = nullptr;
  DevPages* pages = nullptr;
  WorkerPool* workers = nullptr;
  std::function<void(const Error&)> say_error = {};
  std::string build = {};  // what pages compare; the loop's own
};

std::string name_of_host(std::string_view host) {
  if (host.starts_with('[')) return std::string(host.substr(0, host.find(']') + 1));
  return lower_of(host.substr(0, host.rfind(':')));
}

bool is_own_host(std::string_view host, std::string_view interface) {
  const std::string name = name_of_host(host);
  return name == "localhost" || name.ends_with(".localhost") || name == "127.0.0.1" ||
         name == "[::1]" || name == interface || name == '[' + std::string(interface) + ']';
}

// In front of the end of the body, else at the end: a page needs no body to be one.
std::string with_script(std::string_view html) {
  const std::size_t at = std::min(html.rfind("</body>"), html.size());
  return std::string(html.substr(0, at)) + std::string(script_element) +
         std::string(html.substr(at));
}

// One loop, so that everything here is of one thread.
class DevHandler final : public http::Handler {
 public:
  DevHandler(Desk& desk, http::Loop& loop) : desk_(desk), loop_(loop) { beat_later(); }

  void on_request(http::Exchange& exchange) override {
    const http::Request& request = exchange.request();
    if (!is_own_host(request.host, desk_.interface))
      return exchange.refuse(403, "this is a server for development: it answers to localhost and " +
                                      desk_.interface + ", not to other names");
    if (request.method != http::Method::get && request.method != http::Method::head)
      return exchange.refuse(405, "weir dev only shows pages", {{"Allow", "GET, HEAD"}});
    if (request.path == events_path) return open_events(exchange);
    if (request.path == script_path)
      return answer(exchange, 200, "text/javascript; charset=utf-8", std::string(script));
    show(exchange);
  }

  void on_finished(const http::Finished& finished) override {
    const http::ExchangeId id = finished.exchange.id();
    std::erase_if(listening_, [&](const Listening& one) { return one.id == id; });
  }

  void tell(std::string_view event, std::string_view data) {
    std::string text = "event: " + std::string(event) + "\ndata: ";
    for (const char c : data) text += c == '\n' ? std::string("\ndata: ") : std::string(1, c);
    say(text + "\n\n");
  }

 private:
  struct Listening {
    http::ExchangeId id;
    http::StreamWriter* writer;
  };

  static void answer(http::Exchange& exchange, int status, std::string_view type,
                     std::string body) {
    http::Response response;
    response.status = status;
    response.fields = {{"Content-Type", std::string(type)},
                       {"Cache-Control", "no-store"},
                       {"X-Content-Type-Options", "nosniff"}};
    response.body = std::move(body);
    exchange.respond(std::move(response));
  }

  void show(http::Exchange& exchange) {
    const std::string path(exchange.request().path);
    std::shared_ptr<const site::Output> output = desk_.builder->find(path);
    if (output == nullptr && !path.ends_with('/') && desk_.builder->find(path + '/') != nullptr)
      return exchange.respond(http::Response{308, {{"Location", path + '/'}}, {}});
    if (output != nullptr) return show(exchange, *output, output->status);
    const auto key = desk_.pages->key_of(path, exchange.request().query);
    if (key) return make(exchange, *key);
    show_not_found(exchange, path);
  }

  void show_not_found(http::Exchange& exchange, const std::string& path) {
    const auto output = desk_.builder->find("/404.html");
    if (output == nullptr) return exchange.refuse(404, "the site has no " + path);
    show(exchange, *output, 404);
  }

  static void show(http::Exchange& exchange, const site::Output& output, int status) {
    const bool is_html = output.content_type.starts_with("text/html");
    answer(exchange, status, output.content_type,
           is_html ? with_script(output.bytes) : output.bytes);
  }

  // Off the loop: its data may lie on another server.
  void make(http::Exchange& exchange, const std::string& key) {
    // A worker may outlive this handler; desk and loop outlive the worker.
    const Status offered =
        desk_.workers->offer([this, &desk = desk_, &loop = loop_, id = exchange.id(), key] {
          auto made = std::make_shared<const Result<site::Output>>(desk.pages->make(key));
          loop.post([this, id, key, made] {
            http::Exchange* const there = loop_.find(id);
            if (there == nullptr || there->answered()) return;
            if (!made->ok()) {
              desk_.say_error(made->error());
              return there->refuse(500, made->error().text());
            }
            const site::Output& output = made->value();
            if (output.status == 404) return show_not_found(*there, key);
            show(*there, output, output.status);
          });
        });
    if (!offered.ok()) exchange.refuse(503, "too many pages are being made");
  }

  void open_events(http::Exchange& exchange) {
    const http::Request& request = exchange.request();
    const http::Field* const origin = request.find("origin");
    if (origin != nullptr && origin->value != "http://" + std::string(request.host))
      return exchange.refuse(403, "another origin may not listen");
    if (listening_.size() >= listeners_max)
      return exchange.refuse(503, "too many pages listen already");
    http::StreamWriter& writer = exchange.start_stream(
        {200, {{"Content-Type", "text/event-stream"}, {"Cache-Control", "no-store"}}, {}});
    listening_.push_back({exchange.id(), &writer});
    writer.write("event: build\ndata: " + desk_.build + "\n\n");
  }

  void say(const std::string& text) {
    const std::vector<Listening> all = listening_;  // a write may end one
    for (const Listening& one : all)
      if (loop_.find(one.id) != nullptr) one.writer->write(text);
  }

  void beat_later() {
    loop_.after(beat, [this] {
      say(":\n\n");
      beat_later();
    });
  }

  Desk& desk_;
  http::Loop& loop_;
  std::vector<Listening> listening_;
};

struct DevOrder {
  std::string interface = "127.0.0.1";
  std::uint16_t port = 1111;
  Nanos debounce = std::chrono::milliseconds(25);
};

Result<DevOrder> order_of(const Arguments& arguments) {
  DevOrder order;
  order.interface = arguments.find("interface").value_or(order.interface);
  if (const auto text = arguments.find("port")) {
    const auto port = parse_u64(*text);
    if (!port || *port > 65'535)
      return Error{Errc::invalid, "--port is 0 to 65535, not '" + *text + "'"};
    order.port = static_cast<std::uint16_t>(*port);
  }
  if (const auto text = arguments.find("debounce")) {
    const auto milliseconds = parse_u64(*text);
    if (!milliseconds || *milliseconds > 60'000)
      return Error{Errc::invalid,
                   "--debounce is a number of milliseconds, 0 to 60000, not '" + *text + "'"};
    order.debounce = std::chrono::milliseconds(*milliseconds);
  }
  return order;
}

void open_browser(const std::string& url, const Session& session) {
  std::string program = "xdg-open";
  std::string address = url;
  char* words[] = {program.data(), address.data(), nullptr};
  pid_t child = 0;
  if (::posix_spawnp(&child, program.c_str(), nullptr, nullptr, words, environ) != 0)
    session.talk("no browser was opened: there is no xdg-open; the site is at " + url + "\n");
}

// Builds, tells what came of it, and lets open pages know.
class DevSite {
 public:
  DevSite(site::ResidentBuilder& builder, const site::SiteSource& source, const std::string& root,
          Session& session)
      : builder_(builder), source_(source), root_(root), session_(session) {}

  // An event for open pages, or none.
  struct News {
    std::string_view event = {};
    std::string data = {};
  };
  News build(const FileWatcher::Changes& changes) {
    const SystemClock clock;
    const Mono begun = clock.mono();
    std::vector<std::string> written;
    bool is_all_told = changes.is_all_told;
    for (const std::string& file : changes.files) {
      is_all_told = is_all_told && file.starts_with(root_ + '/');
      if (is_all_told) written.push_back(file.substr(root_.size() + 1));
    }
    const site::ResidentBuilder::Result result =
        is_all_told ? builder_.build(written) : builder_.build();
    const Nanos took = clock.mono() - begun;
    if (result.is_same) return {};
    show_report(result.report, source_, root_, session_);
    if (result.report.failed()) {
      session_.talk("the build failed; the last good pages are served\n");
      return {"failed", "the build failed; the terminal says why"};
    }
    const double milliseconds =
        std::chrono::duration_cast<std::chrono::duration<double, std::milli>>(took).count();
    char text[32];
    std::snprintf(text, sizeof text, milliseconds < 10 ? "%.1f" : "%.0f", milliseconds);
    session_.talk(std::to_string(result.report.outputs - result.report.kept) + " rendered, " +
                  std::to_string(result.changed.size()) + " changed, " + text + " ms\n");
    if (result.changed.empty()) return {};
    return {"build", std::to_string(clock.wall().ns)};
  }

 private:
  site::ResidentBuilder& builder_;
  const site::SiteSource& source_;
  const std::string& root_;
  Session& session_;
};

// What is no part of a site: dot directories, what builds write, other people's packages.
std::function<bool(const std::string&)> left_out_of(const LoadedConfig& loaded) {
  namespace fs = std::filesystem;
  std::error_code error;
  std::set<std::string> written;
  written.insert(fs::weakly_canonical(loaded.store_directory, error).string());
  const text::Value* output = loaded.tree.find("output_dir");
  const std::string directory =
      output != nullptr && output->string() != nullptr ? *output->string() : "public";
  written.insert(fs::weakly_canonical(fs::path(loaded.root) / directory, error).string());
  return [written = std::move(written)](const std::string& path) {
    std::error_code ignored;
    const fs::path whole = fs::weakly_canonical(path, ignored);
    const std::string name = fs::path(path).filename().string();
    const bool is_hidden = name.size() > 1 && name.front() == '.' && name != "..";
    return is_hidden || name == "node_modules" || written.count(whole.string()) != 0;
  };
}

}  // namespace

int run_dev(const Arguments& arguments, Session& session) {
  Signals signals;  // before any other thread
  const auto loaded = load_config(arguments, session, Notices::keep);
  if (!loaded) return exit_code::configuration;
  const auto order = order_of(arguments);
  if (!order.ok()) return session.fail(exit_code::usage, order.error());
  auto source = site::DirectorySource::open(loaded->root);
  if (!source.ok()) return session.fail(exit_code::failed, source.error());

  // The server first: its port is in every link of the site.
  const SystemClock clock;
  LineWriter lines(STDERR_FILENO, limits::log_queue_lines_max);
  Log log(clock, lines, LogLevel::error, session.log_form());
  site::HttpFetcher fetcher;
  const std::unique_ptr<Clock> site_clock = build_clock(session);
  site::BuildOptions options = build_options_of(arguments, *loaded);
  options.mode = site::Mode::serve;
  options.clock = site_clock.get();
  options.fetcher = &fetcher;

  auto workers = std::make_unique<WorkerPool>("pages", 2, limits::worker_queue_max);
  Desk desk{order->interface};
  desk.workers = workers.get();
  DevHandler* handler = nullptr;
  http::ServerSettings settings;
  http::ListenerSettings listener;
  listener.address = order->interface;
  listener.port = order->port;
  settings.listeners.push_back(std::move(listener));
  settings.timeouts.answer = std::chrono::hours(24);  // of the event streams
  auto server = http::Server::open(
      settings,
      [&](http::Loop& loop) {
        auto made = std::make_unique<DevHandler>(desk, loop);
        handler = made.get();
        return made;
      },
      clock, log);
  if (!server.ok()) return session.fail(exit_code::unavailable, server.error());
  const std::string port = std::to_string((*server)->ports().front());
  const bool is_six = order->interface.find(':') != std::string::npos;
  const std::string address =
      "http://" + (is_six ? '[' + order->interface + ']' : order->interface) + ':' + port;
  if (!options.base_url) {
    options.base_url = address;
  } else if (!arguments.has("no-port-append")) {
    options.base_url = *options.base_url + ':' + port;
  }

  site::ResidentBuilder builder(**source, options);
  desk.builder = &builder;
  auto pages = DevPages::open(*loaded, **source, options);
  if (!pages.ok()) return session.fail(exit_code::configuration, pages.error());
  desk.pages = pages->get();
  desk.say_error = [&session](const Error& error) { session.show(error); };
  DevSite site(builder, **source, loaded->root, session);
  WatchOrder watch{{loaded->root}, left_out_of(*loaded), order->debounce, arguments.has("poll")};
  for (std::string& path : arguments.all("extra-watch-path"))
    watch.roots.push_back(std::move(path));
  auto watcher = FileWatcher::open(std::move(watch));  // before the build: no edit is missed
  if (!watcher.ok()) return session.fail(exit_code::failed, watcher.error());
  desk.build = std::to_string(clock.wall().ns);
  (void)site.build({});
  session.out(address + "/\n");
  if (arguments.has("open")) open_browser(address + '/', session);

  http::Loop& loop = (*server)->loop(0);
  signals.listen({[&](int) {
                    (*watcher)->stop();
                    (*server)->stop(Nanos(0), Nanos(0));
                  },
                  {},
                  {}});
  std::thread watching([&] {
    for (;;) {
      const FileWatcher::Changes changes = (*watcher)->wait();
      if (changes.event == FileWatcher::Event::stopped) break;
      (*pages)->changed();
      DevSite::News news = site.build(changes);
      if (news.event.empty()) continue;
      loop.post([&desk, &handler, news = std::move(news)] {
        if (news.event == "build") desk.build = news.data;
        handler->tell(news.event, news.data);
      });
    }
  });
  (*server)->run();
  (*watcher)->stop();
  watching.join();
  workers.reset();  // before the loop that they answer to
  signals.end();
  return exit_code::done;
}

}  // namespace weir::cli
