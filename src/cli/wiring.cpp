#include "cli/wiring.h"

#include "base/bytes.h"
#include "http/client.h"

#include <sys/resource.h>
#include <unistd.h>
#include <utility>

namespace weir::cli {

namespace {

// A kernel that does not allow it changes nothing but who goes first. Not the lowest there is: who
// ends the process waits for the step that such a thread is in (0.3 s), and a host that others keep
// busy stretches that by 1024/110 at 10, by 1024/15 at 19 (sched_prio_to_weight): 3 s and 23 s were
// measured beside two busy loops.
void step_behind() {
  thread_local bool is_behind = false;
  if (std::exchange(is_behind, true)) return;
  constexpr int behind = 10;
  (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), behind);
}

}  // namespace

Status PoolTasks::offer(std::function<void()> work) {
  if (priority_ == Priority::idle)
    work = [work = std::move(work)] {
      step_behind();
      work();
    };
  return pool_.with([&](std::unique_ptr<WorkerPool>& pool) -> Status {
    if (pool == nullptr) return Error{Errc::full, "the server is stopping"};
    return pool->offer(std::move(work));
  });
}

void PoolTasks::end() {
  const std::unique_ptr<WorkerPool> last =
      pool_.with([](std::unique_ptr<WorkerPool>& pool) { return std::move(pool); });
}

namespace {

// max-age of a Cache-Control value; the smallest of several.
std::optional<Nanos> max_age_of(std::string_view cache_control) {
  constexpr std::string_view name = "max-age=";
  const std::size_t at = lower_of(cache_control).find(name);
  if (at == std::string::npos) return std::nullopt;
  std::string_view digits = cache_control.substr(at + name.size());
  std::size_t count = 0;
  while (count < digits.size() && is_digit(digits[count])) ++count;
  const auto seconds = parse_u64(digits.substr(0, std::min<std::size_t>(count, 9)));
  if (!seconds) return std::nullopt;
  return std::chrono::seconds(static_cast<std::int64_t>(*seconds));
}

Result<guard::FetchedKeys> fetch_keys(const guard::KeyFetch& order) {
  http::FetchRequest request;
  request.url = order.url;
  request.bytes_max = order.bytes_max;
  request.timeout = std::chrono::duration_cast<std::chrono::milliseconds>(order.time_max);
  request.redirects_max = 0;
  request.headers = {{"Accept", "application/jwk-set+json, application/json"}};
  http::Fetched answer = TRY(http::fetch(request));
  if (answer.status != 200)
    return Error{Errc::io, order.url + " answered " + std::to_string(answer.status)};
  const std::string* policy = answer.find("cache-control");
  return guard::FetchedKeys{std::move(answer.body),
                            policy == nullptr ? std::nullopt : max_age_of(*policy)};
}

}  // namespace

void KeyFetcher::fetch(const guard::KeyFetch& order,
                       std::function<void(Result<guard::FetchedKeys>)> done) {
  const Status offered = pool_.offer([order, done] { done(fetch_keys(order)); });
  if (!offered.ok()) done(offered.error());
}

}  // namespace weir::cli
