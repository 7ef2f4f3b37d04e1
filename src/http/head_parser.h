#pragma once
// Request heads (RFC 9112, and stricter: wire H-9 .. H-16, H-18, H-24, H-25).
//
// One pass, tables, no allocation, no copies: names are lower-cased where they lie, and the Request
// is a set of views into the bytes. The parser keeps no state between calls. When a head is not
// complete the caller comes back with more bytes behind the same ones; the answer never depends on
// where they were cut (test, fuzz target http_head). Whatever is refused is refused with the status
// that the wire specification names, and the connection is closed behind it.

#include "http/message.h"

#include <array>
#include <cstddef>
#include <cstdint>

namespace weir::http {

enum class Underscores : std::uint8_t { drop, reject };   // fields with '_' in their name
enum class LineEnds : std::uint8_t { crlf, lenient_lf };  // lone LF in heads; never in chunks

struct HeadRules {
  std::size_t target_bytes = 0;
  std::size_t head_bytes = 0;
  std::size_t head_fields = 0;  // at most Head::fields_max
  Underscores underscores = Underscores::drop;
  LineEnds line_ends = LineEnds::crlf;
};

struct Head {
  static constexpr std::size_t fields_max = 250;  // Request::known_at counts in a byte
  Request request;                                // path is not decoded yet, fields is set
  std::array<Field, fields_max> fields;
  std::size_t field_count = 0;
  bool keep_alive = true;
  bool expectation_unknown = false;  // 417
};

struct HeadVerdict {
  enum class Kind : std::uint8_t { complete, incomplete, refused };
  Kind kind = Kind::incomplete;
  // complete: of the head, with empty lines in front of it. incomplete: leading bytes that mean
  // nothing and may go.
  std::size_t bytes = 0;
  int status = 0;           // refused
  const char* reason = "";  // refused: one sentence
};

// Reads one head from bytes[0, count). Writes `head` only for its caller's next step: it is valid
// when complete.
HeadVerdict parse_head(char* bytes, std::size_t count, const HeadRules& rules, Head& head);

}  // namespace weir::http
