#pragma once
// An answer that is serialised once and sent many times.
//
// The head is complete except for the fields of one answer: the engine copies it, writes the slots
// of fixed width, appends the caller's extra fields and the connection's own, and sends it together
// with the body in one call. The body is never copied.
//
// Immutable after `prepare`; share it between threads as shared_ptr<const Prepared>.

#include "base/result.h"
#include "http/message.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace weir::http {

// What one answer writes into the slots that its Prepared has.
struct SlotValues {
  std::int64_t age_seconds = 0;  // clamped to 0 .. 2^31
  std::int64_t ttl_seconds = 0;  // of Cache-Status; negative when stale
};

struct PrepareOptions {
  // Age: <slot>. Every stored answer has it (RFC 9111 5.1).
  enum class Age : std::uint8_t { none, slot } age = Age::none;
  // Not empty: "Cache-Status: <cache_status>; ttl=<slot>", for example "weir; hit" (RFC 9211).
  std::string_view cache_status = {};
  // Date is a slot of "now" unless `fields` holds one (a stored answer keeps its own).
};

struct Prepared {
  static constexpr std::size_t date_bytes = 29;
  static constexpr std::size_t number_bytes =
      11;  // "-2147483648"; shorter numbers have blanks in front, which every parser skips

  int status = 200;
  std::string head;           // status line and fields, each with CRLF; without the empty line
  std::uint32_t date_at = 0;  // offset of the slot in `head`; 0 = no such slot
  std::uint32_t age_at = 0;
  std::uint32_t ttl_at = 0;
  std::shared_ptr<const void>
      owner;  // keeps `body` alive; null when it is empty or outlives everything
  std::string_view body;
  std::size_t bytes() const { return sizeof(Prepared) + head.size() + body.size(); }
};

// Content-Length is written from the body except for 204 and 304 (a 304 may bring its own in
// `fields`). Fields must be clean (no control characters), which is checked: Errc::invalid names
// the field.
Result<std::shared_ptr<const Prepared>> prepare(int status, const Fields& fields,
                                                std::shared_ptr<const std::string> body,
                                                const PrepareOptions& options = {});
// The same over bytes that outlive the Prepared, or that `owner` keeps alive (a mapped file, a
// page).
Result<std::shared_ptr<const Prepared>> prepare_view(int status, const Fields& fields,
                                                     std::string_view body,
                                                     std::shared_ptr<const void> owner,
                                                     const PrepareOptions& options = {});

// True when the name is a token and the value holds no control characters but HTAB.
bool is_clean_field(std::string_view name, std::string_view value);

// Writes `value`, clamped to 32 bits, right-justified into Prepared::number_bytes: blanks between
// a field's colon and its value are skipped by every parser, those behind it not by all.
void write_number_slot(char* slot, std::int64_t value);
// The same left-justified: the value of a parameter, which begins right behind its '='.
void write_parameter_slot(char* slot, std::int64_t value);

}  // namespace weir::http
