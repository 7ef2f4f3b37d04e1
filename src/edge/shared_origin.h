#pragma once
// Pages that one node makes for all (cache C-18, lease = "shared"): before a page is made here, the
// node that holds its lease is asked for it. Without its copy it is made here.
//
// Only where both have the same site, and not what is made from this node's own data. Called on
// workers; blocks.

#include "cache/origin.h"
#include "edge/fill_lease.h"

#include <atomic>
#include <optional>

namespace weir::edge {

class SharedOrigin final : public cache::Origin {
 public:
  // `own` must outlive it. At most `asking_max` renders wait for other nodes at a time, so that
  // nodes that wait for each other still make pages.
  SharedOrigin(cache::Origin& own, std::size_t asking_max) : own_(own), asking_max_(asking_max) {}

  // Until then everything is made here. It must outlive the renders.
  void use_lease(FillLease& lease) { lease_.store(&lease); }

  std::shared_ptr<const cache::KeyRules> rules_of(std::string_view key) const override {
    return own_.rules_of(key);
  }
  Result<cache::Rendered> render(const cache::RenderRequest& request) override;

 private:
  cache::Origin& own_;
  std::optional<cache::Rendered> copied(FillLease& lease, const cache::RenderRequest& request);
  const std::size_t asking_max_;
  std::atomic<std::size_t> asking_{0};
  std::atomic<FillLease*> lease_{nullptr};
};

}  // namespace weir::edge
