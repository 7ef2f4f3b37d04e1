#include "edge/webhook_limits.h"

#include <algorithm>

namespace weir::edge {

std::shared_ptr<const guard::Limit> WebhookLimits::limit_of(const HookSettings& hook) {
  return limits_.with([&](auto& known) -> std::shared_ptr<const guard::Limit> {
    const auto found = known.find(hook.name);
    if (found != known.end() && found->second->policy().rate == hook.rate) return found->second;
    guard::LimitPolicy policy;
    policy.name = hook.name;
    policy.rate = hook.rate;
    policy.burst = hook.rate.limit;
    policy.keys = {{guard::LimitKeyKind::ip, 64, {}}};
    const auto index = static_cast<std::uint32_t>(known.size());
    auto opened = guard::Limit::open(std::move(policy), limiter_.hash_key(), index);
    if (!opened) return nullptr;
    auto made = std::make_shared<const guard::Limit>(std::move(opened).value());
    known[hook.name] = made;
    return made;
  });
}

std::int64_t WebhookLimits::take(const HookSettings& hook, const guard::IpAddress& client,
                                 Mono now) {
  const auto limit = limit_of(hook);
  if (limit == nullptr) return 1;  // a rate that does not fit; the configuration refuses those
  // An IPv4 address is whole, of an IPv6 one the network of its customer.
  const std::string text = client.cut_to(64).text();
  const auto decision = limiter_.take(*limit, limiter_.slot_of(*limit, 0, text), now);
  return decision.allowed ? 0 : std::max<std::int64_t>(decision.retry_s, 1);
}

}  // namespace weir::edge
