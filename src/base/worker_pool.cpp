#include "base/worker_pool.h"

#include "base/guarded.h"
#include "base/must.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <new>
#include <optional>
#include <thread>
#include <vector>

#include <pthread.h>
#include <sched.h>

namespace weir {

struct WorkerPool::Shared {
  mutable std::mutex mutex;
  std::condition_variable work_came;
  std::condition_variable idle_came;
  std::deque<std::function<void()>> queue;
  std::size_t queue_max = 0;
  std::size_t running = 0;
  bool stopping = false;
  std::atomic<std::uint64_t> lost{0};
  std::vector<std::thread> threads;

  // Memory that does not suffice costs the work that wanted it, not the process.
  void run_one(const std::function<void()>& work) {
    try {
      work();
    } catch (const std::bad_alloc&) {
      lost.fetch_add(1, std::memory_order_relaxed);
    }
  }

  void run() {
    std::unique_lock lock(mutex);
    while (true) {
      work_came.wait(lock, [this] { return stopping || !queue.empty(); });
      if (stopping) return;
      std::function<void()> work = std::move(queue.front());
      queue.pop_front();
      ++running;
      lock.unlock();
      run_one(work);
      work = nullptr;  // what it captured dies before we say that it is done
      lock.lock();
      --running;
      if (running == 0 && queue.empty()) idle_came.notify_all();
    }
  }
};

WorkerPool::WorkerPool(std::string name, std::size_t threads, std::size_t queue_max)
    : shared_(std::make_unique<Shared>()) {
  MUST(threads > 0);
  shared_->queue_max = queue_max;
  name.resize(std::min<std::size_t>(name.size(), 15));  // the kernel's limit for thread names
  for (std::size_t i = 0; i < threads; ++i) {
    shared_->threads.emplace_back([shared = shared_.get()] { shared->run(); });
    ::pthread_setname_np(shared_->threads.back().native_handle(), name.c_str());
  }
}

WorkerPool::~WorkerPool() {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->stopping = true;
  }
  shared_->work_came.notify_all();
  for (std::thread& thread : shared_->threads) thread.join();
}

Status WorkerPool::offer(std::function<void()> work) {
  {
    const std::lock_guard lock(shared_->mutex);
    if (shared_->queue.size() >= shared_->queue_max)
      return Error{Errc::full,
                   "the work queue is full (" + std::to_string(shared_->queue_max) + " waiting)"};
    shared_->queue.push_back(std::move(work));
  }
  shared_->work_came.notify_one();
  return done;
}

std::size_t WorkerPool::queued() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->queue.size();
}

std::uint64_t WorkerPool::lost() const { return shared_->lost.load(std::memory_order_relaxed); }

void WorkerPool::wait_until_idle() {
  std::unique_lock lock(shared_->mutex);
  shared_->idle_came.wait(lock, [this] { return shared_->running == 0 && shared_->queue.empty(); });
}

void for_each_parallel(std::size_t count, std::size_t threads,
                       const std::function<void(std::size_t)>& work) {
  std::atomic<std::size_t> next{0};
  const auto take = [&next, &work, count] {
    for (std::size_t i = next.fetch_add(1); i < count; i = next.fetch_add(1)) work(i);
  };
  std::vector<std::thread> helpers;
  const std::size_t wanted = std::min(threads, count);
  for (std::size_t i = 1; i < wanted; ++i) helpers.emplace_back(take);
  take();
  for (std::thread& helper : helpers) helper.join();
}

Status try_each_parallel(std::size_t count, std::size_t threads,
                         const std::function<Status(std::size_t)>& work) {
  std::atomic<bool> has_failed{false};
  Guarded<std::optional<Error>> first;
  for_each_parallel(count, threads, [&](std::size_t i) {
    if (has_failed.load(std::memory_order_relaxed)) return;
    Status status = work(i);
    if (status.ok() || has_failed.exchange(true)) return;
    first.with([&](std::optional<Error>& error) { error = std::move(status).error(); });
  });
  std::optional<Error> error =
      first.with([](std::optional<Error>& held) { return std::move(held); });
  return error ? Status(std::move(*error)) : Status(done);
}

std::size_t cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  const int count = CPU_COUNT(&set);
  return count > 0 ? static_cast<std::size_t>(count) : 1;
}

}  // namespace weir
