// Questions under way for stored answers: who asks, who joins, and what they are told. The cache
// itself is in answer_cache.cpp; both work under the lock of a key's shard.

#include "cache/answer_cache.h"

namespace weir::cache {

namespace {
using namespace std::chrono_literals;
constexpr Nanos flight_time_max = 120s;  // a leader that has not landed by then is dead
}  // namespace

class Flight {
 public:
  Flight(std::string its_name, std::string its_key, Mono its_begin, std::uint64_t its_seq)
      : name(std::move(its_name)), key(std::move(its_key)), began(its_begin), seq(its_seq) {}
  const std::string name, key;
  const Mono began;
  const std::uint64_t seq;  // the last purge by then: its question goes out later

  mutable std::mutex mutex;
  mutable std::map<std::uint64_t, AnswerCache::Ready> waiting;
  std::vector<AnswerCache::Ready> at_landing;  // of purges
  std::uint64_t tickets = 0;
  std::shared_ptr<Filling> filling;
  int filling_status = 0;
  bool has_landed = false;
};

namespace {

std::string flight_name(std::string_view key, std::string_view selection) {
  std::string name(key);
  name += '\n';
  return name.append(selection);
}

}  // namespace

std::shared_ptr<Flight> AnswerCache::flight_in(Shard& shard, std::string_view key,
                                               std::string_view selection, std::uint64_t seen,
                                               Mono now, bool& is_new) {
  const std::string name = flight_name(key, selection);
  const auto found = shard.flights.find(name);
  is_new = found == shard.flights.end() || now - found->second->began >= flight_time_max;
  if (!is_new) return found->second;
  // What a flight brings is here before it leaves the table: whoever looked before that and comes
  // after it would ask for what has just come.
  const auto known = shard.table.find(key);
  if (known != shard.table.end() && known->second->news > seen) return nullptr;
  auto flight = std::make_shared<Flight>(name, std::string(key), now, tags_.seq());
  shard.flights[name] = flight;
  return flight;
}

AnswerCache::Joined AnswerCache::join(std::string_view key, std::string_view selection,
                                      std::uint64_t seen, Ready ready, Mono now) {
  Shard& shard = shard_of(key);
  Joined joined;
  {
    const std::lock_guard lock(shard.mutex);
    joined.flight = flight_in(shard, key, selection, seen, now, joined.is_leader);
  }
  if (joined.flight == nullptr) {
    joined.is_leader = false;
    joined.flight = std::make_shared<Flight>(std::string(), std::string(key), now, tags_.seq());
    joined.flight->has_landed = true;
  } else if (!joined.is_leader) {
    collapsed_.fetch_add(1, std::memory_order_relaxed);
  }
  std::optional<Landing> now_known;
  {
    const std::lock_guard lock(joined.flight->mutex);
    joined.ticket = ++joined.flight->tickets;
    if (joined.flight->filling != nullptr) {
      now_known = Landing{
          Landing::Kind::streams, {}, joined.flight->filling, {}, joined.flight->filling_status};
    } else if (joined.flight->has_landed) {  // what it brought is in memory
      now_known = Landing{Landing::Kind::relook};
    } else {
      joined.flight->waiting.emplace(joined.ticket, ready);
    }
  }
  if (now_known) ready(*now_known);
  return joined;
}

std::shared_ptr<Flight> AnswerCache::begin_refresh(std::string_view key, std::string_view selection,
                                                   std::uint64_t seen, Mono now) {
  Shard& shard = shard_of(key);
  bool is_new = false;
  const std::lock_guard lock(shard.mutex);
  std::shared_ptr<Flight> flight = flight_in(shard, key, selection, seen, now, is_new);
  if (!is_new || flight == nullptr) return nullptr;
  refreshes_.fetch_add(1, std::memory_order_relaxed);
  return flight;
}

AnswerCache::Joined AnswerCache::join_since(std::string_view key, std::string_view selection,
                                            std::uint64_t since, const Ready& ready, Mono now) {
  Shard& shard = shard_of(key);
  for (;;) {
    Joined joined;
    std::shared_ptr<const Answer> there;
    {
      const std::lock_guard lock(shard.mutex);
      if (const auto known = shard.table.find(key); known != shard.table.end())
        for (const Variant& variant : known->second->variants)
          if (variant.answer->selection == selection && variant.answer->fill_seq >= since)
            there = variant.answer;
      const auto flying = shard.flights.find(flight_name(key, selection));
      if (flying != shard.flights.end() && flying->second->seq < since) shard.flights.erase(flying);
      if (there == nullptr)
        joined.flight = flight_in(shard, key, selection, whatever_came, now, joined.is_leader);
    }
    if (there != nullptr) {
      ready({Landing::Kind::answer, there});
      return joined;
    }
    if (joined.is_leader) refreshes_.fetch_add(1, std::memory_order_relaxed);
    const std::lock_guard lock(joined.flight->mutex);
    if (joined.flight->has_landed) continue;  // just now, and it has left the table before that
    joined.flight->at_landing.push_back(ready);
    return joined;
  }
}

void AnswerCache::leave(const Flight& flight, std::uint64_t ticket) {
  const std::lock_guard lock(flight.mutex);
  flight.waiting.erase(ticket);
}

void AnswerCache::announce(const std::shared_ptr<Flight>& flight,
                           const std::shared_ptr<Filling>& filling, int status) {
  std::map<std::uint64_t, Ready> waiting;
  {
    const std::lock_guard lock(flight->mutex);
    flight->filling = filling;
    flight->filling_status = status;
    waiting.swap(flight->waiting);
  }
  const Landing landing{Landing::Kind::streams, {}, filling, {}, status};
  for (const auto& [ticket, ready] : waiting) ready(landing);
}

void AnswerCache::forsake(const Flight& flight) {
  Shard& shard = shard_of(flight.key);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.flights.find(flight.name);
  if (found != shard.flights.end() && found->second.get() == &flight) shard.flights.erase(found);
}

void AnswerCache::land(const std::shared_ptr<Flight>& flight, const Landing& landing) {
  forsake(*flight);
  std::map<std::uint64_t, Ready> waiting;
  std::vector<Ready> at_landing;
  {
    const std::lock_guard lock(flight->mutex);
    flight->has_landed = true;
    flight->filling.reset();
    waiting.swap(flight->waiting);
    at_landing.swap(flight->at_landing);
  }
  for (const auto& [ticket, ready] : waiting) ready(landing);
  for (const Ready& ready : at_landing) ready(landing);
}

}  // namespace weir::cache
