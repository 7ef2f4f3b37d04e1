// Property (C-26): Expires is the date that a reference finds by writing what it read again, and
// nothing where that is not what came; a date in the RFC's own case is the same date to everyone.

#include "cache/http_reference.h"
#include "http/dates.h"

#include "base/must.h"

#include <cstdint>

using namespace weir;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  if (bytes > 128) return 0;
  const std::string text(reinterpret_cast<const char*>(data), bytes);
  if (text.find('\0') != std::string::npos) return 0;  // no field has one
  constexpr std::int64_t now = 1'795'217'325;
  const auto expiry = cache::parse_expires(std::vector<http::Field>{{"expires", text}}, now);
  MUST(expiry.at_s == cache::reference::date(text, now).value_or(0));
  if (const auto date = http::parse_date(text, now)) {
    MUST(expiry.at_s == *date);
    MUST(http::parse_date(http::date_of(*date), now) == *date);
  }
  return 0;
}
