#include "base/crypto.h"
#include "base/limits.h"
#include "template/library.h"
#include "template/shown_time.h"

#include <cstdlib>
#include <limits>
#include <memory>
#include <string>

// The functions of S-46.

namespace weir::tmpl {
namespace {

// Numbers that are never stored: range(end=1000000) costs nothing.
class RangeView final : public ArrayView {
 public:
  RangeView(std::int64_t start, std::int64_t step, std::size_t count)
      : start_(start), step_(step), count_(count) {}
  std::size_t count() const override { return count_; }
  Value at(std::size_t index, Recorder*) const override {
    return start_ + static_cast<std::int64_t>(index) * step_;
  }

 private:
  std::int64_t start_;
  std::int64_t step_;
  std::size_t count_;
};

Result<Value> range(const Call& call) {
  const std::int64_t start = TRY(call.integer_or("start", 0));
  const std::int64_t end = TRY(call.integer("end"));
  const std::int64_t step = TRY(call.integer_or("step_by", 1));
  if (start < 0 || end < 0) return call.error("`start` and `end` must not be negative");
  if (step < 1)
    return call.error("argument `step_by` must be at least 1, it is " + std::to_string(step));
  if (start > end)
    return call.error("`start` (" + std::to_string(start) + ") must not be greater than `end` (" +
                      std::to_string(end) + ")");
  const auto count =
      static_cast<std::size_t>((end - start) / step + ((end - start) % step != 0 ? 1 : 0));
  if (count > limits::template_items_max) {
    Error error =
        call.error("more than " + std::to_string(limits::template_items_max) + " numbers");
    error.code = Errc::too_large;
    return error;
  }
  return Value::own(std::unique_ptr<const ArrayView>(new RangeView(start, step, count)));
}

// The time is always told in UTC, so that an output does not depend on the machine that renders it.
Result<Value> now(const Call& call) {
  TRY(call.boolean_or("utc", false));
  const bool timestamp = TRY(call.boolean_or("timestamp", false));
  // The filter behind it tells what is shown of it.
  if (!call.follows_clock()) call.mark_volatile();
  if (timestamp) return Value(call.clock().wall().seconds());
  return Value::text(now_text(call.clock()));
}

Result<Value> throw_error(const Call& call) {
  const std::string_view message = TRY(call.text("message"));
  return call.error(std::string(message));
}

Result<Value> get_random(const Call& call) {
  const std::int64_t start = TRY(call.integer_or("start", 0));
  const std::int64_t end = TRY(call.integer("end"));
  if (start >= end)
    return call.error("`start` (" + std::to_string(start) + ") must be less than `end` (" +
                      std::to_string(end) + ")");
  call.mark_volatile();
  // Modulo favours some numbers by less than one in 2^64 / range; nobody can tell.
  const std::uint64_t range = static_cast<std::uint64_t>(end) - static_cast<std::uint64_t>(start);
  return Value(static_cast<std::int64_t>(static_cast<std::uint64_t>(start) + random_u64() % range));
}

Result<Value> get_env(const Call& call) {
  const std::string_view name = TRY(call.text("name"));
  if (call.recorder() != nullptr)
    call.recorder()->read({ReadKind::environment, ReadGroup::meta, 0, name});
  call.mark_volatile();  // another build may run with another value
  if (const char* value = std::getenv(std::string(name).c_str())) return Value::text(value);
  if (const Value* otherwise = call.find("default")) return *otherwise;
  return call.error("the environment has no variable `" + std::string(name) + '`');
}

}  // namespace

void add_functions(Library& library) {
  struct Row {
    const char* name;
    Result<Value> (*function)(const Call&);
  };
  static constexpr Row rows[] = {
      {"range", range},           {"now", now},         {"throw", throw_error},
      {"get_random", get_random}, {"get_env", get_env},
  };
  for (const Row& row : rows) library.functions.add(row.name, row.function);
}

}  // namespace weir::tmpl
