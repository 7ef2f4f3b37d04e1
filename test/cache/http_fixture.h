#pragma once
// What the tests of the HTTP cache's rules share: answers and requests out of lists of fields.

#include "cache/http_policy.h"

#include <string_view>
#include <utility>
#include <vector>

namespace weir::cache::test {

using http::Field;
using List = std::vector<Field>;

inline constexpr std::int64_t now = 1'795'217'325;  // 2026-11-20T23:28:45Z
inline constexpr std::int64_t saturated = 2'147'483'647;
inline const RouteFreshness plain_route;

inline Arrival arrival_of(Profile profile, const List& fields, int status = 200) {
  Arrival arrival;
  arrival.profile = profile;
  arrival.route = &plain_route;
  arrival.status = status;
  arrival.fields = fields;
  arrival.received_s = now;
  return arrival;
}

inline Policy policy(Profile profile, const List& fields, int status = 200) {
  return policy_of(arrival_of(profile, fields, status));
}
inline Policy strict(const List& fields, int status = 200) {
  return policy(Profile::rfc9111, fields, status);
}
inline Policy guarded(const List& fields, int status = 200) {
  return policy(Profile::guarded, fields, status);
}

inline Asking asking(Profile profile, const List& fields,
                     const RouteFreshness& route = plain_route) {
  http::Request request;
  request.fields = fields;
  const std::pair<std::string_view, http::Known> names[] = {
      {"cache-control", http::Known::cache_control},
      {"authorization", http::Known::authorization},
      {"cookie", http::Known::cookie}};
  for (std::size_t i = 0; i < fields.size(); ++i)
    for (const auto& [name, known] : names)
      if (fields[i].name == name)
        request.known_at[static_cast<std::size_t>(known)] = static_cast<std::uint8_t>(i + 1);
  return asking_of(profile, route, request);
}

inline Reuse reuse(const Policy& of, Nanos resident, const List& request = {},
                   Profile profile = Profile::rfc9111) {
  return judge(of, asking(profile, request), resident).reuse;
}

}  // namespace weir::cache::test
