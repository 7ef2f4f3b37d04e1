#pragma once
// W3C trace context (level 1 and 2; guard G-39 to G-41): reading what came in, and one context per
// request that goes out again in the answer and to upstreams. The trace id is the decision's id.
//
// Parsers are pure. A RandomIds belongs to one thread.

#include "base/limits.h"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace weir::guard {

using TraceId = std::array<std::uint8_t, 16>;
using SpanId = std::array<std::uint8_t, 8>;

inline constexpr std::uint8_t trace_flag_sampled = 0x01;
inline constexpr std::uint8_t trace_flag_random = 0x02;

struct TraceParent {
  TraceId trace{};
  SpanId span{};
  std::uint8_t flags = 0;  // only the known ones
};
std::optional<TraceParent> parse_traceparent(std::string_view text);

// The list members of every tracestate line, joined; empty when the whole list is to be dropped:
// a bad member, a key twice, or more than 32. Own member `weir=...` is not kept (it is written
// anew).
std::string tracestate_of(std::span<const std::string_view> lines);

// At most 8192 bytes and 180 members, each key=value of tokens and baggage octets.
bool is_good_baggage(std::string_view text);

// Random bits from the kernel, drawn by the page: a request costs a copy, not a system call.
class RandomIds {
 public:
  TraceId trace();
  SpanId span();

 private:
  void fill(std::uint8_t* out, std::size_t count);
  std::array<std::uint8_t, 1024> pool_{};
  std::size_t used_ = 1024;
};

// What an incoming context may do. link = a new trace that remembers the old one, so that a client
// cannot force sampling; trust = go on with the client's trace; ignore = as if there was none.
enum class TraceMode : std::uint8_t { trust, link, ignore };

struct Trace {
  TraceId id{};
  SpanId span{};
  std::uint8_t flags = trace_flag_random;
  std::optional<TraceParent> parent = {};  // with trust
  std::optional<TraceParent> link = {};    // with link
  std::string state = {};                  // other members, only with trust
};
Trace begin_trace(std::span<const std::string_view> traceparent,
                  std::span<const std::string_view> tracestate, TraceMode mode, RandomIds& random);

using TraceParentText = std::array<char, 55>;
TraceParentText traceparent_text_of(const Trace& trace);
std::array<char, 32> trace_id_text_of(const TraceId& id);
// "weir=<span>" in front of the others.
std::string tracestate_text_of(const Trace& trace);

}  // namespace weir::guard
