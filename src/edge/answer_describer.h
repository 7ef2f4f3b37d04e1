#pragma once
// Describes what is kept of the answers of a proxy route: each variant at the URL, why it may be
// used again or not, and what the next request gets.

#include "edge/entry_describer.h"

#include "base/clock.h"
#include "cache/answer_cache.h"

namespace weir::edge {

class AnswerDescriber final : public EntryDescriber {
 public:
  AnswerDescriber(cache::AnswerCache& answers, const Clock& clock)  // must outlive this
      : answers_(answers), clock_(clock) {}
  std::optional<text::Value> describe(const EntryAsk& ask) override;

 private:
  text::Value describe(const cache::Answer& answer);
  cache::AnswerCache& answers_;
  const Clock& clock_;
};

}  // namespace weir::edge
