#pragma once
// Renders one output again, while a server runs (ISR and purges).
//
// The library (config, content, templates) is loaded from the source at the first render, once, by
// whoever comes first; the others wait for it. Markdown is rendered per page when it is first
// needed. Remote data is fetched anew for every render, time is asked anew for every render. An
// error is returned as the Error that `build` would have reported; nothing is kept of a failed
// load, the next call tries again.
//
// Callable from any worker thread at once; blocks, so never from a loop. `source`, clock and
// fetcher must outlive it.

#include "site/build.h"

#include <memory>
#include <string_view>

namespace weir::site {

class SiteRenderer {
 public:
  // Cheap: nothing is read yet.
  static std::unique_ptr<SiteRenderer> open(std::shared_ptr<const SiteSource> source,
                                            const BuildOptions& options);
  ~SiteRenderer();
  SiteRenderer(const SiteRenderer&) = delete;
  SiteRenderer& operator=(const SiteRenderer&) = delete;

  // Errc::missing when no output of the site has that path ("/blog/x/", "/atom.xml").
  Result<Output> render(std::string_view url_path);
  // A page that a route makes (dynamic_page.h).
  Result<Output> render(const DynamicPage& page);

 private:
  struct Held;
  explicit SiteRenderer(std::unique_ptr<Held> held);
  std::unique_ptr<Held> held_;
};

}  // namespace weir::site
