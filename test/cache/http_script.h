#pragma once
// A story of one answer and two requests, written as text, so that a fuzzer and a random generator
// can tell it: who asked, what came back, who asks next. Then the property that they check.
//
//   line 1   eight bytes: profile and flags, method, status (two), delay, resident (two), cookies
//   then     one line per field, a letter for its name and the value behind it; the request's
//            letters are of the one who asks next
//
// Field values are cleaned as the parser of heads does.

#include "cache/http_reference.h"

#include <cmath>

namespace weir::cache::reference {

inline constexpr std::int64_t script_now = 1'795'217'325;  // 2026-11-20T23:28:45Z

struct Script {
  Arrival arrival;
  List answer, request;
  Nanos resident{0};
  RouteFreshness route;
};

inline Script script_of(std::string_view text) {
  using namespace std::chrono_literals;
  static constexpr http::Method methods[] = {
      http::Method::get,   http::Method::get,     http::Method::get,
      http::Method::head,  http::Method::post,    http::Method::put,
      http::Method::other, http::Method::delete_, http::Method::options};
  static constexpr int statuses[] = {200, 200, 200, 200, 404, 410, 301, 503,
                                     500, 206, 204, 299, 599, 304, 103, 414};
  static constexpr int spans_s[] = {0,  1,  2,   5,     9,     10,    11,     59,
                                    60, 61, 100, 3'599, 3'600, 3'601, 86'400, 864'000};
  Script script;
  const auto byte = [&text](std::size_t at) {
    return at < text.size() ? static_cast<unsigned>(static_cast<unsigned char>(text[at])) : 0U;
  };
  Arrival& arrival = script.arrival;
  arrival.profile = (byte(0) & 1) != 0 ? Profile::rfc9111 : Profile::guarded;
  arrival.has_authorization = (byte(0) & 6) == 6;
  arrival.has_cookie = (byte(0) & 8) != 0;
  arrival.request_no_store = (byte(0) & 48) == 48;
  script.route.ignores_cookies = (byte(7) & 3) == 3;
  arrival.method = methods[byte(1) % std::size(methods)];
  arrival.status = (byte(2) & 128) != 0 ? 200 + static_cast<int>(byte(3) + byte(2)) % 400
                                        : statuses[byte(2) % std::size(statuses)];
  arrival.delay = std::chrono::seconds(byte(4) % 8) + 1ms * (byte(4) / 8);
  script.resident =
      std::chrono::seconds(spans_s[byte(5) % std::size(spans_s)]) + 7ms * (byte(6) % 143);
  arrival.received_s = script_now;
  std::string_view rest = text.size() > 8 ? text.substr(8) : std::string_view{};
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.empty()) continue;
    const char letter = line[0];
    line.remove_prefix(1);
    while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
    while (!line.empty() && (line.back() == ' ' || line.back() == '\t')) line.remove_suffix(1);
    if (std::any_of(line.begin(), line.end(),
                    [](char c) { return (c >= 0 && c < ' ' && c != '\t') || c == 0x7f; }))
      continue;
    static constexpr struct {
      char letter;
      std::string_view name;
      bool is_request;
    } names[] = {{'C', "cache-control", false},
                 {'E', "expires", false},
                 {'D', "date", false},
                 {'A', "age", false},
                 {'L', "last-modified", false},
                 {'G', "etag", false},
                 {'S', "set-cookie", false},
                 {'T', "cdn-cache-control", false},
                 {'W', "weir-cdn-cache-control", false},
                 {'c', "cache-control", true},
                 {'p', "pragma", true},
                 {'u', "authorization", true},
                 {'k', "cookie", true}};
    for (const auto& one : names)
      if (one.letter == letter)
        (one.is_request ? script.request : script.answer).push_back({one.name, line});
  }
  return script;
}

inline Asking asking_in(const Script& script) {
  http::Request request;
  request.fields = script.request;
  for (std::size_t i = 0; i < script.request.size(); ++i) {
    const std::string_view name = script.request[i].name;
    const auto set = [&](http::Known known) {
      request.known_at[static_cast<std::size_t>(known)] =
          static_cast<std::uint8_t>(std::min<std::size_t>(i + 1, 255));
    };
    if (name == "cache-control") set(http::Known::cache_control);
    if (name == "authorization") set(http::Known::authorization);
    if (name == "cookie") set(http::Known::cookie);
  }
  return asking_of(script.arrival.profile, script.route, request);
}

struct Finding {
  bool reuses = false;           // without asking
  const char* broken = nullptr;  // the promise that did not hold
};

// What the rules allow, the reference allows.
inline Finding finding_of(std::string_view text) {
  Script script = script_of(text);
  Arrival& arrival = script.arrival;
  arrival.route = &script.route;
  arrival.fields = script.answer;
  const Policy policy = policy_of(arrival);
  const Judgement judgement = judge(policy, asking_in(script), script.resident);
  const double resident_s = static_cast<double>(script.resident.count()) / 1e9;
  const Verdict verdict = judged({arrival, script.answer, script.request, resident_s});
  Finding finding;
  finding.reuses =
      policy.is_storable && (judgement.reuse == Reuse::fresh || judgement.reuse == Reuse::stale);
  if (policy.is_storable != policy.refusal.empty()) finding.broken = "refusals have a reason";
  if (judgement.age_s < 0 || judgement.age_s > 2'147'483'647) finding.broken = "ages are bounded";
  if (judgement.sie_on_answers && !judgement.sie_allowed)
    finding.broken = "a 5xx is hidden only where a silent upstream would be";
  if (policy.is_storable && !verdict.may_store) finding.broken = "storing (RFC 9111 3)";
  if (finding.reuses && !verdict.may_reuse) finding.broken = "reuse (RFC 9111 4)";
  if (policy.is_storable && judgement.sie_allowed && !verdict.may_serve_if_gone)
    finding.broken = "stale when disconnected (RFC 9111 4.2.4)";
  return finding;
}

}  // namespace weir::cache::reference
