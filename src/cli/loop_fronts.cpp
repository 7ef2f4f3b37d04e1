#include "cli/loop_fronts.h"

#include "base/process_limits.h"

#include <condition_variable>
#include <mutex>

namespace weir::cli {

LoopFronts::LoopFronts(std::size_t loops) {
  for (std::size_t at = 0; at < loops; ++at)
    counters_.push_back(std::make_unique<edge::Counters>());
  running_.with([loops](auto& all) { all.resize(loops); });
}

std::unique_ptr<edge::Front> LoopFronts::make(const edge::FrontParts& parts,
                                              std::shared_ptr<const edge::Tables> tables,
                                              http::Loop& loop) {
  const auto at = static_cast<std::size_t>(loop.index());
  auto front = std::make_unique<edge::Front>(parts, std::move(tables), loop, *counters_.at(at));
  running_.with([&](auto& all) { all.at(at) = {&loop, front.get()}; });
  return front;
}

std::size_t LoopFronts::post_to_all(const Work& work) const {
  std::size_t asked = 0;
  for (const Running& one : running_.with([](const auto& all) { return all; })) {
    if (one.loop == nullptr) continue;
    ++asked;
    one.loop->post([front = one.front, work] { work(*front); });
  }
  return asked;
}

bool LoopFronts::post_to_one(std::size_t turn, Work work) const {
  const Running one = running_.with([turn](const auto& all) { return all[turn % all.size()]; });
  if (one.loop == nullptr) return false;
  one.loop->post([front = one.front, work = std::move(work)] { work(*front); });
  return true;
}

void LoopFronts::run_on_all(const Work& work) const {
  struct Taken {
    std::mutex mutex;
    std::condition_variable all;
    std::size_t count = 0;
  };
  auto taken = std::make_shared<Taken>();
  const std::size_t asked = post_to_all([work, taken](edge::Front& front) {
    work(front);
    const std::lock_guard lock(taken->mutex);
    ++taken->count;
    taken->all.notify_all();
  });
  std::unique_lock lock(taken->mutex);
  taken->all.wait_for(lock, limits::loops_wait_max, [&] { return taken->count == asked; });
}

std::vector<const edge::Counters*> LoopFronts::counters() const {
  std::vector<const edge::Counters*> all;
  for (const auto& counters : counters_) all.push_back(counters.get());
  return all;
}

std::uint64_t LoopFronts::answers() const {
  std::uint64_t sum = 0;
  for (const auto& counters : counters_)
    for (const edge::Count& count : counters->statuses) sum += count.value();
  return sum;
}

}  // namespace weir::cli
