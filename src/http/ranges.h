#pragma once
// Byte ranges (RFC 9110 14). Pure.
//
// One satisfiable range: 206. Two to five that do not overlap: multipart/byteranges. More, or
// overlapping: the whole, so that the bytes sent are never more than one copy. None satisfiable:
// 416. Another unit or a malformed field is ignored: the whole.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace weir::http {

struct ByteRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;  // inclusive
  std::uint64_t bytes() const { return last - first + 1; }
  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

struct RangePlan {
  enum class Kind : std::uint8_t { whole, single, several, unsatisfiable };
  Kind kind = Kind::whole;
  std::vector<ByteRange> ranges = {};  // in the order asked for
};

RangePlan plan_ranges(std::string_view range_field, std::uint64_t total_bytes);

std::string content_range_of(ByteRange range, std::uint64_t total_bytes);  // "bytes 0-9/100"
std::string unsatisfied_range_of(std::uint64_t total_bytes);               // "bytes */100"

// What stands between the ranges of a multipart/byteranges answer: lines before each, and the end.
// `boundary` must not occur in the body; 24 random letters or digits will do.
struct MultipartLines {
  std::string content_type;
  std::vector<std::string> before;  // each range
  std::string end;
};
MultipartLines multipart_lines_of(const std::vector<ByteRange>& ranges, std::uint64_t total_bytes,
                                  std::string_view part_type, std::string_view boundary);

// The same with the ranges of a body that is at hand.
struct Multipart {
  std::string content_type;
  std::string body;
};
Multipart multipart_of(const std::vector<ByteRange>& ranges, std::string_view whole,
                       std::string_view part_type, std::string_view boundary);

}  // namespace weir::http
