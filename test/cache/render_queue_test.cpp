// Goal: what somebody waits for is made first, then what most look at; one slow source leaves
// workers for the others, and every job that was taken is done (C-19).

#include "cache/render_queue.h"

#include "base/limits_cache.h"
#include "base/worker_pool.h"
#include "cache/fixture.h"

#include <atomic>
#include <latch>

using namespace weir;
using namespace weir::cache;
using namespace weir::test;

TEST_CASE("C-19: visitors first, then the pages with most hits, then in order", "[cache]") {
  StepTasks tasks;
  RenderQueue queue(tasks);
  std::string order;
  const auto job = [&order](char name, std::uint32_t priority) {
    return RenderQueue::Job{"", priority, [&order, name] { order += name; }};
  };
  need(queue.offer(job('c', 3)));
  need(queue.offer(job('e', 0)));
  need(queue.offer(job('b', 9)));
  need(queue.offer(job('d', 3)));
  need(queue.offer(job('a', RenderQueue::somebody_waits)));
  CHECK(queue.waiting() == 5);
  tasks.run();
  CHECK(order == "abcde");
  CHECK(queue.waiting() == 0);
}

TEST_CASE("C-19: what does not fit is refused, and not done later", "[cache]") {
  StepTasks tasks;
  tasks.queue_max = 1;
  RenderQueue queue(tasks);
  int ran = 0;
  need(queue.offer({"", 0, [&ran] { ran += 1; }}));
  const Status refused = queue.offer({"", 9, [&ran] { ran += 10; }});
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == Errc::full);
  tasks.run();
  CHECK(ran == 1);
}

TEST_CASE("what waits when the tasks have ended is dropped, and holds nobody", "[cache]") {
  StepTasks tasks;
  const auto owner = std::make_shared<RenderQueue>(tasks);
  int ran = 0;
  need(owner->offer({"", 0, [owner, &ran] { ++ran; }}));
  owner->clear();
  CHECK(owner->waiting() == 0);
  CHECK(owner.use_count() == 1);
  tasks.run();
  CHECK(ran == 0);
}

TEST_CASE("C-19: a source that hangs takes its share of workers and no more", "[cache]") {
  constexpr std::size_t share = limits::renders_per_source_max;
  WorkerPool pool("test", share + 2, 1'000);
  class Pool final : public Tasks {
   public:
    explicit Pool(WorkerPool& its_pool) : pool_(its_pool) {}
    Status offer(std::function<void()> work) override { return pool_.offer(std::move(work)); }

   private:
    WorkerPool& pool_;
  } tasks(pool);
  RenderQueue queue(tasks);
  std::latch is_let_go(1), others(20);
  std::atomic<std::size_t> inside{0}, most{0}, ended{0};
  for (int i = 0; i < 40; ++i)
    need(queue.offer({"https://slow.example", RenderQueue::somebody_waits, [&] {
                        const std::size_t now = ++inside;
                        for (std::size_t seen = most; seen < now;)
                          if (most.compare_exchange_weak(seen, now)) break;
                        is_let_go.wait();
                        --inside;
                        ++ended;
                      }}));
  for (int i = 0; i < 20; ++i)
    need(queue.offer({"https://quick.example", 0, [&] { others.count_down(); }}));
  others.wait();  // although everything before them hangs
  is_let_go.count_down();
  pool.wait_until_idle();
  CHECK(ended == 40);
  CHECK(most <= share);
  CHECK(queue.waiting() == 0);
}
