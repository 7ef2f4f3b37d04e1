#include "http/ranges.h"

#include "base/bytes.h"
#include "base/limits.h"

#include <algorithm>

namespace weir::http {
namespace {

std::string_view without_blanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Digits only. A number too large for 64 bits saturates: it lies behind every end.
bool parse_position(std::string_view text, std::uint64_t& position) {
  if (text.empty() || !std::all_of(text.begin(), text.end(), is_digit)) return false;
  position = parse_u64(text).value_or(UINT64_MAX);
  return true;
}

enum class Spec : std::uint8_t { malformed, unsatisfiable, good };

Spec parse_spec(std::string_view text, std::uint64_t total, ByteRange& range) {
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return Spec::malformed;
  const std::string_view left = text.substr(0, dash);
  const std::string_view right = text.substr(dash + 1);
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  if (left.empty()) {  // "-n": the last n bytes
    if (!parse_position(right, last)) return Spec::malformed;
    if (last == 0 || total == 0) return Spec::unsatisfiable;
    range = {total - std::min(last, total), total - 1};
    return Spec::good;
  }
  if (!parse_position(left, first)) return Spec::malformed;
  if (right.empty()) last = UINT64_MAX;
  else if (!parse_position(right, last) || last < first) return Spec::malformed;
  if (first >= total) return Spec::unsatisfiable;
  range = {first, std::min(last, total - 1)};
  return Spec::good;
}

bool overlap(const std::vector<ByteRange>& ranges) {
  for (std::size_t i = 0; i < ranges.size(); ++i)
    for (std::size_t j = i + 1; j < ranges.size(); ++j)
      if (ranges[i].first <= ranges[j].last && ranges[j].first <= ranges[i].last) return true;
  return false;
}

}  // namespace

RangePlan plan_ranges(std::string_view field, std::uint64_t total_bytes) {
  constexpr std::string_view unit = "bytes=";
  if (field.size() < unit.size() || !equals_ignoring_case(field.substr(0, unit.size()), unit))
    return {};
  field.remove_prefix(unit.size());
  RangePlan plan;
  std::size_t specs = 0;
  while (!field.empty()) {
    const std::size_t comma = std::min(field.find(','), field.size());
    const std::string_view text = without_blanks(field.substr(0, comma));
    field.remove_prefix(std::min(comma + 1, field.size()));
    if (text.empty()) continue;  // empty list members mean nothing
    if (++specs > limits::ranges_max) return {};
    ByteRange range;
    switch (parse_spec(text, total_bytes, range)) {
      case Spec::malformed: return {};
      case Spec::unsatisfiable: break;
      case Spec::good: plan.ranges.push_back(range); break;
    }
  }
  if (specs == 0) return {};
  if (plan.ranges.empty()) plan.kind = RangePlan::Kind::unsatisfiable;
  else if (plan.ranges.size() == 1) plan.kind = RangePlan::Kind::single;
  else if (overlap(plan.ranges)) return {};
  else plan.kind = RangePlan::Kind::several;
  return plan;
}

std::string content_range_of(ByteRange range, std::uint64_t total_bytes) {
  return "bytes " + std::to_string(range.first) + '-' + std::to_string(range.last) + '/' +
         std::to_string(total_bytes);
}

std::string unsatisfied_range_of(std::uint64_t total_bytes) {
  return "bytes */" + std::to_string(total_bytes);
}

MultipartLines multipart_lines_of(const std::vector<ByteRange>& ranges, std::uint64_t total_bytes,
                                  std::string_view part_type, std::string_view boundary) {
  MultipartLines lines;
  lines.content_type = "multipart/byteranges; boundary=" + std::string(boundary);
  for (const ByteRange& range : ranges) {
    std::string before = lines.before.empty() ? "--" : "\r\n--";
    before.append(boundary);
    if (!part_type.empty()) before.append("\r\nContent-Type: ").append(part_type);
    before.append("\r\nContent-Range: ").append(content_range_of(range, total_bytes));
    lines.before.push_back(before.append("\r\n\r\n"));
  }
  lines.end = "\r\n--" + std::string(boundary) + "--\r\n";
  return lines;
}

Multipart multipart_of(const std::vector<ByteRange>& ranges, std::string_view whole,
                       std::string_view part_type, std::string_view boundary) {
  MultipartLines lines = multipart_lines_of(ranges, whole.size(), part_type, boundary);
  Multipart made{std::move(lines.content_type), {}};
  for (std::size_t at = 0; at < ranges.size(); ++at) {
    const ByteRange range = ranges[at];
    made.body += lines.before[at];
    made.body += whole.substr(static_cast<std::size_t>(range.first),
                              static_cast<std::size_t>(range.bytes()));
  }
  made.body += lines.end;
  return made;
}

}  // namespace weir::http
