#pragma once
// What came of the last webhooks, for `GET /_weir/deliveries`: who sent what, and what it did.
//
// Two rings of fixed size, oldest first out: good deliveries and refused ones, so that a flood of
// refusals does not wash away the others. In memory; a restart begins with empty ones (the purges
// themselves are in the store). Callable from any thread.

#include "base/clock.h"
#include "base/guarded.h"
#include "base/limits_invalidation.h"

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace weir::edge {

struct Delivery {
  Wall at;
  std::string hook;  // "" = /_weir/purge and /_weir/revalidate themselves
  std::string sender;
  std::string id;  // that repetitions are known by; empty for one that was refused
  std::string client;
  int status = 0;
  std::string outcome;  // purged repeated nothing-to-do ping, or why it was refused
  std::uint64_t seq = 0;
  std::size_t items = 0;  // tags, paths and prefixes
  std::size_t body_bytes = 0;
};

class DeliveryLog {
 public:
  void add(Delivery delivery);
  // Newest first, at most `count`; of that hook alone when `hook` is given.
  std::vector<Delivery> newest(std::size_t count, const std::string* hook = nullptr) const;

 private:
  struct Rings {
    std::deque<Delivery> good, refused;
  };
  Guarded<Rings> rings_;
};

}  // namespace weir::edge
