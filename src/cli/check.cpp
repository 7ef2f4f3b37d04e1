// `weir check`: everything that a build and a start would read, read once, with all mistakes shown.

#include "cli/certificates.h"
#include "cli/commands.h"
#include "cli/publisher.h"
#include "cli/site_config.h"
#include "cli/wiring.h"

#include "base/worker_pool.h"
#include "edge/pipeline.h"
#include "site/http_fetcher.h"

#include <filesystem>

namespace weir::cli {
namespace {

// Certificates, key sets, rule files, limits: what `serve` would open.
bool check_server_files(const LoadedConfig& loaded, Session& session) {
  bool good = true;
  const SystemClock clock;
  LineWriter lines(2, limits::log_queue_lines_max);
  Log log(clock, lines, LogLevel::error, session.log_form());
  WorkerPool workers("check", 1, 1);
  NoFetcher nobody;
  const auto pipeline = edge::Pipeline::open(loaded.config, {nobody, workers, clock, log, {}});
  if (!pipeline.ok()) {
    session.show(pipeline.error(), loaded.source);
    good = false;
  }
  const auto certificates = Certificates::open(loaded.config, loaded.store_directory, clock, log);
  if (!certificates.ok()) {
    session.show(certificates.error(), loaded.source);
    good = false;
  }
  return good;
}

}  // namespace

int run_check(const Arguments& arguments, Session& session) {
  const std::string only = arguments.find("only").value_or("");
  const auto loaded = load_config(arguments, session);
  if (!loaded) return exit_code::configuration;
  if (only.empty() || only == "config") {
    if (!check_server_files(*loaded, session)) return exit_code::configuration;
    if (only == "config") {
      session.talk("the configuration is valid\n");
      return exit_code::done;
    }
  }
  auto source = site::DirectorySource::open(loaded->root);
  if (!source.ok()) return session.fail(exit_code::failed, source.error());
  const std::unique_ptr<Clock> clock = build_clock(session);
  site::HttpFetcher fetcher;
  site::BuildOptions options = build_options_of(arguments, *loaded);
  options.mode = site::Mode::check;
  if (arguments.has("external") && !arguments.has("skip-external-links"))
    options.external_links = site::ExternalLinks::asked;
  options.clock = clock.get();
  options.fetcher = &fetcher;
  const site::BuildReport report = site::check(**source, options);
  show_report(report, **source, loaded->root, session);
  if (report.failed()) return failure_code_of(report);
  session.talk(std::to_string(report.pages) + " pages, " + std::to_string(report.sections) +
               " sections, " + std::to_string(report.warnings) + " warnings: good\n");
  return exit_code::done;
}

}  // namespace weir::cli
