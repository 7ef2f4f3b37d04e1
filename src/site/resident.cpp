#include "site/resident.h"

#include "site/increment.h"

#include <algorithm>

namespace weir::site {

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
    : source_(source), options_(std::move(options)), outputs_(std::make_shared<const Outputs>()) {
  options_.remembers = true;
}

ResidentBuilder::Result ResidentBuilder::build() {
  Result result;
  if (memory_ && is_nothing_changed(source_, options_, *memory_)) {
    result.is_same = true;
    return result;
  }
  BuildOptions options = options_;
  options.before = memory_.get();
  Sink sink(outputs_.with([](const auto& held) { return held; }));
  result.report = site::build(source_, options, sink);
  if (result.report.failed()) return result;
  Sink::Made made = sink.take();
  memory_ = std::make_unique<BuildMemory>(std::move(result.report.memory));
  result.changed = std::move(made.changed);
  outputs_.with(
      [&](auto& held) { held = std::make_shared<const Outputs>(std::move(made.outputs)); });
  return result;
}

std::shared_ptr<const Output> ResidentBuilder::find(std::string_view path) const {
  const std::shared_ptr<const Outputs> outputs =
      outputs_.with([](const auto& held) { return held; });
  const auto at = outputs->find(std::string(path));
  return at == outputs->end() ? nullptr : at->second;
}

}  // namespace weir::site
