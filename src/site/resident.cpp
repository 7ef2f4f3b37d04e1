#include "site/resident.h"

#include "site/edit_in_place.h"
#include "site/increment.h"
#include "site/site.h"

#include <algorithm>

namespace weir::site {

namespace {
constexpr std::uint64_t edits_between_looks = 64;
}

class ResidentBuilder::Sink final : public OutputSink {
 public:
  explicit Sink(std::shared_ptr<const Outputs> before) : before_(std::move(before)) {}

  Status put(Output&& output) override {
    auto made = std::make_shared<const Output>(std::move(output));
    const auto old = before_->find(made->path);
    const bool is_new = old == before_->end() || old->second->bytes != made->bytes;
    outputs_.with([&](Made& all) {
      if (is_new) all.changed.push_back(made->path);
      all.outputs.insert_or_assign(made->path, std::move(made));
    });
    return done;
  }
  bool keep(const std::string&, const std::string& path) override {
    const auto old = before_->find(path);
    if (old == before_->end()) return false;
    outputs_.with([&](Made& all) { all.outputs.insert_or_assign(path, old->second); });
    return true;
  }

  bool holds(const std::string&, const std::string& path) const override {
    return before_->find(path) != before_->end();
  }

  struct Made {
    Outputs outputs;
    std::vector<std::string> changed;
  };
  Made take() {
    Made made = outputs_.with([](Made& all) { return std::move(all); });
    for (const auto& [path, output] : *before_)
      if (made.outputs.find(path) == made.outputs.end()) made.changed.push_back(path);
    std::sort(made.changed.begin(), made.changed.end());
    return made;
  }

 private:
  std::shared_ptr<const Outputs> before_;
  Guarded<Made> outputs_;
};

ResidentBuilder::ResidentBuilder(const SiteSource& source, BuildOptions options)
    : source_(source), options_(std::move(options)), outputs_(std::make_shared<Outputs>()) {
  options_.remembers = true;
}

ResidentBuilder::~ResidentBuilder() = default;

ResidentBuilder::Result ResidentBuilder::build() {
  Result result;
  auto listed = std::make_unique<ListedSource>(source_);
  if (memory_ && is_nothing_changed(*listed, options_, *memory_)) {
    result.is_same = true;
    return result;
  }
  BuildOptions options = options_;
  options.before = memory_.get();
  Sink sink(outputs_.with([](const auto& held) { return held; }));
  Workpiece work;
  result.report = site::build(*listed, options, sink, work);
  if (result.report.failed()) {
    // The outputs of before stay, but the site they came from is not what lies on disk any more: a
    // later edit must not be made in it.
    work_ = Workpiece();
    return result;
  }
  Sink::Made made = sink.take();
  auto memory = std::make_unique<BuildMemory>(take_memory(work, result.report));
  work.increment.reset();  // the sink it knows ends here
  // What was kept is in rows of the memory of before, which goes.
  const auto note_anew = [&](ContentId id) {
    if (work.site->kept_row(id) == nullptr) return;
    work.site->keep_content(id, memory->find_content(work.site->content_of(id).file, id.id));
  };
  const Library& library = work.site->library();
  for (PageId id = 0; id < library.pages.size(); ++id) note_anew({true, id});
  for (SectionId id = 0; id < library.sections.size(); ++id)
    if (library.sections[id].has_file) note_anew({false, id});
  work.site->keep_from(*memory);
  work_ = std::move(work);  // before the listing that the old one reads through
  listed_ = std::move(listed);
  fact_numbers_.reset();
  memory_ = std::move(memory);
  result.changed = std::move(made.changed);
  outputs_.with([&](auto& held) { held = std::make_shared<Outputs>(std::move(made.outputs)); });
  return result;
}

ResidentBuilder::Result ResidentBuilder::build(std::span<const std::string> written) {
  if (std::optional<Result> edited = edit(written)) return std::move(*edited);
  // An edit that turned out to need more is half in the site and not in the memory: the site goes,
  // the memory is what counts.
  work_ = Workpiece();
  return build();
}

// Nothing when the files have to be built in the usual way.
std::optional<ResidentBuilder::Result> ResidentBuilder::edit(std::span<const std::string> written) {
  if (!work_.site || !memory_ || memory_->has_unsettled != 0 || memory_->warnings != 0)
    return std::nullopt;
  // Each edit leaves what it replaced in the pools of the memory; a whole build clears them up.
  if (++edits_ % edits_between_looks == 0 && memory_->is_sparse()) return std::nullopt;
  if (!fact_numbers_) fact_numbers_ = std::make_unique<FactNumbers>(*memory_);
  std::optional<std::vector<Output>> made =
      EditInPlace(*work_.site, *memory_, *fact_numbers_).made(written);
  if (!made) return std::nullopt;
  Result result;
  std::vector<std::shared_ptr<const Output>> outputs;
  for (Output& output : *made) outputs.push_back(std::make_shared<const Output>(std::move(output)));
  outputs_.with([&](std::shared_ptr<Outputs>& held) {
    for (std::shared_ptr<const Output>& output : outputs) {
      std::shared_ptr<const Output>& old = (*held)[output->path];
      if (old == nullptr || old->bytes != output->bytes) result.changed.push_back(output->path);
      old = std::move(output);
    }
    result.report.outputs = held->size();
  });
  std::sort(result.changed.begin(), result.changed.end());
  result.report.kept = result.report.outputs - made->size();
  return result;
}

std::shared_ptr<const Output> ResidentBuilder::find(std::string_view path) const {
  return outputs_.with([&](const std::shared_ptr<Outputs>& outputs) {
    const auto at = outputs->find(std::string(path));
    return at == outputs->end() ? nullptr : at->second;
  });
}

}  // namespace weir::site
