#pragma once
// What nodes say to each other when one asks another for a copy (cache C-18, lease = "shared").
//
//   POST /_weir/fill, signed like a webhook over its body:
//   {"node": "32 hex", "seen": [["32 hex", 12], ...], "has": "64 hex or empty",
//    "page": {"key": "/products/a", "site": "64 hex"}                            or
//    "answer": {"key": "https://h/p?q", "route": ..., "target": ..., "host": ..., "lines": ...,
//               "client": ..., "path": ...}}                                     or
//    "drop": "https://h/p?q"}
//
// `seen` is how far the asker knows each node's purges: a copy that is older than one of them is no
// use to it. `drop` asks for no copy: it tells that the answer at that key is not right any more
// (RFC 9111 4.4), and a holder that has it purges it for all. `has` is the SHA-256 of the body that it has already and need not be sent.
//
// The answer, 200 and signed over its body under the question's id, is one line of JSON and what it
// announces:
//
//   reply  = {"age_ns": N, "record": R, "body": B} LF record body | {"why": "behind"} LF
//   record = a fill as the store writes it (store/record.h), R bytes
//   body   = B bytes, or none with "same": true, when the asker has it
//
// Without a copy the asker asks for itself; `why` is for counting. Pure functions.

#include "base/clock.h"
#include "base/result.h"
#include "cache/answer.h"
#include "store/store.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::edge {

// By node, the number of its last purge that is applied and synced here.
using SeenPurges = std::vector<std::pair<std::string, std::uint64_t>>;

struct FillQuestion {
  std::string node;
  SeenPurges seen;
  std::string has;
  struct PageAsked {
    std::string key, site;  // the site's fingerprint (FillLease::site_of)
  };
  struct AnswerAsked {
    std::string key;
    cache::Question question;
  };
  std::optional<PageAsked> page;  // one of the three
  std::optional<AnswerAsked> answer;
  std::optional<std::string> drop;
};

std::string encode_fill_question(const FillQuestion& asked);
// Errc::invalid.
Result<FillQuestion> parse_fill_question(std::string_view body);

struct FillReply {
  std::string why;  // there is no copy; empty = there is
  store::Fill record;
  Nanos age{0};  // of the copy, when the reply was written
  bool is_same = false;
  std::string body;
};

std::string encode_fill_reply(const FillReply& reply);
// Errc::invalid; Errc::corrupt when the body is not what the record says it is.
Result<FillReply> parse_fill_reply(std::string_view text);

}  // namespace weir::edge
