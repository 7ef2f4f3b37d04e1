#include "guard/limiter.h"

#include "base/bytes.h"
#include "base/must.h"
#include "guard/token_cache.h"
#include "http/message.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <thread>

namespace weir::guard {
namespace {

constexpr std::int64_t time_max = INT64_MAX / 4;  // sums of two such times cannot overflow

struct KeyRow {
  std::string_view name;
  LimitKeyKind kind;
  bool has_argument;
};
constexpr std::array<KeyRow, 6> key_rows{{
    {"ip", LimitKeyKind::ip, false},
    {"jwt", LimitKeyKind::claim, true},
    {"header", LimitKeyKind::header, true},
    {"cookie", LimitKeyKind::cookie, true},
    {"path", LimitKeyKind::path, false},
    {"const", LimitKeyKind::constant, false},
}};

// The value of one cookie in all Cookie lines; empty when there is none.
std::string_view cookie_of(const http::Request& request, std::string_view name) {
  for (const http::Field& field : request.fields) {
    if (field.name != "cookie") continue;
    std::string_view rest = field.value;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find(';'), rest.size());
      const std::string_view pair = trim(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
      if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=')
        return pair.substr(name.size() + 1);
    }
  }
  return {};
}

}  // namespace

Result<LimitKey> parse_limit_key(std::string_view text) {
  const std::string shown = "'" + std::string(text) + "'";
  if (text.starts_with("ip/")) {
    const auto prefix = parse_u64(text.substr(3));
    if (!prefix || *prefix < 1 || *prefix > 128)
      return Error{Errc::invalid, "the prefix of " + shown + " must be 1 to 128"};
    return LimitKey{LimitKeyKind::ip, static_cast<unsigned>(*prefix), ""};
  }
  const std::size_t colon = text.find(':');
  const auto row = std::ranges::find(key_rows, text.substr(0, colon), &KeyRow::name);
  const std::string_view argument = colon == std::string_view::npos ? "" : text.substr(colon + 1);
  if (row == key_rows.end() || row->has_argument == argument.empty())
    return Error{Errc::invalid,
                 "expected ip/N, jwt:CLAIM, header:NAME, cookie:NAME, path or const, not " + shown};
  return LimitKey{row->kind, 64,
                  row->kind == LimitKeyKind::header ? lower_of(argument) : std::string(argument)};
}

Result<Rate> parse_rate(std::string_view text) {
  const Error bad{Errc::invalid,
                  "expected a rate like 50/s, 600/m or 10/30s, not '" + std::string(text) + "'"};
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return bad;
  const auto count = parse_u64(text.substr(0, slash));
  std::string_view unit = text.substr(slash + 1);
  if (!count || *count == 0 || unit.empty()) return bad;
  std::size_t digits = 0;
  while (digits < unit.size() && is_digit(unit[digits])) ++digits;
  const auto factor =
      digits == 0 ? std::optional<std::uint64_t>(1) : parse_u64(unit.substr(0, digits));
  unit.remove_prefix(digits);
  const std::int64_t seconds = unit == "s"   ? 1
                               : unit == "m" ? 60
                               : unit == "h" ? 3600
                               : unit == "d" ? 86400
                                             : 0;
  if (seconds == 0 || !factor || *factor == 0 || *factor > 366 * 86400) return bad;
  return Rate{*count, std::chrono::seconds(seconds * static_cast<std::int64_t>(*factor))};
}

Result<Limit> Limit::open(LimitPolicy policy, const HashKey& key, std::uint32_t index) {
  const std::string where = "limit " + policy.name + ": ";
  if (policy.rate.limit == 0 || policy.rate.period <= Nanos(0))
    return Error{Errc::invalid, where + "the rate must be above 0"};
  if (policy.burst == 0) return Error{Errc::invalid, where + "burst must be at least 1"};
  if (policy.keys.empty()) return Error{Errc::invalid, where + "key must name at least one"};
  const auto period = static_cast<std::uint64_t>(policy.rate.period.count());
  if (policy.rate.limit > period)
    return Error{Errc::too_large, where + "the rate is above one per nanosecond"};
  const std::uint64_t interval = (period + policy.rate.limit - 1) / policy.rate.limit;
  if (policy.burst > static_cast<std::uint64_t>(time_max) / interval)
    return Error{Errc::too_large, where + "burst times the interval is above 73 years"};

  Limit limit(std::move(policy));
  limit.interval_ns_ = static_cast<std::int64_t>(interval);
  limit.tolerance_ns_ = static_cast<std::int64_t>(interval * (limit.policy_.burst - 1));
  for (std::size_t i = 0; i < limit.policy_.keys.size(); ++i) {
    const LimitKey& one = limit.policy_.keys[i];
    limit.salts_.push_back(key.hash("limit " + std::to_string(index) + ' ' +
                                    std::to_string(static_cast<int>(one.kind)) + ' ' +
                                    std::to_string(one.prefix) + ' ' + one.name));
  }
  return limit;
}

// One cache line. A slot is a tag (63 bits of the key's hash; 0 = free) and a time stamp (TAT).
//
// The stamp moves by compare-and-swap alone. Taking a slot for another key happens under the lock
// bit of the set (bit 0 of the first tag), so that two threads cannot give one key two slots.
// Whoever still holds the old tag then fails its compare-and-swap, because the stamp has changed,
// and looks again.
struct alignas(64) Limiter::Set {
  struct Slot {
    std::uint64_t tag;
    std::int64_t stamp;
  };
  std::array<Slot, 4> slots;
};

namespace {
constexpr std::uint64_t lock_bit = 1;

std::atomic_ref<std::uint64_t> atomic_of(std::uint64_t& word) {
  return std::atomic_ref<std::uint64_t>(word);
}
std::atomic_ref<std::int64_t> atomic_of(std::int64_t& word) {
  return std::atomic_ref<std::int64_t>(word);
}

// Held for a few nanoseconds, and only when a key comes new into the set.
class SetLock {
 public:
  explicit SetLock(std::uint64_t& word) : word_(word) {
    for (unsigned tries = 0; (word_.fetch_or(lock_bit, std::memory_order_acquire) & lock_bit) != 0;
         ++tries)
      if (tries > 64) std::this_thread::yield();
  }
  ~SetLock() { word_.fetch_and(~lock_bit, std::memory_order_release); }
  SetLock(const SetLock&) = delete;
  SetLock& operator=(const SetLock&) = delete;

 private:
  std::atomic_ref<std::uint64_t> word_;
};
}  // namespace

Limiter::Limiter(std::size_t slots)
    : sets_count_(std::bit_ceil(std::max(slots / 4, std::size_t{1}))), memory_(nullptr, std::free) {
  // calloc gives zero pages that cost nothing until a key touches them.
  memory_.reset(std::calloc(sets_count_ + 1, sizeof(Set)));
  MUST(memory_ != nullptr);
  void* start = memory_.get();
  std::size_t room = (sets_count_ + 1) * sizeof(Set);
  sets_ = static_cast<Set*>(std::align(alignof(Set), sets_count_ * sizeof(Set), start, room));
  MUST(sets_ != nullptr);
}
Limiter::~Limiter() = default;

Hash128 Limiter::slot_of(const Limit& limit, std::size_t key_index, std::string_view value) const {
  const Hash128 hash = key_.hash(value);
  const Hash128& salt = limit.salts_[key_index];
  return {hash.low ^ salt.low, hash.high ^ salt.high};
}

std::optional<Hash128> Limiter::slot_of(const Limit& limit, const LimitSubject& subject) const {
  const auto& keys = limit.policy_.keys;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const LimitKey& key = keys[i];
    switch (key.kind) {
      case LimitKeyKind::ip: {
        const IpAddress cut = subject.client.cut_to(key.prefix);
        return slot_of(limit, i,
                       {reinterpret_cast<const char*>(cut.bytes.data()), cut.bytes.size()});
      }
      case LimitKeyKind::claim: {
        if (subject.token == nullptr) break;
        if (key.name == "sub") {
          if (subject.token->subject.empty()) break;
          return slot_of(limit, i, subject.token->subject);
        }
        const std::string value = subject.token->text_of(key.name);
        if (!value.empty()) return slot_of(limit, i, value);
        break;
      }
      case LimitKeyKind::header: {
        const http::Field* field = subject.request.find(key.name);
        if (field != nullptr) return slot_of(limit, i, field->value);
        break;
      }
      case LimitKeyKind::cookie: {
        const std::string_view value = cookie_of(subject.request, key.name);
        if (!value.empty()) return slot_of(limit, i, value);
        break;
      }
      case LimitKeyKind::path: return slot_of(limit, i, subject.request.path);
      case LimitKeyKind::constant: return slot_of(limit, i, "");
    }
  }
  return std::nullopt;
}

namespace {
LimitDecision refused(std::int64_t interval, std::int64_t tolerance, std::int64_t debt,
                      std::int64_t cost_ns) {
  const auto up = [](std::int64_t ns) { return (ns + 999'999'999) / 1'000'000'000; };
  LimitDecision decision;
  decision.allowed = false;
  decision.remaining =
      static_cast<std::uint64_t>(std::max<std::int64_t>(tolerance + interval - debt, 0) / interval);
  decision.reset_s = up(debt);
  // Never earlier than `t`: the two fields of one answer must not send a client back at different
  // times (draft -11).
  decision.retry_s =
      std::max<std::int64_t>({up(debt - (tolerance + interval - cost_ns)), decision.reset_s, 1});
  return decision;
}
LimitDecision allowed(std::int64_t interval, std::int64_t tolerance, std::int64_t debt) {
  LimitDecision decision;
  decision.remaining = static_cast<std::uint64_t>((tolerance + interval - debt) / interval);
  decision.reset_s = (debt + 999'999'999) / 1'000'000'000;
  return decision;
}
}  // namespace

LimitDecision Limiter::take(const Limit& limit, Hash128 slot, Mono now, std::uint64_t cost) {
  const std::int64_t interval = limit.interval_ns_;
  const std::int64_t tolerance = limit.tolerance_ns_;
  // A cost above the burst can never be paid: the largest debt that is still refused.
  const std::int64_t cost_ns =
      interval * static_cast<std::int64_t>(std::min(cost, limit.policy_.burst + 1));
  Set& set = sets_[slot.high & (sets_count_ - 1)];
  const std::uint64_t tag = (slot.low | 2) & ~lock_bit;  // never 0
  while (true) {
    for (Set::Slot& one : set.slots) {
      std::atomic_ref<std::uint64_t> held = atomic_of(one.tag);
      if ((held.load(std::memory_order_acquire) & ~lock_bit) != tag) continue;
      std::atomic_ref<std::int64_t> stamp = atomic_of(one.stamp);
      std::int64_t seen = stamp.load(std::memory_order_acquire);
      while ((held.load(std::memory_order_acquire) & ~lock_bit) == tag) {
        const std::int64_t debt = std::max(seen, now.ns) - now.ns;
        if (debt > tolerance + interval - cost_ns)
          return refused(interval, tolerance, debt, cost_ns);
        if (stamp.compare_exchange_weak(seen, now.ns + debt + cost_ns, std::memory_order_acq_rel))
          return allowed(interval, tolerance, debt + cost_ns);
      }
      break;  // the slot went to another key meanwhile
    }
    const SetLock lock(set.slots[0].tag);
    Set::Slot* least = &set.slots[0];
    bool present = false;
    for (Set::Slot& one : set.slots) {
      present = present || (atomic_of(one.tag).load(std::memory_order_relaxed) & ~lock_bit) == tag;
      if (atomic_of(one.stamp).load(std::memory_order_relaxed) <
          atomic_of(least->stamp).load(std::memory_order_relaxed))
        least = &one;
    }
    if (present) continue;  // another thread has just brought it in
    // First nobody's, then without debt, then ours: at no moment does the old key see our stamp.
    std::atomic_ref<std::uint64_t> held = atomic_of(least->tag);
    const std::uint64_t locked = least == &set.slots[0] ? lock_bit : 0;
    held.store(locked, std::memory_order_release);
    atomic_of(least->stamp).store(now.ns, std::memory_order_release);
    held.store(tag | locked, std::memory_order_release);
  }
}

void append_limit_fields(std::string& out, const Limit& limit, const LimitDecision& decision) {
  const LimitPolicy& policy = limit.policy();
  // The window in which a whole burst comes back.
  const std::int64_t window =
      (limit.interval_ns() * static_cast<std::int64_t>(policy.burst) + 999'999'999) / 1'000'000'000;
  out += "RateLimit-Policy: \"";
  out += policy.name;
  out += "\";q=";
  out += std::to_string(policy.burst);
  out += ";w=";
  out += std::to_string(window);
  out += "\r\nRateLimit: \"";
  out += policy.name;
  out += "\";r=";
  out += std::to_string(decision.remaining);
  out += ";t=";
  out += std::to_string(decision.reset_s);
  out += "\r\n";
  if (!decision.allowed) {
    out += "Retry-After: ";
    out += std::to_string(decision.retry_s);
    out += "\r\n";
  }
}

}  // namespace weir::guard
