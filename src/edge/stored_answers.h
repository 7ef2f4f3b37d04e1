#pragma once
// Answers a request from what the cache holds: preconditions, ranges and codings by RFC 9110, Age
// and Cache-Status by RFC 9111 and 9211. Loop thread.

#include "edge/representation.h"
#include "edge/visit.h"

#include "cache/answer.h"

#include <cstdint>
#include <string_view>

namespace weir::edge {

// What the client is told of how its answer came about.
struct AnswerNews {
  std::int64_t age_s = 0;
  std::string_view cache_status = {};  // behind "weir; "
  CacheOutcome outcome = CacheOutcome::hit;
  bool is_answer_to_it = false;  // asked with this very request: a part is what it was given
};

// True when the answer holds all that the request asks for: the whole, or its range.
bool covers(const cache::Answer& answer, const http::Request& request);

void send_answer(Visit& visit, const std::shared_ptr<const cache::Answer>& answer,
                 const AnswerNews& news);

}  // namespace weir::edge
