#pragma once
// The renders that wait for a worker (C-19): those somebody waits for go first, then those of the
// pages with most recent hits, then in the order in which they came. Of one remote source at most
// limits::renders_per_source_max run at once, so that a slow one does not take every worker.
//
// Each job that is offered puts one task into `tasks`; a task that finds only jobs whose source is
// busy ends, and whoever frees the source goes on with one of them. `tasks` bounds how many run.
// Callable from any thread; no job runs within `offer` unless `tasks` runs it there.

#include "base/guarded.h"
#include "cache/origin.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace weir::cache {

class RenderQueue {
 public:
  static constexpr std::uint32_t somebody_waits = ~std::uint32_t{0};
  struct Job {
    std::string source = {};     // empty: nobody but ourselves
    std::uint32_t priority = 0;  // hits, or somebody_waits
    std::function<void()> work = {};
  };

  explicit RenderQueue(Tasks& tasks) : inner_(std::make_shared<Inner>(tasks)) {}
  // Errc::full: there is no room; the job is gone. Throws nothing but std::bad_alloc, and then too
  // the job is gone.
  Status offer(Job job);
  // Drops what waits: jobs may hold whoever owns the queue. After the tasks have ended.
  void clear();
  std::size_t waiting() const;

 private:
  // Greater priorities first, then lower numbers.
  struct Rank {
    std::uint32_t priority;
    std::uint64_t number;
    bool operator<(const Rank& other) const {
      return priority != other.priority ? priority > other.priority : number < other.number;
    }
  };
  struct State {
    std::map<Rank, Job> jobs;
    std::map<std::string, std::size_t, std::less<>> running;  // by source; none at 0
    std::uint64_t numbers = 0;
    std::size_t idle_tasks = 0;  // that ended because every job's source was busy
  };
  struct Inner {
    explicit Inner(Tasks& its_tasks) : tasks(its_tasks) {}
    void run();
    static bool take(State& state, Job& job);
    Tasks& tasks;
    Guarded<State> state;
  };
  std::shared_ptr<Inner> inner_;
};

}  // namespace weir::cache
