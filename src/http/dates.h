#pragma once
// HTTP dates (RFC 9110 5.6.7). Pure functions, any thread, no locale, no time zone.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weir::http {

inline constexpr std::size_t date_bytes = 29;

// "Fri, 20 Nov 2026 23:28:45 GMT" into exactly date_bytes. Years 1 .. 9999, others are clamped.
void write_date(char* into, std::int64_t unix_seconds);
std::string date_of(std::int64_t unix_seconds);

// All three forms of the RFC (IMF-fixdate, RFC 850, asctime), strictly; two-digit years lie within
// fifty years of `now_seconds`. Nothing else is a date.
std::optional<std::int64_t> parse_date(std::string_view text, std::int64_t now_seconds);

}  // namespace weir::http
