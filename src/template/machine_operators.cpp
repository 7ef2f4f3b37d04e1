#include "template/machine.h"

#include <algorithm>
#include <cmath>
#include <limits>

// Indexing, arithmetic, comparison, `in`, `~` and array literals: what the operators of S-41 mean.

namespace weir::tmpl {
namespace {

std::string in_quotes(std::string_view name) { return '`' + std::string(name) + '`'; }

// What an operand is, with its text where the author wrote more than a literal.
std::string described(const Value& value, std::string_view text) {
  return in_quotes(text) + " is " + shown(value);
}

// Doubles that are no number print as NaN and compare with nothing; infinities count as such.
double finite_or_nan(double number) {
  return std::isfinite(number) ? number : std::numeric_limits<double>::quiet_NaN();
}

Value divided(double left, double right) {
  const double result = left / right;
  if (!std::isfinite(result)) return std::numeric_limits<double>::quiet_NaN();
  // Whole results become integers; beyond their range they stop at its ends.
  if (std::round(result) != result) return result;
  if (result >= 9223372036854775807.0) return std::numeric_limits<std::int64_t>::max();
  if (result <= -9223372036854775808.0) return std::numeric_limits<std::int64_t>::min();
  return static_cast<std::int64_t>(result);
}

// False: the result does not fit 64 bits, or the divisor is zero.
bool combine(Operator sign, std::int64_t left, std::int64_t right, std::int64_t& result) {
  switch (sign) {
    case Operator::add: return !__builtin_add_overflow(left, right, &result);
    case Operator::subtract: return !__builtin_sub_overflow(left, right, &result);
    case Operator::multiply: return !__builtin_mul_overflow(left, right, &result);
    default:
      if (right == 0) return false;
      result = right == -1 ? 0 : left % right;  // INT64_MIN % -1 would trap
      return true;
  }
}

double combine(Operator sign, double left, double right) {
  switch (sign) {
    case Operator::add: return left + right;
    case Operator::subtract: return left - right;
    case Operator::multiply: return left * right;
    default: return std::fmod(left, right);
  }
}

}  // namespace

bool Machine::index(const Instruction& at) {
  const Value index = std::move(stack_.back());
  stack_.pop_back();
  Value& container = stack_.back();
  if (index.is_undefined() || container.is_undefined()) {
    container = Value();
    return true;
  }
  if (index.is_string()) {
    container = container.find(index.string(), recorder_);
    return true;
  }
  if (!index.is_number())
    return fail(at, "an index must be a string or a number; in " +
                        in_quotes(chunk_->unit->texts[at.b]) + " it is " + shown(index));
  std::string digits;
  append_text(digits, index, recorder_);
  container = container.find(digits, recorder_);
  return true;
}

bool Machine::math(const Instruction& at) {
  const Value right = std::move(stack_.back());
  stack_.pop_back();
  const Value left = std::move(stack_.back());
  const auto sign = static_cast<Operator>(at.a);
  const std::string_view text = sign_of(sign);
  for (const auto& [value, source] : {std::pair{&left, at.b}, std::pair{&right, at.c}})
    if (!value->is_number())
      return fail(at, "`" + std::string(text) + "` takes numbers, " +
                          described(*value, chunk_->unit->texts[source]));
  if (sign == Operator::divide) {
    stack_.back() = divided(left.number(), right.number());
    return true;
  }
  if (left.is_integer() && right.is_integer()) {
    std::int64_t result = 0;
    if (combine(sign, left.integer(), right.integer(), result)) {
      stack_.back() = result;
      return true;
    }
    const std::string sum = std::to_string(left.integer()) + ' ' + std::string(text) + ' ' +
                            std::to_string(right.integer());
    return fail(at, sign == Operator::modulo ? "modulo by zero: " + sum
                                             : "out of the 64-bit range: " + sum);
  }
  stack_.back() = finite_or_nan(combine(sign, left.number(), right.number()));
  return true;
}

bool Machine::compare(const Instruction& at) {
  const Value right = std::move(stack_.back());
  stack_.pop_back();
  const Value left = std::move(stack_.back());
  const auto sign = static_cast<Operator>(at.a);
  for (const auto& [value, source] : {std::pair{&left, at.b}, std::pair{&right, at.c}}) {
    const bool number = value->is_number();
    if (number && !std::isnan(value->number())) continue;
    return fail(at, "`" + std::string(sign_of(sign)) + "` takes numbers, " +
                        (number ? in_quotes(chunk_->unit->texts[source]) + " is NaN"
                                : described(*value, chunk_->unit->texts[source])));
  }
  const double a = left.number();
  const double b = right.number();
  switch (sign) {
    case Operator::less: stack_.back() = a < b; return true;
    case Operator::less_equal: stack_.back() = a <= b; return true;
    case Operator::greater: stack_.back() = a > b; return true;
    default: stack_.back() = a >= b; return true;
  }
}

bool Machine::contains(const Instruction& at) {
  const Value container = std::move(stack_.back());
  stack_.pop_back();
  const Value wanted = std::move(stack_.back());
  bool found = false;
  switch (container.kind()) {
    case Kind::array: {
      const std::size_t count = container.array().count();
      steps_left_ -= std::min(steps_left_, std::max(count, container.weight()) / 16);
      for (std::size_t i = 0; i < count && !found; ++i)
        found = equal(container.array().at(i, recorder_), wanted, recorder_);
      break;
    }
    case Kind::string:
    case Kind::object:
      if (!wanted.is_string())
        return fail(
            at, "`in` looks for a string in " + shown(container) + ", not for " + shown(wanted));
      found = container.is_string()
                  ? container.string().find(wanted.string()) != std::string_view::npos
                  : !container.object().find(wanted.string(), recorder_).is_undefined();
      break;
    default:
      return fail(at, "`in` looks into strings, arrays and objects, not into " + shown(container));
  }
  stack_.back() = found != (at.a != 0);
  return true;
}

bool Machine::concat(const Instruction& at) {
  const std::span<const Value> items = std::span(stack_).last(at.b);
  std::string joined;
  bool safe = at.c != 0;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const Value& item = items[i];
    if (!item.is_string() && !item.is_number())
      return fail(at, "`~` joins strings and numbers, the " + std::to_string(i + 1) +
                          (i == 0   ? "st"
                           : i == 1 ? "nd"
                           : i == 2 ? "rd"
                                    : "th") +
                          " part is " + shown(item));
    append_text(joined, item, recorder_);
    if (joined.size() > limits::template_output_bytes_max)
      return fail_limit(at, "`~` makes a string of more than " +
                                std::to_string(limits::template_output_bytes_max) + " bytes");
    if (i < 32 && (at.c >> i & 1U) != 0 && !item.is_safe()) safe = false;
  }
  drop(at.b);
  stack_.push_back(safe ? Value::text_safe(joined) : Value::text(joined));
  return charge(joined.size(), at);
}

bool Machine::array(const Instruction& at) {
  std::vector<Value> items;
  items.reserve(at.b);
  for (std::size_t i = stack_.size() - at.b; i < stack_.size(); ++i)
    items.push_back(std::move(stack_[i]).as_plain());
  drop(at.b);
  stack_.push_back(Value::array(std::move(items)));
  return charge_value(stack_.back(), at);
}

}  // namespace weir::tmpl
