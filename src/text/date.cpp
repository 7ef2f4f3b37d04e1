#include "text/date.h"

#include "base/bytes.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <optional>

namespace weir::text {
namespace {

namespace chrono = std::chrono;

constexpr std::int64_t day_seconds = 86'400;
constexpr std::int64_t seconds_min = -62'167'219'200;  // 0000-01-01T00:00:00Z
constexpr std::int64_t seconds_max = 253'402'300'799;  // 9999-12-31T23:59:59Z

// Reads what RFC 3339 allows, from left to right. Each part returns false when it does not fit.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool number(std::size_t digits, std::int64_t low, std::int64_t high, std::int64_t& out) {
    if (text_.size() - at_ < digits) return false;
    const auto parsed = parse_u64(text_.substr(at_, digits));
    if (!parsed) return false;
    out = static_cast<std::int64_t>(*parsed);
    if (out < low || out > high) return false;
    at_ += digits;
    return true;
  }
  bool one_of(std::string_view characters) {
    if (at_ == text_.size() || characters.find(text_[at_]) == std::string_view::npos) return false;
    ++at_;
    return true;
  }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool at_end() const { return at_ == text_.size(); }
  std::size_t offset() const { return at_; }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

bool read_day(Reader& reader, std::int64_t& days) {
  std::int64_t year = 0;
  std::int64_t month = 0;
  std::int64_t day = 0;
  if (!reader.number(4, 0, 9999, year) || !reader.one_of("-") || !reader.number(2, 1, 12, month) ||
      !reader.one_of("-") || !reader.number(2, 1, 31, day))
    return false;
  const chrono::year_month_day date(chrono::year(static_cast<int>(year)),
                                    chrono::month(static_cast<unsigned>(month)),
                                    chrono::day(static_cast<unsigned>(day)));
  if (!date.ok()) return false;
  days = chrono::sys_days(date).time_since_epoch().count();
  return true;
}

// After the first digit, at most nine count.
bool read_fraction(Reader& reader, std::uint32_t& nanos) {
  std::size_t digits = 0;
  std::int64_t digit = 0;
  for (; reader.number(1, 0, 9, digit); ++digits)
    if (digits < 9) nanos = nanos * 10 + static_cast<std::uint32_t>(digit);
  for (std::size_t i = digits; i < 9; ++i) nanos *= 10;
  return digits > 0;
}

bool read_time(Reader& reader, std::int64_t& seconds, std::uint32_t& nanos) {
  std::int64_t hour = 0;
  std::int64_t minute = 0;
  std::int64_t second = 0;
  if (!reader.number(2, 0, 23, hour) || !reader.one_of(":") || !reader.number(2, 0, 59, minute))
    return false;
  if (reader.one_of(":")) {
    if (!reader.number(2, 0, 59, second)) return false;
    if (reader.one_of(".") && !read_fraction(reader, nanos)) return false;
  }
  seconds = (hour * 60 + minute) * 60 + second;
  return true;
}

bool read_offset(Reader& reader, std::int32_t& offset) {
  if (reader.one_of("Zz")) return true;
  const bool is_west = reader.peek() == '-';
  std::int64_t hours = 0;
  std::int64_t minutes = 0;
  if (!reader.one_of("+-") || !reader.number(2, 0, 23, hours) || !reader.one_of(":") ||
      !reader.number(2, 0, 59, minutes))
    return false;
  offset = static_cast<std::int32_t>((hours * 60 + minutes) * 60) * (is_west ? -1 : 1);
  return true;
}

// The longest date at the front, or nothing. `reader` stands behind it.
std::optional<DateTime> read_date(Reader& reader) {
  std::int64_t days = 0;
  if (!read_day(reader, days)) return std::nullopt;
  DateTime date{.seconds = days * day_seconds, .form = DateForm::date};
  if (reader.peek() != 'T' && reader.peek() != 't' && reader.peek() != ' ') return date;
  reader.one_of("Tt ");
  std::int64_t seconds = 0;
  if (!read_time(reader, seconds, date.nanos)) return std::nullopt;
  date.seconds += seconds;
  date.form = DateForm::local;
  const char next = reader.peek();
  if (next != 'Z' && next != 'z' && next != '+' && next != '-') return date;
  if (!read_offset(reader, date.offset_seconds)) return std::nullopt;
  date.seconds -= date.offset_seconds;
  date.form = DateForm::offset;
  return date;
}

}  // namespace

bool is_before(const DateTime& a, const DateTime& b) {
  return a.seconds != b.seconds ? a.seconds < b.seconds : a.nanos < b.nanos;
}

CalendarFields calendar_of(const DateTime& date) {
  const chrono::sys_seconds local(chrono::seconds(date.seconds + date.offset_seconds));
  const chrono::sys_days day = chrono::floor<chrono::days>(local);
  const chrono::year_month_day ymd(day);
  const chrono::hh_mm_ss time(local - day);
  CalendarFields fields;
  fields.year = static_cast<int>(ymd.year());
  fields.month = static_cast<unsigned>(ymd.month());
  fields.day = static_cast<unsigned>(ymd.day());
  fields.hour = static_cast<std::uint32_t>(time.hours().count());
  fields.minute = static_cast<std::uint32_t>(time.minutes().count());
  fields.second = static_cast<std::uint32_t>(time.seconds().count());
  fields.weekday = chrono::weekday(day).c_encoding();
  const chrono::sys_days first(chrono::year_month_day(ymd.year(), chrono::January, chrono::day(1)));
  fields.day_of_year = static_cast<std::uint32_t>((day - first).count() + 1);
  return fields;
}

Result<DateTime> parse_date(std::string_view text) {
  Reader reader(text);
  const std::optional<DateTime> date = read_date(reader);
  if (date && reader.at_end()) return *date;
  return Error{.what = "expected a date such as 2024-02-29 or 2024-02-29T12:00:00Z, found '" +
                       std::string(text) + "'"};
}

DatedName dated_name_of(std::string_view name) {
  // The time of a dated name ends before its '-' or '_', which an offset ("-08:00") may contain
  // itself: the longest form that is followed by a separator wins.
  DatedName result{.rest = name};
  for (std::size_t end = 10; end < name.size() && end <= 40; ++end) {
    if (name[end] != '-' && name[end] != '_') continue;
    if (!parse_date(name.substr(0, end)).ok()) continue;
    result = {true, name.substr(0, end), name.substr(end + 1)};
  }
  return result;
}

Result<DateTime> date_of_seconds(std::int64_t seconds) {
  if (seconds < seconds_min || seconds > seconds_max)
    return Error{.what = "the time " + std::to_string(seconds) + " is not in the years 0 to 9999"};
  return DateTime{.seconds = seconds, .zone = "UTC"};
}

DateTime date_of_wall(Wall wall) {
  const auto whole = chrono::floor<chrono::seconds>(Nanos(wall.ns));
  const auto nanos = static_cast<std::uint32_t>((Nanos(wall.ns) - whole).count());
  return {.seconds = whole.count(), .nanos = nanos, .zone = "UTC"};
}

std::string iso_date_of(const DateTime& date) {
  const CalendarFields fields = calendar_of(date);
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02u", fields.year, fields.month, fields.day);
  return text.data();
}

std::string rfc3339_of(const DateTime& date) {
  const CalendarFields fields = calendar_of(date);
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "T%02u:%02u:%02u", fields.hour, fields.minute,
                fields.second);
  std::string out = iso_date_of(date) + text.data();
  if (date.nanos != 0) {
    std::snprintf(text.data(), text.size(), ".%09u", date.nanos);
    std::string_view fraction = text.data();
    while (fraction.ends_with('0')) fraction.remove_suffix(1);
    out += fraction;
  }
  if (date.offset_seconds == 0) return out + 'Z';
  const unsigned minutes = static_cast<unsigned>(std::abs(date.offset_seconds)) / 60;
  std::snprintf(text.data(), text.size(), "%c%02u:%02u", date.offset_seconds < 0 ? '-' : '+',
                minutes / 60, minutes % 60);
  return out + text.data();
}

}  // namespace weir::text
