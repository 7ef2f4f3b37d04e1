#include "guard/trace.h"

#include "base/bytes.h"
#include "base/crypto.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace weir::guard {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

// Lower-case hex only: the recommendation says so, and upper case is refused.
template <std::size_t count>
bool read_hex(std::string_view text, std::array<std::uint8_t, count>& out) {
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t high = hex_digits.find(text[2 * i]);
    const std::size_t low = hex_digits.find(text[2 * i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return false;
    out[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return true;
}

template <std::size_t count>
void write_hex(char* out, const std::array<std::uint8_t, count>& bytes) {
  for (std::size_t i = 0; i < count; ++i) {
    out[2 * i] = hex_digits[bytes[i] >> 4];
    out[2 * i + 1] = hex_digits[bytes[i] & 15];
  }
}

template <std::size_t count>
bool is_zero(const std::array<std::uint8_t, count>& bytes) {
  return std::ranges::all_of(bytes, [](std::uint8_t b) { return b == 0; });
}

bool is_lower_or_digit(char c) { return is_digit(c) || (c >= 'a' && c <= 'z'); }
bool is_key_char(char c) {
  return is_lower_or_digit(c) || c == '_' || c == '-' || c == '*' || c == '/';
}

// key = lcalpha 0*255(keychar); multi-tenant: (lcalpha / DIGIT) 0*240(keychar) "@" lcalpha
// 0*13(keychar). Level 2 lets every key begin with a digit; we take both.
bool is_key(std::string_view key) {
  const auto is_part = [](std::string_view part, std::size_t count_max) {
    return !part.empty() && part.size() <= count_max && is_lower_or_digit(part.front()) &&
           std::ranges::all_of(part, is_key_char);
  };
  const std::size_t at = key.find('@');
  if (at == std::string_view::npos) return is_part(key, 256);
  const std::string_view system = key.substr(at + 1);
  return is_part(key.substr(0, at), 241) && is_part(system, 14) && !is_digit(system.front());
}

// value = 0*255(chr) nblk-chr, from 0x20 to 0x7E without ',' and '='.
bool is_value(std::string_view value) {
  return !value.empty() && value.size() <= 256 && value.back() != ' ' &&
         std::ranges::all_of(value,
                             [](char c) { return c >= 0x20 && c <= 0x7e && c != ',' && c != '='; });
}

std::string_view without_blanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool is_token_char(char c) {
  return is_alnum(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}
bool is_baggage_octet(char c) {
  return c > 0x20 && c < 0x7f && c != '"' && c != ',' && c != ';' && c != '\\';
}

}  // namespace

std::optional<TraceParent> parse_traceparent(std::string_view text) {
  if (text.size() < 55 || text[2] != '-' || text[35] != '-' || text[52] != '-') return std::nullopt;
  std::array<std::uint8_t, 1> version{}, flags{};
  TraceParent out;
  if (!read_hex(text, version) || !read_hex(text.substr(3), out.trace) ||
      !read_hex(text.substr(36), out.span) || !read_hex(text.substr(53), flags))
    return std::nullopt;
  if (version[0] == 0xff || is_zero(out.trace) || is_zero(out.span)) return std::nullopt;
  if (version[0] == 0 ? text.size() != 55 : text.size() > 55 && text[55] != '-')
    return std::nullopt;
  out.flags = flags[0] & (trace_flag_sampled | trace_flag_random);
  return out;
}

std::string tracestate_of(std::span<const std::string_view> lines) {
  std::vector<std::string_view> members, keys;
  std::size_t bytes = 0;
  for (std::string_view rest : lines) {
    bytes += rest.size();
    if (bytes > limits::trace_state_bytes_max) return "";
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find(','), rest.size());
      const std::string_view member = without_blanks(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
      if (member.empty()) continue;  // empty members are allowed, and mean nothing
      const std::size_t equals = member.find('=');
      if (equals == std::string_view::npos) return "";
      const std::string_view key = member.substr(0, equals);
      if (!is_key(key) || !is_value(member.substr(equals + 1))) return "";
      if (std::ranges::find(keys, key) != keys.end() ||
          keys.size() == limits::trace_state_members_max)
        return "";
      keys.push_back(key);
      if (key != "weir") members.push_back(member);
    }
  }
  // Our own member goes in front, and the list must still have at most 32.
  if (members.size() == limits::trace_state_members_max) members.pop_back();
  std::string out;
  for (const std::string_view member : members) {
    if (!out.empty()) out += ',';
    out += member;
  }
  return out;
}

bool is_good_baggage(std::string_view text) {
  if (text.size() > limits::baggage_bytes_max) return false;
  std::size_t members = 0;
  while (true) {
    const std::size_t end = std::min(text.find(','), text.size());
    std::string_view member = without_blanks(text.substr(0, end));
    if (++members > limits::baggage_members_max) return false;
    const std::size_t properties = std::min(member.find(';'), member.size());
    const std::string_view pair = member.substr(0, properties);
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) return false;
    const std::string_view key = without_blanks(pair.substr(0, equals));
    const std::string_view value = without_blanks(pair.substr(equals + 1));
    if (key.empty() || !std::ranges::all_of(key, is_token_char) ||
        !std::ranges::all_of(value, is_baggage_octet))
      return false;
    if (end == text.size()) return true;
    text.remove_prefix(end + 1);
  }
}

void RandomIds::fill(std::uint8_t* out, std::size_t count) {
  if (used_ + count > pool_.size()) {
    const std::string fresh = random_bytes(pool_.size());
    std::memcpy(pool_.data(), fresh.data(), pool_.size());
    used_ = 0;
  }
  std::memcpy(out, pool_.data() + used_, count);
  used_ += count;
}

TraceId RandomIds::trace() {
  TraceId id{};
  do fill(id.data(), id.size());
  while (is_zero(id));
  return id;
}

SpanId RandomIds::span() {
  SpanId id{};
  do fill(id.data(), id.size());
  while (is_zero(id));
  return id;
}

Trace begin_trace(std::span<const std::string_view> traceparent,
                  std::span<const std::string_view> tracestate, TraceMode mode, RandomIds& random) {
  Trace trace;
  trace.span = random.span();
  std::optional<TraceParent> incoming;
  if (mode != TraceMode::ignore && traceparent.size() == 1)
    incoming = parse_traceparent(traceparent.front());
  if (incoming && mode == TraceMode::trust) {
    trace.id = incoming->trace;
    trace.flags = incoming->flags;
    trace.parent = incoming;
    trace.state = tracestate_of(tracestate);
  } else {
    trace.id = random.trace();
    trace.link = incoming;
  }
  return trace;
}

TraceParentText traceparent_text_of(const Trace& trace) {
  TraceParentText out{};
  out[0] = out[1] = '0';
  out[2] = out[35] = out[52] = '-';
  write_hex(out.data() + 3, trace.id);
  write_hex(out.data() + 36, trace.span);
  write_hex(out.data() + 53, std::array<std::uint8_t, 1>{trace.flags});
  return out;
}

std::array<char, 32> trace_id_text_of(const TraceId& id) {
  std::array<char, 32> out{};
  write_hex(out.data(), id);
  return out;
}

std::string tracestate_text_of(const Trace& trace) {
  std::array<char, 16> span{};
  write_hex(span.data(), trace.span);
  std::string out = "weir=";
  out.append(span.data(), span.size());
  if (!trace.state.empty()) out += ',' + trace.state;
  return out;
}

}  // namespace weir::guard
