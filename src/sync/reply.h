#pragma once
// What the data side answers, as plain values: edge copies them onto the wire and adds what only it
// knows (trace id, Date, Content-Length).
//
// A Reply is one of three things:
//   - an answer: `status`, `fields`, `body`;
//   - a problem (RFC 9457): `problem` is the slug below /_weir/problems/, `detail` one sentence,
//     `members` go into the problem document beside them; `body` is empty;
//   - a stream of server-sent events: `feed` is set; status and fields first, then what the feed
//     gives (feed.h).

#include "text/value.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::sync {

class Feed;

using SharedText = std::shared_ptr<const std::string>;

struct Reply {
  int status = 200;
  std::string_view problem = {};  // from the table in reply.cpp; empty = none
  std::string detail = {};
  text::Value::Object members = {};
  std::vector<std::pair<std::string, std::string>> fields =
      {};                // "etag", "\"v7\""; names in lower case
  SharedText body = {};  // null = empty; may be shared with many replies
  std::shared_ptr<Feed> feed = {};

  bool failed() const { return !problem.empty(); }
};

// Called exactly once.
using Answer = std::function<void(Reply)>;

// The problems of the data side (data, D-56). Each has one status; `slug_of` and `status_of` read
// one table.
enum class Problem : std::uint8_t {
  bad_request,
  unauthorized,
  forbidden,
  not_found,
  method_not_allowed,
  op_gap,
  epoch_changed,
  replica_mismatch,
  snapshot_required,
  precondition,
  too_large,
  invalid_op,
  clock_drift,
  rate_limited,
  blocked,
  storage_failed,
  overloaded,
  quota,
};
std::string_view slug_of(Problem problem);
int status_of(Problem problem);

Reply problem_reply(Problem problem, std::string detail, text::Value::Object members = {});
Reply json_reply(int status, std::string body);

}  // namespace weir::sync
