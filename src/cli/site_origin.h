#pragma once
// Makes pages again for the cache: the site's renderer over the inputs of the release that is
// served.
//
// One renderer per release, opened when the first page of it is asked for; the one before stays for
// renders that are still under way. Called on workers, several at once.

#include "base/clock.h"
#include "base/guarded.h"
#include "cache/origin.h"
#include "edge/tables.h"
#include "site/renderer.h"
#include "text/header_rules.h"

#include <functional>
#include <memory>

namespace weir::cli {

class SiteOrigin final : public cache::Origin {
 public:
  using TablesNow = std::function<std::shared_ptr<const edge::Tables>()>;
  SiteOrigin(TablesNow tables, const Clock& clock, site::Fetcher& fetcher)
      : tables_(std::move(tables)), clock_(clock), fetcher_(fetcher) {}

  Result<cache::Rendered> render(const cache::RenderRequest& request) override;

 private:
  struct Opened {
    store::ReleaseId id = 0;
    std::shared_ptr<site::SiteRenderer> renderer;
    std::shared_ptr<const text::HeaderRules> headers;  // null when there are none
  };
  Result<Opened> opened_of(const std::shared_ptr<const store::Release>& release);

  const TablesNow tables_;  // policies are those of the configuration in use
  const Clock& clock_;
  site::Fetcher& fetcher_;
  Guarded<Opened> opened_;
};

}  // namespace weir::cli
