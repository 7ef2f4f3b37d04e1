#include "cli/publisher.h"

#include "cli/answer_fields.h"
#include "cli/exporter.h"
#include "cli/image_store.h"
#include "cli/progress.h"
#include "cli/release_source.h"
#include "edge/site_rules.h"
#include "site/hosting.h"
#include "site/http_fetcher.h"
#include "site/increment.h"
#include "text/json.h"

#include "base/bytes.h"
#include "base/file_draft.h"
#include "base/must.h"
#include "base/worker_pool.h"

#include <algorithm>
#include <atomic>
#include <thread>

namespace weir::cli {
namespace {

// Where outputs go: into the release, and to the exporter. Redirects wait until the report names
// base_url.
class Sink final : public site::OutputSink {
 public:
  Sink(store::ReleaseWriter& writer, Exporter* exporter, const edge::Config& config)
      : writer_(writer), exporter_(exporter), config_(config) {}

  void use_rules(const site::HostingRules& rules) override { rules_ = rules; }

  Status put(site::Output&& output) override {
    if (exporter_ != nullptr) TRY(exporter_->put(output.file, output.bytes));
    count_.fetch_add(1, std::memory_order_relaxed);
    // Rules, not pages: they go where no request reaches them.
    if (is_rule(output.path)) return done;
    if (output.kind == site::OutputKind::redirect) {
      redirects_.with([&](std::vector<site::Output>& held) { held.push_back(std::move(output)); });
      return done;
    }
    return add(std::move(output), {});
  }

  bool holds(const std::string& file, const std::string& path) const override {
    if (exporter_ != nullptr && !exporter_->holds(file)) return false;
    return is_rule(path) || writer_.holds(path);
  }
  bool keep(const std::string& file, const std::string& path) override {
    // Both or neither: what one side cannot keep is rendered, and then given to both.
    if (exporter_ != nullptr && !exporter_->holds(file)) return false;
    if (!is_rule(path) && !writer_.keep(path)) return false;
    if (exporter_ != nullptr) exporter_->keep(file);
    count_.fetch_add(1, std::memory_order_relaxed);
    kept_.fetch_add(1, std::memory_order_relaxed);
    return true;
  }

  Status add_redirects(std::string_view base_url) {
    std::vector<site::Output> held =
        redirects_.with([](std::vector<site::Output>& waiting) { return std::move(waiting); });
    for (site::Output& output : held) TRY(add(std::move(output), base_url));
    return done;
  }
  // The author's rules, for renders and look-ups to come.
  Status add_rules() {
    if (rules_.redirects)
      TRY(writer_.add_input({std::string(edge::redirects_input_name),
                             edge::kept_rules_text(rules_.hosting, *rules_.redirects), 0}));
    if (rules_.headers)
      TRY(writer_.add_input({std::string(edge::headers_input_name),
                             edge::kept_rules_text(rules_.hosting, *rules_.headers), 0}));
    return done;
  }
  std::size_t count() const { return count_.load(); }
  std::size_t kept() const { return kept_.load(); }

 private:
  static bool is_rule(std::string_view path) {
    return path == site::redirects_path || path == site::headers_path;
  }
  Status add(site::Output&& output, std::string_view base_url) {
    store::NewEntry entry;
    entry.status = status_of(output);
    entry.kind = kind_of(output.kind);
    entry.renderable = output.is_rendered ? store::Renderable::yes : store::Renderable::no;
    entry.fields = fields_of(output, base_url);
    entry.policy = policy_of(output, config_);
    entry.path = std::move(output.path);
    entry.content_type = std::move(output.content_type);
    if (rules_.header_rules != nullptr)
      apply_header_rules(*rules_.header_rules, entry.path, entry.fields, entry.content_type);
    entry.body = std::move(output.bytes);
    entry.tags = std::move(output.tags);
    return writer_.add(std::move(entry));
  }

  store::ReleaseWriter& writer_;
  Exporter* exporter_;
  const edge::Config& config_;
  site::HostingRules rules_;  // set before the first output, then only read
  std::atomic<std::size_t> count_{0};
  std::atomic<std::size_t> kept_{0};
  Guarded<std::vector<site::Output>> redirects_;
};

// The configuration, templates, content and data that a later render reads (the design's "way of a
// page").
Status keep_inputs(store::ReleaseWriter& writer, const site::SiteSource& source,
                   const site::BuildReport& report, const site::BuildOptions& options) {
  std::uint32_t next = 0;
  const auto looks_the_same = [&](const site::BuildInput& input) {
    if (options.before == nullptr) return false;
    const site::BuildMemory& before = *options.before;
    const std::uint32_t row = before.find_file(input.name, next);
    if (row == site::BuildMemory::none) return false;
    next = row + 1;
    return before.files[row].look == input.look && !before.is_racy(input.look);
  };
  std::vector<std::size_t> read_anew;
  for (std::size_t i = 0; i < report.inputs.size(); ++i)
    if (!looks_the_same(report.inputs[i]) || !writer.keep_input(report.inputs[i].name))
      read_anew.push_back(i);
  const auto keep = [&](std::size_t i) -> Status {
    store::NewInput input;
    input.name = report.inputs[read_anew[i]].name;
    input.bytes = TRY(source.read(input.name));
    return writer.add_input(std::move(input));
  };
  TRY(try_each_parallel(read_anew.size(), cores(), keep));
  BuildNote note;
  note.config_file = report.config_file;
  note.has_base_url = options.base_url.has_value();
  note.base_url = options.base_url.value_or("");
  note.drafts = options.drafts == site::Drafts::include;
  note.minify = options.minify;
  note.site_url = report.base_url;
  return writer.add_input({std::string(build_note_name), build_note_text(note), 0});
}

// Which directory plain files go to is the site's to say, so its configuration is read before
// anything is rendered.
struct ExportPlan {
  std::string directory;
  Exporter::Claim claim = Exporter::Claim::configured;
};

std::string text_at(const text::Value& tree, std::string_view key, std::string_view otherwise) {
  const text::Value* found = tree.find(key);
  return found == nullptr || found->string() == nullptr ? std::string(otherwise) : *found->string();
}

std::optional<ExportPlan> export_plan(const BuildOrder& order) {
  if (!order.exports) return std::nullopt;
  const text::Value& tree = order.loaded.tree;
  ExportPlan plan;
  if (order.output) {
    plan.directory = *order.output;
    plan.claim = order.forced ? Exporter::Claim::forced : Exporter::Claim::asked_for;
    return plan;
  }
  const text::Value* build = tree.find("build");
  const text::Value* exports = build == nullptr ? nullptr : build->find("export");
  if (exports != nullptr && exports->boolean() != nullptr && !*exports->boolean())
    return std::nullopt;
  const std::string directory = text_at(tree, "output_dir", "public");
  plan.directory = directory.rfind('/', 0) == 0 ? directory : order.loaded.root + "/" + directory;
  return plan;
}

constexpr std::string_view memory_name = "build-memory";

// What decides about a release beside the site: weir's own tables and where files go.
std::string settings_of(const BuildOrder& order) {
  std::string all = order.loaded.root;
  for (const std::string& part :
       {order.output.value_or(""), std::string(order.exports ? "exports" : ""),
        text::json_of(order.loaded.tree)})
    all += '\n' + part;
  return all;
}

// What the last build of this store remembered, if the release that it made is the newest still.
std::unique_ptr<site::BuildMemory> memory_of(const std::string& store, store::ReleaseId newest) {
  if (newest == 0) return nullptr;
  auto text = read_file(store + "/" + std::string(memory_name));
  if (!text.ok()) return nullptr;
  std::optional<site::BuildMemory> memory = site::decode_memory(std::move(text).value());
  if (!memory || memory->release != newest) return nullptr;
  return std::make_unique<site::BuildMemory>(std::move(*memory));
}

// What a build worked with, see Built::held.
struct Held {
  std::unique_ptr<site::DirectorySource> directory;
  std::optional<site::ListedSource> source;
  std::unique_ptr<site::BuildMemory> before;
  site::BuildMemory after;
  site::Workpiece work;
};

// What the next build needs, written by another thread while the release is put away.
class MemoryDraft {
 public:
  // `held` and `report` stay as they are, and outlive it.
  MemoryDraft(const std::string& store, Held& held, const site::BuildReport& report)
      : writing_([this, path = store + "/" + std::string(memory_name), &held, &report] {
          held.after = site::take_memory(held.work, report);
          status_ = write(path, held.after);
        }) {}

  // Not synced: a memory that is lost or torn only costs the next build its head start.
  Status publish(store::ReleaseId release) {
    writing_.join();
    TRY(std::move(status_));
    TRY(file_->overwrite(0, site::label_of(sum_, release)));
    return file_->publish();
  }

 private:
  Status write(const std::string& path, const site::BuildMemory& memory) {
    file_ = TRY(FileDraft::create(path));
    Status written = file_->append(std::string(site::label_bytes, '\0'));
    sum_ = site::encode_body(memory, [&](std::string_view bytes) {
      if (written.ok()) written = file_->append(bytes);
    });
    return written;
  }

  Status status_ = done;
  std::unique_ptr<FileDraft> file_;
  std::uint64_t sum_ = 0;
  std::jthread writing_;  // last: it ends first
};

Built same_as_before(const site::BuildMemory& memory) {
  Built built;
  built.release = memory.release;
  built.unchanged = memory.made;
  built.report.pages = static_cast<std::size_t>(memory.pages);
  built.report.sections = static_cast<std::size_t>(memory.sections);
  built.report.orphans = static_cast<std::size_t>(memory.orphans);
  built.report.outputs = memory.made;
  return built;
}

}  // namespace

void show_report(const site::BuildReport& report, const site::SiteSource& source,
                 std::string_view root, const Session& session) {
  for (const site::Diagnostic& diagnostic : report.diagnostics) {
    const bool is_error = diagnostic.severity == site::Severity::error;
    const std::string bytes = site::source_of(source, diagnostic.error.place);
    Error error = diagnostic.error;
    error.place.file = typed_path(root, error.place.file);
    session.show(error, bytes, is_error ? text::Severity::error : text::Severity::warning);
  }
  const std::size_t unseen = report.errors + report.warnings -
                             std::min(report.errors + report.warnings, report.diagnostics.size());
  if (unseen != 0) session.talk("... and " + std::to_string(unseen) + " more\n");
}

int failure_code_of(const site::BuildReport& report) {
  // TOML above every directory of the site is its configuration: weir.toml, zola.toml, config.toml,
  // or what --config names.
  const bool is_configuration = std::any_of(
      report.diagnostics.begin(), report.diagnostics.end(), [](const site::Diagnostic& diagnostic) {
        const std::string& file = diagnostic.error.place.file;
        return diagnostic.severity == site::Severity::error && file.ends_with(".toml") &&
               file.find('/') == std::string::npos;
      });
  return is_configuration ? exit_code::configuration : exit_code::failed;
}

std::vector<site::DynamicRoute> dynamic_routes_of(const edge::Config& config) {
  std::vector<site::DynamicRoute> routes;
  for (const edge::RouteSettings& route : config.routes) {
    if (route.target != edge::RouteTarget::page) continue;
    const edge::PageSettings& page = route.page;
    routes.push_back({route.name, page.template_name, page.data_path, page.key, page.language,
                      page.shell, route.place});
  }
  return routes;
}

site::BuildOptions build_options_of(const Arguments& arguments, const LoadedConfig& loaded) {
  site::BuildOptions options;
  options.config_file = loaded.named;
  if (const auto url = arguments.find("base-url")) options.base_url = *url;
  options.drafts = arguments.has("drafts") ? site::Drafts::include : site::Drafts::skip;
  options.strictness = arguments.has("strict") ? site::Strictness::strict : site::Strictness::usual;
  options.network = arguments.has("offline") ? site::Network::offline : site::Network::online;
  options.minify = arguments.has("minify");
  options.dynamic_routes = dynamic_routes_of(loaded.config);
  return options;
}

std::unique_ptr<Clock> build_clock(const Session& session) {
  const auto epoch = parse_u64(session.variable("SOURCE_DATE_EPOCH"));
  if (!epoch || *epoch > 1ULL << 33) return std::make_unique<SystemClock>();
  return std::make_unique<ManualClock>(Wall{static_cast<std::int64_t>(*epoch) * 1'000'000'000});
}

Result<Built> build_release(const BuildOrder& order, Session& session, const Clock& clock,
                            store::Disk& disk) {
  const SystemClock real;
  const Mono begun = real.mono();
  auto held = std::make_shared<Held>();
  Built built;
  built.held = held;
  held->directory = TRY(site::DirectorySource::open(order.loaded.root));
  const site::ListedSource& source = held->source.emplace(*held->directory);
  site::HttpFetcher fetcher;
  site::BuildOptions options = order.options;
  options.dynamic_routes = dynamic_routes_of(order.loaded.config);
  options.clock = &clock;
  options.fetcher = &fetcher;
  DirectoryImages images(order.loaded.store_directory + "/images");
  options.images = &images;

  // What is in the output directory is looked at by one thread, while this one looks at the site.
  const auto plan = export_plan(order);
  if (plan)
    TRY(check_output_directory(plan->directory, order.loaded.root, order.loaded.store_directory));
  std::optional<Result<std::unique_ptr<Exporter>>> opened;
  std::jthread opening;
  if (plan)
    opening = std::jthread([&] { opened.emplace(Exporter::open(plan->directory, plan->claim)); });
  auto writer = TRY(store::ReleaseWriter::open({order.loaded.store_directory}, clock, disk));
  options.remembers = true;
  options.settings = settings_of(order);
  held->before = memory_of(order.loaded.store_directory, writer->previous());
  const bool is_same =
      held->before != nullptr && site::is_nothing_changed(source, options, *held->before);
  std::unique_ptr<Exporter> exporter;
  if (plan) {
    opening.join();
    exporter = TRY(std::move(*opened));
  }
  if (is_same && (exporter == nullptr || exporter->holds_all(held->before->made))) {
    built = same_as_before(*held->before);
    built.held = std::move(held);
    built.took = std::chrono::duration_cast<std::chrono::milliseconds>(real.mono() - begun);
    return built;
  }
  options.before = held->before.get();
  Progress progress(session);
  options.progress = &progress.counts();
  Sink sink(*writer, exporter.get(), order.loaded.config);

  built.report = site::build(source, options, sink, held->work);
  progress.stop();
  show_report(built.report, source, order.loaded.root, session);
  if (built.report.failed()) return built;

  // What the next build needs is written down by one thread, while this one puts the release away.
  MemoryDraft memory(order.loaded.store_directory, *held, built.report);
  TRY(sink.add_redirects(built.report.base_url));
  TRY(sink.add_rules());
  TRY(keep_inputs(*writer, source, built.report, options));
  built.release = TRY(writer->finish());
  if (exporter != nullptr) {
    const auto counts = TRY(exporter->finish(
        built.report.preserve_dotfiles ? Exporter::DotFiles::keep : Exporter::DotFiles::remove));
    built.written = counts.written;
    built.unchanged = counts.unchanged;
  } else {
    built.written = sink.count() - sink.kept();
    built.unchanged = sink.kept();
  }
  TRY(memory.publish(built.release));
  built.took = std::chrono::duration_cast<std::chrono::milliseconds>(real.mono() - begun);
  return built;
}

}  // namespace weir::cli
