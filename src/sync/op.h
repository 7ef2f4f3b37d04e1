#pragma once
// Operations: what a client may say about a document, checked at the door (data, sections 5 and 6).
//
//   {"rep":"r_7hq3k2v9xw4mzp1c","n":41,
//    "ops":[{"e":"task-17","f":"title","t":"lww","h":"0193a5c2f1e80000","v":"Buy milk"}, ...]}
//
//   lww       v: any value
//   max, min  v: a number, or a decimal text beyond 2^53
//   gset      a: values to add
//   orset     a: values to add, r: tags to remove
//
// Operation k of a batch has the counter n + k; its key is (document, replica, counter). Values are
// kept as canonical JSON (RFC 8785): equal values are equal texts, which is what ties are broken by
// and hashes are made of. As that RFC has it, numbers are doubles; whole numbers beyond 2^53 that
// must stay exact travel as decimal texts.
//
// Stored form, the `body` of a log row: the members of the operation as JSON without the opening
// brace, so that a page is made by gluing `{"seq":7,"rep":"r_..","ctr":41,` in front and never by
// parsing.
//
// All functions are pure.

#include "base/limits.h"
#include "base/result.h"
#include "sync/hlc.h"
#include "sync/reply.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace weir::sync {

enum class CrdtType : std::uint8_t { gset, lww, max, min, orset };  // in the order of their names
std::string_view name_of(CrdtType type);

// The reserved field; a last-writer-wins flag.
inline constexpr std::string_view deleted_field = "_deleted";
// Counters stay exact in every client.
inline constexpr std::int64_t counter_max = (std::int64_t{1} << 53) - 1;

struct Op {
  std::string entity;
  std::string field;
  CrdtType type = CrdtType::lww;
  Hlc stamp;
  std::string value;                // canonical JSON; of lww, max, min
  std::vector<std::string> add;     // canonical JSON; of gset, orset
  std::vector<std::string> remove;  // tags; of orset
  friend bool operator==(const Op&, const Op&) = default;
};

// An operation as the log keeps it.
struct StoredOp {
  Hlc stamp;
  std::string body;
};

struct Batch {
  std::string replica;
  std::int64_t first = 1;  // counter of ops[0]
  std::vector<StoredOp> ops;
  std::size_t bytes = 0;  // of all bodies
};

struct BatchBounds {
  std::size_t ops_max = limits::sync_batch_ops_max;
  std::size_t value_bytes_max = limits::sync_value_bytes_max;
  Hlc stamp_max;  // server time plus the drift bound
  std::int64_t server_now_ms = 0;
};

// The batch, or the reply that refuses it as a whole: 400 not JSON, 413 too many operations or
// bytes, 422 invalid-op with errors:[{op, pointer, detail}] for the first bad operation, 422
// clock-drift with server_now.
std::variant<Batch, Reply> decode_batch(std::string_view body, const BatchBounds& bounds);
// The same of a body that was read as JSON; other members are nobody's business.
std::variant<Batch, Reply> batch_of(const text::Value& body, const BatchBounds& bounds);

// "r_" and 16 to 62 of 0-9 a-z.
bool is_replica(std::string_view text);
// The tag of the value with this index in the `a` of an operation: "rep:counter", from the second
// value on with ".i".
std::string tag_of(std::string_view replica, std::int64_t counter, std::size_t index);
struct Tag {
  std::string_view replica;
  std::int64_t counter = 0;
  std::size_t index = 0;
};
std::optional<Tag> parse_tag(std::string_view text);  // exactly what tag_of writes

std::string body_of(const Op& op);
// Of our own rows; an error means that the row is not what was written.
Result<Op> parse_body(std::string_view body);

// Exact order of two canonical numbers or decimal texts; equal numbers in different forms are
// ordered by their text, so that max and min are total.
std::strong_ordering compare_numbers(std::string_view a, std::string_view b);

}  // namespace weir::sync
