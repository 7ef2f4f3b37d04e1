#pragma once
// What HTTP lets a shared cache do with an answer: keep it, use it again, for how long, and what to
// ask before. RFC 9111 (HTTP caching), RFC 9213 (targeted fields), RFC 5861 (stale windows); the
// rules C-22 to C-32 of the cache specification. Pure functions, any thread, no allocation that
// outlives the call.
//
// Two profiles. `rfc9111` follows the answer's own fields to the letter. `guarded` never keeps what
// could be one client's own (Set-Cookie, answers to requests with Cookie unless they say public),
// never an error of the server, and does not let clients spoil the hit rate with their
// Cache-Control.
//
// All times that come from fields are whole seconds, saturated at 2^31 - 1.

#include "base/clock.h"
#include "http/message.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace weir::cache {

enum class Profile : std::uint8_t { guarded, rfc9111 };

// Cache-Control of a request or an answer, all its lines (RFC 9111 5.2). A value that is not a run
// of digits, plain or in double quotes, counts as 0 (C-24: the answer is stale); of repeated values
// the smallest counts. A quoted string that never ends is none: what is behind it counts.
struct Directives {
  bool no_store = false, no_cache = false, is_private = false, is_public = false;
  bool must_revalidate = false, proxy_revalidate = false, must_understand = false;
  bool no_transform = false, only_if_cached = false, max_stale_any = false;
  std::optional<std::int64_t> max_age, s_maxage, swr, sie, max_stale, min_fresh;
};
Directives parse_cache_control(std::span<const http::Field> fields);

// The same directives as a Structured Field dictionary (RFC 9213 2.2, RFC 8941): nothing when the
// field is absent, and nothing when it does not parse or a directive has a value of another type,
// so that the next field of the order decides (C-23). The field names of no-cache="..." and
// private="..." are not looked at: the whole answer is meant.
std::optional<Directives> parse_targeted(std::span<const http::Field> fields,
                                         std::string_view lower_name);

// Expires as the RFC and C-26 read it: a date in one of the three forms, or long ago.
struct Expiry {
  bool is_present = false;
  std::int64_t at_s = 0;  // 0 when it is no date, or came on several lines
};
Expiry parse_expires(std::span<const http::Field> fields, std::int64_t now_s);

// Age: of the first member of the first line, without parameters; anything but digits is ignored
// (C-25).
std::int64_t parse_age(std::span<const http::Field> fields);

// What the route says instead of the answer (C-22, first in order), and for want of it.
struct RouteFreshness {
  std::optional<std::int64_t> ttl_s, swr_s, sie_s;
  std::int64_t neg_ttl_s = 10;            // guarded: 404 and 410 that say nothing
  std::int64_t standard_sie_s = 60 * 60;  // where neither route nor answer says (C-28)
  bool ignores_cookies = false;           // of requests
};

// An answer that has just arrived.
struct Arrival {
  Profile profile = Profile::guarded;
  const RouteFreshness* route = nullptr;  // never null
  http::Method method = http::Method::get;
  bool has_authorization = false;  // the request
  bool has_cookie = false;
  bool request_no_store = false;
  int status = 200;
  std::span<const http::Field> fields;  // names in lower case
  std::int64_t received_s = 0;          // wall time when the head was there
  Nanos delay{0};                       // since the request went out
};

// What may be done with it; worked out once, kept with the answer.
struct Policy {
  bool is_storable = false;
  std::string_view refusal = {};   // why it is not: "no-store", "private", ...; static text
  std::int64_t lifetime_s = 0;     // freshness lifetime (4.2.1); 0 = stale at once
  std::int64_t initial_age_s = 0;  // corrected initial age (4.2.3)
  std::int64_t swr_s = 0;          // may be served stale for so long while it is refreshed
  std::int64_t sie_s = 0;          // ... when a refresh fails
  bool sie_on_answers = false;     // ... by a 5xx, too: said (RFC 5861 4), or guarded
  bool must_validate = false;      // no-cache: never without asking
  bool never_stale = false;        // must-revalidate and the like: an error instead of a stale copy
  bool is_shared = false;          // may answer requests with Authorization (RFC 9111 3.5)
  bool is_for_cookies = false;     // guarded: may answer requests with Cookie (C-2)
  bool no_transform = false;
  bool is_explicit = false;  // the lifetime was said, not guessed
  std::int64_t date_s = 0;   // Date, or when it was received
};
Policy policy_of(const Arrival& arrival);

// A request, as far as reuse depends on it.
struct Asking {
  Profile profile = Profile::guarded;
  bool has_authorization = false;
  bool has_cookie = false;  // that count (not where the route ignores them)
  Directives said;          // parse_cache_control of the request, with Pragma: no-cache
};
Asking asking_of(Profile profile, const RouteFreshness& route, const http::Request& request);

// What to do with a stored answer that the request selects.
enum class Reuse : std::uint8_t {
  fresh,     // serve it
  stale,     // serve it, and refresh it behind the client's back (RFC 5861 3)
  validate,  // ask first; when that fails it may still be served (`sie`)
  strict,    // ask first; when that fails, fail
  bypass,    // this request is not for the cache: ask, and do not keep or share the answer
};
struct Judgement {
  Reuse reuse = Reuse::validate;
  std::int64_t age_s = 0;       // current age (4.2.3), whole seconds
  std::int64_t ttl_s = 0;       // what is left of its freshness; negative when stale
  bool sie_allowed = false;     // when the upstream does not answer now, the old copy may
  bool sie_on_answers = false;  // ... and also instead of a 5xx (RFC 9111 4.2.4, RFC 5861 4)
};
// `resident`: since it was received or last freshened.
Judgement judge(const Policy& policy, const Asking& asking, Nanos resident);

// True: the answer to this method says that what is stored of the target is not right any more
// (RFC 9111 4.4): every method but the safe ones, unknown ones too, and a 2xx or 3xx status.
bool invalidates(http::Method method, int status);
bool is_heuristically_cacheable(int status);

}  // namespace weir::cache
