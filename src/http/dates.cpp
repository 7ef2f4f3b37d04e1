#include "http/dates.h"

#include "base/bytes.h"

#include <algorithm>
#include <cstring>

namespace weir::http {
namespace {

constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
constexpr std::string_view days = "ThuFriSatSunMonTueWed";  // 1970-01-01 was a Thursday
constexpr std::array<std::string_view, 7> long_days{"Thursday", "Friday",  "Saturday", "Sunday",
                                                    "Monday",   "Tuesday", "Wednesday"};
constexpr std::int64_t day_seconds = 86'400;
constexpr std::int64_t first_second = -62'135'596'800;  // 0001-01-01T00:00:00Z
constexpr std::int64_t last_second = 253'402'300'799;   // 9999-12-31T23:59:59Z

struct Date {
  std::int64_t year = 1970;
  unsigned month = 1;
  unsigned day = 1;
};

// Days since 1970-01-01 and back, in the proleptic Gregorian calendar. A year begins in March, so
// that the leap day is its last; eras of 400 years repeat exactly.
std::int64_t days_of(Date date) {
  const std::int64_t year = date.year - (date.month <= 2 ? 1 : 0);
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const std::int64_t year_of_era = year - era * 400;
  const std::int64_t month = (date.month + 9) % 12;
  const std::int64_t day_of_year = (153 * month + 2) / 5 + date.day - 1;
  return era * 146'097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
         719'468;
}

Date date_of_days(std::int64_t day_count) {
  const std::int64_t shifted = day_count + 719'468;
  const std::int64_t era = (shifted >= 0 ? shifted : shifted - 146'096) / 146'097;
  const std::int64_t day_of_era = shifted - era * 146'097;
  const std::int64_t year_of_era =
      (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const std::int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t month = (5 * day_of_year + 2) / 153;
  Date date;
  date.day = static_cast<unsigned>(day_of_year - (153 * month + 2) / 5 + 1);
  date.month = static_cast<unsigned>(month < 10 ? month + 3 : month - 9);
  date.year = year_of_era + era * 400 + (date.month <= 2 ? 1 : 0);
  return date;
}

void write_digits(char* into, std::size_t count, std::int64_t value) {
  while (count-- > 0) {
    into[count] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
}

// Reads a date from left to right; every piece says whether it was there.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}
  bool literal(std::string_view expected) {
    if (!text_.starts_with(expected)) return false;
    text_.remove_prefix(expected.size());
    return true;
  }
  bool number(std::size_t digits, std::int64_t& value) {
    if (text_.size() < digits) return false;
    value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      if (!is_digit(text_[i])) return false;
      value = value * 10 + (text_[i] - '0');
    }
    text_.remove_prefix(digits);
    return true;
  }
  bool name_of_three(std::string_view names, std::int64_t& index) {
    if (text_.size() < 3) return false;
    const std::size_t at = names.find(text_.substr(0, 3));
    if (at == std::string_view::npos || at % 3 != 0) return false;
    index = static_cast<std::int64_t>(at / 3);
    text_.remove_prefix(3);
    return true;
  }
  bool long_day() {
    for (const std::string_view day : long_days)
      if (literal(day)) return true;
    return false;
  }
  bool time(std::int64_t& seconds) {
    std::int64_t hour = 0;
    std::int64_t minute = 0;
    std::int64_t second = 0;
    if (!number(2, hour) || !literal(":") || !number(2, minute) || !literal(":") ||
        !number(2, second))
      return false;
    seconds = hour * 3600 + minute * 60 +
              std::min<std::int64_t>(second, 59);  // a leap second counts as the one before
    return hour < 24 && minute < 60 && second <= 60;
  }
  bool at_end() const { return text_.empty(); }
  char peek() const { return text_.empty() ? '\0' : text_.front(); }

 private:
  std::string_view text_;
};

std::optional<std::int64_t> seconds_of(std::int64_t year, std::int64_t month_index,
                                       std::int64_t day, std::int64_t seconds) {
  const Date date{year, static_cast<unsigned>(month_index + 1), static_cast<unsigned>(day)};
  if (day < 1 || day > 31) return std::nullopt;
  const std::int64_t count = days_of(date);
  const Date back = date_of_days(count);  // 31 February comes back as another day
  if (back.day != date.day || back.month != date.month) return std::nullopt;
  return count * day_seconds + seconds;
}

// "Sun, 06 Nov 1994 08:49:37 GMT"
std::optional<std::int64_t> parse_fixdate(std::string_view text) {
  Reader reader(text);
  std::int64_t ignored = 0;
  std::int64_t day = 0;
  std::int64_t month = 0;
  std::int64_t year = 0;
  std::int64_t time = 0;
  const bool ok = reader.name_of_three(days, ignored) && reader.literal(", ") &&
                  reader.number(2, day) && reader.literal(" ") &&
                  reader.name_of_three(months, month) && reader.literal(" ") &&
                  reader.number(4, year) && reader.literal(" ") && reader.time(time) &&
                  reader.literal(" GMT") && reader.at_end();
  return ok ? seconds_of(year, month, day, time) : std::nullopt;
}

// "Sunday, 06-Nov-94 08:49:37 GMT"; a year that would lie more than fifty years ahead belongs to
// the past.
std::optional<std::int64_t> parse_rfc850(std::string_view text, std::int64_t now_seconds) {
  Reader reader(text);
  std::int64_t day = 0;
  std::int64_t month = 0;
  std::int64_t year = 0;
  std::int64_t time = 0;
  const bool ok = reader.long_day() && reader.literal(", ") && reader.number(2, day) &&
                  reader.literal("-") && reader.name_of_three(months, month) &&
                  reader.literal("-") && reader.number(2, year) && reader.literal(" ") &&
                  reader.time(time) && reader.literal(" GMT") && reader.at_end();
  if (!ok) return std::nullopt;
  const std::int64_t this_year = date_of_days(now_seconds / day_seconds).year;
  year += this_year - this_year % 100;
  if (year > this_year + 50) year -= 100;
  return seconds_of(year, month, day, time);
}

// "Sun Nov  6 08:49:37 1994"
std::optional<std::int64_t> parse_asctime(std::string_view text) {
  Reader reader(text);
  std::int64_t ignored = 0;
  std::int64_t day = 0;
  std::int64_t month = 0;
  std::int64_t year = 0;
  std::int64_t time = 0;
  if (!reader.name_of_three(days, ignored) || !reader.literal(" ") ||
      !reader.name_of_three(months, month) || !reader.literal(" "))
    return std::nullopt;
  const bool one_digit = reader.literal(" ");
  const bool ok = reader.number(one_digit ? 1 : 2, day) && reader.literal(" ") &&
                  reader.time(time) && reader.literal(" ") && reader.number(4, year) &&
                  reader.at_end();
  return ok ? seconds_of(year, month, day, time) : std::nullopt;
}

}  // namespace

void write_date(char* into, std::int64_t unix_seconds) {
  unix_seconds = std::clamp(unix_seconds, first_second, last_second);
  const std::int64_t day_count =
      (unix_seconds - (unix_seconds < 0 ? day_seconds - 1 : 0)) / day_seconds;
  const std::int64_t second = unix_seconds - day_count * day_seconds;
  const Date date = date_of_days(day_count);
  const auto weekday = static_cast<std::size_t>(((day_count % 7) + 7) % 7);
  std::memcpy(into, "Thu, 01 Jan 1970 00:00:00 GMT", date_bytes);
  days.copy(into, 3, weekday * 3);
  write_digits(into + 5, 2, date.day);
  months.copy(into + 8, 3, (date.month - 1) * 3);
  write_digits(into + 12, 4, date.year);
  write_digits(into + 17, 2, second / 3600);
  write_digits(into + 20, 2, second / 60 % 60);
  write_digits(into + 23, 2, second % 60);
}

std::string date_of(std::int64_t unix_seconds) {
  std::string text(date_bytes, ' ');
  write_date(text.data(), unix_seconds);
  return text;
}

std::optional<std::int64_t> parse_date(std::string_view text, std::int64_t now_seconds) {
  if (text.size() == date_bytes)
    if (const auto fixdate = parse_fixdate(text)) return fixdate;
  if (text.size() == 24) return parse_asctime(text);
  return parse_rfc850(text, now_seconds);
}

}  // namespace weir::http
