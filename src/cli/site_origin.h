#pragma once
// Makes pages again for the cache: the site's renderer over the inputs of the release that is
// served.
//
// A remote source that fails is left alone for a while by its breaker (guard G-48): renders that
// need it fail at once, and the copies that there are stay.
//
// One renderer per release, opened when the first page of it is asked for; the one before stays for
// renders that are still under way. Called on workers, several at once.

#include "base/clock.h"
#include "base/guarded.h"
#include "cache/origin.h"
#include "edge/tables.h"
#include "guard/breaker.h"
#include "site/renderer.h"
#include "sync/service.h"
#include "text/header_rules.h"

#include <atomic>
#include <functional>
#include <map>
#include <memory>

namespace weir::cli {

class SiteOrigin final : public cache::Origin {
 public:
  using TablesNow = std::function<std::shared_ptr<const edge::Tables>()>;
  SiteOrigin(TablesNow tables, const Clock& clock, site::Fetcher& fetcher)
      : tables_(std::move(tables)), clock_(clock), fetcher_(fetcher) {}

  Result<cache::Rendered> render(const cache::RenderRequest& request) override;
  std::shared_ptr<const cache::KeyRules> rules_of(std::string_view key) const override;

  // The key-value side, once it is there; it must outlive the renders. What pages show is what
  // everybody may read: it is asked without a token, and its rules decide.
  void use_data(sync::SyncService& data) { data_.store(&data); }

 private:
  struct Opened {
    store::ReleaseId id = 0;
    std::shared_ptr<site::SiteRenderer> renderer;
    std::shared_ptr<const text::HeaderRules> headers;  // null when there are none
  };
  std::shared_ptr<guard::Breaker> breaker_of(const std::string& source);
  Result<std::string> value_of(const std::string& key);
  Result<site::Output> made(const Opened& opened, const edge::MadePage& page);
  Result<Opened> opened_of(const std::shared_ptr<const store::Release>& release);

  const TablesNow tables_;  // policies are those of the configuration in use
  const Clock& clock_;
  site::Fetcher& fetcher_;
  Guarded<Opened> opened_;
  std::atomic<sync::SyncService*> data_{nullptr};
  // By source; as many as the configuration has named since the start.
  Guarded<std::map<std::string, std::shared_ptr<guard::Breaker>>> breakers_;
};

}  // namespace weir::cli
