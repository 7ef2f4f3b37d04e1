#pragma once
// The decision record (guard G-43): one per request, naming every stage that ran, what it decided
// and why. `weir explain` prints it; the log keeps a sample.
//
// No token, cookie, query value or body byte is in it. Fixed size, so that filling it allocates
// nothing: what does not fit is counted, never silently left out.

#include "base/clock.h"
#include "base/limits.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace weir::guard {

enum class StageOutcome : std::uint8_t { pass, refuse, shadow, fail_open, fail_closed, skipped };
std::string_view name_of(StageOutcome outcome);

// Views are of static strings or of the configuration, which lives longer than any request.
struct StageRecord {
  std::string_view stage;      // "limit"
  std::string_view name = {};  // of the table: "per_user"
  StageOutcome outcome = StageOutcome::pass;
  std::string_view reason = {};  // "expired"
  std::uint32_t nanos = 0;
};

struct RuleHit {
  std::uint32_t rule = 0;
  int points = 0;
  std::uint32_t offset = 0;
  std::uint8_t target_bytes = 0;
  std::array<char, 47> target{};  // "args:q", cut to fit
  std::string_view target_text() const { return {target.data(), target_bytes}; }
};

// A list with its room inside. Over the room: counted in `left_out`.
template <class T, std::size_t room>
class FixedList {
 public:
  void add(const T& item) {
    if (count_ < room) items_[count_++] = item;
    else ++left_out_;
  }
  const T* begin() const { return items_.data(); }
  const T* end() const { return items_.data() + count_; }
  std::size_t count() const { return count_; }
  std::size_t left_out() const { return left_out_; }
  void clear() { count_ = left_out_ = 0; }

 private:
  std::array<T, room> items_{};
  std::size_t count_ = 0;
  std::size_t left_out_ = 0;
};

// Which server of which upstream a request was passed on to. Views as in StageRecord.
struct UpstreamRecord {
  std::string_view name = {};     // empty = the request was not passed on
  std::string_view server = {};   // "http://127.0.0.1:9701"
  std::string_view failure = {};  // "late"; empty = an answer came
  std::uint32_t connect_us = 0;   // 0 = a pooled connection
  std::uint32_t first_byte_us = 0;
  std::uint8_t connects = 0;  // connections begun
  bool reused = false;
  bool retried = false;
};

struct Decision {
  std::array<char, 32> id{};  // the trace id in hex
  Wall time = {};
  std::string_view route = {};
  std::uint64_t client = 0;  // seeded hash of the client's key, never the address
  FixedList<StageRecord, limits::steps_per_route_max> stages = {};
  int score = 0;
  FixedList<RuleHit, limits::decision_hits_max> hits = {};
  FixedList<std::string_view, limits::decision_headers_max> headers_set = {};      // names only
  FixedList<std::string_view, limits::decision_headers_max> headers_removed = {};  // names only
  std::string_view cache = {};  // "hit", "stale", "miss"
  UpstreamRecord upstream = {};
  int status = 0;
};

bool is_refusal(const Decision& decision);
// {"name":"app","server":"http://127.0.0.1:9701","connect_us":120,"first_byte_us":900,...}
void append_upstream_json(std::string& out, const UpstreamRecord& upstream);
// One line without its newline.
void append_decision_json(std::string& out, const Decision& decision);

// Keeps a stable share: the same id is always kept or always not.
bool is_sampled(const Decision& decision, double share);

}  // namespace weir::guard
