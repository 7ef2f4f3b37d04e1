#pragma once
// The pages that routes make, for `weir dev`: made anew for each request, from the site's files as
// they are and from remote data as it is. Routes are those of the configuration at start.
//
// What is made from the data side is not made: `weir dev` has none. `key_of` belongs to any thread,
// `make` blocks (it may ask a remote source), `changed` is for whoever hears of edits.

#include "base/guarded.h"
#include "cli/site_config.h"
#include "edge/page_route.h"
#include "site/renderer.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace weir::cli {

// What a route asks of the site; the record of a data side is the caller's to fill in.
site::DynamicPage dynamic_page_of(const edge::MadePage& page);

class DevPages {
 public:
  // `source` and what `options` point at must outlive it. Errc::invalid: a route's path.
  static Result<std::unique_ptr<DevPages>> open(const LoadedConfig& loaded,
                                                const site::SiteSource& source,
                                                site::BuildOptions options);

  // Nothing: no route makes a page there.
  std::optional<std::string> key_of(std::string_view path, std::string_view query) const;
  // Errc::denied: it is made from the data side.
  Result<site::Output> make(std::string_view key);
  void changed();

 private:
  DevPages(edge::PageRoutes routes, const site::SiteSource& source, site::BuildOptions options);
  std::shared_ptr<site::SiteRenderer> renderer();
  const edge::PageRoutes routes_;
  const std::shared_ptr<const site::SiteSource> source_;
  const site::BuildOptions options_;
  Guarded<std::shared_ptr<site::SiteRenderer>> renderer_;  // null = files have changed since
};

}  // namespace weir::cli
