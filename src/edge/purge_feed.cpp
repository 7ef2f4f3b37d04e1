#include "edge/purge_feed.h"

#include <algorithm>

namespace weir::edge {

void PurgeFeed::note(const std::string& node, std::uint64_t applied, Mono now) {
  readers_.with([&](std::map<std::string, Reader>& all) {
    all[node] = {node, applied, now};
    if (all.size() <= limits::peers_max) return;
    all.erase(std::ranges::min_element(
        all, [](const auto& a, const auto& b) { return a.second.seen < b.second.seen; }));
  });
}

std::vector<PurgeFeed::Reader> PurgeFeed::readers() const {
  return readers_.with([](const std::map<std::string, Reader>& all) {
    std::vector<Reader> out;
    for (const auto& [node, reader] : all) out.push_back(reader);
    return out;
  });
}

bool PurgeFeed::wait(Mono until, std::function<void()> resume) {
  return waiting_.with([&](std::vector<Waiting>& all) {
    if (all.size() >= limits::purge_waiters_max) return false;
    all.push_back({until, std::move(resume)});
    return true;
  });
}

void PurgeFeed::note_refresh(std::uint64_t seq, cache::PurgeRequest request) {
  refreshes_.with([&](auto& all) {
    all.emplace_back(seq, std::move(request));
    if (all.size() > limits::refreshes_told_max) all.pop_front();
  });
}

std::vector<cache::PurgeRequest> PurgeFeed::refreshes_behind(std::uint64_t after,
                                                             std::uint64_t last) const {
  return refreshes_.with([after, last](const auto& all) {
    std::vector<cache::PurgeRequest> out;
    for (const auto& [seq, request] : all)
      if (seq > after && seq <= last) out.push_back(request);
    return out;
  });
}

void PurgeFeed::wake() {
  const auto all = waiting_.with([](std::vector<Waiting>& now) { return std::exchange(now, {}); });
  for (const Waiting& one : all) one.resume();
}

void PurgeFeed::tick(Mono now) {
  std::vector<Waiting> due;
  waiting_.with([&](std::vector<Waiting>& all) {
    const auto later = std::partition(all.begin(), all.end(),
                                      [now](const Waiting& one) { return now < one.until; });
    std::move(later, all.end(), std::back_inserter(due));
    all.erase(later, all.end());
  });
  for (const Waiting& one : due) one.resume();
}

}  // namespace weir::edge
