#include "site/renderer.h"

#include "site/site.h"

#include <mutex>

namespace weir::site {

// The site refers to the diagnostics, so they are kept together and shared by the renders that use
// them.
struct SiteRenderer::Held {
  struct Loaded {
    explicit Loaded(Strictness strictness) : diagnostics(strictness) {}
    Diagnostics diagnostics;
    std::unique_ptr<Site> site;
  };

  std::shared_ptr<const SiteSource> source;
  BuildOptions options;
  std::mutex mutex;
  std::shared_ptr<const Loaded> loaded;

  // Loading is done under the lock on purpose: whoever comes second wants the same library and has
  // nothing else to do.
  Result<std::shared_ptr<const Loaded>> load() {
    const std::lock_guard lock(mutex);
    if (loaded) return loaded;
    auto fresh = std::make_shared<Loaded>(options.strictness);
    fresh->site = Site::load(*source, options, Liveness::live, fresh->diagnostics);
    if (fresh->diagnostics.failed()) {
      for (Diagnostic& diagnostic : fresh->diagnostics.sorted())
        if (diagnostic.severity == Severity::error) return std::move(diagnostic.error);
    }
    loaded = std::move(fresh);
    return loaded;
  }
};

std::unique_ptr<SiteRenderer> SiteRenderer::open(std::shared_ptr<const SiteSource> source,
                                                 const BuildOptions& options) {
  auto held = std::make_unique<Held>();
  held->source = std::move(source);
  held->options = options;
  return std::unique_ptr<SiteRenderer>(new SiteRenderer(std::move(held)));
}

SiteRenderer::SiteRenderer(std::unique_ptr<Held> held) : held_(std::move(held)) {}
SiteRenderer::~SiteRenderer() = default;

Result<Output> SiteRenderer::render(std::string_view url_path) {
  const std::shared_ptr<const Held::Loaded> loaded = TRY(held_->load());
  const Planned* planned = loaded->site->plan().find(url_path);
  if (planned == nullptr) return Error{Errc::missing, "the site has no " + std::string(url_path)};
  return loaded->site->render(*planned);
}

Result<Output> SiteRenderer::render(const DynamicPage& page) {
  const std::shared_ptr<const Held::Loaded> loaded = TRY(held_->load());
  return render_dynamic(*loaded->site, page);
}

}  // namespace weir::site
