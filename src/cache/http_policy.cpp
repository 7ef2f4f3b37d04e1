#include "cache/http_policy.h"

#include "base/bytes.h"
#include "http/dates.h"
#include "http/structured_fields.h"

#include <algorithm>
#include <string>

namespace weir::cache {
namespace {

constexpr std::int64_t seconds_max = 2'147'483'647;  // RFC 9111 1.2.2: saturate at 2^31
constexpr std::int64_t heuristic_max_s = 24 * 60 * 60;
constexpr std::int64_t heuristic_divisor = 10;  // 10 % of the time since the last change (4.2.2)

// A date in any case of its letters (RFC 9111 4.2, C-26): "thu, 18 AUG 2050 02:01:18 gmt" as the
// RFC writes it.
std::string in_usual_case(std::string_view text) {
  std::string out = lower_of(text);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const bool begins = is_alpha(out[i]) && (i == 0 || !is_alpha(out[i - 1]));
    if (begins) out[i] = static_cast<char>(out[i] - ('a' - 'A'));
  }
  if (out.ends_with(" Gmt")) out.replace(out.size() - 3, 3, "GMT");
  return out;
}

bool is_number(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, is_digit);
}

std::int64_t saturated(std::string_view digits) {
  std::int64_t value = 0;
  for (const char c : digits) {
    value = value * 10 + (c - '0');
    if (value > seconds_max) return seconds_max;
  }
  return value;
}

// Behind the quoted string that begins at `at`; `at` itself when no quote ends it.
std::size_t end_of_quoted(std::string_view list, std::size_t at) {
  for (std::size_t i = at + 1; i < list.size(); ++i) {
    if (list[i] == '\\') ++i;
    else if (list[i] == '"') return i + 1;
  }
  return at;
}

// The next member of a list and its end. Commas within a quoted string do not separate; it begins
// directly behind '=' and has an end: a lone quote must not swallow the no-store behind it.
std::string_view take_member(std::string_view& list) {
  std::size_t at = 0;
  while (at < list.size() && list[at] != ',') {
    const bool may_begin = list[at] == '"' && at > 0 && list[at - 1] == '=';
    const std::size_t end = may_begin ? end_of_quoted(list, at) : at;
    at = std::max(end, at + 1);
  }
  at = std::min(at, list.size());
  const std::string_view member = trim(list.substr(0, at));
  list.remove_prefix(std::min(at + 1, list.size()));
  return member;
}

// The directives that are words, and those that are spans.
struct Flag {
  std::string_view name;
  bool Directives::*set;
};
constexpr Flag flags[] = {
    {"no-store", &Directives::no_store},
    {"no-cache", &Directives::no_cache},
    {"private", &Directives::is_private},
    {"public", &Directives::is_public},
    {"must-revalidate", &Directives::must_revalidate},
    {"proxy-revalidate", &Directives::proxy_revalidate},
    {"must-understand", &Directives::must_understand},
    {"no-transform", &Directives::no_transform},
    {"only-if-cached", &Directives::only_if_cached},
};
struct Span {
  std::string_view name;
  std::optional<std::int64_t> Directives::*set;
};
constexpr Span spans[] = {
    {"max-age", &Directives::max_age},
    {"s-maxage", &Directives::s_maxage},
    {"stale-while-revalidate", &Directives::swr},
    {"stale-if-error", &Directives::sie},
    {"max-stale", &Directives::max_stale},
    {"min-fresh", &Directives::min_fresh},
};

const Flag* find_flag(std::string_view name) {
  const auto found = std::ranges::find_if(
      flags, [name](const Flag& f) { return equals_ignoring_case(f.name, name); });
  return found == std::end(flags) ? nullptr : &*found;
}
const Span* find_span(std::string_view name) {
  const auto found = std::ranges::find_if(
      spans, [name](const Span& s) { return equals_ignoring_case(s.name, name); });
  return found == std::end(spans) ? nullptr : &*found;
}

void take_directive(Directives& into, std::string_view member) {
  const std::size_t equals = member.find('=');
  const std::string_view name = member.substr(0, equals);
  // A blank before the '=' does not make it another directive, but it permits nothing then.
  if (const Flag* flag = find_flag(trim(name))) {
    const bool is_clean = name.size() == trim(name).size();
    const bool permits =
        flag->set == &Directives::is_public || flag->set == &Directives::must_understand;
    if (is_clean || !permits)
      into.*flag->set = true;  // private="field", no-cache="field" count as the bare words (5.2.2)
    return;
  }
  const Span* const span = find_span(trim(name));
  if (span == nullptr) return;
  if (equals == std::string_view::npos) {
    if (span->name == "max-stale") into.max_stale_any = true;
    else into.*span->set = 0;
    return;
  }
  std::string_view value = member.substr(equals + 1);
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
    value = value.substr(1, value.size() - 2);
  const bool is_plain = name.size() == trim(name).size() && is_number(value);
  const std::int64_t seconds = is_plain ? saturated(value) : 0;
  std::optional<std::int64_t>& slot = into.*span->set;
  slot = slot ? std::min(*slot, seconds) : seconds;
}

// --- one answer
// ------------------------------------------------------------------------------------

std::optional<std::int64_t> date_field(std::span<const http::Field> fields, std::string_view name,
                                       std::int64_t now_s) {
  for (const http::Field& field : fields)
    if (field.name == name) return http::parse_date(in_usual_case(field.value), now_s);
  return std::nullopt;
}

bool has_field(std::span<const http::Field> fields, std::string_view name) {
  return std::ranges::any_of(fields, [name](const http::Field& f) { return f.name == name; });
}

// RFC 9111 3: a status whose meaning we know, for must-understand.
bool is_understood(int status) { return http::reason_phrase_of(status) != "Unknown"; }

Directives directives_of(const Arrival& arrival, bool& is_targeted) {
  for (const std::string_view name : {"weir-cdn-cache-control", "cdn-cache-control"}) {
    if (const auto targeted = parse_targeted(arrival.fields, name)) {
      is_targeted = true;
      return *targeted;
    }
  }
  return parse_cache_control(arrival.fields);
}

// RFC 9111 4.2.1 and 4.2.2, behind what the route says.
void set_lifetime(Policy& policy, const Arrival& arrival, const Directives& said,
                  bool is_targeted) {
  policy.is_explicit = true;
  if (said.s_maxage || said.max_age) {
    policy.lifetime_s = said.s_maxage ? *said.s_maxage : *said.max_age;
    return;
  }
  // A targeted field takes the place of Cache-Control and Expires (RFC 9213 2.2).
  const Expiry expires = is_targeted ? Expiry{} : parse_expires(arrival.fields, arrival.received_s);
  if (expires.is_present) {
    // What is no date is over already (RFC 9111 5.3), also for a Date of before 1970.
    const bool is_date = expires.at_s != 0;
    policy.lifetime_s =
        is_date ? std::clamp<std::int64_t>(expires.at_s - policy.date_s, 0, seconds_max) : 0;
    return;
  }
  policy.is_explicit = false;
  const bool may_guess = is_heuristically_cacheable(arrival.status) || said.is_public;
  const auto modified = date_field(arrival.fields, "last-modified", arrival.received_s);
  if (may_guess && modified && *modified < policy.date_s)
    policy.lifetime_s = std::min((policy.date_s - *modified) / heuristic_divisor, heuristic_max_s);
}

// Guarded (C-2): what may be kept of answers to requests with Cookie, and given to such requests.
bool is_for_all(const Directives& said, bool is_targeted) {
  return said.is_public || said.s_maxage || is_targeted;
}

std::string_view refusal_of(const Arrival& arrival, const Policy& policy, const Directives& said,
                            bool is_targeted) {
  const bool no_store = said.must_understand ? !is_understood(arrival.status) : said.no_store;
  if (no_store) return "no-store";
  if (said.is_private) return "private";
  if (arrival.status < 200 || arrival.status == 304) return "status";
  if (arrival.has_authorization && !policy.is_shared) return "authorization";
  // RFC 9111 3: of the methods we know, answers to GET and HEAD; to POST when it says so (C-34).
  const bool is_read = arrival.method == http::Method::get || arrival.method == http::Method::head;
  if (!is_read && !(arrival.method == http::Method::post && policy.is_explicit)) return "method";
  if (arrival.profile == Profile::guarded) {
    if (has_field(arrival.fields, "set-cookie")) return "set-cookie";
    if (arrival.status >= 500) return "server-error";
    if (arrival.has_cookie && !arrival.route->ignores_cookies && !is_for_all(said, is_targeted))
      return "cookie";
  } else if (arrival.request_no_store) {
    return "request no-store";
  }
  if (policy.is_explicit || policy.lifetime_s > 0) return {};
  const bool has_validator =
      has_field(arrival.fields, "etag") || has_field(arrival.fields, "last-modified");
  const bool may_be_kept = is_heuristically_cacheable(arrival.status) || said.is_public;
  return has_validator && may_be_kept ? "" : "no freshness";  // to be validated at each use
}

}  // namespace

Directives parse_cache_control(std::span<const http::Field> fields) {
  Directives directives;
  for (const http::Field& field : fields) {
    if (field.name != "cache-control") continue;
    std::string_view list = field.value;
    while (!list.empty()) take_directive(directives, take_member(list));
  }
  return directives;
}

std::optional<Directives> parse_targeted(std::span<const http::Field> fields,
                                         std::string_view lower_name) {
  std::string lines;
  bool is_present = false;
  for (const http::Field& field : fields) {
    if (field.name != lower_name) continue;
    if (is_present) lines += ", ";
    lines += field.value;
    is_present = true;
  }
  if (!is_present || lines.empty()) return std::nullopt;
  const auto members = http::parse_dictionary(lines);
  if (!members) return std::nullopt;
  using Kind = http::StructuredItem::Kind;
  Directives directives;
  for (const http::StructuredMember& member : *members) {
    const Flag* const flag = find_flag(member.key);
    const Span* const span = find_span(member.key);
    if (flag == nullptr && span == nullptr) continue;
    if (member.is_inner_list) return std::nullopt;
    const http::StructuredItem& item = member.items.front();
    // RFC 9213 2.1: these two may have a list of field names, a string.
    const bool may_name_fields = member.key == "no-cache" || member.key == "private";
    if (may_name_fields && item.kind == Kind::string) {
      directives.*flag->set = true;
      continue;
    }
    if (item.kind != (flag != nullptr ? Kind::boolean : Kind::integer)) return std::nullopt;
    if (flag != nullptr) directives.*flag->set = item.is_true;
    else if (item.integer < 0) return std::nullopt;
    else directives.*span->set = std::min(item.integer, seconds_max);
  }
  return directives;
}

Expiry parse_expires(std::span<const http::Field> fields, std::int64_t now_s) {
  Expiry expiry;
  for (const http::Field& field : fields) {
    if (field.name != "expires") continue;
    const bool is_second = expiry.is_present;
    expiry.is_present = true;
    expiry.at_s = is_second ? 0 : http::parse_date(in_usual_case(field.value), now_s).value_or(0);
    if (is_second) break;
  }
  return expiry;
}

std::int64_t parse_age(std::span<const http::Field> fields) {
  for (const http::Field& field : fields) {
    if (field.name != "age") continue;
    const std::string_view first = trim(field.value.substr(0, field.value.find(',')));
    // Digits with parameters behind them are what some servers send; the number is meant.
    const std::string_view digits = trim(first.substr(0, first.find(';')));
    return is_number(digits) ? saturated(digits) : 0;
  }
  return 0;
}

bool is_heuristically_cacheable(int status) {  // RFC 9110 15.1
  switch (status) {
    case 200:
    case 203:
    case 204:
    case 206:
    case 300:
    case 301:
    case 308:
    case 404:
    case 405:
    case 410:
    case 414:
    case 501: return true;
    default: return false;
  }
}

Policy policy_of(const Arrival& arrival) {
  Policy policy;
  const RouteFreshness& route = *arrival.route;
  const bool is_guarded = arrival.profile == Profile::guarded;
  bool is_targeted = false;
  const Directives said = directives_of(arrival, is_targeted);
  policy.date_s =
      date_field(arrival.fields, "date", arrival.received_s).value_or(arrival.received_s);
  // RFC 9111 4.2.3.
  const std::int64_t apparent = std::max<std::int64_t>(0, arrival.received_s - policy.date_s);
  const std::int64_t delay = std::max<std::int64_t>(0, arrival.delay.count() / 1'000'000'000);
  policy.initial_age_s =
      std::min(std::max(apparent, parse_age(arrival.fields) + delay), seconds_max);

  set_lifetime(policy, arrival, said, is_targeted);
  const bool is_negative = arrival.status == 404 || arrival.status == 410;
  const bool is_post = arrival.method == http::Method::post;  // only what the answer says counts
  if (is_guarded && is_negative && !policy.is_explicit && !is_post) {
    policy.lifetime_s = route.neg_ttl_s;
    policy.is_explicit = true;
  } else if (route.ttl_s && arrival.status < 400 && !is_post) {
    policy.lifetime_s = *route.ttl_s;
    policy.initial_age_s = 0;  // from now on, whatever is in front of the upstream
    policy.is_explicit = true;
  }
  policy.is_shared = said.is_public || said.s_maxage.has_value() || said.must_revalidate;
  policy.is_for_cookies = is_for_all(said, is_targeted);
  policy.no_transform = said.no_transform;
  policy.must_validate = said.no_cache;
  // RFC 9111 4.2.4 and 5.2.2; s-maxage implies proxy-revalidate (5.2.2.10). Where a guarded route
  // or its upstream says how long a copy may be stale, that holds beside s-maxage, and nothing
  // more.
  const auto swr_s = route.swr_s ? route.swr_s : said.swr;
  const auto sie_s = route.sie_s ? route.sie_s : said.sie;
  const bool says_stale = is_guarded && (swr_s || sie_s);
  policy.never_stale = said.must_revalidate || said.proxy_revalidate || said.no_cache ||
                       (said.s_maxage && !says_stale);
  if (!policy.never_stale) {
    policy.swr_s = swr_s.value_or(0);
    policy.sie_s = sie_s.value_or(said.s_maxage ? 0 : route.standard_sie_s);
    policy.sie_on_answers = is_guarded || sie_s.has_value();
  }
  policy.refusal = refusal_of(arrival, policy, said, is_targeted);
  policy.is_storable = policy.refusal.empty();
  return policy;
}

Asking asking_of(Profile profile, const RouteFreshness& route, const http::Request& request) {
  Asking asking;
  asking.profile = profile;
  asking.has_authorization = request.has(http::Known::authorization);
  asking.has_cookie = request.has(http::Known::cookie) && !route.ignores_cookies;
  if (request.has(http::Known::cache_control)) asking.said = parse_cache_control(request.fields);
  if (profile == Profile::rfc9111 && !request.has(http::Known::cache_control)) {
    const http::Field* const pragma = request.find("pragma");  // RFC 9111 5.4
    asking.said.no_cache = pragma != nullptr && equals_ignoring_case(pragma->value, "no-cache");
  }
  return asking;
}

Judgement judge(const Policy& policy, const Asking& asking, Nanos resident) {
  Judgement out;
  const std::int64_t resident_s = std::max<std::int64_t>(0, resident.count() / 1'000'000'000);
  out.age_s = std::min(policy.initial_age_s + resident_s, seconds_max);
  out.ttl_s = policy.lifetime_s - out.age_s;
  // To the nanosecond, so that a lifetime of one second is one second.
  const bool is_fresh =
      Nanos(std::chrono::seconds(policy.lifetime_s - policy.initial_age_s)) > resident;
  const std::int64_t late_s = is_fresh ? 0 : -out.ttl_s;
  out.sie_allowed = !policy.never_stale && (is_fresh || late_s < policy.sie_s);
  out.sie_on_answers = out.sie_allowed && policy.sie_on_answers;
  const bool is_ours_alone =
      (asking.has_authorization && !policy.is_shared) ||
      (asking.profile == Profile::guarded && asking.has_cookie && !policy.is_for_cookies);
  if (is_ours_alone) {
    out.reuse = Reuse::bypass;
    return out;
  }
  out.reuse = policy.never_stale ? Reuse::strict : Reuse::validate;
  if (policy.must_validate) return out;
  bool needs_asking = false;
  if (asking.profile == Profile::rfc9111) {
    const Directives& said = asking.said;
    if (said.no_store) {
      out.reuse = Reuse::bypass;
      return out;
    }
    const bool names_stale = said.max_stale_any || said.max_stale.has_value();
    // RFC 9111 5.2.1: max-age without max-stale wants no stale answer either.
    needs_asking = said.no_cache || (said.max_age && out.age_s > *said.max_age) ||
                   (said.max_age && (*said.max_age == 0 || (!is_fresh && !names_stale))) ||
                   (said.min_fresh && out.ttl_s < *said.min_fresh);
    const bool accepts_stale = said.max_stale_any || (said.max_stale && late_s <= *said.max_stale);
    if (!is_fresh && !needs_asking && accepts_stale && !policy.never_stale) {
      out.reuse = Reuse::stale;
      return out;
    }
  }
  if (needs_asking) return out;
  if (is_fresh) out.reuse = Reuse::fresh;
  else if (!policy.never_stale && policy.swr_s > 0 && late_s < policy.swr_s)
    out.reuse = Reuse::stale;
  return out;
}

bool invalidates(http::Method method, int status) {
  using enum http::Method;
  const bool is_safe = method == get || method == head || method == options || method == trace;
  return !is_safe && method != connect && status >= 200 && status < 400;
}

}  // namespace weir::cache
