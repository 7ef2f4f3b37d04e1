#pragma once
// One request through the rules: a score, and the hits that made it (waf sections 5, 6 and 7).
//
//   0..9 allow, 10..24 log, 25 and more block (log_at and block_at are the route's).
//
// An Inspector belongs to one thread (a loop, or a worker for bodies above 32 KiB) and is used for
// one request at a time. It owns the arena, so a clean request allocates nothing once warm, and the
// memory of values that were found clean (W-34): most headers of a browser are the same in every
// request. Verdicts point into the Inspector and hold until its next `inspect_...`.

#include "base/limits.h"
#include "waf/rules.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace weir::http {
struct Field;
}

namespace weir::waf {

// What a body is taken for. A consumer that reads JSON whatever Content-Type says must have it
// inspected as JSON, or an escape behind another type would pass unseen.
enum class BodyReading : std::uint8_t { as_declared, json };

struct WafRequest {
  std::string_view method;
  std::string_view raw_path;  // as it was sent, without the query
  std::string_view query;     // as it was sent, without '?'
  std::span<const http::Field> fields;
  BodyReading body_reading = BodyReading::as_declared;
};

struct Hit {
  std::uint32_t rule = 0;
  std::string_view rule_name;  // the RuleSet's
  Severity severity = Severity::critical;
  Target target = Target::path;
  std::string_view
      name;  // of the argument, header, cookie or JSON path; the request's or the Inspector's
  std::uint32_t offset = 0;  // of the match in the value, after the rule's transformations
};

enum class Band : std::uint8_t { allow, log, block };
std::string_view name_of(Band band);
struct Bands {
  int log_at = 10;
  int block_at = 25;
  Band of(int score) const {
    return score >= block_at ? Band::block : score >= log_at ? Band::log : Band::allow;
  }
};

struct Verdict {
  int score = 0;
  std::span<const Hit> hits = {};  // each rule once per request, at most waf_hits_max
  bool bound_exceeded = false;     // more than can be inspected: 25 points (W-25)
};

enum class CleanMemory : std::uint8_t { on, off };
enum class Prefilter : std::uint8_t { on, off };  // off only to prove that it loses nothing

struct InspectorOptions {
  std::size_t body_bytes_max = limits::waf_body_bytes_max;  // over: bound_exceeded
  CleanMemory clean_memory = CleanMemory::on;
  Prefilter prefilter = Prefilter::on;
};

class Inspector {
 public:
  explicit Inspector(std::shared_ptr<const RuleSet> rules, InspectorOptions options = {});
  ~Inspector();
  Inspector(const Inspector&) = delete;
  Inspector& operator=(const Inspector&) = delete;

  // The head: method, path, query arguments, headers, cookies. Views of `request` must live until
  // the last call for this request.
  Verdict inspect_head(const WafRequest& request);
  // The body alone, from zero: other requests may come between, and a large body goes to a worker's
  // own Inspector. Content-Type is taken from the head's fields. The caller adds the scores up and
  // counts a rule that hit in both once.
  Verdict inspect_body(const WafRequest& request, std::string_view body);

  // One value as one target; for tests, fuzzing and `weir explain`.
  Verdict inspect_value(Target target, std::string_view name, std::string_view value);

  // Since the Inspector was made (W-42, W-64).
  struct Counts {
    std::uint64_t values = 0, remembered = 0, bytes = 0, candidates = 0, confirms = 0,
                  injections = 0, limits_hit = 0;
  };
  const Counts& counts() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace weir::waf
