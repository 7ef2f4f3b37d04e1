#include "http/conditions.h"

#include "base/limits.h"
#include "http/dates.h"

#include <algorithm>

namespace weir::http {
namespace {

std::string_view without_blanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// The entity tag at the front of `list`, and how many bytes it takes; empty when there is none (RFC
// 9110 8.8.3).
std::string_view tag_at_front(std::string_view list) {
  const std::size_t quote = list.starts_with("W/") ? 2 : 0;
  if (list.size() < quote + 2 || list[quote] != '"') return {};
  for (std::size_t i = quote + 1; i < list.size(); ++i) {
    const auto c = static_cast<unsigned char>(list[i]);
    if (c == '"') return list.substr(0, i + 1);
    if (c <= 0x20 || c == 0x7f) return {};
  }
  return {};
}

std::string_view opaque_of(std::string_view etag) {
  if (etag.starts_with("W/")) etag.remove_prefix(2);
  return etag;
}

// Each member of a list is a step, and the comma behind it another.
template <class Matches>
bool any_member(std::string_view list, Matches matches) {
  list = without_blanks(list);
  for (std::size_t steps = 0; !list.empty() && steps < 2 * limits::list_members_max; ++steps) {
    if (list.front() == ',') {
      list = without_blanks(list.substr(1));
      continue;
    }
    const std::string_view tag = tag_at_front(list);
    if (tag.empty()) return false;
    if (matches(tag)) return true;
    list = without_blanks(list.substr(tag.size()));
    if (!list.empty() && list.front() != ',') return false;
  }
  return false;
}

bool is_of(const EtagFamily& family, std::string_view tag, Comparison comparison) {
  constexpr std::size_t end_bytes = 3;  // -z"
  if (family.stem.empty() || tag.size() < end_bytes) return false;
  const std::string_view end = tag.substr(tag.size() - end_bytes);
  return end[0] == '-' && family.letters.find(end[1]) != std::string_view::npos &&
         etags_match(tag.substr(0, tag.size() - end_bytes), family.stem, comparison);
}

bool any_matches(std::string_view list, const Validators& now, Comparison comparison) {
  if (without_blanks(list) == "*" || !now.exists) return now.exists;
  return any_member(list, [&](std::string_view tag) {
    return (!now.chosen_etag.empty() && etags_match(tag, now.chosen_etag, comparison)) ||
           (!now.plain_etag.empty() && etags_match(tag, now.plain_etag, comparison)) ||
           is_of(now.family, tag, comparison);
  });
}

bool any_matches(const Request& request, Known field, const Validators& now,
                 Comparison comparison) {
  return request.use_list(
      field, [&](std::string_view list) { return any_matches(list, now, comparison); });
}

// If-Range is one entity tag, strongly compared, or a date that must be exactly ours (RFC
// 9110 13.1.5). A date is only a strong validator when it lies at least a second before the
// answer's; ours come from files and builds, long past.
bool if_range_holds(std::string_view value, const Validators& now, std::int64_t now_seconds) {
  value = without_blanks(value);
  if (value.starts_with('"') || value.starts_with("W/"))
    return !now.chosen_etag.empty() && tag_at_front(value).size() == value.size() &&
           etags_match(value, now.chosen_etag, Comparison::strong);
  const auto date = parse_date(value, now_seconds);
  return date && now.last_modified && *date == *now.last_modified &&
         *now.last_modified < now_seconds;
}

}  // namespace

bool etags_match(std::string_view a, std::string_view b, Comparison comparison) {
  if (comparison == Comparison::strong) return a == b && !a.starts_with("W/");
  return opaque_of(a) == opaque_of(b);
}

bool etag_list_matches(std::string_view list, std::string_view etag, Comparison comparison) {
  if (without_blanks(list) == "*") return true;
  return any_member(list, [&](std::string_view tag) { return etags_match(tag, etag, comparison); });
}

Condition condition_of(const Request& request, const Validators& now, std::int64_t now_seconds) {
  const bool reads = request.method == Method::get || request.method == Method::head;
  if (request.has(Known::if_match)) {  // 13.2.2 step 1
    if (!any_matches(request, Known::if_match, now, Comparison::strong))
      return Condition::precondition_failed;
  } else if (request.has(Known::if_unmodified_since)) {  // step 2
    const auto limit = parse_date(request.known(Known::if_unmodified_since), now_seconds);
    if (limit && now.last_modified && *now.last_modified > *limit)
      return Condition::precondition_failed;
  }
  if (request.has(Known::if_none_match)) {  // step 3
    if (any_matches(request, Known::if_none_match, now, Comparison::weak))
      return reads ? Condition::not_modified : Condition::precondition_failed;
  } else if (reads && request.has(Known::if_modified_since) && now.exists) {  // step 4
    const auto since = parse_date(request.known(Known::if_modified_since), now_seconds);
    const auto changed = now.last_modified ? now.last_modified : now.date;
    if (since && changed && *changed <= *since) return Condition::not_modified;
  }
  if (request.method == Method::get && request.has(Known::range) &&
      request.has(Known::if_range))  // step 5
    return if_range_holds(request.known(Known::if_range), now, now_seconds)
               ? Condition::proceed
               : Condition::proceed_whole;
  return Condition::proceed;
}

}  // namespace weir::http
