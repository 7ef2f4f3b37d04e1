#include "cache/page_cache.h"

#include <algorithm>
#include <charconv>

namespace weir::cache {
namespace {

// Writes into a fixed room, which is larger than the longest text there is.
class Line {
 public:
  explicit Line(std::array<char, 96>& room)
      : at_(room.data()), start_(room.data()), end_(room.data() + room.size()) {}
  Line& operator<<(std::string_view text) {
    at_ =
        std::copy_n(text.data(), std::min(text.size(), static_cast<std::size_t>(end_ - at_)), at_);
    return *this;
  }
  Line& operator<<(std::int64_t number) {
    at_ = std::to_chars(at_, end_, number).ptr;
    return *this;
  }
  std::string_view text() const { return {start_, static_cast<std::size_t>(at_ - start_)}; }

 private:
  char* at_;
  char* start_;
  char* end_;
};

std::string_view name_of(Detail detail) {
  switch (detail) {
    case Detail::swr: return "swr";
    case Detail::purged: return "purged";
    case Detail::sie: return "sie";
    case Detail::lag: return "lag";
    case Detail::none: break;
  }
  return {};
}

}  // namespace

std::string_view cache_status_of(const Lookup& lookup, const Fetched* fetched,
                                 std::array<char, 96>& room) {
  Line line(room);
  const bool is_filled = fetched != nullptr && fetched->filled;
  if (lookup.kind != Lookup::Kind::page) {
    line << "fwd=uri-miss";
  } else if (is_filled && lookup.detail != Detail::sie) {
    line << "fwd=" << (lookup.freshness == Freshness::fresh ? "miss" : "stale")
         << "; fwd-status=" << static_cast<std::int64_t>(lookup.page->status) << "; stored";
  } else if (lookup.freshness == Freshness::fresh) {
    line << "hit";
    if (lookup.ttl_s) line << "; ttl=" << *lookup.ttl_s;
  } else {
    line << "fwd=stale";
    if (lookup.ttl_s) line << "; ttl=" << *lookup.ttl_s;
  }
  if (fetched != nullptr && fetched->collapsed) line << "; collapsed";
  if (const std::string_view detail = name_of(lookup.detail); !detail.empty())
    line << "; detail=" << detail;
  return line.text();
}

}  // namespace weir::cache
