#include "base/faults.h"

#include "base/must.h"

#include <atomic>

namespace weir::faults {

#ifdef WEIR_FAULTS
namespace {

struct State {
  std::atomic<bool> is_armed{false};
  Plan plan;  // written before is_armed, read after
  std::atomic<std::uint64_t> seen{0}, failed{0};
};
constinit State state;
constinit thread_local bool is_own = false;

}  // namespace

Armed::Armed(const Plan& plan) {
  MUST(!state.is_armed.load());
  state.plan = plan;
  state.seen = state.failed = 0;
  is_own = true;
  state.is_armed.store(true, std::memory_order_release);
}
Armed::~Armed() {
  state.is_armed.store(false);
  is_own = false;
}
std::uint64_t Armed::seen() const { return state.seen.load(); }
std::uint64_t Armed::failed() const { return state.failed.load(); }

int strike(Call call) noexcept {
  if (!state.is_armed.load(std::memory_order_acquire)) return none;
  const Plan& plan = state.plan;
  if ((plan.calls & only(call)) == 0) return none;
  if (plan.threads != Plan::Threads::all && (plan.threads == Plan::Threads::own) != is_own)
    return none;
  const std::uint64_t number = state.seen.fetch_add(1) + 1;
  if (number < plan.first || number - plan.first >= plan.count) return none;
  state.failed.fetch_add(1);
  return plan.error;
}
#else
Armed::Armed(const Plan&) {}
Armed::~Armed() = default;
std::uint64_t Armed::seen() const { return 0; }
std::uint64_t Armed::failed() const { return 0; }
#endif

}  // namespace weir::faults
