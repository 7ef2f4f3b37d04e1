#include "edge/delivery_log.h"

namespace weir::edge {

void DeliveryLog::add(Delivery delivery) {
  rings_.with([&](Rings& rings) {
    const bool is_good = delivery.status < 400;
    auto& ring = is_good ? rings.good : rings.refused;
    ring.push_back(std::move(delivery));
    if (ring.size() > (is_good ? limits::deliveries_kept : limits::refused_deliveries_kept))
      ring.pop_front();
  });
}

std::vector<Delivery> DeliveryLog::newest(std::size_t count, const std::string* hook) const {
  return rings_.with([&](const Rings& rings) {
    std::vector<Delivery> out;
    auto good = rings.good.rbegin();
    auto refused = rings.refused.rbegin();
    while (out.size() < count && (good != rings.good.rend() || refused != rings.refused.rend())) {
      const bool takes_good = refused == rings.refused.rend() ||
                              (good != rings.good.rend() && !(good->at < refused->at));
      const Delivery& next = takes_good ? *good++ : *refused++;
      if (hook == nullptr || next.hook == *hook) out.push_back(next);
    }
    return out;
  });
}

}  // namespace weir::edge
