#pragma once
// JSON as RFC 8259 has it and not one byte more: valid UTF-8, no byte order mark, no lone
// surrogates, no comments, no trailing commas, no NaN. Names that appear twice in one object are
// refused unless asked for.
//
// One pass, no recursion: nesting is bounded by `depth_max`, never by the stack.
// Numbers: without fraction and exponent int64 where it fits, then uint64, else (and always with a
// fraction or exponent) double; a number beyond the range of double is an error. Errors carry
// Place{"", line, column, ...}; put the file's name in with `.at` or read `place`. Writers:
// integers as such, doubles as the shortest digits that read back the same, never NaN (written as
// null). Strings that are not valid UTF-8 are written with U+FFFD, so that the result is always
// valid JSON. Pure functions.

#include "base/limits.h"
#include "base/result.h"
#include "text/value.h"

#include <string>
#include <string_view>

namespace weir::text {

enum class Duplicates : std::uint8_t { refuse, keep_last };

struct JsonOptions {
  std::size_t depth_max = limits::json_depth_max;  // [[1]] has depth 2
  Duplicates duplicates = Duplicates::refuse;
  std::size_t bytes_max = limits::json_bytes_max;
};

Result<Value> parse_json(std::string_view text, const JsonOptions& options = {});

void append_json(std::string& out, const Value& value);  // no white space
std::string json_of(const Value& value);
std::string pretty_json_of(const Value& value);  // two blanks of indent, no newline at the end

// RFC 8785: names sorted by UTF-16 code units, numbers as ECMAScript writes them. Integers beyond
// 2^53 are written as the nearest double would be, as the RFC asks.
std::string canonical_json_of(const Value& value);

// The number as ECMAScript's Number::toString writes it: "1", "0.1", "1e+21". NaN and infinities:
// "null".
void append_ecmascript_number(std::string& out, double number);

}  // namespace weir::text
