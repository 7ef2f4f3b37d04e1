#pragma once
// How often one sender may knock: a rate per hook and client address, asked before the body is
// read. A client that is refused takes nothing from another one. Callable from any thread.

#include "edge/config.h"

#include "base/guarded.h"
#include "guard/limiter.h"

#include <map>
#include <memory>
#include <string>

namespace weir::edge {

class WebhookLimits {
 public:
  // 0 = come in; else the seconds to wait.
  std::int64_t take(const HookSettings& hook, const guard::IpAddress& client, Mono now);

 private:
  std::shared_ptr<const guard::Limit> limit_of(const HookSettings& hook);

  guard::Limiter limiter_{limits::webhook_limiter_slots};
  // By name of the hook; replaced when its rate changes. As many as the configuration names.
  Guarded<std::map<std::string, std::shared_ptr<const guard::Limit>, std::less<>>> limits_;
};

}  // namespace weir::edge
