#include "cache/render_queue.h"

#include "base/limits_cache.h"

#include <algorithm>
#include <new>

namespace weir::cache {

Status RenderQueue::offer(Job job) {
  Rank rank{job.priority, 0};
  const bool has_room = inner_->state.with([&](State& state) {
    if (state.jobs.size() >= limits::refresh_queue_max) return false;
    rank.number = ++state.numbers;
    state.jobs.emplace(rank, std::move(job));
    return true;
  });
  if (!has_room) return Error{Errc::full, "too many renders wait"};
  const auto offered_to_tasks = [&]() -> Status {
    try {
      return inner_->tasks.offer([inner = inner_] { inner->run(); });
    } catch (const std::bad_alloc&) {
      return Error{Errc::full, "out of memory"};  // short enough to need none
    }
  };
  Status offered = offered_to_tasks();
  if (offered) return done;
  // Another task may have taken it meanwhile: then it was not refused after all.
  Job refused;  // destroyed outside the lock
  const bool is_taken = inner_->state.with([&](State& state) {
    const auto found = state.jobs.find(rank);
    if (found == state.jobs.end()) {
      // Whose job that task was made for is still there, without a task of its own.
      ++state.idle_tasks;
      return true;
    }
    refused = std::move(found->second);
    state.jobs.erase(found);
    return false;
  });
  return is_taken ? Status(done) : offered;
}

void RenderQueue::clear() {
  std::map<Rank, Job> dropped;  // destroyed outside the lock
  inner_->state.with([&dropped](State& state) { std::swap(dropped, state.jobs); });
}

std::size_t RenderQueue::waiting() const {
  return inner_->state.with([](const State& state) { return state.jobs.size(); });
}

bool RenderQueue::Inner::take(State& state, Job& job) {
  const auto found = std::ranges::find_if(state.jobs, [&state](const auto& one) {
    const auto busy = state.running.find(one.second.source);
    return one.second.source.empty() || busy == state.running.end() ||
           busy->second < limits::renders_per_source_max;
  });
  if (found == state.jobs.end()) return false;
  job = std::move(found->second);
  state.jobs.erase(found);
  if (job.source.empty()) return true;
  try {
    ++state.running[job.source];
  } catch (const std::bad_alloc&) {  // one more than its share may run; better than none
  }
  return true;
}

void RenderQueue::Inner::run() {
  bool goes_on = true;
  while (goes_on) {
    Job job;
    const bool has_job = state.with([&job](State& now) {
      if (take(now, job)) return true;
      if (!now.jobs.empty()) ++now.idle_tasks;
      return false;
    });
    if (!has_job) return;
    job.work();
    goes_on = state.with([&job](State& now) {
      const auto busy = now.running.find(job.source);
      if (busy != now.running.end() && --busy->second == 0) now.running.erase(busy);
      if (now.jobs.empty()) now.idle_tasks = 0;
      if (now.idle_tasks == 0) return false;
      --now.idle_tasks;
      return true;
    });
  }
}

}  // namespace weir::cache
