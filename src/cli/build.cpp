// `weir build`: the site into a release, the release to whoever owns the store, plain files beside
// it.

#include "cli/commands.h"
#include "cli/publisher.h"
#include "cli/remote.h"
#include "cli/site_config.h"

#include "store/store.h"
#include "text/json.h"

namespace weir::cli {
namespace {

// Makes the release active: here when nobody owns the store, else through the server that does
// (cache C-59).
Status activate(const LoadedConfig& loaded, store::ReleaseId release, const Clock& clock, Log& log,
                store::Disk& disk) {
  store::StoreSettings settings;
  settings.directory = loaded.store_directory;
  settings.bytes_max = loaded.config.cache.bytes_max;
  settings.background = store::Background::none;
  auto opened = store::Store::open(settings, clock, log, disk);
  if (opened.ok()) {
    TRY((*opened)->adopt_release(release));
    return done;
  }
  if (opened.error().code != Errc::exists) return std::move(opened).error();
  const auto answer =
      call_admin(loaded.store_directory,
                 {"POST", "/_weir/releases", "{\"release\":" + std::to_string(release) + "}"});
  if (!answer.ok()) {
    return Error{Errc::exists, "another process holds the store " + loaded.store_directory +
                                   ", and no server answers: " + answer.error().what};
  }
  if (answer->status != 200)
    return Error{Errc::io, "the running server did not take the release: " + detail_of(*answer)};
  return done;
}

void print_summary(const Built& built, Session& session, bool timings) {
  const site::BuildReport& report = built.report;
  if (session.is_json()) {
    text::Value out = text::Value::Object{};
    out.set("schema", 1);
    out.set("release", built.release);
    out.set("pages", static_cast<std::uint64_t>(report.pages));
    out.set("sections", static_cast<std::uint64_t>(report.sections));
    out.set("orphans", static_cast<std::uint64_t>(report.orphans));
    out.set("written", static_cast<std::uint64_t>(built.written));
    out.set("unchanged", static_cast<std::uint64_t>(built.unchanged));
    out.set("warnings", static_cast<std::uint64_t>(report.warnings));
    out.set("ms", static_cast<std::int64_t>(built.took.count()));
    if (timings) {
      text::Value phases = text::Value::Object{};
      for (const site::PhaseTime& phase : report.phases)
        phases.set(phase.name, static_cast<std::int64_t>(phase.time.count()));
      text::Value templates = text::Value::Object{};
      for (const site::TemplateTime& row : report.templates)
        templates.set(row.name, static_cast<std::int64_t>(row.time.count()));
      out.set("phases_us", std::move(phases));
      out.set("templates_us", std::move(templates));
    }
    session.out(text::json_of(out) + "\n");
    return;
  }
  if (timings) {
    for (const site::PhaseTime& phase : report.phases) {
      session.talk("  " + phase.name + ": " + std::to_string(phase.time.count()) + " us\n");
    }
    for (const site::TemplateTime& row : report.templates) {
      session.talk("  " + row.name + ": " + std::to_string(row.outputs) + " outputs, " +
                   std::to_string(row.time.count()) + " us\n");
    }
  }
  if (session.is_quiet()) return;
  session.out(std::to_string(report.pages) + " pages, " + std::to_string(report.sections) +
              " sections, " + std::to_string(report.orphans) + " orphans, " +
              std::to_string(built.written) + " written, " + std::to_string(built.unchanged) +
              " unchanged, " + std::to_string(built.took.count()) + " ms\n");
}

}  // namespace

int run_build(const Arguments& arguments, Session& session) {
  const auto loaded = load_config(arguments, session, Notices::keep);
  if (!loaded) return exit_code::configuration;
  const std::unique_ptr<Clock> clock = build_clock(session);
  const SystemClock real;
  store::Disk disk;
  const BuildOrder order{*loaded, build_options_of(arguments, *loaded),
                         arguments.find("output-dir"), arguments.has("force"),
                         !arguments.has("no-export")};
  const auto built = build_release(order, session, *clock, disk);
  if (!built.ok())
    return session.fail(
        built.error().code == Errc::denied ? exit_code::unavailable : exit_code::failed,
        built.error());
  if (built->report.failed()) {
    session.talk("build failed; the active release stays as it is\n");
    return failure_code_of(built->report);
  }
  const Status active = [&] {
    LineWriter lines(2, limits::log_queue_lines_max);
    Log log(real, lines, LogLevel::warning, session.log_form());
    return activate(*loaded, built->release, real, log, disk);
  }();
  if (!active.ok())
    return session.fail(
        active.error().code == Errc::exists ? exit_code::unavailable : exit_code::failed,
        active.error());
  if (session.is_verbose())
    session.talk("release " + std::to_string(built->release) + " in " + loaded->store_directory +
                 "\n");
  print_summary(*built, session, arguments.has("timings") || session.is_verbose());
  return session.end(exit_code::done);
}

}  // namespace weir::cli
