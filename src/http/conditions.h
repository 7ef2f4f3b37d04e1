#pragma once
// Preconditions in the order of RFC 9110 13.2.2. Pure.

#include "http/message.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace weir::http {

enum class Condition : std::uint8_t {
  proceed,              // answer the method; Range may be honoured
  proceed_whole,        // answer the method, but ignore Range (If-Range did not match)
  not_modified,         // 304
  precondition_failed,  // 412
};

// The entity tags of one generation in all its encodings: `stem`, '-', one of `letters`, and the
// quote that closes it. All of them, whether the encoding is made (yet) or not: a client may have
// got it before a restart.
struct EtagFamily {
  std::string_view stem = {};  // "\"3f2a9c", with the quote that opens it; empty = none
  std::string_view letters = {};
};

// What is there now. `chosen_etag`, `plain_etag` and the family match If-None-Match and If-Match by
// the comparison that the RFC asks for; `chosen_etag` alone counts for If-Range. Entity tags with
// their quotes, `W/` in front when weak.
struct Validators {
  bool exists = true;
  std::string_view chosen_etag = {};
  std::string_view plain_etag = {};  // of an encoding whose tag has no letter; may be empty
  EtagFamily family = {};
  std::optional<std::int64_t> last_modified = {};  // unix seconds
  std::optional<std::int64_t> date =
      {};  // compared with If-Modified-Since when there is no last_modified
};

Condition condition_of(const Request& request, const Validators& now, std::int64_t now_seconds);

// True when the list (If-Match, If-None-Match) holds the tag, or is "*". A malformed list matches
// nothing from the point where it breaks.
enum class Comparison : std::uint8_t { strong, weak };
bool etag_list_matches(std::string_view list, std::string_view etag, Comparison comparison);
bool etags_match(std::string_view a, std::string_view b, Comparison comparison);

}  // namespace weir::http
