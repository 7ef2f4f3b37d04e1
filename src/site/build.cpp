// `build`, one line per stage.

#include "site/build.h"

#include "base/embedded.h"
#include "base/limits.h"
#include "base/must.h"
#include "base/worker_pool.h"
#include "http/mime.h"
#include "site/hosting.h"
#include "site/increment.h"
#include "site/link_checker.h"
#include "site/site.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <set>

namespace weir::site {

namespace {

class Stopwatch {
 public:
  Stopwatch(const Clock& clock, BuildReport& report)
      : clock_(clock), report_(report), at_(clock.mono()) {}
  void lap(std::string_view name) {
    const Mono now = clock_.mono();
    report_.phases.push_back(
        {std::string(name), std::chrono::duration_cast<std::chrono::microseconds>(now - at_)});
    at_ = now;
  }

 private:
  const Clock& clock_;
  BuildReport& report_;
  Mono at_;
};

void count_outputs(const Site& site, BuildReport& report) {
  const Library& library = site.library();
  report.pages =
      static_cast<std::size_t>(std::count_if(library.pages.begin(), library.pages.end(),
                                             [](const Page& page) { return page.front.render; }));
  report.sections = library.sections.size();
  report.orphans = library.orphans.size();
}

// A release keeps what any later render may read: the configuration, all content, templates and
// static files, and the data files that were read.
std::vector<BuildInput> inputs_of(const Site& site) {
  std::vector<BuildInput> inputs;
  std::vector<std::string> directories = {"content", "static", "templates"};
  if (!site.config().theme.empty()) directories.push_back("themes/" + site.config().theme);
  for (const std::string& directory : directories) {
    const Result<SiteSource::SharedListing> listing = site.source().listing(directory);
    if (!listing.ok()) continue;
    inputs.reserve(inputs.size() + (*listing)->files.size());
    for (const FoundFile& file : (*listing)->files) inputs.push_back({file.path, look_of(file)});
  }
  const auto listed = static_cast<std::ptrdiff_t>(inputs.size());
  const auto add = [&](std::string name) {
    const Result<std::optional<FoundFile>> file = site.source().look(name);
    const bool is_there = file.ok() && *file;
    inputs.push_back({std::move(name), is_there ? look_of(**file) : FileLook()});
  };
  for (const std::string_view file : {"weir.toml", "zola.toml", "config.toml"}) {
    const Result<bool> is_there = site.source().exists(file);
    if (is_there.ok() && *is_there) add(std::string(file));
  }
  add(site.config().file);
  for (std::string& file : site.data().files_read()) add(std::move(file));
  for (const std::string& file : site.files().sass()) add(file);
  if (const auto& highlighting = site.config().markdown.highlighting)
    for (const std::string& file : highlighting->files) add(file);
  // The listings are sorted, and their directories' names are in order and no prefixes of each
  // other.
  const auto by_name = [](const BuildInput& a, const BuildInput& b) { return a.name < b.name; };
  std::stable_sort(inputs.begin() + listed, inputs.end(), by_name);
  std::inplace_merge(inputs.begin(), inputs.begin() + listed, inputs.end(), by_name);
  inputs.erase(
      std::unique(inputs.begin(), inputs.end(),
                  [](const BuildInput& a, const BuildInput& b) { return a.name == b.name; }),
      inputs.end());
  return inputs;
}

// Renders all outputs; the first error of the sink ends it.
void render_outputs(const Site& site, const BuildOptions& options, Increment* increment,
                    OutputSink& sink, Diagnostics& diagnostics, BuildReport& report) {
  std::atomic<std::size_t> written{0};
  std::atomic<std::size_t> kept{0};
  Guarded<std::map<std::string, std::pair<std::size_t, Nanos>>> times;
  std::atomic<bool> sink_failed{false};
  const std::vector<Planned>& outputs = site.plan().outputs;
  const std::size_t threads = options.threads == 0 ? cores() : options.threads;
  if (options.progress != nullptr) options.progress->begin("rendering", outputs.size());
  for_each_parallel(outputs.size(), threads, [&](std::size_t i) {
    if (options.progress != nullptr) options.progress->done.fetch_add(1, std::memory_order_relaxed);
    if (sink_failed.load(std::memory_order_relaxed)) return;
    if (increment != nullptr && increment->is_unchanged(i) &&
        sink.keep(outputs[i].file, outputs[i].path)) {
      ++kept;
      return;
    }
    ReadSet reads;
    const Mono begun = options.clock->mono();
    Result<Output> output = site.render(outputs[i], &reads);
    if (output.ok() && !output->template_name.empty()) {
      const Nanos took = options.clock->mono() - begun;
      times.with([&](auto& all) {
        auto& [count, total] = all[output->template_name];
        ++count;
        total += took;
      });
    }
    if (!output.ok()) return diagnostics.error(std::move(output).error());
    if (increment != nullptr) increment->note(i, reads);
    const Status put = sink.put(std::move(output).value());
    if (put.ok()) {
      ++written;
    } else if (!sink_failed.exchange(true)) {
      diagnostics.error(put.error());
    }
  });
  report.outputs = written.load() + kept.load();
  report.kept = kept.load();
  times.with([&](const auto& all) {
    for (const auto& [name, row] : all)
      report.templates.push_back(
          {name, row.first, std::chrono::duration_cast<std::chrono::microseconds>(row.second)});
  });
  std::stable_sort(report.templates.begin(), report.templates.end(),
                   [](const TemplateTime& a, const TemplateTime& b) { return a.time > b.time; });
}

// What resize_image was asked for; returns how many.
std::size_t make_images(const Site& site, const BuildOptions& options, const Increment* increment,
                        OutputSink& sink, Diagnostics& diagnostics, BuildReport& report) {
  std::vector<ProcessedImages::Wanted> wanted;
  std::set<std::string> names;
  for (auto& [name, one] : site.processed_images().all()) {
    names.insert(name);
    const std::string path = '/' + std::string(processed_root) + name;
    if (site.plan().find(path) == nullptr) wanted.push_back(std::move(one));  // static/ wins
  }
  // Those that nobody asked for in this build, because who shows them was not rendered.
  std::size_t taken_over = 0;
  for (const std::string& file :
       increment == nullptr ? std::vector<std::string>() : increment->images_of_kept()) {
    const std::string name = file.substr(processed_root.size());
    if (!names.insert(name).second || site.plan().find('/' + file) != nullptr) continue;
    taken_over += sink.keep(file, '/' + file) ? 1 : 0;
  }
  report.kept += taken_over;
  // Whole images are held meanwhile.
  constexpr std::size_t threads_max = 4;
  const std::size_t threads = options.threads == 0 ? cores() : options.threads;
  if (options.progress != nullptr) options.progress->begin("resizing images", wanted.size());
  for_each_parallel(wanted.size(), std::min(threads, threads_max), [&](std::size_t i) {
    if (options.progress != nullptr) options.progress->done.fetch_add(1, std::memory_order_relaxed);
    const auto& [plan, place] = wanted[i];
    std::optional<std::string> bytes =
        options.images == nullptr ? std::nullopt : options.images->find(plan.name);
    if (!bytes) {
      const Result<std::string> source = site.files().read(plan.file);
      if (!source.ok()) return diagnostics.error(Error(source.error()).at(place));
      Result<std::string> made = processed_image(*source, plan);
      if (!made.ok())
        return diagnostics.error(
            std::move(made).error().in("resize_image: " + plan.file).at(place));
      bytes = std::move(made).value();
      if (options.images != nullptr)
        if (const Status kept = options.images->keep(plan.name, *bytes); !kept.ok())
          diagnostics.remark(Error(kept.error()).in("resized images are not kept"));
    }
    Output output;
    output.kind = OutputKind::asset;
    output.file = std::string(processed_root) + plan.name;
    output.path = '/' + output.file;
    output.content_type = http::content_type_of(output.file);
    output.bytes = std::move(*bytes);
    if (const Status put = sink.put(std::move(output)); !put.ok()) diagnostics.error(put.error());
  });
  if (options.images != nullptr && !diagnostics.failed()) options.images->prune(names);
  return wanted.size() + taken_over;
}

void finish(const Diagnostics& diagnostics, BuildReport& report) {
  report.diagnostics = diagnostics.sorted();
  report.warnings = diagnostics.warnings();
  report.errors = diagnostics.errors();
}

}  // namespace

Workpiece::Workpiece() = default;
Workpiece::~Workpiece() {
  increment.reset();
  site.reset();
}
Workpiece::Workpiece(Workpiece&&) noexcept = default;
Workpiece& Workpiece::operator=(Workpiece&& other) noexcept {
  increment = std::move(other.increment);  // first who refers to the others of its own workpiece
  site = std::move(other.site);
  diagnostics = std::move(other.diagnostics);
  return *this;
}

BuildReport build(const SiteSource& source, const BuildOptions& options, OutputSink& sink) {
  Workpiece work;
  BuildReport report = build(source, options, sink, work);
  if (options.remembers && !report.failed()) report.memory = take_memory(work, report);
  return report;
}

BuildMemory take_memory(Workpiece& work, const BuildReport& report) {
  MUST(work.increment != nullptr && !report.failed());
  return work.increment->take_memory(report);
}

namespace {

void check_dynamic_routes(const Site& site, Diagnostics& diagnostics) {
  for (DynamicRoute route : site.options().dynamic_routes) {
    route.place.file = site.config().file;
    for (Error& error : check_dynamic(site, route)) diagnostics.error(std::move(error));
  }
}

}  // namespace

BuildReport build(const SiteSource& source, const BuildOptions& options, OutputSink& sink,
                  Workpiece& work) {
  BuildReport report;
  work.increment.reset();
  work.site.reset();
  work.diagnostics = std::make_unique<Diagnostics>(options.strictness);
  Diagnostics& diagnostics = *work.diagnostics;
  Stopwatch watch(*options.clock, report);

  work.site = Site::load(source, options, Liveness::built, diagnostics);
  const std::unique_ptr<Site>& site = work.site;
  watch.lap("load");
  if (site) {
    report.base_url = site->config().base_url;
    report.output_dir = site->config().output_dir;
    report.exports = site->config().exports;
    report.preserve_dotfiles = site->config().preserve_dotfiles_in_output;
    report.config_file = site->config().file;
    count_outputs(*site, report);
  }
  if (site) check_dynamic_routes(*site, diagnostics);
  if (site && !diagnostics.failed()) {
    if (options.remembers) {
      work.increment = std::make_unique<Increment>(*site, options, sink);
      work.increment->keep_contents();
      watch.lap("compare");
    }
    site->render_all_content();
    watch.lap("markdown");
    if (options.mode == Mode::check && options.external_links == ExternalLinks::asked)
      check_external_links(*site, diagnostics);
  }
  if (site && !diagnostics.failed()) {
    sink.use_rules(read_hosting_rules(*site, diagnostics));
    if (work.increment) work.increment->compare_facts();
    watch.lap("compare");
    render_outputs(*site, options, work.increment.get(), sink, diagnostics, report);
    watch.lap("templates");
    if (options.mode != Mode::check && !diagnostics.failed())
      report.outputs +=
          make_images(*site, options, work.increment.get(), sink, diagnostics, report);
    watch.lap("images");
    report.inputs = inputs_of(*site);
    watch.lap("inputs");
  }
  finish(diagnostics, report);
  return report;
}

BuildReport check(const SiteSource& source, const BuildOptions& options) {
  class Nowhere final : public OutputSink {
   public:
    Status put(Output&&) override { return done; }
  };
  Nowhere nowhere;
  return build(source, options, nowhere);
}

std::string source_of(const SiteSource& source, const Place& place) {
  constexpr std::string_view builtin = "builtin:";
  if (place.file.starts_with(builtin)) {
    const EmbeddedFile* file = find_embedded(std::string_view(place.file).substr(builtin.size()));
    return file == nullptr ? std::string() : std::string(file->bytes);
  }
  if (place.file.empty()) return {};
  return source.read(place.file).value_or(std::string());
}

}  // namespace weir::site
